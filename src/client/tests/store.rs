//! A client with a store.

use std::collections::BTreeMap;

use super::*;
use crate::messages::request::Ask;
use crate::model::{Answer, OnConflict, ResumeData, SavedFigures};
use crate::store::{Change, Key, Loaded, Memory, Record};

/// A store that is not as good as its memory.
#[derive(Default)]
struct Poor {
    memory: Memory,
    /// Only the first torrent can be read.
    half_read: bool,
    /// Each commit waits for one of these, until there will be no more.
    may_commit: Option<crossbeam_channel::Receiver<()>>,
    /// The same for each page that is read.
    may_load: Option<crossbeam_channel::Receiver<()>>,
}

impl Store for Poor {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>> {
        self.memory.state()
    }

    fn count(&mut self) -> Result<u64> {
        self.memory.count()
    }

    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
        if let Some(may_load) = &self.may_load {
            let _ = may_load.recv();
        }
        match after {
            Some(_) if self.half_read => {
                Err(Error::new(ErrorKind::Disk, "read the store", "a broken disk"))
            }
            _ => self.memory.load(after, if self.half_read { 1 } else { limit }),
        }
    }

    fn commit(&mut self, changes: &[Change]) -> Result<()> {
        if let Some(may_commit) = &self.may_commit {
            let _ = may_commit.recv();
        }
        self.memory.commit(changes)
    }
}

#[test]
fn a_torrent_is_stored_once_while_its_add_is_tried_again() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let first = one.add(1);
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    // Then it is tried again only after a while.
    for _ in 0..5 {
        script.say(busy(id));
        assert_eq!(script.next(), Asked::RetryAdd(id));
    }
    script.say(busy(id));
    one.barrier();
    let second = two.add(1);
    assert_eq!(script.next(), Asked::RetryAdd(id), "and no other add");
    script.say(EngineEvent::Added { id, name: String::new(), info_hashes: Default::default() });
    assert_eq!(added(wait(first)), id);
    assert!(matches!(wait(second).unwrap(), Added::Existing(known) if known == id));
    assert_eq!((store.records().len(), store.commits()), (1, 1));
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn an_add_that_turns_out_to_be_a_known_torrent_is_not_left_in_the_store() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let guest = Guest::new(&client);
    let known = torrent_after(&guest, &script, 1);
    let mut same = prepared(2, None);
    same.info_hashes = fixtures::hashes(None, Some(2));
    let reply = guest.command(|reply| ClientCommand::Add(same, Some(reply)));
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    let info_hashes = fixtures::hashes(Some(1), Some(2));
    script.say(EngineEvent::MetadataReceived { id: known, name: "n".into(), info_hashes });
    script.say(busy(id));
    assert!(matches!(wait(reply).unwrap(), Added::Existing(existing) if existing == known));
    wait(guest.command(|reply| ClientCommand::SetLabel(known, "later".into(), true, reply)))
        .unwrap();
    assert_eq!(store.records().len(), 1);
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn adds_that_wait_for_a_restore_do_not_hold_back_other_commands() {
    let (load, may_load) = crossbeam_channel::unbounded();
    let memory = Memory::new();
    let record = Record::new(Key::new(1).unwrap(), hashes(1), "d");
    memory.clone().commit(&[Change::Add(Box::new(record))]).unwrap();
    let store = Poor { memory, may_load: Some(may_load), ..Poor::default() };
    let (client, script) = client_with_store(store);
    let guest = Guest::new(&client);
    let adds: Vec<_> = (0..600).map(|_| guest.add(2)).collect();
    guest.barrier();
    assert!(script.is_quiet() && adds.iter().all(|add| !add.is_ready()));
    drop(load);
    let id = script.accept();
    assert!(adds.into_iter().all(|add| wait(add).unwrap().id() == id));
    client.shutdown(Duration::ZERO).wait();
}

#[cfg_attr(miri, ignore = "libtorrent reads the resume data")]
#[test]
fn a_torrent_that_was_not_restored_is_replaced_when_it_is_added_at_last() {
    let memory = Memory::new();
    // Without resume data it cannot be restored.
    let record = Record::new(Key::new(1).unwrap(), hashes(1), "d");
    memory.clone().commit(&[Change::Add(Box::new(record))]).unwrap();
    let (client, script) = client_with_store(memory.clone());
    let guest = Guest::new(&client);
    while !matches!(guest.next(), Event::Restored { .. }) {}
    memory.fail_with(Some(Error::new(ErrorKind::Disk, "commit to the store", "the disk is full")));
    assert_eq!(wait(guest.add(1)).unwrap_err().kind(), ErrorKind::Disk);
    assert!(matches!(script.next(), Asked::Forget(_)));
    memory.fail_with(None);
    torrent_after(&guest, &script, 1);
    let same = memory.records().into_iter().filter(|record| record.info_hashes == hashes(1));
    assert_eq!(same.count(), 1);
    client.shutdown(Duration::ZERO).wait();
}

/// What is added may be among the torrents that were not read.
#[test]
fn nothing_is_added_to_a_store_that_was_not_read_to_its_end() {
    let memory = Memory::new();
    let record = |number| Record::new(Key::new(number).unwrap(), hashes(number as u8), "d");
    let add = |number| Change::Add(Box::new(record(number)));
    memory.clone().commit(&[add(1), add(2)]).unwrap();
    let before = memory.records();
    let (client, _script) =
        client_with_store(Poor { memory: memory.clone(), half_read: true, ..Poor::default() });
    let guest = Guest::new(&client);
    for number in 2..5 {
        let error = wait(guest.add(number)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
        assert!(error.to_string().ends_with(".torrent: a broken disk"), "{error}");
    }
    assert!(
        std::iter::from_fn(|| guest.member.mailbox.try_recv())
            .any(|event| matches!(event, Event::StoreFailed { .. }))
    );
    assert_eq!(memory.records(), before);
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn a_torrent_that_the_engine_does_not_remove_is_not_deleted_at_the_next_start() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    script.keeps_torrents.store(true, std::sync::atomic::Ordering::SeqCst);
    let refused = wait(guest.remove_torrent(id, RemoveFiles::Delete));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    // What is committed after it.
    let label = |name: &str| {
        wait(guest.command(|reply| ClientCommand::SetLabel(id, name.into(), true, reply))).unwrap()
    };
    label("one");
    let record = &store.records()[0];
    assert!(!record.deleting && record.labels.contains("one"));

    let refused = wait(guest.remove_torrent(id, RemoveFiles::Keep));
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::NotFound);
    // The store has it no more.
    label("two");
    assert!(store.records().is_empty());
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn requests_about_a_torrent_keep_their_order_with_a_store() {
    let (commit, may_commit) = crossbeam_channel::unbounded();
    let store = Poor { may_commit: Some(may_commit), ..Poor::default() };
    let (client, script) = client_with_store(store);
    let guest = Guest::new(&client);
    let [id, other] = [1, 2].map(|number| {
        commit.send(()).unwrap();
        torrent_after(&guest, &script, number)
    });
    let ask = |id, op| drop(guest.ask(id, Ask::task(op, |torrent| torrent.set_flag(0, true))));
    let _resumed = guest.ask(id, request::resume());
    ask(id, "first");
    ask(id, "second");
    let _paused = guest.ask(id, request::pause(false));
    ask(id, "third");
    // Other torrents do not wait.
    ask(other, "other");
    assert!(matches!(script.next(), Asked::OfTorrent(_, of, "other") if of == other));
    guest.barrier();
    assert!(script.is_quiet());
    commit.send(()).unwrap();
    commit.send(()).unwrap();
    assert_eq!(script.next(), Asked::Resume(id));
    assert!(matches!(script.next(), Asked::OfTorrent(_, of, "first") if of == id));
    assert!(matches!(script.next(), Asked::OfTorrent(_, of, "second") if of == id));
    assert_eq!(script.next(), Asked::Pause(id));
    assert!(matches!(script.next(), Asked::OfTorrent(_, of, "third") if of == id));
    ask(id, "later");
    assert!(matches!(script.next(), Asked::OfTorrent(_, of, "later") if of == id));
    drop(commit);
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn a_store_that_hangs_delays_patrons_and_nothing_else() {
    let (commit, may_commit) = crossbeam_channel::unbounded();
    let store = Poor { may_commit: Some(may_commit), ..Poor::default() };
    let (client, script) = client_with_store(store);
    let guest = Guest::new(&client);
    commit.send(()).unwrap();
    let id = torrent_after(&guest, &script, 1);
    let labels: Vec<_> = (0..600)
        .map(|number: u32| {
            let label = number.to_string().into();
            guest.command(|reply| ClientCommand::SetLabel(id, label, true, reply))
        })
        .collect();
    let last = guest.command(|reply| ClientCommand::Labels(id, reply));
    // The client goes on with what it does by itself.
    let ticks = script.asked.iter().filter(|asked| *asked == Asked::Statuses);
    assert_eq!(ticks.take(5).count(), 5);
    assert!(!last.is_ready() && labels.iter().all(|label| !label.is_ready()));
    drop(commit);
    for label in labels {
        wait(label).unwrap();
    }
    // Fewer than 512 were open when it was executed.
    assert!(wait(last).unwrap().len() > 600 - 512);
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn a_store_that_hangs_does_not_delay_a_shutdown() {
    let (commit, may_commit) = crossbeam_channel::unbounded();
    let store = Poor { may_commit: Some(may_commit), ..Poor::default() };
    let (client, script) = client_with_store(store);
    let guest = Guest::new(&client);
    commit.send(()).unwrap();
    let id = torrent_after(&guest, &script, 1);
    let label = guest.command(|reply| ClientCommand::SetLabel(id, "films".into(), true, reply));
    guest.barrier();
    drop(script);
    let report = client.shutdown(Duration::from_millis(200)).wait();
    assert!(!report.is_clean() && report.took < PATIENCE, "{report}");
    assert_eq!(wait(label).unwrap_err().kind(), ErrorKind::Stopped);
    drop(commit);
}

#[test]
fn a_request_that_follows_one_that_the_store_refuses_is_made() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    store.fail_with(Some(Error::new(ErrorKind::Disk, "commit to the store", "the disk is full")));
    let paused = guest.ask(id, request::pause(false));
    let _peers = guest.ask(id, Ask::task("list the peers", |torrent| torrent.peers()));
    assert_eq!(wait(paused).unwrap_err().kind(), ErrorKind::Disk);
    assert!(matches!(script.next(), Asked::OfTorrent(_, of, "list the peers") if of == id));
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn a_move_that_the_store_does_not_learn_of_at_its_end_is_stored_later() {
    let memory = Memory::new();
    let (client, script) = client_with_store(memory.clone());
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    let to = PathBuf::from("there");
    let moving = guest.ask(id, request::move_files(to.clone(), OnConflict::Fail));
    assert_eq!(script.next(), Asked::MoveStorage(id, to.clone()));
    let peers = Ask::task("list the peers", |torrent| torrent.peers());
    drop(guest.ask(id, peers));
    let Asked::OfTorrent(next, ..) = script.next() else { panic!("expected the peers") };
    let full = Error::new(ErrorKind::Disk, "commit to the store", "the disk is full");
    memory.fail_with(Some(full));
    script.say(EngineEvent::Answered { request: next - 1, answer: Ok(Box::new(to.clone())) });
    let request = saves(&script, id);
    script.say(EngineEvent::Answered { request, answer: Ok(resume_data()) });
    assert_eq!(wait(moving).unwrap_err().kind(), ErrorKind::Disk);
    assert!(memory.records()[0].moving.is_some());
    memory.fail_with(None);
    while !matches!(guest.next(), Event::StoreRecovered) {}
    let record = &memory.records()[0];
    assert_eq!((&record.save_dir, &record.moving), (&to, &None));
    client.shutdown(Duration::ZERO).wait();
}

/// The answer to it.
fn resume_data() -> Answer {
    let figures = SavedFigures::default();
    Box::new(ResumeData { bytes: b"de".to_vec(), info: Vec::new(), figures })
}

/// Returns the number of a request to save a torrent.
fn saves(script: &Script, id: TorrentId) -> u64 {
    match script.next() {
        Asked::OfTorrent(number, of, "save the resume data") if of == id => number,
        other => panic!("{other:?}"),
    }
}

/// The resume data is saved when the files are durable.
#[test]
fn a_move_is_answered_when_its_files_are_durable() {
    let memory = Memory::new();
    let (client, script) = client_with_store(memory.clone());
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    let [one, two] = ["one", "two"].map(PathBuf::from);
    let begin = |to: &PathBuf| {
        let moving = guest.ask(id, request::move_files(to.clone(), OnConflict::Fail));
        assert_eq!(script.next(), Asked::MoveStorage(id, to.clone()));
        moving
    };
    let answer = |request, answer| script.say(EngineEvent::Answered { request, answer });
    let peers = Ask::task("list the peers", |torrent| torrent.peers());
    let moving = begin(&one);
    drop(guest.ask(id, peers));
    let Asked::OfTorrent(next, ..) = script.next() else { panic!("expected the peers") };
    answer(next - 1, Ok(Box::new(one.clone())));
    let request = saves(&script, id);
    guest.barrier();
    assert!(!moving.is_ready() && memory.records()[0].moving.is_some());
    answer(request, Ok(resume_data()));
    assert_eq!(wait(moving).unwrap(), one);
    let known = || {
        let record = memory.records().remove(0);
        (record.save_dir, record.moving)
    };
    assert_eq!(known(), (one, None));

    let moving = begin(&two);
    answer(request + 1, Ok(Box::new(two.clone())));
    let request = saves(&script, id);
    answer(request, Err(Error::new(ErrorKind::Disk, "test", "the disk is broken")));
    assert_eq!(wait(moving).unwrap_err().kind(), ErrorKind::Disk);
    wait(guest.command(|reply| ClientCommand::SetLabel(id, "later".into(), true, reply))).unwrap();
    assert_eq!(known(), (two, None), "they have been moved nevertheless");
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn a_shutdown_waits_for_moves_that_are_not_stored_yet() {
    let (commit, may_commit) = crossbeam_channel::unbounded();
    let store = Poor { may_commit: Some(may_commit), ..Poor::default() };
    let (client, script) = client_with_store(store);
    let guest = Guest::new(&client);
    let moved = {
        commit.send(()).unwrap();
        let reply = guest.add(1);
        let id = script.accept();
        assert_eq!(added(wait(reply)), id);
        id
    };
    let to = request::move_files("there".into(), OnConflict::Fail);
    let moving = guest.ask(moved, to);
    guest.barrier();
    let labels: [Reply<()>; 2] = std::array::from_fn(|_| {
        guest.command(|reply| ClientCommand::SetLabel(moved, "films".into(), true, reply))
    });
    guest.barrier();
    let service = client.service.clone();
    let engine = std::thread::spawn(move || {
        while service.check_running("test").is_ok() {
            std::thread::yield_now();
        }
        commit.send(()).unwrap();
        let moves = Asked::MoveStorage(moved, "there".into());
        while script.next() != moves {}
        (commit, script)
    });
    let report = client.shutdown(Duration::from_millis(500)).wait();
    assert_eq!(wait(moving).unwrap_err().kind(), ErrorKind::Stopped);
    // A busy store thread may commit them together with the move.
    let stopped = |label| wait(label).is_err_and(|error| error.kind() == ErrorKind::Stopped);
    let unstored = labels.into_iter().map(stopped).filter(|stopped| *stopped).count();
    assert_eq!(report.moves_unfinished, [moved], "{report}");
    assert_eq!(report.unanswered, 1 + unstored, "{report}");
    drop(engine.join().unwrap());
}

#[cfg_attr(miri, ignore = "libtorrent reads the resume data")]
#[test]
fn restoring_torrents_do_not_count_as_unanswered_commands() {
    use crate::add::{AddOptions, Source, prepare_for_store};
    let magnet = Source::from_text("magnet:?xt=urn:btih:0101010101010101010101010101010101010101");
    let options = AddOptions::default().save_dir("d");
    let mut prepared = prepare_for_store(&magnet, &options, &Defaults::default()).unwrap();
    prepared.encode_for_store().unwrap();
    let mut record = Record::new(Key::new(1).unwrap(), prepared.info_hashes, "d");
    record.resume_data = prepared.stored.unwrap().resume_data;
    let memory = Memory::new();
    memory.clone().commit(&[Change::Add(Box::new(record))]).unwrap();
    let (client, mut script) = client_with_store(memory);
    assert!(matches!(script.next(), Asked::Add(_)));
    script.teardown = None;
    assert_eq!(client.shutdown(Duration::ZERO).wait().unanswered, 0);
}

#[cfg(feature = "sqlite")]
#[test]
fn a_store_is_closed_when_a_start_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..5 {
        let store = Box::new(crate::store::Sqlite::open(dir.path().join("torrents.db")).unwrap());
        let failed = start(
            Defaults::default(),
            Intervals { tick: Duration::from_secs(1), resume_data: Duration::from_secs(1) },
            Box::new(Vec::new),
            Some(store_options(store)),
            |_| Err::<crate::engine::fake::FakeEngine, _>(Error::new(ErrorKind::Io, "test", "no")),
        );
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
    }
}
