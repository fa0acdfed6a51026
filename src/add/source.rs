//! The source of a torrent.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxx::UniquePtr;

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::magnet::{self, Magnet};
use crate::metainfo::{self, Metainfo};
use crate::model::InfoHashes;
use crate::model::op;
use crate::sys;
use crate::text::printable;

const RESUME: &str = "read the resume data";

/// The source that a torrent is added from.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Source {
    /// The bytes of a .torrent file.
    Bytes(Arc<[u8]>),
    /// The path of a .torrent file.
    File(PathBuf),
    /// A magnet link (BEP 9, BEP 53).
    Magnet(Box<str>),
    /// Data from [`Patron::resume_data`](crate::Patron::resume_data) in an earlier run, or another
    /// program's resume data if it includes the metainfo. The torrent continues with its former
    /// directory, files, trackers, limits and flags. What [`AddOptions`](crate::AddOptions)
    /// sets takes precedence: for resume data from a stranger, set
    /// [`save_dir`](crate::AddOptions::save_dir) so that its own directory is ignored. Files that have
    /// changed since the data was saved are checked.
    ResumeData(Arc<[u8]>),
    /// Only an info hash. Peers are found through the DHT and
    /// [`AddOptions::trackers`](crate::AddOptions::trackers), and provide the metadata.
    InfoHash(InfoHashes),
}

impl Source {
    /// Interprets text as a magnet link, an info hash (40 or 64 hex digits), or otherwise the path of a
    /// .torrent file. Nothing is downloaded: with a URL such as `http://…`, adding the torrent fails with
    /// [`InvalidArgument`](ErrorKind::InvalidArgument).
    pub fn from_text(text: &str) -> Self {
        if magnet::is_magnet(text) {
            Self::Magnet(text.trim().into())
        } else if let Ok(hashes) = text.parse() {
            Self::InfoHash(hashes)
        } else {
            Self::File(text.into())
        }
    }

    /// Returns a description for users.
    pub(super) fn label(&self) -> Arc<str> {
        let label: Arc<str> = match self {
            Self::Bytes(bytes) => format!("metainfo of {} bytes", bytes.len()).into(),
            Self::File(path) => path.display().to_string().into(),
            Self::Magnet(uri) => uri.as_ref().into(),
            Self::ResumeData(bytes) => format!("resume data of {} bytes", bytes.len()).into(),
            Self::InfoHash(hashes) => hashes.to_string().into(),
        };
        match printable(&label) {
            Cow::Borrowed(_) => label,
            Cow::Owned(shown) => shown.into(),
        }
    }

    /// Reads the source. Errors name it.
    pub(super) fn read(&self) -> Result<UniquePtr<sys::TorrentParams>> {
        match self {
            Self::Bytes(bytes) => metainfo::params(bytes).map_err(|error| error.on(self.label())),
            Self::File(path) => {
                let bytes = metainfo::read_file(path).map_err(|error| match as_url(path) {
                    Some(url) => Error::new(
                        ErrorKind::InvalidArgument,
                        op::ADD,
                        format!("{url} is a URL, not a file: download the .torrent file first"),
                    ),
                    None => error,
                })?;
                metainfo::params(&bytes).map_err(|error| error.on(path.display()))
            }
            Self::Magnet(uri) => magnet::params(uri),
            Self::ResumeData(bytes) => sys::params_from_resume_data(bytes)
                .map_err(|exception| unusable(&exception).on(self.label())),
            Self::InfoHash(hashes) => {
                let v1 = hashes.v1.map_or(Vec::new(), |hash| hash.0.to_vec());
                let v2 = hashes.v2.map_or(Vec::new(), |hash| hash.0.to_vec());
                sys::params_from_info_hashes(&v1, &v2)
                    .map_err(|exception| Error::from_native(op::ADD, &exception))
            }
        }
    }
}

/// Returns the URL if the path is one that someone pasted.
fn as_url(path: &Path) -> Option<std::borrow::Cow<'_, str>> {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://")?.0;
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric());
    is_scheme.then_some(text)
}

pub(super) fn unusable(exception: &cxx::Exception) -> Error {
    Error::from_native(RESUME, exception).with_kind(ErrorKind::ResumeData)
}

/// The same as [`Source::from_text`].
impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::from_text(text)
    }
}

/// The same as [`Source::from_text`].
impl From<String> for Source {
    fn from(text: String) -> Self {
        Self::from_text(&text)
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&[u8]> for Source {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl From<&Metainfo> for Source {
    fn from(metainfo: &Metainfo) -> Self {
        Self::Bytes(metainfo.torrent_file().clone())
    }
}

impl From<Metainfo> for Source {
    fn from(metainfo: Metainfo) -> Self {
        Self::from(&metainfo)
    }
}

impl From<InfoHashes> for Source {
    fn from(hashes: InfoHashes) -> Self {
        Self::InfoHash(hashes)
    }
}

impl From<&Magnet> for Source {
    fn from(magnet: &Magnet) -> Self {
        Self::Magnet(magnet.to_string().into())
    }
}

impl From<Magnet> for Source {
    fn from(magnet: Magnet) -> Self {
        Self::from(&magnet)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_made_of_what_a_program_has() {
        let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
        assert!(matches!(Source::from(link), Source::Magnet(_)));
        assert!(matches!(Source::from(&link[20..]), Source::InfoHash(_)));
        assert_eq!(Source::from("a.torrent"), Source::File("a.torrent".into()));
        assert_eq!(
            Source::from(String::from("a.torrent")),
            Source::from(PathBuf::from("a.torrent"))
        );
        let magnet = Magnet::parse(link).unwrap();
        assert_eq!(Source::from(&magnet), Source::from(magnet));
    }

    #[test]
    fn a_url_is_reported_as_not_being_a_file() {
        for text in ["http://127.0.0.1/a.torrent", "HTTPS://127.0.0.1/a.torrent"] {
            let error = Source::from(text).read().err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("is a URL, not a file"), "{error}");
        }
        for text in ["no/such.torrent", "://", "a b://c"] {
            assert_eq!(Source::from(text).read().err().unwrap().kind(), ErrorKind::Unreadable);
        }
    }

    #[test]
    fn resume_data_that_cannot_be_used_has_a_kind_of_its_own() {
        let error = Source::ResumeData([1u8, 2].into()).read().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ResumeData, "{error}");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn sources_in_json() {
        for json in [
            r#"{"file":"debian.torrent"}"#,
            r#"{"magnet":"magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567"}"#,
            r#"{"bytes":[100,101]}"#,
        ] {
            let source: Source = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&source).unwrap(), json);
        }
    }
}
