//! The examples in C, C++ and Python. Each runs against a client of the test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use torrent_patron::AddOptions;
use torrent_patron::metainfo::Metainfo;

use crate::header::root;
use crate::library::{C11, CXX17, shared};
use crate::process::{Program, Running};
use crate::support::{Seeder, address, client, data, finished, metainfo, same, skipped};

const PYTHON: Program = Program { command: "python3", package: "python3" };

/// A running example and its output so far.
struct Example {
    running: Running,
    log: PathBuf,
}

impl Example {
    fn start(command: &mut Command, dir: &Path) -> Self {
        let log = dir.join("log");
        Self { running: Running::start(command.current_dir(dir), log.clone()), log }
    }

    fn said(&self) -> String {
        String::from_utf8(std::fs::read(&self.log).unwrap()).unwrap()
    }

    /// Waits for a line that contains `part` and returns the rest of the line.
    fn says(&mut self, part: &str) -> String {
        let log = self.log.clone();
        self.running.wait_for(part, || {
            let text = std::fs::read_to_string(&log).unwrap();
            // A line that is still being written does not count.
            let lines = text.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
            let found = lines.filter_map(|line| line.split_once(part)).next();
            found.map(|(_, rest)| rest.to_owned()).ok_or("it has not said so")
        })
    }

    fn address(&mut self) -> SocketAddr {
        self.says("listening at ").parse().unwrap()
    }

    /// The addresses at which it accepts peers. With several network threads there are as many, and
    /// all are known once it seeds.
    fn addresses(&self) -> Vec<SocketAddr> {
        let said = self.said();
        let addresses = said.lines().filter_map(|line| line.strip_prefix("listening at "));
        addresses.map(|address| address.parse().unwrap()).collect()
    }

    /// Interrupts the example, which must exit with its closing message.
    fn stop(mut self) {
        self.running.interrupt();
        self.running.wait();
        assert!(self.said().contains("stopped with"), "{}", self.said());
    }
}

fn compiled(compiler: &[&str], source: &str, dir: &Path) -> Command {
    let program = dir.join("program");
    shared().compile(compiler, &root().join(source), &program);
    shared().command(&program)
}

#[track_caller]
fn python() -> Option<Command> {
    if PYTHON.is_installed() {
        let mut command = shared().command(Path::new(PYTHON.command));
        command.env("PYTHONDONTWRITEBYTECODE", "1");
        return Some(command);
    }
    skipped(format_args!("{} is not installed", PYTHON.command));
    None
}

/// A seeder and the torrent that an example downloads from it.
struct Source {
    dir: tempfile::TempDir,
    seeder: Seeder,
}

impl Source {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 7, 3_000_000));
        write(dir.path(), &seeder.metainfo);
        Self { dir, seeder }
    }

    fn arguments(&self) -> [String; 4] {
        let peer = address(&self.seeder.patron);
        ["--offline".into(), "data.bin.torrent".into(), "to".into(), peer.to_string()]
    }

    fn is_downloaded(&self) {
        assert!(same(&self.seeder.path, &self.dir.path().join("to/data.bin")));
    }
}

fn write(dir: &Path, metainfo: &Metainfo) -> PathBuf {
    let path = dir.join(format!("{}.torrent", metainfo.name));
    std::fs::write(&path, &metainfo.torrent_file()[..]).unwrap();
    path
}

fn download(metainfo: &Metainfo, from: &[SocketAddr], to: &Path) {
    let client = client(to);
    let patron = client.patron();
    let options = AddOptions::default().add_peers(from.iter().copied());
    let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
    finished(&patron, id);
}

#[test]
fn download_in_c_completes_a_torrent() {
    let source = Source::new();
    let dir = source.dir.path();
    let mut command = compiled(C11, "examples/c/download.c", dir);
    let mut example = Example::start(command.args(source.arguments()), dir);
    example.running.wait();
    source.is_downloaded();
    for line in ["data.bin: added, info hash ", "data.bin: complete", "stopped with 1 torrent"] {
        assert!(example.said().contains(line), "{}", example.said());
    }
}

#[test]
fn download_in_c_takes_a_magnet_link_and_ends_at_ctrl_c() {
    let source = Source::new();
    let dir = source.dir.path();
    let magnet = source.seeder.metainfo.magnet().to_string();
    let mut command = compiled(C11, "examples/c/download.c", dir);
    // No peer can provide the metadata.
    let mut example = Example::start(command.args(["--offline", &magnet, "to"]), dir);
    example.says("added, info hash");
    example.running.interrupt();
    example.says("stopped with 1 torrent");
}

#[test]
fn download_in_c_says_what_is_wrong() {
    let dir = tempfile::tempdir().unwrap();
    let mut command = compiled(C11, "examples/c/download.c", dir.path());
    let mut example = Example::start(command.args(["--offline", "no.torrent", "to"]), dir.path());
    example.says("download: cannot read the metainfo: no.torrent: No such file or directory");
}

#[test]
fn seed_poll_in_c_seeds_many_torrents() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    let files = [1, 2, 3].map(|seed| data(&from, &format!("{seed}.bin"), seed, 700_000));
    let torrents = files.each_ref().map(|file| metainfo(file));
    let mut command = compiled(C11, "examples/c/seed_poll.c", dir.path());
    command.arg("--offline").arg(&from).args(torrents.each_ref().map(|one| write(dir.path(), one)));
    let mut example = Example::start(command.arg("missing.torrent"), dir.path());
    example.says("missing.torrent: No such file or directory");
    example.says("3 of 3 torrents are seeding");
    let to = dir.path().join("to");
    for (file, torrent) in files.iter().zip(&torrents) {
        download(torrent, &example.addresses(), &to);
        assert!(same(file, &to.join(&*torrent.name)));
    }
    example.stop();
}

#[test]
fn patron_in_cpp_makes_and_seeds_a_torrent() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 7, 3_000_000);
    let mut command = compiled(CXX17, "examples/cpp/patron.cpp", dir.path());
    let mut example = Example::start(command.args(["--offline", "from/data.bin"]), dir.path());
    let address = example.address();
    let torrent = std::fs::read(dir.path().join("data.bin.torrent")).unwrap();
    let torrent = Metainfo::decode(&torrent).unwrap();
    assert!(example.said().contains("magnet:?xt=urn:btih:"), "{}", example.said());
    download(&torrent, &[address], &dir.path().join("to"));
    assert!(same(&file, &dir.path().join("to/data.bin")));
    example.stop();
}

#[test]
fn patron_in_cpp_reports_errors() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("empty")).unwrap();
    let mut command = compiled(CXX17, "examples/cpp/patron.cpp", dir.path());
    let mut example = Example::start(command.args(["--offline", "empty"]), dir.path());
    example.says("patron: cannot make the torrent: ");
}

#[test]
fn patron_in_python_downloads_a_torrent() {
    let Some(mut command) = python() else { return };
    let source = Source::new();
    let [offline, torrent, to, peer] = source.arguments();
    command.arg(root().join("examples/python/patron.py"));
    command.args([&*offline, "--peer", &peer, &torrent, &to]);
    let mut example = Example::start(&mut command, source.dir.path());
    example.running.wait();
    source.is_downloaded();
    for line in ["data.bin: complete", "stopped with 1 torrent"] {
        assert!(example.said().contains(line), "{}", example.said());
    }
}

#[test]
fn patron_in_python_is_a_module() {
    let Some(mut command) = python() else { return };
    let source = Source::new();
    let [_, torrent, to, peer] = source.arguments();
    command.env("PYTHONPATH", root().join("examples/python"));
    command.arg(root().join("crates/capi/tests/capi/module.py")).args([&torrent, &to, &peer]);
    let mut example = Example::start(&mut command, source.dir.path());
    example.running.wait();
    source.is_downloaded();
    println!("{}", example.said());
}
