//! Which pieces a swarm requests, and what it does with them.

use std::collections::HashMap;

use anyhow::{Context, Result, ensure};
use sha1::{Digest, Sha1};

use super::wire::Block;
use crate::data::{Torrent, split_mix};

/// The order in which a swarm requests pieces.
pub(crate) enum Plan {
    /// Random pieces without end, which are discarded.
    Random { seed: u64 },
    /// These pieces once, which are discarded: for each torrent, the wanted pieces.
    Once(Vec<Vec<u32>>),
    /// Each piece of each torrent once, compared with its hash.
    Verify,
}

pub(crate) struct Pieces<'a> {
    pub(crate) torrents: &'a [Torrent],
    /// Whether requests are sent.
    pub(crate) asking: bool,
    pub(crate) bytes: u64,
    order: Order,
    checks: Option<Checks>,
}

enum Order {
    Random {
        state: u64,
    },
    /// The pieces of each torrent that have not been requested.
    Once(Vec<Vec<u32>>),
}

/// The pieces with some received blocks, by torrent and number.
type Checks = HashMap<(usize, u32), Partial>;

struct Partial {
    data: Vec<u8>,
    missing: usize,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(torrents: &'a [Torrent], plan: Plan) -> Self {
        let (order, checks) = match plan {
            Plan::Random { seed } => (Order::Random { state: seed }, None),
            Plan::Once(pieces) => (Order::Once(pieces), None),
            Plan::Verify => {
                let all = torrents.iter().map(|torrent| (0..torrent.pieces()).collect());
                (Order::Once(all.collect()), Some(Checks::new()))
            }
        };
        Self { torrents, asking: true, bytes: 0, order, checks }
    }

    pub(crate) fn are_discarded(&self) -> bool {
        self.checks.is_none()
    }

    /// Returns whether nothing is left to request.
    pub(crate) fn are_exhausted(&self) -> bool {
        matches!(&self.order, Order::Once(left) if left.iter().all(Vec::is_empty))
    }

    /// Returns the first block of the piece of this torrent to request next.
    pub(crate) fn pick(&mut self, torrent: usize) -> Option<Block> {
        let piece = match &mut self.order {
            Order::Random { state } => {
                (split_mix(state) % u64::from(self.torrents[torrent].pieces())) as u32
            }
            Order::Once(left) => left[torrent].pop()?,
        };
        if let Some(partial) = &mut self.checks {
            let size = self.torrents[torrent].piece_size(piece) as usize;
            partial.insert((torrent, piece), Partial { data: vec![0; size], missing: size });
        }
        Some(Block { piece, begin: 0 })
    }

    /// Takes a part of a block; `at.begin` is its position.
    pub(crate) fn take(&mut self, torrent: usize, at: Block, payload: &[u8]) -> Result<()> {
        self.bytes += payload.len() as u64;
        let Some(partial) = &mut self.checks else {
            return Ok(());
        };
        let index = at.piece;
        let piece = partial
            .get_mut(&(torrent, index))
            .with_context(|| format!("a block of piece {index}, which nobody asked for"))?;
        piece.data[at.begin as usize..][..payload.len()].copy_from_slice(payload);
        piece.missing = piece
            .missing
            .checked_sub(payload.len())
            .with_context(|| format!("a block of piece {index} came twice"))?;
        if piece.missing == 0 {
            let hash: [u8; 20] = Sha1::digest(&piece.data).into();
            let expected = self.torrents[torrent].piece_hashes[index as usize];
            ensure!(hash == expected, "piece {index} is wrong");
            partial.remove(&(torrent, index));
        }
        Ok(())
    }
}
