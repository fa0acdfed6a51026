//! How long a seeder takes to the first byte of the first block that a fresh connection asks for.
//!
//! A thread of its own, which waits on one connection at a time: what it adds to the load is small,
//! and what it measures does not wait for the load generator's other connections.

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::wire::{
    BLOCK, Block, PIECE, UNCHOKE, call, read_handshake, read_head, read_rest, request,
};
use crate::data::Torrent;

/// The time between two requests, while they are answered at once.
const PACE: Duration = Duration::from_millis(10);
const STALL: Duration = Duration::from_secs(10);

/// Connections on which nothing has been asked for.
pub(crate) struct Probes<'a> {
    waiting: Vec<Probe<'a>>,
}

#[derive(Default)]
pub(crate) struct Answers {
    /// To the first byte of each block that came.
    pub(crate) times: Vec<Duration>,
    /// How many did not come.
    pub(crate) missing: u32,
}

struct Probe<'a> {
    stream: TcpStream,
    torrent: &'a Torrent,
    block: Block,
    length: u32,
}

impl<'a> Probes<'a> {
    /// One connection for each block that is to be asked for, of the torrent with this index, to the
    /// addresses in turn.
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

    /// Waits until they are unchoked; those that are not in time are dropped.
    pub(crate) fn wait_until_unchoked(&mut self, deadline: Instant) {
        self.waiting.retain_mut(|probe| probe.wait_until_unchoked(deadline).is_ok());
    }

    /// Asks for one block after the other for as long as `window`.
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
            // A connection that is closed before its block has come would be an error of ours.
            let rest = read_rest(&mut self.stream, length)?;
            if kind == PIECE {
                ensure!(rest.len() == 8 + self.length as usize, "a block of a wrong length");
                return Ok(waited);
            }
        }
    }
}
