//! A program with a store is killed at random moments while it adds, removes, labels, pauses, moves and
//! downloads torrents. Afterwards all confirmed changes must be there, no other change may be half done, and
//! no byte may be wrong. A power cut also loses everything that was not synchronized (power_cut.c).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Barrier, mpsc};
use std::time::{Duration, Instant};

use torrent_patron::event::EventKind;
use torrent_patron::file::OnConflict;
use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::store::{Loaded, Record, Sqlite, Store};
use torrent_patron::torrent::{InfoHashes, TorrentState};
use torrent_patron::{AddOptions, Client, Event, Patron, Result, TorrentId};

use crate::await_event;
use crate::support::noise::Random;
use crate::support::{
    PATIENCE, address, builder, child, claimed_pieces, data, eventually, maker, same,
};

pub(crate) const CHILD: &str = "kill-child";

/// The number of torrents. Each has a directory of its own.
const TORRENTS: usize = 8;
const LABELS: [&str; 2] = ["films", "music"];
const SIZE: usize = 200_000;
/// The numbers of network threads, in turn.
const THREADS: [usize; 2] = [1, 3];

// The paths that the parent and its children share.

fn original(directory: &Path, number: usize) -> PathBuf {
    directory.join(format!("original/{number}.bin"))
}

fn place(directory: &Path, number: usize, place: u64) -> PathBuf {
    directory.join(format!("{}/{number}", ["here", "there"][place as usize]))
}

fn store(directory: &Path) -> PathBuf {
    directory.join("torrents.db")
}

fn torrents(directory: &Path) -> Vec<Metainfo> {
    (0..TORRENTS)
        .map(|number| Metainfo::read(directory.join(format!("{number}.torrent"))).unwrap())
        .collect()
}

// The child: a program that makes changes and reports them.

/// Writes a line to stdout at once, so that it can be read even if the program is killed.
fn say(line: impl std::fmt::Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(format!("{line}\n").as_bytes());
}

pub(crate) fn child(directory: &Path, seed: &str, peer: &str) {
    let seed: u64 = seed.parse().unwrap();
    let peer = peer.parse().unwrap();
    let metainfos = torrents(directory);
    let client = builder(&directory.join("here"))
        .tick_interval(Duration::from_millis(50))
        .resume_data_interval(Duration::from_millis(100))
        .network_threads(THREADS[seed as usize % THREADS.len()])
        .store(Sqlite::open(store(directory)).unwrap())
        .start()
        .unwrap();
    let watcher = client.patron();
    watcher.watch_all().wait().unwrap();
    let hashes: Vec<_> = metainfos.iter().map(|metainfo| metainfo.info_hashes).collect();
    let begun = Arc::new(Barrier::new(2));
    std::thread::scope(|scope| {
        let watched = begun.clone();
        let hashes = &hashes;
        scope.spawn(move || watch(&watcher, hashes, &watched));
        begun.wait();
        for (number, metainfo) in metainfos.iter().enumerate() {
            let patron = client.patron();
            let random = Random::new(seed * 100 + number as u64);
            scope.spawn(move || work(&patron, directory, number, metainfo, peer, random));
        }
    });
}

/// Reports events until the program is killed.
fn watch(patron: &Patron, hashes: &[InfoHashes], begun: &Barrier) {
    let number = |id: TorrentId| {
        let found = patron.status(id)?.info_hashes;
        hashes.iter().position(|hashes| hashes.v1 == found.v1)
    };
    for event in patron.events() {
        match event {
            Event::Restored { torrents, failed, .. } => {
                say(format_args!("restored {torrents} {failed}"));
                // A mailbox keeps only the newest change of state.
                for id in patron.torrents() {
                    if is_checked(patron, id)
                        && let Some(number) = number(id)
                    {
                        say(format_args!("checks {number}"));
                    }
                }
                let hashed = patron.statistics().wait().unwrap().blocks_hashed;
                say(format_args!("hashed {hashed}"));
                begun.wait();
            }
            Event::RestoreFailed { error, .. } => say(format_args!("failed {error}")),
            Event::Error { error, .. } => say(format_args!("error {error}")),
            _ => {}
        }
    }
}

/// Waits until the files were compared with the resume data. Returns whether they are checked.
fn is_checked(patron: &Patron, id: TorrentId) -> bool {
    eventually("the comparison with the resume data", || {
        // It may be being removed.
        let state = patron.fresh_status(id).wait().map(|status| status.state);
        let compared = !matches!(state, Ok(TorrentState::CheckingResumeData));
        compared.then_some(matches!(state, Ok(TorrentState::CheckingFiles)))
    })
}

/// Makes random changes to random torrents. Reports each change before it begins and when it is confirmed.
fn work(
    patron: &Patron,
    directory: &Path,
    number: usize,
    metainfo: &Metainfo,
    peer: std::net::SocketAddr,
    mut random: Random,
) {
    loop {
        let id = patron.find(metainfo.info_hashes).wait().unwrap();
        let step = match (id, random.below(10)) {
            (None, _) => format!("add {number} {}", random.below(2)),
            (Some(_), 0) => format!("remove {number} {}", random.below(2)),
            (Some(_), 1) => format!("pause {number} {}", random.below(2)),
            (Some(_), 2 | 3) => format!("move {number} {}", random.below(2)),
            (Some(_), 4) => {
                // Lets it download for a while.
                let _ = patron.recv_timeout(Duration::from_millis(random.below(30)));
                continue;
            }
            (Some(_), _) => {
                format!("label {number} {}", random.below(4))
            }
        };
        say(format_args!("begin {step}"));
        let answer = execute(patron, directory, metainfo, peer, id, &step);
        match answer {
            Ok(()) => say(format_args!("done {step}")),
            Err(error) => say(format_args!("refused {step} {error}")),
        }
    }
}

fn execute(
    patron: &Patron,
    directory: &Path,
    metainfo: &Metainfo,
    peer: std::net::SocketAddr,
    id: Option<TorrentId>,
    step: &str,
) -> Result<()> {
    let words: Vec<&str> = step.split(' ').collect();
    let (number, choice): (usize, u64) = (words[1].parse().unwrap(), words[2].parse().unwrap());
    match (words[0], id) {
        ("add", _) => {
            let to = place(directory, number, choice);
            let options = AddOptions::default().save_dir(to).add_peers([peer]);
            patron.add_torrent(metainfo, options).wait().map(|_| ())
        }
        ("remove", Some(id)) => {
            let files = [RemoveFiles::Keep, RemoveFiles::Delete][choice as usize];
            patron.remove_torrent(id, files).wait()
        }
        ("pause", Some(id)) if choice == 1 => patron.pause(id).wait(),
        ("pause", Some(id)) => {
            let _ = patron.connect_peer(id, peer).wait();
            patron.resume(id).wait()
        }
        ("move", Some(id)) => {
            let to = place(directory, number, choice);
            patron.move_storage(id, to, OnConflict::Replace).wait().map(|_| ())
        }
        ("label", Some(id)) => {
            let label = LABELS[choice as usize / 2];
            match choice % 2 {
                0 => patron.add_label(id, label).wait(),
                _ => patron.remove_label(id, label).wait(),
            }
        }
        _ => Ok(()),
    }
}

// The parent process.

/// The state of a torrent in the store, as far as the program has reported it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Known {
    place: u64,
    paused: bool,
    labels: BTreeSet<&'static str>,
}

/// The possible states of a torrent. `None`: it does not exist.
type Possible = BTreeSet<Option<Known>>;

#[derive(Debug, Default)]
struct Counted {
    rounds: u64,
    answered: u64,
    cut_short: u64,
    restored: u64,
    while_restoring: u64,
    complete: u64,
    /// Of the pieces that resume data claims, those that were compared with the file.
    compared: u64,
}

fn after(known: &Option<Known>, step: &str, choice: u64) -> Option<Known> {
    let new = Known { place: choice, paused: false, labels: BTreeSet::new() };
    let mut known = match (step, known) {
        ("add", None) => return Some(new),
        (_, known) => known.clone()?,
    };
    match step {
        "remove" => return None,
        "pause" => known.paused = choice == 1,
        "move" => known.place = choice,
        "label" if choice.is_multiple_of(2) => _ = known.labels.insert(LABELS[choice as usize / 2]),
        "label" => _ = known.labels.remove(LABELS[choice as usize / 2]),
        _ => {}
    }
    Some(known)
}

/// Processes a line of the program's report. After a change that has begun but was not confirmed, both states
/// are possible.
fn take_in(line: &str, torrents: &mut [Possible], complete: &mut [bool], counted: &mut Counted) {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["begin", step, number, choice] => {
            let (number, choice): (usize, u64) = (number.parse().unwrap(), choice.parse().unwrap());
            let now: Vec<_> =
                torrents[number].iter().map(|known| after(known, step, choice)).collect();
            torrents[number].extend(now);
            // A torrent that is added again is checked.
            complete[number] &= step != "remove";
            counted.cut_short += 1;
        }
        ["done", step, number, choice] => {
            let (number, choice): (usize, u64) = (number.parse().unwrap(), choice.parse().unwrap());
            let now = torrents[number].iter().map(|known| after(known, step, choice)).collect();
            torrents[number] = now;
            counted.answered += 1;
            counted.cut_short -= 1;
        }
        // The removal began in the last run, so the torrent was gone already.
        ["refused", _, number, ..] if line.ends_with("removed") => {
            torrents[number.parse::<usize>().unwrap()] = BTreeSet::from([None]);
            counted.cut_short -= 1;
        }
        ["refused", ..] => panic!("nothing else is refused: {line}"),
        ["restored", count, failed] => {
            assert_eq!(failed, "0", "every torrent is restored");
            counted.restored += count.parse::<u64>().unwrap();
        }
        ["checks", number] => {
            let number: usize = number.parse().unwrap();
            assert!(!complete[number], "the complete torrent {number} is checked again");
        }
        ["hashed", blocks] => {
            let incomplete = torrents
                .iter()
                .zip(&*complete)
                .filter(|(possible, complete)| !**complete && possible.iter().any(Option::is_some));
            // A block that is checked and lost is hashed again when it has been downloaded.
            let most = 2 * incomplete.count() * SIZE.div_ceil(BLOCK);
            assert!(blocks.parse::<usize>().unwrap() <= most, "{line}, at most {most}");
        }
        ["failed", ..] | ["error", ..] => panic!("{line}"),
        _ => {}
    }
}

/// How a program is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Killed,
    PowerCut,
}

pub(crate) fn run(rounds: u64, end: End) {
    let seed = std::env::var("PATRON_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = seed.unwrap_or_else(|| u64::from(std::process::id()));
    println!("{end:?}: {rounds} rounds, PATRON_SEED={seed}");
    let temporary = tempfile::tempdir().unwrap();
    let directory = &temporary.path().canonicalize().unwrap();
    if end == End::PowerCut {
        child::preloaded(directory, "campaign/power_cut.c");
    }
    let (seeder, peer) = seeder(directory);
    let hashes: Vec<_> = torrents(directory).iter().map(|one| one.info_hashes).collect();

    let mut random = Random::new(seed);
    let mut possible: Vec<Possible> = vec![BTreeSet::from([None]); TORRENTS];
    let mut complete = vec![false; TORRENTS];
    let mut counted = Counted::default();
    let begun = Instant::now();
    for round in 0..rounds {
        let lines = one_run(directory, seed + round, &peer, &mut random, end);
        if end == End::PowerCut {
            lose_what_is_not_synchronized(directory);
            // Every file has a new modification time now.
            complete.fill(false);
        }
        counted.rounds += 1;
        counted.while_restoring +=
            u64::from(!lines.iter().any(|line| line.starts_with("restored")));
        for line in &lines {
            take_in(line, &mut possible, &mut complete, &mut counted);
        }
        look(directory, &hashes, &mut possible, &mut complete, &mut counted, &lines);
        if end == End::PowerCut {
            complete.fill(false);
        }
    }
    // The remaining torrents are downloaded to the end, and every byte must be right.
    let there = finish(directory, &peer);
    for (number, save_dir) in there {
        let found = save_dir.join(format!("{number}.bin"));
        assert!(same(&found, &original(directory, number)), "{}", found.display());
    }
    seeder.shutdown(PATIENCE).wait();
    println!("{end:?}: {counted:?} in {:.0} s", begun.elapsed().as_secs_f64());
    let Counted { answered, restored, complete, compared, .. } = counted;
    let has_checked = [answered, restored, complete, compared].iter().all(|count| *count > 0);
    assert!(has_checked || rounds < 50, "it has checked nothing");
}

fn seeder(directory: &Path) -> (Client, String) {
    for number in 0..TORRENTS {
        let file = data(&directory.join("original"), &format!("{number}.bin"), number as u64, SIZE);
        let metainfo = maker(&file, torrent_patron::metainfo::Protocol::Hybrid)
            .start()
            .unwrap()
            .wait()
            .unwrap();
        let path = directory.join(format!("{number}.torrent"));
        fs::write(path, &metainfo.torrent_file()[..]).unwrap();
    }
    let client = builder(&directory.join("original")).start().unwrap();
    let patron = client.patron();
    for metainfo in torrents(directory) {
        let id = patron.add_torrent(&metainfo, AddOptions::default().trust(true)).wait().unwrap();
        patron.wait_until_finished(id.id()).wait().unwrap();
    }
    let peer = address(&patron).to_string();
    (client, peer)
}

/// Runs a program until it is killed, and returns its report.
fn one_run(directory: &Path, seed: u64, peer: &str, random: &mut Random, end: End) -> Vec<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([CHILD, directory.to_str().unwrap(), &seed.to_string(), peer]);
    if end == End::PowerCut {
        synchronize_all(directory);
        command
            .env("LD_PRELOAD", directory.join("power_cut.so"))
            .env("POWER_ROOT", directory)
            .env("POWER_COPIES", copies(directory));
    }
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let stdout = BufReader::new(child.stdout.take().unwrap());
    // A third are killed early, the others after some work.
    let is_early = random.below(3) == 0;
    let limit = Duration::from_millis(random.below(300));
    let (restored, is_restored) = mpsc::channel();
    let killer = std::thread::spawn(move || {
        if !is_early {
            let _ = is_restored.recv_timeout(PATIENCE);
        }
        std::thread::park_timeout(limit);
        let ended = child.try_wait().unwrap();
        assert!(ended.is_none(), "the program has ended by itself: {ended:?}");
        child.kill().unwrap();
        child.wait().unwrap();
    });
    let tell = |line: &String| {
        if line.starts_with("restored") {
            let _ = restored.send(());
        }
    };
    let lines: Vec<String> =
        stdout.lines().map_while(std::result::Result::ok).inspect(tell).collect();
    killer.join().unwrap();
    // A line that was cut short does not count.
    lines
}

/// Compares the store with the possible states. From then on only the state that was found is possible.
fn look(
    directory: &Path,
    hashes: &[InfoHashes],
    possible: &mut [Possible],
    complete: &mut [bool],
    counted: &mut Counted,
    lines: &[String],
) {
    if !store(directory).exists() {
        return;
    }
    let mut store = Sqlite::open(store(directory)).expect("the store is sound");
    let problems = store.check().unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let mut found: BTreeMap<usize, Record> = BTreeMap::new();
    for loaded in store.load(None, 1000).unwrap() {
        let Loaded::Torrent(record) = loaded else { panic!("{loaded:?}") };
        let number = hashes.iter().position(|hashes| hashes.v1 == record.info_hashes.v1).unwrap();
        assert!(found.insert(number, *record).is_none(), "the torrent {number} is there once");
    }
    for (number, possible) in possible.iter_mut().enumerate() {
        let record = found.get(&number);
        // A torrent that is being deleted counts as removed, and one that is being moved as moved: the next
        // start completes both.
        let known = record.filter(|record| !record.deleting).map(|record| Known {
            place: {
                let at = record.moving.as_ref().map_or(&record.save_dir, |moving| &moving.to);
                u64::from(*at == place(directory, number, 1))
            },
            paused: record.paused,
            labels: LABELS.into_iter().filter(|label| record.labels.contains(*label)).collect(),
        });
        assert!(
            possible.contains(&known),
            "the torrent {number} is {known:?}, and can be {possible:?}\n{lines:#?}"
        );
        *possible = BTreeSet::from([known]);
        if let Some(record) = record {
            counted.compared += claims_nothing_else(directory, number, record);
        }
        complete[number] = record.is_some_and(is_complete);
        counted.complete += u64::from(complete[number]);
    }
}

/// Checks that each piece that the resume data claims is on the disk. Returns how many are.
fn claims_nothing_else(directory: &Path, number: usize, record: &Record) -> u64 {
    let name = format!("{number}.bin");
    let from = [0, 1].map(|choice| place(directory, number, choice).join(&name));
    // A move may have been interrupted.
    let Some(file) = from.iter().find(|path| path.exists()) else { return 0 };
    if record.moving.is_some() || record.deleting || !file.starts_with(&record.save_dir) {
        return 0;
    }
    let (found, expected) =
        (fs::read(file).unwrap(), fs::read(original(directory, number)).unwrap());
    // A torrent that has just been added has none.
    let claimed = claimed_pieces(&record.resume_data);
    for piece in &claimed {
        let range = piece * PIECE..((piece + 1) * PIECE).min(SIZE);
        let is_there = found.get(range.clone()) == expected.get(range);
        assert!(is_there, "piece {piece} of {} is claimed and wrong", file.display());
    }
    claimed.len() as u64
}

const BLOCK: usize = 16 * 1024;
const PIECE: usize = BLOCK;

fn copies(directory: &Path) -> PathBuf {
    directory.with_extension("copies")
}

/// The files of the store and of the torrents, and the paths of their copies.
fn files(directory: &Path) -> Vec<(PathBuf, PathBuf)> {
    use std::os::unix::fs::MetadataExt;
    let mut directories = vec![directory.join("here"), directory.join("there")];
    let mut files = vec![store(directory), directory.join("torrents.db-wal")];
    while let Some(next) = directories.pop() {
        for entry in fs::read_dir(next).into_iter().flatten().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => directories.push(entry.path()),
                false => files.push(entry.path()),
            }
        }
    }
    let copy = |file: PathBuf| {
        let inode = fs::metadata(&file).ok()?.ino().to_string();
        Some((file, copies(directory).join(inode)))
    };
    files.into_iter().filter_map(copy).collect()
}

/// Treats all files that exist before a run as synchronized.
fn synchronize_all(directory: &Path) {
    let _ = fs::remove_dir_all(copies(directory));
    fs::create_dir_all(copies(directory)).unwrap();
    for (file, copy) in files(directory) {
        fs::copy(file, copy).unwrap();
    }
}

/// Replaces the files by their copies. Files that were never synchronized become empty.
fn lose_what_is_not_synchronized(directory: &Path) {
    // SQLite rebuilds it from the WAL.
    let _ = fs::remove_file(directory.join("torrents.db-shm"));
    for (file, copy) in files(directory) {
        write_sparse(&file, &fs::read(copy).unwrap_or_default());
    }
}

/// Leaves holes where nothing was written: a client takes a file of zeros for the file of somebody else.
fn write_sparse(path: &Path, bytes: &[u8]) {
    use std::os::unix::fs::FileExt;
    const PAGE: usize = 4096;
    let file = fs::File::create(path).unwrap();
    file.set_len(bytes.len() as u64).unwrap();
    for (number, block) in bytes.chunks(PAGE).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            file.write_all_at(block, (number * PAGE) as u64).unwrap();
        }
    }
}

/// Whether the resume data has every piece and the files are where it says.
fn is_complete(record: &Record) -> bool {
    let claimed = claimed_pieces(&record.resume_data).len();
    record.moving.is_none() && !record.deleting && claimed == SIZE.div_ceil(PIECE)
}

/// The last run is not killed: it downloads all torrents that exist. Returns them with their directories, as
/// a removal may have left a file in the other directory.
fn finish(directory: &Path, peer: &str) -> Vec<(usize, PathBuf)> {
    let metainfos = torrents(directory);
    let client = builder(&directory.join("here"))
        .store(Sqlite::open(store(directory)).unwrap())
        .start()
        .unwrap();
    let patron = client.patron();
    patron.subscribe(EventKind::Restored.into());
    await_event!(patron, Event::Restored { .. });
    let mut there = Vec::new();
    for (number, metainfo) in metainfos.iter().enumerate() {
        let Some(id) = patron.find(metainfo.info_hashes).wait().unwrap() else { continue };
        if patron.resume(id).wait().is_err() {
            continue; // its files are being deleted
        }
        patron.connect_peer(id, peer.parse().unwrap()).wait().unwrap();
        let waited = patron.wait_until_finished(id).wait_timeout(PATIENCE).expect("in time");
        waited.unwrap();
        there.push((number, patron.options(id).wait().unwrap().save_dir));
    }
    client.shutdown(PATIENCE).wait();
    there
}
