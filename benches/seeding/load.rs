//! A leecher that costs little: it asks for random pieces on many connections and throws them away.
//!
//! One thread, one epoll. Of a block only the header is copied to user space; the kernel discards the
//! payload (`MSG_TRUNC`), so that on a small machine the seeder is what is measured. A swarm with
//! [`Plan::Verify`] keeps the payload instead, and holds each piece to its hash.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags, recv};
use rustix::time::{ClockId, clock_gettime};
use sha1::{Digest, Sha1};

const BLOCK: u32 = 16 * 1024;
const BLOCK_HEADER: usize = 13;
const HANDSHAKE: usize = 68;

const CHOKE: u8 = 0;
const UNCHOKE: u8 = 1;
const INTERESTED: u8 = 2;
const REQUEST: u8 = 6;
const PIECE: u8 = 7;

/// What one connection may take before the next one gets its turn.
const QUANTUM: usize = 1 << 20;
/// The longest message that is not a block; a bitfield is far shorter.
const MAX_MESSAGE: usize = 1 << 20;
/// A seeder that sends nothing for so long has failed.
const STALL: Duration = Duration::from_secs(5);
/// How long a seeder may take to unchoke as many connections as it has upload slots for.
const UNCHOKE_GRACE: Duration = Duration::from_secs(2);

/// What a leecher has to know of a torrent.
pub(crate) struct Torrent {
    pub(crate) info_hash: [u8; 20],
    pub(crate) piece_hashes: Vec<[u8; 20]>,
    pub(crate) piece_length: u32,
    pub(crate) size: u64,
}

impl Torrent {
    fn pieces(&self) -> u32 {
        self.piece_hashes.len() as u32
    }

    fn piece_size(&self, piece: u32) -> u32 {
        let start = u64::from(piece) * u64::from(self.piece_length);
        (self.size - start).min(self.piece_length.into()) as u32
    }
}

/// Which pieces a swarm asks for, and what it does with them.
pub(crate) enum Plan {
    /// Random pieces without end, thrown away.
    Discard { seed: u64 },
    /// Each piece once, held to its hash.
    Verify,
}

/// What came in a stretch of time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
    /// Processor time of the load generator itself.
    pub(crate) cpu: Duration,
}

/// Waits until the seeder at `address` answers a handshake for the torrent.
pub(crate) fn wait_until_served(
    address: SocketAddr,
    torrent: &Torrent,
    deadline: Instant,
) -> Result<()> {
    loop {
        match shake_hands(address, torrent, deadline) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() >= deadline => {
                return Err(error.context(format!("{address} does not serve the torrent")));
            }
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn shake_hands(address: SocketAddr, torrent: &Torrent, deadline: Instant) -> Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, time_left(deadline)?)?;
    stream.set_read_timeout(Some(time_left(deadline)?))?;
    stream.write_all(&handshake(torrent, u32::MAX))?;
    let mut answer = [0; HANDSHAKE];
    stream.read_exact(&mut answer)?;
    check_handshake(&answer, torrent)
}

/// Connections to one seeder that all ask for pieces of one torrent.
pub(crate) struct Swarm<'a> {
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    peers: Vec<Peer>,
    pieces: Pieces<'a>,
    buffer: Vec<u8>,
}

impl<'a> Swarm<'a> {
    /// Connects, and waits until every connection is unchoked, or all that the seeder has upload
    /// slots for. Each keeps up to `pipeline` requests outstanding.
    pub(crate) fn connect(
        address: SocketAddr,
        torrent: &'a Torrent,
        connections: u32,
        pipeline: u32,
        plan: Plan,
        deadline: Instant,
    ) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("cannot make an epoll")?;
        let mut peers = Vec::new();
        for id in 0..connections {
            let peer = Peer::connect(address, torrent, id, pipeline, deadline)
                .with_context(|| format!("connection {id} to {address}"))?;
            let data = epoll::EventData::new_u64(id.into());
            epoll::add(&epoll, &peer.stream, data, epoll::EventFlags::IN)?;
            peers.push(peer);
        }

        let mut swarm = Self {
            epoll,
            ready: Vec::with_capacity(peers.len()),
            peers,
            pieces: Pieces::new(torrent, plan),
            buffer: vec![0; 256 * 1024],
        };
        let connected = Instant::now();
        while swarm.unchoked() < connections && connected.elapsed() < UNCHOKE_GRACE {
            swarm.turn()?;
        }
        ensure!(swarm.unchoked() > 0, "the seeder unchokes nobody");
        Ok(swarm)
    }

    /// How many connections the seeder serves.
    pub(crate) fn unchoked(&self) -> u32 {
        self.peers.iter().filter(|peer| !peer.choked).count() as u32
    }

    /// Takes what the seeder gives for as long as `window`.
    pub(crate) fn run_for(&mut self, window: Duration) -> Result<Taken> {
        self.ask(true)?;
        self.run_until(|_, elapsed| elapsed >= window)
    }

    /// Takes every piece, until the last one of [`Plan::Verify`] is verified.
    pub(crate) fn run_to_end(&mut self, deadline: Instant) -> Result<()> {
        self.run_until(|swarm, _| swarm.pieces.all_verified() || Instant::now() >= deadline)?;
        ensure!(self.pieces.all_verified(), "not every piece came before the deadline");
        Ok(())
    }

    /// Asks for nothing more and takes what was asked for, so that the seeder comes to rest.
    pub(crate) fn drain(&mut self) -> Result<()> {
        self.ask(false)?;
        self.run_until(|swarm, _| swarm.peers.iter().all(|peer| peer.outstanding == 0))?;
        Ok(())
    }

    fn ask(&mut self, asking: bool) -> Result<()> {
        self.pieces.asking = asking;
        self.peers.iter_mut().try_for_each(|peer| peer.request(&mut self.pieces))
    }

    fn run_until(&mut self, done: impl Fn(&Self, Duration) -> bool) -> Result<Taken> {
        let (start, cpu, bytes) = (Instant::now(), thread_cpu(), self.pieces.bytes);
        let (mut last_arrival, mut last_bytes) = (start, bytes);
        loop {
            let now = Instant::now();
            if done(self, now - start) {
                return Ok(Taken {
                    bytes: self.pieces.bytes - bytes,
                    elapsed: now - start,
                    cpu: thread_cpu() - cpu,
                });
            }
            if self.pieces.bytes > last_bytes {
                (last_arrival, last_bytes) = (now, self.pieces.bytes);
            }
            ensure!(now - last_arrival < STALL, "the seeder has sent nothing for {STALL:?}");
            self.turn()?;
        }
    }

    /// Serves each connection that has something to read.
    fn turn(&mut self) -> Result<()> {
        let timeout = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
        self.ready.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.ready), Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            ended => ended.context("cannot wait for the connections")?,
        };
        for event in &self.ready {
            let id = event.data.u64() as usize;
            self.peers[id]
                .serve(&mut self.pieces, &mut self.buffer)
                .with_context(|| format!("connection {id}"))?;
        }
        Ok(())
    }
}

/// One connection to the seeder.
struct Peer {
    stream: TcpStream,
    choked: bool,
    pipeline: u32,
    /// Blocks that were asked for and have not come.
    outstanding: u32,
    /// The block to ask for next.
    next: Option<Block>,
    /// Requests that the socket has not taken yet.
    unsent: Vec<u8>,
    expect: Expect,
    /// The beginning of a message that has not come whole.
    head: [u8; HANDSHAKE],
    head_len: usize,
}

/// What the stream brings next.
#[derive(Clone, Copy)]
enum Expect {
    Handshake,
    Message,
    Payload { block: Block, left: usize },
    Ignored { left: usize },
}

#[derive(Clone, Copy)]
struct Block {
    piece: u32,
    begin: u32,
}

impl Peer {
    fn connect(
        address: SocketAddr,
        torrent: &Torrent,
        id: u32,
        pipeline: u32,
        deadline: Instant,
    ) -> Result<Self> {
        let mut stream = TcpStream::connect_timeout(&address, time_left(deadline)?)?;
        stream.set_nodelay(true)?;
        stream.write_all(&handshake(torrent, id))?;
        stream.write_all(&[0, 0, 0, 1, INTERESTED])?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            choked: true,
            pipeline,
            outstanding: 0,
            next: None,
            unsent: Vec::new(),
            expect: Expect::Handshake,
            head: [0; HANDSHAKE],
            head_len: 0,
        })
    }

    /// Takes what has come, and asks for more.
    fn serve(&mut self, pieces: &mut Pieces, buffer: &mut [u8]) -> Result<()> {
        let mut taken = 0;
        while taken < QUANTUM {
            match self.receive(pieces, buffer)? {
                0 => break,
                received => taken += received,
            }
        }
        self.request(pieces)
    }

    /// Takes one helping from the socket; 0 says that the socket is empty.
    fn receive(&mut self, pieces: &mut Pieces, buffer: &mut [u8]) -> Result<usize> {
        let result = match self.expect {
            // Only the length of the buffer counts here: the kernel does not write to it.
            Expect::Payload { left, .. } if pieces.are_discarded() => {
                recv(&self.stream, &mut buffer[..left], RecvFlags::TRUNC)
                    .map(|(_, length)| length)
                    .map_err(io::Error::from)
            }
            _ if pieces.are_discarded() => self.stream.read(&mut buffer[..BLOCK_HEADER]),
            _ => self.stream.read(buffer),
        };
        let received = match result {
            Ok(0) => bail!("the seeder closed it"),
            Ok(received) => received,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) => return Err(error).context("cannot receive"),
        };
        self.consume(&buffer[..received], pieces)?;
        Ok(received)
    }

    fn consume(&mut self, mut data: &[u8], pieces: &mut Pieces) -> Result<()> {
        while !data.is_empty() {
            match &mut self.expect {
                Expect::Handshake => {
                    if self.gather(&mut data, HANDSHAKE) {
                        check_handshake(&self.head, pieces.torrent)?;
                        self.expect_message();
                    }
                }
                Expect::Message => self.parse_message(&mut data, pieces)?,
                Expect::Payload { block, left } => {
                    let part = split(&mut data, *left);
                    pieces.take(*block, part)?;
                    block.begin += part.len() as u32;
                    *left -= part.len();
                    if *left == 0 {
                        // A choke has set it to 0, and blocks that were on their way still come.
                        self.outstanding = self.outstanding.saturating_sub(1);
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

    /// Reads a message up to its payload, as far as `data` goes.
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
                // Without the fast extension a choke drops all requests, unanswered.
                ensure!(pieces.are_discarded(), "choked before every piece was verified");
                self.choked = true;
                self.outstanding = 0;
            }
            UNCHOKE => self.choked = false,
            PIECE => {
                if self.gather(data, BLOCK_HEADER) {
                    let block = Block { piece: self.head_u32(5), begin: self.head_u32(9) };
                    let left = (length + 4).saturating_sub(BLOCK_HEADER);
                    check_block(block, left, pieces.torrent)?;
                    self.expect = Expect::Payload { block, left };
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

    /// Moves bytes from `data` until the head has `needed` of them, and says whether it has.
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

    /// Fills the pipeline again once a quarter of it has come: many requests in one packet.
    fn request(&mut self, pieces: &mut Pieces) -> Result<()> {
        let asks = pieces.asking && !self.choked;
        if asks && self.outstanding <= self.pipeline - self.pipeline.div_ceil(4) {
            while self.outstanding < self.pipeline {
                let Some(block) = self.next.or_else(|| pieces.pick()) else {
                    break;
                };
                let piece_size = pieces.torrent.piece_size(block.piece);
                let length = BLOCK.min(piece_size - block.begin);
                self.unsent.extend_from_slice(&request(block, length));
                self.outstanding += 1;
                let begin = block.begin + length;
                self.next = (begin < piece_size).then_some(Block { begin, ..block });
            }
        }
        // What does not fit goes out with the next block that comes.
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

/// The pieces that a swarm asks for, and what becomes of them.
struct Pieces<'a> {
    torrent: &'a Torrent,
    /// Whether requests are sent.
    asking: bool,
    bytes: u64,
    state: State,
}

enum State {
    Discard { random: u64 },
    Verify { next: u32, verified: u32, partial: HashMap<u32, Partial> },
}

/// A piece of which some blocks have come.
struct Partial {
    data: Vec<u8>,
    missing: usize,
}

impl<'a> Pieces<'a> {
    fn new(torrent: &'a Torrent, plan: Plan) -> Self {
        let state = match plan {
            Plan::Discard { seed } => State::Discard { random: seed },
            Plan::Verify => State::Verify { next: 0, verified: 0, partial: HashMap::new() },
        };
        Self { torrent, asking: true, bytes: 0, state }
    }

    fn are_discarded(&self) -> bool {
        matches!(self.state, State::Discard { .. })
    }

    fn all_verified(&self) -> bool {
        matches!(self.state, State::Verify { verified, .. } if verified == self.torrent.pieces())
    }

    /// The first block of the piece to ask for next.
    fn pick(&mut self) -> Option<Block> {
        let piece = match &mut self.state {
            State::Discard { random } => {
                (split_mix(random) % u64::from(self.torrent.pieces())) as u32
            }
            State::Verify { next, partial, .. } => {
                let piece = *next;
                if piece == self.torrent.pieces() {
                    return None;
                }
                *next += 1;
                let size = self.torrent.piece_size(piece) as usize;
                partial.insert(piece, Partial { data: vec![0; size], missing: size });
                piece
            }
        };
        Some(Block { piece, begin: 0 })
    }

    fn take(&mut self, at: Block, payload: &[u8]) -> Result<()> {
        self.bytes += payload.len() as u64;
        let State::Verify { verified, partial, .. } = &mut self.state else {
            return Ok(());
        };
        let index = at.piece;
        let piece = partial
            .get_mut(&index)
            .with_context(|| format!("a block of piece {index}, which nobody asked for"))?;
        piece.data[at.begin as usize..][..payload.len()].copy_from_slice(payload);
        piece.missing = piece
            .missing
            .checked_sub(payload.len())
            .with_context(|| format!("a block of piece {index} came twice"))?;
        if piece.missing == 0 {
            let hash: [u8; 20] = Sha1::digest(&piece.data).into();
            ensure!(hash == self.torrent.piece_hashes[index as usize], "piece {index} is wrong");
            partial.remove(&index);
            *verified += 1;
        }
        Ok(())
    }
}

/// Takes up to `most` bytes off the front of `data`.
fn split<'d>(data: &mut &'d [u8], most: usize) -> &'d [u8] {
    let (front, rest) = data.split_at(data.len().min(most));
    *data = rest;
    front
}

fn handshake(torrent: &Torrent, id: u32) -> [u8; HANDSHAKE] {
    let mut handshake = [0; HANDSHAKE];
    handshake[..20].copy_from_slice(b"\x13BitTorrent protocol");
    handshake[28..48].copy_from_slice(&torrent.info_hash);
    handshake[48..].copy_from_slice(format!("-TP0000-{id:012}").as_bytes());
    handshake
}

fn check_handshake(answer: &[u8; HANDSHAKE], torrent: &Torrent) -> Result<()> {
    ensure!(answer.starts_with(b"\x13BitTorrent protocol"), "the other end speaks no BitTorrent");
    ensure!(answer[28..48] == torrent.info_hash, "the other end has another torrent");
    Ok(())
}

fn request(block: Block, length: u32) -> [u8; 17] {
    let mut request = [0; 17];
    request[3] = 13;
    request[4] = REQUEST;
    request[5..9].copy_from_slice(&block.piece.to_be_bytes());
    request[9..13].copy_from_slice(&block.begin.to_be_bytes());
    request[13..].copy_from_slice(&length.to_be_bytes());
    request
}

/// Whether a block of this length is one that may have been asked for.
fn check_block(block: Block, length: usize, torrent: &Torrent) -> Result<()> {
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

fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// SplitMix64: random enough for data and piece numbers, and the same in every run.
pub(crate) fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
