//! The programs that are compared: how each is started, on loopback alone and with no limit that it
//! lets us lift.

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
use patron::Threads;

const START: Duration = Duration::from_secs(20);
/// Until all data is checked.
const CHECK: Duration = Duration::from_secs(120);

/// A seeder to compare.
pub(crate) trait Contender {
    /// How it is chosen on the command line, and called in the JSON.
    fn key(&self) -> &'static str;

    /// How it is called in tables and plots.
    fn name(&self) -> &'static str;

    /// Its version, and how it is set up.
    fn about(&self) -> String;

    /// Why it cannot take part.
    fn unavailable(&self) -> Option<String>;

    /// Whether the run has failed if it does. Those that others wrote may.
    fn is_required(&self) -> bool {
        false
    }

    /// Whether it reads no file: what it sends is zeros, and there is nothing to verify.
    fn has_no_disk(&self) -> bool {
        false
    }

    /// Whether it is ready soon enough to be started again and again, which cold data asks for.
    fn starts_quickly(&self) -> bool {
        true
    }

    /// Whether it answers so seldom that short slices say nothing of it: it then has one long one.
    fn answers_seldom(&self) -> bool {
        false
    }

    /// At how many addresses it listens; its peers are spread over them.
    fn listens_at(&self) -> usize {
        1
    }

    /// How to start it. What it writes goes to `home`.
    fn launch(&self, data: &Data, home: &Path) -> Result<Launch>;
}

pub(crate) struct Launch {
    command: Command,
    /// `None` says that its stdout will tell, as an event in JSON.
    address: Option<SocketAddr>,
}

/// All of them; the first is what the others are compared with.
pub(crate) fn all(directory: &Path) -> Result<Vec<Box<dyn Contender>>> {
    let program = bare::build(directory)?;
    Ok(vec![
        Box::new(bare::Bare { program: program.clone(), disk: bare::Disk::Stock }),
        Box::new(bare::Bare { program, disk: bare::Disk::None }),
        Box::new(patron::Patron { disk_reads: "stock", threads: Threads::One }),
        Box::new(patron::Patron { disk_reads: "copy", threads: Threads::One }),
        Box::new(patron::Patron { disk_reads: "copy", threads: Threads::OneForEachCore }),
        Box::new(patron::Patron { disk_reads: "zero_copy", threads: Threads::One }),
        Box::new(patron::Patron { disk_reads: "zero_copy", threads: Threads::OneForEachCore }),
        Box::new(rqbit::Rqbit),
        Box::new(transmission::Transmission),
        Box::new(qbittorrent::Qbittorrent),
    ])
}

/// A contender that runs.
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

    /// Its name, and what it said on stderr: for errors.
    pub(crate) fn describe(&self) -> String {
        format!("{} {}", self.contender.name(), self.process.complaints()).trim_end().to_owned()
    }

    /// Ends it; what matters is held to a clean end.
    pub(crate) fn stop(self) -> Result<()> {
        let (name, required) = (self.contender.name(), self.contender.is_required());
        let status = self.process.stop().context(name)?;
        ensure!(status.success() || !required, "{name} ended with {status}");
        Ok(())
    }
}

/// From `{"event":"listening","address":"..."}`.
fn listening_address(line: &str) -> Option<SocketAddr> {
    let event: serde_json::Value = serde_json::from_str(line).ok()?;
    if event["event"] != "listening" {
        return None;
    }
    event["address"].as_str()?.parse().ok()
}

/// The first line of what `program --version` says, on whichever stream.
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
