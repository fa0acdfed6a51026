//! `--resume`: a directory with the resume data of torrents, one file for each.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use torrent_patron::InfoHashes;

use crate::{Result, temporary};

/// What the names of files end with that are being written.
const TEMPORARY: &str = ".resume.tmp";

#[derive(Debug, Clone)]
pub(crate) struct ResumeDir(PathBuf);

impl ResumeDir {
    /// Creates the directory if need be, and removes what killed runs left half written.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let failed = |error| format!("{}: {error}", directory.display());
        fs::create_dir_all(directory).map_err(failed)?;
        temporary::clean(directory, |name| name.ends_with(TEMPORARY));
        Ok(Self(directory.to_owned()))
    }

    fn path(&self, hash: impl std::fmt::Display) -> PathBuf {
        self.0.join(format!("{hash}.resume"))
    }

    /// The resume data of a torrent and the file that has it, if there is one. A magnet link may have
    /// another of the torrent's hashes than the file is named by.
    pub(crate) fn find(&self, hashes: &InfoHashes) -> io::Result<Option<(PathBuf, Vec<u8>)>> {
        let v1 = hashes.v1.map(|hash| self.path(hash));
        let v2 = hashes.v2.map(|hash| self.path(hash));
        for path in v1.into_iter().chain(v2) {
            match fs::read(&path) {
                Ok(bytes) => return Ok(Some((path, bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(about(&path, &error)),
            }
        }
        Ok(None)
    }

    /// All of it or nothing, and durable when it returns.
    pub(crate) fn save(&self, hashes: &InfoHashes, data: &[u8]) -> io::Result<()> {
        let path = self.path(hashes);
        let write = || {
            let mut file = tempfile::Builder::new().suffix(TEMPORARY).tempfile_in(&self.0)?;
            // Where files cannot be locked, none is taken for left behind.
            let _ = temporary::lock(file.as_file());
            file.write_all(data)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|error| about(&path, &error))
    }
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
