//! Where the peers and the pieces of a torrent come from: trackers, the DHT, web seeds.

use super::Patron;
use crate::error::{Error, ErrorKind};
use crate::metainfo::Tracker;
use crate::reply::Reply;
use crate::request::TorrentRequest;
use crate::tracker::TrackerStatus;
use crate::types::TorrentId;
use crate::url;

/// Trackers and web seeds. Errors of the replies: [`NotFound`](ErrorKind::NotFound),
/// [`Gone`](ErrorKind::Gone); [`InvalidArgument`](ErrorKind::InvalidArgument) for an invalid URL, one
/// that the torrent does not have, or that leaves the loopback interface where the client is offline.
///
/// Trackers have a URL of `http`, `https`, `udp`, `ws` or `wss`, web seeds of `http` or `https`, of at
/// most 2048 bytes. It is kept in its normal form: without white space at the ends, scheme and host in
/// lower case, user and password decoded. One with a blank or a control character in it is invalid.
impl Patron {
    /// The trackers, how announcing to each goes, and how many peers it knows of.
    pub fn trackers(&self, id: TorrentId) -> Reply<Vec<TrackerStatus>> {
        self.of_torrent(id, TorrentRequest::Trackers)
    }

    /// Adds a tracker; one that is there already stays as it is.
    pub fn add_tracker(&self, id: TorrentId, url: impl Into<String>, tier: u8) -> Reply<()> {
        match url::tracker(&url.into()) {
            Ok(url) => self.of_torrent(id, TorrentRequest::AddTracker(Tracker { url, tier })),
            Err(why) => invalid(ADD_TRACKER, why),
        }
    }

    /// Removes a tracker.
    pub fn remove_tracker(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        let url = url::tracker(&url).unwrap_or(url);
        self.of_torrent(id, TorrentRequest::RemoveTracker(url))
    }

    /// Puts these trackers in the place of those that the torrent has.
    pub fn replace_trackers(&self, id: TorrentId, trackers: impl Into<Vec<Tracker>>) -> Reply<()> {
        let normal =
            |Tracker { url, tier }: Tracker| url::tracker(&url).map(|url| Tracker { url, tier });
        match trackers.into().into_iter().map(normal).collect() {
            Ok(trackers) => self.of_torrent(id, TorrentRequest::ReplaceTrackers(trackers)),
            Err(why) => invalid("replace the trackers", why),
        }
    }

    /// Announces the torrent to its trackers now, whatever interval they asked for. A paused torrent
    /// is not announced.
    pub fn reannounce(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::Reannounce)
    }

    /// Asks all trackers how many seeds and leechers they know of (BEP 48). What they answer is in
    /// [`trackers`](Patron::trackers).
    pub fn scrape(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::Scrape)
    }

    /// Announces the torrent to the distributed hash table now (BEP 5).
    pub fn announce_to_dht(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::AnnounceToDht)
    }

    /// Announces the torrent on the local network now (BEP 14).
    pub fn announce_locally(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::AnnounceLocally)
    }

    /// The web seeds, by URL (BEP 19).
    pub fn web_seeds(&self, id: TorrentId) -> Reply<Vec<String>> {
        self.of_torrent(id, TorrentRequest::WebSeeds)
    }

    /// Adds a web seed (BEP 19): the URL of the file, or of the directory that has the torrent's file or
    /// directory. Of a directory with one file, [`web_seeds`](Patron::web_seeds) has the URL of that file.
    /// That it gives nothing is told by [`Event::WebSeedFailed`](crate::Event::WebSeedFailed).
    pub fn add_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        match url::web_seed(&url.into()) {
            Ok(url) => self.of_torrent(id, TorrentRequest::AddWebSeed(url)),
            Err(why) => invalid("add the web seed", why),
        }
    }

    /// Removes a web seed.
    pub fn remove_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        let url = url::web_seed(&url).unwrap_or(url);
        self.of_torrent(id, TorrentRequest::RemoveWebSeed(url))
    }
}

const ADD_TRACKER: &str = "add the tracker";

fn invalid(op: &'static str, why: String) -> Reply<()> {
    Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, op, why)))
}
