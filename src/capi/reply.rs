//! Replies
//!
//! A function that asks for something gives a reply, in which the answer arrives. It may be waited
//! for and read from any thread. Freeing a reply does not take the command back.

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::Instant;

use parking_lot::Mutex;

use super::arguments::{deadline, required, wait_once};
use super::errors::{Failure, give, patron_error};
use super::guard::{guard, read, release};
use super::handle::{Table, patron_reply};
use super::metainfo::patron_metainfo;
use super::statistics::patron_statistics;
use super::status::{patron_status, write_status};
use super::text::{Texts, patron_text};
use crate::command::Started;
use crate::error::Result;
use crate::metainfo::Metainfo;
use crate::reply::Reply;
use crate::statistics::Statistics;
use crate::status::TorrentStatus;

/// What a Rust reply answers, as C reads it.
pub(super) enum Answer {
    Done,
    Started(Started),
    Status(TorrentStatus),
    Metainfo(Metainfo),
    Addresses(Vec<SocketAddr>),
    Statistics(Box<Statistics>),
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Done
    }
}

impl From<Started> for Answer {
    fn from(started: Started) -> Self {
        Self::Started(started)
    }
}

impl From<TorrentStatus> for Answer {
    fn from(status: TorrentStatus) -> Self {
        Self::Status(status)
    }
}

impl From<Metainfo> for Answer {
    fn from(metainfo: Metainfo) -> Self {
        Self::Metainfo(metainfo)
    }
}

impl From<Vec<SocketAddr>> for Answer {
    fn from(addresses: Vec<SocketAddr>) -> Self {
        Self::Addresses(addresses)
    }
}

impl From<Statistics> for Answer {
    fn from(statistics: Statistics) -> Self {
        Self::Statistics(Box::new(statistics))
    }
}

trait Pending: Send + Sync {
    fn is_here(&self) -> bool;
    fn wait_until(&self, until: Option<Instant>) -> Option<Result<Answer>>;
}

impl<T: Into<Answer> + Send> Pending for Reply<T> {
    fn is_here(&self) -> bool {
        Reply::is_here(self)
    }

    fn wait_until(&self, until: Option<Instant>) -> Option<Result<Answer>> {
        Some(Reply::wait_until(self, until)?.map(T::into))
    }
}

struct Entry {
    pending: Box<dyn Pending>,
    /// One thread at a time takes the answer out of `pending`; all read it here.
    turn: Mutex<()>,
    answer: OnceLock<Result<Answer>>,
    texts: Texts,
}

static REPLIES: Table<Entry, patron_reply> = Table::new(3);

/// Makes the C reply of a Rust one. The place for it is asked for first, so that no command is sent
/// without.
pub(super) fn ask<T: Into<Answer> + Send + 'static>(
    out: Option<&mut MaybeUninit<*mut patron_reply>>,
    send: impl FnOnce() -> Result<Reply<T>, Failure>,
) -> Result<(), Failure> {
    let out = required(out, "reply")?;
    let pending = Box::new(send()?);
    out.write(REPLIES.insert(Entry {
        pending,
        turn: Mutex::new(()),
        answer: OnceLock::new(),
        texts: Texts::default(),
    }));
    Ok(())
}

impl Entry {
    /// The answer that has arrived and is no error.
    fn answer(&self) -> Option<&Answer> {
        let now = Some(Instant::now());
        let answer = wait_once(&self.turn, &self.answer, now, || self.pending.wait_until(now));
        answer.ok()?.as_ref().ok()
    }
}

/// Whether the answer is here, be it an error. False for a handle that means nothing.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_is_ready(reply: *mut patron_reply) -> bool {
    read(false, || {
        let entry = REPLIES.get(reply, "reply").ok()?;
        Some(entry.answer.get().is_some() || entry.pending.is_here())
    })
}

/// Waits for the answer for at most so many milliseconds; 0 only looks, a negative number waits
/// however long it takes. Gives PATRON_OK when what was asked for is done, else the code of the error
/// that the command ended with. May be called again, with the same result.
///
/// Errors: TIMED_OUT (wait again), BAD_HANDLE, STOPPED when the client ended first, and those of the
/// command.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_wait(
    reply: *mut patron_reply,
    timeout_ms: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = REPLIES.get(reply, "reply")?;
        let until = deadline(timeout_ms);
        let answer =
            wait_once(&entry.turn, &entry.answer, until, || entry.pending.wait_until(until))?;
        match answer {
            Ok(_) => Ok(()),
            Err(error) => Err(error.clone().into()),
        }
    })
}

/// Of patron_create_torrent(): the torrent, new or not; 0 while it is not answered.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_torrent(reply: *mut patron_reply) -> u64 {
    read(0, || match REPLIES.get(reply, "reply").ok()?.answer()? {
        Answer::Started(started) => Some(started.id().raw()),
        _ => None,
    })
}

/// Of patron_create_torrent(): whether the client had the torrent already, so that it was not started
/// twice. patron_watch() joins in.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_was_there(reply: *mut patron_reply) -> bool {
    read(false, || match REPLIES.get(reply, "reply").ok()?.answer()? {
        Answer::Started(started) => Some(matches!(started, Started::AlreadyDownloading(_))),
        _ => None,
    })
}

/// Of patron_fresh_status(): the status. `struct_size` is sizeof(patron_status).
///
/// Errors: INVALID_ARGUMENT when the reply has no status, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_reply_status(
    reply: *mut patron_reply,
    out: *mut patron_status,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || match REPLIES.get(reply, "reply")?.answer() {
        // SAFETY: the caller gives the size of its struct.
        Some(Answer::Status(status)) => unsafe { write_status(status, out, struct_size) },
        _ => Err(Failure::invalid("the reply has no status")),
    })
}

/// Of patron_get_metainfo(): the metainfo, a new object for each call. Free it with
/// patron_metainfo_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no metainfo, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_metainfo(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_metainfo>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = REPLIES.get(reply, "reply")?;
        let out = required(out, "out")?;
        match entry.answer() {
            Some(Answer::Metainfo(metainfo)) => give(out, metainfo.clone().into()),
            _ => return Err(Failure::invalid("the reply has no metainfo")),
        }
        Ok(())
    })
}

/// Of patron_get_statistics(): the statistics, a new object for each call. Free it with
/// patron_statistics_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no statistics, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_statistics(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_statistics>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = REPLIES.get(reply, "reply")?;
        let out = required(out, "out")?;
        match entry.answer() {
            Some(Answer::Statistics(statistics)) => give(out, (&**statistics).into()),
            _ => return Err(Failure::invalid("the reply has no statistics")),
        }
        Ok(())
    })
}

/// Of patron_listen_addresses(): how many addresses there are.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_address_count(reply: *mut patron_reply) -> usize {
    read(0, || match REPLIES.get(reply, "reply").ok()?.answer()? {
        Answer::Addresses(addresses) => Some(addresses.len()),
        _ => None,
    })
}

/// Of patron_listen_addresses(): an address, "127.0.0.1:6881". Good until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_address(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        let entry = REPLIES.get(reply, "reply").ok()?;
        match entry.answer()? {
            Answer::Addresses(all) => {
                Some(entry.texts.lend_nth("address", index, all.get(index)?.to_string()))
            }
            _ => None,
        }
    })
}

/// Frees a reply. NULL is fine, and so is what was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_free(reply: *mut patron_reply) {
    read((), || REPLIES.remove(reply, "reply").ok().map(release));
}
