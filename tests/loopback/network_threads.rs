//! One client on several network threads.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use torrent_patron::error::ErrorKind;
use torrent_patron::file::OnConflict;
use torrent_patron::ip_filter::{IpFilter, IpRange};
use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::RemoveFiles;
use torrent_patron::peer::{PeerClass, PeerClassOptions, PeerClassRange};
use torrent_patron::statistics::Statistics;
use torrent_patron::torrent::{QueueMove, TorrentFlag};
use torrent_patron::{
    AddOptions, Client, ClientBuilder, Event, Patron, Settings, Source, TorrentId,
};

use crate::await_event;
use crate::support::{
    PATIENCE, address, builder, client, data, eventually, finished, metainfo, poll, same, skipped,
    until, wire,
};

const THREADS: usize = 3;

fn sharded(save_dir: &Path) -> Client {
    builder(save_dir).network_threads(THREADS).start().unwrap()
}

/// Torrents of one small file each, at least one for each thread.
fn seeds(dir: &Path, patron: &Patron, options: &AddOptions) -> Vec<(TorrentId, Metainfo)> {
    let make = |number: u64| {
        let metainfo = metainfo(&data(dir, &format!("{number}.bin"), number, 50_000));
        let id = patron.add_torrent(&metainfo, options.clone()).wait().unwrap().id();
        (id, metainfo)
    };
    let seeds: Vec<_> = (1..=12).map(make).collect();
    let ports: BTreeSet<_> = seeds.iter().map(|(id, _)| address_of(patron, *id)).collect();
    assert_eq!(ports.len(), THREADS, "torrents are dealt out");
    seeds
}

fn address_of(patron: &Patron, id: TorrentId) -> SocketAddr {
    let addresses = patron.listen_addresses_of(id).wait().unwrap();
    assert_eq!(addresses.len(), 1);
    addresses[0]
}

fn download(metainfo: &Metainfo, from: SocketAddr) {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let options = AddOptions::default().add_peers([from]);
    let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
    finished(&patron, id);
}

#[test]
fn torrents_of_all_threads_are_served_each_at_its_own_port() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = sharded(dir.path());
    let patron = seeder.patron();
    let all = patron.listen_addresses().wait().unwrap();
    assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), THREADS);
    let seeds = seeds(dir.path(), &patron, &AddOptions::default().trust(true));

    let to = tempfile::tempdir().unwrap();
    let downloader = sharded(to.path());
    let patron_of_it = downloader.patron();
    for (id, metainfo) in &seeds {
        let options = AddOptions::default().add_peers([address_of(&patron, *id)]);
        let own = patron_of_it.add_torrent(metainfo, options).wait().unwrap().id();
        patron_of_it.wait_until_finished(own).wait().unwrap();
        let name = &metainfo.name;
        assert!(same(&dir.path().join(name), &to.path().join(name)));
    }
    let statistics = patron.statistics().wait().unwrap();
    assert_eq!(statistics.network_threads.len(), THREADS);
    assert_eq!(statistics.torrents_seeding, seeds.len() as u64);
    let sent = statistics.network_threads.iter().map(|one| one.sent_payload);
    assert_eq!(sent.sum::<u64>(), statistics.sent_payload);
    assert!(statistics.network_threads.iter().all(|one| one.sent_payload > 0));

    let report = seeder.shutdown(Duration::from_secs(20)).wait();
    assert!(report.is_clean() && report.torrents == seeds.len(), "{report}");
}

#[test]
fn a_torrent_is_with_the_same_thread_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let ports_and_names = |client: &Client| -> BTreeMap<String, usize> {
        let patron = client.patron();
        let all = patron.listen_addresses().wait().unwrap();
        let seeds = seeds(dir.path(), &patron, &AddOptions::default().trust(true).paused(true));
        let place = |address| all.iter().position(|known| *known == address).unwrap();
        seeds
            .iter()
            .map(|(id, metainfo)| (metainfo.name.clone(), place(address_of(&patron, *id))))
            .collect()
    };
    let first = sharded(dir.path());
    let before = ports_and_names(&first);
    drop(first);
    assert_eq!(ports_and_names(&sharded(dir.path())), before);
}

#[test]
fn ports_follow_the_first_and_one_that_is_taken_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    // These ports were free a moment ago. Other programs may take them meanwhile, so the test tries again.
    let (client, first) = eventually("three free ports", || {
        let first = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{first}");
        let client = builder(dir.path()).network_threads(THREADS).listen(listen).start().unwrap();
        let addresses = match client.patron().listen_addresses().wait() {
            Ok(addresses) => addresses,
            Err(error) => {
                let code = error.native().map(|native| io::Error::from_raw_os_error(native.value));
                let kind = code.map(|code| code.kind());
                assert_eq!(kind, Some(io::ErrorKind::AddrInUse), "{error}");
                return None;
            }
        };
        let ports = (first..).take(THREADS).collect::<Vec<_>>();
        assert_eq!(addresses.iter().map(SocketAddr::port).collect::<Vec<_>>(), ports);
        Some((client, first))
    });
    drop(client);
    let taken = TcpListener::bind(("127.0.0.1", first + 1)).unwrap();
    let listen = format!("127.0.0.1:{first}");
    let client = builder(dir.path()).network_threads(THREADS).listen(listen).start().unwrap();
    let error = client.patron().listen_addresses().wait().unwrap_err();
    let named = taken.local_addr().unwrap().to_string();
    assert!(error.to_string().contains(&named), "{error}");
}

/// Each thread gets a port that another one had.
#[test]
fn the_ports_of_all_threads_move_together_while_the_client_runs() {
    let dir = tempfile::tempdir().unwrap();
    eventually("four free ports", || {
        let first = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = |by| format!("127.0.0.1:{}", first + by);
        let builder = builder(dir.path()).network_threads(THREADS).listen(listen(0));
        let client = builder.start().unwrap();
        let patron = client.patron();
        patron.listen_addresses().wait().ok()?;
        for by in [1, 0] {
            let mut change = Settings::empty();
            change.set("listen_interfaces", listen(by)).unwrap();
            patron.apply_settings(&change).wait().unwrap();
            let ports: Vec<_> = (first + by..).take(THREADS).collect();
            let moved = eventually("the new ports", || {
                let addresses = match patron.listen_addresses().wait() {
                    Ok(addresses) => addresses,
                    Err(error) => return Some(Err(error)),
                };
                let now: Vec<_> = addresses.iter().map(SocketAddr::port).collect();
                (now == ports).then_some(Ok(()))
            });
            if let Err(error) = moved {
                drop((patron, client));
                let is_taken = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_err();
                assert!(ports.iter().any(is_taken), "{error}: no other program has it");
                return None;
            }
        }
        let refused = |listen: &str, why: &str| {
            let mut change = Settings::empty();
            change.set("listen_interfaces", listen).unwrap();
            let error = patron.apply_settings(&change).wait().unwrap_err();
            assert!(error.message().contains(why), "{error}");
        };
        refused("127.0.0.1:65534", "65535");
        refused("nowhere:1", "nowhere");
        Some(())
    });
}

/// By default, peers on this machine have no limit and need no upload slot.
fn limit_peers_here(patron: &Patron) {
    let here = "127.0.0.1".parse().unwrap();
    let here = PeerClassRange::new(IpRange::new(here, here).unwrap(), [PeerClass::GLOBAL]);
    patron.set_peer_class_ranges([here]).wait().unwrap();
}

/// One thread may use all of the rate if the others do not, and together they never use more.
#[test]
fn the_upload_limit_of_the_client_follows_the_demand() {
    const RATE: u64 = 300_000;
    const SIZE: usize = 2_000_000;
    let dir = tempfile::tempdir().unwrap();
    let seeder = builder(dir.path())
        .network_threads(THREADS)
        .setting("upload_rate_limit", RATE as i32)
        .start()
        .unwrap();
    let patron = seeder.patron();
    limit_peers_here(&patron);
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, SIZE));
    let options = AddOptions::default().trust(true);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let begun = Instant::now();
    download(&metainfo, address_of(&patron, id));
    let took = begun.elapsed();
    // The first second may have a burst.
    let least = Duration::from_secs((SIZE as u64 - RATE) / RATE - 1);
    let by_a_third = Duration::from_secs(SIZE as u64 * THREADS as u64 / RATE);
    assert!(took > least && took < by_a_third, "{took:?}");
}

/// A peer that connects, is interested and takes no data. Returns `None` if it is refused.
fn interested_peer(address: SocketAddr, metainfo: &Metainfo, number: usize) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let peer_id: [u8; 20] = format!("-XX0001-{number:012}").into_bytes().try_into().unwrap();
    let handshake = wire::handshake(0, &wire::info_hash(metainfo), &peer_id);
    stream.write_all(&handshake).ok()?;
    stream.read_exact(&mut [0; wire::HANDSHAKE_LENGTH]).ok()?;
    wire::send(&mut stream, wire::INTERESTED, &[]).ok()?;
    Some(stream)
}

/// One thread may use most of them while the others use few, and together they never use more.
#[test]
fn connections_and_upload_slots_follow_the_demand_and_hold_for_all_threads_together() {
    const CONNECTIONS: usize = 12;
    /// How many more are accepted before others are closed.
    const SLACK: usize = 3;
    const SLOTS: usize = 9;
    let dir = tempfile::tempdir().unwrap();
    let seeder = builder(dir.path())
        .network_threads(THREADS)
        .setting("connections_limit", CONNECTIONS as i32)
        .setting("connections_slack", SLACK as i32)
        .setting("unchoke_slots_limit", SLOTS as i32)
        .setting("unchoke_interval", 1)
        .setting("allow_multiple_connections_per_ip", true)
        .start()
        .unwrap();
    let patron = seeder.patron();
    limit_peers_here(&patron);
    let seeds = seeds(dir.path(), &patron, &AddOptions::default().trust(true));
    let addresses = patron.listen_addresses().wait().unwrap();
    let one_of = |address| {
        let (_, metainfo) = seeds.iter().find(|(id, _)| address_of(&patron, *id) == address)?;
        Some((address, metainfo))
    };
    let threads: Vec<_> = addresses.into_iter().filter_map(one_of).collect();
    assert_eq!(threads.len(), THREADS);

    // No peer leaves, so counters that are read one after another add up to too little at most.
    let used = || {
        let threads = patron.statistics().wait().unwrap().network_threads;
        let connections: Vec<_> = threads.iter().map(|one| one.peers as usize).collect();
        let slots = |one: &Statistics| one.counter("peer.num_peers_up_unchoked").unwrap() as usize;
        let slots: Vec<_> = threads.iter().map(slots).collect();
        assert!(connections.iter().sum::<usize>() <= CONNECTIONS + SLACK, "{connections:?}");
        assert!(slots.iter().sum::<usize>() <= SLOTS, "{slots:?}");
        (connections, slots)
    };
    let mut peers = Vec::new();
    let mut number = 0;
    let mut is_accepted = |(address, metainfo)| {
        number += 1;
        let peer = interested_peer(address, metainfo, number);
        let is_accepted = peer.is_some();
        peers.extend(peer);
        is_accepted
    };
    poll("the first thread has most of them", || {
        is_accepted(threads[0]);
        let (connections, slots) = used();
        let has_most = connections[0] > CONNECTIONS / 2 && slots[0] > SLOTS / 2;
        if has_most { Ok(()) } else { Err(format!("{connections:?} {slots:?}")) }
    });
    poll("all connections are used, in each thread some", || {
        let accepted = threads.iter().filter(|thread| is_accepted(**thread)).count();
        let (connections, slots) = used();
        let all = accepted == 0 && connections.iter().sum::<usize>() >= CONNECTIONS;
        let each = connections.iter().chain(&slots).all(|count| *count > 0);
        if all && each { Ok(()) } else { Err(format!("{connections:?} {slots:?}")) }
    });
}

#[test]
fn settings_filters_and_classes_are_those_of_the_whole_client() {
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::default();
    settings.set("connections_limit", 30).unwrap();
    let start = || builder(dir.path()).network_threads(THREADS);
    let client = start().settings(settings).start().unwrap();
    let patron = client.patron();
    let mut change = Settings::empty();
    change.set("upload_rate_limit", 100_001).unwrap();
    patron.apply_settings(&change).wait().unwrap();
    let limits = |settings: &Settings| {
        ["connections_limit", "upload_rate_limit", "unchoke_slots_limit"]
            .map(|name| settings.get(name).cloned())
    };
    let expected = [30, 100_001, 8].map(|value| Some(value.into()));
    assert_eq!(limits(&patron.settings().wait().unwrap()), expected);
    let state = patron.save_state().wait().unwrap();

    let class = patron.create_peer_class("slow").wait().unwrap();
    let mut options = PeerClassOptions::default();
    options.upload_limit = Some(1000);
    patron.set_peer_class(class, options.clone()).wait().unwrap();
    let read = patron.peer_class(class).wait().unwrap();
    assert_eq!(read.upload_limit, options.upload_limit);
    let global = patron.peer_class(PeerClass::GLOBAL).wait().unwrap();
    assert_eq!(global.upload_limit, Some(100_001));
    patron.remove_peer_class(class).wait().unwrap();
    assert_eq!(patron.peer_class(class).wait().unwrap_err().kind(), ErrorKind::InvalidArgument);
    for _ in 0..28 {
        patron.create_peer_class("one of many").wait().unwrap();
    }
    let error = patron.create_peer_class("one too many").wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    drop(client);

    let again = start().state(state).start().unwrap();
    assert_eq!(limits(&again.patron().settings().wait().unwrap()), expected);
}

/// A network thread keeps a removed class as long as one of its peers is connected.
#[test]
fn a_class_has_one_number_though_a_removed_one_has_peers_in_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = sharded(dir.path());
    let patron = seeder.patron();
    let limited = |limit| {
        let mut options = PeerClassOptions::default();
        options.upload_limit = Some(limit);
        options
    };
    let slow = patron.create_peer_class("slow").wait().unwrap();
    patron.set_peer_class(slow, limited(3000)).wait().unwrap();
    let here = IpRange::new("127.0.0.1".parse().unwrap(), "127.0.0.1".parse().unwrap()).unwrap();
    let ranges = [PeerClassRange::new(here, [slow])];
    patron.set_peer_class_ranges(ranges.clone()).wait().unwrap();
    assert_eq!(patron.peer_class_ranges().wait().unwrap(), ranges);
    let first = patron.listen_addresses().wait().unwrap()[0];
    let all = seeds(dir.path(), &patron, &AddOptions::default().trust(true));
    let (id, metainfo) =
        all.iter().find(|(id, _)| address_of(&patron, *id) == first).expect("one of the first");
    let to = tempfile::tempdir().unwrap();
    let downloader = client(to.path());
    let options = AddOptions::default().add_peers([first]);
    downloader.patron().add_torrent(metainfo, options).wait().unwrap();
    await_event!(patron, Event::Status(status) if status.id == *id && status.uploaded > 0);
    patron.remove_peer_class(slow).wait().unwrap();
    assert!(patron.peer_class_ranges().wait().unwrap().is_empty());

    let next = patron.create_peer_class("next").wait().unwrap();
    let mut options = limited(3001);
    options.name = "next".into();
    patron.set_peer_class(next, options).wait().unwrap();
    let read = patron.peer_class(next).wait().unwrap();
    assert_eq!((&*read.name, read.upload_limit), ("next", Some(3001)));
    patron.remove_peer_class(next).wait().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn threads_are_bound_to_cores_if_wanted_and_those_for_the_disk_are_not() {
    // Finds the threads of this process by their names. No other test binds threads.
    let bound = || {
        let tasks = std::fs::read_dir("/proc/self/task").unwrap();
        let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
        let cores = |status: &str| {
            let line = status.lines().find(|line| line.starts_with("Cpus_allowed_list"));
            line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned()))
        };
        let tasks = tasks.map(|task| task.unwrap().path()).map(|task| {
            (read(task.join("comm")).trim().to_owned(), cores(&read(task.join("status"))))
        });
        let single = |cores: &Option<String>| {
            cores.as_ref().is_some_and(|cores| cores.parse::<u32>().is_ok())
        };
        tasks.filter(|(_, cores)| single(cores)).map(|(name, _)| name).collect::<Vec<_>>()
    };
    if std::thread::available_parallelism().unwrap().get() == 1 {
        return skipped("there is only one core");
    }
    let dir = tempfile::tempdir().unwrap();
    let start = |affinity: &str| {
        let client = builder(dir.path()).network_threads(THREADS);
        client.setting("network_affinity", affinity).start()
    };
    let client = start("cores").unwrap();
    let patron = client.patron();
    // Hashing uses the disk threads.
    for number in 1..=6 {
        let metainfo = metainfo(&data(dir.path(), &format!("{number}.bin"), number, 3_000_000));
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
    }
    poll("only the network threads", || {
        let seen = bound();
        let is_network = |name: &String| name.starts_with("lt-network-");
        let all = seen.len() == THREADS && seen.iter().all(is_network);
        if all { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    let error = start("core").unwrap_err();
    assert!(error.to_string().contains("none, cores or nodes"), "{error}");
}

#[test]
fn every_thread_uses_the_ip_filter() {
    let here: IpAddr = "127.0.0.1".parse().unwrap();
    let mut filter = IpFilter::default();
    filter.block(here, here).unwrap();
    let nothing = |_: &Patron| {};
    each_thread_refuses(|builder| builder.ip_filter(filter.clone()), nothing);
    let set = |patron: &Patron| patron.set_ip_filter(filter.clone()).wait().unwrap();
    each_thread_refuses(|builder| builder, set);
    each_thread_refuses(|builder| builder, |patron| patron.ban(here).wait().unwrap());
}

fn each_thread_refuses(
    build: impl FnOnce(ClientBuilder) -> ClientBuilder,
    block: impl FnOnce(&Patron),
) {
    let dir = tempfile::tempdir().unwrap();
    let seeder = build(builder(dir.path()).network_threads(THREADS)).start().unwrap();
    let patron = seeder.patron();
    let seeds = seeds(dir.path(), &patron, &AddOptions::default().trust(true));
    block(&patron);
    let to = tempfile::tempdir().unwrap();
    let downloader = client(to.path());
    let patron_of_it = downloader.patron();
    patron_of_it.subscribe(
        patron_of_it.subscription().with(torrent_patron::event::EventKind::PeerDisconnected),
    );
    for (id, metainfo) in &seeds {
        let options = AddOptions::default().add_peers([address_of(&patron, *id)]);
        let own = patron_of_it.add_torrent(metainfo, options).wait().unwrap().id();
        await_event!(patron_of_it, Event::PeerDisconnected { id, .. } if *id == own);
    }
    assert_eq!(patron.statistics().wait().unwrap().sent_payload, 0);
}

/// A torrent that all threads serve.
fn replicated(dir: &Path, client: &Client) -> (Patron, TorrentId, Metainfo) {
    let patron = client.patron();
    let metainfo = metainfo(&data(dir, "hot.bin", 1, 300_000));
    let options = AddOptions::default().trust(true).replicas(THREADS as u16);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    (patron, id, metainfo)
}

#[test]
fn a_hot_torrent_is_served_by_every_thread_and_is_one_torrent() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = sharded(dir.path());
    let (patron, id, metainfo) = replicated(dir.path(), &seeder);
    let addresses = eventually("all threads serve it", || {
        let addresses = patron.listen_addresses_of(id).wait().unwrap();
        (addresses.len() == THREADS).then_some(addresses)
    });
    for address in &addresses {
        download(&metainfo, *address);
    }
    let sent = 3 * metainfo.total_size;
    await_event!(patron, Event::Status(status) if status.all_time_uploaded >= sent);
    assert_eq!(patron.torrents(), [id]);
    assert_eq!(patron.statuses().len(), 1);

    // The resume data has the uploaded bytes, and the counter continues from there.
    let saved = patron.resume_data(id).wait().unwrap();
    // All threads move the torrent together.
    let moved = dir.path().join("moved");
    patron.move_storage(id, &moved, OnConflict::Fail).wait().unwrap();
    assert!(moved.join("hot.bin").exists());
    until("all threads serve it again", || {
        patron.listen_addresses_of(id).wait().unwrap().len() == THREADS
    });
    for address in addresses {
        download(&metainfo, address);
    }
    assert_eq!(patron.statistics().wait().unwrap().torrents_seeding, 1);
    patron.remove_torrent(id, RemoveFiles::Delete).wait().unwrap();
    assert!(!moved.join("hot.bin").exists());
    let report = seeder.shutdown(Duration::from_secs(20)).wait();
    assert!(report.is_clean() && report.torrents == 0, "{report}");

    let again = sharded(dir.path());
    let patron = again.patron();
    let options = AddOptions::default().save_dir(dir.path()).paused(true);
    let id = patron.add_torrent(Source::ResumeData(saved.into()), options).wait().unwrap().id();
    let status = patron.fresh_status(id).wait().unwrap();
    assert!(status.all_time_uploaded >= sent, "{}", status.all_time_uploaded);
}

#[test]
fn a_private_torrent_stays_with_one_thread() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = sharded(dir.path());
    let patron = seeder.patron();
    let file = data(dir.path(), "private.bin", 1, 50_000);
    let maker = crate::support::maker(&file, torrent_patron::metainfo::Protocol::Hybrid);
    let metainfo = maker.private(true).start().unwrap().wait().unwrap();
    let options = AddOptions::default().trust(true).replicas(THREADS as u16);
    let id = patron.add_torrent(&metainfo, options.clone()).wait().unwrap().id();
    await_event!(patron, Event::Status(status) if status.seeding);
    // A public torrent, which is added later, is in all threads by then.
    let public = crate::support::metainfo(&data(dir.path(), "public.bin", 2, 50_000));
    let copied = patron.add_torrent(&public, options).wait().unwrap().id();
    until("all threads serve the public torrent", || {
        patron.listen_addresses_of(copied).wait().unwrap().len() == THREADS
    });
    assert_eq!(patron.listen_addresses_of(id).wait().unwrap().len(), 1);
}

#[test]
fn the_queue_and_its_limits_are_those_of_the_whole_client() {
    let dir = tempfile::tempdir().unwrap();
    let client = builder(dir.path())
        .network_threads(THREADS)
        .setting("active_downloads", 2)
        .setting("dont_count_slow_torrents", false)
        .start()
        .unwrap();
    let patron = client.patron();
    let elsewhere = tempfile::tempdir().unwrap();
    let add = |number: u64| {
        let file = data(elsewhere.path(), &format!("{number}.bin"), number, 20_000);
        let options = AddOptions::default().add_flags([TorrentFlag::AutoManaged]);
        patron.add_torrent(metainfo(&file), options).wait().unwrap().id()
    };
    let ids: Vec<_> = (1..=12).map(add).collect();
    let threads: BTreeSet<_> = ids.iter().map(|id| address_of(&patron, *id)).collect();
    assert_eq!(threads.len(), THREADS, "torrents are dealt out");
    let only = |running: &[TorrentId]| {
        let is_as_wanted = |id: &TorrentId| {
            patron.fresh_status(*id).wait().unwrap().paused != running.contains(id)
        };
        eventually("the right torrents run", || ids.iter().all(is_as_wanted).then_some(()));
    };
    only(&ids[..2]);
    patron.move_in_queue(ids[11], QueueMove::Top).wait().unwrap();
    patron.move_in_queue(ids[11], QueueMove::Down).wait().unwrap();
    let places = |of: &[usize]| {
        let place = |at: &usize| patron.options(ids[*at]).wait().unwrap().queue_position;
        of.iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(places(&[0, 11, 1, 2, 10]), [Some(0), Some(1), Some(2), Some(3), Some(11)]);
    only(&[ids[0], ids[11]]);
    let mut fewer = Settings::empty();
    fewer.set("active_downloads", 1).unwrap();
    patron.apply_settings(&fewer).wait().unwrap();
    only(&ids[..1]);
    assert_eq!(patron.settings().wait().unwrap().get("active_downloads"), Some(&1.into()));
    patron.remove_torrent(ids[0], RemoveFiles::Keep).wait().unwrap();
    eventually("the next one runs", || {
        (!patron.fresh_status(ids[11]).wait().unwrap().paused).then_some(())
    });
}

/// Each thread has a node of its own, although others remember only one node of an address.
#[test]
fn the_torrents_of_all_threads_are_announced_to_the_dht() {
    let dir = tempfile::tempdir().unwrap();
    let with_dht = |threads| {
        let builder = builder(dir.path()).network_threads(threads).setting("enable_dht", true);
        builder.setting("dht_bootstrap_nodes", "").setting("dht_block_ratelimit", 1_000_000)
    };
    let other = with_dht(1).start().unwrap();
    let node = other.patron();
    let client = with_dht(THREADS).start().unwrap();
    let patron = client.patron();
    patron.add_dht_node("127.0.0.1", address(&node).port()).wait().unwrap();
    let seeds = seeds(dir.path(), &patron, &AddOptions::default().trust(true));
    let known = || node.statistics().wait().unwrap().counter("dht.dht_torrents").unwrap();
    eventually("all are known", || {
        for (id, _) in &seeds {
            patron.announce_to_dht(*id).wait().unwrap();
        }
        // Each with both of its info hashes.
        (known() == 2 * seeds.len() as i64).then_some(())
    });
}

#[test]
fn an_invalid_number_of_threads_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    for count in [0, 257] {
        let error = builder(dir.path()).network_threads(count).start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
    let listen = builder(dir.path()).listen("127.0.0.1:65535");
    let error = listen.network_threads(2).start().unwrap_err();
    assert!(error.to_string().contains("65535"), "{error}");
}
