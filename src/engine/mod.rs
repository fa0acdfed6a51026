//! The BitTorrent engine as the client thread sees it. The trait exposes nothing of C++, so the
//! client's loop can be tested without it.

pub(crate) mod native;

#[cfg(test)]
pub(crate) mod fake;

use std::any::Any;

use crate::error::Result;
use crate::messages::request::{SessionRequest, TorrentRequest};
use crate::model::{EventKinds, TorrentId};

pub(crate) use crate::model::EngineEvent;

/// A BitTorrent engine. No function blocks; results arrive through [`Engine::drain`], after the
/// engine has put a token into the wake channel that it was created with.
pub(crate) trait Engine {
    /// Answered by `Added` or `AddFailed`.
    fn add(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Tries again what failed with `busy`.
    fn retry_add(&mut self, id: TorrentId) -> Result<()>;
    /// Gives up an add that failed.
    fn forget_add(&mut self, id: TorrentId);
    /// Adds the trackers, web seeds and peers of a second source to an existing torrent, and its metadata
    /// if the torrent has none. Does not change private torrents (BEP 27).
    fn merge(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Answered by `Removed` and, if files are deleted, also by `Deleted` or `DeleteFailed`.
    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()>;
    /// Executes a request that only posts ([`Call::Posting`](crate::messages::request::Call)).
    fn post(&mut self, id: TorrentId, asked: TorrentRequest) -> Result<()>;
    /// Answered by `Answered` with this number.
    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        asked: TorrentRequest,
    ) -> Result<()>;
    /// The same, for a request about the session.
    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()>;
    /// From now on reports these kinds, of those that it reports only on request.
    fn subscribe(&mut self, kinds: EventKinds) -> Result<()>;
    /// Answered, in the order of the requests, by `Statuses` with the torrents that have changed.
    fn request_statuses(&mut self) -> Result<()>;
    /// Answered by `EveryStatus`.
    fn request_every_status(&mut self) -> Result<()>;
    /// Answered by `Statistics`.
    fn request_statistics(&mut self) -> Result<()>;
    /// Everything that has happened since the last call, in order.
    fn drain(&mut self) -> Result<Vec<EngineEvent>>;
    /// Ends the engine. The returned function waits for the rest and can be called on any thread.
    fn abort(self) -> Result<Box<dyn FnOnce() + Send>>;
}
