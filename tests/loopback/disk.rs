//! How blocks are read for peers, and what happens to files while they are served: no wrong byte,
//! no crash, and no unreported error.

use std::fs::OpenOptions;
use std::io::{Error, ErrorKind, Result};
use std::net::TcpListener;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime};

use openssl::ssl::{SslAcceptor, SslMethod};
use torrent_patron::file::{OnConflict, Priority};
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::patron::RemoveFiles;
use torrent_patron::settings::SettingValue;
use torrent_patron::statistics::ReadStatistics;
use torrent_patron::tracker::Tracker;
use torrent_patron::{AddOptions, Client, ClientBuilder, Event, Patron, Settings, TorrentId};

use crate::await_event;
use crate::helpers::peer::{BLOCK, BlockResponse, Peer, Prompt};
use crate::helpers::tls::{certificate, for_tls};
use crate::support::child::in_child_with_descriptors;
#[cfg(target_os = "linux")]
use crate::support::child::{in_child, preloaded};
use crate::support::{
    PATIENCE, Seeder, address, builder, client, data, each, finished, maker, noise, same, skipped,
    still_works, until,
};

const MIB: usize = 1024 * 1024;
/// The interval between two checks of a file in use.
const CHECKED: Duration = Duration::from_secs(1);
/// After this time without a read, a file is not checked any more.
const UNUSED: Duration = Duration::from_secs(5);
const MODES: [&str; 2] = ["copy", "zero_copy"];

/// A builder with the seeding preset and a value of `disk_reads`.
fn reading(mode: &str, save_dir: &Path) -> ClientBuilder {
    let mut settings = Settings::seeding();
    settings.set("disk_reads", mode).unwrap();
    builder(save_dir).settings(settings).network_threads(1)
}

/// A client that trusts the files in the directory to be complete.
fn trusting(mode: &str, metainfo: &Metainfo, directory: &Path) -> (Client, Patron, TorrentId) {
    let client = reading(mode, directory).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().trust(true);
    let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
    (client, patron, id)
}

/// Downloads from a client and compares the files.
fn download(metainfo: &Metainfo, from: &Patron, files: &[(&Path, PathBuf)], to: &Path) {
    let client = client(to);
    let patron = client.patron();
    let options = AddOptions::default().add_peers([address(from)]);
    let id = patron.add_torrent(metainfo, options).wait().unwrap().id();
    finished(&patron, id);
    for (file, copy) in files {
        assert!(same(file, copy), "{}", file.display());
    }
    assert!(client.shutdown(PATIENCE).wait().is_clean());
}

/// WebRTC reads the data that it sends in user space, and these trackers lead to WebRTC peers.
#[test]
fn trackers_of_webrtc_peers_go_with_copied_blocks_alone() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 77, 100_000);
    let webrtc = "ws://127.0.0.1:1/announce";
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let client = reading("zero_copy", dir.path()).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().add_trackers([Tracker::new(webrtc, 0)]);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let why = await_event!(
        patron, Event::TrackerError { id: on, url, error, .. } if *on == id && &**url == webrtc
            => error.to_string()
    );
    assert!(why.contains("zero_copy") && why.contains("WebRTC"), "{why}");
    assert!(patron.trackers(id).wait().unwrap().is_empty());
    let error = patron.add_tracker(id, webrtc, 0).wait().unwrap_err();
    assert!(error.message().contains("WebRTC"), "{error}");
}

#[test]
fn every_mode_serves_every_version_of_the_protocol() {
    each([Protocol::V1, Protocol::V2, Protocol::Hybrid], |protocol| {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from/files");
        let sizes = [70_000, 1, 0, 300_001, 16_384, 5_000, 3_000, 32_768, 2, 100, 900, 40_000];
        let mut names: Vec<_> = (0..sizes.len()).map(|number| format!("{number}.bin")).collect();
        for (number, size) in sizes.into_iter().enumerate() {
            data(&from, &names[number], number as u64, size);
        }
        // One file is reached through a symbolic link.
        std::fs::rename(from.join("3.bin"), dir.path().join("elsewhere")).unwrap();
        std::os::unix::fs::symlink(dir.path().join("elsewhere"), from.join("link.bin")).unwrap();
        names[3] = "link.bin".into();
        let metainfo = maker(&from, protocol).start().unwrap().wait().unwrap();
        let paths: Vec<_> = names.iter().map(|name| from.join(name)).collect();
        for mode in ["stock", "copy", "zero_copy"] {
            let (client, patron, _) = trusting(mode, &metainfo, &dir.path().join("from"));
            for time in 0..2 {
                let to = dir.path().join(format!("{mode}{time}"));
                let files: Vec<_> = paths
                    .iter()
                    .zip(&names)
                    // A torrent made from a symbolic link contains it as a link.
                    .filter(|(_, name)| *name != "link.bin")
                    .map(|(path, name)| (path.as_path(), to.join("files").join(name)))
                    .collect();
                download(&metainfo, &patron, &files, &to);
            }
            let read = patron.read_statistics();
            println!("{protocol:?} {mode}: {read:?}");
            assert_eq!(read.failed, 0);
            match mode {
                "stock" => assert_eq!(read, ReadStatistics::default()),
                "copy" => assert!(read.inline_blocks() > 0 && read.mapped_blocks == 0),
                _ => assert!(read.mapped_blocks > 0 && read.mappings > 0),
            }
            // Several tiny files in one block.
            assert!(read.stock_blocks() == read.stock_scattered, "{read:?}");
            assert!(client.shutdown(PATIENCE).wait().is_clean());
        }
    });
}

#[test]
fn trusted_data_is_not_hashed_even_when_it_is_requested() {
    for mode in ["stock", "copy", "zero_copy"] {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 61, 300_000);
        let metainfo = maker(&file, Protocol::Hybrid).start().unwrap().wait().unwrap();
        let wrong = data(&dir.path().join("wrong"), "data.bin", 62, 300_000);
        let (_client, patron, id) = trusting(mode, &metainfo, &dir.path().join("wrong"));
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        for piece in 0..300_000_usize.div_ceil(BLOCK) {
            let sent = peer.block(piece as u32, &std::fs::read(&wrong).unwrap(), BLOCK).unwrap();
            assert!(sent.is_some());
        }
        assert!(patron.fresh_status(id).wait().unwrap().seeding);
    }
}

/// A change to a file.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Truncated,
    Deleted,
    Replaced,
    Rewritten,
}

impl Fault {
    fn befall(self, file: &Path) {
        match self {
            Self::Truncated => {
                OpenOptions::new().write(true).open(file).unwrap().set_len(0).unwrap()
            }
            Self::Deleted => std::fs::remove_file(file).unwrap(),
            Self::Replaced => {
                let other = file.with_extension("new");
                std::fs::write(&other, noise(99, 4 * MIB)).unwrap();
                std::fs::rename(other, file).unwrap();
            }
            Self::Rewritten => {
                let file = OpenOptions::new().write(true).open(file).unwrap();
                // Not in the part that is read.
                file.write_all_at(b"something else", 3 * MIB as u64).unwrap();
                file.set_modified(SystemTime::now() + Duration::from_secs(1)).unwrap();
            }
        }
    }
}

#[test]
fn a_file_that_is_lost_while_it_is_served_stops_its_torrent_until_it_is_good_again() {
    for fault in [Fault::Truncated, Fault::Deleted, Fault::Replaced, Fault::Rewritten] {
        each(["stock", "copy", "zero_copy"], |mode| {
            let dir = tempfile::tempdir().unwrap();
            let from = dir.path().join("from");
            let file = data(&from, "data.bin", 63, 4 * MIB);
            let all = std::fs::read(&file).unwrap();
            let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
            let (client, patron, id) = trusting(mode, &metainfo, &from);
            let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
            // Cold or copied the first time, mapped the second time.
            for _ in 0..2 {
                for piece in 0..64 {
                    assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
                }
            }
            fault.befall(&file);
            // Until the client notices, blocks are correct or refused. A new file under the old
            // name is another file; data written into the old file is its new content.
            let asking = std::thread::spawn({
                let (all, metainfo, to) = (all.clone(), metainfo.clone(), address(&patron));
                move || loop {
                    match peer.block(7, &all, BLOCK) {
                        Ok(Some(())) => {}
                        Ok(None) => return,
                        // It could not be sent, because the file was truncated.
                        Err(_) => match Peer::connect(to, &metainfo) {
                            Ok(next) => peer = next,
                            Err(_) => return,
                        },
                    }
                }
            });
            let error = await_event!(
                patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
            );
            println!("{mode}, {fault:?}: {error}");
            assert_eq!(error.kind(), torrent_patron::error::ErrorKind::Disk, "{error:?}");
            assert!(error.message().contains("data.bin"), "{error}");
            await_event!(patron, Event::Paused { id: on, .. } if *on == id);
            let status = patron.fresh_status(id).wait().unwrap();
            assert!(status.paused && status.error.as_ref() == Some(&error), "{status:?}");
            asking.join().unwrap();
            still_works(&patron);

            std::fs::write(&file, &all).unwrap();
            patron.resume(id).wait().unwrap();
            await_event!(patron, Event::Resumed { id: on, .. } if *on == id);
            assert!(patron.fresh_status(id).wait().unwrap().error.is_none());
            let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
            for _ in 0..2 {
                for piece in 0..64 {
                    assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
                }
            }
            let read = patron.read_statistics();
            // By a request, or by the client itself.
            assert!((1..=2).contains(&read.failed), "{read:?}");
            assert!(client.shutdown(PATIENCE).wait().is_clean());
        });
    }
}

/// Overwrites a file that never becomes shorter meanwhile.
fn overwrite(file: &Path, bytes: &[u8]) {
    OpenOptions::new().write(true).open(file).unwrap().write_all_at(bytes, 0).unwrap();
}

/// The file was checked, and nobody has requested it yet.
#[test]
fn a_file_that_changes_before_it_is_asked_for_stops_its_torrent() {
    each(["stock", "copy", "zero_copy"], |mode| {
        let dir = tempfile::tempdir().unwrap();
        let album = dir.path().join("album");
        let file = data(&album, "one.bin", 66, 64 * BLOCK);
        data(&album, "two.bin", 67, 64 * BLOCK);
        let metainfo = maker(&album, Protocol::V1).start().unwrap().wait().unwrap();
        let all = metainfo_data(&album);
        let client = reading(mode, dir.path()).start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        // Time to look at the files.
        let since = Instant::now();
        while since.elapsed() < CHECKED {
            assert!(peer.block(70, &all, BLOCK).unwrap().is_some());
        }
        overwrite(&file, &noise(68, 64 * BLOCK));
        let asking = std::thread::spawn(move || {
            let mut wrong = 0;
            while peer.request(7, 0, BLOCK).is_ok()
                && matches!(peer.answer(), Ok(BlockResponse::Block(..)))
            {
                wrong += 1;
            }
            wrong
        });
        let error = await_event!(
            patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
        );
        assert!(error.message().contains("one.bin: it has changed"), "{error}");
        let wrong = asking.join().unwrap();
        assert!(wrong == 0 || mode == "stock", "{mode}: {wrong}");
    });
}

/// The modification time is restored, but the change time reveals the write. A change of mode or a new hard
/// link changes it too, so the pieces are hashed before they are served.
#[test]
fn only_the_correct_pieces_of_a_touched_file_are_served() {
    each(["stock", "copy", "zero_copy"], |mode| {
        let dir = tempfile::tempdir().unwrap();
        let file = data(dir.path(), "data.bin", 65, 64 * BLOCK);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::Hybrid).start().unwrap().wait().unwrap();
        let client = reading(mode, dir.path()).start().unwrap();
        let patron = client.patron();
        let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
        finished(&patron, id);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        let serve_all = |peer: &mut Peer| {
            let began = Instant::now();
            while began.elapsed() < CHECKED {
                for piece in 0..64 {
                    assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
                }
            }
        };
        serve_all(&mut peer);
        std::fs::hard_link(&file, dir.path().join("other name")).unwrap();
        serve_all(&mut peer);
        // A check between the write and the restoring of the time would find the file changed.
        std::thread::sleep(UNUSED);
        let modified = file.metadata().unwrap().modified().unwrap();
        let open = OpenOptions::new().write(true).open(&file).unwrap();
        open.write_all_at(&noise(64, 100), 7 * BLOCK as u64).unwrap();
        open.set_modified(modified).unwrap();
        // Other pieces than the damaged one.
        let began = Instant::now();
        while began.elapsed() < CHECKED {
            assert!(peer.block(20, &all, BLOCK).unwrap().is_some());
        }
        assert!(peer.block(7, &all, BLOCK).unwrap().is_none(), "{mode}");
        let error = await_event!(
            patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
        );
        assert!(error.message().contains("data.bin: it has changed"), "{error}");
    });
}

/// With `zero_copy`, a peer that is being sent the part that was cut off is disconnected and may not connect
/// again.
#[test]
fn a_file_that_changes_after_the_last_request_stops_its_torrent() {
    each(["stock", "copy", "zero_copy"], |mode| {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let file = data(&from, "data.bin", 69, 64 * BLOCK);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        let (client, patron, id) = trusting(mode, &metainfo, &from);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        for _ in 0..2 {
            assert!(peer.block(7, &all, BLOCK).unwrap().is_some());
        }
        let began = Instant::now();
        while began.elapsed() < CHECKED {
            assert!(peer.block(7, &all, BLOCK).unwrap().is_some());
        }
        drop(peer);
        Fault::Truncated.befall(&file);
        let error = await_event!(
            patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
        );
        assert!(error.message().contains("data.bin: it is shorter"), "{mode}: {error}");
        await_event!(patron, Event::Paused { id: on, .. } if *on == id);
        assert!(client.shutdown(PATIENCE).wait().is_clean());
    });
}

fn metainfo_data(album: &Path) -> Vec<u8> {
    ["one.bin", "two.bin"].map(|name| std::fs::read(album.join(name)).unwrap()).concat()
}

#[test]
fn a_file_of_a_chosen_part_that_changes_stops_the_torrent() {
    each(["stock", "copy", "zero_copy"], |mode| {
        let dir = tempfile::tempdir().unwrap();
        let album = dir.path().join("album");
        let file = data(&album, "one.bin", 66, 64 * BLOCK);
        data(&album, "two.bin", 67, 64 * BLOCK);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&album, Protocol::V1).start().unwrap().wait().unwrap();
        let client = reading(mode, dir.path()).start().unwrap();
        let patron = client.patron();
        let priorities = [Priority::DEFAULT, Priority::SKIP];
        let options = AddOptions::default().file_priorities(priorities);
        let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
        finished(&patron, id);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        assert!(peer.block(3, &all, BLOCK).unwrap().is_some());
        overwrite(&file, &noise(68, all.len()));
        // Until the client notices, blocks may be wrong.
        let asking = std::thread::spawn(move || {
            while peer.request(7, 0, BLOCK).is_ok()
                && matches!(peer.answer(), Ok(BlockResponse::Block(..)))
            {}
        });
        let error = await_event!(
            patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
        );
        assert!(error.message().contains("one.bin: it has changed"), "{error}");
        assert_eq!(patron.read_statistics().stock_partial, 0, "{mode}");
        asking.join().unwrap();
    });
}

#[test]
fn missing_trusted_data_is_reported_at_the_start() {
    for mode in ["stock", "copy", "zero_copy"] {
        for size in [None, Some(100_000), Some(0)] {
            let dir = tempfile::tempdir().unwrap();
            let from = dir.path().join("from");
            let file = data(&from, "data.bin", 64, 300_000);
            let all = std::fs::read(&file).unwrap();
            let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
            match size {
                None => std::fs::remove_file(&file).unwrap(),
                Some(size) => std::fs::write(&file, &all[..size]).unwrap(),
            }
            let (_client, patron, id) = trusting(mode, &metainfo, &from);
            let error = await_event!(
                patron, Event::Error { id: on, error, .. } if *on == id => error.clone()
            );
            println!("{mode}, {size:?}: {error}");
            assert_eq!(error.kind(), torrent_patron::error::ErrorKind::Disk);
            assert!(error.message().contains("data.bin"), "{error}");
            assert!(patron.fresh_status(id).wait().unwrap().paused);

            std::fs::write(&file, &all).unwrap();
            patron.resume(id).wait().unwrap();
            await_event!(patron, Event::Resumed { id: on, .. } if *on == id);
            let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
            assert!(peer.block(3, &all, BLOCK).unwrap().is_some());
        }
    }
}

/// Drops, for this thread and those that it starts, the capabilities that let root read all files.
#[cfg(target_os = "linux")]
fn heed_permissions() {
    use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
    let mut held = capabilities(None).unwrap();
    held.effective.remove(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
    set_capabilities(None, held).unwrap();
}

#[cfg(not(target_os = "linux"))]
fn heed_permissions() {}

#[test]
fn a_file_that_loses_its_permissions_is_still_served() {
    heed_permissions();
    each(MODES, |mode| {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let file = data(&from, "data.bin", 65, MIB);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        let (_client, patron, id) = trusting(mode, &metainfo, &from);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        assert!(peer.block(1, &all, BLOCK).unwrap().is_some());
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o000)).unwrap();
        let refused = std::fs::File::open(&file).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
        // After the time at which the file is checked again.
        let began = Instant::now();
        while began.elapsed() < 2 * CHECKED {
            assert!(peer.block(1, &all, BLOCK).unwrap().is_some());
        }
        assert!(!patron.fresh_status(id).wait().unwrap().paused);
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o644)).unwrap();
    });
}

#[test]
fn a_torrent_is_served_from_where_it_was_moved_to() {
    each(MODES, |mode| {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "data.bin", 66, 16 * MIB);
        let all = std::fs::read(&file).unwrap();
        let seeder = Seeder::of(&file);
        let (to, incomplete) = (dir.path().join("to"), dir.path().join("incomplete"));
        let client = reading(mode, &to).start().unwrap();
        let patron = client.patron();
        let options = AddOptions::default().incomplete_dir(&incomplete);
        let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
        // It is read while it is written and while it is moved.
        let moved = Arc::new(AtomicBool::new(false));
        let (connect, connected) = std::sync::mpsc::channel();
        let asking = std::thread::spawn({
            let (all, metainfo, to) = (all.clone(), seeder.metainfo.clone(), address(&patron));
            let moved = moved.clone();
            move || {
                // Refused while the files are being checked.
                let mut peer = None;
                until("a connection", || {
                    peer = Peer::connect(to, &metainfo).ok();
                    peer.is_some()
                });
                let mut peer = peer.unwrap();
                connect.send(()).unwrap();
                let mut served = 0;
                // After the time at which a file is checked again: the client's own writes must not
                // count as changes.
                let mut left = None;
                while left.is_none_or(|since: Instant| since.elapsed() < 2 * CHECKED) {
                    if moved.load(Ordering::Relaxed) {
                        left.get_or_insert_with(Instant::now);
                    }
                    match peer.had.get(served % peer.had.len().max(1)) {
                        None => drop(peer.message().unwrap()),
                        Some(&piece) => {
                            assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
                            served += 1;
                        }
                    }
                }
                served
            }
        });
        // Not earlier: the peer knows only the pieces that come while it is connected.
        connected.recv().unwrap();
        patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
        await_event!(patron, Event::Moved { id: on, .. } if *on == id);
        moved.store(true, Ordering::Relaxed);
        println!("{mode}: {} blocks while it came, moved and stayed", asking.join().unwrap());
        drop(seeder.client);
        assert!(!incomplete.join("data.bin").exists());
        let files = [(file.as_path(), dir.path().join("third/data.bin"))];
        download(&seeder.metainfo, &patron, &files, &dir.path().join("third"));
        let read = patron.read_statistics();
        println!("{mode}: {read:?}");
        assert!(read.inline_blocks() > 0 && read.failed == 0, "{read:?}");
    });
}

/// A file; while it exists, workers wait before they look at a file.
#[cfg(target_os = "linux")]
const HELD: &str = "HELD";

#[cfg(target_os = "linux")]
#[test]
fn a_file_may_be_moved_or_renamed_while_a_worker_looks_at_it() {
    let dir = tempfile::tempdir().unwrap();
    in_child(moving_while_a_worker_looks, |child| {
        child
            .env("LD_PRELOAD", preloaded(dir.path(), "support/held_check.c"))
            .env(HELD, dir.path().join("held"));
    });
}

#[cfg(target_os = "linux")]
#[test]
#[ignore = "run by a_file_may_be_moved_or_renamed_while_a_worker_looks_at_it"]
fn moving_while_a_worker_looks() {
    let held = PathBuf::from(std::env::var_os(HELD).unwrap());
    let (checks, reads) = (held.with_extension("check"), held.with_extension("read"));
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    let file = data(&from, "data.bin", 78, 4 * BLOCK);
    let all = std::fs::read(&file).unwrap();
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let mut settings = Settings::seeding();
    settings.set("disk_reads", "copy").unwrap();
    // One worker: the block is read after the look.
    settings.set("aio_threads", 1).unwrap();
    let client = builder(&from).settings(settings).network_threads(1).start().unwrap();
    let patron = client.patron();
    let trusted = AddOptions::default().trust(true);
    let id = patron.add_torrent(&metainfo, trusted).wait().unwrap().id();
    let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
    for round in 0..2 {
        // The file is open, and checked again while it is in use.
        assert!(peer.block(0, &all, BLOCK).unwrap().is_some());
        std::fs::write(&held, "").unwrap();
        until("a check", || checks.exists());
        peer.request(1, 0, BLOCK).unwrap();
        until("a read", || reads.exists());
        match round {
            0 => drop(patron.rename_file(id, 0, "renamed.bin").wait().unwrap()),
            _ => drop(
                patron.move_storage(id, dir.path().join("to"), OnConflict::Fail).wait().unwrap(),
            ),
        }
        for marker in [&checks, &reads, &held] {
            std::fs::remove_file(marker).unwrap();
        }
        let BlockResponse::Block(1, 0, bytes) = peer.answer().unwrap() else { panic!("refused") };
        assert!(bytes == all[BLOCK..2 * BLOCK]);
    }
    assert!(patron.fresh_status(id).wait().unwrap().error.is_none());
    assert_eq!(patron.read_statistics().failed, 0);
}

#[test]
fn a_torrent_is_served_by_the_names_that_its_files_are_given() {
    each(MODES, |mode| {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let file = data(&from, "data.bin", 73, 2 * MIB);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        let (client, patron, id) = trusting(mode, &metainfo, &from);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        let read_all = |peer: &mut Peer| {
            for piece in 0..128 {
                assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
            }
        };
        let mut inline = 0;
        for round in 0..6 {
            // Requested blocks arrive while the name changes.
            for piece in 0..64 {
                peer.request(piece, 0, BLOCK).unwrap();
            }
            let name = format!("round {round}/renamed {round}.bin");
            patron.rename_file(id, 0, &name).wait().unwrap();
            assert!(from.join(&name).exists() && !file.exists(), "{name}");
            for _ in 0..64 {
                let BlockResponse::Block(piece, 0, bytes) = peer.answer().unwrap() else {
                    panic!("{mode}: refused")
                };
                assert!(bytes == all[piece as usize * BLOCK..][..BLOCK], "piece {piece}");
            }
            read_all(&mut peer);
            // Under the new name, too, blocks are read inline, not by libtorrent.
            let read = patron.read_statistics();
            assert!(read.inline_blocks() > inline, "{mode}: {read:?}");
            assert_eq!((read.failed, read.open_files), (0, 1), "{mode}: {read:?}");
            inline = read.inline_blocks();
        }
        // Another file in the old place is not mistaken for it.
        std::fs::write(&file, b"not it").unwrap();
        let since = Instant::now();
        while since.elapsed() < 2 * CHECKED {
            read_all(&mut peer);
        }
        assert!(patron.status(id).unwrap().error.is_none());
        assert!(client.shutdown(PATIENCE).wait().is_clean());
    });
}

#[test]
fn a_closed_torrent_releases_its_files_and_can_be_added_again() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let file = data(&from, "data.bin", 67, 2 * MIB);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        let (client, patron, mut id) = trusting(mode, &metainfo, &from);
        for _ in 0..5 {
            let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
            for piece in (0..128).cycle().take(200) {
                assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
            }
            // Blocks that nobody takes wait to be sent.
            for piece in 0..128 {
                peer.request(piece, 0, BLOCK).unwrap();
            }
            patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
            drop(peer);
            until("files are closed", || {
                let read = patron.read_statistics();
                (read.open_files, read.mappings) == (0, 0)
            });
            let options = AddOptions::default().trust(true);
            id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
        }
        patron.remove_torrent(id, RemoveFiles::Delete).wait().unwrap();
        assert!(!file.exists());
        assert!(client.shutdown(PATIENCE).wait().is_clean());
    }
}

/// Drops a file from the page cache.
fn make_cold(file: &Path) {
    let target = format!("of={}", file.display());
    let arguments = ["oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"];
    let status = Command::new("dd").arg("if=/dev/null").arg(target).args(arguments).status();
    assert!(status.unwrap().success());
}

#[test]
fn a_client_stops_with_thousands_of_blocks_on_their_way() {
    for mode in MODES {
        for cold in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let from = dir.path().join("from");
            let file = data(&from, "data.bin", 68, 32 * MIB);
            let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
            if cold {
                make_cold(&file);
            }
            let (client, patron, _) = trusting(mode, &metainfo, &from);
            let mut peers: Vec<_> =
                (0..4).map(|_| Peer::connect(address(&patron), &metainfo).unwrap()).collect();
            for (number, peer) in peers.iter_mut().enumerate() {
                for piece in 0..1900 {
                    peer.request((piece + 500 * number as u32) % 2048, 0, BLOCK).unwrap();
                }
            }
            until("something is read", || {
                let read = patron.read_statistics();
                read.inline_blocks() + read.cold_blocks > 4
            });
            let report = client.shutdown(PATIENCE).wait();
            println!("{mode}, cold {cold}: {report}, {:?}", patron.read_statistics());
            assert!(report.is_clean(), "{report:?}");
            drop(peers);
            let read = patron.read_statistics();
            assert_eq!((read.open_files, read.mappings), (0, 0), "{mode}, cold {cold}");
        }
    }
}

#[test]
fn cold_data_is_read_by_others_and_then_hot() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        let file = data(&from, "data.bin", 69, 8 * MIB);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        make_cold(&file);
        let (_client, patron, _) = trusting(mode, &metainfo, &from);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        for piece in 0..512 {
            assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
        }
        let first = patron.read_statistics();
        for piece in 0..512 {
            assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
        }
        let second = patron.read_statistics();
        println!("{mode}: {first:?}, then {second:?}");
        assert!(first.cold_blocks > 0);
        assert!(second.inline_blocks() > first.inline_blocks());
        // The first block may be requested while libtorrent is still opening the torrent.
        assert_eq!(second.stock_blocks(), first.stock_blocks());
    }
}

#[test]
fn a_torrent_that_has_a_part_of_its_data_serves_that_part() {
    for mode in MODES {
        for short in [false, true] {
            let dir = tempfile::tempdir().unwrap();
            let from = dir.path().join("from");
            let file = data(&from, "data.bin", 70, 2 * MIB);
            let all = std::fs::read(&file).unwrap();
            let metainfo = maker(&file, Protocol::Hybrid).start().unwrap().wait().unwrap();
            let mut half = all[..MIB].to_vec();
            if !short {
                half.resize(2 * MIB, 0);
            }
            std::fs::write(&file, half).unwrap();
            let client = reading(mode, &from).start().unwrap();
            let patron = client.patron();
            let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
            await_event!(patron, Event::Checked { id: on, .. } if *on == id);
            let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
            for piece in 0..64 {
                assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
            }
            let refused = peer.block(100, &all, BLOCK);
            assert!(!matches!(refused, Ok(Some(()))), "it does not have that one");
            let read = patron.read_statistics();
            println!("{mode}, short {short}: {read:?}");
            assert_eq!(read.failed, 0);
            if short {
                assert!(read.stock_unusable > 0, "{read:?}");
            } else {
                assert!(read.inline_blocks() > 0, "{read:?}");
            }
        }
    }
}

/// A directory of many small files.
fn many(directory: &Path, count: usize) -> (Metainfo, Vec<String>) {
    let names: Vec<_> = (0..count).map(|number| format!("{number}.bin")).collect();
    for (number, name) in names.iter().enumerate() {
        data(directory, name, number as u64, 20_000 + number);
    }
    (maker(directory, Protocol::Hybrid).start().unwrap().wait().unwrap(), names)
}

fn pairs<'a>(from: &'a [PathBuf], to: &Path) -> Vec<(&'a Path, PathBuf)> {
    let copy = |path: &Path| to.join("files").join(path.file_name().unwrap());
    from.iter().map(|path| (path.as_path(), copy(path))).collect()
}

#[test]
fn more_files_than_may_be_open_are_served_one_after_another() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from/files");
        let (metainfo, names) = many(&from, 200);
        let client =
            reading(mode, &dir.path().join("from")).setting("file_pool_size", 10).start().unwrap();
        let patron = client.patron();
        let options = AddOptions::default().trust(true);
        patron.add_torrent(&metainfo, options).wait().unwrap();
        let paths: Vec<_> = names.iter().map(|name| from.join(name)).collect();
        for time in 0..2 {
            let to = dir.path().join(format!("to{time}"));
            download(&metainfo, &patron, &pairs(&paths, &to), &to);
        }
        let read = patron.read_statistics();
        println!("{mode}: {read:?}");
        assert!(read.evicted_files >= 380 && read.failed == 0, "{read:?}");
        until("evicted files are closed", || patron.read_statistics().open_files <= 10);
    }
}

/// Runs in a separate process, with few descriptors.
#[test]
#[ignore = "run by fewer_descriptors_than_files"]
fn few_descriptors() {
    for mode in MODES {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from/files");
        let (metainfo, _) = many(&from, 150);
        let in_order = metainfo.files.iter().filter(|file| !file.pad);
        let files: Vec<_> = in_order
            .map(|file| std::fs::read(dir.path().join("from").join(&file.path)).unwrap())
            .collect();
        let client = reading(mode, &dir.path().join("from")).start().unwrap();
        let patron = client.patron();
        let late = client.patron();
        for patron in [&patron, &late] {
            let line = await_event!(
                patron, event @ Event::DescriptorLimit { available: 100, .. } => event.to_string()
            );
            println!("{line}");
        }
        // A second client finds half of them left.
        let wanted = |patron: &Patron| await_event!(patron, Event::DescriptorLimit { wanted, .. } => *wanted);
        let by_first = wanted(&client.patron());
        let second = reading(mode, dir.path()).start().unwrap();
        assert_eq!(wanted(&second.patron()), 2 * by_first);
        let settings = second.patron().settings().wait().unwrap();
        assert_eq!(settings.get("connections_limit"), Some(&SettingValue::Int(40)));
        drop(second);
        let options = AddOptions::default().trust(true);
        let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
        let connect = || Peer::connect(address(&patron), &metainfo);
        let ask = |peer: &mut Peer, number: usize| -> Result<bool> {
            // Two pieces per file.
            peer.request(2 * number as u32, 0, BLOCK)?;
            Ok(match peer.answer()? {
                BlockResponse::Block(_, _, bytes) => {
                    assert!(bytes == files[number][..BLOCK], "{number}");
                    true
                }
                BlockResponse::Rejected => false,
            })
        };
        let mut peer = connect().unwrap();
        for number in 0..files.len() {
            assert!(ask(&mut peer, number).unwrap(), "{:?}", patron.read_statistics());
        }

        // Now no descriptors are left: blocks of files that cannot be opened are refused, until
        // libtorrent has refused this peer a hundred times; nothing else happens.
        let taken: Vec<_> = std::iter::from_fn(|| std::fs::File::open("/dev/null").ok()).collect();
        let answers = (0..files.len()).map_while(|number| ask(&mut peer, number).ok());
        let served = answers.filter(|served| *served).count();
        let read = patron.read_statistics();
        println!("{mode}: {served} of {} files without descriptors, {read:?}", files.len());
        // When the pool is full, each file gets the descriptor of one that is closed for it.
        let all_served = served == files.len();
        assert!((read.stock_descriptors > 0 || all_served) && read.failed == 0, "{read:?}");
        drop((taken, peer));
        let mut peer = connect().unwrap();
        for number in 0..files.len() {
            assert!(ask(&mut peer, number).unwrap(), "{:?}", patron.read_statistics());
        }
        until("libtorrent reads no more", || {
            let before = patron.read_statistics().stock_descriptors;
            assert!(ask(&mut peer, 0).unwrap());
            patron.read_statistics().stock_descriptors == before
        });
        assert!(!patron.fresh_status(id).wait().unwrap().paused);
        assert_eq!(patron.read_statistics().failed, 0);
    }
}

#[test]
fn fewer_descriptors_than_files() {
    in_child_with_descriptors(few_descriptors, "100");
}

#[test]
fn a_file_system_that_cannot_tell_what_is_in_memory() {
    // tmpfs refuses RWF_NOWAIT.
    let Ok(dir) = tempfile::tempdir_in("/dev/shm") else {
        return skipped("there is no /dev/shm");
    };
    for mode in MODES {
        let from = dir.path().join(mode);
        let file = data(&from, "data.bin", 71, 4 * MIB);
        let all = std::fs::read(&file).unwrap();
        let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
        let (_client, patron, _) = trusting(mode, &metainfo, &from);
        let mut peer = Peer::connect(address(&patron), &metainfo).unwrap();
        for _ in 0..2 {
            for piece in 0..256 {
                assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
            }
        }
        let read = patron.read_statistics();
        println!("{mode}: {read:?}");
        if read.refused_files == 0 {
            return skipped("this tmpfs knows RWF_NOWAIT");
        }
        assert_eq!((read.refused_files, read.failed, read.stock_blocks()), (1, 0, 0));
        match mode {
            "copy" => assert_eq!(read.cold_blocks, 512),
            _ => assert_eq!((read.cold_blocks, read.mapped_blocks), (256, 256)),
        }
    }
}

/// A client with `zero_copy` does not listen for TLS, but connects to peers that do.
#[test]
fn data_sent_over_tls_is_copied() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from");
    let file = data(&from, "data.bin", 72, 2 * MIB);
    let all = std::fs::read(&file).unwrap();
    let plain = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let (certificate, key) = certificate();
    let tls = for_tls(&plain, &certificate);
    let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_private_key(&key).unwrap();
    acceptor.set_certificate(&certificate).unwrap();
    let acceptor = acceptor.build();

    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = reading("zero_copy", &from).start().unwrap();
    let patron = client.patron();
    let options = AddOptions::default().trust(true).add_peers([listener.local_addr().unwrap()]);
    patron.add_torrent(&tls, options).wait().unwrap();
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut peer = Peer::over(acceptor.accept(Prompt(stream)).unwrap(), &tls).unwrap();
    for _ in 0..2 {
        for piece in 0..128 {
            assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
        }
    }
    // If it stayed open, shutdown would take seconds longer.
    drop(peer);
    let read = patron.read_statistics();
    println!("{read:?}");
    assert_eq!((read.mapped_blocks, read.mappings, read.stock_blocks()), (0, 0, 0));
    assert_eq!(read.copied_blocks + read.cold_blocks, 256);

    // The same file in another torrent, without TLS.
    let options = AddOptions::default().trust(true);
    patron.add_torrent(&plain, options).wait().unwrap();
    let mut peer = Peer::connect(address(&patron), &plain).unwrap();
    for _ in 0..2 {
        for piece in 0..128 {
            assert!(peer.block(piece, &all, BLOCK).unwrap().is_some());
        }
    }
    let read = patron.read_statistics();
    assert!(read.mapped_blocks > 0 && read.mappings == 1, "{read:?}");
    assert!(client.shutdown(PATIENCE).wait().is_clean());
}

#[test]
fn settings_that_would_end_the_process_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let zero_copy = || reading("zero_copy", dir.path());
    for (name, builder) in [
        ("enable_incoming_utp", zero_copy().setting("enable_incoming_utp", true)),
        ("enable_outgoing_utp", zero_copy().setting("enable_outgoing_utp", true)),
        ("allowed_enc_level", zero_copy().setting("allowed_enc_level", 3)),
        ("listen_interfaces", zero_copy().listen("127.0.0.1:0s")),
    ] {
        let error = builder.start().unwrap_err();
        println!("{error}");
        assert_eq!(error.kind(), torrent_patron::error::ErrorKind::InvalidArgument);
        assert!(error.message().contains(name), "{error}");
    }
    let error: Error = zero_copy().setting("disk_reads", "mmap").start().map(|_| ()).map_or_else(
        |error| Error::new(ErrorKind::InvalidInput, error.to_string()),
        |()| panic!("it started"),
    );
    assert!(error.to_string().contains("stock, copy or zero_copy"), "{error}");
}

/// The backend stops 256 at a time.
#[test]
fn a_client_with_more_torrents_than_are_stopped_at_once_ends() {
    const COUNT: usize = 600;
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let torrent = |number: usize| {
        let (name, hash) = (format!("{number}.bin"), format!("{number:.<20}"));
        let info = format!("d6:lengthi1e4:name{}:{name}12:piece lengthi16384e", name.len());
        format!("d4:info{info}6:pieces20:{hash}ee").into_bytes()
    };
    let added: Vec<_> = (0..COUNT)
        .map(|number| patron.add_torrent(torrent(number), AddOptions::default().paused(true)))
        .collect();
    let ids: Vec<_> = added.into_iter().map(|reply| reply.wait().unwrap().id()).collect();
    // Pausing stops them, too.
    let resumed: Vec<_> = ids.iter().map(|id| patron.resume(*id)).collect();
    resumed.into_iter().for_each(|reply| reply.wait().unwrap());
    let paused: Vec<_> = ids.iter().map(|id| patron.pause(*id)).collect();
    paused.into_iter().for_each(|reply| reply.wait().unwrap());
    assert!(client.shutdown(PATIENCE).wait().is_clean());
}
