//! How a torrent is started
//!
//! What is not set has the client's default. Options are used by one thread at a time, and any number
//! of times.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use super::arguments::{bytes, path, peer, priorities_of, required, text};
use super::errors::{Failure, give, patron_error};
use super::guard::{guard, release};
use super::torrent_options::{flags_of, goals_of, limit};
use torrent_patron::{AddOptions, Allocation, ExistingFiles, Tracker};

/// Room on the disk is taken as pieces are written; a file has holes until it is complete.
pub const PATRON_ALLOCATION_SPARSE: i32 = 0;
/// All of it is taken when the torrent starts.
pub const PATRON_ALLOCATION_FULL: i32 = 1;

/// Files that are there already and have data of the torrent are used. A file with none of it, or a
/// longer one, is somebody else's: the torrent is refused and the file stays as it is.
pub const PATRON_EXISTING_FILES_REFUSE: i32 = 0;
/// All are taken as the torrent's: what differs from its hashes is overwritten, and what they have
/// beyond the torrent's length is cut off.
pub const PATRON_EXISTING_FILES_OVERWRITE: i32 = 1;

/// How a torrent is started.
pub struct patron_options {
    pub(super) options: AddOptions,
}

/// Makes options in which nothing is set. Free them with patron_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_new(
    out: Option<&mut MaybeUninit<Box<patron_options>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give(required(out, "out")?, patron_options { options: AddOptions::default() });
        Ok(())
    })
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_free(options: Option<Box<patron_options>>) {
    release(options);
}

/// Where the finished files belong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_set_save_dir(
    options: Option<&mut patron_options>,
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

/// Where the files are until they are complete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_set_incomplete_dir(
    options: Option<&mut patron_options>,
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

/// Adds a peer to try at once, written "127.0.0.1:6881" or "[::1]:6881".
///
/// Errors: INVALID_ARGUMENT for what is no address and port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_add_peer(
    options: Option<&mut patron_options>,
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

/// Whether the torrent does nothing until resumed. False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_paused(
    options: Option<&mut patron_options>,
    paused: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.paused = paused;
        Ok(())
    })
}

/// Whether the data in the save directory is taken as complete without hashing it; not possible with
/// a magnet link. False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_trust(
    options: Option<&mut patron_options>,
    trust: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.trust = trust;
        Ok(())
    })
}

/// Whether the torrent pauses as soon as its files are compared with their hashes
/// (PATRON_EVENT_CHECKED). False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_stop_when_checked(
    options: Option<&mut patron_options>,
    stop: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.stop_when_checked = stop;
        Ok(())
    })
}

/// Whether the files are compared with their hashes once more when they are downloaded, before
/// PATRON_EVENT_FINISHED: another program may have written to them. False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_verify_finished(
    options: Option<&mut patron_options>,
    verify: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.verify_finished = verify;
        Ok(())
    })
}

/// Adds a tracker to those of the source. Those of a lower tier are tried first (BEP 12).
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_add_tracker(
    options: Option<&mut patron_options>,
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
pub unsafe extern "C" fn patron_options_add_web_seed(
    options: Option<&mut patron_options>,
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

/// How much each file is wanted, a byte for each from PATRON_PRIORITY_SKIP to PATRON_PRIORITY_TOP, in
/// the order of the metainfo; those beyond the end as usual. None: as the source says (BEP 53).
///
/// Errors: INVALID_ARGUMENT for a byte that is no priority.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_set_file_priorities(
    options: Option<&mut patron_options>,
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

/// How room on the disk is taken, a PATRON_ALLOCATION_*. PATRON_ALLOCATION_SPARSE unless set.
///
/// Errors: INVALID_ARGUMENT for an unknown one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_allocation(
    options: Option<&mut patron_options>,
    allocation: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.allocation = match allocation {
            PATRON_ALLOCATION_SPARSE => Allocation::Sparse,
            PATRON_ALLOCATION_FULL => Allocation::Full,
            other => return Err(Failure::invalid(format!("there is no allocation {other}"))),
        };
        Ok(())
    })
}

/// What becomes of files that are there already, a PATRON_EXISTING_FILES_*.
/// PATRON_EXISTING_FILES_REFUSE unless set.
///
/// Errors: INVALID_ARGUMENT for an unknown one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_existing_files(
    options: Option<&mut patron_options>,
    existing_files: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.existing_files = match existing_files {
            PATRON_EXISTING_FILES_REFUSE => ExistingFiles::Refuse,
            PATRON_EXISTING_FILES_OVERWRITE => ExistingFiles::Overwrite,
            other => {
                return Err(Failure::invalid(format!("there is no choice {other} for files")));
            }
        };
        Ok(())
    })
}

/// The switches that are on from the start, all that are wanted of PATRON_FLAG_*, combined by "or". The
/// others are as without this.
///
/// Errors: INVALID_ARGUMENT for unknown flags.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_flags(
    options: Option<&mut patron_options>,
    flags: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.flags = flags_of(flags)?;
        Ok(())
    })
}

/// How many bytes a second the torrent may receive; 0 or less: as the client may.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_download_limit(
    options: Option<&mut patron_options>,
    rate: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.download_limit = limit(rate);
        Ok(())
    })
}

/// How many bytes a second the torrent may send; 0 or less: as the client may.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_upload_limit(
    options: Option<&mut patron_options>,
    rate: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.upload_limit = limit(rate);
        Ok(())
    })
}

/// How many peers the torrent may be connected to; 0 or less: as many as the client.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_connections_limit(
    options: Option<&mut patron_options>,
    peers: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.connections_limit = limit(peers);
        Ok(())
    })
}

/// How many peers the torrent may serve at once; 0 or less: as many as the client.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_upload_slots(
    options: Option<&mut patron_options>,
    peers: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.upload_slots = limit(peers);
        Ok(())
    })
}

/// When the torrent has given back enough, and what then becomes of it: as for patron_set_goals(). Unless
/// set, as resume data says, or never.
///
/// Errors: INVALID_ARGUMENT for an unknown action and for a share ratio that is no number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_goals(
    options: Option<&mut patron_options>,
    share_ratio: f64,
    seed_seconds: i64,
    action: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let goals = goals_of(share_ratio, seed_seconds, action)?;
        required(options, "options")?.options.goals = Some(goals);
        Ok(())
    })
}

/// Resume data for a source that is not resume data: metainfo beside what was saved of an earlier run,
/// as other programs keep it. It must be of the same torrent. A copy is made; of the length 0 it is none.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_set_resume_data(
    options: Option<&mut patron_options>,
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
