//! What the wrapper costs: `torrent-patron seed` beside a bare libtorrent program.
//!
//!     cargo bench --features cli --bench seeding
//!
//! Both sides seed the same data over 127.0.0.1, with the same settings, to the same load generator.
//! In each run both processes are fresh, every piece is verified once, and then they take turns in
//! slices of a fifth of a second, so that whatever else the machine does hits both alike.
//!
//! `PATRON_BENCH_SIZE_MIB` (1024) is the size of the data, `PATRON_BENCH_SECONDS` (5) the time that
//! each side is measured in a run and `PATRON_BENCH_RUNS` (5) the number of runs. With
//! `PATRON_BENCH_PRESET=seeding` both sides use that preset. Without `--bench`, as under
//! `cargo test --benches`, it only shows that it works.

mod data;
mod load;
mod measure;
mod seeder;
mod table;

use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use torrent_patron::{Client, Settings};

use data::Data;
use seeder::{Side, output};

/// The settings that both sides have: those that `torrent-patron seed --offline` starts from.
fn settings(preset: &str) -> Result<Vec<(String, String)>> {
    let settings = match preset {
        "default" => Settings::default(),
        "seeding" => Settings::seeding(),
        other => bail!("there is no preset called {other}"),
    };
    let effective = Client::builder().offline(true).settings(settings).effective_settings()?;
    Ok(effective.iter().map(|(name, value)| (name.to_owned(), value.to_string())).collect())
}

fn main() -> Result<()> {
    let benching = std::env::args().any(|argument| argument == "--bench");
    let (size, seconds, runs) = if benching { (1024, 5.0, 5) } else { (16, 0.5, 1) };
    let size: u64 = variable("PATRON_BENCH_SIZE_MIB", size)?;
    let seconds: f64 = variable("PATRON_BENCH_SECONDS", seconds)?;
    let runs: usize = variable("PATRON_BENCH_RUNS", runs)?;
    let preset: String = variable("PATRON_BENCH_PRESET", "default".into())?;
    let time = Duration::try_from_secs_f64(seconds).context("PATRON_BENCH_SECONDS")?;

    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let sides = [
        Side::bare(directory.path(), settings(&preset)?)?,
        Side::Wrapper { program: env!("CARGO_BIN_EXE_torrent-patron").into(), preset },
    ];
    let data = Data::make(directory.path(), size << 20)?;
    data.warm()?;
    println!("seeding {size} MiB over loopback with libtorrent {}", libtorrent_version()?);

    let mut pairs = Vec::new();
    for number in 0..runs {
        pairs.push(measure::run(&sides, &data, time, number, directory.path())?);
    }
    table::print(&sides, &pairs);
    Ok(())
}

fn libtorrent_version() -> Result<String> {
    let version = output("pkg-config", &["--modversion", "libtorrent-rasterbar"])?;
    Ok(version.trim().to_owned())
}

fn variable<T: FromStr<Err: Into<anyhow::Error>>>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Ok(value) => value.parse().map_err(Into::into).with_context(|| format!("{name}={value}")),
        Err(_) => Ok(default),
    }
}
