//! Failures around a client: disks, directories, ports, trackers. Each failure is reported once,
//! the other torrents continue, and nothing on disk is lost.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use torrent_patron::error::ErrorKind;
use torrent_patron::event::{EventKind, EventKinds, PerformanceLimit};
use torrent_patron::file::{ExistingFiles, OnConflict};
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::patron::{Added, RemoveFiles};
use torrent_patron::torrent::{InfoHashes, Limits};
use torrent_patron::{AddOptions, Client, Error, Event, Patron, Settings, Source, TorrentId};

use crate::await_event;
use crate::helpers::server::{self, Server};
use crate::helpers::tmpfs::Tmpfs;
use crate::support::bencode::{dict, number, text};
#[cfg(target_os = "linux")]
use crate::support::child::{in_child, preloaded};
use crate::support::each;
use crate::support::{
    PATIENCE, Seeder, address, builder, client, data, drain, finished, maker, metainfo, noise,
    same, still_works, until,
};

const MIB: usize = 1024 * 1024;

/// The next error of a torrent.
fn error(patron: &Patron, id: TorrentId) -> Error {
    let (error, line) = await_event!(
        patron, event @ Event::Error { id: on, error, .. } if *on == id
            => (error.clone(), event.to_string())
    );
    println!("{line}");
    assert!(!line.contains('\n') && !error.message().trim_end().ends_with(':'), "{line}");
    error
}

/// The error events of a torrent that wait in the mailbox.
fn more_errors(patron: &Patron, id: TorrentId) -> Vec<String> {
    drain(patron, |event| match event {
        Event::Error { id: on, .. } if on == id => Some(event.to_string()),
        _ => None,
    })
}

#[test]
fn a_save_directory_that_is_a_file_is_refused_immediately() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 31, 100_000);
    let seeder = Seeder::of(&file);
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let below = file.join("below");
    for wrong in [&file, &below] {
        for options in
            [AddOptions::default().save_dir(wrong), AddOptions::default().incomplete_dir(wrong)]
        {
            let error = patron.add_torrent(&seeder.metainfo, options).wait().unwrap_err();
            println!("{error}");
            assert_eq!(error.kind(), ErrorKind::Disk);
            assert!(error.message().contains(wrong.to_str().unwrap()), "{error}");
        }
    }
    assert!(patron.torrents().is_empty());
    still_works(&patron);
    assert!(std::fs::read(&file).unwrap() == noise(31, 100_000));
}

#[test]
fn a_read_only_file_system_stops_one_torrent_alone() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tmpfs) = Tmpfs::mount(dir.path().join("to"), "4m") else { return };
    let file = data(&dir.path().join("from"), "data.bin", 32, 500_000);
    let seeder = Seeder::of(&file);
    let client = client(&dir.path().join("elsewhere"));
    let patron = client.patron();

    tmpfs.remount("ro");
    let options = seeder.options().save_dir(&tmpfs.0);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    let error = error(&patron, id);
    assert_eq!((error.kind(), error.native().unwrap().value), (ErrorKind::Disk, 30), "{error:?}");
    assert!(error.message().contains("data.bin"), "{error}");
    still_works(&patron);
    assert_eq!(more_errors(&patron, id), [""; 0]);

    tmpfs.remount("rw");
    patron.resume(id).wait().unwrap();
    finished(&patron, id);
    assert!(same(&file, &tmpfs.0.join("data.bin")));
    drop((client, seeder));
}

#[test]
fn a_full_disk_pauses_a_torrent_until_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tmpfs) = Tmpfs::mount(dir.path().join("to"), "1m") else { return };
    let file = data(&dir.path().join("from"), "data.bin", 33, 4 * MIB);
    let seeder = Seeder::of(&file);
    let client = client(&dir.path().join("elsewhere"));
    let patron = client.patron();

    let options = seeder.options().save_dir(&tmpfs.0);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    let error = error(&patron, id);
    assert_eq!((error.kind(), error.native().unwrap().value), (ErrorKind::Disk, 28), "{error:?}");
    assert!(error.message().contains("data.bin"), "{error}");
    assert!(error.message().contains("No space left on device"), "{error}");
    still_works(&patron);
    assert_eq!(more_errors(&patron, id), [""; 0]);
    let status = patron.fresh_status(id).wait().unwrap();
    println!("{status}");
    assert!(status.total_done > 0 && !status.finished, "{status:?}");
    assert!(status.error.is_none_or(|shown| shown == error), "the first error is the cause");

    tmpfs.remount("size=16m");
    patron.resume(id).wait().unwrap();
    finished(&patron, id);
    assert!(same(&file, &tmpfs.0.join("data.bin")));
    let received = patron.fresh_status(id).wait().unwrap().downloaded;
    assert!(received < 8 * MIB as u64, "what was there was fetched again: {received}");
    drop((client, seeder));
}

#[test]
fn a_reader_gets_the_error_of_a_full_disk_and_reads_on_when_there_is_room() {
    use std::io::Read;

    let dir = tempfile::tempdir().unwrap();
    let Some(tmpfs) = Tmpfs::mount(dir.path().join("to"), "1m") else { return };
    let file = data(&dir.path().join("from"), "data.bin", 38, 4 * MIB);
    let seeder = Seeder::of(&file);
    let client = client(&tmpfs.0);
    let patron = client.patron();
    let id = patron.add_torrent(&seeder.metainfo, AddOptions::default()).wait().unwrap().id();
    let mut reader = patron.reader(id, 0).wait_timeout(PATIENCE).unwrap().unwrap();
    reader.set_timeout(Some(PATIENCE));
    let reading = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let error = reader.read_to_end(&mut bytes).unwrap_err();
        (bytes, error, reader)
    });
    patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
    let (mut bytes, error, mut reader) = reading.join().unwrap();
    let error: &Error = error.get_ref().unwrap().downcast_ref().unwrap();
    assert_eq!((error.kind(), error.native().unwrap().value), (ErrorKind::Disk, 28), "{error:?}");

    tmpfs.remount("size=16m");
    patron.resume(id).wait().unwrap();
    reader.read_to_end(&mut bytes).unwrap();
    assert!(bytes == noise(38, 4 * MIB));
    drop((client, seeder));
}

/// libtorrent puts the torrent into upload mode, which is part of resume data.
#[test]
fn a_torrent_that_met_a_full_disk_goes_on_in_the_next_run() {
    let dir = tempfile::tempdir().unwrap();
    let Some(tmpfs) = Tmpfs::mount(dir.path().join("to"), "1m") else { return };
    let file = data(&dir.path().join("from"), "data.bin", 34, 4 * MIB);
    let seeder = Seeder::of(&file);
    let resume_data = {
        let client = client(&tmpfs.0);
        let patron = client.patron();
        let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        let error = error(&patron, id);
        assert_eq!(error.native().unwrap().value, 28, "{error:?}");
        patron.resume_data(id).wait().unwrap()
    };
    tmpfs.remount("size=16m");
    let client = client(&tmpfs.0);
    let patron = client.patron();
    let options = seeder.options().resume_data(resume_data);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    assert!(same(&file, &tmpfs.0.join("data.bin")));
    drop((client, seeder));
}

#[test]
fn a_path_longer_than_the_system_takes_stops_one_torrent_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = (0..30).map(|_| text("x".repeat(200)));
    let bytes = dict([(
        "info",
        dict([
            (
                "files",
                [
                    b"l",
                    &dict([
                        ("length", number(1000)),
                        ("path", [b"l", &path.collect::<Vec<_>>().concat()[..], b"e"].concat()),
                    ])[..],
                    b"e",
                ]
                .concat(),
            ),
            ("name", text("deep")),
            ("piece length", number(16384)),
            ("pieces", text([1; 20])),
        ]),
    )]);
    let client = client(dir.path());
    let patron = client.patron();
    let id = patron.add_torrent(bytes, AddOptions::default()).wait().unwrap().id();
    let error = error(&patron, id);
    assert_eq!((error.kind(), error.native().unwrap().value), (ErrorKind::Disk, 36), "{error:?}");
    still_works(&patron);
    assert_eq!(more_errors(&patron, id), [""; 0]);
}

#[test]
fn a_port_in_use_is_reported_and_the_client_continues() {
    let dir = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let deaf = builder(dir.path()).listen(taken.to_string()).start().unwrap();
    let patron = deaf.patron();
    let (told, reason) = match patron.listen_addresses().wait() {
        Err(error) => (error.clone(), error),
        Ok(addresses) => panic!("{addresses:?}"),
    };
    println!("{reason}");
    assert_eq!((told.kind(), told.native().unwrap().value), (ErrorKind::Io, 98), "{told:?}");
    assert!(reason.message().contains("Address already in use"), "{reason}");
    assert!(reason.message().contains(&taken.to_string()), "{reason}");
    let line = await_event!(patron, event @ Event::ListenFailed { address, error } => {
        assert_eq!((&**address, error), (&*taken.to_string(), &told));
        event.to_string()
    });
    println!("{line}");
    still_works(&patron);
    let more = drain(&patron, |event| match event {
        Event::ListenFailed { .. } => Some(event.to_string()),
        _ => None,
    });
    assert_eq!(more, [""; 0]);

    let half = format!("{taken},127.0.0.1:0");
    let half_deaf = builder(dir.path()).listen(half).start().unwrap();
    let patron = half_deaf.patron();
    let addresses = patron.listen_addresses().wait().unwrap();
    assert!(addresses.len() == 1 && addresses[0] != taken, "{addresses:?}");
    let (mut listens, mut failed) = (false, false);
    crate::support::wait_for(&patron, "both, in any order", |event| {
        match event {
            Event::Listening { address } => listens |= *address == addresses[0],
            Event::ListenFailed { address, .. } => failed |= **address == taken.to_string(),
            _ => {}
        }
        (listens && failed).then_some(())
    });
    still_works(&patron);
}

/// Without a socket, the client turns off outgoing uTP internally.
#[test]
fn a_port_in_use_changes_no_setting_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let name = "enable_outgoing_utp";
    let client = builder(dir.path()).listen(taken).setting(name, true).start().unwrap();
    let patron = client.patron();
    await_event!(patron, Event::ListenFailed { .. });
    let shown = || patron.settings().wait().unwrap().get(name).cloned();
    let saved = || {
        let state = patron.save_state().wait().unwrap();
        Client::builder().state(state).effective_settings().unwrap().get(name).cloned()
    };
    assert_eq!((shown(), saved()), (Some(true.into()), None), "true is libtorrent's default");
    patron.apply_settings(&Settings::empty().utp(false)).wait().unwrap();
    assert_eq!((shown(), saved()), (Some(false.into()), Some(false.into())));
}

/// Without a socket, libtorrent's outgoing uTP connections fail and it does not fall back to TCP.
#[test]
fn a_client_that_listens_nowhere_downloads_nevertheless() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    let cases = [("", None), ("127.0.0.1:0", Some("")), ("127.0.0.1:0", Some(&*taken))];
    each(cases, |(first, then)| {
        let dir = tempfile::tempdir().unwrap();
        let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 5, 100_000));
        let builder = builder(&dir.path().join("to")).setting("enable_outgoing_utp", true);
        let client = builder.listen(first).start().unwrap();
        let patron = client.patron();
        assert_eq!(patron.listen_addresses().wait().unwrap().is_empty(), first.is_empty());
        if let Some(then) = then {
            patron.apply_settings(&Settings::empty().listen_interfaces([then])).wait().unwrap();
            match patron.listen_addresses().wait() {
                Ok(addresses) => assert!(then.is_empty() && addresses.is_empty(), "{addresses:?}"),
                Err(error) => assert!(error.to_string().contains(&taken), "{error}"),
            }
        }
        let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        finished(&patron, id);
    });
}

#[test]
fn a_failing_tracker_is_reported_and_peers_are_found_elsewhere() {
    let ok = |body: &[u8]| {
        [format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), body]
            .concat()
    };
    let refusal = dict([("failure reason", text("not\nwelcome here"))]);
    for (what, answer, reason) in [
        ("garbage", noise(41, 3000), ""),
        ("a web page", ok(b"<html><body>hello</body></html>"), ""),
        ("nothing", ok(b""), ""),
        ("a list", ok(b"le"), ""),
        ("a failure reason", ok(&refusal), "welcome here"),
        (
            "500",
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "Internal Server Error",
        ),
        ("404", b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(), "Not Found"),
        ("too large", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\nd".to_vec(), ""),
        ("a redirect to itself", b"HTTP/1.1 302 Found\r\nLocation: /announce\r\n\r\n".to_vec(), ""),
        ("it closes", vec![], ""),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 42, 100_000);
        let tracker = Server::answering(&answer);
        let maker = maker(&file, Protocol::V1).add_tracker(tracker.url("/announce"), 0);
        let metainfo = maker.start().unwrap().wait().unwrap();
        let to = dir.path().join("to");
        let client = client(&to);
        let patron = client.patron();
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        let (line, error) = await_event!(
            patron, event @ Event::TrackerError { id: on, url, error, .. }
                if *on == id && **url == tracker.url("/announce") => (event.to_string(), error.clone())
        );
        println!("{what}: {line}");
        assert!(error.message().contains(&tracker.url("/announce")), "{what}: {error}");
        assert!(error.message().contains(reason) && !line.contains('\n'), "{what}: {line:?}");
        assert!(!error.message().trim_end().ends_with(':'), "{what}: {line}");

        let _seeder = Seeder::that_calls(&file, &metainfo, address(&patron));
        finished(&patron, id);
        assert!(same(&file, &to.join("data.bin")));
        assert_eq!(more_errors(&patron, id), [""; 0]);
    }
}

/// A download into `save_dir`, through `incomplete_dir`.
fn download(seeder: &Seeder, save_dir: &Path, incomplete: &Path) -> (Client, Patron, TorrentId) {
    let client = client(save_dir);
    let patron = client.patron();
    let options = seeder.options().incomplete_dir(incomplete);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    (client, patron, id)
}

#[test]
fn a_finished_torrent_moves_to_its_final_place() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 51, 300_000);
    let seeder = Seeder::of(&file);
    let (to, incomplete) = (dir.path().join("to"), dir.path().join("incomplete"));
    let (_client, patron, id) = download(&seeder, &to, &incomplete);
    await_event!(patron, Event::Moved { id: on, save_dir, .. } if *on == id => {
        assert_eq!(*save_dir, to);
    });
    assert!(same(&file, &to.join("data.bin")));
    assert!(std::fs::read_dir(&incomplete).unwrap().next().is_none());
    assert_eq!(more_errors(&patron, id), [""; 0]);
}

/// Its files are not known when it is added.
#[test]
fn a_magnet_link_overwrites_no_foreign_file() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 87, 4 * MIB));
    let hash = seeder.metainfo.info_hashes.v1.unwrap();
    let link = format!("magnet:?xt=urn:btih:{hash}");
    let to = dir.path().join("to");
    let mine = data(&to, "data.bin", 88, 4 * MIB);
    let before = std::fs::read(&mine).unwrap();
    let client = client(&to);
    let patron = client.patron();
    let id = patron.add_torrent(&*link, seeder.options()).wait().unwrap().id();
    let refused = error(&patron, id);
    assert_eq!(refused.kind(), ErrorKind::Exists, "{refused}");
    assert!(refused.message().contains("data.bin: it exists and contains no data"), "{refused}");
    still_works(&patron);
    assert!(patron.fresh_status(id).wait().unwrap().paused);
    assert!(std::fs::read(&mine).unwrap() == before);
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();

    // What an earlier download has left is taken over, and so is anything on request.
    std::fs::copy(&seeder.path, &mine).unwrap();
    overwrite_end(&mine);
    for existing in [ExistingFiles::Refuse, ExistingFiles::Overwrite] {
        let options = seeder.options().existing_files(existing);
        let id = patron.add_torrent(&*link, options).wait().unwrap().id();
        finished(&patron, id);
        assert!(same(&seeder.path, &mine));
        patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
        std::fs::write(&mine, &before).unwrap();
    }
}

/// libtorrent would not write to it, and call the torrent complete.
#[test]
fn a_file_in_place_of_an_empty_one_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from/set");
    data(&from, "data.bin", 91, 100_000);
    std::fs::write(from.join("empty"), "").unwrap();
    let seeder = Seeder::of(&from);
    let mine = dir.path().join("to/set/empty");
    std::fs::create_dir_all(mine.parent().unwrap()).unwrap();
    std::fs::write(&mine, "my work").unwrap();
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let refused =
        patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap_err().to_string();
    assert!(refused.contains("empty: it exists with 7 bytes, but has 0"), "{refused}");
    let link = seeder.metainfo.magnet();
    let id = patron.add_torrent(&link, seeder.options()).wait().unwrap().id();
    let refused = error(&patron, id);
    assert_eq!(refused.kind(), ErrorKind::Exists, "{refused}");
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "my work");

    let options = seeder.options().existing_files(ExistingFiles::Overwrite);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    assert_eq!(std::fs::read_to_string(&mine).unwrap(), "");
}

#[test]
fn a_file_with_holes_is_not_overwritten_unless_its_data_is_right() {
    use std::os::unix::fs::FileExt;
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 92, 4 * MIB));
    let link = seeder.metainfo.magnet();
    let (to, mine) = (dir.path().join("to"), dir.path().join("to/data.bin"));
    let client = client(&to);
    let patron = client.patron();
    let sparse = |seed| {
        std::fs::create_dir_all(&to).unwrap();
        let file = std::fs::File::create(&mine).unwrap();
        file.set_len(4 * MIB as u64).unwrap();
        file.write_all_at(&noise(seed, 4 * MIB)[MIB..2 * MIB], MIB as u64).unwrap();
        std::fs::read(&mine).unwrap()
    };
    let before = sparse(93);
    let refused = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Exists, "{refused}");
    let id = patron.add_torrent(&link, seeder.options()).wait().unwrap().id();
    let refused = error(&patron, id);
    assert_eq!(refused.kind(), ErrorKind::Exists, "{refused}");
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    assert!(std::fs::read(&mine).unwrap() == before);

    for source in [Source::from(&seeder.metainfo), Source::from(&link)] {
        sparse(92);
        let id = patron.add_torrent(source, seeder.options()).wait().unwrap().id();
        finished(&patron, id);
        assert!(same(&seeder.path, &mine));
        patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    }
}

/// Only the hash of the whole file is known when its metadata has come.
#[test]
fn a_magnet_link_of_a_v2_torrent_overwrites_no_foreign_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(&dir.path().join("from"), "data.bin", 89, 4 * MIB);
    let metainfo = maker(&path, Protocol::V2).start().unwrap().wait().unwrap();
    let seeder = Seeder::with(&path, metainfo);
    let link = seeder.metainfo.magnet();
    let to = dir.path().join("to");
    let client = client(&to);
    let patron = client.patron();
    for size in [7, 300_000, 4 * MIB] {
        let mine = data(&to, "data.bin", 90, size);
        let before = std::fs::read(&mine).unwrap();
        let id = patron.add_torrent(&link, seeder.options()).wait().unwrap().id();
        let refused = error(&patron, id);
        assert_eq!(refused.kind(), ErrorKind::Exists, "{size}: {refused}");
        assert!(std::fs::read(&mine).unwrap() == before, "{size}");
        patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    }
    // Nor does a .torrent file that lacks the hashes of the pieces.
    let torrent = seeder.metainfo.torrent_file();
    let layers = b"12:piece layersd";
    let at = torrent.windows(layers.len()).position(|key| key == layers).unwrap();
    let bare = [&torrent[..at], b"e".as_slice()].concat();
    let mine = data(&to, "data.bin", 90, 7);
    let refused = patron.add_torrent(bare, seeder.options()).wait().unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Exists, "{refused}");
    assert_eq!(std::fs::read(&mine).unwrap().len(), 7);

    std::fs::copy(&path, to.join("data.bin")).unwrap();
    let id = patron.add_torrent(&link, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
}

fn overwrite_end(path: &Path) {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::options().write(true).open(path).unwrap();
    file.write_all_at(&[7; 1000], 4 * MIB as u64 - 1000).unwrap();
}

#[test]
fn files_in_the_final_directory_are_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 52, 300_000);
    let seeder = Seeder::of(&file);
    let (to, incomplete) = (dir.path().join("to"), dir.path().join("incomplete"));
    let other = data(&to, "data.bin", 53, 700_000);
    let (_client, patron, id) = download(&seeder, &to, &incomplete);
    let error = error(&patron, id);
    assert_eq!((error.kind(), error.native().unwrap().value), (ErrorKind::Exists, 17), "{error:?}");
    assert!(error.message().contains("data.bin"), "{error}");
    assert!(std::fs::read(&other).unwrap() == noise(53, 700_000));
    assert!(same(&file, &incomplete.join("data.bin")));

    // It seeds from the directory where it is.
    let third = client(&dir.path().join("third"));
    let reader = third.patron();
    let options = AddOptions::default().add_peers([address(&patron)]);
    let copy = reader.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    drop(seeder);
    finished(&reader, copy);
    assert!(same(&incomplete.join("data.bin"), &dir.path().join("third/data.bin")));
    assert_eq!(more_errors(&patron, id), [""; 0]);
}

/// If it may be overwritten, it is checked, wrong data is replaced, and the file is truncated to
/// its length.
#[test]
fn a_larger_file_of_the_same_name() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 54, 300_000);
    let seeder = Seeder::of(&file);
    let to = dir.path().join("to");
    let other = data(&to, "data.bin", 55, 700_000);
    let client = client(&to);
    let patron = client.patron();

    // Until data arrives, the file is only checked.
    let options = AddOptions::default().stop_when_checked(true);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    await_event!(patron, Event::Checked { id: on, .. } if *on == id);
    assert!(std::fs::read(&other).unwrap() == noise(55, 700_000));
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    assert!(std::fs::read(&other).unwrap() == noise(55, 700_000));

    let error = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap_err();
    assert!(error.message().contains("data.bin: it exists with 700000 bytes"), "{error}");
    assert!(std::fs::read(&other).unwrap() == noise(55, 700_000));

    let options = seeder.options().existing_files(ExistingFiles::Overwrite);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    assert!(same(&file, &other));
}

#[test]
fn a_torrent_that_is_elsewhere_truncates_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 54, 300_000));
    let to = dir.path().join("to");
    let other = data(&to, "data.bin", 55, 700_000);
    let options = AddOptions::default().save_dir(&to).existing_files(ExistingFiles::Overwrite);
    let added = seeder.patron.add_torrent(&seeder.metainfo, options).wait().unwrap();
    assert!(matches!(added, Added::Existing(_)), "{added:?}");
    assert!(std::fs::read(&other).unwrap() == noise(55, 700_000));
}

#[test]
fn a_foreign_file_is_not_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("from/album");
    for (seed, name) in [(60, "large.bin"), (61, "other.bin")] {
        data(&album, name, seed, 300_000);
    }
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let metainfo = maker(&album, protocol).start().unwrap().wait().unwrap();
        let seeder = Seeder::with(&album, metainfo);
        for size in [10, 100_000, 300_000, 300_001] {
            let to = tempfile::tempdir().unwrap();
            let mine = data(&to.path().join("album"), "large.bin", 62, size);
            let client = client(to.path());
            let patron = client.patron();
            let error = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
            assert!(error.message().contains("album/large.bin: it exists"), "{error}");
            assert!(std::fs::read(&mine).unwrap() == noise(62, size), "{protocol:?}, {size}");
            assert!(!to.path().join("album/other.bin").exists());
            // With `Overwrite`, the torrent takes the file.
            let options = seeder.options().existing_files(ExistingFiles::Overwrite);
            let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
            finished(&patron, id);
            assert!(same(&album.join("large.bin"), &mine), "{protocol:?}, {size}");
        }
        // A part of a download does not belong to someone else.
        let to = tempfile::tempdir().unwrap();
        let mut part = noise(60, 300_000);
        part[50_000..250_000].fill(7);
        std::fs::create_dir(to.path().join("album")).unwrap();
        std::fs::write(to.path().join("album/large.bin"), part).unwrap();
        std::fs::write(to.path().join("album/other.bin"), "").unwrap();
        let client = client(to.path());
        let patron = client.patron();
        let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        finished(&patron, id);
        assert!(same(&album.join("large.bin"), &to.path().join("album/large.bin")));
    }
}

/// Whether different network threads of so many serve the torrents.
fn are_apart<S: Into<Source>>(threads: usize, torrents: [S; 2]) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let client = builder(dir.path()).network_threads(threads).start().unwrap();
    let patron = client.patron();
    let [one, other] = torrents.map(|torrent| {
        let options = AddOptions::default().paused(true);
        let id = patron.add_torrent(torrent, options).wait().unwrap().id();
        patron.listen_addresses_of(id).wait().unwrap()
    });
    one != other
}

/// Seeds a file whose torrent another network thread serves than `other`, if there are several.
fn seeder_apart_from(other: &Metainfo, threads: usize, dir: &Path, size: usize) -> Seeder {
    let mut paths =
        (100..120).map(|seed| data(&dir.join(seed.to_string()), "data.bin", seed, size));
    let is_apart = |path: &PathBuf| threads == 1 || are_apart(threads, [other, &metainfo(path)]);
    Seeder::of(&paths.find(is_apart).expect("torrents are dealt out"))
}

#[test]
fn a_renamed_file_may_be_that_of_another_torrent() {
    each([1, 3], a_renamed_file_of_another_torrent);
}

fn a_renamed_file_of_another_torrent(threads: usize) {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    for (seed, name) in [(75, "one.bin"), (76, "two.bin")] {
        data(&from.join("album"), name, seed, 100_000);
    }
    let album = Seeder::of(&from.join("album"));
    let single = seeder_apart_from(&album.metainfo, threads, &from, 100_000);
    for (first, second) in [(&single, &album), (&album, &single)] {
        let to = dir.path().join(&*second.metainfo.name);
        let client = builder(&to).network_threads(threads).start().unwrap();
        let patron = client.patron();
        let one = patron.add_torrent(&first.metainfo, AddOptions::default()).wait().unwrap().id();
        let options = AddOptions::default().paused(true);
        let two = patron.add_torrent(&second.metainfo, options).wait().unwrap().id();
        let taken = patron.files(one).wait().unwrap()[0].path.clone();
        patron.rename_file(two, 0, &taken).wait().unwrap();
        patron.resume(two).wait().unwrap();
        patron.connect_peer(two, address(&second.patron)).wait().unwrap();
        let told = error(&patron, two);
        assert!(told.message().contains("of this client uses the same file"), "{told}");

        patron.rename_file(two, 0, "free.bin").wait().unwrap();
        patron.resume(two).wait().unwrap();
        patron.connect_peer(two, address(&second.patron)).wait().unwrap();
        finished(&patron, two);
        assert!(to.join("free.bin").exists() && !to.join(&taken).exists());
    }
}

/// The first torrent has the file. Others may have it too, if it is the same.
#[test]
fn two_torrents_do_not_write_to_one_file() {
    each([1, 3], two_torrents_with_one_file);
}

fn two_torrents_with_one_file(threads: usize) {
    let dir = tempfile::tempdir().unwrap();
    let first = Seeder::of(&data(&dir.path().join("a"), "data.bin", 70, 300_000));
    let second = seeder_apart_from(&first.metainfo, threads, dir.path(), 300_000);
    let to = dir.path().join("to");
    let client = builder(&to).network_threads(threads).start().unwrap();
    let patron = client.patron();
    // Without peers: with data on disk, the second would be refused when it is added.
    let one = patron.add_torrent(&first.metainfo, AddOptions::default()).wait().unwrap().id();
    let two = patron.add_torrent(&second.metainfo, second.options()).wait().unwrap().id();
    let told = error(&patron, two);
    assert_eq!(told.kind(), ErrorKind::Disk, "{told}");
    assert_eq!(told.native().map(|code| &*code.category), Some("in use"));
    for part in ["to/data.bin", "the torrent data.bin of this client uses the same file"] {
        assert!(told.message().contains(part), "{told}");
    }
    patron.connect_peer(one, address(&first.patron)).wait().unwrap();
    let done = patron.wait_until_finished(one).wait_timeout(PATIENCE);
    assert!(matches!(done, Some(Ok(()))), "{done:?}");
    assert!(same(&first.path, &to.join("data.bin")));
    assert!(!patron.fresh_status(two).wait().unwrap().finished);

    // The same data in another torrent.
    let again = maker(&first.path, Protocol::V1).private(true).start().unwrap().wait().unwrap();
    let id = patron.add_torrent(&again, AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);

    // A file is free again once the first torrent has been removed.
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    patron.remove_torrent(one, RemoveFiles::Keep).wait().unwrap();
    patron.resume(two).wait().unwrap();
    patron.connect_peer(two, address(&second.patron)).wait().unwrap();
    finished(&patron, two);
    assert!(same(&second.path, &to.join("data.bin")));
}

/// They would have the same files.
#[test]
fn a_hybrid_torrent_is_not_added_twice_by_its_two_hashes() {
    each([1, 3], a_hybrid_torrent_by_its_two_hashes);
}

fn a_hybrid_torrent_by_its_two_hashes(threads: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut paths = (0..20).map(|seed| data(dir.path(), &format!("{seed}.bin"), seed, 100_000));
    let magnets = |metainfo: &Metainfo| {
        let InfoHashes { v1, v2, .. } = metainfo.info_hashes;
        let v1 = format!("magnet:?xt=urn:btih:{}", v1.unwrap());
        [v1, format!("magnet:?xt=urn:btmh:1220{}", v2.unwrap())]
    };
    let is_apart = |path: &PathBuf| {
        let magnets = magnets(&metainfo(path));
        threads == 1 || are_apart(threads, magnets.each_ref().map(|link| &**link))
    };
    let path = paths.find(is_apart).expect("torrents are dealt out");
    let seeder = Seeder::of(&path);
    let to = dir.path().join("to");
    let client = builder(&to).network_threads(threads).start().unwrap();
    let patron = client.patron();
    let magnets = magnets(&seeder.metainfo);
    let ids =
        magnets.map(|link| patron.add_torrent(&*link, AddOptions::default()).wait().unwrap().id());
    patron.connect_peer(ids[0], address(&seeder.patron)).wait().unwrap();
    let mut stopped = BTreeSet::new();
    while stopped.len() < 2 {
        stopped.insert(await_event!(patron, Event::Error { id, error, .. }
            if error.message().contains("the same torrent as another one here") => *id));
    }
    for id in ids {
        until("it is stopped", || patron.fresh_status(id).wait().unwrap().paused);
    }
    patron.remove_torrent(ids[1], RemoveFiles::Keep).wait().unwrap();
    patron.resume(ids[0]).wait().unwrap();
    patron.connect_peer(ids[0], address(&seeder.patron)).wait().unwrap();
    finished(&patron, ids[0]);
    let name = path.file_name().unwrap();
    assert!(same(&path, &to.join(name)));
}

/// The error if the torrent stops because of the change. It does if a piece was written before its file was
/// truncated and hashed afterwards. Otherwise the final check finds the change, and the torrent is rechecked
/// automatically.
fn finishes_in_spite_of_a_change(patron: &Patron, id: TorrentId) -> Option<Error> {
    let error = crate::support::wait_for(patron, "the end", |event| match event {
        Event::PeerBanned { .. } => panic!("{event}"),
        Event::Finished { id: on, .. } if *on == id => Some(None),
        Event::Error { id: on, error, .. } if *on == id => Some(Some(error.clone())),
        _ => None,
    });
    let error = error?;
    assert_eq!(error.kind(), ErrorKind::Disk);
    assert!(error.message().contains("data.bin: it has changed"), "{error}");
    patron.recheck(id).wait().unwrap();
    await_event!(patron, Event::Checked { id: on, .. } if *on == id);
    patron.resume(id).wait().unwrap();
    finished(patron, id);
    Some(error)
}

#[test]
fn files_that_change_during_their_download_are_not_reported_as_complete() {
    let overwrite = |path: &Path| {
        let mut file = std::fs::File::options().write(true).open(path).unwrap();
        file.write_all(&noise(81, 100_000)).unwrap();
    };
    for (what, change) in [
        ("deleted", &(|path: &Path| std::fs::remove_file(path).unwrap()) as &dyn Fn(&Path)),
        ("replaced", &|path| {
            std::fs::write(path.with_extension("new"), "x").unwrap();
            std::fs::rename(path.with_extension("new"), path).unwrap();
        }),
        ("moved away", &|path| std::fs::rename(path, path.with_extension("old")).unwrap()),
        ("truncated", &|path| {
            std::fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap();
        }),
        ("overwritten", &overwrite),
        ("overwritten, v1", &overwrite),
        ("overwritten, v2", &overwrite),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 80, 2 * MIB);
        let protocol = match what {
            "overwritten, v1" => Protocol::V1,
            "overwritten, v2" => Protocol::V2,
            _ => Protocol::Hybrid,
        };
        let metainfo = maker(&file, protocol).start().unwrap().wait().unwrap();
        let seeder = Seeder::with(&file, metainfo);
        let to = dir.path().join("to");
        let client = client(&to);
        let patron = client.patron();
        patron
            .subscribe(patron.subscription().with(torrent_patron::event::EventKind::PieceFinished));
        let verify = what.starts_with("overwritten");
        let options = seeder
            .options()
            .limits(Limits::default().download_limit(1_000_000))
            .verify_finished(verify);
        let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
        for _ in 0..10 {
            await_event!(patron, Event::PieceFinished { .. });
        }
        // 2.1 writes some time after it has hashed.
        let path = to.join("data.bin");
        crate::support::until("the file is there", || path.exists());
        change(&path);
        patron.set_download_limit(id, None).wait().unwrap();
        let stopped = finishes_in_spite_of_a_change(&patron, id);
        assert!(what == "truncated" || stopped.is_none(), "{what}: {stopped:?}");
        assert!(same(&seeder.path, &to.join("data.bin")), "{what}");
    }
}

/// Until 2.0.11, libtorrent hashes the v2 blocks of a file without protection against SIGBUS if it has mapped it.
#[test]
fn a_file_may_be_truncated_while_it_is_hashed() {
    in_child(truncating_while_hashing, |_| {});
}

#[test]
#[ignore = "run by a_file_may_be_truncated_while_it_is_hashed"]
fn truncating_while_hashing() {
    const SIZE: usize = 32 * MIB;
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(dir.path(), "data.bin", 84, SIZE));
    let [id] = seeder.patron.torrents()[..] else { panic!("there is one torrent") };
    let file = std::fs::File::options().write(true).open(&seeder.path).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                file.set_len(0).unwrap();
                file.set_len(SIZE as u64).unwrap();
            }
        });
        for _ in 0..100 {
            // After an error the torrent has stopped.
            seeder.patron.resume(id).wait().unwrap();
            seeder.patron.recheck(id).wait().unwrap();
            await_event!(seeder.patron, Event::Checked { .. } | Event::Error { .. });
        }
        done.store(true, Ordering::Relaxed);
    });
}

/// libtorrent's own check of the files would disconnect all peers, and announce the torrent as stopped and
/// started.
#[test]
fn the_check_at_the_end_of_a_download_disturbs_neither_peers_nor_trackers() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 83, 4 * MIB);
    // Otherwise the client may learn of its own address from the other peer, and connect to itself.
    let maker = maker(&file, Protocol::V1).private(true);
    let seeder = Seeder::with(&file, maker.start().unwrap().wait().unwrap());
    let tracker = server::tracker();
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let kinds = [EventKind::PeerConnected, EventKind::PeerDisconnected];
    patron.subscribe(EventKinds::DEFAULT | kinds.into());
    let options = seeder
        .options()
        .verify_finished(true)
        .limits(Limits::default().download_limit(2_000_000))
        .add_trackers([torrent_patron::tracker::Tracker::new(tracker.url("/announce"), 0)]);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();

    let leecher = crate::support::client(&dir.path().join("leecher"));
    let other = leecher.patron();
    let options = AddOptions::default()
        .limits(Limits::default().download_limit(500_000))
        .add_peers([address(&patron)]);
    other.add_torrent(&seeder.metainfo, options).wait().unwrap();

    let seed = address(&seeder.patron);
    let mut connected = false;
    crate::support::wait_for(&patron, "the end", |event| {
        match event {
            Event::PeerConnected { outgoing, .. } => connected |= !outgoing,
            // A seed is of no use any more.
            Event::PeerDisconnected { address: from, .. } if *from == seed => {}
            Event::PeerDisconnected { .. } => panic!("{event}"),
            _ => {}
        }
        matches!(event, Event::Finished { id: on, .. } if *on == id).then_some(())
    });
    assert!(connected);
    assert_eq!(patron.statistics().wait().unwrap().blocks_hashed, 2 * 256);
    let asked = |event: &str| {
        let event = format!("event={event}");
        tracker.asked().iter().filter(|request| request.contains(&event)).count()
    };
    crate::support::until("the announce of the end", || asked("completed") > 0);
    assert_eq!(["started", "completed", "stopped"].map(asked), [1, 1, 0], "{:?}", tracker.asked());
}

/// The data of a piece that has arrived in part is lost, and no peer is to blame.
#[test]
fn truncating_a_file_during_its_download_bans_no_peer() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 82, 4 * MIB);
    let maker = maker(&file, Protocol::V1).piece_length(MIB as u32);
    let seeder = Seeder::with(&file, maker.start().unwrap().wait().unwrap());
    let to = dir.path().join("to");
    let client = client(&to);
    let patron = client.patron();
    let options = seeder
        .options()
        .limits(Limits::default().download_limit(2_000_000))
        .add_flags([torrent_patron::torrent::TorrentFlag::Sequential]);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    crate::support::until("a piece and a half", || {
        patron.fresh_status(id).wait().unwrap().total_done > 3 * MIB as u64 / 2
    });
    std::fs::File::options().write(true).open(to.join("data.bin")).unwrap().set_len(0).unwrap();
    finishes_in_spite_of_a_change(&patron, id);
    assert!(same(&file, &to.join("data.bin")));
}

#[test]
fn missing_trusted_data_is_reported_when_it_is_requested() {
    for (what, size) in [("missing", None), ("short", Some(100_000)), ("empty", Some(0))] {
        let dir = tempfile::tempdir().unwrap();
        for length in [300_000, 2 * MIB] {
            // Smaller and larger than the size from which libtorrent maps a file.
            let file = data(&dir.path().join("from"), "data.bin", 56, length);
            let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
            let hollow = tempfile::tempdir().unwrap();
            if let Some(size) = size {
                data(hollow.path(), "data.bin", 56, size);
            }
            let seeder = client(hollow.path());
            let patron = seeder.patron();
            let options = AddOptions::default().trust(true);
            let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
            assert!(patron.fresh_status(id).wait().unwrap().seeding);

            let reader = client(&dir.path().join("to"));
            let options = AddOptions::default().add_peers([address(&patron)]);
            reader.patron().add_torrent(&metainfo, options).wait().unwrap();
            println!("{what}, {length} bytes:");
            let error = error(&patron, id);
            assert_eq!(error.kind(), ErrorKind::Disk, "{error:?}");
            assert!(error.message().contains("data.bin"), "{error}");
            still_works(&patron);
            assert_eq!(more_errors(&patron, id), [""; 0]);
            assert!(hollow.path().join("data.bin").exists() == size.is_some());
        }
    }
}

/// A file; while it exists, files that are seeded cannot be opened.
#[cfg(target_os = "linux")]
const NO_DESCRIPTORS: &str = "NO_DESCRIPTORS";

#[cfg(target_os = "linux")]
#[test]
fn a_passing_lack_of_descriptors_stops_no_torrent() {
    let dir = tempfile::tempdir().unwrap();
    in_child(seeding_without_descriptors, |child| {
        child
            .env("LD_PRELOAD", preloaded(dir.path(), "support/no_descriptors.c"))
            .env(NO_DESCRIPTORS, dir.path().join("marker"));
    });
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by a_passing_lack_of_descriptors_stops_no_torrent"]
fn seeding_without_descriptors() {
    let marker = PathBuf::from(std::env::var_os(NO_DESCRIPTORS).unwrap());
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    let file = data(&from, "data.bin", 92, MIB);
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    std::fs::write(&marker, "").unwrap();

    let seeder = client(&from);
    let patron = seeder.patron();
    patron.subscribe(EventKinds::DEFAULT.with(EventKind::PerformanceWarning));
    // Trusted files are not opened before they are read.
    let trusted = AddOptions::default().trust(true);
    let id = patron.add_torrent(&metainfo, trusted).wait().unwrap().id();
    let address = patron.listen_addresses().wait().unwrap()[0];
    let reader = client(&dir.path().join("to"));
    let reader = reader.patron();
    let options = AddOptions::default().add_peers([address]);
    let copy = reader.add_torrent(&metainfo, options).wait().unwrap().id();
    loop {
        match patron.recv_timeout(PATIENCE).expect("no warning").unwrap() {
            Event::Error { error, .. } => panic!("{error}"),
            Event::PerformanceWarning { id: of, limit, .. } => {
                assert_eq!((of, limit), (Some(id), PerformanceLimit::TooFewDescriptors));
                break;
            }
            _ => {}
        }
    }
    let status = patron.fresh_status(id).wait().unwrap();
    assert!(!status.paused && status.error.is_none(), "{status:?}");

    std::fs::remove_file(&marker).unwrap();
    // To this peer, the seeder has none of the pieces that it could not read.
    reader.clear_peers(copy).wait().unwrap();
    reader.connect_peer(copy, address).wait().unwrap();
    finished(&reader, copy);
    assert!(same(&file, &dir.path().join("to/data.bin")));
}

/// The directory in which the library keeps the data.
#[cfg(target_os = "linux")]
const POWER_CUT: &str = "POWER_CUT";

#[cfg(target_os = "linux")]
#[test]
fn resume_data_claims_only_what_outlives_a_power_cut() {
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    std::fs::create_dir(&kept).unwrap();
    in_child(resume_data_before_a_power_cut, |child| {
        child.env("LD_PRELOAD", preloaded(dir.path(), "support/power_cut.c")).env(POWER_CUT, &kept);
    });
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by resume_data_claims_only_what_outlives_a_power_cut"]
fn resume_data_before_a_power_cut() {
    use std::os::unix::fs::MetadataExt;
    use torrent_patron::store::Memory;
    let kept = PathBuf::from(std::env::var_os(POWER_CUT).unwrap());
    let kept = |path: &Path| kept.join(path.metadata().unwrap().ino().to_string());
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&data(&dir.path().join("from"), "data.bin", 90, 8 * MIB));
    let to = dir.path().join("to");
    let client = builder(&to).store(Memory::new()).start().unwrap();
    let patron = client.patron();
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&patron, id);
    assert!(!patron.resume_data(id).wait().unwrap().is_empty());
    // The power cut: only these copies are left.
    assert!(same(&seeder.path, &kept(&to.join("data.bin"))));
    assert!(kept(&to).exists(), "the name of the file");

    // Files that are moved, within their file system or to another.
    let here = dir.path().join("there");
    let other = tempfile::tempdir_in("/dev/shm").unwrap();
    for there in [here, other.path().join("there")] {
        patron.move_storage(id, &there, OnConflict::Fail).wait().unwrap();
        assert!(same(&seeder.path, &kept(&there.join("data.bin"))), "{there:?}");
        assert!(kept(&there).exists(), "{there:?}");
    }
}
