//! Measures the time to the first byte of the first block that a fresh connection requests.
//!
//! Runs on a separate thread, which waits for one connection at a time. So it adds little load, and does not
//! wait for the other connections of the load generator.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::wire::{
    BLOCK, Block, PIECE, UNCHOKE, call, read_handshake, read_head, read_rest, request,
};
use crate::data::Torrent;

/// The time between two requests, if they are answered at once.
const PACE: Duration = Duration::from_millis(10);
const STALL: Duration = Duration::from_secs(10);

/// Connections without any requests so far.
pub(crate) struct Probes<'a> {
    waiting: Vec<Probe<'a>>,
}

#[derive(Default)]
pub(crate) struct Answers {
    /// The times to the first byte of each block that arrived.
    pub(crate) times: Vec<Duration>,
    /// The number of blocks that did not arrive.
    pub(crate) missing: u32,
}

struct Probe<'a> {
    stream: TcpStream,
    torrent: &'a Torrent,
    block: Block,
    length: u32,
}

impl<'a> Probes<'a> {
    /// Opens one connection for each block to request, of the torrent with this index, to the addresses in
    /// turn.
    pub(crate) fn open(
        to: &[SocketAddr],
        torrents: &'a [Torrent],
        blocks: impl Iterator<Item = (usize, Block)>,
        deadline: Instant,
    ) -> Result<Self> {
        let mut waiting = Vec::new();
        for ((torrent, block), &address) in blocks.zip(to.iter().cycle()) {
            let torrent = &torrents[torrent];
            let stream = call(address, torrent, deadline).context("cannot connect a probe")?;
            let length = BLOCK.min(torrent.piece_size(block.piece) - block.begin);
            waiting.push(Probe { stream, torrent, block, length });
        }
        Ok(Self { waiting })
    }

    /// Waits until they are unchoked; those that are too late are dropped.
    pub(crate) fn wait_until_unchoked(&mut self, deadline: Instant) {
        self.waiting.retain_mut(|probe| probe.wait_until_unchoked(deadline).is_ok());
    }

    /// Requests one block after the other for the time `window`.
    pub(crate) fn run_for(&mut self, window: Duration) -> Answers {
        let start = Instant::now();
        let mut answers = Answers::default();
        while start.elapsed() < window
            && let Some(mut probe) = self.waiting.pop()
        {
            let asked = Instant::now();
            match probe.first_byte() {
                Ok(time) => answers.times.push(time),
                Err(_) => answers.missing += 1,
            }
            thread::sleep(PACE.saturating_sub(asked.elapsed()));
        }
        answers
    }
}

impl Probe<'_> {
    fn wait_until_unchoked(&mut self, deadline: Instant) -> Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.stream.set_read_timeout(Some(left.max(Duration::from_millis(1))))?;
        read_handshake(&mut self.stream, self.torrent)?;
        loop {
            let (kind, length) = read_head(&mut self.stream)?;
            read_rest(&mut self.stream, length)?;
            if kind == UNCHOKE {
                self.stream.set_read_timeout(Some(STALL))?;
                return Ok(());
            }
        }
    }

    fn first_byte(&mut self) -> Result<Duration> {
        let asked = Instant::now();
        self.stream.write_all(&request(self.block, self.length))?;
        loop {
            let (kind, length) = read_head(&mut self.stream)?;
            let waited = asked.elapsed();
            // Closing a connection before its block has arrived would be our own error.
            let rest = read_rest(&mut self.stream, length)?;
            if kind == PIECE {
                ensure!(rest.len() == 8 + self.length as usize, "a block of a wrong length");
                return Ok(waited);
            }
        }
    }
}
