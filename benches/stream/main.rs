//! Measures what a player experiences: the time until data arrives that is already downloaded, after opening,
//! and after a seek; stalls; fairness between readers; memory. Eight of our own seeds on loopback serve
//! pieces of 1 MiB.
//!
//!     cargo bench --bench stream [-- NAME...]
//!
//! A NAME selects: `here`, `open`, `seek`, `line`, `stalls`, `fair`, `through`, `memory`. Without `--bench`,
//! nothing is measured. STREAM_SECONDS is how long `stalls` plays, 120 by default. If rqbit is installed
//! (`cargo install --locked rqbit --version 9.1.0`), it is measured for comparison.
//!
//! A limited seed sends 2 MB/s: all eight together take 66 ms for a piece, which can be read when it is
//! complete.

mod line;
mod memory;
#[path = "../../tests/support/noise.rs"]
mod noise;
mod rqbit;
mod swarm;

use std::error::Error;
use std::io::{BufRead, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use torrent_patron::AddOptions;

use self::line::Line;
use self::noise::Random;
use self::rqbit::Rqbit;
use self::swarm::{Download, Swarm, client};

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

type Topic = fn(&Swarm) -> Result<()>;

const SEEDS: usize = 8;
const PIECE: u64 = 1 << 20;
const SIZE: u64 = 384 * PIECE;
/// The limit of each limited seed, in bytes per second.
const LIMIT: u64 = 2_000_000;
const PATIENCE: Duration = Duration::from_secs(60);
/// How long a player reads between two seeks. It is shorter if more is downloaded in the meantime.
const BETWEEN: [Duration; 2] = [Duration::from_millis(30), Duration::from_millis(700)];
const SEEKS: usize = 60;
const SEEKS_OF_A_DOWNLOAD: usize = 15;

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [child, torrent, what, peers @ ..] = &arguments[..]
        && child == memory::CHILD
    {
        return memory::child(torrent, what, peers);
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured without --bench");
        return Ok(());
    }
    let chosen: Vec<_> =
        arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    let swarm = Swarm::start()?;
    let topics: [(&str, Topic); 8] = [
        ("here", here),
        ("open", open),
        ("seek", seek),
        ("line", line),
        ("stalls", stalls),
        ("fair", fair),
        ("through", through),
        ("memory", memory::memory),
    ];
    for (name, topic) in topics {
        if chosen.is_empty() || chosen.iter().any(|chosen| name == chosen) {
            topic(&swarm)?;
        }
    }
    Ok(())
}

/// Returns the duration in milliseconds.
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

/// Reads available bytes, 64 KiB at random positions, during a download and after one.
fn here(swarm: &Swarm) -> Result<()> {
    let rates = [(None, "unlimited seeds"), (Some(LIMIT), "2 MB/s a seed")];
    for ((rate, name), between) in rates.into_iter().zip(BETWEEN) {
        swarm.limit(rate)?;
        let (mut samples, mut random) = (Vec::new(), Random::new(7));
        while samples.len() < 1000 {
            during(swarm.download()?, between, &mut random, &mut samples)?;
        }
        distribution(&format!("64 KiB that are here, {name}"), &samples, &[(50, 1.0), (99, 1.0)]);
    }
    swarm.limit(None)?;
    let download = swarm.download()?;
    download.patron.wait_until_finished(download.id).wait()?;
    let mut reader = download.reader()?;
    let (mut samples, mut random, mut bytes) = (Vec::new(), Random::new(7), vec![0; 64 << 10]);
    for _ in 0..2000 {
        reader.seek(SeekFrom::Start(random.below(SIZE - bytes.len() as u64)))?;
        samples.push(timed(|| Ok(reader.read_exact(&mut bytes)?))?);
    }
    distribution("64 KiB that are here, complete", &samples, &[(50, 1.0), (99, 1.0)]);
    let mut whole = Vec::new();
    for piece in 0..200 {
        whole.push(timed(|| Ok(download.patron.read_piece(download.id, piece).wait()?))?);
    }
    distribution("reference: a piece by read_piece", &whole, &[]);
    drop(reader);
    download.end();
    Ok(())
}

/// Reads until the download is complete. A piece is there that the list before the last one has: pieces are
/// listed when they are verified, and can be read when they are written.
fn during(
    download: Download,
    between: Duration,
    random: &mut Random,
    samples: &mut Vec<f64>,
) -> Result<()> {
    let mut reader = download.reader()?;
    reader.fill_buf()?;
    let mut bytes = vec![0; 64 << 10];
    let mut known = download.have()?;
    while known.contains(&false) {
        read_for(&mut reader, between)?;
        let have = download.have()?;
        let here: Vec<u64> = (0..).zip(&known).filter(|(_, here)| **here).map(|(i, _)| i).collect();
        known = have;
        if here.is_empty() {
            continue;
        }
        for _ in 0..20 {
            let piece = here[random.below(here.len() as u64) as usize];
            let offset = random.below(PIECE - bytes.len() as u64);
            reader.seek(SeekFrom::Start(piece * PIECE + offset))?;
            samples.push(timed(|| Ok(reader.read_exact(&mut bytes)?))?);
        }
    }
    drop(reader);
    download.end();
    Ok(())
}

/// Measures from adding a torrent to the first byte. The metadata is known; no peer is connected yet.
fn open(swarm: &Swarm) -> Result<()> {
    for (rate, name) in [(None, "open, unlimited seeds"), (Some(LIMIT), "open, 2 MB/s a seed")] {
        swarm.limit(rate)?;
        let mut samples = Vec::new();
        for _ in 0..20 {
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
        let mut samples = Vec::new();
        for _ in 0..10 {
            let Some(rqbit) = Rqbit::start()? else { break };
            samples.push(timed(|| {
                rqbit.add(swarm.metainfo.torrent_file(), &swarm.addresses()?)?;
                rqbit.first_byte(0)?;
                Ok(())
            })?);
        }
        beside(name, &samples);
    }
    swarm.limit(None)
}

/// Prints the figures of rqbit, for which there is no target.
fn beside(name: &str, samples: &[f64]) {
    if samples.is_empty() {
        return println!("{name}: rqbit is not installed");
    }
    for percent in [50, 95] {
        let name = format!("{name}, rqbit p{percent} of {}", samples.len());
        let figure = percentile(samples, percent);
        println!("{name:<48} {figure:>10.2} ms");
    }
}

/// Seeks to data that is missing, while the whole file downloads.
fn seek(swarm: &Swarm) -> Result<()> {
    let rates = [(None, "seek, unlimited seeds"), (Some(LIMIT), "seek, 2 MB/s a seed")];
    for ((rate, name), between) in rates.into_iter().zip(BETWEEN) {
        swarm.limit(rate)?;
        let (mut samples, mut random) = (Vec::new(), Random::new(11));
        while samples.len() < SEEKS {
            seeks(swarm.download()?, between, &mut random, &mut samples)?;
        }
        distribution(name, &samples, &[(50, 200.0), (95, 1200.0)]);
        let (mut samples, mut random) = (Vec::new(), Random::new(11));
        // There are fewer samples if the download is so fast that little is missing.
        for _ in 0..2 * SEEKS / SEEKS_OF_A_DOWNLOAD {
            let Some(rqbit) = Rqbit::start()? else { break };
            rqbit.add(swarm.metainfo.torrent_file(), &swarm.addresses()?)?;
            let mut stream = rqbit.first_byte(0)?;
            // Wait until it has connected to most seeds.
            read_for(&mut stream, 2 * between)?;
            for _ in 0..SEEKS_OF_A_DOWNLOAD {
                read_for(&mut stream, between)?;
                let Some(piece) = missing(&rqbit.have()?, &mut random) else { break };
                samples.push(timed(|| {
                    stream = rqbit.first_byte(piece * PIECE + 1000)?;
                    Ok(())
                })?);
            }
        }
        beside(name, &samples);
    }
    swarm.limit(None)
}

/// Seeks over a line of 20 Mbit/s with 50 ms in each direction, which all seeds share: a piece takes 0.42 s.
fn line(swarm: &Swarm) -> Result<()> {
    let (mut samples, mut random) = (Vec::new(), Random::new(11));
    while samples.len() < SEEKS / 2 {
        let line = Line::new(Duration::from_millis(50), 20e6 / 8.0);
        let seeds: Result<_> = swarm.addresses()?.into_iter().map(|seed| line.to(seed)).collect();
        seeks(swarm.download_from(seeds?)?, Duration::from_secs(1), &mut random, &mut samples)?;
    }
    distribution("seek, 20 Mbit/s and 50 ms", &samples, &[(50, 2500.0), (95, 2500.0)]);
    Ok(())
}

fn seeks(
    download: Download,
    between: Duration,
    random: &mut Random,
    samples: &mut Vec<f64>,
) -> Result<()> {
    let mut reader = download.reader()?;
    reader.fill_buf()?;
    download.wait_for_peers()?;
    for _ in 0..SEEKS_OF_A_DOWNLOAD {
        read_for(&mut reader, between)?;
        let Some(piece) = missing(&download.have()?, random) else { break };
        samples.push(timed(|| {
            reader.seek(SeekFrom::Start(piece * PIECE + 1000))?;
            reader.fill_buf()?;
            Ok(())
        })?);
    }
    drop(reader);
    download.end();
    Ok(())
}

/// Reads like a player that fills its buffer, at up to 2 MB/s.
fn read_for(reader: &mut impl Read, time: Duration) -> Result<()> {
    let begun = Instant::now();
    let mut bytes = vec![0; 20_000];
    while begun.elapsed() < time {
        if reader.read(&mut bytes)? == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Ok(())
}

/// Returns a missing piece, if many are missing.
fn missing(have: &[bool], random: &mut Random) -> Option<u64> {
    let missing: Vec<_> = (0..SIZE / PIECE - 4).filter(|piece| !have[*piece as usize]).collect();
    (missing.len() >= 64).then(|| missing[random.below(missing.len() as u64) as usize])
}

/// Plays at half the rate of the swarm, with a seek to missing data every 30 s. The whole file takes longer to
/// arrive.
fn stalls(swarm: &Swarm) -> Result<()> {
    let seconds: u64 =
        std::env::var("STREAM_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(120);
    let rate = LIMIT.min(SIZE * 3 / 4 / SEEDS as u64 / seconds);
    swarm.limit(Some(rate))?;
    let mut tenth = vec![0; rate as usize * SEEDS / 2 / 10];
    let (mut stalled, mut waits, mut random) = (0, Vec::new(), Random::new(5));
    let download = swarm.download()?;
    let mut reader = download.reader()?;
    reader.fill_buf()?;
    download.wait_for_peers()?;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let piece = missing(&download.have()?, &mut random).ok_or("too little is missing")?;
        reader.seek(SeekFrom::Start(piece * PIECE))?;
        // A player first fills a buffer of one second.
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
            // The buffered second has been used up.
            if late > Duration::from_secs(1) {
                stalled += 1;
                break;
            }
            std::thread::sleep(due.saturating_sub(playing.elapsed()));
        }
    }
    drop(reader);
    download.end();
    let name = format!("stalls in {seconds} s, after {} seeks to what is missing", waits.len());
    say(&name, f64::from(stalled), "", 0.0, true);
    distribution("a second of data after a seek", &waits, &[]);
    swarm.limit(None)
}

/// Sixteen readers, each at a different position.
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

/// Reads sequentially, without copying the bytes, and compares that with a download of the same length without a reader. A relay limits the rate:
/// with libtorrent's rate limit, a seed that was idle may send the bytes of three seconds at once.
fn through(swarm: &Swarm) -> Result<()> {
    type Reach<'a> = &'a dyn Fn(SocketAddr) -> Result<SocketAddr>;
    let slow = Line::new(Duration::from_millis(50), 20e6 / 8.0);
    let cases: [(_, _, _, Reach<'_>); 3] = [
        ("unlimited", SIZE, 5, &Ok),
        ("4 MB/s a seed", SIZE, 3, &|seed| Line::new(Duration::ZERO, 4e6).to(seed)),
        ("20 Mbit/s and 50 ms", 32 * PIECE, 1, &|seed| slow.to(seed)),
    ];
    for (name, length, runs, reach) in cases {
        let start = || {
            let seeds: Result<_> = swarm.addresses()?.into_iter().map(reach).collect();
            swarm.download_from(seeds?)
        };
        let (mut plain, mut read) = (Vec::new(), Vec::new());
        for _ in 0..runs {
            let download = start()?;
            plain.push(timed(|| download.wait_for(length))?);
            download.end();
            let download = start()?;
            read.push(timed(|| {
                let mut reader = download.reader()?.take(length);
                while let length @ 1.. = reader.fill_buf()?.len() {
                    reader.consume(length);
                }
                Ok(())
            })?);
            download.end();
        }
        let (plain, read) = (percentile(&plain, 50), percentile(&read, 50));
        let rate = |milliseconds: f64| length as f64 / 1e3 / milliseconds;
        let figures = format!("{:.1} of {:.1} MB/s", rate(read), rate(plain));
        println!("{:<48} {figures:>10}", format!("read through, {name}"));
        say(&format!("read through, {name}: part of the rate"), plain / read, "", 0.9, false);
    }
    Ok(())
}
