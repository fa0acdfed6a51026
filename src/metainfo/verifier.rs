//! Verifies data on disk against its torrent.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::hashing::{Layout, Progress, Unreadable, hash_pieces};
use crate::metainfo::job::Hashing;
use crate::metainfo::{FileEntry, Metainfo, params};
use crate::sys::PieceHashes;

const VERIFY: &str = "verify the data";

/// Verifies data on disk against its torrent, on separate threads and without a client, and without changing
/// anything.
///
/// ```no_run
/// use torrent_patron::metainfo::{Metainfo, Verifier};
///
/// let metainfo = Metainfo::read("debian.torrent")?;
/// let report = Verifier::new(&metainfo, "downloads").start()?.wait()?;
/// for file in report.files.iter().filter(|file| !file.state.is_good()) {
///     println!("{}: {:?}", file.path.display(), file.state);
/// }
/// # Ok::<(), torrent_patron::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Verifier {
    metainfo: Metainfo,
    directory: PathBuf,
}

/// Data that is being verified.
pub type Verifying = Hashing<VerifyReport>;

/// The result of verifying a torrent's data on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VerifyReport {
    /// The files of the torrent in the order of their data, without pad files.
    pub files: Vec<VerifiedFile>,
    /// The sum of the file sizes in bytes, without pad files.
    pub size: u64,
    /// The number of bytes in pieces that are missing or damaged.
    pub bad_size: u64,
    /// The number of pieces that are missing or damaged.
    pub bad_pieces: u32,
}

/// A file of a torrent and its state on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VerifiedFile {
    /// The path below the directory that was checked.
    pub path: PathBuf,
    /// Its size in the torrent, in bytes.
    pub size: u64,
    /// Its state on disk.
    pub state: FileState,
}

/// The state of a file on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FileState {
    /// It has the right data.
    Good,
    /// It does not exist.
    Missing,
    /// Something else has its name, for example a directory.
    NotAFile,
    /// It has this size instead, in bytes.
    WrongSize(u64),
    /// This many of its pieces have wrong data.
    Damaged(u64),
    /// It shares a damaged piece with other files, and the torrent does not say which file is
    /// damaged.
    Doubtful,
    /// It cannot be read.
    Unreadable(Error),
    /// It is not the symbolic link that the torrent has there (BEP 47).
    WrongLink,
}

impl FileState {
    /// Returns whether the file has the right data.
    pub fn is_good(&self) -> bool {
        *self == Self::Good
    }
}

impl VerifyReport {
    /// Returns whether all files have the right data.
    pub fn is_good(&self) -> bool {
        self.bad_pieces == 0 && self.files.iter().all(|file| file.state.is_good())
    }
}

impl Verifier {
    /// Creates a verifier for a torrent's data in `directory`, which contains the torrent's file or
    /// directory.
    pub fn new(metainfo: &Metainfo, directory: impl Into<PathBuf>) -> Self {
        Self { metainfo: metainfo.clone(), directory: directory.into() }
    }

    /// Starts hashing.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if `directory` is not a directory;
    /// [`Parse`](ErrorKind::Parse) for a v2 torrent without piece hashes.
    ///
    /// The result may be [`Cancelled`](ErrorKind::Cancelled). A file that cannot be read is not an error; it
    /// is in the report.
    pub fn start(self) -> Result<Verifying> {
        if !self.directory.is_dir() {
            let message = format!("{} is not a directory", self.directory.display());
            return Err(Error::new(ErrorKind::InvalidArgument, VERIFY, message));
        }
        let torrent = params(self.metainfo.torrent_file())?;
        let native = |exception| Error::from_native(VERIFY, &exception);
        let hashes = torrent
            .piece_hashes(self.metainfo.torrent_file())
            .map_err(|exception| native(exception).with_kind(ErrorKind::Parse))?;
        let info_hashes = &self.metainfo.info_hashes;
        let layout = Layout::new(
            &torrent.layout().map_err(native)?,
            info_hashes.v1.is_some(),
            info_hashes.v2.is_some(),
        );
        Hashing::start(VERIFY, "patron-verify", move |progress| {
            verify(&self.metainfo.files, &self.directory, &layout, &hashes, progress)
        })
    }
}

fn verify(
    files: &[FileEntry],
    directory: &Path,
    layout: &Layout,
    expected: &[PieceHashes],
    progress: &Progress,
) -> Result<VerifyReport> {
    let mut states = Vec::with_capacity(files.len());
    for file in files {
        progress.check_cancelled(VERIFY)?;
        states.push(if file.pad { FileState::Good } else { look_at(file, directory) });
        progress.listed();
    }
    let readable: Vec<bool> = states
        .iter()
        .map(|state| matches!(state, FileState::Good | FileState::WrongSize(_)))
        .collect();
    let source = |file: usize| readable[file].then(|| directory.join(&files[file].path));

    let mut report = VerifyReport { files: Vec::new(), size: 0, bad_size: 0, bad_pieces: 0 };
    let mut damaged = vec![0; files.len()];
    let mut doubtful = Vec::new();
    hash_pieces(VERIFY, layout, &source, progress, |piece, found| {
        let found = match found {
            Ok(hashes) if hashes == expected[piece as usize] => return Ok(()),
            other => other,
        };
        report.bad_pieces += 1;
        report.bad_size +=
            layout.contents(piece).map(|(_, range)| range.end - range.start).sum::<u64>();
        match found {
            Err(Unreadable { file, error }) if error.kind() == io::ErrorKind::UnexpectedEof => {
                damaged[file] += 1;
            }
            Err(Unreadable { file, error }) if states[file] == FileState::Good => {
                let error = Error::io(VERIFY, files[file].path.display(), &error);
                states[file] = FileState::Unreadable(error);
            }
            Err(_) => {}
            Ok(_) => {
                let mut parts = layout.contents(piece).map(|(file, _)| file);
                match (parts.next(), parts.next()) {
                    (Some(file), None) => damaged[file] += 1,
                    _ => doubtful.push(piece),
                }
            }
        }
        Ok(())
    })?;

    let is_good = |file: usize| damaged[file] == 0 && states[file].is_good();
    let suspects = suspects(layout, &doubtful, is_good);
    for (index, (file, state)) in files.iter().zip(states).enumerate() {
        if file.pad {
            continue;
        }
        let state = match state {
            FileState::Good if damaged[index] > 0 => FileState::Damaged(damaged[index]),
            FileState::Good if suspects.contains(&index) => FileState::Doubtful,
            state => state,
        };
        report.size += file.size;
        report.files.push(VerifiedFile { path: file.path.clone(), size: file.size, state });
    }
    Ok(report)
}

/// Returns the files that may be damaged. A damaged piece in several files is attributed to those that are
/// known to be damaged, if any.
fn suspects(layout: &Layout, doubtful: &[u32], is_good: impl Fn(usize) -> bool) -> BTreeSet<usize> {
    let mut suspects = BTreeSet::new();
    for piece in doubtful {
        let files = || layout.contents(*piece).map(|(file, _)| file);
        if files().all(&is_good) {
            suspects.extend(files());
        }
    }
    suspects
}

/// Returns the state of a file, as far as it is known without reading the data.
fn look_at(file: &FileEntry, directory: &Path) -> FileState {
    let path = directory.join(&file.path);
    if let Some(target) = &file.symlink {
        return match fs::symlink_metadata(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => FileState::Missing,
            _ if leads_to(&path, &directory.join(target)) => FileState::Good,
            _ => FileState::WrongLink,
        };
    }
    match fs::metadata(&path) {
        Ok(found) => of_size(&found, file.size),
        Err(error) if is_missing(&error) => FileState::Missing,
        Err(error) => FileState::Unreadable(Error::io(VERIFY, file.path.display(), &error)),
    }
}

fn of_size(found: &Metadata, size: u64) -> FileState {
    match found.len() {
        _ if !found.is_file() => FileState::NotAFile,
        length if length == size => FileState::Good,
        length => FileState::WrongSize(length),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Compares the text of the link, or the path that it leads to. The target need not exist.
fn leads_to(link: &Path, target: &Path) -> bool {
    let Ok(says) = fs::read_link(link) else { return false };
    let said = link.parent().map(|parent| normal(&parent.join(says)));
    said == Some(normal(target))
        || matches!((link.canonicalize(), target.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Resolves `.` and `..` in the text, without looking at the disk.
fn normal(path: &Path) -> PathBuf {
    let mut found = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir
                if matches!(found.components().next_back(), Some(Component::Normal(_))) =>
            {
                found.pop();
            }
            part => found.push(part),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_compared_without_detours() {
        for (path, expected) in
            [("a/./b/../c", "a/c"), ("../a", "../a"), ("/a/../b", "/b"), ("a/../../b", "../b")]
        {
            assert_eq!(normal(Path::new(path)), Path::new(expected));
        }
    }
}
