use std::time::{Duration, Instant};

use crossbeam_channel::{bounded, unbounded};

use super::*;
use crate::engine::fake::{Asked, FakeEngine, Script, fake};
use crate::messages::request::{self, Ask, AskSession};
use crate::model::{InfoHashV1, InfoHashV2, QueueMove, TorrentState, TorrentStatus};

fn sharded<const N: usize>() -> (Sharded<FakeEngine>, [Script; N]) {
    sharded_with(&Settings::empty())
}

fn sharded_with<const N: usize>(settings: &Settings) -> (Sharded<FakeEngine>, [Script; N]) {
    let (scripts, made) = unbounded();
    let start = |_| {
        let (engine, script) = fake(bounded(1).0);
        scripts.send(script).unwrap();
        Ok(engine)
    };
    let engine = Sharded::start(N, settings, start).unwrap();
    (engine, std::array::from_fn(|_| made.recv().unwrap()))
}

fn hashes(number: u8) -> InfoHashes {
    InfoHashes { v1: Some(InfoHashV1([number; 20])), v2: None }
}

/// Adds a torrent to the shard with this number.
fn add_to(engine: &mut Sharded<FakeEngine>, shard: usize) -> TorrentId {
    let number = (0..=u8::MAX).find(|number| engine.deal(&hashes(*number)) == shard).unwrap();
    let id = TorrentId::next();
    engine.add(id, &hashes(number), Box::new(())).unwrap();
    assert_eq!(engine.shard_of(id), shard);
    id
}

/// Answers a request of the session.
fn answer(script: &Script, request: u64, answer: Result<i32>) {
    let answer = answer.map(|answer| Box::new(answer) as Answer);
    script.say(EngineEvent::Answered { request, answer });
}

fn ask() -> AskSession<i32> {
    Ask::session("test", |_| Ok(0))
}

/// Returns the answers that reach the client.
fn answers(engine: &mut Sharded<FakeEngine>) -> Vec<(u64, Result<i32>)> {
    let answered = |event| match event {
        (_, EngineEvent::Answered { request, answer }) => {
            Some((request, answer.map(|answer| *answer.downcast().unwrap())))
        }
        _ => None,
    };
    engine.drain().unwrap().into_iter().filter_map(answered).collect()
}

fn error() -> Error {
    Error::new(ErrorKind::Io, "test", "it failed")
}

#[test]
fn torrents_are_dealt_by_info_hash_evenly_and_the_same_each_time() {
    let (engine, _scripts) = sharded::<4>();
    let (again, _their_scripts) = sharded::<4>();
    let mut counts = [0; 4];
    for number in 0..=u8::MAX {
        let shard = engine.deal(&hashes(number));
        assert_eq!(again.deal(&hashes(number)), shard);
        counts[shard] += 1;
        let v2 = Some(InfoHashV2([number.wrapping_add(1); 32]));
        assert_eq!(engine.deal(&InfoHashes { v2, ..hashes(number) }), shard, "v1 has the word");
    }
    assert!(counts.iter().all(|count| *count > 32), "{counts:?}");
}

#[test]
fn requests_go_to_the_shard_of_their_torrent_and_its_events_stay_in_order() {
    let (mut engine, scripts) = sharded::<3>();
    let ids = [0, 1, 2].map(|shard| add_to(&mut engine, shard));
    for (id, script) in ids.iter().zip(&scripts) {
        assert_eq!(script.next(), Asked::Add(*id));
        engine.retry_add(*id).unwrap();
        assert_eq!(script.next(), Asked::RetryAdd(*id));
        engine.post(*id, request::pause(false).request).unwrap();
        assert_eq!(script.next(), Asked::Pause(*id));
        engine.remove(*id, true).unwrap();
        assert_eq!(script.next(), Asked::Remove(*id, true));
        assert!(script.is_quiet());
    }
    engine.drain().unwrap();
    let states = [TorrentState::CheckingFiles, TorrentState::Downloading, TorrentState::Seeding];
    for state in states {
        for (id, script) in ids.iter().zip(&scripts) {
            script.say(EngineEvent::StateChanged { id: *id, state });
        }
    }
    let events = engine.drain().unwrap();
    for (number, id) in ids.into_iter().enumerate() {
        let of_one = events.iter().filter_map(|event| match event {
            (shard, EngineEvent::StateChanged { id: about, state }) if *about == id => {
                assert_eq!(*shard, number);
                Some(*state)
            }
            _ => None,
        });
        assert_eq!(of_one.collect::<Vec<_>>(), states);
    }
}

#[test]
fn a_removed_torrent_leaves_nothing_behind() {
    let (mut engine, scripts) = sharded::<2>();
    let [removed, failed, kept] = [(); 3].map(|()| add_to(&mut engine, 1));
    scripts[1].say(EngineEvent::Removed(removed));
    engine.drain().unwrap();
    engine.forget(failed);
    assert_eq!(engine.homes.keys().collect::<Vec<_>>(), [&kept]);
    // The client decides which torrents are lost.
    engine.request_every_status(1).unwrap();
    scripts[1].say(EngineEvent::EveryStatus(Vec::new()));
    engine.drain().unwrap();
    engine.drain().unwrap();
    assert_eq!(engine.shard_of(kept), 1);
}

#[test]
fn the_queue_is_the_clients_and_a_move_is_made_in_the_shard_of_the_torrent() {
    let (mut engine, scripts) = sharded::<2>();
    let [a, b, c] = [0, 1, 0].map(|shard| add_to(&mut engine, shard));
    for script in &scripts {
        while matches!(script.asked.try_recv(), Ok(Asked::Add(_))) {}
    }
    let order = |engine: &mut Sharded<FakeEngine>| {
        engine.request_of_session(1, request::queue().request).unwrap();
        assert!(engine.due().is_some_and(|due| due <= Instant::now()), "it is answered soon");
        let Some((_, EngineEvent::Answered { request: 1, answer })) = engine.drain().unwrap().pop()
        else {
            panic!("expected an answer")
        };
        let places: Vec<(TorrentId, u32)> = typed(answer.unwrap()).unwrap();
        places.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert_eq!(order(&mut engine), [a, b, c]);
    let up = request::move_in_queue(QueueMove::Up, false);
    engine.request_of_torrent(2, c, up.request).unwrap();
    assert_eq!(scripts[0].next(), Asked::OfTorrent(2, c, "move the torrent in the queue"));
    assert_eq!(order(&mut engine), [a, c, b]);
    scripts[0].say(EngineEvent::Statuses(vec![TorrentStatus { finished: true, ..seeding(a) }]));
    engine.drain().unwrap();
    assert_eq!(order(&mut engine), [c, b], "a complete torrent is not in the queue");
    scripts[1].say(EngineEvent::Removed(b));
    engine.drain().unwrap();
    assert_eq!(order(&mut engine), [c]);
    assert!(scripts.iter().all(Script::is_quiet), "nobody else is asked");
}

#[test]
fn requests_about_the_first_shard_go_only_to_it() {
    let (mut engine, scripts) = sharded::<2>();
    engine.request_of_session(1, ask().request).unwrap();
    assert_eq!(scripts[0].next(), Asked::OfSession(1, "test"));
    assert!(scripts[1].is_quiet());
    answer(&scripts[0], 1, Ok(3));
    assert_eq!(answers(&mut engine), [(1, Ok(3))]);
}

#[test]
fn a_request_to_all_shards_has_one_answer_when_all_have_answered() {
    let (mut engine, scripts) = sharded::<3>();
    engine.request_of_session(1, ask().of_all().request).unwrap();
    engine.request_of_session(2, ask().merged(|all| all.iter().sum()).request).unwrap();
    for script in &scripts {
        assert_eq!(script.next(), Asked::OfSession(1, "test"));
        assert_eq!(script.next(), Asked::OfSession(2, "test"));
    }
    for (number, script) in scripts.iter().enumerate().rev() {
        assert!(answers(&mut engine).is_empty());
        for request in [1, 2] {
            answer(script, request, Ok(number as i32 + 1));
        }
    }
    assert_eq!(answers(&mut engine), [(1, Ok(1)), (2, Ok(6))]);
    assert!(engine.gathers.is_empty());
}

#[test]
fn an_error_of_one_is_the_error_of_all_once() {
    let (mut engine, scripts) = sharded::<3>();
    engine.request_of_session(1, ask().of_all().request).unwrap();
    answer(&scripts[1], 1, Err(error()));
    answer(&scripts[0], 1, Ok(1));
    assert!(answers(&mut engine).is_empty());
    answer(&scripts[2], 1, Err(Error::new(ErrorKind::Busy, "test", "another")));
    assert_eq!(answers(&mut engine), [(1, Err(error()))]);
    assert!(engine.gathers.is_empty());
}

#[test]
fn each_shard_learns_its_own_part() {
    let (mut engine, scripts) = sharded::<2>();
    engine.request_of_session(1, ask().of_all().request).unwrap();
    let parts = scripts.map(|script| {
        let Asked::OfSession(..) = script.next() else { panic!("expected a request") };
        script.parts.recv().unwrap()
    });
    assert_eq!(parts, [0, 1].map(|number| ShardPart { number, count: 2 }));
}

#[test]
fn the_counters_are_reported_when_all_shards_have_answered() {
    let (mut engine, scripts) = sharded::<2>();
    engine.request_statistics().unwrap();
    for script in &scripts {
        assert_eq!(script.next(), Asked::Statistics);
    }
    scripts[1].say(EngineEvent::Statistics(vec![vec![1, 2]]));
    assert!(engine.drain().unwrap().is_empty());
    scripts[0].say(EngineEvent::Statistics(vec![vec![5, 6]]));
    let events = engine.drain().unwrap();
    let [(_, EngineEvent::Statistics(counters))] = &events[..] else { panic!("{events:?}") };
    assert_eq!(counters, &[vec![5, 6], vec![1, 2]]);
    scripts[0].say(EngineEvent::Statistics(vec![vec![7, 8]]));
    assert!(engine.drain().unwrap().is_empty());
    engine.request_statistics().unwrap();
    scripts[1].say(EngineEvent::Statistics(vec![vec![3, 4]]));
    assert!(engine.drain().unwrap().is_empty(), "the first has not answered this question");
}

#[test]
fn the_first_shard_asks_the_router_for_the_ports_of_the_others_once() {
    let (mut engine, scripts) = sharded::<2>();
    for (shard, addresses) in [(0, &["127.0.0.1:1"][..]), (1, &["127.0.0.1:2", "[::1]:2"])] {
        let addresses = addresses.iter().map(|address| address.parse().unwrap()).collect();
        scripts[shard].say(EngineEvent::ListensAt(addresses));
    }
    assert_eq!(engine.drain().unwrap().len(), 2);
    let Asked::OfSession(request, "forward a port") = scripts[0].next() else {
        panic!("expected a mapping")
    };
    assert!(scripts.iter().all(Script::is_quiet));
    scripts[0].say(EngineEvent::Answered { request, answer: Ok(Box::new(())) });
    assert!(engine.drain().unwrap().is_empty(), "nobody asked for it");
}

#[test]
fn all_are_asked_for_statuses_and_one_for_every_status() {
    let (mut engine, scripts) = sharded::<2>();
    engine.request_statuses().unwrap();
    for script in &scripts {
        assert_eq!(script.asked.recv().unwrap(), Asked::Statuses);
    }
    engine.request_every_status(1).unwrap();
    assert_eq!(scripts[1].next(), Asked::EveryStatus);
    assert!(scripts[0].is_quiet());
    scripts[1].say(EngineEvent::Dropped);
    assert!(matches!(engine.drain().unwrap()[..], [(1, EngineEvent::Dropped)]));
    assert!(engine.request_every_status(2).is_err());
}

#[test]
fn a_shard_that_does_not_start_stops_the_others_and_its_error_is_returned() {
    let (scripts, made) = unbounded();
    let start = |number| {
        if number == 2 {
            return Err(error());
        }
        let (engine, mut script) = fake(bounded(1).0);
        script.teardown = None;
        scripts.send(script).unwrap();
        Ok(engine)
    };
    assert_eq!(Sharded::start(4, &Settings::empty(), start).err(), Some(error()));
    drop(scripts);
    let started: Vec<Script> = made.iter().collect();
    assert_eq!(started.len(), 2, "none is started after it");
    assert!(started.iter().all(|script| script.next() == Asked::Abort));
}

#[test]
fn all_shards_end_at_once() {
    let (engine, mut scripts) = sharded::<3>();
    let last_work = engine.abort().unwrap();
    for script in &scripts {
        assert_eq!(script.next(), Asked::Abort);
    }
    // End the shards in the reverse of the order in which a sequential wait would wait for them.
    let (ended, end) = bounded(1);
    let waiting = std::thread::spawn(move || {
        last_work();
        let _ = ended.send(());
    });
    for script in scripts.iter_mut().rev() {
        assert!(end.try_recv().is_err());
        script.teardown = None;
    }
    end.recv_deadline(Instant::now() + Duration::from_secs(20)).unwrap();
    waiting.join().unwrap();
}

// Copies.

fn seeding(id: TorrentId) -> TorrentStatus {
    TorrentStatus { state: TorrentState::Seeding, seeding: true, ..TorrentStatus::new(id, "") }
}

/// Returns the number of the engine's own request to copy this torrent, which must be the next call.
fn own(script: &Script, id: TorrentId) -> u64 {
    match script.next() {
        Asked::OfTorrent(number, of, "copy the torrent") if of == id => number,
        other => panic!("{other:?}"),
    }
}

fn added(id: TorrentId) -> EngineEvent {
    EngineEvent::Added { id, name: String::new(), info_hashes: InfoHashes::default() }
}

/// Returns a torrent of the first shard that the second shard also serves. The client has not noticed.
fn copied<const N: usize>() -> (Sharded<FakeEngine>, [Script; N], TorrentId) {
    let (mut engine, scripts) = sharded::<N>();
    let id = add_to(&mut engine, 0);
    assert_eq!(scripts[0].next(), Asked::Add(id));
    engine.replicate(id, 2);
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    let number = own(&scripts[0], id);
    answer(&scripts[0], number, Ok(0));
    assert!(engine.drain().unwrap().is_empty(), "what to add is not for the client");
    assert_eq!(scripts[1].next(), Asked::Add(id));
    scripts[1].say(added(id));
    scripts[1].say(EngineEvent::StateChanged { id, state: TorrentState::Seeding });
    assert!(engine.drain().unwrap().is_empty(), "the torrent was added before");
    assert!(scripts.iter().all(Script::is_quiet));
    (engine, scripts, id)
}

fn statuses(engine: &mut Sharded<FakeEngine>) -> Vec<TorrentStatus> {
    let told = engine.drain().unwrap().into_iter().filter_map(|(_, event)| match event {
        EngineEvent::Statuses(statuses) => Some(statuses),
        _ => None,
    });
    told.flatten().collect()
}

#[test]
fn a_torrent_is_copied_once_it_is_complete_and_runs() {
    let (mut engine, scripts) = sharded::<4>();
    let id = add_to(&mut engine, 1);
    engine.replicate(id, 9);
    let downloading = TorrentStatus::new(id, "");
    let paused = TorrentStatus { paused: true, ..seeding(id) };
    assert_eq!(scripts[1].next(), Asked::Add(id));
    for status in [downloading, paused] {
        scripts[1].say(EngineEvent::Statuses(vec![status]));
        engine.drain().unwrap();
        assert!(scripts[1].is_quiet());
    }
    scripts[1].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    for shard in [2, 3, 0] {
        let number = own(&scripts[1], id);
        answer(&scripts[1], number, Ok(0));
        engine.drain().unwrap();
        assert_eq!(scripts[shard].next(), Asked::Add(id));
    }
    assert!(scripts[1].is_quiet(), "there are no more shards");
}

#[test]
fn a_torrent_that_cannot_be_copied_is_left_alone_until_it_changes() {
    let (mut engine, scripts) = sharded::<2>();
    let id = add_to(&mut engine, 0);
    assert_eq!(scripts[0].next(), Asked::Add(id));
    engine.replicate(id, 2);
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    let number = own(&scripts[0], id);
    answer(&scripts[0], number, Err(error()));
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    assert_eq!(statuses(&mut engine).len(), 1);
    assert!(scripts.iter().all(Script::is_quiet));
    let change = request::set_flag(crate::model::TorrentFlag::SuperSeeding, false);
    engine.request_of_torrent(1, id, change.request).unwrap();
    assert!(matches!(scripts[0].next(), Asked::OfTorrent(1, ..)));
    answer(&scripts[0], 1, Ok(0));
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    own(&scripts[0], id);
}

#[test]
fn uploads_of_copies_count_as_uploads_of_the_torrent() {
    let (mut engine, scripts, id) = copied::<2>();
    let home = TorrentStatus { uploaded: 5, all_time_uploaded: 50, peers: 1, ..seeding(id) };
    let copy = TorrentStatus { uploaded: 3, upload_rate: 7, peers: 2, ..seeding(id) };
    scripts[0].say(EngineEvent::Statuses(vec![home]));
    scripts[1].say(EngineEvent::Statuses(vec![copy]));
    let last = statuses(&mut engine).pop().unwrap();
    let TorrentStatus { uploaded, all_time_uploaded, upload_rate, peers, .. } = last;
    assert_eq!((uploaded, all_time_uploaded, upload_rate, peers), (8, 53, 7, 3));
    // It still counts after the copy was removed.
    engine.post(id, request::pause(false).request).unwrap();
    scripts[1].say(EngineEvent::Removed(id));
    scripts[0].say(EngineEvent::Statuses(vec![TorrentStatus { paused: true, ..seeding(id) }]));
    assert_eq!(statuses(&mut engine).pop().unwrap().uploaded, 3);
}

#[test]
fn a_change_waits_for_the_copies_to_end_and_later_requests_wait_for_the_change() {
    let (mut engine, scripts, id) = copied::<2>();
    let question = Ask::task("list the files", crate::sys::Torrent::files);
    engine.request_of_torrent(1, id, question.request.clone()).unwrap();
    assert_eq!(scripts[0].next(), Asked::OfTorrent(1, id, "list the files"));
    engine.post(id, request::pause(false).request).unwrap();
    engine.request_of_torrent(3, id, question.request).unwrap();
    engine.remove(id, true).unwrap();
    assert_eq!(scripts[1].next(), Asked::Remove(id, false));
    assert!(scripts[0].is_quiet());
    scripts[1].say(EngineEvent::Removed(id));
    let told = engine.drain().unwrap();
    assert!(!told.iter().any(|(_, event)| matches!(event, EngineEvent::Removed(_))), "{told:?}");
    assert_eq!(scripts[0].next(), Asked::Pause(id));
    assert_eq!(scripts[0].next(), Asked::OfTorrent(3, id, "list the files"));
    assert_eq!(scripts[0].next(), Asked::Remove(id, true));
    scripts[0].say(EngineEvent::Removed(id));
    let told = engine.drain().unwrap();
    assert!(told.iter().any(|(_, event)| matches!(event, EngineEvent::Removed(_))), "{told:?}");
    assert!(engine.copies.is_empty());
}

#[test]
fn a_torrent_is_not_copied_while_it_changes() {
    let (mut engine, scripts, id) = copied::<2>();
    let moves = request::move_files("there".into(), crate::model::OnConflict::Fail);
    engine.request_of_torrent(1, id, moves.request).unwrap();
    scripts[1].say(EngineEvent::Removed(id));
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    assert_eq!(scripts[0].next(), Asked::MoveStorage(id, "there".into()));
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    assert!(scripts[0].is_quiet());
    answer(&scripts[0], 1, Ok(0));
    engine.drain().unwrap();
    own(&scripts[0], id);
}

/// Returns a torrent that is being copied to the second shard, and the number of the request for the copy.
fn copying() -> (Sharded<FakeEngine>, [Script; 2], TorrentId, u64) {
    let (mut engine, scripts) = sharded::<2>();
    let id = add_to(&mut engine, 0);
    engine.replicate(id, 2);
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    assert_eq!(scripts[0].next(), Asked::Add(id));
    let number = own(&scripts[0], id);
    (engine, scripts, id, number)
}

#[test]
fn a_copy_that_is_being_added_ends_once_it_is_added() {
    let (mut engine, scripts, id, number) = copying();
    answer(&scripts[0], number, Ok(0));
    engine.drain().unwrap();
    assert_eq!(scripts[1].next(), Asked::Add(id));
    engine.post(id, request::pause(false).request).unwrap();
    assert!(scripts.iter().all(Script::is_quiet));
    scripts[1].say(added(id));
    engine.drain().unwrap();
    assert_eq!(scripts[1].next(), Asked::Remove(id, false));
    scripts[1].say(EngineEvent::Removed(id));
    engine.drain().unwrap();
    assert_eq!(scripts[0].next(), Asked::Pause(id));
}

#[test]
fn an_error_of_a_copy_is_the_torrents_and_stops_it() {
    let (mut engine, scripts, id) = copied::<2>();
    scripts[1].say(EngineEvent::Failed { id, error: error() });
    let told = engine.drain().unwrap();
    assert!(matches!(&told[..], [(1, EngineEvent::Failed { .. })]), "{told:?}");
    assert_eq!(scripts[1].next(), Asked::Remove(id, false));
    scripts[1].say(EngineEvent::Removed(id));
    assert!(engine.drain().unwrap().is_empty());
    assert_eq!(scripts[0].next(), Asked::Pause(id));
    assert!(engine.drain().unwrap().is_empty(), "nobody asked for the pause");
}

#[test]
fn peers_are_those_of_all_copies_and_a_copy_that_is_gone_has_none() {
    let (mut engine, scripts, id) = copied::<2>();
    let peers = || {
        let ask: request::AskTorrent<i32> = Ask::task("list the peers", |_| Ok(0));
        ask.merged(|all| all.iter().sum()).request
    };
    for (number, of_copy, sum) in [(1, Ok(2), 5), (2, Err(error()), 3)] {
        engine.request_of_torrent(number, id, peers()).unwrap();
        answer(&scripts[1], number, of_copy);
        assert!(answers(&mut engine).is_empty());
        answer(&scripts[0], number, Ok(3));
        assert_eq!(answers(&mut engine), [(number, Ok(sum))]);
    }
    engine.request_of_torrent(3, id, peers()).unwrap();
    answer(&scripts[0], 3, Err(error()));
    answer(&scripts[1], 3, Ok(2));
    assert_eq!(answers(&mut engine), [(3, Err(error()))]);
}

#[test]
fn a_copy_that_is_lost_with_events_is_made_again() {
    let (mut engine, scripts, id) = copied::<2>();
    engine.request_every_status(1).unwrap();
    assert_eq!(scripts[1].next(), Asked::EveryStatus);
    scripts[1].say(EngineEvent::EveryStatus(Vec::new()));
    engine.drain().unwrap();
    own(&scripts[0], id);
    assert_eq!(engine.shard_of(id), 0);
}

#[test]
fn a_copy_that_is_added_after_lost_events_is_not_lost() {
    let (mut engine, scripts, id, number) = copying();
    engine.request_every_status(1).unwrap();
    answer(&scripts[0], number, Ok(0));
    engine.drain().unwrap();
    assert_eq!(scripts[1].next(), Asked::EveryStatus);
    assert_eq!(scripts[1].next(), Asked::Add(id));
    scripts[1].say(EngineEvent::EveryStatus(Vec::new()));
    scripts[1].say(added(id));
    engine.drain().unwrap();
    assert_eq!(engine.shards_of(id), [0, 1]);
}

#[test]
fn a_torrent_that_nobody_expects_is_removed_from_its_shard() {
    let (mut engine, scripts, id) = copied::<3>();
    let stray = TorrentId::next();
    scripts[1].say(added(stray));
    scripts[2].say(added(id));
    assert!(engine.drain().unwrap().is_empty());
    assert_eq!(scripts[1].next(), Asked::Remove(stray, false));
    assert_eq!(scripts[2].next(), Asked::Remove(id, false));
    scripts[2].say(EngineEvent::Removed(id));
    engine.drain().unwrap();
    assert_eq!(engine.shards_of(id), [0, 1], "the copy stays");
}

#[test]
fn the_limits_of_the_client_follow_the_demand_without_events() {
    use crate::sys::DemandRecord;
    let (mut engine, scripts) = sharded::<2>();
    let mut settings = Settings::empty();
    settings.assume([("upload_rate_limit", 1_000_000.into())]);
    engine.balance.set(&settings);
    let due = engine.due().unwrap();
    for (round, sent) in [0, 1 << 40].into_iter().enumerate() {
        crossbeam_channel::at(due.max(Instant::now())).recv().unwrap();
        if round > 0 {
            crossbeam_channel::at(engine.due().unwrap()).recv().unwrap();
        }
        assert!(engine.drain().unwrap().is_empty());
        for (script, sent) in scripts.iter().zip([sent, 0]) {
            let Asked::OfSession(request, "measure the demand") = script.next() else {
                panic!("expected a measurement")
            };
            let demand = DemandRecord { sent, ..DemandRecord::default() };
            let answer: Answer = Box::new(vec![demand]);
            script.say(EngineEvent::Answered { request, answer: Ok(answer) });
        }
        assert!(engine.drain().unwrap().is_empty());
    }
    // First the share of one shard is lowered, and then the share of the other is raised.
    for _ in 0..2 {
        for script in &scripts {
            let Asked::OfSession(request, "share the limits of the client") = script.next() else {
                panic!("expected a change")
            };
            script.say(EngineEvent::Answered { request, answer: Ok(Box::new(())) });
        }
        assert!(engine.drain().unwrap().is_empty());
    }
    assert!(scripts.iter().all(Script::is_quiet) && engine.gathers.is_empty());
}

#[test]
fn nobody_listens_before_the_shards_get_new_ports_and_later_changes_wait() {
    let changing = |name: &str, value: SettingValue| {
        let mut settings = Settings::empty();
        settings.assume([(name, value)]);
        let role = SessionRole::ChangesSettings(Box::new(settings));
        ask().session_role(role).of_all().request
    };
    let mut settings = Settings::empty();
    settings.assume([(LISTEN_INTERFACES, "127.0.0.1:1".into())]);
    let (mut engine, scripts) = sharded_with::<2>(&settings);
    let asked = |op| {
        let numbers = scripts.each_ref().map(|script| match script.next() {
            Asked::OfSession(number, asked) if asked == op => number,
            other => panic!("{other:?}"),
        });
        assert_eq!(numbers[0], numbers[1]);
        numbers[0]
    };
    let same = changing(LISTEN_INTERFACES, "127.0.0.1:1".into());
    engine.request_of_session(1, same).unwrap();
    assert_eq!(asked("test"), 1);
    let next = changing(LISTEN_INTERFACES, "127.0.0.1:2".into());
    engine.request_of_session(2, next).unwrap();
    engine.request_of_session(3, changing("upload_rate_limit", 1000.into())).unwrap();
    let stop = asked("stop listening");
    for script in &scripts {
        assert!(scripts.iter().all(Script::is_quiet));
        script.say(EngineEvent::Answered { request: stop, answer: Ok(Box::new(())) });
        assert!(answers(&mut engine).is_empty());
    }
    for number in [2, 3] {
        assert_eq!(asked("test"), number);
        assert!(scripts.iter().all(Script::is_quiet));
        scripts.iter().for_each(|script| answer(script, number, Ok(0)));
        assert_eq!(answers(&mut engine), [(number, Ok(0))]);
    }
}

#[test]
fn what_is_asked_of_every_copy_reaches_all_shards() {
    let (mut engine, scripts, id) = copied::<3>();
    let ask = Ask::task("announce", |_| Ok(())).of_every_copy();
    engine.request_of_torrent(1, id, ask.request).unwrap();
    for script in &scripts[..2] {
        assert_eq!(script.next(), Asked::OfTorrent(1, id, "announce"));
    }
    assert!(scripts[2].is_quiet());
}

#[test]
fn a_torrent_that_was_paused_for_a_moment_is_copied_again() {
    let (mut engine, scripts, id) = copied::<2>();
    engine.post(id, request::pause(false).request).unwrap();
    assert_eq!(scripts[1].next(), Asked::Remove(id, false));
    scripts[1].say(EngineEvent::Removed(id));
    engine.drain().unwrap();
    assert_eq!(scripts[0].next(), Asked::Pause(id));
    // By the status from before the pause, it runs.
    let number = own(&scripts[0], id);
    engine.post(id, request::resume().request).unwrap();
    assert_eq!(scripts[0].next(), Asked::Resume(id));
    scripts[0].say(EngineEvent::Resumed(id));
    answer(&scripts[0], number, Err(Error::new(ErrorKind::Busy, "test", "it is paused")));
    engine.drain().unwrap();
    assert!(scripts.iter().all(Script::is_quiet));
    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    own(&scripts[0], id);
}

#[test]
fn a_torrent_with_copies_counts_as_one() {
    let (mut engine, scripts, id) = copied::<2>();
    let (place, _) = catalogue::metrics()["ses.num_seeding_torrents"];
    scripts[1].say(EngineEvent::Statuses(vec![seeding(id)]));
    for (script, seeding) in scripts.iter().zip([7, 3]) {
        let mut counters = vec![1; place + 2];
        counters[place] = seeding;
        script.say(EngineEvent::Statistics(vec![counters]));
    }
    let counted = engine.drain().unwrap().into_iter().find_map(|(_, event)| match event {
        EngineEvent::Statistics(counters) => Some(counters),
        _ => None,
    });
    let seeding: Vec<_> = counted.unwrap().iter().map(|values| values[place]).collect();
    assert_eq!(seeding, [7, 2]);
}

#[test]
fn a_busy_torrent_gets_one_more_copy_and_keeps_those_that_were_asked_for() {
    let mut settings = Settings::empty();
    settings.assume([("replicate_on_demand", true.into())]);
    let (mut engine, scripts) = sharded_with::<3>(&settings);
    assert!(engine.due().is_some(), "the demand is measured");
    // Not by this test, whose clock is its own.
    engine.balance.watch(false);
    let id = add_to(&mut engine, 0);
    assert_eq!(scripts[0].next(), Asked::Add(id));
    engine.replicate(id, 2);
    let busy = TorrentStatus { upload_rate: 1000, ..seeding(id) };
    scripts[0].say(EngineEvent::Statuses(vec![busy]));
    engine.drain().unwrap();
    let accept = |engine: &mut Sharded<FakeEngine>| {
        let number = own(&scripts[0], id);
        answer(&scripts[0], number, Ok(0));
        engine.drain().unwrap();
        let added_to = [1, 2].into_iter().find(
            |shard| matches!(scripts[*shard].asked.try_recv(), Ok(Asked::Add(of)) if of == id),
        );
        scripts[added_to.unwrap()].say(added(id));
        engine.drain().unwrap();
    };
    accept(&mut engine);
    assert_eq!(engine.shards_of(id), [0, 1]);

    let begun = Instant::now();
    let measured = |engine: &mut Sharded<FakeEngine>, second: u64, load: [f64; 3]| {
        let used = |load| (load * 1e9 * second as f64) as i64;
        let demand =
            load.map(|load| DemandRecord { thread_time: used(load), ..DemandRecord::default() });
        engine.follow_demand(begun + Duration::from_secs(second), &demand);
    };
    for second in 0..=3 {
        measured(&mut engine, second, [0.95, 0.1, 0.1]);
    }
    accept(&mut engine);
    assert_eq!(engine.shards_of(id).len(), 3);

    scripts[0].say(EngineEvent::Statuses(vec![seeding(id)]));
    engine.drain().unwrap();
    measured(&mut engine, 700, [0.0; 3]);
    let removed: Vec<_> = scripts.iter().filter(|script| !script.is_quiet()).collect();
    assert_eq!(removed.len(), 1, "one copy was asked for");
}
