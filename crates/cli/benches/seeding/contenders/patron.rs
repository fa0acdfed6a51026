//! `torrent-patron seed`, in each of its modes of reading the disk, with one network thread and with one per
//! core.

use std::path::Path;
use std::process::Command;
use std::thread;

use anyhow::Result;

use super::{Contender, Launch, version};
use crate::data::Data;

pub(crate) struct Patron {
    pub(crate) build: Build,
    /// The value of the setting.
    pub(crate) disk_reads: &'static str,
    pub(crate) threads: Threads,
}

#[derive(Clone)]
pub(crate) enum Build {
    /// The program that was built with the benchmark.
    This,
    /// The path of another program, such as one with libtorrent linked statically.
    Other(String),
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Threads {
    One,
    OneForEachCore,
}

impl Patron {
    fn program(&self) -> &str {
        match &self.build {
            Build::This => env!("CARGO_BIN_EXE_torrent-patron"),
            Build::Other(path) => path,
        }
    }

    fn setting(&self) -> String {
        format!("disk_reads={}", self.disk_reads)
    }
}

impl Contender for Patron {
    fn key(&self) -> &'static str {
        match (&self.build, self.disk_reads, self.threads) {
            (Build::Other(_), "copy", _) => "other-copy",
            (Build::Other(_), ..) => "other-zero-copy",
            (_, "stock", _) => "patron-stock",
            (_, "copy", Threads::One) => "patron-copy",
            (_, "copy", Threads::OneForEachCore) => "patron-copy-cores",
            (_, _, Threads::One) => "patron-zero-copy",
            (_, _, Threads::OneForEachCore) => "patron-zero-copy-cores",
        }
    }

    fn name(&self) -> &'static str {
        match (&self.build, self.disk_reads, self.threads) {
            (Build::Other(_), "copy", _) => "other build, copy",
            (Build::Other(_), ..) => "other build, zero-copy",
            (_, "stock", _) => "ours, stock disk",
            (_, "copy", Threads::One) => "ours, copy",
            (_, "copy", Threads::OneForEachCore) => "ours, copy, cores",
            (_, _, Threads::One) => "ours, zero-copy",
            (_, _, Threads::OneForEachCore) => "ours, zero-copy, cores",
        }
    }

    fn about(&self) -> String {
        let version = version(self.program()).unwrap_or_default();
        let (threads, setting) = (self.listens_at(), self.setting());
        format!(
            "{version}, seed --network-threads {threads} --replicas {threads} --preset seeding \
             --setting {setting}"
        )
    }

    fn listens_at(&self) -> usize {
        match self.threads {
            Threads::One => 1,
            Threads::OneForEachCore => thread::available_parallelism().map_or(1, usize::from),
        }
    }

    /// Asks the program itself, which checks the settings before it reports that there are no torrents.
    fn unavailable(&self) -> Option<String> {
        let output =
            Command::new(self.program()).args(["seed", "--setting", &self.setting()]).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let refused = said.unwrap_or_default().contains("disk_reads");
        refused.then(|| format!("this torrent-patron has no {}", self.setting()))
    }

    fn is_required(&self) -> bool {
        true
    }

    fn launch(&self, data: &Data, _: &Path) -> Result<Launch> {
        let mut command = Command::new(self.program());
        command.args(["seed", "--trust", "--offline", "--json", "--preset", "seeding"]);
        command.args(["--setting", &self.setting()]);
        let threads = self.listens_at().to_string();
        command.args(["--network-threads", &threads, "--replicas", &threads]);
        for torrent in &data.torrents {
            command.arg(&torrent.torrent_file).arg(&data.directory);
        }
        Ok(Launch { command, address: None })
    }
}
