//! The peers of a torrent.

use std::net::SocketAddr;

use super::Patron;
use crate::messages::request::Ask;
use crate::model::{Peer, TorrentId};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

/// Peers. The replies fail with [`NotFound`](crate::error::ErrorKind::NotFound) or
/// [`Gone`](crate::error::ErrorKind::Gone).
impl Patron {
    /// Returns the peers that the torrent is connected to or connecting to.
    pub fn peers(&self, id: TorrentId) -> Reply<Vec<Peer>> {
        let list = Ask::task("list the peers", Torrent::peers)
            .merged(|by_shard| by_shard.into_iter().flatten().collect());
        self.torrent_then(id, list, |records| records.into_iter().map(convert::peer).collect())
    }

    /// Adds a peer, which the torrent connects to when it needs one.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) if the client is offline and
    /// the peer is not on the loopback interface.
    pub fn connect_peer(&self, id: TorrentId, peer: SocketAddr) -> Reply<()> {
        let connect = move |torrent: &Torrent| torrent.connect(&peer.ip().to_string(), peer.port());
        self.torrent(id, Ask::task("connect to the peer", connect))
    }

    /// Forgets all peers of the torrent, and closes its connections.
    pub fn clear_peers(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("forget the peers", Torrent::forget_peers).of_every_copy())
    }
}
