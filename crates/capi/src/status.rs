//! Status
//!
//! How torrents stand, as the client knew it at its last tick: a look into a table, which waits for
//! nothing.
//!
//! Structs, here and in other chapters, grow at their end, so a function that writes one is told its
//! size in the header that the program was compiled with: an older library fills the rest with zeros,
//! a newer one leaves out what the program does not know.

use std::mem::{MaybeUninit, offset_of};

use crate::support::arguments::{give, hash, milliseconds, required, torrent};
use crate::support::failure::{Failure, PATRON_OK, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{PATRONS, patron_handle, patron_reply};
use crate::support::lists::{List, count, read_into, text_of};
use crate::support::numbers::{Numbered, numbers};
use crate::support::replies::write_answer;
use crate::support::structs::{Room, Struct, check, write};
use crate::support::text::patron_text;
use torrent_patron::{TorrentState, TorrentStatus};

numbers! { TorrentState:
    /// The data on disk is compared with its hashes.
    PATRON_STATE_CHECKING_FILES = 1 => CheckingFiles,
    /// A magnet link's metadata is being fetched from peers (BEP 9).
    PATRON_STATE_DOWNLOADING_METADATA = 2 => DownloadingMetadata,
    /// Pieces are being downloaded.
    PATRON_STATE_DOWNLOADING = 3 => Downloading,
    /// All wanted pieces are here, but not all pieces.
    PATRON_STATE_FINISHED = 4 => Finished,
    /// All pieces are here.
    PATRON_STATE_SEEDING = 5 => Seeding,
    /// What is known from an earlier run is compared with the disk.
    PATRON_STATE_CHECKING_RESUME_DATA = 6 => CheckingResumeData,
}

/// How a torrent stood when the client last heard of it. Sizes are bytes, rates bytes per second.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_status {
    /// Its id.
    pub torrent: u64,
    /// What it is doing, a PATRON_STATE_*.
    pub state: i32,
    /// What stopped it, a PATRON_E_*, or 0; patron_snapshot_error() says more.
    pub error: i32,
    /// It does nothing until resumed.
    pub paused: bool,
    /// All wanted pieces are here.
    pub finished: bool,
    /// All pieces are here.
    pub seeding: bool,
    /// The metainfo is known; false for a magnet link at first.
    pub has_metadata: bool,
    /// From 0 to 1: of checking while files are checked, else of the wanted data.
    pub progress: f32,
    /// Of all files.
    pub total_size: u64,
    /// Of the pieces that are here and good.
    pub total_done: u64,
    /// Of the files that are wanted.
    pub wanted_size: u64,
    /// Of the wanted pieces that are here and good.
    pub wanted_done: u64,
    /// Payload received since the torrent was started.
    pub downloaded: u64,
    /// Payload sent since the torrent was started.
    pub uploaded: u64,
    /// Payload received a second.
    pub download_rate: u64,
    /// Payload sent a second.
    pub upload_rate: u64,
    /// How long the rest takes at the present rate; -1 when done or at a standstill.
    pub seconds_left: i64,
    /// How old this knowledge is. A torrent at rest is not reported again.
    pub age_ms: u64,
    /// Peers connected or connecting.
    pub peers: u32,
    /// Of these, how many have everything.
    pub seeds: u32,
    /// Connections, half-open ones included.
    pub connections: u32,
    /// Zero.
    pub reserved: u32,
    /// Payload received in all runs; of one that was complete from the start, 0.
    pub all_time_downloaded: u64,
    /// Payload sent in all runs.
    pub all_time_uploaded: u64,
    /// How long it was not paused, in all runs.
    pub active_seconds: u64,
    /// How long it had everything and was not paused, in all runs.
    pub seeding_seconds: u64,
    /// What was sent for what was received, in all runs; of a torrent that was complete from the start,
    /// for its size. 0 where both are nothing.
    pub ratio: f64,
    /// Its resume data would be other than the last that was asked for.
    pub needs_saving: bool,
    /// Zero.
    pub more_reserved: [u8; 7],
}

impl Struct for patron_status {
    const NAME: &str = "patron_status";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + size_of::<u32>();
}

impl From<&TorrentStatus> for patron_status {
    fn from(status: &TorrentStatus) -> Self {
        let left = status.time_left().map(|left| i64::try_from(left.as_secs()).unwrap_or(i64::MAX));
        Self {
            torrent: status.id.get(),
            state: status.state.number(),
            error: status.error.as_ref().map_or(PATRON_OK, |error| error.kind().number()),
            paused: status.paused,
            finished: status.finished,
            seeding: status.seeding,
            has_metadata: status.has_metadata,
            progress: status.progress,
            total_size: status.total_size,
            total_done: status.total_done,
            wanted_size: status.wanted_size,
            wanted_done: status.wanted_done,
            downloaded: status.downloaded,
            uploaded: status.uploaded,
            download_rate: status.download_rate,
            upload_rate: status.upload_rate,
            seconds_left: left.unwrap_or(-1),
            age_ms: milliseconds(status.age()),
            peers: status.peers,
            seeds: status.seeds,
            connections: status.connections,
            reserved: 0,
            all_time_downloaded: status.all_time_downloaded,
            all_time_uploaded: status.all_time_uploaded,
            active_seconds: status.active_time.as_secs(),
            seeding_seconds: status.seeding_time.as_secs(),
            ratio: status.ratio(),
            needs_saving: status.needs_saving,
            more_reserved: [0; 7],
        }
    }
}

/// How a torrent stood at the last tick; of one that has just been started, sizes are 0 until the
/// next. `struct_size` is sizeof(patron_status). No wait.
///
/// Errors: NOT_FOUND when the client has no such torrent; STOPPED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_get_status(
    patron: *mut patron_handle,
    torrent_id: u64,
    out: *mut patron_status,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        check(out, struct_size)?;
        let status = entry.patron.status(torrent(torrent_id)?).ok_or_else(|| {
            if entry.patron.is_stopped() {
                return Failure::stopped();
            }
            Failure::not_found(&format!("torrent {torrent_id}: no such torrent at this client"))
        })?;
        // SAFETY: the caller gives the size of its struct.
        unsafe { write(patron_status::from(&status), out, struct_size) }
    })
}

/// Of patron_fresh_status(): the status. `struct_size` is sizeof(patron_status).
///
/// Errors: INVALID_ARGUMENT when the reply has no status, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_reply_status(
    reply: *mut patron_reply,
    out: *mut patron_status,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the size of its struct.
        unsafe { write_answer::<TorrentStatus, _>(reply, out, struct_size, "status") }
    })
}

/// How many torrents stood at one moment, in the order of their ids. Any thread may read it, also
/// several at once.
pub struct patron_snapshot {
    list: List<TorrentStatus>,
    errors: Vec<Option<Box<patron_error>>>,
}

/// Takes the status of every torrent of the client, those of other patrons included. Free the result
/// with patron_snapshot_free().
///
/// Errors: STOPPED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_take(
    patron: *mut patron_handle,
    out: Option<&mut MaybeUninit<Box<patron_snapshot>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(out, "out")?;
        let mut statuses = entry.patron.statuses();
        if statuses.is_empty() && entry.patron.is_stopped() {
            return Err(Failure::stopped());
        }
        statuses.sort_unstable_by_key(|status| status.id);
        let errors = statuses
            .iter()
            .map(|status| Some(Box::new(patron_error::new(status.error.as_ref()?))))
            .collect();
        give(out, patron_snapshot { list: statuses.into(), errors });
        Ok(())
    })
}

/// Frees a snapshot. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_free(snapshot: Option<Box<patron_snapshot>>) {
    release(snapshot);
}

/// How many torrents it has.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_count(snapshot: Option<&patron_snapshot>) -> usize {
    count(snapshot.map(|snapshot| &snapshot.list))
}

/// Writes the statuses from index `first` on into an array of `capacity` structs, and how many they
/// were to `written`. `struct_size` is sizeof(patron_status).
///
/// Errors: INVALID_ARGUMENT for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_snapshot_read(
    snapshot: Option<&patron_snapshot>,
    first: usize,
    out: *mut patron_status,
    struct_size: usize,
    capacity: usize,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    let room = Room(out, struct_size, capacity);
    let list = snapshot.map(|snapshot| &snapshot.list);
    // SAFETY: the caller gives the size of its structs and how many there are.
    unsafe { read_into((list, "snapshot"), first, room, written, error) }
}

/// The name of a torrent; of a magnet link without one, the info hash until the metadata is here.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_name(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> patron_text {
    let name = |status: &TorrentStatus| Some(status.name.to_string());
    text_of(snapshot.map(|snapshot| &snapshot.list), "name", index, name)
}

/// Writes the v1 info hash of a torrent, 20 bytes (BEP 3). False, and nothing written, where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_info_hash_v1(
    snapshot: Option<&patron_snapshot>,
    index: usize,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(snapshot?.list.get(index)?.info_hashes.v1.map(|hash| hash.0), out))
}

/// Writes the v2 info hash of a torrent, 32 bytes (BEP 52). False, and nothing written, where there is
/// none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_info_hash_v2(
    snapshot: Option<&patron_snapshot>,
    index: usize,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(snapshot?.list.get(index)?.info_hashes.v2.map(|hash| hash.0), out))
}

/// One line for a person: "downloading 34.5 %, 1.2 GiB of 3.4 GiB, down 12.0 MiB/s, 8 peers".
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_explain(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> patron_text {
    let line = |status: &TorrentStatus| Some(status.to_string());
    text_of(snapshot.map(|snapshot| &snapshot.list), "explain", index, line)
}

/// What stopped a torrent; NULL if nothing did. Belongs to the snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_error(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> *const patron_error {
    read(std::ptr::null(), || {
        let error = snapshot?.errors.get(index)?.as_ref()?;
        Some(&raw const **error)
    })
}
