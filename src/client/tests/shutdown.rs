//! How a client stops, and what its patrons then see.

use super::*;
use crate::patron::Patron;

#[test]
fn a_shutdown_waits_for_deletions() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let removal = guest.remove_torrent(id, RemoveFiles::Delete);
    assert_eq!(script.next(), Asked::Remove(id, true));
    let patron = client.patron();
    let deleter = std::thread::spawn({
        let mut script = script;
        move || {
            script.say(EngineEvent::Removed(id));
            // The patron's mailbox stays open until the deletion is complete.
            assert!(patron.try_recv().is_none());
            script.say(EngineEvent::Deleted(id));
            script.teardown = None;
            script
        }
    });
    drop(guest);
    let report = client.shutdown(PATIENCE).wait();
    wait(removal).unwrap();
    assert!(report.is_clean(), "{report}");
    drop(deleter.join().unwrap());
}

#[test]
fn a_shutdown_keeps_its_deadline_and_reports_unfinished_work() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let (deleted, moved) = (torrent(&guest, &script, 1), {
        let reply =
            guest.command(|r| ClientCommand::Add(prepared(2, Some("done".into())), Some(r)));
        let id = script.accept();
        added(wait(reply));
        id
    });
    script.say(EngineEvent::Finished(moved));
    assert_eq!(script.next(), Asked::MoveStorage(moved, "done".into()));
    let removal = guest.remove_torrent(deleted, RemoveFiles::Delete);
    assert_eq!(script.next(), Asked::Remove(deleted, true));
    let member = guest.member.clone();
    drop(guest);
    let report = client.shutdown(Duration::from_millis(50)).wait();
    assert_eq!(report.deletions_unfinished, [deleted]);
    assert_eq!(report.moves_unfinished, [moved]);
    assert!(!report.engine_ended);
    assert!(report.took < PATIENCE);
    assert_eq!(wait(removal).unwrap_err().kind(), ErrorKind::Stopped);
    let last = std::iter::from_fn(|| member.mailbox.try_recv()).last();
    assert!(matches!(last, Some(Event::ClientStopped { error: None })));
    drop(script);
}

#[test]
fn a_client_may_be_dropped_on_its_own_thread() {
    struct Owns(parking_lot::Mutex<Option<Client>>);
    impl std::task::Wake for Owns {
        fn wake(self: Arc<Self>) {
            self.0.lock().take();
        }
    }
    let (client, mut script) = client();
    script.teardown = None;
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let member = guest.member.clone();
    let waker = std::task::Waker::from(Arc::new(Owns(Some(client).into())));
    assert!(member.mailbox.poll(&waker).is_none());
    script.say(EngineEvent::Paused(id));
    let ended = member.mailbox.recv_timeout(PATIENCE, "test").unwrap().unwrap();
    assert!(matches!(ended, Event::Paused { .. }));
    assert_eq!(script.next(), Asked::Abort, "it stops");
    let last = member.mailbox.recv_timeout(PATIENCE, "test").expect("it ends");
    assert!(matches!(last, Ok(Event::ClientStopped { .. })));
}

#[test]
fn a_patron_outlives_its_client() {
    let (client, mut script) = client();
    script.teardown = None;
    let patron = client.patron();
    client.shutdown(PATIENCE).wait();
    assert!(matches!(patron.recv(), Ok(Event::ClientStopped { .. })));
    assert_eq!(patron.recv().unwrap_err().kind(), ErrorKind::Stopped);
    let id = TorrentId::next();
    assert_eq!(wait(patron.pause(id)).unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(
        patron.send(crate::messages::command::Command::Pause(id)).unwrap_err().kind(),
        ErrorKind::Stopped
    );
    assert!(patron.status(id).is_none());
    let late = patron.another();
    assert!(matches!(late.recv(), Ok(Event::ClientStopped { .. })));
}

/// Commands sent while the client stops are all answered.
#[test]
fn no_command_is_lost_in_a_race_with_the_shutdown() {
    let rounds = if cfg!(miri) { 2 } else { 50 };
    for _ in 0..rounds {
        let (client, mut script) = client();
        script.teardown = None;
        let senders: Vec<_> = (0..4)
            .map(|_| {
                let patron = client.patron();
                std::thread::spawn(move || hammer(&patron))
            })
            .collect();
        client.shutdown(PATIENCE).wait();
        for sender in senders {
            sender.join().unwrap();
        }
    }
}

fn hammer(patron: &Patron) {
    let id = TorrentId::next();
    loop {
        let replies: Vec<_> = (0..16).map(|_| patron.pause(id)).collect();
        for reply in replies {
            if wait(reply).unwrap_err().kind() == ErrorKind::Stopped {
                return;
            }
        }
    }
}

#[test]
fn a_panic_on_the_client_thread_reaches_every_patron() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.add(1);
    let Asked::Add(_) = script.next() else { panic!("expected an add") };
    // The fake engine's `record` ignores a script that is gone; its teardown does not matter here.
    script.say(EngineEvent::EngineFailed(Error::new(
        ErrorKind::Panicked,
        "test",
        crate::engine::fake::PANIC,
    )));
    assert_eq!(wait(reply).unwrap_err().kind(), ErrorKind::Stopped);
    assert!(matches!(
        guest.next(),
        Event::ClientStopped { error: Some(error) } if error.kind() == ErrorKind::Panicked
    ));
}

#[test]
fn an_engine_that_cannot_be_made_is_an_error_of_start() {
    let failed = start(
        Defaults::default(),
        Intervals { tick: Duration::from_secs(1), resume_data: Duration::from_secs(1) },
        Box::new(Vec::new),
        None,
        |_| Err::<crate::engine::fake::FakeEngine, _>(Error::new(ErrorKind::Io, "test", "no")),
    );
    assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
}

#[test]
fn a_shard_that_does_not_end_in_time_does_not_hold_up_the_shutdown() {
    let (client, mut scripts) = client_of_shards::<3>(Duration::from_secs(3600));
    scripts[0].teardown = None;
    scripts[2].teardown = None;
    let report = client.shutdown(Duration::from_millis(100)).wait();
    assert!(!report.engine_ended && report.took < PATIENCE, "{report}");
    for script in &scripts {
        assert_eq!(script.next(), Asked::Abort, "all are told at once");
    }
}
