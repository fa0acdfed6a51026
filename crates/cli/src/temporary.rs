//! Temporary files and directories. The run that creates one locks it. Locks end with their process, so a
//! later run can tell which were left over.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Marks a file or directory as in use, for as long as it is open.
pub(crate) fn lock(file: &File) -> io::Result<()> {
    Ok(flock(file, FlockOperation::NonBlockingLockExclusive)?)
}

/// Removes the temporary files and directories in a directory that no run has locked. Errors are ignored,
/// because the next run tries again.
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
