//! Where a client keeps its torrents, so that a crash loses nothing.
//!
//! [`ClientBuilder::store`](crate::ClientBuilder::store) gives a client a [`Store`]. What the client has
//! answered is in it: torrents, what was set of them, and how far they have come.
//!
//! - [`Sqlite`] is a database in one file (feature `sqlite`).
//! - [`Memory`] forgets when the process ends; for tests.
//! - A program may bring its own. [`conformance`] checks it.

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
pub(crate) use self::writer::{Pages, Told, Writer};

use crate::error::Result;

/// Where a client keeps its torrents.
///
/// A client calls it from one thread of its own, one call at a time, and never from the thread that
/// serves patrons: a call may wait for the disk. A store belongs to one client at a time, in one process.
///
/// Errors say by their [kind](crate::error::ErrorKind) what there is to do: `InUse` when another process has the
/// store, `Corrupt` when it is not what was written, `VersionMismatch` when a newer version of this crate
/// wrote it, `Disk` when it cannot be written just now (it is full or read-only).
pub trait Store: Send {
    /// What people call it: the path of its file. Errors and events say it.
    fn name(&self) -> String;

    /// What the client keeps of itself, by name.
    ///
    /// # Errors
    ///
    /// Nothing can be read.
    fn state(&mut self) -> Result<BTreeMap<String, Arc<[u8]>>>;

    /// How many torrents there are, those that cannot be read included.
    ///
    /// # Errors
    ///
    /// Nothing can be read.
    fn count(&mut self) -> Result<u64>;

    /// The torrents whose keys are above `after`, in the order of their keys, at most `limit`. None means
    /// that there are no more. A torrent that cannot be read is in its place, with the reason.
    ///
    /// # Errors
    ///
    /// Nothing can be read.
    fn load(&mut self, after: Option<Key>, limit: usize) -> Result<Vec<Loaded>>;

    /// Makes these changes, in their order: all of them or, on an error, none. They are durable when it
    /// returns: neither a crash of the process nor of the machine takes them back.
    ///
    /// # Errors
    ///
    /// `NotFound` for a change of a torrent that is not there, `InvalidArgument` for one that is added
    /// twice; and what the disk says.
    fn commit(&mut self, changes: &[Change]) -> Result<()>;
}

impl<S: Store + ?Sized> Store for Box<S> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn state(&mut self) -> Result<BTreeMap<String, Arc<[u8]>>> {
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
