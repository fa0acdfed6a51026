//! `--resume`: a directory that has what a later run needs to go on, one file for each torrent.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;
use torrent_patron::{InfoHashes, Magnet, Metainfo, Source};

use crate::Result;

#[derive(Debug)]
pub(crate) struct Keeping(PathBuf);

impl Keeping {
    /// The directory is made if need be.
    pub(crate) fn new(directory: &Path) -> Result<Self> {
        let named = |error| format!("{}: {error}", directory.display());
        fs::create_dir_all(directory).map_err(named)?;
        Ok(Self(directory.to_owned()))
    }

    fn path(&self, hash: impl std::fmt::Display) -> PathBuf {
        self.0.join(format!("{hash}.resume"))
    }

    /// What was kept of a torrent, if something was, and where. A magnet link may have another of its
    /// hashes than it was kept by.
    pub(crate) fn find(&self, source: &Source) -> io::Result<Option<(PathBuf, Vec<u8>)>> {
        let hashes = match source {
            Source::File(path) => Metainfo::read(path).map(|metainfo| metainfo.info_hashes),
            Source::Magnet(link) => Magnet::parse(link).map(|magnet| magnet.info_hashes),
            Source::InfoHash(hashes) => Ok(*hashes),
            _ => return Ok(None),
        };
        // What cannot be read is told when it is started.
        let Ok(hashes) = hashes else { return Ok(None) };
        let v1 = hashes.v1.map(|hash| self.path(hash));
        let v2 = hashes.v2.map(|hash| self.path(hash));
        for path in v1.into_iter().chain(v2) {
            match fs::read(&path) {
                Ok(bytes) => return Ok(Some((path, bytes))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(named(&path, &error)),
            }
        }
        Ok(None)
    }

    /// Whole or not at all, whatever happens meanwhile.
    pub(crate) fn keep(&self, hashes: &InfoHashes, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(hashes);
        let write = || {
            let mut file = NamedTempFile::new_in(&self.0)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            File::open(&self.0)?.sync_all()
        };
        write().map_err(|error| named(&path, &error))
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
