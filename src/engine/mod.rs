//! What the client thread needs of a BitTorrent engine. Nothing of C++ shows here, so that the
//! client's loop can be tested without it.

pub(crate) mod native;

#[cfg(test)]
pub(crate) mod fake;

use std::any::Any;

use crate::error::Result;
use crate::messages::request::{SessionRequest, TorrentRequest};
use crate::model::{EventKinds, TorrentId};

pub(crate) use crate::model::EngineEvent;

/// A BitTorrent engine. No function waits; what comes of a request arrives by [`Engine::drain`],
/// after the wake channel that the engine was made with has got its token.
pub(crate) trait Engine {
    /// Answered by `Added` or `AddFailed`.
    fn add(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Tries again what failed with `busy`.
    fn retry_add(&mut self, id: TorrentId) -> Result<()>;
    /// Gives up what failed.
    fn forget_add(&mut self, id: TorrentId);
    /// Adds the trackers, web seeds and peers of a second source to a torrent that is there, and its
    /// metadata where the torrent has none. What is private stays as it is (BEP 27).
    fn merge(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Answered by `Removed` and, when files are deleted, by `Deleted` or `DeleteFailed`.
    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()>;
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
