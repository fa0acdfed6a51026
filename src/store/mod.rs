//! Storage for the torrents of a client, which survives restarts and crashes.
//!
//! A client gets its [`Store`] from [`ClientBuilder::store`](crate::ClientBuilder::store). Whatever the
//! client has confirmed is in the store: torrents, their options, and their progress.
//!
//! - [`Sqlite`] is a database in a single file (feature `sqlite`).
//! - [`Memory`] is lost when the process ends. It is for tests.
//! - A program can implement [`Store`] itself and test it with [`conformance`].

mod conformance;
mod import;
mod memory;
mod record;
#[cfg(feature = "sqlite")]
mod sqlite;
mod writer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

pub use self::conformance::conformance;
pub use self::import::{Imported, import};
pub use self::memory::Memory;
pub use self::record::{Change, Key, Loaded, Record, Relocation, Value};
#[cfg(feature = "sqlite")]
pub use self::sqlite::Sqlite;
pub(crate) use self::writer::{Pages, Report, Writer};

use crate::error::Result;

/// Keeps the torrents of a client.
///
/// The client calls it from a dedicated thread, one call at a time, so a call may wait for the disk. A
/// store belongs to one client at a time.
///
/// The [kind](crate::error::ErrorKind) of an error is its cause: `InUse` if another process has the store
/// open, `Corrupt` if the store is damaged, `VersionMismatch` if a newer version of this crate wrote it,
/// `Disk` if it cannot be written at the moment (full or read-only).
pub trait Store: Send {
    /// Returns the name of the store for error messages, for example the path of the file.
    fn name(&self) -> String;

    /// Returns the client's own state, by name. A part that cannot be read has the reason instead.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>>;

    /// Returns the number of torrents, including those that cannot be read.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn count(&mut self) -> Result<u64>;

    /// Returns up to `limit` torrents whose keys are greater than `after`, sorted by key. An empty page means
    /// that there are no more. For a torrent that cannot be read, the page has the reason instead.
    ///
    /// # Errors
    ///
    /// The store cannot be read.
    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>>;

    /// Applies the changes in order: all of them, or none if it returns an error. The changes are durable
    /// when this returns `Ok`: they survive a crash of the process or of the machine.
    ///
    /// # Errors
    ///
    /// `NotFound` for a change to a torrent that does not exist or cannot be read; `InvalidArgument` for
    /// adding a torrent whose key exists; `Disk` if the store cannot be written.
    fn commit(&mut self, changes: &[Change]) -> Result<()>;
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Result<Arc<[u8]>>>> {
        (**self).state()
    }

    fn count(&mut self) -> Result<u64> {
        (**self).count()
    }

    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>> {
        (**self).load(after, limit)
    }

    fn commit(&mut self, changes: &[Change]) -> Result<()> {
        (**self).commit(changes)
    }
}

impl fmt::Debug for dyn Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Store").field(&self.name()).finish()
    }
}

pub(crate) const COMMIT: &str = "commit to the store";
