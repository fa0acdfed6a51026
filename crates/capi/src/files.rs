//! Files
//!
//! The files of a torrent: which there are, how far each has come, how much it is wanted, and where
//! they lie. Files are counted from 0, in the order of the metainfo.
//!
//! Errors of the replies, here and in the chapters below: NOT_FOUND, GONE; NATIVE while a magnet link
//! has no metadata; INVALID_ARGUMENT for a file or a piece that the torrent does not have.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use crate::metainfo::patron_metainfo;
use crate::support::arguments::{choice, path, priorities_of, priority_of, required};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, release};
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::lists::{List, count, read_into, text_of};
use crate::support::numbers::choices;
use crate::support::replies::{ask_of, give_answer};
use crate::support::structs::{Room, Struct};
use crate::support::text::patron_text;
use torrent_patron::{Existing, FileStatus, Priority};

/// Of the numbers that say how much a file or a piece is wanted, 0 to 7: it is not downloaded.
pub const PATRON_PRIORITY_SKIP: i32 = 0;
/// After all others.
pub const PATRON_PRIORITY_LOW: i32 = 1;
/// What nobody chose for.
pub const PATRON_PRIORITY_DEFAULT: i32 = 4;
/// Before all others.
pub const PATRON_PRIORITY_TOP: i32 = 7;

const _: () = assert!(
    PATRON_PRIORITY_SKIP == Priority::SKIP.level() as i32
        && PATRON_PRIORITY_LOW == Priority::LOW.level() as i32
        && PATRON_PRIORITY_DEFAULT == Priority::DEFAULT.level() as i32
        && PATRON_PRIORITY_TOP == Priority::TOP.level() as i32
);

choices! { Existing:
    /// Where a file is already, the move fails, and nothing is moved.
    PATRON_EXISTING_FAIL = 0 => Fail,
    /// The file that is there is overwritten.
    PATRON_EXISTING_REPLACE = 1 => Replace,
    /// The file that is there is kept, and the one of the torrent is left behind. What is there is then
    /// checked.
    PATRON_EXISTING_KEEP = 2 => Keep,
}

/// One file of a torrent and how far it has come.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_file_status {
    /// In bytes.
    pub size: u64,
    /// How many of them are here; of pieces that are not complete, those of the blocks that are.
    pub done: u64,
    /// How much it is wanted, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP.
    pub priority: i32,
    /// It only fills up to a piece boundary, and is not on disk (BEP 47).
    pub pad: bool,
    /// Zero.
    pub reserved: [u8; 3],
}

impl Struct for patron_file_status {
    const NAME: &str = "patron_file_status";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + 3;
}

impl From<&FileStatus> for patron_file_status {
    fn from(file: &FileStatus) -> Self {
        Self {
            size: file.size,
            done: file.done,
            priority: file.priority.level().into(),
            pad: file.pad,
            reserved: [0; 3],
        }
    }
}

/// The files of a torrent at one moment. Any thread may read it, also several at once.
pub struct patron_files {
    list: List<FileStatus>,
}

/// Asks for the files of a torrent; patron_reply_files() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_files(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.files(id)))
}

/// Of patron_get_files(): the files, a new object for each call. Free it with patron_files_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no files, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_files(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_files>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "files", |files: &Vec<FileStatus>| patron_files {
            list: files.clone().into(),
        })
    })
}

/// Frees the list. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_files_free(files: Option<Box<patron_files>>) {
    release(files);
}

/// How many files there are, pad files included.
#[unsafe(no_mangle)]
pub extern "C" fn patron_files_count(files: Option<&patron_files>) -> usize {
    count(files.map(|files| &files.list))
}

/// Writes the files from index `first` on into an array of `capacity` structs, and how many they were
/// to `written`. `struct_size` is sizeof(patron_file_status).
///
/// Errors: INVALID_ARGUMENT for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_files_read(
    files: Option<&patron_files>,
    first: usize,
    out: *mut patron_file_status,
    struct_size: usize,
    capacity: usize,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    let room = Room(out, struct_size, capacity);
    // SAFETY: the caller gives the size of its structs and how many there are.
    unsafe { read_into((files.map(|files| &files.list), "files"), first, room, written, error) }
}

/// Where a file is below the save directory; the new place of one that was renamed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_files_path(files: Option<&patron_files>, index: usize) -> patron_text {
    let path = |file: &FileStatus| Some(file.path.as_os_str().as_encoded_bytes().to_vec());
    text_of(files.map(|files| &files.list), "path", index, path)
}

/// Says how much a file is wanted, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. What is skipped is
/// not downloaded, but for the pieces that it shares with its neighbours.
///
/// Errors: INVALID_ARGUMENT for another priority.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_file_priority(
    patron: *mut patron_handle,
    torrent_id: u64,
    file_index: u32,
    priority: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_file_priority(id, file_index, priority_of(priority)?))
    })
}

/// Says how much each file is wanted: a byte for each of as many files as there are.
///
/// Errors: INVALID_ARGUMENT for a byte that is no priority; of the reply for another number of files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_file_priorities(
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
        Ok(patron.set_file_priorities(id, priorities))
    })
}

/// Gives a file another path below the save directory, on the disk too. The reply comes when that is
/// done, as does PATRON_EVENT_FILE_RENAMED; patron_reply_path() is then the new path. The metainfo
/// stays as it is.
///
/// Errors of the reply: INVALID_ARGUMENT for a path that is empty, absolute or has "..", and where a
/// file of that name is already: nothing is overwritten. IO when the system refuses.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_rename_file(
    patron: *mut patron_handle,
    torrent_id: u64,
    file_index: u32,
    new_path: *const c_char,
    new_path_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the path.
        let new_path = unsafe { path(new_path, new_path_length, "new_path") }?;
        Ok(patron.rename_file(id, file_index, new_path))
    })
}

/// Moves the files to another directory, which is made if need be. `existing`, a PATRON_EXISTING_*, says
/// what is done where a file is already. The reply comes when they are there, as does
/// PATRON_EVENT_MOVED; patron_reply_path() is then the directory.
///
/// Errors: INVALID_ARGUMENT for unknown `existing`. Of the reply: IO when the directory cannot be made,
/// when a file is there already and is not to be replaced or kept, and when the system refuses; the
/// files are then where they were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_move_storage(
    patron: *mut patron_handle,
    torrent_id: u64,
    directory: *const c_char,
    directory_length: usize,
    existing: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        let existing = choice::<Existing>(existing, "choice for existing files")?;
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        Ok(patron.move_storage(id, directory, existing))
    })
}

/// Asks for all that a later run needs to go on where the torrent stands now, with the metainfo in it;
/// patron_reply_bytes() reads the answer. To be kept, and given to patron_add_torrent() as
/// PATRON_SOURCE_RESUME_DATA.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_resume_data(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.resume_data(id)))
}

/// Closes the files of a torrent: what libtorrent and the system hold back is on its way to the disk
/// then. They are opened again when they are needed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_flush_files(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.flush_files(id)))
}

/// Gives a magnet link its metadata, where the program has it from elsewhere.
///
/// Errors of the reply: INVALID_ARGUMENT for the metainfo of another torrent, and for a torrent that has
/// its metadata.
#[unsafe(no_mangle)]
pub extern "C" fn patron_give_metainfo(
    patron: *mut patron_handle,
    torrent_id: u64,
    metainfo: Option<&patron_metainfo>,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.give_metainfo(id, &required(metainfo, "metainfo")?.metainfo))
    })
}
