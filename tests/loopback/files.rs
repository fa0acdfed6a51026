//! The files of a torrent: listing, choosing, renaming, moving.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Instant;

use torrent_patron::error::ErrorKind;
use torrent_patron::file::{FileStatus, OnConflict, Priority};
use torrent_patron::patron::RemoveFiles;
use torrent_patron::{AddOptions, Client, Event, Patron, TorrentId};

use crate::await_event;
use crate::support::{PATIENCE, Seeder, client, data, drain, each, finished, metainfo, same};

/// A directory of three files, `album/{one,two,three}.bin`.
fn album(dir: &Path) -> PathBuf {
    let album = dir.join("album");
    for (seed, name) in [(1, "one.bin"), (2, "two.bin"), (3, "three.bin")] {
        data(&album, name, seed, 50_000);
    }
    album
}

/// `two.bin` and nothing else.
fn only_two(files: &[FileStatus], level: Priority) -> Vec<Priority> {
    let is_two = files.iter().map(|file| file.path.ends_with("two.bin"));
    is_two.map(|is_two| if is_two { level } else { Priority::SKIP }).collect()
}

/// A download of an [album], before it begins: its seeder, its directory and its client.
fn paused_download(dir: &Path) -> (Seeder, PathBuf, Client, Patron, TorrentId) {
    let seeder = Seeder::of(&album(&dir.join("from")));
    let to = dir.join("to");
    let client = client(&to);
    let patron = client.patron();
    let options = seeder.options().paused(true);
    let id = patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    (seeder, to, client, patron, id)
}

#[test]
fn skipped_files_are_not_downloaded() {
    let dir = tempfile::tempdir().unwrap();
    let (seeder, to, _client, patron, id) = paused_download(dir.path());
    let files = patron.files(id).wait().unwrap();
    let wanted = only_two(&files, Priority::TOP);
    patron.set_file_priorities(id, wanted.clone()).wait().unwrap();
    patron.resume(id).wait().unwrap();
    finished(&patron, id);
    let files = patron.files(id).wait().unwrap();
    assert_eq!(files.iter().map(|file| file.priority).collect::<Vec<_>>(), wanted);
    for file in files.iter().filter(|file| !file.pad) {
        assert_eq!(file.is_complete(), file.priority == Priority::TOP, "{file:?}");
        assert_eq!(to.join(&file.path).exists(), file.priority == Priority::TOP, "{file:?}");
    }
    assert!(same(&seeder.path.join("two.bin"), &to.join("album/two.bin")));
    // Choosing the other files as well downloads the rest.
    for (index, file) in files.iter().enumerate().filter(|(_, file)| !file.pad) {
        let index = u32::try_from(index).unwrap();
        patron.set_file_priority(id, index, Priority::DEFAULT).wait().unwrap();
        assert_eq!(file.size, 50_000);
    }
    finished(&patron, id);
    assert!(patron.files(id).wait().unwrap().iter().all(|file| file.is_complete()));
}

/// A piece that has passed its check but is not written yet counts twice for libtorrent 2.0 once
/// its file is skipped: as one that it has, and as one that is not wanted. It would report a
/// torrent as finished that is not, and stop. That happens to clients that compete with each other.
#[test]
fn skipping_a_file_during_its_download_does_not_stop_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&album(&dir.path().join("from")));
    let download = |number: u32| {
        let to = dir.path().join(number.to_string());
        let client = client(&to);
        let patron = client.patron();
        let magnet = seeder.metainfo.info_hashes;
        let id = patron.add_torrent(magnet, seeder.options()).wait().unwrap().id();
        await_event!(patron, Event::MetadataReceived { .. });
        let files = patron.files(id).wait().unwrap();
        patron.set_file_priorities(id, only_two(&files, Priority::DEFAULT)).wait().unwrap();
        finished(&patron, id);
        assert!(same(&seeder.path.join("two.bin"), &to.join("album/two.bin")), "{number}");
    };
    for round in 0..6 {
        each(round * 8..(round + 1) * 8, download);
    }
}

#[test]
fn choices_that_follow_each_other_closely_all_count() {
    let dir = tempfile::tempdir().unwrap();
    let (_seeder, _, _client, patron, id) = paused_download(dir.path());
    let count = u32::try_from(patron.files(id).wait().unwrap().len()).unwrap();
    let replies: Vec<_> = (0..count)
        .flat_map(|file| [Priority::TOP, Priority::SKIP].map(|priority| (file, priority)))
        .map(|(file, priority)| patron.set_file_priority(id, file, priority))
        .collect();
    let wrong = patron.set_file_priority(id, count, Priority::TOP);
    let last = patron.set_file_priority(id, 0, Priority::LOW);
    for reply in replies {
        reply.wait().unwrap();
    }
    assert!(wrong.wait().is_err());
    last.wait().unwrap();
    let files = patron.files(id).wait().unwrap();
    let chosen: Vec<_> = files.iter().map(|file| file.priority).collect();
    assert_eq!(chosen[0], Priority::LOW);
    assert!(chosen[1..].iter().all(|priority| *priority == Priority::SKIP), "{chosen:?}");
}

/// libtorrent has the same alert for a choice that fails and for a disk that fails.
#[test]
fn an_error_of_the_torrent_answers_no_choice_of_files() {
    let dir = tempfile::tempdir().unwrap();
    let (_seeder, to, _client, patron, id) = paused_download(dir.path());
    let checked = patron.set_file_priority(id, 0, Priority::LOW);
    checked.wait().unwrap();
    for name in ["one.bin", "two.bin", "three.bin"] {
        std::fs::create_dir_all(to.join("album").join(name)).unwrap();
    }
    patron.resume(id).wait().unwrap();
    let (began, mut choices) = (Instant::now(), VecDeque::new());
    let mut choose = |priority| {
        choices.push_back(patron.set_file_priority(id, 0, priority));
        if choices.len() > 16 {
            choices.pop_front().unwrap().wait().unwrap();
        }
    };
    while !drain(&patron, |event| matches!(event, Event::Error { .. }).then_some(())).contains(&())
    {
        assert!(began.elapsed() < PATIENCE, "the disk did not fail");
        choose(Priority::TOP);
        choose(Priority::LOW);
    }
    for choice in choices {
        choice.wait().unwrap();
    }
    assert_eq!(patron.files(id).wait().unwrap()[0].priority, Priority::LOW);
}

#[test]
fn a_renamed_file_is_renamed_on_the_disk_and_seeded_on() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&album(dir.path()));
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let files = patron.files(id).wait().unwrap();
    let one = files.iter().position(|file| file.path.ends_with("one.bin")).unwrap() as u32;
    let renamed = patron.rename_file(id, one, "album/nested/first.bin").wait().unwrap();
    assert_eq!(renamed, Path::new("album/nested/first.bin"));
    await_event!(patron, Event::FileRenamed { file, path, .. } if *file == one && *path == renamed);
    assert!(dir.path().join(&renamed).exists());
    assert!(!dir.path().join("album/one.bin").exists());
    assert_eq!(patron.files(id).wait().unwrap()[one as usize].path, renamed);

    let to = dir.path().join("to");
    let leecher = client(&to);
    let download = leecher.patron();
    let copy = download.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
    finished(&download, copy);
    assert!(same(&dir.path().join(&renamed), &to.join("album/one.bin")));
}

#[test]
fn a_rename_that_would_leave_the_directory_or_overwrite_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let seeder = Seeder::of(&album(dir.path()));
    let stranger = data(&dir.path().join("album"), "stranger.bin", 9, 10);
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let long = "x".repeat(256);
    let invalid = [
        "../x",
        "/tmp/x",
        "",
        "album/../../x",
        "album/two.bin",
        "b/.",
        "./b",
        "b/",
        "b//c",
        "album",
        "album/two.bin/x",
        "a\0b",
        &long,
    ];
    let taken =
        [("album/stranger.bin", ErrorKind::Exists), ("album/stranger.bin/x", ErrorKind::Disk)];
    for (wrong, kind) in
        invalid.map(|wrong| (wrong, ErrorKind::InvalidArgument)).into_iter().chain(taken)
    {
        let error = patron.rename_file(id, 0, wrong).wait().unwrap_err();
        assert_eq!(error.kind(), kind, "{wrong}: {error}");
        assert!(error.message().contains(&wrong.replace('\0', "?")), "{wrong}: {error}");
    }
    assert!(!patron.fresh_status(id).wait().unwrap().paused, "it goes on");
    let error = patron.rename_file(id, 99, "album/x").wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.message().contains("file 99: the torrent has"), "{error}");
    let error = patron.set_file_priority(id, u32::MAX, Priority::TOP).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    let error = patron.set_file_priorities(id, [Priority::TOP]).wait().unwrap_err();
    assert!(error.message().contains("1 priorities: the torrent has"), "{error}");
    assert_eq!(std::fs::read(stranger).unwrap().len(), 10);
    for name in ["one.bin", "two.bin", "three.bin"] {
        assert!(seeder.path.join(name).exists(), "{name}");
    }
}

#[test]
fn moved_files_are_where_they_were_sent_and_nothing_is_overwritten() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(&dir.path().join("from"), "data.bin", 1, 100_000);
    let seeder = Seeder::of(&file);
    let patron = &seeder.patron;
    let id = patron.torrents()[0];
    let taken = data(&dir.path().join("taken"), "data.bin", 2, 7);

    let error =
        patron.move_storage(id, dir.path().join("taken"), OnConflict::Fail).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Exists, "{error}");
    assert!(error.to_string().starts_with("cannot move the files: "), "{error}");
    assert_eq!(std::fs::read(&taken).unwrap().len(), 7, "nothing is overwritten");
    assert!(file.exists(), "nothing is moved");

    let to = dir.path().join("new/place");
    assert_eq!(patron.move_storage(id, &to, OnConflict::Fail).wait().unwrap(), to);
    await_event!(patron, Event::Moved { save_dir, .. } if *save_dir == to);
    assert!(!file.exists());
    assert_eq!(patron.options(id).wait().unwrap().save_dir, to);
    patron.move_storage(id, dir.path().join("taken"), OnConflict::Replace).wait().unwrap();
    assert_eq!(std::fs::read(&taken).unwrap().len(), 100_000);
}

#[test]
fn requests_for_torrents_that_are_removed_or_have_no_metadata_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let metainfo = metainfo(&data(dir.path(), "data.bin", 1, 50_000));
    let client = client(dir.path());
    let patron = client.patron();
    let magnet = torrent_patron::Source::Magnet(metainfo.magnet().to_string().into());
    let id = patron.add_torrent(magnet, AddOptions::default()).wait().unwrap().id();
    let error = patron.files(id).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoMetadata, "{error}");
    assert!(error.to_string().starts_with("cannot list the files: torrent "), "{error}");
    assert!(patron.rename_file(id, 0, "x").wait().is_err());
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    assert_eq!(patron.files(id).wait().unwrap_err().kind(), ErrorKind::NotFound);
}
