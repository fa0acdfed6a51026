//! The peers of a torrent.

use std::net::SocketAddr;

use super::Patron;
use crate::messages::request::TorrentRequest;
use crate::model::{Peer, TorrentId};
use crate::reply::Reply;

/// Peers. Errors of the replies: [`NotFound`](crate::ErrorKind::NotFound),
/// [`Gone`](crate::ErrorKind::Gone).
impl Patron {
    /// The peers that the torrent is connected or connecting to.
    pub fn peers(&self, id: TorrentId) -> Reply<Vec<Peer>> {
        self.of_torrent(id, TorrentRequest::Peers)
    }

    /// Tells the torrent of a peer, which it calls when it wants one.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::ErrorKind::InvalidArgument) where the client is offline and the
    /// peer is not on the loopback interface.
    pub fn connect_peer(&self, id: TorrentId, peer: SocketAddr) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::ConnectPeer(peer))
    }

    /// Forgets all peers that the torrent knows of, and ends its connections.
    pub fn clear_peers(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::ClearPeers)
    }
}
