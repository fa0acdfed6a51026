//! The events that a client sends to its patrons.

mod kind;
mod text;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use self::kind::EventKinds;
pub use self::text::Explainer;
use crate::error::Error;
use crate::model::{
    CommandKind, Goal, InfoHashes, PortProtocol, Statistics, TorrentId, TorrentState, TorrentStatus,
};

/// An event. `Display` describes it in one line for a user.
///
/// Text from strangers is made [printable](crate::printable); paths are as they are on disk.
///
/// Events of a torrent reach the patron that added it and the patrons that watch it; events of the
/// client (`Listening`, `ListenFailed`, `PortMapped`, `PortMappingFailed`, `ExternalAddress`,
/// `DescriptorLimit`, `Statistics`, `Resynchronized`, `ClientStopped`, and those about the store)
/// reach every patron. A patron receives only the kinds it [subscribes](crate::Patron::subscribe) to.
///
/// With the feature `serde`, an event is an object whose `event` is the variant's name in snake
/// case: `{"event":"finished","id":3,"name":"debian.iso"}`. A `Metainfo` is written without its
/// .torrent file.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The torrent has been added. Its files are checked first; then it downloads or seeds.
    TorrentAdded {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Its info hashes; for a magnet link, those in the link.
        info_hashes: InfoHashes,
        /// The directory of its files, or the one for the complete files while the torrent is incomplete.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::lossy_path")
        )]
        save_dir: PathBuf,
        /// Whether all wanted data was already available, according to the resume data or because the files
        /// are [trusted](crate::AddOptions::trust). In that case, a later [`Finished`](Event::Finished) is
        /// not news.
        complete: bool,
    },
    /// The client already has this torrent and does not add it again. The id can be watched. The trackers,
    /// web seeds and peers of the source are added to it, unless it is private (BEP 27), and so is the
    /// metadata if the torrent has none.
    AlreadyAdded {
        /// The torrent that the client has.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The torrent could not be added.
    AddFailed {
        /// The source: a path, a magnet link or a name.
        source: Arc<str>,
        /// Why it could not be added.
        error: Error,
    },
    /// The torrent's status, sent after each tick in which something changed.
    Status(TorrentStatus),
    /// The metadata of a magnet link has arrived from a peer (BEP 9).
    MetadataReceived {
        /// The torrent.
        id: TorrentId,
        /// Its name, known only now.
        name: Arc<str>,
        /// All of its info hashes.
        info_hashes: InfoHashes,
    },
    /// The torrent's state has changed.
    StateChanged {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The new state.
        state: TorrentState,
    },
    /// The torrent has been paused.
    Paused {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The torrent has been resumed.
    Resumed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The files on disk have been checked against their hashes.
    Checked {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// All wanted data has been downloaded and written, and the files have been checked: their sizes, or with
    /// [`verify_finished`](crate::AddOptions::verify_finished) their hashes.
    Finished {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The files are now in another directory: their final one, because the torrent is complete, or one that
    /// a patron moved them to.
    Moved {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The new directory.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::lossy_path")
        )]
        save_dir: PathBuf,
    },
    /// A file has been renamed.
    FileRenamed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The file's index.
        file: u32,
        /// Its path below the save directory.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::lossy_path")
        )]
        path: PathBuf,
    },
    /// A piece failed its hash check. It is downloaded again.
    HashFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The piece's index.
        piece: u32,
    },
    /// A peer was banned because it sent too much data that failed its hash check.
    PeerBanned {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The peer's address.
        address: SocketAddr,
    },
    /// A tracker did not answer, or refused the announce. It is retried later.
    TrackerError {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// How many announces in a row have failed.
        times_in_row: u32,
        /// Why the announce failed.
        error: Error,
    },
    /// The torrent has reached a goal. The chosen [action](crate::torrent::GoalAction) is executed.
    GoalReached {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The goal.
        goal: Goal,
    },
    /// A tracker answered with a warning.
    TrackerWarning {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// The tracker's message, [printable](crate::printable).
        message: Box<str>,
    },
    /// A web seed delivers nothing: it cannot be reached, refuses, sends other data than requested or damaged
    /// data, or must not be contacted. It is retried later if that is useful. The same failure is not
    /// reported again until the web seed has delivered something.
    WebSeedFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The web seed's URL, or that of its server if several are on it.
        url: Box<str>,
        /// Why it failed.
        error: Error,
    },
    /// An error stopped the torrent. If the disk is full, the torrent continues to seed. Resuming it tries
    /// again. Further errors with the same cause are not reported for 30 seconds.
    Error {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The error.
        error: Error,
    },
    /// The answer to [`Command::Metainfo`](crate::patron::Command::Metainfo).
    Metainfo {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The .torrent file, for [`Metainfo::decode`](crate::metainfo::Metainfo::decode).
        #[cfg_attr(feature = "serde", serde(skip))]
        torrent_file: Arc<[u8]>,
    },
    /// The torrent has been removed. Its id is no longer valid.
    TorrentRemoved {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What happened to its files.
        files: RemovedFiles,
    },
    /// A command sent as a message failed.
    CommandFailed {
        /// The command.
        command: CommandKind,
        /// The torrent of the command.
        id: TorrentId,
        /// Why it failed.
        error: Error,
    },
    /// The client accepts TCP connections from peers at this address.
    Listening {
        /// The address, with the port actually in use.
        address: SocketAddr,
    },
    /// The client cannot accept connections at this address.
    ListenFailed {
        /// The address, or the interface as it was configured.
        address: Box<str>,
        /// Why it cannot.
        error: Error,
    },
    /// A router forwards one of its ports to this client, so peers outside can connect.
    PortMapped {
        /// The protocol used to ask the router.
        by: PortMapper,
        /// The protocol that it forwards.
        protocol: PortProtocol,
        /// The external port.
        external_port: u16,
        /// The address of this machine in the router's network.
        local: IpAddr,
    },
    /// A router was found, but refused to forward a port.
    PortMappingFailed {
        /// The protocol used to ask the router.
        by: PortMapper,
        /// The address of this machine in the router's network.
        local: IpAddr,
        /// Why it failed.
        error: Error,
    },
    /// Peers, trackers or a router report this as the address of this machine.
    ExternalAddress {
        /// The address.
        address: IpAddr,
    },
    /// The settings need more open files and connections than the process may have. The client
    /// continues with fewer connections (`connections_limit`) and closes files sooner.
    DescriptorLimit {
        /// How many descriptors the settings may need, including those of other clients in the
        /// process.
        wanted: u64,
        /// How many the process may have (`RLIMIT_NOFILE`, which the client has raised as far as
        /// permitted).
        available: u64,
    },
    /// This patron did not read its events in time, and the oldest were dropped: beyond 4096, events about
    /// single files, pieces, peers, trackers and web seeds; and beyond another 4096, those of removed torrents,
    /// those of the client, and the answers to messages without a tag ([`AddFailed`](Event::AddFailed),
    /// [`AlreadyAdded`](Event::AlreadyAdded), [`CommandFailed`](Event::CommandFailed)). The answers to
    /// [tagged](crate::Patron::send_tagged) commands and, of a torrent that still exists, the newest event of
    /// each kind are never dropped.
    Lagged {
        /// How many events were dropped.
        missed: u64,
    },
    /// libtorrent dropped events under load. The client has asked it for the status of every
    /// torrent and has sent the events that follow from the answer.
    Resynchronized,
    /// The last event: the client has stopped.
    ClientStopped {
        /// The reason, if it was not [`Client::shutdown`](crate::Client::shutdown).
        error: Option<Error>,
    },
    /// The answer to a message with this tag, sent by [`Patron::send_tagged`](crate::Patron::send_tagged), or
    /// to a reply passed to [`Patron::notify`](crate::Patron::notify). It is delivered whatever the
    /// subscription.
    Reply {
        /// The tag that the program chose.
        tag: u64,
        /// The torrent that the message was about, or that it added.
        id: Option<TorrentId>,
        /// Why the message failed.
        error: Option<Error>,
    },
    /// The client is restoring the torrents of its [store](crate::store). They belong to no patron:
    /// [watch](crate::Patron::watch_all) or [adopt](crate::Patron::adopt) them. This event is sent a few
    /// times per second until [`Restored`](Event::Restored).
    Restoring {
        /// The number of torrents that were restored or have failed.
        done: u64,
        /// The number of torrents in the store.
        total: u64,
    },
    /// All torrents of the store have been restored. Torrents that patrons added in the meantime are added
    /// now.
    Restored {
        /// The number of torrents that were restored.
        torrents: u64,
        /// The number of torrents that failed, each with a [`RestoreFailed`](Event::RestoreFailed).
        failed: u64,
        /// How long it took; serialized as seconds.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::seconds::serialize")
        )]
        took: Duration,
    },
    /// A torrent of the store could not be restored. It stays in the store and is retried at the next start.
    /// If it is added again, the new torrent replaces it. Patrons that are created later receive at most the
    /// latest 256 of these events; [`Restored`](Event::Restored) has the number.
    RestoreFailed {
        /// Its name.
        name: Arc<str>,
        /// Its info hashes, if they can be read.
        info_hashes: InfoHashes,
        /// Why it could not be restored.
        error: Error,
    },
    /// The store cannot be written or read, for example because the disk is full. The client continues. Calls
    /// that are answered when their change is durable fail with this error; other changes are saved when the
    /// store works again.
    StoreFailed {
        /// The error.
        error: Error,
    },
    /// The store can be written again, and contains everything that it should.
    StoreRecovered,
    /// libtorrent reports an error of its session, or its events cannot be read: later events and statuses may
    /// be incomplete.
    SessionError {
        /// Why.
        error: Error,
    },
    // The events that follow are delivered only on request; see `EventKinds::ON_REQUEST`.
    /// All pieces of a file have been downloaded and have passed their hash checks; they may not be written
    /// yet. On request.
    FileCompleted {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The file's index.
        file: u32,
    },
    /// A piece has been downloaded and has passed its hash check; it may not be written yet. On request.
    PieceFinished {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The piece's index.
        piece: u32,
    },
    /// The connection to a peer has been established. I2P peers are not reported. On request.
    PeerConnected {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The peer's address.
        address: SocketAddr,
        /// Whether the connection is outgoing rather than incoming.
        outgoing: bool,
    },
    /// The connection to a peer has ended, or could not be established. On request.
    PeerDisconnected {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The peer's address.
        address: SocketAddr,
        /// The reason. That neither side has anything the other wants is also a reason.
        error: Error,
    },
    /// A tracker or the DHT has answered an announce. On request.
    TrackerReply {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// The number of peers in the answer.
        peers: u32,
    },
    /// A tracker has answered a scrape. On request.
    Scraped {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// The number of peers that have everything, if the tracker reported it.
        seeds: Option<u32>,
        /// The number of peers that do not, if the tracker reported it.
        leechers: Option<u32>,
    },
    /// A scrape failed. On request.
    ScrapeFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// Why it failed.
        error: Error,
    },
    /// A setting or a resource limits the client's speed. On request.
    PerformanceWarning {
        /// The torrent; `None` if it concerns the whole client.
        id: Option<TorrentId>,
        /// Its name.
        name: Option<Arc<str>>,
        /// The limiting factor.
        limit: PerformanceLimit,
    },
    /// The counters of libtorrent and of the read path, once per tick. On request.
    Statistics(Box<Statistics>),
    /// The data that a later client needs to continue the torrent. On request; see
    /// [`ClientBuilder::resume_data_interval`](crate::ClientBuilder::resume_data_interval).
    ResumeData {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Its info hashes, because an id is not valid in a later run.
        info_hashes: InfoHashes,
        /// The same data that [`Patron::resume_data`](crate::Patron::resume_data) returns.
        #[cfg_attr(feature = "serde", serde(skip))]
        data: Arc<[u8]>,
    },
}

/// The protocol used to ask a router to forward a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PortMapper {
    /// NAT-PMP (RFC 6886) or PCP (RFC 6887).
    NatPmp,
    /// UPnP's Internet Gateway Device.
    Upnp,
}

impl std::fmt::Display for PortMapper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NatPmp => "NAT-PMP",
            Self::Upnp => "UPnP",
        })
    }
}

/// A limit on the client's speed (`lt::performance_alert`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PerformanceLimit {
    /// The disk cannot keep up with the downloaded data, so peers have to wait (`max_queued_disk_bytes`).
    DiskQueueFull,
    /// A peer could be sent more requests than allowed (`max_out_request_queue`).
    RequestQueueFull,
    /// The upload limit leaves too little bandwidth for the requests of downloads.
    UploadLimitTooLow,
    /// The download limit leaves too little bandwidth for the protocol messages of uploads.
    DownloadLimitTooLow,
    /// A peer receives data faster than it is read from disk (`send_buffer_watermark`).
    SendBufferTooSmall,
    /// At least half of the upload slots are optimistic (`num_optimistic_unchoke_slots`).
    TooManyOptimisticSlots,
    /// Blocks that wait to be written take up half of the cache.
    DiskQueueTooLarge,
    /// The system allows no more disk operations at once.
    DiskOperations,
    /// There are too few ports for outgoing connections (`outgoing_ports`).
    TooFewOutgoingPorts,
    /// There are too few descriptors for files and connections.
    TooFewDescriptors,
    /// A limit that this crate does not know.
    Other,
}

impl std::fmt::Display for PerformanceLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiskQueueFull => {
                "the disk cannot keep up with the download (max_queued_disk_bytes)"
            }
            Self::RequestQueueFull => {
                "more requests could be sent to a peer than are allowed (max_out_request_queue)"
            }
            Self::UploadLimitTooLow => "the upload limit slows downloads down",
            Self::DownloadLimitTooLow => "the download limit slows uploads down",
            Self::SendBufferTooSmall => "peers wait for data from the disk (send_buffer_watermark)",
            Self::TooManyOptimisticSlots => {
                "half of the upload slots are optimistic (num_optimistic_unchoke_slots)"
            }
            Self::DiskQueueTooLarge => "data waiting to be written takes up half of the cache",
            Self::DiskOperations => "the system accepts no more disk operations at once",
            Self::TooFewOutgoingPorts => {
                "there are too few ports for outgoing connections (outgoing_ports)"
            }
            Self::TooFewDescriptors => "there are too few descriptors",
            Self::Other => "something limits the performance",
        })
    }
}

/// What happened to the files of a removed torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RemovedFiles {
    /// They were kept.
    Kept,
    /// They were deleted.
    Deleted,
    /// They should have been deleted, but some or all were not.
    NotDeleted(Error),
}

/// How a mailbox keeps an unread event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Keeps the newest of its kind per torrent (or per client), at the position of the event that it
    /// replaces.
    NewestInPlace(Option<TorrentId>),
    /// Keeps the newest of its kind per torrent, at the end of the queue.
    NewestLast(TorrentId),
    /// The last event of its torrent. From then on, that torrent's events count against the bound.
    Final(TorrentId),
    /// Counts against the bound.
    Bounded,
    /// Counts against a separate bound, so that frequent events do not displace others.
    Expendable,
    /// Kept until it is read: commands that are answered by it are refused beyond a bound.
    Always,
}

/// One row per kind: its torrent, and how a mailbox keeps it while it is unread.
macro_rules! event_kinds {
    ($($kind:ident: $about:ident, $keep:ident;)*) => {
        /// The kind of an [`Event`]: one for each variant.
        ///
        /// With the feature `serde`, it is written as the value of an event's `event` field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "snake_case")
        )]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = concat!("[`Event::", stringify!($kind), "`].")] $kind,)*
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Returns the variant's name: `TorrentAdded`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                }
            }
        }

        impl Event {
            /// Returns the kind of this event.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }

            /// Returns the torrent that the event is about, if any.
            pub fn torrent(&self) -> Option<TorrentId> {
                match self {
                    $(event @ Self::$kind { .. } => about!($about $kind, event).map(|(id, _)| id),)*
                }
            }

            /// Returns the name of that torrent, if known.
            pub fn name(&self) -> Option<&Arc<str>> {
                match self {
                    $(event @ Self::$kind { .. } => {
                        about!($about $kind, event).and_then(|(_, name)| name)
                    })*
                }
            }

            /// Sets the name, for events that were created where it is not known.
            pub(crate) fn set_name(&mut self, to: Arc<str>) {
                match self {
                    $(event @ Self::$kind { .. } => set_name!($about $kind, event, to),)*
                }
            }

            pub(crate) fn keep(&self) -> Keep {
                match self {
                    $(Self::$kind { .. } => keep!($keep self.torrent()),)*
                }
            }
        }
    };
}

/// The id and the name of an event.
macro_rules! about {
    (torrent $kind:ident, $event:ident) => {
        if let Event::$kind { id, name, .. } = $event { Some((*id, Some(name))) } else { None }
    };
    (status $kind:ident, $event:ident) => {
        if let Event::$kind(status) = $event { Some((status.id, Some(&status.name))) } else { None }
    };
    (unnamed $kind:ident, $event:ident) => {
        if let Event::$kind { id, .. } = $event { Some((*id, None::<&Arc<str>>)) } else { None }
    };
    (maybe $kind:ident, $event:ident) => {
        if let Event::$kind { id: Some(id), name, .. } = $event {
            Some((*id, name.as_ref()))
        } else {
            None
        }
    };
    (perhaps $kind:ident, $event:ident) => {
        if let Event::$kind { id, .. } = $event {
            id.map(|id| (id, None::<&Arc<str>>))
        } else {
            None
        }
    };
    (client $kind:ident, $event:ident) => {{
        let _ = $event;
        None::<(TorrentId, Option<&Arc<str>>)>
    }};
}

macro_rules! set_name {
    (torrent $kind:ident, $event:ident, $to:ident) => {
        if let Event::$kind { name, .. } = $event {
            *name = $to;
        }
    };
    (maybe $kind:ident, $event:ident, $to:ident) => {
        if let Event::$kind { name, .. } = $event {
            *name = Some($to);
        }
    };
    ($about:ident $kind:ident, $event:ident, $to:ident) => {{
        let _ = ($event, $to);
    }};
}

macro_rules! keep {
    (newest_in_place $torrent:expr) => {
        Keep::NewestInPlace($torrent)
    };
    (newest $torrent:expr) => {
        $torrent.map_or(Keep::Bounded, Keep::NewestLast)
    };
    (last $torrent:expr) => {
        $torrent.map_or(Keep::Bounded, Keep::Final)
    };
    (bounded $torrent:expr) => {
        Keep::Bounded
    };
    (expendable $torrent:expr) => {
        Keep::Expendable
    };
    (always $torrent:expr) => {
        Keep::Always
    };
}

event_kinds! {
    TorrentAdded: torrent, newest;
    AlreadyAdded: torrent, bounded;
    AddFailed: client, bounded;
    Status: status, newest_in_place;
    MetadataReceived: torrent, newest;
    StateChanged: torrent, newest;
    Paused: torrent, newest;
    Resumed: torrent, newest;
    Checked: torrent, newest;
    Finished: torrent, newest;
    Moved: torrent, newest;
    FileRenamed: torrent, newest;
    GoalReached: torrent, newest;
    HashFailed: torrent, newest;
    PeerBanned: torrent, expendable;
    TrackerError: torrent, newest;
    TrackerWarning: torrent, newest;
    WebSeedFailed: torrent, expendable;
    Error: torrent, newest;
    Metainfo: torrent, newest;
    TorrentRemoved: torrent, last;
    CommandFailed: unnamed, bounded;
    Listening: client, bounded;
    ListenFailed: client, bounded;
    PortMapped: client, bounded;
    PortMappingFailed: client, bounded;
    ExternalAddress: client, bounded;
    DescriptorLimit: client, bounded;
    Lagged: client, bounded;
    Resynchronized: client, bounded;
    ClientStopped: client, bounded;
    FileCompleted: torrent, expendable;
    PieceFinished: torrent, expendable;
    PeerConnected: torrent, expendable;
    PeerDisconnected: torrent, expendable;
    TrackerReply: torrent, expendable;
    Scraped: torrent, expendable;
    ScrapeFailed: torrent, expendable;
    PerformanceWarning: maybe, expendable;
    Statistics: client, newest_in_place;
    ResumeData: torrent, newest;
    Reply: perhaps, always;
    Restoring: client, newest_in_place;
    Restored: client, bounded;
    RestoreFailed: client, bounded;
    StoreFailed: client, bounded;
    StoreRecovered: client, bounded;
    SessionError: client, newest_in_place;
}

/// The kinds that are delivered only on request.
const ON_REQUEST: [EventKind; 10] = [
    EventKind::FileCompleted,
    EventKind::PieceFinished,
    EventKind::PeerConnected,
    EventKind::PeerDisconnected,
    EventKind::TrackerReply,
    EventKind::Scraped,
    EventKind::ScrapeFailed,
    EventKind::PerformanceWarning,
    EventKind::Statistics,
    EventKind::ResumeData,
];

impl Event {
    /// Returns whether this client event makes an earlier one obsolete.
    pub(crate) fn supersedes(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (
                Self::PortMapped { by, protocol, local, .. },
                Self::PortMapped { by: by_then, protocol: of_then, local: then, .. },
            ) => (by, protocol, local) == (by_then, of_then, then),
            (
                Self::PortMapped { by, local, .. } | Self::PortMappingFailed { by, local, .. },
                Self::PortMappingFailed { by: by_then, local: then, .. },
            ) => (by, local) == (by_then, then),
            (Self::ExternalAddress { address }, Self::ExternalAddress { address: then }) => {
                address.is_ipv4() == then.is_ipv4()
            }
            (Self::StoreFailed { .. }, Self::StoreRecovered)
            | (Self::StoreRecovered, Self::StoreFailed { .. }) => true,
            // Each is about another torrent.
            (Self::RestoreFailed { .. }, _) => false,
            _ => self.kind() == earlier.kind() && self.to_string() == earlier.to_string(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// Returns an event of each kind, in order.
    pub(crate) fn one_of_each() -> Vec<Event> {
        let id = TorrentId::next();
        let name: Arc<str> = "t".into();
        let address: SocketAddr = "127.0.0.1:6881".parse().unwrap();
        let (local, info_hashes) = (address.ip(), InfoHashes::default());
        let error = Error::new(ErrorKind::Native, "test", "no");
        let all: Vec<_> = EventKind::ALL
            .iter()
            .map(|kind| {
                let (name, error) = (name.clone(), error.clone());
                let (url, message) = (Box::<str>::from("http://t/"), "hello".into());
                match kind {
                    EventKind::TorrentAdded => {
                        let (save_dir, complete) = ("d".into(), false);
                        Event::TorrentAdded { id, name, info_hashes, save_dir, complete }
                    }
                    EventKind::AlreadyAdded => Event::AlreadyAdded { id, name },
                    EventKind::AddFailed => Event::AddFailed { source: "s".into(), error },
                    EventKind::Status => Event::Status(TorrentStatus::new(id, name)),
                    EventKind::MetadataReceived => {
                        Event::MetadataReceived { id, name, info_hashes }
                    }
                    EventKind::StateChanged => {
                        Event::StateChanged { id, name, state: TorrentState::Seeding }
                    }
                    EventKind::Paused => Event::Paused { id, name },
                    EventKind::Resumed => Event::Resumed { id, name },
                    EventKind::Checked => Event::Checked { id, name },
                    EventKind::Finished => Event::Finished { id, name },
                    EventKind::Moved => Event::Moved { id, name, save_dir: "d".into() },
                    EventKind::FileRenamed => {
                        Event::FileRenamed { id, name, file: 1, path: "f".into() }
                    }
                    EventKind::GoalReached => {
                        Event::GoalReached { id, name, goal: Goal::ShareRatio }
                    }
                    EventKind::HashFailed => Event::HashFailed { id, name, piece: 1 },
                    EventKind::PeerBanned => Event::PeerBanned { id, name, address },
                    EventKind::TrackerError => {
                        Event::TrackerError { id, name, url, times_in_row: 1, error }
                    }
                    EventKind::TrackerWarning => Event::TrackerWarning { id, name, url, message },
                    EventKind::WebSeedFailed => Event::WebSeedFailed { id, name, url, error },
                    EventKind::Error => Event::Error { id, name, error },
                    EventKind::Metainfo => {
                        Event::Metainfo { id, name, torrent_file: Arc::default() }
                    }
                    EventKind::TorrentRemoved => {
                        Event::TorrentRemoved { id, name, files: RemovedFiles::Kept }
                    }
                    EventKind::CommandFailed => {
                        Event::CommandFailed { command: CommandKind::Pause, id, error }
                    }
                    EventKind::Listening => Event::Listening { address },
                    EventKind::ListenFailed => {
                        Event::ListenFailed { address: "eth0".into(), error }
                    }
                    EventKind::PortMapped => Event::PortMapped {
                        by: PortMapper::Upnp,
                        protocol: PortProtocol::Tcp,
                        external_port: 6881,
                        local,
                    },
                    EventKind::PortMappingFailed => {
                        Event::PortMappingFailed { by: PortMapper::NatPmp, local, error }
                    }
                    EventKind::ExternalAddress => Event::ExternalAddress { address: local },
                    EventKind::DescriptorLimit => {
                        Event::DescriptorLimit { wanted: 2, available: 1 }
                    }
                    EventKind::Lagged => Event::Lagged { missed: 1 },
                    EventKind::Resynchronized => Event::Resynchronized,
                    EventKind::ClientStopped => Event::ClientStopped { error: None },
                    EventKind::FileCompleted => Event::FileCompleted { id, name, file: 1 },
                    EventKind::PieceFinished => Event::PieceFinished { id, name, piece: 1 },
                    EventKind::PeerConnected => {
                        Event::PeerConnected { id, name, address, outgoing: true }
                    }
                    EventKind::PeerDisconnected => {
                        Event::PeerDisconnected { id, name, address, error }
                    }
                    EventKind::TrackerReply => Event::TrackerReply { id, name, url, peers: 1 },
                    EventKind::Scraped => {
                        Event::Scraped { id, name, url, seeds: Some(1), leechers: None }
                    }
                    EventKind::ScrapeFailed => Event::ScrapeFailed { id, name, url, error },
                    EventKind::PerformanceWarning => Event::PerformanceWarning {
                        id: None,
                        name: None,
                        limit: PerformanceLimit::Other,
                    },
                    EventKind::Statistics => Event::Statistics(Box::default()),
                    EventKind::ResumeData => {
                        Event::ResumeData { id, name, info_hashes, data: Arc::default() }
                    }
                    EventKind::Reply => Event::Reply { tag: 7, id: Some(id), error: None },
                    EventKind::Restoring => Event::Restoring { done: 1, total: 2 },
                    EventKind::Restored => {
                        Event::Restored { torrents: 1, failed: 0, took: Duration::from_secs(1) }
                    }
                    EventKind::RestoreFailed => Event::RestoreFailed { name, info_hashes, error },
                    EventKind::StoreFailed => Event::StoreFailed { error },
                    EventKind::StoreRecovered => Event::StoreRecovered,
                    EventKind::SessionError => Event::SessionError { error },
                }
            })
            .collect();
        assert!(all.iter().map(Event::kind).eq(EventKind::ALL.iter().copied()));
        all
    }

    #[test]
    fn every_event_about_a_torrent_names_it() {
        for event in one_of_each() {
            let line = event.to_string();
            assert!(!line.is_empty() && !line.contains('\n'), "{event:?}: {line:?}");
            if let Some(name) = event.name() {
                assert!(event.torrent().is_some() && line.starts_with(&**name), "{line}");
            }
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod json_tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn events_in_json() {
        let id = TorrentId::new(3).unwrap();
        let name: Arc<str> = "debian.iso".into();
        let name = || name.clone();
        let error = || Error::new(ErrorKind::Io, "read the file", "it is gone");
        let info_hashes = InfoHashes::default();
        for (event, json) in [
            (
                Event::TorrentAdded {
                    id,
                    name: name(),
                    info_hashes,
                    save_dir: "here".into(),
                    complete: true,
                },
                r#"{"event":"torrent_added","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null},"save_dir":"here","complete":true}"#,
            ),
            (
                Event::AlreadyAdded { id, name: name() },
                r#"{"event":"already_added","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::AddFailed { source: "debian.torrent".into(), error: error() },
                r#"{"event":"add_failed","source":"debian.torrent","error":ERROR}"#,
            ),
            (
                Event::MetadataReceived { id, name: name(), info_hashes },
                r#"{"event":"metadata_received","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null}}"#,
            ),
            (
                Event::StateChanged { id, name: name(), state: TorrentState::Seeding },
                r#"{"event":"state_changed","id":3,"name":"debian.iso","state":"seeding"}"#,
            ),
            (
                Event::Paused { id, name: name() },
                r#"{"event":"paused","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Resumed { id, name: name() },
                r#"{"event":"resumed","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Checked { id, name: name() },
                r#"{"event":"checked","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Finished { id, name: name() },
                r#"{"event":"finished","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Moved { id, name: name(), save_dir: "here".into() },
                r#"{"event":"moved","id":3,"name":"debian.iso","save_dir":"here"}"#,
            ),
            (
                Event::FileRenamed { id, name: name(), file: 1, path: "here/b".into() },
                r#"{"event":"file_renamed","id":3,"name":"debian.iso","file":1,"path":"here/b"}"#,
            ),
            (
                Event::GoalReached { id, name: name(), goal: Goal::SeedTime },
                r#"{"event":"goal_reached","id":3,"name":"debian.iso","goal":"seed_time"}"#,
            ),
            (
                Event::HashFailed { id, name: name(), piece: 7 },
                r#"{"event":"hash_failed","id":3,"name":"debian.iso","piece":7}"#,
            ),
            (
                Event::TrackerError {
                    id,
                    name: name(),
                    url: "http://127.0.0.1/".into(),
                    times_in_row: 2,
                    error: error(),
                },
                r#"{"event":"tracker_error","id":3,"name":"debian.iso","url":"http://127.0.0.1/","times_in_row":2,"error":ERROR}"#,
            ),
            (
                Event::WebSeedFailed {
                    id,
                    name: name(),
                    url: "http://127.0.0.1/".into(),
                    error: error(),
                },
                r#"{"event":"web_seed_failed","id":3,"name":"debian.iso","url":"http://127.0.0.1/","error":ERROR}"#,
            ),
            (
                Event::Error { id, name: name(), error: error() },
                r#"{"event":"error","id":3,"name":"debian.iso","error":ERROR}"#,
            ),
            (
                Event::Metainfo { id, name: name(), torrent_file: [1, 2].into() },
                r#"{"event":"metainfo","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::ResumeData { id, name: name(), info_hashes, data: [1].into() },
                r#"{"event":"resume_data","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null}}"#,
            ),
            (
                Event::TorrentRemoved { id, name: name(), files: RemovedFiles::Kept },
                r#"{"event":"torrent_removed","id":3,"name":"debian.iso","files":"kept"}"#,
            ),
            (
                Event::TorrentRemoved { id, name: name(), files: RemovedFiles::Deleted },
                r#"{"event":"torrent_removed","id":3,"name":"debian.iso","files":"deleted"}"#,
            ),
            (
                Event::TorrentRemoved {
                    id,
                    name: name(),
                    files: RemovedFiles::NotDeleted(error()),
                },
                r#"{"event":"torrent_removed","id":3,"name":"debian.iso","files":{"not_deleted":ERROR}}"#,
            ),
            (
                Event::CommandFailed { command: CommandKind::Pause, id, error: error() },
                r#"{"event":"command_failed","command":"pause","id":3,"error":ERROR}"#,
            ),
            (
                Event::Listening { address: "127.0.0.1:6881".parse().unwrap() },
                r#"{"event":"listening","address":"127.0.0.1:6881"}"#,
            ),
            (
                Event::ListenFailed { address: "eth0".into(), error: error() },
                r#"{"event":"listen_failed","address":"eth0","error":ERROR}"#,
            ),
            (
                Event::DescriptorLimit { wanted: 300, available: 200 },
                r#"{"event":"descriptor_limit","wanted":300,"available":200}"#,
            ),
            (
                Event::Reply { tag: 7, id: Some(id), error: None },
                r#"{"event":"reply","tag":7,"id":3,"error":null}"#,
            ),
            (Event::Lagged { missed: 5 }, r#"{"event":"lagged","missed":5}"#),
            (Event::Resynchronized, r#"{"event":"resynchronized"}"#),
            (Event::ClientStopped { error: None }, r#"{"event":"client_stopped","error":null}"#),
        ] {
            let failed =
                r#"{"kind":"io","native":null,"message":"cannot read the file: it is gone"}"#;
            assert_eq!(serde_json::to_string(&event).unwrap(), json.replace("ERROR", failed));
        }
        // A status event has the fields of the status.
        let status = TorrentStatus::new(id, name());
        let fields = serde_json::to_string(&status).unwrap();
        assert_eq!(
            serde_json::to_string(&Event::Status(status)).unwrap(),
            fields.replacen('{', r#"{"event":"status","#, 1)
        );
    }
}
