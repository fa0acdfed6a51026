//! seed --network-threads --replicas: one torrent, served by several threads.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use torrent_patron::metainfo::Protocol;

use crate::program::Program;
use crate::support::{PATIENCE, maker, same};
use crate::transfer::{Movie, SIZE, movie};

impl Movie {
    fn seed(&self, threads: usize, more: &[&str]) -> (Program, Vec<SocketAddr>) {
        let number = |option: &str| format!("--{option}={threads}");
        let numbers = ["network-threads", "replicas"].map(number);
        let (torrent, from) = (self.torrent.as_os_str(), self.file.parent().unwrap().as_os_str());
        let options = ["--offline", "--json", "--tick=0.1", &numbers[0], &numbers[1]];
        let options = options.iter().chain(more).map(OsStr::new);
        let words = ["seed".as_ref(), torrent, from].into_iter().chain(options);
        let mut seeder = Program::start(words);
        let address = |seeder: &mut Program| {
            seeder.event("listening")["address"].as_str().unwrap().parse().unwrap()
        };
        let addresses = (0..threads).map(|_| address(&mut seeder)).collect();
        (seeder, addresses)
    }

    /// Downloads from this peer only.
    fn downloader(&self, peer: SocketAddr, to: &Path) -> Program {
        let (torrent, to, peer) = (&self.torrent, to, peer.to_string());
        let options = ["--offline", "--json", "--tick=0.1", "--peer", &peer].map(OsStr::new);
        let words = ["download".as_ref(), torrent.as_os_str(), "-o".as_ref(), to.as_os_str()];
        Program::start(words.into_iter().chain(options))
    }

    fn download(&self, peer: SocketAddr, to: &Path) {
        self.downloader(peer, to).end().expect(0);
        assert!(same(&self.file, &to.join(self.name)), "{peer}");
    }
}

#[test]
fn each_thread_seeds_what_one_has_checked() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "movie.bin", 1);
    let (mut seeder, addresses) = movie.seed(3, &[]);
    assert_eq!(addresses.iter().collect::<BTreeSet<_>>().len(), 3, "{addresses:?}");
    let id = seeder.event("torrent_added")["id"].clone();
    seeder.event("finished");
    for (number, address) in addresses.into_iter().enumerate() {
        let to = dir.path().join(format!("to{number}"));
        movie.download(address, &to);
    }
    // One torrent, whose status has the bytes that all threads have sent.
    seeder.find("status", |line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event.get("id").is_none_or(|event| *event == id), "{line}");
        (event["uploaded"].as_u64() >= Some(3 * SIZE as u64)).then_some(())
    });
    seeder.signal("INT");
    let output = seeder.end().expect(0);
    assert_eq!(output.stderr.matches("stopped with 1 torrent").count(), 1, "{output:#?}");
}

#[test]
fn a_file_that_is_missing_for_one_thread_stops_the_torrent_on_all() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "movie.bin", 1);
    let (mut seeder, addresses) = movie.seed(2, &["--trust"]);
    seeder.find("complete torrent", |line| line.contains("\"seeding\":true").then_some(()));
    fs::remove_file(&movie.file).unwrap();
    // Each thread is asked, whichever has the torrent.
    let to = |number: usize| dir.path().join(format!("to{number}"));
    let downloaders = addresses.iter().enumerate().map(|(n, peer)| movie.downloader(*peer, &to(n)));
    let _downloaders: Vec<_> = downloaders.collect();
    let output = seeder.end().expect(1);
    assert!(output.stderr.contains("error: movie.bin: "), "{output:#?}");
}

#[test]
fn a_ratio_is_for_all_threads_together() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "movie.bin", 1);
    let (mut seeder, addresses) = movie.seed(2, &["--ratio=2"]);
    seeder.event("finished");
    for (number, peer) in addresses.into_iter().enumerate() {
        movie.download(peer, &dir.path().join(format!("to{number}")));
    }
    seeder.event("goal_reached");
    seeder.end().expect(0);
}

#[test]
fn each_thread_announces_to_the_trackers() {
    let dir = tempfile::tempdir().unwrap();
    let movie = movie(dir.path(), "movie.bin", 1);
    let (url, ports) = tracker();
    let announced = maker(&movie.file, Protocol::Hybrid).add_tracker(url, 0);
    let metainfo = announced.start().unwrap().wait().unwrap();
    fs::write(&movie.torrent, &metainfo.torrent_file()[..]).unwrap();
    let (mut seeder, addresses) = movie.seed(2, &[]);
    let expected: BTreeSet<_> = addresses.iter().map(SocketAddr::port).collect();
    let mut told = BTreeSet::new();
    while told != expected {
        told.insert(ports.recv_timeout(PATIENCE).unwrap());
        assert!(told.is_subset(&expected), "{told:?}, {expected:?}");
    }
    seeder.event("finished");
    seeder.signal("INT");
    seeder.end().expect(0);
}

/// A tracker that knows no peers, and reports which ports are announced.
fn tracker() -> (String, Receiver<u16>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/announce", listener.local_addr().unwrap());
    let (sender, ports) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut request = String::new();
            // Read the headers, which end with an empty line.
            while reader.read_line(&mut request).is_ok_and(|length| length > 2) {}
            let port = request.split(['?', '&', ' ']).find_map(|word| word.strip_prefix("port="));
            let body = "d8:intervali1800e5:peers0:e";
            let answer = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            let _ = reader.get_mut().write_all(answer.as_bytes());
            let told = port.and_then(|port| port.parse().ok()).map(|port| sender.send(port));
            if told.is_none_or(|told| told.is_err()) {
                break;
            }
        }
    });
    (url, ports)
}

/// A peer that connects to the program's address must find the torrent there.
#[test]
fn a_preset_has_no_more_threads_than_torrents() {
    let dir = tempfile::tempdir().unwrap();
    // The info hash of each selects one of the threads.
    for (number, name) in (0..).zip(["one.bin", "two.bin", "three.bin", "four.bin"]) {
        let movie = movie(dir.path(), name, number);
        let (torrent, from) = (movie.torrent.as_os_str(), movie.file.parent().unwrap().as_os_str());
        let options = ["--offline", "--json", "--tick=0.1", "--preset=seeding"].map(OsStr::new);
        let words = ["seed".as_ref(), torrent, from].into_iter().chain(options);
        let mut seeder = Program::start(words);
        let address = seeder.event("listening")["address"].as_str().unwrap().parse().unwrap();
        seeder.event("finished");
        movie.download(address, &dir.path().join(format!("to{number}")));
    }
}
