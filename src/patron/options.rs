//! How a torrent is set up.

use super::Patron;
use crate::reply::Reply;
use crate::request::TorrentRequest;
use crate::torrent::{QueueMove, TorrentFlag, TorrentOptions};
use crate::types::TorrentId;

/// Switches and limits. Rates are bytes per second. Limits of rates do not apply to peers on the local
/// network unless the client's peer classes say so. Errors of the replies:
/// [`NotFound`](crate::ErrorKind::NotFound), [`Gone`](crate::ErrorKind::Gone).
impl Patron {
    /// How the torrent is set up at present.
    pub fn options(&self, id: TorrentId) -> Reply<TorrentOptions> {
        self.of_torrent(id, TorrentRequest::Options)
    }

    /// Switches a flag on or off.
    pub fn set_flag(&self, id: TorrentId, flag: TorrentFlag, on: bool) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::Flag(flag, on))
    }

    /// How fast the torrent may receive; `None`: as the client may.
    pub fn set_download_limit(&self, id: TorrentId, rate: Option<u32>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::DownloadLimit(rate))
    }

    /// How fast the torrent may send; `None`: as the client may.
    pub fn set_upload_limit(&self, id: TorrentId, rate: Option<u32>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::UploadLimit(rate))
    }

    /// How many peers the torrent may be connected to, at least 2; `None`: as many as the client.
    pub fn set_connections_limit(&self, id: TorrentId, count: Option<u32>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::ConnectionsLimit(count.map(|count| count.max(2))))
    }

    /// How many peers the torrent may serve at once; `None`: as many as the client.
    pub fn set_upload_slots(&self, id: TorrentId, count: Option<u32>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::UploadSlots(count))
    }

    /// Moves the torrent in the queue of those that are not complete. The queue says which of the
    /// torrents with [`TorrentFlag::AutoManaged`] run.
    pub fn move_in_queue(&self, id: TorrentId, to: QueueMove) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::Queue(to))
    }
}
