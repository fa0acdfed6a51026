//! create: where its .torrent file is written, and how it reports skipped files.

use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use torrent_patron::metainfo::Metainfo;

use crate::program::{Output, Program, command, run};
use crate::support::{PATIENCE, data};

fn create(path: &Path, output: &Path, more: &[&str]) -> Output {
    let paths = ["create".as_ref(), path.as_os_str(), "-o".as_ref(), output.as_os_str()];
    run(paths.into_iter().chain(more.iter().map(|text| text.as_ref())))
}

fn is_torrent(path: &Path) -> bool {
    Metainfo::read(path).is_ok_and(|metainfo| metainfo.name == "film.bin")
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn force_overwrites_a_file_as_an_editor_does() {
    let dir = tempfile::tempdir().unwrap();
    let film = data(dir.path(), "film.bin", 1, 1000);
    let private = data(dir.path(), "private.torrent", 2, 100_000);
    fs::set_permissions(&private, fs::Permissions::from_mode(0o640)).unwrap();
    create(&film, &private, &["--force"]).expect(0);
    assert!(is_torrent(&private));
    assert_eq!(private.metadata().unwrap().mode() & 0o7777, 0o640);

    let link = dir.path().join("link.torrent");
    symlink("private.torrent", &link).unwrap();
    create(&film, &link, &["--force", "--v1"]).expect(0);
    assert!(link.is_symlink() && is_torrent(&private));

    let twin = dir.path().join("twin.torrent");
    fs::hard_link(&private, &twin).unwrap();
    create(&film, &private, &["--force", "--v2"]).expect(0);
    assert_eq!(fs::read(&private).unwrap(), fs::read(&twin).unwrap(), "hard links stay");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4, "nothing is left over");
}

/// A limit on the size of files, as shared hosts and cron jobs have it.
#[test]
fn a_file_that_may_not_become_so_large_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let film = data(dir.path(), "film.bin", 1, 3_000_000);
    // In units of 512 bytes.
    let output = Command::new("sh")
        .args(["-c", "ulimit -f 1; exec \"$0\" \"$@\""])
        .arg(command().get_program())
        .args(["create", "--piece-length=16KiB", "-o"])
        .args([&dir.path().join("film.torrent"), &film])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("film.torrent") && error.contains("too large"), "{error}");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left over");
}

#[test]
fn force_overwrites_only_regular_files_that_are_not_shared() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    let film = data(&album, "film.bin", 1, 1000);
    let pipe = dir.path().join("pipe");
    fifo(&pipe);
    let directory = dir.path().join("directory");
    fs::create_dir(&directory).unwrap();
    let device = dir.path().join("device");
    symlink("/dev/null", &device).unwrap();
    let inside = data(&album, "old.torrent", 2, 10);
    let itself = film.clone();
    for (output, why) in [
        (&pipe, "is a FIFO, not a file"),
        (&directory, "is a directory, not a file"),
        (&device, "is a device, not a file"),
        (&inside, "is among the shared files"),
        (&itself, "is among the shared files"),
    ] {
        let shared = if *output == inside { &album } else { &film };
        let refused = create(shared, output, &["--force"]).expect(1);
        assert!(refused.stderr.contains(why), "{refused:#?}");
    }
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(fs::read(&inside).unwrap().len(), 10);

    let nowhere = dir.path().join("nowhere.torrent");
    symlink("not-there", &nowhere).unwrap();
    let refused = create(&film, &nowhere, &[]).expect(1);
    assert!(refused.stderr.contains("nowhere.torrent exists"), "{refused:#?}");
    create(&film, &nowhere, &["--force"]).expect(0);
    assert!(nowhere.is_symlink() && is_torrent(&dir.path().join("not-there")));
}

#[test]
fn an_output_that_cannot_be_written_is_reported_before_the_work() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large.bin");
    // Hashing this would take minutes.
    fs::File::create(&large).unwrap().set_len(512 << 30).unwrap();
    let started = std::time::Instant::now();
    for output in [dir.path().join("no/such/x.torrent"), large.join("x.torrent")] {
        let refused = create(&large, &output, &[]).expect(1);
        assert!(refused.stderr.contains("cannot write "), "{refused:#?}");
        assert!(refused.stderr.contains("x.torrent"), "{refused:#?}");
    }
    let refused = create(&large, &dir.path().join("x.torrent"), &["--tracker", "nowhere"]);
    assert!(refused.expect(1).stderr.contains("\"nowhere\": expected a URL"));
    assert!(started.elapsed() < PATIENCE);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn a_dash_writes_only_the_torrent_to_stdout() {
    let dir = tempfile::tempdir().unwrap();
    let film = data(dir.path(), "film.bin", 1, 1000);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_torrent-patron"))
        .args(["create".as_ref(), film.as_os_str(), "-o".as_ref(), "-".as_ref()])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(Metainfo::decode(&output.stdout).unwrap().name, "film.bin");
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "no file named -");
}

#[test]
fn every_line_that_is_left_out_is_reported() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    data(&album, "film.bin", 1, 1000);
    fifo(&album.join("pipe"));
    symlink("film.bin", album.join("link")).unwrap();
    let torrent = dir.path().join("album.torrent");
    let refused = create(&album, &torrent, &["--links", "skip"]).expect(1);
    assert!(refused.stderr.contains("album/pipe is a FIFO, not a file"), "{refused:#?}");
    let made = create(&album, &torrent, &["--links=skip", "--special-files=skip"]).expect(0);
    let said = |what: &str| {
        let line = format!("left out: {}", album.join(what).display());
        made.stderr.lines().any(|said| said == line)
    };
    assert!(said("link") && said("pipe"), "{made:#?}");

    let kept = create(&album, &torrent, &["--links=keep", "--special-files=skip", "--force"]);
    kept.expect(0);
    let metainfo = Metainfo::read(&torrent).unwrap();
    assert!(metainfo.files.iter().any(|file| file.symlink.is_some()), "{metainfo:?}");
    let info = run(["info".as_ref(), torrent.as_os_str()]).expect(0);
    assert!(info.stdout.contains("album/link -> album/film.bin"), "{info:#?}");
}

#[test]
fn the_first_interrupt_ends_it_also_within_a_piece() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large.bin");
    fs::File::create(&large).unwrap().set_len(64 << 30).unwrap();
    let torrent = dir.path().join("large.torrent");
    let program = Program::start([
        "create".as_ref(),
        large.as_os_str(),
        "-o".as_ref(),
        torrent.as_os_str(),
        "--piece-length=128MiB".as_ref(),
    ]);
    program.first_error_line();
    program.signal("INT");
    program.end().expect(130);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
