//! The counters of a client.

use torrent_patron::AddOptions;
use torrent_patron::error::ErrorKind;

use crate::support::{PATIENCE, Seeder, builder, client, data, finished};

#[test]
fn the_statistics_of_both_ends_count_the_transferred_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let size = 1_000_000;
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, size));
    let leecher = client(&dir.path().join("to"));
    let sink = leecher.patron();
    let id = sink.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&sink, id);

    let source = seeder.patron.statistics().wait().unwrap();
    let size = size as u64;
    assert!(source.sent_payload >= size && source.sent > source.sent_payload, "{source:?}");
    assert_eq!((source.torrents_seeding, source.torrents_downloading), (1, 0));
    assert!(source.incoming_connections >= 1, "{source:?}");
    let reads = source.reads;
    let bytes = reads.mapped_bytes + reads.copied_bytes + reads.cold_bytes;
    assert!(bytes + reads.stock_blocks() * 16 * 1024 >= size, "{reads:?}");
    assert_eq!(source.counter("net.sent_bytes"), i64::try_from(source.sent).ok());
    assert_eq!(source.counter("reads.copied_bytes"), i64::try_from(reads.copied_bytes).ok());

    let copy = sink.statistics().wait().unwrap();
    assert!(copy.received_payload >= size && copy.blocks_written * 16 * 1024 >= size, "{copy:?}");
    assert_eq!(copy.blocks_hashed, size.div_ceil(16 * 1024), "{copy:?}");
    assert_eq!(copy.peers, 0, "a finished torrent has let its seed go: {copy:?}");
}

#[test]
fn statistics_are_available_to_all_patrons_until_the_client_stops() {
    let dir = tempfile::tempdir().unwrap();
    let client = builder(dir.path()).start().unwrap();
    let [patron, other] = [client.patron(), client.patron()];
    let replies = (0..50).flat_map(|_| [patron.statistics(), other.statistics()]);
    let replies: Vec<_> = replies.collect();
    for reply in replies {
        assert_eq!(reply.wait().unwrap().torrents_seeding, 0);
    }
    patron
        .add_torrent(
            crate::support::metainfo(&data(dir.path(), "data.bin", 2, 100)),
            AddOptions::default(),
        )
        .wait()
        .unwrap();
    client.shutdown(PATIENCE).wait();
    for patron in [patron, other] {
        assert_eq!(patron.statistics().wait().unwrap_err().kind(), ErrorKind::Stopped);
    }
}
