//! The messages between readers and the client thread.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::model::{Part, ReaderOptions, TorrentId};
use crate::reply::Responder;

/// Identifies a reader in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReaderId(u64);

impl ReaderId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A request to open a reader.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) torrent: TorrentId,
    pub(crate) part: Part,
    pub(crate) options: ReaderOptions,
    pub(crate) then: Then,
}

/// The purpose of a reader.
pub(crate) enum Then {
    /// A program reads from it.
    Lease(Box<dyn FnOnce(Result<Opened>) + Send>),
    /// Everything is read once, by the deadline.
    Bytes(Responder<Vec<u8>>, Instant),
}

impl Opening {
    pub(crate) fn refuse(self, error: Error) {
        match self.then {
            Then::Lease(reply) => reply(Err(error)),
            Then::Bytes(reply, _) => reply.send(Err(error)),
        }
    }
}

impl fmt::Debug for Then {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lease(_) => "Lease",
            Self::Bytes(..) => "Bytes",
        })
    }
}

/// A read by an open reader. It replaces the reader's previous read if that is still waiting.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) reader: ReaderId,
    /// The position in the file or piece.
    pub(crate) position: u64,
    /// The maximum length.
    pub(crate) length: u64,
    pub(crate) reply: Responder<Vec<u8>>,
}

/// The answer when a reader has been opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) reader: ReaderId,
    /// The size of the file or piece, in bytes.
    pub(crate) size: u64,
}
