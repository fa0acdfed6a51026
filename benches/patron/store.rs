//! What a store costs: restoring, durable adds, the last save, and the size on disk.
//!
//! `PATRON_BENCH_TORRENTS=100000` measures with more torrents, `PATRON_BENCH_RECORDS=1000000` reads
//! more records.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use torrent_patron::event::{EventKind, EventKinds};
use torrent_patron::store::{Change, Key, Record, Sqlite, Store};
use torrent_patron::torrent::{InfoHashV1, InfoHashes, Limits};
use torrent_patron::{AddOptions, Client, Event, Patron, Source};

use crate::idle::{SETTLE, cpu_of_threads};
use crate::memory::resident;
use crate::session::{Result, Seeds, builder, child as run_child, directory, start};
use crate::table::{Table, Target, percentile, sorted};

const ALONE: usize = 200;
const END: Duration = Duration::from_secs(120);

fn count(name: &str, otherwise: usize) -> usize {
    std::env::var(name).ok().and_then(|count| count.parse().ok()).unwrap_or(otherwise)
}

pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let torrents = count("PATRON_BENCH_TORRENTS", 10_000);
    // Beside the program, because a file system in memory would not synchronize anything.
    let program = std::env::current_exe()?;
    let place = tempfile::tempdir_in(program.parent().ok_or("no directory")?)?;
    adds_and_restores(table, place.path(), torrents)?;
    alone(table, place.path())?;
    reads(table, place.path(), count("PATRON_BENCH_RECORDS", 100_000))
}

fn adds_and_restores(table: &mut Table, place: &Path, torrents: usize) -> Result<()> {
    let metainfos: Vec<_> = (0..torrents).map(metainfo).collect();
    let size: usize = metainfos.iter().map(Vec::len).sum();
    let (mut plain, mut from_start, mut durable) = (vec![], vec![], vec![]);
    let (mut restored, mut plain_ended) = (vec![], vec![]);
    let mut bytes = 0;
    // More would take too long.
    let last = if torrents > 20_000 { 0 } else { 2 };
    for run in 0..=last {
        let begun = Instant::now();
        let client = builder(place).start()?;
        plain.push(add_all(&client.patron(), &metainfos)?);
        from_start.push(begun.elapsed().as_secs_f64());
        let begun = Instant::now();
        client.shutdown(END).wait();
        plain_ended.push(begun.elapsed().as_secs_f64());

        let store = place.join(format!("{run}.db"));
        let client = builder(place).store(Sqlite::open(&store)?).start()?;
        durable.push(add_all(&client.patron(), &metainfos)?);
        let report = client.shutdown(END).wait();
        if report.unsaved > 0 {
            return Err(report.to_string().into());
        }
        bytes = std::fs::metadata(&store)?.len();

        let begun = Instant::now();
        let client = builder(place).store(Sqlite::open(&store)?).start()?;
        wait_restored(&client, torrents)?;
        restored.push(begun.elapsed().as_secs_f64());
        client.shutdown(END).wait();
    }
    let name = |what: &str| format!("{torrents} torrents: {what}");
    table.figure(&name("added from memory, without a store"), &plain, "s", Target::None);
    let ratio = |runs: &[f64], bases: &[f64]| -> Vec<f64> {
        runs.iter().zip(bases).map(|(run, base)| run / base).collect()
    };
    let most = |most| Target::AtMost(most);
    table.figure(&name("added durably, to that"), &ratio(&durable, &plain), "times", most(1.5));
    table.figure(&name("started and restored"), &restored, "s", Target::None);
    let to_adds = ratio(&restored, &from_start);
    table.figure(&name("  to starting and adding from memory"), &to_adds, "times", most(1.15));
    table.figure(&name("shutdown without a store"), &plain_ended, "s", Target::None);
    let each = (bytes as f64 - size as f64) / torrents as f64;
    table.figure(&name("on disk beyond the .torrent, each"), &[each], "bytes", most(1536.0));
    let store = place.join(format!("{last}.db"));
    memory(table, place, &store, torrents)?;
    saves(table, place, &store, torrents, plain_ended[0])
}

pub(crate) const CHILD: &str = "child-store";

/// The memory of idle torrents, with and without a store, in separate processes.
fn memory(table: &mut Table, place: &Path, store: &Path, torrents: usize) -> Result<()> {
    let in_process = |store: &str| -> Result<f64> {
        let place = place.to_string_lossy().into_owned();
        let words = [CHILD.to_owned(), place, store.to_owned(), torrents.to_string()];
        Ok(run_child(&words)?.first().ok_or("the child said nothing")?.parse()?)
    };
    let (without, with) = (in_process("")?, in_process(&store.to_string_lossy())?);
    let name = |what: &str| format!("{torrents} idle torrents: {what}");
    table.figure(&name("resident, each"), &[without], "bytes", Target::None);
    let ratio = with / without;
    table.figure(&name("with a store, to that"), &[ratio], "times", Target::AtMost(1.0));
    Ok(())
}

/// Prints the memory of each torrent.
pub(crate) fn child(arguments: &[String]) -> Result<()> {
    let [place, store, torrents] = arguments else { return Err("PLACE STORE TORRENTS".into()) };
    let (place, torrents) = (Path::new(place), torrents.parse()?);
    let before = resident()?;
    let client = match store.as_str() {
        "" => {
            let client = builder(place).start()?;
            let patron = client.patron();
            for number in 0..torrents {
                let source = Source::Bytes(metainfo(number).into());
                patron.add_torrent(source, AddOptions::default()).wait()?;
            }
            client
        }
        store => builder(place).store(Sqlite::open(store)?).start()?,
    };
    if !store.is_empty() {
        wait_restored(&client, torrents)?;
    }
    std::thread::sleep(SETTLE);
    println!("{}", (resident()? - before) / torrents as u64);
    client.shutdown(END).wait();
    Ok(())
}

/// The interval of status requests.
const TICK: Duration = Duration::from_secs(1);
/// The size of the torrent that uploads meanwhile. It lasts for 200 s.
const UPLOAD: usize = 8 << 20;

/// All torrents have changed at once, and are saved while the client continues to run; then all are saved at
/// the end. `plain` is how long a client without a store takes to end.
fn saves(table: &mut Table, place: &Path, store: &Path, torrents: usize, plain: f64) -> Result<()> {
    // Started first: the network thread that is measured is the newest.
    let downloads = directory()?;
    let downloader = builder(downloads.path()).start()?;
    let client = builder(place).tick_interval(TICK).store(Sqlite::open(store)?).start()?;
    let patron = client.patron();
    patron.subscribe(EventKinds::from(EventKind::Restored).with(EventKind::Status));
    while !matches!(patron.recv()?, Event::Restored { .. }) {}
    // A torrent that uploads has a new status at each tick.
    let seeds = Seeds::make(1, UPLOAD)?;
    start(&patron, &seeds, false)?;
    let slow = Limits::default().download_limit(UPLOAD as u32 / 200);
    let options = AddOptions::default().add_peers(patron.listen_addresses().wait()?).limits(slow);
    downloader.patron().add_torrent(&seeds.torrents[0], options).wait()?;
    while !matches!(patron.recv()?, Event::Status(status) if status.upload_rate > 0) {}
    let change_all = |limit: u32| -> Result<()> {
        let limits = Limits::default().upload_limit(limit);
        let set = |id| patron.set_limits(id, limits);
        let replies: Vec<_> = patron.torrents().into_iter().map(set).collect();
        replies.into_iter().try_for_each(|reply| Ok(reply.wait()?))
    };
    let (idle, _) = watched(&patron, 5 * TICK)?;
    let before = std::fs::metadata(store)?.modified()?;
    let begun = Instant::now();
    change_all(1_000_000)?;
    // Saves have begun with the first change, and are at most 2000 per second.
    let last = begun + Duration::from_secs(torrents as u64 / 2000);
    let (saving, late) = watched(&patron, last.saturating_duration_since(Instant::now()))?;
    if std::fs::metadata(store)?.modified()? == before {
        return Err("nothing was saved".into());
    }
    change_all(2_000_000)?;
    let begun = Instant::now();
    let report = client.shutdown(END).wait();
    let ended = begun.elapsed().as_secs_f64();
    if report.unsaved > 0 {
        return Err(report.to_string().into());
    }
    let name = |what: &str| format!("{torrents} changed torrents: {what}");
    let cost = saving - idle;
    let (most, twice) = (Target::AtMost(5.0), Target::AtMost(2.0 * TICK.as_secs_f64()));
    table.figure(&name("saved, the network thread"), &[cost], "% of a core", most);
    table.figure(&name("saved, the longest between two statuses"), &[late], "s", twice);
    let beyond = name("saved at the end, beyond a shutdown without a store");
    table.figure(&beyond, &[ended - plain], "s", Target::AtMost(6.0));
    Ok(())
}

/// Watches for this time. Returns the CPU time of libtorrent's network thread in percent, and the longest
/// time between two statuses of the torrent that uploads.
fn watched(patron: &Patron, time: Duration) -> Result<(f64, f64)> {
    let network = network_thread()?;
    let used =
        || -> Result<Duration> { Ok(cpu_of_threads()?.remove(&network).unwrap_or_default()) };
    let (begun, before) = (Instant::now(), used()?);
    let (mut last, mut longest) = (begun, Duration::ZERO);
    while let Some(left) = time.checked_sub(begun.elapsed()) {
        if let Some(Ok(Event::Status(_))) = patron.recv_timeout(left) {
            longest = longest.max(last.elapsed());
            last = Instant::now();
        }
    }
    longest = longest.max(last.elapsed());
    let used = used()?.saturating_sub(before).as_secs_f64();
    Ok((100.0 * used / begun.elapsed().as_secs_f64(), longest.as_secs_f64()))
}

/// Returns the network thread of the newest client.
fn network_thread() -> Result<u32> {
    let is_named = |thread: &u32| {
        let name = std::fs::read_to_string(format!("/proc/self/task/{thread}/comm"));
        name.is_ok_and(|name| name.starts_with("lt-network"))
    };
    cpu_of_threads()?.into_keys().rfind(is_named).ok_or_else(|| "there is no network thread".into())
}

fn add_all(patron: &Patron, metainfos: &[Vec<u8>]) -> Result<f64> {
    let begun = Instant::now();
    let replies: Vec<_> = metainfos
        .iter()
        .map(|bytes| patron.add_torrent(Source::Bytes(bytes[..].into()), AddOptions::default()))
        .collect();
    for reply in replies {
        reply.wait()?;
    }
    Ok(begun.elapsed().as_secs_f64())
}

fn wait_restored(client: &Client, expected: usize) -> Result<()> {
    for event in client.patron().events() {
        if let Event::Restored { torrents, .. } = event {
            return if torrents == expected as u64 {
                Ok(())
            } else {
                Err(event.to_string().into())
            };
        }
    }
    Err("the client has stopped".into())
}

/// Adds one torrent at a time, and compares that with synchronizing a file.
fn alone(table: &mut Table, place: &Path) -> Result<()> {
    let client = builder(place).store(Sqlite::open(place.join("alone.db"))?).start()?;
    wait_restored(&client, 0)?;
    let patron = client.patron();
    let mut file = std::fs::File::create(place.join("synchronized"))?;
    let (mut adds, mut syncs) = (Vec::new(), Vec::new());
    for number in 0..ALONE {
        let source = Source::Bytes(metainfo(number).into());
        let begun = Instant::now();
        patron.add_torrent(source, AddOptions::default()).wait()?;
        adds.push(begun.elapsed().as_secs_f64() * 1e3);
        let begun = Instant::now();
        file.write_all(&[7; 4096])?;
        file.sync_all()?;
        syncs.push(begun.elapsed().as_secs_f64() * 1e3);
    }
    client.shutdown(END).wait();
    let median = |samples: &[f64]| percentile(&sorted(samples), 50);
    let beyond = median(&adds) - median(&syncs);
    table.figure("one durable add alone", &adds, "ms", Target::None);
    table.figure("  one fsync of 4 KiB", &syncs, "ms", Target::None);
    table.figure("  the add beyond the fsync", &[beyond], "ms", Target::AtMost(1.0));
    Ok(())
}

/// Measures the store alone.
fn reads(table: &mut Table, place: &Path, records: usize) -> Result<()> {
    let path = place.join("records.db");
    let mut store = Sqlite::open(&path)?;
    for first in (0..records).step_by(10_000) {
        let last = (first + 10_000).min(records);
        let batch: Vec<_> = (first..last).filter_map(record).collect();
        store.commit(&batch)?;
    }
    drop(store);
    let begun = Instant::now();
    let mut store = Sqlite::open(&path)?;
    let (mut after, mut read) = (None, 0);
    loop {
        let page = store.load(after, 512)?;
        let Some(last) = page.last() else { break };
        after = Some(last.key());
        read += page.len();
    }
    let seconds = begun.elapsed().as_secs_f64();
    assert_eq!(read, records);
    let most = 10.0 * records as f64 / 1e6;
    table.figure(
        &format!("{records} records opened and read"),
        &[seconds],
        "s",
        Target::AtMost(most),
    );
    Ok(())
}

fn record(number: usize) -> Option<Change> {
    let mut v1 = [0; 20];
    v1[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let hashes = InfoHashes::from(InfoHashV1(v1));
    let mut record = Record::new(Key::new(number as u64 + 1)?, hashes, "/srv/torrents");
    record.name = format!("torrent number {number}").into();
    record.info = Some(metainfo(number)[7..].into());
    record.resume_data = vec![7; 900].into();
    Some(Change::Add(Box::new(record)))
}

/// Returns a .torrent file with one piece.
fn metainfo(number: usize) -> Vec<u8> {
    let mut pieces = [0; 20];
    pieces[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let name = format!("torrent-{number:08}");
    let head = format!("d4:infod6:lengthi16384e4:name16:{name}12:piece lengthi16384e6:pieces20:");
    [head.as_bytes(), &pieces, b"ee"].concat()
}
