//! Bad input, by mistake or by malice: each case gets one clear answer, and the client continues to
//! work.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use torrent_patron::error::ErrorKind;
use torrent_patron::metainfo::{MAX_METAINFO_SIZE, Magnet, Metainfo, Protocol};
use torrent_patron::patron::{Command, RemoveFiles};
use torrent_patron::{AddOptions, Event, Patron, Source, TorrentId};

use crate::support::bencode::{dict, list, number, text};
use crate::support::{
    Seeder, builder, client, data, drain, finished, maker, noise, same, still_works,
};

type Info = BTreeMap<&'static str, Vec<u8>>;

const PIECE: usize = 16 * 1024;

/// The info dictionary of a valid torrent with one piece.
fn sound() -> Info {
    Info::from([
        ("length", number(PIECE)),
        ("name", text("sound.bin")),
        ("piece length", number(PIECE)),
        ("pieces", text([7; 20])),
    ])
}

fn torrent(info: Info) -> Vec<u8> {
    dict([("info", dict(info))])
}

/// A torrent that is valid except for one value.
fn with(key: &'static str, value: Vec<u8>) -> Vec<u8> {
    let mut info = sound();
    info.insert(key, value);
    torrent(info)
}

fn without(key: &str) -> Vec<u8> {
    let mut info = sound();
    info.remove(key);
    torrent(info)
}

fn with_files(files: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut info = sound();
    info.remove("length");
    info.insert("files", list(files));
    torrent(info)
}

fn file(length: impl std::fmt::Display, path: Vec<u8>) -> Vec<u8> {
    dict([("length", number(length)), ("path", path)])
}

fn v2(pairs: impl IntoIterator<Item = (&'static str, Vec<u8>)>) -> Vec<u8> {
    let mut info = sound();
    info.remove("length");
    info.remove("pieces");
    info.insert("meta version", number(2));
    info.extend(pairs);
    torrent(info)
}

/// Inputs that are not torrents, each with a part of the expected reason.
fn hostile() -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let nested = |depth: usize| ["d4:info", &"l".repeat(depth), &"e".repeat(depth), "e"].concat();
    let tree = |depth: usize| {
        let leaf = dict([("", dict([("length", number(1)), ("pieces root", text([1; 32]))]))]);
        (0..depth).fold(leaf, |inner, _| dict([("d", inner)]))
    };
    let name = || list([text("f")]);
    let most = i64::MAX;
    // libtorrent's limit for a file is 2^48 - 1.
    let large = (1_u64 << 48) - 1;
    vec![
        ("empty", vec![], "it is empty"),
        ("a web page", b"<!DOCTYPE html>".to_vec(), "expected value"),
        ("a list", b"le".to_vec(), "not a dictionary"),
        ("an empty dictionary", b"de".to_vec(), "missing or invalid 'info'"),
        ("info is a list", dict([("info", list([]))]), "missing or invalid 'info'"),
        ("info is empty", dict([("info", dict([]))]), "'piece length'"),
        (
            "a magnet link in a .torrent file",
            dict([(
                "magnet-uri",
                text("magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567"),
            )]),
            "'info'",
        ),
        ("nested deeply", nested(200).into(), "nesting depth exceeded"),
        ("nested absurdly", nested(10_000_000).into(), "nesting depth exceeded"),
        ("nested and cut off", b"d4:info".iter().copied().chain([b'l'; 5000]).collect(), "nesting"),
        ("too many items", list((0..12_000_001).map(|_| number(0))), "item count limit exceeded"),
        ("a string longer than the file", b"d4:info99999999:".to_vec(), "unexpected end of file"),
        ("a string's length overflows", b"d4:info99999999999999999999:".to_vec(), "overflow"),
        ("no name", without("name"), "missing name"),
        ("no length", without("length"), "invalid length"),
        ("no piece length", without("piece length"), "'piece length'"),
        ("no pieces", without("pieces"), "'pieces'"),
        ("size negative", with("length", number(-1)), "invalid length"),
        ("size zero", with("length", number(0)), "number of piece hashes"),
        ("size i64::MIN", with("length", number(i64::MIN)), ""),
        ("size i64::MAX", with("length", number(most)), "invalid length"),
        ("size beyond 64 bits", with("length", number("9".repeat(30))), "overflow"),
        ("size is a text", with("length", text("100")), "invalid length"),
        ("size 2^48 - 1", with("length", number(large)), "invalid length"),
        ("piece length negative", with("piece length", number(-16384)), "'piece length'"),
        ("piece length zero", with("piece length", number(0)), "'piece length'"),
        ("piece length 2^31", with("piece length", number(1_u64 << 31)), "'piece length'"),
        ("piece length i64::MAX", with("piece length", number(most)), "'piece length'"),
        ("pieces too short", with("pieces", text([7; 19])), "number of piece hashes"),
        ("pieces too long", with("pieces", text([7; 21])), "number of piece hashes"),
        ("pieces of another torrent", with("pieces", text([7; 40])), "number of piece hashes"),
        ("pieces empty", with("pieces", text("")), "number of piece hashes"),
        ("no files", with_files([]), "no files"),
        ("a file is a number", with_files([number(1)]), "failed to parse files"),
        ("a file without a path", with_files([dict([("length", number(9))])]), "missing name"),
        ("a file's path is empty", with_files([file(PIECE, list([]))]), "missing name"),
        ("a file's path of numbers", with_files([file(PIECE, list([number(1)]))]), "'name'"),
        ("a file's size is negative", with_files([file(-5, name())]), "invalid length"),
        ("sizes cancel out", with_files([file(PIECE * 2, name()), file(-16384, name())]), "length"),
        (
            "sizes overflow together",
            with_files((0..40_000).map(|number| file(large, list([text(number.to_string())])))),
            "invalid length",
        ),
        ("v2 of the future", v2([("meta version", number(3))]), "unknown meta version"),
        ("v2 without files", v2([]), "no file tree"),
        ("v2 with an odd piece length", v2([("piece length", number(20_000))]), "'piece length'"),
        (
            "v2 without a root hash",
            v2([("file tree", dict([("f", dict([("", dict([("length", number(5))]))]))]))]),
            "root hash",
        ),
        ("v2 nested deeply", v2([("file tree", tree(150))]), "nesting"),
        ("v2 that calls itself v1", with("file tree", tree(1)), "meta version 2"),
        (
            "v2 and v1 differ",
            v2([("file tree", tree(1)), ("length", number(99)), ("pieces", text([1; 20]))]),
            "does not match",
        ),
    ]
}

#[test]
fn a_hostile_torrent_file_is_refused_with_one_clear_line() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let hostile = hostile();
    for (what, bytes, fragment) in &hostile {
        let error = Metainfo::decode(bytes).expect_err(what);
        println!("{what}: {error}");
        assert_eq!(error.kind(), ErrorKind::Parse, "{what}: {error:?}");
        let line = error.to_string();
        assert!(line.starts_with("cannot read the metainfo: "), "{what}: {line}");
        assert!(line.contains(fragment), "{what}: {line}");
        assert!(!error.message().is_empty() && !line.contains('\n'), "{what}: {line:?}");

        let refused = patron.add_torrent(&bytes[..], AddOptions::default()).wait().unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Parse, "{what}: {refused:?}");
        assert!(refused.message().ends_with(error.message()), "{what}: {refused}");
        let options = AddOptions::default();
        patron.send(Command::AddTorrent { source: bytes.clone().into(), options }).unwrap();
    }
    still_works(&patron);
    let failed = drain(&patron, |event| match event {
        Event::AddFailed { error, .. } => Some(error.kind()),
        _ => None,
    });
    assert_eq!(failed, vec![ErrorKind::Parse; hostile.len()], "one answer each");
    assert!(patron.torrents().is_empty());
}

#[test]
fn a_torrent_file_cut_off_anywhere_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "small.bin", 5, 3 * PIECE);
    for protocol in [Protocol::V1, Protocol::V2, Protocol::Hybrid] {
        let maker = maker(&file, protocol).add_tracker("http://127.0.0.1:1/announce", 0);
        let metainfo = maker.start().unwrap().wait().unwrap();
        let whole = metainfo.torrent_file();
        for length in 0..whole.len() {
            match Metainfo::decode(&whole[..length]) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::Parse, "{length}: {error}"),
                Ok(_) => panic!("{protocol:?}: {length} of {} bytes were enough", whole.len()),
            }
        }
        assert!(Metainfo::decode(whole).is_ok());
    }
}

#[test]
fn an_oversized_torrent_file_is_refused_unread() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("huge.torrent");
    let size = 1_u64 << 40; // sparse
    std::fs::File::create(&path).unwrap().set_len(size).unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let began = Instant::now();
    let errors = [
        Metainfo::read(&path).unwrap_err(),
        patron.add_torrent(&*path, AddOptions::default()).wait().unwrap_err(),
        Metainfo::decode(&vec![b'd'; MAX_METAINFO_SIZE as usize + 1]).unwrap_err(),
    ];
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    for error in &errors {
        println!("{error}");
        assert_eq!(error.kind(), ErrorKind::Parse);
        assert!(error.message().contains("the limit is 67108864"), "{error}");
    }
    assert!(errors[0].message().contains(&size.to_string()), "{}", errors[0]);
    assert!(errors[0].message().contains("huge.torrent"), "{}", errors[0]);
    still_works(&patron);
}

#[test]
fn a_torrent_must_be_a_readable_file() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let missing = dir.path().join("missing.torrent");
    for (path, fragment) in [
        (&*missing, "No such file"),
        (dir.path(), "directory"),
        (Path::new("nul\0byte.torrent"), "NUL byte"),
    ] {
        let error = patron.add_torrent(path, AddOptions::default()).wait().unwrap_err();
        println!("{error}");
        assert_eq!(error.kind(), ErrorKind::Unreadable);
        assert!(error.message().contains(fragment), "{error}");
        let named = path.display().to_string();
        assert!(error.message().contains(&*torrent_patron::text::printable(&named)), "{error}");
    }
    let endless = Metainfo::read("/dev/zero").unwrap_err();
    println!("{endless}");
    assert_eq!(endless.kind(), ErrorKind::Parse);
    still_works(&patron);
}

/// libtorrent also accepts bencoding that is not canonical. The results are recorded here, so that
/// a change is noticed.
#[test]
fn a_sloppy_torrent_file_is_read_as_libtorrent_reads_it() {
    let unsorted = [
        ("pieces", text([7; 20])),
        ("name", text("sound.bin")),
        ("piece length", number(PIECE)),
        ("length", number(PIECE)),
    ];
    let mut twice: Vec<_> = sound().into_iter().collect();
    twice.push(("name", text("second.bin")));
    let garbage = [&torrent(sound())[..], b"garbage"].concat();
    for (what, bytes) in [
        ("keys out of order", dict([("info", dict(unsorted))])),
        ("a key twice: the first counts", dict([("info", dict(twice))])),
        ("trailing garbage", garbage),
    ] {
        let metainfo = Metainfo::decode(&bytes).expect(what);
        assert!(metainfo.info_hashes.v1.is_some(), "{what}");
        assert_eq!((&*metainfo.name, metainfo.total_size), ("sound.bin", PIECE as u64), "{what}");
    }
    let v2 = [("name", text("v2")), ("meta version", number(2)), ("piece length", number(PIECE))];
    let error = Metainfo::decode(&dict([("info", dict(v2))])).unwrap_err();
    println!("keys of version 2 out of order: {error}");
    assert!(error.message().contains("invalid bencoding"), "{error}");
}

/// The piece hashes of concatenated files, as libtorrent computes them.
fn pieces(data: &[u8]) -> (Vec<u8>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("all.bin");
    std::fs::write(&path, data).unwrap();
    let metainfo = maker(&path, Protocol::V1).start().unwrap().wait().unwrap();
    let length = metainfo.piece_count as usize * 20;
    let key = format!("6:pieces{length}:").into_bytes();
    let encoded = metainfo.torrent_file();
    let at = encoded.windows(key.len()).position(|window| window == key).unwrap() + key.len();
    (encoded[at..at + length].to_vec(), metainfo.piece_length as usize)
}

fn hostile_paths() -> Vec<Vec<Vec<u8>>> {
    let path = |elements: &[&str]| elements.iter().map(|text| text.as_bytes().to_vec()).collect();
    let long = "x".repeat(1000);
    vec![
        path(&["..", "..", "escaped"]),
        path(&[".."]),
        path(&["."]),
        path(&["..", "."]),
        path(&[""]),
        path(&["", "", "empty"]),
        path(&["/absolute"]),
        path(&["/", "etc", "passwd"]),
        path(&["/etc/passwd"]),
        path(&["a/../../../b"]),
        path(&["..\\..\\windows"]),
        path(&["C:\\windows\\system32"]),
        path(&["nul\0byte"]),
        path(&["new\nline"]),
        path(&[&long]),
        path(&[&format!("{long}.txt")]),
        path(&["same"]),
        path(&["same"]),
        path(&["SAME"]),
        path(&["same", "below"]),
        path(&["\u{202e}gpj.exe"]),
        path(&["...", "dots"]),
        path(&[" ", "~", "-rf"]),
        vec![b"\xff\xfe.bin".to_vec()],
        vec![b"\xc0\xaf\xc0\xae".to_vec()],
        vec![b"ISO-8859-1: \xe4\xf6\xfc".to_vec()],
    ]
}

/// All files below a directory, without following links.
fn tree(directory: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(tree(&entry.path()));
        } else {
            found.insert(entry.path());
        }
    }
    found
}

#[test]
fn names_in_a_torrent_cannot_leave_the_save_directory() {
    for name in ["evil", "..", "/tmp/../..", "", ".", "../../up"] {
        let paths = hostile_paths();
        let sizes: Vec<_> = (1..=paths.len()).map(|number| 1000 * number).collect();
        let content = noise(11, sizes.iter().sum());
        let (pieces, piece_length) = pieces(&content);
        let files =
            paths.iter().zip(&sizes).map(|(path, size)| file(size, list(path.iter().map(text))));
        let link = dict([
            ("attr", text("l")),
            ("length", number(0)),
            ("path", list([text("link")])),
            ("symlink path", list(["..", "..", "..", "etc", "passwd"].map(text))),
        ]);
        let bytes = torrent(Info::from([
            ("files", list(files.chain([link]))),
            ("name", text(name)),
            ("piece length", number(piece_length)),
            ("pieces", text(pieces)),
        ]));
        let metainfo = Metainfo::decode(&bytes).unwrap();
        println!("{name:?} is {:?}", metainfo.name);

        let root = tempfile::tempdir().unwrap();
        let (from, to) = (root.path().join("a/b/c/from"), root.path().join("d/e/f/to"));
        let mut rest = &content[..];
        let mut known = BTreeSet::new();
        for entry in metainfo.files.iter().filter(|entry| entry.size > 0) {
            let harmless = |part: Component| match part {
                Component::Normal(name) => name.len() <= 255,
                _ => false,
            };
            assert!(entry.path.components().all(harmless), "{:?}", entry.path);
            assert!(!entry.path.as_os_str().as_bytes().contains(&0), "{:?}", entry.path);
            assert!(known.insert(entry.path.clone()), "twice: {:?}", entry.path);
            let (mine, others) = rest.split_at(entry.size as usize);
            rest = others;
            let path = from.join(&entry.path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, mine).unwrap();
        }

        let seeder = Seeder::with(&from.join("any"), metainfo);
        let leecher = builder(&to).start().unwrap();
        let patron = leecher.patron();
        let id = patron.add_torrent(&seeder.metainfo, seeder.options()).wait().unwrap().id();
        finished(&patron, id);
        drop((leecher, seeder.client));
        for path in &known {
            assert!(same(&from.join(path), &to.join(path)), "{path:?}");
        }
        for found in tree(root.path()) {
            assert!(found.starts_with(&from) || found.starts_with(&to), "{found:?}");
            if let Ok(target) = std::fs::canonicalize(&found) {
                assert!(target.starts_with(root.path().canonicalize().unwrap()), "{target:?}");
            }
        }
    }
}

#[test]
fn a_bad_magnet_link_is_refused_with_one_clear_line() {
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let v1 = "0123456789abcdef0123456789abcdef01234567";
    let v2 = "1220".to_owned() + &"ab".repeat(32);
    let long = format!("magnet:?dn={}", "x".repeat(1 << 20));
    let bad = [
        ("", "an empty string: it is not a magnet link"),
        ("magnet:", "not a magnet link"),
        ("magnet:?", "info hash"),
        ("http://127.0.0.1/file.torrent", "not a magnet link"),
        ("magnet:?dn=name", "info hash"),
        ("magnet:?xt=urn:sha1:0123456789abcdef0123456789abcdef01234567", "info hash"),
        ("magnet:?xt=urn:btih:", "info hash"),
        ("magnet:?xt=urn:btih:0123", "info hash"),
        (&format!("magnet:?xt=urn:btih:{v1}00"), "info hash"),
        (&format!("magnet:?xt=urn:btih:{}", "z".repeat(40)), "info hash"),
        (&format!("magnet:?xt=urn:btih:{}", "0".repeat(40)), "info hash"),
        (&format!("magnet:?xt=urn:btih:{}", "!".repeat(32)), "info hash"),
        (&format!("magnet:?xt=urn:btmh:{}", &v2[..60]), "info hash"),
        (&format!("magnet:?xt=urn:btmh:1114{}", "ab".repeat(32)), "info hash"),
        (&format!("magnet:?xt=urn:btmh:1220{}", "zz".repeat(32)), "info hash"),
        (&format!("magnet:?xt=urn:btih:{v1}%zz"), "info hash"),
        (&long, "info hash"),
    ];
    for (link, fragment) in bad {
        let error = match Magnet::parse(link) {
            Ok(magnet) => panic!("{link} is {magnet:?}"),
            Err(error) => error,
        };
        println!("{error:.300}");
        assert_eq!(error.kind(), ErrorKind::Parse, "{error:?}");
        let line = error.to_string();
        assert!(line.contains(fragment) && line.len() < 500 && !line.contains('\n'), "{line:.600}");

        let source = Source::Magnet(link.into());
        let options = AddOptions::default;
        let refused = patron.add_torrent(source.clone(), options()).wait().unwrap_err();
        assert_eq!(refused.to_string(), line);
        patron.send(Command::AddTorrent { source, options: options() }).unwrap();
    }
    still_works(&patron);
    let failed = drain(&patron, |event| match &event {
        Event::AddFailed { error, .. } => Some((error.kind(), event.to_string().len() < 500)),
        _ => None,
    });
    assert_eq!(failed, vec![(ErrorKind::Parse, true); bad.len()], "one answer each");

    let patron = patron.another();
    let named = Source::Magnet(format!("magnet:?xt=urn:btih:{v1}&dn=two%0Alines%1B[31m").into());
    let id = patron.add_torrent(named, AddOptions::default()).wait().unwrap().id();
    let name = patron.status(id).unwrap().name;
    assert_eq!(&*name, r"two\nlines\u{1b}[31m");
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();

    let both = format!("magnet:?xt=urn:btih:{v1}&xt=urn:btmh:{v2}");
    for good in [
        &both,
        &format!("MAGNET:?xt=urn:btih:{v1}"),
        &format!("magnet:?xt=urn:btih:{}", v1.to_uppercase()),
        &format!("magnet:?dn={}&xt=urn:btih:{v1}", "x".repeat(1 << 20)),
        &format!("magnet:?xt=urn:btih:{v1}{}", "&tr=http://127.0.0.1:1/announce".repeat(10_000)),
        &format!("magnet:?xt=urn:btih:{v1}&x.pe=nonsense&so=9999999999-1&tr=%&ws=%zz"),
    ] {
        let magnet = Magnet::parse(good).unwrap_or_else(|error| panic!("{error:.300}"));
        assert_eq!(magnet.info_hashes.v1.unwrap().to_string(), v1);
        assert_eq!(magnet.info_hashes.v2.is_some(), *good == both);
        let started = patron.add_torrent(&magnet, AddOptions::default()).wait().unwrap();
        patron.remove_torrent(started.id(), RemoveFiles::Keep).wait().unwrap();
    }
}

fn commands(id: TorrentId) -> [(&'static str, Command); 8] {
    [
        ("RemoveTorrent", Command::RemoveTorrent { id, files: RemoveFiles::Keep }),
        ("RemoveTorrent", Command::RemoveTorrent { id, files: RemoveFiles::Delete }),
        ("Pause", Command::Pause(id)),
        ("Resume", Command::Resume(id)),
        ("Status", Command::Status(id)),
        ("Metainfo", Command::Metainfo(id)),
        ("Watch", Command::Watch(id)),
        ("Unwatch", Command::Unwatch(id)),
    ]
}

/// Each command for an unknown id is refused, once.
fn is_unknown(patron: &Patron, id: TorrentId) {
    let errors = [
        patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap_err(),
        patron.remove_torrent(id, RemoveFiles::Delete).wait().unwrap_err(),
        patron.pause(id).wait().unwrap_err(),
        patron.resume(id).wait().unwrap_err(),
        patron.fresh_status(id).wait().unwrap_err(),
        patron.metainfo(id).wait().unwrap_err(),
        patron.watch(id).wait().unwrap_err(),
        patron.unwatch(id).wait().unwrap_err(),
    ];
    for error in &errors {
        println!("{error}");
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
        assert!(error.message().contains(&id.to_string()), "{error}");
    }
    assert!(patron.status(id).is_none());

    drain(patron, Some);
    let sent = commands(id).map(|(name, command)| {
        patron.send(command).unwrap();
        name
    });
    still_works(patron);
    let failed = drain(patron, |event| match event {
        Event::CommandFailed { command, id: on, error } => {
            assert_eq!((on, error.kind()), (id, ErrorKind::NotFound));
            Some(command.name())
        }
        _ => None,
    });
    assert_eq!(failed, sent);
}

#[test]
fn an_id_is_unknown_after_its_torrent_is_removed_or_at_another_client() {
    let dir = tempfile::tempdir().unwrap();
    let file = data(dir.path(), "data.bin", 12, 100_000);
    let seeder = Seeder::of(&file);
    let closed = seeder.patron.torrents()[0];

    let other = client(dir.path());
    is_unknown(&other.patron(), closed);

    seeder.patron.remove_torrent(closed, RemoveFiles::Keep).wait().unwrap();
    is_unknown(&seeder.patron, closed);

    // The same torrent, added again, gets another id.
    let options = AddOptions::default();
    let again = seeder.patron.add_torrent(&seeder.metainfo, options).wait().unwrap().id();
    assert_ne!(again, closed);
    finished(&seeder.patron, again);
    is_unknown(&seeder.patron, closed);
    assert!(seeder.patron.fresh_status(again).wait().unwrap().seeding);
    assert!(file.exists());
}

/// More items than libtorrent decodes by default, as in a hybrid torrent of 100,000 files.
#[test]
fn a_torrent_of_very_many_files_is_read() {
    let files = 350_000;
    let file = |number: usize| {
        dict([("length", self::number(1)), ("path", list([text(format!("{number}"))]))])
    };
    let info = dict([
        ("files", list((0..files).map(file))),
        ("name", text("n")),
        ("piece length", number(1 << 20)),
        ("pieces", text([0; 20])),
    ]);
    let metainfo = Metainfo::decode(&dict([("info", info)])).unwrap();
    assert_eq!(metainfo.files.len(), files);
}

/// The paths of a v2 tree share the names of directories, but each file gets a copy of its whole
/// path.
#[test]
fn a_torrent_that_takes_many_times_its_own_size_is_refused() {
    let torrent = |files: usize| {
        let entry = |length: usize| dict([("", dict([("length", number(length))]))]);
        let mut tree = b"d".to_vec();
        for file in 0..files {
            tree.extend([text(format!("{file:06}")), entry(0)].concat());
        }
        tree.push(b'e');
        for _ in 0..90 {
            tree = [b"d".to_vec(), text([b'a'; 240]), tree, b"e".to_vec()].concat();
        }
        let info = dict([
            ("file tree", tree),
            ("meta version", number(2)),
            ("name", text("n")),
            ("piece length", number(16384)),
        ]);
        dict([("info", info), ("piece layers", dict([]))])
    };
    let error = Metainfo::decode(&torrent(2000)).unwrap_err();
    println!("{error}");
    assert!(error.message().contains("metadata"), "{error}");
    // A v1 list has no tree, but each file's path begins with the torrent's name.
    let file = |number: usize| {
        dict([("length", self::number(0)), ("path", list([text(format!("{number}"))]))])
    };
    let info = dict([
        ("files", list((0..20_000).map(file))),
        ("name", text([b'n'; 20_000])),
        ("piece length", number(16384)),
        ("pieces", text([])),
    ]);
    Metainfo::decode(&dict([("info", info)])).unwrap_err();
}

/// Resume data has one byte for each block that is known, not for each block that exists.
#[test]
fn the_resume_data_of_a_huge_file_of_which_nothing_is_known_is_small() {
    let entry = dict([("length", number(1_u64 << 40)), ("pieces root", text([7; 32]))]);
    let info = dict([
        ("file tree", dict([("a", dict([("", entry)]))])),
        ("meta version", number(2)),
        ("name", text("a")),
        ("piece length", number(16 << 20)),
    ]);
    let dir = tempfile::tempdir().unwrap();
    let client = client(dir.path());
    let patron = client.patron();
    let metainfo = Metainfo::decode(&dict([("info", info)])).unwrap();
    let options = AddOptions::default().paused(true);
    let id = patron.add_torrent(&metainfo, options).wait().unwrap().id();
    let saved = patron.resume_data(id).wait().unwrap();
    assert!(saved.len() < 1 << 20, "{}", saved.len());
    patron.remove_torrent(id, RemoveFiles::Keep).wait().unwrap();
    patron
        .add_torrent(Source::ResumeData(saved.into()), AddOptions::default().paused(true))
        .wait()
        .unwrap();
}

/// libtorrent would take minutes for equal names, and gigabytes for a deep directory beside a symbolic link.
#[test]
fn a_torrent_that_costs_more_than_its_size_is_refused_at_once() {
    let link = |name: &str, target: Vec<u8>| {
        dict([
            ("attr", text("l")),
            ("length", number(0)),
            ("path", list([text(name)])),
            ("symlink path", target),
        ])
    };
    let deep = || list((0..20_000).map(|_| text("a")));
    let named = |name: &str| file(PIECE, list([text(name)]));
    let links = (0..10_001).map(|number| link(&number.to_string(), list([text("none")])));
    let cases = [
        ("equal names", with_files((0..20_000).map(|_| named("a")))),
        ("a deep directory", with_files([link("x", list([text("none")])), file(PIECE, deep())])),
        ("a link to a deep directory", with_files([link("x", deep()), named("a")])),
        ("many links", with_files(links.chain([named("a")]))),
    ];
    for (what, torrent) in cases {
        let began = std::time::Instant::now();
        let error = Metainfo::decode(&torrent[..]).unwrap_err();
        println!("{what}: {error}, {:?}", began.elapsed());
        assert_eq!(error.kind(), ErrorKind::Parse, "{what}: {error}");
    }
    let many = with_files((0..20_000).map(|number| named(&number.to_string())));
    let refused = Metainfo::decode(&many[..]).unwrap_err();
    assert!(refused.message().contains("number of piece hashes"), "{refused}");
}
