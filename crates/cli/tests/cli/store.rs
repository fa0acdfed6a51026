//! Torrents that a store keeps from one run to the next.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use torrent_patron::AddOptions;
use torrent_patron::store::{Loaded, Sqlite, Store};

use crate::program::{Program, run};
use crate::support::{Seeder, client, data, metainfo, same, until};

struct Movie {
    dir: TempDir,
    torrent: PathBuf,
}

impl Movie {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = data(&dir.path().join("from"), "movie.bin", 1, 2_000_000);
        let torrent = dir.path().join("movie.torrent");
        fs::write(&torrent, &metainfo(&file).torrent_file()[..]).unwrap();
        Self { dir, torrent }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn seed(&self) -> (Program, String) {
        let from = self.path("from");
        let words = ["seed", text(&self.torrent), text(&from), "--offline", "--json"];
        let mut seeder = Program::start(words);
        let peer = seeder.address().to_string();
        seeder.event("finished");
        (seeder, peer)
    }

    /// Runs `download` with the store and more arguments.
    fn download(&self, more: &[&str]) -> Program {
        let (to, store) = (self.path("to"), self.path("torrents.db"));
        let words = ["download", "-o", text(&to), "--store", text(&store)];
        let client = ["--offline", "--json", "--tick=0.1"];
        Program::start(words.iter().chain(&client).chain(more))
    }

    fn list(&self) -> Vec<Value> {
        let output = run(["store", "list", text(&self.path("torrents.db")), "--json"]).expect(0);
        output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn is_here(&self) -> bool {
        same(&self.path("from/movie.bin"), &self.path("to/movie.bin"))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_download_that_was_killed_continues_without_naming_its_torrent() {
    let movie = Movie::new();
    let mut program = movie.download(&[text(&movie.torrent)]);
    program.event("torrent_added");
    program.signal("KILL");
    program.end();
    assert_eq!(movie.list()[0]["name"], "movie.bin");

    // Starts again without naming the torrent.
    let mut program = movie.download(&[]);
    let restored = program.event("restored");
    assert_eq!(restored["torrents"], 1);
    program.signal("INT");
    program.end().expect(130);
    let (_seeder, peer) = movie.seed();
    movie.download(&[text(&movie.torrent), "--peer", &peer]).end().expect(0);
    assert!(movie.is_here());
}

#[test]
fn a_download_of_the_store_continues_when_one_peer_is_refused() {
    let movie = Movie::new();
    let mut program = movie.download(&[text(&movie.torrent)]);
    program.event("torrent_added");
    program.signal("INT");
    program.end().expect(130);
    let (_seeder, peer) = movie.seed();
    // An offline client connects to this machine only.
    let peers = ["--peer", "192.0.2.1:6881", "--peer", &peer];
    let output = movie.download(&[&[text(&movie.torrent)], &peers[..]].concat()).end().expect(0);
    assert!(movie.is_here());
    assert!(
        output.stderr.contains("warning: 192.0.2.1:6881 is not on this machine"),
        "{output:#?}"
    );
}

#[test]
fn seeding_a_paused_torrent_of_the_store_changes_nothing_on_disk() {
    let movie = Movie::new();
    let (whole, mine) = (movie.path("from/movie.bin"), movie.path("mine/movie.bin"));
    fs::create_dir(movie.path("mine")).unwrap();
    fs::copy(&whole, &mine).unwrap();
    let (store, directory) = (movie.path("torrents.db"), movie.path("mine"));
    let words = ["seed", text(&movie.torrent), text(&directory), "--store", text(&store)];
    let more = ["--offline", "--json", "--tick=0.1"];
    let seed = |goal: &[&str]| Program::start(words.iter().chain(&more).chain(goal));
    seed(&["--seed-time=1s"]).end().expect(0);
    assert_eq!(movie.list()[0]["paused"], true);

    let mut changed = fs::read(&mine).unwrap();
    changed[1_000_000..1_100_000].fill(1);
    fs::write(&mine, &changed).unwrap();
    let mut program = seed(&[]);
    let address = program.address();
    let done = program.find("an incomplete status", |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        let is_checked = event["event"] == "status" && event["state"] == "downloading";
        is_checked.then(|| event["total_done"].as_u64()).flatten().filter(|done| *done > 0)
    });
    assert!(done < changed.len() as u64);
    // One peer has the data that is missing, and another one takes what there is.
    let metainfo = metainfo(&whole);
    let other = Seeder::that_calls(&whole, &metainfo, address);
    let other = other.patron();
    until("a connection", || !other.peers(other.torrents()[0]).wait().unwrap().is_empty());
    let reader = client(&movie.path("to"));
    let options = AddOptions::default().add_peers([address]);
    let id = reader.patron().add_torrent(&metainfo, options).wait().unwrap().id();
    until("all that is right", || {
        reader.patron().fresh_status(id).wait().unwrap().total_done >= done
    });
    program.signal("INT");
    program.end().expect(0);
    assert!(fs::read(&mine).unwrap() == changed);
}

#[test]
fn a_complete_download_is_known_to_be_complete() {
    let movie = Movie::new();
    let (seeder, peer) = movie.seed();
    movie.download(&[text(&movie.torrent), "--peer", &peer]).end().expect(0);
    assert!(movie.is_here());
    drop(seeder);
    assert!(movie.list()[0]["completed"].is_u64());
    for again in [&[text(&movie.torrent)][..], &[]] {
        let output = movie.download(again).end().expect(0);
        assert!(!output.stdout.contains("checking_files"), "{output:#?}");
        assert_eq!(output.stderr.lines().count(), 1, "the report alone: {output:#?}");
    }
}

#[test]
fn files_that_were_deleted_are_not_downloaded_again_unless_the_torrent_is_named() {
    let movie = Movie::new();
    let (_seeder, peer) = movie.seed();
    let named = [text(&movie.torrent), "--peer", &peer];
    movie.download(&named).end().expect(0);
    let file = movie.path("to/movie.bin");
    fs::remove_file(&file).unwrap();
    let output = movie.download(&[]).end().expect(1);
    let why = format!("{}: No such file", file.display());
    assert!(output.stderr.contains(&why), "{output:#?}");
    assert!(!file.exists(), "nothing is downloaded");
    // The error is told again, but the torrent has been replaced.
    movie.download(&named).end().expect(0);
    assert!(movie.is_here());
    movie.download(&[]).end().expect(0);
}

#[test]
fn a_torrent_that_reached_its_goal_does_not_keep_later_runs_waiting() {
    let movie = Movie::new();
    let (_seeder, peer) = movie.seed();
    let goal = [text(&movie.torrent), "--peer", &peer, "--seed", "--seed-time=1s"];
    movie.download(&goal).end().expect(0);
    assert_eq!(movie.list()[0]["paused"], true);
    movie.download(&["--seed"]).end().expect(0);
    // Named, it seeds again.
    let mut again = movie.download(&[text(&movie.torrent), "--seed"]);
    again.find("a torrent that seeds", |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["seeding"] == true && event["paused"] == false).then_some(())
    });
    again.signal("INT");
    again.end().expect(0);
}

#[test]
fn a_blocklist_applies_to_the_run_that_has_it_and_not_to_later_ones() {
    let movie = Movie::new();
    let (_seeder, peer) = movie.seed();
    let list = movie.path("list");
    fs::write(&list, "127.0.0.0/8\n").unwrap();
    let words = [text(&movie.torrent), "--peer", &peer];
    let mut blocked = movie.download(&[&words[..], &["--blocklist", text(&list)]].concat());
    blocked.event("checked");
    blocked.signal("INT");
    blocked.end().expect(130);
    movie.download(&words).end().expect(0);
    assert!(movie.is_here());
}

#[test]
fn a_store_is_listed_checked_exported_and_imported() {
    let movie = Movie::new();
    let (seeder, peer) = movie.seed();
    movie.download(&[text(&movie.torrent), "--peer", &peer]).end().expect(0);
    drop(seeder);
    let store = movie.path("torrents.db");
    let listed = run(["store", "list", text(&store)]).expect(0).stdout;
    assert!(listed.contains("complete    movie.bin  in "), "{listed}");
    let checked = run(["store", "check", text(&store)]).expect(0).stdout;
    assert!(checked.ends_with("1 torrent, no damage found\n"), "{checked}");

    let (backup, other) = (movie.path("backup"), movie.path("other.db"));
    let exported = run(["store", "export", text(&store), text(&backup)]).expect(0).stdout;
    assert!(exported.trim_end().ends_with(".resume"), "{exported}");
    let empty = movie.path("empty");
    fs::create_dir(&empty).unwrap();
    let output = run(["store", "import", text(&other), text(&empty)]).expect(1);
    assert!(output.stderr.contains("empty contains no .torrent, "), "{output:#?}");
    fs::write(backup.join("wrong.torrent"), "nonsense").unwrap();
    let output = run(["store", "import", text(&other), text(&backup)]).expect(1);
    assert!(output.stderr.contains("wrong.torrent: cannot read the metainfo"), "{output:#?}");
    assert_eq!(output.stdout, "movie.bin\n");
    fs::remove_file(backup.join("wrong.torrent")).unwrap();
    // Somebody else may have put it there.
    let pipe = backup.join("pipe.torrent");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let output = run(["store", "import", text(&other), text(&backup)]).expect(1);
    assert!(output.stderr.contains("pipe.torrent: it is not a regular file"), "{output:#?}");
    let output = run(["store", "check", text(&pipe)]).expect(1);
    assert!(output.stderr.contains("pipe.torrent: it is not a regular file"), "{output:#?}");
    fs::remove_file(pipe).unwrap();
    let huge = backup.join("huge.fastresume");
    fs::File::create(&huge).unwrap().set_len(1 << 40).unwrap();
    let output = run(["store", "import", text(&other), text(&backup)]).expect(1);
    assert!(output.stderr.contains("huge.fastresume: it has 1099511627776 bytes"), "{output:#?}");
    fs::remove_file(huge).unwrap();
    let again = run(["store", "import", text(&other), text(&backup)]).expect(0).stdout;
    assert_eq!(again, "movie.bin: already in the store\n");
    let json = |command: &[&str], code| {
        let output = run(["store"].iter().chain(command).chain(&["--json"])).expect(code);
        let lines = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap());
        lines.collect::<Vec<Value>>()
    };
    let checked = json(&["check", text(&store)], 0);
    assert_eq!(checked, [serde_json::json!({ "store": text(&store), "torrents": 1 })]);
    let exported = json(&["export", text(&store), text(&backup)], 0);
    assert_eq!((exported.len(), &exported[0]["name"]), (1, &"movie.bin".into()));
    assert!(Path::new(exported[0]["path"].as_str().unwrap()).exists(), "{exported:?}");
    fs::write(backup.join("wrong.torrent"), "nonsense").unwrap();
    let imported = json(&["import", text(&other), text(&backup)], 1);
    let known: Vec<_> = imported.iter().filter(|line| line["was_known"] == true).collect();
    assert_eq!((imported.len(), known.len()), (2, 1), "{imported:?}");
    let wrong = imported.iter().find(|line| line["error"]["kind"] == "parse").unwrap();
    assert!(wrong["path"].as_str().unwrap().ends_with("wrong.torrent"), "{wrong}");
    let imported = run(["store", "list", text(&other)]).expect(0).stdout;
    assert_eq!(imported, listed, "once, and as it was");
    // It seeds at once, without a check of its files.
    let words = ["seed", "--store", text(&other), "--offline", "--json", "--tick=0.1"];
    let mut program = Program::start(words);
    let seeds = program.find("a seeding status", |line| {
        let event: Value = serde_json::from_str(line).ok()?;
        (event["event"] == "status" && event["seeding"] == true).then_some(event)
    });
    assert_eq!(seeds["name"], "movie.bin");
    program.signal("INT");
    let output = program.end().expect(0);
    assert!(!output.stdout.contains("checking_files"), "{output:#?}");
}

#[cfg(unix)]
#[test]
fn what_is_exported_is_for_its_owner_alone_and_whole() {
    use std::os::unix::fs::PermissionsExt;
    let movie = Movie::new();
    let store = movie.path("torrents.db");
    run(["store", "import", text(&store), text(movie.dir.path())]).expect(0);
    let backup = movie.path("backup");
    run(["store", "export", text(&movie.path("none.db")), text(&backup)]).expect(1);
    assert!(!backup.exists(), "there is nothing to export");

    let exported = run(["store", "export", text(&store), text(&backup)]).expect(0).stdout;
    let file = Path::new(exported.trim_end());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    // Whoever has it open has the whole of the old one.
    let link = movie.path("link");
    fs::hard_link(file, &link).unwrap();
    fs::write(file, "old").unwrap();
    run(["store", "export", text(&store), text(&backup)]).expect(0);
    assert_eq!(fs::read(&link).unwrap(), b"old");
    assert_eq!(fs::read_dir(&backup).unwrap().count(), 1);

    let in_the_way = movie.path("from/movie.bin/backup");
    let output = run(["store", "export", text(&store), text(&in_the_way)]).expect(1);
    assert!(output.stderr.contains(text(&in_the_way)), "{output:#?}");
}

#[test]
fn a_store_in_use_and_a_file_that_is_no_store_are_reported() {
    let movie = Movie::new();
    let mut program = movie.download(&[text(&movie.torrent)]);
    program.event("torrent_added");
    let output = movie.download(&[text(&movie.torrent)]).end().expect(1);
    let pid = program.id();
    let holder = format!("torrents.db: process {pid} has it open");
    assert!(output.stderr.contains(&holder), "{output:#?}");
    assert_eq!(movie.list().len(), 1, "it can be read meanwhile");
    program.signal("KILL");
    program.end();

    let store = movie.path("torrents.db");
    run(["store", "check", text(&store)]).expect(0);
    let text_file = movie.path("from/movie.bin");
    for command in ["list", "check"] {
        let output = run(["store", command, text(&text_file)]).expect(1);
        assert!(output.stderr.contains("it is not a SQLite database"), "{output:#?}");
    }
    run(["download", "-o", "to"]).expect(2);
    // Nothing is added, so nothing needs a directory.
    let other = movie.path("other.db");
    run(["download", "--offline", "--store", text(&other)]).expect(0);
}

/// What an earlier download has left incomplete stays so.
#[test]
fn a_seeder_does_not_go_on_with_a_download_of_the_store() {
    let movie = Movie::new();
    let mut download = movie.download(&[text(&movie.torrent)]);
    download.event("torrent_added");
    download.signal("INT");
    download.end().expect(130);
    let store = movie.path("torrents.db");
    let asks_for_nothing = || {
        let kept = Sqlite::open_read_only(&store).unwrap().load(None, 1).unwrap();
        let Some(Loaded::Torrent(record)) = kept.first() else { panic!("{kept:?}") };
        let (resume, flag) = (record.to_resume_data(), b"11:upload_modei1e");
        resume.windows(flag.len()).any(|part| part == flag)
    };
    assert!(!asks_for_nothing());
    let mut program = Program::start(["seed", "--store", text(&store), "--offline", "--json"]);
    program.event("restored");
    program.signal("INT");
    program.end().expect(0);
    assert!(asks_for_nothing());

    // A download does go on with it.
    let (_seeder, peer) = movie.seed();
    movie.download(&[text(&movie.torrent), "--peer", &peer]).end().expect(0);
    assert!(movie.is_here());
}

#[test]
fn a_damaged_newer_or_foreign_store_is_reported_and_never_written_to() {
    let movie = Movie::new();
    let (seeder, peer) = movie.seed();
    movie.download(&[text(&movie.torrent), "--peer", &peer]).end().expect(0);
    drop(seeder);
    let store = movie.path("torrents.db");
    let whole = fs::read(&store).unwrap();

    // Flips a bit in the stored metainfo.
    let mut flipped = whole.clone();
    let key = b"12:piece length";
    let place = whole.windows(key.len()).position(|part| part == key).unwrap();
    flipped[place] ^= 1;
    fs::write(&store, &flipped).unwrap();
    for command in ["check", "list"] {
        let output = run(["store", command, text(&store)]).expect(1);
        assert!(output.stderr.contains("movie.bin: "), "{output:#?}");
        assert!(output.stderr.contains("its checksum is wrong"), "{output:#?}");
        let output = run(["store", command, text(&store), "--json"]).expect(1);
        let told: Value = serde_json::from_str(output.stdout.lines().next().unwrap()).unwrap();
        assert_eq!(told["error"]["kind"], "corrupt");
    }
    let words = ["seed", "--store", text(&store), "--offline", "--json"];
    let mut program = Program::start(words);
    let failed = program.event("restore_failed");
    assert_eq!(failed["name"], "movie.bin");
    assert_eq!(program.event("restored")["failed"], 1);
    program.end().expect(1);
    let output = run(["store", "check", text(&store)]).expect(1);
    assert!(output.stderr.contains("its checksum is wrong"), "it is still there: {output:#?}");

    // Added again, it takes the place of the damaged one, also for later runs.
    for _ in 0..2 {
        movie.download(&[text(&movie.torrent)]).end().expect(0);
    }
    run(["store", "check", text(&store)]).expect(0);
    assert_eq!(movie.list().len(), 1);

    let mut newer = whole.clone();
    newer[60..64].copy_from_slice(&9_u32.to_be_bytes());
    let mut foreign = whole.clone();
    foreign[68..72].copy_from_slice(&[0; 4]);
    let truncated = whole[..whole.len() / 2].to_vec();
    let cases = [
        (newer, "it has version 9; this program knows versions up to 1"),
        (foreign, "it is the database of another program"),
        (truncated, "torrents.db: "),
    ];
    for (bytes, says) in cases {
        fs::write(&store, &bytes).unwrap();
        let download = movie.download(&[text(&movie.torrent)]).end().expect(1);
        let import = run(["store", "import", text(&store), text(&movie.path("from"))]).expect(1);
        for output in [download, import] {
            assert!(output.stderr.contains(says), "{output:#?}");
        }
        assert!(fs::read(&store).unwrap() == bytes, "{says}: it was written to");
    }
}

#[test]
fn a_store_of_the_first_version_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("torrents.db");
    let kept = "../../tests/data/store-version-1.db";
    fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join(kept), &store).unwrap();
    let listed = run(["store", "list", text(&store)]).expect(0).stdout;
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(listed.contains("torrent 2  in /downloads  [label 2]"), "{listed}");
    run(["store", "check", text(&store)]).expect(0);
}
