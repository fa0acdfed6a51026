//! How long it takes to read what is known of a torrent.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use criterion::Criterion;
use torrent_patron::{Command, TorrentId};

use crate::session::{Result, Session, TICK};

pub(crate) fn criterion(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("status");
    for (name, torrents) in [("of 1 torrent", 1), ("of one in 1,000 torrents", 1000)] {
        let session = Session::paused(torrents, TICK)?;
        let id = session.ids[torrents / 2];
        group.bench_function(name, |bencher| bencher.iter(|| session.patron.status(id)));
    }

    // Every millisecond a tick, and a change that it finds.
    let session = Session::paused(1, Duration::from_millis(1))?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| change_again_and_again(&session, session.ids[0], &stop));
        group.bench_function("while ticks change it", |bencher| {
            bencher.iter(|| session.patron.status(session.ids[0]));
        });
        stop.store(true, Ordering::Relaxed);
        changes.join().expect("the thread that changes the status panicked")
    })?;
    group.finish();
    Ok(())
}

fn change_again_and_again(session: &Session, id: TorrentId, stop: &AtomicBool) -> Result<()> {
    while !stop.load(Ordering::Relaxed) {
        for command in [Command::Resume(id), Command::Pause(id)] {
            session.patron.send(command)?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}
