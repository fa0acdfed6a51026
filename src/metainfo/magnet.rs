//! Magnet links (BEP 9). This module parses them itself and passes libtorrent a normalized link, because
//! libtorrent takes the text after an empty parameter for its value, a blank for part of the hash, and any
//! URL for a tracker.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::str::FromStr;

use cxx::UniquePtr;

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::urls::MOST_USED;
use crate::metainfo::{Metainfo, Urls};
use crate::model::url::{component, decoded};
use crate::model::{InfoHashV1, InfoHashV2, InfoHashes, Tracker};
use crate::sys;
use crate::text::printable;

const READ: &str = "read the magnet link";

/// The contents of a magnet link. `Display` writes the link in its normal form, without the parts that were
/// not understood or are useless.
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
    /// The name to show until the metainfo arrives (`dn`), [printable](crate::text::printable).
    pub name: Option<String>,
    /// The trackers (`tr`), each in its own tier.
    pub trackers: Vec<Tracker>,
    /// The web seeds (`ws`).
    pub web_seeds: Vec<String>,
    /// Peers to connect to first (`x.pe`).
    pub peers: Vec<SocketAddr>,
    /// The URLs of trackers and web seeds, and the peers, that were left out, each with the reason, as text for
    /// users.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub invalid_urls: Vec<String>,
    uri: String,
}

impl Magnet {
    /// Parses a magnet link. White space around it, the order of its parameters, the case of their names and
    /// of `urn:btih`, numbers after names (`tr.1`), and parameters that are empty, escaped or unknown are
    /// ignored. The v1 info hash has 40 hex or 32 base32 digits.
    ///
    /// # Errors
    ///
    /// [`Parse`](ErrorKind::Parse) if it is not a magnet link, has no valid info hash, or has two
    /// of the same version.
    pub fn parse(uri: &str) -> Result<Self> {
        let wrong = |why: &str| Error::new(ErrorKind::Parse, READ, why).on(Abbreviated(uri));
        let query = query(uri).ok_or_else(|| wrong("it is not a magnet link"))?;
        let mut parameters = Parameters::default();
        for (name, value) in query.split('&').filter_map(parameter) {
            parameters.take(&name, value).map_err(wrong)?;
        }
        if parameters.info_hashes == InfoHashes::default() {
            return Err(wrong("it has no info hash"));
        }
        Ok(parameters.finish())
    }
}

impl Metainfo {
    /// Returns the magnet link of this torrent, with its info hashes, name, trackers and web seeds.
    #[must_use]
    pub fn magnet(&self) -> Magnet {
        let parameters = Parameters {
            info_hashes: self.info_hashes,
            name: Some(self.name.clone()),
            urls: Urls::sound(self.trackers.clone(), self.web_seeds.clone()),
            ..Parameters::default()
        };
        parameters.finish()
    }
}

/// Parses a magnet link into libtorrent's parameters. Errors name the link.
pub(crate) fn params(uri: &str) -> Result<UniquePtr<sys::TorrentParams>> {
    let link = Magnet::parse(uri)?.uri;
    sys::params_from_magnet(&link).map_err(|exception| {
        Error::from_native(READ, &exception).with_kind(ErrorKind::Parse).on(Abbreviated(uri))
    })
}

/// Returns whether a text is meant as a magnet link.
pub(crate) fn is_magnet(text: &str) -> bool {
    after_scheme(text).is_some()
}

fn after_scheme(text: &str) -> Option<&str> {
    const SCHEME: &str = "magnet:";
    let (scheme, rest) = text.trim().split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// Returns the part after `magnet:?`. Some links have slashes before the question mark.
fn query(uri: &str) -> Option<&str> {
    after_scheme(uri)?.trim_start_matches('/').strip_prefix('?')
}

/// Returns a parameter's name, in lower case and without a number at the end, and its value; `None` if it has
/// no value. A link copied from a web page may have `&amp;` for `&`.
fn parameter(text: &str) -> Option<(String, &str)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_prefix("amp;").unwrap_or(&name);
    let name = match name.rsplit_once('.') {
        Some((name, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => name,
    };
    let value = value.trim();
    (!value.is_empty()).then(|| (name.to_owned(), value))
}

/// libtorrent ignores files beyond this one.
const LAST_FILE: u32 = 10_000;

/// The contents of a link, collected parameter by parameter.
#[derive(Default)]
struct Parameters {
    info_hashes: InfoHashes,
    name: Option<String>,
    urls: Urls,
    peers: Vec<SocketAddr>,
    /// The first and last file of each wanted range (BEP 53).
    files: Vec<(u32, u32)>,
    /// DHT nodes, as `host:port`.
    nodes: Vec<String>,
}

impl Parameters {
    /// Takes a parameter. Errors concern only the info hash; everything else is optional.
    fn take(&mut self, name: &str, value: &str) -> Result<(), &'static str> {
        let plain = || String::from_utf8_lossy(&decoded(value)).into_owned();
        match name {
            "xt" => self.topic(&plain())?,
            "dn" => {
                let name = String::from_utf8_lossy(&decoded(&value.replace('+', " "))).into_owned();
                self.name =
                    Some(printable(name.trim()).into()).filter(|name: &String| !name.is_empty());
            }
            "tr" => {
                let tier = u8::try_from(self.urls.trackers.len()).unwrap_or(u8::MAX);
                self.urls.tracker(&plain(), tier);
            }
            // A space that remains after decoding should have been escaped in the URL itself.
            "ws" => self.urls.web_seed(&plain().trim().replace(' ', "%20")),
            "x.pe" => match plain().trim().parse::<SocketAddr>() {
                Ok(peer) if peer.port() != 0 => {
                    // The scope id of an interface on someone else's machine has no meaning here.
                    let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
                    if self.peers.len() < MOST_USED && !self.peers.contains(&peer) {
                        self.peers.push(peer);
                    }
                }
                // To resolve a name would tell its server of the download.
                _ => {
                    let why = "expected the IP address and port of a peer";
                    self.urls.leave_out(format!("{:?}: {why}", printable(plain().trim())));
                }
            },
            "so" => {
                let room = (LAST_FILE as usize).saturating_sub(self.files.len());
                self.files.extend(plain().split(',').filter_map(files).take(room));
            }
            "dht" if self.nodes.len() < MOST_USED => self.nodes.extend(node(&plain())),
            _ => {}
        }
        Ok(())
    }

    /// Takes an exact topic: an info hash, or a hash of another system.
    fn topic(&mut self, topic: &str) -> Result<(), &'static str> {
        let topic = topic.trim();
        let hash = |kind: &str| {
            let (urn, hash) = topic.split_at_checked(kind.len())?;
            urn.eq_ignore_ascii_case(kind).then(|| hash.trim())
        };
        let InfoHashes { v1, v2 } = &mut self.info_hashes;
        if let Some(text) = hash("urn:btih:") {
            let hash = text.parse().ok().or_else(|| base32(text).map(InfoHashV1));
            let hash = hash.ok_or("invalid info hash: expected 40 hex or 32 base32 digits")?;
            put(v1, hash, hash.0 == [0; 20])
        } else if let Some(text) = hash("urn:btmh:") {
            let hash = text.strip_prefix("1220").and_then(|hex| hex.parse::<InfoHashV2>().ok());
            let hash = hash.ok_or("invalid info hash: expected 1220 followed by 64 hex digits")?;
            put(v2, hash, hash.0 == [0; 32])
        } else {
            Ok(())
        }
    }

    fn finish(self) -> Magnet {
        let uri = self.link();
        let Self { info_hashes, name, urls, peers, .. } = self;
        let Urls { trackers, web_seeds, invalid: invalid_urls, .. } = urls;
        Magnet { info_hashes, name, trackers, web_seeds, peers, invalid_urls, uri }
    }

    fn link(&self) -> String {
        let mut link = "magnet:".to_owned();
        let mut separator = '?';
        let mut add = |name: &str, value: &dyn fmt::Display| {
            let _ = write!(link, "{separator}{name}={value}");
            separator = '&';
        };
        if let Some(v1) = self.info_hashes.v1 {
            add("xt", &format_args!("urn:btih:{v1}"));
        }
        if let Some(v2) = self.info_hashes.v2 {
            add("xt", &format_args!("urn:btmh:1220{v2}"));
        }
        if let Some(name) = &self.name {
            add("dn", &component(name));
        }
        for tracker in &self.urls.trackers {
            add("tr", &component(&tracker.url));
        }
        for url in &self.urls.web_seeds {
            add("ws", &component(url));
        }
        for peer in &self.peers {
            add("x.pe", peer);
        }
        if !self.files.is_empty() {
            let ranges = self.files.iter().map(|(first, last)| match first == last {
                true => first.to_string(),
                false => format!("{first}-{last}"),
            });
            add("so", &ranges.collect::<Vec<_>>().join(","));
        }
        for node in &self.nodes {
            add("dht", node);
        }
        link
    }
}

fn put<T: PartialEq>(place: &mut Option<T>, hash: T, is_zero: bool) -> Result<(), &'static str> {
    match place {
        _ if is_zero => Err("invalid info hash: it is zero"),
        Some(other) if *other != hash => Err("it has two different info hashes"),
        _ => {
            *place = Some(hash);
            Ok(())
        }
    }
}

/// Parses 32 base32 digits (RFC 4648), in upper or lower case.
fn base32(text: &str) -> Option<[u8; 20]> {
    let mut bytes = [0; 20];
    if text.len() != 32 {
        return None;
    }
    for (place, digit) in text.bytes().enumerate() {
        let value = match digit {
            b'a'..=b'z' => digit - b'a',
            b'A'..=b'Z' => digit - b'A',
            b'2'..=b'7' => digit - b'2' + 26,
            _ => return None,
        };
        for bit in 0..5 {
            let at = place * 5 + bit;
            bytes[at / 8] |= (value >> (4 - bit) & 1) << (7 - at % 8);
        }
    }
    Some(bytes)
}

/// Parses a range of files: `3` or `5-9`.
fn files(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (first <= last && last <= LAST_FILE).then_some((first, last))
}

/// Parses a DHT node: `host:port`.
fn node(text: &str) -> Option<String> {
    let (host, port) = text.trim().rsplit_once(':')?;
    let known = |c: char| c.is_ascii_alphanumeric() || "-._:[]".contains(c);
    let port: u16 = port.parse().ok()?;
    (port != 0 && !host.is_empty() && host.chars().all(known)).then(|| format!("{host}:{port}"))
}

/// A link in an error message, shortened so that it does not hide the reason.
struct Abbreviated<'a>(&'a str);

impl fmt::Display for Abbreviated<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ENOUGH: usize = 200;
        match self.0.char_indices().nth(ENOUGH) {
            None if self.0.is_empty() => f.write_str("an empty string"),
            None => f.write_str(self.0),
            Some((end, _)) => write!(f, "{}…", &self.0[..end]),
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const V1: &str = "0123456789abcdef0123456789abcdef01234567";
    const BASE32: &str = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";

    fn v2() -> String {
        "ab".repeat(32)
    }

    #[test]
    fn parameters_are_read_whatever_surrounds_them() {
        let tracker = "http://127.0.0.1/announce";
        let expected =
            format!("magnet:?xt=urn:btih:{V1}&dn=name&tr=http%3A%2F%2F127.0.0.1%2Fannounce");
        for link in [
            format!("magnet:?xt=urn:btih:{V1}&dn=name&tr={tracker}"),
            format!("magnet:?xt=urn:btih:{V1}&EMPTY&dn=name&tr={tracker}"),
            format!("magnet:?xt=urn:btih:{V1}&&dn=name&&tr={tracker}&"),
            format!("magnet:?&xt=urn:btih:{V1}&dn=name&tr={tracker}"),
            format!("magnet:?dn=name&tr={tracker}&y&xt=urn:btih:{V1}"),
            format!("magnet:?dn=name&so=&x.pe=&tr=&=&==&tr={tracker}&xt=&xt=urn:btih:{V1}"),
            format!(" \t\r\nMAGNET:?XT=URN:BTIH:{}&DN=name&TR={tracker}\n", V1.to_uppercase()),
            format!("magnet:?xt=urn:btih:{BASE32}&dn=name&tr={tracker}"),
            format!("magnet:?xt=urn:btih:{}&dn=name&tr={tracker}", BASE32.to_lowercase()),
            format!("magnet:?xt.1=urn%3abtih%3A{V1}&dn=n%61me&tr.1={tracker}&tr.2={tracker}"),
            format!("magnet:?xt=urn:btih:{V1}&amp;dn=name&amp;tr={tracker}"),
            format!("magnet://?xt=urn:btih:{V1}&dn=name&tr={tracker}"),
            format!(
                "magnet:?xt=urn:sha1:ABC&xt=urn:btih:{V1}&xt=urn:btih:{V1}&dn=name&tr={tracker}"
            ),
            format!("magnet:?xt= urn:btih:{V1} & dn = name &tr= {tracker} "),
        ] {
            let magnet = Magnet::parse(&link).unwrap_or_else(|error| panic!("{link}: {error}"));
            assert_eq!(magnet.to_string(), expected, "{link}");
            assert!(is_magnet(&link), "{link}");
        }
        assert!(!is_magnet("magnetic.torrent"));
    }

    #[test]
    fn every_parameter_of_a_link_is_kept() {
        let v2 = v2();
        let magnet = Magnet::parse(&format!(
            "magnet:?x.pe=%5B%3A%3A1%5D%3A6881&x.pe=127.0.0.1:1&x.pe=127.0.0.1:0&x.pe=host:1\
             &x.pe=[::ffff:127.0.0.1]:1\
             &so=7,0-2%2C9-5,99999,x&xt=urn:btmh:1220{v2}&xt=urn:btih:{V1}&dn=a+b%20%26%E2%80%AE\
             &ws=http://h/my%20file&ws=ftp://h/&dht=router:6881&dht=b%26d:1&kt=word&xl=5"
        ))
        .unwrap();
        assert_eq!(
            magnet.to_string(),
            format!(
                "magnet:?xt=urn:btih:{V1}&xt=urn:btmh:1220{v2}&dn=a%20b%20%26%5Cu%7B202e%7D\
                 &ws=http%3A%2F%2Fh%2Fmy%2520file&x.pe=[::1]:6881&x.pe=127.0.0.1:1&so=7,0-2\
                 &dht=router:6881"
            )
        );
        assert_eq!(magnet.name.as_deref(), Some(r"a b &\u{202e}"));
        let left_out: Vec<_> =
            magnet.invalid_urls.iter().filter_map(|text| text.split('"').nth(1)).collect();
        assert_eq!(left_out, ["127.0.0.1:0", "host:1", "ftp://h/"]);
        params(&magnet.to_string()).unwrap();
    }

    #[test]
    fn a_link_without_a_valid_info_hash_is_refused() {
        let two = format!("magnet:?xt=urn:btih:{V1}&xt=urn:btih:{}", V1.replace('0', "1"));
        for (link, why) in [
            ("magnet:xt=1", "not a magnet link"),
            ("magnet:?EMPTY", "it has no info hash"),
            (&two, "it has two different info hashes"),
            ("magnet:?xt=urn:btih:AERUKZ4JVPG66AJDIVTYTK6N54ASGRL1", "invalid info hash"),
        ] {
            let error = Magnet::parse(link).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Parse);
            assert!(error.message().contains(why), "{error}");
        }
    }

    proptest! {
        #[test]
        fn whatever_it_is_given_it_does_not_panic(link in ".*", query in "[a-z0-9.=&%:?;, -]{0,80}") {
            let _ = Magnet::parse(&link);
            let _ = Magnet::parse(&format!("magnet:?xt=urn:btih:{V1}&{query}"));
            let _ = Magnet::parse(&format!("magnet:?{link}&xt=urn:btih:{query}"));
        }

        #[test]
        fn a_written_link_can_be_read_back(
            hash in "[0-9a-f]{40}",
            name in proptest::option::of("\\PC{1,20}"),
            // Not wss: from 2.0.13, libtorrent without WebRTC leaves them out.
            trackers in prop::collection::vec("(http|udp)://[a-z]{1,9}(:[1-9][0-9]{0,3})?/[!-~]{0,9}", 0..4),
            seed in "https?://[a-z.]{1,9}/[ -~]{0,9}",
            peer: SocketAddr,
            rest in prop::collection::vec("(so|dht|x\\.pe|dn|ws|tr)=[0-9a-z,:%-]{0,12}", 0..4),
        ) {
            let mut parameters = vec![format!("xt=urn:btih:{hash}"), format!("x.pe={peer}")];
            parameters.extend(name.iter().map(|name| format!("dn={}", component(name))));
            parameters.extend(trackers.iter().map(|url| format!("tr={}", component(url))));
            parameters.push(format!("ws={}", component(&seed)));
            parameters.extend(rest);
            parameters.rotate_left(hash.len() % 3);
            let link = format!("magnet:?{}", parameters.join("&"));
            if let Ok(magnet) = Magnet::parse(&link) {
                let again = Magnet::parse(&magnet.to_string()).unwrap();
                prop_assert_eq!(&again, &Magnet { invalid_urls: Vec::new(), ..magnet });
                // libtorrent reads the same contents from the link that this module has written.
                let record = crate::metainfo::describe(&params(&link).unwrap()).unwrap();
                let theirs = Urls::of(&record);
                prop_assert_eq!(&theirs.trackers, &again.trackers);
                prop_assert_eq!(&theirs.web_seeds, &again.web_seeds);
                prop_assert_eq!(&record.name, again.name.as_deref().unwrap_or_default());
            }
        }
    }

    #[test]
    fn a_web_seed_url_ends_before_a_blank_and_a_fragment() {
        let magnet = Magnet::parse(&format!("magnet:?xt=urn:btih:{V1}&ws=http://h/a%20%23b"));
        assert_eq!(magnet.unwrap().web_seeds, ["http://h/a"]);
    }

    #[cfg(feature = "serde")]
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
        assert_eq!(uri, format!("\"{magnet}\"}}"));
    }
}
