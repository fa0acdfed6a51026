//! Other requests about a torrent: pieces, options, peers, trackers, web seeds.

use std::path::Path;
use std::time::Duration;

use torrent_patron::error::ErrorKind;
use torrent_patron::file::{ExistingFiles, Priority};
use torrent_patron::metainfo::Protocol;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::peer::{PeerClass, PeerKind, PeerSource, Transport};
use torrent_patron::store::Memory;
use torrent_patron::torrent::{Limits, QueueMove, TorrentFlag, TorrentFlags};
use torrent_patron::tracker::{Tracker, TrackerSource};
use torrent_patron::{AddOptions, Client, ClientBuilder, Event, Patron, Settings};

use crate::await_event;
use crate::helpers::server::Server;
use crate::support::{
    PATIENCE, Seeder, address, builder, client, data, finished, maker, noise, until, wait_for,
};

#[test]
fn the_piece_map_shows_finished_pieces_and_a_piece_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 100_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let map = patron.pieces(id).wait().unwrap();
    assert_eq!((map.done(), map.have.len(), map.priorities.len()), (7, 7, 7));
    let bytes = noise(1, 100_000);
    assert_eq!(patron.read_piece(id, 1).wait().unwrap(), &bytes[16 * 1024..32 * 1024]);
    assert_eq!(patron.read_piece(id, 6).wait().unwrap(), &bytes[6 * 16 * 1024..]);
    let error = patron.read_piece(id, 7).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().ends_with("piece 7: the torrent has 7 pieces"), "{error}");
}

#[test]
fn chosen_pieces_are_downloaded_and_pieces_can_be_added() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 100_000));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let options = seeder.options().paused(true);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    let wanted: Vec<_> = (0..7).map(|piece| Priority::new(piece % 2)).collect();
    patron.set_piece_priorities(id, wanted).wait().unwrap();
    patron.set_piece_priority(id, 1, Priority::SKIP).wait().unwrap();
    patron.set_piece_deadline(id, 3, Some(Duration::from_millis(10))).wait().unwrap();
    patron.set_piece_deadline(id, 3, None).wait().unwrap();
    patron.clear_piece_deadlines(id).wait().unwrap();
    let levels = || {
        let map = patron.pieces(id).wait().unwrap();
        map.priorities.iter().map(|priority| priority.level()).collect::<Vec<_>>()
    };
    assert_eq!(levels(), [0, 0, 0, 1, 0, 1, 0]);
    patron.set_piece_priority(id, 6, Priority::LOW).wait().unwrap();
    patron.set_ends_first(id, true).wait().unwrap();
    assert_eq!(levels(), [0, 0, 0, 1, 0, 1, 7], "what is skipped stays so");
    patron.set_ends_first(id, false).wait().unwrap();
    assert_eq!(levels(), [0, 0, 0, 1, 0, 1, 4]);
    patron.resume(id).wait().unwrap();
    finished(&patron, id);
    let map = patron.pieces(id).wait().unwrap();
    assert_eq!(map.have, [false, false, false, true, false, true, true]);

    // A piece that is not wanted from peers can be added by the program.
    let error = patron.read_piece(id, 0).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotDownloaded);
    assert!(error.message().ends_with("piece 0 has not been downloaded yet"), "{error}");
    let bytes = noise(1, 100_000);
    let error = patron.add_piece(id, 0, &bytes[..100]).wait().unwrap_err();
    assert!(error.message().ends_with("piece 0 has 16384 bytes, not 100"), "{error}");
    patron.add_piece(id, 0, &bytes[..16 * 1024]).wait().unwrap();
    until("the piece", || patron.pieces(id).wait().unwrap().have[0]);
    assert_eq!(patron.read_piece(id, 0).wait().unwrap(), &bytes[..16 * 1024]);
}

#[test]
fn a_recheck_finds_what_was_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 100_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let mut bytes = noise(1, 100_000);
    bytes[20_000] ^= 1;
    std::fs::write(&seeder.path, bytes).unwrap();
    patron.recheck(id).wait().unwrap();
    await_event!(patron, Event::Checked { .. });
    let map = patron.pieces(id).wait().unwrap();
    assert_eq!(map.have, [true, false, true, true, true, true, true]);
}

#[test]
fn reading_a_piece_that_is_not_here_fails_alone() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 100_000));
    let to = dir.path().join("to");
    let client = client(&to);
    let patron = client.patron();
    let id = patron.add_torrent(&seeder.metainfo, AddOptions::default()).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    // It fails before the file exists, and also when its space is only reserved.
    for piece in [0, 5] {
        let error = patron.read_piece(id, piece).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotDownloaded, "{error}");
        assert!(
            error.message().ends_with(&format!("piece {piece} has not been downloaded yet")),
            "{error}"
        );
        patron.add_piece(id, 6, &noise(1, 100_000)[6 * 16 * 1024..]).wait().unwrap();
        until("the piece", || patron.pieces(id).wait().unwrap().have[6]);
    }
    patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
    let told = wait_for(&patron, "Finished or Error", |event| match event {
        Event::Finished { .. } => Some(None),
        Event::Error { error, .. } => Some(Some(error.to_string())),
        _ => None,
    });
    assert_eq!(told, None);
}

#[test]
fn a_piece_is_not_taken_before_the_files_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 100_000));
    // A paused torrent is not checked.
    data(&dir.path().join("to"), "data.bin", 2, 100_000);
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let paused = AddOptions::default().paused(true).existing_files(ExistingFiles::Overwrite);
    let id = patron.add_torrent(&seeder.metainfo, paused).wait().unwrap().id();
    let piece = &noise(1, 100_000)[..16 * 1024];
    let error = patron.add_piece(id, 0, piece).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
    assert!(error.message().ends_with("the files are still being checked"), "{error}");
    patron.resume(id).wait().unwrap();
    await_event!(patron, Event::Checked { .. });
    patron.add_piece(id, 0, piece).wait().unwrap();
    until("the piece", || patron.pieces(id).wait().unwrap().have[0]);
}

#[test]
fn a_paused_torrent_is_rechecked_and_stays_paused() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 100_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    patron.pause(id).wait().unwrap();
    await_event!(patron, Event::Paused { .. });
    let mut bytes = noise(1, 100_000);
    bytes[20_000] ^= 1;
    std::fs::write(&seeder.path, bytes).unwrap();
    patron.recheck(id).wait().unwrap();
    await_event!(patron, Event::Checked { .. });
    let map = patron.pieces(id).wait().unwrap();
    assert_eq!(map.have, [true, false, true, true, true, true, true]);
    until("it is paused", || patron.fresh_status(id).wait().unwrap().paused);
}

/// A client that may leave this machine but has no reason to.
pub(crate) fn online(save_dir: &Path) -> ClientBuilder {
    let quiet = Settings::default().dht(false).local_discovery(false).upnp(false).nat_pmp(false);
    Client::builder().settings(quiet).listen("127.0.0.1:0").save_dir(save_dir)
}

/// libtorrent does not filter the addresses of such trackers, nor of the servers that WebRTC asks.
#[test]
fn trackers_of_webrtc_peers_must_be_named_by_the_program_and_not_offline() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 50_000);
    let webrtc = "ws://tracker.invalid/announce";
    let maker = maker(&file, Protocol::V1).add_tracker(webrtc, 0);
    let metainfo = maker.start().unwrap().wait().unwrap();
    let why = |patron: &Patron| {
        await_event!(patron, Event::TrackerError { url, error, .. } if url.starts_with("ws")
            => error.to_string())
    };
    let paused = || AddOptions::default().paused(true);

    // From 2.0.13, libtorrent without WebRTC leaves them out itself.
    if !metainfo.trackers.is_empty() {
        let client = online(dir.path()).start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(&metainfo, paused()).wait().unwrap().id();
        let why = why(&patron);
        assert!(why.contains("WebRTC peers may be on the local network"), "{why}");
        assert!(patron.trackers(id).wait().unwrap().is_empty());
        patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
        let named = paused().add_trackers([Tracker::new(webrtc, 0)]);
        let id = patron.add_torrent(&metainfo, named).wait().unwrap().id();
        assert_eq!(patron.trackers(id).wait().unwrap().len(), 1);
    }

    let here = Tracker::new("ws://localhost:1/announce", 0);
    let client = client(dir.path());
    let patron = client.patron();
    let options = paused().add_trackers([here]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let why = why(&patron);
    assert!(why.contains("offline") && why.contains("WebRTC"), "{why}");
    assert!(patron.trackers(id).wait().unwrap().is_empty());
}

/// A torrent of a stranger could make the client send requests to hosts behind the firewall.
#[test]
fn local_urls_are_dropped_from_torrents_but_not_from_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 50_000);
    let asked = Server::answering(b"");
    let local = [
        asked.url("/announce"),
        "http://192.168.7.7/admin?reboot=1".into(),
        "udp://10.1.2.3:80/announce".into(),
        "http://[::1]:80/announce".into(),
        "http://[fd00::1]/announce".into(),
        "http://[::ffff:127.0.0.1]/announce".into(),
        "http://127.1/announce".into(),
        "http://0x7f.0.0.0x1/announce".into(),
        "http://2130706433/announce".into(),
        "http://169.254.169.254/latest/announce".into(),
        "http://100.64.0.1/announce".into(),
        "http://LOCALHOST/announce".into(),
        "http://router/announce".into(),
        "http://nas.local./announce".into(),
        "http://user@printer.lan:631/announce".into(),
    ];
    let public = "http://tracker.invalid/announce";
    let mut maker = maker(&file, Protocol::V1).add_tracker(public, 0);
    for url in &local {
        maker = maker.add_tracker(url, 0);
    }
    let metainfo = maker.add_web_seed(asked.url("/announce")).start().unwrap().wait().unwrap();
    let start = |local_urls: bool| online(dir.path()).setting("allow_local_urls", local_urls);
    let store = Memory::new();
    let urls = |patron: &Patron, id| {
        let trackers = patron.trackers(id).wait().unwrap();
        trackers.into_iter().map(|tracker| tracker.url.into_string()).collect::<Vec<_>>()
    };
    let paused = || AddOptions::default().paused(true);

    let client = start(false).store(store.clone()).start().unwrap();
    let patron = client.patron();
    let nobody = "http://127.0.0.1:1/data.bin";
    let named = paused()
        .add_trackers([Tracker::new("http://10.9.9.9/announce", 1)])
        .add_web_seeds([nobody.to_owned()]);
    let id = patron.add_torrent(&metainfo, named).wait().unwrap().id();
    assert_eq!(urls(&patron, id), [public, "http://10.9.9.9/announce"]);
    assert_eq!(patron.web_seeds(id).wait().unwrap(), [nobody]);
    patron.remove_tracker(id, public).wait().unwrap();
    patron.remove_tracker(id, "http://10.9.9.9/announce").wait().unwrap();
    patron.add_tracker(id, asked.url("/announce"), 0).wait().unwrap();
    patron.resume(id).wait().unwrap();
    await_event!(patron, Event::TrackerError { url, .. } if **url == asked.url("/announce"));
    assert!(client.shutdown(PATIENCE).wait().is_clean());

    // Also by a client that has it from a store.
    let client = start(false).store(store).start().unwrap();
    let patron = client.patron();
    patron.watch_all().wait().unwrap();
    await_event!(patron, Event::Restored { failed: 0, .. });
    let id = patron.torrents()[0];
    assert_eq!(urls(&patron, id), [asked.url("/announce")]);
    assert_eq!(patron.web_seeds(id).wait().unwrap(), [nobody]);
    assert!(client.shutdown(PATIENCE).wait().is_clean());

    let client = start(true).start().unwrap();
    let patron = client.patron();
    let id = patron.add_torrent(&metainfo, paused()).wait().unwrap().id();
    assert_eq!(urls(&patron, id).len(), local.len() + 1);
    assert_eq!(patron.web_seeds(id).wait().unwrap(), [asked.url("/announce")]);
}

#[test]
fn options_are_as_they_were_set() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 50_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let before = patron.options(id).wait().unwrap();
    assert_eq!(before.flags, TorrentFlag::ApplyIpFilter.into());
    assert_eq!(before.limits, Limits::default());
    for flag in TorrentFlags::ALL {
        patron.set_flag(id, flag, flag != TorrentFlag::StopWhenReady).wait().unwrap();
    }
    patron.set_download_limit(id, Some(1_000_000)).wait().unwrap();
    patron.set_upload_limit(id, Some(2_000_000)).wait().unwrap();
    patron.set_connections_limit(id, Some(1)).wait().unwrap();
    patron.set_upload_slots(id, Some(3)).wait().unwrap();
    let options = patron.options(id).wait().unwrap();
    assert_eq!(options.flags, TorrentFlags::ALL.without(TorrentFlag::StopWhenReady));
    let limits = Limits::default().download_limit(1_000_000).upload_limit(2_000_000);
    assert_eq!(options.limits, limits.connections_limit(2).upload_slots(3));
    patron.set_download_limit(id, None).wait().unwrap();
    patron.set_upload_slots(id, None).wait().unwrap();
    let limits = Limits::default().upload_limit(2_000_000).connections_limit(2);
    assert_eq!(patron.options(id).wait().unwrap().limits, limits);
    let limits = Limits::default().download_limit(3_000_000).upload_slots(5);
    patron.set_limits(id, limits).wait().unwrap();
    assert_eq!(patron.options(id).wait().unwrap().limits, limits, "all of them");
}

#[test]
fn a_limit_of_zero_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 50_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let local = patron.peer_class(PeerClass::LOCAL).wait().unwrap();
    let mut silent = local.clone();
    silent.upload_limit = Some(0);
    for reply in [
        patron.set_download_limit(id, Some(0)),
        patron.set_upload_limit(id, Some(0)),
        patron.set_connections_limit(id, Some(0)),
        patron.set_upload_slots(id, Some(0)),
        patron.set_limits(id, Limits::default().upload_limit(0)),
        patron.set_peer_class(PeerClass::LOCAL, silent),
    ] {
        let error = reply.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    assert_eq!(patron.options(id).wait().unwrap().limits, Limits::default());
    assert_eq!(patron.peer_class(PeerClass::LOCAL).wait().unwrap(), local);
}

#[test]
fn the_queue_is_in_the_order_that_was_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let ids: Vec<_> = (0..3)
        .map(|n| {
            let file = data(dir.path(), &format!("{n}.bin"), n, 50_000);
            let metainfo = crate::support::metainfo(&file);
            let options = AddOptions::default().paused(true);
            patron.add_torrent(&metainfo, options).wait().unwrap().id()
        })
        .collect();
    let queue = || {
        let place = |id| patron.options(id).wait().unwrap().queue_position.unwrap();
        ids.iter().map(|id| place(*id)).collect::<Vec<_>>()
    };
    assert_eq!(queue(), [0, 1, 2]);
    patron.move_in_queue(ids[2], QueueMove::Top).wait().unwrap();
    assert_eq!(queue(), [1, 2, 0]);
    patron.move_in_queue(ids[2], QueueMove::Down).wait().unwrap();
    assert_eq!(queue(), [0, 2, 1]);
    patron.move_in_queue(ids[0], QueueMove::Bottom).wait().unwrap();
    assert_eq!(queue(), [2, 1, 0]);
    patron.move_in_queue(ids[0], QueueMove::Up).wait().unwrap();
    assert_eq!(queue(), [1, 2, 0]);
    patron.move_in_queue(ids[1], QueueMove::To(0)).wait().unwrap();
    assert_eq!(queue(), [2, 0, 1]);
}

#[test]
fn the_peers_are_listed_on_both_sides() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 50_000);
    let metainfo = crate::support::metainfo(&file);
    // Two peers that have everything they want would disconnect.
    let start = |save_dir: &str| {
        let builder = builder(&dir.path().join(save_dir));
        builder.setting("close_redundant_connections", false).start().unwrap()
    };
    let (seeder, leecher) = (start("from"), start("to"));
    let (from, to) = (seeder.patron(), leecher.patron());
    let here = from.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&from, here);
    let there = to.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    to.connect_peer(there, address(&from)).wait().unwrap();
    finished(&to, there);

    let peers = to.peers(there).wait().unwrap();
    let [seed] = &peers[..] else { panic!("{peers:#?}") };
    assert_eq!(seed.address, Some(address(&from)));
    assert_eq!((seed.kind, seed.transport), (PeerKind::Client, Transport::Tcp));
    assert!(seed.outgoing && seed.seed && !seed.connecting, "{seed:#?}");
    assert_eq!((seed.progress, seed.downloaded), (1.0, 50_000));
    assert!(seed.client.contains("torrent-patron"), "{}", seed.client);
    let peers = from.peers(here).wait().unwrap();
    let [peer] = &peers[..] else { panic!("{peers:#?}") };
    assert_eq!(peer.address, seed.local_address);
    assert_eq!(peer.sources, PeerSource::Incoming.into());
    assert!(!peer.outgoing, "{peer:#?}");

    let error = to.connect_peer(there, "192.0.2.1:6881".parse().unwrap()).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    to.clear_peers(there).wait().unwrap();
    until("no peer", || to.peers(there).wait().unwrap().is_empty());
}

#[test]
fn trackers_are_added_replaced_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 50_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let urls = || {
        let trackers = patron.trackers(id).wait().unwrap();
        trackers.iter().map(|tracker| (tracker.url.to_string(), tracker.tier)).collect::<Vec<_>>()
    };
    assert!(urls().is_empty());
    let (first, second) = ("http://127.0.0.1:1/announce", "udp://127.0.0.1:1");
    patron.add_tracker(id, first, 1).wait().unwrap();
    patron.add_tracker(id, second, 0).wait().unwrap();
    assert_eq!(urls(), [(second.to_owned(), 0), (first.to_owned(), 1)]);
    let event = await_event!(patron, Event::TrackerError { url, .. } => url.clone());
    assert!([first, second].contains(&&*event), "{event}");
    let statuses = patron.trackers(id).wait().unwrap();
    assert!(statuses.iter().all(|tracker| tracker.source == TrackerSource::Program));
    patron.reannounce(id).wait().unwrap();
    patron.scrape(id).wait().unwrap();
    patron.remove_tracker(id, second).wait().unwrap();
    let error = patron.remove_tracker(id, second).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(
        error.message().ends_with("udp://127.0.0.1:1: the torrent has no such tracker"),
        "{error}"
    );
    let third = Tracker::new("http://127.0.0.1:2/announce", 0);
    patron.replace_trackers(id, [third.clone()]).wait().unwrap();
    assert_eq!(urls(), [(third.url, 0)]);
    for wrong in
        ["", "nonsense", "ftp://127.0.0.1/", "http://", "http://a b/", "http://example.com/"]
    {
        let error = patron.add_tracker(id, wrong, 0).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}: {error}");
    }
    assert_eq!(urls().len(), 1);
}

#[test]
fn web_seeds_are_added_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 50_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let url = "http://127.0.0.1:1/data.bin";
    patron.add_web_seed(id, url).wait().unwrap();
    assert_eq!(patron.web_seeds(id).wait().unwrap(), [url]);
    patron.remove_web_seed(id, url).wait().unwrap();
    assert!(patron.web_seeds(id).wait().unwrap().is_empty());
    let error = patron.remove_web_seed(id, url).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    for wrong in ["", "udp://127.0.0.1:1", "http://192.0.2.1/data.bin"] {
        let error = patron.add_web_seed(id, wrong).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{wrong}: {error}");
    }
}

#[test]
fn a_limit_of_a_torrent_slows_it_on_loopback_too() {
    const RATE: u32 = 200_000;
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 1_000_000));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let began = std::time::Instant::now();
    let options = seeder.options().limits(Limits::default().download_limit(RATE));
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    // The data of a second or two may come at once.
    assert!(began.elapsed() > Duration::from_secs(3), "{:?}", began.elapsed());
}
