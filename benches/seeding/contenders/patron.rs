//! `torrent-patron seed`, in each of the ways in which it can read the disk.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::{Contender, Launch, version};
use crate::data::Data;

const PROGRAM: &str = env!("CARGO_BIN_EXE_torrent-patron");

pub(crate) struct Patron {
    /// The value of the setting.
    pub(crate) disk_reads: &'static str,
}

impl Patron {
    fn setting(&self) -> String {
        format!("disk_reads={}", self.disk_reads)
    }
}

impl Contender for Patron {
    fn key(&self) -> &'static str {
        match self.disk_reads {
            "stock" => "patron-stock",
            "copy" => "patron-copy",
            _ => "patron-zero-copy",
        }
    }

    fn name(&self) -> &'static str {
        match self.disk_reads {
            "stock" => "ours, stock disk",
            "copy" => "ours, copy",
            _ => "ours, zero-copy",
        }
    }

    fn about(&self) -> String {
        let version = version(PROGRAM).unwrap_or_default();
        format!("{version}, seed --preset seeding --setting {}", self.setting())
    }

    /// Asks the program itself: it looks at the settings before it misses the torrents.
    fn unavailable(&self) -> Option<String> {
        let output = Command::new(PROGRAM).args(["seed", "--setting", &self.setting()]).output();
        let said = output.map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let refused = said.unwrap_or_default().contains("disk_reads");
        refused.then(|| format!("this torrent-patron has no {}", self.setting()))
    }

    fn is_required(&self) -> bool {
        true
    }

    fn launch(&self, data: &Data, _: &Path) -> Result<Launch> {
        let mut command = Command::new(PROGRAM);
        command.args(["seed", "--trust", "--offline", "--json", "--preset", "seeding"]);
        command.args(["--setting", &self.setting()]);
        for torrent in &data.torrents {
            command.arg(&torrent.torrent_file).arg(&data.directory);
        }
        Ok(Launch { command, address: None })
    }
}
