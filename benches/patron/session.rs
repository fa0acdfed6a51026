//! Clients with torrents that are complete from the start.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use torrent_patron::metainfo::{Metainfo, Protocol, TorrentMaker};
use torrent_patron::{AddOptions, Client, ClientBuilder, Patron, TorrentId};

use crate::noise::noise;

pub(crate) type Result<T, E = Box<dyn Error + Send + Sync>> = std::result::Result<T, E>;

/// How long anything here may take before it counts as a failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// The library's default.
pub(crate) const TICK: Duration = Duration::from_secs(5);

/// Data in a directory, and torrents for it.
pub(crate) struct Seeds {
    pub(crate) directory: TempDir,
    pub(crate) torrents: Vec<Metainfo>,
}

impl Seeds {
    pub(crate) fn make(count: usize, size: usize) -> Result<Self> {
        let directory = directory()?;
        let torrent = |number| seed(directory.path(), number, size);
        let torrents = (0..count).map(torrent).collect::<Result<_>>()?;
        Ok(Self { directory, torrents })
    }
}

impl Seeds {
    /// A single torrent with this piece length.
    pub(crate) fn of_pieces(size: usize, length: u32) -> Result<Self> {
        let directory = directory()?;
        let path = directory.path().join("seed");
        std::fs::write(&path, noise(1, size))?;
        let maker = TorrentMaker::new(path).protocol(Protocol::V1).piece_length(length);
        Ok(Self { directory, torrents: vec![maker.start()?.wait()?] })
    }
}

fn seed(directory: &Path, number: usize, size: usize) -> Result<Metainfo> {
    let path = directory.join(format!("seed-{number}"));
    std::fs::write(&path, noise(number as u64 + 1, size))?;
    Ok(TorrentMaker::new(path).protocol(Protocol::V1).start()?.wait()?)
}

/// Returns a directory, in memory if there is a file system for that.
pub(crate) fn directory() -> Result<TempDir> {
    let memory = PathBuf::from("/dev/shm");
    Ok(if memory.is_dir() { tempfile::tempdir_in(memory)? } else { tempfile::tempdir()? })
}

/// A client that cannot leave this machine.
pub(crate) fn builder(save_dir: &Path) -> ClientBuilder {
    Client::builder().offline(true).save_dir(save_dir)
}

/// A client, a patron, and the patron's torrents: all of `seeds`, complete and paused.
pub(crate) struct Session {
    // Dropped first: it may write to the directory until it has ended.
    _client: Client,
    pub(crate) patron: Patron,
    pub(crate) ids: Vec<TorrentId>,
    _seeds: Seeds,
}

impl Session {
    pub(crate) fn paused(torrents: usize, tick: Duration) -> Result<Self> {
        let seeds = Seeds::make(torrents, 1024)?;
        let client = builder(seeds.directory.path()).tick_interval(tick).start()?;
        let patron = client.patron();
        let ids = start(&patron, &seeds, true)?;
        Ok(Self { _client: client, patron, ids, _seeds: seeds })
    }
}

/// Adds all of `seeds`. Returns when they are known to be complete.
pub(crate) fn start(patron: &Patron, seeds: &Seeds, paused: bool) -> Result<Vec<TorrentId>> {
    let directory = seeds.directory.path();
    let options = AddOptions::default().trust(true).paused(paused).save_dir(directory);
    let replies: Vec<_> =
        seeds.torrents.iter().map(|torrent| patron.add_torrent(torrent, options.clone())).collect();
    let ids =
        replies.into_iter().map(|reply| Ok(reply.wait()?.id())).collect::<Result<Vec<_>>>()?;
    for &id in &ids {
        wait_until("the torrent is complete", || Ok(patron.fresh_status(id).wait()?.seeding))?;
    }
    while patron.try_recv().is_some() {}
    Ok(ids)
}

pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !done()? {
        if Instant::now() > deadline {
            return Err(format!("waited for {PATIENCE:?} in vain until {what}").into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

/// Runs this program again. Returns the lines that it prints.
pub(crate) fn child(arguments: &[String]) -> Result<Vec<String>> {
    let output = std::process::Command::new(std::env::current_exe()?)
        .args(arguments)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("{arguments:?}: {}", output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?.lines().map(str::to_owned).collect())
}

/// Returns the load over the last one, five and fifteen minutes, which shows whether other programs were
/// running.
pub(crate) fn load_average() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_else(|_| "unknown".into());
    let loads: Vec<_> = text.split_whitespace().take(3).collect();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!("{} on {cores} cores", loads.join(" "))
}

/// Sends a command and waits for its answer.
pub(crate) fn call(patron: &Patron, id: TorrentId) -> Result<()> {
    Ok(patron.pause(id).wait()?)
}

pub(crate) fn microseconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64() * 1e6)
}
