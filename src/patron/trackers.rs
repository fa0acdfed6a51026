//! The trackers and web seeds of a torrent, and its announces to trackers, the DHT and the local network.

use super::Patron;
use crate::error::{Error, ErrorKind};
use crate::messages::request::Ask;
use crate::model::{TorrentId, Tracker, TrackerStatus, url};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

/// Trackers and web seeds. The replies fail with [`NotFound`](ErrorKind::NotFound) or
/// [`Gone`](ErrorKind::Gone), and with [`InvalidArgument`](ErrorKind::InvalidArgument) for an invalid URL,
/// for a URL that the torrent does not have, and, if the client is offline, for a URL that is not on the
/// loopback interface.
///
/// The URL of a tracker has the scheme `http`, `https`, `udp`, `ws` or `wss`; that of a web seed, `http` or
/// `https`. It has at most 2048 bytes. It is stored in its normal form: without white space at the ends, with
/// scheme and host in lower case, and with user and password decoded. A URL that contains a space or a
/// control character is invalid.
impl Patron {
    /// Returns the trackers, the state of the announces to each, and how many peers each reports.
    pub fn trackers(&self, id: TorrentId) -> Reply<Vec<TrackerStatus>> {
        self.torrent_then(
            id,
            Ask::task("list the trackers", Torrent::tracker_statuses),
            convert::trackers,
        )
    }

    /// Adds a tracker. A tracker that the torrent already has stays as it is.
    pub fn add_tracker(&self, id: TorrentId, url: impl Into<String>, tier: u8) -> Reply<()> {
        let url = match url::tracker(&url.into()) {
            Ok(url) => url,
            Err(why) => return invalid(ADD_TRACKER, why),
        };
        let record = convert::tracker_record(&Tracker { url, tier });
        let add = move |torrent: &Torrent| torrent.add_one_tracker(&record);
        self.torrent(id, Ask::task(ADD_TRACKER, add).changes_resume_data())
    }

    /// Removes a tracker.
    pub fn remove_tracker(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        let url = url::tracker(&url).unwrap_or(url);
        let remove = move |torrent: &Torrent| torrent.remove_tracker(&url);
        self.torrent(id, Ask::task("remove the tracker", remove).changes_resume_data())
    }

    /// Replaces the torrent's trackers.
    pub fn replace_trackers(&self, id: TorrentId, trackers: impl Into<Vec<Tracker>>) -> Reply<()> {
        let record = |Tracker { url, tier }: Tracker| {
            url::tracker(&url).map(|url| convert::tracker_record(&Tracker { url, tier }))
        };
        let records: Vec<_> = match trackers.into().into_iter().map(record).collect() {
            Ok(records) => records,
            Err(why) => return invalid(REPLACE_TRACKERS, why),
        };
        let replace = move |torrent: &Torrent| torrent.replace_all_trackers(&records);
        self.torrent(id, Ask::task(REPLACE_TRACKERS, replace).changes_resume_data())
    }

    /// Announces the torrent to its trackers now, regardless of the interval that they asked for. A paused
    /// torrent is not announced.
    pub fn reannounce(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(ANNOUNCE, Torrent::reannounce).of_every_copy())
    }

    /// Asks all trackers how many seeds and leechers they know (BEP 48). [`trackers`](Patron::trackers) then
    /// returns their answers.
    pub fn scrape(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("scrape the trackers", Torrent::scrape).of_every_copy())
    }

    /// Announces the torrent to the DHT now (BEP 5).
    pub fn announce_to_dht(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(ANNOUNCE, Torrent::force_dht_announce).of_every_copy())
    }

    /// Announces the torrent on the local network now (BEP 14).
    pub fn announce_locally(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task(ANNOUNCE, Torrent::force_lsd_announce).of_every_copy())
    }

    /// Returns the URLs of the web seeds (BEP 19).
    pub fn web_seeds(&self, id: TorrentId) -> Reply<Vec<String>> {
        self.torrent(id, Ask::task("list the web seeds", Torrent::web_seeds))
    }

    /// Adds a web seed (BEP 19): the URL of the file, or of the directory that contains the torrent's file or
    /// directory. If the URL of a directory is added for a single file, [`web_seeds`](Patron::web_seeds)
    /// returns the URL of the file. [`Event::WebSeedFailed`](crate::Event::WebSeedFailed) reports a web seed
    /// that delivers nothing.
    pub fn add_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = match url::web_seed(&url.into()) {
            Ok(url) => url,
            Err(why) => return invalid(ADD_WEB_SEED, why),
        };
        let add = move |torrent: &Torrent| torrent.add_web_seed(&url);
        self.torrent(id, Ask::task(ADD_WEB_SEED, add).changes_resume_data())
    }

    /// Removes a web seed.
    pub fn remove_web_seed(&self, id: TorrentId, url: impl Into<String>) -> Reply<()> {
        let url = url.into();
        let url = url::web_seed(&url).unwrap_or(url);
        let remove = move |torrent: &Torrent| torrent.remove_web_seed(&url);
        self.torrent(id, Ask::task("remove the web seed", remove).changes_resume_data())
    }
}

const ADD_TRACKER: &str = "add the tracker";
const REPLACE_TRACKERS: &str = "replace the trackers";
const ADD_WEB_SEED: &str = "add the web seed";
const ANNOUNCE: &str = "announce the torrent";

fn invalid(op: &'static str, why: String) -> Reply<()> {
    Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, op, why)))
}
