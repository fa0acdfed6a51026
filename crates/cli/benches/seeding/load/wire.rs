//! The parts of the peer protocol that a leecher needs which uploads nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use rustix::net::sockopt::{Timeout, set_socket_timeout};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};

use crate::data::Torrent;

pub(crate) const BLOCK: u32 = 16 * 1024;
/// The header of a block's message: length, kind, piece and begin.
pub(crate) const BLOCK_HEADER: usize = 13;
pub(crate) const HANDSHAKE: usize = 68;
/// The longest message that is not a block; a bitfield is far shorter.
pub(crate) const MAX_MESSAGE: usize = 1 << 20;

pub(crate) const CHOKE: u8 = 0;
pub(crate) const UNCHOKE: u8 = 1;
const INTERESTED: u8 = 2;
pub(crate) const BITFIELD: u8 = 5;
const REQUEST: u8 = 6;
pub(crate) const PIECE: u8 = 7;

#[derive(Clone, Copy)]
pub(crate) struct Block {
    pub(crate) piece: u32,
    pub(crate) begin: u32,
}

/// Opens a connection, and sends the handshake and that it is interested. Nothing has been read.
///
/// Each connection comes from a different loopback address, because most seeders accept one connection per
/// address.
pub(crate) fn call(to: SocketAddr, torrent: &Torrent, deadline: Instant) -> Result<TcpStream> {
    static CALLS: AtomicU32 = AtomicU32::new(0);
    let number = CALLS.fetch_add(1, Ordering::Relaxed);
    let first = Ipv4Addr::new(127, 1, 0, 0).to_bits();
    let from = SocketAddr::from((Ipv4Addr::from_bits(first + number), 0));

    let socket = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&socket, &from)?;
    // Also the time limit of connect.
    set_socket_timeout(&socket, Timeout::Send, Some(time_left(deadline)?))?;
    connect(&socket, &to)?;
    let mut stream = TcpStream::from(socket);
    stream.set_nodelay(true)?;
    stream.write_all(&handshake(torrent, number))?;
    stream.write_all(&[0, 0, 0, 1, INTERESTED])?;
    Ok(stream)
}

fn handshake(torrent: &Torrent, id: u32) -> [u8; HANDSHAKE] {
    let mut handshake = [0; HANDSHAKE];
    handshake[..20].copy_from_slice(b"\x13BitTorrent protocol");
    handshake[28..48].copy_from_slice(&torrent.info_hash);
    handshake[48..].copy_from_slice(format!("-TP0000-{id:012}").as_bytes());
    handshake
}

pub(crate) fn check_handshake(answer: &[u8; HANDSHAKE], torrent: &Torrent) -> Result<()> {
    ensure!(answer.starts_with(b"\x13BitTorrent protocol"), "the other end speaks no BitTorrent");
    ensure!(answer[28..48] == torrent.info_hash, "the other end has another torrent");
    Ok(())
}

/// Waits for the answer to our handshake.
pub(crate) fn read_handshake(stream: &mut TcpStream, torrent: &Torrent) -> Result<()> {
    let mut answer = [0; HANDSHAKE];
    stream.read_exact(&mut answer)?;
    check_handshake(&answer, torrent)
}

/// Waits for the next message that is not a keep-alive. Returns its kind, and the length of the rest.
pub(crate) fn read_head(stream: &mut TcpStream) -> Result<(u8, usize)> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let length = u32::from_be_bytes(length) as usize;
        ensure!(length <= MAX_MESSAGE, "a message of {length} bytes");
        if length > 0 {
            let mut kind = [0];
            stream.read_exact(&mut kind)?;
            return Ok((kind[0], length - 1));
        }
    }
}

pub(crate) fn read_rest(stream: &mut TcpStream, length: usize) -> Result<Vec<u8>> {
    let mut rest = vec![0; length];
    stream.read_exact(&mut rest)?;
    Ok(rest)
}

pub(crate) fn request(block: Block, length: u32) -> [u8; 17] {
    let mut request = [0; 17];
    request[3] = 13;
    request[4] = REQUEST;
    request[5..9].copy_from_slice(&block.piece.to_be_bytes());
    request[9..13].copy_from_slice(&block.begin.to_be_bytes());
    request[13..].copy_from_slice(&length.to_be_bytes());
    request
}

/// Checks that a block of this length may have been requested.
pub(crate) fn check_block(block: Block, length: usize, torrent: &Torrent) -> Result<()> {
    let Block { piece, begin } = block;
    let expected = (piece < torrent.pieces() && begin % BLOCK == 0)
        .then(|| torrent.piece_size(piece).checked_sub(begin))
        .flatten()
        .map_or(0, |rest| rest.min(BLOCK));
    ensure!(
        length > 0 && length == expected as usize,
        "a wrong block: piece {piece}, begin {begin}, {length} bytes"
    );
    Ok(())
}

fn time_left(deadline: Instant) -> Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    ensure!(!left.is_zero(), "the deadline has passed");
    Ok(left)
}
