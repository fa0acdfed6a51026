//! Options of a transfer: file selection, goals, blocklists.

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tempfile::TempDir;

use crate::program::{Output, Program, run};
use crate::support::{data, metainfo, same};

/// A directory with two files, and its torrent.
struct Album {
    dir: TempDir,
    torrent: PathBuf,
    magnet: String,
    hash: String,
}

impl Album {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let album = dir.path().join("from/album");
        data(&album, "one.bin", 1, 100_000);
        data(&album.join("more"), "two.bin", 2, 100_000);
        let metainfo = metainfo(&album);
        let torrent = dir.path().join("album.torrent");
        fs::write(&torrent, &metainfo.torrent_file()[..]).unwrap();
        let hash = metainfo.info_hashes.v1.unwrap().to_string();
        Self { dir, torrent, magnet: format!("magnet:?xt=urn:btih:{hash}"), hash }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn seed(&self, more: &[&str]) -> (Program, String) {
        let from = self.path("from");
        let words = ["seed", text(&self.torrent), text(&from), "--offline", "--json", "--tick=0.1"];
        let mut seeder = Program::start(words.iter().chain(more));
        let peer = seeder.address().to_string();
        seeder.event("finished");
        (seeder, peer)
    }

    /// Downloads the torrent from its .torrent file or its magnet link.
    fn download(&self, source: &str, more: &[&str]) -> Program {
        let to = self.path("to");
        let words = ["download", source, "-o", text(&to), "--offline", "--json", "--tick=0.1"];
        Program::start(words.iter().chain(more))
    }

    fn has_only_two(&self) {
        assert!(same(&self.path("from/album/more/two.bin"), &self.path("to/album/more/two.bin")));
        assert!(!self.path("to/album/one.bin").exists());
    }

    /// Returns the resume data of the torrent in the store.
    fn kept(&self) -> Vec<u8> {
        let (store, to) = (self.path("torrents.db"), self.path("exported"));
        run(["store", "export", text(&store), text(&to)]).expect(0);
        fs::read(to.join(format!("{}.resume", self.hash))).unwrap()
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn events(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_files_that_are_selected_are_downloaded_and_no_others() {
    let album = Album::new();
    let shown = run(["info", text(&album.torrent)]).expect(0).stdout;
    let line = shown.lines().find(|line| line.ends_with("album/more/two.bin")).unwrap();
    let number = line.trim_start_matches("files").split_whitespace().next().unwrap();
    let (_seeder, peer) = album.seed(&[]);
    for selection in [number, "tw?.bin", "album/more/*"] {
        let arguments = ["--peer", &peer, "--select", selection];
        album.download(text(&album.torrent), &arguments).end().expect(0);
        album.has_only_two();
        fs::remove_dir_all(album.path("to")).unwrap();
    }
}

#[test]
fn files_of_a_magnet_link_are_selected_when_they_are_known() {
    let album = Album::new();
    let (_seeder, peer) = album.seed(&[]);
    let store = album.path("torrents.db");
    let select = ["--peer", &peer, "--select", "two.bin", "--store", text(&store)];
    album.download(&album.magnet, &select).end().expect(0);
    assert!(same(&album.path("from/album/more/two.bin"), &album.path("to/album/more/two.bin")));
    let kept = album.kept();
    // Files are sorted by name, so the first is more/two.bin.
    assert!(contains(&kept, b"13:file_priorityli4ei0e"), "{}", String::from_utf8_lossy(&kept));
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

#[test]
fn a_selection_that_selects_nothing_is_an_error() {
    let album = Album::new();
    let count = |selection, why: &str| {
        let arguments = ["--select", selection];
        let output = album.download(text(&album.torrent), &arguments).end().expect(1);
        assert!(output.stderr.contains(why), "{output:#?}");
        let failed = events(&output).into_iter().find(|event| event["event"] == "add_failed");
        let error = failed.unwrap()["error"]["message"].as_str().unwrap().to_owned();
        assert!(error.contains(why.rsplit(": ").next().unwrap()), "{error}");
    };
    count("*.mkv", "album.torrent: no file is selected: nothing matches --select");
    count("99", "--select 99: valid indexes are 0 to ");
    let (_seeder, peer) = album.seed(&[]);
    let output =
        album.download(&album.magnet, &["--peer", &peer, "--select=*.mkv"]).end().expect(1);
    assert!(output.stderr.contains("error: album: no file is selected"));
    assert!(events(&output).iter().any(|event| event["event"] == "error"), "{output:#?}");
    let link = format!("{}&so=99", album.magnet);
    let output = album.download(&link, &["--peer", &peer]).end().expect(1);
    assert!(output.stderr.contains("error: album: the link selects none of"), "{output:#?}");
}

#[test]
fn a_seeder_ends_when_it_has_given_back_enough() {
    let album = Album::new();
    let (seeder, peer) = album.seed(&["--ratio", "0.9"]);
    album.download(text(&album.torrent), &["--peer", &peer]).end().expect(0);
    let output = seeder.end().expect(0);
    let events = events(&output);
    let reached = events.iter().find(|event| event["event"] == "goal_reached").unwrap();
    assert_eq!(reached["goal"], "share_ratio");

    let to = album.path("from");
    let words = ["download", text(&album.torrent), "-o", text(&to), "--offline", "--tick=0.1"];
    let output = run(words.iter().chain(&["--seed", "--seed-time", "1s"])).expect(0);
    assert_eq!(output.stdout.lines().count(), 1, "{output:#?}");
    assert!(output.stdout.starts_with("complete  "), "{output:#?}");
}

/// It has all selected files, but not all files.
#[test]
fn a_part_is_seeded_until_that_is_enough() {
    let album = Album::new();
    let (seeder, peer) = album.seed(&[]);
    let select = ["--peer", &peer, "--select=two.bin", "--seed"];
    let for_a_time = [&select[..], &["--seed-time=1s"]].concat();
    let output = album.download(text(&album.torrent), &for_a_time).end().expect(0);
    assert!(output.stdout.contains(r#""goal":"seed_time""#), "{output:#?}");
    album.has_only_two();
    drop(seeder);

    let by_ratio = ["--select=two.bin", "--seed", "--ratio=0.9"];
    let mut part = album.download(text(&album.torrent), &by_ratio);
    let peer = part.address().to_string();
    part.event("finished");
    let elsewhere = album.path("elsewhere");
    let words = ["download", text(&album.torrent), "-o", text(&elsewhere), "--offline", "--quiet"];
    run(words.iter().chain(&["--peer", &peer, "--select=two.bin"])).expect(0);
    let output = part.end().expect(0);
    assert!(output.stdout.contains(r#""goal":"share_ratio""#), "{output:#?}");
}

#[test]
fn peers_on_the_blocklist_are_not_connected_to() {
    let album = Album::new();
    let list = album.path("list.dat");
    fs::write(&list, "127.000.000.002 - 127.000.000.009 , 000 , somebody\n").unwrap();
    let [blocked, other] = ["127.0.0.2:0", "127.0.0.1:0"].map(|at| TcpListener::bind(at).unwrap());
    let [first, second] = [&blocked, &other].map(|peer| peer.local_addr().unwrap().to_string());
    let arguments = ["--blocklist", text(&list), "--peer", &first, "--peer", &second];
    let _downloader = album.download(text(&album.torrent), &arguments);
    other.accept().unwrap();
    blocked.set_nonblocking(true).unwrap();
    assert_eq!(blocked.accept().unwrap_err().kind(), ErrorKind::WouldBlock);

    fs::write(&list, "# addresses\nsomebody\n").unwrap();
    let output = album.download(text(&album.torrent), &arguments).end().expect(1);
    let why = "error: cannot read the blocklist: ";
    assert!(output.stderr.starts_with(why), "{output:#?}");
    let line = "list.dat: it has no rule: line 2: expected ADDRESS";
    assert!(output.stderr.contains(line), "{output:#?}");
}

#[test]
fn invalid_lines_of_a_blocklist_are_reported_and_the_others_apply() {
    let album = Album::new();
    let list = album.path("list.p2p");
    fs::write(&list, "a:127.0.0.2-127.0.0.9\ncut off:207-207\n\nb:1.2.3.9-1.2.3.4\n").unwrap();
    let (seeder, peer) = album.seed(&[]);
    let arguments = ["--peer", &peer, "--blocklist", text(&list), "--quiet"];
    let output = album.download(text(&album.torrent), &arguments).end().expect(0);
    let line = "blocklist: 2 lines are skipped; line 2: expected ADDRESS, ";
    assert!(output.stderr.starts_with(line), "{output:#?}");
    drop(seeder);
}

#[test]
fn a_download_goes_on_with_what_is_in_the_store() {
    let album = Album::new();
    let (seeder, peer) = album.seed(&[]);
    let kept = album.path("torrents.db");
    let store = ["--store", text(&kept)];
    let first = ["--peer", &peer, "--select", "two.bin", "--sequential"];
    let first: Vec<_> = store.iter().chain(&first).copied().collect();
    album.download(text(&album.torrent), &first).end().expect(0);
    assert!(contains(&album.kept(), b"19:sequential_downloadi1e"));
    drop(seeder);

    // There is nobody to ask, and nothing is hashed: the selected files are known to be complete.
    let again = [store[0], store[1], "--select=two.bin"];
    for source in [text(&album.torrent), &album.magnet] {
        let output = album.download(source, &again).end().expect(0);
        assert!(!output.stdout.contains("checking_files"), "{output:#?}");
        assert_eq!(output.stderr.lines().count(), 1, "the report alone: {output:#?}");
        album.has_only_two();
    }
}

#[test]
fn resume_keeps_the_store_in_a_directory() {
    let album = Album::new();
    let (seeder, peer) = album.seed(&[]);
    let directory = album.path("kept");
    let resume = ["--resume", text(&directory), "--select=two.bin"];
    let first: Vec<_> = resume.iter().chain(&["--peer", &peer]).copied().collect();
    album.download(text(&album.torrent), &first).end().expect(0);
    drop(seeder);
    assert!(directory.join("torrents.db").is_file());

    let output = album.download(text(&album.torrent), &resume).end().expect(0);
    assert!(!output.stdout.contains("checking_files"), "{output:#?}");
    album.has_only_two();

    // Another directory is another download, and the files in the first one stay there.
    let (_seeder, peer) = album.seed(&[]);
    let elsewhere = album.path("elsewhere");
    let mut arguments = vec!["download", "--offline", text(&album.torrent), "-o", text(&elsewhere)];
    arguments.extend(["--peer", &peer].iter().chain(&resume));
    for _ in 0..2 {
        run(&arguments).expect(0);
        let two = elsewhere.join("album/more/two.bin");
        assert!(same(&two, &album.path("from/album/more/two.bin")));
    }
    album.has_only_two();
}

/// Options of this run override those of an earlier run.
#[test]
fn another_run_downloads_other_files_and_all_of_them_without_a_selection() {
    let album = Album::new();
    let (_seeder, peer) = album.seed(&[]);
    let kept = album.path("torrents.db");
    let store = ["--peer", &peer, "--store", text(&kept)];
    let is_here = |name: &str| {
        let (from, to) = (album.path("from").join(name), album.path("to").join(name));
        to.exists() && same(&from, &to)
    };
    for source in [text(&album.torrent), &album.magnet] {
        for (select, one, two) in [
            (Some("--select=two.bin"), false, true),
            (Some("--select=one.bin"), true, true),
            (None, true, true),
        ] {
            let arguments: Vec<_> = store.into_iter().chain(select).collect();
            album.download(source, &arguments).end().expect(0);
            // With a magnet link, more may be downloaded before its files are known.
            for (name, wanted) in [("album/more/two.bin", two), ("album/one.bin", one)] {
                assert!(is_here(name) == wanted || source == album.magnet, "{source} {select:?}");
                assert!(is_here(name) || !wanted, "{source} {select:?}");
            }
        }
        fs::remove_dir_all(album.path("to")).unwrap();
        fs::remove_file(&kept).unwrap();
    }
}

#[test]
fn a_foreign_file_is_overwritten_only_on_request() {
    let album = Album::new();
    let (_seeder, peer) = album.seed(&[]);
    let mine = data(&album.path("to/album"), "one.bin", 9, 100_001);
    let output = album.download(text(&album.torrent), &["--peer", &peer]).end().expect(1);
    let why = "album/one.bin: it exists with 100001 bytes, but has 100000 in the torrent";
    assert!(output.stderr.contains(why), "{output:#?}");
    assert_eq!(fs::read(&mine).unwrap(), crate::support::noise(9, 100_001));
    album.download(text(&album.torrent), &["--peer", &peer, "--overwrite"]).end().expect(0);
    assert!(same(&album.path("from/album/one.bin"), &mine));
}

#[test]
fn seed_changes_nothing_on_disk() {
    let album = Album::new();
    let wrong = album.path("wrong");
    fs::create_dir(&wrong).unwrap();
    data(&album.path("from/album"), "empty.bin", 0, 0);
    let [web, clock] = ["seed", "download"].map(|name| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("--web-seed=http://{}/", listener.local_addr().unwrap());
        let torrent = album.path(name);
        let from = album.path("from/album");
        run(["create", text(&from), "-o", text(&torrent), &url]).expect(0);
        (listener, torrent)
    });
    web.0.set_nonblocking(true).unwrap();

    let words = ["seed", text(&web.1), text(&wrong), "--offline", "--json", "--tick=0.1"];
    for size in [None, Some(100_000)] {
        let mine = size.map(|size| data(&wrong.join("album"), "one.bin", 9, size));
        let mut seeder = Program::start(words);
        seeder.event("status");
        // A downloader has contacted its web seed by then.
        let _downloader = album.download(text(&clock.1), &[]);
        clock.0.accept().unwrap();
        seeder.signal("INT");
        let output = seeder.end();
        assert!(output.stderr.contains("INCOMPLETE: 0.0 %"), "{output:#?}");
        assert_eq!(web.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it downloads");
        match mine {
            Some(mine) => assert_eq!(fs::read(&mine).unwrap(), crate::support::noise(9, 100_000)),
            None => assert_eq!(fs::read_dir(&wrong).unwrap().count(), 0, "{output:#?}"),
        }
    }

    // The same holds for a run that continues an earlier one.
    let store = album.path("torrents.db");
    let mine = wrong.join("album/one.bin");
    for size in [100_000, 1000, 0] {
        fs::write(&mine, crate::support::noise(9, size)).unwrap();
        let mut seeder = Program::start(words.iter().chain(&["--store", text(&store)]));
        seeder.event("status");
        let _downloader = album.download(text(&clock.1), &[]);
        clock.0.accept().unwrap();
        seeder.signal("INT");
        let output = seeder.end();
        assert!(output.stderr.contains("INCOMPLETE"), "{output:#?}");
        assert_eq!(web.0.accept().unwrap_err().kind(), ErrorKind::WouldBlock, "it downloads");
        assert_eq!(fs::read(&mine).unwrap(), crate::support::noise(9, size));
    }

    let longer = data(&wrong.join("album"), "one.bin", 9, 100_001);
    let output = run(words).expect(1);
    assert!(output.stderr.contains("it exists with 100001 bytes"), "{output:#?}");
    assert_eq!(fs::read(&longer).unwrap(), crate::support::noise(9, 100_001));
}
