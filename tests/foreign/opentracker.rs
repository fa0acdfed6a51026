//! opentracker, an HTTP and UDP tracker. It tells peers to announce again after half an hour, so a peer must
//! announce before another can find it.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use torrent_patron::event::EventKind;
use torrent_patron::metainfo::Protocol;
use torrent_patron::torrent::{InfoHashes, TorrentFlag, TorrentState};
use torrent_patron::{AddOptions, Event};

use crate::await_event;
use crate::process::{Program, Running, free_port};
use crate::support::{PATIENCE, builder, client, data, finished, maker, poll, same};
use crate::swarm::Swarm;

pub(crate) const OPENTRACKER: Program = Program { command: "opentracker", package: "opentracker" };

/// A tracker that knows only the torrents that it was started for.
pub(crate) struct Opentracker {
    running: Running,
    port: u16,
}

impl Opentracker {
    pub(crate) fn start(dir: &Path, torrents: &[InfoHashes]) -> Self {
        let home = dir.join("opentracker");
        let swarms: Vec<_> = torrents.iter().flat_map(swarms).collect();
        write_whitelist(&home, &swarms);
        let port = free_port();
        let number = port.to_string();
        let mut command = OPENTRACKER.command(&home);
        command.args(["-i", "127.0.0.1", "-p", &number, "-P", &number, "-w", "whitelist"]);
        // It changes to this directory before it reads the whitelist; root is even confined to it.
        command.arg("-d").arg(&home);
        let running = Running::start(&mut command, dir.join("opentracker.log"));
        let mut tracker = Self { running, port };
        tracker.wait_until_it_accepts(swarms[0]);
        tracker
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn url(&self, scheme: &str) -> String {
        // On loopback, libtorrent contacts a tracker only at /announce (ssrf_mitigation).
        format!("{scheme}://127.0.0.1:{}/announce", self.port)
    }

    /// Whether a peer has announced to the tracker that it has the whole torrent.
    pub(crate) fn has_a_seed(&self, torrent: &InfoHashes) -> Result<(), String> {
        self.counts(torrent, "8:completei")
    }

    /// Whether a peer has announced to the tracker that it wants the torrent.
    pub(crate) fn has_a_leecher(&self, torrent: &InfoHashes) -> Result<(), String> {
        self.counts(torrent, "10:incompletei")
    }

    fn counts(&self, torrent: &InfoHashes, key: &str) -> Result<(), String> {
        let swarm = percent_encoded(swarms(torrent)[0]);
        let answer = get(self.port, &format!("/scrape?info_hash={swarm}"))?;
        match answer.split_once(key) {
            Some((_, count)) if !count.starts_with('0') => Ok(()),
            _ => Err(answer),
        }
    }

    /// It reads its whitelist on a separate thread, after it has begun to answer.
    fn wait_until_it_accepts(&mut self, swarm: [u8; 20]) {
        let leave = format!(
            "/announce?info_hash={}&peer_id=-test-of-the-list-00&port=1&left=1&event=stopped",
            percent_encoded(swarm)
        );
        let port = self.port;
        self.running.wait_for("opentracker with a list", || {
            let answer = get(port, &leave)?;
            if answer.contains("8:interval") { Ok(()) } else { Err(answer) }
        });
    }
}

/// The torrent's identifiers at a tracker: its v1 hash and the start of its v2 hash.
fn swarms(hashes: &InfoHashes) -> Vec<[u8; 20]> {
    let v1 = hashes.v1.map(|hash| hash.0);
    let v2 = hashes.v2.and_then(|hash| hash.0.first_chunk().copied());
    v1.into_iter().chain(v2).collect()
}

/// If started by root, it continues as nobody, who must be able to read the list.
fn write_whitelist(home: &Path, swarms: &[[u8; 20]]) {
    let list: String = swarms
        .iter()
        .map(|swarm| format!("{}\n", torrent_patron::torrent::InfoHashV1(*swarm)))
        .collect();
    let file = home.join("whitelist");
    std::fs::create_dir(home).unwrap();
    std::fs::write(&file, list).unwrap();
    std::fs::set_permissions(home, PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::set_permissions(file, PermissionsExt::from_mode(0o644)).unwrap();
}

fn percent_encoded(swarm: [u8; 20]) -> String {
    swarm.iter().map(|byte| format!("%{byte:02x}")).collect()
}

/// The tracker's answer.
fn get(port: u16, path: &str) -> Result<String, String> {
    let exchange = || {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    exchange().map_err(|error| error.to_string())
}

/// A seeder and two downloaders that know each other only through the tracker.
pub(crate) fn introduces_our_peers(dir: &Path, scheme: &str) {
    let swarm = Swarm::new(dir, Protocol::Hybrid, scheme);
    let seeder = swarm.seed();
    let copies = ["one", "two"].map(|name| dir.join(name));
    let downloads = copies.each_ref().map(|copy| swarm.download(copy));
    for (download, copy) in downloads.iter().zip(&copies) {
        download.finish();
        swarm.assert_same(copy);
    }
    for participant in downloads.into_iter().chain([seeder]) {
        participant.stop();
    }
}

/// The tracker's answers to an announce and to a scrape, as events and in the list of trackers.
pub(crate) fn tells_how_many_there_are(dir: &Path) {
    let swarm = Swarm::new(dir, Protocol::V1, "http");
    let seeder = swarm.seed();
    // The mitigation would block a query on loopback.
    let to = dir.join("to");
    let client = builder(&to).setting("ssrf_mitigation", false).start().unwrap();
    let patron = client.patron();
    patron.subscribe([EventKind::TrackerReply, EventKind::Scraped].into_iter().collect());
    let options = AddOptions::default().add_flags([TorrentFlag::UploadMode]);
    let id = patron.add_torrent(&swarm.metainfo, options).wait().unwrap().id();
    let url = await_event!(patron, Event::TrackerReply { url, .. } => url.clone());
    assert_eq!(url, swarm.metainfo.trackers[0].url.as_str().into());
    patron.scrape(id).wait().unwrap();
    await_event!(patron, Event::Scraped { seeds: Some(1), .. });
    let trackers = patron.trackers(id).wait().unwrap();
    let [tracker] = &trackers[..] else { panic!("{trackers:#?}") };
    assert!(tracker.working, "{tracker:#?}");
    let [announce] = &tracker.announces[..] else { panic!("{tracker:#?}") };
    assert_eq!((announce.seeds, announce.failures), (Some(1), 0));
    assert!(announce.error.is_none() && announce.next.is_some(), "{announce:#?}");

    // Another announce on request, to a tracker that was added while the torrent runs.
    patron.remove_tracker(id, &*url).wait().unwrap();
    patron.add_tracker(id, &*url, 3).wait().unwrap();
    patron.reannounce(id).wait().unwrap();
    await_event!(patron, Event::TrackerReply { .. });
    assert_eq!(patron.trackers(id).wait().unwrap()[0].tier, 3);
    assert!(client.shutdown(PATIENCE).wait().is_clean());
    seeder.stop();
}

pub(crate) fn refuses_what_is_not_on_its_list(dir: &Path) {
    let (from, to) = (dir.join("from"), dir.join("to"));
    let [unlisted, listed] =
        ["unlisted.bin", "listed.bin"].map(|name| data(&from, name, 1, 300_000));
    let maker = |path: &Path| maker(path, Protocol::V1);
    let make = |path: &Path| maker(path).start().unwrap().wait().unwrap();
    let tracker = Opentracker::start(dir, &[make(&listed).info_hashes]);
    let [refused, accepted] = [&unlisted, &listed].map(|path| {
        maker(path).add_tracker(tracker.url("http"), 0).start().unwrap().wait().unwrap()
    });

    let (seeder, leecher) = (client(&from), client(&to));
    let (source, sink) = (seeder.patron(), leecher.patron());
    let id = source.add_torrent(&refused, AddOptions::default()).wait().unwrap().id();
    let (url, reason) = await_event!(
        source,
        Event::TrackerError { id: of, url, error, .. } if *of == id
            => (url.clone(), error.to_string())
    );
    assert_eq!(*url, *tracker.url("http"));
    assert!(reason.contains("not authorized"), "{reason}");

    let status = source.fresh_status(id).wait().unwrap();
    assert_eq!((status.state, status.paused), (TorrentState::Seeding, false));
    assert!(status.error.is_none(), "{status:?}");

    source.add_torrent(&accepted, AddOptions::default()).wait().unwrap();
    poll("seed at the tracker", || tracker.has_a_seed(&accepted.info_hashes));
    let copy = sink.add_torrent(&accepted, AddOptions::default()).wait().unwrap().id();
    finished(&sink, copy);
    assert!(same(&listed, &to.join("listed.bin")));
    for client in [seeder, leecher] {
        let report = client.shutdown(PATIENCE).wait();
        assert!(report.is_clean(), "{report:?}");
    }
}
