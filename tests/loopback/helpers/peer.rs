//! A peer that requests blocks, one by one.

use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};

use torrent_patron::metainfo::Metainfo;

use crate::support::{PATIENCE, wire};

/// The length of a block.
pub(crate) const BLOCK: usize = 16 * 1024;

/// A connection that acknowledges at once. libtorrent writes the header of a block and then the
/// block, if it had to wait for the disk; the kernel holds back the second write (Nagle) until this
/// end has acknowledged the first, which it would otherwise delay by 40 ms.
#[derive(Debug)]
pub(crate) struct Prompt(pub(crate) TcpStream);

impl Read for Prompt {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        // The kernel resets it now and then.
        #[cfg(target_os = "linux")]
        rustix::net::sockopt::set_tcp_quickack(&self.0, true)?;
        self.0.read(buffer)
    }
}

impl Write for Prompt {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        self.0.write(buffer)
    }

    fn flush(&mut self) -> Result<()> {
        self.0.flush()
    }
}

/// A peer that requests blocks (BEP 3, BEP 6).
pub(crate) struct Peer<S = Prompt> {
    pub(crate) stream: S,
    /// The pieces that the other end has announced so far.
    pub(crate) had: Vec<u32>,
}

pub(crate) enum BlockResponse {
    /// The piece, the offset in it, and the data.
    Block(u32, u32, Vec<u8>),
    Rejected,
}

impl Peer {
    /// Connects and waits until it is unchoked.
    pub(crate) fn connect(to: SocketAddr, metainfo: &Metainfo) -> Result<Self> {
        let stream = TcpStream::connect(to)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        Self::over(Prompt(stream), metainfo)
    }
}

impl<S: Read + Write> Peer<S> {
    /// Waits until it is unchoked.
    pub(crate) fn over(mut stream: S, metainfo: &Metainfo) -> Result<Self> {
        // Of two peers with the same id, libtorrent keeps only one.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mut peer_id = *b"-TP0000-............";
        peer_id[12..].copy_from_slice(&number.to_be_bytes());
        let hello = wire::handshake(wire::FAST, &wire::info_hash(metainfo), &peer_id);
        stream.write_all(&hello)?;
        stream.read_exact(&mut [0; wire::HANDSHAKE_LENGTH])?;
        wire::send(&mut stream, wire::HAVE_NONE, &[])?;
        wire::send(&mut stream, wire::INTERESTED, &[])?;
        let mut peer = Self { stream, had: Vec::new() };
        while peer.message()?.0 != wire::UNCHOKE {}
        Ok(peer)
    }

    pub(crate) fn message(&mut self) -> Result<(u8, Vec<u8>)> {
        let (kind, payload) = wire::receive(&mut self.stream)?;
        if kind == wire::HAVE {
            self.had.push(wire::number_at(&payload, 0));
        }
        Ok((kind, payload))
    }

    pub(crate) fn request(&mut self, piece: u32, offset: u32, length: usize) -> Result<()> {
        self.stream.write_all(&wire::request(piece, offset, length as u32))
    }

    pub(crate) fn answer(&mut self) -> Result<BlockResponse> {
        loop {
            let (kind, body) = self.message()?;
            let number = |at: usize| wire::number_at(&body, at);
            match kind {
                wire::PIECE => {
                    return Ok(BlockResponse::Block(number(0), number(4), body[8..].to_vec()));
                }
                wire::REJECT => return Ok(BlockResponse::Rejected),
                _ => {}
            }
        }
    }

    /// Requests one block, which must be correct; `None` if it was refused.
    pub(crate) fn block(
        &mut self,
        piece: u32,
        all: &[u8],
        piece_length: usize,
    ) -> Result<Option<()>> {
        let begin = piece as usize * piece_length;
        let length = BLOCK.min(all.len() - begin);
        self.request(piece, 0, length)?;
        match self.answer()? {
            BlockResponse::Rejected => Ok(None),
            BlockResponse::Block(from, offset, bytes) => {
                assert_eq!((from, offset), (piece, 0));
                assert!(bytes == all[begin..begin + length], "piece {piece} is wrong");
                Ok(Some(()))
            }
        }
    }
}
