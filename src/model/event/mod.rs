//! The events that a client sends to its patrons.

#[macro_use]
mod rows;
#[cfg(all(test, feature = "serde"))]
mod json;
mod kind;
#[cfg(test)]
pub(crate) mod tests;
mod text;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::kind::AlertFamily;
pub use self::kind::EventKinds;
pub use self::text::Explainer;
use crate::error::Error;
use crate::model::{
    CommandKind, Goal, InfoHashes, PerformanceLimit, PortMapper, PortProtocol, Statistics,
    TorrentId, TorrentState, TorrentStatus,
};

/// An event. `Display` describes it in one line for a user.
///
/// Text from strangers is made [printable](crate::text::printable); paths are as they are on disk.
///
/// Events of a torrent reach the patron that added it and the patrons that watch it; events of the
/// client (`Listening`, `ListenFailed`, `PortMapped`, `PortMappingFailed`, `ExternalAddress`,
/// `DescriptorLimit`, `SessionError`, `Statistics`, `Resynchronized`, `ClientStopped`, and those about the
/// store) reach every patron. A patron receives only the kinds it [subscribes](crate::Patron::subscribe) to.
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
        /// are [trusted](crate::AddOptions::trust). In that case, a later [`Finished`](Event::Finished)
        /// reports nothing new.
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
        /// The tracker's message, [printable](crate::text::printable).
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
    /// An error stopped the torrent. If the disk is full, the torrent continues to seed. Resuming the
    /// torrent retries the operation. Further errors with the same cause are not reported for 30 seconds.
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
    /// A part of the client's own state in the store could not be restored: a setting, the DHT nodes with the IP
    /// filter, or the totals. It stays in the store until the program sets it, for example with
    /// [`apply_settings`](crate::Patron::apply_settings) or [`set_ip_filter`](crate::Patron::set_ip_filter).
    StateRestoreFailed {
        /// Its name in the store: `setting/` and the name of the setting, `network`, or `totals`.
        name: Arc<str>,
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
        /// The reason. This includes connections that ended because neither side needed data from the other.
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
    PeerBanned: torrent, expendable, [Peers];
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
    FileCompleted: torrent, expendable, on_request, [Files];
    PieceFinished: torrent, expendable, on_request, [Pieces];
    PeerConnected: torrent, expendable, on_request, [Connections];
    PeerDisconnected: torrent, expendable, on_request, [Peers, Connections];
    TrackerReply: torrent, expendable, on_request, [Trackers];
    Scraped: torrent, expendable, on_request, [Trackers];
    ScrapeFailed: torrent, expendable, on_request, [Trackers];
    PerformanceWarning: maybe, expendable, on_request, [Performance];
    Statistics: client, newest_in_place, on_request;
    ResumeData: torrent, newest, on_request;
    Reply: perhaps, always;
    Restoring: client, newest_in_place;
    Restored: client, bounded;
    RestoreFailed: client, bounded;
    StoreFailed: client, bounded;
    StoreRecovered: client, bounded;
    SessionError: client, newest_in_place;
    StateRestoreFailed: client, bounded;
}

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
