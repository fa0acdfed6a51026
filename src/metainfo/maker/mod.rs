//! Makes .torrent files for files and directories.

mod readback;
mod walk;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use cxx::UniquePtr;

use self::walk::{Rules, SourceFile};
use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::Metainfo;
use crate::metainfo::hashing::{Layout, Progress, Unreadable, for_each, hash_pieces};
use crate::metainfo::job::Hashing;
use crate::model::url;
use crate::sys;

const MAKE: &str = "make the torrent";

/// The size below which hashing takes less time than reading back a torrent with many files.
const SMALL: u64 = 256 << 20;

/// How long the files of a large torrent must not have been modified when it is made.
const QUIET: Duration = Duration::from_millis(1500);

/// The protocol versions of a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Protocol {
    /// Only BitTorrent v1 (BEP 3).
    V1,
    /// Only BitTorrent v2 (BEP 52).
    V2,
    /// Both versions; the two swarms share the files (BEP 52).
    #[default]
    Hybrid,
}

/// What to do with symbolic links in a shared directory. The path itself may be a link; the torrent
/// then has the link's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Links {
    /// The target of a link is shared as if it were in the link's place. It is an error if a link leads
    /// nowhere or to a directory above it, or if two links lead to the same directory.
    #[default]
    Follow,
    /// Links are an error.
    Refuse,
    /// Links are skipped; see [`Making::left_out`].
    Skip,
    /// A link is shared as a link (BEP 47). It is an error if its target is not in the torrent.
    Keep,
}

/// What to do with FIFOs, devices and sockets in a shared directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum SpecialFiles {
    /// They are errors.
    #[default]
    Refuse,
    /// They are skipped; see [`Making::left_out`].
    Skip,
}

/// Makes a .torrent file for a file or a directory.
///
/// Files are listed and hashed on separate threads, never on a client's. Directories are listed in
/// the byte order of the names, so the info hashes depend only on names, contents and these
/// options. It is an error, which names the file, if a file cannot be read, changes in the
/// meantime, or would be downloaded under another name.
///
/// ```no_run
/// use torrent_patron::metainfo::TorrentMaker;
///
/// let metainfo = TorrentMaker::new("holiday-pictures")
///     .add_tracker("http://127.0.0.1:6969/announce", 0)
///     .comment("summer")
///     .start()?
///     .wait()?;
/// std::fs::write("holiday-pictures.torrent", &metainfo.torrent_file()[..])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
#[derive(Debug, Clone)]
pub struct TorrentMaker {
    path: PathBuf,
    protocol: Protocol,
    piece_length: u32,
    trackers: Vec<(u8, String)>,
    web_seeds: Vec<String>,
    private: bool,
    comment: String,
    creator: String,
    creation_date: Option<SystemTime>,
    rules: Rules,
}

impl TorrentMaker {
    /// Creates a maker for the file or directory at `path`.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            protocol: Protocol::default(),
            piece_length: 0,
            trackers: Vec::new(),
            web_seeds: Vec::new(),
            private: false,
            comment: String::new(),
            creator: concat!("torrent-patron/", env!("CARGO_PKG_VERSION")).into(),
            creation_date: None,
            rules: Rules::default(),
        }
    }

    /// Sets the protocol versions; hybrid by default.
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Sets the piece length in bytes: a power of two from 16 KiB to 512 MiB. By default it depends on
    /// the size of the data.
    pub fn piece_length(mut self, bytes: u32) -> Self {
        self.piece_length = bytes;
        self
    }

    /// Adds a tracker to a tier; tier 0 is tried first (BEP 12).
    pub fn add_tracker(mut self, url: impl Into<String>, tier: u8) -> Self {
        self.trackers.push((tier, url.into()));
        self
    }

    /// Adds a web seed (BEP 19): the URL of the file, or, with a slash at the end, of the directory
    /// that contains the shared file or directory. For a single file that is v2 only, libtorrent
    /// supports only the latter.
    pub fn add_web_seed(mut self, url: impl Into<String>) -> Self {
        let url = url.into();
        if !self.web_seeds.contains(&url) {
            self.web_seeds.push(url);
        }
        self
    }

    /// Marks the torrent as private: peers may come only from trackers (BEP 27).
    pub fn private(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// Sets a comment for users.
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// Sets the name of the program that made the file; by default, this crate's name and version.
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = creator.into();
        self
    }

    /// Sets the creation date; by default, the current time. A fixed date makes the file reproducible.
    pub fn creation_date(mut self, date: SystemTime) -> Self {
        self.creation_date = Some(date);
        self
    }

    /// Sets what to do with symbolic links; by default they are followed.
    pub fn links(mut self, links: Links) -> Self {
        self.rules.links = links;
        self
    }

    /// Sets what to do with FIFOs, devices and sockets; by default they are refused.
    pub fn special_files(mut self, special_files: SpecialFiles) -> Self {
        self.rules.special_files = special_files;
        self
    }

    /// Sets whether the torrent records which files their owner may execute (BEP 47). Off by default, because
    /// not every file system supports it.
    pub fn executables(mut self, executables: bool) -> Self {
        self.rules.executables = executables;
        self
    }

    /// Starts to list and hash the files on separate threads. A torrent of more than 256 MiB is
    /// only created once its files have been unchanged for 1.5 seconds.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if the piece length is not a power of two from
    /// 16 KiB to 512 MiB, or if the URL of a tracker or web seed is invalid; [`Io`](ErrorKind::Io) if
    /// the path cannot be read.
    ///
    /// The result may be: [`Io`](ErrorKind::Io) if a file or directory cannot be read or changes in the
    /// meantime; [`InvalidArgument`](ErrorKind::InvalidArgument) if there is no data to share, if something
    /// is neither a file nor a directory, or if a client would change a name; [`Native`](ErrorKind::Native)
    /// if libtorrent refuses; [`Cancelled`](ErrorKind::Cancelled).
    pub fn start(self) -> Result<Making> {
        let record = self.record()?;
        let (root, name) = root_and_name(&self.path)?;
        let rules = self.rules;
        Hashing::start(MAKE, "patron-maker", move |progress| {
            let entries = walk::walk(&root, &name, rules, progress)?;
            make(record, entries, &root, progress)
        })
    }

    /// Describes everything except the files.
    fn record(&self) -> Result<sys::NewTorrentRecord> {
        let length = self.piece_length;
        let sound = length.is_power_of_two() && (16 * 1024..=512 << 20).contains(&length);
        if length != 0 && !sound {
            let message = format!(
                "{length} bytes is not a power of two from 16 KiB to 512 MiB, as a piece is"
            );
            return Err(Error::new(ErrorKind::InvalidArgument, MAKE, message));
        }
        let invalid = |why: String| Error::new(ErrorKind::InvalidArgument, MAKE, why);
        let tracker = |(tier, url): &(u8, String)| {
            let url = url::tracker(url).map_err(invalid)?;
            Ok(sys::TrackerRecord { url, tier: (*tier).into() })
        };
        let web_seed = |url: &String| url::web_seed(url).map_err(invalid);
        let date = self.creation_date.unwrap_or_else(SystemTime::now);
        let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Ok(sys::NewTorrentRecord {
            files: Vec::new(),
            piece_length: length.try_into().unwrap_or(i32::MAX),
            v1: self.protocol != Protocol::V2,
            v2: self.protocol != Protocol::V1,
            is_private: self.private,
            comment: self.comment.clone(),
            creator: self.creator.clone(),
            creation_date: since_1970.as_secs().try_into().unwrap_or(i64::MAX),
            trackers: self.trackers.iter().map(tracker).collect::<Result<_>>()?,
            web_seeds: self.web_seeds.iter().map(web_seed).collect::<Result<_>>()?,
        })
    }
}

/// A torrent that is being made.
pub type Making = Hashing<Metainfo>;

impl Making {
    /// Returns the files that were skipped so far because of [`Links::Skip`] and [`SpecialFiles::Skip`].
    pub fn left_out(&self) -> Vec<PathBuf> {
        self.so_far().left_out.lock().clone()
    }
}

/// Returns the file or directory to share, and its name: the last part of the path as given, even if that is
/// a link.
fn root_and_name(path: &Path) -> Result<(PathBuf, OsString)> {
    let failed = |error| Error::io(MAKE, walk::shown(path), &error);
    path.metadata().map_err(failed)?;
    let root = match path.file_name() {
        Some(_) => std::path::absolute(path).map_err(failed)?,
        // `.` and `..` get the name of the directory.
        None => path.canonicalize().map_err(failed)?,
    };
    match root.file_name() {
        Some(name) => Ok((root.clone(), name.to_owned())),
        None => {
            let message = format!("{} has no name to give to the torrent", walk::shown(path));
            Err(Error::new(ErrorKind::InvalidArgument, MAKE, message))
        }
    }
}

fn make(
    mut record: sys::NewTorrentRecord,
    mut entries: Vec<SourceFile>,
    root: &Path,
    progress: &Progress,
) -> Result<Metainfo> {
    record.files = entries.iter().map(file_record).collect();
    let native = |exception| Error::from_native(MAKE, &exception).on(walk::shown(root));
    let is_large = entries.iter().map(|entry| entry.size).sum::<u64>() > SMALL;
    // If hashing takes long, the names are also read back before it.
    if is_large {
        read_back(&sys::preview(&record).map_err(native)?, &mut record, &entries)?;
    }
    let mut torrent = sys::new_torrent(&record).map_err(native)?;
    hash(&mut torrent, &record, &entries, progress)?;
    let made = read_back(&torrent.encode().map_err(native)?, &mut record, &entries)?;
    if is_large {
        await_writers(&entries, progress)?;
    }
    // At the very end, because this takes some time too.
    for_each(MAKE, &mut entries, |entry| {
        progress.check_cancelled(MAKE)?;
        entry.check_unchanged()
    })?;
    Ok(made)
}

/// Waits until no file has been modified for a while. A program that is still writing one may pause for
/// longer than hashing takes.
fn await_writers(entries: &[SourceFile], progress: &Progress) -> Result<()> {
    let Some(newest) = entries.iter().filter_map(SourceFile::modified).max() else { return Ok(()) };
    // Ignore modification times in the future.
    while newest.elapsed().is_ok_and(|since| since < QUIET) {
        progress.check_cancelled(MAKE)?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

/// Checks that a client would find these files under the same names.
fn read_back(
    bytes: &[u8],
    record: &mut sys::NewTorrentRecord,
    entries: &[SourceFile],
) -> Result<Metainfo> {
    let failed = |error: Error| error.in_operation(MAKE).on("libtorrent would not read it");
    match Metainfo::decode(bytes) {
        Ok(read) => readback::compare(entries, &read).map(|()| read),
        Err(error) => {
            if record.v1 && record.v2 {
                // If the two file lists of a hybrid differ, libtorrent does not say in which file.
                for v1 in [true, false] {
                    (record.v1, record.v2) = (v1, !v1);
                    let half = sys::preview(record)
                        .map_err(|exception| Error::from_native(MAKE, &exception))?;
                    readback::compare(entries, &Metainfo::decode(&half).map_err(failed)?)?;
                }
            }
            Err(failed(error))
        }
    }
}

fn file_record(entry: &SourceFile) -> sys::NewFileRecord {
    let bytes = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
    sys::NewFileRecord {
        path: bytes(&entry.path),
        size: entry.size.try_into().unwrap_or(i64::MAX),
        executable: entry.executable,
        symlink: entry.symlink.as_deref().map(bytes).unwrap_or_default(),
    }
}

fn hash(
    torrent: &mut UniquePtr<sys::NewTorrent>,
    record: &sys::NewTorrentRecord,
    entries: &[SourceFile],
    progress: &Progress,
) -> Result<()> {
    let native = |exception| Error::from_native(MAKE, &exception);
    let layout = Layout::new(&torrent.layout().map_err(native)?, record.v1, record.v2);
    let mut sources = vec![None; layout.file_count()];
    for (file, entry) in layout.real_files().zip(entries) {
        sources[file] = Some(&*entry.source);
    }
    let source = |file: usize| sources[file].map(Path::to_owned);
    hash_pieces(MAKE, &layout, &source, progress, |piece, hashes| {
        let hashes = hashes.map_err(|Unreadable { file, error }| {
            let path = sources[file].unwrap_or(Path::new("a pad file"));
            if error.kind() == std::io::ErrorKind::UnexpectedEof {
                walk::changed(path)
            } else {
                Error::io(MAKE, walk::shown(path), &error)
            }
        })?;
        let (file, piece_of_file) = layout.owner(piece).unwrap_or_default();
        let number = |number: usize| i32::try_from(number).unwrap_or(i32::MAX);
        let (piece, piece_of_file) = (number(piece as usize), number(piece_of_file as usize));
        torrent.pin_mut().set_hashes(piece, number(file), piece_of_file, &hashes).map_err(native)
    })
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn protocols_in_json() {
        for (protocol, name) in [
            (Protocol::V1, r#""v1""#),
            (Protocol::V2, r#""v2""#),
            (Protocol::Hybrid, r#""hybrid""#),
        ] {
            assert_eq!(serde_json::to_string(&protocol).unwrap(), name);
            assert_eq!(serde_json::from_str::<Protocol>(name).unwrap(), protocol);
        }
    }

    #[test]
    fn choices_in_json() {
        for (links, name) in [
            (Links::Follow, r#""follow""#),
            (Links::Refuse, r#""refuse""#),
            (Links::Skip, r#""skip""#),
            (Links::Keep, r#""keep""#),
        ] {
            assert_eq!(serde_json::to_string(&links).unwrap(), name);
            assert_eq!(serde_json::from_str::<Links>(name).unwrap(), links);
        }
        for (special, name) in
            [(SpecialFiles::Refuse, r#""refuse""#), (SpecialFiles::Skip, r#""skip""#)]
        {
            assert_eq!(serde_json::to_string(&special).unwrap(), name);
            assert_eq!(serde_json::from_str::<SpecialFiles>(name).unwrap(), special);
        }
    }
}
