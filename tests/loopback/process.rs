//! What a client does to its process.
#![cfg(target_os = "linux")]

use std::net::SocketAddr;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use rustix::net::{AddressFamily, SocketType};
use torrent_patron::{AddOptions, Event};

use crate::support::{Seeder, address, client, data, finished, still_works};

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
    let ours = ["torrent-patron", "lt-network-", "lt-disk-", "lt-resolver", "patron-"];
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
    for wanted in ["torrent-patron", "lt-network-", "lt-resolver"] {
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

#[test]
fn a_program_that_is_started_does_not_keep_the_port() {
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

#[test]
fn being_out_of_descriptors_is_told_once_and_costs_nothing() {
    // A separate process: the other tests in this one need descriptors.
    let output = Command::new("bash")
        .args([
            "-c",
            r#"for fd in /proc/self/fd/*; do fd=${fd##*/}; ((fd < 3)) || eval "exec $fd>&-"; done
            ulimit -n 200 && exec "$0" --exact "$1" --ignored --nocapture"#,
        ])
        .arg(std::env::current_exe().unwrap())
        .arg("process::out_of_descriptors")
        .output()
        .unwrap();
    println!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "run by being_out_of_descriptors_is_told_once_and_costs_nothing"]
fn out_of_descriptors() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let to: SocketAddr = address(&patron);
    let callers: Vec<_> = (0..20)
        .map(|_| rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None).unwrap())
        .collect();
    let stat = std::fs::File::open("/proc/self/stat").unwrap();
    let filling: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
    for caller in &callers {
        rustix::net::connect(caller, &to).unwrap();
    }
    let ticks = || {
        let mut buffer = [0; 1024];
        let length = stat.read_at(&mut buffer, 0).unwrap();
        let stat = String::from_utf8_lossy(&buffer[..length]);
        let fields: Vec<_> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    };
    let (before, mut told) = (ticks(), 0);
    let deadline = Instant::now() + Duration::from_secs(3);
    while let Some(Ok(event)) =
        patron.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        told += usize::from(matches!(event, Event::ListenFailed { .. }));
    }
    // In hundredths of a second.
    let spent = ticks() - before;
    println!("{told} events, {spent} ticks");
    assert_eq!(told, 1);
    assert!(spent < 100, "{spent}");
    drop((callers, filling));
    still_works(&patron);
}
