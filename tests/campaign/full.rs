//! A program with a store repeats the same steps. In each run the disk becomes full or read-only one write
//! later (disk_full.c). Confirmed changes must be in the store, refused ones must not, and the program must
//! continue once the disk can be written again.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use torrent_patron::error::ErrorKind;
use torrent_patron::event::EventKind;
use torrent_patron::file::OnConflict;
use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::store::{Loaded, Record, Sqlite, Store};
use torrent_patron::{AddOptions, Client, Event, Patron, Result, TorrentId};

use crate::support::{PATIENCE, builder, child, data, metainfo};

pub(crate) const CHILD: &str = "full-child";
const WAS_FULL: &str = "the disk was full";

/// What the store says about a torrent, except its progress, which no reply confirms.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Known {
    name: String,
    there: bool,
    paused: bool,
    labels: Vec<String>,
    notes: usize,
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Add(&'static str),
    Label(&'static str, bool),
    Note(&'static str, bool),
    Pause(&'static str, bool),
    Move(&'static str),
    Remove(&'static str, RemoveFiles),
}

const STEPS: [Step; 13] = [
    Step::Add("a"),
    Step::Add("b"),
    Step::Label("a", true),
    Step::Note("a", true),
    Step::Pause("a", true),
    Step::Move("a"),
    Step::Label("b", true),
    Step::Remove("b", RemoveFiles::Keep),
    Step::Add("c"),
    Step::Pause("a", false),
    Step::Remove("c", RemoveFiles::Delete),
    Step::Note("a", false),
    Step::Add("b"),
];

// The child process.

pub(crate) fn child(directory: &Path) {
    let mut expected = BTreeSet::new();
    let client = start(directory);
    let patron = client.patron();
    for (number, step) in STEPS.into_iter().enumerate() {
        if let Err(error) = execute(&patron, directory, step) {
            assert_eq!(error.kind(), ErrorKind::Disk, "{step:?}: {error}");
            assert!(mark(directory).exists(), "{step:?}: {error}");
            // A copy of the store as it would be found if the program were killed now.
            let image = directory.join(format!("image-{number}"));
            let image = Sqlite::open(copy(directory, &image)).unwrap();
            let found = known(image);
            // A move that has begun is completed at the next start.
            let mut moved = expected.clone();
            apply(&mut moved, step);
            let has_moved = matches!(step, Step::Move(_)) && found == moved;
            assert!(found == expected || has_moved, "{step:?} was refused: {found:?}");
            assert_eq!(here(&patron), names(&expected), "{step:?} was refused");
            saw(&patron, |event| matches!(event, Event::StoreFailed { .. }));
            make_room(directory);
            // The files have been moved already.
            let again = if has_moved { Step::Label("a", true) } else { step };
            execute(&patron, directory, again).unwrap();
            saw(&patron, |event| matches!(event, Event::StoreRecovered));
            let records =
                Sqlite::open_read_only(store(directory)).unwrap().load(None, 100).unwrap();
            let moves =
                |loaded: &Loaded| matches!(loaded, Loaded::Torrent(it) if it.moving.is_some());
            assert!(!records.iter().any(moves), "{step:?}: the store has the end of the move");
        }
        apply(&mut expected, step);
        let reader = Sqlite::open_read_only(store(directory)).unwrap();
        assert_eq!(known(reader), expected, "{step:?}");
    }
    let report = client.shutdown(PATIENCE).wait();
    // The report mentions progress that could not be saved at the end.
    assert!(report.is_clean() || mark(directory).exists(), "{report}");
    make_room(directory);
    let client = start(directory);
    assert_eq!(here(&client.patron()), names(&expected));
    assert!(client.shutdown(PATIENCE).wait().is_clean() || mark(directory).exists());
    make_room(directory);
}

fn start(directory: &Path) -> Client {
    let opened = Sqlite::open(store(directory)).or_else(|error| {
        assert!(mark(directory).exists(), "{error}");
        make_room(directory);
        Sqlite::open(store(directory))
    });
    let client = builder(&directory.join("here"))
        .tick_interval(Duration::from_millis(50))
        .store(opened.unwrap())
        .start()
        .unwrap();
    let patron = client.patron();
    patron.subscribe(EventKind::Restored.into());
    saw(&patron, |event| matches!(event, Event::Restored { failed: 0, .. }));
    client
}

fn execute(patron: &Patron, directory: &Path, step: Step) -> Result<()> {
    let metainfo = |name| Metainfo::read(directory.join(format!("{name}.torrent"))).unwrap();
    let id = |name| -> TorrentId {
        patron.find(metainfo(name).info_hashes).wait().unwrap().expect("the torrent")
    };
    match step {
        Step::Add(name) => {
            let added = patron.add_torrent(metainfo(name), AddOptions::default()).wait()?;
            patron.wait_until_finished(added.id()).wait()
        }
        Step::Label(name, true) => patron.add_label(id(name), "films").wait(),
        Step::Label(name, false) => patron.remove_label(id(name), "films").wait(),
        Step::Note(name, on) => {
            let value = on.then(|| vec![7; 10_000].into());
            patron.set_note(id(name), "key", value).wait()
        }
        Step::Pause(name, true) => patron.pause(id(name)).wait(),
        Step::Pause(name, false) => patron.resume(id(name)).wait(),
        Step::Move(name) => {
            let to = directory.join("there");
            patron.move_storage(id(name), to, OnConflict::Fail).wait().map(|_| ())
        }
        Step::Remove(name, files) => patron.remove_torrent(id(name), files).wait(),
    }
}

fn apply(expected: &mut BTreeSet<Known>, step: Step) {
    let mut change = |name: &str, change: &dyn Fn(&mut Known)| {
        let name = format!("{name}.bin");
        let mut known = expected.iter().find(|known| known.name == name).unwrap().clone();
        expected.remove(&known);
        change(&mut known);
        expected.insert(known);
    };
    match step {
        Step::Add(name) => {
            expected.insert(Known { name: format!("{name}.bin"), ..Known::default() });
        }
        Step::Label(name, on) => change(name, &|known| {
            known.labels = on.then(|| "films".to_owned()).into_iter().collect();
        }),
        Step::Note(name, on) => change(name, &|known| known.notes = usize::from(on)),
        Step::Pause(name, on) => change(name, &|known| known.paused = on),
        Step::Move(name) => change(name, &|known| known.there = true),
        Step::Remove(name, _) => expected.retain(|known| known.name != format!("{name}.bin")),
    }
}

fn here(patron: &Patron) -> BTreeSet<String> {
    let status = |id| patron.status(id).map(|status| status.name.to_string());
    patron.torrents().into_iter().filter_map(status).collect()
}

fn names(expected: &BTreeSet<Known>) -> BTreeSet<String> {
    expected.iter().map(|known| known.name.clone()).collect()
}

fn saw(patron: &Patron, is_it: impl Fn(&Event) -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while let Some(event) = patron.recv_timeout(deadline.saturating_duration_since(Instant::now()))
    {
        if is_it(&event.unwrap()) {
            return;
        }
    }
    panic!("an event is missing");
}

fn known(mut store: Sqlite) -> BTreeSet<Known> {
    assert!(store.check().unwrap().is_empty());
    let known = |loaded| {
        let Loaded::Torrent(record) = loaded else { panic!("{loaded:?}") };
        let Record { name, save_dir, moving, paused, deleting, labels, notes, .. } = *record;
        // A torrent that is being deleted counts as removed, and one that is being moved as moved: the next
        // start completes both.
        let at = moving.map_or(save_dir, |moving| moving.to);
        (!deleting).then(|| Known {
            name: name.into(),
            there: at.ends_with("there"),
            paused,
            labels: labels.into_iter().map(String::from).collect(),
            notes: notes.len(),
        })
    };
    store.load(None, 100).unwrap().into_iter().filter_map(known).collect()
}

fn copy(directory: &Path, to: &Path) -> PathBuf {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for name in ["torrents.db", "torrents.db-wal"] {
        if directory.join(name).exists() {
            fs::copy(directory.join(name), to.join(name)).unwrap();
        }
    }
    to.join("torrents.db")
}

fn store(directory: &Path) -> PathBuf {
    directory.join("torrents.db")
}

/// A file that exists while the disk is full.
fn mark(directory: &Path) -> PathBuf {
    directory.join("full")
}

fn make_room(directory: &Path) {
    if fs::remove_file(mark(directory)).is_ok() {
        println!("{WAS_FULL}");
    }
}

// The parent process.

/// Why writes fail, and the number of the error.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Disk {
    Full = 28,
    ReadOnly = 30,
}

/// Each run fails at a different write: at the first, then at every `stride`-th after it.
pub(crate) fn run(disk: Disk, stride: usize) {
    let begun = Instant::now();
    let (mut runs, mut at) = (0, 1);
    loop {
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path();
        for (seed, name) in ["a", "b", "c"].into_iter().enumerate() {
            let file = data(&directory.join("here"), &format!("{name}.bin"), seed as u64, 50_000);
            let torrent = metainfo(&file);
            fs::write(directory.join(format!("{name}.torrent")), torrent.torrent_file()).unwrap();
        }
        let child = Command::new(std::env::current_exe().unwrap())
            .args([CHILD, directory.to_str().unwrap()])
            .env("LD_PRELOAD", child::preloaded(directory, "campaign/disk_full.c"))
            .env("FULL_FILES", store(directory))
            .env("FULL_MARK", mark(directory))
            .env("FULL_AT", at.to_string())
            .env("FULL_ERROR", (disk as i32).to_string())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stderr);
        assert!(child.status.success(), "{disk:?} from write {at} on: {said}");
        let mut expected = BTreeSet::new();
        STEPS.into_iter().for_each(|step| apply(&mut expected, step));
        let found = known(Sqlite::open(store(directory)).unwrap());
        assert_eq!(found, expected, "{disk:?} from write {at} on");
        runs += 1;
        if !String::from_utf8_lossy(&child.stdout).contains(WAS_FULL) {
            break;
        }
        at += stride;
    }
    println!("{disk:?}: {runs} runs, to write {at}, in {:.0} s", begun.elapsed().as_secs_f64());
}
