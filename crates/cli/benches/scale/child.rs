//! A client with many torrents, in a separate process.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use torrent_patron::event::{EventKind, EventKinds};
use torrent_patron::{AddOptions, Client, Event, Patron, Source, TorrentId};

pub(crate) const WORD: &str = "child";

const SIZE: usize = 16 * 1024;

/// The number of threads that add torrents. Each reads the sources that it adds.
const ADDERS: usize = 4;

/// Torrents that each of them has under way; together as many as in bare_scale.cpp.
const UNDER_WAY: usize = 128;

const DEADLINE: Duration = Duration::from_secs(600);

fn name(number: usize) -> String {
    format!("{number}.bin")
}

/// Returns the directory of a torrent's file, so that no directory has too many files.
fn directory_of(number: usize, directory: &Path) -> PathBuf {
    directory.join((number / 1000).to_string())
}

/// Creates a sparse file for each torrent.
pub(crate) fn make_files(count: usize, directory: &Path) -> Result<()> {
    for number in 0..count {
        let directory = directory_of(number, directory);
        if number % 1000 == 0 {
            std::fs::create_dir_all(&directory)?;
        }
        std::fs::File::create(directory.join(name(number)))?.set_len(SIZE as u64)?;
    }
    Ok(())
}

/// Creates the same torrent as `torrent` in bare_scale.cpp.
fn torrent(number: usize) -> Vec<u8> {
    let name = name(number);
    let hash = format!("{number:.<20}");
    let name = format!("{}:{name}", name.len());
    format!("d4:infod6:lengthi{SIZE}e4:name{name}12:piece lengthi{SIZE}e6:pieces20:{hash}ee").into()
}

fn timed<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let begun = Instant::now();
    let done = work()?;
    println!("{name} {}", begun.elapsed().as_secs_f64());
    Ok(done)
}

fn start(threads: usize, directory: &Path) -> Result<Client> {
    Ok(Client::builder()
        .offline(true)
        .network_threads(threads)
        .tick_interval(Duration::from_secs(5))
        // Nothing should be saved while it is idle.
        .resume_data_interval(Duration::from_secs(3600))
        .save_dir(directory)
        .start()?)
}

/// Adds all torrents from several threads. The ids are not in order.
fn add(
    patron: &Patron,
    count: usize,
    source: impl Fn(usize) -> (Source, AddOptions) + Sync,
) -> Result<Vec<TorrentId>> {
    let next = AtomicUsize::new(0);
    let adder = || -> Result<Vec<TorrentId>> {
        let (mut replies, mut ids) = (VecDeque::new(), Vec::new());
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number < count {
                let (source, options) = source(number);
                replies.push_back(patron.add_torrent(source, options));
            }
            if number >= count || replies.len() == UNDER_WAY {
                let Some(reply) = replies.pop_front() else { return Ok(ids) };
                ids.push(reply.wait()?.id());
            }
        }
    };
    std::thread::scope(|scope| {
        let adders: Vec<_> = (0..ADDERS).map(|_| scope.spawn(adder)).collect();
        let mut ids = Vec::with_capacity(count);
        for adder in adders {
            ids.extend(adder.join().expect("a thread that adds panicked")?);
        }
        Ok(ids)
    })
}

pub(crate) fn run(count: usize, threads: usize, directory: &Path) -> Result<()> {
    let client = start(threads, directory)?;
    let patron = client.patron();
    patron.subscribe(EventKinds::NONE);
    let new = |number| {
        let options = AddOptions::default().trust(true).save_dir(directory_of(number, directory));
        (torrent(number).into(), options)
    };
    let ids = timed("add", || add(&patron, count, new))?;
    println!("rest");
    std::io::stdin().read_line(&mut String::new())?;

    timed("tick", || Ok(patron.fresh_status(*ids.first().context("no torrents")?).wait()?))?;
    let known = timed("statuses", || Ok(patron.statuses()))?;
    ensure!(known.len() == count, "{} statuses", known.len());
    drop(known);
    let version = patron.changes_since(0).version;
    for id in ids.iter().step_by(100) {
        patron.pause(*id).wait()?;
    }
    // Wait until the last of them are known to be paused.
    while !ids.iter().step_by(100).all(|id| patron.status(*id).is_some_and(|status| status.paused))
    {
        std::thread::yield_now();
    }
    let mut changes = timed("changed", || Ok(patron.changes_since(version)))?;
    // A torrent that changes again during a call is in the next one.
    let (mut changed, begun) = (changes.statuses.len(), Instant::now());
    while changed < count.div_ceil(100) {
        ensure!(begun.elapsed() < DEADLINE, "{changed} changes");
        changes = patron.changes_since(changes.version);
        changed += changes.statuses.len();
    }
    drop(changes);

    patron.subscribe(EventKinds::NONE.with(EventKind::ResumeData));
    let saved = timed("stop", || {
        let begun = Instant::now();
        let ending = client.shutdown(DEADLINE);
        let (mut saved, mut last) = (Vec::with_capacity(count), Duration::ZERO);
        for event in patron.events() {
            if let Event::ResumeData { data, .. } = event {
                saved.push(data);
                last = begun.elapsed();
            }
        }
        println!("save {}", last.as_secs_f64());
        let report = ending.wait();
        ensure!(report.is_clean(), "{report}");
        Ok(saved)
    })?;
    ensure!(saved.len() == count, "{} saved", saved.len());

    let client = start(threads, directory)?;
    let patron = client.patron();
    patron.subscribe(EventKinds::NONE);
    let again = |number: usize| {
        (Source::ResumeData(saved[number].clone()), AddOptions::default().trust(true))
    };
    timed("restore", || add(&patron, count, again))?;
    client.shutdown(DEADLINE).wait();
    Ok(())
}
