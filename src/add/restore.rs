//! Prepares a torrent from a store.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{Defaults, Kept, Prepared, configured, existing, join, unusable};
use crate::error::{Error, Result};
use crate::metainfo::{self, Urls};
use crate::model::{ClientData, Existing, InfoHashes, Limits};
use crate::sys::{self, convert};

const RESTORE: &str = "restore the torrent";

/// The data of a torrent in a store.
#[derive(Debug, Clone)]
pub(crate) struct Restorable {
    pub(crate) name: Arc<str>,
    pub(crate) kept: Kept,
    pub(crate) save_dir: PathBuf,
    /// A move of its files that may have been interrupted.
    pub(crate) moving: Option<(PathBuf, Existing)>,
    pub(crate) paused: bool,
    pub(crate) deleting: bool,
}

/// Prepares the torrent for the engine in its former state. Completes an interrupted move, and compares the
/// files on disk with the resume data. This waits for the disk.
pub(crate) fn restore(torrent: Restorable, defaults: &Defaults) -> Result<Prepared> {
    let name = torrent.name.clone();
    read(torrent, defaults).map_err(|error| error.in_operation(RESTORE).on(name))
}

fn read(torrent: Restorable, defaults: &Defaults) -> Result<Prepared> {
    let Restorable { name, kept, save_dir, moving, paused, deleting } = torrent;
    let bytes = join(kept.info.as_deref().unwrap_or_default(), &kept.resume_data);
    let params = sys::params_from_resume_data(&bytes).map_err(|exception| unusable(&exception))?;
    let described = metainfo::describe(&params)?;
    let save_dir = match moving {
        Some((to, existing)) => {
            let parts = InfoHashes::from_bytes(&described.v1, &described.v2);
            let files = described.files.iter().filter(|file| !file.pad).map(|file| &*file.path);
            finish_move(files, &format!(".{parts}.parts"), &save_dir, &to, existing)?;
            to
        }
        None => save_dir,
    };
    if described.has_pieces && !deleting {
        // If a disk is missing, the torrent must not be downloaded again to the mount point.
        let found = fs::metadata(&save_dir);
        found.map_err(|error| Error::io(RESTORE, save_dir.display(), &error).at_disk())?;
        existing::refuse_longer(&described, &save_dir)?;
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
        verify_finished: false,
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
    Ok(prepared)
}

/// Moves the files that have not been moved. A file at the old path is complete; a file with the same name at
/// the destination is then at most part of its copy.
fn finish_move<'a>(
    files: impl Iterator<Item = &'a str>,
    parts: &'a str,
    from: &Path,
    to: &Path,
    existing: Existing,
) -> Result<()> {
    let failed = |path: &Path, error| Error::io(RESTORE, path.display(), &error).at_disk();
    for file in files.chain([parts]) {
        let (old, new) = (from.join(file), to.join(file));
        if fs::symlink_metadata(&old).is_err() || (existing == Existing::Keep && new.exists()) {
            continue;
        }
        if let Some(directory) = new.parent() {
            fs::create_dir_all(directory).map_err(|error| failed(directory, error))?;
        }
        move_file(&old, &new).map_err(|error| failed(&old, error))?;
    }
    fs::create_dir_all(to).map_err(|error| failed(to, error))
}

fn move_file(old: &Path, new: &Path) -> io::Result<()> {
    match fs::rename(old, new) {
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            fs::copy(old, new)?;
            fs::File::open(new)?.sync_all()?;
            fs::remove_file(old)
        }
        done => done,
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
        write(&from, ".parts", "parts");
        let finish = |existing| {
            finish_move(["a/1", "a/2", "3", "4"].into_iter(), ".parts", &from, &to, existing)
        };
        finish(Existing::Fail).unwrap();
        finish(Existing::Fail).unwrap();
        let read = |name: &str| fs::read_to_string(to.join(name)).unwrap();
        let all = ["a/1", "a/2", "3", ".parts"].map(read);
        assert_eq!(all, ["moved", "whole", "not yet", "parts"]);
        assert!(!from.join("a/2").exists() && !to.join("4").exists());

        write(&from, "3", "another");
        finish(Existing::Keep).unwrap();
        assert_eq!(read("3"), "not yet", "it is kept");
    }
}
