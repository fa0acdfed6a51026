//! Lists the files of a torrent to be made.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, FileType, Metadata};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use walkdir::{DirEntry, WalkDir};

use super::{Links, MAKE, SpecialFiles};
use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::hashing::{Progress, Stamp, for_each};

/// The shim reads at most 12,000,000 bencoded items from a .torrent file, and a file of a hybrid takes 30.
const MAX_FILES: usize = 375_000;

/// libtorrent reads at most 100 levels of a v2 file tree.
const MAX_DEPTH: usize = 90;

/// What to do with entries that are not plain files.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Rules {
    pub(super) links: Links,
    pub(super) special_files: SpecialFiles,
    pub(super) executables: bool,
}

/// A file, or a link that is kept as a link.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Its path on disk.
    pub(super) source: PathBuf,
    /// Its path in the torrent, beginning with the torrent's name.
    pub(super) path: PathBuf,
    pub(super) size: u64,
    pub(super) executable: bool,
    /// The target of a link, relative to the torrent's directory.
    pub(super) symlink: Option<PathBuf>,
    stamp: Option<Stamp>,
}

impl SourceFile {
    /// Examines the entry, and opens the file, so that one that cannot be read is reported before anything is
    /// hashed.
    fn look(&mut self, rules: Rules) -> Result<()> {
        if self.symlink.is_some() {
            return Ok(());
        }
        let failed = |error| Error::io(MAKE, shown(&self.source), &error);
        let metadata = File::open(&self.source).and_then(|file| file.metadata()).map_err(failed)?;
        self.size = metadata.len();
        self.executable = rules.executables && is_executable(&metadata);
        self.stamp = Some(Stamp::new(&metadata));
        Ok(())
    }

    /// When the file had been modified last as it was listed.
    pub(super) fn modified(&self) -> Option<SystemTime> {
        self.stamp.as_ref().and_then(Stamp::modified)
    }

    /// Fails if the file has changed since it was listed.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        let unchanged = match &self.stamp {
            Some(stamp) => {
                let now = Stamp::of(&self.source)
                    .map_err(|error| Error::io(MAKE, shown(&self.source), &error))?;
                now == *stamp
            }
            None => self.source.is_symlink(),
        };
        if unchanged { Ok(()) } else { Err(changed(&self.source)) }
    }
}

pub(super) fn changed(path: &Path) -> Error {
    refuse(path, "was changed while it was hashed", ErrorKind::Io)
}

fn refuse(path: &Path, why: &str, kind: ErrorKind) -> Error {
    Error::new(kind, MAKE, format!("{} {why}", shown(path)))
}

/// Returns the path for an error, quoted if it has invisible characters.
pub(super) fn shown(path: &Path) -> String {
    let text = path.to_string_lossy();
    let hidden = |c: char| c.escape_debug().len() > 1 && !matches!(c, '"' | '\'' | '\\');
    if text.chars().any(hidden) { format!("{path:?}") } else { text.into_owned() }
}

/// Lists files in the order of BEP 52: by the bytes of the names, directory by directory.
pub(super) fn walk(
    root: &Path,
    name: &OsStr,
    rules: Rules,
    progress: &Progress,
) -> Result<Vec<SourceFile>> {
    let mut walk =
        Walk { root, name, rules, progress, entries: Vec::new(), linked: HashMap::new() };
    let found = WalkDir::new(root).follow_links(rules.links == Links::Follow).sort_by_file_name();
    for entry in found {
        progress.check_cancelled(MAKE)?;
        walk.take(&entry.map_err(unlisted)?)?;
        if walk.entries.len() + progress.left_out.lock().len() > MAX_FILES {
            let why = format!("has more than {MAX_FILES} files, which no client would read");
            return Err(refuse(root, &why, ErrorKind::InvalidArgument));
        }
    }
    let mut entries = walk.entries;
    for_each(MAKE, &mut entries, |entry| {
        progress.check_cancelled(MAKE)?;
        entry.look(rules)
    })?;
    if entries.iter().all(|entry| entry.size == 0) {
        return Err(refuse(root, "has no data to share", ErrorKind::InvalidArgument));
    }
    Ok(entries)
}

fn unlisted(error: walkdir::Error) -> Error {
    let path = error.path().unwrap_or(Path::new("a directory")).to_owned();
    if let Some(ancestor) = error.loop_ancestor() {
        let why = format!("is a link that leads back to {}", shown(ancestor));
        return refuse(&path, &why, ErrorKind::InvalidArgument);
    }
    let error = error.into_io_error().unwrap_or_else(|| std::io::ErrorKind::Other.into());
    if path.is_symlink() && error.kind() == std::io::ErrorKind::NotFound {
        return refuse(&path, "is a link that leads nowhere", ErrorKind::Io);
    }
    Error::io(MAKE, shown(&path), &error)
}

struct Walk<'a> {
    root: &'a Path,
    name: &'a OsStr,
    rules: Rules,
    progress: &'a Progress,
    entries: Vec<SourceFile>,
    /// The directories that links lead to, by device and inode, each with its link.
    linked: HashMap<(u64, u64), PathBuf>,
}

impl Walk<'_> {
    fn take(&mut self, entry: &DirEntry) -> Result<()> {
        let (source, kind) = (entry.path(), entry.file_type());
        if entry.depth() > MAX_DEPTH {
            let why = format!("is more than {MAX_DEPTH} directories deep");
            return Err(refuse(source, &why, ErrorKind::InvalidArgument));
        }
        if kind.is_dir() {
            return if entry.path_is_symlink() { self.follow_once(entry) } else { Ok(()) };
        }
        if kind.is_symlink() {
            return match self.rules.links {
                Links::Keep => self.keep(source),
                Links::Skip if entry.depth() > 0 => self.leave_out(source),
                // What the given path leads to is shared.
                Links::Skip if source.is_file() => self.add(source, None),
                Links::Skip => Ok(()),
                Links::Refuse | Links::Follow => {
                    Err(refuse(source, "is a link", ErrorKind::InvalidArgument))
                }
            };
        }
        if !kind.is_file() {
            return match self.rules.special_files {
                SpecialFiles::Skip if entry.depth() > 0 => self.leave_out(source),
                _ => {
                    let why = format!("is {}, not a file", special(kind));
                    Err(refuse(source, &why, ErrorKind::InvalidArgument))
                }
            };
        }
        self.add(source, None)
    }

    fn add(&mut self, source: &Path, symlink: Option<PathBuf>) -> Result<()> {
        let path = self.path_in_torrent(source)?;
        let source = source.to_owned();
        self.entries.push(SourceFile {
            source,
            path,
            size: 0,
            executable: false,
            symlink,
            stamp: None,
        });
        self.progress.listed();
        Ok(())
    }

    fn path_in_torrent(&self, source: &Path) -> Result<PathBuf> {
        let below = source.strip_prefix(self.root).unwrap_or(source);
        let path: PathBuf =
            std::iter::once(Component::Normal(self.name)).chain(below.components()).collect();
        if path.to_str().is_none() {
            let message = format!("{source:?} has a name that is not UTF-8");
            return Err(Error::new(ErrorKind::InvalidArgument, MAKE, message));
        }
        Ok(path)
    }

    /// Follows a link, unless another link to the same directory was followed: that would list its files
    /// again, and more for each link inside it.
    #[cfg(unix)]
    fn follow_once(&mut self, entry: &DirEntry) -> Result<()> {
        use std::os::unix::fs::MetadataExt;
        let metadata = entry.metadata().map_err(unlisted)?;
        let link = entry.path();
        match self.linked.insert((metadata.dev(), metadata.ino()), link.to_owned()) {
            Some(other) => {
                let why = format!("leads to the same directory as {}", shown(&other));
                Err(refuse(link, &why, ErrorKind::InvalidArgument))
            }
            None => Ok(()),
        }
    }

    #[cfg(not(unix))]
    #[allow(clippy::unused_self)]
    fn follow_once(&mut self, _entry: &DirEntry) -> Result<()> {
        Ok(())
    }

    fn keep(&mut self, source: &Path) -> Result<()> {
        let failed = |error| Error::io(MAKE, shown(source), &error);
        let target = fs::read_link(source).map_err(failed)?;
        let symlink = source.parent().and_then(|parent| below(self.root, parent, &target));
        let Some(symlink) = symlink else {
            let why = format!("is a link that leads outside, to {}", shown(&target));
            return Err(refuse(source, &why, ErrorKind::InvalidArgument));
        };
        self.add(source, Some(symlink))
    }

    fn leave_out(&self, source: &Path) -> Result<()> {
        tracing::warn!(path = ?source, "left out of the torrent");
        self.progress.left_out.lock().push(source.to_owned());
        Ok(())
    }
}

/// Returns the target of a relative link in a directory, relative to `root`; `None` if it is outside.
fn below(root: &Path, directory: &Path, target: &Path) -> Option<PathBuf> {
    let mut found = directory.strip_prefix(root).ok()?.to_owned();
    for part in target.components() {
        match part {
            Component::Normal(name) => found.push(name),
            Component::CurDir => {}
            Component::ParentDir if found.pop() => {}
            _ => return None,
        }
    }
    (!found.as_os_str().is_empty()).then_some(found)
}

#[cfg(unix)]
fn is_executable(metadata: &Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_metadata: &Metadata) -> bool {
    false
}

#[cfg(unix)]
fn special(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

#[cfg(not(unix))]
fn special(_kind: FileType) -> &'static str {
    "a special file"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_below_the_root() {
        let below = |directory: &str, target: &str| {
            below(Path::new("/root"), Path::new(directory), Path::new(target))
        };
        assert_eq!(below("/root/a", "../b/./c"), Some("b/c".into()));
        assert_eq!(below("/root", "a"), Some("a".into()));
        for (directory, target) in [("/root", ".."), ("/root/a", "../../x"), ("/root", "/root/a")] {
            assert_eq!(below(directory, target), None, "{directory} {target}");
        }
        assert_eq!(below("/root/a", ".."), None, "the root itself is no file of the torrent");
    }
}
