//! How peers are found: the DHT, which is turned on and off while the client runs, and what a
//! private torrent does not use.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, unbounded};
use torrent_patron::error::ErrorKind;
use torrent_patron::event::{EventKind, EventKinds};
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::settings::{EncryptionPolicy, SettingValue};
use torrent_patron::store::Memory;
use torrent_patron::tracker::Tracker;
use torrent_patron::{AddOptions, Client, Event, Patron, Settings};

use crate::await_event;
use crate::support::bencode::{dict, text};
use crate::support::{PATIENCE, address, builder, client, data, each, finished, maker, poll, wire};

#[test]
fn settings_are_chosen_at_the_start_and_while_the_client_runs() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        Settings::default().download_limit(Some(1_000_000)).utp(false).active_seeds(None);
    let client = builder(dir.path()).settings(settings).start().unwrap();
    let patron = client.patron();
    let now = |name: &str| patron.settings().wait().unwrap().get(name).cloned().unwrap();
    assert_eq!(now("download_rate_limit"), SettingValue::Int(1_000_000));
    assert_eq!(now("enable_incoming_utp"), SettingValue::Bool(false));
    assert_eq!(now("active_seeds"), SettingValue::Int(-1));
    let change = Settings::empty()
        .download_limit(None)
        .upload_limit(Some(2_000_000))
        .encryption(EncryptionPolicy::Forced);
    patron.apply_settings(&change).wait().unwrap();
    assert_eq!(now("download_rate_limit"), SettingValue::Int(0));
    assert_eq!(now("upload_rate_limit"), SettingValue::Int(2_000_000));
    assert_eq!(now("in_enc_policy"), SettingValue::Int(0));
    assert_eq!(now("enable_incoming_utp"), SettingValue::Bool(false), "what is not named stays");
}

/// This crate does not set them: the documentation relies on libtorrent's defaults.
#[test]
fn the_guards_of_libtorrent_are_on() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let settings = client.patron().settings().wait().unwrap();
    for (name, value) in
        [("ssrf_mitigation", true), ("validate_https_trackers", true), ("allow_idna", false)]
    {
        assert_eq!(settings.get(name), Some(&SettingValue::Bool(value)), "{name}");
    }
}

/// An announce of BEP 15.
struct Announce {
    torrent: Vec<u8>,
    event: u8,
    at: Instant,
}

/// Answers as a UDP tracker (BEP 15), and passes on when each torrent announced itself first.
fn udp_tracker(socket: &UdpSocket, announced: &Sender<Announce>) {
    let mut packet = [0; 2048];
    while let Ok((size, from)) = socket.recv_from(&mut packet) {
        let (action, transaction) = (&packet[8..12], &packet[12..16]);
        let answer = if action == [0, 0, 0, 0] {
            [&[0; 4], transaction, b"a number"].concat()
        } else {
            let (torrent, event) = (packet[16..36].to_vec(), packet[83]);
            if announced.send(Announce { torrent, event, at: Instant::now() }).is_err() {
                return;
            }
            let (interval, peers) = ([0, 0, 7, 8], [0; 8]);
            [&[0, 0, 0, 1], transaction, &interval, &peers].concat()
        };
        assert!(size >= 16);
        socket.send_to(&answer, from).unwrap();
    }
}

#[test]
fn torrents_that_are_added_together_do_not_announce_themselves_by_udp_together() {
    const COUNT: usize = 40;
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://{}/announce", socket.local_addr().unwrap());
    let (announced, times) = unbounded();
    std::thread::spawn(move || udp_tracker(&socket, &announced));
    let dir = tempfile::tempdir().unwrap();
    // 10 torrents per second, and as many at first.
    let client = builder(dir.path()).setting("max_concurrent_http_announces", 1).start().unwrap();
    let patron = client.patron();
    let add = |number: u64| {
        let file = data(dir.path(), &format!("{number}.bin"), number, 1000);
        let options = AddOptions::default().add_trackers([Tracker::new(&*url, 0)]);
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        patron.add_torrent(&metainfo, options)
    };
    let begun = Instant::now();
    let replies: Vec<_> = (1..).take(COUNT).map(add).collect();
    for reply in replies {
        reply.wait().unwrap();
    }
    let mut known = BTreeSet::new();
    let mut last = begun;
    while known.len() < COUNT {
        let announce = times.recv_timeout(PATIENCE).unwrap();
        if known.insert(announce.torrent) {
            last = announce.at;
        }
    }
    let took = last - begun;
    assert!(took > Duration::from_secs(2), "{took:?}");
}

/// It would list the client as a peer for a long time.
#[test]
fn a_udp_tracker_is_told_that_a_torrent_stops_when_its_client_ends() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let url = format!("udp://{}/announce", socket.local_addr().unwrap());
    let (announced, announces) = unbounded();
    std::thread::spawn(move || udp_tracker(&socket, &announced));
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let file = data(dir.path(), "data.bin", 1, 1000);
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let options = AddOptions::default().add_trackers([Tracker::new(&*url, 0)]);
    let patron = client.patron();
    patron.subscribe(EventKinds::DEFAULT.with(EventKind::TrackerReply));
    patron.add_torrent(&metainfo, options).wait().unwrap();
    assert_eq!(announces.recv_timeout(PATIENCE).unwrap().event, 2, "started");
    // Until then, libtorrent does not know that it is a peer of the tracker.
    await_event!(patron, Event::TrackerReply { .. });
    client.shutdown(PATIENCE).wait();
    let last = announces.try_iter().last().map(|announce| announce.event);
    assert_eq!(last, Some(3), "stopped");
}

/// Sends a DHT node a ping (BEP 5), and returns whether it is answered within this time.
fn answers_a_ping(socket: &UdpSocket, node: SocketAddr, within: Duration) -> bool {
    let sender = dict([("id", text([b'x'; 20]))]);
    let ping = dict([("a", sender), ("q", text("ping")), ("t", text("aa")), ("y", text("q"))]);
    socket.send_to(&ping, node).unwrap();
    socket.set_read_timeout(Some(within)).unwrap();
    let mut answer = [0; 1500];
    // The node may first send a query of its own.
    while let Ok(length) = socket.recv(&mut answer) {
        if contains(&answer[..length], b"1:y1:r") {
            return true;
        }
    }
    false
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn the_dht_goes_on_and_off_while_the_client_runs() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let node = address(&patron);
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    let short = Duration::from_millis(300);
    let nowhere: [&str; 0] = [];
    for on in [false, true, false, true] {
        let change = Settings::empty().dht(on).dht_bootstrap_nodes(nowhere);
        patron.apply_settings(&change).wait().unwrap();
        let settings = patron.settings().wait().unwrap();
        assert_eq!(settings.get("enable_dht"), Some(&SettingValue::Bool(on)));
        let within = if on { PATIENCE } else { short };
        assert_eq!(answers_a_ping(&socket, node, within), on);
    }
}

/// A client whose DHT is entered through this node.
fn with_dht(save_dir: &Path, entry: Option<SocketAddr>) -> Client {
    let client = client(save_dir);
    let nodes = entry.map(|node| node.to_string());
    let change = Settings::empty().dht(true).dht_bootstrap_nodes(nodes);
    client.patron().apply_settings(&change).wait().unwrap();
    client
}

fn await_counter(patron: &Patron, name: &str, wanted: impl Fn(i64) -> bool) {
    poll(name, || {
        let count = counter(patron, name);
        if wanted(count) { Ok(()) } else { Err(count) }
    });
}

fn counter(patron: &Patron, name: &str) -> i64 {
    patron.statistics().wait().unwrap().counter(name).unwrap()
}

/// Two torrents, one of them private.
fn torrents(directory: &Path) -> [Metainfo; 2] {
    [("public.bin", false), ("private.bin", true)].map(|(name, private)| {
        let file = data(directory, name, private.into(), 50_000);
        let maker = maker(&file, Protocol::V1).private(private);
        maker.start().unwrap().wait().unwrap()
    })
}

#[test]
fn a_private_torrent_is_not_announced_to_the_dht() {
    let dir = tempfile::tempdir().unwrap();
    let [public, private] = torrents(dir.path());
    // The second knows the first as a node once the first has contacted it.
    let second = with_dht(dir.path(), None);
    let first = with_dht(&dir.path().join("to"), Some(address(&second.patron())));
    let (node, patron) = (first.patron(), second.patron());
    await_counter(&patron, "dht.dht_nodes", |nodes| nodes > 0);
    let [private, public] = [private, public].map(|metainfo| {
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        id
    });
    let announce = || {
        patron.announce_to_dht(private).wait().unwrap();
        patron.announce_to_dht(public).wait().unwrap();
    };
    announce();
    await_counter(&node, "dht.dht_torrents", |torrents| torrents > 0);
    let heard = || counter(&node, "dht.dht_announce_peer_in");
    let once = heard();
    announce();
    await_counter(&node, "dht.dht_announce_peer_in", |heard| heard > once);
    assert_eq!(counter(&node, "dht.dht_torrents"), 1);
}

#[test]
fn the_nodes_of_the_dht_are_kept_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::default();
    let start = || {
        let builder = builder(dir.path()).store(store.clone()).setting("enable_dht", true);
        builder.setting("dht_bootstrap_nodes", "").start().unwrap()
    };
    let client = start();
    let patron = client.patron();
    let _node = with_dht(&dir.path().join("node"), Some(address(&patron)));
    await_counter(&patron, "dht.dht_nodes", |nodes| nodes > 0);
    assert!(client.shutdown(PATIENCE).wait().is_clean());

    // It listens on another port, so that the node does not find it.
    let again = start();
    await_counter(&again.patron(), "dht.dht_nodes", |nodes| nodes > 0);
}

/// The extensions that the client offers to a peer of this torrent (BEP 10).
fn extensions(of: SocketAddr, metainfo: &Metainfo) -> Vec<u8> {
    let mut peer = TcpStream::connect(of).unwrap();
    peer.set_read_timeout(Some(PATIENCE)).unwrap();
    let id = b"=PEER01=============";
    let hello = wire::handshake(wire::EXTENSIONS, &wire::info_hash(metainfo), id);
    peer.write_all(&hello).unwrap();
    peer.read_exact(&mut [0; wire::HANDSHAKE_LENGTH]).unwrap();
    loop {
        if let [0, extended @ ..] = &wire::receive_only(&mut peer, wire::EXTENDED).unwrap()[..] {
            return extended.to_vec();
        }
    }
}

#[test]
fn a_private_torrent_has_no_peer_exchange() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    for metainfo in torrents(dir.path()) {
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        let extensions = extensions(address(&patron), &metainfo);
        assert!(contains(&extensions, b"11:lt_donthave"));
        assert_eq!(contains(&extensions, b"6:ut_pex"), !metainfo.private, "{}", metainfo.name);
    }
}

#[test]
fn a_client_that_is_bound_to_a_device_shares_by_it_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 100_000);
    let bound = |directory: &str| {
        let settings = Settings::default().device("lo", 0);
        let save_dir = dir.path().join(directory);
        let builder = Client::builder().offline(true).save_dir(save_dir).settings(settings);
        builder.tick_interval(Duration::from_millis(100)).start().unwrap()
    };
    let (seeder, leecher) = (bound("from"), bound("to"));
    let (from, to) = (seeder.patron(), leecher.patron());
    let listening = from.listen_addresses().wait().unwrap();
    assert!(listening.iter().all(|address| address.ip().is_loopback()), "{listening:?}");
    let metainfo = crate::support::metainfo(&file);
    let id = from.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&from, id);
    let peer = listening.into_iter().find(|address| address.is_ipv4()).unwrap();
    let options = AddOptions::default().add_peers([peer]);
    let id = to.add_torrent(&metainfo, options).wait().unwrap().id();
    finished(&to, id);

    let nowhere = Settings::default().device("nowhere0", 0);
    let client = Client::builder().offline(true).save_dir(dir.path()).settings(nowhere);
    let error = client.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().starts_with("\"nowhere0:0\": "), "{error}");
}

/// libtorrent forgets the peers of resume data after one failed attempt; those that a program
/// names are tried again.
#[test]
fn a_named_peer_that_does_not_have_the_torrent_yet_is_tried_again() {
    each(["by the options", "by the link", "by a second add"], |case| {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let file = data(&from, "data.bin", 7, 100_000);
        let metainfo = crate::support::metainfo(&file);
        let (seeder, leecher) = (client(&from), client(&dir.path().join("to")));
        let (from, to) = (seeder.patron(), leecher.patron());
        let peer = address(&from);
        to.subscribe(EventKinds::ALL);
        let link = metainfo.magnet().to_string();
        let named = AddOptions::default().add_peers([peer]);
        let id = match case {
            "by the options" => to.add_torrent(&metainfo, named).wait().unwrap().id(),
            "by the link" => {
                let link = format!("{link}&x.pe={peer}");
                to.add_torrent(link.as_str(), AddOptions::default()).wait().unwrap().id()
            }
            _ => {
                to.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
                to.add_torrent(link.as_str(), named).wait().unwrap().id()
            }
        };
        await_event!(to, Event::PeerDisconnected { id: from, address, .. }
            if (*from, *address) == (id, peer));
        from.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
        finished(&to, id);
    });
}
