//! Temporary files and directories that a later run recognises as left behind: each is locked by the
//! run that made it, and no lock outlives its process.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Marks it as in use, for as long as the file is open.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Removes from a directory what has such a name and what no run has locked. That something cannot be
/// removed is no reason not to work.
pub(crate) fn clean(directory: &Path, is_temporary: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for entry in entries.flatten() {
        let kind = entry.file_type();
        let ours = entry.file_name().to_str().is_some_and(&is_temporary);
        let Some(kind) = kind.ok().filter(|kind| ours && (kind.is_file() || kind.is_dir())) else {
            continue;
        };
        let path = entry.path();
        let Ok(file) = File::open(&path) else { continue };
        if lock(&file).is_ok() {
            let _ = if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        }
    }
}
