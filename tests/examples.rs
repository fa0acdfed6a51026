//! Runs examples as programs. `cargo test` builds them; `cargo test --test examples` does not.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value;
use torrent_patron::store::Sqlite;
use torrent_patron::{Client, Settings};

use support::{PATIENCE, Seeder, builder, data, metainfo, same};

#[test]
fn the_seed_box_downloads_what_is_put_into_its_folder_and_knows_it_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let [watched, downloads] = ["watched", "downloads"].map(|name| dir.path().join(name));
    fs::create_dir(&watched).unwrap();
    let file = data(&dir.path().join("from"), "movie.bin", 1, 300_000);
    let metainfo = metainfo(&file);
    let torrent = metainfo.torrent_file();
    let address = keep_on_loopback(&watched);

    let mut seed_box = SeedBox::start(&watched, &downloads);
    // Half of the file has been copied, and the other half takes longer than the interval between two scans.
    let half = torrent.len() / 2;
    fs::write(watched.join("movie.torrent"), &torrent[..half]).unwrap();
    for _ in 0..3 {
        seed_box.status(|torrents| torrents.is_empty());
    }
    fs::write(watched.join("movie.torrent"), torrent).unwrap();
    seed_box.status(|torrents| torrents.len() == 1);
    let _seeder = Seeder::that_calls(&file, &metainfo, address);
    seed_box.status(|torrents| torrents[0]["seeding"] == true);
    assert!(same(&file, &downloads.join("movie.bin")));
    drop(seed_box);

    let mut seed_box = SeedBox::start(&watched, &downloads);
    let torrents = seed_box.status(|torrents| !torrents.is_empty());
    assert_eq!((torrents.len(), &torrents[0]["name"]), (1, &Value::from("movie.bin")));
    seed_box.status(|torrents| torrents[0]["seeding"] == true);
}

/// Changes settings that the store keeps: the seed box will listen at this address and look for peers
/// nowhere.
fn keep_on_loopback(watched: &Path) -> SocketAddr {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut settings = Settings::empty();
    settings.set("listen_interfaces", address.to_string()).unwrap();
    for discovery in ["enable_dht", "enable_lsd", "enable_upnp", "enable_natpmp"] {
        settings.set(discovery, false).unwrap();
    }
    let store = Sqlite::open(watched.join("torrents.db")).unwrap();
    let client: Client = builder(watched).store(store).start().unwrap();
    client.patron().apply_settings(&settings).wait().unwrap();
    assert!(client.shutdown(PATIENCE).wait().is_clean());
    address
}

/// Killed when it is dropped.
struct SeedBox {
    process: Child,
    lines: Receiver<String>,
}

impl SeedBox {
    fn start(watched: &Path, downloads: &Path) -> Self {
        let tests = std::env::current_exe().unwrap();
        let example = tests.ancestors().nth(2).unwrap().join("examples/seedbox");
        let mut process = Command::new(&example)
            .args([watched, downloads])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", example.display()));
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || {
            stdout.lines().map_while(Result::ok).try_for_each(|line| to.send(line))
        });
        Self { process, lines }
    }

    /// Waits for a line for which the condition holds.
    fn status(&mut self, is_so: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left.max(Duration::from_millis(1))).unwrap();
            let torrents: Vec<Value> = serde_json::from_str(&line).unwrap();
            if is_so(&torrents) {
                return torrents;
            }
        }
    }
}

impl Drop for SeedBox {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}
