//! What readers and the client thread tell each other.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::model::{Part, ReaderOptions, TorrentId};
use crate::reply::Responder;

/// The name of a reader in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReaderId(u64);

impl ReaderId {
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A reader that is to be opened.
#[derive(Debug)]
pub(crate) struct Opening {
    pub(crate) torrent: TorrentId,
    pub(crate) part: Part,
    pub(crate) options: ReaderOptions,
    pub(crate) then: Then,
}

/// What it is opened for.
pub(crate) enum Then {
    /// To be read by a program.
    Lease(Box<dyn FnOnce(Result<Opened>) + Send>),
    /// To be read once and whole, unless it takes longer than this.
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

/// A read of an open reader. It takes the place of one that waits.
#[derive(Debug)]
pub(crate) struct Read {
    pub(crate) reader: ReaderId,
    /// In what is read.
    pub(crate) position: u64,
    /// At most.
    pub(crate) length: u64,
    /// Where the bytes go. What it has is used again.
    pub(crate) into: Vec<u8>,
    pub(crate) reply: Responder<Vec<u8>>,
}

/// A reader that has been opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) reader: ReaderId,
    /// In bytes.
    pub(crate) size: u64,
}
