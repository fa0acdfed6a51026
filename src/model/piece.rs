//! The pieces of a torrent.

use crate::model::Priority;

/// Which pieces are complete, and how many peers have the others.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PieceMap {
    /// For each piece, whether it is complete and has passed its hash check.
    pub have: Vec<bool>,
    /// The priority of each piece.
    pub priorities: Vec<Priority>,
    /// For each piece, how many connected peers have it. Empty while the torrent seeds, because libtorrent
    /// does not count them then.
    pub availability: Vec<u32>,
    /// The pieces with blocks that were downloaded or requested.
    pub partial: Vec<PartialPiece>,
}

impl PieceMap {
    /// Returns the number of complete pieces.
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
    /// The number of blocks.
    pub blocks: u32,
    /// The number of blocks that are on disk.
    pub finished: u32,
    /// The number of blocks that are being written.
    pub writing: u32,
    /// The number of blocks that were requested from peers.
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
