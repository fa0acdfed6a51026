//! Events
//!
//! What happened. Events of a torrent reach the patron that started it and those that watch it; events
//! of the client reach every patron. A mailbox is bounded: a status replaces the unread status of the
//! same torrent, another event of an open torrent the unread one of its kind, and of the rest the
//! oldest go, which PATRON_EVENT_LAGGED tells. What is told of single files, pieces, peers, trackers and web seeds
//! is counted apart. So a program that reads slowly loses no state and costs
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
use super::statistics::patron_statistics;
use super::status::{patron_status, state, write_status};
use super::text::{Texts, patron_bytes, patron_text};
use torrent_patron::{
    Error, Event, EventKind, EventKinds, Explainer, Goal, InfoHashes, PerformanceLimit, PortMapper,
    PortProtocol, RemovedFiles,
};

/// The torrent is started. Has: name, save_dir, info hashes.
pub const PATRON_EVENT_TORRENT_ADDED: i32 = 1;
/// The client has this torrent already; it is not started twice. Has: name.
pub const PATRON_EVENT_ALREADY_ADDED: i32 = 2;
/// A torrent could not be started. Has: source, error. No torrent.
pub const PATRON_EVENT_ADD_FAILED: i32 = 3;
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
pub const PATRON_EVENT_TORRENT_REMOVED: i32 = 16;
/// A command sent as a message failed. Has: command, error.
pub const PATRON_EVENT_COMMAND_FAILED: i32 = 17;
/// The client accepts peers at this address (TCP). Has: address.
pub const PATRON_EVENT_LISTENING: i32 = 18;
/// The client cannot accept peers at this address. Has: address, error.
pub const PATRON_EVENT_LISTEN_FAILED: i32 = 19;
/// This patron did not read its events and some were dropped. Of those about a torrent that is still open
/// none is among them but what is told of single files, pieces, peers, trackers and web seeds. Has: count.
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
/// A peer sent so much that failed its hash check that it is not spoken to any more. Has: name, address.
pub const PATRON_EVENT_PEER_BANNED: i32 = 25;
/// A tracker answered, and had something to say besides. Has: name, url, message.
pub const PATRON_EVENT_TRACKER_WARNING: i32 = 26;
/// A router lets peers in from outside. Has: address (of this machine in the router's network), port (of
/// the router), mapper, protocol.
pub const PATRON_EVENT_PORT_MAPPED: i32 = 27;
/// A router was found that would not do so. Has: address, mapper, error.
pub const PATRON_EVENT_PORT_MAPPING_FAILED: i32 = 28;
/// Others say that they see this machine at this address. Has: address.
pub const PATRON_EVENT_EXTERNAL_ADDRESS: i32 = 29;
/// On request. All pieces of a file are here and good; they may not be written yet. Has: name, file.
pub const PATRON_EVENT_FILE_COMPLETED: i32 = 30;
/// On request. A piece is here and good; it may not be written yet. Has: name, piece.
pub const PATRON_EVENT_PIECE_FINISHED: i32 = 31;
/// On request. The connection to a peer is made. Has: name, address, outgoing.
pub const PATRON_EVENT_PEER_CONNECTED: i32 = 32;
/// On request. The connection to a peer has ended, or could not be made. Has: name, address, error.
pub const PATRON_EVENT_PEER_DISCONNECTED: i32 = 33;
/// On request. A tracker, or the distributed hash table, has answered. Has: name, url, count (peers).
pub const PATRON_EVENT_TRACKER_REPLY: i32 = 34;
/// On request. A tracker has said how many there are. Has: name, url, seeds, leechers.
pub const PATRON_EVENT_SCRAPED: i32 = 35;
/// On request. A tracker did not say how many there are. Has: name, url, error.
pub const PATRON_EVENT_SCRAPE_FAILED: i32 = 36;
/// On request. A setting keeps the client from being as fast as it could be. Has: limit; and name if it
/// is about one torrent.
pub const PATRON_EVENT_PERFORMANCE_WARNING: i32 = 37;
/// On request. What libtorrent and the read path have counted, once per tick. Has: statistics.
pub const PATRON_EVENT_STATISTICS: i32 = 38;
/// On request. What a later client needs to start the torrent where it stands now. Has: name,
/// resume_data.
pub const PATRON_EVENT_RESUME_DATA: i32 = 39;
/// The torrent has given back what was wanted of it; what was chosen for then is done to it. Has: name,
/// goal.
pub const PATRON_EVENT_GOAL_REACHED: i32 = 40;

/// A web seed gives nothing: it cannot be reached, refuses, sends what was not asked for or what is
/// damaged, or may not be asked. The same again is not told before it has given something. Has: name, url,
/// error.
pub const PATRON_EVENT_WEB_SEED_FAILED: i32 = 41;

/// All kinds of event that come only on request.
pub const PATRON_EVENTS_ON_REQUEST: u64 = 0xff_c000_0000;
/// What a new patron gets: all others.
pub const PATRON_EVENTS_DEFAULT: u64 = 0x300_3fff_fffe;
/// Every kind.
pub const PATRON_EVENTS_ALL: u64 = 0x3ff_ffff_fffe;

const _: () = assert!(PATRON_EVENTS_DEFAULT | PATRON_EVENTS_ON_REQUEST == PATRON_EVENTS_ALL);

/// NAT-PMP (RFC 6886) or PCP (RFC 6887).
pub const PATRON_MAPPER_NAT_PMP: i32 = 1;
/// UPnP's Internet Gateway Device.
pub const PATRON_MAPPER_UPNP: i32 = 2;

/// The router hands on connections.
pub const PATRON_PORT_TCP: i32 = 1;
/// The router hands on uTP and the distributed hash table.
pub const PATRON_PORT_UDP: i32 = 2;

/// The disk does not keep up with what arrives (max_queued_disk_bytes).
pub const PATRON_LIMIT_DISK_QUEUE_FULL: i32 = 1;
/// More could be asked of a peer than may be (max_out_request_queue).
pub const PATRON_LIMIT_REQUEST_QUEUE_FULL: i32 = 2;
/// The upload limit leaves no room for what a download has to send.
pub const PATRON_LIMIT_UPLOAD_LIMIT_TOO_LOW: i32 = 3;
/// The download limit leaves no room for what an upload has to receive.
pub const PATRON_LIMIT_DOWNLOAD_LIMIT_TOO_LOW: i32 = 4;
/// A peer takes what it is sent faster than more is read (send_buffer_watermark).
pub const PATRON_LIMIT_SEND_BUFFER_TOO_SMALL: i32 = 5;
/// Half of the upload slots or more are given out of turn (num_optimistic_unchoke_slots).
pub const PATRON_LIMIT_TOO_MANY_OPTIMISTIC_SLOTS: i32 = 6;
/// What waits to be written takes half of the cache.
pub const PATRON_LIMIT_DISK_QUEUE_TOO_LARGE: i32 = 7;
/// The system takes no more disk operations at once.
pub const PATRON_LIMIT_DISK_OPERATIONS: i32 = 8;
/// There are too few ports to call out from (outgoing_ports).
pub const PATRON_LIMIT_TOO_FEW_OUTGOING_PORTS: i32 = 9;
/// There are too few descriptors for files and connections.
pub const PATRON_LIMIT_TOO_FEW_DESCRIPTORS: i32 = 10;
/// Something that this library does not know.
pub const PATRON_LIMIT_OTHER: i32 = 11;

/// The torrent has reached its share ratio.
pub const PATRON_GOAL_REACHED_SHARE_RATIO: i32 = 1;
/// The torrent has reached its seed time.
pub const PATRON_GOAL_REACHED_SEED_TIME: i32 = 2;

/// The files were left where they are.
pub const PATRON_REMOVED_FILES_KEPT: i32 = 1;
/// The files were deleted.
pub const PATRON_REMOVED_FILES_DELETED: i32 = 2;
/// The files were to be deleted, and were not, or not all.
pub const PATRON_REMOVED_FILES_NOT_DELETED: i32 = 3;

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
        let (error, statistics) = (OnceLock::new(), OnceLock::new());
        give(out, patron_event { event, error, statistics, texts: Texts::default() });
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
        kinds.write(bits(entry.patron.subscription()));
        Ok(())
    })
}

fn bits(kinds: EventKinds) -> u64 {
    kinds.iter().map(bit).sum()
}

fn bit(kind: EventKind) -> u64 {
    1 << number(kind)
}

fn number(kind: EventKind) -> i32 {
    match kind {
        EventKind::TorrentAdded => PATRON_EVENT_TORRENT_ADDED,
        EventKind::AlreadyAdded => PATRON_EVENT_ALREADY_ADDED,
        EventKind::AddFailed => PATRON_EVENT_ADD_FAILED,
        EventKind::Status => PATRON_EVENT_STATUS,
        EventKind::MetadataReceived => PATRON_EVENT_METADATA_RECEIVED,
        EventKind::StateChanged => PATRON_EVENT_STATE_CHANGED,
        EventKind::Paused => PATRON_EVENT_PAUSED,
        EventKind::Resumed => PATRON_EVENT_RESUMED,
        EventKind::Checked => PATRON_EVENT_CHECKED,
        EventKind::Finished => PATRON_EVENT_FINISHED,
        EventKind::Moved => PATRON_EVENT_MOVED,
        EventKind::FileRenamed => PATRON_EVENT_FILE_RENAMED,
        EventKind::GoalReached => PATRON_EVENT_GOAL_REACHED,
        EventKind::HashFailed => PATRON_EVENT_HASH_FAILED,
        EventKind::PeerBanned => PATRON_EVENT_PEER_BANNED,
        EventKind::TrackerError => PATRON_EVENT_TRACKER_ERROR,
        EventKind::TrackerWarning => PATRON_EVENT_TRACKER_WARNING,
        EventKind::WebSeedFailed => PATRON_EVENT_WEB_SEED_FAILED,
        EventKind::Error => PATRON_EVENT_ERROR,
        EventKind::Metainfo => PATRON_EVENT_METAINFO,
        EventKind::TorrentRemoved => PATRON_EVENT_TORRENT_REMOVED,
        EventKind::CommandFailed => PATRON_EVENT_COMMAND_FAILED,
        EventKind::Listening => PATRON_EVENT_LISTENING,
        EventKind::ListenFailed => PATRON_EVENT_LISTEN_FAILED,
        EventKind::PortMapped => PATRON_EVENT_PORT_MAPPED,
        EventKind::PortMappingFailed => PATRON_EVENT_PORT_MAPPING_FAILED,
        EventKind::ExternalAddress => PATRON_EVENT_EXTERNAL_ADDRESS,
        EventKind::DescriptorLimit => PATRON_EVENT_DESCRIPTOR_LIMIT,
        EventKind::Lagged => PATRON_EVENT_LAGGED,
        EventKind::Resynchronized => PATRON_EVENT_RESYNCHRONIZED,
        EventKind::ClientStopped => PATRON_EVENT_CLIENT_STOPPED,
        EventKind::FileCompleted => PATRON_EVENT_FILE_COMPLETED,
        EventKind::PieceFinished => PATRON_EVENT_PIECE_FINISHED,
        EventKind::PeerConnected => PATRON_EVENT_PEER_CONNECTED,
        EventKind::PeerDisconnected => PATRON_EVENT_PEER_DISCONNECTED,
        EventKind::TrackerReply => PATRON_EVENT_TRACKER_REPLY,
        EventKind::Scraped => PATRON_EVENT_SCRAPED,
        EventKind::ScrapeFailed => PATRON_EVENT_SCRAPE_FAILED,
        EventKind::PerformanceWarning => PATRON_EVENT_PERFORMANCE_WARNING,
        EventKind::Statistics => PATRON_EVENT_STATISTICS,
        EventKind::ResumeData => PATRON_EVENT_RESUME_DATA,
        _ => 0,
    }
}

/// What sort of event it is, a PATRON_EVENT_*; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_kind(event: Option<&patron_event>) -> i32 {
    read(0, || Some(number(event?.event.kind())))
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

/// Of TRACKER_ERROR, TRACKER_WARNING, TRACKER_REPLY, SCRAPED and SCRAPE_FAILED: the URL of the tracker. Of
/// WEB_SEED_FAILED: that of the web seed; of several at one server, the server's.
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

/// Of TRACKER_WARNING: what the tracker said, with control characters made visible, at most 4096 bytes.
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
        Event::PortMapped { by, .. } | Event::PortMappingFailed { by, .. } => Some(match by {
            PortMapper::NatPmp => PATRON_MAPPER_NAT_PMP,
            PortMapper::Upnp => PATRON_MAPPER_UPNP,
            _ => 0,
        }),
        _ => None,
    })
}

/// Of PORT_MAPPED: what the router hands on, a PATRON_PORT_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_protocol(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PortMapped { protocol, .. } => Some(match protocol {
            PortProtocol::Tcp => PATRON_PORT_TCP,
            PortProtocol::Udp => PATRON_PORT_UDP,
            _ => 0,
        }),
        _ => None,
    })
}

/// Of PERFORMANCE_WARNING: what is in the way, a PATRON_LIMIT_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_limit(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::PerformanceWarning { limit, .. } => Some(match limit {
            PerformanceLimit::DiskQueueFull => PATRON_LIMIT_DISK_QUEUE_FULL,
            PerformanceLimit::RequestQueueFull => PATRON_LIMIT_REQUEST_QUEUE_FULL,
            PerformanceLimit::UploadLimitTooLow => PATRON_LIMIT_UPLOAD_LIMIT_TOO_LOW,
            PerformanceLimit::DownloadLimitTooLow => PATRON_LIMIT_DOWNLOAD_LIMIT_TOO_LOW,
            PerformanceLimit::SendBufferTooSmall => PATRON_LIMIT_SEND_BUFFER_TOO_SMALL,
            PerformanceLimit::TooManyOptimisticSlots => PATRON_LIMIT_TOO_MANY_OPTIMISTIC_SLOTS,
            PerformanceLimit::DiskQueueTooLarge => PATRON_LIMIT_DISK_QUEUE_TOO_LARGE,
            PerformanceLimit::DiskOperations => PATRON_LIMIT_DISK_OPERATIONS,
            PerformanceLimit::TooFewOutgoingPorts => PATRON_LIMIT_TOO_FEW_OUTGOING_PORTS,
            PerformanceLimit::TooFewDescriptors => PATRON_LIMIT_TOO_FEW_DESCRIPTORS,
            PerformanceLimit::Other => PATRON_LIMIT_OTHER,
            _ => 0,
        }),
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
        Event::TorrentRemoved { files, .. } => Some(match files {
            RemovedFiles::Kept => PATRON_REMOVED_FILES_KEPT,
            RemovedFiles::Deleted => PATRON_REMOVED_FILES_DELETED,
            RemovedFiles::NotDeleted(_) => PATRON_REMOVED_FILES_NOT_DELETED,
            _ => 0,
        }),
        _ => None,
    })
}

/// Of GOAL_REACHED: which goal it was, a PATRON_GOAL_REACHED_*.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_goal(event: Option<&patron_event>) -> i32 {
    read(0, || match &event?.event {
        Event::GoalReached { goal, .. } => Some(match goal {
            Goal::ShareRatio => PATRON_GOAL_REACHED_SHARE_RATIO,
            Goal::SeedTime => PATRON_GOAL_REACHED_SEED_TIME,
            _ => 0,
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
        assert_eq!(bits(EventKinds::ON_REQUEST), PATRON_EVENTS_ON_REQUEST);
        assert_eq!(bits(EventKinds::DEFAULT), PATRON_EVENTS_DEFAULT);
        assert_eq!(bits(EventKinds::ALL), PATRON_EVENTS_ALL);
        assert_eq!(PATRON_EVENTS_ALL.count_ones() as usize, EventKind::ALL.len());
    }
}
