//! Options for adding a torrent
//!
//! An option that is not set has the client's default. Options are used by one thread at a time,
//! and can be used any number of times.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::support::arguments::{
    self, bytes, choice, give, goals, path, peer, priorities_of, required, text,
};
use crate::support::failure::patron_error;
use crate::support::guard::{guard, release};
use crate::support::numbers::choices;
use torrent_patron::AddOptions;
use torrent_patron::file::{Allocation, ExistingFiles};
use torrent_patron::tracker::Tracker;

choices! { Allocation:
    /// Disk space is allocated as pieces are written; files are sparse until they are complete.
    PATRON_ALLOCATION_SPARSE = 0 => Sparse,
    /// Disk space for all files is allocated when the torrent starts.
    PATRON_ALLOCATION_FULL = 1 => Full,
}

choices! { ExistingFiles:
    /// Existing files that have data of the torrent are used. A file that has none of it, or that
    /// is longer, belongs to something else: the torrent is refused and the file is not changed.
    /// The default.
    PATRON_EXISTING_FILES_REFUSE = 0 => Refuse,
    /// All existing files are used as the torrent's: data that differs from its hashes is
    /// overwritten, and data beyond the torrent's length is cut off.
    PATRON_EXISTING_FILES_OVERWRITE = 1 => Overwrite,
}

/// Options for adding a torrent.
pub struct patron_add_options {
    pub(crate) options: AddOptions,
}

/// Makes options in which nothing is set. Free them with patron_add_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_new(
    out: Option<&mut MaybeUninit<Box<patron_add_options>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give(required(out, "out")?, patron_add_options { options: AddOptions::default() });
        Ok(())
    })
}

/// Frees options. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_free(options: Option<Box<patron_add_options>>) {
    release(options);
}

/// Sets the directory for complete files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_set_save_dir(
    options: Option<&mut patron_add_options>,
    directory: *const c_char,
    directory_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        required(options, "options")?.options.save_dir = Some(directory.into());
        Ok(())
    })
}

/// Sets the directory for incomplete files.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_set_incomplete_dir(
    options: Option<&mut patron_add_options>,
    directory: *const c_char,
    directory_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        required(options, "options")?.options.incomplete_dir = Some(directory.into());
        Ok(())
    })
}

/// Adds a peer to connect to, written "127.0.0.1:6881" or "[::1]:6881".
///
/// Errors: INVALID_ARGUMENT if it is not an address and port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_add_peer(
    options: Option<&mut patron_add_options>,
    address: *const c_char,
    address_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the address.
        let peer = unsafe { peer(address, address_length) }?;
        required(options, "options")?.options.peers.push(peer);
        Ok(())
    })
}

/// Sets how many of the client's network threads serve the torrent while it is complete, so that
/// its upload rate can exceed that of one thread. To trackers, each thread is a separate peer with
/// its own port. A torrent that is private, has its own limits, uses TLS or super-seeds is served
/// by one thread. The default is the value in the resume data, or 1.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_replicas(
    options: Option<&mut patron_add_options>,
    count: u16,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.replicas = Some(count);
        Ok(())
    })
}

/// Adds the torrent paused. The default is false.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_paused(
    options: Option<&mut patron_add_options>,
    paused: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.paused = paused;
        Ok(())
    })
}

/// Assumes that the data in the save directory is complete, without checking it. Not possible with
/// a magnet link. The default is false.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_trust(
    options: Option<&mut patron_add_options>,
    trust: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.trust = trust;
        Ok(())
    })
}

/// Pauses the torrent once its files have been checked (PATRON_EVENT_CHECKED). The default is
/// false.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_stop_when_checked(
    options: Option<&mut patron_add_options>,
    stop: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.stop_when_checked = stop;
        Ok(())
    })
}

/// Hashes the files again when they have been downloaded, before PATRON_EVENT_FINISHED, because
/// another program may have written to them. The default is false.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_verify_finished(
    options: Option<&mut patron_add_options>,
    verify: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.verify_finished = verify;
        Ok(())
    })
}

/// Adds a tracker to those of the source. Lower tiers are tried first (BEP 12).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_add_tracker(
    options: Option<&mut patron_add_options>,
    url: *const c_char,
    url_length: usize,
    tier: u8,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        required(options, "options")?.options.trackers.push(Tracker::new(url, tier));
        Ok(())
    })
}

/// Adds a web seed to those of the source (BEP 19).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_add_web_seed(
    options: Option<&mut patron_add_options>,
    url: *const c_char,
    url_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the URL.
        let url = unsafe { text(url, url_length, "url") }?;
        required(options, "options")?.options.web_seeds.push(url.into());
        Ok(())
    })
}

/// Sets the priorities of the files, one byte for each, from PATRON_PRIORITY_SKIP to
/// PATRON_PRIORITY_TOP, in the order of the metainfo. Files without one have the default priority.
/// With none at all, the source decides (BEP 53).
///
/// Errors: INVALID_ARGUMENT for an invalid priority.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_set_file_priorities(
    options: Option<&mut patron_add_options>,
    priorities: *const u8,
    count: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the number of bytes.
        let priorities = unsafe { priorities_of(priorities, count) }?;
        required(options, "options")?.options.file_priorities = priorities;
        Ok(())
    })
}

/// Sets how disk space is allocated, a PATRON_ALLOCATION_*. The default is
/// PATRON_ALLOCATION_SPARSE.
///
/// Errors: INVALID_ARGUMENT for an unknown value.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_allocation(
    options: Option<&mut patron_add_options>,
    allocation: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.allocation = choice(allocation, "allocation")?;
        Ok(())
    })
}

/// Sets how existing files are handled, a PATRON_EXISTING_FILES_*.
///
/// Errors: INVALID_ARGUMENT for an unknown value.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_existing_files(
    options: Option<&mut patron_add_options>,
    existing_files: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.existing_files =
            choice(existing_files, "choice for existing files")?;
        Ok(())
    })
}

/// Sets the flags that are on from the start, PATRON_FLAG_* combined by "or". Flags that are not
/// given keep their defaults.
///
/// Errors: INVALID_ARGUMENT for unknown flags.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_flags(
    options: Option<&mut patron_add_options>,
    flags: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.flags = arguments::flags(flags)?;
        Ok(())
    })
}

/// Sets the seeding goals, as patron_set_goals() does. The default is the value in the resume data,
/// or no goals.
///
/// Errors: INVALID_ARGUMENT for an unknown action, or if the share ratio is not a number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_add_options_set_goals(
    options: Option<&mut patron_add_options>,
    share_ratio: f64,
    seed_seconds: i64,
    action: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let goals = goals(share_ratio, seed_seconds, action)?;
        required(options, "options")?.options.goals = Some(goals);
        Ok(())
    })
}

/// Adds resume data to another source, for programs that store metainfo and resume data separately.
/// It must belong to the same torrent. The data is copied; a length of 0 means no resume data.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_options_set_resume_data(
    options: Option<&mut patron_add_options>,
    data: *const u8,
    length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the data.
        let data = unsafe { bytes(data, length, "data") }?;
        required(options, "options")?.options.resume_data = (!data.is_empty()).then(|| data.into());
        Ok(())
    })
}
