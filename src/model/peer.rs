//! The peers of a torrent.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::bit_set::{BitSet, element};

/// A peer that is connected or being connected to (`lt::peer_info`). Rates are in bytes per second.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct Peer {
    /// Its address; `None` for a web seed whose name has not been resolved yet, and for an I2P
    /// peer.
    pub address: Option<SocketAddr>,
    /// The local address of the connection.
    pub local_address: Option<SocketAddr>,
    /// Whether it is a client or a web seed.
    pub kind: PeerKind,
    /// The transport protocol.
    pub transport: Transport,
    /// How the connection is encrypted.
    pub encryption: Encryption,
    /// The name of its client, as reported by the peer or derived from its peer id; for a web seed, its URL.
    pub client: String,
    /// Its peer id (BEP 20), 20 bytes.
    pub id: [u8; 20],
    /// The ways in which it was found.
    pub sources: PeerSources,
    /// The fraction of the torrent that it has, from 0 to 1.
    pub progress: f32,
    /// Whether it has everything.
    pub seed: bool,
    /// Whether the connection is outgoing rather than incoming.
    pub outgoing: bool,
    /// Whether the connection is being established, or the handshakes are not complete.
    pub connecting: bool,
    /// Whether we want pieces that it has.
    pub am_interested: bool,
    /// Whether we choke it.
    pub am_choking: bool,
    /// Whether it wants pieces that we have.
    pub peer_interested: bool,
    /// Whether it chokes us.
    pub peer_choking: bool,
    /// Whether it has not sent data for a long time, although we requested it.
    pub snubbed: bool,
    /// Whether it is unchoked out of turn, to find out how well it serves us.
    pub optimistic_unchoke: bool,
    /// Whether it contributed to a piece that failed its hash check.
    pub suspected: bool,
    /// Payload and protocol bytes received per second.
    pub download_rate: u64,
    /// Payload and protocol bytes sent per second.
    pub upload_rate: u64,
    /// Payload received over this connection, in bytes.
    pub downloaded: u64,
    /// Payload sent over this connection, in bytes.
    pub uploaded: u64,
    /// The number of blocks that we have requested from it.
    pub outgoing_requests: u32,
    /// The number of blocks that it has requested from us.
    pub incoming_requests: u32,
    /// The number of pieces that failed their hash check and that it contributed to.
    pub hash_failures: u32,
    /// The number of consecutive failed attempts to connect to it.
    pub failures: u32,
    /// The time since anything was sent or received.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds"))]
    pub idle: Duration,
    /// The time that it took to connect to it.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds"))]
    pub round_trip: Duration,
}

/// What kind of program the peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum PeerKind {
    /// A BitTorrent client.
    #[default]
    Client,
    /// A web server (BEP 19).
    WebSeed,
    /// A web server with a script (BEP 17).
    HttpSeed,
}

/// The transport protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Transport {
    /// TCP.
    #[default]
    Tcp,
    /// uTP (BEP 29).
    Utp,
    /// The I2P network.
    I2p,
}

/// How a connection is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Encryption {
    /// The connection is not encrypted.
    #[default]
    None,
    /// Only the handshake is obfuscated (MSE).
    Handshake,
    /// The whole connection is obfuscated with RC4 (MSE).
    Rc4,
    /// The connection uses TLS, for a torrent with a certificate.
    Tls,
}

/// A way in which a peer was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[repr(u8)]
#[non_exhaustive]
pub enum PeerSource {
    /// A tracker.
    Tracker,
    /// The DHT (BEP 5).
    Dht,
    /// Another peer (BEP 11).
    PeerExchange,
    /// The local network (BEP 14).
    LocalDiscovery,
    /// The resume data of an earlier run.
    ResumeData,
    /// It connected to us.
    Incoming,
}

impl PeerSource {
    /// All sources, in the order of the bits of `lt::peer_info::source`.
    pub const ALL: &'static [Self] = &[
        Self::Tracker,
        Self::Dht,
        Self::PeerExchange,
        Self::LocalDiscovery,
        Self::ResumeData,
        Self::Incoming,
    ];
}

element!(PeerSource);

/// The ways in which a peer was found.
pub type PeerSources = BitSet<PeerSource>;

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn peers_in_json() {
        let json = concat!(
            r#"{"address":"192.0.2.1:6881","local_address":null,"kind":"client","#,
            r#""transport":"tcp","encryption":"none","client":"a client","#,
            r#""id":[1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20],"#,
            r#""sources":["tracker","incoming"],"progress":0.5,"seed":false,"outgoing":true,"#,
            r#""connecting":false,"am_interested":true,"am_choking":false,"peer_interested":true,"#,
            r#""peer_choking":false,"snubbed":false,"optimistic_unchoke":false,"suspected":false,"#,
            r#""download_rate":1,"upload_rate":2,"downloaded":3,"uploaded":4,"outgoing_requests":5,"#,
            r#""incoming_requests":6,"hash_failures":7,"failures":8,"idle":9.0,"#,
            r#""round_trip":0.01}"#
        );
        let peer: Peer = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&peer).unwrap(), json);
        assert_eq!(peer.sources, [PeerSource::Tracker, PeerSource::Incoming].into());
        assert_eq!(peer.round_trip, Duration::from_millis(10));
    }

    #[test]
    fn choices_in_json() {
        fn is<T>(value: T, name: &str)
        where
            T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
        {
            let json = format!("{name:?}");
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
        }
        is(PeerKind::Client, "client");
        is(PeerKind::WebSeed, "web_seed");
        is(PeerKind::HttpSeed, "http_seed");
        is(Transport::Tcp, "tcp");
        is(Transport::Utp, "utp");
        is(Transport::I2p, "i2p");
        is(Encryption::None, "none");
        is(Encryption::Handshake, "handshake");
        is(Encryption::Rc4, "rc4");
        is(Encryption::Tls, "tls");
        is(PeerSource::Tracker, "tracker");
        is(PeerSource::Dht, "dht");
        is(PeerSource::PeerExchange, "peer_exchange");
        is(PeerSource::LocalDiscovery, "local_discovery");
        is(PeerSource::ResumeData, "resume_data");
        is(PeerSource::Incoming, "incoming");
    }
}
