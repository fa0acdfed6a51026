//! Events
//!
//! What happened. Events of a torrent reach the patron that started it and those that watch it; events
//! of the client reach every patron. A mailbox is bounded: a status replaces the unread status of the
//! same torrent, another event of an open torrent the unread one of its kind, and of the rest the
//! oldest go, which PATRON_EVENT_LAGGED tells. What is told of single files, pieces, peers and trackers is
//! counted apart. So a program that reads slowly loses no state and costs
//! no memory.
//!
//! An event is read by one thread at a time. A function that does not concern the event's kind gives 0,
//! false, NULL or an empty text. A newer library may send kinds that are not listed here;
//! patron_event_explain() explains those too.

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
use torrent_patron::{
    Error, Event, EventKind, EventKinds, Explainer, Goal, InfoHashes, PerformanceLimit, PortMapper,
    PortProtocol, RemovedFiles,
};

numbers! { EventKind:
    /// The torrent is started. Has: name, save_dir, info hashes.
    PATRON_EVENT_TORRENT_ADDED = 1 => TorrentAdded,
    /// The client has this torrent already; it is not started twice. Has: name.
    PATRON_EVENT_ALREADY_ADDED = 2 => AlreadyAdded,
    /// A torrent could not be started. Has: source, error. No torrent.
    PATRON_EVENT_ADD_FAILED = 3 => AddFailed,
    /// How the torrent stands: after each tick in which something changed. Has: name, status, state, and
    /// error if one stopped it.
    PATRON_EVENT_STATUS = 4 => Status,
    /// A magnet link's metadata has come from a peer (BEP 9). Has: name, info hashes.
    PATRON_EVENT_METADATA_RECEIVED = 5 => MetadataReceived,
    /// The torrent does something else now. Has: name, state.
    PATRON_EVENT_STATE_CHANGED = 6 => StateChanged,
    /// The torrent has been paused. Has: name.
    PATRON_EVENT_PAUSED = 7 => Paused,
    /// The torrent goes on. Has: name.
    PATRON_EVENT_RESUMED = 8 => Resumed,
    /// The files on disk have been compared with their hashes. Has: name.
    PATRON_EVENT_CHECKED = 9 => Checked,
    /// All wanted pieces are here and good. Has: name.
    PATRON_EVENT_FINISHED = 10 => Finished,
    /// The files lie in another directory now: the finished ones in their final place, or where a patron had
    /// them moved. Has: name, save_dir.
    PATRON_EVENT_MOVED = 11 => Moved,
    /// A piece did not have the hash that the metainfo gives; it is fetched again. Has: name, piece.
    PATRON_EVENT_HASH_FAILED = 12 => HashFailed,
    /// A tracker did not answer, or refused. It is asked again later. Has: name, url, count (failures in a
    /// row), error.
    PATRON_EVENT_TRACKER_ERROR = 13 => TrackerError,
    /// The torrent met an error and stopped; resuming it tries again. Has: name, error.
    PATRON_EVENT_ERROR = 14 => Error,
    /// The answer to PATRON_COMMAND_METAINFO. Has: name, torrent_file.
    PATRON_EVENT_METAINFO = 15 => Metainfo,
    /// The torrent is closed; its id means nothing from now on. Has: name, closed_files, and error if the
    /// files were to be deleted and were not.
    PATRON_EVENT_TORRENT_REMOVED = 16 => TorrentRemoved,
    /// A command sent as a message failed. Has: command, error.
    PATRON_EVENT_COMMAND_FAILED = 17 => CommandFailed,
    /// The client accepts peers at this address (TCP). Has: address.
    PATRON_EVENT_LISTENING = 18 => Listening,
    /// The client cannot accept peers at this address. Has: address, error.
    PATRON_EVENT_LISTEN_FAILED = 19 => ListenFailed,
    /// This patron did not read its events and some were dropped. Of those about a torrent that is still open
    /// none is among them but what is told of single files, pieces, peers and trackers. Has: count.
    PATRON_EVENT_LAGGED = 20 => Lagged,
    /// libtorrent lost events under load; the client has asked it how every torrent stands.
    PATRON_EVENT_RESYNCHRONIZED = 21 => Resynchronized,
    /// The last event: the client has stopped. Has: error if it was not shut down.
    PATRON_EVENT_CLIENT_STOPPED = 22 => ClientStopped,
    /// The settings ask for more open files and connections than the process may have. Has: count (how many
    /// descriptors the settings can need), available.
    PATRON_EVENT_DESCRIPTOR_LIMIT = 23 => DescriptorLimit,
    /// A file has another name now. Has: name, file, path.
    PATRON_EVENT_FILE_RENAMED = 24 => FileRenamed,
    /// A peer sent so much that failed its hash check that it is not spoken to any more. Has: name, address.
    PATRON_EVENT_PEER_BANNED = 25 => PeerBanned,
    /// A tracker answered, and had something to say besides. Has: name, url, message.
    PATRON_EVENT_TRACKER_WARNING = 26 => TrackerWarning,
    /// A router lets peers in from outside. Has: address (of this machine in the router's network), port (of
    /// the router), mapper, protocol.
    PATRON_EVENT_PORT_MAPPED = 27 => PortMapped,
    /// A router was found that would not do so. Has: address, mapper, error.
    PATRON_EVENT_PORT_MAPPING_FAILED = 28 => PortMappingFailed,
    /// Others say that they see this machine at this address. Has: address.
    PATRON_EVENT_EXTERNAL_ADDRESS = 29 => ExternalAddress,
    /// On request. All pieces of a file are here and good; they may not be written yet. Has: name, file.
    PATRON_EVENT_FILE_COMPLETED = 30 => FileCompleted,
    /// On request. A piece is here and good; it may not be written yet. Has: name, piece.
    PATRON_EVENT_PIECE_FINISHED = 31 => PieceFinished,
    /// On request. The connection to a peer is made. Has: name, address, outgoing.
    PATRON_EVENT_PEER_CONNECTED = 32 => PeerConnected,
    /// On request. The connection to a peer has ended, or could not be made. Has: name, address, error.
    PATRON_EVENT_PEER_DISCONNECTED = 33 => PeerDisconnected,
    /// On request. A tracker, or the distributed hash table, has answered. Has: name, url, count (peers).
    PATRON_EVENT_TRACKER_REPLY = 34 => TrackerReply,
    /// On request. A tracker has said how many there are. Has: name, url, seeds, leechers.
    PATRON_EVENT_SCRAPED = 35 => Scraped,
    /// On request. A tracker did not say how many there are. Has: name, url, error.
    PATRON_EVENT_SCRAPE_FAILED = 36 => ScrapeFailed,
    /// On request. A setting keeps the client from being as fast as it could be. Has: limit; and name if it
    /// is about one torrent.
    PATRON_EVENT_PERFORMANCE_WARNING = 37 => PerformanceWarning,
    /// On request. What libtorrent and the read path have counted, once per tick. Has: statistics.
    PATRON_EVENT_STATISTICS = 38 => Statistics,
    /// On request. What a later client needs to start the torrent where it stands now. Has: name,
    /// resume_data.
    PATRON_EVENT_RESUME_DATA = 39 => ResumeData,
    /// The torrent has given back what was wanted of it; what was chosen for then is done to it. Has: name,
    /// goal.
    PATRON_EVENT_GOAL_REACHED = 40 => GoalReached,
    /// The answer to a message that was sent with a tag, or a reply that patron_reply_notify() was called
    /// for. Comes whatever is subscribed to. Has: tag; of a message also torrent, and error if it failed.
    PATRON_EVENT_REPLY = 41 => Reply,
}

/// All kinds of event that come only on request.
pub const PATRON_EVENTS_ON_REQUEST: u64 = 0xff_c000_0000;
/// What a new patron gets: all others.
pub const PATRON_EVENTS_DEFAULT: u64 = 0x300_3fff_fffe;
/// Every kind.
pub const PATRON_EVENTS_ALL: u64 = 0x3ff_ffff_fffe;

const _: () = assert!(PATRON_EVENTS_DEFAULT | PATRON_EVENTS_ON_REQUEST == PATRON_EVENTS_ALL);

numbers! { PortMapper:
    /// NAT-PMP (RFC 6886) or PCP (RFC 6887).
    PATRON_MAPPER_NAT_PMP = 1 => NatPmp,
    /// UPnP's Internet Gateway Device.
    PATRON_MAPPER_UPNP = 2 => Upnp,
}

choices! { PortProtocol:
    /// The router hands on connections.
    PATRON_PORT_TCP = 1 => Tcp,
    /// The router hands on uTP and the distributed hash table.
    PATRON_PORT_UDP = 2 => Udp,
}

numbers! { PerformanceLimit:
    /// The disk does not keep up with what arrives (max_queued_disk_bytes).
    PATRON_LIMIT_DISK_QUEUE_FULL = 1 => DiskQueueFull,
    /// More could be asked of a peer than may be (max_out_request_queue).
    PATRON_LIMIT_REQUEST_QUEUE_FULL = 2 => RequestQueueFull,
    /// The upload limit leaves no room for what a download has to send.
    PATRON_LIMIT_UPLOAD_LIMIT_TOO_LOW = 3 => UploadLimitTooLow,
    /// The download limit leaves no room for what an upload has to receive.
    PATRON_LIMIT_DOWNLOAD_LIMIT_TOO_LOW = 4 => DownloadLimitTooLow,
    /// A peer takes what it is sent faster than more is read (send_buffer_watermark).
    PATRON_LIMIT_SEND_BUFFER_TOO_SMALL = 5 => SendBufferTooSmall,
    /// Half of the upload slots or more are given out of turn (num_optimistic_unchoke_slots).
    PATRON_LIMIT_TOO_MANY_OPTIMISTIC_SLOTS = 6 => TooManyOptimisticSlots,
    /// What waits to be written takes half of the cache.
    PATRON_LIMIT_DISK_QUEUE_TOO_LARGE = 7 => DiskQueueTooLarge,
    /// The system takes no more disk operations at once.
    PATRON_LIMIT_DISK_OPERATIONS = 8 => DiskOperations,
    /// There are too few ports to call out from (outgoing_ports).
    PATRON_LIMIT_TOO_FEW_OUTGOING_PORTS = 9 => TooFewOutgoingPorts,
    /// There are too few descriptors for files and connections.
    PATRON_LIMIT_TOO_FEW_DESCRIPTORS = 10 => TooFewDescriptors,
    /// Something that this library does not know.
    PATRON_LIMIT_OTHER = 11 => Other,
}

numbers! { Goal:
    /// The torrent has reached its share ratio.
    PATRON_GOAL_REACHED_SHARE_RATIO = 1 => ShareRatio,
    /// The torrent has reached its seed time.
    PATRON_GOAL_REACHED_SEED_TIME = 2 => SeedTime,
}

numbers! { RemovedFiles:
    /// The files were left where they are.
    PATRON_REMOVED_FILES_KEPT = 1 => Kept,
    /// The files were deleted.
    PATRON_REMOVED_FILES_DELETED = 2 => Deleted,
    /// The files were to be deleted, and were not, or not all.
    PATRON_REMOVED_FILES_NOT_DELETED = 3 => NotDeleted,
}

/// Something that happened. Belongs to the caller; free it with patron_event_free().
pub struct patron_event {
    event: Event,
    error: OnceLock<patron_error>,
    statistics: OnceLock<patron_statistics>,
    texts: Texts,
}

/// Takes the next event of a patron, and waits for it for at most so many milliseconds; 0 only looks,
/// a negative number waits however long it takes.
///
/// Errors: TIMED_OUT; CANCELLED when patron_interrupt() or patron_free() ended the wait; STOPPED after
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
        // Looking first spares the clock where events are being drained.
        let here = if timeout_ms == 0 { entry.patron.try_recv() } else { None };
        let event = match here {
            None => entry.patron.recv_until(deadline(timeout_ms)).inspect_err(|_| {
                // Whoever else is in this call with a patron that was freed is to end, too.
                if entry.freed.load(Ordering::SeqCst) {
                    entry.patron.interrupt();
                }
            })?,
            some => some,
        };
        let event = event.ok_or_else(Failure::timed_out)?;
        let (error, statistics) = (OnceLock::new(), OnceLock::new());
        give(out, patron_event { event, error, statistics, texts: Texts::default() });
        Ok(())
    })
}

/// Ends every patron_next_event() that is waiting with this patron, by CANCELLED; where none is, the
/// next one that would wait. No event is lost. Any thread may call it, but not a signal handler: let a
/// thread sigwait() for the signals, as examples/c/download.c does.
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

/// Frees an event, and with it all that was borrowed from it. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_free(event: Option<Box<patron_event>>) {
    release(event);
}

/// Chooses which kinds of event come to a patron and its clones: a bit for each, UINT64_C(1) <<
/// PATRON_EVENT_PAUSED for example. A new patron gets PATRON_EVENTS_DEFAULT. It waits for nothing and takes
/// effect at once; unread events stay. CLOSED, LAGGED and CLIENT_STOPPED come whatever is chosen, and so
/// do the events that answer the patron's own messages. Bits that mean nothing are ignored.
///
/// libtorrent tells of files, pieces, peers and trackers only while some patron of the client wants it:
/// what nobody wants costs nothing.
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

/// Writes the kinds of event that come to a patron, a bit for each.
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

/// What sort of event it is, a PATRON_EVENT_*; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_kind(event: Option<&patron_event>) -> i32 {
    read(0, || Some(event?.event.kind().number()))
}

/// The torrent that the event is about; 0 if it is about none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_torrent(event: Option<&patron_event>) -> u64 {
    read(0, || Some(event?.event.torrent()?.get()))
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
            Event::TorrentAdded { save_dir, .. } | Event::Moved { save_dir, .. } => save_dir,
            _ => return None,
        };
        Some(event.texts.lend("save_dir", directory.as_os_str().as_encoded_bytes()))
    })
}

fn hashes(event: &Event) -> Option<InfoHashes> {
    match event {
        Event::TorrentAdded { info_hashes, .. } | Event::MetadataReceived { info_hashes, .. } => {
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
        Event::Status(status) => unsafe { write(patron_status::from(status), out, struct_size) },
        _ => Err(Failure::invalid("the event has no status")),
    })
}

/// Of STATUS and STATE_CHANGED: what the torrent does now, a PATRON_STATE_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_state(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::Status(status) => Some(status.state.number()),
        Event::StateChanged { state: now, .. } => Some(now.number()),
        _ => None,
    })
}

/// What went wrong; NULL if nothing did. Belongs to the event.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_error(event: Option<&patron_event>) -> *const patron_error {
    read(std::ptr::null(), || {
        let event = event?;
        let error: &Error = match &event.event {
            Event::AddFailed { error, .. }
            | Event::TrackerError { error, .. }
            | Event::Error { error, .. }
            | Event::CommandFailed { error, .. }
            | Event::ListenFailed { error, .. }
            | Event::PortMappingFailed { error, .. }
            | Event::PeerDisconnected { error, .. }
            | Event::ScrapeFailed { error, .. }
            | Event::TorrentRemoved { files: RemovedFiles::NotDeleted(error), .. }
            | Event::Reply { error: Some(error), .. }
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
        let Event::AddFailed { source, .. } = &event.event else { return None };
        Some(event.texts.lend("source", source.as_bytes()))
    })
}

/// Of HASH_FAILED and PIECE_FINISHED: the index of the piece.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_piece(event: Option<&patron_event>) -> u32 {
    read(0, || match &event?.event {
        Event::HashFailed { piece, .. } | Event::PieceFinished { piece, .. } => Some(*piece),
        _ => None,
    })
}

/// Of FILE_RENAMED and FILE_COMPLETED: the index of the file.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_file(event: Option<&patron_event>) -> u32 {
    read(0, || match &event?.event {
        Event::FileRenamed { file, .. } | Event::FileCompleted { file, .. } => Some(*file),
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

/// Of TRACKER_ERROR, TRACKER_WARNING, TRACKER_REPLY, SCRAPED and SCRAPE_FAILED: the URL of the tracker.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_url(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        match &event.event {
            Event::TrackerError { url, .. }
            | Event::TrackerWarning { url, .. }
            | Event::TrackerReply { url, .. }
            | Event::Scraped { url, .. }
            | Event::ScrapeFailed { url, .. } => Some(event.texts.lend("url", url.as_bytes())),
            _ => None,
        }
    })
}

/// Of TRACKER_WARNING: what the tracker said. It may be anything.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_message(event: Option<&patron_event>) -> patron_text {
    read(patron_text::EMPTY, || {
        let event = event?;
        let Event::TrackerWarning { message, .. } = &event.event else { return None };
        Some(event.texts.lend("message", message.as_bytes()))
    })
}

/// Of SCRAPED: how many peers have everything; -1 where it is not known, and of other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_seeds(event: Option<&patron_event>) -> i64 {
    read(-1, || match &event?.event {
        Event::Scraped { seeds, .. } => Some((*seeds)?.into()),
        _ => None,
    })
}

/// Of SCRAPED: how many peers have not; -1 where it is not known, and of other kinds.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_leechers(event: Option<&patron_event>) -> i64 {
    read(-1, || match &event?.event {
        Event::Scraped { leechers, .. } => Some((*leechers)?.into()),
        _ => None,
    })
}

/// Of PEER_CONNECTED: whether we called the peer, rather than it us.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_outgoing(event: Option<&patron_event>) -> bool {
    read(false, || Some(matches!(event?.event, Event::PeerConnected { outgoing: true, .. })))
}

/// Of PORT_MAPPED: the router's port.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_port(event: Option<&patron_event>) -> u16 {
    read(0, || match &event?.event {
        Event::PortMapped { external_port, .. } => Some(*external_port),
        _ => None,
    })
}

/// Of PORT_MAPPED and PORT_MAPPING_FAILED: how the router was asked, a PATRON_MAPPER_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_mapper(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PortMapped { by, .. } | Event::PortMappingFailed { by, .. } => Some(by.number()),
        _ => None,
    })
}

/// Of PORT_MAPPED: what the router hands on, a PATRON_PORT_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_protocol(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PortMapped { protocol, .. } => Some(protocol.number()),
        _ => None,
    })
}

/// Of PERFORMANCE_WARNING: what is in the way, a PATRON_LIMIT_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_limit(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PerformanceWarning { limit, .. } => Some(limit.number()),
        _ => None,
    })
}

/// Of STATISTICS: what was counted; NULL of other kinds. Belongs to the event.
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

/// Of RESUME_DATA: the bytes to keep, for a later start from PATRON_SOURCE_RESUME_DATA.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_resume_data(event: Option<&patron_event>) -> patron_bytes {
    read(patron_bytes::NONE, || match &event?.event {
        Event::ResumeData { data, .. } => Some(patron_bytes::of(data)),
        _ => None,
    })
}

/// Of TRACKER_ERROR: how many times in a row it failed. Of LAGGED: how many events were dropped. Of
/// DESCRIPTOR_LIMIT: how many descriptors the settings can need. Of TRACKER_REPLY: how many peers the
/// tracker named.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_count(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::TrackerError { times_in_row, .. } => Some((*times_in_row).into()),
        Event::Lagged { missed } => Some(*missed),
        Event::TrackerReply { peers, .. } => Some((*peers).into()),
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

/// Of REPLY: the program's own number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_tag(event: Option<&patron_event>) -> u64 {
    read(0, || match &event?.event {
        Event::Reply { tag, .. } => Some(*tag),
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

/// Of CLOSED: what became of the files, a PATRON_REMOVED_FILES_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_removed_files(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::TorrentRemoved { files, .. } => Some(files.number()),
        _ => None,
    })
}

/// Of GOAL_REACHED: which goal it was, a PATRON_GOAL_REACHED_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_goal(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::GoalReached { goal, .. } => Some(goal.number()),
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
/// the interface as it was given. Of PEER_BANNED, PEER_CONNECTED and PEER_DISCONNECTED: where the peer is.
/// Of PORT_MAPPED and PORT_MAPPING_FAILED: where this machine is in the router's network, without a port.
/// Of EXTERNAL_ADDRESS: where others see it, without a port.
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
