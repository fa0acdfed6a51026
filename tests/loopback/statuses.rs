//! The statuses of many torrents.

use std::time::{Duration, Instant};

use torrent_patron::AddOptions;

use crate::support::bencode::{dict, number, text};
use crate::support::{PATIENCE, builder};

/// With such short ticks, libtorrent answers several times between two reads of its alerts, and
/// torrents are added between the answers.
#[test]
fn no_status_is_lost_while_many_torrents_are_started() {
    const TORRENTS: usize = 10_000;
    let dir = tempfile::tempdir().unwrap();
    let client = builder(dir.path()).tick_interval(Duration::from_millis(1)).start().unwrap();
    let patron = client.patron();
    let torrents = (0..TORRENTS).map(|torrent| {
        let info = dict([
            ("length", number(1)),
            ("name", text(format!("{torrent}.bin"))),
            ("piece length", number(16 * 1024)),
            ("pieces", text([7; 20])),
        ]);
        dict([("info", info)])
    });
    let torrents: Vec<_> = torrents.collect();
    let start = |torrent| patron.add_torrent(torrent, AddOptions::default().paused(true));
    let replies: Vec<_> = torrents.into_iter().map(start).collect();
    let ids: Vec<_> = replies.into_iter().map(|reply| reply.wait().unwrap().id()).collect();
    let deadline = Instant::now() + PATIENCE;
    let unknown = || patron.statuses().iter().filter(|status| !status.has_metadata).count();
    while unknown() > 0 {
        assert!(Instant::now() < deadline, "{} of {TORRENTS} are not known", unknown());
        patron.fresh_status(ids[0]).wait().unwrap();
    }
}
