//! What a player sees: how soon data comes that is here, after opening, and after a seek; whether it stalls; and
//! whether readers share fairly. Eight seeds of ours on loopback, pieces of 1 MiB.
//!
//!     cargo bench --bench stream [-- NAME]
//!
//! A NAME chooses: `here`, `open`, `seek`, `stalls`, `fair`, `through`. Without `--bench`, nothing is measured.
//! STREAM_SECONDS is how long `stalls` plays, 120 unless set.

use std::error::Error;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use torrent_patron::metainfo::{Metainfo, Protocol, TorrentMaker};
use torrent_patron::patron::Reader;
use torrent_patron::{AddOptions, Client, ClientBuilder, Patron, TorrentId};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

type Topic = fn(&Swarm) -> Result<()>;

const SEEDS: usize = 8;
const PIECE: u64 = 1 << 20;
const SIZE: u64 = 384 * PIECE;
/// Of each seed, where it is limited, in bytes per second.
const LIMIT: u64 = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured without --bench");
        return Ok(());
    }
    let chosen = arguments.iter().find(|argument| !argument.starts_with('-'));
    let swarm = Swarm::start()?;
    let topics: [(&str, Topic); 6] = [
        ("here", here),
        ("open", open),
        ("seek", seek),
        ("stalls", stalls),
        ("fair", fair),
        ("through", through),
    ];
    for (name, topic) in topics {
        if chosen.is_none_or(|chosen| name == chosen) {
            topic(&swarm)?;
        }
    }
    Ok(())
}

/// Seeds of one file.
struct Swarm {
    metainfo: Metainfo,
    seeds: Vec<(Client, Patron, TorrentId)>,
    _directory: TempDir,
}

impl Swarm {
    fn start() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("film.bin");
        std::fs::write(&path, noise(SIZE as usize))?;
        let metainfo = TorrentMaker::new(&path)
            .protocol(Protocol::V1)
            .piece_length(PIECE as u32)
            .start()?
            .wait()?;
        let seeds = (0..SEEDS)
            .map(|_| {
                // libtorrent hands out what a limit allows in steps of its tick: shorter ones are more like a line.
                let client = builder(directory.path()).setting("tick_interval", 50).start()?;
                let patron = client.patron();
                let options = AddOptions::default().trust(true);
                let id = patron.add_torrent(&metainfo, options).wait()?.id();
                Ok((client, patron, id))
            })
            .collect::<Result<_>>()?;
        Ok(Self { metainfo, seeds, _directory: directory })
    }

    fn limit(&self, rate: Option<u64>) -> Result<()> {
        for (_, patron, id) in &self.seeds {
            patron.set_upload_limit(*id, rate.map(|rate| rate as u32)).wait()?;
        }
        Ok(())
    }

    fn addresses(&self) -> Result<Vec<SocketAddr>> {
        self.seeds.iter().map(|(_, patron, _)| Ok(patron.listen_addresses().wait()?[0])).collect()
    }

    fn download(&self) -> Result<Download> {
        let directory = tempfile::tempdir()?;
        let client = client(directory.path())?;
        let patron = client.patron();
        let options = AddOptions::default().add_peers(self.addresses()?);
        let id = patron.add_torrent(&self.metainfo, options).wait()?.id();
        Ok(Download { patron, id, client, _directory: directory })
    }
}

fn builder(directory: &Path) -> ClientBuilder {
    let builder = Client::builder().offline(true).save_dir(directory);
    builder.setting("allow_multiple_connections_per_ip", true)
}

fn client(directory: &Path) -> Result<Client> {
    Ok(builder(directory).start()?)
}

struct Download {
    patron: Patron,
    id: TorrentId,
    client: Client,
    _directory: TempDir,
}

impl Download {
    fn reader(&self) -> Result<Reader> {
        let mut reader = self.patron.reader(self.id, 0).wait()?;
        reader.set_timeout(Some(PATIENCE));
        Ok(reader)
    }

    /// When data flows from all seeds.
    fn wait_for_peers(&self) -> Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            let peers = self.patron.peers(self.id).wait()?;
            if peers.iter().filter(|peer| peer.downloaded > 0).count() == SEEDS {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Err("not all seeds send".into())
    }

    fn have(&self) -> Result<Vec<bool>> {
        Ok(self.patron.pieces(self.id).wait()?.have)
    }

    fn end(self) {
        self.client.shutdown(Duration::from_secs(5)).wait();
    }
}

fn noise(size: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(size + 8);
    while bytes.len() < size {
        state = next(state);
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(size);
    bytes
}

fn next(mut state: u64) -> u64 {
    state ^= state << 13;
    state ^= state >> 7;
    state ^ (state << 17)
}

/// In milliseconds.
fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<f64> {
    let begun = Instant::now();
    work()?;
    Ok(begun.elapsed().as_secs_f64() * 1000.0)
}

fn percentile(samples: &[f64], percent: usize) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted
        .get((sorted.len() * percent).div_ceil(100).saturating_sub(1))
        .copied()
        .unwrap_or(f64::NAN)
}

fn say(name: &str, figure: f64, unit: &str, target: f64, is_most: bool) {
    let is_met = if is_most { figure <= target } else { figure >= target };
    let (bound, met) = (if is_most { "<=" } else { ">=" }, if is_met { "met" } else { "MISSED" });
    println!("{name:<48} {figure:>10.2} {unit:<3} target {bound} {target} {met}");
}

fn distribution(name: &str, samples: &[f64], targets: &[(usize, f64)]) {
    for (percent, target) in targets {
        let figure = percentile(samples, *percent);
        say(&format!("{name} p{percent} of {}", samples.len()), figure, "ms", *target, true);
    }
    let largest = percentile(samples, 100);
    println!("{:<48} {largest:>10.2} ms", format!("{name} slowest"));
}

/// Bytes that are here, 64 KiB at random places, after a download and beside one.
fn here(swarm: &Swarm) -> Result<()> {
    let download = swarm.download()?;
    download.patron.wait_until_finished(download.id).wait()?;
    let mut reader = download.reader()?;
    let (mut samples, mut state, mut bytes) = (Vec::new(), 7, vec![0; 64 << 10]);
    for _ in 0..2000 {
        state = next(state);
        reader.seek(SeekFrom::Start(state % (SIZE - bytes.len() as u64)))?;
        samples.push(timed(|| Ok(reader.read_exact(&mut bytes)?))?);
    }
    distribution("64 KiB that are here", &samples, &[(50, 1.0), (99, 1.0)]);
    let mut whole = Vec::new();
    for piece in 0..200 {
        whole.push(timed(|| Ok(download.patron.read_piece(download.id, piece).wait()?))?);
    }
    distribution("reference: a piece by read_piece", &whole, &[]);
    drop(reader);
    download.end();
    Ok(())
}

/// From an open torrent to the first byte.
fn open(swarm: &Swarm) -> Result<()> {
    for (rate, name) in [(None, "open, unlimited seeds"), (Some(LIMIT), "open, 2 MB/s a seed")] {
        swarm.limit(rate)?;
        let mut samples = Vec::new();
        for _ in 0..12 {
            let directory = tempfile::tempdir()?;
            let client = client(directory.path())?;
            let patron = client.patron();
            let options = AddOptions::default().add_peers(swarm.addresses()?);
            samples.push(timed(|| {
                let id = patron.add_torrent(&swarm.metainfo, options).wait()?.id();
                let mut reader = patron.reader(id, 0).wait()?;
                reader.set_timeout(Some(PATIENCE));
                reader.fill_buf()?;
                Ok(())
            })?);
            client.shutdown(Duration::from_secs(5)).wait();
        }
        distribution(name, &samples, &[(50, 1000.0), (95, 1000.0)]);
    }
    swarm.limit(None)
}

/// Seeks to what is not here, while all of it downloads.
fn seek(swarm: &Swarm) -> Result<()> {
    for (rate, name) in [(None, "seek, unlimited seeds"), (Some(LIMIT), "seek, 2 MB/s a seed")] {
        swarm.limit(rate)?;
        let (mut samples, mut state) = (Vec::new(), 11);
        while samples.len() < 60 {
            let download = swarm.download()?;
            let mut reader = download.reader()?;
            reader.fill_buf()?;
            download.wait_for_peers()?;
            for _ in 0..10 {
                // As a player reads on for a moment.
                std::thread::sleep(Duration::from_millis(if rate.is_none() { 30 } else { 700 }));
                let have = download.have()?;
                let missing: Vec<_> =
                    (0..SIZE / PIECE - 4).filter(|p| !have[*p as usize]).collect();
                if missing.len() < 64 {
                    break;
                }
                state = next(state);
                let piece = missing[(state % missing.len() as u64) as usize];
                samples.push(timed(|| {
                    reader.seek(SeekFrom::Start(piece * PIECE + 1000))?;
                    reader.fill_buf()?;
                    Ok(())
                })?);
            }
            drop(reader);
            download.end();
        }
        distribution(name, &samples, &[(50, 200.0), (95, 1200.0)]);
    }
    swarm.limit(None)
}

/// Plays at half the rate of the swarm, with a seek every 30 s.
fn stalls(swarm: &Swarm) -> Result<()> {
    let seconds =
        std::env::var("STREAM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    swarm.limit(Some(LIMIT))?;
    let bit_rate = LIMIT * SEEDS as u64 / 2;
    let (mut stalled, mut waits, mut state) = (0, Vec::new(), 5);
    let begun = Instant::now();
    'sessions: loop {
        let download = swarm.download()?;
        let mut reader = download.reader()?;
        let mut tenth = vec![0; bit_rate as usize / 10];
        // The file lasts for so long: then another session begins.
        for run in 0..2 {
            if run > 0 {
                state = next(state);
                reader.seek(SeekFrom::Start(state % (SIZE / 4)))?;
            }
            // A player fills a buffer of one second first.
            waits.push(timed(|| {
                for _ in 0..10 {
                    reader.read_exact(&mut tenth)?;
                }
                Ok(())
            })?);
            let playing = Instant::now();
            let mut played = 0;
            while playing.elapsed() < Duration::from_secs(30)
                && reader.position() + (tenth.len() as u64) < SIZE
            {
                reader.read_exact(&mut tenth)?;
                played += 1;
                let due = Duration::from_millis(100 * played);
                let late = playing.elapsed().saturating_sub(due);
                // The second that was buffered is used up.
                if late > Duration::from_secs(1) {
                    stalled += 1;
                    break;
                }
                std::thread::sleep(due.saturating_sub(playing.elapsed()));
            }
            if begun.elapsed() > Duration::from_secs(seconds) {
                drop(reader);
                download.end();
                break 'sessions;
            }
        }
        drop(reader);
        download.end();
    }
    say(&format!("stalls in {seconds} s at half the rate"), f64::from(stalled), "", 0.0, true);
    distribution("a second of data after a seek", &waits, &[]);
    swarm.limit(None)
}

/// Sixteen readers, each of a place of its own.
fn fair(swarm: &Swarm) -> Result<()> {
    const READERS: u64 = 16;
    swarm.limit(Some(LIMIT))?;
    let download = swarm.download()?;
    let times: Vec<f64> = std::thread::scope(|scope| {
        let reading: Vec<_> = (0..READERS)
            .map(|number| {
                let download = &download;
                scope.spawn(move || -> Result<f64> {
                    let mut reader = download.reader()?;
                    timed(|| {
                        reader.seek(SeekFrom::Start(number * (SIZE / READERS)))?;
                        let mut bytes = vec![0; 8 * PIECE as usize];
                        Ok(reader.read_exact(&mut bytes)?)
                    })
                })
            })
            .collect();
        reading
            .into_iter()
            .map(|reader| reader.join().expect("a reader panicked"))
            .collect::<Result<_>>()
    })?;
    let (fastest, slowest) = (percentile(&times, 1), percentile(&times, 100));
    say("16 readers: the slowest to the fastest", fastest / slowest, "", 0.5, false);
    download.end();
    swarm.limit(None)
}

/// Reads all, beside a download without a reader.
fn through(swarm: &Swarm) -> Result<()> {
    for (rate, name) in [(None, "unlimited"), (Some(2 * LIMIT), "4 MB/s a seed")] {
        swarm.limit(rate)?;
        let (mut plain, mut read) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let download = swarm.download()?;
            plain.push(timed(|| Ok(download.patron.wait_until_finished(download.id).wait()?))?);
            download.end();
            let download = swarm.download()?;
            read.push(timed(|| {
                std::io::copy(&mut download.reader()?, &mut std::io::sink())?;
                Ok(())
            })?);
            download.end();
        }
        let (plain, read) = (percentile(&plain, 50), percentile(&read, 50));
        say(&format!("read through, {name}: rate to a download's"), plain / read, "", 0.9, false);
    }
    swarm.limit(None)
}
