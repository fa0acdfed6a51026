//! `torrent-patron demo`: one client seeds, and a second one, shared by several patrons, downloads. Every
//! event is shown with the name of the patron that received it.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use crossbeam_channel::{Receiver, Sender, bounded, select};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use torrent_patron::client::{Shutdown, ShutdownReport};
use torrent_patron::metainfo::{Metainfo, TorrentMaker};
use torrent_patron::{AddOptions, Client, Event, Patron, Settings, TorrentId};

use crate::arguments::Demo;
use crate::interrupt::Interrupt;
use crate::output::{Bar, Screen, Throttle, result};
use crate::{Outcome, Result, SHUTDOWN, temporary};

const TICK: Duration = Duration::from_millis(100);
const STATUS_LINES: Duration = Duration::from_secs(1);

/// The prefix of the directories that contain the samples.
const TEMPORARY: &str = "torrent-patron-demo-";

pub(crate) fn run(arguments: &Demo) -> Result<Outcome> {
    let (directory, _lock) = directory()?;
    let run = Run::new()?;
    let (from, to) = (directory.path().join("seeder"), directory.path().join("patrons"));
    let Some(samples) = run.make_samples(arguments, &from)? else {
        run.screen.close(run.interrupt.is_interrupted());
        return Ok(Outcome::Interrupted);
    };
    let transfer = thread::scope(|scope| run.transfer(scope, &samples, &from, &to))?;
    run.screen.close(run.interrupt.is_interrupted());
    let Some(transfer) = transfer else { return Ok(Outcome::Interrupted) };
    match differing_copies(&samples, &to, &run.interrupt)? {
        Some(different) => transfer.report(&samples, &different),
        None => Ok(Outcome::Interrupted),
    }
}

/// Creates a directory for the samples. Removes those of earlier runs that were killed.
fn directory() -> io::Result<(TempDir, File)> {
    temporary::clean(&std::env::temp_dir(), |name| name.starts_with(TEMPORARY));
    let directory = tempfile::Builder::new().prefix(TEMPORARY).tempdir()?;
    let lock = File::open(directory.path())?;
    // If directories cannot be locked, no directory is considered to be left over.
    let _ = temporary::lock(&lock);
    Ok((directory, lock))
}

/// A file that the demo shares, its torrent, and its hash.
struct Sample {
    name: String,
    metainfo: Metainfo,
    sha256: Hash,
}

type Hash = [u8; 32];

struct Run {
    screen: Screen,
    interrupt: Interrupt,
    /// Whether the lack of descriptors was shown. Every patron receives that event.
    descriptor_limit_shown: AtomicBool,
}

impl Run {
    fn new() -> Result<Self> {
        let interrupt = Interrupt::catch()?;
        Ok(Self {
            screen: Screen::new(false),
            interrupt,
            descriptor_limit_shown: AtomicBool::new(false),
        })
    }

    /// Returns `None` if interrupted.
    fn make_samples(&self, arguments: &Demo, directory: &Path) -> Result<Option<Vec<Sample>>> {
        std::fs::create_dir(directory)?;
        let (count, size) = (u64::from(arguments.patrons), arguments.size.as_u64());
        let bar = self.screen.bar("making torrents");
        let mut samples = Vec::new();
        for number in 1..=count {
            bar.show((number - 1) as f64 / count as f64, format_args!("{number} of {count}"));
            let name = format!("sample-{number}.bin");
            // The first files get the remainder.
            let bytes = size / count + u64::from(number <= size % count);
            let path = directory.join(&name);
            let Some(sha256) = write_random_file(&path, number, bytes, &self.interrupt)? else {
                return Ok(None);
            };
            let Some(metainfo) = self.make_torrent(&path)? else { return Ok(None) };
            samples.push(Sample { name, metainfo, sha256 });
        }
        bar.remove();
        Ok(Some(samples))
    }

    /// Returns `None` if interrupted.
    fn make_torrent(&self, path: &Path) -> Result<Option<Metainfo>> {
        let making = TorrentMaker::new(path).start()?;
        while !self.interrupt.is_interrupted() {
            if let Some(made) = making.wait_timeout(TICK) {
                return Ok(Some(made?));
            }
        }
        Ok(None)
    }

    /// Returns `None` if interrupted. The clients are then dropped, which ends their patrons' threads.
    fn transfer<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        samples: &'scope [Sample],
        from: &Path,
        to: &Path,
    ) -> Result<Option<Transfer>> {
        // Room for each torrent that is completed; after the first error nothing else matters.
        let (sender, results) = bounded(samples.len());
        let seeder = start_client(from)?;
        let patron = seeder.patron();
        let address = patron.listen_addresses().wait()?;
        let mut threads =
            vec![self.start_patron(scope, "seeder".into(), patron, samples, &[], &sender)?];
        if !self.wait_for(samples.len(), &results)? {
            return Ok(self.end_early([seeder]));
        }

        let downloads = start_client(to)?;
        let began = Instant::now();
        for (number, sample) in (1..).zip(samples) {
            let (label, wanted) = (format!("patron {number}"), std::slice::from_ref(sample));
            let patron = downloads.patron();
            threads.push(self.start_patron(scope, label, patron, wanted, &address, &sender)?);
        }
        if !self.wait_for(samples.len(), &results)? {
            return Ok(self.end_early([downloads, seeder]));
        }
        let took = began.elapsed();
        let ending = [downloads, seeder].map(|client| client.shutdown(SHUTDOWN));
        let reports = ending.map(Shutdown::wait);
        let records = threads.into_iter().map(join).collect::<Result<_>>()?;
        Ok(Some(Transfer { took, reports, records }))
    }

    /// Starts a patron's thread.
    fn start_patron<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        label: String,
        patron: Patron,
        samples: &'scope [Sample],
        peers: &[SocketAddr],
        results: &Sender<TorrentResult>,
    ) -> Result<ScopedJoinHandle<'scope, Record>> {
        let options = AddOptions::default().add_peers(peers.iter().copied());
        // The seeder has no download to show as a bar.
        let bar = (!peers.is_empty()).then(|| self.screen.bar(&label));
        let watcher = Watcher {
            run: self,
            patron,
            results: results.clone(),
            status_lines: Throttle::new(STATUS_LINES),
            record: Record { label, bar, ..Record::default() },
        };
        let thread = thread::Builder::new().name(watcher.record.label.clone());
        Ok(thread.spawn_scoped(scope, move || watcher.watch(samples, &options))?)
    }

    /// Waits until this many torrents are complete. Returns false if interrupted.
    fn wait_for(&self, torrents: usize, results: &Receiver<TorrentResult>) -> Result<bool> {
        for _ in 0..torrents {
            select! {
                recv(results) -> result => result??,
                recv(self.interrupt.signal()) -> _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn end_early<T, const N: usize>(&self, clients: [Client; N]) -> Option<T> {
        self.screen.close(self.interrupt.is_interrupted());
        for client in clients {
            self.screen.line(client.shutdown(SHUTDOWN).wait());
        }
        None
    }
}

/// Starts a client with few connections and files, so that any limit of descriptors is high enough.
fn start_client(directory: &Path) -> Result<Client> {
    let client = Client::builder().offline(true).settings(Settings::seeding());
    let client = client.setting("connections_limit", 200).setting("file_pool_size", 100);
    Ok(client.tick_interval(TICK).save_dir(directory).start()?)
}

fn join(thread: ScopedJoinHandle<'_, Record>) -> Result<Record> {
    thread.join().map_err(|_| "the thread of a patron panicked".into())
}

/// Whether a torrent was completed, or why it never will be.
type TorrentResult = torrent_patron::Result<()>;

/// Reads and shows the events of one patron.
struct Watcher<'a> {
    run: &'a Run,
    patron: Patron,
    results: Sender<TorrentResult>,
    status_lines: Throttle,
    record: Record,
}

/// What a patron has received.
#[derive(Default)]
struct Record {
    label: String,
    /// Outlives the thread, because dropping a bar redraws the screen.
    bar: Option<Bar>,
    torrents: Vec<TorrentId>,
    events: usize,
    added: usize,
    finished: usize,
    /// The number of events about other patrons' torrents.
    misrouted: usize,
}

impl Record {
    fn is_complete(&self) -> bool {
        let torrents = self.torrents.len();
        self.misrouted == 0 && self.added == torrents && self.finished == torrents
    }
}

impl Watcher<'_> {
    /// Handles events until the client stops, so that none is missed.
    fn watch(mut self, samples: &[Sample], options: &AddOptions) -> Record {
        for sample in samples {
            match self.patron.add_torrent(&sample.metainfo, options.clone()).wait() {
                Ok(added) => self.record.torrents.push(added.id()),
                Err(error) => self.send(Err(error)),
            }
        }
        for event in self.patron.events() {
            self.handle(&event);
        }
        self.record
    }

    fn handle(&mut self, event: &Event) {
        self.record.events += 1;
        if event.torrent().is_some_and(|id| !self.record.torrents.contains(&id)) {
            self.record.misrouted += 1;
            self.show(&format!("MISROUTED: {event}"));
            return;
        }
        match event {
            Event::Status(status) => {
                if let Some(bar) = &self.record.bar
                    && !status.finished
                {
                    bar.status(status);
                }
                if !self.status_lines.allows() {
                    return;
                }
            }
            Event::TorrentAdded { id, name, .. } => {
                self.record.added += 1;
                // Without hashes and temporary paths, which are of no interest here.
                return self.show(&format_args!("{name}: added as {id}"));
            }
            Event::Finished { .. } => {
                self.record.finished += 1;
                if let Some(bar) = &self.record.bar {
                    bar.show(1.0, "complete");
                }
                self.send(Ok(()));
            }
            Event::Error { error, .. } => self.send(Err(error.clone())),
            Event::ClientStopped { error: Some(error) } => self.send(Err(error.clone())),
            Event::DescriptorLimit { .. }
                if self.run.descriptor_limit_shown.swap(true, Ordering::Relaxed) =>
            {
                return;
            }
            _ => {}
        }
        self.show(event);
    }

    fn show(&self, what: &dyn Display) {
        self.run.screen.line(format_args!("{:<9} | {what}", self.record.label));
    }

    /// Sends the result. After an interrupt or an error, nobody receives it.
    fn send(&self, result: TorrentResult) {
        let _ = self.results.try_send(result);
    }
}

/// The results of the downloads.
struct Transfer {
    took: Duration,
    /// The reports of the downloading client and of the seeder.
    reports: [ShutdownReport; 2],
    records: Vec<Record>,
}

impl Transfer {
    fn report(&self, samples: &[Sample], different: &[&str]) -> Result<Outcome> {
        let bytes: u64 = samples.iter().map(|sample| sample.metainfo.total_size).sum();
        let seconds = self.took.as_secs_f64();
        let rate = bytes as f64 / f64::from(1 << 20) / seconds;
        let count = samples.len();
        let [downloads, seeder] = &self.reports;

        result("")?;
        result(format_args!("torrents   {count} ({} in total)", ByteSize(bytes)))?;
        result(format_args!("time       {seconds:.2} s, {rate:.1} MiB/s"))?;
        result(match different {
            [] => format!("SHA-256    all {count} copies match their originals"),
            different => format!("SHA-256    FAILED: {}", different.join(", ")),
        })?;
        result(format!("events     {}", self.routing()))?;
        result(format_args!("patrons    {downloads}"))?;
        result(format_args!("seeder     {seeder}"))?;

        let clean = self.reports.iter().all(ShutdownReport::is_clean);
        let routed = self.records.iter().all(Record::is_complete);
        Ok(if different.is_empty() && routed && clean { Outcome::Done } else { Outcome::Failed })
    }

    fn routing(&self) -> String {
        let wrong: Vec<_> = self
            .records
            .iter()
            .filter(|record| !record.is_complete())
            .map(|record| record.label.as_str())
            .collect();
        if wrong.is_empty() {
            let events: usize = self.records.iter().map(|record| record.events).sum();
            format!("{events}, each delivered to the patron that owns the torrent")
        } else {
            format!("FAILED: events are missing or misrouted for {}", wrong.join(", "))
        }
    }
}

/// Returns the names of the copies that differ from their originals, or `None` if interrupted.
fn differing_copies<'a>(
    samples: &'a [Sample],
    copies: &Path,
    interrupt: &Interrupt,
) -> io::Result<Option<Vec<&'a str>>> {
    let mut different = Vec::new();
    for sample in samples {
        match hash_of(&copies.join(&sample.name), interrupt)? {
            Some(sha256) if sha256 == sample.sha256 => {}
            Some(_) => different.push(sample.name.as_str()),
            None => return Ok(None),
        }
    }
    Ok(Some(different))
}

/// Returns `None` if interrupted.
fn hash_of(path: &Path, interrupt: &Interrupt) -> io::Result<Option<Hash>> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    while !interrupt.is_interrupted() {
        match file.read(&mut buffer)? {
            0 => return Ok(Some(hasher.finalize().into())),
            count => hasher.update(&buffer[..count]),
        }
    }
    Ok(None)
}

/// Writes pseudorandom numbers that are the same in every run (xorshift64), and returns their hash; `None` if
/// interrupted.
fn write_random_file(
    path: &Path,
    seed: u64,
    size: u64,
    interrupt: &Interrupt,
) -> io::Result<Option<Hash>> {
    let mut file = BufWriter::new(File::create(path)?);
    let mut hasher = Sha256::new();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut block = vec![0; 1 << 16];
    let mut left = size;
    while left > 0 {
        if interrupt.is_interrupted() {
            return Ok(None);
        }
        for word in block.chunks_exact_mut(8) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            word.copy_from_slice(&state.to_le_bytes());
        }
        let count = left.min(block.len() as u64);
        let bytes = &block[..count as usize];
        hasher.update(bytes);
        file.write_all(bytes)?;
        left -= count;
    }
    file.flush()?;
    Ok(Some(hasher.finalize().into()))
}
