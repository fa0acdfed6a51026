//! Saving resume data.

use super::*;
use crate::messages::request::{Ask, ByAlert, Respond, TorrentRole};
use crate::model::{Answer, OnConflict, ResumeData, SavedFigures};

const SAVE: &str = "save the resume data";

/// Returns the next save that the engine is asked for.
fn save(script: &Script) -> (u64, TorrentId) {
    match script.next() {
        Asked::OfTorrent(request, id, SAVE) => (request, id),
        other => panic!("{other:?}"),
    }
}

fn figures(uploaded: u64) -> SavedFigures {
    SavedFigures { uploaded, ..SavedFigures::default() }
}

fn give(script: &Script, request: u64, data: &[u8], figures: SavedFigures) {
    let answer =
        Ok(Box::new(ResumeData { bytes: data.to_vec(), info: Vec::new(), figures }) as Answer);
    script.say(EngineEvent::Answered { request, answer });
}

fn resume_data(event: &Event) -> &[u8] {
    match event {
        Event::ResumeData { data, .. } => data,
        other => panic!("{other:?}"),
    }
}

#[test]
fn resume_data_is_saved_after_relevant_changes() {
    let interval = Duration::from_millis(100);
    let (client, script) = client_with(Intervals { tick: interval, resume_data: interval });
    let (guest, other) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&guest, &script, 1);
    let ignored = torrent(&other, &script, 2);
    let grown = |id, uploaded| {
        let saved_figures = figures(uploaded);
        let status = TorrentStatus { needs_saving: true, saved_figures, ..status(id) };
        script.say(EngineEvent::Statuses(vec![status]));
    };
    let nothing_but_statuses = || {
        for _ in 0..5 {
            while script.asked.recv_timeout(PATIENCE).unwrap() != Asked::Statuses {}
        }
        assert!(script.is_quiet(), "there is nothing to save");
    };
    script.say(EngineEvent::Checked(id));
    grown(id, 1);
    nothing_but_statuses();

    // From here on the guest receives only resume data.
    guest.subscribe(only(&[EventKind::ResumeData]));
    std::iter::from_fn(|| guest.member.mailbox.try_recv()).for_each(drop);
    let (request, saved) = save(&script);
    assert_eq!(saved, id, "it was never saved");
    give(&script, request, b"one", figures(1));
    assert_eq!(resume_data(&guest.next()), b"one");
    grown(id, 1);
    grown(ignored, 1);
    script.say(EngineEvent::Paused(ignored));
    nothing_but_statuses();

    // Growing counters are saved after an interval; events are saved at once.
    grown(id, 2);
    let (request, _) = save(&script);
    give(&script, request, b"two", figures(2));
    assert_eq!(resume_data(&guest.next()), b"two");
    let moved = EngineEvent::Moved { id, to: "t".into() };
    let renamed = EngineEvent::FileRenamed { id, file: 0, to: "f".into() };
    let metadata = EngineEvent::MetadataReceived { id, name: "n".into(), info_hashes: hashes(1) };
    let finished = EngineEvent::Finished(id);
    for event in [moved, renamed, metadata, finished, EngineEvent::Paused(id)] {
        script.say(event);
        let (request, _) = save(&script);
        give(&script, request, b"", SavedFigures::default());
    }
    let limit = Ask::task("limit the upload rate", |torrent| torrent.set_flag(0, true));
    drop(guest.ask(id, limit.changes_resume_data()));
    let Asked::OfTorrent(request, _, "limit the upload rate") = script.next() else {
        panic!("expected the limit")
    };
    script.say(EngineEvent::Answered { request, answer: Ok(Box::new(())) });
    let (first, _) = save(&script);
    // A change during an open save is saved after it.
    script.say(EngineEvent::Paused(id));
    guest.barrier();
    assert!(script.is_quiet());
    give(&script, first, b"three", figures(3));
    assert_eq!(resume_data(&guest.next()), b"three");
    let (second, _) = save(&script);
    // A failed save is retried.
    let answer = Err(Error::new(ErrorKind::Busy, "test", "lost"));
    script.say(EngineEvent::Answered { request: second, answer });
    let (third, _) = save(&script);
    // Whoever asks, all subscribers receive it.
    drop(guest.ask(id, request::resume_data(ByAlert::resume_data(), false, TorrentRole::Saves)));
    let (asked, _) = save(&script);
    give(&script, third, b"", SavedFigures::default());
    give(&script, asked, b"four", figures(4));
    assert_eq!(resume_data(&guest.next()), b"four");
    guest.subscribe(EventKinds::NONE);
    script.say(EngineEvent::Paused(id));
    grown(id, 5);
    nothing_but_statuses();
    assert!(guest.member.mailbox.try_recv().is_none());
}

#[test]
fn who_watches_all_torrents_gets_the_resume_data_of_those_at_rest() {
    let interval = Duration::from_millis(100);
    let (client, script) = client_with(Intervals { tick: interval, resume_data: interval });
    let (owner, guest) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&owner, &script, 1);
    guest.subscribe(only(&[EventKind::ResumeData]));
    wait(guest.command(|reply| ClientCommand::WatchAll(true, reply))).unwrap();
    let (request, saved) = save(&script);
    assert_eq!(saved, id);
    give(&script, request, b"data", figures(1));
    let mut events = std::iter::from_fn(|| Some(guest.next()));
    let event = events.find(|event| matches!(event, Event::ResumeData { .. })).unwrap();
    assert_eq!(resume_data(&event), b"data");
}

#[test]
fn a_move_that_takes_long_does_not_keep_others_from_being_saved_at_the_end() {
    let (client, mut script) = client();
    let guest = Guest::new(&client);
    let [saved, moved] = [1, 2].map(|number| torrent(&guest, &script, number));
    script.say(EngineEvent::Checked(saved));
    drop(guest.ask(moved, request::move_files("there".into(), OnConflict::Fail)));
    assert_eq!(script.next(), Asked::MoveStorage(moved, "there".into()));
    guest.subscribe(only(&[EventKind::ResumeData]));
    script.teardown = None;
    let saver = std::thread::spawn(move || {
        for _ in 0..2 {
            let (request, id) = save(&script);
            give(&script, request, if id == saved { b"data" } else { b"" }, figures(1));
        }
        script
    });
    let member = guest.member.clone();
    let report = client.shutdown(Duration::from_secs(1)).wait();
    assert_eq!((report.unsaved, &report.moves_unfinished[..]), (0, &[moved][..]), "{report}");
    assert!(report.engine_ended, "there is time left for it");
    let mut events = std::iter::from_fn(|| member.mailbox.try_recv());
    assert!(events.any(|event| matches!(event, Event::ResumeData { id, .. } if id == saved)));
    drop(saver.join().unwrap());
}

#[test]
fn no_more_than_64_saves_are_open() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    guest.subscribe(EventKinds::DEFAULT.with(EventKind::ResumeData));
    let ids: Vec<_> = (0..100).map(|number| torrent(&guest, &script, number)).collect();
    ids.iter().for_each(|id| script.say(EngineEvent::Checked(*id)));
    let open: Vec<_> = (0..64).map(|_| save(&script)).collect();
    guest.barrier();
    assert!(script.is_quiet(), "64 are open");
    for (request, _) in open.iter().take(36) {
        give(&script, *request, b"", SavedFigures::default());
        save(&script);
    }
    guest.barrier();
    assert!(script.is_quiet(), "each was saved once");
    // The later changes are not saved.
    assert_eq!(client.shutdown(Duration::ZERO).wait().unsaved, 100);
}

#[test]
fn a_torrent_that_is_removed_leaves_no_request_and_no_save_open() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    guest.subscribe(EventKinds::NONE.with(EventKind::ResumeData));
    let ids: Vec<_> = (0..65)
        .map(|number| {
            let reply = guest.add(number);
            let id = script.accept();
            assert_eq!(added(wait(reply)), id);
            id
        })
        .collect();
    ids.iter().for_each(|id| script.say(EngineEvent::Checked(*id)));
    let saves: Vec<_> = (0..64).map(|_| save(&script)).collect();
    let (_, removed) = saves[0];
    let (asked, answer) = crossbeam_channel::bounded(1);
    let respond =
        Respond::call(move |answer: Result<Answer>| asked.send(answer.map(|_| ())).unwrap());
    let peers = Ask::task("list the peers", |torrent| torrent.peers());
    guest.message(ClientCommand::OfTorrent(removed, peers.request, respond));
    let removal = guest.remove_torrent(removed, RemoveFiles::Keep);
    assert!(matches!(script.next(), Asked::OfTorrent(_, id, _) if id == removed));
    assert_eq!(script.next(), Asked::Remove(removed, false));
    script.say(EngineEvent::Removed(removed));
    wait(removal).unwrap();
    let answer = answer.recv_timeout(PATIENCE).unwrap();
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Gone);
    let (_, last) = save(&script);
    assert!(saves.iter().all(|(_, id)| *id != last), "the window has room for the last one");
    assert!(client.service.statuses.get(removed).is_none());
    client.shutdown(Duration::ZERO).wait();
}

#[test]
fn a_shutdown_saves_the_requested_torrents_and_counts_failures() {
    for answered in [true, false] {
        let (client, mut script) = client();
        let (guest, other) = (Guest::new(&client), Guest::new(&client));
        let ids = [torrent(&guest, &script, 1), torrent(&guest, &script, 2)];
        torrent(&other, &script, 3);
        guest.subscribe(only(&[EventKind::ResumeData]));
        guest.barrier();
        let (member, deadline) = (guest.member.clone(), if answered { 20_000 } else { 50 });
        let engine = std::thread::spawn(move || {
            let saves = [save(&script), save(&script)];
            if answered {
                give(&script, saves[0].0, b"last", figures(1));
                give(&script, saves[1].0, b"", SavedFigures::default());
            }
            script.teardown = None;
            (saves, script)
        });
        drop((guest, other));
        let report = client.shutdown(Duration::from_millis(deadline)).wait();
        let (saves, script) = engine.join().unwrap();
        assert!(saves.iter().all(|(_, id)| ids.contains(id)), "and no other");
        let events: Vec<_> = std::iter::from_fn(|| member.mailbox.try_recv()).collect();
        let last = events.last();
        assert!(matches!(last, Some(Event::ClientStopped { .. })), "{events:?}");
        let saved = events.iter().filter(|event| matches!(event, Event::ResumeData { .. })).count();
        assert_eq!((saved, report.unsaved), if answered { (1, 0) } else { (0, 2) });
        assert_eq!(report.unanswered, 0);
        drop(script);
    }
}

/// Nothing but the time says when more may be saved.
#[test]
fn the_last_saves_go_on_when_all_that_were_asked_for_are_answered() {
    const COUNT: u8 = 200;
    let (client, mut script) = client();
    let guest = Guest::new(&client);
    (0..COUNT).for_each(|number| _ = torrent_after(&guest, &script, number));
    guest.subscribe(only(&[EventKind::ResumeData]));
    guest.barrier();
    let engine = std::thread::spawn(move || {
        for _ in 0..COUNT {
            let (request, _) = save(&script);
            give(&script, request, b"", SavedFigures::default());
        }
        script.teardown = None;
        script
    });
    let report = client.shutdown(PATIENCE).wait();
    assert_eq!(report.unsaved, 0);
    assert!(report.took < PATIENCE / 2, "{report}");
    drop(engine.join().unwrap());
}
