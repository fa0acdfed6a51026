//! Measures clients with many torrents and one or several network threads, compared with a program that uses
//! libtorrent directly, in the same run.
//!
//!     cargo bench -p torrent-patron-cli --bench scale [-- [COUNT... | million] [threads=1,4] [defaults | bare=no]]
//!
//! By default 10,000 and 100,000 torrents, with one thread and two per core. The program has the client's
//! settings; with `defaults`, it is also measured with libtorrent's own; `bare=no` leaves it out, as it is slow
//! with a million torrents. The files are small and are not read. For each client, this measures the time to add
//! the torrents, memory and CPU time when idle, a tick, all statuses, the statuses of 1 % that have changed, the
//! time until all resume data is saved and until the client has shut down, and the start from that. Prints a
//! table to stdout; `target/bench-scale/` gets `results.json` (the results by count and contender, in the units in
//! the names) and plots.

#![allow(clippy::print_stdout)]

mod child;
mod plot;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use torrent_patron::Client;

/// libtorrent stops visiting an idle torrent after 10 s (`auto_manage_startup`). The first tick, which
/// reports every torrent, is before that.
const SETTLE: Duration = Duration::from_secs(20);
const REST: Duration = Duration::from_secs(10);

/// The measurements, in the order of the table.
const FIGURES: [&str; 10] = [
    "add_s",
    "memory_kib",
    "rest_percent",
    "tick_ms",
    "statuses_ms",
    "changed_ms",
    "save_s",
    "stop_s",
    "restore_s",
    "total_mib",
];

const BARE: &str = "bare libtorrent";

pub(crate) type Figures = BTreeMap<&'static str, f64>;

/// The results by count and contender.
pub(crate) type Results = BTreeMap<usize, Vec<(String, Figures)>>;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    if let [word, count, threads, directory] = &arguments[..]
        && word == child::WORD
    {
        return child::run(count.parse()?, threads.parse()?, Path::new(directory));
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut threads = vec![1, 2 * cores];
    let (mut counts, mut with_bare, mut with_defaults) = (Vec::new(), true, false);
    for word in &arguments {
        match (word.as_str(), word.strip_prefix("threads=")) {
            ("million", _) => counts.push(1_000_000),
            ("defaults", _) => with_defaults = true,
            ("bare=no", _) => with_bare = false,
            (_, Some(list)) => {
                threads = list.split(',').map(str::parse).collect::<Result<_, _>>()?;
            }
            (count, None) => counts.push(count.parse()?),
        }
    }
    if counts.is_empty() {
        counts = vec![10_000, 100_000];
    }
    let directory = tempfile::tempdir()?;
    let bare = build(directory.path())?;
    let mut results = Results::new();
    for count in counts {
        child::make_files(count, directory.path())?;
        let mut rows = Vec::new();
        if with_bare {
            let mut command = Command::new(&bare);
            command.arg(count.to_string()).arg(directory.path()).args(settings()?);
            rows.push((BARE.to_owned(), measure(command, count)?));
        }
        if with_defaults {
            let mut command = Command::new(&bare);
            command.arg(count.to_string()).arg(directory.path());
            rows.push(("its defaults".to_owned(), measure(command, count)?));
        }
        for threads in &threads {
            let mut command = Command::new(std::env::current_exe()?);
            let words = [child::WORD, &count.to_string(), &threads.to_string()];
            command.args(words).arg(directory.path());
            rows.push((format!("{threads} threads"), measure(command, count)?));
        }
        print(count, &rows);
        results.insert(count, rows);
    }
    write(&results)
}

/// Returns the settings of the client, so that both start with the same.
fn settings() -> Result<Vec<String>> {
    let settings = Client::builder().offline(true).effective_settings()?;
    let is_ours = |name: &str| ["disk_reads", "network_threads"].contains(&name);
    let known = settings.iter().filter(|(name, _)| !is_ours(name));
    Ok(known.map(|(name, value)| format!("{name}={value}")).collect())
}

fn build(directory: &Path) -> Result<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/scale/bare_scale.cpp");
    let program = directory.join("bare_scale");
    let flags = Command::new("pkg-config")
        .args(["--cflags", "--libs", "libtorrent-rasterbar"])
        .output()
        .context("cannot run pkg-config")?;
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let mut words = compiler.split_whitespace();
    let status = Command::new(words.next().unwrap_or("c++"))
        .args(words)
        .args(["-O2", "-std=c++17", source, "-o"])
        .arg(&program)
        .args(String::from_utf8_lossy(&flags.stdout).split_whitespace())
        .status()?;
    ensure!(status.success(), "cannot compile {source}");
    Ok(program)
}

/// Runs one process and measures it while it is idle.
fn measure(mut command: Command, count: usize) -> Result<Figures> {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let stdout = process.stdout.take().context("no stdout")?;
    let empty = memory(&process)?;
    let mut figures = Figures::new();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        if line == "rest" {
            std::thread::sleep(SETTLE);
            let (before, begun) = (cpu(&process)?, Instant::now());
            std::thread::sleep(REST);
            let used = cpu(&process)?.saturating_sub(before);
            let part = used.as_secs_f64() / begun.elapsed().as_secs_f64();
            figures.insert("rest_percent", 100.0 * part);
            let bytes = memory(&process)?.saturating_sub(empty);
            figures.insert("memory_kib", bytes as f64 / 1024.0 / count as f64);
            figures.insert("total_mib", bytes as f64 / 1024.0 / 1024.0);
            process.stdin.as_mut().context("no stdin")?.write_all(b"\n")?;
        } else if let Some((name, seconds)) = line.split_once(' ') {
            let seconds: f64 = seconds.parse()?;
            eprintln!("{count}: {name} {seconds:.3} s");
            let in_unit =
                |unit: &str| FIGURES.iter().find(|known| **known == format!("{name}_{unit}"));
            if let Some(known) = in_unit("s") {
                figures.insert(known, seconds);
            } else if let Some(known) = in_unit("ms") {
                figures.insert(known, 1000.0 * seconds);
            }
        }
    }
    let status = process.wait()?;
    ensure!(status.success(), "{command:?} failed");
    Ok(figures)
}

fn memory(process: &Child) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")).context("no RssAnon")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

/// Returns the CPU time of all threads.
fn cpu(process: &Child) -> Result<Duration> {
    let mut used = Duration::ZERO;
    for entry in std::fs::read_dir(format!("/proc/{}/task", process.id()))? {
        let scheduled = std::fs::read_to_string(entry?.path().join("schedstat"))?;
        let nanoseconds = scheduled.split(' ').next().unwrap_or_default().parse()?;
        used += Duration::from_nanos(nanoseconds);
    }
    Ok(used)
}

fn print(count: usize, rows: &[(String, Figures)]) {
    println!("{count} torrents; in brackets, times {BARE}\n");
    print!("{:16}", "");
    FIGURES.iter().for_each(|figure| print!("{figure:>18}"));
    println!();
    for (name, figures) in rows {
        print!("{name:16}");
        for figure in FIGURES {
            let bare = rows.iter().find(|(name, _)| name == BARE);
            let bare = bare.and_then(|(_, figures)| figures.get(figure));
            match (figures.get(figure), bare) {
                (Some(value), Some(bare)) => {
                    print!("{:>18}", format!("{value:.2} ({:.2})", value / bare));
                }
                (Some(value), None) => print!("{:>18}", format!("{value:.2}")),
                (None, _) => print!("{:>18}", "-"),
            }
        }
        println!();
    }
    println!();
}

fn write(results: &Results) -> Result<()> {
    let target = std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"), PathBuf::from);
    let directory = target.join("bench-scale");
    std::fs::create_dir_all(&directory)?;
    let by_count = results.iter().map(|(count, rows)| {
        let rows = rows.iter().map(|(name, figures)| (name.clone(), json!(figures)));
        (count.to_string(), Value::Object(rows.collect()))
    });
    let json = Value::Object(by_count.collect());
    std::fs::write(directory.join("results.json"), serde_json::to_string_pretty(&json)? + "\n")?;
    for figure in FIGURES {
        plot::bars(results, figure, &directory.join(format!("{figure}.svg")))?;
    }
    println!("{}", directory.display());
    Ok(())
}
