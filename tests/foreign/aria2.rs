//! aria2. It does not take peers by hand, and finds them through the tracker. 1.36 gives hybrid
//! torrents a wrong info hash (github.com/aria2/aria2/issues/1903), so these are v1.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use torrent_patron::metainfo::Protocol;

use crate::process::{Program, Running, free_port};
use crate::swarm::Swarm;

pub(crate) const ARIA2: Program = Program { command: "aria2c", package: "aria2" };

pub(crate) fn downloads_from_us(dir: &Path) {
    let swarm = swarm(dir);
    downloads(dir, &swarm, &[swarm.torrent.as_os_str()]);
}

pub(crate) fn downloads_from_us_encrypted(dir: &Path) {
    let swarm = swarm(dir);
    let encrypted = ["--bt-require-crypto=true", "--bt-min-crypto-level=arc4"].map(OsStr::new);
    downloads(dir, &swarm, &[encrypted[0], encrypted[1], swarm.torrent.as_os_str()]);
}

pub(crate) fn takes_our_metadata(dir: &Path) {
    let swarm = swarm(dir);
    downloads(dir, &swarm, &[swarm.magnet().as_ref()]);
}

fn downloads(dir: &Path, swarm: &Swarm, arguments: &[&OsStr]) {
    let seeder = swarm.seed();
    let to = dir.join("to");
    start(dir, aria2(&to).arg("--seed-time=0").args(arguments)).wait();
    swarm.assert_same(&to);
    seeder.stop();
}

pub(crate) fn seeds_to_us(dir: &Path) {
    let swarm = swarm(dir);
    let _aria2 = seed(dir, &swarm);
    let to = dir.join("to");
    let download = swarm.download(&to);
    download.finish();
    swarm.assert_same(&to);
    download.stop();
}

pub(crate) fn gives_its_metadata(dir: &Path) {
    let swarm = swarm(dir);
    let _aria2 = seed(dir, &swarm);
    swarm.download_by_magnet(&dir.join("to"));
}

fn swarm(dir: &Path) -> Swarm {
    Swarm::new(dir, Protocol::V1, "http")
}

/// Returns when the tracker knows about the seed.
fn seed(dir: &Path, swarm: &Swarm) -> Running {
    let mut command = aria2(&swarm.from);
    command.args(["--check-integrity=true", "--seed-ratio=0.0"]).arg(&swarm.torrent);
    let mut aria2 = start(dir, &mut command);
    aria2.wait_for("seed at the tracker", || swarm.has_a_seed());
    aria2
}

fn start(dir: &Path, command: &mut Command) -> Running {
    Running::start(command, dir.join("aria2.log"))
}

/// aria2, restricted to loopback.
fn aria2(save_dir: &Path) -> Command {
    let mut command = ARIA2.command(save_dir);
    command.args([
        "--no-conf=true",
        "--interface=127.0.0.1",
        "--disable-ipv6=true",
        "--enable-dht=false",
        "--enable-dht6=false",
        "--bt-enable-lpd=false",
        "--bt-tracker-interval=1",
        "--file-allocation=none",
        "--console-log-level=info",
    ]);
    command.arg(format!("--listen-port={}", free_port()));
    command.arg("--dir").arg(save_dir);
    command
}
