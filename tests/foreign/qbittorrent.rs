//! qbittorrent-nox: another program with libtorrent, and the most widely used client. It finds its
//! peers through the tracker.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;
use torrent_patron::Event;
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::store::{Memory, Record, import};
use torrent_patron::torrent::TorrentState;

use crate::await_event;
use crate::process::{Program, Running, free_port};
use crate::support::{PATIENCE, Seeder, address, builder, data, metainfo, same, until};
use crate::swarm::Swarm;

pub(crate) const QBITTORRENT: Program =
    Program { command: "qbittorrent-nox", package: "qbittorrent-nox" };

pub(crate) fn downloads_from_us(dir: &Path, protocol: Protocol) {
    let swarm = Swarm::new(dir, protocol, "http");
    let torrent = swarm.torrent.to_str().unwrap().to_owned();
    downloads(dir, &swarm, &torrent);
}

/// Does not test hybrid torrents: with a magnet link, libtorrent 2.0.8 in qBittorrent occasionally stops one
/// with an error after the first block.
pub(crate) fn takes_our_metadata(dir: &Path, protocol: Protocol) {
    let swarm = Swarm::new(dir, protocol, "http");
    let magnet = swarm.magnet();
    downloads(dir, &swarm, &magnet);
}

fn downloads(dir: &Path, swarm: &Swarm, source: &str) {
    let seeder = swarm.seed();
    let to = dir.join("to");
    let mut qbittorrent = Qbittorrent::start(dir, &[source], &to);
    qbittorrent.wait_until_complete();
    swarm.assert_same(&to);
    seeder.stop();
}

pub(crate) fn seeds_to_us(dir: &Path, protocol: Protocol) {
    let swarm = Swarm::new(dir, protocol, "http");
    let _qbittorrent = seed(dir, &swarm);
    let to = dir.join("to");
    let download = swarm.download(&to);
    download.finish();
    swarm.assert_same(&to);
    download.stop();
}

pub(crate) fn gives_its_metadata(dir: &Path) {
    let swarm = Swarm::new(dir, Protocol::Hybrid, "http");
    let _qbittorrent = seed(dir, &swarm);
    swarm.download_by_magnet(&dir.join("to"));
}

/// Imports the torrents of qBittorrent into a store. A client continues with them.
pub(crate) fn hands_its_torrents_over(dir: &Path) {
    let [here, there, unfinished] = ["here", "there", "unfinished"].map(|name| dir.join(name));
    let complete = metainfo(&data(&here, "complete.bin", 1, 300_000));
    let missing = metainfo(&data(&there, "missing.bin", 2, 300_000));
    let [a, b] = [("a", &complete), ("b", &missing)].map(|(name, metainfo)| {
        let path = dir.join(format!("{name}.torrent"));
        fs::write(&path, metainfo.torrent_file()).unwrap();
        path.into_os_string().into_string().unwrap()
    });
    let mut qbittorrent = Qbittorrent::start(dir, &[&a, &b], &here);
    let hash = |metainfo: &Metainfo| metainfo.info_hashes.v1.unwrap().to_string();
    qbittorrent.wait_for("two torrents, one of them complete", |torrents| {
        let state = |metainfo| {
            let one = torrents.iter().find(|one| one["infohash_v1"] == hash(metainfo));
            one.and_then(|one| one["state"].as_str()).unwrap_or_default()
        };
        is_seeding(state(&complete)) && state(&missing) == "stalledDL"
    });
    let [complete_id, missing_id] = [&complete, &missing].map(|one| qbittorrent.id_of(&hash(one)));
    for (path, body) in [
        ("createCategory", "category=films".into()),
        ("setCategory", format!("hashes={complete_id}&category=films")),
        ("addTags", format!("hashes={complete_id}&tags=old,seen")),
        ("setUploadLimit", format!("hashes={complete_id}&limit=50000")),
        ("setShareLimits", format!("hashes={complete_id}&ratioLimit=2.5&seedingTimeLimit=90")),
        ("setDownloadPath", format!("id={missing_id}&path={}", unfinished.display())),
        ("pause", format!("hashes={missing_id}")),
    ] {
        post(qbittorrent.web_port, &format!("/api/v2/torrents/{path}"), &body).unwrap();
    }
    qbittorrent.wait_for("a paused torrent in its place", |torrents| {
        let one = torrents.iter().find(|one| one["hash"] == missing_id);
        one.is_some_and(|one| {
            one["state"] == "pausedDL"
                && one["content_path"].as_str() == unfinished.join("missing.bin").to_str()
        })
    });
    qbittorrent.stop();

    let backup = dir.join("qbittorrent/qBittorrent/data/BT_backup");
    let mut store = Memory::new();
    let imported = import(&backup, &mut store).unwrap();
    let names: Vec<_> = imported.into_iter().map(|one| one.result.unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let again = import(&backup, &mut store).unwrap();
    assert!(again.iter().all(|one| one.was_known), "{again:?}");
    assert_eq!((again.len(), store.records().len()), (2, 2), "once");

    let client = builder(&dir.join("elsewhere")).store(store.clone()).start().unwrap();
    let patron = client.patron();
    let mut checked = Vec::new();
    patron.watch_all().wait().unwrap();
    crate::support::wait_for(&patron, "the end of restoring", |event| match event {
        Event::StateChanged { id, state: TorrentState::CheckingFiles, .. } => {
            checked.push(*id);
            None
        }
        Event::Restored { torrents, failed, .. } => {
            assert_eq!((*torrents, *failed), (2, 0));
            Some(())
        }
        _ => None,
    });
    let find = |metainfo: &Metainfo| patron.find(metainfo.info_hashes).wait().unwrap().unwrap();
    let (complete_here, missing_here) = (find(&complete), find(&missing));
    until("a torrent that seeds", || {
        patron.status(complete_here).is_some_and(|status| status.seeding)
    });
    assert!(checked.is_empty(), "nothing is checked again: {checked:?}");
    let labels = patron.labels(complete_here).wait().unwrap();
    assert_eq!(labels, ["films", "old", "seen"].map(Into::into).into());
    let options = patron.options(complete_here).wait().unwrap();
    assert_eq!((options.limits.upload_limit, options.save_dir), (Some(50_000), here.clone()));
    let has_goals = |record: &Record| {
        let goals = b"12:seed secondsi5400e11:share ratioi2500e";
        record.resume_data.windows(goals.len()).any(|part| part == goals)
    };
    assert_eq!(store.records().iter().filter(|record| has_goals(record)).count(), 1);
    assert!(store.records().iter().all(|record| record.added > SystemTime::UNIX_EPOCH));
    assert_eq!(patron.options(missing_here).wait().unwrap().save_dir, unfinished);
    let status = patron.status(missing_here).unwrap();
    assert!(status.paused && !status.finished, "{status:?}");

    // The torrent that was not complete continues here.
    let seeder = Seeder::with(&there.join("missing.bin"), missing);
    patron.resume(missing_here).wait().unwrap();
    patron.connect_peer(missing_here, address(&seeder.patron)).wait().unwrap();
    await_event!(patron, Event::Moved { id, .. } if *id == missing_here);
    assert!(same(&there.join("missing.bin"), &here.join("missing.bin")));
    assert!(client.shutdown(PATIENCE).wait().is_clean());
}

/// Returns when the tracker knows about the seed.
fn seed(dir: &Path, swarm: &Swarm) -> Qbittorrent {
    let torrent = swarm.torrent.to_str().unwrap();
    let mut qbittorrent = Qbittorrent::start(dir, &[torrent], &swarm.from);
    qbittorrent.wait_until_complete();
    qbittorrent.running.wait_for("seed at the tracker", || swarm.has_a_seed());
    qbittorrent
}

struct Qbittorrent {
    running: Running,
    web_port: u16,
}

impl Qbittorrent {
    /// Restricted to loopback.
    fn start(dir: &Path, sources: &[&str], save_dir: &Path) -> Self {
        let home = dir.join("qbittorrent");
        let config = home.join("qBittorrent/config");
        fs::create_dir_all(&config).unwrap();
        let web_port = free_port();
        fs::write(config.join("qBittorrent.conf"), settings(free_port(), web_port)).unwrap();
        let mut command = QBITTORRENT.command(&home);
        command.arg(format!("--profile={}", home.display()));
        command.arg(format!("--save-path={}", save_dir.display()));
        command.arg("--add-paused=false").args(sources);
        Self { running: Running::start(&mut command, dir.join("qbittorrent.log")), web_port }
    }

    fn wait_until_complete(&mut self) {
        self.wait_for("complete torrent", |torrents| {
            torrents.first().and_then(|one| one["state"].as_str()).is_some_and(is_seeding)
        });
    }

    /// Waits until the condition holds for its torrents.
    fn wait_for(&mut self, what: &str, mut is_so: impl FnMut(&[Value]) -> bool) {
        let port = self.web_port;
        self.running.wait_for(what, || {
            let torrents = torrents(port).map_err(|error| error.to_string())?;
            if is_so(&torrents) { Ok(()) } else { Err(format!("{torrents:?}")) }
        });
    }

    /// Its own name for a torrent.
    fn id_of(&self, infohash_v1: &str) -> String {
        let torrents = torrents(self.web_port).unwrap();
        let one = torrents.iter().find(|one| one["infohash_v1"] == infohash_v1).unwrap();
        one["hash"].as_str().unwrap().to_owned()
    }

    /// Stops it as a user would, so that it saves everything.
    fn stop(mut self) {
        let _ = post(self.web_port, "/api/v2/app/shutdown", "");
        self.running.wait();
    }
}

/// With and without peers.
fn is_seeding(state: &str) -> bool {
    ["uploading", "stalledUP"].contains(&state)
}

fn torrents(port: u16) -> io::Result<Vec<Value>> {
    Ok(serde_json::from_slice(&get(port, "/api/v2/torrents/info")?)?)
}

fn get(port: u16, path: &str) -> io::Result<Vec<u8>> {
    ask(port, &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n"))
}

fn post(port: u16, path: &str, form: &str) -> io::Result<Vec<u8>> {
    let length = form.len();
    let head = format!("POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n");
    let kind = "Content-Type: application/x-www-form-urlencoded\r\n";
    ask(port, &format!("{head}{kind}Content-Length: {length}\r\n\r\n{form}"))
}

/// The body of the answer. The server keeps the connection open, whatever the request says.
fn ask(port: u16, request: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = BufReader::new(stream);
    let mut size = 0;
    let mut status = String::new();
    answer.read_line(&mut status)?;
    if !status.contains(" 200 ") {
        return Err(io::Error::other(status));
    }
    loop {
        let mut line = String::new();
        answer.read_line(&mut line)?;
        match line.trim_end().split_once(": ") {
            Some((name, value)) if name.eq_ignore_ascii_case("content-length") => {
                size = value.parse().map_err(io::Error::other)?;
            }
            None if line.trim_end().is_empty() => break,
            _ => {}
        }
    }
    let mut body = vec![0; size];
    answer.read_exact(&mut body)?;
    Ok(body)
}

fn settings(port: u16, web_port: u16) -> String {
    format!(
        r"[LegalNotice]
Accepted=true

[BitTorrent]
Session\InterfaceAddress=127.0.0.1
Session\Port={port}
Session\DHTEnabled=false
Session\LSDEnabled=false
Session\PeXEnabled=false
Session\MultiConnectionsPerIp=true
Session\QueueingSystemEnabled=false

[Network]
PortForwardingEnabled=false

[Preferences]
Connection\ResolvePeerCountries=false
WebUI\Address=127.0.0.1
WebUI\Port={web_port}
WebUI\LocalHostAuth=false
WebUI\UPnP=false
"
    )
}
