//! Shared by the tests: data to share, clients on loopback, and waits that end.
#![allow(dead_code, unreachable_pub)] // each test program uses only some of it

pub mod child;
pub mod noise;
pub mod wire;

use std::fmt::Display;
use std::io::Write;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use torrent_patron::metainfo::{Metainfo, Protocol, TorrentMaker};
use torrent_patron::patron::RemoveFiles;
use torrent_patron::{AddOptions, Client, ClientBuilder, Event, Patron, TorrentId};

pub use self::noise::noise;

/// How long anything here may take before it counts as a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A file of pseudorandom data.
pub fn data(directory: &Path, name: &str, seed: u64, size: usize) -> PathBuf {
    std::fs::create_dir_all(directory).unwrap();
    let path = directory.join(name);
    std::fs::write(&path, noise(seed, size)).unwrap();
    path
}

pub fn metainfo(path: &Path) -> Metainfo {
    maker(path, Protocol::Hybrid).start().unwrap().wait().unwrap()
}

pub fn maker(path: &Path, protocol: Protocol) -> TorrentMaker {
    TorrentMaker::new(path).protocol(protocol).piece_length(16 * 1024)
}

/// A builder for a client that cannot leave this machine and whose ticks are short.
pub fn builder(save_dir: &Path) -> ClientBuilder {
    Client::builder().offline(true).tick_interval(Duration::from_millis(100)).save_dir(save_dir)
}

pub fn client(save_dir: &Path) -> Client {
    builder(save_dir).start().unwrap()
}

pub fn address(patron: &Patron) -> SocketAddr {
    patron.listen_addresses().wait().unwrap()[0]
}

/// The first event for which `pick` returns a value; earlier events are dropped.
pub fn wait_for<T>(patron: &Patron, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        match patron.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Some(Ok(event)) => {
                if let Some(found) = pick(&event) {
                    return found;
                }
                seen.push(event.to_string());
            }
            ended => panic!("no {what}: {ended:?}; came instead: {seen:#?}"),
        }
    }
}

/// Polls until `look` succeeds, for what no event reports.
#[track_caller]
pub fn poll<T, E: Display>(what: &str, mut look: impl FnMut() -> Result<T, E>) -> T {
    // The pauses leave the cores to what is awaited.
    const LONGEST_PAUSE: Duration = Duration::from_millis(20);
    let deadline = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(1);
    loop {
        match look() {
            Ok(found) => return found,
            Err(reason) => assert!(Instant::now() < deadline, "not in time: {what}: {reason}"),
        }
        std::thread::sleep(pause);
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// Polls until `look` returns a value.
#[track_caller]
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    poll(what, || look().ok_or("there is none"))
}

/// Polls until the condition holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    poll(what, || holds().then_some(()).ok_or("it is not so"));
}

/// A macro, because events are selected by a pattern.
#[macro_export]
macro_rules! await_event {
    ($patron:expr, $pattern:pat $(if $guard:expr)? => $value:expr) => {
        $crate::support::wait_for(&$patron, stringify!($pattern), |event| match event {
            $pattern $(if $guard)? => Some($value),
            _ => None,
        })
    };
    ($patron:expr, $pattern:pat $(if $guard:expr)?) => {
        $crate::await_event!($patron, $pattern $(if $guard)? => ())
    };
}

pub fn finished(patron: &Patron, id: TorrentId) {
    await_event!(patron, Event::Finished { id: done, .. } if *done == id);
}

/// Says that a test is skipped, and why. Fails if CI is `true`.
#[track_caller]
pub fn skipped(why: impl Display) {
    assert!(!in_ci(), "{why}");
    report_skipped(std::panic::Location::caller(), why);
}

/// Says that a test is skipped, in the form that `scripts/matrix` collects.
pub fn report_skipped(test: impl Display, why: impl Display) {
    // Not eprintln!, whose output is captured.
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

pub fn in_ci() -> bool {
    std::env::var_os("CI").is_some_and(|ci| ci == "true")
}

/// Runs cases in parallel: they spend their time waiting.
pub fn each<T: Send>(cases: impl IntoIterator<Item = T>, test: impl Fn(T) + Sync) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(|| test(case));
        }
    });
}

/// Whether two files hold the same bytes.
pub fn same(a: &Path, b: &Path) -> bool {
    std::fs::read(a).unwrap() == std::fs::read(b).unwrap()
}

/// A client that seeds, for the others of a test to download from.
pub struct Seeder {
    pub client: Client,
    pub patron: Patron,
    pub metainfo: Metainfo,
    pub path: PathBuf,
}

impl Seeder {
    /// Seeds a file or directory.
    pub fn of(path: &Path) -> Self {
        Self::with(path, metainfo(path))
    }

    pub fn with(path: &Path, metainfo: Metainfo) -> Self {
        let client = client(path.parent().unwrap());
        let patron = client.patron();
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        Self { client, patron, metainfo, path: path.into() }
    }

    /// A client that has the data, knows about one other client, and connects to it.
    pub fn that_calls(path: &Path, metainfo: &Metainfo, other: SocketAddr) -> Client {
        let client = client(path.parent().unwrap());
        let options = AddOptions::default().add_peers([other]);
        client.patron().add_torrent(metainfo, options).wait().unwrap();
        client
    }

    /// Options to download from it.
    pub fn options(&self) -> AddOptions {
        AddOptions::default().add_peers([address(&self.patron)])
    }
}

/// Seeds a directory with two files that share a piece, as a v1 torrent.
pub fn sharing(dir: &Path) -> Seeder {
    let album = dir.join("from/album");
    for (seed, name) in [(1, "one.bin"), (2, "two.bin")] {
        data(&album, name, seed, 50_000);
    }
    Seeder::with(&album, maker(&album, Protocol::V1).start().unwrap().wait().unwrap())
}

/// Proof that a client still works: it downloads a torrent that it did not know. The patron's own
/// mailbox is left alone.
pub fn still_works(patron: &Patron) {
    static NEXT: AtomicU64 = AtomicU64::new(1_000);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "proof.bin", number, 100_000);
    let seeder = Seeder::of(&file);
    let patron = patron.another();
    let options = seeder.options().save_dir(dir.path().join("to"));
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    assert!(same(&file, &dir.path().join("to/proof.bin")));
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
}

/// The events in the mailbox for which `pick` returns a value.
pub fn drain<T>(patron: &Patron, pick: impl FnMut(Event) -> Option<T>) -> Vec<T> {
    std::iter::from_fn(|| patron.try_recv()).filter_map(pick).collect()
}

/// The pieces that resume data without the info dictionary claims.
pub fn claimed_pieces(resume_data: &[u8]) -> Vec<usize> {
    let after = |key: &[u8]| {
        let at = resume_data.windows(key.len()).position(|window| window == key)?;
        Some(&resume_data[at + key.len()..])
    };
    let Some(rest) = after(b"6:pieces") else { return Vec::new() };
    let colon = rest.iter().position(|byte| *byte == b':').unwrap();
    let length: usize = std::str::from_utf8(&rest[..colon]).unwrap().parse().unwrap();
    let claims = &rest[colon + 1..][..length];
    // libtorrent 2.1 writes one bit a piece, older versions one byte.
    if after(b"12:file-versioni2e").is_some() {
        (0..8 * length).filter(|piece| claims[piece / 8] & (0x80 >> (piece % 8)) != 0).collect()
    } else {
        (0..length).filter(|piece| claims[*piece] & 1 != 0).collect()
    }
}

/// Bencoding (BEP 3), to write what no correct program would.
pub mod bencode {
    use std::fmt::Display;

    pub fn text(bytes: impl AsRef<[u8]>) -> Vec<u8> {
        let bytes = bytes.as_ref();
        [format!("{}:", bytes.len()).as_bytes(), bytes].concat()
    }

    pub fn number(value: impl Display) -> Vec<u8> {
        format!("i{value}e").into()
    }

    pub fn list(items: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
        let items: Vec<_> = items.into_iter().collect();
        [b"l", &items.concat()[..], b"e"].concat()
    }

    /// In the given order; in a valid dictionary, that is sorted.
    pub fn dict<'a>(pairs: impl IntoIterator<Item = (&'a str, Vec<u8>)>) -> Vec<u8> {
        let items = pairs.into_iter().flat_map(|(key, value)| [text(key), value]);
        let items: Vec<_> = items.collect();
        [b"d", &items.concat()[..], b"e"].concat()
    }
}
