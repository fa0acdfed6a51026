//! Verifying data
//!
//! Data on disk is compared with its torrent, without a client. Nothing is changed. Several threads may
//! read a patron_verified at once.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::metainfo::patron_metainfo;
use crate::support::arguments::{give, path, required};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, read, release};
use crate::support::numbers::{Numbered, numbers};
use crate::support::text::{Texts, patron_text};
use torrent_patron::metainfo::{FileState, VerifiedFile, Verifier, VerifyReport};

/// Which of a torrent's data on disk is correct.
pub struct patron_verified {
    report: VerifyReport,
    texts: Texts,
}

numbers! { FileState:
    /// It has the data that the torrent says.
    PATRON_FILE_GOOD = 1 => Good,
    /// It does not exist.
    PATRON_FILE_MISSING = 2 => Missing,
    /// Something else has its name, such as a directory.
    PATRON_FILE_NOT_A_FILE = 3 => NotAFile,
    /// Its size is wrong.
    PATRON_FILE_WRONG_SIZE = 4 => WrongSize,
    /// Some of its pieces have wrong data.
    PATRON_FILE_DAMAGED = 5 => Damaged,
    /// It shares a damaged piece with other files, and the torrent does not say which file is damaged.
    PATRON_FILE_DOUBTFUL = 6 => Doubtful,
    /// It cannot be read.
    PATRON_FILE_UNREADABLE = 7 => Unreadable,
    /// It is not the symbolic link that the torrent has there (BEP 47).
    PATRON_FILE_WRONG_LINK = 8 => WrongLink,
}

/// Hashes the data below a directory on separate threads, and waits until all of it has been read. Free
/// the result with patron_verified_free().
///
/// Errors: INVALID_ARGUMENT if it is not a directory; PARSE for a v2 torrent without piece hashes; IO if
/// no thread can be started. A file that cannot be read is not an error; the result says so.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_verify(
    metainfo: Option<&patron_metainfo>,
    directory: *const c_char,
    directory_length: usize,
    out: Option<&mut MaybeUninit<Box<patron_verified>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let metainfo = &required(metainfo, "metainfo")?.metainfo;
        let out = required(out, "out")?;
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        let report = Verifier::new(metainfo, directory).start()?.wait()?;
        give(out, patron_verified { report, texts: Texts::default() });
        Ok(())
    })
}

/// Whether all files are as the torrent says.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_is_good(verified: Option<&patron_verified>) -> bool {
    read(false, || Some(verified?.report.is_good()))
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

/// The state of a file on disk, a PATRON_FILE_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_file_state(
    verified: Option<&patron_verified>,
    index: usize,
) -> i32 {
    read(0, || Some(verified?.file(index)?.state.number()))
}

impl patron_verified {
    fn file(&self, index: usize) -> Option<&VerifiedFile> {
        self.report.files.get(index)
    }
}

/// Frees what patron_verify() has given. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_verified_free(verified: Option<Box<patron_verified>>) {
    release(verified);
}
