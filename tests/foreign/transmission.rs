//! transmission-cli. It never connects to peers on loopback, which it takes for a mistake of the
//! tracker, so we connect to it: the tracker must know it first. It may take 10 s until it lets a
//! new peer download. 3.00 cannot read hybrid torrents
//! (github.com/transmission/transmission/pull/1964), so these are v1, and it creates no empty
//! files.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use torrent_patron::metainfo::{Metainfo, Protocol};

use crate::process::{Program, Running, free_port};
use crate::support::builder;
use crate::swarm::{Participant, Swarm};

pub(crate) const TRANSMISSION: Program =
    Program { command: "transmission-cli", package: "transmission-cli" };

pub(crate) fn downloads_from_us(dir: &Path) {
    let swarm = swarm(dir);
    let (to, done) = (dir.join("to"), dir.join("done"));
    let launch = || start(dir, Transport::Tcp, swarm.torrent.as_os_str(), &to);
    let mut transmission = announced(launch, || swarm.has_a_leecher());
    let seeder = swarm.seed();
    transmission.wait_for("finished download", || fs::metadata(&done));
    swarm.assert_same_data(&to);
    seeder.stop();
}

pub(crate) fn takes_our_metadata(dir: &Path) {
    let swarm = swarm(dir);
    let magnet = swarm.magnet();
    let launch = || start(dir, Transport::Tcp, magnet.as_ref(), &dir.join("to"));
    let mut transmission = announced(launch, || swarm.has_a_leecher());
    let seeder = swarm.seed();
    let hashes = swarm.metainfo.info_hashes;
    let torrent = dir.join(format!("transmission/torrents/{hashes}.torrent"));
    // It saves the magnet link under this name until it has the metadata.
    let fetched = transmission.wait_for("metadata", || Metainfo::read(&torrent));
    assert_eq!(fetched.info_hashes, hashes);
    assert_eq!(fetched.files, swarm.metainfo.files);
    seeder.stop();
}

pub(crate) fn seeds_to_us(dir: &Path) {
    let swarm = swarm(dir);
    let _transmission = seed(dir, Transport::Tcp, &swarm);
    let to = dir.join("to");
    let download = swarm.download(&to);
    download.finish();
    swarm.assert_same(&to);
    download.stop();
}

pub(crate) fn seeds_over_utp(dir: &Path) {
    let swarm = swarm(dir);
    let _transmission = seed(dir, Transport::Utp, &swarm);
    let to = dir.join("to");
    let without_tcp =
        builder(&to).setting("enable_outgoing_tcp", false).setting("enable_outgoing_utp", true);
    let download = Participant::start(without_tcp, &swarm.metainfo);
    download.finish();
    swarm.assert_same(&to);
    download.stop();
}

pub(crate) fn gives_its_metadata(dir: &Path) {
    let swarm = swarm(dir);
    let _transmission = seed(dir, Transport::Tcp, &swarm);
    swarm.download_by_magnet(&dir.join("to"));
}

fn swarm(dir: &Path) -> Swarm {
    Swarm::new(dir, Protocol::V1, "http")
}

/// Returns when the tracker knows about the seed.
fn seed(dir: &Path, transport: Transport, swarm: &Swarm) -> Running {
    let launch = || start(dir, transport, swarm.torrent.as_os_str(), &swarm.from);
    announced(launch, || swarm.has_a_seed())
}

/// transmission-cli exits if it sees its torrent stopped, even in the moment between verifying and
/// starting it. So it is started again until it gets past that.
fn announced(launch: impl Fn() -> Running, known: impl Fn() -> Result<(), String>) -> Running {
    let attempt = || {
        let mut transmission = launch();
        transmission.watch("announce to the tracker", &known).map(|()| transmission)
    };
    (0..5).find_map(|_| attempt()).expect("transmission-cli that does not end by itself")
}

/// The transport in addition to TCP, which cannot be turned off.
#[derive(Clone, Copy, PartialEq)]
enum Transport {
    Tcp,
    Utp,
}

/// transmission-cli, restricted to loopback. It creates the file `done` when it has everything.
fn start(dir: &Path, transport: Transport, source: &OsStr, save_dir: &Path) -> Running {
    let mut command = TRANSMISSION.command(dir);
    command.arg("--config-dir").arg(settings(dir, transport));
    command.arg("--finish").arg(script(dir));
    command.arg("--download-dir").arg(save_dir);
    command.args(["--port", &free_port().to_string()]);
    command.arg(source);
    Running::start(&mut command, dir.join("transmission.log"))
}

fn settings(dir: &Path, transport: Transport) -> PathBuf {
    let utp = transport == Transport::Utp;
    let settings = format!(
        r#"{{
            "bind-address-ipv4": "127.0.0.1",
            "bind-address-ipv6": "::1",
            "dht-enabled": false,
            "lpd-enabled": false,
            "pex-enabled": false,
            "port-forwarding-enabled": false,
            "utp-enabled": {utp}
        }}"#
    );
    let config = dir.join("transmission");
    // Left over from an earlier start.
    let _ = fs::remove_dir_all(&config);
    fs::create_dir(&config).unwrap();
    fs::write(config.join("settings.json"), settings).unwrap();
    config
}

fn script(dir: &Path) -> PathBuf {
    let script = dir.join("finish");
    fs::write(&script, format!("#!/bin/sh\n: > '{}/done'\n", dir.display())).unwrap();
    fs::set_permissions(&script, PermissionsExt::from_mode(0o755)).unwrap();
    script
}
