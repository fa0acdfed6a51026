//! The trackers of a torrent.

use std::net::SocketAddr;
use std::time::Duration;

use crate::error::Error;

/// A tracker of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Tracker {
    /// Its announce URL.
    pub url: String,
    /// The tier. Tiers are tried in ascending order (BEP 12).
    pub tier: u8,
}

impl Tracker {
    /// Creates a tracker with this announce URL. Lower tiers are tried first.
    pub fn new(url: impl Into<String>, tier: u8) -> Self {
        Self { url: url.into(), tier }
    }
}

/// A tracker and its state (`lt::announce_entry`).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TrackerStatus {
    /// Its announce URL.
    pub url: Box<str>,
    /// The tier. Lower tiers are tried first (BEP 12).
    pub tier: u8,
    /// Whether it has answered since the torrent was added.
    pub working: bool,
    /// How it was found.
    pub source: TrackerSource,
    /// The state of its announces: one for each listening address and each info hash of the
    /// torrent.
    pub announces: Vec<Announce>,
}

/// The state of the announces from one address with one info hash (`lt::announce_infohash`).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Announce {
    /// The address that the client listens on.
    pub from: SocketAddr,
    /// The protocol version, which decides the info hash.
    pub protocol: ProtocolVersion,
    /// The tracker's message, if any: a warning, or why it refused.
    pub message: Box<str>,
    /// Why the last announce failed, if it did.
    pub error: Option<Error>,
    /// The number of consecutive failed announces.
    pub failures: u32,
    /// Whether an announce is in progress.
    pub updating: bool,
    /// The time until the next announce; `None` if none is scheduled.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds::optional"))]
    pub next: Option<Duration>,
    /// The number of peers that have everything, if the tracker reported it.
    pub seeds: Option<u32>,
    /// The number of peers that do not, if the tracker reported it.
    pub leechers: Option<u32>,
    /// How often the torrent has been downloaded, if the tracker reported it.
    pub downloads: Option<u32>,
}

/// A version of the BitTorrent protocol (`lt::protocol_version`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum ProtocolVersion {
    /// Version 1 (BEP 3), with the v1 info hash.
    V1,
    /// Version 2 (BEP 52), with the v2 info hash.
    V2,
}

/// Where a tracker was first named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum TrackerSource {
    /// The metainfo.
    #[default]
    Metainfo,
    /// The program.
    Program,
    /// A magnet link.
    Magnet,
    /// Another peer (BEP 28).
    Peer,
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn trackers_in_json() {
        let announce = Announce {
            from: "192.0.2.1:6881".parse().unwrap(),
            protocol: ProtocolVersion::V1,
            message: "a warning".into(),
            error: Some(Error::new(
                crate::error::ErrorKind::Io,
                "announce the torrent",
                "it is not there",
            )),
            failures: 2,
            updating: false,
            next: Some(Duration::from_secs(30)),
            seeds: Some(3),
            leechers: None,
            downloads: None,
        };
        let tracker = TrackerStatus {
            url: "udp://192.0.2.2:6969".into(),
            tier: 1,
            working: true,
            source: TrackerSource::Program,
            announces: vec![announce],
        };
        let json = concat!(
            r#"{"url":"udp://192.0.2.2:6969","tier":1,"working":true,"source":"program","#,
            r#""announces":[{"from":"192.0.2.1:6881","protocol":"v1","message":"a warning","#,
            r#""error":{"kind":"io","native":null,"#,
            r#""message":"cannot announce the torrent: it is not there"},"#,
            r#""failures":2,"updating":false,"next":30.0,"#,
            r#""seeds":3,"leechers":null,"downloads":null}]}"#
        );
        assert_eq!(serde_json::to_string(&tracker).unwrap(), json);
        for (source, name) in [
            (TrackerSource::Metainfo, r#""metainfo""#),
            (TrackerSource::Program, r#""program""#),
            (TrackerSource::Magnet, r#""magnet""#),
            (TrackerSource::Peer, r#""peer""#),
        ] {
            assert_eq!(serde_json::to_string(&source).unwrap(), name);
            assert_eq!(serde_json::from_str::<TrackerSource>(name).unwrap(), source);
        }
    }
}
