//! Adds and removes torrents for a long time: nothing may be left of them. `make soak` runs it.

use std::time::Instant;

use torrent_patron::metainfo::Protocol;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::{AddOptions, Patron, TorrentId};

use crate::support::{address, builder, data, finished, maker};

/// The number of torrents that run at the same time.
const BATCH: usize = 50;
const DEFAULT_CYCLES: usize = 10_000;

/// The resources of this process.
#[derive(Debug, Clone, Copy)]
struct Held {
    kibibytes: usize,
    descriptors: usize,
    threads: usize,
}

fn held() -> Held {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| -> usize {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    Held {
        kibibytes: field("VmRSS:"),
        descriptors: std::fs::read_dir("/proc/self/fd").unwrap().count(),
        threads: field("Threads:"),
    }
}

fn add(patron: &Patron, torrent: &[u8], options: AddOptions) -> TorrentId {
    patron.add_torrent(torrent, options).wait().unwrap().id()
}

#[test]
#[ignore = "takes minutes: make soak"]
fn removed_torrents_leave_nothing_behind() {
    let cycles = std::env::var("CYCLES").map_or(DEFAULT_CYCLES, |cycles| cycles.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let torrents: Vec<Vec<u8>> = (0..BATCH)
        .map(|number| {
            let file = data(&from, &format!("{number}.bin"), number as u64, 100_000);
            let made = maker(&file, Protocol::Hybrid).start().unwrap().wait().unwrap();
            made.torrent_file().to_vec()
        })
        .collect();
    let (seeder, leecher) = (builder(&from).start().unwrap(), builder(&to).start().unwrap());
    let (seeds, leeches) = (seeder.patron(), leecher.patron());
    let peer = address(&seeds);
    let begun = Instant::now();
    let mut first: Option<Held> = None;
    let mut last = held();
    for done in (0..cycles).step_by(BATCH) {
        let here: Vec<_> =
            torrents.iter().map(|torrent| add(&seeds, torrent, AddOptions::default())).collect();
        let there: Vec<_> = torrents
            .iter()
            .map(|torrent| add(&leeches, torrent, AddOptions::default().add_peers([peer])))
            .collect();
        for id in &there {
            leeches.wait_until_finished(*id).wait().unwrap();
        }
        for (patron, ids, files) in
            [(&seeds, here, RemoveFiles::Keep), (&leeches, there, RemoveFiles::Delete)]
        {
            let removed: Vec<_> =
                ids.into_iter().map(|id| patron.remove_torrent(id, files)).collect();
            removed.into_iter().for_each(|reply| reply.wait().unwrap());
            while patron.try_recv().is_some() {}
        }
        last = held();
        // By then pools and caches have reached their size.
        if first.is_none() && done >= cycles / 5 {
            first = Some(last);
        }
        if done % (cycles / 10).max(BATCH) == 0 {
            println!("{:>6} cycles, {:?}: {last:?}", done + BATCH, begun.elapsed());
        }
    }
    let first = first.unwrap_or(last);
    println!("from {first:?} to {last:?}");
    assert!(last.descriptors <= first.descriptors + 10, "descriptors");
    assert!(last.threads <= first.threads + 2, "threads");
    assert!(last.kibibytes <= first.kibibytes + 16 * 1024, "memory");
    let id = add(&leeches, &torrents[0], AddOptions::default().add_peers([peer]));
    add(&seeds, &torrents[0], AddOptions::default());
    finished(&leeches, id);
}
