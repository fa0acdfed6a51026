//! The client's loop with a fake engine: no libtorrent, no network and no disk, so that miri and
//! the sanitizers can run it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::inbox::Intervals;
use super::owner::{Client, start};
use super::thread::StoreOptions;
use crate::add::{Defaults, Prepared};
use crate::engine::EngineEvent;
use crate::engine::fake::{Asked, Script, fake};
use crate::engine::sharded::Sharded;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::{Added, Job, RemoveFiles};
use crate::messages::member::{Member, OnLeave};
use crate::messages::request::{self, Ask, AskTorrent, ByAlert, RequestRole, Respond};
use crate::messages::service::Envelope;
use crate::model::{
    Answer, CommandKind, Event, EventKind, EventKinds, Existing, InfoHashV1, InfoHashes, Part,
    PerformanceLimit, PortMapper, PortProtocol, ReaderOptions, RemovedFiles, ResumeData,
    SavedFigures, TorrentId, TorrentState, TorrentStatus,
};
use crate::patron::Patron;
use crate::patron::messages::respond_to_message;
use crate::patron::respond;
use crate::reply::{Reply, one_shot};
use crate::settings::Settings;
use crate::store::{Change, Key, Loaded, Memory, Record, Store};

const PATIENCE: Duration = Duration::from_secs(20);

fn client() -> (Client, Script) {
    client_that_ticks(Duration::from_millis(20))
}

fn client_that_ticks(tick: Duration) -> (Client, Script) {
    client_with(Intervals { tick, resume_data: Duration::from_secs(3600) })
}

fn client_with(intervals: Intervals) -> (Client, Script) {
    client_of(intervals, None)
}

fn client_with_store(store: impl Store + 'static) -> (Client, Script) {
    let tick = Duration::from_millis(20);
    let options = StoreOptions { store: Box::new(store), totals: (0, 0), keeps_settings: true };
    client_of(Intervals { tick, resume_data: Duration::from_secs(3600) }, Some(options))
}

fn client_of(intervals: Intervals, store: Option<StoreOptions>) -> (Client, Script) {
    let (script, script_here) = crossbeam_channel::bounded(1);
    let client = start(Defaults::default(), intervals, Box::new(Vec::new), store, move |wake| {
        let (engine, its_script) = fake(wake);
        script.send(its_script).map_err(|_| Error::stopped("test"))?;
        Ok(engine)
    })
    .unwrap();
    (client, script_here.recv().unwrap())
}

fn hashes(number: u8) -> InfoHashes {
    InfoHashes { v1: Some(InfoHashV1([number; 20])), v2: None }
}

fn prepared(number: u8, move_to: Option<PathBuf>) -> Box<Prepared> {
    Box::new(Prepared {
        source: format!("{number}.torrent").into(),
        name: format!("torrent-{number}").into(),
        info_hashes: hashes(number),
        save_dir: "incomplete".into(),
        move_to,
        paused: false,
        complete: false,
        goals: Default::default(),
        replicas: 0,
        verify: false,
        distrust: None,
        stops_itself: false,
        kept: None,
        figures: None,
        params: Box::new(()),
    })
}

fn only(kinds: &[EventKind]) -> EventKinds {
    kinds.iter().copied().collect()
}

/// A patron without the part that reads sources with libtorrent.
struct Guest<'a> {
    client: &'a Client,
    member: Arc<Member>,
}

impl<'a> Guest<'a> {
    fn new(client: &'a Client) -> Self {
        Self { client, member: client.service.join() }
    }

    fn job<T>(&self, job: impl FnOnce(crate::reply::Responder<T>) -> Job) -> Reply<T> {
        let (responder, reply) = one_shot("test");
        let job = job(responder);
        let _ = self.client.service.send(Envelope { from: self.member.clone(), job });
        reply
    }

    fn ask<T: Send + 'static>(&self, id: TorrentId, ask: AskTorrent<T>) -> Reply<T> {
        self.job(|reply| Job::OfTorrent(id, ask.request, respond(reply)))
    }

    /// Sends `Command::Pause`.
    fn message_pause(&self, id: TorrentId) {
        let respond = respond_to_message(&self.member, CommandKind::Pause, id, None);
        self.message(Job::OfTorrent(id, request::pause(false).request, respond));
    }

    fn start(&self, number: u8) -> Reply<Added> {
        self.job(|reply| Job::Add(prepared(number, None), Some(reply)))
    }

    fn remove_torrent(&self, id: TorrentId, files: RemoveFiles) -> Reply<()> {
        self.job(|reply| Job::Remove(id, files, Some(reply)))
    }

    fn message(&self, job: Job) {
        self.client.service.send(Envelope { from: self.member.clone(), job }).unwrap();
    }

    fn next(&self) -> Event {
        self.member.mailbox.recv_timeout(PATIENCE, "test").unwrap().unwrap()
    }

    fn subscribe(&self, kinds: EventKinds) {
        self.client.service.subscribe(&self.member, kinds);
    }

    fn leave(self) {
        self.client.service.leave(&self.member);
    }

    /// Returns when all commands that were sent before have been executed.
    fn barrier(&self) {
        let unknown = self.ask(TorrentId::next(), request::pause(false));
        assert_eq!(wait(unknown).unwrap_err().kind(), ErrorKind::NotFound);
    }
}

fn wait<T>(reply: Reply<T>) -> Result<T> {
    reply.wait_timeout(PATIENCE).expect("a reply in time")
}

fn created(started: Result<Added>) -> TorrentId {
    match started.unwrap() {
        Added::New(id) => id,
        other => panic!("{other:?}"),
    }
}

/// Adds a torrent and reads its `TorrentAdded`.
fn torrent(guest: &Guest<'_>, script: &Script, number: u8) -> TorrentId {
    let reply = guest.start(number);
    let id = script.accept();
    assert_eq!(created(wait(reply)), id);
    assert!(matches!(guest.next(), Event::TorrentAdded { id: told, .. } if told == id));
    id
}

/// Like `torrent`, but other events may be unread.
fn torrent_after(guest: &Guest<'_>, script: &Script, number: u8) -> TorrentId {
    let reply = guest.start(number);
    let id = script.accept();
    assert_eq!(created(wait(reply)), id);
    id
}

fn status(id: TorrentId) -> TorrentStatus {
    TorrentStatus::new(id, "")
}

fn busy(id: TorrentId) -> EngineEvent {
    let error = Error::new(ErrorKind::Io, "test", "too many open files");
    EngineEvent::AddFailed { id, error, busy: true }
}

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
    wait(watcher.job(|reply| Job::Watch(id, Some(reply)))).unwrap();
    wait(watcher.job(|reply| Job::Watch(id, Some(reply)))).unwrap();
    assert!(matches!(watcher.next(), Event::Status(_)));
    script.say(EngineEvent::Paused(id));
    assert!(matches!(watcher.next(), Event::Paused { .. }));
    assert!(matches!(owner.next(), Event::Paused { .. }));
    assert!(watcher.member.mailbox.try_recv().is_none(), "watched twice, told once");

    script.say(EngineEvent::Resumed(id));
    assert!(matches!(owner.next(), Event::Resumed { .. }));
    wait(watcher.job(|reply| Job::Unwatch(id, Some(reply)))).unwrap();
    assert!(watcher.member.mailbox.try_recv().is_none(), "what was unread is dropped");
    script.say(EngineEvent::Finished(id));
    assert!(matches!(owner.next(), Event::Finished { .. }));
    assert!(watcher.member.mailbox.try_recv().is_none());
}

#[test]
fn waiting_for_completion_ends_once_also_if_an_error_prevents_it() {
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let wait_for = |id| guest.job(|reply| Job::WaitUntilFinished(id, reply));
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

#[test]
fn a_reader_that_is_opened_ends_with_the_reason_when_its_torrent_stops() {
    use crate::messages::reading::{Opening, Then};
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
        let open = || {
            let due = std::time::Instant::now() + PATIENCE;
            let (part, options) = (Part::Piece(0), ReaderOptions::default());
            guest.job(|reply| {
                let then = Then::Bytes(reply, due);
                Job::OpenReader(Box::new(Opening { torrent: id, part, options, then }))
            })
        };
        let reply = open();
        not_yet(waits);
        guest.barrier();
        script.say(stop(id, error.clone()));
        not_yet(waits);
        assert_eq!(wait(reply).unwrap_err().kind(), ends);
        let reply = open();
        not_yet(waits);
        assert_eq!(wait(reply).unwrap_err().kind(), ends, "it is stopped still");
    }
}

#[test]
fn answers_that_are_late_hold_up_commands() {
    use crate::messages::service::COMMANDS;
    let (client, script) = client_that_ticks(Duration::from_secs(3600));
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    // As many as may be under way, of which libtorrent answers none.
    let replies: Vec<_> = (0..COMMANDS).map(|_| guest.job(Job::Statistics)).collect();
    assert_eq!(script.next(), Asked::Statistics);
    let held_up = guest.ask(id, request::pause(false));
    assert!(held_up.wait_timeout(Duration::from_millis(200)).is_none());
    script.say(EngineEvent::Statistics(Vec::new()));
    replies.into_iter().for_each(|reply| _ = wait(reply).unwrap());
    wait(held_up).unwrap();
}

#[test]
fn a_patron_gets_the_kinds_that_it_wants_and_no_other() {
    let (client, script) = client();
    let (owner, watcher) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&owner, &script, 1);
    wait(watcher.job(|reply| Job::Watch(id, Some(reply)))).unwrap();
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
    watcher.message(Job::Status(id, None));
    watcher.barrier();
    (0..100).for_each(|_| script.say(EngineEvent::Statuses(Vec::new())));
    assert!(matches!(watcher.next(), Event::Status(_)));
    watcher.message(Job::Add(prepared(2, None), None));
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
        let _reply = guest.start(number);
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
fn of_many_torrents_that_are_not_restored_the_latest_are_told_to_who_comes_later() {
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
fn a_torrent_is_not_started_twice() {
    let (client, script) = client();
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let id = torrent(&one, &script, 1);
    assert_eq!(wait(two.start(1)).unwrap(), Added::Existing(id));
    assert_eq!(script.next(), Asked::Merge(id));
    two.message(Job::Add(prepared(1, None), None));
    assert!(matches!(two.next(), Event::AlreadyAdded { id: known, .. } if known == id));
}

/// The second add arrives while the engine is working on the first.
#[test]
fn two_starts_at_once_give_one_torrent() {
    let (client, script) = client();
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let first = one.start(1);
    let second = two.start(1);
    let id = script.accept();
    assert_eq!(wait(first).unwrap(), Added::New(id));
    assert_eq!(wait(second).unwrap(), Added::Existing(id));
}

#[test]
fn a_start_is_tried_again_while_the_engine_is_busy() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.start(1);
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    for _ in 0..3 {
        script.say(busy(id));
        assert_eq!(script.next(), Asked::RetryAdd(id));
    }
    script.say(EngineEvent::Added { id, name: "n".into(), info_hashes: hashes(1) });
    assert_eq!(created(wait(reply)), id);
    assert!(matches!(guest.next(), Event::TorrentAdded { .. }));
    assert!(guest.member.mailbox.try_recv().is_none(), "the caller sees one answer");
}

#[test]
fn a_torrent_is_stored_once_while_its_add_is_tried_again() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let (one, two) = (Guest::new(&client), Guest::new(&client));
    let first = one.start(1);
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    // Then it is tried again only after a while.
    for _ in 0..5 {
        script.say(busy(id));
        assert_eq!(script.next(), Asked::RetryAdd(id));
    }
    script.say(busy(id));
    one.barrier();
    let second = two.start(1);
    assert_eq!(script.next(), Asked::RetryAdd(id), "and no other add");
    script.say(EngineEvent::Added { id, name: String::new(), info_hashes: Default::default() });
    assert_eq!(created(wait(first)), id);
    assert!(matches!(wait(second).unwrap(), Added::Existing(known) if known == id));
    assert_eq!((store.records().len(), store.commits()), (1, 1));
    client.shutdown(Duration::ZERO).wait();
}

/// A store that is not as good as its memory.
#[derive(Default)]
struct Poor {
    memory: Memory,
    /// Only the first torrent can be read.
    half_read: bool,
    /// Each commit waits for one of these, until there will be no more.
    may_commit: Option<crossbeam_channel::Receiver<()>>,
}

impl Store for Poor {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Arc<[u8]>>> {
        self.memory.state()
    }

    fn count(&mut self) -> Result<u64> {
        self.memory.count()
    }

    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
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
    assert_eq!(wait(guest.start(1)).unwrap_err().kind(), ErrorKind::Disk);
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
        let error = wait(guest.start(number)).unwrap_err();
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
fn a_start_that_fails_is_answered_once_and_leaves_nothing_behind() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.start(1);
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    let error = Error::new(ErrorKind::Native, "test", "no");
    script.say(EngineEvent::AddFailed { id, error, busy: false });
    assert_eq!(wait(reply).unwrap_err().kind(), ErrorKind::Native);
    assert_eq!(script.next(), Asked::Forget(id));
    assert!(guest.member.mailbox.try_recv().is_none());
    assert!(client.service.statuses.ids().is_empty());
    torrent(&guest, &script, 1);
}

#[test]
fn a_torrent_that_is_being_closed_can_be_started_again_and_waits_for_that() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let old = torrent(&guest, &script, 1);
    let close = guest.remove_torrent(old, RemoveFiles::Delete);
    assert_eq!(script.next(), Asked::Remove(old, true));
    let again = guest.start(1);
    script.say(EngineEvent::Removed(old));
    // The files are still being deleted: the torrent must not be added yet.
    guest.barrier();
    assert!(script.is_quiet());
    script.say(EngineEvent::Deleted(old));
    wait(close).unwrap();
    let new = script.accept();
    assert_ne!(created(wait(again)), old);
    assert!(matches!(
        guest.next(),
        Event::TorrentRemoved { id, files: RemovedFiles::Deleted, .. } if id == old
    ));
    assert!(matches!(guest.next(), Event::TorrentAdded { id, .. } if id == new));
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
    let label =
        |name: &str| wait(guest.job(|reply| Job::SetLabel(id, name.into(), true, reply))).unwrap();
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
fn files_that_could_not_be_deleted_are_reported_by_reply_and_event() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let close = guest.remove_torrent(id, RemoveFiles::Delete);
    let error = Error::new(ErrorKind::Io, "delete the files", "permission denied");
    script.say(EngineEvent::Removed(id));
    script.say(EngineEvent::DeleteFailed { id, error });
    assert_eq!(wait(close).unwrap_err().kind(), ErrorKind::Io);
    assert!(matches!(
        guest.next(),
        Event::TorrentRemoved { files: RemovedFiles::NotDeleted(_), .. }
    ));
}

#[test]
fn commands_for_a_torrent_that_is_gone_fail_by_reply_or_by_event() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let close = guest.remove_torrent(id, RemoveFiles::Keep);
    let second = guest.remove_torrent(id, RemoveFiles::Keep);
    assert_eq!(wait(second).unwrap_err().kind(), ErrorKind::Gone);
    script.say(EngineEvent::Removed(id));
    wait(close).unwrap();
    assert!(matches!(guest.next(), Event::TorrentRemoved { .. }));
    let kind = |result: Result<()>| result.unwrap_err().kind();
    assert_eq!(kind(wait(guest.remove_torrent(id, RemoveFiles::Keep))), ErrorKind::NotFound);
    assert_eq!(kind(wait(guest.ask(id, request::resume()))), ErrorKind::NotFound);
    guest.message_pause(id);
    assert!(matches!(
        guest.next(),
        Event::CommandFailed { command: CommandKind::Pause, id: told, .. } if told == id
    ));
}

#[test]
fn a_finished_torrent_moves_to_its_place_once() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let reply = guest.job(|r| Job::Add(prepared(1, Some("done".into())), Some(r)));
    let id = script.accept();
    created(wait(reply));
    assert!(matches!(guest.next(), Event::TorrentAdded { .. }));
    script.say(EngineEvent::Finished(id));
    assert!(matches!(guest.next(), Event::Finished { .. }));
    assert_eq!(script.next(), Asked::MoveStorage(id, "done".into()));
    script.say(EngineEvent::Moved { id, to: "done".into() });
    assert!(matches!(guest.next(), Event::Moved { .. }));
    script.say(EngineEvent::Finished(id));
    assert!(matches!(guest.next(), Event::Finished { .. }));
    guest.barrier();
    assert!(script.is_quiet());
}

#[test]
fn a_patron_chooses_what_happens_to_its_torrents_when_it_leaves() {
    let (client, script) = client();
    for (number, policy) in [(1, OnLeave::KeepSeeding), (2, OnLeave::Pause), (3, OnLeave::Remove)] {
        let (guest, other) = (Guest::new(&client), Guest::new(&client));
        guest.member.set_on_leave(policy);
        let id = torrent(&guest, &script, number);
        guest.leave();
        other.barrier();
        match policy {
            OnLeave::KeepSeeding => {
                assert!(script.is_quiet());
            }
            OnLeave::Pause => assert_eq!(script.next(), Asked::Pause(id)),
            OnLeave::Remove => {
                assert_eq!(script.next(), Asked::Remove(id, false));
                script.say(EngineEvent::Removed(id));
                continue;
            }
        }
        assert!(client.service.statuses.get(id).is_some());
    }
}

/// The patron sends its command before it leaves. The torrent is added after it has left.
#[test]
fn a_patron_that_leaves_while_its_torrent_is_being_started_is_still_obeyed() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    guest.member.set_on_leave(OnLeave::Remove);
    let _reply = guest.start(1);
    guest.leave();
    let Asked::Add(id) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::Added { id, name: "n".into(), info_hashes: hashes(1) });
    assert_eq!(script.next(), Asked::Remove(id, false));
    script.say(EngineEvent::Removed(id));
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
    let reply = guest.job(|reply| Job::Status(id, Some(reply)));
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
fn lost_events_are_compensated() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let (done, gone, kept) =
        (torrent(&guest, &script, 1), torrent(&guest, &script, 2), torrent(&guest, &script, 3));
    let lost = guest.start(4);
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
    let retried = guest.start(1);
    let Asked::Add(retried_id) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::Dropped);
    assert_eq!(script.next(), Asked::EveryStatus);
    // The engine gets both after it was asked.
    script.say(busy(retried_id));
    assert_eq!(script.next(), Asked::RetryAdd(retried_id));
    let late = guest.start(2);
    let Asked::Add(late_id) = script.next() else { panic!("expected an add") };
    script.say(EngineEvent::EveryStatus(Vec::new()));
    for (reply, id) in [(retried, retried_id), (late, late_id)] {
        let (name, info_hashes) = (String::new(), InfoHashes::default());
        script.say(EngineEvent::Added { id, name, info_hashes });
        assert_eq!(created(wait(reply)), id);
    }
}

#[test]
fn a_deletion_under_way_when_events_are_lost_ends_with_its_own_result() {
    let store = Memory::new();
    let (client, script) = client_with_store(store.clone());
    let guest = Guest::new(&client);
    let id = torrent_after(&guest, &script, 1);
    let close = guest.remove_torrent(id, RemoveFiles::Delete);
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
    assert_eq!(wait(close).unwrap_err().kind(), ErrorKind::Io);
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
    let taken = guest.start(1);
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
    drop(guest.ask(id, request::resume_data(ByAlert::resume_data(), false, RequestRole::Saves)));
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
    wait(guest.job(|reply| Job::WatchAll(true, reply))).unwrap();
    let (request, saved) = save(&script);
    assert_eq!(saved, id);
    give(&script, request, b"data", figures(1));
    let mut events = std::iter::from_fn(|| Some(guest.next()));
    let event = events.find(|event| matches!(event, Event::ResumeData { .. })).unwrap();
    assert_eq!(resume_data(&event), b"data");
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
            let reply = guest.start(number);
            let id = script.accept();
            assert_eq!(created(wait(reply)), id);
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
    guest.message(Job::OfTorrent(removed, peers.request, respond));
    let close = guest.remove_torrent(removed, RemoveFiles::Keep);
    assert!(matches!(script.next(), Asked::OfTorrent(_, id, _) if id == removed));
    assert_eq!(script.next(), Asked::Remove(removed, false));
    script.say(EngineEvent::Removed(removed));
    wait(close).unwrap();
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
    let finished = guest.job(|reply| Job::WaitUntilFinished(id, reply));
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
    let reply = guest.job(|reply| Job::ListenAddresses(None, reply));
    let address = "127.0.0.1:6881".parse().unwrap();
    script.say(EngineEvent::ListensAt(vec![address]));
    while script.asked.recv_timeout(PATIENCE).unwrap() != Asked::Statuses {}
    script.say(EngineEvent::Statuses(Vec::new()));
    assert_eq!(wait(reply).unwrap(), [address]);
    assert_eq!(wait(guest.job(|reply| Job::ListenAddresses(None, reply))).unwrap(), [address]);
    assert!(matches!(guest.next(), Event::Listening { .. }));
}

#[test]
fn a_window_of_starts_holds_back_more_commands_and_shutdown_answers_all() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let mut replies: Vec<_> = (0..u16::try_from(3 * 512).unwrap())
        .map(|number| {
            let mut start = prepared(0, None);
            let mut hash = [0; 20];
            hash[..2].copy_from_slice(&number.to_le_bytes());
            start.info_hashes.v1 = Some(InfoHashV1(hash));
            guest.job(|reply| Job::Add(start, Some(reply)))
        })
        .collect();
    for _ in 0..512 {
        assert!(matches!(script.next(), Asked::Add(_)));
    }
    drop(guest);
    let mut script = script;
    script.teardown = None;
    let report = client.shutdown(PATIENCE).wait();
    let adds = script.asked.try_iter().filter(|asked| matches!(asked, Asked::Add(_))).count();
    assert_eq!(adds, 0, "the window is 512");
    assert_eq!(report.unanswered, 3 * 512);
    assert!(!report.is_clean());
    for reply in &mut replies {
        assert_eq!(reply.try_take().unwrap().unwrap_err().kind(), ErrorKind::Stopped);
    }
}

#[test]
fn a_shutdown_waits_for_deletions() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let id = torrent(&guest, &script, 1);
    let close = guest.remove_torrent(id, RemoveFiles::Delete);
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
    wait(close).unwrap();
    assert!(report.is_clean(), "{report}");
    drop(deleter.join().unwrap());
}

#[test]
fn a_shutdown_keeps_its_deadline_and_reports_unfinished_work() {
    let (client, script) = client();
    let guest = Guest::new(&client);
    let (deleted, moved) = (torrent(&guest, &script, 1), {
        let reply = guest.job(|r| Job::Add(prepared(2, Some("done".into())), Some(r)));
        let id = script.accept();
        created(wait(reply));
        id
    });
    script.say(EngineEvent::Finished(moved));
    assert_eq!(script.next(), Asked::MoveStorage(moved, "done".into()));
    let close = guest.remove_torrent(deleted, RemoveFiles::Delete);
    assert_eq!(script.next(), Asked::Remove(deleted, true));
    let member = guest.member.clone();
    drop(guest);
    let report = client.shutdown(Duration::from_millis(50)).wait();
    assert_eq!(report.deletions_unfinished, [deleted]);
    assert_eq!(report.moves_unfinished, [moved]);
    assert!(!report.engine_ended);
    assert!(report.took < PATIENCE);
    assert_eq!(wait(close).unwrap_err().kind(), ErrorKind::Stopped);
    let last = std::iter::from_fn(|| member.mailbox.try_recv()).last();
    assert!(matches!(last, Some(Event::ClientStopped { error: None })));
    drop(script);
}

#[test]
fn a_shutdown_waits_for_moves_that_the_store_has_yet_to_have_and_counts_what_it_refuses() {
    let (commit, may_commit) = crossbeam_channel::unbounded();
    let store = Poor { may_commit: Some(may_commit), ..Poor::default() };
    let (client, script) = client_with_store(store);
    let guest = Guest::new(&client);
    let moved = {
        commit.send(()).unwrap();
        let reply = guest.start(1);
        let id = script.accept();
        assert_eq!(created(wait(reply)), id);
        id
    };
    let to = request::move_files("there".into(), Existing::Fail);
    let moving = guest.ask(moved, to);
    guest.barrier();
    let labels: [Reply<()>; 2] = std::array::from_fn(|_| {
        guest.job(|reply| Job::SetLabel(moved, "films".into(), true, reply))
    });
    guest.barrier();
    let service = client.service.clone();
    let engine = std::thread::spawn(move || {
        while service.check_running("test").is_ok() {
            std::thread::yield_now();
        }
        commit.send(()).unwrap();
        assert_eq!(script.next(), Asked::MoveStorage(moved, "there".into()));
        (commit, script)
    });
    let report = client.shutdown(Duration::from_millis(500)).wait();
    assert_eq!((&report.moves_unfinished[..], report.unanswered), (&[moved][..], 3), "{report}");
    assert_eq!(wait(moving).unwrap_err().kind(), ErrorKind::Stopped);
    for label in labels {
        assert_eq!(wait(label).unwrap_err().kind(), ErrorKind::Stopped);
    }
    drop(engine.join().unwrap());
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
    let moving = guest.ask(id, request::move_files(to.clone(), Existing::Fail));
    assert_eq!(script.next(), Asked::MoveStorage(id, to.clone()));
    let peers = Ask::task("list the peers", |torrent| torrent.peers());
    drop(guest.ask(id, peers));
    let Asked::OfTorrent(next, ..) = script.next() else { panic!("expected the peers") };
    let full = Error::new(ErrorKind::Disk, "commit to the store", "the disk is full");
    memory.fail_with(Some(full));
    script.say(EngineEvent::Moved { id, to: to.clone() });
    script.say(EngineEvent::Answered { request: next - 1, answer: Ok(Box::new(to.clone())) });
    assert_eq!(wait(moving).unwrap_err().kind(), ErrorKind::Disk);
    assert!(memory.records()[0].moving.is_some());
    memory.fail_with(None);
    while !matches!(guest.next(), Event::StoreRecovered) {}
    let record = &memory.records()[0];
    assert_eq!((&record.save_dir, &record.moving), (&to, &None));
    client.shutdown(Duration::ZERO).wait();
}

#[cfg_attr(miri, ignore = "libtorrent reads the resume data")]
#[test]
fn torrents_that_are_being_restored_are_no_unanswered_commands() {
    use crate::add::{AddOptions, Source, prepare_for_store};
    let magnet = Source::from_text("magnet:?xt=urn:btih:0101010101010101010101010101010101010101");
    let options = AddOptions::default().save_dir("d");
    let mut prepared = prepare_for_store(&magnet, &options, &Defaults::default()).unwrap();
    prepared.keep().unwrap();
    let mut record = Record::new(Key::new(1).unwrap(), prepared.info_hashes, "d");
    record.resume_data = prepared.kept.unwrap().resume_data;
    let memory = Memory::new();
    memory.clone().commit(&[Change::Add(Box::new(record))]).unwrap();
    let (client, mut script) = client_with_store(memory);
    assert!(matches!(script.next(), Asked::Add(_)));
    script.teardown = None;
    assert_eq!(client.shutdown(Duration::ZERO).wait().unanswered, 0);
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
    let reply = guest.start(1);
    let Asked::Add(_) = script.next() else { panic!("expected an add") };
    // The fake engine's `tell` ignores a script that is gone; its teardown does not matter here.
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
            Some(StoreOptions { store, totals: (0, 0), keeps_settings: true }),
            |_| Err::<crate::engine::fake::FakeEngine, _>(Error::new(ErrorKind::Io, "test", "no")),
        );
        assert_eq!(failed.unwrap_err().kind(), ErrorKind::Io);
    }
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

/// A client whose engine has several shards.
fn client_of_shards<const N: usize>(tick: Duration) -> (Client, [Script; N]) {
    let (script, scripts) = crossbeam_channel::unbounded();
    let intervals = Intervals { tick, resume_data: Duration::from_secs(3600) };
    let client = start(Defaults::default(), intervals, Box::new(Vec::new), None, move |wake| {
        Sharded::start(N, &Settings::empty(), |_| {
            let (engine, its_script) = fake(wake.clone());
            script.send(its_script).map_err(|_| Error::stopped("test"))?;
            Ok(engine)
        })
    })
    .unwrap();
    (client, std::array::from_fn(|_| scripts.recv().unwrap()))
}

#[test]
fn lost_events_are_compensated_only_in_their_shard() {
    let (client, scripts) = client_of_shards::<2>(Duration::from_millis(20));
    let guest = Guest::new(&client);
    // Torrents with an odd info hash are in the second shard.
    let here = torrent(&guest, &scripts[0], 2);
    let gone = torrent(&guest, &scripts[1], 3);
    let coming = guest.start(4);
    let Asked::Add(coming_id) = scripts[0].next() else { panic!("expected an add") };
    let lost = guest.start(5);
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
    assert_eq!(created(wait(coming)), coming_id);
}

#[test]
fn an_add_after_lost_events_stays_in_its_shard() {
    let (client, scripts) = client_of_shards::<2>(Duration::from_millis(20));
    let guest = Guest::new(&client);
    scripts[1].say(EngineEvent::Dropped);
    assert_eq!(scripts[1].next(), Asked::EveryStatus);
    let late = guest.start(3);
    let Asked::Add(id) = scripts[1].next() else { panic!("expected an add") };
    scripts[1].say(EngineEvent::EveryStatus(Vec::new()));
    let (name, info_hashes) = (String::new(), InfoHashes::default());
    scripts[1].say(EngineEvent::Added { id, name, info_hashes });
    assert_eq!(created(wait(late)), id);
    let _paused = guest.ask(id, request::pause(false));
    assert_eq!(scripts[1].next(), Asked::Pause(id));
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
