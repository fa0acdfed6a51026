//! `bare_seeder.cpp`: libtorrent without a wrapper, with its own disk backend and with none.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use torrent_patron::{Client, Settings};

use super::{Contender, Launch, torrent_files};
use crate::data::Data;
use crate::process::output;

/// A setting that the seeding preset does not change, and a better value: fewer threads to wake for reads
/// that end at once.
const TUNED: [(&str, &str); 1] = [("aio_threads", "4")];

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Disk {
    Stock,
    None,
}

pub(crate) struct Bare {
    pub(crate) program: PathBuf,
    pub(crate) disk: Disk,
}

impl Contender for Bare {
    fn key(&self) -> &'static str {
        match self.disk {
            Disk::Stock => "bare",
            Disk::None => "no-disk",
        }
    }

    fn name(&self) -> &'static str {
        match self.disk {
            Disk::Stock => "bare libtorrent",
            Disk::None => "no disk (ceiling)",
        }
    }

    fn about(&self) -> String {
        let settings = settings().unwrap_or_default();
        let disk = match self.disk {
            Disk::Stock => "its own disk",
            Disk::None => "disabled_disk_io_constructor",
        };
        format!("a C++ program, {disk}, {}", settings.join(" "))
    }

    fn unavailable(&self) -> Option<String> {
        None
    }

    fn is_required(&self) -> bool {
        true
    }

    fn has_no_disk(&self) -> bool {
        self.disk == Disk::None
    }

    fn launch(&self, data: &Data, _: &Path) -> Result<Launch> {
        let mut command = Command::new(&self.program);
        command.arg(if self.has_no_disk() { "none" } else { "stock" }).arg(&data.directory);
        command.args(settings()?).args(torrent_files(data));
        Ok(Launch { command, address: None })
    }
}

/// Returns the settings of the seeding preset, as used by `torrent-patron seed --offline`, and then the tuned
/// ones.
fn settings() -> Result<Vec<String>> {
    let mut settings =
        Client::builder().offline(true).settings(Settings::seeding()).effective_settings()?;
    for (name, value) in TUNED {
        settings.set_text(name, value)?;
    }
    // These are not libtorrent's.
    let ours = ["disk_reads", "network_threads", "replicate_on_demand"];
    let of_libtorrent = settings.iter().filter(|(name, _)| !ours.contains(name));
    Ok(of_libtorrent.map(|(name, value)| format!("{name}={value}")).collect())
}

/// Builds the program.
pub(crate) fn build(directory: &Path) -> Result<PathBuf> {
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/seeding/contenders/bare_seeder.cpp");
    let flags = output("pkg-config", &["--cflags", "--libs", "libtorrent-rasterbar"])?;
    let compiler = std::env::var("CXX").unwrap_or_else(|_| "c++".into());
    let program = directory.join("bare_seeder");
    let target = program.to_str().context("a directory that is not UTF-8")?;
    // CXX may contain arguments: ccache c++.
    let mut words = compiler.split_whitespace();
    let compiler = words.next().unwrap_or("c++");
    let mut arguments: Vec<_> = words.collect();
    arguments.extend(["-O2", "-std=c++17", source, "-o", target]);
    arguments.extend(flags.split_whitespace());
    output(compiler, &arguments)?;
    Ok(program)
}
