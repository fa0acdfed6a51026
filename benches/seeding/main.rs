//! What the wrapper costs: `torrent-patron seed` beside a bare libtorrent program.
//!
//!     cargo bench --bench seeding
//!
//! Both sides seed the same data over 127.0.0.1 to the same load generator with the same settings, in
//! turn. `PATRON_BENCH_SIZE_MIB` (1024), `PATRON_BENCH_SECONDS` (5) and `PATRON_BENCH_RUNS` (5) change the
//! size of the data, the length of a timed window, and how many times each side runs. Without
//! `--bench`, as under `cargo test --benches`, it only shows that it works.

mod data;
mod load;
mod seeder;

use std::path::Path;
use std::process::Command;
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use data::Data;
use load::{Plan, Swarm, Taken, wait_until_served};
use seeder::{Seeder, Side, output};

/// The wrapper's rate, as a part of bare libtorrent's.
const TARGET: f64 = 0.97;
const CONNECTIONS: [u32; 2] = [8, 50];
/// Requests outstanding on each connection: 2 MiB.
const PIPELINE: u32 = 128;
/// What a swarm runs before its timed window, until buffers and windows have their size.
const RAMP: Duration = Duration::from_millis(500);
const GIB: f64 = (1u64 << 30) as f64;
const MIB: f64 = (1u64 << 20) as f64;

/// The settings of the wrapper's session, for the bare one.
// TO BE REPLACED by the library's own list of what `torrent-patron seed` uses.
fn settings() -> Vec<(String, String)> {
    [
        ("listen_interfaces", "127.0.0.1:0"),
        ("enable_dht", "0"),
        ("enable_lsd", "0"),
        ("enable_upnp", "0"),
        ("enable_natpmp", "0"),
        ("allow_multiple_connections_per_ip", "1"),
        ("unchoke_slots_limit", "-1"),
        ("max_retry_port_bind", "0"),
        ("listen_system_port_fallback", "0"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

/// How much is measured.
struct Scale {
    size_mib: u64,
    window: Duration,
    runs: usize,
}

impl Scale {
    fn from_environment() -> Result<Self> {
        let benching = std::env::args().any(|arg| arg == "--bench");
        let (size_mib, seconds, runs) = if benching { (1024, 5.0, 5) } else { (16, 0.2, 1) };
        Ok(Self {
            size_mib: variable("PATRON_BENCH_SIZE_MIB", size_mib)?,
            window: Duration::try_from_secs_f64(variable("PATRON_BENCH_SECONDS", seconds)?)
                .context("PATRON_BENCH_SECONDS")?,
            runs: variable("PATRON_BENCH_RUNS", runs)?,
        })
    }
}

fn variable<T: FromStr<Err: Into<anyhow::Error>>>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Ok(value) => value.parse().map_err(Into::into).with_context(|| format!("{name}={value}")),
        Err(_) => Ok(default),
    }
}

/// One timed window.
#[derive(Clone, Copy)]
struct Sample {
    taken: Taken,
    seeder_cpu: Duration,
}

impl Sample {
    fn rate(&self) -> f64 {
        self.taken.bytes as f64 / MIB / self.taken.elapsed.as_secs_f64()
    }

    fn seeder_cost(&self) -> f64 {
        self.seeder_cpu.as_secs_f64() / self.gib()
    }

    fn load_cost(&self) -> f64 {
        self.taken.cpu.as_secs_f64() / self.gib()
    }

    fn gib(&self) -> f64 {
        self.taken.bytes as f64 / GIB
    }
}

/// The windows of one process: one for each number of connections.
type Run = [Sample; CONNECTIONS.len()];

fn main() -> Result<()> {
    let scale = Scale::from_environment()?;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let sides = [
        Side::bare(directory.path(), settings())?,
        Side::Wrapper { program: env!("CARGO_BIN_EXE_torrent-patron").into() },
    ];
    let data = Data::make(directory.path(), scale.size_mib << 20)?;
    data.warm()?;

    let version =
        output(Command::new("pkg-config").args(["--modversion", "libtorrent-rasterbar"]))?;
    println!(
        "seeding {} MiB over loopback, libtorrent {}, {} runs, windows of {:?}",
        scale.size_mib,
        version.trim(),
        scale.runs,
        scale.window
    );

    let mut pairs: Vec<[Run; 2]> = Vec::new();
    for number in 0..scale.runs {
        // Who goes first changes, so that a drift of the machine favours neither.
        let seed = number as u64;
        let measure = |side| measure(side, &data, scale.window, seed, directory.path());
        let [bare, wrapper] = &sides;
        pairs.push(if number % 2 == 0 {
            let first = measure(bare)?;
            [first, measure(wrapper)?]
        } else {
            let first = measure(wrapper)?;
            [measure(bare)?, first]
        });
    }

    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let samples: Vec<_> = pairs.iter().map(|pair| pair.map(|run| run[index])).collect();
        report(connections, &sides, &samples);
    }
    Ok(())
}

/// Runs one side: every piece once and verified, then the timed windows.
fn measure(side: &Side, data: &Data, window: Duration, seed: u64, logs: &Path) -> Result<Run> {
    let log = logs.join("seeder.log");
    try_measure(side, data, window, seed, &log).with_context(|| {
        format!(
            "{}; its stderr:\n{}",
            side.name(),
            std::fs::read_to_string(&log).unwrap_or_default()
        )
    })
}

fn try_measure(side: &Side, data: &Data, window: Duration, seed: u64, log: &Path) -> Result<Run> {
    let deadline = || Instant::now() + Duration::from_secs(60);
    let seeder = Seeder::start(side, data, log)?;
    let address = seeder.address;
    wait_until_served(address, &data.torrent, deadline())?;
    Swarm::connect(address, &data.torrent, CONNECTIONS[0], PIPELINE, Plan::Verify, deadline())?
        .run_to_end(deadline())?;

    let mut samples = Vec::new();
    for connections in CONNECTIONS {
        let plan = Plan::Discard { seed };
        let mut swarm =
            Swarm::connect(address, &data.torrent, connections, PIPELINE, plan, deadline())?;
        swarm.run_for(RAMP)?;
        let before = seeder.cpu()?;
        let taken = swarm.run_for(window)?;
        samples.push(Sample { taken, seeder_cpu: seeder.cpu()? - before });
    }
    seeder.stop()?;
    samples.try_into().ok().context("a window is missing")
}

/// One line of the table, from one pair of windows.
fn row([bare, wrapper]: &[Sample; 2]) -> [f64; 7] {
    [
        bare.rate(),
        bare.seeder_cost(),
        wrapper.rate(),
        wrapper.seeder_cost(),
        wrapper.rate() / bare.rate(),
        bare.load_cost(),
        wrapper.load_cost(),
    ]
}

fn report(connections: u32, sides: &[Side; 2], pairs: &[[Sample; 2]]) {
    let rows: Vec<_> = pairs.iter().map(row).collect();
    let columns: [Vec<f64>; 7] = std::array::from_fn(|column| {
        let mut values: Vec<_> = rows.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values
    });
    let medians = columns.each_ref().map(|values| median(values));

    let [bare, wrapper] = sides.each_ref().map(Side::name);
    println!("\n{connections} connections");
    println!("        {bare:>18} {wrapper:>18}           load generator");
    println!("  run   MiB/s  CPU s/GiB   MiB/s  CPU s/GiB   ratio   CPU s/GiB");
    for (number, row) in (1..).zip(&rows) {
        print_row(&number.to_string(), row);
    }
    print_row("median", &medians);

    let (lowest, highest) = (columns[4][0], columns[4][pairs.len() - 1]);
    let verdict = if medians[4] >= TARGET { "reached" } else { "missed" };
    println!(
        "  ratio {:.3}, from {lowest:.3} to {highest:.3}; the target {TARGET} is {verdict}",
        medians[4]
    );
    for (seeder, load) in [(medians[1], medians[5]), (medians[3], medians[6])] {
        if load > seeder / 2.0 {
            println!("  the load generator costs {load:.2} beside {seeder:.2} CPU s/GiB: too much");
        }
    }
}

fn print_row(name: &str, row: &[f64; 7]) {
    let [bare, bare_cost, wrapper, wrapper_cost, ratio, load_bare, load_wrapper] = row;
    println!(
        "  {name:<6}{bare:>6.0}{bare_cost:>11.3}{wrapper:>8.0}{wrapper_cost:>11.3}{ratio:>8.3}\
         {load_bare:>9.3} /{load_wrapper:>6.3}"
    );
}

fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 { sorted[middle] } else { (sorted[middle - 1] + sorted[middle]) / 2.0 }
}
