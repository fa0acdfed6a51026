//! How long a command takes if its reply is waited for.

use std::time::Duration;

use criterion::Criterion;
use crossbeam_channel::{Receiver, Sender, bounded};

use crate::session::{Result, Session, TICK, call, microseconds};
use crate::table::{Table, Target, percentile, sorted};

/// Two threads that wake each other: the minimum cost of a round trip.
pub(crate) struct PingPong {
    ping: Sender<()>,
    pong: Receiver<()>,
}

impl PingPong {
    pub(crate) fn start() -> Self {
        let (ping, pinged) = bounded(1);
        let (ponging, pong) = bounded(1);
        // It ends when `ping` is dropped.
        std::thread::spawn(move || while pinged.recv().is_ok() && ponging.send(()).is_ok() {});
        Self { ping, pong }
    }

    pub(crate) fn call(&self) -> Result<()> {
        self.ping.send(())?;
        Ok(self.pong.recv()?)
    }
}

pub(crate) fn criterion(criterion: &mut Criterion) -> Result<()> {
    let session = Session::paused(1, TICK)?;
    let ping_pong = PingPong::start();
    let mut group = criterion.benchmark_group("round trip");
    group.bench_function("pause and wait", |bencher| {
        bencher.iter(|| call(&session.patron, session.ids[0]));
    });
    group.bench_function("reference: two threads over bounded(1)", |bencher| {
        bencher.iter(|| ping_pong.call());
    });
    group.finish();
    Ok(())
}

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let session = Session::paused(1, TICK)?;
    let (patron, id) = (&session.patron, session.ids[0]);
    let ping_pong = PingPong::start();
    // With a pause, both threads sleep before each call; without one, they may find each other
    // still awake.
    for (way, runs, calls, pause) in [
        ("calls at once", 15, 2000, Duration::ZERO),
        ("a call each ms", 9, 250, Duration::from_millis(1)),
    ] {
        let mut all = Vec::new();
        let mut medians = [const { Vec::new() }; 3];
        for _ in 0..runs {
            let pauses = samples(calls, pause, || call(patron, id))?;
            let others = samples(calls, pause, || Ok(patron.unwatch(id).wait()?))?;
            let references = samples(calls, pause, || ping_pong.call())?;
            for (medians, samples) in medians.iter_mut().zip([&pauses, &others, &references]) {
                medians.push(percentile(&sorted(samples), 50));
            }
            all.extend(pauses);
        }
        let name = format!("round trip, idle client, {way}");
        let [pauses, others, references] = &medians;
        table.figure(&format!("{name}: median"), pauses, "µs", Target::AtMost(50.0));
        tail(table, &name, &all);
        table.figure("  the same outside libtorrent (unwatch): median", others, "µs", Target::None);
        table.figure("  reference, two threads over bounded(1)", references, "µs", Target::None);
        table.ratio("  round trip / reference", pauses, references);
    }
    Ok(())
}

pub(crate) fn tail(table: &mut Table, name: &str, samples: &[f64]) {
    let sorted = sorted(samples);
    for percent in [90, 99] {
        let value = percentile(&sorted, percent);
        table.figure(&format!("{name}: p{percent}"), &[value], "µs", Target::None);
    }
}

fn samples(
    count: usize,
    pause: Duration,
    mut work: impl FnMut() -> Result<()>,
) -> Result<Vec<f64>> {
    let sample = |_| {
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
        microseconds(&mut work)
    };
    (0..count).map(sample).collect()
}
