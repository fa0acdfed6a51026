//! Events of the engine that were lost.

use super::*;
use crate::model::TorrentState;
use crate::store::Memory;

#[test]
fn lost_events_are_compensated() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let (done, gone, kept) =
        (torrent(&guest, &script, 1), torrent(&guest, &script, 2), torrent(&guest, &script, 3));
    let lost = guest.add(4);
    let Asked::Add(_) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::Dropped);
    assert_eq!(script.next(), Asked::EveryStatus);
    let seeding = TorrentStatus { state: TorrentState::Seeding, finished: true, ..status(done) };
    script.say(EngineEvent::EveryStatus(vec![seeding, status(kept)]));

    assert_eq!(wait(lost).unwrap_err().kind(), ErrorKind::Busy);
    let mut events = Vec::new();
    loop {
        match guest.next() {
            Event::Resynchronized => break,
            event => events.push(event),
        }
    }
    let any = |wanted: &dyn Fn(&Event) -> bool| events.iter().any(wanted);
    assert!(any(&|event| matches!(event, Event::Finished { id, .. } if *id == done)));
    assert!(any(&|event| matches!(event, Event::StateChanged { id, .. } if *id == done)));
    assert!(any(&|event| matches!(event, Event::TorrentRemoved { id, .. } if *id == gone)));
    assert!(!any(&|event| matches!(event, Event::Finished { id, .. } if *id == kept)));
}

#[test]
fn a_torrent_that_is_added_while_lost_events_are_compensated_is_added() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let retried = guest.add(1);
    let Asked::Add(retried_id) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::Dropped);
    assert_eq!(script.next(), Asked::EveryStatus);
    // The engine gets both after it was asked.
    script.say(busy(retried_id));
    assert_eq!(script.next(), Asked::RetryAdd(retried_id));
    let late = guest.add(2);
    let Asked::Add(late_id) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::EveryStatus(Vec::new()));
    for (reply, id) in [(retried, retried_id), (late, late_id)] {
        let (name, info_hashes) = (String::new(), InfoHashes::default());
        script.say(EngineEvent::Added { id, name, info_hashes });
        assert_eq!(added(wait(reply)), id);
    }
}

#[test]
fn a_deletion_under_way_when_events_are_lost_ends_with_its_own_result() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    let removal = guest.remove_torrent(id, RemoveFiles::Delete);
    assert_eq!(script.next(), Asked::Remove(id, true));
    // After a crash, its files may be gone already.
    let error = Error::new(ErrorKind::Disk, "open the file", "no such file");
    script.say(EngineEvent::Failed { id, error });
    script.say(EngineEvent::Dropped);
    assert_eq!(script.next(), Asked::EveryStatus);
    script.say(EngineEvent::EveryStatus(Vec::new()));
    loop {
        match guest.next() {
            Event::Resynchronized => break,
            event => assert!(!matches!(event, Event::Error { .. }), "{event}"),
        }
    }
    assert!(store.records()[0].deleting, "it continues after a crash");
    let error = Error::new(ErrorKind::Io, "delete the files", "permission denied");
    script.say(EngineEvent::DeleteFailed { id, error });
    assert_eq!(wait(removal).unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_torrent_that_nobody_expects_is_removed_from_the_engine() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let added = |id| EngineEvent::Added { id, name: String::new(), info_hashes: hashes(1) };
    let (known, stray) = (torrent(&guest, &script, 1), TorrentId::next());
    // What was added before is reported again, after events were lost.
    script.say(added(known));
    script.say(added(stray));
    assert_eq!(script.next(), Asked::Remove(stray, false));
    guest.barrier();
    assert!(script.is_quiet());
}

#[test]
fn a_second_end_of_a_download_that_was_lost_is_reported() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    script.say(EngineEvent::Finished(id));
    while !matches!(guest.next(), Event::Finished { .. }) {}
    script.say(EngineEvent::Statuses(vec![status(id)]));
    script.say(EngineEvent::Dropped);
    assert_eq!(script.next(), Asked::EveryStatus);
    script.say(EngineEvent::EveryStatus(vec![TorrentStatus { finished: true, ..status(id) }]));
    loop {
        match guest.next() {
            Event::Finished { .. } => break,
            event => assert!(!matches!(event, Event::Resynchronized)),
        }
    }
}

#[test]
fn one_question_for_the_statistics_answers_all_and_is_asked_again_when_events_were_lost() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let patron = client.patron();
    let first = patron.statistics();
    assert_eq!(script.next(), Asked::Statistics);
    let second = patron.statistics();
    // Commands are taken in order: after this one, the second request has also been taken.
    let taken = guest.add(1);
    let Asked::Add(_) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::Dropped);
    assert_eq!(script.next(), Asked::EveryStatus);
    script.say(EngineEvent::EveryStatus(Vec::new()));
    let again = std::iter::repeat_with(|| script.next()).find(|asked| *asked == Asked::Statistics);
    assert_eq!(again, Some(Asked::Statistics));
    script.say(EngineEvent::Statistics(Vec::new()));
    for reply in [first, second] {
        assert_eq!(wait(reply).unwrap().sent, 0);
    }
    drop(taken);
}

#[test]
fn lost_events_are_compensated_only_in_their_shard() {
    let (client, scripts) = client_of_shards::<2>(Duration::from_millis(20));
    let guest = Guest::new(&client);
    // Torrents with an odd info hash are in the second shard.
    let here = torrent(&guest, &scripts[0], 2);
    let gone = torrent(&guest, &scripts[1], 3);
    let coming = guest.add(4);
    let Asked::Add(coming_id) = scripts[0].next() else { panic!("expected an add") };
    let lost = guest.add(5);
    let Asked::Add(_) = scripts[1].next() else { panic!("expected an add") };
    scripts[1].say(EngineEvent::Dropped);
    assert_eq!(scripts[1].next(), Asked::EveryStatus);
    assert!(scripts[0].is_quiet());
    scripts[1].say(EngineEvent::EveryStatus(Vec::new()));
    assert_eq!(wait(lost).unwrap_err().kind(), ErrorKind::Busy);
    let mut removed = Vec::new();
    loop {
        match guest.next() {
            Event::Resynchronized => break,
            Event::TorrentRemoved { id, .. } => removed.push(id),
            _ => {}
        }
    }
    assert_eq!(removed, [gone]);
    assert!(client.service.statuses.get(here).is_some());
    let name = String::new();
    let info_hashes = InfoHashes::default();
    scripts[0].say(EngineEvent::Added { id: coming_id, name, info_hashes });
    assert_eq!(added(wait(coming)), coming_id);
}

#[test]
fn an_add_after_lost_events_stays_in_its_shard() {
    let (client, scripts) = client_of_shards::<2>(Duration::from_millis(20));
    let guest = Guest::new(&client);
    scripts[1].say(EngineEvent::Dropped);
    assert_eq!(scripts[1].next(), Asked::EveryStatus);
    let late = guest.add(3);
    let Asked::Add(id) = scripts[1].next() else { panic!("expected an add") };
    scripts[1].say(EngineEvent::EveryStatus(Vec::new()));
    let (name, info_hashes) = (String::new(), InfoHashes::default());
    scripts[1].say(EngineEvent::Added { id, name, info_hashes });
    assert_eq!(added(wait(late)), id);
    let _paused = guest.ask(id, request::pause(false));
    assert_eq!(scripts[1].next(), Asked::Pause(id));
}
