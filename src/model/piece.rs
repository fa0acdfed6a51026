//! The pieces of a torrent.

use crate::model::Priority;

/// Which pieces are here, and how available the others are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PieceMap {
    /// Indexed by piece: whether it is here and has passed its hash check.
    pub have: Vec<bool>,
    /// Indexed by piece: how much it is wanted.
    pub priorities: Vec<Priority>,
    /// Indexed by piece: how many connected peers have it. Empty while the torrent seeds, because
    /// libtorrent does not count then.
    pub availability: Vec<u32>,
    /// The pieces of which some blocks are here or requested.
    pub partial: Vec<PartialPiece>,
}

impl PieceMap {
    /// How many pieces are here.
    pub fn done(&self) -> usize {
        self.have.iter().filter(|have| **have).count()
    }
}

/// A piece that is being downloaded, in blocks of 16 KiB (`lt::partial_piece_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PartialPiece {
    /// Its index.
    pub piece: u32,
    /// The number of its blocks.
    pub blocks: u32,
    /// Blocks that are on disk.
    pub finished: u32,
    /// Blocks that are being written.
    pub writing: u32,
    /// Blocks that have been requested from peers.
    pub requested: u32,
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn pieces_in_json() {
        let partial = PartialPiece { piece: 1, blocks: 4, finished: 1, writing: 0, requested: 2 };
        let map = PieceMap {
            have: vec![true, false],
            priorities: vec![Priority::SKIP, Priority::TOP],
            availability: vec![0, 3],
            partial: vec![partial],
        };
        let json = concat!(
            r#"{"have":[true,false],"priorities":[0,7],"availability":[0,3],"#,
            r#""partial":[{"piece":1,"blocks":4,"finished":1,"writing":0,"requested":2}]}"#
        );
        assert_eq!(serde_json::to_string(&map).unwrap(), json);
        assert_eq!(serde_json::from_str::<PieceMap>(json).unwrap(), map);
    }
}
