//! Output that is read, slowly or not at all, and signals in the meantime.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::program::{Program, command, full_pipe, run};
use crate::support::{data, same, skipped, until};
use crate::transfer::{Movie, movie};

/// A seeder, and everything that a download of its torrent needs.
struct Swarm {
    dir: tempfile::TempDir,
    movie: Movie,
    peer: String,
    _seeder: Program,
}

impl Swarm {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let movie = movie(dir.path(), "movie.bin", 1);
        let from = movie.file.parent().unwrap();
        let words = ["seed".as_ref(), movie.torrent.as_os_str(), from.as_os_str()];
        let mut seeder =
            Program::start(words.into_iter().chain(["--offline", "--json"].map(AsRef::as_ref)));
        let peer = seeder.address().to_string();
        seeder.event("finished");
        Self { dir, movie, peer, _seeder: seeder }
    }

    fn download(&self) -> Command {
        let mut command = command();
        let arguments = ["--offline", "--json", "--tick=0.1", "--peer", &self.peer, "--store"];
        command.args(["download", "-o"]).arg(self.to()).arg(&self.movie.torrent);
        command.args(arguments).arg(self.kept());
        command
    }

    fn to(&self) -> PathBuf {
        self.dir.path().join("to")
    }

    fn kept(&self) -> PathBuf {
        self.dir.path().join("torrents.db")
    }

    fn is_here_and_kept(&self) {
        assert!(same(&self.movie.file, &self.to().join("movie.bin")));
        assert!(self.is_kept());
    }

    /// Whether the store lists the torrent as complete.
    fn is_kept(&self) -> bool {
        let listed = run(["store".as_ref(), "list".as_ref(), self.kept().as_os_str()]);
        listed.stdout.contains("  complete  ")
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn a_closed_stdout_ends_the_output_and_not_the_work() {
    let swarm = Swarm::new();
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = Program::spawn(swarm.download().stdout(writer)).end().expect(0);
    assert_eq!(output.stderr.lines().count(), 1, "the report alone: {output:#?}");
    swarm.is_here_and_kept();
}

#[test]
fn seeding_ends_where_stdout_is_closed() {
    let swarm = Swarm::new();
    let head = |command: &mut Command| {
        let (mut reader, writer) = std::io::pipe().unwrap();
        let program = Program::spawn(command.stdout(writer));
        std::io::Read::read_exact(&mut reader, &mut [0; 10]).unwrap();
        drop(reader);
        program.end().expect(0)
    };
    // Only the report.
    let output = head(swarm.download().arg("--seed"));
    assert_eq!(output.stderr.lines().count(), 1, "{output:#?}");
    swarm.is_here_and_kept();
    let mut seed = command();
    seed.arg("seed").arg(&swarm.movie.torrent).arg(swarm.to()).args(["--offline", "--json"]);
    let output = head(&mut seed);
    assert_eq!(output.stderr.lines().count(), 1, "{output:#?}");
}

#[test]
fn a_full_disk_for_stdout_is_an_error_at_the_end_of_the_work() {
    let full = || File::options().write(true).open("/dev/full");
    if full().is_err() {
        return skipped("there is no /dev/full");
    }
    let swarm = Swarm::new();
    let output = Program::spawn(swarm.download().stdout(full().unwrap())).end().expect(1);
    assert!(output.stderr.contains("error: cannot write to stdout: "), "{output:#?}");
    swarm.is_here_and_kept();
    let torrent = &swarm.movie.torrent;
    let output = Program::spawn(command().arg("info").arg(torrent).stdout(full().unwrap())).end();
    assert!(output.expect(1).stderr.starts_with("error: cannot write to stdout: "));
}

/// Output that nobody reads delays neither the download nor the exit after a signal.
#[test]
fn output_that_nobody_reads_holds_up_nothing() {
    let swarm = Swarm::new();
    let (_stdout, full_stdout) = full_pipe();
    let (_stderr, full_stderr) = full_pipe();
    let mut download = swarm.download();
    download.env("TORRENT_PATRON_LOG", "debug");
    let program = Program::spawn(download.stdout(full_stdout).stderr(full_stderr));
    until("it has come", || same_if_there(&swarm.movie.file, &swarm.to()));
    until("it is kept", || swarm.is_kept());
    let before = Instant::now();
    program.signal("TERM");
    program.end();
    assert!(before.elapsed() < Duration::from_secs(10), "{:?}", before.elapsed());
    swarm.is_here_and_kept();
}

fn same_if_there(file: &Path, directory: &Path) -> bool {
    let copy = directory.join(file.file_name().unwrap());
    copy.exists() && same(file, &copy)
}

#[test]
fn a_reader_that_is_slow_gets_everything() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    for number in 0..2000 {
        data(&album, &format!("a rather long name of a file that has the number {number}"), 1, 1);
    }
    let torrent = dir.path().join("album.torrent");
    run(["create".as_ref(), album.as_os_str(), "-o".as_ref(), torrent.as_os_str()]).expect(0);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let program = Program::spawn(command().arg("info").arg(&torrent).stdout(writer));
    // More than fits into the pipe.
    let mut text = String::new();
    std::io::Read::read_to_string(&mut reader, &mut text).unwrap();
    program.end().expect(0);
    assert!(text.len() > 100_000 && text.lines().count() > 2000, "{} bytes", text.len());
}

#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    if !Path::new("/proc/self/status").exists() {
        return skipped("there is no /proc");
    }
    let swarm = Swarm::new();
    let from = swarm.movie.file.parent().unwrap();
    let words = ["seed".as_ref(), swarm.movie.torrent.as_os_str(), from.as_os_str()];
    let options = ["--offline", "--json"].map(AsRef::as_ref);
    let mut seeder = Program::prepared("trap '' HUP INT", words.into_iter().chain(options));
    let peer = seeder.address().to_string();
    seeder.event("finished");
    for _ in 0..2 {
        seeder.signal("HUP");
        seeder.signal("INT");
    }
    let to = swarm.dir.path().join("elsewhere");
    let words =
        ["download".as_ref(), swarm.movie.torrent.as_os_str(), "-o".as_ref(), to.as_os_str()];
    let options = ["--offline", "--peer", &peer].map(AsRef::as_ref);
    run(words.into_iter().chain(options)).expect(0);
    seeder.signal("TERM");
    seeder.end().expect(0);
}

#[test]
fn the_log_has_no_colours_in_a_pipe() {
    let mut demo = command();
    demo.args(["demo", "--patrons=1", "--size=1000"]).env("TORRENT_PATRON_LOG", "debug");
    let output = Program::spawn(&mut demo).end().expect(0);
    assert!(output.stderr.contains(" INFO ") || output.stderr.contains("DEBUG"), "{output:#?}");
    assert!(!output.stderr.contains('\x1b'), "{output:#?}");
}

#[test]
fn a_demo_reports_a_lack_of_descriptors_at_most_once() {
    let told = |limit: &str| {
        let arguments = ["demo", "--patrons=4", "--size=100000"];
        let output = Program::prepared(&format!("ulimit -n {limit}"), arguments).end().expect(0);
        output.stderr.matches("open files").count()
    };
    assert_eq!(told("20000"), 0);
    assert_eq!(told("1024"), 0);
    assert_eq!(told("400"), 1);
}

#[test]
fn a_lack_of_threads_is_an_error_at_the_start() {
    let arguments = ["demo", "--patrons=1", "--size=1000"];
    // Kilobytes of address space, in which a few stacks have room.
    let output = Program::prepared("ulimit -v 300000", arguments).end().expect(1);
    assert!(output.stderr.contains("threads, and the system permits"), "{output:#?}");
}

#[test]
fn leftovers_of_killed_runs_are_removed() {
    let dir = tempfile::tempdir().unwrap();
    let temporary = dir.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let mut long = command();
    long.args(["demo", "--size=1TiB", "--patrons=1"]).env("TMPDIR", &temporary);
    let long = Program::spawn(&mut long);
    until("a sample", || {
        names(&temporary).iter().any(|name| temporary.join(name).join("seeder").exists())
    });
    let mut demo = command();
    demo.args(["demo", "--patrons=1", "--size=1000"]).env("TMPDIR", &temporary);
    Program::spawn(&mut demo).end().expect(0);
    assert_eq!(names(&temporary).len(), 1, "of the run that goes on");
    long.signal("KILL");
    long.end();
    Program::spawn(&mut demo).end().expect(0);
    assert!(names(&temporary).is_empty(), "{:?}", names(&temporary));
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_pipe_in_place_of_a_file_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "movie.bin", 1);
    let from = movie.file.parent().unwrap();
    fs::remove_file(&movie.file).unwrap();
    fifo(&movie.file);
    let torrent = movie.torrent.as_os_str();
    for words in [
        ["seed".as_ref(), torrent, from.as_os_str(), "--offline".as_ref(), "--quiet".as_ref()],
        ["download".as_ref(), torrent, "-o".as_ref(), from.as_os_str(), "--offline".as_ref()],
    ] {
        let before = Instant::now();
        let output = run(words).expect(1);
        assert!(output.stderr.contains("movie.bin is not a regular file"), "{output:#?}");
        assert!(before.elapsed() < Duration::from_secs(8), "{:?}", before.elapsed());
    }
}

#[test]
fn a_torrent_is_read_from_a_pipe_and_waiting_for_it_can_be_interrupted() {
    let swarm = Swarm::new();
    let pipe = swarm.dir.path().join("pipe.torrent");
    fifo(&pipe);
    let mut download = swarm.download();
    download.arg(&pipe);
    let mut program = Program::spawn(&mut download);
    program.event("finished");
    program.signal("TERM");
    program.end().expect(130);
    swarm.is_here_and_kept();

    let here = swarm.to();
    let mut download = command();
    download.arg("download").arg(&pipe).arg("-o").arg(&here).arg("--offline");
    let program = Program::spawn(&mut download);
    fs::copy(&swarm.movie.torrent, &pipe).unwrap();
    let output = program.end().expect(0);
    assert!(output.stdout.starts_with("complete  "), "{output:#?}");
}
