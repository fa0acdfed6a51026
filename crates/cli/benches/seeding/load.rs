//! A leecher with a low cost: it requests pieces on many connections and discards them.
//!
//! One thread with one epoll. Only the header of a block is copied to user space; the kernel discards the
//! payload (`MSG_TRUNC`), so that the seeder is the bottleneck even on a small machine. A swarm with
//! [`Plan::Verify`] keeps the payload instead, and checks the hash of each piece.

mod peer;
mod pieces;
mod probe;
pub(crate) mod sink;
mod wire;

use std::io::{Read, Write};
use std::mem::MaybeUninit;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::{Timespec, epoll};
use rustix::fd::OwnedFd;
use rustix::net::{RecvFlags, recv};

use crate::data::Torrent;
use peer::Peer;
use pieces::Pieces;
pub(crate) use pieces::Plan;
pub(crate) use probe::Probes;
pub(crate) use wire::Block;
use wire::{BITFIELD, call, read_handshake, read_head, read_rest};

/// A seeder that sends nothing for this long has failed.
const STALL: Duration = Duration::from_secs(10);

/// How long the answers of all torrents together may take.
const ROUND: Duration = Duration::from_secs(2);
const DRAIN: Duration = Duration::from_millis(300);

/// How much one connection may receive before it is the next one's turn.
const QUANTUM: usize = 1 << 20;

/// Registers a stream with epoll for reading.
fn watch(epoll: &OwnedFd, stream: &TcpStream, id: u64) -> Result<()> {
    let data = epoll::EventData::new_u64(id);
    Ok(epoll::add(epoll, stream, data, epoll::EventFlags::IN)?)
}

/// What was received in a period of time.
#[derive(Clone, Copy, Default)]
pub(crate) struct Taken {
    pub(crate) bytes: u64,
    pub(crate) elapsed: Duration,
}

/// Returns whether this kernel discards a payload without writing it to the buffer. If it does not,
/// everything still works, at a higher cost.
pub(crate) fn kernel_discards() -> Result<bool> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let mut writer = TcpStream::connect(listener.local_addr()?)?;
    let (mut reader, _) = listener.accept()?;
    writer.write_all(b"discarded, then kept")?;
    let mut buffer = [0; 11];
    let (_, discarded) = recv(&reader, &mut buffer, RecvFlags::TRUNC)?;
    let untouched = buffer == [0; 11];
    let mut rest = [0; 9];
    reader.read_exact(&mut rest)?;
    ensure!(discarded == 11 && &rest == b"then kept", "recv with MSG_TRUNC took something else");
    Ok(untouched)
}

/// Waits until the seeder answers for each torrent that it has all of it.
///
/// Other programs have no event for this, so they are polled.
pub(crate) fn wait_until_complete(
    seeder: SocketAddr,
    torrents: &[Torrent],
    deadline: Instant,
) -> Result<()> {
    let mut incomplete: Vec<_> = torrents.iter().collect();
    loop {
        // All at once, because some answer only from time to time.
        let calls: Vec<_> = incomplete
            .iter()
            .map(|torrent| call(seeder, torrent, Instant::now() + STALL))
            .collect();
        let patience = Instant::now() + ROUND;
        let mut left = Vec::new();
        let mut failure = None;
        for (torrent, stream) in incomplete.into_iter().zip(calls) {
            match stream.and_then(|stream| has_all(stream, torrent, patience)) {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
            left.push(torrent);
        }
        if left.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let why = failure.map_or_else(String::new, |error| format!(": {error:#}"));
            bail!("{} of its torrents are not complete{why}", left.len());
        }
        incomplete = left;
        thread::sleep(Duration::from_millis(50));
    }
}

fn has_all(mut stream: TcpStream, torrent: &Torrent, deadline: Instant) -> Result<bool> {
    let left = deadline.saturating_duration_since(Instant::now());
    stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
    read_handshake(&mut stream, torrent)?;
    loop {
        let (kind, length) = read_head(&mut stream)?;
        let rest = read_rest(&mut stream, length)?;
        if kind == BITFIELD {
            let pieces: u32 = rest.iter().map(|byte| byte.count_ones()).sum();
            return Ok(pieces == torrent.pieces());
        }
    }
}

/// Connections to one seeder.
pub(crate) struct Swarm<'a> {
    epoll: OwnedFd,
    peers: Vec<Peer>,
    pieces: Pieces<'a>,
    buffer: Vec<u8>,
}

impl<'a> Swarm<'a> {
    /// Connects once for each of `connections`, which are indexes into `torrents`, to the addresses in turn.
    /// Each connection keeps up to `pipeline` requests outstanding.
    pub(crate) fn open(
        seeder: &[SocketAddr],
        torrents: &'a [Torrent],
        connections: &[usize],
        pipeline: u32,
        plan: Plan,
        deadline: Instant,
    ) -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC).context("cannot make an epoll")?;
        let mut peers = Vec::new();
        let addresses = seeder.iter().cycle();
        for ((id, &torrent), &address) in connections.iter().enumerate().zip(addresses) {
            let stream = call(address, &torrents[torrent], deadline)
                .with_context(|| format!("connection {id} to {address}"))?;
            stream.set_nonblocking(true)?;
            watch(&epoll, &stream, id as u64)?;
            peers.push(Peer::new(stream, torrent, pipeline));
        }
        let mut pieces = Pieces::new(torrents, plan);
        pieces.asking = false;
        Ok(Self { epoll, peers, pieces, buffer: vec![0; 256 * 1024] })
    }

    /// Waits until every connection is unchoked, or until the deadline. It is not an error if the seeder has
    /// too few upload slots.
    pub(crate) fn wait_until_unchoked(&mut self, deadline: Instant) -> Result<()> {
        while (self.unchoked() as usize) < self.peers.len() && Instant::now() < deadline {
            self.turn()?;
        }
        ensure!(self.unchoked() > 0, "the seeder unchokes nobody");
        Ok(())
    }

    /// Returns how many connections the seeder serves.
    pub(crate) fn unchoked(&self) -> u32 {
        self.peers.iter().filter(|peer| !peer.choked).count() as u32
    }

    /// Receives data for the time `window`, or until nothing is left to request.
    pub(crate) fn run_for(&mut self, window: Duration) -> Result<Taken> {
        self.ask(true)?;
        self.run_until(|swarm, elapsed| elapsed >= window || swarm.has_all())
    }

    /// Returns whether everything in its plan has been received.
    pub(crate) fn has_all(&self) -> bool {
        self.pieces.are_exhausted() && self.is_at_rest()
    }

    /// Sends no more requests and receives the outstanding blocks, so that the seeder becomes idle. If the
    /// seeder is too slow for that, it becomes idle when the sockets are full.
    pub(crate) fn drain(&mut self) -> Result<()> {
        self.ask(false)?;
        self.run_until(|swarm, elapsed| swarm.is_at_rest() || elapsed >= DRAIN)?;
        Ok(())
    }

    fn is_at_rest(&self) -> bool {
        self.peers.iter().all(Peer::is_at_rest)
    }

    fn ask(&mut self, asking: bool) -> Result<()> {
        self.pieces.asking = asking;
        self.peers.iter_mut().try_for_each(|peer| peer.request(&mut self.pieces))
    }

    fn run_until(&mut self, done: impl Fn(&Self, Duration) -> bool) -> Result<Taken> {
        let (start, bytes) = (Instant::now(), self.pieces.bytes);
        let (mut last_arrival, mut last_bytes) = (start, bytes);
        loop {
            let now = Instant::now();
            if done(self, now - start) {
                return Ok(Taken { bytes: self.pieces.bytes - bytes, elapsed: now - start });
            }
            if self.pieces.bytes > last_bytes {
                (last_arrival, last_bytes) = (now, self.pieces.bytes);
            }
            ensure!(now - last_arrival < STALL, "the seeder has sent nothing for {STALL:?}");
            self.turn()?;
        }
    }

    /// Serves each connection that has data to read.
    fn turn(&mut self) -> Result<()> {
        let timeout = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
        let mut ready = [const { MaybeUninit::uninit() }; 64];
        let ready = match epoll::wait(&self.epoll, &mut ready, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => return Ok(()),
            ended => ended.context("cannot wait for the connections")?.0,
        };
        for event in ready {
            let id = event.data.u64() as usize;
            self.peers[id]
                .serve(&mut self.pieces, &mut self.buffer)
                .with_context(|| format!("connection {id}"))?;
        }
        Ok(())
    }
}
