//! Ensures that only one client has a store open.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

use super::{OPEN, private_file_options, sibling_path};
use crate::error::{Error, ErrorKind, Result};

/// A lock on a separate file. The system releases it when the process ends. The database itself cannot be
/// locked: closing any descriptor of a file releases the locks that SQLite holds on it in this process.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing the file releases the lock. The file is not removed, because another process may be opening
    /// it.
    _file: File,
}

impl Lock {
    pub(super) fn take(store: &Path) -> Result<Self> {
        let path = sibling_path(store, "-lock");
        let io = |error| Error::io(OPEN, path.display(), &error);
        // Another user who could open it could lock it.
        let mut file = private_file_options().read(true).open(&path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(io(error)),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.take(32).read_to_string(&mut holder);
                let message = match holder.trim() {
                    "" => "another process has it open".to_owned(),
                    pid => format!("process {pid} has it open"),
                };
                return Err(Error::new(ErrorKind::InUse, OPEN, message).on(store.display()));
            }
        }
        let write = |file: &mut File| {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(io)?;
        Ok(Self { _file: file })
    }
}
