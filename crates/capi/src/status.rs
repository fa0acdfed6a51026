//! Status
//!
//! How torrents stand, as the client knew it at its last tick: a look into a table, which waits for
//! nothing.
//!
//! Structs, here and in other chapters, grow at their end, so a function that writes one is told its
//! size in the header that the program was compiled with: an older library fills the rest with zeros,
//! a newer one leaves out what the program does not know.

use std::mem::{MaybeUninit, offset_of};

use super::arguments::{hash, milliseconds, required, torrent};
use super::errors::{Failure, code, give, patron_error};
use super::guard::{guard, read, release};
use super::handle::patron_handle;
use super::patron::PATRONS;
use super::structs::{Room, Struct, check, write, write_all};
use super::text::{Texts, patron_text};
use torrent_patron::torrent::{TorrentState, TorrentStatus};

/// The data on disk is compared with its hashes.
pub const PATRON_STATE_CHECKING_FILES: i32 = 1;
/// A magnet link's metadata is being fetched from peers (BEP 9).
pub const PATRON_STATE_DOWNLOADING_METADATA: i32 = 2;
/// Pieces are being downloaded.
pub const PATRON_STATE_DOWNLOADING: i32 = 3;
/// All wanted pieces are here, but not all pieces.
pub const PATRON_STATE_FINISHED: i32 = 4;
/// All pieces are here.
pub const PATRON_STATE_SEEDING: i32 = 5;
/// What is known from an earlier run is compared with the disk.
pub const PATRON_STATE_CHECKING_RESUME_DATA: i32 = 6;

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

pub(super) fn state(state: TorrentState) -> i32 {
    match state {
        TorrentState::CheckingFiles => PATRON_STATE_CHECKING_FILES,
        TorrentState::DownloadingMetadata => PATRON_STATE_DOWNLOADING_METADATA,
        TorrentState::Downloading => PATRON_STATE_DOWNLOADING,
        TorrentState::Finished => PATRON_STATE_FINISHED,
        TorrentState::Seeding => PATRON_STATE_SEEDING,
        TorrentState::CheckingResumeData => PATRON_STATE_CHECKING_RESUME_DATA,
        _ => 0,
    }
}

impl From<&TorrentStatus> for patron_status {
    fn from(status: &TorrentStatus) -> Self {
        let left = status.time_left().map(|left| i64::try_from(left.as_secs()).unwrap_or(i64::MAX));
        Self {
            torrent: status.id.get(),
            state: state(status.state),
            error: status.error.as_ref().map_or(0, |error| code(error.kind())),
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

/// # Safety
///
/// As for [`write`].
pub(super) unsafe fn write_status(
    status: &TorrentStatus,
    out: *mut patron_status,
    struct_size: usize,
) -> Result<(), Failure> {
    // SAFETY: as the caller vouches.
    unsafe { write(status.into(), out, struct_size) }
}

/// How a torrent stood at the last tick; of one that has just been started, sizes are 0 until the
/// next. `struct_size` is sizeof(patron_status). No wait.
///
/// Errors: NOT_FOUND when the client has no such torrent; BAD_HANDLE.
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
            Failure::not_found(&format!("torrent {torrent_id}: no such torrent at this client"))
        })?;
        // SAFETY: the caller gives the size of its struct.
        unsafe { write_status(&status, out, struct_size) }
    })
}

/// How many torrents stood at one moment, in the order of their ids. Any thread may read it, also
/// several at once.
pub struct patron_snapshot {
    statuses: Vec<TorrentStatus>,
    errors: Vec<Option<Box<patron_error>>>,
    texts: Texts,
}

/// Takes the status of every torrent of the client, those of other patrons included. Free the result
/// with patron_snapshot_free().
///
/// Errors: BAD_HANDLE.
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
        statuses.sort_unstable_by_key(|status| status.id);
        let errors = statuses
            .iter()
            .map(|status| Some(Box::new(patron_error::new(status.error.as_ref()?))))
            .collect();
        give(out, patron_snapshot { statuses, errors, texts: Texts::default() });
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
    read(0, || Some(snapshot?.statuses.len()))
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
    guard(error, || {
        let statuses = required(snapshot, "snapshot")?.statuses.iter().skip(first);
        let room = Room(out, struct_size, capacity);
        // SAFETY: the caller gives the size of its structs and how many there are.
        unsafe { write_all(statuses.map(patron_status::from), room, written) }
    })
}

/// The name of a torrent; of a magnet link without one, the info hash until the metadata is here.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_name(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let snapshot = snapshot?;
        let name = &snapshot.statuses.get(index)?.name;
        Some(snapshot.texts.lend_nth("name", index, name.as_bytes()))
    })
}

/// Writes the v1 info hash of a torrent, 20 bytes (BEP 3). False, and nothing written, where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_info_hash_v1(
    snapshot: Option<&patron_snapshot>,
    index: usize,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(snapshot?.statuses.get(index)?.info_hashes.v1.map(|hash| hash.0), out))
}

/// Writes the v2 info hash of a torrent, 32 bytes (BEP 52). False, and nothing written, where there is
/// none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_info_hash_v2(
    snapshot: Option<&patron_snapshot>,
    index: usize,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(snapshot?.statuses.get(index)?.info_hashes.v2.map(|hash| hash.0), out))
}

/// One line for a person: "downloading 34.5 %, 1.2 GiB of 3.4 GiB, down 12.0 MiB/s, 8 peers".
#[unsafe(no_mangle)]
pub extern "C" fn patron_snapshot_explain(
    snapshot: Option<&patron_snapshot>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let snapshot = snapshot?;
        let status = snapshot.statuses.get(index)?;
        Some(snapshot.texts.lend_nth("explain", index, status.to_string()))
    })
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
