//! Peers
//!
//! Whom a torrent is connected to.

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
use torrent_patron::{Encryption, Peer, PeerKind, PeerSource, Transport};

numbers! { PeerKind:
    /// The peer is a BitTorrent client.
    PATRON_PEER_CLIENT = 0 => Client,
    /// A web server (BEP 19).
    PATRON_PEER_WEB_SEED = 1 => WebSeed,
    /// A web server with a script (BEP 17).
    PATRON_PEER_HTTP_SEED = 2 => HttpSeed,
}

numbers! { Transport:
    /// The bytes travel by TCP.
    PATRON_TRANSPORT_TCP = 0 => Tcp,
    /// By uTP (BEP 29).
    PATRON_TRANSPORT_UTP = 1 => Utp,
    /// By the I2P network.
    PATRON_TRANSPORT_I2P = 2 => I2p,
}

numbers! { Encryption:
    /// Nothing hides the bytes on their way.
    PATRON_ENCRYPTION_NONE = 0 => None,
    /// The handshake alone is obfuscated (MSE).
    PATRON_ENCRYPTION_HANDSHAKE = 1 => Handshake,
    /// All is obfuscated with RC4 (MSE).
    PATRON_ENCRYPTION_RC4 = 2 => Rc4,
    /// TLS, of a torrent with a certificate.
    PATRON_ENCRYPTION_TLS = 3 => Tls,
}

numbers! { PeerSource:
    /// A tracker named the peer.
    PATRON_PEER_SOURCE_TRACKER = 1 => Tracker,
    /// The distributed hash table did (BEP 5).
    PATRON_PEER_SOURCE_DHT = 2 => Dht,
    /// Another peer did (BEP 11).
    PATRON_PEER_SOURCE_PEER_EXCHANGE = 4 => PeerExchange,
    /// It is on the local network (BEP 14).
    PATRON_PEER_SOURCE_LOCAL_DISCOVERY = 8 => LocalDiscovery,
    /// It is known from an earlier run.
    PATRON_PEER_SOURCE_RESUME_DATA = 16 => ResumeData,
    /// It called us.
    PATRON_PEER_SOURCE_INCOMING = 32 => Incoming,
}

/// A peer that is connected or being connected to. Rates are bytes per second.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_peer {
    /// Payload and protocol received a second.
    pub download_rate: u64,
    /// Payload and protocol sent a second.
    pub upload_rate: u64,
    /// Payload received, in bytes.
    pub downloaded: u64,
    /// Payload sent, in bytes.
    pub uploaded: u64,
    /// Since anything was sent or received, in milliseconds.
    pub idle_ms: u64,
    /// How long a connection to it takes to open, in milliseconds.
    pub round_trip_ms: u64,
    /// What it is, a PATRON_PEER_*.
    pub kind: i32,
    /// How the bytes travel, a PATRON_TRANSPORT_*.
    pub transport: i32,
    /// What hides them, a PATRON_ENCRYPTION_*.
    pub encryption: i32,
    /// How it was found, all PATRON_PEER_SOURCE_* that apply, combined by "or".
    pub sources: i32,
    /// Blocks that it was asked for.
    pub requested: u32,
    /// Blocks that it asked for.
    pub requests: u32,
    /// Pieces that failed their hash check and that it had part in.
    pub hash_failures: u32,
    /// How often in a row connecting to it failed.
    pub failures: u32,
    /// How much of the torrent it has, from 0 to 1.
    pub progress: f32,
    /// Its peer id (BEP 20).
    pub id: [u8; 20],
    /// It has everything.
    pub seed: bool,
    /// We called it, rather than it us.
    pub outgoing: bool,
    /// The connection is not made, or the handshakes are not done.
    pub connecting: bool,
    /// We want pieces that it has.
    pub interesting: bool,
    /// We do not serve it at present.
    pub choked: bool,
    /// It wants pieces that we have.
    pub interested: bool,
    /// It does not serve us at present.
    pub choking: bool,
    /// It served us, and has not for long.
    pub snubbed: bool,
    /// It is served out of turn, to find out how well it serves us.
    pub optimistic_unchoke: bool,
    /// It had part in a piece that failed its hash check.
    pub suspected: bool,
    /// Zero.
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
            sources: bits(&peer.sources),
            requested: peer.requested,
            requests: peer.requests,
            hash_failures: peer.hash_failures,
            failures: peer.failures,
            progress: peer.progress,
            id: peer.id,
            seed: peer.seed,
            outgoing: peer.outgoing,
            connecting: peer.connecting,
            interesting: peer.interesting,
            choked: peer.choked,
            interested: peer.interested,
            choking: peer.choking,
            snubbed: peer.snubbed,
            optimistic_unchoke: peer.optimistic_unchoke,
            suspected: peer.suspected,
            reserved: [0; 6],
        }
    }
}

/// The peers of a torrent at one moment. Any thread may read it, also several at once.
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

/// Of patron_get_peers(): the peers, a new object for each call. Free it with patron_peers_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no peers, or none yet; BAD_HANDLE.
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

/// Frees the list. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_free(peers: Option<Box<patron_peers>>) {
    release(peers);
}

/// How many peers there are.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_count(peers: Option<&patron_peers>) -> usize {
    count(peers.map(|peers| &peers.list))
}

/// Writes the peers from index `first` on into an array of `capacity` structs, and how many they were
/// to `written`. `struct_size` is sizeof(patron_peer).
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

/// Where a peer is, "127.0.0.1:6881"; empty for a web seed whose name is not looked up yet, and for an
/// I2P peer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_address(peers: Option<&patron_peers>, index: usize) -> patron_text {
    let address = |peer: &Peer| Some(peer.address?.to_string());
    text_of(peers.map(|peers| &peers.list), "address", index, address)
}

/// Our end of the connection to a peer, likewise.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_local_address(
    peers: Option<&patron_peers>,
    index: usize,
) -> patron_text {
    let address = |peer: &Peer| Some(peer.local_address?.to_string());
    text_of(peers.map(|peers| &peers.list), "local address", index, address)
}

/// The name that the client of a peer gives itself, or that its peer id tells; of a web seed, its URL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peers_client(peers: Option<&patron_peers>, index: usize) -> patron_text {
    let client = |peer: &Peer| Some(peer.client.to_string());
    text_of(peers.map(|peers| &peers.list), "client", index, client)
}

/// Tells a torrent of a peer, written "127.0.0.1:6881" or "[::1]:6881", which it calls when it wants
/// one.
///
/// Errors: INVALID_ARGUMENT for what is no address and port; of the reply, where the client is offline
/// and the peer is not on the loopback interface.
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

/// Forgets all peers that a torrent knows of, and ends its connections.
#[unsafe(no_mangle)]
pub extern "C" fn patron_clear_peers(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.clear_peers(id)))
}
