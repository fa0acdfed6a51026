//! The pieces of a torrent, as the client sees them.

use crate::model::Priority;

/// Which pieces are here, and how the rest can be had.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PieceMap {
    /// By the index of the piece: it is here and has passed its hash check.
    pub have: Vec<bool>,
    /// By the index of the piece: how much it is wanted.
    pub priorities: Vec<Priority>,
    /// By the index of the piece: how many connected peers have it. Empty while the torrent seeds:
    /// nobody counts then.
    pub availability: Vec<u32>,
    /// Pieces of which some blocks are here, or asked for.
    pub partial: Vec<PartialPiece>,
}

impl PieceMap {
    /// How many pieces are here.
    pub fn done(&self) -> usize {
        self.have.iter().filter(|have| **have).count()
    }
}

/// A piece on its way, in blocks of 16 KiB (`lt::partial_piece_info`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PartialPiece {
    /// Its index.
    pub piece: u32,
    /// Its blocks.
    pub blocks: u32,
    /// Those that are on disk.
    pub finished: u32,
    /// Those that are being written.
    pub writing: u32,
    /// Those that peers were asked for.
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
