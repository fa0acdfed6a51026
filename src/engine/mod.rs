//! The BitTorrent engine as the client thread sees it. The trait exposes nothing of C++, so the
//! client's loop can be tested without it.

pub(crate) mod native;
pub(crate) mod sharded;

#[cfg(test)]
pub(crate) mod fake;

use std::any::Any;
use std::time::Instant;

use crate::error::Result;
use crate::messages::request::{SessionRequest, TorrentRequest};
use crate::model::{EventKinds, InfoHashes, TorrentId};

pub(crate) use crate::model::EngineEvent;

/// A BitTorrent engine. No function blocks; results arrive through [`Engine::drain`], after the
/// engine has put a token into the wake channel that it was created with.
///
/// It may have several shards, each with some of the torrents. An event comes with the number of its
/// shard; what is about one torrent comes in order.
pub(crate) trait Engine {
    fn shards(&self) -> usize {
        1
    }
    /// The shard that has a torrent.
    fn shard_of(&self, _id: TorrentId) -> usize {
        0
    }
    /// All that serve it.
    fn shards_of(&self, id: TorrentId) -> Vec<usize> {
        vec![self.shard_of(id)]
    }
    /// Answered by `Added` or `AddFailed`.
    fn add(
        &mut self,
        id: TorrentId,
        info_hashes: &InfoHashes,
        params: Box<dyn Any + Send>,
    ) -> Result<()>;
    /// Tries again what failed with `busy`.
    fn retry_add(&mut self, id: TorrentId) -> Result<()>;
    /// Gives up an add that failed.
    fn forget_add(&mut self, id: TorrentId);
    /// Adds the trackers, web seeds and peers of a second source to an existing torrent, and its metadata
    /// if the torrent has none. Does not change private torrents (BEP 27).
    fn merge(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Has so many shards serve the torrent while it is complete.
    fn replicate(&mut self, _id: TorrentId, _shards: usize) {}
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
    /// Answered by each shard, in the order of the requests, by `Statuses` with those that have
    /// changed.
    fn request_statuses(&mut self) -> Result<()>;
    /// Answered by `EveryStatus` of this shard.
    fn request_every_status(&mut self, shard: usize) -> Result<()>;
    /// Answered by `Statistics`.
    fn request_statistics(&mut self) -> Result<()>;
    /// When it has something to do by itself: to be drained then.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// Everything that has happened since the last call, in order.
    fn drain(&mut self) -> Result<Vec<(usize, EngineEvent)>>;
    /// Ends the engine. What remains, the caller may wait for on any thread.
    fn abort(self) -> Result<Box<dyn FnOnce() + Send>>;
}
