//! Where the peers and the pieces of a torrent come from: trackers, the DHT, web seeds.

use super::Patron;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::Ask;
use crate::model::{TorrentId, Tracker, TrackerStatus};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

/// Trackers and web seeds. Errors of the replies: [`NotFound`](ErrorKind::NotFound),
/// [`Gone`](ErrorKind::Gone); [`InvalidArgument`](ErrorKind::InvalidArgument) for a URL that is none,
/// that the torrent does not have, or that leaves the loopback interface where the client is offline.
impl Patron {
    /// The trackers, how announcing to each goes, and how many peers it knows of.
    pub fn trackers(&self, id: TorrentId) -> Reply<Vec<TrackerStatus>> {
        self.torrent_then(
            id,
            Ask::task("list the trackers", Torrent::tracker_statuses),
            convert::trackers,
        )
    }

    /// Adds a tracker; one that is there already stays as it is.
    pub fn add_tracker(&self, id: TorrentId, url: impl Into<String>, tier: u8) -> Reply<()> {
        let tracker = Tracker { url: url.into(), tier };
        if let Err(error) = check(ADD_TRACKER, &tracker.url, &TRACKERS) {
            return Reply::ready(Err(error));
        }
        let record = convert::tracker_record(&tracker);
        let add = move |torrent: &Torrent| torrent.add_one_tracker(&record);
        self.torrent(id, Ask::task(ADD_TRACKER, add).changes_resume_data())
    }

    /// Removes a tracker.
    pub fn remove_tracker(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        let remove = move |torrent: &Torrent| torrent.remove_tracker(&url);
        self.torrent(id, Ask::task("remove the tracker", remove).changes_resume_data())
    }

    /// Puts these trackers in the place of those that the torrent has.
    pub fn replace_trackers(&self, id: TorrentId, trackers: impl Into<Vec<Tracker>>) -> Reply<()> {
        let trackers = trackers.into();
        let checked = trackers
            .iter()
            .try_for_each(|tracker| check(REPLACE_TRACKERS, &tracker.url, &TRACKERS));
        if let Err(error) = checked {
            return Reply::ready(Err(error));
        }
        let records: Vec<_> = trackers.iter().map(convert::tracker_record).collect();
        let replace = move |torrent: &Torrent| torrent.replace_all_trackers(&records);
        self.torrent(id, Ask::task(REPLACE_TRACKERS, replace).changes_resume_data())
    }

    /// Announces the torrent to its trackers now, whatever interval they asked for. A paused torrent
    /// is not announced.
    pub fn reannounce(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(ANNOUNCE, Torrent::reannounce))
    }

    /// Asks all trackers how many seeds and leechers they know of (BEP 48). What they answer is in
    /// [`trackers`](Patron::trackers).
    pub fn scrape(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("scrape the trackers", Torrent::scrape))
    }

    /// Announces the torrent to the distributed hash table now (BEP 5).
    pub fn announce_to_dht(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(ANNOUNCE, Torrent::force_dht_announce))
    }

    /// Announces the torrent on the local network now (BEP 14).
    pub fn announce_locally(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(ANNOUNCE, Torrent::force_lsd_announce))
    }

    /// The web seeds, by URL (BEP 19).
    pub fn web_seeds(&self, id: TorrentId) -> Reply<Vec<String>> {
        self.torrent(id, Ask::task("list the web seeds", Torrent::web_seeds))
    }

    /// Adds a web seed (BEP 19). That of a torrent with more than one file ends in `/`.
    pub fn add_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        if let Err(error) = check(ADD_WEB_SEED, &url, &["http", "https"]) {
            return Reply::ready(Err(error));
        }
        let add = move |torrent: &Torrent| torrent.add_web_seed(&url);
        self.torrent(id, Ask::task(ADD_WEB_SEED, add).changes_resume_data())
    }

    /// Removes a web seed.
    pub fn remove_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        let remove = move |torrent: &Torrent| torrent.remove_web_seed(&url);
        self.torrent(id, Ask::task("remove the web seed", remove).changes_resume_data())
    }
}

const ADD_TRACKER: &str = "add the tracker";
const REPLACE_TRACKERS: &str = "replace the trackers";
const ADD_WEB_SEED: &str = "add the web seed";
const ANNOUNCE: &str = "announce the torrent";

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
