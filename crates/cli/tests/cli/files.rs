//! create, info and verify: torrents and data on disk.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::json;
use tempfile::TempDir;

use crate::program::{Program, run};
use crate::support::{data, noise};

/// Creates a directory with three files, one of them empty, and its torrent.
fn album() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    data(&album, "one.bin", 1, 100_000);
    data(&album.join("more"), "two.bin", 2, 50_001);
    data(&album.join("more"), "empty.bin", 0, 0);
    let torrent = dir.path().join("album.torrent");
    create(&album, &torrent, &["--piece-length", "16KiB"]);
    (dir, torrent)
}

fn create(path: &Path, torrent: &Path, more: &[&str]) -> String {
    let paths = ["create".as_ref(), path.as_os_str(), "-o".as_ref(), torrent.as_os_str()];
    run(paths.into_iter().chain(more.iter().map(|text| text.as_ref()))).expect(0).stdout
}

fn verify(torrent: &Path, directory: &Path) -> crate::program::Output {
    run(["verify".as_ref(), torrent.as_os_str(), directory.as_os_str()])
}

#[test]
fn info_shows_the_options_of_create() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "film.bin", 1, 300_000);
    let torrent = dir.path().join("film.torrent");
    let said = create(
        &file,
        &torrent,
        &[
            "--tracker=http://127.0.0.1:1/announce",
            "--tracker=http://127.0.0.1:2/announce",
            "--web-seed=http://127.0.0.1:3/film.bin",
            "--piece-length=32KiB",
            "--hybrid",
            "--private",
            "--comment=a \x1b[31mred remark",
        ],
    );
    let info = run(["info".as_ref(), torrent.as_os_str(), "--json".as_ref()]).expect(0).json();
    assert_eq!(info["name"], "film.bin");
    assert_eq!(info["piece_length"], 32 * 1024);
    assert_eq!(info["piece_count"], 10);
    assert_eq!(info["private"], true);
    assert_eq!(info["comment"], r"a \u{1b}[31mred remark");
    assert_eq!(
        info["files"],
        json!([{"path": "film.bin", "size": 300_000, "offset": 0, "pad": false}])
    );
    assert_eq!(info["web_seeds"], json!(["http://127.0.0.1:3/film.bin"]));
    assert_eq!(info["trackers"][1], json!({"url": "http://127.0.0.1:2/announce", "tier": 1}));

    let shown = run(["info".as_ref(), torrent.as_os_str()]).expect(0).stdout;
    let v1 = info["info_hashes"]["v1"].as_str().unwrap();
    let v2 = info["info_hashes"]["v2"].as_str().unwrap();
    for text in [&said, &shown] {
        for part in ["film.bin", v1, v2, "293.0 KiB (300000 bytes)", "10 × 32.0 KiB"] {
            assert!(text.contains(part), "no {part} in {text}");
        }
    }
    for part in
        ["tier 1: http://127.0.0.1:2/announce", "private", "created at  20", "torrent-patron/"]
    {
        assert!(shown.contains(part), "no {part} in {shown}");
    }
    assert!(!shown.contains('\x1b'), "a stranger's escape sequence: {shown:?}");

    let magnet = said.lines().find_map(|line| line.strip_prefix("magnet")).unwrap().trim();
    let read = run(["info", magnet, "--json"]).expect(0).json();
    assert_eq!(read["info_hashes"], info["info_hashes"]);
    assert_eq!(read["name"], "film.bin");
    assert!(run(["info", magnet]).expect(0).stdout.contains(v2));
}

#[test]
fn each_version_of_the_protocol_has_its_hashes() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "film.bin", 1, 100_000);
    for (flag, v1, v2) in [("--v1", true, false), ("--v2", false, true), ("--hybrid", true, true)] {
        let torrent = dir.path().join(flag);
        create(&file, &torrent, &[flag]);
        let info = run(["info".as_ref(), torrent.as_os_str(), "--json".as_ref()]).json();
        assert_eq!(info["info_hashes"]["v1"].is_string(), v1, "{flag}: {info}");
        assert_eq!(info["info_hashes"]["v2"].is_string(), v2, "{flag}: {info}");
        verify(&torrent, dir.path()).expect(0);
    }
}

#[test]
fn a_torrent_file_is_overwritten_only_with_force() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "film.bin", 1, 1000);
    let torrent = data(dir.path(), "film.torrent", 2, 10);
    let arguments = ["create".as_ref(), file.as_os_str(), "-o".as_ref(), torrent.as_os_str()];
    let refused = run(arguments).expect(1);
    assert!(refused.stderr.contains("--force"), "{refused:#?}");
    assert_eq!(fs::read(&torrent).unwrap(), noise(2, 10));
    create(&file, &torrent, &["--force"]);
    run(["info".as_ref(), torrent.as_os_str()]).expect(0);
    assert_eq!(names(dir.path()), ["film.bin", "film.torrent"], "nothing is left over");
}

#[test]
fn an_interrupted_create_leaves_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let large = dir.path().join("large.bin");
    // A sparse file, which takes long to hash.
    fs::File::create(&large).unwrap().set_len(64 << 30).unwrap();
    let torrent = dir.path().join("large.torrent");
    let arguments = ["create".as_ref(), large.as_os_str(), "-o".as_ref(), torrent.as_os_str()];
    let program = Program::start(arguments);
    assert!(program.first_error_line().starts_with("hashing "));
    program.signal("INT");
    program.end().expect(130);
    assert_eq!(names(dir.path()), ["large.bin"]);
}

#[test]
fn intact_data_is_ok() {
    let (dir, torrent) = album();
    let output = verify(&torrent, dir.path()).expect(0);
    assert_eq!(output.stdout, "OK  album: 11 pieces, 146.5 KiB\n");
}

#[test]
fn damaged_missing_and_oversized_data_is_told_and_left_alone() {
    let (dir, torrent) = album();
    let album = dir.path().join("album");
    let mut damaged = noise(1, 100_000);
    damaged[20_000] ^= 1;
    damaged.extend_from_slice(b"more than there should be");
    fs::write(album.join("one.bin"), damaged).unwrap();
    fs::remove_file(album.join("more/two.bin")).unwrap();
    fs::remove_file(album.join("more/empty.bin")).unwrap();

    let before = snapshot(dir.path());
    let output = verify(&torrent, dir.path()).expect(1);
    assert!(before == snapshot(dir.path()), "verify has changed something");
    // One piece of one.bin and all of two.bin.
    let lost = 16 * 1024 + 50_001;
    assert!(output.stdout.contains(&format!("({lost} bytes) missing or damaged")), "{output:#?}");
    let said = |line: &str| output.stdout.lines().any(|said| said == line);
    assert!(said("wrong size   album/one.bin: 100025 bytes, not 100000"), "{output:#?}");
    assert!(said("missing      album/more/two.bin"), "{output:#?}");
    assert!(said("missing      album/more/empty.bin"), "{output:#?}");
}

#[test]
fn each_damaged_file_is_named_and_links_are_known() {
    let dir = tempfile::tempdir().unwrap();
    let album = dir.path().join("album");
    for (number, name) in ["one.bin", "three.bin", "two.bin"].iter().enumerate() {
        data(&album, name, number as u64, 50_000);
    }
    std::os::unix::fs::symlink("one.bin", album.join("link")).unwrap();
    let torrent = dir.path().join("album.torrent");
    create(&album, &torrent, &["--links=keep", "--piece-length=16KiB"]);
    assert!(verify(&torrent, dir.path()).expect(0).stdout.starts_with("OK  album: "));

    let mut damaged = noise(1, 50_000);
    damaged[49_999] ^= 1;
    fs::write(album.join("three.bin"), damaged).unwrap();
    fs::remove_file(album.join("link")).unwrap();
    fs::create_dir(album.join("link")).unwrap();
    let output = verify(&torrent, dir.path()).expect(1);
    let lines: Vec<_> = output.stdout.lines().skip(1).collect();
    assert_eq!(
        lines,
        ["wrong link   album/link", "damaged      album/three.bin: 1 piece"],
        "{output:#?}"
    );
}

#[test]
fn verify_tells_the_state_of_each_file_as_json() {
    let (dir, torrent) = album();
    fs::write(dir.path().join("album/one.bin"), noise(9, 100_000)).unwrap();
    let words = ["verify".as_ref(), "--json".as_ref(), torrent.as_os_str(), dir.path().as_os_str()];
    let report = run(words).expect(1).json();
    assert_eq!((&report["size"], &report["bad_pieces"]), (&json!(150_001), &json!(7)));
    let one =
        report["files"].as_array().unwrap().iter().find(|file| file["path"] == "album/one.bin");
    assert_eq!(one.unwrap()["state"], json!({ "damaged": 7 }));
}

#[test]
fn a_missing_directory_is_not_created() {
    let (dir, torrent) = album();
    let nowhere = dir.path().join("nowhere");
    let output = verify(&torrent, &nowhere).expect(1);
    assert!(output.stderr.contains("is not a directory"), "{output:#?}");
    assert!(!nowhere.exists());

    let empty = dir.path().join("empty");
    fs::create_dir(&empty).unwrap();
    verify(&torrent, &empty).expect(1);
    assert!(names(&empty).is_empty(), "{:?}", names(&empty));
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Returns everything below a directory: path, modification time and contents.
fn snapshot(directory: &Path) -> Vec<(PathBuf, SystemTime, Vec<u8>)> {
    let mut all = Vec::new();
    for name in names(directory) {
        let path = directory.join(name);
        let metadata = fs::metadata(&path).unwrap();
        let bytes = if metadata.is_dir() { Vec::new() } else { fs::read(&path).unwrap() };
        all.push((path.clone(), metadata.modified().unwrap(), bytes));
        if metadata.is_dir() {
            all.extend(snapshot(&path));
        }
    }
    all
}
