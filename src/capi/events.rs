//! Events
//!
//! What happened. Events of a torrent reach the patron that started it and those that watch it; events
//! of the client reach every patron. A mailbox is bounded: a status replaces the unread status of the
//! same torrent, another event of an open torrent the unread one of its kind, and of the rest the
//! oldest go, which PATRON_EVENT_LAGGED tells. So a program that reads slowly loses no state and costs
//! no memory.
//!
//! An event is read by one thread at a time. A function that does not concern the event's kind gives 0,
//! false, NULL or an empty text. A newer library may send kinds that are not listed here;
//! patron_event_explain() explains those too.

use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::OnceLock;

use super::arguments::{deadline, hash, required};
use super::errors::{Failure, give, patron_error};
use super::guard::{guard, read, release};
use super::handle::patron_handle;
use super::patron::PATRONS;
use super::status::{patron_status, state, write_status};
use super::text::{Texts, patron_bytes, patron_text};
use crate::error::Error;
use crate::event::{ClosedFiles, Event};
use crate::explain::Explainer;
use crate::types::InfoHashes;

/// The torrent is started. Has: name, save_dir, info hashes.
pub const PATRON_EVENT_TORRENT_CREATED: i32 = 1;
/// The client has this torrent already; it is not started twice. Has: name.
pub const PATRON_EVENT_ALREADY_DOWNLOADING: i32 = 2;
/// A torrent could not be started. Has: source, error. No torrent.
pub const PATRON_EVENT_START_FAILED: i32 = 3;
/// How the torrent stands: after each tick in which something changed. Has: name, status, state, and
/// error if one stopped it.
pub const PATRON_EVENT_STATUS: i32 = 4;
/// A magnet link's metadata has come from a peer (BEP 9). Has: name, info hashes.
pub const PATRON_EVENT_METADATA_RECEIVED: i32 = 5;
/// The torrent does something else now. Has: name, state.
pub const PATRON_EVENT_STATE_CHANGED: i32 = 6;
/// The torrent has been paused. Has: name.
pub const PATRON_EVENT_PAUSED: i32 = 7;
/// The torrent goes on. Has: name.
pub const PATRON_EVENT_RESUMED: i32 = 8;
/// The files on disk have been compared with their hashes. Has: name.
pub const PATRON_EVENT_CHECKED: i32 = 9;
/// All wanted pieces are here and good. Has: name.
pub const PATRON_EVENT_FINISHED: i32 = 10;
/// The files lie in another directory now: the finished ones in their final place, or where a patron had
/// them moved. Has: name, save_dir.
pub const PATRON_EVENT_MOVED: i32 = 11;
/// A piece did not have the hash that the metainfo gives; it is fetched again. Has: name, piece.
pub const PATRON_EVENT_HASH_FAILED: i32 = 12;
/// A tracker did not answer, or refused. It is asked again later. Has: name, url, count (failures in a
/// row), error.
pub const PATRON_EVENT_TRACKER_ERROR: i32 = 13;
/// The torrent met an error and stopped; resuming it tries again. Has: name, error.
pub const PATRON_EVENT_ERROR: i32 = 14;
/// The answer to PATRON_COMMAND_METAINFO. Has: name, torrent_file.
pub const PATRON_EVENT_METAINFO: i32 = 15;
/// The torrent is closed; its id means nothing from now on. Has: name, closed_files, and error if the
/// files were to be deleted and were not.
pub const PATRON_EVENT_CLOSED: i32 = 16;
/// A command sent as a message failed. Has: command, error.
pub const PATRON_EVENT_COMMAND_FAILED: i32 = 17;
/// The client accepts peers at this address (TCP). Has: address.
pub const PATRON_EVENT_LISTENING: i32 = 18;
/// The client cannot accept peers at this address. Has: address, error.
pub const PATRON_EVENT_LISTEN_FAILED: i32 = 19;
/// This patron did not read its events and some were dropped; those about a torrent that is still open
/// are never among them. Has: count.
pub const PATRON_EVENT_LAGGED: i32 = 20;
/// libtorrent lost events under load; the client has asked it how every torrent stands.
pub const PATRON_EVENT_RESYNCHRONIZED: i32 = 21;
/// The last event: the client has stopped. Has: error if it was not shut down.
pub const PATRON_EVENT_CLIENT_STOPPED: i32 = 22;

/// The settings ask for more open files and connections than the process may have. Has: count (how many
/// descriptors the settings can need), available.
pub const PATRON_EVENT_DESCRIPTOR_LIMIT: i32 = 23;
/// A file has another name now. Has: name, file, path.
pub const PATRON_EVENT_FILE_RENAMED: i32 = 24;

/// The files were left where they are.
pub const PATRON_CLOSED_FILES_KEPT: i32 = 1;
/// The files were deleted.
pub const PATRON_CLOSED_FILES_DELETED: i32 = 2;
/// The files were to be deleted, and were not, or not all.
pub const PATRON_CLOSED_FILES_NOT_DELETED: i32 = 3;

/// Something that happened. Belongs to the caller; free it with patron_event_free().
pub struct patron_event {
    event: Event,
    error: OnceLock<patron_error>,
    texts: Texts,
}

/// Takes the next event of a patron, and waits for it for at most so many milliseconds; 0 only looks,
/// a negative number waits however long it takes.
///
/// Errors: TIMED_OUT; STOPPED after PATRON_EVENT_CLIENT_STOPPED has been taken; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_next_event(
    patron: *mut patron_handle,
    timeout_ms: i64,
    out: Option<&mut MaybeUninit<Box<patron_event>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(out, "out")?;
        // Looking first spares the clock where events are being drained.
        let event = match entry.patron.try_recv() {
            None => entry.patron.recv_until(deadline(timeout_ms))?,
            some => some,
        };
        let event = event.ok_or_else(Failure::timed_out)?;
        give(out, patron_event { event, error: OnceLock::new(), texts: Texts::default() });
        Ok(())
    })
}

/// Frees an event, and with it all that was borrowed from it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_free(event: Option<Box<patron_event>>) {
    release(event);
}

/// What sort of event it is, a PATRON_EVENT_*; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_kind(event: Option<&patron_event>) -> i32 {
    read(0, || {
        Some(match &event?.event {
            Event::TorrentCreated { .. } => PATRON_EVENT_TORRENT_CREATED,
            Event::AlreadyDownloading { .. } => PATRON_EVENT_ALREADY_DOWNLOADING,
            Event::StartFailed { .. } => PATRON_EVENT_START_FAILED,
            Event::Status(_) => PATRON_EVENT_STATUS,
            Event::MetadataReceived { .. } => PATRON_EVENT_METADATA_RECEIVED,
            Event::StateChanged { .. } => PATRON_EVENT_STATE_CHANGED,
            Event::Paused { .. } => PATRON_EVENT_PAUSED,
            Event::Resumed { .. } => PATRON_EVENT_RESUMED,
            Event::Checked { .. } => PATRON_EVENT_CHECKED,
            Event::Finished { .. } => PATRON_EVENT_FINISHED,
            Event::Moved { .. } => PATRON_EVENT_MOVED,
            Event::FileRenamed { .. } => PATRON_EVENT_FILE_RENAMED,
            Event::HashFailed { .. } => PATRON_EVENT_HASH_FAILED,
            Event::TrackerError { .. } => PATRON_EVENT_TRACKER_ERROR,
            Event::Error { .. } => PATRON_EVENT_ERROR,
            Event::Metainfo { .. } => PATRON_EVENT_METAINFO,
            Event::Closed { .. } => PATRON_EVENT_CLOSED,
            Event::CommandFailed { .. } => PATRON_EVENT_COMMAND_FAILED,
            Event::Listening { .. } => PATRON_EVENT_LISTENING,
            Event::ListenFailed { .. } => PATRON_EVENT_LISTEN_FAILED,
            Event::DescriptorLimit { .. } => PATRON_EVENT_DESCRIPTOR_LIMIT,
            Event::Lagged { .. } => PATRON_EVENT_LAGGED,
            Event::Resynchronized => PATRON_EVENT_RESYNCHRONIZED,
            Event::ClientStopped { .. } => PATRON_EVENT_CLIENT_STOPPED,
        })
    })
}

/// The torrent that the event is about; 0 if it is about none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_torrent(event: Option<&patron_event>) -> u64 {
    read(0, || Some(event?.event.torrent()?.raw()))
}

/// The event in one line for a person: "debian.iso: downloading 34.5 %, ...".
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_explain(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        Some(event.texts.lend("explain", event.event.to_string()))
    })
}

/// The name of the torrent.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_name(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        Some(event.texts.lend("name", event.event.name()?.as_bytes()))
    })
}

/// Of TORRENT_CREATED and MOVED: the directory that holds the files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_save_dir(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let directory: &Path = match &event.event {
            Event::TorrentCreated { save_dir, .. } | Event::Moved { save_dir, .. } => save_dir,
            _ => return None,
        };
        Some(event.texts.lend("save_dir", directory.as_os_str().as_encoded_bytes()))
    })
}

fn hashes(event: &Event) -> Option<InfoHashes> {
    match event {
        Event::TorrentCreated { info_hashes, .. } | Event::MetadataReceived { info_hashes, .. } => {
            Some(*info_hashes)
        }
        _ => None,
    }
}

/// Of TORRENT_CREATED and METADATA_RECEIVED: writes the v1 info hash, 20 bytes (BEP 3). False, and
/// nothing written, where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_info_hash_v1(
    event: Option<&patron_event>,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(hashes(&event?.event)?.v1.map(|hash| hash.0), out))
}

/// Of TORRENT_CREATED and METADATA_RECEIVED: writes the v2 info hash, 32 bytes (BEP 52). False, and
/// nothing written, where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_info_hash_v2(
    event: Option<&patron_event>,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(hashes(&event?.event)?.v2.map(|hash| hash.0), out))
}

/// Of STATUS: the status. `struct_size` is sizeof(patron_status).
///
/// Errors: INVALID_ARGUMENT for an event of another kind and for a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_event_status(
    event: Option<&patron_event>,
    out: *mut patron_status,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || match &required(event, "event")?.event {
        // SAFETY: the caller gives the size of its struct.
        Event::Status(status) => unsafe { write_status(status, out, struct_size) },
        _ => Err(Failure::invalid("the event has no status")),
    })
}

/// Of STATUS and STATE_CHANGED: what the torrent does now, a PATRON_STATE_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_state(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::Status(status) => Some(state(status.state)),
        Event::StateChanged { state: now, .. } => Some(state(*now)),
        _ => None,
    })
}

/// What went wrong; NULL if nothing did. Belongs to the event.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_error(event: Option<&patron_event>) -> *const patron_error {
    read(std::ptr::null(), || {
        let event = event?;
        let error: &Error = match &event.event {
            Event::StartFailed { error, .. }
            | Event::TrackerError { error, .. }
            | Event::Error { error, .. }
            | Event::CommandFailed { error, .. }
            | Event::ListenFailed { error, .. }
            | Event::Closed { files: ClosedFiles::NotDeleted(error), .. }
            | Event::ClientStopped { error: Some(error) } => error,
            Event::Status(status) => status.error.as_ref()?,
            _ => return None,
        };
        Some(&raw const *event.error.get_or_init(|| patron_error::new(error)))
    })
}

/// Of START_FAILED: what the torrent was to be started from: a path, a magnet link, a name.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_source(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::StartFailed { source, .. } = &event.event else { return None };
        Some(event.texts.lend("source", source.as_bytes()))
    })
}

/// Of HASH_FAILED: the index of the piece.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_piece(event: Option<&patron_event>) -> u32 {
    read(0, || match &event?.event {
        Event::HashFailed { piece, .. } => Some(*piece),
        _ => None,
    })
}

/// Of FILE_RENAMED: the index of the file.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_file(event: Option<&patron_event>) -> u32 {
    read(0, || match &event?.event {
        Event::FileRenamed { file, .. } => Some(*file),
        _ => None,
    })
}

/// Of FILE_RENAMED: where the file is below the save directory.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_path(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::FileRenamed { path, .. } = &event.event else { return None };
        Some(event.texts.lend("path", path.as_os_str().as_encoded_bytes()))
    })
}

/// Of TRACKER_ERROR: the URL of the tracker.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_url(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::TrackerError { url, .. } = &event.event else { return None };
        Some(event.texts.lend("url", url.as_bytes()))
    })
}

/// Of TRACKER_ERROR: how many times in a row it failed. Of LAGGED: how many events were dropped. Of
/// DESCRIPTOR_LIMIT: how many descriptors the settings can need.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_count(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::TrackerError { times_in_row, .. } => Some((*times_in_row).into()),
        Event::Lagged { missed } => Some(*missed),
        Event::DescriptorLimit { wanted, .. } => Some(*wanted),
        _ => None,
    })
}

/// Of DESCRIPTOR_LIMIT: how many descriptors the process may have.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_available(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::DescriptorLimit { available, .. } => Some(*available),
        _ => None,
    })
}

/// Of METAINFO: the bytes of the .torrent file, for patron_metainfo_decode().
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_torrent_file(event: Option<&patron_event>) -> patron_bytes {
    read(patron_bytes::NONE, || match &event?.event {
        Event::Metainfo { torrent_file, .. } => Some(patron_bytes::of(torrent_file)),
        _ => None,
    })
}

/// Of CLOSED: what became of the files, a PATRON_CLOSED_FILES_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_closed_files(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::Closed { files, .. } => Some(match files {
            ClosedFiles::Kept => PATRON_CLOSED_FILES_KEPT,
            ClosedFiles::Deleted => PATRON_CLOSED_FILES_DELETED,
            ClosedFiles::NotDeleted(_) => PATRON_CLOSED_FILES_NOT_DELETED,
        }),
        _ => None,
    })
}

/// Of COMMAND_FAILED: the name of the command, as "Pause".
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_command(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::CommandFailed { command, .. } = &event.event else { return None };
        Some(event.texts.lend("command", command))
    })
}

/// Of LISTENING: the address with the port that was really taken. Of LISTEN_FAILED: the address, or
/// the interface as it was given.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_address(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        match &event.event {
            Event::Listening { address } => Some(event.texts.lend("address", address.to_string())),
            Event::ListenFailed { address, .. } => {
                Some(event.texts.lend("address", address.as_bytes()))
            }
            _ => None,
        }
    })
}

/// Explains a run of events to a person: each line with the time since the start, and a status only
/// when it says something else than the one before. Used by one thread at a time.
pub struct patron_explainer {
    explainer: Explainer,
    line: Texts,
}

/// Makes an explainer, whose clock starts now. Free it with patron_explainer_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_explainer_new(
    out: Option<&mut MaybeUninit<Box<patron_explainer>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let explainer = patron_explainer { explainer: Explainer::new(), line: Texts::default() };
        give(required(out, "out")?, explainer);
        Ok(())
    })
}

/// Frees an explainer. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_explainer_free(explainer: Option<Box<patron_explainer>>) {
    release(explainer);
}

/// A line for the event; empty for a status that says nothing new. Good until the next call.
#[unsafe(no_mangle)]
pub extern "C" fn patron_explainer_explain(
    explainer: Option<&mut patron_explainer>,
    event: Option<&patron_event>,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let explainer = explainer?;
        let line = explainer.explainer.explain(&event?.event)?;
        explainer.line = Texts::default();
        Some(explainer.line.lend("line", line))
    })
}
