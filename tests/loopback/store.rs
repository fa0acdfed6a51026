//! Torrents that a store keeps when their client ends.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use torrent_patron::error::{Error, ErrorKind, Result};
use torrent_patron::event::EventKind;
use torrent_patron::file::{OnConflict, Priority};
use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::{Added, RemoveFiles};
use torrent_patron::store::{Change, Key, Loaded, Memory, Record, Relocation, Store, Value};
use torrent_patron::torrent::{Goals, Limits, QueueMove, TorrentFlag, TorrentState, TorrentStatus};
use torrent_patron::{AddOptions, Client, Event, Patron, Settings, Source, TorrentId};

use crate::await_event;
use crate::helpers::tmpfs::Tmpfs;
use crate::support::{
    PATIENCE, Seeder, address, builder, claimed_pieces, data, drain, eventually, finished,
    metainfo, noise, same, sharing, until,
};

/// Starts a client with this store, and a patron with the events of every torrent. Waits until all are
/// restored.
fn restored(dir: &Path, store: &Memory) -> (Client, Patron) {
    let client = builder(dir).store(store.clone()).start().unwrap();
    let patron = client.patron();
    patron.watch_all().wait().unwrap();
    await_event!(patron, Event::Restored { failed: 0, .. });
    (client, patron)
}

fn stop(client: Client) {
    let report = client.shutdown(PATIENCE).wait();
    assert!(report.is_clean(), "{report}");
}

fn only(patron: &Patron) -> TorrentId {
    let torrents = patron.torrents();
    assert_eq!(torrents.len(), 1);
    torrents[0]
}

/// Waits until the torrent neither is being checked nor will be.
fn settled(patron: &Patron, id: TorrentId) -> TorrentStatus {
    eventually("a torrent that is checked", || {
        let status = patron.fresh_status(id).wait().unwrap();
        let checks = [TorrentState::CheckingFiles, TorrentState::CheckingResumeData];
        (!checks.contains(&status.state)).then_some(status)
    })
}

/// Returns how many blocks were hashed in this run. A mailbox keeps only the newest unread change of state.
fn hashed(patron: &Patron) -> u64 {
    patron.statistics().wait().unwrap().blocks_hashed
}

fn the_record(store: &Memory) -> Record {
    let mut records = store.records();
    assert_eq!(records.len(), 1);
    records.remove(0)
}

/// Sets how many alerts libtorrent keeps until the client takes them, or a third of the important ones.
fn keep_alerts(patron: &Patron, most: i32) {
    let mut settings = Settings::empty();
    settings.set("alert_queue_size", most).unwrap();
    patron.apply_settings(&settings).wait().unwrap();
}

fn full() -> Error {
    Error::new(ErrorKind::Disk, "commit to the store", "the disk is full")
}

#[test]
fn a_torrent_is_there_again_as_it_was_after_a_crash_at_any_moment_after_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("data"), "a.bin", 1, 500_000);
    let metainfo = metainfo(&file);
    let store = Memory::new();
    let (client, patron) = restored(dir.path(), &store);
    let options = AddOptions::default()
        .save_dir(dir.path().join("data"))
        .add_flags([TorrentFlag::Sequential])
        .limits(Limits::default().upload_limit(12_345))
        .goals(Goals::default().share_ratio(3.5));
    let before = SystemTime::now() - Duration::from_millis(1);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let at_once = store.copy();
    let record = the_record(&at_once);
    assert!(record.added >= before && record.added <= SystemTime::now());
    assert!(record.source.starts_with("metainfo of "), "{}", record.source);
    patron.add_label(id, "films").wait().unwrap();
    patron.add_label(id, "old").wait().unwrap();
    patron.remove_label(id, "old").wait().unwrap();
    patron.set_note(id, "mine", Some(b"\0bytes"[..].into())).wait().unwrap();
    patron.pause(id).wait().unwrap();
    let later = store.copy();

    for (store, paused, labels) in [(at_once, false, 0), (later, true, 1)] {
        let (client, patron) = restored(dir.path(), &store);
        let id = only(&patron);
        assert_eq!(patron.find(metainfo.info_hashes).wait().unwrap(), Some(id));
        let options = patron.options(id).wait().unwrap();
        assert_eq!(options.limits.upload_limit, Some(12_345));
        assert!(options.flags.contains(TorrentFlag::Sequential));
        assert_eq!(options.save_dir, dir.path().join("data"));
        assert_eq!(patron.status(id).unwrap().paused, paused);
        assert_eq!(*patron.status(id).unwrap().name, *metainfo.name);
        let found = patron.labels(id).wait().unwrap();
        assert_eq!(found, ["films"][..labels].iter().map(|label| (*label).into()).collect());
        assert_eq!(patron.notes(id).wait().unwrap().len(), labels);
        let restored = patron.metainfo(id).wait().unwrap();
        assert_eq!(restored.info_hashes, metainfo.info_hashes);
        stop(client);
    }
    stop(client);
}

#[test]
fn torrents_that_were_closed_cleanly_are_not_checked_again() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "a.bin", 2, 400_000);
    let seeder = Seeder::of(&file);
    let store = Memory::new();
    let (client, patron) = restored(&dir.path().join("to"), &store);
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    stop(client);
    let record = the_record(&store);
    assert!(record.completed.is_some() && record.info.is_some());

    let (client, patron) = restored(&dir.path().join("to"), &store);
    let id = only(&patron);
    let status = settled(&patron, id);
    assert!(status.seeding, "{status:?}");
    assert_eq!(hashed(&patron), 0);
    stop(client);
}

#[test]
fn progress_is_saved_by_itself_and_goes_on_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "a.bin", 3, 300_000);
    let seeder = Seeder::of(&file);
    let store = Memory::new();
    let to = dir.path().join("to");
    let (client, patron) = restored(&to, &store);
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    let crashed = eventually("that it is complete, in the store", || {
        the_record(&store).completed.map(|_| store.copy())
    });
    drop(seeder);
    // No peer is left to download from.
    let (other, patron) = restored(&to, &crashed);
    patron.wait_until_finished(only(&patron)).wait().unwrap();
    stop(other);
    stop(client);
    assert!(same(&file, &to.join("a.bin")));
}

fn claimed(record: &Record) -> BTreeSet<u32> {
    claimed_pieces(&record.resume_data).into_iter().map(|piece| piece as u32).collect()
}

#[test]
fn a_crash_costs_at_most_the_progress_of_the_last_interval() {
    const FILE: usize = 1 << 20;
    const INTERVAL: Duration = Duration::from_millis(300);
    // A machine that is busy saves later.
    const SLACK: Duration = Duration::from_secs(5);
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from/album");
    let names = ["a.bin", "b.bin"];
    let originals = [18, 19].map(|seed| noise(seed, FILE));
    let mut seeder = {
        names.iter().zip([18, 19]).for_each(|(name, seed)| _ = data(&from, name, seed, FILE));
        Seeder::of(&from)
    };
    let piece = seeder.metainfo.piece_length as usize;
    let in_file = FILE / piece;
    let place = |number: u32| (number as usize / in_file, number as usize % in_file * piece);
    let (to, store) = (dir.path().join("to"), Memory::new());
    let client = builder(&to).resume_data_interval(INTERVAL).store(store.clone()).start().unwrap();
    let patron = client.patron();
    patron.subscribe(patron.subscription().with(EventKind::PieceFinished));
    let options = seeder
        .options()
        .add_flags([TorrentFlag::Sequential])
        .limits(Limits::default().download_limit(300_000));
    patron.add_torrent(&seeder.metainfo, options).wait().unwrap();
    for _ in 0..3 {
        let mut arrived =
            BTreeSet::from([await_event!(patron, Event::PieceFinished { piece, .. } => *piece)]);
        arrived.extend(drain(&patron, |event| match event {
            Event::PieceFinished { piece, .. } => Some(piece),
            _ => None,
        }));
        let since = Instant::now();
        until("what has arrived, in the store", || {
            arrived.is_subset(&claimed(&the_record(&store)))
        });
        assert!(since.elapsed() < INTERVAL + SLACK, "{:?}", since.elapsed());
    }
    until("a part of the second file, in the store", || {
        claimed(&the_record(&store)).len() > in_file
    });
    let crashed = store.copy();
    let power_cut = crashed.copy();
    let kept = claimed(&the_record(&crashed));
    assert!(kept.len() < 2 * in_file, "it goes on");
    stop(client);
    drop(seeder);

    // A crash of the program: all that was written is there.
    let found = names.map(|name| fs::read(to.join("album").join(name)).unwrap());
    let there: Vec<_> = (0..2 * in_file as u32)
        .map(place)
        .filter(|(file, at)| {
            let range = *at..at + piece;
            found[*file].get(range.clone()) == Some(&originals[*file][range])
        })
        .collect();
    let (client, patron) = restored(&to, &crashed);
    let id = only(&patron);
    let all_done = (there.len() * piece) as u64;
    until("that it finds all that is there", || {
        patron.fresh_status(id).wait().unwrap().total_done == all_done
    });
    let changed = there.iter().filter(|(file, _)| *file == 1).count();
    let doubtful = (changed * piece.div_ceil(16 * 1024)) as u64;
    assert!(hashed(&patron) <= doubtful, "{} of {doubtful}", hashed(&patron));
    seeder = Seeder::of(&from);
    let fetched_at_most = |patron: &Patron, most: usize| {
        let id = only(patron);
        patron.set_download_limit(id, None).wait().unwrap();
        patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
        finished(patron, id);
        let fetched = patron.statistics().wait().unwrap().received_payload;
        assert!(fetched <= most as u64, "{fetched} of {most}");
    };
    fetched_at_most(&patron, (2 * in_file - there.len() + 1) * piece);
    stop(client);

    // A power cut: nothing is there but what the store claims.
    let cut = dir.path().join("cut");
    fs::create_dir_all(cut.join("album")).unwrap();
    let files = names.map(|name| {
        let file = fs::File::create(cut.join("album").join(name)).unwrap();
        file.set_len(FILE as u64).unwrap();
        file
    });
    for (file, at) in kept.iter().copied().map(place) {
        use std::os::unix::fs::FileExt;
        files[file].write_all_at(&originals[file][at..at + piece], at as u64).unwrap();
    }
    let save_dir = Value::SaveDir(cut.clone());
    power_cut.clone().commit(&[Change::Set(the_record(&power_cut).key, save_dir)]).unwrap();
    let (client, patron) = restored(&to, &power_cut);
    fetched_at_most(&patron, (2 * in_file - kept.len() + 1) * piece);
    for name in names {
        assert!(same(&from.join(name), &cut.join("album").join(name)));
    }
    stop(client);
}

#[test]
fn goals_that_are_set_while_nothing_else_changes_are_stored() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "a.bin", 14, 200_000);
    let store = Memory::new();
    let (client, patron) = restored(dir.path(), &store);
    let id = patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    patron.pause(id).wait().unwrap();
    stop(client);
    let (client, patron) = restored(dir.path(), &store);
    let id = only(&patron);
    assert!(settled(&patron, id).paused);
    patron.set_goals(id, Goals::default().share_ratio(3.0)).wait().unwrap();
    until("goals in the store", || {
        let data = the_record(&store).resume_data;
        data.windows(11).any(|bytes| bytes == b"share ratio")
    });
    stop(client);
}

fn is_to_be_verified(record: &Record) -> bool {
    record.resume_data.windows(8).any(|bytes| bytes == b"6:verify")
}

#[test]
fn a_download_that_continues_is_still_verified_at_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "a.bin", 12, 2_000_000));
    let (to, store) = (dir.path().join("to"), Memory::new());
    let (client, patron) = restored(&to, &store);
    let options = seeder
        .options()
        .verify_finished(true)
        .add_flags([TorrentFlag::Sequential])
        .limits(Limits::default().download_limit(400_000));
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    until("the first pieces", || patron.fresh_status(id).wait().unwrap().total_done > 0);
    stop(client);
    assert!(is_to_be_verified(&the_record(&store)));

    let (client, patron) = restored(&to, &store);
    let id = only(&patron);
    let status = settled(&patron, id);
    assert!(status.total_done > 0 && !status.finished, "{status:?}");
    // Another program changes the file during the download.
    let mut file = fs::File::options().write(true).open(to.join("a.bin")).unwrap();
    std::io::Write::write_all(&mut file, b"damaged").unwrap();
    drop(file);
    patron.set_download_limit(id, None).wait().unwrap();
    patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
    finished(&patron, id);
    assert!(same(&seeder.path, &to.join("a.bin")));
    assert!(hashed(&patron) > 0);
    until("that it was verified, in the store", || !is_to_be_verified(&the_record(&store)));
    stop(client);
}

#[test]
fn a_complete_download_whose_check_was_interrupted_is_checked_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "a.bin", 13, 200_000);
    let store = Memory::new();
    let (client, patron) = restored(dir.path(), &store);
    let id = patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    stop(client);

    // The client's own part of the resume data: that of its files, and what is added here.
    let record = the_record(&store);
    let mut bytes = record.resume_data.to_vec();
    let key = b"14:torrent-patrond5:files";
    let begin = bytes.windows(key.len()).position(|part| part == key).unwrap() + key.len();
    let digits = bytes[begin..].iter().position(|byte| *byte == b':').unwrap();
    let length: usize = str::from_utf8(&bytes[begin..begin + digits]).unwrap().parse().unwrap();
    let end = begin + digits + 1 + length;
    bytes.splice(end..end, *b"6:verifyi1e");
    let change = Change::Set(record.key, Value::ResumeData(bytes.into()));
    store.clone().commit(&[change]).unwrap();
    // The torrent is restored when the patron watches it.
    let (let_read, may_read) = crossbeam_channel::unbounded();
    let slow = Slow { memory: store.clone(), may_read };
    let client = builder(dir.path()).store(slow).start().unwrap();
    let patron = client.patron();
    patron.watch_all().wait().unwrap();
    drop(let_read);
    await_event!(patron, Event::Finished { .. });
    until("that it was verified, in the store", || !is_to_be_verified(&the_record(&store)));
    stop(client);
    let (client, patron) = restored(dir.path(), &store);
    assert!(settled(&patron, only(&patron)).seeding);
    assert_eq!(hashed(&patron), 0, "once");
    stop(client);
}

#[test]
fn a_magnet_link_and_later_its_metadata_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "a.bin", 4, 100_000);
    let seeder = Seeder::of(&file);
    let store = Memory::new();
    let (client, patron) = restored(dir.path(), &store);
    let hashes = seeder.metainfo.info_hashes;
    let link = format!("magnet:?xt=urn:btih:{}&dn=a", hashes.v1.unwrap());
    let id = patron.add_torrent(&*link, AddOptions::default()).wait().unwrap().id();
    let crashed = store.copy();
    assert!(the_record(&crashed).info.is_none());
    let (other, its_patron) = restored(dir.path(), &crashed);
    let status = its_patron.status(only(&its_patron)).unwrap();
    assert!(!status.has_metadata && &*status.name == "a", "{status:?}");
    stop(other);

    patron.set_metadata(id, &seeder.metainfo).wait().unwrap();
    await_event!(patron, Event::MetadataReceived { .. });
    let crashed = eventually("the metadata in the store", || {
        the_record(&store).info.is_some().then(|| store.copy())
    });
    let record = the_record(&crashed);
    assert_eq!((record.info_hashes, &*record.name), (hashes, "a.bin"));
    let (other, patron) = restored(dir.path(), &crashed);
    assert_eq!(patron.find(hashes).wait().unwrap(), Some(only(&patron)));
    assert!(settled(&patron, only(&patron)).has_metadata);
    stop(other);
    stop(client);
}

#[test]
fn a_removal_is_kept_and_one_with_its_files_goes_on_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("data");
    let (a, b) = (data(&files, "a.bin", 5, 50_000), data(&files, "b.bin", 6, 50_000));
    let store = Memory::new();
    let (client, patron) = restored(&files, &store);
    for path in [&a, &b] {
        let id = patron.add_torrent(metainfo(path), AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
    }
    let id = patron.find(metainfo(&a).info_hashes).wait().unwrap().unwrap();
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    assert_eq!(&*the_record(&store).name, "b.bin");
    stop(client);

    let key = the_record(&store).key;
    store.clone().commit(&[Change::Set(key, Value::Deleting(true))]).unwrap();
    let client = builder(&files).store(store.clone()).start().unwrap();
    until("the end of the removal", || store.records().is_empty());
    assert!(a.exists() && !b.exists(), "only the files of what was to be deleted are");
    let patron = client.patron();
    until("no torrent", || patron.torrents().is_empty());
    stop(client);
}

#[test]
fn a_move_is_saved_and_an_interrupted_move_is_completed() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two, three] = ["one", "two", "three"].map(|name| dir.path().join(name));
    let file = data(&one, "a.bin", 7, 200_000);
    let store = Memory::new();
    let (client, patron) = restored(&one, &store);
    let id = patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    patron.move_storage(id, &two, OnConflict::Fail).wait().unwrap();
    let record = the_record(&store);
    assert_eq!((&record.save_dir, &record.moving), (&two, &None));
    stop(client);

    let moving = Value::Moving(Some(Relocation::new(&three, OnConflict::Fail)));
    store.clone().commit(&[Change::Set(record.key, moving)]).unwrap();
    let (client, patron) = restored(&one, &store);
    let status = settled(&patron, only(&patron));
    assert!(status.seeding, "it is not fetched again: {status:?}");
    assert_eq!(hashed(&patron), 0, "nor checked");
    assert!(three.join("a.bin").exists() && !two.join("a.bin").exists());
    assert_eq!(the_record(&store).save_dir, three);
    stop(client);
}

#[cfg(target_os = "linux")]
#[test]
fn an_interrupted_move_to_another_disk_goes_on_after_the_restore() {
    let dir = tempfile::tempdir().unwrap();
    let disk = tempfile::tempdir_in("/dev/shm").unwrap();
    let (here, there) = (dir.path().join("here"), disk.path().join("there"));
    let file = data(&here, "a.bin", 72, 200_000);
    let original = fs::read(&file).unwrap();
    let store = Memory::new();
    let (client, patron) = restored(&here, &store);
    let id = patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    stop(client);

    // libtorrent sets the length of a copy first.
    fs::create_dir(&there).unwrap();
    fs::write(there.join("a.bin"), &original[..50_000]).unwrap();
    let copy = fs::File::options().write(true).open(there.join("a.bin")).unwrap();
    copy.set_len(200_000).unwrap();
    let moving = Value::Moving(Some(Relocation::new(&there, OnConflict::Fail)));
    store.clone().commit(&[Change::Set(the_record(&store).key, moving)]).unwrap();
    let (let_read, may_read) = crossbeam_channel::unbounded();
    let slow = Slow { memory: store.clone(), may_read };
    let client = builder(&here).store(slow).start().unwrap();
    let patron = client.patron();
    patron.watch_all().wait().unwrap();
    drop(let_read);
    let restored_in =
        await_event!(patron, Event::TorrentAdded { save_dir, .. } => save_dir.clone());
    assert_eq!(restored_in, here, "it is not copied first");
    await_event!(patron, Event::Moved { save_dir, .. } if *save_dir == there);
    until("the end of the move", || {
        let record = the_record(&store);
        record.moving.is_none() && record.save_dir == there
    });
    assert!(fs::read(there.join("a.bin")).unwrap() == original && !file.exists());
    assert!(settled(&patron, only(&patron)).seeding);
    assert_eq!(hashed(&patron), 0);
    stop(client);
}

#[test]
fn an_interrupted_move_is_abandoned_if_other_files_are_at_its_destination() {
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    let file = data(&one, "a.bin", 71, 200_000);
    let store = Memory::new();
    let (client, patron) = restored(&one, &store);
    let id = patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    stop(client);

    fs::create_dir(&two).unwrap();
    fs::write(two.join("a.bin"), "mine").unwrap();
    let moving = Value::Moving(Some(Relocation::new(&two, OnConflict::Fail)));
    store.clone().commit(&[Change::Set(the_record(&store).key, moving)]).unwrap();
    let (let_read, may_read) = crossbeam_channel::unbounded();
    let slow = Slow { memory: store.clone(), may_read };
    let client = builder(&one).store(slow).start().unwrap();
    let patron = client.patron();
    patron.watch_all().wait().unwrap();
    drop(let_read);
    let error = await_event!(patron, Event::Error { error, .. } => error.to_string());
    assert!(error.contains(&two.join("a.bin").display().to_string()), "{error}");
    let status = settled(&patron, only(&patron));
    assert!(status.seeding && status.error.is_none(), "{status:?}");
    assert_eq!(fs::read(two.join("a.bin")).unwrap(), b"mine");
    assert!(file.exists());
    until("the end of the move", || {
        let record = the_record(&store);
        record.moving.is_none() && record.save_dir == one
    });
    stop(client);
}

#[test]
fn a_move_to_a_full_disk_leaves_the_torrent_where_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = Tmpfs::mount(dir.path().join("disk"), "1m") else { return };
    let (here, there) = (dir.path().join("here"), disk.0.join("there"));
    let films = here.join("films");
    // The first file has room.
    let files = [data(&films.join("a"), "1.bin", 81, 300_000), data(&films, "b.bin", 82, 2 << 20)];
    let originals = files.each_ref().map(|file| fs::read(file).unwrap());
    let are_at = |place: &Path| {
        files.iter().zip(&originals).all(|(file, original)| {
            let file = place.join(file.strip_prefix(&here).unwrap());
            fs::read(file).is_ok_and(|bytes| bytes == *original)
        })
    };
    let store = Memory::new();
    let stays = |patron: &Patron, why: &str| {
        let status = settled(patron, only(patron));
        assert!(status.seeding && status.error.is_none(), "{why}: {status:?}");
        assert!(are_at(&here), "{why}");
        let left = fs::read_dir(&there).into_iter().flatten().count();
        assert_eq!(left, 0, "{why}: copies fill the disk");
        eventually("the end of the move in the store", || {
            let record = the_record(&store);
            (record.moving.is_none() && record.save_dir == here).then_some(())
        });
    };
    let (client, patron) = restored(&here, &store);
    let id = patron.add_torrent(metainfo(&films), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    for existing in [OnConflict::Fail, OnConflict::Keep, OnConflict::Replace] {
        let error = patron.move_storage(id, &there, existing).wait().unwrap_err();
        let full = Some(28);
        assert_eq!(
            (error.kind(), error.native().map(|native| native.value)),
            (ErrorKind::Disk, full)
        );
        assert!(error.to_string().contains("b.bin"), "{error}");
        stays(&patron, &format!("{existing:?}"));
    }
    stop(client);

    // libtorrent sets the length of a copy first.
    let cut = there.join("films/b.bin");
    fs::create_dir_all(cut.parent().unwrap()).unwrap();
    fs::write(&cut, &originals[1][..500_000]).unwrap();
    fs::File::options().write(true).open(&cut).unwrap().set_len(2 << 20).unwrap();
    let moving = Value::Moving(Some(Relocation::new(&there, OnConflict::Fail)));
    let moving = Change::Set(the_record(&store).key, moving);
    store.clone().commit(std::slice::from_ref(&moving)).unwrap();
    let (let_read, may_read) = crossbeam_channel::unbounded();
    let slow = Slow { memory: store.clone(), may_read };
    let client = builder(&here).store(slow).start().unwrap();
    let patron = client.patron();
    patron.watch_all().wait().unwrap();
    drop(let_read);
    let error = await_event!(patron, Event::Error { error, .. } => error.clone());
    assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
    stays(&patron, "after a crash");

    disk.remount("size=8m");
    patron.move_storage(only(&patron), &there, OnConflict::Fail).wait().unwrap();
    assert!(are_at(&there) && !films.exists());
    assert_eq!(the_record(&store).save_dir, there);
    stop(client);
    let (client, patron) = restored(&here, &store);
    assert!(settled(&patron, only(&patron)).seeding);
    stop(client);
}

#[test]
fn a_full_store_refuses_durable_changes_and_the_client_continues() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("data"), "a.bin", 8, 100_000);
    let other = metainfo(&data(&dir.path().join("data"), "b.bin", 9, 100_000));
    let store = Memory::new();
    let (client, patron) = restored(&dir.path().join("data"), &store);
    let id = patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    patron.add_label(id, "before").wait().unwrap();

    store.fail_with(Some(full()));
    let failures = [
        patron.add_torrent(&other, AddOptions::default()).wait().map(|_| ()),
        patron.add_label(id, "films").wait(),
        patron.pause(id).wait(),
        patron.remove_torrent(id, RemoveFiles::Delete).wait(),
        patron.move_storage(id, dir.path().join("there"), OnConflict::Fail).wait().map(|_| ()),
    ];
    for failure in failures {
        let error = failure.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
        assert!(error.to_string().ends_with("the disk is full"), "{error}");
    }
    await_event!(patron, Event::StoreFailed { .. });
    assert_eq!(only(&patron), id, "nothing was added, and nothing removed");
    assert!(file.exists() && !settled(&patron, id).paused);
    assert_eq!(patron.labels(id).wait().unwrap(), BTreeSet::from(["before".into()]));

    store.fail_with(None);
    patron.add_label(id, "films").wait().unwrap();
    await_event!(patron, Event::StoreRecovered);
    patron.add_torrent(&other, AddOptions::default()).wait().unwrap();
    assert_eq!(store.records().len(), 2);
    stop(client);
}

#[test]
fn failed_saves_are_repeated_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "a.bin", 10, 100_000);
    let seeder = Seeder::of(&file);
    let store = Memory::new();
    let client = builder(&dir.path().join("to"))
        .resume_data_interval(Duration::from_millis(200))
        .store(store.clone())
        .start()
        .unwrap();
    let patron = client.patron();
    let id = patron.add_torrent(&seeder.metainfo, AddOptions::default()).wait().unwrap().id();
    let before = the_record(&store).resume_data;
    store.fail_with(Some(full()));
    patron.connect_peer(id, crate::support::address(&seeder.patron)).wait().unwrap();
    await_event!(patron, Event::StoreFailed { .. });
    patron.wait_until_finished(id).wait().unwrap();
    store.fail_with(None);
    until("what had failed", || {
        let record = the_record(&store);
        record.completed.is_some() && record.resume_data != before
    });
    stop(client);
}

#[test]
fn restored_torrents_belong_to_nobody_until_they_are_adopted() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("data"), "a.bin", 11, 50_000);
    let store = Memory::new();
    let (client, patron) = restored(&dir.path().join("data"), &store);
    patron.add_torrent(metainfo(&file), AddOptions::default()).wait().unwrap();
    stop(client);

    let (client, watcher) = restored(&dir.path().join("data"), &store);
    let (one, two) = (client.patron(), client.patron());
    let id = only(&one);
    one.adopt(id).wait().unwrap();
    one.adopt(id).wait().unwrap();
    let error = two.adopt(id).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    one.pause(id).wait().unwrap();
    for patron in [&one, &watcher] {
        await_event!(patron, Event::Paused { .. });
    }
    assert!(drain(&two, |event| event.torrent()).is_empty());
    watcher.unwatch_all().wait().unwrap();
    drain(&watcher, |_| Some(()));
    one.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    assert!(drain(&watcher, |event| event.torrent()).is_empty());
    stop(client);
}

#[test]
fn a_torrent_that_cannot_be_restored_is_reported_and_stays_in_the_store_until_it_is_added_again() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("data");
    let file = data(&files, "a.bin", 12, 50_000);
    let metainfo = metainfo(&file);
    let store = Memory::new();
    let (client, patron) = restored(dir.path(), &store);
    let options = || AddOptions::default().save_dir(&files);
    let id = patron.add_torrent(&metainfo, options()).wait().unwrap().id();
    finished(&patron, id);
    patron.add_label(id, "films").wait().unwrap();
    stop(client);

    fs::rename(&files, dir.path().join("unmounted")).unwrap();
    let client = builder(dir.path()).store(store.clone()).start().unwrap();
    let patron = client.patron();
    let error = await_event!(patron, Event::RestoreFailed { error, .. } => error.clone());
    assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
    assert!(error.to_string().contains("a.bin") && error.to_string().contains("data"), "{error}");
    await_event!(patron, Event::Restored { torrents: 0, failed: 1, .. });
    assert!(!files.exists(), "it is not made anew");
    stop(client);
    let record = the_record(&store);

    fs::rename(dir.path().join("unmounted"), &files).unwrap();
    let (client, patron) = restored(dir.path(), &store.copy());
    assert!(settled(&patron, only(&patron)).seeding, "it is back with its disk");
    stop(client);

    fs::rename(&files, dir.path().join("unmounted")).unwrap();
    let client = builder(dir.path()).store(store.clone()).start().unwrap();
    let patron = client.patron();
    await_event!(patron, Event::Restored { .. });
    let added = patron.add_torrent(&metainfo, options()).wait().unwrap();
    assert!(matches!(added, Added::New(_)));
    let again = the_record(&store);
    assert_ne!(again.key, record.key, "the new one is in its place");
    assert_eq!(again.labels, record.labels);
    assert_eq!(patron.labels(added.id()).wait().unwrap(), BTreeSet::from(["films".into()]));
    stop(client);
}

#[test]
fn a_torrent_with_a_missing_file_is_not_restored_and_downloaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = sharing(dir.path());
    let to = dir.path().join("to");
    let store = Memory::new();
    let (client, patron) = restored(&to, &store);
    let wanted = [Priority::DEFAULT, Priority::SKIP];
    let options = seeder.options().file_priorities(wanted);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    stop(client);
    // The other file is not wanted.
    let (client, patron) = restored(&to, &store);
    assert!(settled(&patron, only(&patron)).finished);
    stop(client);

    let (file, away) = (to.join("album/one.bin"), dir.path().join("away"));
    fs::rename(&file, &away).unwrap();
    let client = builder(&to).store(store.clone()).start().unwrap();
    let patron = client.patron();
    let error = await_event!(patron, Event::RestoreFailed { error, .. } => error.clone());
    assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
    assert!(error.to_string().contains("album/one.bin: No such file"), "{error}");
    stop(client);
    assert!(!file.exists());

    fs::rename(&away, &file).unwrap();
    let (client, patron) = restored(&to, &store);
    let id = only(&patron);
    until("the file that is back", || patron.fresh_status(id).wait().unwrap().finished);
    stop(client);
}

#[test]
fn a_torrent_that_is_added_while_the_same_is_restored_is_there_once() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("data");
    let metainfos: Vec<Metainfo> =
        (0..40).map(|n| metainfo(&data(&files, &format!("{n}.bin"), n, 20_000))).collect();
    let store = Memory::new();
    let (client, patron) = restored(&files, &store);
    for metainfo in &metainfos {
        patron.add_torrent(metainfo, AddOptions::default()).wait().unwrap();
    }
    stop(client);
    let client = builder(&files).store(store.clone()).start().unwrap();
    let patron = client.patron();
    let replies: Vec<_> = metainfos
        .iter()
        .map(|metainfo| patron.add_torrent(metainfo, AddOptions::default()))
        .collect();
    for reply in replies {
        assert!(matches!(reply.wait().unwrap(), Added::Existing(_)));
    }
    assert_eq!((patron.torrents().len(), store.records().len()), (40, 40));
    stop(client);
}

#[test]
fn choices_among_files_trackers_and_names_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("data/tree");
    data(&files, "a.bin", 13, 40_000);
    data(&files, "b.bin", 14, 40_000);
    let metainfo = metainfo(&files);
    let store = Memory::new();
    let save_dir = dir.path().join("data");
    let (client, patron) = restored(&save_dir, &store);
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    let names: Vec<_> = patron.files(id).wait().unwrap().into_iter().map(|f| f.path).collect();
    let b = names.iter().position(|name| name.ends_with("b.bin")).unwrap() as u32;
    patron.set_file_priority(id, b, Priority::SKIP).wait().unwrap();
    patron.add_tracker(id, "http://127.0.0.1:1/announce", 3).wait().unwrap();
    patron.rename_file(id, b, "tree/c.bin").wait().unwrap();
    patron.set_goals(id, Goals::default().share_ratio(2.0)).wait().unwrap();
    stop(client);

    let (client, patron) = restored(&save_dir, &store);
    let id = only(&patron);
    settled(&patron, id);
    let files = patron.files(id).wait().unwrap();
    assert!(files[b as usize].path.ends_with("c.bin"));
    assert_eq!(files[b as usize].priority, Priority::SKIP);
    let trackers = patron.trackers(id).wait().unwrap();
    let [tracker] = &trackers[..] else { panic!("{trackers:?}") };
    assert_eq!(&*tracker.url, "http://127.0.0.1:1/announce");
    stop(client);
    assert!(the_record(&store).resume_data.windows(11).any(|bytes| bytes == b"share ratio"));
}

#[test]
fn resume_data_events_include_the_metainfo_also_with_a_store() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("data"), "a.bin", 15, 50_000);
    let store = Memory::new();
    let (client, patron) = restored(&dir.path().join("data"), &store);
    patron.subscribe(patron.subscription().with(EventKind::ResumeData));
    let metainfo = metainfo(&file);
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    let told = await_event!(patron, Event::ResumeData { data, .. } => data.clone());
    let asked = patron.resume_data(id).wait().unwrap();
    stop(client);
    for data in [told, asked.into()] {
        let other = crate::support::client(&dir.path().join("data"));
        let source = Source::ResumeData(data);
        let id = other.patron().add_torrent(source, AddOptions::default()).wait().unwrap().id();
        let again = other.patron().metainfo(id).wait().unwrap();
        assert_eq!(again.info_hashes, metainfo.info_hashes);
    }
}

#[test]
fn a_builder_has_one_store_for_one_client() {
    let dir = tempfile::tempdir().unwrap();
    let builder = builder(dir.path()).store(Memory::new());
    let client = builder.clone().start().unwrap();
    let error = builder.start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    stop(client);
}

#[test]
fn changed_settings_and_bans_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "a.bin", 16, 300_000);
    let seeder = Seeder::of(&file);
    let store = Memory::new();
    let to = dir.path().join("to");
    let (client, patron) = restored(&to, &store);
    let mut settings = Settings::empty();
    settings.set("connections_limit", 77).unwrap();
    settings.set("user_agent", "a name, with = and spaces").unwrap();
    patron.apply_settings(&settings).wait().unwrap();
    patron.ban("192.0.2.7".parse().unwrap()).wait().unwrap();
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    let received = eventually("what was received", || {
        let received = patron.statistics().wait().unwrap().all_time_received;
        (received > 300_000).then_some(received)
    });
    stop(client);

    for restores in [true, false] {
        let builder = builder(&to).store(store.copy()).restore_settings(restores);
        let client = builder.setting("user_agent", "another").start().unwrap();
        let patron = client.patron();
        let now = patron.settings().wait().unwrap();
        assert_eq!(now.get("connections_limit") == Some(&77.into()), restores);
        assert_eq!(now.get("user_agent"), Some(&"another".into()), "the builder goes before it");
        assert!(patron.statistics().wait().unwrap().all_time_received >= received);
        stop(client);
    }

    // The addresses that an offline client blocks are not saved.
    let quiet = Settings::default().dht(false).local_discovery(false).upnp(false).nat_pmp(false);
    let builder = Client::builder().save_dir(&to).listen("127.0.0.1:0").settings(quiet);
    let client = builder.store(store).restore_settings(false).start().unwrap();
    let filter = client.patron().ip_filter().wait().unwrap();
    let [banned, other] = ["192.0.2.7", "192.0.2.8"].map(|address| address.parse().unwrap());
    assert!(filter.blocks(banned) && !filter.blocks(other));
    stop(client);
}

#[test]
fn the_order_of_the_queue_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let file = |n: u64| data(&dir.path().join("from"), &format!("{n}.bin"), 20 + n, 20_000);
    let metainfos: Vec<Metainfo> = (0..4).map(|n| metainfo(&file(n))).collect();
    let seeder = Seeder::of(&file(4));
    let store = Memory::new();
    let to = dir.path().join("to");
    let (client, patron) = restored(&to, &store);
    let ids: Vec<_> = metainfos
        .iter()
        .map(|one| patron.add_torrent(one, AddOptions::default()).wait().unwrap().id())
        .collect();
    patron.move_in_queue(ids[3], QueueMove::Top).wait().unwrap();
    patron.move_in_queue(ids[1], QueueMove::Bottom).wait().unwrap();
    let mut expected = [1, 3, 2, 0];
    let places = |patron: &Patron| -> Vec<u32> {
        let place = |one: &Metainfo| {
            let id = patron.find(one.info_hashes).wait().unwrap().unwrap();
            patron.options(id).wait().unwrap().queue_position.unwrap()
        };
        metainfos.iter().map(place).collect()
    };
    assert_eq!(places(&patron), expected);
    stop(client);
    let (client, patron) = restored(&to, &store);
    until("the order of the queue", || places(&patron) == expected);

    // The first torrent of the queue leaves it.
    let first = patron.add_torrent(&seeder.metainfo, seeder.options().paused(true));
    let first = first.wait().unwrap().id();
    patron.move_in_queue(first, QueueMove::Top).wait().unwrap();
    let stored = |name: &str| {
        let mut records = store.records().into_iter();
        records.find(|record| &*record.name == name).unwrap().queue_position
    };
    until("its place in the store", || stored("4.bin") == Some(0));
    patron.resume(first).wait().unwrap();
    finished(&patron, first);
    until("that it has left the queue, in the store", || stored("4.bin").is_none());
    let id = patron.find(metainfos[2].info_hashes).wait().unwrap().unwrap();
    patron.move_in_queue(id, QueueMove::Top).wait().unwrap();
    expected = [2, 3, 0, 1];
    assert_eq!(places(&patron), expected);
    stop(client);
    let (client, patron) = restored(&to, &store);
    until("the order of the queue", || places(&patron) == expected);
    stop(client);
}

#[test]
fn the_torrents_of_several_network_threads_are_as_they_were() {
    const THREADS: usize = 3;
    let dir = tempfile::tempdir().unwrap();
    let file = |number: u64| {
        metainfo(&data(&dir.path().join("from"), &format!("{number}.bin"), number, 100_000))
    };
    let metainfos: Vec<_> = (0..12).map(file).collect();
    let [hot, rest @ ..] = &metainfos[..] else { panic!("expected torrents") };
    let [seeds, incomplete] = [&rest[..8], &rest[8..]];
    let store = Memory::new();
    let start = || {
        let builder = builder(&dir.path().join("from")).network_threads(THREADS);
        let client = builder.store(store.clone()).start().unwrap();
        let patron = client.patron();
        patron.watch_all().wait().unwrap();
        await_event!(patron, Event::Restored { failed: 0, .. });
        (client, patron)
    };
    let (client, patron) = start();
    let add = |torrent: &Metainfo, options| patron.add_torrent(torrent, options).wait().unwrap();
    let complete = AddOptions::default().trust(true);
    let id = add(hot, complete.clone().replicas(THREADS as u16)).id();
    for seed in seeds {
        let id = add(seed, complete.clone()).id();
        patron.add_label(id, "films").wait().unwrap();
    }
    for torrent in incomplete {
        add(torrent, AddOptions::default().paused(true).save_dir(dir.path().join("to")));
    }
    let last = patron.find(incomplete[2].info_hashes).wait().unwrap().unwrap();
    patron.move_in_queue(last, QueueMove::Top).wait().unwrap();

    // The thread that serves each torrent, its labels, and its position.
    let details = |patron: &Patron, torrent: &Metainfo| {
        let all = patron.listen_addresses().wait().unwrap();
        let id = patron.find(torrent.info_hashes).wait().unwrap().unwrap();
        let address = patron.listen_addresses_of(id).wait().unwrap()[0];
        let thread = all.iter().position(|known| *known == address).unwrap();
        let position = patron.options(id).wait().unwrap().queue_position;
        (thread, patron.labels(id).wait().unwrap(), position)
    };
    let all_details = |patron: &Patron| -> Vec<_> {
        rest.iter().map(|torrent| details(patron, torrent)).collect()
    };
    let by_all = |patron: &Patron| {
        let id = patron.find(hot.info_hashes).wait().unwrap().unwrap();
        until("all threads serve it", || {
            patron.listen_addresses_of(id).wait().unwrap().len() == THREADS
        });
    };
    by_all(&patron);
    let to = tempfile::tempdir().unwrap();
    for address in patron.listen_addresses_of(id).wait().unwrap() {
        let to = to.path().join(address.port().to_string());
        let client = builder(&to).start().unwrap();
        let options = AddOptions::default().add_peers([address]);
        let downloader = client.patron();
        let id = downloader.add_torrent(hot, options).wait().unwrap().id();
        finished(&downloader, id);
    }
    let sent = |patron: &Patron| patron.statistics().wait().unwrap().all_time_sent;
    let sent_before = sent(&patron);
    assert!(sent_before >= THREADS as u64 * hot.total_size, "{sent_before}");
    let before = all_details(&patron);
    assert_eq!(before.iter().map(|one| one.0).collect::<BTreeSet<_>>().len(), THREADS);
    let positions: Vec<_> = before[8..].iter().map(|one| one.2).collect();
    assert_eq!(positions, [Some(1), Some(2), Some(0)]);
    assert!(before[..8].iter().all(|one| one.1.len() == 1));
    stop(client);

    let (client, patron) = start();
    until("all is as it was", || all_details(&patron) == before);
    by_all(&patron);
    assert!(sent(&patron) >= sent_before);
    stop(client);
}

/// A store that is read one torrent at a time, each time the test permits it.
struct Slow {
    memory: Memory,
    may_read: crossbeam_channel::Receiver<()>,
}

impl Store for Slow {
    fn name(&self) -> String {
        self.memory.name()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>> {
        self.memory.state()
    }

    fn count(&mut self) -> Result<u64> {
        self.memory.count()
    }

    fn load(&mut self, after: Option<Key>, _limit: usize) -> Result<Vec<Loaded>> {
        let _ = self.may_read.recv_timeout(PATIENCE);
        self.memory.load(after, 1)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<()> {
        self.memory.commit(changes)
    }
}

#[test]
fn restoring_reports_its_progress_and_the_client_works_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let files = dir.path().join("data");
    let metainfos: Vec<Metainfo> =
        (0..3).map(|n| metainfo(&data(&files, &format!("{n}.bin"), 30 + n, 20_000))).collect();
    let memory = Memory::new();
    let (client, patron) = restored(&files, &memory);
    for metainfo in &metainfos {
        patron.add_torrent(metainfo, AddOptions::default()).wait().unwrap();
    }
    stop(client);

    let (let_read, may_read) = crossbeam_channel::unbounded();
    let client = builder(&files).store(Slow { memory, may_read }).start().unwrap();
    let patron = client.patron();
    patron.subscribe(patron.subscription().with(EventKind::Restoring));
    let_read.send(()).unwrap();
    let first = eventually("the first torrent", || patron.torrents().first().copied());
    patron.options(first).wait().unwrap();
    // Progress is reported at most every 250 ms.
    while patron.recv_timeout(Duration::from_millis(300)).is_some() {}
    let_read.send(()).unwrap();
    let far = await_event!(patron, Event::Restoring { done, total } => (*done, *total));
    assert_eq!(far, (2, 3));
    let_read.send(()).unwrap();
    let_read.send(()).unwrap();
    await_event!(patron, Event::Restored { torrents: 3, failed: 0, .. });
    stop(client);
}

#[test]
fn every_removal_with_files_is_answered_while_alerts_are_lost() {
    const TORRENTS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let store = Memory::new();
    let (client, patron) = restored(dir.path(), &store);
    let here = dir.path().join("data");
    let ids: Vec<_> = (0..TORRENTS)
        .map(|number| {
            let metainfo = metainfo(&data(&here, &format!("{number}.bin"), number, 20_000));
            let options = AddOptions::default().save_dir(&here);
            patron.add_torrent(&metainfo, options).wait().unwrap().id()
        })
        .collect();
    for &id in &ids {
        settled(&patron, id);
    }
    let magnet = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
    let magnet = patron.add_torrent(magnet, AddOptions::default()).wait().unwrap().id();
    keep_alerts(&patron, 1);
    let removed: Vec<_> = ids
        .into_iter()
        .chain([magnet])
        .map(|id| patron.remove_torrent(id, RemoveFiles::Delete))
        .collect();
    for reply in removed {
        reply.wait_timeout(PATIENCE).unwrap().unwrap();
    }
    await_event!(patron, Event::Resynchronized);
    assert_eq!(fs::read_dir(&here).unwrap().count(), 0);
    eventually("an empty store", || store.records().is_empty().then_some(()));
    stop(client);
}

/// Otherwise the store would say that their files are where they were.
#[test]
fn every_move_is_answered_while_alerts_are_lost() {
    const TORRENTS: u64 = 300;
    let dir = tempfile::tempdir().unwrap();
    let [one, two] = ["one", "two"].map(|name| dir.path().join(name));
    let store = Memory::new();
    let (client, patron) = restored(&one, &store);
    let ids: Vec<_> = (0..TORRENTS)
        .map(|number| {
            let metainfo = metainfo(&data(&one, &format!("{number}.bin"), number, 20_000));
            patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id()
        })
        .collect();
    for &id in &ids {
        settled(&patron, id);
    }
    keep_alerts(&patron, 1);
    let moves: Vec<_> =
        ids.iter().map(|id| patron.move_storage(*id, &two, OnConflict::Fail)).collect();
    for moved in moves {
        assert_eq!(moved.wait_timeout(PATIENCE).unwrap().unwrap(), two);
    }
    await_event!(patron, Event::Resynchronized);
    assert_eq!(fs::read_dir(&two).unwrap().count() as u64, TORRENTS);
    for record in store.records() {
        assert_eq!((&record.save_dir, &record.moving), (&two, &None));
    }
    keep_alerts(&patron, 10_000);
    stop(client);
}
