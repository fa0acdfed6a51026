//! The client as a whole: changing its settings, the IP filter, pausing everything.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

use torrent_patron::error::ErrorKind;
use torrent_patron::ip_filter::{IpFilter, IpRange};
use torrent_patron::peer::{PeerClass, PeerClassRange};
use torrent_patron::port_mapping::PortProtocol;
use torrent_patron::settings::SettingValue;
use torrent_patron::{AddOptions, Event, Settings};

use crate::await_event;
use crate::support::bencode::{dict, list, text};
use crate::support::{PATIENCE, Seeder, address, builder, client, data, finished, skipped};

#[test]
fn settings_are_read_back_and_changed_while_the_client_runs() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let before = patron.settings().wait().unwrap();
    assert_eq!(before.get("enable_dht"), Some(&SettingValue::Bool(false)));
    assert_eq!(before.get("listen_interfaces"), Some(&SettingValue::from("127.0.0.1:0")));
    let mut change = Settings::empty();
    change.set("connections_limit", 123).unwrap();
    patron.apply_settings(&change).wait().unwrap();
    let after = patron.settings().wait().unwrap();
    assert_eq!(after.get("connections_limit"), Some(&SettingValue::Int(123)));
    assert_eq!(after.get("user_agent"), before.get("user_agent"));
    assert!(!patron.save_state().wait().unwrap().is_empty());
}

#[test]
fn a_blocked_peer_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 50_000));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    patron.ban("127.0.0.1".parse().unwrap()).wait().unwrap();
    let filter = patron.ip_filter().wait().unwrap();
    assert!(filter.blocks("127.0.0.1".parse().unwrap()));
    assert!(filter.blocks("192.0.2.1".parse().unwrap()), "the client is offline");
    assert!(!filter.blocks("127.0.0.2".parse().unwrap()));
    // Another peer is connected to, so there was time for the first.
    let other = TcpListener::bind("127.0.0.2:0").unwrap();
    let options = seeder.options().add_peers([other.local_addr().unwrap()]);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    other.accept().unwrap();
    let banned = address(&seeder.patron);
    let peers = patron.peers(id).wait().unwrap();
    assert!(peers.iter().all(|peer| peer.address != Some(banned)), "{peers:?}");
    assert_eq!(patron.pieces(id).wait().unwrap().done(), 0);

    patron.set_ip_filter(IpFilter::default()).wait().unwrap();
    let filter = patron.ip_filter().wait().unwrap();
    assert!(!filter.blocks("127.0.0.1".parse().unwrap()));
    assert!(filter.blocks("192.0.2.1".parse().unwrap()), "still offline");
    patron.connect_peer(id, banned).wait().unwrap();
    finished(&patron, id);
}

#[test]
fn a_peer_on_a_blocklist_is_not_called() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = crate::support::metainfo(&data(&dir.path().join("from"), "data.bin", 1, 50_000));
    let list = dir.path().join("list.p2p");
    std::fs::write(&list, "# a list\na name:127.0.0.2-127.0.0.9\n").unwrap();
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    patron.set_ip_filter(IpFilter::read(&list).unwrap()).wait().unwrap();
    let [blocked, other] = ["127.0.0.2:0", "127.0.0.1:0"].map(|at| TcpListener::bind(at).unwrap());
    let peers = [&blocked, &other].map(|listener| listener.local_addr().unwrap());
    let options = AddOptions::default().add_peers(peers);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    other.accept().unwrap();
    blocked.set_nonblocking(true).unwrap();
    assert_eq!(blocked.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);

    patron.set_ip_filter(IpFilter::default()).wait().unwrap();
    patron.connect_peer(id, peers[0]).wait().unwrap();
    blocked.set_nonblocking(false).unwrap();
    blocked.accept().unwrap();
}

#[test]
fn everything_pauses_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 50_000));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    assert!(!patron.is_paused().wait().unwrap());
    patron.pause_all().wait().unwrap();
    assert!(patron.is_paused().wait().unwrap());
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    assert!(!patron.fresh_status(id).wait().unwrap().paused);
    // Another client downloads all of it meanwhile.
    let running = crate::support::client(&dir.path().join("running"));
    let other = running.patron();
    let copy = other.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&other, copy);
    assert_eq!(patron.pieces(id).wait().unwrap().done(), 0);
    patron.resume_all().wait().unwrap();
    finished(&patron, id);
    patron.flush_files(id).wait().unwrap();
    assert_eq!(patron.status(id).unwrap().info_hashes, seeder.metainfo.info_hashes);
    patron.pause_gracefully(id).wait().unwrap();
    await_event!(patron, Event::Paused { .. });
}

#[test]
fn peer_classes_are_made_changed_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let local = patron.peer_class(PeerClass::LOCAL).wait().unwrap();
    assert_eq!((local.upload_limit, local.download_limit), (None, None));
    let class = patron.create_peer_class("cellar").wait().unwrap();
    let mut options = patron.peer_class(class).wait().unwrap();
    assert_eq!(options.name, "cellar");
    options.upload_limit = Some(100_000);
    options.ignore_unchoke_slots = true;
    patron.set_peer_class(class, options.clone()).wait().unwrap();
    assert_eq!(patron.peer_class(class).wait().unwrap(), options);
    let range = IpRange::new("127.0.0.0".parse().unwrap(), "127.255.255.255".parse().unwrap());
    let range = PeerClassRange::new(range.unwrap(), [PeerClass::LOCAL, class]);
    patron.set_peer_class_ranges([range.clone()]).wait().unwrap();
    assert_eq!(patron.peer_class_ranges().wait().unwrap(), [range]);
    patron.remove_peer_class(class).wait().unwrap();
    let error = patron.peer_class(class).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");

    let make = |number: u32| patron.create_peer_class(number.to_string()).wait();
    let made: Vec<_> = (0..32).map_while(|number| make(number).ok()).collect();
    assert!(made.len() < 32, "of 32, libtorrent has some itself");
    assert_eq!(make(32).unwrap_err().kind(), ErrorKind::InvalidArgument);
    patron.remove_peer_class(made[0]).wait().unwrap();
    let last = make(33).unwrap();
    assert_eq!(patron.peer_class(last).wait().unwrap().name, "33");
}

#[test]
fn a_limit_of_their_class_slows_peers_on_the_local_network() {
    const RATE: u32 = 200_000;
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 1_000_000));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let mut options = patron.peer_class(PeerClass::LOCAL).wait().unwrap();
    options.download_limit = Some(RATE);
    patron.set_peer_class(PeerClass::LOCAL, options).wait().unwrap();
    let began = Instant::now();
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    // The data of one second may come at once.
    let least = Duration::from_secs((1_000_000 / RATE - 2).into());
    assert!(began.elapsed() > least, "{:?}", began.elapsed());
}

#[test]
fn the_dht_runs_while_it_is_switched_on_and_two_of_it_find_each_other() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 50_000);
    let metainfo = crate::support::metainfo(&file);
    let start = |save_dir: &str| {
        let builder = builder(&dir.path().join(save_dir)).setting("dht_bootstrap_nodes", "");
        // Both are at the same address, which the DHT otherwise takes for a single, bad node that
        // asks too often.
        let builder = builder.setting("dht_restrict_routing_ips", false);
        let builder = builder.setting("dht_restrict_search_ips", false);
        let builder = builder.setting("dht_block_ratelimit", 1_000_000);
        builder.setting("dht_ignore_dark_internet", false).start().unwrap()
    };
    let (seeder, leecher) = (start("from"), start("to"));
    let (from, to) = (seeder.patron(), leecher.patron());
    let mut change = Settings::empty();
    change.set("enable_dht", true).unwrap();
    for patron in [&from, &to] {
        assert!(!patron.is_dht_running().wait().unwrap());
        patron.apply_settings(&change).wait().unwrap();
        assert!(patron.is_dht_running().wait().unwrap());
    }
    let error = to.add_dht_node("192.0.2.1", 6881).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");

    let here = from.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&from, here);
    let there = to.add_torrent(metainfo.info_hashes, AddOptions::default()).wait().unwrap().id();
    let port = address(&from).port();
    to.add_dht_node("127.0.0.1", port).wait().unwrap();
    from.add_dht_node("127.0.0.1", address(&to).port()).wait().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while !to.status(there).unwrap().finished {
        assert!(Instant::now() < deadline, "the DHT has not found the seeder");
        from.announce_to_dht(here).wait().unwrap();
        to.announce_to_dht(there).wait().unwrap();
        let _ = to.recv_timeout(Duration::from_millis(500));
    }

    change.set("enable_dht", false).unwrap();
    to.apply_settings(&change).wait().unwrap();
    assert!(!to.is_dht_running().wait().unwrap());
}

#[test]
fn the_dht_goes_on_with_the_nodes_that_were_saved() {
    let dir = tempfile::tempdir().unwrap();
    let node = UdpSocket::bind("127.0.0.1:0").unwrap();
    node.set_read_timeout(Some(PATIENCE)).unwrap();
    let port = node.local_addr().unwrap().port().to_be_bytes();
    let nodes = list([text([&[127, 0, 0, 1][..], &port].concat())]);
    let state = dict([("dht state", dict([("nodes", nodes)]))]);
    let builder = builder(dir.path()).state(state).setting("enable_dht", true);
    let _client = builder.setting("dht_bootstrap_nodes", "").start().unwrap();
    let mut query = [0; 1500];
    let (length, _) = node.recv_from(&mut query).expect("a query of the DHT");
    assert!(query.starts_with(b"d1:ad2:id20:"), "{:?}", &query[..length]);
}

#[test]
fn metainfo_from_elsewhere_is_not_requested_from_peers() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 50_000);
    let metainfo = crate::support::metainfo(&file);
    let other = crate::support::metainfo(&data(dir.path(), "other.bin", 2, 50_000));
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(metainfo.info_hashes, AddOptions::default()).wait().unwrap().id();
    let error = patron.set_metadata(id, &other).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    patron.set_metadata(id, &metainfo).wait().unwrap();
    await_event!(patron, Event::MetadataReceived { .. });
    finished(&patron, id);
    let error = patron.set_metadata(id, &metainfo).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
}

#[test]
fn ports_and_sockets_are_asked_for_without_a_router() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    // Offline, there is no UPnP or NAT-PMP router to ask.
    assert!(patron.map_port(PortProtocol::Tcp, 6881, 6881).wait().unwrap().is_empty());
    let before = patron.listen_addresses().wait().unwrap();
    patron.reopen_sockets().wait().unwrap();
    patron.set_port_filter([1..=1023]).wait().unwrap();
    let backwards = RangeInclusive::new(30, 5);
    let error = patron.set_port_filter([10..=20, backwards]).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert_eq!(patron.listen_addresses().wait().unwrap().len(), before.len());
    let other = Settings::empty().listen_interfaces(["127.0.0.1:0", "[::1]:0"]);
    patron.apply_settings(&other).wait().unwrap();
    let moved = patron.listen_addresses().wait().unwrap();
    assert!(moved.iter().any(SocketAddr::is_ipv6), "{before:?} {moved:?}");
    for address in &moved {
        TcpStream::connect(address).unwrap();
    }
    let id = patron
        .add_torrent(
            crate::support::metainfo(&data(dir.path(), "data.bin", 1, 50_000)),
            AddOptions::default(),
        )
        .wait()
        .unwrap()
        .id();
    let certificate = patron.set_tls_certificate(id, "nonsense", "nonsense", "nonsense");
    let error = certificate.wait().unwrap_err();
    assert!(error.to_string().ends_with("the torrent is not for TLS"), "{error}");
}

#[test]
fn an_offline_client_stays_offline() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    for wrong in [
        Settings::empty().local_discovery(true),
        Settings::empty().upnp(true),
        Settings::empty().nat_pmp(true),
        Settings::empty().dht(true),
        Settings::empty().dht(true).dht_bootstrap_nodes(["127.0.0.1:6881", "192.0.2.1:6881"]),
        Settings::empty().dht(true).dht_bootstrap_nodes(["router.example:6881"]),
    ] {
        let error = patron.apply_settings(&wrong).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.message().contains("the client is offline"), "{error}");
    }
    let nodes = ["127.0.0.1:6881", "[::1]:6881", "localhost:6881"];
    for right in [
        Settings::empty().dht(true).dht_bootstrap_nodes(nodes),
        Settings::empty().dht(false),
        Settings::empty().connections_limit(7),
    ] {
        patron.apply_settings(&right).wait().unwrap();
    }
}

#[test]
fn a_path_that_is_not_a_directory_is_reported_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 1, 10);
    for wrong in ["".into(), file.clone(), file.join("below")] {
        for builder in [builder(&wrong), builder(dir.path()).incomplete_dir(wrong.clone())] {
            let error = builder.start().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.message().contains(&format!("directory {wrong:?}: ")), "{error}");
        }
    }
    builder(&dir.path().join("missing")).start().unwrap();
}

#[test]
fn an_invalid_listen_address_is_reported_at_the_start() {
    let dir = tempfile::tempdir().unwrap();
    for wrong in ["nosuchdev9:0", "localhost:0", "127.0.0.1", "127.0.0.1:0,x:1"] {
        let error = builder(dir.path()).listen(wrong).start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

/// libtorrent takes a port that is free for TCP, and gives up if it is in use for UDP.
#[test]
fn a_free_port_is_found_that_is_free_for_udp_too() {
    let dir = tempfile::tempdir().unwrap();
    // It raises the limit of descriptors.
    let _first = client(dir.path());
    // More than a quarter of the ports from which the system chooses.
    let taken: Vec<_> = (0..8000).map_while(|_| UdpSocket::bind("127.0.0.1:0").ok()).collect();
    if taken.len() < 8000 {
        return skipped("it needs 8000 descriptors");
    }
    for _ in 0..20 {
        let client = client(dir.path());
        assert!(address(&client.patron()).port() > 0);
    }
}
