//! Imports the torrents of other programs.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::record::NOTES;
use super::{Change, Key, Record, Store};
use crate::add::{AddOptions, Defaults, Source, find_in, pairs, prepare_for_store, strings};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Goals, InfoHashes};

/// The result of importing one torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Imported {
    /// The file that the torrent was read from.
    pub path: PathBuf,
    /// The name of the torrent, or why it was not imported.
    pub result: Result<String>,
    /// Whether the store had it already. It was not changed.
    pub was_known: bool,
}

/// Adds the torrents in a directory to a store: `.torrent` files, each with the `.fastresume` or `.resume`
/// file of the same name if there is one, and resume data that includes the metainfo. qBittorrent's
/// `BT_backup` directory has this format; its categories and tags become labels, and its share limits become
/// [goals](crate::torrent::Goals). So has the resume data of [`Record::to_resume_data`], with labels and notes.
/// Torrents that are already in the store are not changed.
///
/// Each torrent is committed separately. When a torrent is restored, its resume data is checked against the
/// files on disk.
///
/// # Errors
///
/// The directory or the store cannot be read.
pub fn import(directory: impl AsRef<Path>, store: &mut dyn Store) -> Result<Vec<Imported>> {
    let directory = directory.as_ref();
    let (mut known, mut last) = (BTreeSet::new(), 0);
    loop {
        let page = store.load(Key::new(last), 1000)?;
        let Some(key) = page.last().map(super::Loaded::key) else { break };
        last = key.get();
        for loaded in page {
            if let super::Loaded::Torrent(record) = loaded {
                known.extend(names(&record.info_hashes));
            }
        }
    }
    let mut imported = Vec::new();
    for path in files(directory)? {
        let Some(key) = Key::new(last + 1) else { break };
        let mut was_known = false;
        let result = read(&path, key).and_then(|record| {
            let hashes = names(&record.info_hashes);
            was_known = hashes.iter().any(|hash| known.contains(hash));
            if was_known {
                return Ok(record.name.into());
            }
            last += 1;
            let name = record.name.to_string();
            store.commit(&[Change::Add(Box::new(record))])?;
            known.extend(hashes);
            Ok(name)
        });
        imported.push(Imported { path, result, was_known });
    }
    Ok(imported)
}

fn names(hashes: &InfoHashes) -> Vec<String> {
    let v1 = hashes.v1.map(|hash| hash.to_string());
    v1.into_iter().chain(hashes.v2.map(|hash| hash.to_string())).collect()
}

/// Returns the `.torrent` files, and the resume data without a `.torrent` file, sorted by name.
fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let failed = |error| Error::io(IMPORT, directory.display(), &error);
    let mut files = BTreeSet::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is =
            |kinds: &[&str]| kinds.iter().any(|kind| path.extension().is_some_and(|e| e == *kind));
        if is(&["torrent"]) || is(RESUME) && !path.with_extension("torrent").exists() {
            files.insert(path);
        }
    }
    Ok(files.into_iter().collect())
}

const IMPORT: &str = "import the torrents";

const RESUME: &[&str] = &["fastresume", "resume"];

/// The largest file that libtorrent decodes, in bytes.
const LARGEST: u64 = 512 << 20;

/// Refuses what somebody else may have put there: a FIFO, because to open one would wait for its writer, and a
/// file that would fill the memory.
fn check(path: &Path) -> Result<()> {
    let refuse =
        |why: String| Err(Error::new(ErrorKind::InvalidArgument, IMPORT, why).on(path.display()));
    match fs::metadata(path) {
        Ok(found) if !found.is_file() => refuse("it is not a regular file".into()),
        Ok(found) if found.len() > LARGEST => refuse(format!("it has {} bytes", found.len())),
        _ => Ok(()),
    }
}

fn read(path: &Path, key: Key) -> Result<Record> {
    let mut options = AddOptions::default();
    check(path)?;
    let bytes = |path: &Path| {
        check(path)?;
        fs::read(path).map_err(|error| Error::io(IMPORT, path.display(), &error))
    };
    let is_torrent = path.extension().is_some_and(|kind| kind == "torrent");
    let resume = RESUME.iter().map(|kind| path.with_extension(kind)).find(|path| path.exists());
    let resume = resume.map(|path| bytes(&path)).transpose()?;
    let source = match (&resume, is_torrent) {
        (Some(data), false) => Source::ResumeData(data[..].into()),
        _ => Source::File(path.into()),
    };
    if let (Some(data), true) = (&resume, is_torrent) {
        options = options.resume_data(&data[..]);
    }
    let resume = resume.unwrap_or_default();
    if let Some(goals) = goals(&resume) {
        options = options.goals(goals);
    }
    let defaults = Defaults { save_dir: ".".into(), ..Defaults::default() };
    let mut prepared = prepare_for_store(&source, &options, &defaults)?;
    let text = |key: &[u8]| find_in(&resume, key).map(strings).unwrap_or_default().pop();
    let is_relative = |path: &String| Path::new(path).is_relative();
    if let Some(relative) = text(b"save_path").filter(is_relative)
        && !prepared.save_dir.is_dir()
    {
        let why = format!("its directory is {relative:?}, which is not an absolute path here");
        return Err(Error::new(ErrorKind::InvalidArgument, IMPORT, why).on(path.display()));
    }
    let last = text(b"qBt-savePath");
    prepared.move_to = last
        .map(PathBuf::from)
        .filter(|last| last.is_absolute() && *last != prepared.save_dir)
        .or(prepared.move_to);
    prepared.encode_for_store()?;
    let mut record = Record::new(key, prepared.info_hashes, prepared.save_dir);
    record.name = (*prepared.name).into();
    record.source = path.display().to_string().into();
    record.added = SystemTime::now();
    if let Some(stored) = prepared.stored {
        (record.info, record.resume_data) = (stored.info, stored.resume_data);
    }
    record.paused = prepared.paused;
    let moment = |key| {
        let seconds = number(&resume, key).filter(|seconds| *seconds > 0)?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
    };
    record.added = moment("added_time").unwrap_or(record.added);
    record.completed = moment("completed_time");
    // An auto-managed torrent was paused by libtorrent's queue, not by the user.
    record.paused &= number(&resume, "auto_managed") != Some(1);
    let category = text(b"qBt-category").filter(|category| !category.is_empty());
    let tags = find_in(&resume, b"qBt-tags").map(strings).unwrap_or_default();
    record.labels = category.into_iter().chain(tags).map(Into::into).collect();
    let notes = find_in(&resume, NOTES).map(pairs).unwrap_or_default();
    record.notes = notes.into_iter().map(|(key, note)| (key.into(), note.into())).collect();
    Ok(record)
}

/// Reads qBittorrent's share limits: ratios in thousandths, and times in minutes. A negative value stands for
/// qBittorrent's default.
fn goals(resume: &[u8]) -> Option<Goals> {
    let ratio = number(resume, "qBt-ratioLimit").map(|ratio| ratio as f64 / 1000.0);
    let minutes = number(resume, "qBt-seedingTimeLimit");
    let goals = Goals {
        share_ratio: ratio,
        seed_time: minutes.map(|minutes| Duration::from_secs(minutes.saturating_mul(60))),
        ..Goals::default()
    };
    (goals != Goals::default()).then_some(goals)
}

fn number(dictionary: &[u8], key: &str) -> Option<u64> {
    let value = find_in(dictionary, key.as_bytes())?;
    std::str::from_utf8(value).ok()?.strip_prefix('i')?.strip_suffix('e')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metainfo::Metainfo;
    use crate::store::Memory;

    /// Imports a torrent with resume data that has these entries, too.
    fn imported(save_dir: &Path, more: &str) -> Record {
        let (imported, memory) = import_one(save_dir, more);
        assert_eq!(imported.result.as_deref(), Ok("a"));
        memory.records().remove(0)
    }

    fn import_one(save_dir: &Path, more: &str) -> (Imported, Memory) {
        let dir = tempfile::tempdir().unwrap();
        let torrent =
            b"d4:infod6:lengthi4e4:name1:a12:piece lengthi16384e6:pieces20:01234567890123456789ee";
        let hash = Metainfo::decode(torrent).unwrap().info_hashes.v1.unwrap().0;
        let format = "11:file-format22:libtorrent resume file12:file-versioni1e";
        let mut resume = format!("d{more}{format}9:info-hash20:").into_bytes();
        resume.extend(hash);
        let directory = save_dir.to_str().unwrap();
        resume.extend(format!("9:save_path{}:{directory}e", directory.len()).bytes());
        fs::write(dir.path().join("a.torrent"), torrent).unwrap();
        fs::write(dir.path().join("a.fastresume"), resume).unwrap();
        let mut memory = Memory::new();
        let mut imported = import(dir.path(), &mut memory).unwrap();
        (imported.remove(0), memory)
    }

    #[cfg_attr(miri, ignore = "libtorrent reads the torrent")]
    #[test]
    fn an_import_does_not_create_the_directory_of_a_missing_disk() {
        let disk = tempfile::tempdir().unwrap();
        let films = disk.path().join("not mounted/films");
        assert_eq!(imported(&films, "").save_dir, films);
        assert!(fs::read_dir(disk.path()).unwrap().next().is_none());
    }

    #[cfg_attr(miri, ignore = "libtorrent reads the torrent")]
    #[test]
    fn a_torrent_of_a_store_is_imported_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let mut record = imported(
            dir.path(),
            "10:added_timei7e12:auto_managedi0e14:completed_timei9e6:pausedi1e14:qBt-ratioLimiti2000e",
        );
        record.labels = ["", "films", "für uns"].map(Into::into).into();
        record.notes = [("", &b"d1:a"[..]), ("key", b"\0\xff"), ("none", b"")]
            .map(|(key, note)| (key.into(), note.into()))
            .into();
        let backup = tempfile::tempdir().unwrap();
        fs::write(backup.path().join("a.resume"), record.to_resume_data()).unwrap();
        let mut memory = Memory::new();
        import(backup.path(), &mut memory).unwrap().remove(0).result.unwrap();
        let again = memory.records().remove(0);
        record.source = again.source.clone();
        assert_eq!(again.to_resume_data(), record.to_resume_data());
        assert_eq!(again, record);
    }

    #[cfg_attr(miri, ignore = "libtorrent reads the torrent")]
    #[test]
    fn a_directory_of_another_system_is_an_error() {
        for directory in ["D:\\films", "no/such"] {
            let (refused, _) = import_one(Path::new(directory), "");
            let error = refused.result.unwrap_err().to_string();
            assert!(error.contains("is not an absolute path here"), "{error}");
        }
        assert!(import_one(Path::new("."), "").0.result.is_ok());
    }

    #[cfg_attr(miri, ignore = "libtorrent reads the torrent")]
    #[test]
    fn a_time_that_no_clock_can_show_is_not_imported() {
        let dir = tempfile::tempdir().unwrap();
        let record = imported(dir.path(), "10:added_timei9999999999999999999e14:completed_timei7e");
        assert_eq!(record.completed, Some(SystemTime::UNIX_EPOCH + Duration::from_secs(7)));
        assert!(record.added.elapsed().unwrap() < Duration::from_secs(60), "{record:?}");
    }

    #[test]
    fn numbers_are_read_where_they_are_some() {
        let data = b"d1:ai5e1:bi-1e1:c2:i5e";
        assert_eq!(number(data, "a"), Some(5));
        assert_eq!((number(data, "b"), number(data, "c"), number(data, "d")), (None, None, None));
    }
}
