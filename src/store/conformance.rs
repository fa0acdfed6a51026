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
    assert_eq!(store.count().unwrap(), 2);
    assert_eq!(all(&mut store), [full, empty], "every field is as it was committed");
    assert_eq!(store.state().unwrap()["dht"][..], [0, 255, 7]);
    let gone = [Change::Remove(key(1)), Change::Remove(key(1)), Change::State("dht".into(), None)];
    store.commit(&gone).unwrap();
    drop(store);

    let mut store = make(1);
    assert_eq!(keys(&mut store), [2], "a torrent that was removed is gone");
    assert!(store.state().unwrap().is_empty());
    let again = Record::new(key(1), hashes(1), "elsewhere");
    store.commit(&[add(&again)]).unwrap();
    assert_eq!(all(&mut store)[0], again, "nothing was left of the torrent that was removed");
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
        assert_eq!(error.kind(), kind, "{wrong:?}: {error}");
        assert_eq!(all(&mut store), std::slice::from_ref(&record), "after {wrong:?}");
        assert!(store.state().unwrap().is_empty());
    }
    drop(store);
    assert_eq!(all(&mut make(2)), [record]);
}

fn torrents_come_in_pages_by_key<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(3);
    let numbers = [7, 3, 900, 1, i64::MAX as u64];
    let add = |number: &u64| Change::Add(Box::new(Record::new(key(*number), hashes(1), "")));
    store.commit(&numbers.iter().map(add).collect::<Vec<_>>()).unwrap();
    let page = |store: &mut S, after, limit| -> Vec<_> {
        store.load(after, limit).unwrap().iter().map(|one| one.key().get()).collect()
    };
    assert_eq!(page(&mut store, None, 2), [1, 3]);
    assert_eq!(page(&mut store, Some(key(3)), 2), [7, 900]);
    assert_eq!(page(&mut store, Some(key(8)), 10), [900, i64::MAX as u64]);
    assert!(page(&mut store, Some(key(i64::MAX as u64)), 10).is_empty());
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
    assert_eq!(all(&mut store), records);
    store.commit(&[Change::Remove(key(1))]).unwrap();
    assert_eq!(all(&mut store), records[1..], "the other torrent keeps its info dictionary");
    store.commit(&[Change::Remove(key(2)), add(&records[0])]).unwrap();
    assert_eq!(all(&mut store), records[..1]);
    // A magnet link receives its metadata.
    let mut magnet = Record::new(key(3), hashes(3), "");
    store.commit(&[add(&magnet)]).unwrap();
    let news = [
        Value::InfoHashes(InfoHashes { v2: Some(InfoHashV2([3; 32])), ..hashes(3) }),
        Value::Info(b"de"[..].into()),
    ];
    store.commit(&news.clone().map(|value| Change::Set(key(3), value))).unwrap();
    news.iter().for_each(|value| magnet.set(value));
    assert_eq!(all(&mut store)[1], magnet);
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
        store.commit(&batch).unwrap();
        if round % 7 == 0 {
            drop(store);
            store = make(5);
        }
        let expected: Vec<_> = expected.values().cloned().collect();
        assert_eq!(all(&mut store), expected, "after {batch:?}");
        assert_eq!(store.count().unwrap(), expected.len() as u64);
    }
}

fn a_store_may_change_threads<S: Store>(make: &mut impl FnMut(u32) -> S) {
    let mut store = make(6);
    let committed = std::thread::scope(|scope| {
        let thread = scope.spawn(|| store.commit(&[Change::Add(Box::new(full_record(1)))]));
        thread.join().expect("it does not panic")
    });
    committed.unwrap();
    assert_eq!(keys(&mut store), [1]);
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

fn all<S: Store>(store: &mut S) -> Vec<Record> {
    let read = |one| match one {
        Loaded::Torrent(record) => *record,
        Loaded::Unreadable { key, error, .. } => panic!("the torrent {key} is there: {error}"),
    };
    store.load(None, usize::MAX).unwrap().into_iter().map(read).collect()
}

fn keys<S: Store>(store: &mut S) -> Vec<u64> {
    all(store).iter().map(|record| record.key.get()).collect()
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
