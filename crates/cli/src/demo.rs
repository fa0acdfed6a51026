//! `torrent-patron demo`: one client seeds, a second one shared by several patrons downloads, and
//! every event is explained under the name of the patron that it reached.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, BufWriter, Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::thread::{self, Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

use bytesize::ByteSize;
use crossbeam_channel::{Receiver, Sender, select, unbounded};
use sha2::{Digest, Sha256};
use torrent_patron::{
    AddOptions, Client, Event, Metainfo, Patron, Settings, ShutdownReport, TorrentId, TorrentMaker,
};

use crate::arguments::Demo;
use crate::interrupt::Interrupt;
use crate::output::{Bar, Screen, Throttle, result};
use crate::{Outcome, Result};

const TICK: Duration = Duration::from_millis(100);
const STATUS_LINES: Duration = Duration::from_secs(1);
const SHUTDOWN: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &Demo) -> Result<Outcome> {
    let stage = Stage { screen: Screen::new(false), interrupt: Interrupt::catch()? };
    let directory = tempfile::Builder::new().prefix("torrent-patron-").tempdir()?;
    let (from, to) = (directory.path().join("seeder"), directory.path().join("patrons"));
    let Some(movies) = stage.make_movies(arguments, &from)? else {
        return Ok(Outcome::Interrupted);
    };
    let performance = thread::scope(|scope| stage.perform(scope, &movies, &from, &to))?;
    stage.screen.close(&stage.interrupt);
    match performance {
        Some(performance) => performance.judge(&movies, &to),
        None => Ok(Outcome::Interrupted),
    }
}

/// What the demo has to share: a file, its torrent, and its hash.
struct Movie {
    name: String,
    metainfo: Metainfo,
    sha256: Hash,
}

type Hash = [u8; 32];

struct Stage {
    screen: Screen,
    interrupt: Interrupt,
}

impl Stage {
    /// `None` when interrupted.
    fn make_movies(&self, arguments: &Demo, directory: &Path) -> Result<Option<Vec<Movie>>> {
        std::fs::create_dir(directory)?;
        let (count, size) = (u64::from(arguments.patrons), arguments.size.as_u64());
        let bar = self.screen.bar("making torrents");
        let mut movies = Vec::new();
        for number in 1..=count {
            bar.show((number - 1) as f64 / count as f64, format_args!("{number} of {count}"));
            let name = format!("movie-{number}.bin");
            // The first ones take what does not divide evenly.
            let bytes = size / count + u64::from(number <= size % count);
            let path = directory.join(&name);
            let Some(sha256) = make_noise(&path, number, bytes, &self.interrupt)? else {
                return Ok(None);
            };
            let metainfo = TorrentMaker::new(&path).start()?.wait()?;
            movies.push(Movie { name, metainfo, sha256 });
        }
        bar.remove();
        Ok(Some(movies))
    }

    /// `None` when interrupted. Clients that are dropped end their patrons' threads.
    fn perform<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        movies: &'scope [Movie],
        from: &Path,
        to: &Path,
    ) -> Result<Option<Performance>> {
        let (told, news) = unbounded();
        let seeder = start_client(from)?;
        let patron = seeder.patron();
        let address = patron.listen_addresses().wait()?;
        let mut threads = vec![self.begin(scope, "seeder".into(), patron, movies, &[], &told)?];
        if !self.wait_for(movies.len(), &news)? {
            return Ok(self.end_early([seeder]));
        }

        let downloads = start_client(to)?;
        let began = Instant::now();
        for (number, movie) in (1..).zip(movies) {
            let (label, wanted) = (format!("patron {number}"), std::slice::from_ref(movie));
            let patron = downloads.patron();
            threads.push(self.begin(scope, label, patron, wanted, &address, &told)?);
        }
        if !self.wait_for(movies.len(), &news)? {
            return Ok(self.end_early([downloads, seeder]));
        }
        let took = began.elapsed();
        let reports = [downloads, seeder].map(|client| client.shutdown(SHUTDOWN));
        let records = threads.into_iter().map(join).collect::<Result<_>>()?;
        Ok(Some(Performance { took, reports, records }))
    }

    /// Starts the thread of a patron.
    fn begin<'scope>(
        &'scope self,
        scope: &'scope Scope<'scope, '_>,
        label: String,
        patron: Patron,
        movies: &'scope [Movie],
        peers: &[SocketAddr],
        told: &Sender<News>,
    ) -> Result<ScopedJoinHandle<'scope, Record>> {
        let options = AddOptions::default().peers(peers.iter().copied());
        // The seeder has nothing to download that a bar could show.
        let bar = (!peers.is_empty()).then(|| self.screen.bar(&label));
        let viewer = Viewer {
            screen: &self.screen,
            patron,
            told: told.clone(),
            pace: Throttle::new(STATUS_LINES),
            record: Record { label, bar, ..Record::default() },
        };
        let thread = thread::Builder::new().name(viewer.record.label.clone());
        Ok(thread.spawn_scoped(scope, move || viewer.view(movies, &options))?)
    }

    /// Waits for so many torrents to be complete; false when interrupted.
    fn wait_for(&self, torrents: usize, news: &Receiver<News>) -> Result<bool> {
        for _ in 0..torrents {
            select! {
                recv(news) -> news => news??,
                recv(self.interrupt.signal()) -> _ => return Ok(false),
            }
        }
        Ok(true)
    }

    fn end_early<T, const N: usize>(&self, clients: [Client; N]) -> Option<T> {
        self.screen.close(&self.interrupt);
        for client in clients {
            self.screen.line(client.shutdown(SHUTDOWN));
        }
        None
    }
}

fn start_client(directory: &Path) -> Result<Client> {
    let client = Client::builder().offline(true).settings(Settings::seeding());
    Ok(client.tick_interval(TICK).save_dir(directory).start()?)
}

fn join(thread: ScopedJoinHandle<'_, Record>) -> Result<Record> {
    thread.join().map_err(|_| "the thread of a patron panicked".into())
}

/// A torrent is complete, or will never be.
type News = torrent_patron::Result<()>;

/// Reads and explains the events of one patron.
struct Viewer<'a> {
    screen: &'a Screen,
    patron: Patron,
    told: Sender<News>,
    pace: Throttle,
    record: Record,
}

/// What a patron has seen.
#[derive(Default)]
struct Record {
    label: String,
    /// It outlives the thread: a bar that is dropped redraws the screen.
    bar: Option<Bar>,
    torrents: Vec<TorrentId>,
    events: usize,
    started: usize,
    finished: usize,
    /// Events of torrents that are not this patron's.
    strays: usize,
}

impl Record {
    fn is_complete(&self) -> bool {
        let torrents = self.torrents.len();
        self.strays == 0 && self.started == torrents && self.finished == torrents
    }
}

impl Viewer<'_> {
    /// Until the client stops, so that no event goes unseen.
    fn view(mut self, movies: &[Movie], options: &AddOptions) -> Record {
        for movie in movies {
            match self.patron.add_torrent(&movie.metainfo, options.clone()).wait() {
                Ok(started) => self.record.torrents.push(started.id()),
                Err(error) => self.tell(Err(error)),
            }
        }
        for event in self.patron.events() {
            self.see(&event);
        }
        self.record
    }

    fn see(&mut self, event: &Event) {
        self.record.events += 1;
        if event.torrent().is_some_and(|id| !self.record.torrents.contains(&id)) {
            self.record.strays += 1;
            self.explain(&format!("NOT MINE: {event}"));
            return;
        }
        match event {
            Event::Status(status) => {
                if let Some(bar) = &self.record.bar
                    && !status.finished
                {
                    bar.status(status);
                }
                if !self.pace.lets_through() {
                    return;
                }
            }
            Event::TorrentAdded { id, name, .. } => {
                self.record.started += 1;
                // Short: hashes and temporary paths are of no use here.
                return self.explain(&format_args!("{name}: started as {id}"));
            }
            Event::Finished { .. } => {
                self.record.finished += 1;
                if let Some(bar) = &self.record.bar {
                    bar.show(1.0, "complete");
                }
                self.tell(Ok(()));
            }
            Event::Error { error, .. } => self.tell(Err(error.clone())),
            Event::ClientStopped { error: Some(error) } => self.tell(Err(error.clone())),
            _ => {}
        }
        self.explain(event);
    }

    fn explain(&self, what: &dyn Display) {
        self.screen.line(format_args!("{:<9} | {what}", self.record.label));
    }

    /// When interrupted, nobody listens any more.
    fn tell(&self, news: News) {
        let _ = self.told.send(news);
    }
}

/// What there is to judge when the curtain has fallen.
struct Performance {
    took: Duration,
    /// Of the downloading client and of the seeder.
    reports: [ShutdownReport; 2],
    records: Vec<Record>,
}

impl Performance {
    fn judge(&self, movies: &[Movie], copies: &Path) -> Result<Outcome> {
        let wrong = different(movies, copies)?;
        let bytes: u64 = movies.iter().map(|movie| movie.metainfo.total_size).sum();
        let seconds = self.took.as_secs_f64();
        let rate = bytes as f64 / f64::from(1 << 20) / seconds;
        let count = movies.len();
        let [downloads, seeder] = &self.reports;

        result("")?;
        result(format_args!("torrents   {count}, {} in all", ByteSize(bytes)))?;
        result(format_args!("time       {seconds:.2} s, {rate:.1} MiB/s"))?;
        result(match wrong.as_slice() {
            [] => format!("SHA-256    all {count} copies are equal to their originals"),
            wrong => format!("SHA-256    WRONG: {}", wrong.join(", ")),
        })?;
        result(format!("events     {}", self.routing()))?;
        result(format_args!("patrons    {downloads}"))?;
        result(format_args!("seeder     {seeder}"))?;

        let clean = self.reports.iter().all(ShutdownReport::is_clean);
        let routed = self.records.iter().all(Record::is_complete);
        Ok(if wrong.is_empty() && routed && clean { Outcome::Done } else { Outcome::Failed })
    }

    fn routing(&self) -> String {
        let astray: Vec<_> = self
            .records
            .iter()
            .filter(|record| !record.is_complete())
            .map(|record| record.label.as_str())
            .collect();
        if astray.is_empty() {
            let events: usize = self.records.iter().map(|record| record.events).sum();
            format!("{events}, each reached the patron that owns the torrent")
        } else {
            format!("WRONG: lost or misrouted at {}", astray.join(", "))
        }
    }
}

/// The names of the copies that are not what they should be.
fn different<'a>(movies: &'a [Movie], copies: &Path) -> io::Result<Vec<&'a str>> {
    let mut wrong = Vec::new();
    for movie in movies {
        if hash_of(&copies.join(&movie.name))? != movie.sha256 {
            wrong.push(movie.name.as_str());
        }
    }
    Ok(wrong)
}

fn hash_of(path: &Path) -> io::Result<Hash> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// Numbers that look like chance and are the same in every run (xorshift64), and their hash; `None`
/// when interrupted.
fn make_noise(
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
        if interrupt.came() {
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
