//! Checks and converts the arguments that C passes, including the deadlines of waits.

use std::ffi::{CStr, c_char};
use std::mem::MaybeUninit;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};

use super::failure::Failure;
use super::numbers::{Choice, Numbered};
use torrent_patron::TorrentId;
use torrent_patron::file::Priority;
use torrent_patron::set::{BitSet, Element};
use torrent_patron::torrent::{GoalAction, Goals};

pub(crate) fn required<T>(argument: Option<T>, name: &'static str) -> Result<T, Failure> {
    argument.ok_or_else(|| Failure::null(name))
}

/// Writes an object to an output; the caller then owns it.
pub(crate) fn give<T>(out: &mut MaybeUninit<Box<T>>, object: T) {
    out.write(Box::new(object));
}

/// Converts a number from C; `what` names the choice, for the error.
pub(crate) fn choice<T: Choice>(number: i32, what: &str) -> Result<T, Failure> {
    T::from_number(number).ok_or_else(|| Failure::invalid(format!("unknown {what} {number}")))
}

/// Converts flags that C has combined by "or".
pub(crate) fn flags<T: Choice + Element>(bits: i32) -> Result<BitSet<T>, Failure> {
    let number = |flag: T| Numbered::number(&flag);
    let all = T::ALL.iter().copied();
    let known: BitSet<T> = all.filter(|flag| bits & number(*flag) != 0).collect();
    match known.iter().fold(bits, |rest, flag| rest & !number(flag)) {
        0 => Ok(known),
        rest => Err(Failure::invalid(format!("unknown flags {rest:#x}"))),
    }
}

/// What C gives and gets for no limit, in the header `PATRON_NO_LIMIT`.
pub(crate) const NO_LIMIT: i64 = -1;

/// Converts a limit. 0 is refused, because it would allow nothing.
pub(crate) fn limit(limit: i64, name: &'static str) -> Result<Option<u32>, Failure> {
    match limit {
        NO_LIMIT => Ok(None),
        1.. => Ok(Some(u32::try_from(limit).unwrap_or(u32::MAX))),
        _ => Err(Failure::invalid(format!(
            "{name} must be greater than 0, or PATRON_NO_LIMIT (is {limit})"
        ))),
    }
}

pub(crate) fn goals(share_ratio: f64, seed_seconds: i64, action: i32) -> Result<Goals, Failure> {
    if share_ratio.is_nan() {
        return Err(Failure::invalid("share_ratio is not a number"));
    }
    let mut goals = Goals::default().then(choice::<GoalAction>(action, "goal action")?);
    goals.share_ratio = (share_ratio >= 0.0).then_some(share_ratio);
    goals.seed_time = u64::try_from(seed_seconds).ok().map(Duration::from_secs);
    Ok(goals)
}

/// # Safety
///
/// `data` is NULL or points to `length` bytes that do not change during `'a`.
pub(crate) unsafe fn bytes<'a>(
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
        return Err(Failure::invalid(format!("{name}: {length} bytes is not a valid length")));
    }
    // SAFETY: not NULL, and the caller vouches for the length.
    Ok(unsafe { std::slice::from_raw_parts(data, length) })
}

/// # Safety
///
/// `data` is NULL or has space for `length` bytes, which nobody else uses during `'a`.
pub(crate) unsafe fn bytes_to_write<'a>(
    data: *mut u8,
    length: usize,
    name: &'static str,
) -> Result<&'a mut [u8], Failure> {
    if data.is_null() {
        return Err(Failure::null(name));
    }
    if isize::try_from(length).is_err() {
        return Err(Failure::invalid(format!("{name}: {length} bytes is not a valid length")));
    }
    // SAFETY: not NULL, and the caller vouches for the length.
    Ok(unsafe { std::slice::from_raw_parts_mut(data, length) })
}

/// The length that means "up to the zero", in the header `PATRON_ZERO_TERMINATED`.
const ZERO_TERMINATED: usize = usize::MAX;

/// # Safety
///
/// As for [`bytes`], or `data` ends in a zero.
unsafe fn characters<'a>(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<&'a [u8], Failure> {
    if length == ZERO_TERMINATED && !data.is_null() {
        // SAFETY: the caller has said by the length that a zero ends it.
        return Ok(unsafe { CStr::from_ptr(data) }.to_bytes());
    }
    // SAFETY: as the caller vouches.
    unsafe { bytes(data.cast(), length, name) }
}

/// # Safety
///
/// As for [`bytes`], or `data` ends in a zero.
pub(crate) unsafe fn text<'a>(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<&'a str, Failure> {
    // SAFETY: as the caller vouches.
    let bytes = unsafe { characters(data, length, name) }?;
    std::str::from_utf8(bytes).map_err(|error| Failure::invalid(format!("{name}: {error}")))
}

/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn path<'a>(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<&'a Path, Failure> {
    #[cfg(unix)]
    {
        // SAFETY: as the caller vouches.
        let bytes = unsafe { characters(data, length, name) }?;
        Ok(Path::new(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes)))
    }
    #[cfg(not(unix))]
    // SAFETY: as the caller vouches.
    Ok(Path::new(unsafe { text(data, length, name) }?))
}

/// Converts an id; 0 is never the id of a torrent.
pub(crate) fn torrent(id: u64) -> Result<TorrentId, Failure> {
    TorrentId::new(id).ok_or_else(|| Failure::not_found("torrent 0: no such torrent"))
}

/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn peer(data: *const c_char, length: usize) -> Result<SocketAddr, Failure> {
    // SAFETY: as the caller vouches.
    let address = unsafe { text(data, length, "address") }?;
    address
        .parse()
        .map_err(|_| Failure::invalid(format!("{address:?} is not the address and port of a peer")))
}

/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn address(
    data: *const c_char,
    length: usize,
    name: &'static str,
) -> Result<IpAddr, Failure> {
    // SAFETY: as the caller vouches.
    let address = unsafe { text(data, length, name) }?;
    address
        .parse()
        .map_err(|_| Failure::invalid(format!("{name}: {address:?} is not an IP address")))
}

pub(crate) fn priority_of(level: i32) -> Result<Priority, Failure> {
    let known = u8::try_from(level).ok().filter(|level| *level <= Priority::TOP.level());
    known
        .map(Priority::new)
        .ok_or_else(|| Failure::invalid(format!("priority {level} is not from 0 to 7")))
}

/// # Safety
///
/// As for [`bytes`].
pub(crate) unsafe fn priorities_of(
    data: *const u8,
    count: usize,
) -> Result<Vec<Priority>, Failure> {
    // SAFETY: as the caller vouches.
    let levels = unsafe { bytes(data, count, "priorities") }?;
    levels.iter().map(|level| priority_of((*level).into())).collect()
}

/// Returns -1 if there is no number.
pub(crate) fn or_none(number: Option<u32>) -> i64 {
    number.map_or(-1, i64::from)
}

pub(crate) fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Returns when a wait of this many milliseconds ends; `None`, for a negative number, means never.
pub(crate) fn deadline(timeout_ms: i64) -> Option<Instant> {
    let limit = Duration::from_millis(u64::try_from(timeout_ms).ok()?);
    Instant::now().checked_add(limit)
}

/// Writes an info hash to an output of its size, if there is one.
pub(crate) fn hash<const N: usize>(
    hash: Option<[u8; N]>,
    out: Option<&mut MaybeUninit<[u8; N]>>,
) -> Option<bool> {
    out?.write(hash?);
    Some(true)
}
