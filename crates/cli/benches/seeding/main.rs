//! Compares seeders: how fast they send, and what that costs.
//!
//!     make bench-seeding
//!
//! Or, without checking for missing programs, `cargo bench -p torrent-patron-cli --bench seeding`. It needs
//! neither a network nor root, and takes about six minutes. In one run and on the same data it measures, over
//! loopback and with a load generator that discards everything:
//!
//! - `bare`: a C++ program around libtorrent, with its own disk and the best settings known;
//! - `no-disk`: the same without any disk, which sends zeros: the ceiling;
//! - `patron-stock`, `patron-copy`, `patron-zero-copy`: `torrent-patron seed --preset seeding`, in each of
//!   its modes of reading the disk;
//! - `patron-copy-cores`, `patron-zero-copy-cores`: the same with one network thread per core, all of which
//!   serve the torrents; the connections are spread over them;
//! - `other-copy`, `other-zero-copy`: another build of `torrent-patron`, if `PATRON_BENCH_OTHER` is its path, such as
//!   one with libtorrent linked statically;
//! - `rqbit` (`cargo install --locked rqbit`), `transmission` and `qbittorrent`, if installed;
//! - the sender of `iperf3`, if installed: the minimum cost of sending this much data from the cache.
//!
//! The scenarios are `hot-large` (one large torrent in the page cache), `hot-shallow` (the same with
//! few requests outstanding), `hot-small` (many small ones), `cold-large` and `cold-small` (the same
//! on the disk alone) and `hot-while-cold` (small torrents read from the page cache while the large
//! one is read from the disk). "First byte" is the time from the first request of a fresh connection
//! to the first byte of its block, while the other connections load the seeder.
//!
//! It prints a table for each scenario and number of connections, and whether our targets are reached. It
//! writes `results.json` (see `report/json.rs`) and plots to `target/bench-seeding/`, and prints their paths
//! at the end.
//!
//! Environment variables select what is measured and for how long:
//!
//! | | default | |
//! | --- | --- | --- |
//! | `PATRON_BENCH_SECONDS` | 1 | that each contender is measured on each number of connections |
//! | `PATRON_BENCH_CONNECTIONS` | 1,8,50,200 | |
//! | `PATRON_BENCH_CONTENDERS` | all | by the names above; `bare` always takes part |
//! | `PATRON_BENCH_SCENARIOS` | all | by the names above |
//! | `PATRON_BENCH_SIZE_MIB` | 2048 | of the large torrent |
//! | `PATRON_BENCH_SMALL_TORRENTS` | 200 | how many small torrents; each has 2 MiB |
//!
//! The targets are for 1, 8, 50 and 200 connections. Without `--bench`, as under `cargo test --benches`, it
//! only shows that the benchmark works.

mod contenders;
mod data;
mod facts;
mod load;
mod measure;
mod options;
mod page_cache;
mod process;
mod report;
mod scenario;

use std::path::Path;
use std::sync::LazyLock;
use std::time::Instant;

use anyhow::{Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use contenders::iperf3::{self, Iperf3};
use contenders::{Contender, Seeder};
use data::Data;
use facts::Facts;
use measure::tolerate;
use options::Options;
use report::Report;
use scenario::Scenario;

fn main() -> Result<()> {
    let benching = std::env::args().any(|argument| argument == "--bench");
    let options = Options::read(benching)?;
    allow_many_files()?;

    progress("making the data");
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let all = contenders::all(directory.path())?;
    let mut present = take_part(&all, &options);
    let mut report = Report::new(Facts::gather()?, &present);
    let data = Data::make(directory.path(), options.large, options.small, options.small_count)?;

    let required: Vec<_> =
        present.iter().copied().filter(|contender| contender.is_required()).collect();

    hot(&mut present, &data, &options, directory.path(), &mut report)?;
    let (no_disk, mut present): (Vec<_>, Vec<_>) =
        present.into_iter().partition(|contender| contender.has_no_disk());
    present.retain(|contender| contender.starts_quickly());
    let wants = |scenario| options.scenarios.contains(&scenario);
    if wants(Scenario::ColdLarge) || wants(Scenario::ColdSmall) {
        measure::cold(&mut present, &data, &options, directory.path(), &mut report);
    }
    if wants(Scenario::HotWhileCold) {
        measure::hot_while_cold(&mut present, &data, &options, directory.path(), &mut report);
    }
    report.print(options.results.as_deref())?;

    let survivors: Vec<_> = no_disk.iter().chain(&present).map(|one| one.key()).collect();
    let failed: Vec<_> = required
        .iter()
        .filter(|one| !survivors.contains(&one.key()))
        .map(|one| one.name())
        .collect();
    ensure!(failed.is_empty(), "failed: {}", failed.join("; "));
    Ok(())
}

/// Returns the contenders that are wanted and can take part.
fn take_part<'a>(all: &'a [Box<dyn Contender>], options: &Options) -> Vec<&'a dyn Contender> {
    let wanted = all.iter().map(|contender| &**contender).filter(|one| options.wants(*one));
    let is_here = |contender: &&dyn Contender| match contender.unavailable() {
        Some(reason) => {
            println!("{} is left out: {reason}", contender.name());
            false
        }
        None => true,
    };
    wanted.filter(is_here).collect()
}

/// Measures the hot scenarios. Returns the contenders that have not failed.
fn hot<'a>(
    contenders: &mut Vec<&'a dyn Contender>,
    data: &'a Data,
    options: &Options,
    directory: &Path,
    report: &mut Report,
) -> Result<()> {
    let mut seeders = Vec::new();
    for &contender in &*contenders {
        let started = Seeder::start(contender, data, directory);
        seeders.extend(tolerate(contender, started));
    }
    page_cache::warm(data.files())?;
    let mut checked = Vec::new();
    for seeder in seeders {
        progress(seeder.contender.name());
        let ready = seeder.wait_until_complete(data);
        let verified = ready.and_then(|()| match seeder.contender.has_no_disk() {
            true => Ok(()),
            false => measure::verify(&seeder, data),
        });
        if tolerate(seeder.contender, verified).is_some() {
            checked.push(seeder);
        }
    }
    let iperf3 = match iperf3::about() {
        Some(_) if options.wants_key(iperf3::KEY) => Some(Iperf3::start()?),
        Some(_) => None,
        None => {
            println!("{} is left out: it is not installed", iperf3::NAME);
            None
        }
    };
    let scenarios = options.scenarios.iter().filter(|scenario| scenario.is_hot());
    let cells: Vec<_> = scenarios
        .flat_map(|&scenario| options.connections.iter().map(move |&count| (scenario, count)))
        .collect();
    progress("hot");
    measure::hot(&cells, &mut checked, iperf3.as_ref(), data, options, report)?;
    contenders
        .retain(|contender| checked.iter().any(|seeder| seeder.contender.key() == contender.key()));
    checked.into_iter().try_for_each(Seeder::stop)
}

/// Each connection is an open file, here and in the seeders, which inherit the limit.
fn allow_many_files() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    Ok(setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit })?)
}

/// Prints the current step and the time to stderr.
pub(crate) fn progress(what: &str) {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    eprintln!("{:>4.0} s  {what}", START.elapsed().as_secs_f64());
}
