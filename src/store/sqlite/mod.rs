//! A store in a SQLite database.

mod lock;
mod rows;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior, ffi};

use self::lock::Lock;
use super::{COMMIT, Change, Key, Loaded, Store};
use crate::error::{Error, ErrorKind, NativeCode, Result};

/// `application_id` of the database: "tptn".
const APPLICATION: i32 = 0x7470_746e;
/// The schema version that this code writes.
const SCHEMA: u32 = 1;
/// The capacity of the statement cache, greater than the number of statements in this module.
const STATEMENTS: usize = 32;
/// Older versions can damage a database in WAL mode when two connections write to it.
const OLDEST_SQLITE: i32 = 3_051_003;

const OPEN: &str = "open the store";
const READ: &str = "read the store";

/// A store in a SQLite database. Each commit is a transaction that is synchronized to the disk.
///
/// Only its owner can read a new database. It is not encrypted, and it contains secrets that torrents were
/// added with: passkeys and passwords in the URLs of trackers and web seeds, and a proxy password that was
/// set with [`apply_settings`](crate::Patron::apply_settings) (see
/// [`restore_settings`](crate::ClientBuilder::restore_settings)).
///
/// One client can have the database open at a time; a lock on a file with the suffix `-lock` ensures this.
/// Symbolic links are followed, so each database has one lock. Other programs can
/// [read](Sqlite::open_read_only) it meanwhile.
pub struct Sqlite {
    path: PathBuf,
    connection: Connection,
    /// Declared last, so that it is dropped after the connection.
    _lock: Option<Lock>,
}

impl Sqlite {
    /// Opens a database, and creates the file if it does not exist. Checks the structure of the database,
    /// which reads the whole file.
    ///
    /// # Errors
    ///
    /// `InUse` if another process or client has it open (the message contains the process id); `Corrupt` if
    /// it is damaged or belongs to another program; `VersionMismatch` if a newer version of this crate wrote
    /// it, or if the linked SQLite is too old; `InvalidArgument` if the path is not that of a regular file;
    /// `Disk` or `Io` if the system refuses. The file is not changed in these cases.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = resolved(path.as_ref())?;
        let lock = Lock::take(&path)?;
        let is_new = look(&path)?;
        if is_new {
            make_file(&path)?;
        }
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE, Some(lock))?;
        store.try_to(OPEN, |connection| {
            if is_new {
                create(connection)?;
            }
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            connection.pragma_update(None, "foreign_keys", true)
        })?;
        store.check_structure(OPEN, 1)?;
        Ok(store)
    }

    /// Opens a database for reading only. A client may have it open at the same time.
    ///
    /// # Errors
    ///
    /// As for [`open`](Sqlite::open), except `InUse`; `Io` if the file does not exist.
    pub fn open_read_only(path: impl AsRef<Path>) -> Result<Self> {
        let path = resolved(path.as_ref())?;
        fs::metadata(&path).map_err(|error| Error::io(OPEN, path.display(), &error))?;
        if look(&path)? {
            return Err(Error::new(ErrorKind::Corrupt, OPEN, "it is empty").on(path.display()));
        }
        let mut store = Self::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY, None)?;
        match store.count() {
            // SQLite needs files beside the database to coordinate with other processes. Nobody writes to it.
            Err(error) if error.kind() == ErrorKind::Disk && is_closed(&store.path) => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                store.connection = connect(&immutable(&store.path), &store.path, flags)?;
                Ok(store)
            }
            counted => counted.map(|_| store),
        }
    }

    fn connect(path: PathBuf, flags: OpenFlags, lock: Option<Lock>) -> Result<Self> {
        if rusqlite::version_number() < OLDEST_SQLITE {
            let message = format!(
                "SQLite {} is linked, which may damage it; 3.51.3 is the oldest that is safe",
                rusqlite::version()
            );
            return Err(Error::new(ErrorKind::VersionMismatch, OPEN, message).on(path.display()));
        }
        let connection = connect(&path, &path, flags)?;
        Ok(Self { path, connection, _lock: lock })
    }

    /// Reads the whole database and returns the problems that it finds.
    ///
    /// # Errors
    ///
    /// The database cannot be read at all.
    pub fn check(&mut self) -> Result<Vec<Error>> {
        let mut problems = self.structure(READ, 100)?;
        match self.state() {
            Ok(parts) => problems.extend(parts.into_values().filter_map(Result::err)),
            Err(error) => problems.push(error),
        }
        let mut after = None;
        loop {
            match self.load(after, 1000) {
                Ok(page) => {
                    let Some(last) = page.last() else { return Ok(problems) };
                    after = Some(last.key());
                    for loaded in page {
                        if let Loaded::Unreadable { name, error, .. } = loaded {
                            problems.push(error.on(name).on(self.path.display()));
                        }
                    }
                }
                Err(error) => {
                    problems.push(error);
                    return Ok(problems);
                }
            }
        }
    }

    fn check_structure(&mut self, op: &'static str, limit: u32) -> Result<()> {
        self.structure(op, limit)?.into_iter().next().map_or(Ok(()), Err)
    }

    fn structure(&mut self, op: &'static str, limit: u32) -> Result<Vec<Error>> {
        let found: Vec<String> = self.try_to(op, |connection| {
            let mut check = connection.prepare(&format!("PRAGMA quick_check({limit})"))?;
            check.query_map([], |row| row.get(0))?.collect()
        })?;
        let wrong = found.into_iter().filter(|line| line != "ok");
        let error = |line| Error::new(ErrorKind::Corrupt, op, line).on(self.path.display());
        Ok(wrong.map(error).collect())
    }

    fn try_to<T>(
        &mut self,
        op: &'static str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T> {
        work(&mut self.connection).map_err(|error| failed(op, &self.path, &error))
    }
}

impl Store for Sqlite {
    fn name(&self) -> String {
        self.path.display().to_string()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>> {
        let parts = self.try_to(READ, rows::state)?;
        let on = |error: Error| error.on(self.path.display());
        Ok(parts.into_iter().map(|(name, part)| (name, part.map_err(on))).collect())
    }

    fn count(&mut self) -> Result<u64> {
        self.try_to(READ, |connection| {
            let count = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            connection.query_row("SELECT count(*) FROM torrents", [], count)
        })
        .map(i64::unsigned_abs)
    }

    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
        let page = self.try_to(READ, |connection| rows::load(connection, after, limit))?;
        if page.is_empty() {
            // The whole file was read. Free SQLite's page cache.
            self.try_to(READ, |connection| {
                connection.pragma_query(None, "shrink_memory", |_| Ok(()))
            })?;
        }
        Ok(page)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let path = &self.path;
        let failed = |error| failed(COMMIT, path, &error);
        let behaviour = TransactionBehavior::Immediate;
        let transaction = Transaction::new(&mut self.connection, behaviour).map_err(failed)?;
        for change in changes {
            // Dropping the transaction rolls it back.
            rows::change(&transaction, change)
                .map_err(failed)?
                .map_err(|error| error.on(path.display()))?;
        }
        transaction.commit().map_err(failed)
    }
}

/// Returns whether the database must be created. Reads only the header, so that files of other programs are
/// not changed.
fn look(path: &Path) -> Result<bool> {
    let io = |error| Error::io(OPEN, path.display(), &error);
    let mut header = Vec::new();
    // To open a FIFO would wait for its writer.
    if path.metadata().is_ok_and(|found| !found.is_file()) {
        let why = "it is not a regular file";
        return Err(Error::new(ErrorKind::InvalidArgument, OPEN, why).on(path.display()));
    }
    match File::open(path) {
        Ok(file) => _ = file.take(100).read_to_end(&mut header).map_err(io)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
        Err(error) => return Err(io(error)),
    }
    if header.is_empty() {
        return Ok(true);
    }
    // The header of a SQLite database has a magic string and two numbers for the application.
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        u32::from_be_bytes(bytes.unwrap_or_default())
    };
    let refuse = |kind, why: String| Err(Error::new(kind, OPEN, why).on(path.display()));
    if !header.starts_with(b"SQLite format 3\0") {
        return refuse(ErrorKind::Corrupt, "it is not a SQLite database".into());
    }
    if number(68) != APPLICATION as u32 {
        return refuse(ErrorKind::Corrupt, "it is the database of another program".into());
    }
    let version = number(60);
    if version > SCHEMA {
        let why = format!("it has version {version}; this program knows versions up to {SCHEMA}");
        return refuse(ErrorKind::VersionMismatch, why);
    }
    Ok(false)
}

fn connect(name: &Path, path: &Path, flags: OpenFlags) -> Result<Connection> {
    let connection = Connection::open_with_flags(name, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)
        .map_err(|error| failed(OPEN, path, &error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(connection)
}

/// Returns whether nobody writes to the database: it is on a read-only file system, or its write-ahead log is
/// missing or empty.
fn is_closed(path: &Path) -> bool {
    let opened = OpenOptions::new().write(true).open(path);
    opened.is_err_and(|error| error.kind() == io::ErrorKind::ReadOnlyFilesystem)
        || fs::metadata(sibling_path(path, "-wal")).map_or(true, |log| log.len() == 0)
}

/// Returns the path of a file that belongs to a database.
fn sibling_path(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

/// Returns the URI that opens a file as immutable: <https://www.sqlite.org/uri.html>.
fn immutable(path: &Path) -> PathBuf {
    let mut uri = String::from("file:");
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'/' | b'.' | b'-' | b'_' => uri.push(char::from(*byte)),
            byte if byte.is_ascii_alphanumeric() => uri.push(char::from(*byte)),
            byte => uri += &format!("%{byte:02x}"),
        }
    }
    (uri + "?immutable=1").into()
}

/// Creates a file that only its owner can read, because it will contain secrets. SQLite gives its other files
/// the same permissions.
fn make_file(path: &Path) -> Result<()> {
    private_file_options()
        .open(path)
        .map(drop)
        .map_err(|error| Error::io(OPEN, path.display(), &error))
}

/// Options for a file that only its owner can open.
fn private_file_options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Creates the tables in one transaction.
fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = Transaction::new(connection, TransactionBehavior::Exclusive)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", SCHEMA)?;
    transaction.execute_batch(include_str!("schema.sql"))?;
    transaction.commit()
}

/// Resolves symbolic links, so that each database has one lock. The path is absolute, because the working
/// directory may change later.
fn resolved(path: &Path) -> Result<PathBuf> {
    let io = |error| Error::io(OPEN, path.display(), &error);
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            // The file does not exist yet. The path may be a link to it.
            let target = fs::read_link(path).unwrap_or_default();
            let path = std::path::absolute(path).map_err(io)?;
            match (path.parent(), path.file_name()) {
                (Some(directory), Some(_)) if !target.as_os_str().is_empty() => {
                    resolved(&directory.join(target))
                }
                (Some(directory), Some(name)) => {
                    Ok(directory.canonicalize().map_err(io)?.join(name))
                }
                _ => Ok(path),
            }
        }
        found => found.map_err(io),
    }
}

fn failed(op: &'static str, path: &Path, error: &rusqlite::Error) -> Error {
    let (kind, native, message) = match error {
        rusqlite::Error::SqliteFailure(code, text) => {
            let kind = match code.code {
                ffi::ErrorCode::NotADatabase | ffi::ErrorCode::DatabaseCorrupt => {
                    ErrorKind::Corrupt
                }
                ffi::ErrorCode::DatabaseBusy | ffi::ErrorCode::DatabaseLocked => ErrorKind::InUse,
                ffi::ErrorCode::OutOfMemory => ErrorKind::Native,
                _ => ErrorKind::Disk,
            };
            let native = NativeCode { category: "sqlite".into(), value: code.extended_code };
            (kind, Some(native), text.clone().unwrap_or_else(|| code.to_string()))
        }
        // A column has an unexpected type.
        other => (ErrorKind::Corrupt, None, other.to_string()),
    };
    Error::with_code(kind, op, native, message).on(path.display())
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Sqlite").field(&self.path).finish()
    }
}

#[cfg(test)]
mod tests;
