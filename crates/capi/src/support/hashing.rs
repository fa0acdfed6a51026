//! Hashing
//!
//! Creating and verifying torrents read all data, on separate threads. Any thread may watch, cancel or
//! wait for the work through its handle, a patron_making or a patron_verifying.

use std::mem::{MaybeUninit, offset_of};

use super::arguments::{deadline, give, required};
use super::failure::patron_error;
use super::guard::guard;
use super::once::Once;
use super::structs::{Struct, write};
use super::table::Table;
use super::text::Texts;
use torrent_patron::metainfo::{HashProgress, Hashing};

/// The progress of hashing.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_hash_progress {
    /// The number of files listed.
    pub files: u64,
    /// The number of pieces hashed.
    pub pieces: u64,
    /// The number of pieces; 0 while files are being listed.
    pub piece_count: u64,
    /// The number of bytes read.
    pub bytes: u64,
    /// The number of bytes; 0 while files are being listed.
    pub size: u64,
}

impl Struct for patron_hash_progress {
    const NAME: &'static str = "patron_hash_progress";
    const FIRST_SIZE: usize = offset_of!(Self, size) + size_of::<u64>();
}

impl From<HashProgress> for patron_hash_progress {
    fn from(progress: HashProgress) -> Self {
        let HashProgress { files, pieces, piece_count, bytes, size, .. } = progress;
        Self { files, pieces, piece_count, bytes, size }
    }
}

/// Hashing with a handle.
pub(crate) struct HashingEntry<T> {
    pub(crate) hashing: Hashing<T>,
    result: Once<T>,
    pub(crate) texts: Texts,
}

impl<T> From<Hashing<T>> for HashingEntry<T> {
    fn from(hashing: Hashing<T>) -> Self {
        Self { hashing, result: Once::default(), texts: Texts::default() }
    }
}

/// # Safety
///
/// `out` is NULL or has space for `struct_size` bytes.
pub(crate) unsafe fn progress<T, H>(
    table: &Table<HashingEntry<T>, H>,
    (handle, name): (*mut H, &'static str),
    out: *mut patron_hash_progress,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let progress = table.get(handle, name)?.hashing.progress();
        // SAFETY: as the caller vouches.
        unsafe { write(patron_hash_progress::from(progress), out, struct_size) }
    })
}

pub(crate) fn cancel<T, H>(
    table: &Table<HashingEntry<T>, H>,
    (handle, name): (*mut H, &'static str),
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        table.get(handle, name)?.hashing.cancel();
        Ok(())
    })
}

/// Waits for the result and gives a new object with it.
pub(crate) fn wait<T: Clone, H, O: From<T>>(
    table: &Table<HashingEntry<T>, H>,
    (handle, name): (*mut H, &'static str),
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<Box<O>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = table.get(handle, name)?;
        let out = required(out, "out")?;
        let until = deadline(timeout_ms);
        let result = entry.result.wait(until, || entry.hashing.wait_until(until))?;
        give(out, result.clone().into());
        Ok(())
    })
}
