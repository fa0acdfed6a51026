//! Compares data on disk with its torrent, and names each file that differs.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{FileState, Links, Metainfo, Protocol, Verifier, VerifyReport};

use crate::support::{data, maker};

const PROTOCOLS: [Protocol; 3] = [Protocol::V1, Protocol::V2, Protocol::Hybrid];

const PIECE: usize = 16 * 1024;

fn made(path: &Path, protocol: Protocol) -> Metainfo {
    maker(path, protocol).start().unwrap().wait().unwrap()
}

fn verify(metainfo: &Metainfo, directory: &Path) -> VerifyReport {
    Verifier::new(metainfo, directory).start().unwrap().wait().unwrap()
}

fn states(report: &VerifyReport) -> Vec<(&str, &FileState)> {
    report.files.iter().map(|file| (file.path.to_str().unwrap(), &file.state)).collect()
}

fn damage(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The files consist of whole pieces, so that v1 can tell them apart as v2 does.
#[test]
fn each_file_that_differs_is_named_with_how_it_differs() {
    for protocol in PROTOCOLS {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        for (number, name) in
            ["damaged", "directory", "empty", "good", "long", "missing", "short"].iter().enumerate()
        {
            data(&root, name, number as u64, if *name == "empty" { 0 } else { 3 * PIECE });
        }
        let metainfo = made(&root, protocol);
        assert!(verify(&metainfo, dir.path()).is_good());

        damage(&root.join("damaged"), 0);
        damage(&root.join("damaged"), 3 * PIECE - 1);
        fs::remove_file(root.join("directory")).unwrap();
        fs::create_dir(root.join("directory")).unwrap();
        fs::remove_file(root.join("empty")).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(root.join("long"))
            .unwrap()
            .set_len(99_999)
            .unwrap();
        fs::remove_file(root.join("missing")).unwrap();
        fs::OpenOptions::new()
            .write(true)
            .open(root.join("short"))
            .unwrap()
            .set_len(PIECE as u64)
            .unwrap();
        let report = verify(&metainfo, dir.path());
        assert_eq!(
            states(&report),
            [
                ("t/damaged", &FileState::Damaged(2)),
                ("t/directory", &FileState::NotAFile),
                ("t/empty", &FileState::Missing),
                ("t/good", &FileState::Good),
                ("t/long", &FileState::WrongSize(99_999)),
                ("t/missing", &FileState::Missing),
                ("t/short", &FileState::WrongSize(PIECE as u64)),
            ],
            "{protocol:?}"
        );
        assert!(!report.is_good());
        assert_eq!((report.bad_pieces, report.bad_size), (10, 10 * PIECE as u64), "{protocol:?}");
        assert_eq!(report.size, 18 * PIECE as u64);
    }
}

#[test]
fn a_longer_file_is_not_good_although_all_pieces_are() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(dir.path(), "data.bin", 1, 40_000);
    for protocol in PROTOCOLS {
        let metainfo = made(&path, protocol);
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(40_001).unwrap();
        let report = verify(&metainfo, dir.path());
        assert_eq!(states(&report), [("data.bin", &FileState::WrongSize(40_001))]);
        assert_eq!((report.bad_pieces, report.is_good()), (0, false));
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(40_000).unwrap();
        assert!(verify(&metainfo, dir.path()).is_good());
    }
}

/// With v1 alone, the files that share a piece are good or damaged together.
#[test]
fn files_that_share_a_damaged_piece_are_in_doubt_unless_one_is_damaged_for_sure() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("t");
    for (number, name) in ["a", "b", "c"].iter().enumerate() {
        data(&root, name, number as u64, PIECE + PIECE / 2);
    }
    let metainfo = made(&root, Protocol::V1);
    let whole = fs::read(root.join("a")).unwrap();

    damage(&root.join("a"), PIECE + 1);
    let doubtful = verify(&metainfo, dir.path());
    let (good, doubt) = (&FileState::Good, &FileState::Doubtful);
    assert_eq!(states(&doubtful), [("t/a", doubt), ("t/b", doubt), ("t/c", good)]);

    damage(&root.join("a"), 0);
    let sure = verify(&metainfo, dir.path());
    assert_eq!(states(&sure), [("t/a", &FileState::Damaged(1)), ("t/b", good), ("t/c", good)]);

    fs::remove_file(root.join("a")).unwrap();
    let missing = verify(&metainfo, dir.path());
    assert_eq!(states(&missing), [("t/a", &FileState::Missing), ("t/b", good), ("t/c", good)]);

    fs::write(root.join("a"), whole).unwrap();
    assert!(verify(&metainfo, dir.path()).is_good());
    for protocol in [Protocol::V2, Protocol::Hybrid] {
        let metainfo = made(&root, protocol);
        damage(&root.join("a"), PIECE + 1);
        let report = verify(&metainfo, dir.path());
        assert_eq!(states(&report)[0], ("t/a", &FileState::Damaged(1)), "{protocol:?}");
        assert_eq!(states(&report)[1], ("t/b", good), "{protocol:?}");
        damage(&root.join("a"), PIECE + 1);
    }
}

#[test]
fn a_link_of_the_torrent_is_a_link_on_disk() {
    for protocol in PROTOCOLS {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("t");
        let file = data(&root.join("sub"), "file", 1, 20_000);
        data(&root, "other", 2, 20_000);
        let link = root.join("sub/link");
        symlink("../sub/file", &link).unwrap();
        let kept = maker(&root, protocol).links(Links::Keep).start().unwrap().wait().unwrap();
        let state = || {
            let report = verify(&kept, dir.path());
            let found = report.files.iter().find(|file| file.path.ends_with("link")).unwrap();
            found.state.clone()
        };
        assert_eq!(state(), FileState::Good);
        let targets = [
            (Path::new("file"), FileState::Good),
            (&file, FileState::Good),
            (Path::new("../other"), FileState::WrongLink),
            (Path::new("nowhere"), FileState::WrongLink),
        ];
        for (target, expected) in targets {
            fs::remove_file(&link).unwrap();
            symlink(target, &link).unwrap();
            assert_eq!(state(), expected, "{protocol:?} {target:?}");
        }
        fs::remove_file(&link).unwrap();
        assert_eq!(state(), FileState::Missing);
        fs::copy(&file, &link).unwrap();
        assert_eq!(state(), FileState::WrongLink, "a copy is no link");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_distinguished_from_a_damaged_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(dir.path(), "data.bin", 1, 40_000);
    let metainfo = made(&path, Protocol::Hybrid);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o000)).unwrap();
    if fs::File::open(&path).is_ok() {
        return; // root, to whom modes do not apply
    }
    let report = verify(&metainfo, dir.path());
    let FileState::Unreadable(error) = &report.files[0].state else { panic!("{report:?}") };
    assert!(error.to_string().contains("data.bin: Permission denied"), "{error}");
}

#[test]
fn verifying_can_be_cancelled_and_wants_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(dir.path(), "data.bin", 1, 40_000);
    let metainfo = made(&path, Protocol::V1);
    let error = Verifier::new(&metainfo, &path).start().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert!(error.to_string().contains("data.bin is not a directory"), "{error}");

    let verifying = Verifier::new(&metainfo, dir.path()).start().unwrap();
    verifying.cancel();
    // It may have finished first.
    if let Err(error) = verifying.wait() {
        assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    }
}
