//! The destination of the .torrent file that `create` writes.

use std::fs::{self, File, FileType, Metadata, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::Result;

/// A destination that was writable when it was checked, before the work.
#[derive(Debug)]
pub(crate) enum Target {
    Stdout,
    New(PathBuf),
    /// A regular file; links were followed.
    Existing(PathBuf),
}

impl Target {
    /// Checks a destination; `-` is stdout. An existing file is overwritten only with `force`, and only if it
    /// is a regular file that is not among the shared files.
    pub(crate) fn find(output: &Path, shared: &Path, force: bool) -> Result<Self> {
        if output == Path::new("-") {
            return Ok(Self::Stdout);
        }
        let failed = |error| format!("cannot write {}: {error}", output.display());
        if fs::symlink_metadata(output).is_err() {
            is_writable(directory(output)).map_err(failed)?;
            return Ok(Self::New(output.to_owned()));
        }
        if !force {
            return Err(format!("{} exists; --force overwrites it", output.display()).into());
        }
        let path = match output.canonicalize() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // A link to a file that does not exist yet.
                let target = directory(output).join(fs::read_link(output).map_err(failed)?);
                is_writable(directory(&target)).map_err(failed)?;
                return Ok(Self::New(target));
            }
            found => found.map_err(failed)?,
        };
        let kind = path.metadata().map_err(failed)?.file_type();
        if !kind.is_file() {
            return Err(format!("{} is {}, not a file", output.display(), name(kind)).into());
        }
        if shared.canonicalize().is_ok_and(|shared| path.starts_with(shared)) {
            let message = "is among the shared files, which would then differ from the torrent";
            return Err(format!("{} {message}", output.display()).into());
        }
        OpenOptions::new().write(true).open(&path).map_err(failed)?;
        Ok(Self::Existing(path))
    }

    pub(crate) fn is_stdout(&self) -> bool {
        matches!(self, Self::Stdout)
    }

    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Stdout => {
                let mut stdout = io::stdout().lock();
                stdout.write_all(bytes)?;
                stdout.flush()
            }
            Self::New(path) => {
                temporary(path, bytes, new_file())?.persist_noclobber(path)?;
                Ok(())
            }
            Self::Existing(path) => overwrite(path, bytes),
        }
    }
}

/// Writes all of the file or nothing, with the existing mode. If a new file could not fully replace the old
/// one (another owner, another hard link, a directory that is not writable), the old one is overwritten in
/// place.
fn overwrite(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let metadata = path.metadata()?;
    let file = temporary(path, bytes, Some(metadata.permissions()));
    if let Some(file) = file.ok().filter(|file| could_replace(&metadata, file.as_file())) {
        // Permissions that the umask has removed.
        file.as_file().set_permissions(metadata.permissions())?;
        file.persist(path)?;
        return Ok(());
    }
    let mut file = OpenOptions::new().write(true).truncate(true).open(path)?;
    file.write_all(bytes)
}

fn temporary(
    path: &Path,
    bytes: &[u8],
    permissions: Option<Permissions>,
) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    if let Some(permissions) = permissions {
        builder.permissions(permissions);
    }
    let mut file = builder.tempfile_in(directory(path))?;
    file.write_all(bytes)?;
    Ok(file)
}

fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Returns whether the directory is writable. If possible, this is tried with a file that has no name, so
/// that none is left over.
fn is_writable(directory: &Path) -> io::Result<()> {
    tempfile::tempfile_in(directory).map(drop)
}

/// Returns the permissions of an ordinary file, because a temporary file is accessible only to its owner.
#[cfg(unix)]
fn new_file() -> Option<Permissions> {
    use std::os::unix::fs::PermissionsExt;
    Some(Permissions::from_mode(0o666))
}

#[cfg(not(unix))]
fn new_file() -> Option<Permissions> {
    None
}

#[cfg(unix)]
fn could_replace(old: &Metadata, new: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    new.metadata()
        .is_ok_and(|new| (old.uid(), old.gid(), old.nlink()) == (new.uid(), new.gid(), new.nlink()))
}

#[cfg(not(unix))]
fn could_replace(_old: &Metadata, _new: &File) -> bool {
    true
}

#[cfg(unix)]
fn name(kind: FileType) -> &'static str {
    use std::os::unix::fs::FileTypeExt;
    match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a FIFO",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    }
}

#[cfg(not(unix))]
fn name(kind: FileType) -> &'static str {
    if kind.is_dir() { "a directory" } else { "a special file" }
}
