//! The pieces of a torrent.

use std::time::Duration;

use super::Patron;
use crate::messages::request::{Ask, ByAlert};
use crate::model::{PieceMap, Priority, TorrentId};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

const CHOOSE: &str = "choose among the pieces";
const DEADLINE: &str = "set the deadline of a piece";

/// Pieces, numbered from 0. Errors of the replies: as for files;
/// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a piece that the torrent does
/// not have.
impl Patron {
    /// Which pieces are here, how much each is wanted, and how many peers have it.
    pub fn pieces(&self, id: TorrentId) -> Reply<PieceMap> {
        self.torrent_then(id, Ask::task("list the pieces", Torrent::pieces), convert::pieces)
    }

    /// Sets how much a piece is wanted. Setting file priorities later overrides it.
    pub fn set_piece_priority(&self, id: TorrentId, piece: u32, priority: Priority) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_piece_priority(piece, priority.level());
        self.torrent(id, Ask::task(CHOOSE, set).chooses_pieces())
    }

    /// Sets how much each piece is wanted, with one priority for each piece.
    pub fn set_piece_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        let levels = convert::levels(&priorities.into());
        let set = move |torrent: &Torrent| torrent.set_piece_priorities(&levels);
        self.torrent(id, Ask::task(CHOOSE, set).chooses_pieces())
    }

    /// Requests a piece within this time, as a player needs it: pieces with the nearest deadlines
    /// are requested first, from the fastest peers. `None` removes the deadline. A
    /// [`Reader`](crate::patron::Reader) does this by itself; while one is open, deadlines of the same pieces are its
    /// own.
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

    /// Removes the deadlines of all pieces.
    pub fn clear_piece_deadlines(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(DEADLINE, Torrent::clear_piece_deadlines))
    }

    /// Requests the first and last piece of each file before the others, because players look for
    /// the index there; `false` returns them to the priority of their file.
    pub fn set_ends_first(&self, id: TorrentId, first: bool) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_ends_first(first);
        self.torrent(id, Ask::task(CHOOSE, set).chooses_pieces())
    }

    /// The bytes of a piece that is here.
    ///
    /// # Errors
    ///
    /// [`NotHere`](crate::error::ErrorKind::NotHere) if the piece is not here yet; this does not
    /// affect the torrent. [`Disk`](crate::error::ErrorKind::Disk) if it cannot be read.
    pub fn read_piece(&self, id: TorrentId, piece: u32) -> Reply<Vec<u8>> {
        let read = move |torrent: &Torrent| torrent.read(piece);
        self.torrent(id, Ask::by_alert("read the piece", ByAlert::piece_read(piece), read))
    }

    /// Adds a complete piece that the program has from elsewhere. It is hashed as if a peer had
    /// sent it; a piece that is already here is left as it is.
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

    /// Checks the files against their hashes again. [`Event::Checked`](crate::Event::Checked) says
    /// when it is done, and [`pieces`](Patron::pieces) has the result. A paused torrent is resumed
    /// only for the check, with [`Event::Resumed`](crate::Event::Resumed) and
    /// [`Event::Paused`](crate::Event::Paused), and makes no connections meanwhile.
    pub fn recheck(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("check the files", Torrent::recheck).ends_copies())
    }
}
