//! What the tests share: data to share, clients on loopback, and waits that end.
#![allow(dead_code, unreachable_pub)] // each test program uses its own part of it

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use torrent_patron::{
    Client, ClientBuilder, Event, Metainfo, Patron, Protocol, TorrentId, TorrentMaker,
};

/// How long anything here may take before it is called a failure.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers that look like chance and are the same in every run (xorshift64).
pub fn noise(seed: u64, size: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

/// A file of noise.
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

/// The first event for which `pick` has an answer; events before it are dropped.
pub fn wait_for<T>(patron: &Patron, what: &str, mut pick: impl FnMut(&Event) -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    let mut seen = Vec::new();
    loop {
        match patron.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(event) => {
                if let Some(found) = pick(&event) {
                    return found;
                }
                seen.push(event.to_string());
            }
            Err(error) => panic!("no {what}: {error}; came instead: {seen:#?}"),
        }
    }
}

/// A macro, because an event is chosen by its pattern.
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

/// Whether two files hold the same bytes.
pub fn same(a: &Path, b: &Path) -> bool {
    std::fs::read(a).unwrap() == std::fs::read(b).unwrap()
}
