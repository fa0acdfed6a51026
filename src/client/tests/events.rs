//! Which patron receives which event.

use super::*;
use crate::model::{Answer, PerformanceLimit, PortMapper, PortProtocol};

#[test]
fn an_event_reaches_the_patron_that_owns_the_torrent_and_no_other() {
    let (client, script) = client();
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let (a, b) = (torrent(&one, &script, 1), torrent(&two, &script, 2));
    script.say(EngineEvent::Finished(b));
    script.say(EngineEvent::Finished(a));
    assert!(matches!(one.next(), Event::Finished { id, .. } if id == a));
    assert!(matches!(two.next(), Event::Finished { id, .. } if id == b));
    assert!(one.member.mailbox.try_recv().is_none());
    assert!(two.member.mailbox.try_recv().is_none());
}

#[test]
fn a_watcher_gets_the_status_first_and_nothing_after_it_has_unwatched() {
    let (client, script) = client();
    let (owner, watcher) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&owner, &script, 1);
    wait(watcher.command(|reply| ClientCommand::Watch(id, Some(reply)))).unwrap();
    wait(watcher.command(|reply| ClientCommand::Watch(id, Some(reply)))).unwrap();
    assert!(matches!(watcher.next(), Event::Status(_)));
    script.say(EngineEvent::Paused(id));
    assert!(matches!(watcher.next(), Event::Paused { .. }));
    assert!(matches!(owner.next(), Event::Paused { .. }));
    assert!(watcher.member.mailbox.try_recv().is_none(), "watched twice, told once");

    script.say(EngineEvent::Resumed(id));
    assert!(matches!(owner.next(), Event::Resumed { .. }));
    wait(watcher.command(|reply| ClientCommand::Unwatch(id, Some(reply)))).unwrap();
    assert!(watcher.member.mailbox.try_recv().is_none(), "what was unread is dropped");
    script.say(EngineEvent::Finished(id));
    assert!(matches!(owner.next(), Event::Finished { .. }));
    assert!(watcher.member.mailbox.try_recv().is_none());
}

#[test]
fn a_patron_gets_the_kinds_that_it_wants_and_no_other() {
    let (client, script) = client();
    let (owner, watcher) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&owner, &script, 1);
    wait(watcher.command(|reply| ClientCommand::Watch(id, Some(reply)))).unwrap();
    assert!(matches!(watcher.next(), Event::Status(_)));
    owner.subscribe(EventKinds::DEFAULT.with(EventKind::PieceFinished));
    watcher.subscribe(only(&[EventKind::Finished]));
    script.say(EngineEvent::OfTorrent(Event::PieceFinished { id, name: Arc::default(), piece: 3 }));
    script.say(EngineEvent::Paused(id));
    script.say(EngineEvent::Finished(id));
    assert!(matches!(owner.next(), Event::PieceFinished { piece: 3, .. }));
    assert!(matches!(owner.next(), Event::Paused { .. }));
    assert!(matches!(owner.next(), Event::Finished { .. }));
    assert!(matches!(watcher.next(), Event::Finished { .. }));
    assert!(watcher.member.mailbox.try_recv().is_none());

    // Some events are always delivered, and so are the answers to messages.
    watcher.subscribe(EventKinds::NONE);
    assert_eq!(watcher.member.wanted(), EventKinds::ALWAYS);
    watcher.message_pause(TorrentId::next());
    assert!(matches!(watcher.next(), Event::CommandFailed { .. }));
    watcher.message(ClientCommand::Status(id, None));
    watcher.barrier();
    (0..100).for_each(|_| script.say(EngineEvent::Statuses(Vec::new())));
    assert!(matches!(watcher.next(), Event::Status(_)));
    watcher.message(ClientCommand::Add(prepared(2, None), None));
    let second = script.accept();
    assert!(matches!(watcher.next(), Event::TorrentAdded { id, .. } if id == second));
    script.say(EngineEvent::Finished(second));
    script.say(EngineEvent::Removed(second));
    assert!(matches!(watcher.next(), Event::TorrentRemoved { .. }));
}

/// The engine is told when a kind gets its first subscriber and when it loses its last.
#[test]
fn the_engine_is_asked_only_for_wanted_information() {
    let (client, script) = client();
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    assert_eq!(script.subscription(), only(&[EventKind::PeerBanned]));
    let pieces = EventKinds::DEFAULT.with(EventKind::PieceFinished);
    one.subscribe(pieces);
    assert_eq!(script.subscription(), only(&[EventKind::PeerBanned, EventKind::PieceFinished]));
    two.subscribe(pieces);
    one.subscribe(EventKinds::NONE);
    one.barrier();
    assert!(script.asked.try_iter().all(|asked| asked == Asked::Statuses), "two wants the same");
    two.leave();
    assert_eq!(script.subscription(), EventKinds::NONE);
    one.subscribe(only(&[EventKind::PeerConnected]));
    assert_eq!(script.subscription(), only(&[EventKind::PeerConnected]));
}

/// The results of requests that a patron makes after it has subscribed are reported to it.
#[test]
fn the_engine_knows_of_a_subscription_before_the_next_command() {
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    for number in 1..50 {
        let kind = [EventKind::PieceFinished, EventKind::FileCompleted][usize::from(number % 2)];
        guest.subscribe(only(&[kind]));
        let _reply = guest.add(number);
        let mut wanted = EventKinds::NONE;
        loop {
            match script.asked.recv_timeout(PATIENCE).unwrap() {
                Asked::Subscribe(kinds) => wanted = kinds,
                Asked::Add(_) => break,
                _ => {}
            }
        }
        assert_eq!(wanted, only(&[kind]));
    }
}

#[test]
fn an_error_of_the_session_reaches_every_patron() {
    let (client, script) = client();
    let patrons = [Guest::new(&client), Guest::new(&client)];
    let error = Error::new(ErrorKind::Native, "run libtorrent", "no more");
    script.say(EngineEvent::EngineFailed(error.clone()));
    for patron in patrons {
        assert!(matches!(patron.next(), Event::SessionError { error: told } if told == error));
    }
}

#[test]
fn settings_are_those_that_were_changed() {
    let (client, script) = client();
    let patron = client.patron();
    let mut change = Settings::empty();
    change.set("upload_rate_limit", 5).unwrap();
    let known = || client.service.shared_settings().get("upload_rate_limit").cloned();
    let refused = Err(Error::new(ErrorKind::Native, "test", "no"));
    for (answer, expected) in [(refused, None), (Ok(Box::new(()) as Answer), Some(5.into()))] {
        let reply = patron.apply_settings(&change);
        let Asked::OfSession(request, _) = script.next() else { panic!("expected a request") };
        assert_eq!(known(), None, "it is under way");
        script.say(EngineEvent::Answered { request, answer });
        let _ = wait(reply);
        assert_eq!(known(), expected);
    }
}

/// Loopback has neither routers nor external addresses.
#[test]
fn port_mappings_are_reported_to_every_patron_and_to_later_ones() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let (by, local) = (PortMapper::Upnp, "192.0.2.7".parse().unwrap());
    let mapped = |protocol, external_port| {
        EngineEvent::OfClient(Event::PortMapped { by, protocol, external_port, local })
    };
    let error = Error::new(ErrorKind::Native, "test", "no");
    script.say(EngineEvent::OfClient(Event::PortMappingFailed { by, local, error: error.clone() }));
    assert!(matches!(guest.next(), Event::PortMappingFailed { .. }));
    script.say(mapped(PortProtocol::Udp, 6881));
    script.say(mapped(PortProtocol::Tcp, 6881));
    script.say(mapped(PortProtocol::Tcp, 6882));
    for port in [6881, 6881, 6882] {
        assert!(matches!(
            guest.next(),
            Event::PortMapped { external_port, .. } if external_port == port
        ));
    }
    for address in ["198.51.100.1", "2001:db8::1", "198.51.100.2"] {
        let address = address.parse().unwrap();
        script.say(EngineEvent::OfClient(Event::ExternalAddress { address }));
        assert!(
            matches!(guest.next(), Event::ExternalAddress { address: told } if told == address)
        );
    }
    let by = PortMapper::NatPmp;
    script.say(EngineEvent::OfClient(Event::PortMappingFailed { by, local, error }));
    assert!(matches!(guest.next(), Event::PortMappingFailed { .. }));

    let late = Guest::new(&client);
    let news: Vec<_> = std::iter::from_fn(|| late.member.mailbox.try_recv())
        .map(|event| event.to_string())
        .collect();
    assert_eq!(
        news,
        [
            "UDP port 6881 of the router is forwarded to 192.0.2.7 (UPnP)",
            "TCP port 6882 of the router is forwarded to 192.0.2.7 (UPnP)",
            "the external address of this machine is 2001:db8::1",
            "the external address of this machine is 198.51.100.2",
            "the router does not forward a port to 192.0.2.7 (NAT-PMP): cannot test: no",
        ]
    );
}

#[test]
fn a_new_patron_gets_the_latest_restore_failures() {
    let (client, _script) = client();
    client.service.announce(&Event::Listening { address: "127.0.0.1:6881".parse().unwrap() });
    for number in 0..5000 {
        let error = Error::new(ErrorKind::Disk, "restore the torrent", "no such disk");
        let (name, info_hashes) = (format!("{number}").into(), InfoHashes::default());
        client.service.announce(&Event::RestoreFailed { name, info_hashes, error });
    }
    let took = Duration::ZERO;
    client.service.announce(&Event::Restored { torrents: 0, failed: 5000, took });
    let late = Guest::new(&client);
    let news: Vec<_> = std::iter::from_fn(|| late.member.mailbox.try_recv()).collect();
    assert!(matches!(news[0], Event::Listening { .. }), "{:?}", news[0]);
    let [.., Event::RestoreFailed { name, .. }, Event::Restored { failed: 5000, .. }] = &news[..]
    else {
        panic!("{news:?}")
    };
    assert_eq!((&**name, news.len()), ("4999", 256));
}

#[test]
fn statistics_come_each_tick_while_they_are_wanted() {
    let (client, script) = client();
    let (guest, other) = (Guest::new(&client), Guest::new(&client));
    guest.barrier();
    script.asked.try_iter().for_each(|asked| assert_ne!(asked, Asked::Statistics));
    guest.subscribe(only(&[EventKind::Statistics, EventKind::PerformanceWarning]));
    for _ in 0..3 {
        assert_eq!(script.next(), Asked::Statistics);
        script.say(EngineEvent::Statistics(Vec::new()));
        assert!(matches!(guest.next(), Event::Statistics(_)));
    }
    let limit = PerformanceLimit::TooFewDescriptors;
    script.say(EngineEvent::OfClient(Event::PerformanceWarning { id: None, name: None, limit }));
    assert!(matches!(guest.next(), Event::PerformanceWarning { id: None, .. }));
    assert!(other.member.mailbox.try_recv().is_none());
}

#[test]
fn a_fresh_status_is_fetched_after_the_request() {
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let asked_for_statuses = || loop {
        if script.asked.recv_timeout(PATIENCE).unwrap() == Asked::Statuses {
            break;
        }
    };
    let done = |total_done, id| {
        script.say(EngineEvent::Statuses(vec![TorrentStatus { total_done, ..status(id) }]));
    };
    asked_for_statuses(); // at the start
    let id = torrent(&guest, &script, 1);
    asked_for_statuses(); // because a torrent is new
    let reply = guest.command(|reply| ClientCommand::Status(id, Some(reply)));
    asked_for_statuses();
    done(1, id);
    done(2, id);
    assert!(matches!(guest.next(), Event::Status(_)));
    guest.barrier();
    assert!(reply.try_take().is_none(), "those answers were asked for before");
    done(3, id);
    let fresh = wait(reply).unwrap();
    assert_eq!((fresh.total_done, &*fresh.name), (3, "torrent-1"));
}

#[test]
fn the_same_error_is_reported_once_until_the_torrent_is_resumed() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let full = || EngineEvent::Failed {
        id,
        error: Error::from_code("write the file", "system", 28, "No space left on device"),
    };
    script.say(full());
    script.say(full());
    script.say(EngineEvent::Paused(id));
    assert!(matches!(guest.next(), Event::Error { .. }));
    assert!(matches!(guest.next(), Event::Paused { .. }));
    wait(guest.ask(id, request::resume())).unwrap();
    script.say(full());
    assert!(matches!(guest.next(), Event::Error { .. }));
}

#[test]
fn the_error_that_stopped_a_torrent_is_in_its_status_until_it_is_resumed() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let told = |paused| {
        script.say(EngineEvent::Statuses(vec![TorrentStatus { paused, ..status(id) }]));
        loop {
            if let Event::Status(status) = guest.next() {
                let known = client.service.statuses.get(id).unwrap();
                assert_eq!((known.paused, &known.error), (paused, &status.error));
                return status.error;
            }
        }
    };
    let cannot_read =
        |code, text| Error::from_code("read the file", "system", code, text).at_disk();
    let lost = cannot_read(2, "No such file or directory");
    script.say(EngineEvent::Failed { id, error: lost.clone() });
    assert_eq!(told(false), None, "it is not stopped yet");
    script.say(EngineEvent::Paused(id));
    assert_eq!(told(true), Some(lost.clone()));
    assert_eq!(told(true), Some(lost));

    wait(guest.ask(id, request::resume())).unwrap();
    assert_eq!(told(true), None, "it is being resumed");
    script.say(EngineEvent::Resumed(id));
    assert_eq!(told(false), None);

    // Whoever waits later is told, too.
    let lacking = cannot_read(24, "Too many open files");
    script.say(EngineEvent::Failed { id, error: lacking.clone() });
    assert_eq!(told(true), Some(lacking.clone()));
    let finished = guest.command(|reply| ClientCommand::WaitUntilFinished(id, reply));
    assert_eq!(wait(finished), Err(lacking));
    wait(guest.ask(id, request::resume())).unwrap();

    // An error that does not stop a torrent is not reported if the torrent was paused by a command.
    let error = Error::from_code("use the metadata", "libtorrent", 1, "wrong hash");
    script.say(EngineEvent::Failed { id, error });
    assert_eq!(told(true), None);
    wait(guest.ask(id, request::resume())).unwrap();
}

#[test]
fn a_torrent_that_resumes_has_no_error_in_the_table() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let error = Some(Error::from_code("write the file", "system", 28, "No space left on device"));
    let stopped = TorrentStatus { paused: true, error, ..status(id) };
    script.say(EngineEvent::Statuses(vec![stopped]));
    assert!(matches!(guest.next(), Event::Status(TorrentStatus { error: Some(_), .. })));
    script.say(EngineEvent::Resumed(id));
    assert!(matches!(guest.next(), Event::Resumed { .. }));
    guest.barrier();
    let known = client.service.statuses.get(id).unwrap();
    assert!(!known.paused && known.error.is_none(), "{known:?}");
}

#[test]
fn the_addresses_are_known_when_the_first_statuses_are() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.command(|reply| ClientCommand::ListenAddresses(None, reply));
    let address = "127.0.0.1:6881".parse().unwrap();
    script.say(EngineEvent::ListensAt(vec![address]));
    while script.asked.recv_timeout(PATIENCE).unwrap() != Asked::Statuses {}
    script.say(EngineEvent::Statuses(Vec::new()));
    assert_eq!(wait(reply).unwrap(), [address]);
    assert_eq!(
        wait(guest.command(|reply| ClientCommand::ListenAddresses(None, reply))).unwrap(),
        [address]
    );
    assert!(matches!(guest.next(), Event::Listening { .. }));
}

#[test]
fn a_tagged_message_is_answered_by_an_event_with_the_tag() {
    use crate::add::{AddOptions, Source};
    use crate::messages::command::Command;
    let (client, _script) = client();
    let patron = client.patron();
    let unknown = TorrentId::next();
    patron.send_tagged(Command::Pause(unknown), 7).unwrap();
    let event = patron.recv_timeout(PATIENCE).unwrap().unwrap();
    let Event::Reply { tag: 7, id, error: Some(error) } = event else { panic!("{event:?}") };
    assert_eq!((id, error.kind()), (Some(unknown), ErrorKind::NotFound));

    let add = || Command::AddTorrent {
        source: Source::from_text("none.torrent"),
        options: AddOptions::default(),
    };
    patron.try_send_tagged(add(), 8).unwrap();
    let event = patron.recv_timeout(PATIENCE).unwrap().unwrap();
    let Event::Reply { tag: 8, id: None, error: Some(error) } = event else { panic!("{event:?}") };
    assert_eq!(error.kind(), ErrorKind::Unreadable);

    let reply = patron.pause(unknown);
    patron.notify(&reply, 9);
    let event = patron.recv_timeout(PATIENCE).unwrap().unwrap();
    assert!(matches!(event, Event::Reply { tag: 9, id: None, error: None }), "{event:?}");
    assert!(reply.is_ready());

    client.shutdown(PATIENCE).wait();
    // The source is not even read.
    assert_eq!(patron.send(add()).unwrap_err().kind(), ErrorKind::Stopped);
    assert_eq!(patron.send_tagged(add(), 1).unwrap_err().kind(), ErrorKind::Stopped);
    let late = patron.add_torrent(Source::from_text("none.torrent"), AddOptions::default());
    assert_eq!(wait(late).unwrap_err().kind(), ErrorKind::Stopped);
}
