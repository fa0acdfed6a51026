//! The client as a whole: settings while it runs, the IP filter, pausing everything.

use std::io::ErrorKind;
use std::net::TcpListener;

use torrent_patron::{AddOptions, Event, IpFilter, SettingValue, Settings};

use crate::await_event;
use crate::support::{Seeder, client, data, finished};

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
fn a_blocked_peer_is_not_let_in() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 50_000));
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    patron.ban("127.0.0.1".parse().unwrap()).wait().unwrap();
    let filter = patron.ip_filter().wait().unwrap();
    assert!(filter.blocks("127.0.0.1".parse().unwrap()));
    assert!(filter.blocks("192.0.2.1".parse().unwrap()), "the client is offline");
    assert!(!filter.blocks("127.0.0.2".parse().unwrap()));
    let id = patron.create_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    assert!(patron.peers(id).wait().unwrap().is_empty());

    patron.set_ip_filter(IpFilter::default()).wait().unwrap();
    let filter = patron.ip_filter().wait().unwrap();
    assert!(!filter.blocks("127.0.0.1".parse().unwrap()));
    assert!(filter.blocks("192.0.2.1".parse().unwrap()), "still offline");
    let peer = crate::support::address(&seeder.patron);
    patron.connect_peer(id, peer).wait().unwrap();
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
    let options = AddOptions::default().peers(peers);
    let id = patron.create_torrent(&metainfo, options).wait().unwrap().id();
    other.accept().unwrap();
    blocked.set_nonblocking(true).unwrap();
    assert_eq!(blocked.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

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
    patron.pause_all().wait().unwrap();
    let id = patron.create_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    assert!(!patron.fresh_status(id).wait().unwrap().paused);
    assert_eq!(patron.pieces(id).wait().unwrap().done(), 0);
    patron.resume_all().wait().unwrap();
    finished(&patron, id);
}
