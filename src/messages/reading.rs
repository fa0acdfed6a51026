//! The messages between readers and the client thread.

use std::fmt;
use std::ops::Range;
use std::sync::Weak;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use crate::error::{Error, Result};
use crate::model::{ReadNow, ReadTarget, ReaderOptions, TorrentId};
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
    pub(crate) target: ReadTarget,
    pub(crate) options: ReaderOptions,
    pub(crate) purpose: Purpose,
}

/// The purpose of a reader.
pub(crate) enum Purpose {
    /// To be read by a program.
    Program(Box<dyn Opener>),
    /// To be read once and whole, unless it takes longer than this.
    Bytes(Responder<Vec<u8>>, Instant),
}

/// A program that waits for a reader.
pub(crate) trait Opener: Send {
    fn answer(self: Box<Self>, opened: Result<Opened>);

    /// It does not wait any more.
    fn is_gone(&self) -> bool;
}

impl Opening {
    pub(crate) fn refuse(self, error: Error) {
        match self.purpose {
            Purpose::Program(opener) => opener.answer(Err(error)),
            Purpose::Bytes(reply, _) => reply.send(Err(error)),
        }
    }

    /// Nobody waits for it any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        match &self.purpose {
            Purpose::Program(opener) => opener.is_gone(),
            Purpose::Bytes(reply, _) => reply.is_abandoned(),
        }
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Program(_) => "Program",
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
    /// The buffer for the bytes; its contents are overwritten.
    pub(crate) into: Vec<u8>,
    pub(crate) reply: Responder<Vec<u8>>,
}

/// The answer when a reader has been opened.
pub(crate) struct Opened {
    pub(crate) reader: ReaderId,
    /// The size of the file or piece, in bytes.
    pub(crate) size: u64,
    /// Ends when the client thread forgets the reader.
    pub(crate) view: Option<Weak<dyn ReadNow>>,
}

/// What the client thread must know of a reader.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    /// What it has read on its own thread.
    pub(crate) advance: Option<Range<u64>>,
    /// What it waits for, after that.
    pub(crate) read: Option<Read>,
}

impl Turn {
    /// Adds bytes that were read. They end the wait for others.
    pub(crate) fn advance(&mut self, range: Range<u64>) -> Option<Read> {
        let begin = match &self.advance {
            Some(before) if before.end == range.start => before.start,
            _ => range.start,
        };
        self.advance = Some(begin..range.end);
        self.read.take()
    }
}
