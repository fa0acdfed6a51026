//! Peers
//!
//! The peers that a torrent is connected to.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use crate::support::arguments::{milliseconds, peer};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, release};
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::lists::{List, count, read_into, text_of};
use crate::support::numbers::{Numbered, bits, numbers};
use crate::support::replies::{ask_of, give_answer};
use crate::support::structs::{Room, Struct};
use crate::support::text::patron_text;
use torrent_patron::peer::{Encryption, Peer, PeerKind, PeerSource, Transport};

numbers! { PeerKind:
    /// The peer is a BitTorrent client.
    PATRON_PEER_KIND_CLIENT = 0 => Client,
    /// The peer is a web seed (BEP 19).
    PATRON_PEER_KIND_WEB_SEED = 1 => WebSeed,
    /// The peer is an HTTP seed (BEP 17).
    PATRON_PEER_KIND_HTTP_SEED = 2 => HttpSeed,
}

numbers! { Transport:
    /// The connection uses TCP.
    PATRON_TRANSPORT_TCP = 0 => Tcp,
    /// The connection uses uTP (BEP 29).
    PATRON_TRANSPORT_UTP = 1 => Utp,
    /// The connection uses the I2P network.
    PATRON_TRANSPORT_I2P = 2 => I2p,
}

numbers! { Encryption:
    /// The connection is not encrypted.
    PATRON_ENCRYPTION_NONE = 0 => None,
    /// Only the handshake is encrypted (MSE).
    PATRON_ENCRYPTION_HANDSHAKE = 1 => Handshake,
    /// The whole connection is encrypted with RC4 (MSE).
    PATRON_ENCRYPTION_RC4 = 2 => Rc4,
    /// The connection uses TLS, for a torrent with a certificate.
    PATRON_ENCRYPTION_TLS = 3 => Tls,
}

numbers! { PeerSource:
    /// The peer came from a tracker.
    PATRON_PEER_SOURCE_TRACKER = 1 => Tracker,
    /// The peer came from the DHT (BEP 5).
    PATRON_PEER_SOURCE_DHT = 2 => Dht,
    /// The peer came from peer exchange (BEP 11).
    PATRON_PEER_SOURCE_PEER_EXCHANGE = 4 => PeerExchange,
    /// The peer was found by local service discovery (BEP 14).
    PATRON_PEER_SOURCE_LOCAL_DISCOVERY = 8 => LocalDiscovery,
    /// The peer came from resume data.
    PATRON_PEER_SOURCE_RESUME_DATA = 16 => ResumeData,
    /// The peer connected to this client.
    PATRON_PEER_SOURCE_INCOMING = 32 => Incoming,
}

/// A peer that is connected or being connected to. Rates are in bytes per second.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_peer {
    /// The download rate, including protocol overhead.
    pub download_rate: u64,
    /// The upload rate, including protocol overhead.
    pub upload_rate: u64,
    /// Payload bytes received.
    pub downloaded: u64,
    /// Payload bytes sent.
    pub uploaded: u64,
    /// Milliseconds since anything was sent or received.
    pub idle_ms: u64,
    /// The time it took to connect, in milliseconds.
    pub round_trip_ms: u64,
    /// The kind of peer, a PATRON_PEER_KIND_*.
    pub kind: i32,
    /// The transport protocol, a PATRON_TRANSPORT_*.
    pub transport: i32,
    /// The encryption, a PATRON_ENCRYPTION_*.
    pub encryption: i32,
    /// The sources of the peer, PATRON_PEER_SOURCE_* combined by "or".
    pub sources: i32,
    /// The number of blocks requested from the peer.
    pub outgoing_requests: u32,
    /// The number of blocks that the peer has requested.
    pub incoming_requests: u32,
    /// The number of pieces that it contributed to and that failed the hash check.
    pub hash_failures: u32,
    /// The number of consecutive failed connection attempts.
    pub failures: u32,
    /// The fraction of the torrent that it has, from 0 to 1.
    pub progress: f32,
    /// Its peer id (BEP 20).
    pub id: [u8; 20],
    /// It is a seed.
    pub seed: bool,
    /// The connection is outgoing rather than incoming.
    pub outgoing: bool,
    /// The connection is being established, or the handshakes are not complete.
    pub connecting: bool,
    /// We are interested in its pieces.
    pub am_interested: bool,
    /// We choke it.
    pub am_choking: bool,
    /// It is interested in our pieces.
    pub peer_interested: bool,
    /// It chokes us.
    pub peer_choking: bool,
    /// It has stopped sending data although blocks are requested.
    pub snubbed: bool,
    /// It is unchoked optimistically.
    pub optimistic_unchoke: bool,
    /// It contributed to a piece that failed the hash check.
    pub suspected: bool,
    /// Reserved; zero.
    pub reserved: [u8; 6],
}

impl Struct for patron_peer {
    const NAME: &str = "patron_peer";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + 6;
}

impl From<&Peer> for patron_peer {
    fn from(peer: &Peer) -> Self {
        Self {
            download_rate: peer.download_rate,
            upload_rate: peer.upload_rate,
            downloaded: peer.downloaded,
            uploaded: peer.uploaded,
            idle_ms: milliseconds(peer.idle),
            round_trip_ms: milliseconds(peer.round_trip),
            kind: peer.kind.number(),
            transport: peer.transport.number(),
            encryption: peer.encryption.number(),
            sources: bits(peer.sources),
            outgoing_requests: peer.outgoing_requests,
            incoming_requests: peer.incoming_requests,
            hash_failures: peer.hash_failures,
            failures: peer.failures,
            progress: peer.progress,
            id: peer.id,
            seed: peer.seed,
            outgoing: peer.outgoing,
            connecting: peer.connecting,
            am_interested: peer.am_interested,
            am_choking: peer.am_choking,
            peer_interested: peer.peer_interested,
            peer_choking: peer.peer_choking,
            snubbed: peer.snubbed,
            optimistic_unchoke: peer.optimistic_unchoke,
            suspected: peer.suspected,
            reserved: [0; 6],
        }
    }
}

/// A snapshot of the peers of a torrent. Several threads may read it at once.
pub struct patron_peers {
    list: List<Peer>,
}

/// Asks for the peers that a torrent is connected or connecting to; patron_reply_peers() reads the
/// answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_peers(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.peers(id)))
}

/// For patron_get_peers(): the peers, a new object for each call. Free it with patron_peers_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_peers(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_peers>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "peers", |peers: &Vec<Peer>| patron_peers {
            list: peers.clone().into(),
        })
    })
}

/// Frees the list. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_free(peers: Option<Box<patron_peers>>) {
    release(peers);
}

/// The number of peers.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_count(peers: Option<&patron_peers>) -> usize {
    count(peers.map(|peers| &peers.list))
}

/// Copies the peers from index `first` on into an array of `capacity` structs, and writes their
/// number to `written`. `struct_size` is sizeof(patron_peer).
///
/// Errors: INVALID_ARGUMENT for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_peers_read(
    peers: Option<&patron_peers>,
    first: usize,
    out: *mut patron_peer,
    struct_size: usize,
    capacity: usize,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    let room = Room(out, struct_size, capacity);
    // SAFETY: the caller gives the size of its structs and how many there are.
    unsafe { read_into((peers.map(|peers| &peers.list), "peers"), first, room, written, error) }
}

/// The address of a peer, "127.0.0.1:6881"; empty for a web seed whose host name has not been
/// resolved yet, and for an I2P peer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_address(peers: Option<&patron_peers>, index: usize) -> patron_text {
    let address = |peer: &Peer| Some(peer.address?.to_string());
    text_of(peers.map(|peers| &peers.list), "address", index, address)
}

/// The local address of the connection to a peer, in the same form.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_local_address(
    peers: Option<&patron_peers>,
    index: usize,
) -> patron_text {
    let address = |peer: &Peer| Some(peer.local_address?.to_string());
    text_of(peers.map(|peers| &peers.list), "local address", index, address)
}

/// The client name that a peer reports or that is derived from its peer id; for a web seed, its
/// URL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_client(peers: Option<&patron_peers>, index: usize) -> patron_text {
    let client = |peer: &Peer| Some(peer.client.to_string());
    text_of(peers.map(|peers| &peers.list), "client", index, client)
}

/// Connects a torrent to a peer, written "127.0.0.1:6881" or "[::1]:6881", when the torrent can
/// have another connection.
///
/// Errors: INVALID_ARGUMENT if it is not an address and port. Of the reply: INVALID_ARGUMENT if the
/// client is offline and the peer is not on the loopback interface.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_connect_peer(
    patron: *mut patron_handle,
    torrent_id: u64,
    address: *const c_char,
    address_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the address.
        let peer = unsafe { peer(address, address_length) }?;
        Ok(patron.connect_peer(id, peer))
    })
}

/// Removes all known peers of a torrent and closes its connections.
#[unsafe(no_mangle)]
pub extern "C" fn patron_clear_peers(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.clear_peers(id)))
}
