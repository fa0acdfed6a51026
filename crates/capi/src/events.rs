//! Events
//!
//! Events tell what happened. Events of a torrent go to the patron that added it and to those that
//! watch it; events of the client go to every patron. A mailbox is bounded. A status replaces the
//! unread status of the same torrent, and any other event of an existing torrent replaces the
//! unread one of the same kind. Answers with a tag (PATRON_EVENT_REPLY) are kept. Beyond 4096 other
//! events the oldest are dropped, which PATRON_EVENT_LAGGED reports; events about single files,
//! pieces, peers and trackers are limited separately. A program that reads slowly therefore loses no
//! state and uses no extra memory.
//!
//! An event is used by one thread at a time. A function that does not apply to the kind of an event
//! returns 0, false, NULL or an empty text. A newer library may send kinds that are not listed
//! here; patron_event_explain() works for those, too.

use std::mem::MaybeUninit;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use crate::statistics::patron_statistics;
use crate::status::patron_status;
use crate::support::arguments::{deadline, give, hash, required};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{PATRONS, patron_handle};
use crate::support::numbers::{Numbered, choices, numbers};
use crate::support::structs::write;
use crate::support::text::{Texts, patron_bytes, patron_text};
use torrent_patron::event::{EventKind, EventKinds, Explainer, PerformanceLimit, RemovedFiles};
use torrent_patron::port_mapping::{PortMapper, PortProtocol};
use torrent_patron::torrent::{Goal, InfoHashes};
use torrent_patron::{Error, Event};

numbers! { EventKind:
    /// The torrent was added. Has: name, save_dir, info hashes, complete.
    PATRON_EVENT_TORRENT_ADDED = 1 => TorrentAdded,
    /// The client already has this torrent; it was not added again. Has: name.
    PATRON_EVENT_ALREADY_ADDED = 2 => AlreadyAdded,
    /// A torrent could not be added. Has: source, error. It has no torrent id.
    PATRON_EVENT_ADD_FAILED = 3 => AddFailed,
    /// The status of the torrent, after each tick in which it changed. Has: name, status, state,
    /// and an error if one stopped the torrent.
    PATRON_EVENT_STATUS = 4 => Status,
    /// The metadata of a magnet link was received from a peer (BEP 9). Has: name, info hashes.
    PATRON_EVENT_METADATA_RECEIVED = 5 => MetadataReceived,
    /// The state of the torrent changed. Has: name, state.
    PATRON_EVENT_STATE_CHANGED = 6 => StateChanged,
    /// The torrent was paused. Has: name.
    PATRON_EVENT_PAUSED = 7 => Paused,
    /// The torrent was resumed. Has: name.
    PATRON_EVENT_RESUMED = 8 => Resumed,
    /// The files on disk were checked against their hashes. Has: name.
    PATRON_EVENT_CHECKED = 9 => Checked,
    /// All wanted data was downloaded and written, and the files were checked: their sizes, or with
    /// patron_add_options_set_verify_finished() their hashes. Has: name.
    PATRON_EVENT_FINISHED = 10 => Finished,
    /// The files are now in another directory: complete files in their final directory, or files
    /// that a patron moved. Has: name, save_dir.
    PATRON_EVENT_MOVED = 11 => Moved,
    /// A piece failed its hash check; it will be downloaded again. Has: name, piece.
    PATRON_EVENT_HASH_FAILED = 12 => HashFailed,
    /// A tracker did not answer, or refused. It will be retried later. Has: name, url, count
    /// (consecutive failures), error.
    PATRON_EVENT_TRACKER_ERROR = 13 => TrackerError,
    /// An error stopped the torrent; resuming it tries again. Has: name, error.
    PATRON_EVENT_ERROR = 14 => Error,
    /// The answer to PATRON_COMMAND_METAINFO. Has: name, torrent_file.
    PATRON_EVENT_METAINFO = 15 => Metainfo,
    /// The torrent was removed; its id is invalid from now on. Has: name, removed_files, and an
    /// error if the files should have been deleted and were not.
    PATRON_EVENT_TORRENT_REMOVED = 16 => TorrentRemoved,
    /// A command that was sent as a message, without a tag, failed. Has: command, error.
    PATRON_EVENT_COMMAND_FAILED = 17 => CommandFailed,
    /// The client listens for peers at this address (TCP). Has: address.
    PATRON_EVENT_LISTENING = 18 => Listening,
    /// The client cannot listen at this address. Has: address, error.
    PATRON_EVENT_LISTEN_FAILED = 19 => ListenFailed,
    /// This patron did not read its events in time and some were dropped: beyond 4096, those about
    /// single files, pieces, peers and trackers; and beyond another 4096, those of removed torrents,
    /// those of the client, ADD_FAILED, ALREADY_ADDED and COMMAND_FAILED. Has: count.
    PATRON_EVENT_LAGGED = 20 => Lagged,
    /// libtorrent dropped events under load; the client has asked it for the status of every
    /// torrent.
    PATRON_EVENT_RESYNCHRONIZED = 21 => Resynchronized,
    /// The client has stopped. This is the last event. Has: an error if the client was not shut
    /// down by the program.
    PATRON_EVENT_CLIENT_STOPPED = 22 => ClientStopped,
    /// The settings need more open files and connections than the process may have. Has: count
    /// (descriptors needed), available.
    PATRON_EVENT_DESCRIPTOR_LIMIT = 23 => DescriptorLimit,
    /// A file was renamed. Has: name, file, path.
    PATRON_EVENT_FILE_RENAMED = 24 => FileRenamed,
    /// A peer was banned because it sent too much data that failed the hash check. Has: name,
    /// address.
    PATRON_EVENT_PEER_BANNED = 25 => PeerBanned,
    /// A tracker answered with a warning. Has: name, url, message.
    PATRON_EVENT_TRACKER_WARNING = 26 => TrackerWarning,
    /// A router forwards a port to this client. Has: address (of this machine in the router's
    /// network), port (of the router), mapper, protocol.
    PATRON_EVENT_PORT_MAPPED = 27 => PortMapped,
    /// A router was found, but does not forward the port. Has: address, mapper, error.
    PATRON_EVENT_PORT_MAPPING_FAILED = 28 => PortMappingFailed,
    /// Peers or routers report this address as the external address of this machine. Has: address.
    PATRON_EVENT_EXTERNAL_ADDRESS = 29 => ExternalAddress,
    /// On request. All pieces of a file are complete; they may not be written to disk yet. Has:
    /// name, file.
    PATRON_EVENT_FILE_COMPLETED = 30 => FileCompleted,
    /// On request. A piece is complete; it may not be written to disk yet. Has: name, piece.
    PATRON_EVENT_PIECE_FINISHED = 31 => PieceFinished,
    /// On request. A peer was connected. Has: name, address, outgoing.
    PATRON_EVENT_PEER_CONNECTED = 32 => PeerConnected,
    /// On request. A peer was disconnected, or could not be connected to. Has: name, address,
    /// error.
    PATRON_EVENT_PEER_DISCONNECTED = 33 => PeerDisconnected,
    /// On request. A tracker or the DHT answered. Has: name, url, count (peers).
    PATRON_EVENT_TRACKER_REPLY = 34 => TrackerReply,
    /// On request. A tracker answered a scrape. Has: name, url, seeds, leechers.
    PATRON_EVENT_SCRAPED = 35 => Scraped,
    /// On request. A scrape failed. Has: name, url, error.
    PATRON_EVENT_SCRAPE_FAILED = 36 => ScrapeFailed,
    /// On request. A setting limits the speed of the client. Has: limit; and the name if it is
    /// about one torrent.
    PATRON_EVENT_PERFORMANCE_WARNING = 37 => PerformanceWarning,
    /// On request. The counters of libtorrent and of the read path, once per tick. Has: statistics.
    PATRON_EVENT_STATISTICS = 38 => Statistics,
    /// On request. The data that a later client needs to resume the torrent. Has: name, info hashes,
    /// resume_data.
    PATRON_EVENT_RESUME_DATA = 39 => ResumeData,
    /// The torrent reached a seeding goal; the action chosen for it is taken. Has: name, goal.
    PATRON_EVENT_GOAL_REACHED = 40 => GoalReached,
    /// The answer to a message that was sent with a tag, or to a reply that patron_reply_notify()
    /// was called for. Always delivered, whatever the subscription. Has: tag; for a message also
    /// the torrent, and an error if it failed.
    PATRON_EVENT_REPLY = 41 => Reply,
    /// A web seed delivers nothing: it cannot be reached, refuses, sends wrong or damaged data, or
    /// is not allowed. Reported once, until it has sent data again. Has: name, url, error.
    PATRON_EVENT_WEB_SEED_FAILED = 42 => WebSeedFailed,
    /// The client is restoring the torrents of its store; see "Stores". Has: count (how many were
    /// processed), available (how many there are).
    PATRON_EVENT_RESTORING = 43 => Restoring,
    /// All torrents of the store have been restored. Has: count, and available with those that
    /// failed.
    PATRON_EVENT_RESTORED = 44 => Restored,
    /// A torrent of the store could not be restored. It stays in the store. Has: info hashes, error.
    PATRON_EVENT_RESTORE_FAILED = 45 => RestoreFailed,
    /// The store cannot be written or read, for example because the disk is full. The client
    /// continues. Has: error.
    PATRON_EVENT_STORE_FAILED = 46 => StoreFailed,
    /// The store can be written again, and contains everything that it should.
    PATRON_EVENT_STORE_RECOVERED = 47 => StoreRecovered,
    /// libtorrent reports an error of its session, or its events cannot be read: later events and
    /// statuses may be incomplete. Has: error.
    PATRON_EVENT_SESSION_ERROR = 48 => SessionError,
    /// A part of the client's own state in the store could not be restored: a setting, the DHT nodes
    /// with the IP filter, or the totals. It stays in the store until the program sets it. Has: error.
    PATRON_EVENT_STATE_RESTORE_FAILED = 49 => StateRestoreFailed,
}

/// The kinds that are delivered only on request.
pub const PATRON_EVENTS_ON_REQUEST: u64 = 0xff_c000_0000;
/// The kinds that a new patron receives: all others.
pub const PATRON_EVENTS_DEFAULT: u64 = 0x3_ff00_3fff_fffe;
/// All kinds.
pub const PATRON_EVENTS_ALL: u64 = 0x3_ffff_ffff_fffe;

const _: () = assert!(PATRON_EVENTS_DEFAULT | PATRON_EVENTS_ON_REQUEST == PATRON_EVENTS_ALL);

numbers! { PortMapper:
    /// NAT-PMP (RFC 6886) or PCP (RFC 6887).
    PATRON_MAPPER_NAT_PMP = 1 => NatPmp,
    /// UPnP's Internet Gateway Device.
    PATRON_MAPPER_UPNP = 2 => Upnp,
}

choices! { PortProtocol:
    /// TCP: BitTorrent connections.
    PATRON_PORT_TCP = 1 => Tcp,
    /// UDP: uTP and the DHT.
    PATRON_PORT_UDP = 2 => Udp,
}

numbers! { PerformanceLimit:
    /// The disk cannot keep up with the downloaded data (max_queued_disk_bytes).
    PATRON_LIMIT_DISK_QUEUE_FULL = 1 => DiskQueueFull,
    /// A peer could be sent more requests than are allowed (max_out_request_queue).
    PATRON_LIMIT_REQUEST_QUEUE_FULL = 2 => RequestQueueFull,
    /// The upload limit leaves too little bandwidth for the protocol messages of downloads.
    PATRON_LIMIT_UPLOAD_LIMIT_TOO_LOW = 3 => UploadLimitTooLow,
    /// The download limit leaves too little bandwidth for the protocol messages of uploads.
    PATRON_LIMIT_DOWNLOAD_LIMIT_TOO_LOW = 4 => DownloadLimitTooLow,
    /// A peer receives data faster than it is read from disk (send_buffer_watermark).
    PATRON_LIMIT_SEND_BUFFER_TOO_SMALL = 5 => SendBufferTooSmall,
    /// Half of the upload slots or more are optimistic (num_optimistic_unchoke_slots).
    PATRON_LIMIT_TOO_MANY_OPTIMISTIC_SLOTS = 6 => TooManyOptimisticSlots,
    /// The data waiting to be written takes up half of the cache.
    PATRON_LIMIT_DISK_QUEUE_TOO_LARGE = 7 => DiskQueueTooLarge,
    /// The system accepts no more disk operations at once.
    PATRON_LIMIT_DISK_OPERATIONS = 8 => DiskOperations,
    /// There are too few ports for outgoing connections (outgoing_ports).
    PATRON_LIMIT_TOO_FEW_OUTGOING_PORTS = 9 => TooFewOutgoingPorts,
    /// There are too few file descriptors for files and connections.
    PATRON_LIMIT_TOO_FEW_DESCRIPTORS = 10 => TooFewDescriptors,
    /// A warning that this library does not know.
    PATRON_LIMIT_OTHER = 11 => Other,
}

numbers! { Goal:
    /// The torrent has reached its share ratio.
    PATRON_GOAL_REACHED_SHARE_RATIO = 1 => ShareRatio,
    /// The torrent has reached its seed time.
    PATRON_GOAL_REACHED_SEED_TIME = 2 => SeedTime,
}

numbers! { RemovedFiles:
    /// The files were kept.
    PATRON_REMOVED_FILES_KEPT = 1 => Kept,
    /// The files were deleted.
    PATRON_REMOVED_FILES_DELETED = 2 => Deleted,
    /// The files should have been deleted, but were not, or not all of them.
    PATRON_REMOVED_FILES_NOT_DELETED = 3 => NotDeleted,
}

/// An event. Owned by the caller; free it with patron_event_free().
pub struct patron_event {
    event: Event,
    error: OnceLock<patron_error>,
    statistics: OnceLock<patron_statistics>,
    texts: Texts,
}

/// Takes the next event of a patron, waiting for at most `timeout_ms` milliseconds. 0 does not
/// wait; a negative number waits without a limit.
///
/// Errors: TIMED_OUT; CANCELLED if patron_interrupt() or patron_free() ended the wait; STOPPED once
/// PATRON_EVENT_CLIENT_STOPPED has been taken; BAD_HANDLE.
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
        // Trying first avoids reading the clock while events are being drained.
        let here = if timeout_ms == 0 { entry.patron.try_recv() } else { None };
        let event = match here {
            None => {
                let next = entry.patron.recv_until(deadline(timeout_ms));
                next.ok_or_else(Failure::timed_out)?.inspect_err(|_| {
                    // Other threads in this call must also be woken when their patron is freed.
                    if entry.freed.load(Ordering::SeqCst) {
                        entry.patron.interrupt();
                    }
                })?
            }
            Some(event) => event,
        };
        let (error, statistics) = (OnceLock::new(), OnceLock::new());
        give(out, patron_event { event, error, statistics, texts: Texts::default() });
        Ok(())
    })
}

/// Ends every patron_next_event() that is waiting with this patron: it fails with CANCELLED. If
/// none is waiting, the next one that would wait fails. No event is lost. Any thread may call this,
/// but not a signal handler: use a thread that calls sigwait(), as in examples/c/download.c.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_interrupt(
    patron: *mut patron_handle,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        PATRONS.get(patron, "patron")?.patron.interrupt();
        Ok(())
    })
}

/// Frees an event, and everything that was borrowed from it. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_free(event: Option<Box<patron_event>>) {
    release(event);
}

/// Chooses which kinds of event a patron receives, one bit for each kind: UINT64_C(1) <<
/// PATRON_EVENT_PAUSED, for example. A new patron has PATRON_EVENTS_DEFAULT. The call does not wait
/// and takes effect at once; unread events stay. TORRENT_REMOVED, LAGGED, REPLY and CLIENT_STOPPED
/// are always delivered, and so are the events that answer the patron's own messages. Unknown bits
/// are ignored.
///
/// libtorrent reports files, pieces, peers and trackers only while at least one patron of the
/// client subscribes to those kinds; otherwise they cost nothing.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_subscribe(
    patron: *mut patron_handle,
    kinds: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let all = EventKind::ALL.iter().copied();
        entry.patron.subscribe(all.filter(|kind| kinds & bit(*kind) != 0).collect());
        Ok(())
    })
}

/// Writes the kinds of event that a patron receives, one bit for each kind.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_subscription(
    patron: *mut patron_handle,
    kinds: Option<&mut MaybeUninit<u64>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let kinds = required(kinds, "kinds")?;
        kinds.write(mask(entry.patron.subscription()));
        Ok(())
    })
}

fn mask(kinds: EventKinds) -> u64 {
    kinds.iter().map(bit).sum()
}

fn bit(kind: EventKind) -> u64 {
    1 << kind.number()
}

/// The kind of the event, a PATRON_EVENT_*; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_kind(event: Option<&patron_event>) -> i32 {
    read(0, || Some(event?.event.kind().number()))
}

/// The id of the torrent that the event is about; 0 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_torrent(event: Option<&patron_event>) -> u64 {
    read(0, || Some(event?.event.torrent()?.get()))
}

/// The event as one line to show to a user: "debian.iso: downloading 34.5 %, ...".
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

/// For TORRENT_ADDED and MOVED: the directory of the files.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_save_dir(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let directory: &Path = match &event.event {
            Event::TorrentAdded { save_dir, .. } | Event::Moved { save_dir, .. } => save_dir,
            _ => return None,
        };
        Some(event.texts.lend("save_dir", directory.as_os_str().as_encoded_bytes()))
    })
}

fn hashes(event: &Event) -> Option<InfoHashes> {
    match event {
        Event::TorrentAdded { info_hashes, .. }
        | Event::MetadataReceived { info_hashes, .. }
        | Event::ResumeData { info_hashes, .. }
        | Event::RestoreFailed { info_hashes, .. } => Some(*info_hashes),
        _ => None,
    }
}

/// For TORRENT_ADDED, METADATA_RECEIVED, RESUME_DATA and RESTORE_FAILED: writes the v1 info hash,
/// 20 bytes (BEP 3). Returns false and writes nothing if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_info_hash_v1(
    event: Option<&patron_event>,
    out: Option<&mut MaybeUninit<[u8; 20]>>,
) -> bool {
    read(false, || hash(hashes(&event?.event)?.v1.map(|hash| hash.0), out))
}

/// For TORRENT_ADDED, METADATA_RECEIVED, RESUME_DATA and RESTORE_FAILED: writes the v2 info hash,
/// 32 bytes (BEP 52). Returns false and writes nothing if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_info_hash_v2(
    event: Option<&patron_event>,
    out: Option<&mut MaybeUninit<[u8; 32]>>,
) -> bool {
    read(false, || hash(hashes(&event?.event)?.v2.map(|hash| hash.0), out))
}

/// For STATUS: writes the status. `struct_size` is sizeof(patron_status).
///
/// Errors: INVALID_ARGUMENT for an event of another kind or a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_event_status(
    event: Option<&patron_event>,
    out: *mut patron_status,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || match &required(event, "event")?.event {
        // SAFETY: the caller gives the size of its struct.
        Event::Status(status) => unsafe { write(patron_status::from(status), out, struct_size) },
        _ => Err(Failure::invalid("the event has no status")),
    })
}

/// For STATUS and STATE_CHANGED: the state of the torrent, a PATRON_STATE_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_state(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::Status(status) => Some(status.state.number()),
        Event::StateChanged { state: now, .. } => Some(now.number()),
        _ => None,
    })
}

/// The error; NULL if there is none. Owned by the event.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_error(event: Option<&patron_event>) -> *const patron_error {
    read(std::ptr::null(), || {
        let event = event?;
        let error: &Error = match &event.event {
            Event::AddFailed { error, .. }
            | Event::TrackerError { error, .. }
            | Event::WebSeedFailed { error, .. }
            | Event::Error { error, .. }
            | Event::CommandFailed { error, .. }
            | Event::ListenFailed { error, .. }
            | Event::PortMappingFailed { error, .. }
            | Event::PeerDisconnected { error, .. }
            | Event::ScrapeFailed { error, .. }
            | Event::TorrentRemoved { files: RemovedFiles::NotDeleted(error), .. }
            | Event::Reply { error: Some(error), .. }
            | Event::RestoreFailed { error, .. }
            | Event::StateRestoreFailed { error, .. }
            | Event::StoreFailed { error }
            | Event::SessionError { error }
            | Event::ClientStopped { error: Some(error) } => error,
            Event::Status(status) => status.error.as_ref()?,
            _ => return None,
        };
        Some(&raw const *event.error.get_or_init(|| patron_error::new(error)))
    })
}

/// For ADD_FAILED: the source of the torrent: a path, a magnet link, a name.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_source(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::AddFailed { source, .. } = &event.event else { return None };
        Some(event.texts.lend("source", source.as_bytes()))
    })
}

/// For HASH_FAILED and PIECE_FINISHED: the index of the piece.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_piece(event: Option<&patron_event>) -> u32 {
    read(0, || match &event?.event {
        Event::HashFailed { piece, .. } | Event::PieceFinished { piece, .. } => Some(*piece),
        _ => None,
    })
}

/// For FILE_RENAMED and FILE_COMPLETED: the index of the file.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_file(event: Option<&patron_event>) -> u32 {
    read(0, || match &event?.event {
        Event::FileRenamed { file, .. } | Event::FileCompleted { file, .. } => Some(*file),
        _ => None,
    })
}

/// For FILE_RENAMED: the new path, relative to the save directory.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_path(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::FileRenamed { path, .. } = &event.event else { return None };
        Some(event.texts.lend("path", path.as_os_str().as_encoded_bytes()))
    })
}

/// For WEB_SEED_FAILED: the URL of the web seed, or that of its server if it has several. For
/// TRACKER_ERROR, TRACKER_WARNING, TRACKER_REPLY, SCRAPED and SCRAPE_FAILED: the URL of the
/// tracker.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_url(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        match &event.event {
            Event::TrackerError { url, .. }
            | Event::TrackerWarning { url, .. }
            | Event::WebSeedFailed { url, .. }
            | Event::TrackerReply { url, .. }
            | Event::Scraped { url, .. }
            | Event::ScrapeFailed { url, .. } => Some(event.texts.lend("url", url.as_bytes())),
            _ => None,
        }
    })
}

/// For TRACKER_WARNING: the tracker's message. It may contain anything.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_message(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::TrackerWarning { message, .. } = &event.event else { return None };
        Some(event.texts.lend("message", message.as_bytes()))
    })
}

/// For SCRAPED: the number of seeds; -1 if unknown, and for other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_seeds(event: Option<&patron_event>) -> i64 {
    read(-1, || match &event?.event {
        Event::Scraped { seeds, .. } => Some((*seeds)?.into()),
        _ => None,
    })
}

/// For SCRAPED: the number of leechers; -1 if unknown, and for other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_leechers(event: Option<&patron_event>) -> i64 {
    read(-1, || match &event?.event {
        Event::Scraped { leechers, .. } => Some((*leechers)?.into()),
        _ => None,
    })
}

/// For TORRENT_ADDED: whether all wanted data was already available, according to the resume data
/// or because the files are trusted. A later FINISHED then reports nothing new.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_complete(event: Option<&patron_event>) -> bool {
    read(false, || Some(matches!(event?.event, Event::TorrentAdded { complete: true, .. })))
}

/// For PEER_CONNECTED: whether the connection is outgoing rather than incoming.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_outgoing(event: Option<&patron_event>) -> bool {
    read(false, || Some(matches!(event?.event, Event::PeerConnected { outgoing: true, .. })))
}

/// For PORT_MAPPED: the port of the router.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_port(event: Option<&patron_event>) -> u16 {
    read(0, || match &event?.event {
        Event::PortMapped { external_port, .. } => Some(*external_port),
        _ => None,
    })
}

/// For PORT_MAPPED and PORT_MAPPING_FAILED: the protocol used to ask the router, a PATRON_MAPPER_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_mapper(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PortMapped { by, .. } | Event::PortMappingFailed { by, .. } => Some(by.number()),
        _ => None,
    })
}

/// For PORT_MAPPED: the protocol that is forwarded, a PATRON_PORT_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_protocol(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PortMapped { protocol, .. } => Some(protocol.number()),
        _ => None,
    })
}

/// For PERFORMANCE_WARNING: the limiting factor, a PATRON_LIMIT_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_limit(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PerformanceWarning { limit, .. } => Some(limit.number()),
        _ => None,
    })
}

/// For STATISTICS: the counters; NULL for other kinds. Owned by the event.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_statistics(
    event: Option<&patron_event>,
) -> *const patron_statistics {
    read(std::ptr::null(), || {
        let event = event?;
        let Event::Statistics(statistics) = &event.event else { return None };
        Some(&raw const *event.statistics.get_or_init(|| (&**statistics).into()))
    })
}

/// For RESUME_DATA: the bytes to store; add them later with PATRON_SOURCE_RESUME_DATA.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_resume_data(event: Option<&patron_event>) -> patron_bytes {
    read(patron_bytes::NONE, || match &event?.event {
        Event::ResumeData { data, .. } => Some(patron_bytes::of(data)),
        _ => None,
    })
}

/// For TRACKER_ERROR: the number of consecutive failures. For LAGGED: the number of dropped events. For
/// DESCRIPTOR_LIMIT: the number of descriptors that the settings need. For TRACKER_REPLY: the number of
/// peers that the tracker returned. For RESTORING: the number of torrents that have been processed. For
/// RESTORED: the number of those that were restored.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_count(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::TrackerError { times_in_row, .. } => Some((*times_in_row).into()),
        Event::Lagged { missed } => Some(*missed),
        Event::TrackerReply { peers, .. } => Some((*peers).into()),
        Event::DescriptorLimit { wanted, .. } => Some(*wanted),
        Event::Restoring { done, .. } => Some(*done),
        Event::Restored { torrents, .. } => Some(*torrents),
        _ => None,
    })
}

/// For DESCRIPTOR_LIMIT: the number of descriptors that the process may have. For RESTORING: the
/// number of torrents in the store. For RESTORED: the number of those that were not restored.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_available(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::DescriptorLimit { available, .. } => Some(*available),
        Event::Restoring { total, .. } => Some(*total),
        Event::Restored { failed, .. } => Some(*failed),
        _ => None,
    })
}

/// For REPLY: the tag that the program chose.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_tag(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::Reply { tag, .. } => Some(*tag),
        _ => None,
    })
}

/// For METAINFO: the bytes of the .torrent file, for patron_metainfo_decode().
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_torrent_file(event: Option<&patron_event>) -> patron_bytes {
    read(patron_bytes::NONE, || match &event?.event {
        Event::Metainfo { torrent_file, .. } => Some(patron_bytes::of(torrent_file)),
        _ => None,
    })
}

/// For TORRENT_REMOVED: what happened to the files, a PATRON_REMOVED_FILES_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_removed_files(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::TorrentRemoved { files, .. } => Some(files.number()),
        _ => None,
    })
}

/// For GOAL_REACHED: the goal, a PATRON_GOAL_REACHED_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_goal(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::GoalReached { goal, .. } => Some(goal.number()),
        _ => None,
    })
}

/// For COMMAND_FAILED: the name of the command, for example "Pause".
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_command(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::CommandFailed { command, .. } = &event.event else { return None };
        Some(event.texts.lend("command", command.name()))
    })
}

/// For LISTENING: the address, with the actual port. For LISTEN_FAILED: the address, or the
/// interface as configured. For PEER_BANNED, PEER_CONNECTED and PEER_DISCONNECTED: the address of
/// the peer. For PORT_MAPPED and PORT_MAPPING_FAILED: the address of this machine in the router's
/// network, without a port. For EXTERNAL_ADDRESS: the external address, without a port.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_address(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        match &event.event {
            Event::Listening { address }
            | Event::PeerBanned { address, .. }
            | Event::PeerConnected { address, .. }
            | Event::PeerDisconnected { address, .. } => {
                Some(event.texts.lend("address", address.to_string()))
            }
            Event::ExternalAddress { address }
            | Event::PortMapped { local: address, .. }
            | Event::PortMappingFailed { local: address, .. } => {
                Some(event.texts.lend("address", address.to_string()))
            }
            Event::ListenFailed { address, .. } => {
                Some(event.texts.lend("address", address.as_bytes()))
            }
            _ => None,
        }
    })
}

/// Turns a sequence of events into lines to show to a user. Each line has the time since the start;
/// a status gives a line only if it differs from the previous one. Used by one thread at a time.
pub struct patron_explainer {
    explainer: Explainer,
    line: Texts,
}

/// Makes an explainer; its clock starts now. Free it with patron_explainer_free().
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

/// Frees an explainer. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_explainer_free(explainer: Option<Box<patron_explainer>>) {
    release(explainer);
}

/// The line for an event; empty for a status that says nothing new. Valid until the next call.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_number_of_its_own_and_is_in_the_right_set() {
        assert_eq!(mask(EventKinds::ON_REQUEST), PATRON_EVENTS_ON_REQUEST);
        assert_eq!(mask(EventKinds::DEFAULT), PATRON_EVENTS_DEFAULT);
        assert_eq!(mask(EventKinds::ALL), PATRON_EVENTS_ALL);
        assert_eq!(PATRON_EVENTS_ALL.count_ones() as usize, EventKind::ALL.len());
    }
}
