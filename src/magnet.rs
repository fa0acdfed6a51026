//! Magnet links (BEP 9).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::metainfo::{Tracker, describe};
use crate::types::InfoHashes;

const READ: &str = "read the magnet link";

/// What a magnet link says. `Display` is the link.
///
/// ```
/// let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=example";
/// let magnet: torrent_patron::Magnet = link.parse()?;
/// assert_eq!(magnet.name.as_deref(), Some("example"));
/// # Ok::<(), torrent_patron::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Magnet {
    /// The info hashes: at least one.
    pub info_hashes: InfoHashes,
    /// The name to show until the metainfo is here (`dn`).
    pub name: Option<String>,
    /// The trackers (`tr`).
    pub trackers: Vec<Tracker>,
    /// The web seeds (`ws`).
    pub web_seeds: Vec<String>,
    /// Peers to try first (`x.pe`).
    pub peers: Vec<SocketAddr>,
    uri: String,
}

impl Magnet {
    /// Reads a magnet link.
    ///
    /// # Errors
    ///
    /// [`Parse`](ErrorKind::Parse): not a magnet link, or one without a valid info hash.
    pub fn parse(uri: &str) -> Result<Self> {
        let params = ffi::params_from_magnet(uri).map_err(|exception| {
            Error::from_native(READ, &exception).with_kind(ErrorKind::Parse).on(uri)
        })?;
        Self::from_params(&params)
    }

    pub(crate) fn from_params(params: &ffi::TorrentParams) -> Result<Self> {
        let uri = params.magnet_uri().map_err(|exception| Error::from_native(READ, &exception))?;
        let record = describe(params)?;
        Ok(Self {
            info_hashes: InfoHashes::from_bytes(&record.v1, &record.v2),
            name: (!record.name.is_empty()).then_some(record.name),
            trackers: record.trackers.into_iter().map(Tracker::from).collect(),
            web_seeds: record.web_seeds,
            peers: record.peers.iter().filter_map(|peer| peer.parse().ok()).collect(),
            uri,
        })
    }
}

impl fmt::Display for Magnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl FromStr for Magnet {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::parse(text)
    }
}
