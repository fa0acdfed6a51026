//! Magnet links (BEP 9).

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use cxx::UniquePtr;

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::{self, Metainfo, describe};
use crate::model::{InfoHashes, Tracker};
use crate::sys::bridge;

const READ: &str = "read the magnet link";

/// What a magnet link says. `Display` is the link.
///
/// ```
/// let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=example";
/// let magnet: torrent_patron::metainfo::Magnet = link.parse()?;
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
        Self::from_params(&*params(uri)?)
    }

    fn from_params(params: &bridge::TorrentParams) -> Result<Self> {
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

impl Metainfo {
    /// The magnet link of this torrent: its hashes, name, trackers and web seeds.
    ///
    /// # Errors
    ///
    /// None is known; libtorrent could refuse.
    pub fn magnet(&self) -> Result<Magnet> {
        let params = metainfo::params(self.torrent_file())?;
        Magnet::from_params(&params)
    }
}

/// Reads a magnet link into the parameters that start it. An error names the link.
pub(crate) fn params(uri: &str) -> Result<UniquePtr<bridge::TorrentParams>> {
    let wrong = |why: &str| Error::new(ErrorKind::Parse, READ, why).on(Abbreviated(uri));
    let query = match uri.split_at_checked(SCHEME.len()) {
        Some((scheme, query)) if scheme.eq_ignore_ascii_case(SCHEME) => query,
        _ => return Err(wrong("it is not a magnet link")),
    };
    // libtorrent takes any 40 or 64 characters for a hash, and what is no hex digit for zero.
    if query.split('&').filter_map(hash).any(|hex| !hex.iter().all(u8::is_ascii_hexdigit)) {
        return Err(wrong("invalid info-hash: expected hex digits"));
    }
    let params = bridge::params_from_magnet(&[SCHEME, query].concat()).map_err(|exception| {
        Error::from_native(READ, &exception).with_kind(ErrorKind::Parse).on(Abbreviated(uri))
    })?;
    let record = describe(&params)?;
    if record.v1.is_empty() && record.v2.is_empty() {
        return Err(wrong("invalid info-hash: it is zero"));
    }
    Ok(params)
}

const SCHEME: &str = "magnet:?";

/// The hex digits of a parameter that gives an info hash in hex.
fn hash(parameter: &str) -> Option<Vec<u8>> {
    let (name, value) = parameter.split_once('=')?;
    let name = name.split_once('.').map_or(name, |(name, _)| name);
    let value = name.eq_ignore_ascii_case("xt").then(|| unescaped(value))?;
    let v1 = value.strip_prefix(b"urn:btih:").filter(|hash| hash.len() == 40);
    v1.or_else(|| value.strip_prefix(b"urn:btmh:1220")).map(<[u8]>::to_vec)
}

/// With `%3a` read as `:`. What is not understood stays as it is: libtorrent refuses it.
fn unescaped(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut plain = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => plain.extend([&[byte], &part.as_bytes()[2..]].concat()),
            None => plain.extend([b"%", part.as_bytes()].concat()),
        }
    }
    plain
}

/// A link in an error message: one that is very long would hide the reason.
struct Abbreviated<'a>(&'a str);

impl fmt::Display for Abbreviated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENOUGH: usize = 200;
        match self.0.char_indices().nth(ENOUGH) {
            None if self.0.is_empty() => f.write_str("an empty text"),
            None => write!(f, "{}", self.0.escape_debug()),
            Some((end, _)) => write!(f, "{}…", self.0[..end].escape_debug()),
        }
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

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn magnet_links_in_json() {
        let link = concat!(
            "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567&dn=example",
            "&tr=http%3a%2f%2f127.0.0.1%2fannounce&ws=http%3a%2f%2f127.0.0.1%2fdata",
            "&x.pe=127.0.0.1:6881"
        );
        let magnet = Magnet::parse(link).unwrap();
        let (fields, uri) = serde_json::to_string(&magnet)
            .unwrap()
            .rsplit_once(r#","uri":"#)
            .map(|(fields, uri)| (fields.to_owned(), uri.to_owned()))
            .unwrap();
        assert_eq!(
            fields,
            concat!(
                r#"{"info_hashes":{"v1":"0123456789abcdef0123456789abcdef01234567","v2":null},"#,
                r#""name":"example","trackers":[{"url":"http://127.0.0.1/announce","tier":0}],"#,
                r#""web_seeds":["http://127.0.0.1/data"],"peers":["127.0.0.1:6881"]"#
            )
        );
        // The link as libtorrent writes it.
        assert_eq!(uri, format!("\"{magnet}\"}}"));
    }
}
