//! Compares a .torrent file that was read back with the files that it was made from.

use std::path::Path;

use super::MAKE;
use super::walk::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::Metainfo;

/// Fails if a client would look for a file under another name than the one it has here, because libtorrent
/// changes names that it considers unsafe.
pub(super) fn compare(entries: &[SourceFile], read: &Metainfo) -> Result<()> {
    let mut files = read.files.iter().filter(|file| !file.pad);
    for entry in entries {
        let Some(file) = files.next() else {
            return Err(refuse(entry, "would be taken for a pad file"));
        };
        if file.path != entry.path {
            return Err(refuse(entry, &renamed(&entry.path, &file.path)));
        }
        let root = Path::new(file.path.iter().next().unwrap_or_default());
        let symlink = entry.symlink.as_ref().map(|target| root.join(target));
        if file.symlink != symlink {
            return Err(refuse(entry, "is a link to something outside the torrent"));
        }
        if file.size != entry.size {
            return Err(refuse(entry, "would have another size"));
        }
    }
    Ok(())
}

/// Creates the error. It quotes the path, so that invisible characters are shown.
fn refuse(entry: &SourceFile, why: &str) -> Error {
    let message = format!("{:?} {why}", entry.source);
    Error::new(ErrorKind::InvalidArgument, MAKE, message)
}

fn renamed(path: &Path, read: &Path) -> String {
    if path.components().count() == 2 && path.file_name() == Some(read.as_os_str()) {
        // libtorrent takes any v2 file tree with one file for that file, whatever the torrent's
        // name.
        return "is the only file of its directory, which a v2 torrent cannot distinguish from a \
                single file; make the torrent hybrid, or for the file itself"
            .into();
    }
    format!(
        "would be downloaded as {read:?}: clients change names that differ by case alone, that have \
         control characters, direction marks or backslashes, or more than 240 bytes; rename it"
    )
}
