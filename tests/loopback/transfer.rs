//! Transfers of data from one client to another.

use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::patron::{Added, RemoveFiles};
use torrent_patron::torrent::TorrentState;
use torrent_patron::{AddOptions, Event, Source};

use crate::await_event;
use crate::support::{
    Seeder, address, bencode, builder, client, data, finished, maker, metainfo, same,
};

#[test]
fn a_torrent_goes_from_one_client_to_another() {
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let file = data(&from, "data.bin", 1, 1_000_000);
    let metainfo = metainfo(&file);

    let (seeder, leecher) = (client(&from), client(&to));
    let (source, sink) = (seeder.patron(), leecher.patron());
    let id = source.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&source, id);

    let options = AddOptions::default().add_peers([address(&source)]);
    let started = sink.add_torrent(&metainfo, options).wait().unwrap();
    let Added::New(copy) = started else { panic!("{started:?}") };
    await_event!(sink, Event::TorrentAdded { id, .. } if *id == copy);
    finished(&sink, copy);
    assert!(same(&file, &to.join("data.bin")));

    let status = sink.fresh_status(copy).wait().unwrap();
    assert_eq!(status.state, TorrentState::Seeding);
    assert_eq!((status.wanted_done, status.wanted_size), (1_000_000, 1_000_000));
    assert_eq!(&*status.name, "data.bin");

    sink.remove_torrent(copy, RemoveFiles::Delete).wait().unwrap();
    assert!(!to.join("data.bin").exists());
    assert!(sink.status(copy).is_none());
    for client in [seeder, leecher] {
        let report = client.shutdown(crate::support::PATIENCE).wait();
        assert!(report.is_clean(), "{report:?}");
    }
}

/// The names of its DHT nodes are the only part that is withheld from libtorrent.
#[test]
fn a_torrent_that_names_dht_nodes_goes_from_one_client_to_another() {
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 1, 1_000_000);
        let plain = maker(&file, protocol).comment("kept").start().unwrap().wait().unwrap();
        let mut bytes = plain.torrent_file().to_vec();
        bytes.pop();
        let node = bencode::list([bencode::text("127.0.0.1"), bencode::number(1)]);
        bytes.extend([bencode::text("nodes"), bencode::list([node])].concat());
        bytes.push(b'e');
        let metainfo = Metainfo::decode(&bytes).unwrap();
        assert_eq!(metainfo.info_hashes, plain.info_hashes);
        assert_eq!(metainfo.comment, plain.comment);

        let seeder = Seeder::with(&file, metainfo);
        let leecher = client(&dir.path().join("to"));
        let sink = leecher.patron();
        let id = sink.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        finished(&sink, id);
        assert!(same(&file, &dir.path().join("to/data.bin")));
    }
}

#[test]
fn every_version_of_the_protocol_is_carried() {
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let files = from.join("files");
        let names = ["a.bin", "b.bin", "empty", "c.bin"];
        for (seed, (name, size)) in names.iter().zip([70_000, 1, 0, 300_001]).enumerate() {
            data(&files, name, seed as u64, size);
        }
        let metainfo = maker(&files, protocol).start().unwrap().wait().unwrap();
        assert_eq!(metainfo.info_hashes.v1.is_some(), protocol != Protocol::V2);
        assert_eq!(metainfo.info_hashes.v2.is_some(), protocol != Protocol::V1);

        let (seeder, leecher) = (client(&from), client(&to));
        let (source, sink) = (seeder.patron(), leecher.patron());
        source.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
        let options = AddOptions::default().add_peers([address(&source)]);
        let id = sink.add_torrent(&metainfo, options).wait().unwrap().id();
        finished(&sink, id);
        for name in names {
            assert!(same(&files.join(name), &to.join("files").join(name)), "{protocol:?} {name}");
        }
    }
}

/// libtorrent looks for peers to connect to at its ticks.
#[test]
fn peers_that_the_program_names_are_connected_to_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 1000);
    let seeder = Seeder::of(&file);
    let magnet = seeder.metainfo.magnet();
    let torrents: [Source; 2] = [seeder.metainfo.clone().into(), magnet.into()];
    for (number, source) in torrents.into_iter().enumerate() {
        let builder = builder(&dir.path().join(number.to_string()));
        // The first tick comes at the start.
        let client = builder.setting("tick_interval", 3_600_000).start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
        patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
        finished(&patron, id);
        patron.remove_torrent(id, RemoveFiles::Delete).wait().unwrap();
        let added = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap();
        finished(&patron, added.id());
    }
}
