//! Making torrents of files and directories.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
#[cfg(feature = "capi")]
use std::time::Instant;
use std::time::{Duration, SystemTime};

use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::metainfo::Metainfo;
use crate::reply::{Reply, one_shot};
use crate::url;

const MAKE: &str = "make the torrent";

/// Which versions of the protocol a torrent is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Protocol {
    /// BitTorrent v1 (BEP 3) alone.
    V1,
    /// BitTorrent v2 (BEP 52) alone.
    V2,
    /// Both swarms share the files (BEP 52).
    #[default]
    Hybrid,
}

/// Makes a .torrent file of a file or a directory.
///
/// The hashing is done by a thread of its own, never by a client's.
///
/// ```no_run
/// use torrent_patron::TorrentMaker;
///
/// let metainfo = TorrentMaker::new("holiday-pictures")
///     .tracker(0, "http://127.0.0.1:6969/announce")
///     .comment("summer")
///     .start()?
///     .wait()?;
/// std::fs::write("holiday-pictures.torrent", &metainfo.torrent_file()[..])?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
}

impl TorrentMaker {
    /// For the file or directory at `path`.
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
        }
    }

    /// For which versions of the protocol; hybrid unless said otherwise.
    #[must_use]
    pub fn protocol(mut self, protocol: Protocol) -> Self {
        self.protocol = protocol;
        self
    }

    /// Bytes of a piece: a power of two, at least 16 KiB. Chosen by the size of the data unless
    /// said.
    #[must_use]
    pub fn piece_length(mut self, bytes: u32) -> Self {
        self.piece_length = bytes;
        self
    }

    /// Adds a tracker to a tier; tier 0 is tried first (BEP 12).
    #[must_use]
    pub fn tracker(mut self, tier: u8, url: impl Into<String>) -> Self {
        self.trackers.push((tier, url.into()));
        self
    }

    /// Adds a web seed (BEP 19): the URL of the file, or of the directory that has the shared file or
    /// directory, ending in a slash. Of a single file for v2 alone, libtorrent knows only the latter.
    #[must_use]
    pub fn web_seed(mut self, url: impl Into<String>) -> Self {
        self.web_seeds.push(url.into());
        self
    }

    /// Only the trackers may give peers (BEP 27).
    #[must_use]
    pub fn private(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// A remark for those who read the file.
    #[must_use]
    pub fn comment(mut self, comment: impl Into<String>) -> Self {
        self.comment = comment.into();
        self
    }

    /// The program that makes it; this crate's name and version unless said.
    #[must_use]
    pub fn creator(mut self, creator: impl Into<String>) -> Self {
        self.creator = creator.into();
        self
    }

    /// When it was made; now unless said. A fixed date makes the file reproducible.
    #[must_use]
    pub fn creation_date(mut self, date: SystemTime) -> Self {
        self.creation_date = Some(date);
        self
    }

    /// Starts to hash, on a thread of its own.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a piece length that is no power of two
    /// or below 16 KiB, and for an invalid tracker or web seed; [`Io`](ErrorKind::Io) when the path cannot be read. What fails later is told
    /// by [`Making::wait`].
    pub fn start(self) -> Result<Making> {
        let recipe = self.recipe()?;
        let progress = Arc::new(Progress::default());
        let (responder, reply) = one_shot(MAKE);
        let path = self.path;
        let observer = ffi::PieceObserver(Box::new({
            let progress = progress.clone();
            move |pieces, of| progress.advance(pieces, of)
        }));
        std::thread::Builder::new()
            .name("torrent-maker".into())
            .spawn({
                let progress = progress.clone();
                move || responder.send(make(&recipe, &path, observer, &progress))
            })
            .map_err(|error| Error::io(MAKE, "a thread to hash on", &error))?;
        Ok(Making { progress, reply })
    }

    fn recipe(&self) -> Result<ffi::RecipeRecord> {
        let length = self.piece_length;
        let sound = length.is_power_of_two() && (16 * 1024..=512 << 20).contains(&length);
        if length != 0 && !sound {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                MAKE,
                format!(
                    "a piece length is a power of two from 16 KiB to 512 MiB, not {length} bytes"
                ),
            ));
        }
        let invalid = |why: String| Error::new(ErrorKind::InvalidArgument, MAKE, why);
        let tracker = |(tier, url): &(u8, String)| {
            let url = url::tracker(url).map_err(invalid)?;
            Ok(ffi::TrackerRecord { url, tier: (*tier).into() })
        };
        let web_seed = |url: &String| url::web_seed(url).map_err(invalid);
        // Absolute and without `.`, `..` or a slash at the end: the torrent's name is the last part.
        let path = self
            .path
            .canonicalize()
            .map_err(|error| Error::io(MAKE, self.path.display(), &error))?;
        if path.file_name().is_none() {
            let message = format!("{} has no name to give to the torrent", path.display());
            return Err(Error::new(ErrorKind::InvalidArgument, MAKE, message));
        }
        let date = self.creation_date.unwrap_or_else(SystemTime::now);
        let since_1970 = date.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        Ok(ffi::RecipeRecord {
            path: path.into_os_string().into_encoded_bytes(),
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

fn make(
    recipe: &ffi::RecipeRecord,
    path: &Path,
    observer: ffi::PieceObserver,
    progress: &Progress,
) -> Result<Metainfo> {
    let bytes = ffi::make_metainfo(recipe, Box::new(observer)).map_err(|exception| {
        if progress.cancelled.load(Ordering::Relaxed) {
            Error::new(ErrorKind::Cancelled, MAKE, "it was cancelled").on(path.display())
        } else {
            Error::from_native(MAKE, &exception).on(path.display())
        }
    })?;
    Metainfo::decode(&bytes)
}

/// A torrent in the making. Dropping it cancels.
#[derive(Debug)]
pub struct Making {
    progress: Arc<Progress>,
    reply: Reply<Metainfo>,
}

/// Counts alone: nothing else is read by what they say, so no ordering is needed.
#[derive(Debug, Default)]
struct Progress {
    pieces: AtomicU64,
    of: AtomicU64,
    cancelled: AtomicBool,
}

impl Progress {
    fn advance(&self, pieces: u64, of: u64) -> bool {
        self.of.store(of, Ordering::Relaxed);
        self.pieces.store(pieces, Ordering::Relaxed);
        !self.cancelled.load(Ordering::Relaxed)
    }
}

impl Making {
    /// How many pieces are hashed, and of how many; `(0, 0)` while the files are being listed.
    pub fn progress(&self) -> (u64, u64) {
        (self.progress.pieces.load(Ordering::Relaxed), self.progress.of.load(Ordering::Relaxed))
    }

    /// Stops the hashing at the next piece; the result is then
    /// [`Cancelled`](ErrorKind::Cancelled).
    pub fn cancel(&self) {
        self.progress.cancelled.store(true, Ordering::Relaxed);
    }

    /// Waits for the metainfo.
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) when a file cannot be read, [`Native`](ErrorKind::Native) when there is
    /// no data to share, [`Cancelled`](ErrorKind::Cancelled).
    pub fn wait(mut self) -> Result<Metainfo> {
        std::mem::replace(&mut self.reply, Reply::ready(Err(Error::stopped(MAKE)))).wait()
    }

    /// Waits for at most `limit`; see [`Reply::wait_timeout`].
    ///
    /// # Errors
    ///
    /// The outer one is [`TimedOut`](ErrorKind::TimedOut): look at the progress and wait again.
    pub fn wait_timeout(&mut self, limit: Duration) -> Result<Result<Metainfo>> {
        self.reply.wait_timeout(limit)
    }
}

impl Making {
    /// As [`Reply::wait_until`].
    #[cfg(feature = "capi")]
    pub(crate) fn wait_until(&self, deadline: Option<Instant>) -> Option<Result<Metainfo>> {
        self.reply.wait_until(deadline)
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        self.cancel();
    }
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
}
