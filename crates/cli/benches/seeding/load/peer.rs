//! One connection of a swarm: what to expect next from the stream, and what to request.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;

use anyhow::{Context, Result, bail, ensure};
use rustix::net::{RecvFlags, recv};

use super::QUANTUM;
use super::pieces::Pieces;
use super::wire::{
    BLOCK, BLOCK_HEADER, Block, CHOKE, HANDSHAKE, MAX_MESSAGE, PIECE, UNCHOKE, check_block,
    check_handshake, request,
};

/// How many blocks after one with a parsed header are discarded with it. All requested blocks have the same
/// length and a seeder has nothing else to send, so this saves most system calls. If the seeder does send
/// something else, the next header is invalid, and the connection fails.
const TRAIN: u32 = 14;

pub(crate) struct Peer {
    stream: TcpStream,
    /// An index in the torrents of the swarm.
    torrent: usize,
    pub(crate) choked: bool,
    pipeline: u32,
    /// The number of requested blocks that have not arrived.
    outstanding: u32,
    /// The block to request next.
    next: Option<Block>,
    /// Requests that the socket has not accepted yet.
    unsent: Vec<u8>,
    expect: Expect,
    /// The beginning of an incomplete message.
    head: [u8; HANDSHAKE],
    head_len: usize,
}

/// What to expect next from the stream.
#[derive(Clone, Copy)]
enum Expect {
    Handshake,
    Message,
    /// The rest of a block, followed by `more` whole blocks with their headers.
    Payload {
        block: Block,
        left: usize,
        more: u32,
    },
    Ignored {
        left: usize,
    },
}

impl Peer {
    /// Takes over a non-blocking connection after the handshake.
    pub(crate) fn new(stream: TcpStream, torrent: usize, pipeline: u32) -> Self {
        Self {
            stream,
            torrent,
            choked: true,
            pipeline,
            outstanding: 0,
            next: None,
            unsent: Vec::new(),
            expect: Expect::Handshake,
            head: [0; HANDSHAKE],
            head_len: 0,
        }
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.outstanding == 0
    }

    /// Receives data, and requests more.
    pub(crate) fn serve(&mut self, pieces: &mut Pieces, buffer: &mut [u8]) -> Result<()> {
        let mut taken = 0;
        while taken < QUANTUM {
            match self.receive(pieces, buffer)? {
                Some(received) => taken += received,
                None => break,
            }
        }
        self.request(pieces)
    }

    /// Reads once from the socket. Returns `None` if the socket is empty.
    fn receive(&mut self, pieces: &mut Pieces, buffer: &mut [u8]) -> Result<Option<usize>> {
        let most = match self.expect {
            Expect::Payload { left, .. } => left.min(buffer.len()),
            _ if pieces.are_discarded() => BLOCK_HEADER,
            _ => buffer.len(),
        };
        let result = match self.expect {
            // Only the length of the buffer matters here: the kernel does not write to it.
            Expect::Payload { .. } if pieces.are_discarded() => {
                recv(&self.stream, &mut buffer[..most], RecvFlags::TRUNC)
                    .map(|(_, length)| length)
                    .map_err(io::Error::from)
            }
            _ => self.stream.read(&mut buffer[..most]),
        };
        let received = match result {
            Ok(0) => bail!("the seeder closed it"),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error).context("cannot receive"),
        };
        self.consume(&buffer[..received], pieces)?;
        Ok((received == most).then_some(received))
    }

    fn consume(&mut self, mut data: &[u8], pieces: &mut Pieces) -> Result<()> {
        while !data.is_empty() {
            match &mut self.expect {
                Expect::Handshake => {
                    if self.gather(&mut data, HANDSHAKE) {
                        check_handshake(&self.head, &pieces.torrents[self.torrent])?;
                        self.expect_message();
                    }
                }
                Expect::Message => self.parse_message(&mut data, pieces)?,
                Expect::Payload { block, left, more } => {
                    let part = split(&mut data, *left);
                    pieces.take(self.torrent, *block, part)?;
                    block.begin += part.len() as u32;
                    *left -= part.len();
                    if *left == 0 {
                        pieces.bytes -= u64::from(*more) * BLOCK_HEADER as u64;
                        // A choke has set it to 0, and blocks that were on their way still arrive.
                        self.outstanding = self.outstanding.saturating_sub(1 + *more);
                        self.expect_message();
                    }
                }
                Expect::Ignored { left } => {
                    *left -= split(&mut data, *left).len();
                    if *left == 0 {
                        self.expect_message();
                    }
                }
            }
        }
        Ok(())
    }

    fn expect_message(&mut self) {
        self.expect = Expect::Message;
        self.head_len = 0;
    }

    /// Parses a message up to its payload, as far as `data` goes.
    fn parse_message(&mut self, data: &mut &[u8], pieces: &Pieces) -> Result<()> {
        if !self.gather(data, 4) {
            return Ok(());
        }
        let length = self.head_u32(0) as usize;
        if length == 0 {
            self.expect_message(); // a keep-alive
            return Ok(());
        }
        ensure!(length <= MAX_MESSAGE, "a message of {length} bytes");
        if !self.gather(data, 5) {
            return Ok(());
        }
        match self.head[4] {
            CHOKE => {
                // Without the fast extension, a choke drops all requests without an answer.
                ensure!(pieces.are_discarded(), "choked before every piece was verified");
                self.choked = true;
                self.outstanding = 0;
            }
            UNCHOKE => self.choked = false,
            PIECE => {
                if self.gather(data, BLOCK_HEADER) {
                    let block = Block { piece: self.head_u32(5), begin: self.head_u32(9) };
                    let left = (length + 4).saturating_sub(BLOCK_HEADER);
                    check_block(block, left, &pieces.torrents[self.torrent])?;
                    let more = if pieces.are_discarded() {
                        self.outstanding.saturating_sub(1).min(TRAIN)
                    } else {
                        0
                    };
                    let left = left + more as usize * (BLOCK_HEADER + BLOCK as usize);
                    self.expect = Expect::Payload { block, left, more };
                }
                return Ok(());
            }
            _ => {}
        }
        match length - 1 {
            0 => self.expect_message(),
            left => self.expect = Expect::Ignored { left },
        }
        Ok(())
    }

    /// Moves bytes from `data` until the head has `needed` bytes. Returns whether it has.
    fn gather(&mut self, data: &mut &[u8], needed: usize) -> bool {
        let missing = needed.saturating_sub(self.head_len);
        let part = split(data, missing);
        self.head[self.head_len..][..part.len()].copy_from_slice(part);
        self.head_len += part.len();
        self.head_len >= needed
    }

    fn head_u32(&self, at: usize) -> u32 {
        u32::from_be_bytes([self.head[at], self.head[at + 1], self.head[at + 2], self.head[at + 3]])
    }

    /// Refills the pipeline when a quarter of it has arrived, to send many requests in one packet.
    pub(crate) fn request(&mut self, pieces: &mut Pieces) -> Result<()> {
        let asks = pieces.asking && !self.choked;
        if asks && self.outstanding <= self.pipeline - self.pipeline.div_ceil(4) {
            while self.outstanding < self.pipeline {
                let Some(block) = self.next.or_else(|| pieces.pick(self.torrent)) else {
                    break;
                };
                let piece_size = pieces.torrents[self.torrent].piece_size(block.piece);
                let length = BLOCK.min(piece_size - block.begin);
                self.unsent.extend_from_slice(&request(block, length));
                self.outstanding += 1;
                let begin = block.begin + length;
                self.next = (begin < piece_size).then_some(Block { begin, ..block });
            }
        }
        // The rest is sent with the next block that arrives.
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("cannot send requests"),
            }
        }
        Ok(())
    }
}

/// Takes up to `most` bytes from the front of `data`.
fn split<'d>(data: &mut &'d [u8], most: usize) -> &'d [u8] {
    let (front, rest) = data.split_at(data.len().min(most));
    *data = rest;
    front
}
