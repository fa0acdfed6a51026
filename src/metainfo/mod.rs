//! .torrent files and magnet links: reading and making them, and verifying data on disk.

pub(crate) mod hashing;
mod job;
pub(crate) mod magnet;
mod maker;
mod urls;
mod verifier;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cxx::UniquePtr;

pub use self::hashing::HashProgress;
pub use self::job::Hashing;
pub use self::magnet::Magnet;
pub use self::maker::{Links, Making, Protocol, SpecialFiles, TorrentMaker};
pub use self::verifier::{FileState, VerifiedFile, Verifier, VerifyReport, Verifying};

pub(crate) use self::urls::Urls;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{InfoHashes, Tracker};
use crate::sys;
use crate::text::printable;

/// The largest .torrent file that is read, in bytes. libtorrent's limit of 2,097,152 pieces allows
/// for 40 MiB of v1 hashes.
pub const MAX_METAINFO_SIZE: u64 = 64 * 1024 * 1024;

const READ: &str = "read the metainfo";

/// The contents of a .torrent file (BEP 3, BEP 52).
///
/// ```no_run
/// let metainfo = torrent_patron::metainfo::Metainfo::read("debian.torrent")?;
/// println!("{}: {} bytes in {} files", metainfo.name, metainfo.total_size, metainfo.files.len());
/// # Ok::<(), torrent_patron::Error>(())
/// ```
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Metainfo {
    /// The name, [printable]: that of the only file, or of the directory that contains the files.
    pub name: String,
    /// The info hashes.
    pub info_hashes: InfoHashes,
    /// The sum of the file sizes in bytes, including pad files.
    pub total_size: u64,
    /// The number of bytes in a piece; the last piece may be shorter.
    pub piece_length: u32,
    /// The number of pieces.
    pub piece_count: u32,
    /// The files in the order of their data.
    pub files: Vec<FileEntry>,
    /// The trackers, tier by tier (BEP 12).
    pub trackers: Vec<Tracker>,
    /// The web seeds (BEP 19).
    pub web_seeds: Vec<String>,
    /// The tracker and web seed URLs that were left out, each with the reason, as text for users. At most the
    /// first 20.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub invalid_urls: Vec<String>,
    /// Whether peers may come only from trackers: no DHT, PEX or LSD (BEP 27).
    pub private: bool,
    /// The comment, printable.
    pub comment: Option<String>,
    /// The program that made the file, printable.
    pub creator: Option<String>,
    /// When the file was created; serialized as seconds since 1970.
    #[cfg_attr(feature = "serde", serde(serialize_with = "seconds_since_1970"))]
    pub creation_date: Option<SystemTime>,
    #[cfg_attr(feature = "serde", serde(skip))]
    torrent_file: Arc<[u8]>,
}

/// Omits the contents of the file.
impl fmt::Debug for Metainfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metainfo")
            .field("name", &self.name)
            .field("info_hashes", &self.info_hashes)
            .field("total_size", &self.total_size)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

/// A file of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct FileEntry {
    /// The path below the save directory. Never absolute and never with `..`: libtorrent drops such
    /// elements and replaces characters that a file system refuses.
    pub path: PathBuf,
    /// The size in bytes.
    pub size: u64,
    /// The position of the file's data in the torrent's data, in bytes.
    pub offset: u64,
    /// Whether it is a pad file, which fills up to a piece boundary (BEP 47) and is never written to disk.
    pub pad: bool,
    /// The target of a symbolic link, relative to the save directory (BEP 47); `None` for a file.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    pub symlink: Option<PathBuf>,
}

impl Metainfo {
    /// Decodes the bytes of a .torrent file.
    ///
    /// # Errors
    ///
    /// [`Parse`](ErrorKind::Parse) for anything that is not a valid .torrent file, with
    /// libtorrent's reason. Limits: [`MAX_METAINFO_SIZE`] bytes, 2,097,152 pieces, 100 levels of
    /// nesting, 12,000,000 bencoded items, 8 TiB of v2 files, and paths of 16 MiB or 16 times the size of the
    /// file.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        let params = params(bytes)?;
        Self::from_parts(&params, bytes.into())
    }

    /// Reads a .torrent file.
    ///
    /// # Errors
    ///
    /// As for [`decode`](Metainfo::decode), and [`Unreadable`](ErrorKind::Unreadable) if the file
    /// cannot be read.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let bytes = read_file(path)?;
        Self::decode(&bytes).map_err(|error| error.on(path.display()))
    }

    /// Returns the .torrent file as bytes.
    pub fn torrent_file(&self) -> &Arc<[u8]> {
        &self.torrent_file
    }

    /// Returns the pieces that contain data of one of the [`files`](Metainfo::files). The first and last may
    /// also contain data of neighbouring files; an empty file has no pieces.
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let (patron, torrent) = (client.patron(), torrent_patron::TorrentId::new(1).unwrap());
    /// use std::time::Duration;
    ///
    /// let metainfo = patron.metainfo(torrent).wait()?;
    /// // A player wants the beginning of the first file soon.
    /// for piece in metainfo.pieces_of(&metainfo.files[0]).take(4) {
    ///     patron.set_piece_deadline(torrent, piece, Some(Duration::from_secs(2))).wait()?;
    /// }
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    #[must_use]
    pub fn pieces_of(&self, file: &FileEntry) -> Range<u32> {
        let piece = |byte: u64| {
            let piece = byte / u64::from(self.piece_length.max(1));
            u32::try_from(piece).unwrap_or(u32::MAX).min(self.piece_count)
        };
        let first = piece(file.offset);
        match file.size {
            0 => first..first,
            size => first..piece(file.offset + size - 1) + 1,
        }
    }

    fn from_parts(params: &sys::TorrentParams, torrent_file: Arc<[u8]>) -> Result<Self> {
        let record = describe(params)?;
        let urls = Urls::of(&record);
        Ok(Self {
            info_hashes: InfoHashes::from_bytes(&record.v1, &record.v2),
            name: printable(&record.name).into(),
            total_size: unsigned(record.total_size),
            piece_length: record.piece_length.unsigned_abs(),
            piece_count: record.num_pieces.unsigned_abs(),
            files: record
                .files
                .into_iter()
                .map(|file| FileEntry {
                    path: file.path.into(),
                    size: unsigned(file.size),
                    offset: unsigned(file.offset),
                    pad: file.pad,
                    symlink: (!file.symlink.is_empty()).then(|| file.symlink.into()),
                })
                .collect(),
            trackers: urls.trackers,
            web_seeds: urls.web_seeds,
            invalid_urls: urls.invalid,
            private: record.is_private,
            comment: some_text(&record.comment),
            creator: some_text(&record.creator),
            creation_date: u64::try_from(record.creation_date)
                .ok()
                .filter(|&seconds| seconds > 0)
                .and_then(|seconds| {
                    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
                }),
            torrent_file,
        })
    }
}

fn some_text(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| printable(text).into())
}

fn unsigned(size: i64) -> u64 {
    u64::try_from(size).unwrap_or(0)
}

/// Parses the bytes of a .torrent file into libtorrent's parameters.
pub(crate) fn params(bytes: &[u8]) -> Result<UniquePtr<sys::TorrentParams>> {
    let parse = |message: String| Error::new(ErrorKind::Parse, READ, message);
    if bytes.is_empty() {
        return Err(parse("it is empty".into()));
    }
    if bytes.len() as u64 > MAX_METAINFO_SIZE {
        return Err(parse(too_large(bytes.len() as u64)));
    }
    sys::params_from_metainfo(bytes).map_err(|exception| {
        let error = Error::from_native(READ, &exception).with_kind(ErrorKind::Parse);
        match what_else(bytes) {
            Some(what) => parse(format!("it is {what}, not a .torrent file: {}", error.message())),
            None => error,
        }
    })
}

/// Identifies other types of file that users save by mistake.
fn what_else(bytes: &[u8]) -> Option<&'static str> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
    match text {
        [0x1f, 0x8b, ..] => Some("compressed by gzip"),
        [b'P', b'K', 3, 4, ..] => Some("compressed by zip"),
        [b'<', ..] => Some("a web page"),
        _ if text.get(..7).is_some_and(|start| start.eq_ignore_ascii_case(b"magnet:")) => {
            Some("a magnet link")
        }
        _ => None,
    }
}

pub(crate) fn describe(params: &sys::TorrentParams) -> Result<sys::DescriptionRecord> {
    params.describe().map_err(|exception| Error::from_native(READ, &exception))
}

/// Reads a .torrent file, but no more than the maximum size.
pub(crate) fn read_file(path: &Path) -> Result<Vec<u8>> {
    use std::io::Read;
    let failed = |error| Error::io(READ, path.display(), &error).with_kind(ErrorKind::Unreadable);
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).map_err(failed)?;
    let mut size = file.metadata().map_err(failed)?.len();
    if size <= MAX_METAINFO_SIZE {
        // A device or a pipe reports no size.
        file.take(MAX_METAINFO_SIZE + 1).read_to_end(&mut bytes).map_err(failed)?;
        size = bytes.len() as u64;
    }
    if size > MAX_METAINFO_SIZE {
        let error = Error::new(ErrorKind::Parse, READ, too_large(size));
        return Err(error.on(path.display()));
    }
    Ok(bytes)
}

fn too_large(size: u64) -> String {
    format!("it has {size} bytes; the limit is {MAX_METAINFO_SIZE}")
}

#[cfg(feature = "serde")]
fn seconds_since_1970<S: serde::Serializer>(
    date: &Option<SystemTime>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let since = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok());
    serde::Serialize::serialize(&since.map(|since| since.as_secs()), serializer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_in_place_of_a_torrent_is_named() {
        for (bytes, what) in [
            (&b"\x1f\x8b\x08\0"[..], "compressed by gzip"),
            (b"PK\x03\x04", "compressed by zip"),
            (b"\xef\xbb\xbf\r\n<!DOCTYPE html>", "a web page"),
            (b"magnet:?xt=urn:btih:0", "a magnet link"),
        ] {
            let error = Metainfo::decode(bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parse);
            assert!(error.message().contains(&format!("it is {what}, not")), "{error}");
        }
        assert!(Metainfo::decode(b"\x1f").unwrap_err().message().contains("bencoded"));
    }

    #[test]
    fn the_pieces_of_a_file_are_those_with_its_data() {
        let text = concat!(
            "d4:infod5:filesld6:lengthi16385e4:pathl1:aeed6:lengthi0e4:pathl1:bee",
            "d6:lengthi16383e4:pathl1:ceed6:lengthi1e4:pathl1:deee4:name1:t12:piece lengthi16384e",
            "6:pieces60:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaee"
        );
        let metainfo = Metainfo::decode(text.as_bytes()).unwrap();
        let offsets: Vec<_> = metainfo.files.iter().map(|file| file.offset).collect();
        assert_eq!(offsets, [0, 16385, 16385, 32768]);
        let pieces: Vec<_> = metainfo.files.iter().map(|file| metainfo.pieces_of(file)).collect();
        assert_eq!(pieces, [0..2, 1..1, 1..2, 2..3]);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn metainfo_in_json() {
        let text = concat!(
            "d8:announce25:http://127.0.0.1/announce7:comment5:hello10:created by2:me",
            "13:creation datei1700000000e4:infod6:lengthi3e4:name8:data.bin",
            "12:piece lengthi16384e6:pieces20:aaaaaaaaaaaaaaaaaaaa7:privatei1eee"
        );
        let metainfo = Metainfo::decode(text.as_bytes()).unwrap();
        let hash = metainfo.info_hashes.to_string();
        let json = concat!(
            r#"{"name":"data.bin","info_hashes":{"v1":"HASH","v2":null},"total_size":3,"#,
            r#""piece_length":16384,"piece_count":1,"#,
            r#""files":[{"path":"data.bin","size":3,"offset":0,"pad":false}],"#,
            r#""trackers":[{"url":"http://127.0.0.1/announce","tier":0}],"web_seeds":[],"#,
            r#""private":true,"comment":"hello","creator":"me","creation_date":1700000000}"#
        );
        assert_eq!(serde_json::to_string(&metainfo).unwrap(), json.replace("HASH", &hash));
    }
}
