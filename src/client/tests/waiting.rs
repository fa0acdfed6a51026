//! Replies that come later, and commands that wait.

use std::time::Instant;

use super::*;
use crate::messages::reading::{Opening, Purpose};
use crate::model::{Answer, ReadTarget, ReaderOptions};

#[test]
fn waiting_for_completion_ends_once_also_if_an_error_prevents_it() {
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let wait_for = |id| guest.command(|reply| ClientCommand::WaitUntilFinished(id, reply));
    assert_eq!(wait(wait_for(TorrentId::next())).unwrap_err().kind(), ErrorKind::NotFound);

    let (reply, other) = (wait_for(id), wait_for(id));
    guest.barrier();
    assert!(!reply.is_ready());
    let error = Error::new(ErrorKind::Disk, "write the file", "the disk is full");
    script.say(EngineEvent::Failed { id, error: error.clone() });
    for reply in [reply, other] {
        assert_eq!(wait(reply).unwrap_err(), error);
    }

    assert_eq!(wait(wait_for(id)).unwrap_err(), error, "it is stopped still");
    wait(guest.ask(id, request::resume())).unwrap();
    assert_eq!(script.next(), Asked::Resume(id));

    let has_status = |status: TorrentStatus| {
        script.say(EngineEvent::Statuses(vec![status]));
        script.say(EngineEvent::Checked(id));
        while !matches!(guest.next(), Event::Checked { .. }) {}
    };
    // All data has been downloaded, but the last of it has not been written.
    let waits_for_the_end = |downloaded| {
        let reply = wait_for(id);
        guest.barrier();
        has_status(TorrentStatus { finished: true, downloaded, ..status(id) });
        assert!(!reply.is_ready());
        script.say(EngineEvent::Finished(id));
        wait(reply).unwrap();
    };
    waits_for_the_end(1);
    wait(wait_for(id)).unwrap();

    // More files are selected: the earlier report does not count for them.
    has_status(TorrentStatus { downloaded: 1, ..status(id) });
    waits_for_the_end(2);

    // A torrent with trusted data is never reported as finished; only its status shows it.
    let trusted = torrent_after(&guest, &script, 2);
    let reply = wait_for(trusted);
    guest.barrier();
    let complete = TorrentStatus { finished: true, ..status(trusted) };
    script.say(EngineEvent::Statuses(vec![complete]));
    wait(reply).unwrap();

    let removed = torrent_after(&guest, &script, 3);
    let reply = wait_for(removed);
    guest.barrier();
    script.say(EngineEvent::Removed(removed));
    assert_eq!(wait(reply).unwrap_err().kind(), ErrorKind::Gone);
    let stopped = torrent_after(&guest, &script, 4);
    let reply = wait_for(stopped);
    guest.barrier();
    client.shutdown(PATIENCE).wait();
    assert_eq!(wait(reply).unwrap_err().kind(), ErrorKind::Stopped);
}

/// Opens a reader that reads a piece and is then closed.
fn open_once(guest: &Guest<'_>, torrent: TorrentId) -> Reply<Vec<u8>> {
    let due = Instant::now() + PATIENCE;
    let (target, options) = (ReadTarget::Piece(0), ReaderOptions::default());
    guest.command(|reply| {
        let purpose = Purpose::Bytes(reply, due);
        ClientCommand::OpenReader(Box::new(Opening { torrent, target, options, purpose }))
    })
}

#[test]
fn a_reader_that_is_opened_ends_with_the_reason_when_its_torrent_stops() {
    use crate::messages::request::OPEN_READER;
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let not_yet = |why| loop {
        if let Asked::OfTorrent(request, _, OPEN_READER) = script.next() {
            let answer = Err(Error::new(why, "test", "not yet"));
            return script.say(EngineEvent::Answered { request, answer });
        }
    };
    let error = Error::new(ErrorKind::Disk, "check the file", "the disk has failed");
    let stops: [fn(TorrentId, Error) -> EngineEvent; 2] =
        [|id, _| EngineEvent::Paused(id), |id, error| EngineEvent::Failed { id, error }];
    let ends =
        [(ErrorKind::NoMetadata, ErrorKind::NotDownloaded), (ErrorKind::Busy, ErrorKind::Disk)];
    for (number, (stop, (waits, ends))) in stops.into_iter().zip(ends).enumerate() {
        let id = torrent_after(&guest, &script, number as u8);
        let reply = open_once(&guest, id);
        not_yet(waits);
        guest.barrier();
        script.say(stop(id, error.clone()));
        not_yet(waits);
        assert_eq!(wait(reply).unwrap_err().kind(), ends);
        let reply = open_once(&guest, id);
        not_yet(waits);
        assert_eq!(wait(reply).unwrap_err().kind(), ends, "it is stopped still");
    }
}

/// The event of an earlier pause may come after the request to resume.
#[test]
fn a_reader_of_a_torrent_that_is_being_resumed_waits_for_its_status() {
    use crate::messages::request::OPEN_READER;
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    // Until all requests are answered.
    let status_is = |id, paused| {
        guest.barrier();
        for _ in 0..100 {
            script.say(EngineEvent::Statuses(vec![TorrentStatus { paused, ..status(id) }]));
        }
    };
    let looks = || loop {
        if let Asked::OfTorrent(request, _, OPEN_READER) = script.next() {
            let answer = Err(Error::new(ErrorKind::NoMetadata, "test", "not yet"));
            return script.say(EngineEvent::Answered { request, answer });
        }
    };
    for (number, ends) in [(1, false), (2, true)] {
        let id = torrent_after(&guest, &script, number);
        wait(guest.ask(id, request::pause(false))).unwrap();
        wait(guest.ask(id, request::resume())).unwrap();
        let reply = open_once(&guest, id);
        looks();
        script.say(EngineEvent::Paused(id));
        guest.barrier();
        assert!(!reply.is_ready());
        status_is(id, ends);
        if ends {
            looks();
            assert_eq!(wait(reply).unwrap_err().kind(), ErrorKind::NotDownloaded);
        } else {
            script.say(EngineEvent::Checked(id));
            looks();
            guest.barrier();
            assert!(!reply.is_ready(), "it was resumed");
        }
    }
}

/// libtorrent reports a pause late.
#[test]
fn a_pause_that_is_reported_after_the_torrent_was_resumed_is_verified() {
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    wait(guest.ask(id, request::pause(false))).unwrap();
    wait(guest.ask(id, request::resume())).unwrap();
    for is_paused in [false, true] {
        script.say(EngineEvent::Paused(id));
        let request = loop {
            if let Asked::OfTorrent(request, _, request::IS_PAUSED) = script.next() {
                break request;
            }
        };
        let answer: Result<Answer> = Ok(Box::new(is_paused));
        script.say(EngineEvent::Answered { request, answer });
        script.say(EngineEvent::Resumed(id));
        let is_either =
            |event: &Event| matches!(event, Event::Paused { .. } | Event::Resumed { .. });
        let first = std::iter::repeat_with(|| guest.next()).find(is_either);
        assert_eq!(matches!(first, Some(Event::Paused { .. })), is_paused, "{first:?}");
    }
}

#[test]
fn answers_that_are_late_hold_up_commands() {
    use crate::messages::service::COMMANDS;
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    // As many as may be under way, of which libtorrent answers none.
    let replies: Vec<_> = (0..COMMANDS).map(|_| guest.command(ClientCommand::Statistics)).collect();
    assert_eq!(script.next(), Asked::Statistics);
    let held_up = guest.ask(id, request::pause(false));
    assert!(held_up.wait_timeout(Duration::from_millis(200)).is_none());
    script.say(EngineEvent::Statistics(Vec::new()));
    replies.into_iter().for_each(|reply| _ = wait(reply).unwrap());
    wait(held_up).unwrap();
}
