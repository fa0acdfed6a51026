//! Reading files while they download
//!
//! A reader reads a file of a torrent before it is complete. The pieces that it needs next are
//! downloaded before all others. When it is freed, the priorities of the program are restored. Any
//! number of readers can be open, for the same or for different files. A reader is used by one
//! thread at a time, except that any thread may call patron_reader_interrupt() and
//! patron_reader_free().

use std::io::{Read, Seek, SeekFrom};
use std::mem::MaybeUninit;
use std::time::{Duration, Instant};

use crate::support::arguments::{bytes_to_write, deadline, required, torrent};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{
    PATRONS, READERS, ReaderEntry, patron_handle, patron_reader, patron_reply,
};
use crate::support::replies::ask_of;
use torrent_patron::patron::{ReadAhead, ReaderOptions};

/// Opens a file for reading. Waits for at most `timeout_ms` milliseconds for the metadata of a magnet
/// link and for the check of the files; a negative number waits without a limit. Free the reader with
/// patron_reader_free().
///
/// `read_ahead` is how far ahead of its position the reader downloads at most, in bytes; 0 means
/// the default, 32 MiB. With `ends_first`, the first and the last MiB of the file are downloaded
/// early, because players look for the index there.
///
/// Errors: NOT_FOUND; GONE if the torrent is removed meanwhile; NOT_DOWNLOADED if it is paused, and DISK
/// if it fails, before it can be read; INVALID_ARGUMENT for a file that it does not have; TIMED_OUT.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub extern "C" fn patron_reader_open(
    patron: *mut patron_handle,
    torrent_id: u64,
    file_index: u32,
    read_ahead: u64,
    ends_first: bool,
    timeout_ms: i64,
    reader: Option<&mut MaybeUninit<*mut patron_reader>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(reader, "reader")?;
        let mut options = ReaderOptions::default().ends_first(ends_first);
        if read_ahead > 0 {
            options = options.read_ahead(ReadAhead::Bytes(read_ahead));
        }
        let opening = entry.patron.reader_with(torrent(torrent_id)?, file_index, options);
        let opened = opening.wait_until(deadline(timeout_ms)).ok_or_else(Failure::timed_out)??;
        out.write(READERS.insert(ReaderEntry::from(opened)));
        Ok(())
    })
}

/// Reads up to `capacity` bytes at the position, and advances it. Writes the number of bytes to
/// `length`; at the end of the file, 0. Waits for at most `timeout_ms` milliseconds for data that
/// has not been downloaded; 0 does not wait, a negative number waits without a limit.
///
/// Errors: TIMED_OUT (it may be retried); CANCELLED by patron_reader_interrupt(); BUSY while
/// another thread reads; GONE if the torrent was removed; NOT_DOWNLOADED if it is paused and the data
/// has not been downloaded; the error that stopped the torrent; STOPPED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_reader_read(
    reader: *mut patron_reader,
    buffer: *mut u8,
    capacity: usize,
    timeout_ms: i64,
    length: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = READERS.get(reader, "reader")?;
        let out = required(length, "length")?;
        // SAFETY: the caller gives the room in the buffer.
        let buffer = unsafe { bytes_to_write(buffer, capacity, "buffer") }?;
        let mut reader = entry.lock()?;
        let limit = deadline(timeout_ms).map(|at| at.saturating_duration_since(Instant::now()));
        reader.set_timeout(limit);
        out.write(reader.read(buffer).map_err(Failure::from_io)?);
        Ok(())
    })
}

/// Moves the position. This does not wait; the next read sets the position from which data is
/// requested. A position beyond the end is allowed; reading there returns no bytes.
///
/// Errors: BUSY while another thread reads; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reader_seek(
    reader: *mut patron_reader,
    position: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = READERS.get(reader, "reader")?;
        entry.lock()?.seek(SeekFrom::Start(position)).map_err(Failure::from_io)?;
        Ok(())
    })
}

/// The size of the file, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reader_size(reader: *mut patron_reader) -> u64 {
    read(0, || Some(READERS.get(reader, "reader").ok()?.size))
}

/// The position of the next read; 0 while another thread reads.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reader_position(reader: *mut patron_reader) -> u64 {
    read(0, || Some(READERS.get(reader, "reader").ok()?.lock().ok()?.position()))
}

/// Returns a descriptor that is readable when a read that failed with TIMED_OUT may be retried.
/// Read with a timeout of 0 until the read times out, then wait for the descriptor. Do not read
/// from it or close it: the reader owns it.
///
/// Errors: IO if no descriptor is available; BUSY while another thread reads; INVALID_ARGUMENT on
/// Windows.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reader_fd(
    reader: *mut patron_reader,
    out: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = READERS.get(reader, "reader")?;
        let out = required(out, "out")?;
        #[cfg(unix)]
        {
            let readiness = entry.lock()?.ready_descriptor()?;
            out.write(std::os::fd::AsRawFd::as_raw_fd(&readiness));
            Ok(())
        }
        #[cfg(not(unix))]
        {
            let _ = (entry, out);
            Err(Failure::invalid("there are no descriptors for data on this system"))
        }
    })
}

/// Asks for an available range of a file, at most 64 MiB. patron_reply_bytes() reads the answer.
///
/// Errors of the reply: NOT_DOWNLOADED if not all of it has been downloaded; INVALID_ARGUMENT for a range
/// or a file that the torrent does not have; NO_METADATA; DISK.
#[unsafe(no_mangle)]
pub extern "C" fn patron_read_range(
    patron: *mut patron_handle,
    torrent_id: u64,
    file_index: u32,
    begin: u64,
    range_length: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.read_range(id, file_index, begin..begin.saturating_add(range_length)))
    })
}

/// Waits for a piece, and returns its bytes; patron_reply_bytes() reads the answer. Until the piece
/// is available, it is downloaded before all others, for at most `within_ms` milliseconds.
///
/// Errors of the reply: TIMED_OUT, and those of patron_reader_open() and patron_reader_read().
#[unsafe(no_mangle)]
pub extern "C" fn patron_fetch_piece(
    patron: *mut patron_handle,
    torrent_id: u64,
    piece_index: u32,
    within_ms: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.fetch_piece(id, piece_index, Duration::from_millis(within_ms)))
    })
}

/// Ends a waiting read in another thread, which fails with CANCELLED. If none is waiting, the next
/// read that would wait fails.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reader_interrupt(
    reader: *mut patron_reader,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        READERS.get(reader, "reader")?.interrupter.interrupt();
        Ok(())
    })
}

/// Frees a reader. A read that waits in another thread fails with CANCELLED. NULL is allowed, and so
/// is a handle that was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reader_free(reader: *mut patron_reader) {
    read((), || {
        let entry = READERS.remove(reader, "reader").ok()?;
        entry.interrupter.interrupt();
        release(entry);
        Some(())
    })
}
