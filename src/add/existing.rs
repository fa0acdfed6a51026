//! Checks files that already exist at the paths of a new torrent's files.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::hashing::{Layout, hash_piece};
use crate::model::op;
use crate::sys::{self, DescriptionRecord, FileRecord, TorrentParams};

/// How many pieces of a file are hashed to find a correct one.
const SAMPLES: usize = 16;

/// Refuses the torrent if one of its files exists and is longer than it should be.
pub(super) fn refuse_longer(described: &DescriptionRecord, directory: &Path) -> Result<()> {
    match existing(described, directory).find(|(_, file, _, found)| found.len() > length(file)) {
        Some((_, file, path, found)) => Err(too_long(&path, found.len(), file)),
        None => Ok(()),
    }
}

/// Refuses the torrent if a file that its resume data claims data of is missing, or if one is longer than it should
/// be. A file that was deleted or moved away would otherwise be downloaded again without any report.
pub(super) fn refuse_changed(described: &DescriptionRecord, directory: &Path) -> Result<()> {
    for (_, file, path) in files(described, directory) {
        match fs::metadata(&path) {
            Ok(found) if found.len() > length(file) => {
                return Err(too_long(&path, found.len(), file));
            }
            Err(error) if file.claimed && file.size > 0 && is_missing(&error) => {
                return Err(Error::io(op::ADD, path.display(), &error).at_disk());
            }
            _ => {}
        }
    }
    Ok(())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Refuses the torrent if a file exists that contains none of its data: one that is not a regular file, is
/// longer, or in which no piece is correct. (A file of an earlier download has its full length, and holes where
/// pieces are missing.) `torrent` returns the .torrent file, if there is one.
pub(super) fn refuse_foreign(
    params: &TorrentParams,
    described: &DescriptionRecord,
    directory: &Path,
    torrent: impl FnOnce() -> Option<Arc<[u8]>>,
) -> Result<()> {
    let mut doubtful = Vec::new();
    for (index, file, path, found) in existing(described, directory) {
        if !found.is_file() {
            return Err(refused(&path, "it exists and is not a regular file"));
        }
        if found.len() > length(file) {
            return Err(too_long(&path, found.len(), file));
        }
        if found.len() > 0 {
            doubtful.push((index, found.len()));
        }
    }
    if doubtful.is_empty() {
        return Ok(());
    }
    let path = |file: usize| directory.join(&described.files[file].path);
    let is_written = |file: usize, range: Range<u64>| {
        !sys::has_hole(path(file).as_os_str().as_encoded_bytes(), range.start, range.end)
    };
    // Such a file has only begun, or is small and shares all of its pieces with others.
    let cannot_tell = |file: usize, found: u64| {
        found == length(&described.files[file]) || !is_written(file, 0..found)
    };
    let foreign =
        |file| Err(refused(&path(file), "it exists and contains no data of this torrent"));
    let (v1, v2) = (!described.v1.is_empty(), !described.v2.is_empty());
    let torrent = torrent();
    // Resume data, and a .torrent file without piece layers, do not have the v2 hashes.
    let Ok(hashes) = params.piece_hashes(torrent.as_deref().unwrap_or_default()) else {
        let mut doubtful = doubtful.into_iter();
        let found = doubtful.find(|(file, found)| !cannot_tell(*file, *found));
        return found.map_or(Ok(()), |(file, _)| foreign(file));
    };
    let native = |exception| Error::from_native(op::ADD, &exception);
    let layout = Layout::new(&params.layout().map_err(native)?, v1, v2);
    for (file, found) in doubtful {
        let mut samples = layout
            .whole_pieces(file, SAMPLES)
            .filter(|piece| layout.contents(*piece).all(|(_, range)| is_written(file, range)))
            .peekable();
        let right = |piece: u32| {
            hash_piece(&layout, &|file| Some(path(file)), piece)
                .is_ok_and(|found| found == hashes[piece as usize])
        };
        let cannot_tell = samples.peek().is_none() && cannot_tell(file, found);
        if !cannot_tell && !samples.any(right) {
            return foreign(file);
        }
    }
    Ok(())
}

/// Returns the files that are longer than they should be, with the lengths that they should have.
pub(super) fn longer(described: &DescriptionRecord, directory: &Path) -> Vec<(PathBuf, u64)> {
    existing(described, directory)
        .filter(|(_, file, _, found)| found.is_file() && found.len() > length(file))
        .map(|(_, file, path, _)| (path, length(file)))
        .collect()
}

pub(super) fn cut(path: &Path, length: u64) -> Result<()> {
    let opened = fs::File::options().write(true).open(path);
    opened
        .and_then(|opened| opened.set_len(length))
        .map_err(|error| Error::io(op::ADD, path.display(), &error).at_disk())
}

/// Returns each file that exists, with its index.
fn existing<'a>(
    described: &'a DescriptionRecord,
    directory: &'a Path,
) -> impl Iterator<Item = (usize, &'a FileRecord, PathBuf, fs::Metadata)> {
    files(described, directory).filter_map(|(index, file, path)| {
        // A file that cannot be examined is reported when it is used.
        let found = fs::metadata(&path).ok()?;
        Some((index, file, path, found))
    })
}

/// Returns each file that the torrent would create, with its index. libtorrent itself replaces no symbolic links.
fn files<'a>(
    described: &'a DescriptionRecord,
    directory: &'a Path,
) -> impl Iterator<Item = (usize, &'a FileRecord, PathBuf)> {
    let files = described.files.iter().enumerate();
    files
        .filter(|(_, file)| !file.pad && file.symlink.is_empty())
        .map(|(index, file)| (index, file, directory.join(&file.path)))
}

fn length(file: &FileRecord) -> u64 {
    file.size.unsigned_abs()
}

fn too_long(path: &Path, found: u64, file: &FileRecord) -> Error {
    refused(path, &format!("it exists with {found} bytes, but has {} in the torrent", file.size))
}

fn refused(path: &Path, why: &str) -> Error {
    Error::new(ErrorKind::Exists, op::ADD, format!("{}: {why}", path.display()))
}
