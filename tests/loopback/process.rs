//! The effects of a client on its process.
#![cfg(target_os = "linux")]

use std::io::Read;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use torrent_patron::error::ErrorKind;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::torrent::Limits;
use torrent_patron::tracker::Tracker;
use torrent_patron::{AddOptions, Event};

use crate::support::child::{in_child, in_child_with_descriptors};
use crate::support::{PATIENCE, Seeder, address, client, data, finished, still_works, until};

/// The tasks of this process: name and status.
fn tasks() -> Vec<(String, String)> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let read = |path: PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    tasks
        .map(|task| task.unwrap().path())
        .map(|task| (read(task.join("comm")).trim().into(), read(task.join("status"))))
        .collect()
}

fn field<'a>(status: &'a str, name: &str) -> &'a str {
    status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap_or("").trim()
}

#[test]
fn threads_have_names_and_take_no_signals() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 1_000_000));
    let leecher = client(&dir.path().join("to"));
    let patron = leecher.patron();
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    patron.rename_file(id, 0, "other.bin").wait().unwrap();
    let ours =
        ["torrent-patron", "lt-network-", "lt-disk-", "lt-resolver", "patron-files", "patron-"];
    let mut seen = Vec::new();
    for (name, status) in tasks() {
        let Some(ours) = ours.iter().find(|ours| name.starts_with(*ours)) else { continue };
        let blocked = u64::from_str_radix(field(&status, "SigBlk"), 16).unwrap_or(u64::MAX);
        // HUP, INT, QUIT, USR1, USR2, PIPE, ALRM, TERM, CHLD
        for signal in [1, 2, 3, 10, 12, 13, 14, 15, 17] {
            assert!(blocked >> (signal - 1) & 1 == 1, "{name} takes signal {signal}: {blocked:x}");
        }
        seen.push(*ours);
    }
    // The network thread does not wait for the disk.
    for wanted in ["torrent-patron", "lt-network-", "lt-resolver", "patron-files"] {
        assert!(seen.contains(&wanted), "{wanted}: {seen:?}");
    }
}

/// A redirect, or a tracker that names its peers by host name, makes libtorrent resolve names.
#[test]
fn an_offline_client_cannot_ask_a_name_server() {
    let dir = tempfile::tempdir().unwrap();
    let _client = client(dir.path());
    let tasks = tasks();
    let resolvers: Vec<_> = tasks.iter().filter(|(name, _)| name == "lt-resolver").collect();
    assert!(!resolvers.is_empty());
    for (_, status) in resolvers {
        assert_eq!(field(status, "Seccomp"), "2", "{status}");
    }
}

/// Not beside other tests: until a program that they start is executed, it has all descriptors of the process.
#[test]
fn a_program_that_is_started_does_not_keep_the_port() {
    in_child(starting_a_program, |_| {});
}

#[test]
#[ignore = "run by a_program_that_is_started_does_not_keep_the_port"]
fn starting_a_program() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron
        .add_torrent(
            crate::support::metainfo(&data(dir.path(), "data.bin", 1, 100)),
            AddOptions::default(),
        )
        .wait()
        .unwrap()
        .id();
    finished(&patron, id);
    let port = crate::support::address(&patron).port();
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    assert!(client.shutdown(crate::support::PATIENCE).wait().is_clean());
    let again = std::net::TcpListener::bind(("127.0.0.1", port));
    child.kill().unwrap();
    child.wait().unwrap();
    again.unwrap();
}

/// The descriptors of this process that a child would inherit, as the paths that they refer to. Does not list
/// the standard streams and those inherited from the program that started the tests: they are neither sockets
/// nor in `directory`.
fn inherited(directory: &Path) -> Vec<PathBuf> {
    let fds = std::fs::read_dir("/proc/self/fd").unwrap();
    let numbers = fds.filter_map(|fd| fd.unwrap().file_name().into_string().ok()?.parse().ok());
    let open = numbers.filter(|fd: &i32| *fd > 2).filter_map(|fd| {
        let what = std::fs::read_link(format!("/proc/self/fd/{fd}")).ok()?;
        let flags = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}")).ok()?;
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:"))?.trim();
        let close = i64::from_str_radix(flags, 8).ok()? & 0o2_000_000 != 0;
        (!close).then_some(what)
    });
    open.filter(|what| what.starts_with(directory) || what.starts_with("socket:")).collect()
}

/// At no moment may a child inherit a descriptor.
#[test]
#[cfg_attr(feature = "vendored-plain", ignore = "libtorrent is no shared library")]
fn a_program_that_is_started_inherits_no_descriptor() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 3_000_000));
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent_udp = UdpSocket::bind("127.0.0.1:0").unwrap();
    let (http, udp) = (silent.local_addr().unwrap(), silent_udp.local_addr().unwrap());
    let leecher = client(&dir.path().join("to"));
    let patron = leecher.patron();
    let options = seeder
        .options()
        .limits(Limits::default().download_limit(1_000_000))
        .add_trackers([Tracker::new(format!("http://{http}/announce"), 0)])
        .add_trackers([Tracker::new(format!("udp://{udp}/announce"), 1)])
        .add_web_seeds([format!("http://{http}/data.bin")]);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    let before = Instant::now();
    let mut asked = Vec::new();
    silent.set_nonblocking(true).unwrap();
    while before.elapsed() < Duration::from_secs(2) || asked.len() < 2 {
        assert_eq!(inherited(dir.path()), Vec::<PathBuf>::new());
        asked.extend(silent.accept().ok());
        assert!(before.elapsed() < PATIENCE, "{} requests by HTTP", asked.len());
    }
    finished(&patron, id);
}

#[test]
fn a_lack_of_descriptors_is_reported_once_and_loses_nothing() {
    // A separate process: the other tests in this one need descriptors.
    in_child_with_descriptors(out_of_descriptors, "200");
}

#[test]
#[ignore = "run by a_lack_of_descriptors_is_reported_once_and_loses_nothing"]
fn out_of_descriptors() {
    let stat = std::fs::File::open("/proc/self/stat").unwrap();
    // The unit is a hundredth of a second.
    let ticks = || {
        let mut buffer = [0; 1024];
        let length = stat.read_at(&mut buffer, 0).unwrap();
        let stat = String::from_utf8_lossy(&buffer[..length]);
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    // Whether other code takes over the descriptors that the client closes.
    for greedy in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let client = client(dir.path());
        let patron = client.patron();
        let to: SocketAddr = address(&patron);
        let limit = || {
            let settings = patron.settings().wait().unwrap();
            settings.get("connections_limit").unwrap().to_string()
        };
        let limited = limit();
        let metainfo = crate::support::metainfo(&data(dir.path(), "data.bin", 9, 50_000));
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        let callers: Vec<_> = (0..20)
            .map(|_| rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap())
            .collect();
        let fill = || std::iter::from_fn(|| std::fs::File::open("/dev/null").ok());
        let mut filling: Vec<_> = fill().collect();
        // Its file cannot be opened, to be synchronized. It is not lost.
        let error = patron.resume_data(id).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        // After many failures to accept, the client closes its socket.
        let calls = |caller: &&_| rustix::net::connect(caller, &to).is_ok();
        assert!(callers.iter().filter(calls).count() > 0);
        let (before, mut told) = (ticks(), 0);
        let deadline = Instant::now() + Duration::from_secs(3);
        let mut longest = Duration::ZERO;
        while Instant::now() < deadline {
            if greedy {
                filling.extend(fill());
            }
            let asked = Instant::now();
            patron.statistics().wait().unwrap();
            longest = longest.max(asked.elapsed());
            while let Some(Ok(event)) = patron.recv_timeout(Duration::from_millis(10)) {
                assert!(!matches!(event, Event::Error { .. }), "{event}");
                told += usize::from(matches!(event, Event::ListenFailed { .. }));
            }
        }
        let spent = ticks() - before;
        println!("greedy {greedy}: {told} events, {spent} ticks, {longest:?} for an answer");
        assert_eq!(told, 1);
        assert!(spent < 100, "{spent}");
        drop((callers, filling));
        patron.resume_data(id).wait().unwrap();
        patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
        still_works(&patron);
        until("the limit is what it was", || limit() == limited);
        // The client closes its sockets when it has no torrent.
        let accepts = |at: SocketAddr| {
            let Ok(mut caller) = std::net::TcpStream::connect(at) else { return false };
            caller.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
            matches!(caller.read(&mut [0]), Ok(0))
        };
        until("it accepts connections", || {
            let addresses = patron.listen_addresses().wait();
            addresses.is_ok_and(|addresses| addresses.into_iter().rev().any(accepts))
        });
    }
}
