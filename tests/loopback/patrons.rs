//! Many patrons share one client.

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use torrent_patron::error::ErrorKind;
use torrent_patron::patron::{Added, Command, CommandKind, OnLeave, RemoveFiles};
use torrent_patron::{AddOptions, Client, Event, Patron, Source};

use crate::await_event;
use crate::support::{PATIENCE, address, builder, client, data, finished, metainfo, wait_for};

#[test]
fn each_event_reaches_the_patron_that_started_the_torrent() {
    const PATRONS: usize = 100;
    let dir = tempfile::tempdir().unwrap();
    let (from, to) = (dir.path().join("from"), dir.path().join("to"));
    let (seeder, leecher) = (client(&from), client(&to));
    let source = seeder.patron();
    let peer = address(&source);
    let torrents: Vec<_> = (0..PATRONS)
        .map(|n| {
            let metainfo = metainfo(&data(&from, &format!("{n}.bin"), n as u64, 40_000));
            let options = AddOptions::default().trust(true);
            source.add_torrent(&metainfo, options).wait().unwrap();
            metainfo
        })
        .collect();

    let patrons: Vec<Patron> = torrents.iter().map(|_| leecher.patron()).collect();
    std::thread::scope(|scope| {
        for (n, (patron, metainfo)) in patrons.iter().zip(&torrents).enumerate() {
            scope.spawn(move || {
                let options = AddOptions::default().add_peers([peer]);
                let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
                let mut mine = HashSet::new();
                let name = wait_for(patron, "Finished", |event| {
                    mine.extend(event.torrent());
                    match event {
                        Event::Finished { name, .. } => Some(name.clone()),
                        _ => None,
                    }
                });
                assert_eq!(&*name, format!("{n}.bin"));
                assert_eq!(mine, HashSet::from([id]), "an event of another patron's torrent");
            });
        }
    });
    assert_eq!(patrons[0].torrents().len(), PATRONS);
    for n in 0..PATRONS {
        let name = format!("{n}.bin");
        assert!(crate::support::same(&from.join(&name), &to.join(&name)));
    }
}

#[test]
fn a_second_patron_watches_the_torrent_that_a_first_started() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 100_000));
    let client = client(dir.path());
    let (first, second) = (client.patron(), client.patron());
    let id = first.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&first, id);
    let again = second.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
    assert_eq!(again, Added::Existing(id));
    second.watch(id).wait().unwrap();
    await_event!(second, Event::Status(status) if status.id == id);
    first.pause(id).wait().unwrap();
    await_event!(second, Event::Paused { .. });
    assert!(second.fresh_status(id).wait().unwrap().paused);
    second.unwatch(id).wait().unwrap();
    second.resume(id).wait().unwrap();
    await_event!(first, Event::Resumed { .. });
    assert!(second.try_recv().is_none_or(|event| event.torrent().is_none()));
}

#[test]
fn commands_sent_as_messages_are_answered_by_events() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 100_000));
    let client = client(dir.path());
    let patron = client.patron();
    let create = |source| Command::AddTorrent { source, options: AddOptions::default() };
    patron.send(create(Source::from(&metainfo))).unwrap();
    let id = await_event!(patron, Event::TorrentAdded { id, .. } => *id);
    finished(&patron, id);
    patron.send(create(Source::from(&metainfo))).unwrap();
    await_event!(patron, Event::AlreadyAdded { id: known, .. } if *known == id);
    patron.send(Command::Pause(id)).unwrap();
    await_event!(patron, Event::Paused { .. });
    patron.send(Command::Resume(id)).unwrap();
    await_event!(patron, Event::Resumed { .. });
    patron.send(Command::Status(id)).unwrap();
    await_event!(patron, Event::Status(status) if status.seeding && status.uploaded == 0);
    patron.send(Command::Metainfo(id)).unwrap();
    let bytes = await_event!(patron, Event::Metainfo { torrent_file, .. } => torrent_file.clone());
    let decoded = torrent_patron::metainfo::Metainfo::decode(&bytes).unwrap();
    assert_eq!(decoded.info_hashes, metainfo.info_hashes);
    patron.send(Command::RemoveTorrent { id, files: RemoveFiles::Keep }).unwrap();
    await_event!(patron, Event::TorrentRemoved { .. });
    patron.send(Command::Watch(id)).unwrap();
    await_event!(patron, Event::CommandFailed { command: CommandKind::Watch, .. });
    assert!(dir.path().join("data.bin").exists());
}

#[test]
fn the_torrents_of_a_patron_that_leaves_continue_pause_or_close() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let witness = client.patron();
    for (seed, policy) in [(1, OnLeave::KeepSeeding), (2, OnLeave::Pause), (3, OnLeave::Remove)] {
        let metainfo = metainfo(&data(dir.path(), &format!("{seed}.bin"), seed, 50_000));
        let patron = client.patron();
        patron.set_on_leave(policy);
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        witness.watch(id).wait().unwrap();
        drop(patron);
        match policy {
            OnLeave::Pause => await_event!(witness, Event::Paused { id: told, .. } if *told == id),
            OnLeave::Remove => {
                await_event!(witness, Event::TorrentRemoved { id: told, .. } if *told == id)
            }
            _ => assert!(!witness.fresh_status(id).wait().unwrap().paused),
        }
    }
    assert!(dir.path().join("3.bin").exists());
}

#[test]
fn several_clients_in_one_process_do_not_know_each_others_torrents() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    let (one, two) = (client(dir.path()), client(dir.path()));
    let (first, second) = (one.patron(), two.patron());
    assert_ne!(address(&first), address(&second));
    let id = first.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    assert_eq!(second.pause(id).wait().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(second.status(id).is_none());
    let other = second.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
    assert!(matches!(other, Added::New(theirs) if theirs != id));
}

/// A single test, because the shared client belongs to the process.
#[test]
fn the_shared_client_lives_from_its_first_patron_to_its_last() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    let join = || Patron::shared_with(builder(dir.path())).unwrap();
    let first = join();
    let second = join();
    let id = first.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    assert_eq!(second.torrents(), [id], "they share a client");
    let other = builder(dir.path()).setting("connections_limit", 7);
    let error = Patron::shared_with(other).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("other options"), "{error}");
    assert_eq!(Patron::shared().unwrap().torrents(), [id], "without a wish, as it is");
    let third = second.another();
    drop((first, second));
    assert_eq!(third.torrents(), [id], "the last one keeps it");
    let events = third.events();
    drop(third);
    drop(events);
    let later = join();
    assert!(later.torrents().is_empty(), "a new client");

    // The client thread cannot wait for its own end.
    struct Joins(Mutex<Option<torrent_patron::Result<Patron>>>);
    impl Wake for Joins {
        fn wake(self: Arc<Self>) {
            *self.0.lock().unwrap() = Some(Patron::shared());
        }
    }
    let joins = Arc::new(Joins(Mutex::new(None)));
    let magnet = "magnet:?xt=urn:btih:0101010101010101010101010101010101010101";
    let id = later.add_torrent(magnet, AddOptions::default()).wait().unwrap().id();
    let never = later.wait_until_finished(id);
    let waker = Waker::from(joins.clone());
    assert!(never.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    drop(later);
    let refused = joins.0.lock().unwrap().take().unwrap().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Busy, "{refused}");
}

#[test]
fn replies_and_events_are_awaited_without_a_runtime() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    let client = client(dir.path());
    let patron = client.patron();
    block_on(async {
        let started = patron.add_torrent(&metainfo, AddOptions::default()).await.unwrap();
        let mut events = pin!(patron.stream());
        loop {
            let next = std::future::poll_fn(|context| {
                futures_core::Stream::poll_next(events.as_mut(), context)
            });
            match next.await {
                Some(Event::Finished { id, .. }) => break assert_eq!(id, started.id()),
                Some(_) => {}
                None => panic!("the client has stopped"),
            }
        }
        patron.remove_torrent(started.id(), RemoveFiles::Keep).await.unwrap();
    });
}

/// The smallest executor: parks the thread until woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(std::thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    let deadline = std::time::Instant::now() + PATIENCE;
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        assert!(!left.is_zero(), "not ready in time");
        std::thread::park_timeout(left);
    }
}

#[test]
fn events_are_waited_for_by_select_and_by_poll() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    let client = client(dir.path());
    let patron = client.patron();
    let readiness = patron.ready_descriptor().unwrap();
    let ready = patron.ready_channel();
    patron
        .send(Command::AddTorrent {
            source: Source::from(&metainfo),
            options: AddOptions::default(),
        })
        .unwrap();
    let mut created = false;
    while !created {
        crossbeam_channel::select! {
            recv(ready) -> token => token.unwrap(),
            default(PATIENCE) => panic!("nothing came"),
        }
        created = matches!(patron.try_recv(), Some(Event::TorrentAdded { .. }));
    }
    // A blocking read on the descriptor returns once there is an event; it must not be a busy wait.
    let socket = std::os::unix::net::UnixStream::from(
        std::os::fd::AsFd::as_fd(&readiness).try_clone_to_owned().unwrap(),
    );
    while patron.try_recv().is_some() {}
    socket.set_nonblocking(false).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let waiter = std::thread::spawn(move || std::io::Read::read(&mut &socket, &mut [0]));
    let id = patron.torrents()[0];
    patron.pause(id).wait().unwrap();
    assert_eq!(waiter.join().unwrap().unwrap(), 1);
}

#[test]
fn handles_may_be_dropped_in_any_order_on_any_thread() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    for order in 0..6 {
        let client = client(dir.path());
        let patron = client.patron();
        let reply = patron.add_torrent(&metainfo, AddOptions::default());
        let events = patron.events();
        let (client, patron, rest) = (Some(client), Some(patron), Some((reply, events)));
        let mut parts: Vec<Box<dyn FnOnce() + Send>> = vec![
            Box::new(move || drop::<Option<Client>>(client)),
            Box::new(move || drop(patron)),
            Box::new(move || drop(rest)),
        ];
        parts.rotate_left(order % 3);
        if order >= 3 {
            parts.swap(1, 2);
            // All at once, each on its own thread.
            std::thread::scope(|scope| parts.into_iter().for_each(|part| drop(scope.spawn(part))));
        } else {
            parts.into_iter().for_each(|part| part());
        }
    }
}

#[test]
fn a_wrong_setting_is_refused_before_anything_starts() {
    let dir = tempfile::tempdir().unwrap();
    let error = builder(dir.path()).setting("conections_limit", 3).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(
        error.to_string(),
        "cannot set a libtorrent setting: there is no setting called \"conections_limit\"; did you \
         mean connections_limit?"
    );
    let error = builder(dir.path()).setting("user_agent", 3).start().unwrap_err();
    assert!(error.message().contains("user_agent must be a string, not a number"), "{error}");
}

#[test]
fn a_torrent_is_found_by_its_info_hashes_and_waited_for_until_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let from = client(&dir.path().join("from"));
    let metainfo = metainfo(&data(&dir.path().join("from"), "data.bin", 1, 300_000));
    let seeder = from.patron();
    assert_eq!(seeder.find(metainfo.info_hashes).wait().unwrap(), None);
    let here = seeder.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    assert_eq!(seeder.another().find(metainfo.info_hashes).wait().unwrap(), Some(here));
    let v1 = metainfo.info_hashes.v1.unwrap();
    assert_eq!(seeder.find(v1).wait().unwrap(), Some(here), "one of its hashes is enough");
    seeder.wait_until_finished(here).wait_timeout(PATIENCE).unwrap().unwrap();

    let to = client(&dir.path().join("to"));
    let patron = to.patron();
    let there = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    let complete = patron.wait_until_finished(there);
    assert!(complete.wait_timeout(Duration::from_millis(50)).is_none(), "it has no peer");
    patron.connect_peer(there, address(&seeder)).wait().unwrap();
    complete.wait_timeout(PATIENCE).unwrap().unwrap();
    assert!(patron.fresh_status(there).wait().unwrap().finished);
    let again = patron.wait_until_finished(there);
    again.wait_timeout(PATIENCE).unwrap().unwrap();
}

#[test]
fn trusted_data_is_complete_from_the_start() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 300_000));
    let client = client(dir.path());
    let patron = client.patron();
    let options = AddOptions::default().trust(true);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::TorrentAdded { complete: true, .. });
    patron.wait_until_finished(id).wait_timeout(PATIENCE).unwrap().unwrap();
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap();
    await_event!(patron, Event::TorrentAdded { complete: false, .. });
}
