//! Prepares a torrent from a store.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::prepare::configured;
use super::source::unusable;
use super::{Defaults, Prepared, StoredForm, existing, join};
use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::{self, Urls};
use crate::model::op;
use crate::model::{ClientData, InfoHashes, Limits, OnConflict};
use crate::sys::{self, convert};

/// The data of a torrent in a store.
#[derive(Debug, Clone)]
pub(crate) struct Restorable {
    pub(crate) name: Arc<str>,
    pub(crate) stored: StoredForm,
    pub(crate) save_dir: PathBuf,
    /// A move of its files that may have been interrupted.
    pub(crate) moving: Option<(PathBuf, OnConflict)>,
    pub(crate) paused: bool,
    pub(crate) deleting: bool,
}

/// Prepares the torrent for the engine in its former state. Completes an interrupted move, and compares the
/// files on disk with the resume data. This waits for the disk.
pub(crate) fn restore(torrent: Restorable, defaults: &Defaults) -> Result<Prepared> {
    let name = torrent.name.clone();
    read(torrent, defaults).map_err(|error| error.in_operation(op::RESTORE).on(name))
}

fn read(torrent: Restorable, defaults: &Defaults) -> Result<Prepared> {
    let Restorable { name, stored, save_dir, moving, paused, deleting } = torrent;
    let bytes = join(stored.info.as_deref().unwrap_or_default(), &stored.resume_data);
    let params = sys::params_from_resume_data(&bytes).map_err(|exception| unusable(&exception))?;
    let described = metainfo::describe(&params)?;
    let (save_dir, not_moved, unfinished) = match moving {
        Some((to, on_conflict)) => {
            let parts = InfoHashes::from_bytes(&described.v1, &described.v2);
            let parts = format!(".{parts}.parts");
            let files = described.files.iter().filter(|file| !file.pad);
            let files: Vec<_> = files.map(|file| (&*file.path, file.claimed)).collect();
            if !deleting && must_copy(&files, &save_dir, &to) {
                let files = files.iter().map(|(file, _)| (*file).into()).collect();
                let from = save_dir.clone();
                let unfinished = UnfinishedMove { files, parts, from, to, on_conflict };
                (save_dir, None, Some(Box::new(unfinished)))
            } else {
                match finish_move(&files, &parts, &save_dir, &to, on_conflict)? {
                    None => (to, None, None),
                    refused => (save_dir, refused, None),
                }
            }
        }
        None => (save_dir, None, None),
    };
    if described.has_pieces && !deleting {
        // If a disk is missing, the torrent must not be downloaded again to the mount point.
        let found = fs::metadata(&save_dir);
        found.map_err(|error| Error::io(op::RESTORE, save_dir.display(), &error).at_disk())?;
        existing::refuse_changed(&described, &save_dir)?;
    }
    let urls = Urls::of(&described);
    let record = sys::AddRecord {
        save_path: convert::path_bytes(&save_dir).to_vec(),
        peers: Vec::new(),
        trackers: urls.trackers.iter().map(convert::tracker_record).collect(),
        web_seeds: urls.web_seeds,
        http_seeds: urls.http_seeds,
        named: Vec::new(),
        file_priorities: Vec::new(),
        allocate: false,
        flags: 0,
        limits: convert::some_limits(Limits::default()),
        paused: paused || deleting,
        restored: true,
        trust: false,
        stop_when_checked: false,
        refuse_foreign: true,
        verify_finished: described.client_data.verify,
        policy: defaults.settings.policy(defaults.loopback_only, defaults.proxy),
    };
    let move_to = &described.client_data.move_to;
    let client_data = ClientData {
        move_to: (!move_to.is_empty()).then(|| convert::path(move_to.clone())),
        goals: convert::goals(&described.client_data),
        replicas: described.client_data.replicas,
        ..ClientData::default()
    };
    let mut prepared =
        configured(params, &record, &described, name.clone(), save_dir, client_data)?;
    prepared.name = name;
    prepared.problem = not_moved;
    prepared.unfinished = unfinished;
    Ok(prepared)
}

/// A move to another file system, of which no file is only at the destination yet. It begins again when the
/// torrent has been restored, because copying can take hours.
#[derive(Debug)]
pub(crate) struct UnfinishedMove {
    files: Vec<Box<str>>,
    parts: String,
    from: PathBuf,
    pub(crate) to: PathBuf,
    pub(crate) on_conflict: OnConflict,
}

impl UnfinishedMove {
    /// Removes the complete and partial copies at the destination. This reads them.
    pub(crate) fn remove_copies(&self, stop: &AtomicBool) -> Result<()> {
        let failed = |path: &Path, error| Error::io(op::MOVE, path.display(), &error).at_disk();
        let mut copies = vec![(self.from.join(&self.parts), self.to.join(&self.parts))];
        for file in &self.files {
            let (old, new) = (self.from.join(&**file), self.to.join(&**file));
            match (exists(&new), self.on_conflict) {
                // The move replaces them.
                (false, _) | (true, OnConflict::Replace) => {}
                (true, OnConflict::Fail | OnConflict::Keep) => {
                    if !is_foreign(&old, &new, stop).map_err(|error| failed(&new, error))? {
                        copies.push((old, new));
                    } else if self.on_conflict == OnConflict::Fail {
                        return Err(refused(&new));
                    }
                }
            }
        }
        // If the torrent was removed with its files meanwhile, nothing is known to be a copy.
        for (_, copy) in copies.iter().filter(|(old, copy)| exists(old) && exists(copy)) {
            fs::remove_file(copy).map_err(|error| failed(copy, error))?;
        }
        Ok(())
    }
}

fn exists(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

fn refused(path: &Path) -> Error {
    let why = "it already exists, so the torrent's files were not moved";
    Error::new(ErrorKind::Exists, op::MOVE, format!("{}: {why}", path.display()))
}

/// Returns whether a move copies all files, because none is at the destination alone.
fn must_copy(files: &[(&str, bool)], from: &Path, to: &Path) -> bool {
    let device = |path: &Path| {
        let found = path.ancestors().find_map(|path| fs::metadata(path).ok());
        found.map(|found| found.dev())
    };
    let is_moved = |(file, _): &(&str, bool)| exists(&to.join(file)) && !exists(&from.join(file));
    device(from) != device(to) && !files.iter().any(is_moved)
}

/// Moves the files that have not been moved, or returns why all of them stay where they were. For each file,
/// `files` says whether the resume data claims data of it. It is an error if some cannot be moved, and others
/// have been.
fn finish_move(
    files: &[(&str, bool)],
    parts: &str,
    from: &Path,
    to: &Path,
    on_conflict: OnConflict,
) -> Result<Option<Error>> {
    let is_there =
        |(file, claimed): &(&str, bool)| !claimed || fs::symlink_metadata(from.join(file)).is_ok();
    match try_to_finish(files, parts, from, to, on_conflict) {
        Err(error) if files.iter().all(is_there) => Ok(Some(error)),
        done => done,
    }
}

fn try_to_finish(
    files: &[(&str, bool)],
    parts: &str,
    from: &Path,
    to: &Path,
    on_conflict: OnConflict,
) -> Result<Option<Error>> {
    let failed = |path: &Path, error| Error::io(op::MOVE, path.display(), &error).at_disk();
    let is_foreign = |file: &str| {
        let new = to.join(file);
        let never = AtomicBool::new(false);
        is_foreign(&from.join(file), &new, &never).map_err(|error| failed(&new, error))
    };
    let is_moved = |file: &str| exists(&to.join(file)) && !exists(&from.join(file));
    if on_conflict == OnConflict::Fail {
        // libtorrent looks for all files at the destination before it moves the first one. Until then, a file
        // that is only there belongs to somebody else: the torrent has not created its own.
        let has_begun = files.iter().any(|(file, claimed)| *claimed && is_moved(file));
        for (file, _) in files {
            if (is_moved(file) && !has_begun) || is_foreign(file)? {
                return Ok(Some(refused(&to.join(file))));
            }
        }
    }
    let mut moved = Moved::to(to);
    for file in files.iter().map(|(file, _)| *file).chain([parts]) {
        let (old, new) = (from.join(file), to.join(file));
        // The part file belongs to this torrent: its name contains the info hash.
        let keep = on_conflict == OnConflict::Keep && file != parts;
        if !exists(&old) || (keep && is_foreign(file)?) {
            continue;
        }
        if let Some(directory) = new.parent() {
            fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
        }
        moved.add(old, new).map_err(|(path, error)| failed(&path, error))?;
    }
    fs::create_dir_all(to).map_err(|error| failed(to, error))?;
    moved.keep();
    Ok(None)
}

/// Files that were moved. They are moved back unless they are [kept](Moved::keep).
struct Moved<'a> {
    to: &'a Path,
    renamed: Vec<(PathBuf, PathBuf)>,
    /// On other file systems.
    copied: Vec<(PathBuf, PathBuf)>,
}

impl<'a> Moved<'a> {
    fn to(to: &'a Path) -> Self {
        Self { to, renamed: Vec::new(), copied: Vec::new() }
    }

    /// Moves a file. An error comes with the path of the file that it is about.
    fn add(&mut self, old: PathBuf, new: PathBuf) -> Result<(), (PathBuf, io::Error)> {
        match fs::rename(&old, &new) {
            Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
                let copied = fs::copy(&old, &new).and_then(|_| fs::File::open(&new)?.sync_all());
                let done = copied.map_err(|error| (new.clone(), error));
                // Also if the disk is full now.
                self.copied.push((old, new));
                done
            }
            Err(error) => Err((old, error)),
            Ok(()) => {
                self.renamed.push((old, new));
                Ok(())
            }
        }
    }

    /// Makes the new names durable.
    fn synchronize(&self) {
        let above = self.to.parent();
        let mut directories = BTreeSet::from_iter([self.to].into_iter().chain(above));
        for (_, new) in self.renamed.iter().chain(&self.copied) {
            directories.extend(new.ancestors().skip(1).take_while(|path| *path != self.to));
        }
        for directory in directories {
            if let Err(error) = fs::File::open(directory).and_then(|opened| opened.sync_all()) {
                tracing::warn!(path = %directory.display(), %error, "not synchronized");
            }
        }
    }

    fn keep(mut self) {
        self.synchronize();
        self.renamed.clear();
        for (old, _) in std::mem::take(&mut self.copied) {
            if let Err(error) = fs::remove_file(&old) {
                tracing::warn!(path = %old.display(), %error, "a file that was copied is left");
            }
        }
    }
}

impl Drop for Moved<'_> {
    fn drop(&mut self) {
        let undo = |path: &Path, undone: io::Result<()>| {
            if let Err(error) = undone {
                tracing::warn!(path = %path.display(), %error, "a file is not moved back");
            }
            let mut directories = path.ancestors().skip(1).take_while(|path| *path != self.to);
            // Not if it has others.
            while directories.next().is_some_and(|empty| fs::remove_dir(empty).is_ok()) {}
        };
        for (old, new) in &self.renamed {
            undo(new, fs::rename(new, old));
        }
        for (_, new) in &self.copied {
            undo(new, fs::remove_file(new));
        }
    }
}

/// Returns whether the destination has anything but a complete or partial copy of the file. What a copy lacks
/// may be zeros, because libtorrent sets its length first.
fn is_foreign(old: &Path, new: &Path, stop: &AtomicBool) -> io::Result<bool> {
    let found = match fs::symlink_metadata(new) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => return Ok(true),
        found => found?,
    };
    let mut old = match fs::File::open(old) {
        // It has been moved, or it never existed.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        old => old?,
    };
    if !found.is_file() || found.len() > old.metadata()?.len() {
        return Ok(true);
    }
    let mut new = fs::File::open(new)?;
    let (mut copied, mut whole) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        if stop.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let count = new.read(&mut copied)?;
        if count == 0 {
            return Ok(false);
        }
        let (copied, whole) = (&copied[..count], &mut whole[..count]);
        old.read_exact(whole)?;
        if copied != whole && copied.iter().zip(whole).any(|(new, old)| *new != 0 && new != old) {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(directory: &Path, name: &str, text: &str) {
        let path = directory.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn an_interrupted_move_is_completed() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        write(&to, "a/1", "moved");
        write(&from, "a/2", "whole");
        write(&to, "a/2", "who");
        write(&from, "3", "not yet");
        write(&to, "5", "moved before data of it was saved");
        write(&from, ".parts", "parts");
        let finish = |on_conflict| {
            let files = [("a/1", true), ("a/2", true), ("3", false), ("4", false), ("5", false)];
            finish_move(&files, ".parts", &from, &to, on_conflict).unwrap()
        };
        assert_eq!((finish(OnConflict::Fail), finish(OnConflict::Fail)), (None, None));
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        let all = ["a/1", "a/2", "3", ".parts"].map(read);
        assert_eq!(all, ["moved", "whole", "not yet", "parts"]);
        assert!(!from.join("a/2").exists() && !to.join("4").exists());

        write(&from, "3", "another");
        write(&from, "4", "whole");
        write(&to, "4", "who\0\0");
        assert_eq!(finish(OnConflict::Keep), None);
        assert_eq!(read("3"), "not yet", "it is kept");
        assert_eq!(read("4"), "whole", "it was a partial copy");
    }

    #[test]
    fn a_move_that_was_cut_short_replaces_no_files_of_others() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        write(&from, "1", "first");
        write(&from, "2", "second");
        let files = [("1", true), ("2", true), ("3", false)];
        let finish = |on_conflict| finish_move(&files, ".parts", &from, &to, on_conflict).unwrap();
        let read = |directory: &Path, name| fs::read_to_string(directory.join(name)).unwrap();
        for foreign in ["another", "sec0", "second and more"] {
            write(&to, "2", foreign);
            let refused = finish(OnConflict::Fail).unwrap();
            assert_eq!(refused.kind(), ErrorKind::Exists);
            let refused = refused.to_string();
            assert!(refused.contains(&to.join("2").display().to_string()), "{refused}");
            assert_eq!(read(&to, "2"), foreign);
            assert_eq!((read(&from, "1"), read(&from, "2")), ("first".into(), "second".into()));
            assert!(!to.join("1").exists(), "nothing is moved");
        }
        fs::remove_file(to.join("2")).unwrap();
        fs::create_dir(to.join("2")).unwrap();
        assert!(finish(OnConflict::Fail).is_some(), "a directory");
        fs::remove_dir(to.join("2")).unwrap();
        write(&to, "3", "another");
        let refused = finish(OnConflict::Fail).unwrap().to_string();
        assert!(
            refused.contains(&to.join("3").display().to_string()),
            "not created yet: {refused}"
        );
        assert!(!to.join("1").exists() && !to.join("2").exists());
        fs::remove_file(to.join("3")).unwrap();
        write(&to, "2", "another");
        assert_eq!(finish(OnConflict::Replace), None);
        assert_eq!((read(&to, "1"), read(&to, "2")), ("first".into(), "second".into()));
    }

    #[test]
    fn a_move_that_cannot_be_finished_leaves_the_files_where_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        write(&from, "1", "first");
        write(&from, "d/2", "second");
        let files = [("1", true), ("d/2", true)];
        let finish = || finish_move(&files, ".parts", &from, &to, OnConflict::Replace);
        write(&to, "d", "a file that should be a directory");
        let stays = finish().unwrap().unwrap().to_string();
        assert!(stays.starts_with("cannot move the files"), "{stays}");
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        assert_eq!(
            (read(from.join("1")), read(from.join("d/2"))),
            ("first".into(), "second".into())
        );
        assert!(!to.join("1").exists());

        fs::rename(from.join("1"), to.join("1")).unwrap();
        finish().unwrap_err();
        assert_eq!(read(to.join("1")), "first", "it cannot stay: a part of it has been moved");
        fs::remove_file(to.join("d")).unwrap();
        assert_eq!(finish().unwrap(), None);
        assert_eq!((read(to.join("1")), read(to.join("d/2"))), ("first".into(), "second".into()));
    }
}
