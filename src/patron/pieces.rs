//! The pieces of a torrent.

use std::time::Duration;

use super::Patron;
use crate::messages::request::{Ask, ByAlert};
use crate::model::{PieceMap, Priority, TorrentId};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

const PRIORITIES: &str = "set the piece priorities";
const DEADLINE: &str = "set the deadline of a piece";

/// Pieces, numbered from 0. The replies fail as those about files do, and with
/// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a piece that the torrent does not have.
impl Patron {
    /// Returns which pieces are available, the priority of each, and how many peers have it.
    pub fn pieces(&self, id: TorrentId) -> Reply<PieceMap> {
        self.torrent_then(id, Ask::task("list the pieces", Torrent::pieces), convert::pieces)
    }

    /// Sets the priority of a piece. Setting file priorities later overrides it.
    pub fn set_piece_priority(&self, id: TorrentId, piece: u32, priority: Priority) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_piece_priority(piece, priority.level());
        self.torrent(id, Ask::task(PRIORITIES, set).chooses_pieces())
    }

    /// Sets the priorities of all pieces, one for each piece.
    pub fn set_piece_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        let levels = convert::levels(&priorities.into());
        let set = move |torrent: &Torrent| torrent.set_piece_priorities(&levels);
        self.torrent(id, Ask::task(PRIORITIES, set).chooses_pieces())
    }

    /// Requests a piece within this time, as for a player: pieces with the nearest deadlines are requested
    /// first, from the fastest peers. libtorrent gives such a piece the highest priority, and the lowest
    /// (1) when `None` removes the deadline. A [`Reader`](crate::patron::Reader) sets deadlines automatically;
    /// while one is open, its deadlines override those of the program for the same pieces.
    pub fn set_piece_deadline(
        &self,
        id: TorrentId,
        piece: u32,
        within: Option<Duration>,
    ) -> Reply<()> {
        let milliseconds =
            within.map_or(-1, |within| i32::try_from(within.as_millis()).unwrap_or(i32::MAX));
        let set = move |torrent: &Torrent| torrent.set_deadline(piece, milliseconds);
        self.torrent(id, Ask::task(DEADLINE, set).chooses_pieces())
    }

    /// Removes the deadlines of all pieces, which then have the lowest priority (1). Those of open readers are
    /// set again.
    pub fn clear_piece_deadlines(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(DEADLINE, Torrent::clear_piece_deadlines).chooses_pieces())
    }

    /// Requests the first and last piece of each file before the others, because players look for the index
    /// there. With `false`, these pieces get the priority of their file again.
    pub fn set_ends_first(&self, id: TorrentId, first: bool) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_ends_first(first);
        self.torrent(id, Ask::task(PRIORITIES, set).chooses_pieces())
    }

    /// Returns the bytes of an available piece.
    ///
    /// # Errors
    ///
    /// [`NotDownloaded`](crate::error::ErrorKind::NotDownloaded) if the piece has not been downloaded; this does not
    /// affect the torrent. [`Disk`](crate::error::ErrorKind::Disk) if it cannot be read.
    pub fn read_piece(&self, id: TorrentId, piece: u32) -> Reply<Vec<u8>> {
        let read = move |torrent: &Torrent| torrent.read(piece);
        self.torrent(id, Ask::by_alert("read the piece", ByAlert::piece_read(piece), read))
    }

    /// Adds a complete piece that the program has obtained elsewhere. It is checked as if a peer had sent it.
    /// A piece that is already available is left as it is.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::error::ErrorKind::Busy) while the files are being checked;
    /// [`Event::Checked`](crate::Event::Checked) reports the end of the check.
    pub fn add_piece(&self, id: TorrentId, piece: u32, data: impl Into<Vec<u8>>) -> Reply<()> {
        let data = data.into();
        let add = move |torrent: &Torrent| torrent.add(piece, &data);
        self.torrent(id, Ask::task("add the piece", add).ends_copies())
    }

    /// Checks the files against their hashes again. [`Event::Checked`](crate::Event::Checked) reports the
    /// end; [`pieces`](Patron::pieces) then has the result. A paused torrent is resumed only for the check,
    /// with [`Event::Resumed`](crate::Event::Resumed) and [`Event::Paused`](crate::Event::Paused), and makes
    /// no connections meanwhile.
    pub fn recheck(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("check the files", Torrent::recheck).ends_copies())
    }
}
