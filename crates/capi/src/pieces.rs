//! Pieces
//!
//! Which pieces a torrent has, and how it downloads the others. Piece indexes start at 0.

use std::mem::{MaybeUninit, offset_of};
use std::time::Duration;

use crate::support::arguments::{bytes, priorities_of, priority_of};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, read, release};
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::lists::{List, count, read_into};
use crate::support::replies::{ask_of, give_answer};
use crate::support::structs::{Room, Struct};
use crate::support::text::patron_bytes;
use torrent_patron::file::{PartialPiece, PieceMap};

/// A piece that is being downloaded, in blocks of 16 KiB.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_partial_piece {
    /// The index of the piece.
    pub piece: u32,
    /// The number of blocks.
    pub blocks: u32,
    /// The blocks that are on disk.
    pub finished: u32,
    /// The blocks that are being written.
    pub writing: u32,
    /// The blocks that were requested from peers.
    pub requested: u32,
    /// Reserved; zero.
    pub reserved: u32,
}

impl Struct for patron_partial_piece {
    const NAME: &str = "patron_partial_piece";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

impl From<&PartialPiece> for patron_partial_piece {
    fn from(partial: &PartialPiece) -> Self {
        Self {
            piece: partial.piece,
            blocks: partial.blocks,
            finished: partial.finished,
            writing: partial.writing,
            requested: partial.requested,
            reserved: 0,
        }
    }
}

/// A snapshot of the pieces of a torrent. Several threads may read it at once.
pub struct patron_pieces {
    have: Vec<u8>,
    priorities: Vec<u8>,
    availability: Vec<u32>,
    partial: List<PartialPiece>,
}

impl From<&PieceMap> for patron_pieces {
    fn from(map: &PieceMap) -> Self {
        Self {
            have: map.have.iter().map(|have| (*have).into()).collect(),
            priorities: map.priorities.iter().map(|priority| priority.level()).collect(),
            availability: map.availability.clone(),
            partial: map.partial.clone().into(),
        }
    }
}

/// Asks for the pieces of a torrent; patron_reply_pieces() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_pieces(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.pieces(id)))
}

/// For patron_get_pieces(): the pieces, a new object for each call. Free it with
/// patron_pieces_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_pieces(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_pieces>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || give_answer(reply, out, "pieces", |map: &PieceMap| map.into()))
}

/// Frees a snapshot. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_free(pieces: Option<Box<patron_pieces>>) {
    release(pieces);
}

/// The number of pieces.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_count(pieces: Option<&patron_pieces>) -> usize {
    read(0, || Some(pieces?.have.len()))
}

/// The number of complete pieces.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_done(pieces: Option<&patron_pieces>) -> usize {
    read(0, || Some(pieces?.have.iter().filter(|have| **have == 1).count()))
}

/// One byte for each piece: 1 if it is complete and has passed its hash check, 0 otherwise.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_have(pieces: Option<&patron_pieces>) -> patron_bytes {
    read(patron_bytes::NONE, || Some(patron_bytes::of(&pieces?.have)))
}

/// One byte for each piece: its priority, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_priorities(pieces: Option<&patron_pieces>) -> patron_bytes {
    read(patron_bytes::NONE, || Some(patron_bytes::of(&pieces?.priorities)))
}

/// One number for each piece: how many connected peers have it. NULL while the torrent seeds,
/// because it is not counted then.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_availability(pieces: Option<&patron_pieces>) -> *const u32 {
    read(std::ptr::null(), || {
        let counts = &pieces?.availability;
        (!counts.is_empty()).then_some(counts.as_ptr())
    })
}

/// The number of partial pieces: those with blocks downloaded or requested.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pieces_partial_count(pieces: Option<&patron_pieces>) -> usize {
    count(pieces.map(|pieces| &pieces.partial))
}

/// Copies the partial pieces from index `first` on into an array of `capacity` structs, and writes
/// their number to `written`. `struct_size` is sizeof(patron_partial_piece).
///
/// Errors: INVALID_ARGUMENT for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_pieces_read_partial(
    pieces: Option<&patron_pieces>,
    first: usize,
    out: *mut patron_partial_piece,
    struct_size: usize,
    capacity: usize,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    let room = Room(out, struct_size, capacity);
    let partial = pieces.map(|pieces| &pieces.partial);
    // SAFETY: the caller gives the size of its structs and how many there are.
    unsafe { read_into((partial, "pieces"), first, room, written, error) }
}

/// Sets the priority of a piece, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. Setting file
/// priorities later overrides piece priorities.
///
/// Errors: INVALID_ARGUMENT for any other priority.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_piece_priority(
    patron: *mut patron_handle,
    torrent_id: u64,
    piece_index: u32,
    priority: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_piece_priority(id, piece_index, priority_of(priority)?))
    })
}

/// Sets the priorities of all pieces, one byte for each piece.
///
/// Errors: INVALID_ARGUMENT for an invalid priority. Of the reply: INVALID_ARGUMENT if the number
/// of priorities is not the number of pieces.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_piece_priorities(
    patron: *mut patron_handle,
    torrent_id: u64,
    priorities: *const u8,
    count: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the number of bytes.
        let priorities = unsafe { priorities_of(priorities, count) }?;
        Ok(patron.set_piece_priorities(id, priorities))
    })
}

/// Sets a deadline for a piece, in milliseconds from now, as a player needs it. Pieces with the
/// earliest deadlines are requested first, from the fastest peers. libtorrent gives such a piece the
/// highest priority, and the lowest (1) when a negative number removes the deadline.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_piece_deadline(
    patron: *mut patron_handle,
    torrent_id: u64,
    piece_index: u32,
    within_ms: i64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    let within = u64::try_from(within_ms).ok().map(Duration::from_millis);
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_piece_deadline(id, piece_index, within))
    })
}

/// Removes the deadlines of all pieces, which then have the lowest priority (1). Those of open
/// readers are set again.
#[unsafe(no_mangle)]
pub extern "C" fn patron_clear_piece_deadlines(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.clear_piece_deadlines(id)))
}

/// Requests the first and the last piece of each file before the others, because players look for
/// the index there. With false, these pieces get the priority of their file again.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_ends_first(
    patron: *mut patron_handle,
    torrent_id: u64,
    ends_first: bool,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.set_ends_first(id, ends_first)))
}

/// Asks for the bytes of a complete piece; patron_reply_bytes() reads the answer.
///
/// Errors of the reply: NOT_DOWNLOADED if the piece is missing; DISK if it cannot be read.
#[unsafe(no_mangle)]
pub extern "C" fn patron_read_piece(
    patron: *mut patron_handle,
    torrent_id: u64,
    piece_index: u32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.read_piece(id, piece_index)))
}

/// Adds a complete piece that the program has obtained elsewhere. It is checked as if a peer had
/// sent it. A piece that is already complete is not changed.
///
/// Errors of the reply: INVALID_ARGUMENT if the length is not that of the piece; BUSY while the files
/// are being checked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_piece(
    patron: *mut patron_handle,
    torrent_id: u64,
    piece_index: u32,
    data: *const u8,
    length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the data.
        let data = unsafe { bytes(data, length, "data") }?;
        Ok(patron.add_piece(id, piece_index, data))
    })
}

/// Checks the files against their hashes again. PATRON_EVENT_CHECKED reports the end;
/// patron_get_pieces() then has the result.
#[unsafe(no_mangle)]
pub extern "C" fn patron_recheck(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.recheck(id)))
}
