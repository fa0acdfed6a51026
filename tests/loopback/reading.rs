//! Reads files while they download.

use std::collections::BTreeSet;
use std::io::{BufRead, ErrorKind as Io, Read, Seek, SeekFrom};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use torrent_patron::error::ErrorKind;
use torrent_patron::file::Priority;
use torrent_patron::metainfo::{Metainfo, Protocol};
use torrent_patron::patron::{Command, ReadAhead, Reader, ReaderOptions, RemoveFiles};
use torrent_patron::{AddOptions, Client, Error, Event, Patron, Settings, Source, TorrentId};

use crate::await_event;
use crate::support::{
    PATIENCE, Seeder, address, builder, client, data, eventually, finished, in_ci, maker, metainfo,
    noise, until, wire,
};

const PIECE: usize = 64 * 1024;

/// A seeder of a torrent with one file and small pieces.
fn seeder(dir: &Path, size: usize) -> Seeder {
    let file = data(&dir.join("from"), "film.bin", 7, size);
    let metainfo =
        maker(&file, Protocol::Hybrid).piece_length(PIECE as u32).start().unwrap().wait().unwrap();
    Seeder::with(&file, metainfo)
}

/// A client with a torrent but without peers.
fn alone(dir: &Path, metainfo: &Metainfo) -> (Client, Patron, TorrentId) {
    let client = client(&dir.join("to"));
    let patron = client.patron();
    let id = patron.add_torrent(metainfo, AddOptions::default()).wait().unwrap().id();
    (client, patron, id)
}

fn open(patron: &Patron, id: TorrentId) -> Reader {
    let mut reader = patron.reader(id, 0).wait_timeout(PATIENCE).unwrap().unwrap();
    reader.set_timeout(Some(PATIENCE));
    reader
}

fn connect(patron: &Patron, id: TorrentId, seeder: &Seeder) {
    patron.connect_peer(id, address(&seeder.patron)).wait().unwrap();
}

fn set(patron: &Patron, name: &str, value: i32) {
    let mut settings = Settings::empty();
    settings.set(name, value).unwrap();
    patron.apply_settings(&settings).wait().unwrap();
}

/// The kind of the error.
fn kind<T: std::fmt::Debug>(result: std::io::Result<T>) -> ErrorKind {
    let error = result.unwrap_err();
    let source = error.get_ref().and_then(|source| source.downcast_ref::<Error>());
    source.unwrap_or_else(|| panic!("{error:?}")).kind()
}

#[test]
fn a_file_is_read_while_it_downloads() {
    let dir = tempfile::tempdir().unwrap();
    let size = 40 * PIECE + 123;
    let seeder = seeder(dir.path(), size);
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    let mut reader = open(&patron, id);
    assert_eq!(reader.size(), size as u64);
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, noise(7, size));
    assert_eq!(reader.read(&mut [0; 9]).unwrap(), 0);
    reader.seek(SeekFrom::End(-5)).unwrap();
    assert_eq!(reader.fill_buf().unwrap(), &noise(7, size)[size - 5..]);
    reader.seek(SeekFrom::Start(u64::MAX)).unwrap();
    assert_eq!(reader.read(&mut [0; 9]).unwrap(), 0, "beyond the end is nothing");
    assert!(reader.seek(SeekFrom::Current(1)).is_err());
    reader.seek(SeekFrom::Start(3)).unwrap();
    assert!(reader.seek(SeekFrom::Current(-4)).is_err());
    assert_eq!(reader.position(), 3);
}

/// A reader that is opened before the files are checked waits for the check.
#[test]
fn data_on_the_disk_is_read_once_it_is_checked() {
    let dir = tempfile::tempdir().unwrap();
    let size = 200 * PIECE;
    let file = data(&dir.path().join("to"), "film.bin", 7, size);
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let (_client, patron, id) = alone(dir.path(), &metainfo);
    let mut bytes = vec![0; 1000];
    for again in [false, true] {
        if again {
            patron.recheck(id).wait().unwrap();
        }
        let mut reader = open(&patron, id);
        reader.seek(SeekFrom::Start(150 * PIECE as u64)).unwrap();
        reader.read_exact(&mut bytes).unwrap();
        assert_eq!(bytes, &noise(7, size)[150 * PIECE..][..1000]);
    }
}

/// The read may reach libtorrent before the client knows of the check.
#[test]
fn a_read_that_meets_a_check_waits_for_its_end() {
    let dir = tempfile::tempdir().unwrap();
    let size = 50 * PIECE;
    let file = data(&dir.path().join("to"), "film.bin", 7, size);
    let metainfo = maker(&file, Protocol::V1).start().unwrap().wait().unwrap();
    let (_client, patron, id) = alone(dir.path(), &metainfo);
    let mut reader = open(&patron, id);
    let mut bytes = vec![0; size / 2];
    for half in (0..2).cycle().take(20) {
        let begin = half * size / 2;
        reader.seek(SeekFrom::Start(begin as u64)).unwrap();
        let checking = patron.recheck(id);
        reader.read_exact(&mut bytes).unwrap();
        assert!(bytes == noise(7, size)[begin..begin + size / 2]);
        checking.wait().unwrap();
    }
}

#[test]
fn missing_data_is_waited_for_and_comes_before_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 100 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let mut reader = open(&patron, id);
    reader.set_timeout(Some(Duration::from_millis(20)));
    assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), Io::TimedOut);
    reader.set_timeout(Some(PATIENCE));
    reader.seek(SeekFrom::Start(70 * PIECE as u64 + 5)).unwrap();
    // At this rate, the whole file would take minutes.
    seeder.patron.set_upload_limit(seeder.patron.torrents()[0], Some(200_000)).wait().unwrap();
    connect(&patron, id, &seeder);
    let mut bytes = vec![0; 1000];
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, &noise(7, 100 * PIECE)[70 * PIECE + 5..][..1000]);
    let here = patron.pieces(id).wait().unwrap().have;
    assert!(here[70] && here.iter().filter(|here| **here).count() < 10);
}

/// A client that has downloaded the first `HERE` pieces and still writes.
#[cfg(target_os = "linux")]
fn downloading(seeder: &Seeder, dir: &Path) -> (Client, Patron, TorrentId, Reader) {
    let (client, patron, id) = alone(dir, &seeder.metainfo);
    // At this rate, the whole file would take a minute.
    seeder.patron.set_upload_limit(seeder.patron.torrents()[0], Some(400_000)).wait().unwrap();
    connect(&patron, id, seeder);
    let mut reader = open(&patron, id);
    reader.read_exact(&mut vec![0; HERE * PIECE]).unwrap();
    (client, patron, id, reader)
}

#[cfg(target_os = "linux")]
const HERE: usize = 8;

/// libtorrent reads behind the writes in its queue.
#[cfg(target_os = "linux")]
#[test]
fn verified_data_is_read_from_the_file_while_it_downloads() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 400 * PIECE);
    let (_client, patron, id, mut reader) = downloading(&seeder, dir.path());
    let before = patron.read_statistics();
    reader.seek(SeekFrom::Start(100)).unwrap();
    let mut bytes = vec![0; HERE * PIECE - 100];
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, &noise(7, 400 * PIECE)[100..HERE * PIECE]);
    let after = patron.read_statistics();
    let read = after.cold_bytes + after.copied_bytes - before.cold_bytes - before.copied_bytes;
    assert!(read >= bytes.len() as u64, "{before:?} {after:?}");
    assert_eq!(after.stock_writing, before.stock_writing);
    assert!(!patron.status(id).unwrap().finished);
}

/// The threads between a reader and the disk may be busy, libtorrent's with the download.
#[cfg(target_os = "linux")]
#[test]
fn available_data_is_read_on_the_thread_of_the_reader() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 400 * PIECE);
    let (_client, patron, id, mut reader) = downloading(&seeder, dir.path());
    reader.set_timeout(Some(Duration::ZERO));
    let go = hold_client_thread(&patron);
    let mut bytes = vec![0; 2 * PIECE];
    for piece in [5, 0, 3, 1] {
        reader.seek(SeekFrom::Start((piece * PIECE + 1) as u64)).unwrap();
        reader.read_exact(&mut bytes).unwrap();
        assert!(bytes == noise(7, 400 * PIECE)[piece * PIECE + 1..][..bytes.len()]);
    }
    reader.seek(SeekFrom::Start(300 * PIECE as u64)).unwrap();
    assert_eq!(reader.read(&mut bytes).unwrap_err().kind(), Io::TimedOut);
    go.send(()).unwrap();
    assert!(!patron.status(id).unwrap().finished);
}

/// libtorrent keeps the file open, so it reads and writes the one that had the name before.
#[cfg(target_os = "linux")]
#[test]
fn a_file_that_is_replaced_during_the_download_is_not_read() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 400 * PIECE);
    let (_client, patron, id, mut reader) = downloading(&seeder, dir.path());
    let path = dir.path().join("to/film.bin");
    let other = dir.path().join("other");
    let mut read = |pieces: std::ops::Range<usize>, why: &str| {
        reader.seek(SeekFrom::Start((pieces.start * PIECE) as u64)).unwrap();
        let mut bytes = vec![0; pieces.len() * PIECE];
        reader.read_exact(&mut bytes).unwrap();
        assert!(bytes == noise(7, 400 * PIECE)[pieces.start * PIECE..pieces.end * PIECE], "{why}");
    };
    std::fs::copy(&path, &other).unwrap();
    std::fs::rename(&other, &path).unwrap();
    read(100..104, "a copy, which lacks what is written later");
    std::fs::write(&other, vec![1; 400 * PIECE]).unwrap();
    std::fs::rename(&other, &path).unwrap();
    read(0..HERE, "another file");
    assert!(!patron.status(id).unwrap().finished);
}

/// Requests that are outstanding at the seeder delay the data that a reader seeks to.
#[test]
fn little_is_requested_ahead_while_a_reader_is_open() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 400 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    seeder.patron.set_upload_limit(seeder.patron.torrents()[0], Some(400_000)).wait().unwrap();
    connect(&patron, id, &seeder);
    let requested =
        || patron.peers(id).wait().unwrap().first().map_or(0, |peer| peer.outgoing_requests);
    let deep = || requested() > 40;
    until("much is requested ahead", deep);
    let reader = open(&patron, id);
    until("little is requested ahead", || requested() < 20);
    drop(reader);
    until("much is requested ahead again", deep);
}

/// Each seek leaves an incomplete piece behind. libtorrent by default completes those first.
#[test]
fn a_seek_is_as_fast_after_many_others() {
    const LARGE: usize = 4 * PIECE;
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "film.bin", 7, 100 * LARGE);
    let metainfo =
        maker(&file, Protocol::V1).piece_length(LARGE as u32).start().unwrap().wait().unwrap();
    let seeder = Seeder::with(&file, metainfo);
    seeder.patron.set_upload_limit(seeder.patron.torrents()[0], Some(200_000)).wait().unwrap();
    set(&seeder.patron, "tick_interval", 50);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    connect(&patron, id, &seeder);
    let mut reader = open(&patron, id);
    reader.fill_buf().unwrap();
    for jump in 1..8 {
        reader.seek(SeekFrom::Start((10 * jump * LARGE) as u64)).unwrap();
        reader.set_timeout(Some(Duration::from_millis(200)));
        if jump < 7 {
            assert_eq!(reader.fill_buf().unwrap_err().kind(), Io::TimedOut);
        }
    }
    reader.set_timeout(Some(PATIENCE));
    reader.fill_buf().unwrap();
    let here = patron.pieces(id).wait().unwrap().have;
    let others: Vec<_> = (1..7).map(|jump| 10 * jump).filter(|piece| here[*piece]).collect();
    assert!(others.is_empty(), "pieces {others:?} came, which nobody waits for");
}

/// A peer that has everything, answers no request, and rejects those that are cancelled (BEP 6). Returns its
/// address, and the requests and cancels that it receives: the kind, the piece, and the offset.
fn silent_peer() -> (SocketAddr, mpsc::Receiver<(u8, u32, u32)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, received) = mpsc::channel();
    std::thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        wire::answer_handshake(&mut stream, wire::FAST, b"=SILENT=============")?;
        wire::send(&mut stream, wire::HAVE_ALL, &[])?;
        wire::send(&mut stream, wire::UNCHOKE, &[])?;
        loop {
            let (kind, payload) = wire::receive(&mut stream)?;
            if kind == wire::CANCEL {
                wire::send(&mut stream, wire::REJECT, &payload)?;
            }
            if [wire::REQUEST, wire::CANCEL].contains(&kind) {
                let [piece, offset] = [0, 4].map(|at| wire::number_at(&payload, at));
                let _ = sender.send((kind, piece, offset));
            }
        }
    });
    (address, received)
}

/// A slow peer would send what was requested before the data that the reader needs.
#[test]
fn a_seek_cancels_what_was_requested_before() {
    let dir = tempfile::tempdir().unwrap();
    let film = data(&dir.path().join("from"), "film.bin", 7, 100 * PIECE);
    let metainfo =
        maker(&film, Protocol::V1).piece_length(PIECE as u32).start().unwrap().wait().unwrap();
    let client = builder(&dir.path().join("to"))
        .setting("enable_outgoing_utp", false)
        .setting("out_enc_policy", 2) // disabled
        .start()
        .unwrap();
    let patron = client.patron();
    let id = patron.add_torrent(&metainfo, AddOptions::default()).wait().unwrap().id();
    let mut reader = open(&patron, id);
    reader.set_timeout(Some(Duration::ZERO));
    assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), Io::TimedOut);
    let (peer, received) = silent_peer();
    patron.connect_peer(id, peer).wait().unwrap();
    let next = || received.recv_timeout(PATIENCE).unwrap();
    let (kind, piece, offset) = next();
    assert_eq!(kind, wire::REQUEST);
    let mut open_requests = BTreeSet::from([(piece, offset)]);
    reader.seek(SeekFrom::Start(70 * PIECE as u64)).unwrap();
    assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), Io::TimedOut);
    loop {
        let (kind, piece, offset) = next();
        if kind == wire::CANCEL {
            assert!(open_requests.remove(&(piece, offset)), "{piece} was not requested");
        } else if piece < 70 {
            open_requests.insert((piece, offset));
        } else {
            assert_eq!((piece, open_requests), (70, BTreeSet::new()));
            break;
        }
    }
}

/// By default libtorrent picks the first pieces of a torrent at random.
#[test]
fn a_reader_changes_no_setting_that_the_program_sees_or_saves() {
    const SETTING: &str = "initial_picker_threshold";
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 100 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let seen = || patron.settings().wait().unwrap().get(SETTING).cloned();
    let saved = || {
        let state = patron.save_state().wait().unwrap();
        let place = state.windows(SETTING.len()).position(|name| name == SETTING.as_bytes());
        // An integer in bencode: i100e.
        let rest = &state[place? + SETTING.len()..];
        Some(
            rest.iter().map(|byte| char::from(*byte)).take_while(|c| *c != 'e').collect::<String>(),
        )
    };
    let (before, saved_before) = (seen(), saved());
    let mut reader = open(&patron, id);
    assert_eq!((seen(), saved()), (before, saved_before));
    set(&patron, SETTING, 100);
    assert_eq!(seen(), Some(100.into()));
    assert_eq!(saved().as_deref(), Some("i100"));
    // The setting has no effect: this piece arrives before the others, although it is in the middle of many
    // that could be picked.
    reader.seek(SeekFrom::Start(70 * PIECE as u64)).unwrap();
    seeder.patron.set_upload_limit(seeder.patron.torrents()[0], Some(200_000)).wait().unwrap();
    connect(&patron, id, &seeder);
    reader.read_exact(&mut [0; 9]).unwrap();
    let here = patron.pieces(id).wait().unwrap().have;
    assert!(here[70] && here.iter().filter(|here| **here).count() < 10);
    drop(reader);
    assert_eq!(seen(), Some(100.into()));
    assert_eq!(saved().as_deref(), Some("i100"));
}

/// A player with a buffer of 5 s reads at half the rate of the seeder. The test takes two minutes if CI is
/// `true`.
#[test]
fn a_player_that_seeks_does_not_stall() {
    const RATE: usize = 250_000;
    let (seeks, between) = if in_ci() { (5, 30) } else { (2, 3) };
    let dir = tempfile::tempdir().unwrap();
    let size = (seeks + 2) * 40 * RATE;
    let seeder = seeder(dir.path(), size);
    let limit = Some(2 * RATE as u32);
    seeder.patron.set_upload_limit(seeder.patron.torrents()[0], limit).wait().unwrap();
    // Limits are applied tick by tick. With short ticks the data flows more evenly.
    set(&seeder.patron, "tick_interval", 50);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    connect(&patron, id, &seeder);
    let mut reader = open(&patron, id);
    let mut second_of_film = vec![0; RATE];
    for seek in 0..seeks {
        // Seeks forward and back, each time to data that has not arrived.
        let to = (if seek % 2 == 0 { seek + 2 } else { seek }) * 40 * RATE;
        reader.seek(SeekFrom::Start(to.min(size - 40 * RATE) as u64)).unwrap();
        reader.read_exact(&mut second_of_film).unwrap();
        let playing = Instant::now();
        for played in 1..between {
            reader.read_exact(&mut second_of_film).unwrap();
            let due = Duration::from_secs(played);
            assert!(playing.elapsed() < due, "it stalls {played} s after seek {seek}");
            std::thread::sleep(
                due.saturating_sub(Duration::from_secs(5)).saturating_sub(playing.elapsed()),
            );
        }
    }
}

#[test]
fn the_priorities_of_the_program_are_restored_when_the_readers_are_closed() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 30 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let chosen: Vec<_> = (0..30).map(|piece| Priority::new(piece % 8)).collect();
    patron.set_piece_priorities(id, chosen.clone()).wait().unwrap();
    let in_force = || patron.pieces(id).wait().unwrap().priorities;
    assert_eq!(in_force(), chosen);
    let mut reader = open(&patron, id);
    until("the window is wanted", || in_force()[0] == Priority::TOP);
    reader.seek(SeekFrom::Start(20 * PIECE as u64)).unwrap();
    reader.set_timeout(Some(Duration::ZERO));
    let late = reader.read(&mut [0; 9]).unwrap_err();
    assert_eq!(late.kind(), Io::TimedOut, "{late}");
    until("the window has moved", || in_force()[20] == Priority::TOP);
    // The resume data has the priorities that the program set.
    let saved = patron.resume_data(id).wait().unwrap();
    // The program changes a priority meanwhile.
    patron.set_piece_priority(id, 5, Priority::new(1)).wait().unwrap();
    until("the window is in force", || in_force()[20] == Priority::TOP);
    drop(reader);
    let mut expected = chosen.clone();
    expected[5] = Priority::new(1);
    until("all is given back", || in_force() == expected);
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    let id = patron
        .add_torrent(Source::ResumeData(saved.into()), AddOptions::default())
        .wait()
        .unwrap()
        .id();
    assert_eq!(in_force_of(&patron, id), chosen);
}

/// As a player does when it seeks over HTTP: the next reader is opened before the last one is closed.
#[test]
fn readers_that_follow_each_other_restore_the_priorities_of_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 30 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let chosen = vec![Priority::LOW; 30];
    patron.set_piece_priorities(id, chosen.clone()).wait().unwrap();
    let in_force = || patron.pieces(id).wait().unwrap().priorities;
    let mut reader = open(&patron, id);
    for _ in 0..50 {
        until("the window is in force", || in_force()[0] == Priority::TOP);
        let next = patron.reader(id, 0);
        drop(reader);
        reader = next.wait_timeout(PATIENCE).unwrap().unwrap();
    }
    drop(reader);
    until("all is given back", || in_force() == chosen);
}

#[test]
fn deadlines_of_the_program_do_not_take_those_of_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 100 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let in_force = || patron.pieces(id).wait().unwrap().priorities;
    let mut reader = open(&patron, id);
    reader.seek(SeekFrom::Start(70 * PIECE as u64)).unwrap();
    reader.set_timeout(Some(Duration::ZERO));
    assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), Io::TimedOut);
    until("the window is wanted", || in_force()[70] == Priority::TOP);
    patron.set_piece_deadline(id, 5, Some(PATIENCE)).wait().unwrap();
    patron.clear_piece_deadlines(id).wait().unwrap();
    until("the window is wanted again", || in_force()[70] == Priority::TOP);
    drop(reader);
    let given_back = || in_force().iter().all(|piece| *piece <= Priority::DEFAULT);
    until("all is given back", given_back);
    let default = |piece: &usize| in_force()[*piece] == Priority::DEFAULT;
    assert!((70..100).all(|piece| default(&piece)), "{:?}", in_force());
}

fn in_force_of(patron: &Patron, id: TorrentId) -> Vec<Priority> {
    let checked = || match patron.pieces(id).wait() {
        Ok(pieces) if !pieces.priorities.is_empty() => Some(pieces.priorities),
        _ => None,
    };
    eventually("the torrent is there", checked)
}

#[test]
fn a_file_that_the_program_skips_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 60 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    patron.set_file_priority(id, 0, Priority::SKIP).wait().unwrap();
    let options = ReaderOptions::default().read_ahead(ReadAhead::Bytes(1)).ends_first(true);
    let mut reader = patron.reader_with(id, 0, options).wait().unwrap();
    // Not before: 2.1 leaves a seed at once if it wants nothing.
    connect(&patron, id, &seeder);
    reader.set_timeout(Some(PATIENCE));
    let mut bytes = vec![0; 3 * PIECE];
    reader.seek(SeekFrom::Start(2 * PIECE as u64)).unwrap();
    reader.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, &noise(7, 60 * PIECE)[2 * PIECE..5 * PIECE]);
    drop(reader);
    let all_skipped = || {
        let pieces = patron.pieces(id).wait().unwrap();
        pieces.priorities.iter().all(|wanted| *wanted == Priority::SKIP)
    };
    until("all is skipped again", all_skipped);
    assert_eq!(patron.files(id).wait().unwrap()[0].priority, Priority::SKIP);
}

#[test]
fn a_wait_is_ended_by_an_interrupt() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 4 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let mut reader = open(&patron, id);
    let interrupter = reader.interrupter();
    interrupter.interrupt();
    let mut all = [0; 100];
    assert_eq!(kind(reader.read_exact(&mut all)), ErrorKind::Cancelled, "none is missed");
    let reading = std::thread::spawn(move || {
        let first = kind(reader.read_exact(&mut all));
        (first, reader)
    });
    interrupter.interrupt();
    let (first, mut reader) = reading.join().unwrap();
    assert_eq!(first, ErrorKind::Cancelled);
    connect(&patron, id, &seeder);
    reader.read_exact(&mut all).unwrap();
    assert_eq!(all, noise(7, 100)[..]);
}

#[test]
fn a_torrent_that_is_removed_or_stops_ends_the_read_with_the_reason() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 4 * PIECE);
    let (client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let waiting =
        |mut reader: Reader| std::thread::spawn(move || (kind(reader.read(&mut [0; 9])), reader));
    let paused = waiting(open(&patron, id));
    patron.pause(id).wait().unwrap();
    let (ended_by, reader) = paused.join().unwrap();
    assert_eq!(ended_by, ErrorKind::NotDownloaded);
    patron.resume(id).wait().unwrap();
    let removed = waiting(reader);
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    let (ended_by, mut reader) = removed.join().unwrap();
    assert_eq!(ended_by, ErrorKind::Gone);
    assert_eq!(kind(reader.read(&mut [0; 9])), ErrorKind::Gone);
    assert_eq!(patron.reader(id, 0).wait().unwrap_err().kind(), ErrorKind::NotFound);
    let id = patron.add_torrent(&seeder.metainfo, AddOptions::default()).wait().unwrap().id();
    assert_eq!(patron.reader(id, 1).wait().unwrap_err().kind(), ErrorKind::InvalidArgument);
    let mut reader = open(&patron, id);
    reader.set_timeout(Some(Duration::ZERO));
    for position in 0..50 {
        patron.pause(id).wait().unwrap();
        patron.resume(id).wait().unwrap();
        // Another read: the last one may have ended with the pause.
        reader.seek(SeekFrom::Start(position)).unwrap();
        assert_eq!(reader.read(&mut [0; 9]).unwrap_err().kind(), Io::TimedOut);
    }
    reader.set_timeout(Some(PATIENCE));
    let stopped = waiting(reader);
    client.shutdown(PATIENCE).wait();
    assert_eq!(stopped.join().unwrap().0, ErrorKind::Stopped);
    assert_eq!(patron.reader(id, 0).wait().unwrap_err().kind(), ErrorKind::Stopped);
}

/// A sequential reader fetches the next chunk ahead.
#[test]
fn a_chunk_fetched_ahead_that_fails_is_fetched_again() {
    const HERE: usize = 32;
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 2 * HERE * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let wanted: Vec<_> = (0..2 * HERE)
        .map(|piece| if piece < HERE { Priority::DEFAULT } else { Priority::SKIP })
        .collect();
    patron.set_piece_priorities(id, wanted).wait().unwrap();
    connect(&patron, id, &seeder);
    finished(&patron, id);
    let source = seeder.patron.torrents()[0];
    seeder.patron.pause(source).wait().unwrap();
    await_event!(seeder.patron, Event::Paused { .. });
    let mut reader = open(&patron, id);
    let mut bytes = vec![0; HERE * PIECE];
    reader.read_exact(&mut bytes).unwrap();
    patron.pause(id).wait().unwrap();
    await_event!(patron, Event::Paused { .. });
    patron.resume(id).wait().unwrap();
    await_event!(patron, Event::Resumed { .. });
    seeder.patron.resume(source).wait().unwrap();
    await_event!(seeder.patron, Event::Resumed { .. });
    connect(&patron, id, &seeder);
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).unwrap();
    bytes.append(&mut rest);
    assert!(bytes == noise(7, 2 * HERE * PIECE));
}

#[test]
fn a_magnet_link_is_read_when_its_metadata_has_come() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 4 * PIECE);
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let magnet = seeder.metainfo.magnet();
    let id = patron.add_torrent(magnet, AddOptions::default()).wait().unwrap().id();
    let opening = patron.reader(id, 0);
    assert!(opening.wait_timeout(Duration::from_millis(50)).is_none());
    connect(&patron, id, &seeder);
    let mut reader = opening.wait_timeout(PATIENCE).unwrap().unwrap();
    reader.set_timeout(Some(PATIENCE));
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, noise(7, 4 * PIECE));
}

#[test]
fn ranges_and_pieces_are_read_without_a_reader() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 4 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let range = |range| patron.read_range(id, 0, range).wait();
    assert_eq!(range(0..1).unwrap_err().kind(), ErrorKind::NotDownloaded);
    assert!(range(0..0).unwrap().is_empty());
    let beyond = 0..4 * PIECE as u64 + 1;
    assert_eq!(range(beyond).unwrap_err().kind(), ErrorKind::InvalidArgument);
    let begun = Instant::now();
    let late = patron.fetch_piece(id, 2, Duration::from_millis(50)).wait();
    assert_eq!(late.unwrap_err().kind(), ErrorKind::TimedOut);
    assert!(begun.elapsed() < PATIENCE);
    let piece = patron.fetch_piece(id, 2, PATIENCE);
    connect(&patron, id, &seeder);
    assert_eq!(piece.wait().unwrap(), &noise(7, 4 * PIECE)[2 * PIECE..3 * PIECE]);
    finished(&patron, id);
    let (from, to) = (PIECE - 20_001, 3 * PIECE + 20_003);
    assert_eq!(range(from as u64..to as u64).unwrap(), &noise(7, 4 * PIECE)[from..to]);
    let none = patron.fetch_piece(id, 4, PATIENCE).wait();
    assert_eq!(none.unwrap_err().kind(), ErrorKind::InvalidArgument);
}

/// Returns when the client thread waits for the sender.
fn hold_client_thread(patron: &Patron) -> mpsc::Sender<()> {
    struct Holds(mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>);
    impl Wake for Holds {
        fn wake(self: Arc<Self>) {
            self.0.send(()).unwrap();
            let _ = self.1.lock().unwrap().recv();
        }
    }
    let (holds, is_held) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let magnet = "magnet:?xt=urn:btih:0101010101010101010101010101010101010101";
    let id = patron.add_torrent(magnet, AddOptions::default()).wait().unwrap().id();
    let never = patron.wait_until_finished(id);
    let waker = Waker::from(Arc::new(Holds(holds, Mutex::new(goes))));
    assert!(never.poll_ready(&mut Context::from_waker(&waker)).is_pending());
    drop(patron.remove_torrent(id, RemoveFiles::Keep));
    is_held.recv_timeout(PATIENCE).unwrap();
    go
}

/// Neither a limit nor an interrupt would hold if the read waited for the command channel.
#[test]
fn a_read_does_not_wait_while_the_command_channel_is_full() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 4 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let mut reader = open(&patron, id);
    reader.set_timeout(Some(Duration::ZERO));
    let go = hold_client_thread(&patron);
    while patron.try_send(Command::Watch(id)).is_ok() {}
    let (ended, end) = mpsc::channel();
    std::thread::spawn(move || {
        ended.send((reader.read(&mut [0; 9]).unwrap_err().kind(), reader)).unwrap();
    });
    let (ended_by, mut reader) = end.recv_timeout(PATIENCE).expect("it waits for the channel");
    assert_eq!(ended_by, Io::TimedOut);
    go.send(()).unwrap();
    connect(&patron, id, &seeder);
    reader.set_timeout(Some(PATIENCE));
    let mut bytes = vec![0; 4 * PIECE];
    reader.read_exact(&mut bytes).unwrap();
    assert!(bytes == noise(7, 4 * PIECE));
}

/// In between, the network thread serves peers and other requests.
#[test]
fn a_long_range_is_read_in_parts() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("zeros.bin");
    std::fs::write(&path, vec![0; 32 << 20]).unwrap();
    // One disk thread answers in order.
    let client = builder(dir.path()).setting("disk_reads", "stock").setting("aio_threads", 1);
    let client = client.start().unwrap();
    let patron = client.patron();
    let id = patron.add_torrent(metainfo(&path), AddOptions::default()).wait().unwrap().id();
    finished(&patron, id);
    let read = |length, tag| {
        let reply = patron.read_range(id, 0, 0..length);
        patron.notify(&reply, tag);
        reply
    };
    // The client thread takes both at once. If the long one were read in one turn, it would be the first.
    let go = hold_client_thread(&patron);
    let (long, short) = (read(32 << 20, 1), read(1, 2));
    go.send(()).unwrap();
    let answered = [(); 2].map(|()| await_event!(patron, Event::Reply { tag, .. } => *tag));
    assert_eq!(answered, [2, 1]);
    assert_eq!(short.wait().unwrap(), [0]);
    assert_eq!(long.wait().unwrap().len(), 32 << 20);
}

#[test]
fn many_readers_of_many_files_read_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let from = dir.path().join("from/album");
    for number in 0..4 {
        data(&from, &format!("{number}.bin"), number, 7 * PIECE + 1000 * number as usize);
    }
    let metainfo =
        maker(&from, Protocol::V1).piece_length(PIECE as u32).start().unwrap().wait().unwrap();
    let seeder = Seeder::with(&from, metainfo);
    let client = client(&dir.path().join("to"));
    let patron = client.patron();
    let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    std::thread::scope(|scope| {
        for number in (0..4).chain(0..4) {
            let patron = &patron;
            scope.spawn(move || {
                let mut reader = patron.reader(id, number as u32).wait().unwrap();
                reader.set_timeout(Some(PATIENCE));
                let expected = noise(number, 7 * PIECE + 1000 * number as usize);
                for part in [5, 1, 3] {
                    let begin = part * PIECE + 17;
                    reader.seek(SeekFrom::Start(begin as u64)).unwrap();
                    let mut bytes = vec![0; PIECE];
                    reader.read_exact(&mut bytes).unwrap();
                    assert_eq!(bytes, expected[begin..begin + PIECE]);
                }
            });
        }
    });
}

#[cfg(feature = "tokio")]
#[tokio::test]
async fn a_reader_is_an_async_file_of_tokio() {
    use std::pin::Pin;
    use tokio::io::{AsyncBufRead, AsyncRead, AsyncSeek, ReadBuf};

    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 10 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let mut reader = patron.reader(id, 0).await.unwrap();
    let mut reader = Pin::new(&mut reader);
    reader.as_mut().start_seek(SeekFrom::Start(5 * PIECE as u64)).unwrap();
    let at = std::future::poll_fn(|context| reader.as_mut().poll_complete(context)).await.unwrap();
    assert_eq!(at, 5 * PIECE as u64);
    let mut bytes = [0; 100];
    let mut buffer = ReadBuf::new(&mut bytes);
    let mut connected = false;
    std::future::poll_fn(|context| {
        let polled = reader.as_mut().poll_read(context, &mut buffer);
        if !std::mem::replace(&mut connected, true) {
            assert!(polled.is_pending());
            connect(&patron, id, &seeder);
        }
        polled
    })
    .await
    .unwrap();
    assert_eq!(buffer.filled(), &noise(7, 10 * PIECE)[5 * PIECE..][..100]);
    let next = std::future::poll_fn(|context| {
        reader.as_mut().poll_fill_buf(context).map_ok(|bytes| bytes[0])
    });
    assert_eq!(next.await.unwrap(), noise(7, 10 * PIECE)[5 * PIECE + 100]);
}

#[cfg(feature = "futures-io")]
#[test]
fn a_reader_is_an_async_file_of_futures_io() {
    use smol::io::{AsyncReadExt, AsyncSeekExt};

    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 10 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    connect(&patron, id, &seeder);
    smol::block_on(async {
        let mut reader = patron.reader(id, 0).await.unwrap();
        assert_eq!(
            AsyncSeekExt::seek(&mut reader, SeekFrom::End(-9)).await.unwrap(),
            10 * PIECE as u64 - 9
        );
        let mut end = Vec::new();
        AsyncReadExt::read_to_end(&mut reader, &mut end).await.unwrap();
        assert_eq!(end, &noise(7, 10 * PIECE)[10 * PIECE - 9..]);
    });
}

#[cfg(unix)]
#[test]
fn a_descriptor_says_when_to_read_again() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let dir = tempfile::tempdir().unwrap();
    let seeder = seeder(dir.path(), 10 * PIECE);
    let (_client, patron, id) = alone(dir.path(), &seeder.metainfo);
    let mut reader = open(&patron, id);
    let readiness = reader.ready_descriptor().unwrap();
    let is_readable = |limit: Duration| {
        let mut waiting = [PollFd::new(&readiness, PollFlags::IN)];
        poll(&mut waiting, Some(&Timespec::try_from(limit).unwrap())).unwrap() == 1
    };
    reader.set_timeout(Some(Duration::ZERO));
    let mut bytes = vec![0; 10 * PIECE];
    assert_eq!(reader.read(&mut bytes).unwrap_err().kind(), Io::TimedOut);
    assert!(!is_readable(Duration::ZERO));
    connect(&patron, id, &seeder);
    let mut read = 0;
    while read < bytes.len() {
        match reader.read(&mut bytes[read..]) {
            Ok(more) => read += more,
            Err(error) => {
                assert_eq!(error.kind(), Io::TimedOut);
                assert!(is_readable(PATIENCE));
            }
        }
    }
    assert_eq!(bytes, noise(7, 10 * PIECE));
}
