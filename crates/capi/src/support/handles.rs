//! Handles
//!
//! Objects that several threads may use are referred to by handles. A handle is not an address: it
//! holds an index into a table, a generation and a type. A handle that was freed before, was never
//! valid, or belongs to another type is detected: functions that can fail return
//! PATRON_E_BAD_HANDLE, others return their neutral value, and freeing it does nothing. The same
//! handle value can recur after 2^24 uses of its table entry (2^10 with 32-bit pointers).
//!
//! If a handle is freed while another thread is in a call with it, the object stays valid for that
//! call.

use std::any::Any;
#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::task::{Context, Poll};
use std::time::Instant;

use crossbeam_channel::Sender;
use parking_lot::{Mutex, MutexGuard};

use super::failure::Failure;
use super::hashing::HashingEntry;
use super::once::Once;
use super::table::Table;
use super::text::Texts;
use torrent_patron::metainfo::{Metainfo, VerifyReport};
#[cfg(unix)]
use torrent_patron::patron::Readiness;
use torrent_patron::patron::{Interrupter, Reader, Reply};
use torrent_patron::{Client, Patron, Result};

/// A client: libtorrent and the thread that owns it.
pub struct patron_client {
    _opaque: [u8; 0],
}

/// A patron: adds and controls torrents, and receives their events.
pub struct patron_handle {
    _opaque: [u8; 0],
}

/// A reply: receives the answer to a command.
pub struct patron_reply {
    _opaque: [u8; 0],
}

/// A torrent file that is being created.
pub struct patron_making {
    _opaque: [u8; 0],
}

/// Data that is being verified.
pub struct patron_verifying {
    _opaque: [u8; 0],
}

/// A file that is read while it downloads.
pub struct patron_reader {
    _opaque: [u8; 0],
}

/// Empty when the client is being shut down.
pub(crate) static CLIENTS: Table<Mutex<Option<Client>>, patron_client> = Table::new(1);
pub(crate) static PATRONS: Table<PatronEntry, patron_handle> = Table::new(2);
pub(crate) static REPLIES: Table<ReplyEntry, patron_reply> = Table::new(3);
pub(crate) static MAKINGS: Table<HashingEntry<Metainfo>, patron_making> = Table::new(4);
pub(crate) static READERS: Table<ReaderEntry, patron_reader> = Table::new(5);
pub(crate) static VERIFYINGS: Table<HashingEntry<VerifyReport>, patron_verifying> = Table::new(6);

pub(crate) struct PatronEntry {
    pub(crate) patron: Patron,
    #[cfg(unix)]
    pub(crate) readiness: OnceLock<Readiness>,
    /// Dropping it ends the thread that calls back.
    pub(crate) wake: Mutex<Option<Sender<()>>>,
    /// Set when the patron was freed while another thread is in a call with it.
    pub(crate) freed: AtomicBool,
}

impl From<Patron> for PatronEntry {
    fn from(patron: Patron) -> Self {
        Self {
            patron,
            #[cfg(unix)]
            readiness: OnceLock::new(),
            wake: Mutex::new(None),
            freed: AtomicBool::new(false),
        }
    }
}

/// An answer of any type, as returned by [`ReplyEntry::wait`].
pub(crate) type ReplyValue = Box<dyn Any + Send + Sync>;

/// A reply with an answer of any type.
pub(crate) trait Pending: Send + Sync {
    fn is_here(&self) -> bool;
    fn wait_until(&self, until: Option<Instant>) -> Option<Result<ReplyValue>>;
    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()>;
    fn notify(&self, patron: &Patron, tag: u64);
}

impl<T: Any + Send + Sync> Pending for Reply<T> {
    fn is_here(&self) -> bool {
        self.is_ready()
    }

    fn wait_until(&self, until: Option<Instant>) -> Option<Result<ReplyValue>> {
        Some(Reply::wait_until(self, until)?.map(|answer| Box::new(answer) as ReplyValue))
    }

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        Reply::poll_ready(self, context)
    }

    fn notify(&self, patron: &Patron, tag: u64) {
        patron.notify(self, tag);
    }
}

pub(crate) struct ReplyEntry {
    pub(crate) pending: Box<dyn Pending>,
    pub(crate) answer: Once<ReplyValue>,
    pub(crate) texts: Texts,
}

impl From<Box<dyn Pending>> for ReplyEntry {
    fn from(pending: Box<dyn Pending>) -> Self {
        Self { pending, answer: Once::default(), texts: Texts::default() }
    }
}

impl ReplyEntry {
    pub(crate) fn wait(&self, until: Option<Instant>) -> Result<&ReplyValue, Failure> {
        // A thread that has waited longer may be about to take the answer that has arrived.
        let until = until.filter(|_| !self.pending.is_here());
        self.answer.wait(until, || self.pending.wait_until(until))
    }
}

pub(crate) struct ReaderEntry {
    reader: Mutex<Reader>,
    pub(crate) interrupter: Interrupter,
    pub(crate) size: u64,
}

impl From<Reader> for ReaderEntry {
    fn from(reader: Reader) -> Self {
        let (interrupter, size) = (reader.interrupter(), reader.size());
        Self { reader: Mutex::new(reader), interrupter, size }
    }
}

impl ReaderEntry {
    /// Locks the reader. A thread that waits for data keeps it locked.
    pub(crate) fn lock(&self) -> Result<MutexGuard<'_, Reader>, Failure> {
        let busy = || Failure::busy("another thread reads with this reader");
        self.reader.try_lock().ok_or_else(busy)
    }
}
