//! What C hands in, checked; how long a call may wait among it.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::errors::Failure;
use torrent_patron::TorrentId;
use torrent_patron::file::Priority;

pub(super) fn required<T>(argument: Option<T>, name: &'static str) -> Result<T, Failure> {
    argument.ok_or_else(|| Failure::null(name))
}

/// # Safety
///
/// `data` is NULL or points to `length` bytes that stay as they are for `'a`.
pub(super) unsafe fn bytes<'a>(
    data: *const u8,
    length: usize,
    name: &'static str,
) -> Result<&'a [u8], Failure> {
    if length == 0 {
        return Ok(&[]);
    }
    if data.is_null() {
        return Err(Failure::null(name));
    }
    if isize::try_from(length).is_err() {
        return Err(Failure::invalid(format!("{name}: a length of {length} bytes")));
    }
    // SAFETY: not NULL, and the caller vouches for the length.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// # Safety
///
/// As for [`bytes`].
pub(super) unsafe fn text<'a>(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<&'a str, Failure> {
    // SAFETY: as the caller vouches.
    let bytes = unsafe { bytes(data.cast(), length, name) }?;
    std::str::from_utf8(bytes).map_err(|error| Failure::invalid(format!("{name}: {error}")))
}

/// # Safety
///
/// As for [`bytes`].
pub(super) unsafe fn path<'a>(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<&'a Path, Failure> {
    #[cfg(unix)]
    {
        // SAFETY: as the caller vouches.
        let bytes = unsafe { bytes(data.cast(), length, name) }?;
        Ok(Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    // SAFETY: as the caller vouches.
    Ok(Path::new(unsafe { text(data, length, name) }?))
}

/// 0 is no torrent, and as unknown as any that was never given out.
pub(super) fn torrent(id: u64) -> Result<TorrentId, Failure> {
    TorrentId::new(id).ok_or_else(|| Failure::not_found("torrent 0: no such torrent"))
}

/// # Safety
///
/// As for [`bytes`].
pub(super) unsafe fn peer(data: *const c_char, length: usize) -> Result<SocketAddr, Failure> {
    // SAFETY: as the caller vouches.
    let address = unsafe { text(data, length, "address") }?;
    address
        .parse()
        .map_err(|_| Failure::invalid(format!("{address:?} is no address and port of a peer")))
}

/// # Safety
///
/// As for [`bytes`].
pub(super) unsafe fn address(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<IpAddr, Failure> {
    // SAFETY: as the caller vouches.
    let address = unsafe { text(data, length, name) }?;
    address.parse().map_err(|_| Failure::invalid(format!("{name}: {address:?} is no IP address")))
}

pub(super) fn priority_of(level: i32) -> Result<Priority, Failure> {
    let level = u8::try_from(level).ok().filter(|level| *level <= Priority::TOP.level());
    level.map(Priority::new).ok_or_else(|| Failure::invalid("a priority is a number from 0 to 7"))
}

/// # Safety
///
/// As for [`bytes`].
pub(super) unsafe fn priorities_of(
    data: *const u8,
    count: usize,
) -> Result<Vec<Priority>, Failure> {
    // SAFETY: as the caller vouches.
    let levels = unsafe { bytes(data, count, "priorities") }?;
    levels.iter().map(|level| priority_of((*level).into())).collect()
}

/// What no number stands for, in a struct.
pub(super) fn or_none(number: Option<u32>) -> i64 {
    number.map_or(-1, i64::from)
}

pub(super) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// When a wait of so many milliseconds ends; `None` for never, which a negative number means.
pub(super) fn deadline(timeout_ms: i64) -> Option<Instant> {
    let limit = Duration::from_millis(u64::try_from(timeout_ms).ok()?);
    Instant::now().checked_add(limit)
}

/// Waits for an answer that comes once, and keeps it for all who ask.
pub(super) fn wait_once<'a, T>(
    turn: &Mutex<()>,
    answer: &'a OnceLock<T>,
    until: Option<Instant>,
    wait: impl FnOnce() -> Option<T>,
) -> Result<&'a T, Failure> {
    if let Some(answer) = answer.get() {
        return Ok(answer);
    }
    let guard = match until {
        None => Some(turn.lock()),
        Some(until) => turn.try_lock_until(until),
    };
    let _turn = guard.ok_or_else(Failure::timed_out)?;
    if answer.get().is_none() {
        let arrived = wait().ok_or_else(Failure::timed_out)?;
        let _ = answer.set(arrived);
    }
    answer.get().ok_or_else(Failure::timed_out)
}

/// The two kinds of info hash, into a place of their size if there is one.
pub(super) fn hash<const N: usize>(
    hash: Option<[u8; N]>,
    out: Option<&mut MaybeUninit<[u8; N]>>,
) -> Option<bool> {
    out?.write(hash?);
    Some(true)
}
