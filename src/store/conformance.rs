//! Tests for any implementation of a store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Change, Key, Loaded, Record, Relocation, Store, Value};
use crate::error::ErrorKind;
use crate::model::{InfoHashV1, InfoHashV2, InfoHashes, OnConflict};

/// Tests an implementation of [`Store`]. Call it in a test of your own store.
///
/// `make` opens the store with a given number. The first call with a number must return an empty store, later
/// calls the same store again. The previous store with that number is dropped before each call.
///
/// ```
/// use std::collections::HashMap;
/// use torrent_patron::store::{Memory, conformance};
///
/// let mut stores = HashMap::new();
/// conformance(|number| stores.entry(number).or_insert_with(Memory::new).clone());
/// ```
///
/// # Panics
///
/// If the store does not conform.
pub fn conformance<S: Store>(mut make: impl FnMut(u32) -> S) {
    a_new_store_is_empty(&mut make);
    what_was_committed_is_there(&mut make);
    a_batch_that_fails_changes_nothing(&mut make);
    torrents_come_in_pages_by_key(&mut make);
    copies_of_an_info_dictionary_are_independent(&mut make);
    any_changes_give_what_they_say(&mut make);
    a_store_may_change_threads(&mut make);
}

fn a_new_store_is_empty<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(0);
    assert!(!store.name().is_empty(), "a store has a name");
    assert_eq!(store.count().unwrap(), 0, "a new store has no torrents");
    assert!(store.state().unwrap().is_empty(), "a new store has no state");
    assert!(store.load(None, 10).unwrap().is_empty(), "a new store has no torrents");
    store.commit(&[]).expect("a batch may be empty");
}

fn what_was_committed_is_there<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let (full, empty) = (full_record(1), Record::new(key(2), hashes(2), ""));
    let state = Change::State("dht".into(), Some(vec![0, 255, 7].into()));
    let add = |record: &Record| Change::Add(Box::new(record.clone()));
    make(1).commit(&[add(&full), add(&empty), state]).unwrap();

    let mut store = make(1);
    assert_eq!(
        store.count().unwrap(),
        2,
        "what was committed is there when the store is opened again"
    );
    same(&mut store, &[full, empty.clone()], "what was committed is there");
    let part = store.state().unwrap().remove("dht").map(|part| part.unwrap());
    assert_eq!(part.as_deref(), Some(&[0, 255, 7][..]), "the state is as it was committed");
    let gone = [Change::Remove(key(1)), Change::Remove(key(1)), Change::State("dht".into(), None)];
    store.commit(&gone).expect("a torrent that does not exist can be removed");
    drop(store);

    let mut store = make(1);
    same(&mut store, std::slice::from_ref(&empty), "a torrent that was removed is gone");
    assert!(store.state().unwrap().is_empty(), "a part of the state that was removed is gone");
    let again = Record::new(key(1), hashes(1), "elsewhere");
    store.commit(&[add(&again)]).unwrap();
    same(&mut store, &[again, empty], "nothing was left of the torrent that was removed");
}

fn a_batch_that_fails_changes_nothing<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(2);
    let record = full_record(1);
    store.commit(&[Change::Add(Box::new(record.clone()))]).unwrap();
    let harmless = [
        Change::Set(key(1), Value::Paused(!record.paused)),
        Change::Set(key(1), Value::Label("new".into(), true)),
        Change::Set(key(1), Value::ResumeData([1][..].into())),
        Change::Add(Box::new(full_record(2))),
        Change::State("new".into(), Some([1][..].into())),
    ];
    let twice = Change::Add(Box::new(Record::new(key(1), hashes(9), "")));
    let wrong = [
        (twice, ErrorKind::InvalidArgument),
        (Change::Set(key(3), Value::Paused(true)), ErrorKind::NotFound),
        (Change::Set(key(3), Value::ResumeData([1][..].into())), ErrorKind::NotFound),
        (Change::Set(key(3), Value::Label("new".into(), true)), ErrorKind::NotFound),
        (Change::Set(key(3), Value::Note("new".into(), None)), ErrorKind::NotFound),
    ];
    for (wrong, kind) in wrong {
        let batch: Vec<_> = harmless.iter().cloned().chain([wrong.clone()]).collect();
        let error = store.commit(&batch).expect_err("a wrong change is refused");
        assert_eq!(
            error.kind(),
            kind,
            "the kind of the error says why {wrong:?} is wrong: {error}"
        );
        same(&mut store, std::slice::from_ref(&record), "a batch that fails changes no torrent");
        assert!(store.state().unwrap().is_empty(), "a batch that fails does not change the state");
    }
    drop(store);
    same(&mut make(2), &[record], "a batch that has failed is not there later");
}

fn torrents_come_in_pages_by_key<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(3);
    let numbers = [7, 3, 900, 10, 1, i64::MAX as u64];
    let add = |number: &u64| Change::Add(Box::new(Record::new(key(*number), hashes(1), "")));
    store.commit(&numbers.iter().map(add).collect::<Vec<_>>()).unwrap();
    let page = |store: &mut S, after, limit| -> Vec<_> {
        store.load(after, limit).unwrap().iter().map(|one| one.key().get()).collect()
    };
    let last = i64::MAX as u64;
    assert_eq!(page(&mut store, None, 10), [1, 3, 7, 10, 900, last], "torrents are sorted by key");
    assert_eq!(page(&mut store, None, 2), [1, 3], "a page ends at its limit");
    assert_eq!(page(&mut store, Some(key(3)), 2), [7, 10], "a page begins after the key");
    assert_eq!(page(&mut store, Some(key(8)), 10), [10, 900, last], "that key may not exist");
    assert!(page(&mut store, Some(key(last)), 10).is_empty(), "the last page is empty");
}

fn copies_of_an_info_dictionary_are_independent<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(4);
    let records: Vec<_> = [1, 2]
        .map(|number| {
            let mut record = Record::new(key(number), hashes(1), "");
            record.info = Some(vec![b'i'; 100_000].into());
            record
        })
        .into();
    let add = |record: &Record| Change::Add(Box::new(record.clone()));
    store.commit(&records.iter().map(add).collect::<Vec<_>>()).unwrap();
    same(&mut store, &records, "two torrents may have the same info dictionary");
    store.commit(&[Change::Remove(key(1))]).unwrap();
    same(&mut store, &records[1..], "the other torrent keeps its info dictionary");
    store.commit(&[Change::Remove(key(2)), add(&records[0])]).unwrap();
    same(&mut store, &records[..1], "it can be added again");
    // A magnet link receives its metadata.
    let mut magnet = Record::new(key(3), hashes(3), "");
    store.commit(&[add(&magnet)]).unwrap();
    let news = [
        Value::InfoHashes(InfoHashes { v2: Some(InfoHashV2([3; 32])), ..hashes(3) }),
        Value::Info(b"de"[..].into()),
    ];
    store.commit(&news.clone().map(|value| Change::Set(key(3), value))).unwrap();
    news.iter().for_each(|value| magnet.set(value));
    same(&mut store, &[records[0].clone(), magnet], "a magnet link keeps its metadata");
}

/// Compares pseudorandom batches of changes with a map.
fn any_changes_give_what_they_say<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut random = Random(1);
    let mut expected: BTreeMap<Key, Record> = BTreeMap::new();
    let mut store = make(5);
    for round in 0..60 {
        let mut batch = Vec::new();
        for _ in 0..random.below(12) {
            let key = key(1 + random.below(6));
            let change = match expected.get_mut(&key) {
                None => {
                    let mut record = Record::new(key, hashes(key.get() as u8), "first");
                    record.labels.insert("new".into());
                    expected.insert(key, record.clone());
                    Change::Add(Box::new(record))
                }
                Some(_) if random.below(8) == 0 => {
                    expected.remove(&key);
                    Change::Remove(key)
                }
                Some(record) => {
                    let value = any_value(&mut random, record.info_hashes);
                    record.set(&value);
                    Change::Set(key, value)
                }
            };
            batch.push(change);
        }
        store.commit(&batch).expect("the changes of a batch are applied in order");
        if round % 7 == 0 {
            drop(store);
            store = make(5);
        }
        let expected: Vec<_> = expected.values().cloned().collect();
        same(&mut store, &expected, &format!("the store is as after {batch:?}"));
        let count = store.count().unwrap();
        assert_eq!(count, expected.len() as u64, "the number of torrents is right");
    }
}

fn a_store_may_change_threads<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(6);
    let committed = std::thread::scope(|scope| {
        let thread = scope.spawn(|| store.commit(&[Change::Add(Box::new(full_record(1)))]));
        thread.join().expect("it does not panic")
    });
    committed.unwrap();
    same(&mut store, &[full_record(1)], "another thread may commit");
}

fn any_value(random: &mut Random, hashes: InfoHashes) -> Value {
    let text: Box<str> = format!("text {}", random.below(4)).into();
    let bytes: Arc<[u8]> = vec![random.below(256) as u8; random.below(3000) as usize].into();
    let time = SystemTime::UNIX_EPOCH + Duration::from_millis(random.below(1 << 40));
    let maybe = random.below(2) == 0;
    match random.below(12) {
        0 => Value::InfoHashes(hashes),
        1 => Value::Name(text),
        2 => Value::Completed(maybe.then_some(time)),
        3 => Value::SaveDir(PathBuf::from(&*text)),
        4 => Value::Moving(maybe.then(|| Relocation::new(&*text, OnConflict::Keep))),
        5 => Value::Paused(maybe),
        6 => Value::Deleting(maybe),
        7 => Value::QueuePosition(maybe.then_some(random.below(1 << 32) as u32)),
        // Torrents with the same info hash have the same info dictionary.
        8 => Value::Info(b"d6:lengthi1ee"[..].into()),
        9 => Value::ResumeData(bytes),
        10 => Value::Label(text, maybe),
        _ => Value::Note(text, maybe.then_some(bytes)),
    }
}

/// A record with a value in every field, including text that is easily corrupted.
fn full_record(number: u64) -> Record {
    let moment = |millis| SystemTime::UNIX_EPOCH + Duration::from_millis(millis);
    let v2 = Some(InfoHashV2([number as u8; 32]));
    let mut record = Record::new(key(number), InfoHashes { v2, ..hashes(number as u8) }, path());
    record.name = "a name\nwith \"quotes\", \u{0} and \u{1f600}".into();
    record.source = "magnet:?xt=urn:btih:…".into();
    record.added = moment(1_700_000_000_123);
    record.completed = Some(moment(1_700_000_000_999));
    record.moving = Some(Relocation::new("to/there", OnConflict::Replace));
    record.paused = true;
    record.deleting = true;
    record.queue_position = Some(u32::MAX);
    record.info = Some((0..=255).cycle().take(70_000).collect());
    record.resume_data = (0..=255).rev().cycle().take(5_000).collect();
    record.labels = ["", "films", "ümläut"].map(Into::into).into();
    record.notes = [("", &b""[..]), ("key", &b"\0\xff"[..])]
        .map(|(key, value)| (key.into(), value.into()))
        .into();
    record
}

/// A path that is not UTF-8, if the system allows that.
fn path() -> PathBuf {
    #[cfg(unix)]
    return PathBuf::from(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(
        b"/srv/caf\xe9",
    ));
    #[cfg(not(unix))]
    PathBuf::from("srv/café")
}

fn key(number: u64) -> Key {
    Key::new(number).expect("a key")
}

fn hashes(number: u8) -> InfoHashes {
    InfoHashes { v1: Some(InfoHashV1([number; 20])), v2: None }
}

/// Checks that the store has exactly these torrents. `what` is expected of it.
fn same<S: Store>(store: &mut S, expected: &[Record], what: &str) {
    let read = |one| match one {
        Loaded::Torrent(record) => *record,
        Loaded::Unreadable { key, error, .. } => panic!("{what}: the torrent {key}: {error}"),
    };
    let found: Vec<_> = store.load(None, usize::MAX).unwrap().into_iter().map(read).collect();
    let keys = |records: &[Record]| records.iter().map(|record| record.key).collect::<Vec<_>>();
    assert_eq!(keys(&found), keys(expected), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let wrong = differences(found, expected);
        assert!(wrong.is_empty(), "{what}: the torrent {} has another {wrong:?}", expected.key);
    }
}

/// Returns the names of the fields that differ.
fn differences(found: &Record, expected: &Record) -> Vec<&'static str> {
    macro_rules! fields {
        ($($field:ident),*) => {{
            // No field is forgotten.
            let Record { $($field: _),* } = found;
            let differs = [$((stringify!($field), found.$field != expected.$field)),*];
            differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect()
        }};
    }
    fields!(
        key,
        info_hashes,
        name,
        source,
        added,
        completed,
        save_dir,
        moving,
        paused,
        deleting,
        queue_position,
        info,
        resume_data,
        labels,
        notes
    )
}

/// Pseudorandom numbers (xorshift64).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use parking_lot::Mutex;

    use super::*;
    use crate::error::{Error, Result};
    use crate::store::{COMMIT, Memory};

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fault {
        None,
        ForgetsOnReopen,
        LosesTheLastChange,
        AppliesHalfOfABatch,
        KeepsTheStateOfAFailedBatch,
        ReordersABatch,
        ReplacesWhatIsAddedTwice,
        IgnoresUnknownTorrents,
        CallsEveryErrorDisk,
        KeepsRemovedLabels,
        KeepsRemovedState,
        RemovesSharedInfo,
        CutsTextAtZero,
        CountsSeconds,
        DropsEmptyNotes,
        SortsAsText,
        IgnoresTheLimit,
        RepeatsTheLastKey,
        CountsRemovedTorrents,
    }

    /// What the kit says about each fault.
    const FAULTS: [(Fault, &str); 18] = [
        (Fault::ForgetsOnReopen, "is there when the store is opened again"),
        (Fault::LosesTheLastChange, "the state is as it was committed"),
        (Fault::AppliesHalfOfABatch, "a batch that fails changes no torrent"),
        (Fault::KeepsTheStateOfAFailedBatch, "a batch that fails does not change the state"),
        (Fault::ReordersABatch, "the changes of a batch are applied in order"),
        (Fault::ReplacesWhatIsAddedTwice, "a wrong change is refused"),
        (Fault::IgnoresUnknownTorrents, "a wrong change is refused"),
        (Fault::CallsEveryErrorDisk, "the kind of the error says why"),
        (Fault::KeepsRemovedLabels, "nothing was left of the torrent that was removed"),
        (Fault::KeepsRemovedState, "a part of the state that was removed is gone"),
        (Fault::RemovesSharedInfo, "the other torrent keeps its info dictionary"),
        (Fault::CutsTextAtZero, r#"the torrent 1 has another ["name"]"#),
        (Fault::CountsSeconds, r#"the torrent 1 has another ["added"]"#),
        (Fault::DropsEmptyNotes, r#"the torrent 1 has another ["notes"]"#),
        (Fault::SortsAsText, "torrents are sorted by key"),
        (Fault::IgnoresTheLimit, "a page ends at its limit"),
        (Fault::RepeatsTheLastKey, "a page begins after the key"),
        (Fault::CountsRemovedTorrents, "the number of torrents is right"),
    ];

    /// A store with a fault.
    #[derive(Clone)]
    struct Wrong {
        memory: Memory,
        fault: Fault,
        removed: Arc<Mutex<Vec<Record>>>,
    }

    impl Wrong {
        fn new(fault: Fault) -> Self {
            Self { memory: Memory::new(), fault, removed: Arc::default() }
        }

        fn change_record(&self, record: &mut Record) {
            match self.fault {
                Fault::CutsTextAtZero => {
                    record.name = record.name.split('\0').next().unwrap_or_default().into();
                }
                Fault::CountsSeconds => {
                    let since = record.added.duration_since(SystemTime::UNIX_EPOCH).unwrap();
                    record.added -= Duration::from_millis(since.subsec_millis().into());
                }
                Fault::DropsEmptyNotes => record.notes.retain(|_, note| !note.is_empty()),
                Fault::KeepsRemovedLabels => {
                    let removed = self.removed.lock();
                    let same = removed.iter().filter(|removed| removed.key == record.key);
                    record.labels.extend(same.flat_map(|removed| removed.labels.clone()));
                }
                Fault::RemovesSharedInfo => {
                    let is_removed = |info: &Arc<[u8]>| {
                        self.removed
                            .lock()
                            .iter()
                            .any(|removed| removed.info.as_ref() == Some(info))
                    };
                    record.info = record.info.take().filter(|info| !is_removed(info));
                }
                _ => {}
            }
        }

        /// Returns what it makes of a batch.
        fn misunderstand(&self, changes: &[Change]) -> Vec<Change> {
            let mut changes = changes.to_vec();
            match self.fault {
                Fault::LosesTheLastChange if changes.len() > 1 => _ = changes.pop(),
                Fault::ReordersABatch => {
                    changes.sort_by_key(|change| matches!(change, Change::Remove(_)));
                }
                Fault::ReplacesWhatIsAddedTwice => {
                    let replace = |change: Change| match change {
                        Change::Add(record) => {
                            vec![Change::Remove(record.key), Change::Add(record)]
                        }
                        change => vec![change],
                    };
                    return changes.into_iter().flat_map(replace).collect();
                }
                Fault::IgnoresUnknownTorrents => {
                    let mut known: Vec<_> =
                        self.memory.records().iter().map(|record| record.key).collect();
                    changes.retain(|change| match change {
                        Change::Add(record) => {
                            known.push(record.key);
                            true
                        }
                        Change::Set(key, _) => known.contains(key),
                        _ => true,
                    });
                }
                Fault::KeepsRemovedState => {
                    changes.retain(|change| !matches!(change, Change::State(_, None)));
                }
                _ => {}
            }
            changes
        }
    }

    impl Store for Wrong {
        fn name(&self) -> String {
            self.memory.name()
        }

        fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>> {
            self.memory.state()
        }

        fn count(&mut self) -> Result<u64> {
            let counts_removed = self.fault == Fault::CountsRemovedTorrents;
            let removed = if counts_removed { self.removed.lock().len() } else { 0 };
            Ok(self.memory.count()? + removed as u64)
        }

        fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
            let (after, limit) = match self.fault {
                Fault::IgnoresTheLimit => (after, usize::MAX),
                Fault::RepeatsTheLastKey => (after.and_then(|key| Key::new(key.get() - 1)), limit),
                _ => (after, limit),
            };
            let mut page = self.memory.load(after, limit)?;
            for loaded in &mut page {
                if let Loaded::Torrent(record) = loaded {
                    self.change_record(record);
                }
            }
            if self.fault == Fault::SortsAsText {
                page.sort_by_key(|loaded| loaded.key().to_string());
            }
            Ok(page)
        }

        fn commit(&mut self, changes: &[Change]) -> Result<()> {
            let before = self.memory.records();
            let gone = changes.iter().filter_map(|change| match change {
                Change::Remove(key) => before.iter().find(|record| record.key == *key),
                _ => None,
            });
            self.removed.lock().extend(gone.cloned());
            let changes = self.misunderstand(changes);
            let each = || changes.iter().map(std::slice::from_ref);
            match self.fault {
                Fault::AppliesHalfOfABatch => {
                    return each().try_for_each(|change| self.memory.commit(change));
                }
                Fault::KeepsTheStateOfAFailedBatch => {
                    let mut state = each().filter(|change| matches!(change, [Change::State(..)]));
                    state.try_for_each(|change| self.memory.commit(change))?;
                }
                _ => {}
            }
            self.memory.commit(&changes).map_err(|error| match self.fault {
                Fault::CallsEveryErrorDisk => Error::new(ErrorKind::Disk, COMMIT, "no"),
                _ => error,
            })
        }
    }

    /// Returns what the kit finds.
    fn found(fault: Fault) -> Option<String> {
        let mut stores = HashMap::new();
        let make = |number| match fault {
            Fault::ForgetsOnReopen => Wrong::new(fault),
            _ => stores.entry(number).or_insert_with(|| Wrong::new(fault)).clone(),
        };
        let panicked = catch_unwind(AssertUnwindSafe(|| conformance(make))).err()?;
        let text = panicked.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panicked.downcast_ref::<String>().cloned())
    }

    #[test]
    fn every_fault_of_a_store_is_found_and_named() {
        assert_eq!(found(Fault::None), None);
        for (fault, reason) in FAULTS {
            let found = found(fault).unwrap_or_else(|| panic!("{fault:?} was not found"));
            assert!(found.contains(reason), "{fault:?}: {found}");
        }
    }
}
