//! Files
//!
//! The files of a torrent: their paths, progress and priorities. File indexes start at 0 and follow
//! the order of the metainfo.
//!
//! Errors of the replies, in this chapter and the following ones: NOT_FOUND; GONE; NO_METADATA while
//! a magnet link has none; INVALID_ARGUMENT for a file or piece index that the torrent does not have.

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
use torrent_patron::file::{FileStatus, OnConflict, Priority};

/// A priority is a number from 0 to 7. With 0, the file or piece is not downloaded.
pub const PATRON_PRIORITY_SKIP: i32 = 0;
/// The lowest priority at which it is downloaded.
pub const PATRON_PRIORITY_LOW: i32 = 1;
/// The default priority.
pub const PATRON_PRIORITY_DEFAULT: i32 = 4;
/// The highest priority.
pub const PATRON_PRIORITY_TOP: i32 = 7;

const _: () = assert!(
    PATRON_PRIORITY_SKIP == Priority::SKIP.level() as i32
        && PATRON_PRIORITY_LOW == Priority::LOW.level() as i32
        && PATRON_PRIORITY_DEFAULT == Priority::DEFAULT.level() as i32
        && PATRON_PRIORITY_TOP == Priority::TOP.level() as i32
);

choices! { OnConflict:
    /// If a file exists at the destination, the move fails and nothing is moved.
    PATRON_ON_CONFLICT_FAIL = 0 => Fail,
    /// Existing files are overwritten.
    PATRON_ON_CONFLICT_REPLACE = 1 => Replace,
    /// Existing files are kept, the torrent's own are left behind, and the existing data is
    /// checked.
    PATRON_ON_CONFLICT_KEEP = 2 => Keep,
}

/// One file of a torrent and its progress.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_file_status {
    /// The size in bytes.
    pub size: u64,
    /// The number of bytes downloaded, including blocks of incomplete pieces.
    pub done: u64,
    /// The priority, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP.
    pub priority: i32,
    /// Whether it is a pad file, which only fills space up to a piece boundary and is not on disk
    /// (BEP 47).
    pub pad: bool,
    /// Reserved; zero.
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

/// A snapshot of the files of a torrent. Several threads may read it at once.
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

/// For patron_get_files(): the files, a new object for each call. Free it with patron_files_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
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

/// Frees the list. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_files_free(files: Option<Box<patron_files>>) {
    release(files);
}

/// The number of files, including pad files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_files_count(files: Option<&patron_files>) -> usize {
    count(files.map(|files| &files.list))
}

/// Copies the files from index `first` on into an array of `capacity` structs, and writes their
/// number to `written`. `struct_size` is sizeof(patron_file_status).
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

/// The current path of a file, relative to the save directory.
#[unsafe(no_mangle)]
pub extern "C" fn patron_files_path(files: Option<&patron_files>, index: usize) -> patron_text {
    let path = |file: &FileStatus| Some(file.path.as_os_str().as_encoded_bytes().to_vec());
    text_of(files.map(|files| &files.list), "path", index, path)
}

/// Sets the priority of a file, from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP. A skipped file is
/// not downloaded, except for the pieces that it shares with its neighbours.
///
/// Errors: INVALID_ARGUMENT for any other priority.
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

/// Sets the priorities of all files, one byte for each file.
///
/// Errors: INVALID_ARGUMENT for an invalid priority. Of the reply: INVALID_ARGUMENT if the number
/// of priorities is not the number of files.
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

/// Renames a file, also on disk. The path is relative to the save directory. The reply and
/// PATRON_EVENT_FILE_RENAMED come when the file was renamed; patron_reply_path() is then the new
/// path. The metainfo does not change.
///
/// Errors of the reply: INVALID_ARGUMENT for a path that is empty, absolute or contains "..", or
/// that another file of the torrent has; EXISTS if there is a file of that path: nothing is
/// overwritten; DISK if the system refuses.
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

/// Moves the files to another directory, which is created if necessary. `on_conflict`, a
/// PATRON_ON_CONFLICT_*, determines what happens to files that exist there. The reply and
/// PATRON_EVENT_MOVED come when the files were moved; patron_reply_path() is then the directory.
///
/// Errors: INVALID_ARGUMENT for an unknown `on_conflict`. Of the reply: EXISTS if a file exists and
/// PATRON_ON_CONFLICT_FAIL was chosen; DISK if the directory cannot be created, or if the system
/// refuses; BUSY while they are already being moved. The files then stay where they were.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_move_storage(
    patron: *mut patron_handle,
    torrent_id: u64,
    directory: *const c_char,
    directory_length: usize,
    on_conflict: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        let on_conflict = choice::<OnConflict>(on_conflict, "on_conflict")?;
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        Ok(patron.move_storage(id, directory, on_conflict))
    })
}

/// Asks for the data that a later run needs to resume the torrent, including the metainfo;
/// patron_reply_bytes() reads the answer. Store it, and pass it to patron_add_torrent() as
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

/// Closes the files of a torrent, so that buffered data is written to the disk. They are opened
/// again when needed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_flush_files(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.flush_files(id)))
}

/// Sets the metadata of a torrent that was added by a magnet link, if the program has obtained it
/// elsewhere.
///
/// Errors of the reply: INVALID_ARGUMENT for the metainfo of another torrent, or if the torrent
/// already has its metadata.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_metadata(
    patron: *mut patron_handle,
    torrent_id: u64,
    metainfo: Option<&patron_metainfo>,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.set_metadata(id, &required(metainfo, "metainfo")?.metainfo))
    })
}
