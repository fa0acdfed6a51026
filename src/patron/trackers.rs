//! Where the peers and the pieces of a torrent come from: trackers, the DHT, web seeds.

use super::Patron;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::TorrentRequest;
use crate::model::{TorrentId, Tracker, TrackerStatus};
use crate::reply::Reply;

/// Trackers and web seeds. Errors of the replies: [`NotFound`](ErrorKind::NotFound),
/// [`Gone`](ErrorKind::Gone); [`InvalidArgument`](ErrorKind::InvalidArgument) for a URL that is none,
/// that the torrent does not have, or that leaves the loopback interface where the client is offline.
impl Patron {
    /// The trackers, how announcing to each goes, and how many peers it knows of.
    pub fn trackers(&self, id: TorrentId) -> Reply<Vec<TrackerStatus>> {
        self.of_torrent(id, TorrentRequest::Trackers)
    }

    /// Adds a tracker; one that is there already stays as it is.
    pub fn add_tracker(&self, id: TorrentId, url: impl Into<String>, tier: u8) -> Reply<()> {
        let tracker = Tracker { url: url.into(), tier };
        match check(ADD_TRACKER, &tracker.url, &TRACKERS) {
            Ok(()) => self.of_torrent(id, TorrentRequest::AddTracker(tracker)),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Removes a tracker.
    pub fn remove_tracker(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::RemoveTracker(url.into()))
    }

    /// Puts these trackers in the place of those that the torrent has.
    pub fn replace_trackers(&self, id: TorrentId, trackers: impl Into<Vec<Tracker>>) -> Reply<()> {
        let trackers = trackers.into();
        let checked = trackers
            .iter()
            .try_for_each(|tracker| check("replace the trackers", &tracker.url, &TRACKERS));
        match checked {
            Ok(()) => self.of_torrent(id, TorrentRequest::ReplaceTrackers(trackers)),
            Err(error) => Reply::ready(Err(error)),
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

    /// Adds a web seed (BEP 19). That of a torrent with more than one file ends in `/`.
    pub fn add_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        match check("add the web seed", &url, &["http", "https"]) {
            Ok(()) => self.of_torrent(id, TorrentRequest::AddWebSeed(url)),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Removes a web seed.
    pub fn remove_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::RemoveWebSeed(url.into()))
    }
}

const ADD_TRACKER: &str = "add the tracker";

/// What libtorrent announces by. WebTorrent trackers need a libtorrent with WebRTC.
const TRACKERS: [&str; 5] = ["http", "https", "udp", "ws", "wss"];

/// libtorrent finds out about a URL that is none when it is used.
fn check(op: &'static str, url: &str, schemes: &[&str]) -> Result<()> {
    let host = url.split_once("://").and_then(|(scheme, rest)| {
        let known = schemes.iter().any(|known| scheme.eq_ignore_ascii_case(known));
        known.then_some(rest)
    });
    if host.is_some_and(|host| !host.is_empty()) && !url.contains(char::is_whitespace) {
        return Ok(());
    }
    let message = format!("{url:?}: expected a URL that begins with {}://", schemes.join("://, "));
    Err(Error::new(ErrorKind::InvalidArgument, op, message))
}
