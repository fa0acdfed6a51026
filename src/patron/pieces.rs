//! The pieces of a torrent.

use std::time::Duration;

use super::Patron;
use crate::messages::request::{Ask, ByAlert};
use crate::model::{PieceMap, Priority, TorrentId};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

const CHOOSE: &str = "choose among the pieces";
const DEADLINE: &str = "set the deadline of a piece";

/// Pieces, counted from 0. Errors of the replies: as for files; a piece that the torrent does not
/// have is [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument).
impl Patron {
    /// Which pieces are here, how much each is wanted, and how many peers have it.
    pub fn pieces(&self, id: TorrentId) -> Reply<PieceMap> {
        self.torrent_then(id, Ask::task("list the pieces", Torrent::pieces), convert::pieces)
    }

    /// How much a piece is wanted. Choosing among files later chooses anew among pieces.
    pub fn set_piece_priority(&self, id: TorrentId, piece: u32, priority: Priority) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_piece_priority(piece, priority.level());
        self.torrent(id, Ask::task(CHOOSE, set).changes_resume_data())
    }

    /// How much each piece is wanted: as many priorities as there are pieces.
    pub fn set_piece_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        let levels = convert::levels(&priorities.into());
        let set = move |torrent: &Torrent| torrent.set_piece_priorities(&levels);
        self.torrent(id, Ask::task(CHOOSE, set).changes_resume_data())
    }

    /// Wants a piece within this time: those that are due soonest are asked for first, of the fastest
    /// peers, as a player needs it. `None` takes it back.
    pub fn set_piece_deadline(
        &self,
        id: TorrentId,
        piece: u32,
        within: Option<Duration>,
    ) -> Reply<()> {
        let milliseconds =
            within.map_or(-1, |within| i32::try_from(within.as_millis()).unwrap_or(i32::MAX));
        let set = move |torrent: &Torrent| torrent.set_deadline(piece, milliseconds);
        self.torrent(id, Ask::task(DEADLINE, set))
    }

    /// Takes back the deadlines of all pieces.
    pub fn clear_piece_deadlines(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(DEADLINE, Torrent::clear_piece_deadlines))
    }

    /// Wants the first and the last piece of each file before the others, as a player does that looks
    /// there for the index; `false` wants them as the rest of their file.
    pub fn set_ends_first(&self, id: TorrentId, first: bool) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_ends_first(first);
        self.torrent(id, Ask::task(CHOOSE, set).changes_resume_data())
    }

    /// The bytes of a piece that is here.
    ///
    /// # Errors
    ///
    /// [`NotHere`](crate::error::ErrorKind::NotHere) for a piece that is not here yet, which changes
    /// nothing in the torrent; [`Disk`](crate::error::ErrorKind::Disk) when it cannot be read.
    pub fn read_piece(&self, id: TorrentId, piece: u32) -> Reply<Vec<u8>> {
        let read = move |torrent: &Torrent| torrent.read(piece);
        self.torrent(id, Ask::by_alert("read the piece", ByAlert::piece_read(piece), read))
    }

    /// Hands in a piece that the program has from elsewhere, whole. It is hashed as if a peer had sent
    /// it; one that is here already is left as it is.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::error::ErrorKind::Busy) while the files are being checked, which ends with
    /// [`Event::Checked`](crate::Event::Checked).
    pub fn add_piece(&self, id: TorrentId, piece: u32, data: impl Into<Vec<u8>>) -> Reply<()> {
        let data = data.into();
        let add = move |torrent: &Torrent| torrent.add(piece, &data);
        self.torrent(id, Ask::task("add the piece", add).ends_copies())
    }

    /// Compares the files with their hashes again. [`Event::Checked`](crate::Event::Checked) says that
    /// it is done, and [`pieces`](Patron::pieces) what came of it. A paused torrent is resumed for the
    /// check alone, with [`Event::Resumed`](crate::Event::Resumed) and
    /// [`Event::Paused`](crate::Event::Paused), and connects to nobody meanwhile.
    pub fn recheck(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("check the files", Torrent::recheck).ends_copies())
    }
}
