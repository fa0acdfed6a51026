//! `torrent-patron store`: lists and checks stores, and exchanges torrents with other programs.

use std::fmt::Display;
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use serde_json::{Value, json};
use torrent_patron::store::{Loaded, Record, Sqlite, Store, import};
use torrent_patron::text::printable;

use crate::arguments::StoreCommand;
use crate::output::result;
use crate::{Outcome, Result, output};

pub(crate) fn run(command: &StoreCommand) -> Result<Outcome> {
    match command {
        StoreCommand::List(list) => {
            let store = Sqlite::open_read_only(&list.file)?;
            for_each_torrent(store, list.json, |record| {
                report(list.json, || object(&record), || line(&record))
            })
        }
        StoreCommand::Check(check) => {
            let mut store = Sqlite::open_read_only(&check.file)?;
            let problems = store.check()?;
            for problem in &problems {
                fail(check.json, json!({ "error": problem }), problem)?;
            }
            if !problems.is_empty() {
                return Ok(Outcome::Failed);
            }
            let (name, count) = (store.name(), store.count()?);
            let torrents = if count == 1 { "torrent" } else { "torrents" };
            report(
                check.json,
                || json!({ "store": name, "torrents": count }),
                || format!("{name}: {count} {torrents}, no damage found"),
            )?;
            Ok(Outcome::Done)
        }
        StoreCommand::Export(export) => {
            let (store, directory) =
                (Sqlite::open_read_only(&export.store.file)?, &export.directory);
            fs::create_dir_all(directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
            for_each_torrent(store, export.store.json, |record| {
                let path = directory.join(format!("{}.resume", record.info_hashes));
                write(directory, &path, &record.to_resume_data())
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                let path = path.to_string_lossy();
                report(
                    export.store.json,
                    || json!({ "name": record.name, "info_hashes": record.info_hashes, "path": path }),
                    || path.to_string(),
                )
            })
        }
        StoreCommand::Import(from) => {
            // Fail before a store is created.
            fs::read_dir(&from.directory)
                .map_err(|error| format!("{}: {error}", from.directory.display()))?;
            let mut store = Sqlite::open(&from.file)?;
            let mut outcome = Outcome::Done;
            let imported = import(&from.directory, &mut store)?;
            if imported.is_empty() {
                let directory = from.directory.display();
                return Err(format!(
                    "{directory} contains no .torrent, .fastresume or .resume files"
                )
                .into());
            }
            for torrent in imported {
                let (path, was_known) = (torrent.path.to_string_lossy(), torrent.was_known);
                match torrent.result {
                    Ok(name) => report(
                        from.json,
                        || json!({ "path": path, "name": name, "was_known": was_known }),
                        || match was_known {
                            true => format!("{}: already in the store", printable(&name)),
                            false => printable(&name).into(),
                        },
                    )?,
                    Err(error) => {
                        let object = json!({ "path": path, "error": error });
                        fail(from.json, object, format_args!("{path}: {error}"))?;
                        outcome = Outcome::Failed;
                    }
                }
            }
            Ok(outcome)
        }
    }
}

/// Writes the whole file or nothing. Like the store, it is readable by its owner only: it may contain
/// passkeys of trackers.
fn write(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = tempfile::NamedTempFile::new_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

/// Writes a result to stdout: a JSON object, or a line of text.
fn report<T: Display>(
    json: bool,
    object: impl FnOnce() -> Value,
    line: impl FnOnce() -> T,
) -> Result<()> {
    if json { output::json(&object()) } else { Ok(result(line())?) }
}

/// Reports a failure on stderr, and with --json on stdout too.
fn fail(json: bool, object: Value, line: impl Display) -> Result<()> {
    output::error(line);
    if json { output::json(&object) } else { Ok(()) }
}

/// Shows each torrent. Reports those that cannot be read, and continues with the others.
fn for_each_torrent(
    mut store: Sqlite,
    json: bool,
    mut show: impl FnMut(Record) -> Result<()>,
) -> Result<Outcome> {
    let (mut after, mut outcome) = (None, Outcome::Done);
    loop {
        let page = store.load(after, 100)?;
        let Some(last) = page.last() else { return Ok(outcome) };
        after = Some(last.key());
        for loaded in page {
            match loaded {
                Loaded::Torrent(record) => show(*record)?,
                Loaded::Unreadable { name, error, .. } => {
                    let object = json!({ "name": name, "error": error });
                    fail(json, object, format_args!("{}: {error}", printable(&name)))?;
                    outcome = Outcome::Failed;
                }
                _ => {}
            }
        }
    }
}

fn line(record: &Record) -> String {
    let state = match () {
        () if record.deleting => "deleting",
        () if record.paused => "paused",
        () if record.completed.is_some() => "complete",
        () => "incomplete",
    };
    let labels: Vec<_> = record.labels.iter().map(|label| printable(label)).collect();
    let labels =
        if labels.is_empty() { String::new() } else { format!("  [{}]", labels.join(", ")) };
    let (name, directory) = (printable(&record.name), record.save_dir.display());
    format!("{}  {state:<10}  {name}  in {directory}{labels}", record.info_hashes)
}

fn object(record: &Record) -> Value {
    let seconds = |when: SystemTime| {
        when.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
    };
    json!({
        "key": record.key.get(),
        "name": record.name,
        "info_hashes": record.info_hashes,
        "source": record.source,
        "added": seconds(record.added),
        "completed": record.completed.map(seconds),
        "save_dir": record.save_dir.to_string_lossy(),
        "paused": record.paused,
        "has_metadata": record.info.is_some(),
        "labels": record.labels,
    })
}
