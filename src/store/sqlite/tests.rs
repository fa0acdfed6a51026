use std::fs;
use std::process::Command;

use super::*;
use crate::model::InfoHashes;
use crate::store::{Record, Value, conformance};

fn path(dir: &tempfile::TempDir) -> PathBuf {
    dir.path().join("torrents.db")
}

fn key(number: u64) -> Key {
    Key::new(number).unwrap()
}

fn record(number: u64) -> Record {
    let v1 = crate::model::InfoHashV1([number as u8; 20]);
    let hashes = InfoHashes { v1: Some(v1), v2: None };
    let mut record = Record::new(key(number), hashes, "/downloads");
    record.name = format!("torrent {number}").into();
    record.info = Some(vec![number as u8; 3000].into());
    record.resume_data = vec![number as u8; 900].into();
    record.labels = [format!("label {number}").into()].into();
    record.notes.insert("key".into(), vec![number as u8; 100].into());
    record
}

/// Creates a database with this many torrents, and closes it.
fn filled(path: &Path, count: u64) {
    let mut store = Sqlite::open(path).unwrap();
    let add = |number| Change::Add(Box::new(record(number)));
    store.commit(&(1..=count).map(add).collect::<Vec<_>>()).unwrap();
    store.commit(&[Change::State("a".into(), Some(vec![7; 5000].into()))]).unwrap();
}

fn kind<T: fmt::Debug>(result: Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn it_conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance(|number| Sqlite::open(dir.path().join(number.to_string())).unwrap());
}

#[test]
fn the_sqlite_that_is_linked_is_safe() {
    assert!(rusqlite::version_number() >= OLDEST_SQLITE, "{}", rusqlite::version());
}

#[test]
fn an_info_dictionary_is_kept_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(path(&dir)).unwrap();
    let [mut a, mut b] = [record(1), record(2)];
    b.info_hashes = a.info_hashes;
    a.info = Some(vec![1; 1_000_000].into());
    b.info = a.info.clone();
    store.commit(&[Change::Add(Box::new(a)), Change::Add(Box::new(b))]).unwrap();
    let count = |store: &Sqlite| -> i64 {
        store.connection.query_row("SELECT count(*) FROM info", [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(&store), 1);
    store.commit(&[Change::Remove(key(1))]).unwrap();
    assert_eq!(count(&store), 1);
    store.commit(&[Change::Remove(key(2))]).unwrap();
    assert_eq!(count(&store), 0, "nobody has it any more");
}

#[test]
fn a_damaged_info_dictionary_is_replaced_when_its_torrent_is_added_again() {
    for damage in ["UPDATE info SET data = x'00'", "UPDATE info SET sum = 1"] {
        let dir = tempfile::tempdir().unwrap();
        filled(&path(&dir), 1);
        let mut store = Sqlite::open(path(&dir)).unwrap();
        store.connection.execute(damage, []).unwrap();
        let page = store.load(None, 10).unwrap();
        let [Loaded::Unreadable { info_hashes, .. }] = &page[..] else { panic!("{page:?}") };
        assert_eq!(*info_hashes, record(1).info_hashes);

        let mut again = record(2);
        again.info_hashes = record(1).info_hashes;
        again.info = record(1).info;
        store.commit(&[Change::Add(Box::new(again.clone()))]).unwrap();
        let expected = [record(1), again].map(|record| Loaded::Torrent(Box::new(record)));
        assert_eq!(store.load(None, 10).unwrap(), expected, "{damage}");
    }
}

#[test]
fn an_open_store_cannot_be_opened_again_and_the_error_names_its_process() {
    let dir = tempfile::tempdir().unwrap();
    let store = Sqlite::open(path(&dir)).unwrap();
    let error = Sqlite::open(path(&dir)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InUse, "{error}");
    let process = format!("process {} has it open", std::process::id());
    assert!(error.to_string().contains(&process), "{error}");
    drop(store);
    Sqlite::open(path(&dir)).unwrap();
}

#[cfg(unix)]
#[test]
fn a_store_has_one_lock_by_whatever_link_it_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let link = |name: &str, target: &Path| {
        let link = dir.path().join(name);
        std::os::unix::fs::symlink(target, &link).unwrap();
        link
    };
    let links =
        [link("link.db", "torrents.db".as_ref()), link("links", dir.path()).join("link.db")];
    // The first open creates the file.
    for _ in 0..2 {
        let store = Sqlite::open(&links[0]).unwrap();
        assert_eq!(kind(Sqlite::open(path(&dir))), ErrorKind::InUse);
        assert_eq!(kind(Sqlite::open(&links[1])), ErrorKind::InUse);
        drop(store);
    }
    assert!(path(&dir).is_file() && !dir.path().join("link.db-lock").exists());
    Sqlite::open(&links[1]).unwrap();
}

#[test]
fn a_label_or_note_that_is_damaged_leaves_the_other_torrents_readable() {
    for damage in [
        "UPDATE labels SET label = CAST(x'ff' AS TEXT) WHERE key = 2",
        "UPDATE labels SET sum = 1 << 40 WHERE key = 2",
        "UPDATE notes SET note = CAST(x'ff' AS TEXT) WHERE key = 2",
        "UPDATE notes SET sum = 1 << 40 WHERE key = 2",
    ] {
        let dir = tempfile::tempdir().unwrap();
        filled(&path(&dir), 3);
        let mut store = Sqlite::open(path(&dir)).unwrap();
        store.connection.execute_batch(damage).unwrap();
        let page = store.load(None, 10).unwrap();
        let [Loaded::Torrent(_), Loaded::Unreadable { name, error, .. }, Loaded::Torrent(_)] =
            &page[..]
        else {
            panic!("{damage}: {page:?}")
        };
        assert_eq!((&**name, error.kind()), ("torrent 2", ErrorKind::Corrupt), "{damage}");
    }
}

#[test]
fn a_store_that_cannot_be_written_for_a_while_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    filled(&path(&dir), 1);
    let mut store = Sqlite::open(path(&dir)).unwrap();
    let pause = [Change::Set(key(1), Value::Paused(true))];
    store.connection.pragma_update(None, "query_only", true).unwrap();
    let error = store.commit(&pause).unwrap_err();
    let code = error.native().map(|code| code.value);
    assert_eq!((error.kind(), code), (ErrorKind::Disk, Some(ffi::SQLITE_READONLY)), "{error}");
    store.connection.pragma_update(None, "query_only", false).unwrap();
    assert_eq!(store.load(None, 10).unwrap(), [Loaded::Torrent(Box::new(record(1)))]);
    store.commit(&pause).unwrap();
}

#[test]
fn a_store_is_read_while_a_client_has_it_open() {
    let dir = tempfile::tempdir().unwrap();
    let error = Sqlite::open_read_only(path(&dir)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.to_string().contains("No such file"), "{error}");
    let mut store = Sqlite::open(path(&dir)).unwrap();
    store.commit(&[Change::Add(Box::new(record(1)))]).unwrap();
    let mut reader = Sqlite::open_read_only(path(&dir)).unwrap();
    assert_eq!(reader.count().unwrap(), 1);
    store.commit(&[Change::Add(Box::new(record(2)))]).unwrap();
    assert_eq!(reader.load(None, 10).unwrap().len(), 2);
    assert!(reader.check().unwrap().is_empty());
    assert_eq!(kind(reader.commit(&[Change::Remove(key(1))])), ErrorKind::Disk);
}

/// Opens the database as on a read-only file system, without the need to mount one.
#[test]
fn a_store_that_nobody_changes_is_read_without_extra_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a ?#%21&b=ü.db");
    filled(&path, 3);
    fs::remove_file(dir.path().join("a ?#%21&b=ü.db-lock")).unwrap();
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
    let mut connection = connect(&immutable(&path), &path, flags).unwrap();
    assert_eq!(rows::load(&mut connection, None, 10).unwrap().len(), 3);
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
}

#[cfg(unix)]
#[test]
fn a_closed_store_is_read_in_a_directory_that_cannot_be_written() {
    let dir = tempfile::tempdir().unwrap();
    filled(&path(&dir), 3);
    // SQLite follows no link, and so cannot create this file. The permissions of a directory do not stop root.
    std::os::unix::fs::symlink("nowhere", sibling_path(&path(&dir), "-shm")).unwrap();
    let mut store = Sqlite::open_read_only(path(&dir)).unwrap();
    assert_eq!(store.load(None, 10).unwrap().len(), 3);
    fs::write(sibling_path(&path(&dir), "-wal"), "of a client that has it open").unwrap();
    assert_eq!(kind(Sqlite::open_read_only(path(&dir))), ErrorKind::Disk);
}

#[test]
fn a_file_that_is_not_a_store_is_unchanged() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |what: &str, expected: ErrorKind, says: &str| {
        let before = fs::read(path(&dir)).unwrap();
        for error in
            [Sqlite::open(path(&dir)).unwrap_err(), Sqlite::open_read_only(path(&dir)).unwrap_err()]
        {
            assert_eq!(error.kind(), expected, "{what}: {error}");
            assert!(error.to_string().contains(says), "{what}: {error}");
            assert!(error.to_string().contains("torrents.db"), "{what}: {error}");
        }
        assert_eq!(fs::read(path(&dir)).unwrap(), before, "{what}: it was written to");
    };
    fs::write(path(&dir), "a text of somebody's own, which is longer than a header").unwrap();
    refused("a text", ErrorKind::Corrupt, "not a SQLite database");

    fs::remove_file(path(&dir)).unwrap();
    let other = Connection::open(path(&dir)).unwrap();
    other.execute_batch("CREATE TABLE cookies (name TEXT)").unwrap();
    drop(other);
    refused("another program's database", ErrorKind::Corrupt, "another program");

    fs::remove_file(path(&dir)).unwrap();
    filled(&path(&dir), 3);
    let newer = Connection::open(path(&dir)).unwrap();
    newer.pragma_update(None, "user_version", SCHEMA + 1).unwrap();
    drop(newer);
    let says = format!("version {}", SCHEMA + 1);
    refused("a newer one", ErrorKind::VersionMismatch, &says);
}

#[cfg(unix)]
#[test]
fn only_its_owner_can_read_a_store() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(path(&dir)).unwrap();
    store.commit(&[Change::Add(Box::new(record(1)))]).unwrap();
    let mut files: Vec<_> = fs::read_dir(&dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name(), entry.metadata().unwrap().permissions().mode() & 0o777))
        .collect();
    files.sort();
    let expected = ["torrents.db", "torrents.db-lock", "torrents.db-shm", "torrents.db-wal"];
    assert_eq!(files, expected.map(|name| (name.into(), 0o600)));

    // Permissions that a user has changed stay.
    drop(store);
    fs::set_permissions(path(&dir), fs::Permissions::from_mode(0o640)).unwrap();
    let _store = Sqlite::open(path(&dir)).unwrap();
    assert_eq!(fs::metadata(path(&dir)).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn an_empty_file_becomes_a_store() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(path(&dir), "").unwrap();
    assert_eq!(Sqlite::open(path(&dir)).unwrap().count().unwrap(), 0);
}

#[test]
fn a_truncated_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    filled(&path(&dir), 100);
    let whole = fs::read(path(&dir)).unwrap();
    for length in [1, 50, 100, 4096, 3 * 4096 + 17, whole.len() / 2, whole.len() - 1] {
        fs::write(path(&dir), &whole[..length]).unwrap();
        match Sqlite::open(path(&dir)) {
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Corrupt, "{length} bytes: {error}");
                assert_eq!(fs::read(path(&dir)).unwrap(), whole[..length], "it was written to");
            }
            // SQLite reads the missing part of a page as zeros.
            Ok(mut store) => {
                assert!(length == whole.len() - 1, "{length} bytes");
                assert!(!store.check().unwrap().is_empty());
            }
        }
    }
}

/// Damage is reported or harmless: no torrent is read with different data.
#[test]
fn a_flipped_bit_is_found_or_does_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    filled(&path(&dir), 40);
    let whole = fs::read(path(&dir)).unwrap();
    let state = Sqlite::open(path(&dir)).unwrap().state().unwrap();
    let (mut refused, mut unreadable, mut harmless) = (0, 0, 0);
    let bits = whole.len() as u64 * 8;
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..400 {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let place = (random % bits) as usize;
        let mut flipped = whole.clone();
        flipped[place / 8] ^= 1 << (place % 8);
        fs::write(path(&dir), &flipped).unwrap();
        let read = Sqlite::open(path(&dir))
            .and_then(|mut store| Ok((store.load(None, 1000)?, store.state()?)));
        let Ok((torrents, parts)) = read else {
            refused += 1;
            continue;
        };
        let mut all_well = parts.values().all(Result::is_ok);
        assert!(!all_well || parts == state, "bit {place}");
        assert_eq!(torrents.len(), 40, "bit {place}: none is lost");
        for torrent in torrents {
            match torrent {
                Loaded::Torrent(found) => {
                    assert_eq!(*found, record(found.key.get()), "bit {place}");
                }
                Loaded::Unreadable { .. } => all_well = false,
            }
        }
        if all_well {
            harmless += 1;
        } else {
            unreadable += 1;
        }
    }
    assert!(refused > 0 && unreadable > 0 && harmless > 0, "{refused} {unreadable} {harmless}");
}

#[test]
fn a_check_names_what_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    filled(&path(&dir), 2);
    let mut store = Sqlite::open(path(&dir)).unwrap();
    assert!(store.check().unwrap().is_empty());
    store.connection.execute("UPDATE resume_data SET data = x'00' WHERE key = 2", []).unwrap();
    let found = store.check().unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].to_string().contains("torrent 2"), "{}", found[0]);
}

#[cfg_attr(miri, ignore = "it starts libtorrent")]
#[test]
fn a_part_of_the_state_that_is_damaged_is_reported_and_stays_until_the_program_sets_it() {
    use crate::{Client, Event, Settings};
    let dir = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(path(&dir)).unwrap();
    let part =
        |(name, value): (&str, &str)| Change::State(name.into(), Some(value.as_bytes().into()));
    let parts = [
        ("network", "de"),
        ("setting/connections_limit", "77"),
        ("setting/no_such_setting", "1"),
        ("totals", "many"),
        ("setting/user_agent", "a name"),
    ];
    store.commit(&parts.map(part)).unwrap();
    let bad = parts[..4].iter().map(|(name, _)| *name);
    for name in &parts[..2] {
        let damage = format!("UPDATE state SET value = x'00' WHERE name = '{}'", name.0);
        store.connection.execute(&damage, []).unwrap();
    }
    let damaged = store.state().unwrap();
    let unreadable = damaged.iter().filter(|(_, part)| part.is_err()).map(|(name, _)| name);
    assert!(unreadable.eq(["network", "setting/connections_limit"]), "{damaged:?}");
    let check: Vec<_> = store.check().unwrap().iter().map(ToString::to_string).collect();
    assert!(check.len() == 2 && check[1].contains("setting/connections_limit"), "{check:?}");

    // What the client changes by itself is left alone, also at the end.
    let client = Client::builder().offline(true).store(store).start().unwrap();
    let patron = client.patron();
    let mut reported = Vec::new();
    for event in patron.events() {
        match event {
            Event::StateRestoreFailed { name, error } => {
                let name_in_error = name.trim_start_matches("setting/");
                assert!(error.to_string().contains(name_in_error), "{error}");
                reported.push(name);
            }
            Event::Restored { .. } => break,
            _ => {}
        }
    }
    assert!(reported.iter().map(|name| &**name).eq(bad), "{reported:?}");
    assert_eq!(patron.settings().wait().unwrap().get("user_agent"), Some(&"a name".into()));
    let report = client.shutdown(std::time::Duration::from_secs(30)).wait();
    assert!(report.is_clean(), "{report}");
    assert_eq!(Sqlite::open_read_only(path(&dir)).unwrap().state().unwrap(), damaged);

    let store = Sqlite::open(path(&dir)).unwrap();
    let client = Client::builder().offline(true).store(store).start().unwrap();
    let patron = client.patron();
    let mut settings = Settings::empty();
    settings.set("connections_limit", 78).unwrap();
    patron.apply_settings(&settings).wait().unwrap();
    patron.ban("192.0.2.7".parse().unwrap()).wait().unwrap();
    client.shutdown(std::time::Duration::from_secs(30)).wait();
    let now = Sqlite::open_read_only(path(&dir)).unwrap().state().unwrap();
    assert!(now["network"].is_ok());
    assert_eq!(now["setting/connections_limit"].as_deref(), Ok(&b"78"[..]));
    for name in ["setting/no_such_setting", "totals"] {
        assert_eq!(now[name], damaged[name]);
    }
}

#[test]
fn a_damaged_torrent_fails_its_own_changes_and_no_others() {
    let dir = tempfile::tempdir().unwrap();
    filled(&path(&dir), 2);
    let mut store = Sqlite::open(path(&dir)).unwrap();
    store.connection.execute("UPDATE torrents SET name = 'another' WHERE key = 1", []).unwrap();
    for change in [Value::Paused(true), Value::Info([0; 9].into())] {
        let error = store.commit(&[Change::Set(key(1), change)]).unwrap_err();
        // As of an invalid change, so that the client goes on with the others.
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("the key 1 cannot be read: "), "{error}");
    }
    store.commit(&[Change::Set(key(2), Value::Paused(true))]).unwrap();
    store.commit(&[Change::Remove(key(1))]).unwrap();
    assert_eq!(store.count().unwrap(), 1);
}

#[test]
fn a_full_disk_is_an_error_and_the_store_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Sqlite::open(path(&dir)).unwrap();
    store.commit(&[Change::Add(Box::new(record(1)))]).unwrap();
    let pages: i64 = store.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
    store.connection.pragma_update(None, "max_page_count", pages).unwrap();
    let mut large = record(2);
    large.resume_data = vec![0; 1_000_000].into();
    let add = [Change::Set(key(1), Value::Paused(true)), Change::Add(Box::new(large))];
    let error = store.commit(&add).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Disk, "{error}");
    assert_eq!(error.native().map(|code| (&*code.category, code.value)), Some(("sqlite", 13)));
    assert_eq!(store.load(None, 10).unwrap(), [Loaded::Torrent(Box::new(record(1)))]);
    store.connection.pragma_update(None, "max_page_count", 1_000_000).unwrap();
    store.commit(&add).unwrap();
    assert_eq!(store.count().unwrap(), 2);
}

/// A database in the first format is kept with the tests. This code must always be able to read it.
#[test]
fn the_first_version_of_the_database_is_read() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(path(&dir), include_bytes!("../../../tests/data/store-version-1.db")).unwrap();
    let mut store = Sqlite::open(path(&dir)).unwrap();
    let expected: Vec<_> =
        (1..=3).map(|number| Loaded::Torrent(Box::new(record(number)))).collect();
    assert_eq!(store.load(None, 10).unwrap(), expected);
    assert_eq!(store.state().unwrap()["a"].clone().unwrap()[..], [7; 5000]);
    store.commit(&[Change::Set(key(1), Value::Paused(true))]).unwrap();
}

/// With `PATRON_WRITE_DATABASE=1`, writes a database in the current format. Run it once for each new format.
#[test]
fn a_copy_of_this_version_can_be_written() {
    if std::env::var_os("PATRON_WRITE_DATABASE").is_some() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join(format!("tests/data/store-version-{SCHEMA}.db"));
        filled(&file, 3);
        fs::remove_file(file.with_extension("db-lock")).unwrap();
    }
}

/// Uses a child process: in this process, another thread that closes a file could release a lock.
#[test]
fn another_process_is_named_that_has_the_store_open() {
    let dir = tempfile::tempdir().unwrap();
    let _store = Sqlite::open(path(&dir)).unwrap();
    let me = std::env::current_exe().unwrap();
    let output = Command::new(me)
        .args(["--exact", "store::sqlite::tests::opening_the_requested_file"])
        .args(["--ignored", "--nocapture"])
        .env("PATRON_OPEN_STORE", path(&dir))
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains("test result: ok. 1 passed;"), "{output:?}");
    assert!(printed.contains(&format!("process {} has it open", std::process::id())), "{printed}");
}

#[test]
#[ignore = "run by another_process_is_named_that_has_the_store_open"]
fn opening_the_requested_file() {
    let store = std::env::var_os("PATRON_OPEN_STORE").unwrap();
    println!("{}", Sqlite::open(store).unwrap_err());
}
