//! Patrons
//!
//! A patron is a handle to a client with a mailbox that receives the events of its torrents. Any
//! number of threads may use it at once. Commands go into the client's queue, which holds 4096;
//! while it is full the caller waits. Commands about one torrent are executed in the order of the
//! calls. No call waits for libtorrent unless its description says so.
//!
//! There are two ways to send a command. A function with a `reply` parameter returns a reply to
//! wait for. patron_send() sends the same command as a message, and its results arrive as events;
//! there will be no more commands of that kind. A torrent is identified by a number that is never 0 and never reused. Every call fails with
//! BAD_HANDLE if the patron was freed, and with STOPPED if the client has stopped.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::sync::atomic::Ordering;

use crate::add_options::patron_add_options;
use crate::support::arguments::{bytes, choice, path, required, text, torrent};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{PATRONS, patron_handle, patron_reply};
use crate::support::numbers::choices;
use crate::support::replies::{ask_of, ask_patron};
use torrent_patron::patron::{Command, OnLeave, RemoveFiles};
use torrent_patron::torrent::{InfoHashV1, InfoHashV2, InfoHashes};
use torrent_patron::{AddOptions, Patron, Source};

choices! { OnLeave:
    /// When the patron is freed, its torrents continue; other patrons can watch them. The default.
    PATRON_ON_LEAVE_KEEP_SEEDING = 0 => KeepSeeding,
    /// When the patron is freed, its torrents are paused.
    PATRON_ON_LEAVE_PAUSE = 1 => Pause,
    /// When the patron is freed, its torrents are removed; their files are kept.
    PATRON_ON_LEAVE_REMOVE = 2 => Remove,
}

/// The bytes of a .torrent file.
pub const PATRON_SOURCE_BYTES: i32 = 0;
/// The path of a .torrent file.
pub const PATRON_SOURCE_FILE: i32 = 1;
/// A magnet link.
pub const PATRON_SOURCE_MAGNET: i32 = 2;
/// A magnet link, an info hash (40 or 64 hex digits), or otherwise the path of a .torrent file.
pub const PATRON_SOURCE_TEXT: i32 = 3;
/// Resume data of an earlier run, from patron_get_resume_data() or PATRON_EVENT_RESUME_DATA, or
/// resume data of another program that contains the metainfo. The torrent continues with its
/// directory, files, trackers, limits and flags; options override them.
pub const PATRON_SOURCE_RESUME_DATA: i32 = 4;
/// An info hash, 20 bytes (v1) or 32 bytes (v2). Peers are found through the DHT and the trackers
/// of the options, and provide the metadata.
pub const PATRON_SOURCE_INFO_HASH: i32 = 5;

choices! { RemoveFiles:
    /// The files of the removed torrent are kept.
    PATRON_REMOVE_FILES_KEEP = 0 => Keep,
    /// The files of the removed torrent are deleted, and so are directories that become empty.
    PATRON_REMOVE_FILES_DELETE = 1 => Delete,
}

/// Like patron_pause(). Answered by PATRON_EVENT_PAUSED if the torrent was running.
pub const PATRON_COMMAND_PAUSE: i32 = 1;
/// Like patron_resume(). Answered by PATRON_EVENT_RESUMED if the torrent was paused.
pub const PATRON_COMMAND_RESUME: i32 = 2;
/// Like patron_get_status(). Answered by PATRON_EVENT_STATUS.
pub const PATRON_COMMAND_STATUS: i32 = 3;
/// Like patron_get_metainfo(). Answered by PATRON_EVENT_METAINFO.
pub const PATRON_COMMAND_METAINFO: i32 = 4;
/// Like patron_watch(). Answered by PATRON_EVENT_STATUS.
pub const PATRON_COMMAND_WATCH: i32 = 5;
/// Like patron_unwatch().
pub const PATRON_COMMAND_UNWATCH: i32 = 6;
/// Like patron_remove_torrent() with PATRON_REMOVE_FILES_KEEP. Answered by
/// PATRON_EVENT_TORRENT_REMOVED.
pub const PATRON_COMMAND_REMOVE: i32 = 7;
/// Like patron_remove_torrent() with PATRON_REMOVE_FILES_DELETE. Answered by
/// PATRON_EVENT_TORRENT_REMOVED.
pub const PATRON_COMMAND_REMOVE_AND_DELETE: i32 = 8;

/// Makes another patron of the same client. It has its own mailbox. Free it with patron_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_another(
    patron: *mut patron_handle,
    out: Option<&mut MaybeUninit<*mut patron_handle>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        required(out, "out")?.write(PATRONS.insert(entry.patron.another().into()));
        Ok(())
    })
}

/// Frees a patron, which then leaves its client; see patron_set_on_leave(). The call does not wait
/// for other threads that are using the patron. A waiting patron_next_event() fails with CANCELLED.
/// NULL is allowed, and so is a patron that was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_free(patron: *mut patron_handle) {
    read((), || {
        let entry = PATRONS.remove(patron, "patron").ok()?;
        entry.freed.store(true, Ordering::SeqCst);
        entry.patron.interrupt();
        release(entry);
        Some(())
    });
}

/// Sets what happens to the patron's torrents when it is freed, a PATRON_ON_LEAVE_*.
///
/// Errors: INVALID_ARGUMENT for an unknown value.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_on_leave(
    patron: *mut patron_handle,
    policy: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        entry.patron.set_on_leave(choice(policy, "on-leave policy")?);
        Ok(())
    })
}

/// # Safety
///
/// `data` is NULL or points to `length` bytes.
unsafe fn read_source(kind: i32, data: *const c_void, length: usize) -> Result<Source, Failure> {
    // SAFETY: the caller vouches for the length.
    unsafe {
        Ok(match kind {
            PATRON_SOURCE_BYTES => Source::Bytes(bytes(data.cast(), length, "source")?.into()),
            PATRON_SOURCE_FILE => Source::File(path(data.cast(), length, "source")?.into()),
            PATRON_SOURCE_MAGNET => Source::Magnet(text(data.cast(), length, "source")?.into()),
            PATRON_SOURCE_TEXT => Source::from_text(text(data.cast(), length, "source")?),
            PATRON_SOURCE_RESUME_DATA => {
                Source::ResumeData(bytes(data.cast(), length, "source")?.into())
            }
            PATRON_SOURCE_INFO_HASH => {
                Source::InfoHash(hashes(bytes(data.cast(), length, "source")?)?)
            }
            other => return Err(Failure::invalid(format!("unknown kind of source {other}"))),
        })
    }
}

fn hashes(bytes: &[u8]) -> Result<InfoHashes, Failure> {
    if let Ok(v1) = bytes.try_into() {
        return Ok(InfoHashV1(v1).into());
    }
    let wrong =
        || Failure::invalid(format!("an info hash has 20 or 32 bytes, not {}", bytes.len()));
    Ok(InfoHashV2(bytes.try_into().map_err(|_| wrong())?).into())
}

fn options(options: Option<&patron_add_options>) -> AddOptions {
    options.map(|given| given.options.clone()).unwrap_or_default()
}

/// Adds a torrent from `source`, whose type is `kind`, a PATRON_SOURCE_*. `add_options` may be
/// NULL. The source is read on the calling thread. The reply comes when libtorrent has added the
/// torrent; patron_reply_torrent() is then its id.
///
/// Errors: INVALID_ARGUMENT for an unknown kind or an info hash of the wrong length. Of the reply:
/// UNREADABLE if the file cannot be read; PARSE; RESUME_DATA if resume data cannot be used; DISK if a
/// directory cannot be created, or if the torrent cannot be kept in the store; EXISTS if other files
/// already exist at the paths of its files; INVALID_ARGUMENT for a URL of a file; BUSY if libtorrent was still busy
/// after many attempts.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_torrent(
    patron: *mut patron_handle,
    kind: i32,
    source: *const c_void,
    source_length: usize,
    add_options: Option<&patron_add_options>,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the length of the source.
        let source = unsafe { read_source(kind, source, source_length) }?;
        Ok(patron.add_torrent(source, options(add_options)))
    })
}

/// Removes a torrent. The reply comes when it was removed from the client and, with
/// PATRON_REMOVE_FILES_DELETE, its files were deleted.
///
/// Errors: INVALID_ARGUMENT for an unknown `files`. Of the reply: NOT_FOUND; GONE; DISK
/// if not all files were deleted.
#[unsafe(no_mangle)]
pub extern "C" fn patron_remove_torrent(
    patron: *mut patron_handle,
    torrent_id: u64,
    files: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        Ok(patron.remove_torrent(id, choice(files, "choice for the files")?))
    })
}

/// Pauses a torrent until it is resumed. The reply means that libtorrent has accepted the command;
/// PATRON_EVENT_PAUSED means that the torrent is paused.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pause(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.pause(id)))
}

/// Pauses a torrent like patron_pause(), but first completes the outstanding block requests in both
/// directions.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pause_gracefully(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.pause_gracefully(id)))
}

/// Resumes a torrent, also after an error such as a full disk. The reply means that libtorrent has
/// accepted the command; PATRON_EVENT_RESUMED means that the torrent is resumed.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_resume(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.resume(id)))
}

/// Asks libtorrent for the current status of a torrent; patron_reply_status() reads the answer.
/// patron_peek_status() returns what the client already knows.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_status(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.fresh_status(id)))
}

/// Asks for the metainfo of a torrent, also if it was added by a magnet link and has received its
/// metadata; patron_reply_metainfo() reads the answer.
///
/// Errors of the reply: NOT_FOUND, GONE, NO_METADATA.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_metainfo(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.metainfo(id)))
}

/// Asks for the torrent with this info hash, v1 (20 bytes) or v2 (32 bytes), whichever patron added it;
/// patron_reply_torrent() is its id, or 0 if there is none.
///
/// Errors: INVALID_ARGUMENT for another length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_find(
    patron: *mut patron_handle,
    info_hash: *const u8,
    info_hash_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the length of the hash.
        let bytes = unsafe { bytes(info_hash, info_hash_length, "info_hash") }?;
        Ok(patron.find(hashes(bytes)?))
    })
}

/// The reply comes when all wanted data of a torrent has been downloaded and written; at once if it
/// already has been. The files may still have to be moved out of the directory for incomplete files,
/// which PATRON_EVENT_MOVED reports.
///
/// Errors of the reply: the one that stopped the torrent, after which it may be resumed and waited for
/// again; NOT_FOUND; GONE if it is removed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_wait_until_finished(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.wait_until_finished(id)))
}

/// Subscribes to the events of a torrent that another patron added. The first event is its status.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_watch(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.watch(id)))
}

/// Ends patron_watch(). Unread events of the torrent are dropped. The patron still receives the
/// events of a torrent that it added itself.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_unwatch(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.unwatch(id)))
}

/// Asks for the addresses where the client listens for peers (TCP), with the actual ports;
/// patron_reply_address() reads the answer. The reply comes when libtorrent has tried all
/// configured addresses.
///
/// Errors of the reply: the reason, if the client or one of its network threads cannot listen on
/// any address.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_listen_addresses(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.listen_addresses()))
}

/// Asks for the addresses where the client listens for the peers of this torrent: those of the
/// network threads that serve it. That is one thread, unless patron_add_options_set_replicas() was
/// used. patron_reply_address() reads the answer.
///
/// Errors of the reply: NOT_FOUND; GONE; the reason, if a thread cannot listen on any address.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_listen_addresses_of(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.listen_addresses_of(id)))
}

/// Asks for the counters of libtorrent and of the read path; patron_reply_statistics() reads the
/// answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_statistics(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.statistics()))
}

fn command(kind: i32, torrent_id: u64) -> Result<Command, Failure> {
    let id = torrent(torrent_id)?;
    Ok(match kind {
        PATRON_COMMAND_PAUSE => Command::Pause(id),
        PATRON_COMMAND_RESUME => Command::Resume(id),
        PATRON_COMMAND_STATUS => Command::Status(id),
        PATRON_COMMAND_METAINFO => Command::Metainfo(id),
        PATRON_COMMAND_WATCH => Command::Watch(id),
        PATRON_COMMAND_UNWATCH => Command::Unwatch(id),
        PATRON_COMMAND_REMOVE => Command::RemoveTorrent { id, files: RemoveFiles::Keep },
        PATRON_COMMAND_REMOVE_AND_DELETE => {
            Command::RemoveTorrent { id, files: RemoveFiles::Delete }
        }
        other => return Err(Failure::invalid(format!("unknown command {other}"))),
    })
}

/// Sends a command, a PATRON_COMMAND_*, as a message. Its results arrive as events, a failure as
/// PATRON_EVENT_COMMAND_FAILED. If `wait` is false, a full queue is the error BUSY; otherwise the
/// call waits.
///
/// With a `tag` other than 0, PATRON_EVENT_REPLY arrives with this tag when the command is done, after
/// the events that it causes, or when it has failed; there is no PATRON_EVENT_COMMAND_FAILED then. An
/// answer with a tag is never lost: while 16384 of them are unread, a command with a tag fails with
/// BUSY, even if `wait` is true. Of failures without a tag the newest 4096 are kept.
///
/// Errors: INVALID_ARGUMENT for an unknown command; NOT_FOUND for torrent 0; BUSY; STOPPED.
#[unsafe(no_mangle)]
pub extern "C" fn patron_send(
    patron: *mut patron_handle,
    command_kind: i32,
    torrent_id: u64,
    tag: u64,
    wait: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        send(&entry.patron, command(command_kind, torrent_id)?, tag, wait)
    })
}

/// Adds a torrent by a message: like patron_add_torrent(), but the result arrives as
/// PATRON_EVENT_TORRENT_ADDED, PATRON_EVENT_ALREADY_ADDED or PATRON_EVENT_ADD_FAILED. `wait` and
/// `tag` are as for patron_send(). With a tag, PATRON_EVENT_REPLY reports which message has added
/// which torrent, and replaces PATRON_EVENT_ADD_FAILED.
///
/// Errors: INVALID_ARGUMENT for an unknown kind or an info hash of the wrong length; BUSY; STOPPED.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_send_add_torrent(
    patron: *mut patron_handle,
    kind: i32,
    source: *const c_void,
    source_length: usize,
    add_options: Option<&patron_add_options>,
    tag: u64,
    wait: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        // SAFETY: the caller gives the length of the source.
        let source = unsafe { read_source(kind, source, source_length) }?;
        let command = Command::AddTorrent { source, options: options(add_options) };
        send(&entry.patron, command, tag, wait)
    })
}

fn send(patron: &Patron, command: Command, tag: u64, wait: bool) -> Result<(), Failure> {
    Ok(match (tag, wait) {
        (0, true) => patron.send(command),
        (0, false) => patron.try_send(command),
        (tag, true) => patron.send_tagged(command, tag),
        (tag, false) => patron.try_send_tagged(command, tag),
    }?)
}
