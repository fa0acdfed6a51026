//! How a torrent continues: resume data, info hashes, the client's saved state, goals.

use std::io::{Seek, SeekFrom, Write};
use std::time::Duration;

use torrent_patron::error::ErrorKind;
use torrent_patron::event::EventKind;
use torrent_patron::file::{Allocation, Priority};
use torrent_patron::ip_filter::IpFilter;
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::patron::RemoveFiles;
use torrent_patron::torrent::{
    Goal, GoalAction, Goals, InfoHashes, Limits, TorrentFlag, TorrentFlags, TorrentState,
};
use torrent_patron::tracker::Tracker;
use torrent_patron::{AddOptions, Event, Settings, Source};

use crate::await_event;
use crate::support::bencode::{dict, list, number, text};
use crate::support::{
    Seeder, address, builder, client, data, finished, maker, metainfo, noise, same, sharing, until,
};

#[test]
fn resume_data_restores_what_was_chosen() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("from/album");
    for (seed, name) in [(1, "one.bin"), (2, "two.bin")] {
        data(&album, name, seed, 50_000);
    }
    let seeder = Seeder::of(&album);
    let to = dir.path().join("to");
    let first = client(&to);
    let patron = first.patron();
    let options = seeder
        .options()
        .add_flags([TorrentFlag::Sequential])
        .limits(Limits::default().download_limit(1_000_000))
        .goals(Goals::default().share_ratio(2.5).then(GoalAction::Remove));
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    patron.rename_file(id, 0, "album/renamed.bin").wait().unwrap();
    patron.set_upload_limit(id, Some(2_000_000)).wait().unwrap();
    patron.set_connections_limit(id, Some(7)).wait().unwrap();
    patron.set_upload_slots(id, Some(3)).wait().unwrap();
    patron.add_tracker(id, "http://127.0.0.1:1/announce", 0).wait().unwrap();
    patron.add_web_seed(id, "http://127.0.0.1:1/").wait().unwrap();
    patron.set_file_priority(id, 0, Priority::TOP).wait().unwrap();
    patron.pause(id).wait().unwrap();
    await_event!(patron, Event::Paused { .. });
    let (files, chosen) = (patron.files(id).wait().unwrap(), patron.options(id).wait().unwrap());
    let saved = patron.resume_data(id).wait().unwrap();
    drop((patron, first));

    // The client has another default directory, but the resume data has the right one.
    let second = client(&dir.path().join("elsewhere"));
    let patron = second.patron();
    let source = Source::ResumeData(saved.into());
    let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
    let (name, complete) = await_event!(
        patron, Event::TorrentAdded { name, save_dir, complete, .. } if *save_dir == to => {
            (name.clone(), *complete)
        }
    );
    assert_eq!((&*name, complete), ("album", true));
    await_event!(patron, Event::Checked { .. });
    let status = patron.fresh_status(id).wait().unwrap();
    assert!(status.paused && status.seeding, "{status:?}");
    assert_eq!(patron.files(id).wait().unwrap(), files);
    assert_eq!(patron.options(id).wait().unwrap(), chosen);
    assert_eq!(chosen.flags, [TorrentFlag::ApplyIpFilter, TorrentFlag::Sequential].into());
    let trackers = patron.trackers(id).wait().unwrap();
    assert_eq!((&*trackers[0].url, trackers[0].tier), ("http://127.0.0.1:1/announce", 0));
    assert_eq!(patron.web_seeds(id).wait().unwrap(), ["http://127.0.0.1:1/"]);
    // The client keeps the goals, so they are in its next resume data too.
    let again = patron.resume_data(id).wait().unwrap();
    let text = String::from_utf8_lossy(&again);
    assert!(text.contains("11:goal actioni1e11:share ratioi2500ee"), "{text}");
    assert_eq!(patron.metainfo(id).wait().unwrap().info_hashes, seeder.metainfo.info_hashes);
    drop((patron, second));

    // An action that this version does not know is none that it knows.
    let (known, unknown) = (b"11:goal actioni1e", b"11:goal actioni258e");
    let at = again.windows(known.len()).position(|part| part == known).unwrap();
    let changed = [&again[..at], unknown, &again[at + known.len()..]].concat();
    let third = client(&dir.path().join("elsewhere"));
    let patron = third.patron();
    let source = Source::ResumeData(changed.into());
    let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
    let saved = patron.resume_data(id).wait().unwrap();
    let text = String::from_utf8_lossy(&saved);
    assert!(text.contains("share ratio") && !text.contains("goal action"), "{text}");
}

#[test]
fn a_download_resumes_and_moves_when_it_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 200_000));
    let (done, incomplete) = (dir.path().join("done"), dir.path().join("incomplete"));
    let first = builder(&done).incomplete_dir(&incomplete).start().unwrap();
    let patron = first.patron();
    let options = AddOptions::default().paused(true);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    let piece = std::fs::read(&seeder.path).unwrap()[..16 * 1024].to_vec();
    patron.add_piece(id, 0, piece).wait().unwrap();
    until("the piece", || patron.pieces(id).wait().unwrap().done() > 0);
    let saved = patron.resume_data(id).wait().unwrap();
    drop((patron, first));

    let second = client(&dir.path().join("elsewhere"));
    let patron = second.patron();
    let options = seeder.options();
    let id = patron.add_torrent(Source::ResumeData(saved.into()), options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    assert_eq!(patron.pieces(id).wait().unwrap().done(), 1, "nothing is fetched twice");
    patron.resume(id).wait().unwrap();
    await_event!(patron, Event::Moved { save_dir, .. } if *save_dir == done);
    assert!(same(&seeder.path, &done.join("data.bin")));
}

#[test]
fn resume_data_that_is_damaged_or_of_another_torrent_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 50_000));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let saved = patron.resume_data(id).wait().unwrap();
    let other = metainfo(&data(dir.path(), "other.bin", 2, 50_000));
    let options = AddOptions::default().resume_data(saved.clone());
    let error = patron.add_torrent(&other, options).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResumeData, "{error}");
    assert!(error.to_string().contains("the resume data belongs to another torrent"), "{error}");
    for length in [0, 1, saved.len() / 2, saved.len() - 1] {
        let half = Source::ResumeData(saved[..length].into());
        let error = patron.add_torrent(half, AddOptions::default()).wait().unwrap_err();
        assert!(error.to_string().starts_with("cannot read the resume data: "), "{error}");
        assert_eq!(error.kind(), ErrorKind::ResumeData, "{error:?}");
    }
    let torrent = Source::ResumeData(seeder.metainfo.torrent_file().clone());
    let error = patron.add_torrent(torrent, AddOptions::default()).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ResumeData, "{error}");
    assert_eq!(patron.torrents(), [id], "nothing is left behind");
    // Resume data of the same torrent is accepted.
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    let options = AddOptions::default().resume_data(saved);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { id: checked, .. } if *checked == id);
    assert!(patron.fresh_status(id).wait().unwrap().seeding);
}

#[test]
fn an_info_hash_alone_is_enough_where_a_peer_is_known() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 50_000));
    let hashes = seeder.metainfo.info_hashes;
    for (text, place) in
        [(hashes.v1.unwrap().to_string(), "v1"), (hashes.v2.unwrap().to_string(), "v2")]
    {
        let to = dir.path().join(place);
        let client = client(&to);
        let patron = client.patron();
        let source = Source::from_text(&text);
        assert!(matches!(source, Source::InfoHash(_)), "{source:?}");
        let id = patron.add_torrent(source, seeder.options()).wait().unwrap().id();
        await_event!(patron, Event::MetadataReceived { info_hashes, .. } if *info_hashes == hashes);
        finished(&patron, id);
        assert!(same(&seeder.path, &to.join("data.bin")));
    }
    let none = Source::InfoHash(InfoHashes::default());
    let error = seeder.patron.add_torrent(none, AddOptions::default()).wait().unwrap_err();
    assert!(error.to_string().starts_with("cannot add the torrent: "), "{error}");
}

#[test]
fn a_magnet_link_chooses_files_and_names_peers() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("from/album");
    for (seed, name) in [(1, "one.bin"), (2, "two.bin"), (3, "three.bin")] {
        data(&album, name, seed, 50_000);
    }
    let maker = crate::support::maker(&album, torrent_patron::metainfo::Protocol::V1);
    let seeder = Seeder::with(&album, maker.start().unwrap().wait().unwrap());
    let files = &seeder.metainfo.files;
    let wanted = files.iter().position(|file| file.path.ends_with("two.bin")).unwrap();
    let link = format!(
        "{}&so={wanted}&x.pe={}&tr=http://127.0.0.1:1/announce&ws=http://127.0.0.1:1/",
        seeder.metainfo.magnet(),
        address(&seeder.patron),
    );
    let to = dir.path().join("to");
    let client = client(&to);
    let patron = client.patron();
    let id =
        patron.add_torrent(Source::from_text(&link), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    for file in patron.files(id).wait().unwrap() {
        let chosen = file.path.ends_with("two.bin");
        assert_eq!(
            file.priority,
            if chosen { Priority::DEFAULT } else { Priority::SKIP },
            "{file:?}"
        );
        assert_eq!(to.join(&file.path).exists(), chosen, "{file:?}");
    }
    assert_eq!(&*patron.trackers(id).wait().unwrap()[0].url, "http://127.0.0.1:1/announce");
    assert_eq!(patron.web_seeds(id).wait().unwrap(), ["http://127.0.0.1:1/"]);
}

#[test]
fn a_torrent_starts_as_its_options_say() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(&dir.path().join("from"), "data.bin", 1, 3_000_000));
    let to = dir.path().join("to");
    let client = client(&to);
    let patron = client.patron();
    let limits = Limits::default().upload_limit(1_000).connections_limit(9).upload_slots(4);
    let options = AddOptions::default()
        .allocation(Allocation::Full)
        .add_flags([TorrentFlag::NoDht, TorrentFlag::AutoManaged])
        .limits(limits)
        .add_trackers([Tracker::new("udp://127.0.0.1:1", 3)])
        .add_web_seeds(["http://127.0.0.1:1/".to_owned()])
        .file_priorities([Priority::LOW]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    let set = patron.options(id).wait().unwrap();
    let flags = TorrentFlags::from([TorrentFlag::NoDht, TorrentFlag::AutoManaged]);
    assert_eq!(set.flags & flags, flags, "{set:?}");
    assert_eq!(set.limits, limits);
    assert_eq!(patron.files(id).wait().unwrap()[0].priority, Priority::LOW);
    assert_eq!(patron.trackers(id).wait().unwrap()[0].tier, 3);
    assert_eq!(patron.web_seeds(id).wait().unwrap().len(), 1);
    // libtorrent allocates all of it once there is a piece to write.
    let piece = std::fs::read(dir.path().join("from/data.bin")).unwrap()[..16 * 1024].to_vec();
    patron.add_piece(id, 0, piece).wait().unwrap();
    until("the piece", || patron.pieces(id).wait().unwrap().done() > 0);
    use std::os::unix::fs::MetadataExt;
    let file = std::fs::metadata(to.join("data.bin")).unwrap();
    assert!(file.blocks() * 512 >= 3_000_000, "{} blocks", file.blocks());
}

/// Every torrent has reached such a ratio, and the action may delete its files.
#[test]
fn a_goal_that_is_no_share_ratio_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 93, 50_000);
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    for ratio in [-1.0, f64::NAN, f64::INFINITY] {
        let goals = Goals::default().share_ratio(ratio).then(GoalAction::RemoveAndDelete);
        let error = patron.set_goals(id, goals).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        let options = AddOptions::default().goals(goals);
        let error = patron.add_torrent(&metainfo, options).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}

#[test]
fn a_torrent_that_reaches_its_goal_ends_as_chosen() {
    let dir = tempfile::tempdir().unwrap();
    for (then, name) in [
        (GoalAction::Pause, "pause.bin"),
        (GoalAction::Remove, "close.bin"),
        (GoalAction::RemoveAndDelete, "delete.bin"),
        (GoalAction::SuperSeed, "super.bin"),
    ] {
        let file = data(&dir.path().join("from"), name, 1, 200_000);
        let seeder = Seeder::of(&file);
        let id = seeder.patron.torrents()[0];
        let goals = Goals::default().share_ratio(0.5).then(then);
        seeder.patron.set_goals(id, goals).wait().unwrap();
        assert!(seeder.patron.status(id).unwrap().ratio() < 0.5);
        let leecher = client(&dir.path().join("to"));
        let patron = leecher.patron();
        let copy = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        await_event!(seeder.patron, Event::GoalReached { goal: Goal::ShareRatio, .. });
        match then {
            GoalAction::Pause => await_event!(seeder.patron, Event::Paused { .. }),
            GoalAction::SuperSeed => {
                let options = seeder.patron.options(id).wait().unwrap();
                assert!(options.flags.contains(TorrentFlag::SuperSeeding));
            }
            _ => await_event!(seeder.patron, Event::TorrentRemoved { .. }),
        }
        assert_eq!(file.exists(), then != GoalAction::RemoveAndDelete);
        drop((copy, leecher));
    }
}

/// Otherwise the action could remove a torrent before wrong data is found.
#[test]
fn a_goal_is_reached_once_the_download_has_been_verified() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 2, 64 << 20);
    let maker = maker(&file, Protocol::V1).piece_length(1 << 20);
    let seeder = Seeder::with(&file, maker.start().unwrap().wait().unwrap());
    let leecher =
        builder(&dir.path().join("to")).tick_interval(Duration::from_millis(5)).start().unwrap();
    let patron = leecher.patron();
    let options = seeder
        .options()
        .verify_finished(true)
        .goals(Goals::default().share_ratio(0.0).then(GoalAction::Remove));
    patron.add_torrent(&seeder.metainfo, options).wait().unwrap();
    let first = await_event!(
        patron, event @ (Event::Finished { .. } | Event::GoalReached { .. }) => event.kind()
    );
    assert_eq!(first, EventKind::Finished);
}

#[test]
fn a_torrent_seeds_for_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 1, 50_000));
    let id = seeder.patron.torrents()[0];
    let goals = Goals::default().seed_time(Duration::from_secs(1));
    seeder.patron.set_goals(id, goals).wait().unwrap();
    await_event!(seeder.patron, Event::GoalReached { goal: Goal::SeedTime, .. });
    await_event!(seeder.patron, Event::Paused { .. });
}

#[test]
fn a_client_continues_from_the_state_of_an_earlier_one() {
    let dir = tempfile::tempdir().unwrap();
    let first = client(dir.path());
    let patron = first.patron();
    let mut change = Settings::empty();
    change.set("connections_limit", 123).unwrap();
    change.set("user_agent", "remembered/1").unwrap();
    patron.apply_settings(&change).wait().unwrap();
    let mut filter = IpFilter::default();
    let (low, high) = ("127.1.0.0".parse().unwrap(), "127.1.0.9".parse().unwrap());
    filter.block(low, high).unwrap();
    patron.set_ip_filter(filter).wait().unwrap();
    let state = patron.save_state().wait().unwrap();
    drop((patron, first));

    let second = builder(dir.path()).state(state.clone()).user_agent("chosen/2").start().unwrap();
    let patron = second.patron();
    let settings = patron.settings().wait().unwrap();
    assert_eq!(settings.get("connections_limit"), Some(&123.into()));
    assert_eq!(settings.get("user_agent"), Some(&"chosen/2".into()), "a choice goes first");
    let filter = patron.ip_filter().wait().unwrap();
    assert!(filter.blocks(low) && filter.blocks(high));
    assert!(!filter.blocks("127.0.0.1".parse().unwrap()));
    assert!(filter.blocks("192.0.2.1".parse().unwrap()));
    drop((patron, second));

    let third = builder(dir.path()).ip_filter(IpFilter::default()).state(state.clone());
    let third = third.start().unwrap();
    let filter = third.patron().ip_filter().wait().unwrap();
    assert!(!filter.blocks(low), "a chosen filter replaces the saved one");
    assert!(filter.blocks("192.0.2.1".parse().unwrap()), "the client is offline");

    for wrong in [&state[..state.len() / 2], b"nonsense", b"le"] {
        let error = builder(dir.path()).state(wrong).start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parse, "{error}");
    }
}

#[test]
fn settings_that_need_another_start_are_refused_while_the_client_runs() {
    let dir = tempfile::tempdir().unwrap();
    let client = builder(dir.path()).settings(Settings::seeding()).start().unwrap();
    let patron = client.patron();
    for (name, value) in [("disk_reads", "stock"), ("listen_interfaces", "127.0.0.1:0s")] {
        let mut change = Settings::empty();
        change.set(name, value).unwrap();
        let error = patron.apply_settings(&change).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        assert!(error.to_string().starts_with("cannot change the settings: "), "{error}");
    }
    let mut change = Settings::empty();
    change.set("enable_incoming_utp", true).unwrap();
    let error = patron.apply_settings(&change).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "uTP reads what zero-copy maps: {error}");
}

/// Resume data that renames the files of a torrent.
fn renaming(metainfo: &Metainfo, names: &[&str]) -> Vec<u8> {
    let names = names.iter().map(text).collect::<Vec<_>>();
    dict([
        ("file-format", text("libtorrent resume file")),
        ("file-version", number(1)),
        ("info-hash", text(metainfo.info_hashes.v1.unwrap().0)),
        ("mapped_files", list(names)),
        ("save_path", text("/nowhere")),
    ])
}

#[test]
fn resume_data_that_leads_outside_or_gives_two_files_one_name_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("from/album");
    for (seed, name) in [(1, "one.bin"), (2, "two.bin")] {
        data(&album, name, seed, 50_000);
    }
    let metainfo = maker(&album, Protocol::V1).start().unwrap().wait().unwrap();
    let seeder = Seeder::with(&album, metainfo);
    let outside = data(&dir.path().join("home"), "keys", 9, 100);
    let to = dir.path().join("to");
    let client = client(&to);
    let patron = client.patron();
    let absolute = outside.to_str().unwrap();
    for names in [
        &["../home/keys"][..],
        &[absolute],
        &["album/../../home/keys"],
        &["album/."],
        &["album/"],
        &["album//x"],
        &["album/x\0y"],
        &["album/two.bin"],
        &["album/x", "album/x"],
        &["album/x", "album/x/y"],
    ] {
        let options = seeder.options().resume_data(renaming(&seeder.metainfo, names));
        let error = patron.add_torrent(&seeder.metainfo, options).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ResumeData, "{names:?}: {error}");
        assert_eq!(error.operation(), "read the resume data", "{names:?}: {error}");
    }
    // If the program says where the files belong, the save path in the resume data is ignored.
    let names = ["album/other.bin"];
    let options = seeder.options().save_dir(&to).resume_data(renaming(&seeder.metainfo, &names));
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    assert!(same(&album.join("one.bin"), &to.join("album/other.bin")));
    assert!(std::fs::read(&outside).unwrap() == noise(9, 100));
    assert!(!std::path::Path::new("/nowhere").exists());
}

/// libtorrent 2.1 writes one bit a piece.
#[test]
fn compact_resume_data_claims_the_right_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let piece = 16 * 1024;
    let source = data(dir.path(), "data.bin", 31, 20 * piece);
    let metainfo = maker(&source, Protocol::V1).start().unwrap().wait().unwrap();
    let to = dir.path().join("to");
    let whole = std::fs::read(&source).unwrap();
    let mut part = std::fs::File::create(data(&to, "data.bin", 0, 0)).unwrap();
    part.set_len(whole.len() as u64).unwrap();
    part.seek(SeekFrom::Start(7 * piece as u64)).unwrap();
    part.write_all(&whole[7 * piece..8 * piece]).unwrap();
    let saved = dict([
        ("file-format", text("libtorrent resume file")),
        ("file-version", number(2)),
        ("info-hash", text(metainfo.info_hashes.v1.unwrap().0)),
        ("pieces", text([1, 0, 0])),
        ("save_path", text(to.to_str().unwrap())),
    ]);
    let client = client(&to);
    let patron = client.patron();
    let options = AddOptions::default().resume_data(saved);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    until("it is ready", || {
        patron.fresh_status(id).wait().unwrap().state == TorrentState::Downloading
    });
    let pieces = patron.pieces(id).wait().unwrap();
    assert_eq!((pieces.done(), pieces.have[7]), (1, true));
}

/// The current choice of files overrides that of the resume data, and the download is correct: a
/// piece that two files share is in the part file while one of them is skipped.
#[test]
fn other_files_than_in_the_resume_data_are_downloaded_in_full() {
    for lose_parts in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let seeder = sharing(dir.path());
        let to = dir.path().join("to");
        let first = client(&to);
        let patron = first.patron();
        let options = seeder.options().file_priorities([Priority::DEFAULT, Priority::SKIP]);
        let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
        finished(&patron, id);
        let saved = patron.resume_data(id).wait().unwrap();
        drop((patron, first));
        let parts = std::fs::read_dir(&to).unwrap().map(|entry| entry.unwrap().path());
        let parts: Vec<_> = parts.filter(|path| path.extension().is_some()).collect();
        assert_eq!(parts.len(), 1, "{parts:?}");
        if lose_parts {
            std::fs::remove_file(&parts[0]).unwrap();
        }
        for wanted in [[Priority::SKIP, Priority::DEFAULT], [Priority::DEFAULT; 2]] {
            let client = client(&to);
            let patron = client.patron();
            let options = seeder.options().resume_data(saved.clone()).file_priorities(wanted);
            let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
            finished(&patron, id);
            assert!(same(&seeder.path.join("two.bin"), &to.join("album/two.bin")));
            assert!(same(&seeder.path.join("one.bin"), &to.join("album/one.bin")));
        }
    }
}

#[test]
fn a_lost_part_file_is_noticed_without_requests_for_other_files() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = sharing(dir.path());
    let to = dir.path().join("to");
    let first = client(&to);
    let patron = first.patron();
    let wanted = [Priority::DEFAULT, Priority::SKIP];
    let options = seeder.options().file_priorities(wanted);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    let here = patron.pieces(id).wait().unwrap().done();
    let saved = patron.resume_data(id).wait().unwrap();
    drop((patron, first));
    for entry in std::fs::read_dir(&to).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            std::fs::remove_file(path).unwrap();
        }
    }
    let second = client(&to);
    let patron = second.patron();
    // Paused: the resume data has the seeder's address, and the piece would soon be there again.
    let options = AddOptions::default().resume_data(saved).file_priorities(wanted).paused(true);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    assert_eq!(patron.pieces(id).wait().unwrap().done(), here - 1);
}

#[test]
fn data_that_the_resume_data_lacks_is_checked_and_not_downloaded() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 200_000);
    let metainfo = metainfo(&file);
    let to = dir.path().join("to");
    let first = client(&to);
    let patron = first.patron();
    let options = AddOptions::default().paused(true);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    patron.add_piece(id, 0, std::fs::read(&file).unwrap()[..16 * 1024].to_vec()).wait().unwrap();
    until("the piece", || patron.pieces(id).wait().unwrap().done() > 0);
    let saved = patron.resume_data(id).wait().unwrap();
    drop((patron, first));
    std::fs::copy(&file, to.join("data.bin")).unwrap();

    let second = client(&to);
    let patron = second.patron();
    let options = AddOptions::default().resume_data(saved);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    patron.resume(id).wait().unwrap();
    // Without any peer.
    finished(&patron, id);
}

/// After a power cut, a file may lack blocks that were written.
#[test]
fn blocks_of_unfinished_pieces_that_are_lost_are_downloaded_again() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 200_000));
    let to = dir.path().join("to");
    std::fs::create_dir(&to).unwrap();
    for length in [0, 200_000] {
        std::fs::File::create(to.join("data.bin")).unwrap().set_len(length).unwrap();
        // The only block of the second piece.
        let unfinished = dict([("bitmask", text([1 << 7])), ("piece", number(1))]);
        let resume_data = dict([
            ("file-format", text("libtorrent resume file")),
            ("file-version", number(1)),
            ("info-hash", text(seeder.metainfo.info_hashes.v1.unwrap().0)),
            ("pieces", text([0; 13])),
            ("save_path", text(to.to_str().unwrap())),
            ("unfinished", list([unfinished])),
        ]);
        let client = client(&to);
        let patron = client.patron();
        patron.subscribe(EventKind::HashFailed.into());
        let options =
            AddOptions::default().resume_data(resume_data).add_peers([address(&seeder.patron)]);
        let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
        patron.wait_until_finished(id).wait().unwrap();
        let bad = |event: &Event| matches!(event, Event::HashFailed { .. } | Event::Error { .. });
        let events: Vec<_> = std::iter::from_fn(|| patron.try_recv()).collect();
        assert!(!events.iter().any(bad), "{events:?}");
        assert!(same(&to.join("data.bin"), &seeder.path));
        drop((patron, client));
        std::fs::remove_file(to.join("data.bin")).unwrap();
    }
}

fn overwrite(path: &std::path::Path) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[100_000] ^= 1;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn files_that_have_changed_since_the_resume_data_are_checked() {
    for (what, change) in [
        ("overwritten", &overwrite as &dyn Fn(&std::path::Path)),
        ("gone", &|path| std::fs::remove_file(path).unwrap()),
        ("cut", &|path| {
            std::fs::File::options().write(true).open(path).unwrap().set_len(120_000).unwrap();
        }),
        ("with its time put back", &|path| {
            let before = std::fs::metadata(path).unwrap().modified().unwrap();
            overwrite(path);
            let file = std::fs::File::options().write(true).open(path).unwrap();
            file.set_modified(before).unwrap();
        }),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 1, 200_000));
        let to = dir.path().join("to");
        let first = client(&to);
        let patron = first.patron();
        let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        finished(&patron, id);
        let saved = patron.resume_data(id).wait().unwrap();
        drop((patron, first));
        change(&to.join("data.bin"));

        let second = client(&to);
        let patron = second.patron();
        let options = AddOptions::default().resume_data(saved);
        let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
        await_event!(patron, Event::Checked { .. });
        assert!(!patron.fresh_status(id).wait().unwrap().finished, "{what}");
        // Only the lost data is downloaded again.
        patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
        finished(&patron, id);
        assert!(same(&seeder.path, &to.join("data.bin")), "{what}");
    }
}

/// Until libtorrent has looked at the files, which takes time if there are many, it saves no pieces.
/// libtorrent also puts a torrent into upload mode, after a failed write. Only that is not saved.
#[test]
fn upload_mode_of_the_program_is_saved_although_a_check_has_failed() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(&dir.path().join("from"), "data.bin", 1, 100_000));
    let to = dir.path().join("to");
    let first = client(&to);
    let patron = first.patron();
    let options = AddOptions::default().add_flags([TorrentFlag::UploadMode]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { .. });
    // A link to itself cannot be examined.
    std::fs::create_dir_all(&to).unwrap();
    std::os::unix::fs::symlink("data.bin", to.join("data.bin")).unwrap();
    patron.recheck(id).wait().unwrap();
    await_event!(patron, Event::Error { .. });
    let saved = patron.resume_data(id).wait().unwrap();
    drop((patron, first));

    let second = client(&to);
    let patron = second.patron();
    let source = Source::ResumeData(saved.into());
    let id = patron.add_torrent(source, AddOptions::default()).wait().unwrap().id();
    let flags = patron.options(id).wait().unwrap().flags;
    assert!(flags.contains(TorrentFlag::UploadMode), "{flags:?}");
}

#[test]
fn a_save_during_the_first_look_at_the_files_forgets_no_pieces() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    for number in 0..2000 {
        data(&album, &format!("{number}.bin"), number, 100);
    }
    let metainfo = metainfo(&album);
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    let saved = patron.resume_data(id).wait().unwrap();
    for _ in 0..10 {
        patron.remove_torrent(patron.torrents()[0], RemoveFiles::Keep).wait().unwrap();
        let source = Source::ResumeData(saved.clone().into());
        let added = patron.add_torrent(source, AddOptions::default());
        let again = patron.resume_data(added.wait().unwrap().id()).wait().unwrap();
        let again = String::from_utf8_lossy(&again);
        assert!(!again.contains("6:pieces0:"), "{again}");
    }
}
