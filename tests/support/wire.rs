//! The messages between peers (BEP 3, 6, 9, 10), for peers that ask for what no client would, or do harm.

use std::io::{Read, Result, Write};

use torrent_patron::metainfo::Metainfo;

use super::bencode::{dict, number};

pub const CHOKE: u8 = 0;
pub const UNCHOKE: u8 = 1;
pub const INTERESTED: u8 = 2;
pub const HAVE: u8 = 4;
pub const BITFIELD: u8 = 5;
pub const REQUEST: u8 = 6;
pub const PIECE: u8 = 7;
pub const CANCEL: u8 = 8;
pub const HAVE_ALL: u8 = 14;
pub const HAVE_NONE: u8 = 15;
pub const REJECT: u8 = 16;
pub const EXTENDED: u8 = 20;
pub const HASH_REQUEST: u8 = 21;
pub const HASHES: u8 = 22;
pub const HASH_REJECT: u8 = 23;

/// Bits of the reserved bytes of a handshake.
pub const FAST: u64 = 0x04;
pub const PROTOCOL_V2: u64 = 0x10;
pub const EXTENSIONS: u64 = 0x10_0000;

pub const HANDSHAKE_LENGTH: usize = 68;

pub fn handshake(reserved: u64, info_hash: &[u8], peer_id: &[u8; 20]) -> Vec<u8> {
    [b"\x13BitTorrent protocol", &reserved.to_be_bytes()[..], info_hash, peer_id].concat()
}

/// The info hash that stands in a handshake.
pub fn info_hash(metainfo: &Metainfo) -> Vec<u8> {
    let hashes = metainfo.info_hashes;
    match (hashes.v1, hashes.v2) {
        (Some(v1), _) => v1.0.to_vec(),
        (None, Some(v2)) => v2.0[..20].to_vec(),
        (None, None) => unreachable!(),
    }
}

/// Reads a handshake, and answers it with one for the same torrent.
pub fn answer_handshake(
    stream: &mut (impl Read + Write),
    reserved: u64,
    peer_id: &[u8; 20],
) -> Result<()> {
    let mut theirs = [0; HANDSHAKE_LENGTH];
    stream.read_exact(&mut theirs)?;
    stream.write_all(&handshake(reserved, &theirs[28..48], peer_id))
}

pub fn message(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len() + 1).unwrap();
    [&length.to_be_bytes()[..], &[kind], payload].concat()
}

/// The request for a block.
pub fn request(piece: u32, offset: u32, length: u32) -> Vec<u8> {
    message(REQUEST, &[piece, offset, length].map(u32::to_be_bytes).concat())
}

pub fn send(stream: &mut impl Write, kind: u8, payload: &[u8]) -> Result<()> {
    stream.write_all(&message(kind, payload))
}

/// The kind and the payload of the next message that is not a keep-alive.
pub fn receive(stream: &mut impl Read) -> Result<(u8, Vec<u8>)> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut message = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut message)?;
        if !message.is_empty() {
            let payload = message.split_off(1);
            return Ok((message[0], payload));
        }
    }
}

/// The payload of the next message of this kind; others are skipped.
pub fn receive_only(stream: &mut impl Read, wanted: u8) -> Result<Vec<u8>> {
    loop {
        let (kind, payload) = receive(stream)?;
        if kind == wanted {
            return Ok(payload);
        }
    }
}

pub fn number_at(payload: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(payload[at..at + 4].try_into().unwrap())
}

/// Offers metadata of this size.
pub fn offer_metadata(stream: &mut impl Write, size: usize) -> Result<()> {
    let ours = dict([("m", dict([("ut_metadata", number(1))])), ("metadata_size", number(size))]);
    send(stream, EXTENDED, &[&[0], &ours[..]].concat())
}

/// Answers one request for metadata.
pub fn serve_metadata(stream: &mut (impl Read + Write), metadata: &[u8]) -> Result<()> {
    let mut theirs = 0;
    loop {
        let message = receive_only(stream, EXTENDED)?;
        match message[0] {
            0 => theirs = metadata_id(&message).unwrap_or(0),
            1 => break,
            _ => {}
        }
    }
    let head = dict([
        ("msg_type", number(1)),
        ("piece", number(0)),
        ("total_size", number(metadata.len())),
    ]);
    send(stream, EXTENDED, &[&[theirs], &head[..], metadata].concat())
}

/// The number that the other end assigns to metadata messages in its extended handshake.
fn metadata_id(handshake: &[u8]) -> Option<u8> {
    let key = b"11:ut_metadatai";
    let at = handshake.windows(key.len()).position(|window| window == key)? + key.len();
    let digits = handshake[at..].iter().take_while(|byte| byte.is_ascii_digit());
    String::from_utf8(digits.copied().collect()).ok()?.parse().ok()
}
