//! Compares data on disk with its torrent.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::hashing::{HashProgress, Layout, Progress, Unreadable, hash_pieces};
use crate::metainfo::{FileEntry, Metainfo, params};
use crate::reply::{Reply, one_shot};
use crate::sys::{PieceHashes, process};

const VERIFY: &str = "verify the data";

/// Compares data on disk with its torrent, by threads of its own and without a client. Nothing is
/// changed.
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

/// Data that is being verified. Dropping it cancels.
#[derive(Debug)]
pub struct Verifying {
    progress: Arc<Progress>,
    reply: Reply<VerifyReport>,
}

/// What of a torrent's data is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VerifyReport {
    /// The files of the torrent in the order of their data, pad files aside.
    pub files: Vec<VerifiedFile>,
    /// The sum of the files' sizes in bytes, pad files aside.
    pub size: u64,
    /// How many of these bytes are in pieces that are missing or damaged.
    pub bad_size: u64,
    /// How many pieces are missing or damaged.
    pub bad_pieces: u32,
}

/// A file of a torrent, and how it is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct VerifiedFile {
    /// Below the directory that was searched.
    pub path: PathBuf,
    /// How many bytes it has in the torrent.
    pub size: u64,
    /// How it is on disk.
    pub state: FileState,
}

/// How a file of a torrent is on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum FileState {
    /// As the torrent says.
    Good,
    /// There is nothing of this name.
    Missing,
    /// There is something else of this name, such as a directory.
    NotAFile,
    /// It has so many bytes instead.
    WrongSize(u64),
    /// So many of its pieces have other data.
    Damaged(u64),
    /// It shares a damaged piece with other files, and the torrent does not tell which is damaged.
    Doubtful,
    /// It cannot be read.
    Unreadable(Error),
    /// It is not the symbolic link that the torrent has in its place (BEP 47).
    WrongLink,
}

impl FileState {
    /// Whether the file is as the torrent says.
    pub fn is_good(&self) -> bool {
        *self == Self::Good
    }
}

impl VerifyReport {
    /// Whether all files are as the torrent says.
    pub fn is_good(&self) -> bool {
        self.bad_pieces == 0 && self.files.iter().all(|file| file.state.is_good())
    }
}

impl Verifier {
    /// For the data of a torrent in `directory`, where the torrent's own file or directory is.
    pub fn new(metainfo: &Metainfo, directory: impl Into<PathBuf>) -> Self {
        Self { metainfo: metainfo.clone(), directory: directory.into() }
    }

    /// Starts to hash.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) when `directory` is not one;
    /// [`Parse`](ErrorKind::Parse) for a v2 torrent without hashes of pieces.
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
        let progress = Arc::new(Progress::default());
        let (responder, reply) = one_shot(VERIFY);
        std::thread::Builder::new()
            .name("patron-verify".into())
            .spawn({
                let progress = progress.clone();
                move || {
                    process::block_signals();
                    let files = &self.metainfo.files;
                    responder.send(verify(files, &self.directory, &layout, &hashes, &progress));
                }
            })
            .map_err(|error| Error::io(VERIFY, "a thread to hash on", &error))?;
        Ok(Verifying { progress, reply })
    }
}

impl Verifying {
    /// How far it is.
    pub fn progress(&self) -> HashProgress {
        self.progress.snapshot()
    }

    /// Stops the hashing, soon; the result is then [`Cancelled`](ErrorKind::Cancelled).
    pub fn cancel(&self) {
        self.progress.cancel();
    }

    /// Waits for the report.
    ///
    /// # Errors
    ///
    /// [`Cancelled`](ErrorKind::Cancelled). A file that cannot be read is no error, but in the report.
    pub fn wait(self) -> Result<VerifyReport> {
        self.reply.wait_until(None).unwrap_or_else(|| Err(Error::stopped(VERIFY)))
    }

    /// Waits for at most `limit`; `None` when that was not enough: look at the progress and wait again.
    pub fn wait_timeout(&self, limit: Duration) -> Option<Result<VerifyReport>> {
        self.reply.wait_timeout(limit)
    }

    /// Waits until `deadline`, without end where there is none; `None` when it has passed.
    pub fn wait_until(&self, deadline: Option<Instant>) -> Option<Result<VerifyReport>> {
        self.reply.wait_until(deadline)
    }
}

/// As [`wait`](Verifying::wait), for any async runtime. Dropping it cancels.
impl Future for Verifying {
    type Output = Result<VerifyReport>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply).poll(context)
    }
}

impl Drop for Verifying {
    fn drop(&mut self) {
        self.cancel();
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
        progress.go_on(VERIFY)?;
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

    // A damaged piece of several files is laid on those that are damaged anyway, if there are any.
    let mut suspects = BTreeSet::new();
    for piece in doubtful {
        let files = || layout.contents(piece).map(|(file, _)| file);
        if files().all(|file| damaged[file] == 0 && states[file].is_good()) {
            suspects.extend(files());
        }
    }
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

/// How the file is before its data is read.
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

/// By what the link says, or by where it ends: the target need not be there.
fn leads_to(link: &Path, target: &Path) -> bool {
    let Ok(says) = fs::read_link(link) else { return false };
    let said = link.parent().map(|parent| normal(&parent.join(says)));
    said == Some(normal(target))
        || matches!((link.canonicalize(), target.canonicalize()), (Ok(a), Ok(b)) if a == b)
}

/// Without `.` and `..`, by the text alone.
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
