//! What a client does to the process that it is in.
#![cfg(target_os = "linux")]

use std::path::PathBuf;

use torrent_patron::AddOptions;

use crate::support::{Seeder, client, data, finished};

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

/// A redirect, or a tracker that names its peers by host name, makes libtorrent look up names.
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
            &crate::support::metainfo(&data(dir.path(), "data.bin", 1, 100)),
            AddOptions::default(),
        )
        .wait()
        .unwrap()
        .id();
    finished(&patron, id);
    let port = crate::support::address(&patron).port();
    let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
    client.shutdown(crate::support::PATIENCE);
    let again = std::net::TcpListener::bind(("127.0.0.1", port));
    child.kill().unwrap();
    child.wait().unwrap();
    again.unwrap();
}
