//! What the client thread needs of a BitTorrent engine. Nothing of C++ shows here, so that the
//! client's loop can be tested without it.

pub(crate) mod native;

#[cfg(test)]
pub(crate) mod fake;

use std::any::Any;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::event::{EventKinds, PerformanceLimit, PortMapper};
use crate::port::PortProtocol;
use crate::request::{Answer, SessionRequest, TorrentRequest};
use crate::status::{TorrentState, TorrentStatus};
use crate::types::{InfoHashes, TorrentId};

/// A BitTorrent engine. No function waits; what comes of a request arrives by [`Engine::drain`],
/// after the wake channel that the engine was made with has got its token.
pub(crate) trait Engine {
    /// Answered by `Added` or `AddFailed`.
    fn add(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Tries again what failed with `busy`.
    fn retry_add(&mut self, id: TorrentId) -> Result<()>;
    /// Gives up what failed.
    fn forget_add(&mut self, id: TorrentId);
    /// Answered by `Removed` and, when files are deleted, by `Deleted` or `DeleteFailed`.
    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()>;
    fn pause(&mut self, id: TorrentId) -> Result<()>;
    fn resume(&mut self, id: TorrentId) -> Result<()>;
    /// Answered by `Answered` with this number.
    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        asked: TorrentRequest,
    ) -> Result<()>;
    /// Likewise.
    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()>;
    /// Of what it tells only on request, it tells these kinds from now on.
    fn subscribe(&mut self, kinds: EventKinds) -> Result<()>;
    /// Answered, in the order of the requests, by `Statuses` with those that have changed.
    fn request_statuses(&mut self) -> Result<()>;
    /// Answered by `EveryStatus`.
    fn request_every_status(&mut self) -> Result<()>;
    /// Answered by `Statistics`.
    fn request_statistics(&mut self) -> Result<()>;
    /// All that has happened since the last call, in order.
    fn drain(&mut self) -> Result<Vec<EngineEvent>>;
    /// Ends the engine. What remains, the caller may wait for on any thread.
    fn abort(self) -> Result<Box<dyn FnOnce() + Send>>;
}

/// What an engine has to say. Torrents are named by the id that they were added with.
#[derive(Debug)]
pub(crate) enum EngineEvent {
    Added {
        id: TorrentId,
        name: String,
        info_hashes: InfoHashes,
    },
    AddFailed {
        id: TorrentId,
        error: Error,
        busy: bool,
    },
    Removed(TorrentId),
    Deleted(TorrentId),
    DeleteFailed {
        id: TorrentId,
        error: Error,
    },
    StateChanged {
        id: TorrentId,
        state: TorrentState,
    },
    Paused(TorrentId),
    Resumed(TorrentId),
    Checked(TorrentId),
    Finished(TorrentId),
    MetadataReceived {
        id: TorrentId,
        name: String,
        info_hashes: InfoHashes,
    },
    Moved {
        id: TorrentId,
        to: PathBuf,
    },
    MoveFailed {
        id: TorrentId,
        error: Error,
    },
    FileRenamed {
        id: TorrentId,
        file: u32,
        to: PathBuf,
    },
    Failed {
        id: TorrentId,
        error: Error,
    },
    HashFailed {
        id: TorrentId,
        piece: u32,
    },
    TrackerFailed {
        id: TorrentId,
        url: String,
        times_in_row: u32,
        error: Error,
    },
    PeerBanned {
        id: TorrentId,
        address: SocketAddr,
    },
    TrackerWarning {
        id: TorrentId,
        url: String,
        message: String,
    },
    WebSeedFailed {
        id: TorrentId,
        url: String,
        error: Error,
    },
    FileCompleted {
        id: TorrentId,
        file: u32,
    },
    PieceFinished {
        id: TorrentId,
        piece: u32,
    },
    PeerConnected {
        id: TorrentId,
        address: SocketAddr,
        outgoing: bool,
    },
    PeerDisconnected {
        id: TorrentId,
        address: SocketAddr,
        error: Error,
    },
    TrackerReply {
        id: TorrentId,
        url: String,
        peers: u32,
    },
    Scraped {
        id: TorrentId,
        url: String,
        seeds: Option<u32>,
        leechers: Option<u32>,
    },
    ScrapeFailed {
        id: TorrentId,
        url: String,
        error: Error,
    },
    PerformanceWarning {
        id: Option<TorrentId>,
        limit: PerformanceLimit,
    },
    PortMapped {
        by: PortMapper,
        protocol: PortProtocol,
        external_port: u16,
        local: IpAddr,
    },
    PortMappingFailed {
        by: PortMapper,
        local: IpAddr,
        error: Error,
    },
    ExternalAddress(IpAddr),
    Listening(SocketAddr),
    ListenFailed {
        address: String,
        error: Error,
    },
    /// The engine as a whole is in trouble.
    EngineFailed(Error),
    /// Without names and info hashes: the client knows them.
    Statuses(Vec<TorrentStatus>),
    EveryStatus(Vec<TorrentStatus>),
    /// Its error does not say what was tried.
    Answered {
        request: u64,
        answer: Result<Answer>,
    },
    /// The engine's counters, in an order of its own.
    Statistics(Vec<i64>),
    /// Events were lost.
    Dropped,
}
