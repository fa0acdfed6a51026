//! `torrent-patron store`: lists and checks stores, and exchanges torrents with other programs.

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::time::SystemTime;

use torrent_patron::printable;
use torrent_patron::store::{Loaded, Record, Sqlite, Store, import};

use crate::arguments::StoreCommand;
use crate::output::{json, result};
use crate::{Outcome, Result, output};

pub(crate) fn run(command: &StoreCommand) -> Result<Outcome> {
    match command {
        StoreCommand::List(list) => {
            let store = Sqlite::open_read_only(&list.file)?;
            each(store, |record| if list.json { object(&record) } else { line(&record) })
        }
        StoreCommand::Check(check) => {
            let mut store = Sqlite::open_read_only(&check.file)?;
            let problems = store.check()?;
            problems.iter().for_each(output::error);
            if !problems.is_empty() {
                return Ok(Outcome::Failed);
            }
            let count = store.count()?;
            let torrents = if count == 1 { "torrent" } else { "torrents" };
            result(format_args!("{}: {count} {torrents}, nothing is damaged", store.name()))?;
            Ok(Outcome::Done)
        }
        StoreCommand::Export(export) => {
            let (store, directory) = (Sqlite::open_read_only(&export.file)?, &export.directory);
            fs::create_dir_all(directory)
                .map_err(|error| format!("{}: {error}", directory.display()))?;
            each(store, |record| {
                let path = directory.join(format!("{}.resume", record.info_hashes));
                write(directory, &path, &record.to_resume_data())
                    .map_err(|error| format!("{}: {error}", path.display()))?;
                Ok(result(path.display())?)
            })
        }
        StoreCommand::Import(from) => {
            // Fail before a store is created.
            fs::read_dir(&from.directory)
                .map_err(|error| format!("{}: {error}", from.directory.display()))?;
            let mut store = Sqlite::open(&from.file)?;
            let mut outcome = Outcome::Done;
            for torrent in import(&from.directory, &mut store)? {
                match torrent.result {
                    Ok(name) if torrent.was_known => {
                        result(format_args!("{}: already in the store", printable(&name)))?;
                    }
                    Ok(name) => result(printable(&name))?,
                    Err(error) => {
                        output::error(format_args!("{}: {error}", torrent.path.display()));
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

/// Shows each torrent. Reports those that cannot be read, and continues with the others.
fn each(mut store: Sqlite, mut show: impl FnMut(Record) -> Result<()>) -> Result<Outcome> {
    let (mut after, mut outcome) = (None, Outcome::Done);
    loop {
        let page = store.load(after, 100)?;
        let Some(last) = page.last() else { return Ok(outcome) };
        after = Some(last.key());
        for loaded in page {
            match loaded {
                Loaded::Torrent(record) => show(*record)?,
                Loaded::Unreadable { name, error, .. } => {
                    output::error(format_args!("{}: {error}", printable(&name)));
                    outcome = Outcome::Failed;
                }
                _ => {}
            }
        }
    }
}

fn line(record: &Record) -> Result<()> {
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
    Ok(result(format_args!("{}  {state:<10}  {name}  in {directory}{labels}", record.info_hashes))?)
}

fn object(record: &Record) -> Result<()> {
    let seconds = |when: SystemTime| {
        when.duration_since(SystemTime::UNIX_EPOCH).map(|since| since.as_secs()).unwrap_or_default()
    };
    json(&serde_json::json!({
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
    }))
}
