//! How long it takes to read a torrent's status.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use criterion::Criterion;
use parking_lot::{Mutex, RwLock};
use torrent_patron::TorrentId;
use torrent_patron::patron::Command;
use torrent_patron::torrent::TorrentStatus;

use crate::session::{Result, Session, TICK};
use crate::table::{Table, Target, percentile, sorted};

const TORRENTS: usize = 10_000;
const RUNS: usize = 9;
/// Reads per run, each of a different torrent.
const READS: usize = 100_000;
const MOST: Target = Target::AtMost(200.0);

pub(crate) fn criterion(criterion: &mut Criterion) -> Result<()> {
    let mut group = criterion.benchmark_group("status");
    for (name, torrents) in [("of 1 torrent", 1), ("of one in 1,000 torrents", 1000)] {
        let session = Session::paused(torrents, TICK)?;
        let id = session.ids[torrents / 2];
        group.bench_function(name, |bencher| bencher.iter(|| session.patron.status(id)));
    }

    // A tick every millisecond, each of which finds a change.
    let session = Session::paused(1, Duration::from_millis(1))?;
    while_ticks_change(&session, || {
        group.bench_function("while ticks change it", |bencher| {
            bencher.iter(|| session.patron.status(session.ids[0]));
        });
    })?;
    group.finish();
    Ok(())
}

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let session = Session::paused(TORRENTS, Duration::from_millis(1))?;
    let bare: HashMap<TorrentId, Mutex<TorrentStatus>> =
        session.patron.statuses().into_iter().map(|status| (status.id, status.into())).collect();
    let bare = RwLock::new(bare);
    let ids = shuffled(&session.ids);

    let ours = |id| session.patron.status(id);
    let reference = |id| bare.read().get(&id).map(|status| status.lock().clone());
    let rest = [sample(&ids, ours), sample(&ids, reference)];
    let busy = while_ticks_change(&session, || [sample(&ids, ours), sample(&ids, reference)])?;
    for (when, [ours, reference]) in [("no tick", rest), ("while ticks change them", busy)] {
        let name = format!("status of one in 10,000 torrents, {when}");
        ours.add_to(table, &name, MOST);
        reference.add_to(table, "  reference, RwLock<HashMap<_, Mutex<_>>>", Target::None);
        table.ratio("  status / reference, means", &ours.means, &reference.means);
    }
    let clock = sample(&ids, |_| ());
    table.figure("  of each p50 and p99: the clock", &clock.medians, "ns", Target::None);
    Ok(())
}

/// Durations in nanoseconds, for each run.
#[derive(Default)]
struct Samples {
    means: Vec<f64>,
    medians: Vec<f64>,
    p99: Vec<f64>,
}

impl Samples {
    fn add_to(&self, table: &mut Table, name: &str, target: Target) {
        table.figure(&format!("{name}: mean"), &self.means, "ns", target);
        table.figure("  p50, with the clock", &self.medians, "ns", target);
        table.figure("  p99, with the clock", &self.p99, "ns", target);
    }
}

fn sample<T>(ids: &[TorrentId], read: impl Fn(TorrentId) -> T) -> Samples {
    let mut samples = Samples::default();
    let turn = || ids.iter().copied().cycle().take(READS);
    for _ in 0..RUNS {
        let start = Instant::now();
        turn().for_each(|id| drop(std::hint::black_box(read(id))));
        samples.means.push(start.elapsed().as_secs_f64() * 1e9 / READS as f64);

        let single = |id| {
            let start = Instant::now();
            let found = std::hint::black_box(read(id));
            let took = start.elapsed();
            drop(found);
            took.as_secs_f64() * 1e9
        };
        let singles = sorted(&turn().map(single).collect::<Vec<_>>());
        samples.medians.push(percentile(&singles, 50));
        samples.p99.push(percentile(&singles, 99));
    }
    samples
}

/// Shuffles the ids, so that torrents are not read in the order in which they were added.
fn shuffled(ids: &[TorrentId]) -> Vec<TorrentId> {
    let prime = 7919;
    (0..ids.len()).map(|number| ids[number * prime % ids.len()]).collect()
}

fn while_ticks_change<T>(session: &Session, work: impl FnOnce() -> T) -> Result<T> {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let changes = scope.spawn(|| change_again_and_again(session, &stop));
        let done = work();
        stop.store(true, Ordering::Relaxed);
        changes.join().expect("the thread that changes the statuses panicked")?;
        Ok(done)
    })
}

/// Changes some torrents every millisecond.
fn change_again_and_again(session: &Session, stop: &AtomicBool) -> Result<()> {
    const AT_ONCE: usize = 10;
    while !stop.load(Ordering::Relaxed) {
        for ids in session.ids.chunks(AT_ONCE) {
            for command in [Command::Resume, Command::Pause] {
                ids.iter().try_for_each(|&id| session.patron.send(command(id)))?;
                std::thread::sleep(Duration::from_millis(1));
            }
            if stop.load(Ordering::Relaxed) {
                break;
            }
        }
    }
    Ok(())
}
