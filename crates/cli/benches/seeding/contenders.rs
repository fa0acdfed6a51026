//! The compared programs, and how each is started: only on loopback, and without any limit that can be turned
//! off.

mod bare;
pub(crate) mod iperf3;
mod patron;
mod qbittorrent;
mod rqbit;
mod transmission;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::data::Data;
use crate::load::wait_until_complete;
use crate::process::Process;
use patron::{Build, Patron, Threads};

const START: Duration = Duration::from_secs(20);
/// The maximum time for checking all data.
const CHECK: Duration = Duration::from_secs(120);

/// A seeder to compare.
pub(crate) trait Contender {
    /// Its name on the command line and in the JSON.
    fn key(&self) -> &'static str;

    /// Its name in tables and plots.
    fn name(&self) -> &'static str;

    /// Its version and configuration.
    fn about(&self) -> String;

    /// Why it cannot take part.
    fn unavailable(&self) -> Option<String>;

    /// Whether its failure fails the whole run. Programs by others may fail.
    fn is_required(&self) -> bool {
        false
    }

    /// Whether it reads no files. It sends zeros, so there is nothing to verify.
    fn has_no_disk(&self) -> bool {
        false
    }

    /// Whether it starts quickly enough to be restarted often, as needed for cold data.
    fn starts_quickly(&self) -> bool {
        true
    }

    /// Whether it answers so rarely that short slices are meaningless; it then gets one long slice.
    fn answers_seldom(&self) -> bool {
        false
    }

    /// The number of addresses that it listens on. Its peers are spread over them.
    fn listens_at(&self) -> usize {
        1
    }

    /// Returns how to start it. It writes to `home`.
    fn launch(&self, data: &Data, home: &Path) -> Result<Launch>;
}

pub(crate) struct Launch {
    command: Command,
    /// `None` if it prints the address to stdout, as an event in JSON.
    address: Option<SocketAddr>,
}

/// Returns all contenders. The others are compared with the first.
pub(crate) fn all(directory: &Path) -> Result<Vec<Box<dyn Contender>>> {
    let program = bare::build(directory)?;
    let ours = |disk_reads, threads| {
        Box::new(Patron { build: Build::This, disk_reads, threads }) as Box<dyn Contender>
    };
    let mut all: Vec<Box<dyn Contender>> = vec![
        Box::new(bare::Bare { program: program.clone(), disk: bare::Disk::Stock }),
        Box::new(bare::Bare { program, disk: bare::Disk::None }),
        ours("stock", Threads::One),
        ours("copy", Threads::One),
        ours("copy", Threads::OneForEachCore),
        ours("zero_copy", Threads::One),
        ours("zero_copy", Threads::OneForEachCore),
        Box::new(rqbit::Rqbit),
        Box::new(transmission::Transmission),
        Box::new(qbittorrent::Qbittorrent),
    ];
    if let Ok(other) = std::env::var("PATRON_BENCH_OTHER") {
        for disk_reads in ["copy", "zero_copy"] {
            let build = Build::Other(other.clone());
            all.push(Box::new(Patron { build, disk_reads, threads: Threads::One }));
        }
    }
    Ok(all)
}

/// A running contender.
pub(crate) struct Seeder<'a> {
    pub(crate) contender: &'a dyn Contender,
    pub(crate) process: Process,
    pub(crate) addresses: Vec<SocketAddr>,
}

impl<'a> Seeder<'a> {
    /// Starts it, and waits until it listens.
    pub(crate) fn start(
        contender: &'a dyn Contender,
        data: &Data,
        directory: &Path,
    ) -> Result<Self> {
        let home = directory.join(contender.key());
        std::fs::create_dir_all(&home)?;
        let launch = contender.launch(data, &home)?;
        let process = Process::start(launch.command, &home.join("stderr.log"))?;
        let told = || {
            process
                .find(START, listening_address)
                .with_context(|| process.complaints())
                .context(contender.name())
        };
        let addresses = match launch.address {
            Some(address) => vec![address],
            None => (0..contender.listens_at()).map(|_| told()).collect::<Result<_>>()?,
        };
        Ok(Self { contender, process, addresses })
    }

    /// Waits until it has checked its data and answers for all of it.
    pub(crate) fn wait_until_complete(&self, data: &Data) -> Result<()> {
        let deadline = Instant::now() + CHECK;
        self.addresses.iter().try_for_each(|&address| {
            wait_until_complete(address, &data.torrents, deadline).with_context(|| self.describe())
        })
    }

    /// Returns its name and what it wrote to stderr, for errors.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.contender.name(), self.process.complaints()).trim_end().to_owned()
    }

    /// Ends it. A required contender must end cleanly.
    pub(crate) fn stop(self) -> Result<()> {
        let (name, required) = (self.contender.name(), self.contender.is_required());
        let status = self.process.stop().context(name)?;
        ensure!(status.success() || !required, "{name} ended with {status}");
        Ok(())
    }
}

/// Parses `{"event":"listening","address":"..."}`.
fn listening_address(line: &str) -> Option<SocketAddr> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    if event["event"] != "listening" {
        return None;
    }
    event["address"].as_str()?.parse().ok()
}

/// Returns the first line of the output of `program --version`, on either stream.
fn version(program: &str) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let said = [output.stdout, output.stderr].concat();
    Some(String::from_utf8_lossy(&said).lines().next()?.trim().to_owned())
}

fn not_installed(program: &str) -> Option<String> {
    version(program).is_none().then(|| format!("{program} is not installed"))
}

fn torrent_files(data: &Data) -> impl Iterator<Item = &PathBuf> {
    data.torrents.iter().map(|torrent| &torrent.torrent_file)
}
