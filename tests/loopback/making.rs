//! Torrents are made, read, and found again by magnet link.

use std::time::{Duration, SystemTime};

use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{Magnet, Metainfo, Protocol, TorrentMaker};
use torrent_patron::{AddOptions, Event, Source};

use crate::await_event;
use crate::support::{PATIENCE, address, client, data, finished, maker, same};

#[test]
fn options_of_the_maker_are_in_the_metainfo() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(dir.path(), "data.bin", 1, 100_000);
    let date = SystemTime::UNIX_EPOCH + Duration::from_secs(1_234_567_890);
    let make = || {
        TorrentMaker::new(&path)
            .piece_length(32 * 1024)
            .add_tracker("http://127.0.0.1:1/announce", 0)
            .add_tracker("udp://127.0.0.1:2/announce", 0)
            .add_tracker("http://127.0.0.1:3/announce", 1)
            .add_web_seed("http://127.0.0.1:4/data.bin")
            .private(true)
            .comment("a remark")
            .creator("a program")
            .creation_date(date)
            .start()
            .unwrap()
            .wait()
            .unwrap()
    };
    let made = make();
    assert_eq!(made.name, "data.bin");
    assert_eq!((made.piece_length, made.piece_count), (32 * 1024, 4));
    // libtorrent shuffles the trackers of a tier (BEP 12).
    let mut trackers: Vec<_> = made.trackers.iter().map(|t| (t.tier, t.url.as_str())).collect();
    trackers.sort();
    assert_eq!(
        trackers,
        [
            (0, "http://127.0.0.1:1/announce"),
            (0, "udp://127.0.0.1:2/announce"),
            (1, "http://127.0.0.1:3/announce"),
        ]
    );
    assert_eq!(made.web_seeds, ["http://127.0.0.1:4/data.bin"]);
    assert!(made.private);
    assert_eq!(made.comment.as_deref(), Some("a remark"));
    assert_eq!(made.creator.as_deref(), Some("a program"));
    assert_eq!(made.creation_date, Some(date));
    let real: Vec<_> = made.files.iter().filter(|file| !file.pad).collect();
    assert_eq!(real.len(), 1);
    assert_eq!((real[0].path.to_str(), real[0].size), (Some("data.bin"), 100_000));
    assert_eq!(make().torrent_file(), made.torrent_file(), "a fixed date makes it reproducible");

    let file = dir.path().join("data.torrent");
    std::fs::write(&file, made.torrent_file()).unwrap();
    let read = Metainfo::read(&file).unwrap();
    assert_eq!(read.info_hashes, made.info_hashes);

    let magnet: Magnet = made.magnet().to_string().parse().unwrap();
    assert_eq!(magnet.info_hashes, made.info_hashes);
    assert_eq!(magnet.name.as_deref(), Some("data.bin"));
    assert_eq!(magnet.trackers.len(), 3);
    assert_eq!(magnet.web_seeds, made.web_seeds);
}

#[test]
fn a_directory_keeps_its_names_and_the_default_piece_length_fits() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("some files");
    data(&root.join("below"), "ünïcode 名前.bin", 1, 10);
    data(&root, "a b.bin", 2, 20);
    data(&root, "empty", 3, 0);
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let made = TorrentMaker::new(&root).protocol(protocol).start().unwrap().wait().unwrap();
        let mut names: Vec<_> = made
            .files
            .iter()
            .filter(|file| !file.pad)
            .map(|file| file.path.to_str().unwrap().to_owned())
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["some files/a b.bin", "some files/below/ünïcode 名前.bin", "some files/empty"],
            "{protocol:?}"
        );
        assert!(made.piece_length.is_power_of_two() && made.piece_length >= 16 * 1024);
    }
}

#[test]
fn making_reports_its_progress_and_can_be_cancelled() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.bin");
    std::fs::File::create(&path).unwrap().set_len(256 << 20).unwrap();
    let making = maker(&path, Protocol::Hybrid).start().unwrap();
    making.cancel();
    let error = making.wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");

    let path = data(dir.path(), "small.bin", 1, 100_000);
    let making = maker(&path, Protocol::V1).start().unwrap();
    making.wait_timeout(PATIENCE).unwrap().unwrap();
    let progress = making.progress();
    assert_eq!((progress.files, progress.pieces, progress.piece_count), (1, 7, 7));
    assert_eq!((progress.bytes, progress.size), (100_000, 100_000));
}

#[test]
fn a_torrent_that_cannot_be_made_reports_why() {
    let dir = tempfile::tempdir().unwrap();
    let empty = dir.path().join("empty");
    std::fs::create_dir(&empty).unwrap();
    let start = |path: &std::path::Path, length| {
        TorrentMaker::new(path).piece_length(length).start().and_then(|making| making.wait())
    };
    let error = start(&dir.path().join("missing"), 0).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("missing: No such file"), "{error}");
    let error = start(&empty, 0).unwrap_err();
    assert!(error.to_string().contains("empty has no data to share"), "{error}");
    let empty = data(dir.path(), "empty.bin", 1, 0);
    let error = start(&empty, 0).unwrap_err();
    assert!(error.to_string().contains("empty.bin has no data to share"), "{error}");
    for length in [1, 1000, 8192, 48 * 1024, u32::MAX] {
        let error = start(dir.path(), length).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[test]
fn a_magnet_link_gets_its_metadata_from_a_peer() {
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        let path = data(&from, "data.bin", 1, 200_000);
        let metainfo = maker(&path, protocol).start().unwrap().wait().unwrap();
        let (seeder, leecher) = (client(&from), client(&to));
        let (source, sink) = (seeder.patron(), leecher.patron());
        source.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();

        let magnet = format!(
            "magnet:?xt={}",
            match (metainfo.info_hashes.v1, metainfo.info_hashes.v2) {
                (Some(v1), _) => format!("urn:btih:{v1}"),
                (None, Some(v2)) => format!("urn:btmh:1220{v2}"),
                (None, None) => panic!("no info hash"),
            }
        );
        let link = Source::from_text(&magnet);
        let id = sink.add_torrent(link, AddOptions::default()).wait().unwrap().id();
        let early = sink.status(id).unwrap();
        assert_eq!(
            *early.name,
            *metainfo.info_hashes.to_string(),
            "the hash until there is a name"
        );
        sink.connect_peer(id, address(&source)).wait().unwrap();
        let (name, hashes) = await_event!(
            sink,
            Event::MetadataReceived { name, info_hashes, .. } => (name.clone(), *info_hashes)
        );
        assert_eq!((&*name, hashes), ("data.bin", metainfo.info_hashes));
        finished(&sink, id);
        assert!(same(&path, &to.join("data.bin")));
        assert_eq!(&*sink.status(id).unwrap().name, "data.bin");

        let exported = sink.metainfo(id).wait().unwrap();
        assert_eq!(exported.info_hashes, metainfo.info_hashes);
        assert_eq!(exported.files, metainfo.files);
        let again = sink.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
        assert_eq!(again.id(), id, "found by the hashes that the metadata told");
    }
}

#[test]
fn the_metainfo_of_a_magnet_link_without_peers_is_unknown() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let source = Source::from_text("magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567");
    let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
    let error = patron.metainfo(id).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMetadata);
    assert!(error.to_string().contains("no metadata"), "{error}");
    patron.remove_torrent(id, torrent_patron::patron::RemoveFiles::Delete).wait().unwrap();
}
