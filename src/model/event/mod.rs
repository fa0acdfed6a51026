//! What a client tells its patrons.

mod kind;
mod text;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

pub use self::kind::EventKinds;
pub use self::text::Explainer;
use crate::error::Error;
use crate::model::{
    CommandKind, Goal, InfoHashes, PortProtocol, Statistics, TorrentId, TorrentState, TorrentStatus,
};

/// Something that happened. `Display` explains it in one line for a person.
///
/// Texts of strangers in it are [printable](crate::printable); paths are as they are on disk.
///
/// Events of a torrent reach the patron that added it and those that watch it; events of the
/// client (`Listening`, `ListenFailed`, `PortMapped`, `PortMappingFailed`, `ExternalAddress`,
/// `DescriptorLimit`, `Statistics`, `Resynchronized`, `ClientStopped`) reach every patron. What a
/// patron does not [want](crate::Patron::subscribe) does not come.
///
/// With the feature `serde`, an event is an object whose `event` is the variant's name in snake
/// case: `{"event":"finished","id":3,"name":"debian.iso"}`. A `Metainfo` is written without its
/// .torrent file.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The torrent is here. It is checked first, and then begins to download or to seed.
    TorrentAdded {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Its info hashes; of a magnet link, those that the link has.
        info_hashes: InfoHashes,
        /// Where its files are, or will be while incomplete.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::lossy_path")
        )]
        save_dir: PathBuf,
        /// All that is wanted of it was here before, as its resume data says or as is
        /// [trusted](crate::AddOptions::trust). A [`Finished`](Event::Finished) that follows tells nothing
        /// new then.
        complete: bool,
    },
    /// The client has this torrent already; it is not added twice. The id may be watched. The trackers,
    /// web seeds and peers of the source are added to it, unless it is private (BEP 27), and its metadata
    /// where the torrent has none.
    AlreadyAdded {
        /// The torrent that is there.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The torrent could not be added.
    AddFailed {
        /// What it was to be added from: a path, a magnet link, a name.
        source: Arc<str>,
        /// Why.
        error: Error,
    },
    /// How the torrent stands: after each tick in which something changed.
    Status(TorrentStatus),
    /// A magnet link's metadata has come from a peer (BEP 9).
    MetadataReceived {
        /// The torrent.
        id: TorrentId,
        /// Its name, known only now.
        name: Arc<str>,
        /// Its info hashes, all of them.
        info_hashes: InfoHashes,
    },
    /// The torrent does something else now.
    StateChanged {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What it does now.
        state: TorrentState,
    },
    /// The torrent has been paused.
    Paused {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The torrent goes on.
    Resumed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The files on disk have been compared with their hashes.
    Checked {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// All wanted pieces are here and good.
    Finished {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The files lie in another directory now: the finished ones in their final place, or where a patron
    /// had them moved.
    Moved {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The directory that holds them.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::lossy_path")
        )]
        save_dir: PathBuf,
    },
    /// A file has another name now.
    FileRenamed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The file's index.
        file: u32,
        /// Where it is below the save directory.
        #[cfg_attr(
            feature = "serde",
            serde(serialize_with = "crate::model::serde_with::lossy_path")
        )]
        path: PathBuf,
    },
    /// A piece did not have the hash that the metainfo gives; it is fetched again.
    HashFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The piece's index.
        piece: u32,
    },
    /// A peer sent so much that failed its hash check that it is not spoken to any more.
    PeerBanned {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Where the peer is.
        address: SocketAddr,
    },
    /// A tracker did not answer, or refused. It is asked again later.
    TrackerError {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// How many times in a row it failed.
        times_in_row: u32,
        /// Why.
        error: Error,
    },
    /// The torrent has given back what was wanted of it; what was chosen for then is done to it.
    GoalReached {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The goal.
        goal: Goal,
    },
    /// A tracker answered, and had something to say besides.
    TrackerWarning {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// What it said, [printable](crate::printable).
        message: Box<str>,
    },
    /// A web seed gives nothing: it cannot be reached, refuses, sends what was not asked for or what is
    /// damaged, or may not be asked. It is tried again later where that makes sense; the same again is
    /// not told before it has given something.
    WebSeedFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The web seed's URL; of several at one server, the server's.
        url: Box<str>,
        /// Why.
        error: Error,
    },
    /// The torrent met an error and stopped, or on a full disk does no more than seed what it can.
    /// Resuming it tries again. What follows from the same error is not told for 30 seconds.
    Error {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What went wrong.
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
    /// The torrent is removed; its id means nothing from now on.
    TorrentRemoved {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What became of its files.
        files: RemovedFiles,
    },
    /// A command sent as a message failed.
    CommandFailed {
        /// Which command.
        command: CommandKind,
        /// The torrent it was for.
        id: TorrentId,
        /// Why.
        error: Error,
    },
    /// The client accepts peers at this address (TCP).
    Listening {
        /// The address, with the port that was really taken.
        address: SocketAddr,
    },
    /// The client cannot accept peers at this address.
    ListenFailed {
        /// The address, or the interface as it was given.
        address: Box<str>,
        /// Why.
        error: Error,
    },
    /// A router lets peers in from outside: it hands on what arrives at a port of its own.
    PortMapped {
        /// How the router was asked.
        by: PortMapper,
        /// What it hands on.
        protocol: PortProtocol,
        /// The router's port.
        external_port: u16,
        /// The address of this machine in the router's network.
        local: IpAddr,
    },
    /// A router was found that would not do so.
    PortMappingFailed {
        /// How the router was asked.
        by: PortMapper,
        /// The address of this machine in the router's network.
        local: IpAddr,
        /// Why.
        error: Error,
    },
    /// Others say that they see this machine at this address.
    ExternalAddress {
        /// The address.
        address: IpAddr,
    },
    /// The settings ask for more open files and connections than the process may have. It goes on
    /// with fewer connections (`connections_limit`), and closes files more often.
    DescriptorLimit {
        /// How many descriptors the settings can need, those of other clients in the process included.
        wanted: u64,
        /// How many the process may have (`RLIMIT_NOFILE`, which the client has raised as far as it
        /// may).
        available: u64,
    },
    /// This patron did not read its events and some were dropped, the oldest first. Of those about a
    /// torrent that is still open none is among them but what is told of single files, pieces, peers,
    /// trackers and web seeds.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// libtorrent lost events under load. The client has asked it how every torrent stands, and has
    /// sent the events that follow from the answer.
    Resynchronized,
    /// The last event: the client has stopped.
    ClientStopped {
        /// Why, if not by [`Client::shutdown`](crate::Client::shutdown).
        error: Option<Error>,
    },
    /// The answer to what carried this tag: a message of [`Patron::send_tagged`](crate::Patron::send_tagged),
    /// or a reply given to [`Patron::notify`](crate::Patron::notify). It comes whatever is wanted.
    Reply {
        /// The program's own number.
        tag: u64,
        /// The torrent that a message was about or has added.
        id: Option<TorrentId>,
        /// Why a message failed.
        error: Option<Error>,
    },
    // What comes only when it is asked for; see `EventKinds::ON_REQUEST`.
    /// All pieces of a file are here and good; they may not be written yet. On request.
    FileCompleted {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The file's index.
        file: u32,
    },
    /// A piece is here and good; it may not be written yet. On request.
    PieceFinished {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The piece's index.
        piece: u32,
    },
    /// The connection to a peer is made. I2P peers are not told of. On request.
    PeerConnected {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Where the peer is.
        address: SocketAddr,
        /// We connected to it, rather than it to us.
        outgoing: bool,
    },
    /// The connection to a peer has ended, or could not be made. On request.
    PeerDisconnected {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Where the peer is.
        address: SocketAddr,
        /// Why. That neither has anything the other wants is a reason too.
        error: Error,
    },
    /// A tracker, or the distributed hash table, has answered. On request.
    TrackerReply {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// How many peers it named.
        peers: u32,
    },
    /// A tracker has said how many there are. On request.
    Scraped {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// Peers that have everything, if it said so.
        seeds: Option<u32>,
        /// Peers that have not, if it said so.
        leechers: Option<u32>,
    },
    /// A tracker did not say how many there are. On request.
    ScrapeFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// Why.
        error: Error,
    },
    /// A setting keeps the client from being as fast as it could be. On request.
    PerformanceWarning {
        /// The torrent; `None` where it is about the client as a whole.
        id: Option<TorrentId>,
        /// Its name.
        name: Option<Arc<str>>,
        /// What is in the way.
        limit: PerformanceLimit,
    },
    /// What libtorrent and the read path have counted, once per tick. On request.
    Statistics(Box<Statistics>),
    /// What a later client needs to start the torrent where it stands now. On request; see
    /// [`ClientBuilder::resume_data_interval`](crate::ClientBuilder::resume_data_interval).
    ResumeData {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Its info hashes: an id means nothing in a later run.
        info_hashes: InfoHashes,
        /// As from [`Patron::resume_data`](crate::Patron::resume_data).
        #[cfg_attr(feature = "serde", serde(skip))]
        data: Arc<[u8]>,
    },
}

/// How a router is asked to let peers in.
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

/// What keeps a client from being as fast as it could be (`lt::performance_alert`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PerformanceLimit {
    /// The disk does not keep up with what arrives: peers wait (`max_queued_disk_bytes`).
    DiskQueueFull,
    /// More could be asked of a peer than may be (`max_out_request_queue`).
    RequestQueueFull,
    /// The upload limit leaves no room for what a download has to send.
    UploadLimitTooLow,
    /// The download limit leaves no room for what an upload has to receive.
    DownloadLimitTooLow,
    /// A peer takes what it is sent faster than more is read (`send_buffer_watermark`).
    SendBufferTooSmall,
    /// Half of the upload slots or more are given out of turn (`num_optimistic_unchoke_slots`).
    TooManyOptimisticSlots,
    /// What waits to be written takes half of the cache.
    DiskQueueTooLarge,
    /// The system takes no more disk operations at once.
    DiskOperations,
    /// There are too few ports for outgoing connections (`outgoing_ports`).
    TooFewOutgoingPorts,
    /// There are too few descriptors for files and connections.
    TooFewDescriptors,
    /// Something that this crate does not know.
    Other,
}

impl std::fmt::Display for PerformanceLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiskQueueFull => {
                "the disk does not keep up with what arrives (max_queued_disk_bytes)"
            }
            Self::RequestQueueFull => {
                "more could be asked of a peer than may be (max_out_request_queue)"
            }
            Self::UploadLimitTooLow => "the upload limit slows downloads down",
            Self::DownloadLimitTooLow => "the download limit slows uploads down",
            Self::SendBufferTooSmall => {
                "peers wait for what is read from the disk (send_buffer_watermark)"
            }
            Self::TooManyOptimisticSlots => {
                "half of the upload slots are given out of turn (num_optimistic_unchoke_slots)"
            }
            Self::DiskQueueTooLarge => "what waits to be written takes half of the cache",
            Self::DiskOperations => "the system takes no more disk operations at once",
            Self::TooFewOutgoingPorts => {
                "there are too few ports to call out from (outgoing_ports)"
            }
            Self::TooFewDescriptors => "there are too few descriptors",
            Self::Other => "something limits the performance",
        })
    }
}

/// What became of the files of a torrent that was removed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RemovedFiles {
    /// They were left where they are.
    Kept,
    /// They were deleted.
    Deleted,
    /// They were to be deleted, and were not, or not all.
    NotDeleted(Error),
}

/// How a mailbox keeps an event that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The newest of its kind per torrent (or of the client), in the place of the one it replaces.
    NewestInPlace(Option<TorrentId>),
    /// The newest of its kind per torrent, behind all that came before it.
    NewestLast(TorrentId),
    /// The last of its torrent, after which that torrent's events count against the bound.
    Final(TorrentId),
    /// Counts against the bound.
    Bounded,
    /// Counts against a bound of its own, so that what there are many of displaces nothing else.
    Expendable,
}

/// One row for each kind: which torrent it is about, and how a mailbox keeps it while it is not read.
macro_rules! event_kinds {
    ($($kind:ident: $about:ident, $keep:ident;)*) => {
        /// What sort of thing happened: one for each variant of [`Event`].
        ///
        /// With the feature `serde` it is the text that an event has as its `event`.
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
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// The variant's name: `TorrentAdded`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                }
            }
        }

        impl Event {
            /// What sort of event it is.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }

            /// The torrent that the event is about, if it is about one.
            pub fn torrent(&self) -> Option<TorrentId> {
                match self {
                    $(event @ Self::$kind { .. } => about!($about $kind, event).map(|(id, _)| id),)*
                }
            }

            /// The name of that torrent.
            pub fn name(&self) -> Option<&Arc<str>> {
                match self {
                    $(event @ Self::$kind { .. } => {
                        about!($about $kind, event).and_then(|(_, name)| name)
                    })*
                }
            }

            /// For events of a torrent that were made where its name was not known.
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

/// The id and the name.
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
    Reply: perhaps, bounded;
}

/// What comes only when it is asked for.
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
    /// Whether this event of the client says all that an earlier one said, and newer.
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
            _ => self.kind() == earlier.kind() && self.to_string() == earlier.to_string(),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::error::ErrorKind;

    /// An event of each kind, in their order.
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
                }
            })
            .collect();
        assert!(all.iter().map(Event::kind).eq(EventKind::ALL.iter().copied()));
        all
    }

    #[test]
    fn every_event_says_something_of_the_torrent_that_it_is_about() {
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
        // A status is an event with the fields of the status.
        let status = TorrentStatus::new(id, name());
        let fields = serde_json::to_string(&status).unwrap();
        assert_eq!(
            serde_json::to_string(&Event::Status(status)).unwrap(),
            fields.replacen('{', r#"{"event":"status","#, 1)
        );
    }
}
