//! The pieces of a torrent.

use std::time::Duration;

use super::Patron;
use crate::messages::request::TorrentRequest;
use crate::model::{PieceMap, Priority, TorrentId};
use crate::reply::Reply;

/// Pieces, counted from 0. Errors of the replies: as for files; a piece that the torrent does not
/// have is [`InvalidArgument`](crate::ErrorKind::InvalidArgument).
impl Patron {
    /// Which pieces are here, how much each is wanted, and how many peers have it.
    pub fn pieces(&self, id: TorrentId) -> Reply<PieceMap> {
        self.of_torrent(id, TorrentRequest::Pieces)
    }

    /// How much a piece is wanted. Choosing among files later chooses anew among pieces.
    pub fn set_piece_priority(&self, id: TorrentId, piece: u32, priority: Priority) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::PiecePriority { piece, priority })
    }

    /// How much each piece is wanted: as many priorities as there are pieces.
    pub fn set_piece_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::PiecePriorities(priorities.into()))
    }

    /// Wants a piece within this time: those that are due soonest are asked for first, of the fastest
    /// peers, as a player needs it. `None` takes it back.
    pub fn set_piece_deadline(
        &self,
        id: TorrentId,
        piece: u32,
        within: Option<Duration>,
    ) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::PieceDeadline { piece, within })
    }

    /// Takes back the deadlines of all pieces.
    pub fn clear_piece_deadlines(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::ClearPieceDeadlines)
    }

    /// Wants the first and the last piece of each file before the others, as a player does that looks
    /// there for the index; `false` wants them as the rest of their file.
    pub fn set_ends_first(&self, id: TorrentId, first: bool) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::EndsFirst(first))
    }

    /// The bytes of a piece that is here.
    ///
    /// # Errors
    ///
    /// [`Native`](crate::ErrorKind::Native) or [`Io`](crate::ErrorKind::Io) when it is not here or
    /// cannot be read.
    pub fn read_piece(&self, id: TorrentId, piece: u32) -> Reply<Vec<u8>> {
        self.of_torrent(id, TorrentRequest::ReadPiece(piece))
    }

    /// Hands in a piece that the program has from elsewhere, whole. It is hashed as if a peer had sent
    /// it; one that is here already is left as it is.
    pub fn add_piece(&self, id: TorrentId, piece: u32, data: impl Into<Vec<u8>>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::AddPiece { piece, data: data.into() })
    }

    /// Compares the files with their hashes again. [`Event::Checked`](crate::Event::Checked) says that
    /// it is done, and [`pieces`](Patron::pieces) what came of it.
    pub fn recheck(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::Recheck)
    }
}
