//! Measures the memory that a client needs for a reader, in a separate process.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::ReadAhead;
use torrent_patron::{AddOptions, Patron};

use crate::swarm::{Swarm, client};
use crate::{LIMIT, Result, say};

pub(crate) const CHILD: &str = "memory-child";

/// Prints the peak memory of a client that reads a file while it downloads, compared with a download without
/// a reader.
pub(crate) fn memory(swarm: &Swarm) -> Result<()> {
    swarm.limit(Some(2 * LIMIT))?;
    let window = ReadAhead::DEFAULT.bytes() as f64 / f64::from(1 << 20);
    let (download, read) = (peak(swarm, "download")?, peak(swarm, "read")?);
    println!("{:<48} {download:>10.2} MiB", "memory of a download");
    say("memory of one that is read through", read, "MiB", download + window, true);
    swarm.limit(None)
}

/// Returns the peak in MiB.
fn peak(swarm: &Swarm, what: &str) -> Result<f64> {
    let directory = tempfile::tempdir()?;
    let torrent = directory.path().join("film.torrent");
    fs::write(&torrent, swarm.metainfo.torrent_file())?;
    let peers = swarm.addresses()?.into_iter().map(|peer| peer.to_string());
    let output = Command::new(std::env::current_exe()?)
        .arg(CHILD)
        .arg(&torrent)
        .arg(what)
        .args(peers)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into())
}

pub(crate) fn child(torrent: &str, what: &str, peers: &[String]) -> Result<()> {
    let directory = tempfile::tempdir()?;
    let client = client(directory.path())?;
    let patron = client.patron();
    let peers: Result<_> = peers.iter().map(|peer| Ok(peer.parse::<SocketAddr>()?)).collect();
    let metainfo = Metainfo::decode(&fs::read(torrent)?)?;
    let (peers, ended) = (peers?, AtomicBool::new(false));
    let peak = thread::scope(|scope| {
        let most = scope.spawn(|| {
            let mut most = 0;
            while !ended.load(Ordering::Relaxed) {
                most = most.max(resident().unwrap_or(0));
                thread::sleep(Duration::from_millis(2));
            }
            most
        });
        let ran = run(&patron, &metainfo, what == "read", peers);
        ended.store(true, Ordering::Relaxed);
        ran.map(|()| most.join().unwrap_or(0))
    })?;
    println!("{}", peak as f64 / 1024.0);
    client.shutdown(Duration::from_secs(5)).wait();
    Ok(())
}

fn run(patron: &Patron, metainfo: &Metainfo, read: bool, peers: Vec<SocketAddr>) -> Result<()> {
    let id = patron.add_torrent(metainfo, AddOptions::default().add_peers(peers)).wait()?.id();
    if read {
        let mut reader = patron.reader(id, 0).wait()?;
        let mut bytes = vec![0; 64 << 10];
        while reader.read(&mut bytes)? > 0 {}
    } else {
        patron.wait_until_finished(id).wait()?;
    }
    Ok(())
}

/// Returns the resident memory in KiB, without mapped files, which belong to the page cache.
fn resident() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    line.split_whitespace().next()?.parse().ok()
}
