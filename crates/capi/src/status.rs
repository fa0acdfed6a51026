//! Status
//!
//! The status of torrents as of the client's last tick, read from a table without waiting.
//!
//! Structs, in this chapter and in others, grow at their end. A function that writes one therefore
//! takes the size that the struct had when the program was compiled: an older library fills the
//! rest with zeros, a newer one omits the members that the program does not know.

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
use torrent_patron::TorrentId;
use torrent_patron::torrent::{StatusChanges, TorrentState, TorrentStatus};

numbers! { TorrentState:
    /// The files are being checked against their hashes.
    PATRON_STATE_CHECKING_FILES = 1 => CheckingFiles,
    /// The metadata of a magnet link is being downloaded from peers (BEP 9).
    PATRON_STATE_DOWNLOADING_METADATA = 2 => DownloadingMetadata,
    /// Pieces are being downloaded.
    PATRON_STATE_DOWNLOADING = 3 => Downloading,
    /// All wanted pieces are complete, but not all pieces.
    PATRON_STATE_FINISHED = 4 => Finished,
    /// All pieces are complete.
    PATRON_STATE_SEEDING = 5 => Seeding,
    /// The resume data is being checked against the disk.
    PATRON_STATE_CHECKING_RESUME_DATA = 6 => CheckingResumeData,
}

/// The status of a torrent when the client last updated it. Sizes are in bytes, rates in bytes per
/// second.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_status {
    /// The id of the torrent.
    pub torrent: u64,
    /// The state, a PATRON_STATE_*.
    pub state: i32,
    /// The error that stopped it, a PATRON_E_*, or 0; patron_snapshot_error() has the details.
    pub error: i32,
    /// It is paused.
    pub paused: bool,
    /// All wanted pieces are complete.
    pub finished: bool,
    /// All pieces are complete.
    pub seeding: bool,
    /// The metadata is known; false for a new magnet link.
    pub has_metadata: bool,
    /// It has changed since its resume data was last requested.
    pub needs_saving: bool,
    /// Reserved; zero.
    pub reserved: [u8; 3],
    /// The progress from 0 to 1: of the check while files are checked, otherwise of the wanted
    /// data.
    pub progress: f32,
    /// The number of peers, including those being connected to.
    pub peers: u32,
    /// The number of these that are seeds.
    pub seeds: u32,
    /// The number of connections, including half-open ones.
    pub connections: u32,
    /// The size of all files.
    pub total_size: u64,
    /// The size of the complete pieces.
    pub total_done: u64,
    /// The size of the wanted files.
    pub wanted_size: u64,
    /// The size of the complete pieces that are wanted.
    pub wanted_done: u64,
    /// Payload bytes received since the torrent was added in this run.
    pub downloaded: u64,
    /// Payload bytes sent since the torrent was added in this run.
    pub uploaded: u64,
    /// The payload download rate.
    pub download_rate: u64,
    /// The payload upload rate.
    pub upload_rate: u64,
    /// The estimated time left in seconds; -1 if complete or stalled.
    pub seconds_left: i64,
    /// The age of this status in milliseconds. An idle torrent is not updated.
    pub age_ms: u64,
    /// Payload bytes received in all runs; 0 for a torrent that was complete from the start.
    pub all_time_downloaded: u64,
    /// Payload bytes sent in all runs.
    pub all_time_uploaded: u64,
    /// The time that it was not paused, in all runs.
    pub active_seconds: u64,
    /// The time that it was complete and not paused, in all runs.
    pub seeding_seconds: u64,
    /// The share ratio in all runs: bytes sent per byte received, or per byte of its size if it was
    /// complete from the start. 0 if both are 0.
    pub ratio: f64,
}

impl Struct for patron_status {
    const NAME: &str = "patron_status";
    const FIRST_SIZE: usize = offset_of!(Self, ratio) + size_of::<f64>();
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
            needs_saving: status.needs_saving,
            reserved: [0; 3],
            progress: status.progress,
            peers: status.peers,
            seeds: status.seeds,
            connections: status.connections,
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
            all_time_downloaded: status.all_time_downloaded,
            all_time_uploaded: status.all_time_uploaded,
            active_seconds: status.active_time.as_secs(),
            seeding_seconds: status.seeding_time.as_secs(),
            ratio: status.ratio(),
        }
    }
}

/// Returns the status of a torrent as of the last tick, without waiting. The sizes of a newly added
/// torrent are 0 until the next tick. `struct_size` is sizeof(patron_status).
///
/// Errors: NOT_FOUND if the client has no such torrent; STOPPED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_peek_status(
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

/// For patron_get_status(): writes the status. `struct_size` is sizeof(patron_status).
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
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

/// A snapshot of the status of all torrents, in the order of their ids. Several threads may read it
/// at once.
pub struct patron_snapshot {
    list: List<TorrentStatus>,
    errors: Vec<Option<Box<patron_error>>>,
    version: u64,
    complete: bool,
    removed: Vec<TorrentId>,
}

impl From<StatusChanges> for patron_snapshot {
    fn from(changes: StatusChanges) -> Self {
        let StatusChanges { version, complete, mut statuses, removed, .. } = changes;
        statuses.sort_unstable_by_key(|status| status.id);
        let errors = statuses
            .iter()
            .map(|status| Some(Box::new(patron_error::new(status.error.as_ref()?))))
            .collect();
        Self { list: statuses.into(), errors, version, complete, removed }
    }
}

/// Takes a snapshot of all torrents of the client, including those of other patrons. Free the
/// result with patron_snapshot_free().
///
/// Errors: STOPPED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_take(
    patron: *mut patron_handle,
    out: Option<&mut MaybeUninit<Box<patron_snapshot>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    snapshot_since(patron, 0, out, error)
}

/// Takes a snapshot of the torrents that are new or have changed since an earlier snapshot with
/// this version; of all torrents for 0. The cost is proportional to the number of changes. Free the
/// result with patron_snapshot_free().
///
/// Errors: STOPPED; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_changes_since(
    patron: *mut patron_handle,
    version: u64,
    out: Option<&mut MaybeUninit<Box<patron_snapshot>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    snapshot_since(patron, version, out, error)
}

fn snapshot_since(
    patron: *mut patron_handle,
    version: u64,
    out: Option<&mut MaybeUninit<Box<patron_snapshot>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(out, "out")?;
        let changes = entry.patron.changes_since(version);
        // Afterwards: the table of a client that stops becomes empty.
        if entry.patron.is_stopped() {
            return Err(Failure::stopped());
        }
        give(out, changes.into());
        Ok(())
    })
}

/// The version of a snapshot, for patron_snapshot_changes_since().
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_version(snapshot: Option<&patron_snapshot>) -> u64 {
    read(0, || Some(snapshot?.version))
}

/// Whether the snapshot has all torrents of the client, so that those which are not in it were
/// removed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_is_complete(snapshot: Option<&patron_snapshot>) -> bool {
    read(false, || Some(snapshot?.complete))
}

/// The number of torrents that were removed since the earlier snapshot.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_removed_count(snapshot: Option<&patron_snapshot>) -> usize {
    read(0, || Some(snapshot?.removed.len()))
}

/// The id of a torrent that was removed since the earlier snapshot; 0 past the last one.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_removed(snapshot: Option<&patron_snapshot>, index: usize) -> u64 {
    read(0, || Some(snapshot?.removed.get(index)?.get()))
}

/// Frees a snapshot. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_free(snapshot: Option<Box<patron_snapshot>>) {
    release(snapshot);
}

/// The number of torrents.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_count(snapshot: Option<&patron_snapshot>) -> usize {
    count(snapshot.map(|snapshot| &snapshot.list))
}

/// Copies the statuses from index `first` on into an array of `capacity` structs, and writes their
/// number to `written`. `struct_size` is sizeof(patron_status).
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

/// The name of a torrent; the info hash for a magnet link without a name, until the metadata has
/// arrived.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_name(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> patron_text {
    let name = |status: &TorrentStatus| Some(status.name.to_string());
    text_of(snapshot.map(|snapshot| &snapshot.list), "name", index, name)
}

/// Writes the v1 info hash of a torrent, 20 bytes (BEP 3). Returns false and writes nothing if
/// there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_info_hash_v1(
    snapshot: Option<&patron_snapshot>,
    index: usize,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(snapshot?.list.get(index)?.info_hashes.v1.map(|hash| hash.0), out))
}

/// Writes the v2 info hash of a torrent, 32 bytes (BEP 52). Returns false and writes nothing if
/// there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_info_hash_v2(
    snapshot: Option<&patron_snapshot>,
    index: usize,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(snapshot?.list.get(index)?.info_hashes.v2.map(|hash| hash.0), out))
}

/// One line to show to a user: "downloading 34.5 %, 1.2 GiB of 3.4 GiB, down 12.0 MiB/s, 8 peers".
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_explain(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> patron_text {
    let line = |status: &TorrentStatus| Some(status.to_string());
    text_of(snapshot.map(|snapshot| &snapshot.list), "explain", index, line)
}

/// The error that stopped a torrent; NULL if there is none. Owned by the snapshot.
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
