//! Makes torrents from everything in a directory, but not from entries that could not be found again.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, mkdirat, mknodat, openat, unlinkat};
use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{Links, Metainfo, Protocol, SpecialFiles, TorrentMaker, Verifier};
use torrent_patron::{Client, Error, Event, Result};

use crate::await_event;
use crate::support::{PATIENCE, builder, data, maker, until};

const PROTOCOLS: [Protocol; 3] = [Protocol::V1, Protocol::V2, Protocol::Hybrid];

fn make(maker: TorrentMaker) -> Result<Metainfo> {
    maker.start()?.wait()
}

fn refused(path: &Path, protocol: Protocol) -> Error {
    make(maker(path, protocol)).unwrap_err()
}

fn paths(metainfo: &Metainfo) -> Vec<&str> {
    let real = metainfo.files.iter().filter(|file| !file.pad);
    real.map(|file| file.path.to_str().unwrap()).collect()
}

/// A directory with a file and one other entry.
fn tree(root: &Path, name: &str) -> PathBuf {
    let tree = root.join(name);
    data(&tree, "file", 1, 20_000);
    tree
}

fn fifo(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
}

#[test]
fn the_info_hash_depends_on_names_and_contents_alone() {
    let dir = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..40).map(|number| format!("{}/{number}", number % 3)).collect();
    let (one, other) = (dir.path().join("one/tree"), dir.path().join("other/tree"));
    let write = |root: &Path, name: &str| {
        let path = root.join(name);
        data(path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap(), 1, 5000)
    };
    for name in &names {
        write(&one, name);
    }
    for name in names.iter().rev() {
        let path = write(&other, name);
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    for protocol in PROTOCOLS {
        let hashes = |root: &Path, executables| {
            make(maker(root, protocol).executables(executables)).unwrap().info_hashes
        };
        assert_eq!(hashes(&one, false), hashes(&other, false), "{protocol:?}");
        assert_ne!(hashes(&one, true), hashes(&other, true), "{protocol:?}: executable files");
    }
}

#[test]
fn files_are_sorted_by_name_within_each_directory() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("t");
    for name in ["a.b", "Z", "é", "a b", "a/y", "a/b/z", "a/b.c", ".hidden"] {
        let path = root.join(name);
        data(path.parent().unwrap(), path.file_name().unwrap().to_str().unwrap(), 1, 20_000);
    }
    let by_whole_path = torrent_patron::client::libtorrent_version().starts_with("2.1.");
    for protocol in PROTOCOLS {
        if by_whole_path && protocol != Protocol::V1 {
            let error = make(maker(&root, protocol)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.message().contains("BEP 52"), "{error}");
            continue;
        }
        let made = make(maker(&root, protocol)).unwrap();
        assert_eq!(
            paths(&made),
            ["t/.hidden", "t/Z", "t/a/b/z", "t/a/b.c", "t/a/y", "t/a b", "t/a.b", "t/é"],
            "{protocol:?}"
        );
    }
}

#[test]
fn libtorrent_finds_complete_what_was_made() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("sizes");
    // Around the ends of blocks and pieces.
    for size in [0, 1, 16_383, 16_384, 16_385, 65_535, 65_536, 65_537, 100_000, 131_072, 300_000] {
        data(&root, &format!("{size:06}"), size as u64, size);
    }
    data(&root, "twin", 300_000, 300_000);
    for protocol in PROTOCOLS {
        for shared in [&root, &root.join("300000"), &root.join("065536"), &root.join("000001")] {
            let made = make(TorrentMaker::new(shared).protocol(protocol).piece_length(64 * 1024));
            let made = made.unwrap();
            let client: Client = builder(shared.parent().unwrap()).start().unwrap();
            let patron = client.patron();
            let options = torrent_patron::AddOptions::default().stop_when_checked(true);
            let id = patron.add_torrent(&made, options).wait().unwrap().id();
            await_event!(patron, Event::Checked { .. });
            let status = patron.fresh_status(id).wait().unwrap();
            assert_eq!(status.wanted_done, status.wanted_size, "{protocol:?} {shared:?}");
            let report = Verifier::new(&made, shared.parent().unwrap()).start().unwrap();
            assert!(report.wait().unwrap().is_good(), "{protocol:?} {shared:?}");
        }
    }
}

#[test]
fn links_are_followed_once_refused_left_out_or_kept() {
    let dir = tempfile::tempdir().unwrap();
    let root = tree(dir.path(), "tree");
    data(&root.join("real"), "inner", 2, 30_000);
    let outside = data(dir.path(), "outside", 3, 1000);
    symlink("real", root.join("directory")).unwrap();
    symlink("../real/inner", root.join("real/itself")).unwrap();
    let with = |links| maker(&root, Protocol::Hybrid).links(links);

    let followed = make(with(Links::Follow)).unwrap();
    assert_eq!(
        paths(&followed),
        [
            "tree/directory/inner",
            "tree/directory/itself",
            "tree/file",
            "tree/real/inner",
            "tree/real/itself"
        ]
    );
    let error = make(with(Links::Refuse)).unwrap_err();
    assert!(error.to_string().contains("tree/directory is a link"), "{error}");

    let making = with(Links::Skip).start().unwrap();
    let skipped = making.wait_timeout(PATIENCE).unwrap().unwrap();
    assert_eq!(paths(&skipped), ["tree/file", "tree/real/inner"]);
    assert_eq!(making.left_out(), [root.join("directory"), root.join("real/itself")]);

    for protocol in PROTOCOLS {
        let kept = make(with(Links::Keep).protocol(protocol)).unwrap();
        let link = |path: &str| {
            let file = kept.files.iter().find(|file| file.path == Path::new(path)).unwrap();
            file.symlink.clone()
        };
        assert_eq!(link("tree/directory"), Some("tree/real".into()), "{protocol:?}");
        assert_eq!(link("tree/real/itself"), Some("tree/real/inner".into()), "{protocol:?}");
        assert_eq!(link("tree/file"), None);
        let report = Verifier::new(&kept, dir.path()).start().unwrap().wait().unwrap();
        assert!(report.is_good(), "{protocol:?} {report:?}");
    }

    // A second link to the same directory would list it again, and so on.
    symlink("real", root.join("second")).unwrap();
    let error = make(with(Links::Follow)).unwrap_err().to_string();
    assert!(error.contains("tree/second leads to the same directory as "), "{error}");
    for (target, why) in [
        (outside.as_path(), "is a link that leads outside"),
        (Path::new("../outside"), "is a link that leads outside"),
        (Path::new("nowhere"), "is a link to something outside the torrent"),
    ] {
        fs::remove_file(root.join("second")).unwrap();
        symlink(target, root.join("second")).unwrap();
        let error = make(with(Links::Keep)).unwrap_err().to_string();
        assert!(error.contains("second") && error.contains(why), "{error}");
    }
}

#[test]
fn links_in_a_circle_and_links_to_nothing_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let upwards = tree(dir.path(), "upwards");
    fs::create_dir(upwards.join("sub")).unwrap();
    symlink("..", upwards.join("sub/a")).unwrap();
    symlink("..", upwards.join("sub/b")).unwrap();
    let itself = tree(dir.path(), "itself");
    symlink("link", itself.join("link")).unwrap();
    let nothing = tree(dir.path(), "nothing");
    symlink("nowhere", nothing.join("link")).unwrap();
    // Each has two ways to the next: 2^30 in all.
    let doubled = tree(dir.path(), "doubled");
    for level in 0..30 {
        let directory = doubled.join(level.to_string());
        fs::create_dir(&directory).unwrap();
        for name in ["a", "b"] {
            symlink(format!("../{}", level + 1), directory.join(name)).unwrap();
        }
    }
    fs::create_dir(doubled.join("30")).unwrap();
    let started = Instant::now();
    for (root, named) in [
        (upwards, "upwards/sub/a is a link that leads back to "),
        (itself, "itself/link"),
        (nothing, "nothing/link is a link that leads nowhere"),
        (doubled, " leads to the same directory as "),
    ] {
        let error = refused(&root, Protocol::V1).to_string();
        assert!(error.contains(named), "{error}");
    }
    assert!(started.elapsed() < PATIENCE);
}

#[test]
fn a_torrent_is_named_after_its_path_even_if_that_is_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let target = tree(dir.path(), "version-1");
    let link = dir.path().join("current");
    symlink(&target, &link).unwrap();
    let file = dir.path().join("a-file");
    symlink(target.join("file"), &file).unwrap();
    let to_file = file.clone();
    for (path, name) in [
        (link.clone(), "current"),
        (dir.path().join("current/"), "current"),
        (dir.path().join("version-1/."), "version-1"),
        (target.join("../version-1"), "version-1"),
        (file, "a-file"),
    ] {
        let made = make(maker(&path, Protocol::Hybrid)).unwrap();
        assert_eq!(made.name, name);
        let report = Verifier::new(&made, dir.path()).start().unwrap().wait().unwrap();
        assert!(report.is_good(), "{report:?}");
    }
    let made = make(maker(&target.join(".."), Protocol::Hybrid).links(Links::Skip)).unwrap();
    assert_eq!(
        made.name,
        dir.path().canonicalize().unwrap().file_name().unwrap().to_str().unwrap()
    );
    // What the path itself leads to is not left out.
    for path in [&link, &to_file] {
        let making = maker(path, Protocol::Hybrid).links(Links::Skip).start().unwrap();
        let made = making.wait_timeout(PATIENCE).unwrap().unwrap();
        assert_eq!(made.name, path.file_name().unwrap().to_str().unwrap());
        assert!(making.left_out().is_empty(), "{:?}", making.left_out());
    }
}

#[test]
fn special_files_are_refused_or_left_out() {
    let dir = tempfile::tempdir().unwrap();
    let root = tree(dir.path(), "tree");
    fifo(&root.join("pipe"));
    symlink("/dev/null", root.join("device")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket")).unwrap();
    for (name, what) in [("device", "a device"), ("pipe", "a FIFO"), ("socket", "a socket")] {
        let error = refused(&root, Protocol::Hybrid).to_string();
        assert!(error.contains(&format!("{name} is {what}, not a file")), "{error}");
        if name != "socket" {
            fs::remove_file(root.join(name)).unwrap();
        }
    }
    fifo(&root.join("pipe"));
    let skipping = |path: &Path| maker(path, Protocol::V1).special_files(SpecialFiles::Skip);
    let making = skipping(&root).start().unwrap();
    assert_eq!(paths(&making.wait_timeout(PATIENCE).unwrap().unwrap()), ["tree/file"]);
    assert_eq!(making.left_out(), [root.join("pipe"), root.join("socket")]);
    let error = make(skipping(&root.join("pipe"))).unwrap_err().to_string();
    assert!(error.contains("pipe is a FIFO, not a file"), "{error}");
}

#[test]
fn unreadable_files_are_named() {
    let dir = tempfile::tempdir().unwrap();
    // Longer than any path that the system accepts, also for root.
    let root = tree(dir.path(), "deep");
    let name = "d".repeat(200);
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let mut directories = vec![openat(CWD, &root, flags, Mode::empty()).unwrap()];
    for _ in 0..25 {
        let parent = directories.last().unwrap();
        mkdirat(parent, &name, Mode::RWXU).unwrap();
        directories.push(openat(parent, &name, flags, Mode::empty()).unwrap());
    }
    let error = refused(&root, Protocol::Hybrid);
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("dddd…: File name too long"), "{error}");
    directories.pop();
    for parent in directories.iter().rev() {
        unlinkat(parent, &name, AtFlags::REMOVEDIR).unwrap();
    }

    // Deeper than libtorrent reads a v2 file tree.
    let root = tree(dir.path(), "levels");
    data(&root.join(["a"; 95].join("/")), "file", 1, 1000);
    let error = refused(&root, Protocol::V2).to_string();
    assert!(error.contains("/a/a is more than 90 directories deep"), "{error}");

    for (name, locked, mode) in [("file", "tree/file", 0), ("directory", "tree/sub", 0)] {
        let root = tree(&dir.path().join(name), "tree");
        data(&root.join("sub"), "inner", 1, 1000);
        let locked = dir.path().join(name).join(locked);
        fs::set_permissions(&locked, fs::Permissions::from_mode(mode)).unwrap();
        if fs::File::open(&locked).is_err() {
            let error = refused(&root, Protocol::Hybrid);
            assert_eq!(error.kind(), ErrorKind::Io);
            let named = format!("{}: Permission denied", locked.display());
            assert!(error.to_string().contains(&named), "{error}");
        } // else it is root, to whom modes do not apply
        fs::set_permissions(&locked, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

#[test]
fn a_name_that_a_client_would_change_is_refused_and_named() {
    let long = format!("{}.mkv", "x".repeat(247));
    let longer = "x".repeat(255);
    let cases: &[(&[&[u8]], &str)] = &[
        (&[b"ReadMe.txt", b"readme.txt"], "readme.txt"),
        (&[b"Sub/f", b"sub/f"], "sub/f"),
        (&[b"Sub/f", b"sub"], "sub"),
        (&[b"a\\b"], "a\\\\b"),
        (&[b"a\nb"], "a\\nb"),
        (&[b"a\tb"], "a\\tb"),
        (&["a\u{202e}gpj.exe".as_bytes()], "a\\u{202e}gpj.exe"),
        (&["z\u{200f}z".as_bytes()], "z\\u{200f}z"),
        (&[long.as_bytes()], &long),
        (&[longer.as_bytes()], &longer),
        (&[b"caf\xe9.txt"], "caf\\xE9.txt"),
        (&[b"di\\r/file"], "di\\\\r/file"),
    ];
    for protocol in PROTOCOLS {
        for (names, named) in cases {
            let dir = tempfile::tempdir().unwrap();
            let root = tree(dir.path(), "tree");
            for (number, name) in names.iter().enumerate() {
                let path = root.join(std::ffi::OsStr::from_bytes(name));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, format!("{number}")).unwrap();
            }
            let error = refused(&root, protocol);
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            assert!(error.to_string().contains(named), "{protocol:?}: no {named} in {error}");
        }
        // BitComet would take it for a torrent with its pad files, which are in the same list as files.
        let dir = tempfile::tempdir().unwrap();
        let root = tree(dir.path(), "tree");
        data(&root, "_____padding_file_0_", 1, 100);
        match make(maker(&root, protocol)) {
            Ok(made) => assert_eq!(paths(&made), ["tree/_____padding_file_0_", "tree/file"]),
            Err(error) => {
                assert!(error.to_string().contains("_____padding_file_0_"), "{error}");
                assert_ne!(protocol, Protocol::V2);
            }
        }
        // The same for the name of the torrent.
        let dir = tempfile::tempdir().unwrap();
        let error = refused(&tree(dir.path(), "tr\\ee"), protocol).to_string();
        assert!(error.contains("tr\\\\ee"), "{error}");
    }
}

#[test]
fn a_directory_of_one_file_is_distinguished_from_the_file_or_refused() {
    let dir = tempfile::tempdir().unwrap();
    let root = tree(dir.path(), "tree");
    for protocol in [Protocol::V1, Protocol::Hybrid] {
        assert_eq!(paths(&make(maker(&root, protocol)).unwrap()), ["tree/file"]);
    }
    let error = refused(&root, Protocol::V2).to_string();
    assert!(error.contains("tree/file\" is the only file of its directory"), "{error}");
    let deeper = dir.path().join("deeper");
    data(&deeper.join("sub"), "file", 1, 20_000);
    assert_eq!(paths(&make(maker(&deeper, Protocol::V2)).unwrap()), ["deeper/sub/file"]);
}

#[test]
fn a_file_that_changes_while_it_is_hashed_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.bin");
    let size = 512 << 20;
    let write = |at: u64| {
        use std::os::unix::fs::FileExt;
        let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
        let modified = file.metadata().unwrap().modified().unwrap();
        file.write_all_at(b"x", at).unwrap();
        modified
    };
    let changes: [(&str, &dyn Fn()); 5] = [
        ("grows", &|| _ = write(size)),
        ("is other than what was hashed", &|| _ = write(10)),
        ("has its time put back", &|| {
            let modified = write(10);
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_modified(modified).unwrap();
        }),
        ("shrinks", &|| {
            fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(size / 2).unwrap();
        }),
        ("goes", &|| fs::remove_file(&path).unwrap()),
    ];
    for (what, change) in changes {
        fs::File::create(&path).unwrap().set_len(size).unwrap();
        let making = TorrentMaker::new(&path).protocol(Protocol::V1).start().unwrap();
        until("a piece", || making.progress().pieces > 0);
        change();
        let error = making.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{what}: {error}");
        assert!(error.to_string().contains("large.bin"), "{what}: {error}");
    }
}

/// Somebody who writes to it now and then, less often than it takes to hash it.
#[test]
fn a_file_that_was_written_a_moment_ago_is_looked_at_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.bin");
    let file = fs::File::create(&path).unwrap();
    file.set_len(300 << 20).unwrap();
    let written = Instant::now();
    let making = TorrentMaker::new(&path).protocol(Protocol::V1).start().unwrap();
    until("all pieces", || {
        let progress = making.progress();
        progress.piece_count > 0 && progress.pieces == progress.piece_count
    });
    let age = written.elapsed();
    file.set_len(301 << 20).unwrap();
    match making.wait() {
        Err(error) => assert!(error.to_string().contains("large.bin was changed"), "{error}"),
        // On a busy machine, hashing may take longer than files must not have been modified for.
        Ok(_) => assert!(age > Duration::from_millis(1500), "it was made {age:?} after the change"),
    }
}

#[test]
fn making_is_cancelled_within_a_piece() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("large.bin");
    fs::File::create(&path).unwrap().set_len(64 << 30).unwrap();
    let large = maker(&path, Protocol::Hybrid).piece_length(128 << 20);
    let making = large.start().unwrap();
    until("the first bytes", || making.progress().bytes > 0);
    making.cancel();
    let pieces = making.progress().pieces;
    let error = making.wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error}");
    assert_eq!(pieces, 0, "a piece was hashed before its first bytes were");
}

#[test]
fn an_invalid_url_is_reported_before_anything_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = data(dir.path(), "data.bin", 1, 1000);
    for url in ["nonsense", "http://", "gopher://host/", "http://ho st/", "http://host/\r\nX: y"] {
        let maker = TorrentMaker::new(&path);
        for maker in [maker.clone().add_tracker(url, 0), maker.add_web_seed(url)] {
            let error = maker.start().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
            let named = format!("{:?}: ", torrent_patron::text::printable(url));
            assert!(error.message().starts_with(&named), "{error}");
        }
    }
}
