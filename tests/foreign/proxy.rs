//! microsocks, a SOCKS5 proxy without UDP, and tinyproxy, an HTTP proxy.

use std::fs;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};

use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::settings::Proxy;
use torrent_patron::{Client, ClientBuilder, Event, Patron, TorrentId};

use crate::await_event;
use crate::nginx::Nginx;
use crate::opentracker::Opentracker;
use crate::process::{Program, Running, free_port};
use crate::support::{PATIENCE, Seeder, address, builder, data, finished, maker, poll, same};
use crate::swarm::{Participant, Swarm, assert_same};

pub(crate) const MICROSOCKS: Program = Program { command: "microsocks", package: "microsocks" };
pub(crate) const TINYPROXY: Program = Program { command: "tinyproxy", package: "tinyproxy-bin" };

#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Socks5,
    Http,
}

const USER: &str = "me";
const PASSWORD: &str = "se-cr_et";

impl Kind {
    fn at(self, port: u16) -> Proxy {
        let address = format!("127.0.0.1:{port}");
        match self {
            Self::Socks5 => Proxy::socks5(address),
            Self::Http => Proxy::http(address),
        }
    }

    /// Returns when it accepts connections.
    fn start(self, dir: &Path, port: u16, login: bool) -> Server {
        let home = dir.join("proxy");
        fs::create_dir(&home).unwrap();
        let output = dir.join("proxy.log");
        let (command, log) = match self {
            Self::Socks5 => {
                let mut command = MICROSOCKS.command(&home);
                command.args(["-i", "127.0.0.1", "-p", &port.to_string()]);
                if login {
                    command.args(["-u", USER, "-P", PASSWORD]);
                }
                (command, output.clone())
            }
            Self::Http => {
                let log = home.join("log");
                let login =
                    if login { format!("BasicAuth {USER} {PASSWORD}") } else { String::new() };
                let settings = format!(
                    "Listen 127.0.0.1\nPort {port}\nLogFile \"{}\"\nLogLevel Info\n{login}\n",
                    log.display()
                );
                fs::write(home.join("settings"), settings).unwrap();
                let mut command = TINYPROXY.command(&home);
                command.arg("-d").arg("-c").arg(home.join("settings"));
                (command, log)
            }
        };
        let mut running = Running::start(&mut { command }, output);
        running.wait_for("proxy", || TcpStream::connect(("127.0.0.1", port)));
        Server { _running: running, log, kind: self, port }
    }
}

struct Server {
    _running: Running,
    log: PathBuf,
    kind: Kind,
    port: u16,
}

impl Server {
    fn proxy(&self) -> Proxy {
        self.kind.at(self.port)
    }

    /// Checks in its log that it has made a connection to a port of 127.0.0.1.
    fn assert_carried(&self, port: u16) {
        let said = match self.kind {
            Kind::Socks5 => format!("connected to 127.0.0.1:{port}\n"),
            Kind::Http => "Established connection to host \"127.0.0.1\"".to_owned(),
        };
        let asked = format!("127.0.0.1:{port}");
        poll("connection in the log of the proxy", || {
            let log = fs::read_to_string(&self.log).unwrap();
            if log.contains(&said) && log.contains(&asked) { Ok(()) } else { Err(log) }
        });
    }
}

/// The tracker is reached through the proxy and names the seeder, and the data comes through the
/// proxy.
pub(crate) fn carries_a_download(dir: &Path, kind: Kind) {
    let swarm = Swarm::new(dir, Protocol::Hybrid, "http");
    let seeder = swarm.seed();
    let server = kind.start(dir, free_port(), false);
    let to = dir.join("to");
    let download = Participant::start(builder(&to).proxy(server.proxy()), &swarm.metainfo);
    download.finish();
    swarm.assert_same(&to);
    server.assert_carried(swarm.tracker.port());
    server.assert_carried(address(&seeder.patron).port());
    // It opens no port for incoming connections.
    assert!(download.patron.listen_addresses().wait().unwrap().is_empty());
    download.stop();
    seeder.stop();
}

/// A wrong password is reported, and nothing bypasses the proxy because of it.
pub(crate) fn asks_for_a_password(dir: &Path, kind: Kind) {
    let scene = Scene::new(dir, "http");
    let server = kind.start(dir, free_port(), true);

    let wrong = server.proxy().login(USER, "wrong");
    let (stranger, patron, _) = scene.download(&dir.join("never"), wrong);
    // By the time the tracker is tried again, the peer has been tried too.
    println!("{}", tracker_error(&patron));
    tracker_error(&patron);
    scene.assert_untouched();
    stop(stranger);

    let to = dir.join("to");
    let right = server.proxy().login(USER, PASSWORD);
    let (client, patron, id) = scene.download(&to, right);
    finished(&patron, id);
    scene.assert_same(&to);
    stop(client);
}

pub(crate) fn carries_a_web_seed(dir: &Path, kind: Kind) {
    let from = dir.join("from");
    let file = data(&from, "data.bin", 1, 1_000_000);
    let nginx = Nginx::start(dir, &from);
    let server = kind.start(dir, free_port(), false);
    let maker = maker(&file, Protocol::Hybrid).add_web_seed(nginx.url("data.bin"));
    let metainfo = maker.start().unwrap().wait().unwrap();
    let to = dir.join("to");
    let download = Participant::start(builder(&to).proxy(server.proxy()), &metainfo);
    download.finish();
    assert_same(&metainfo, &from, &to);
    server.assert_carried(nginx.port());
    download.stop();
}

/// Nothing bypasses a proxy that does not run; once it runs, the download continues.
pub(crate) fn is_down_at_first(dir: &Path, kind: Kind) {
    let scene = Scene::new(dir, "http");
    let port = free_port();
    let to = dir.join("to");
    let (client, patron, id) = scene.download(&to, kind.at(port));
    let why = tracker_error(&patron);
    assert!(why.contains("refused"), "{why}");
    tracker_error(&patron);
    scene.assert_untouched();

    let _server = kind.start(dir, port, false);
    finished(&patron, id);
    scene.assert_same(&to);
    stop(client);
}

/// uTP and UDP trackers need `UDP ASSOCIATE`. Without it the tracker fails, and the connection to
/// the peer is made by TCP.
pub(crate) fn has_no_udp(dir: &Path) {
    let scene = Scene::new(dir, "udp");
    let server = Kind::Socks5.start(dir, free_port(), false);
    let to = dir.join("to");
    let by_utp = patient(&to, server.proxy()).setting("enable_outgoing_utp", true);
    let (client, patron, id) = scene.start(by_utp);
    finished(&patron, id);
    scene.assert_same(&to);
    println!("{}", tracker_error(&patron));
    assert!(scene.tracker.has_a_leecher(&scene.metainfo.info_hashes).is_err());
    assert!(scene.tracker.has_a_seed(&scene.metainfo.info_hashes).is_err());
    server.assert_carried(scene.seeder_address().port());
    stop(client);
}

/// A tracker, and a seeder that it does not know about.
struct Scene {
    file: PathBuf,
    tracker: Opentracker,
    metainfo: Metainfo,
    seeder: Seeder,
}

impl Scene {
    fn new(dir: &Path, scheme: &str) -> Self {
        let file = data(&dir.join("from"), "data.bin", 1, 1_000_000);
        let seeder = Seeder::of(&file);
        let tracker = Opentracker::start(dir, &[seeder.metainfo.info_hashes]);
        let maker = maker(&file, Protocol::Hybrid).add_tracker(tracker.url(scheme), 0);
        let metainfo = maker.start().unwrap().wait().unwrap();
        Self { file, tracker, metainfo, seeder }
    }

    fn seeder_address(&self) -> SocketAddr {
        address(&self.seeder.patron)
    }

    fn download(&self, to: &Path, proxy: Proxy) -> (Client, Patron, TorrentId) {
        self.start(patient(to, proxy))
    }

    fn start(&self, client: ClientBuilder) -> (Client, Patron, TorrentId) {
        let client = client.start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(&self.metainfo, self.seeder.options()).wait().unwrap().id();
        (client, patron, id)
    }

    fn assert_same(&self, to: &Path) {
        assert!(same(&self.file, &to.join("data.bin")));
    }

    /// Checks that neither the tracker nor the seeder has been contacted by a downloader.
    fn assert_untouched(&self) {
        let statistics = self.seeder.patron.statistics().wait().unwrap();
        assert_eq!(statistics.incoming_connections, 0);
        assert!(self.tracker.has_a_leecher(&self.metainfo.info_hashes).is_err());
    }
}

/// Retries with short pauses.
fn patient(to: &Path, proxy: Proxy) -> ClientBuilder {
    builder(to).proxy(proxy).setting("tracker_backoff", 0).setting("tracker_completion_timeout", 3)
}

fn tracker_error(patron: &Patron) -> String {
    await_event!(patron, Event::TrackerError { error, .. } => error.to_string())
}

fn stop(client: Client) {
    let report = client.shutdown(PATIENCE).wait();
    assert!(report.is_clean(), "{report:?}");
}
