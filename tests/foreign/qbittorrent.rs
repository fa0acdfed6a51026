//! qbittorrent-nox: another program with libtorrent, and the most widely used client. It finds its
//! peers through the tracker.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use torrent_patron::metainfo::Protocol;

use crate::process::{Program, Running, free_port};
use crate::swarm::Swarm;

pub(crate) const QBITTORRENT: Program =
    Program { command: "qbittorrent-nox", package: "qbittorrent-nox" };

pub(crate) fn downloads_from_us(dir: &Path, protocol: Protocol) {
    let swarm = Swarm::new(dir, protocol, "http");
    let torrent = swarm.torrent.to_str().unwrap().to_owned();
    downloads(dir, &swarm, &torrent);
}

pub(crate) fn takes_our_metadata(dir: &Path) {
    let swarm = Swarm::new(dir, Protocol::Hybrid, "http");
    let magnet = swarm.magnet();
    downloads(dir, &swarm, &magnet);
}

fn downloads(dir: &Path, swarm: &Swarm, source: &str) {
    let seeder = swarm.seed();
    let to = dir.join("to");
    let mut qbittorrent = Qbittorrent::start(dir, source, &to);
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

/// Returns when the tracker knows about the seed.
fn seed(dir: &Path, swarm: &Swarm) -> Qbittorrent {
    let torrent = swarm.torrent.to_str().unwrap();
    let mut qbittorrent = Qbittorrent::start(dir, torrent, &swarm.from);
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
    fn start(dir: &Path, source: &str, save_dir: &Path) -> Self {
        let home = dir.join("qbittorrent");
        let config = home.join("qBittorrent/config");
        fs::create_dir_all(&config).unwrap();
        let web_port = free_port();
        fs::write(config.join("qBittorrent.conf"), settings(free_port(), web_port)).unwrap();
        let mut command = QBITTORRENT.command(&home);
        command.arg(format!("--profile={}", home.display()));
        command.arg(format!("--save-path={}", save_dir.display()));
        command.arg("--add-paused=false").arg(source);
        Self { running: Running::start(&mut command, dir.join("qbittorrent.log")), web_port }
    }

    fn wait_until_complete(&mut self) {
        let port = self.web_port;
        self.running.wait_for("complete torrent", || {
            let torrents = get(port, "/api/v2/torrents/info").map_err(|error| error.to_string())?;
            let torrents: Value =
                serde_json::from_slice(&torrents).map_err(|error| error.to_string())?;
            let state = torrents[0]["state"].as_str().unwrap_or_default();
            // The states of a seeding torrent, with and without peers.
            if ["uploading", "stalledUP"].contains(&state) {
                Ok(())
            } else {
                Err(torrents.to_string())
            }
        });
    }
}

/// The body of the answer. The server keeps the connection open, whatever the request says.
fn get(port: u16, path: &str) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")?;
    let mut answer = BufReader::new(stream);
    let mut size = 0;
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
