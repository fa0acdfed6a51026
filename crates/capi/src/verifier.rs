//! Verifying data
//!
//! Data on disk is compared with its torrent, without a client. Nothing is changed. Several threads may
//! read a patron_verified at once.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::metainfo::patron_metainfo;
use crate::support::arguments::{path, required};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, read, release};
use crate::support::handles::{VERIFYINGS, patron_verifying};
use crate::support::hashing::{self, patron_hash_progress};
use crate::support::numbers::{Numbered, numbers};
use crate::support::text::{Texts, patron_text};
use torrent_patron::metainfo::{FileState, VerifiedFile, Verifier, VerifyReport};

/// Which of a torrent's data on disk is correct.
pub struct patron_verified {
    report: VerifyReport,
    errors: Vec<Option<Box<patron_error>>>,
    texts: Texts,
}

numbers! { FileState:
    /// It has the data that the torrent says.
    PATRON_FILE_GOOD = 1 => Good,
    /// It does not exist.
    PATRON_FILE_MISSING = 2 => Missing,
    /// Something else has its name, such as a directory.
    PATRON_FILE_NOT_A_FILE = 3 => NotAFile,
    /// Its size is wrong; see patron_verified_file_size_found().
    PATRON_FILE_WRONG_SIZE = 4 => WrongSize,
    /// Some of its pieces have wrong data; see patron_verified_file_bad_pieces().
    PATRON_FILE_DAMAGED = 5 => Damaged,
    /// It shares a damaged piece with other files, and the torrent does not say which file is damaged.
    PATRON_FILE_DOUBTFUL = 6 => Doubtful,
    /// It cannot be read; see patron_verified_file_error().
    PATRON_FILE_UNREADABLE = 7 => Unreadable,
    /// It is not the symbolic link that the torrent has there (BEP 47).
    PATRON_FILE_WRONG_LINK = 8 => WrongLink,
}

impl From<VerifyReport> for patron_verified {
    fn from(report: VerifyReport) -> Self {
        let error = |file: &VerifiedFile| match &file.state {
            FileState::Unreadable(error) => Some(Box::new(patron_error::new(error))),
            _ => None,
        };
        let errors = report.files.iter().map(error).collect();
        Self { report, errors, texts: Texts::default() }
    }
}

impl patron_verified {
    fn file(&self, index: usize) -> Option<&VerifiedFile> {
        self.report.files.get(index)
    }
}

/// Starts hashing the data below a directory on background threads. Free the result with
/// patron_verifying_free().
///
/// Errors: INVALID_ARGUMENT if it is not a directory; PARSE for a v2 torrent without piece hashes; IO if
/// no thread can be started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_verify(
    metainfo: Option<&patron_metainfo>,
    directory: *const c_char,
    directory_length: usize,
    out: Option<&mut MaybeUninit<*mut patron_verifying>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let metainfo = &required(metainfo, "metainfo")?.metainfo;
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        let verifying = Verifier::new(metainfo, directory).start()?;
        out.write(VERIFYINGS.insert(verifying.into()));
        Ok(())
    })
}

/// Writes the progress. `struct_size` is sizeof(patron_hash_progress).
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_verifying_progress(
    verifying: *mut patron_verifying,
    out: *mut patron_hash_progress,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    // SAFETY: the caller gives the size of its struct.
    unsafe { hashing::progress(&VERIFYINGS, (verifying, "verifying"), out, struct_size, error) }
}

/// Stops hashing soon; patron_verifying_wait() then fails with CANCELLED.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verifying_cancel(
    verifying: *mut patron_verifying,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    hashing::cancel(&VERIFYINGS, (verifying, "verifying"), error)
}

/// Waits for the result for at most `timeout_ms` milliseconds. 0 does not wait; a negative number
/// waits without a limit. Free the result with patron_verified_free(). This may be called again.
///
/// Errors: TIMED_OUT (call again to continue waiting); CANCELLED; BAD_HANDLE. A file that cannot be
/// read is not an error; the result says so.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verifying_wait(
    verifying: *mut patron_verifying,
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<Box<patron_verified>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    hashing::wait(&VERIFYINGS, (verifying, "verifying"), timeout_ms, out, error)
}

/// Frees the handle, and cancels hashing if it is still running. NULL is allowed, and so is a
/// handle that was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verifying_free(verifying: *mut patron_verifying) {
    read((), || VERIFYINGS.remove(verifying, "verifying").ok().map(release));
}

/// Whether all files are as the torrent says.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_is_good(verified: Option<&patron_verified>) -> bool {
    read(false, || Some(verified?.report.is_good()))
}

/// The sum of the sizes of the torrent's files in bytes, without pad files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_size(verified: Option<&patron_verified>) -> u64 {
    read(0, || Some(verified?.report.size))
}

/// The number of bytes in pieces that are missing or damaged.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_bad_size(verified: Option<&patron_verified>) -> u64 {
    read(0, || Some(verified?.report.bad_size))
}

/// The number of pieces that are missing or damaged.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_bad_pieces(verified: Option<&patron_verified>) -> u32 {
    read(0, || Some(verified?.report.bad_pieces))
}

/// The number of files, without pad files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_count(verified: Option<&patron_verified>) -> usize {
    read(0, || Some(verified?.report.files.len()))
}

/// The path of a file below the directory. Valid until `verified` is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_path(
    verified: Option<&patron_verified>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let verified = verified?;
        let path = verified.file(index)?.path.as_os_str().as_encoded_bytes();
        Some(verified.texts.lend_nth("path", index, path))
    })
}

/// The size of a file in the torrent, in bytes.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_size(
    verified: Option<&patron_verified>,
    index: usize,
) -> u64 {
    read(0, || Some(verified?.file(index)?.size))
}

/// The state of a file on disk, a PATRON_FILE_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_state(
    verified: Option<&patron_verified>,
    index: usize,
) -> i32 {
    read(0, || Some(verified?.file(index)?.state.number()))
}

/// For PATRON_FILE_WRONG_SIZE: the size of the file on disk in bytes; 0 for other states.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_size_found(
    verified: Option<&patron_verified>,
    index: usize,
) -> u64 {
    read(0, || match verified?.file(index)?.state {
        FileState::WrongSize(size) => Some(size),
        _ => None,
    })
}

/// For PATRON_FILE_DAMAGED: the number of pieces of the file that have wrong data; 0 for other
/// states.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_bad_pieces(
    verified: Option<&patron_verified>,
    index: usize,
) -> u64 {
    read(0, || match verified?.file(index)?.state {
        FileState::Damaged(pieces) => Some(pieces),
        _ => None,
    })
}

/// For PATRON_FILE_UNREADABLE: why the file cannot be read; NULL for other states. Owned by
/// `verified`.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_error(
    verified: Option<&patron_verified>,
    index: usize,
) -> *const patron_error {
    read(std::ptr::null(), || {
        let error = verified?.errors.get(index)?.as_ref()?;
        Some(&raw const **error)
    })
}

/// Frees the result of a verification. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_free(verified: Option<Box<patron_verified>>) {
    release(verified);
}
