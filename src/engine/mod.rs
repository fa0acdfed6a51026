//! The BitTorrent engine that the client thread uses. The trait exposes no C++, so the client's loop can be
//! tested without it.

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
/// An engine may have several shards, each with some of the torrents. An event comes with the number of its
/// shard. Events of one torrent are in order.
pub(crate) trait Engine {
    fn shards(&self) -> usize {
        1
    }
    /// Returns the shard that has a torrent.
    fn shard_of(&self, _id: TorrentId) -> usize {
        0
    }
    /// Returns all shards that serve a torrent.
    fn shards_of(&self, id: TorrentId) -> Vec<usize> {
        vec![self.shard_of(id)]
    }
    /// Adds a torrent. Answered by `Added` or `AddFailed`.
    fn add(
        &mut self,
        id: TorrentId,
        info_hashes: &InfoHashes,
        params: Box<dyn Any + Send>,
    ) -> Result<()>;
    /// Retries an add that failed temporarily.
    fn retry_add(&mut self, id: TorrentId) -> Result<()>;
    /// Forgets a torrent that was not added, or that the engine turned out not to have.
    fn forget(&mut self, id: TorrentId);
    /// Adds the trackers, web seeds and peers of a second source to an existing torrent, and its metadata
    /// if the torrent has none. Does not change private torrents (BEP 27).
    fn merge(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()>;
    /// Lets this many shards serve the torrent while it is complete.
    fn replicate(&mut self, _id: TorrentId, _shards: usize) {}
    /// Removes a torrent. Answered by `Removed` and, if files are deleted, also by `Deleted` or
    /// `DeleteFailed`, which are not lost under load.
    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()>;
    /// Executes a request that only posts ([`Call::Posting`](crate::messages::request::Call)).
    fn post(&mut self, id: TorrentId, asked: TorrentRequest) -> Result<()>;
    /// Makes a request about a torrent. Answered by `Answered` with this number.
    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        asked: TorrentRequest,
    ) -> Result<()>;
    /// Makes a request about the session. Answered by `Answered` with this number.
    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()>;
    /// Sets which of the kinds that are reported only on request are reported from now on.
    fn subscribe(&mut self, kinds: EventKinds) -> Result<()>;
    /// Requests the statuses that have changed. Each shard answers by `Statuses`, in the order of the
    /// requests.
    fn request_statuses(&mut self) -> Result<()>;
    /// Requests all statuses of a shard. Each request is answered by an `EveryStatus`, which has the torrents
    /// that were added before it, and comes before the `Added` of those that were not.
    fn request_every_status(&mut self, shard: usize) -> Result<()>;
    /// Requests the counters. Answered by `Statistics`.
    fn request_statistics(&mut self) -> Result<()>;
    /// Returns when the engine must be drained to do periodic work.
    fn due(&self) -> Option<Instant> {
        None
    }
    /// Returns the events since the last call, in order.
    fn drain(&mut self) -> Result<Vec<(usize, EngineEvent)>>;
    /// Ends the engine. The returned function waits for its end, on any thread.
    fn abort(self) -> Result<Box<dyn FnOnce() + Send>>;
}
