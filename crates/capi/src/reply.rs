//! Replies
//!
//! A function that asks for something gives a reply, in which the answer arrives. It may be waited
//! for and read from any thread. Freeing a reply does not take the command back.

use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Instant;

use parking_lot::Mutex;

use super::arguments::{deadline, required, wait_once};
use super::errors::{Failure, give, patron_error};
use super::guard::{guard, read, release};
use super::handle::{Table, patron_reply};
use super::metainfo::patron_metainfo;
use super::statistics::patron_statistics;
use super::status::patron_status;
use super::structs::{Struct, write};
use super::text::{Texts, patron_bytes, patron_text};
use torrent_patron::file::{FileStatus, PieceMap};
use torrent_patron::ip_filter::IpFilter;
use torrent_patron::metainfo::Metainfo;
use torrent_patron::patron::{Added, Reply};
use torrent_patron::peer::{Peer, PeerClass, PeerClassOptions, PeerClassRange};
use torrent_patron::port_mapping::PortMapping;
use torrent_patron::statistics::Statistics;
use torrent_patron::torrent::{TorrentOptions, TorrentStatus};
use torrent_patron::tracker::TrackerStatus;
use torrent_patron::{Result, Settings};

macro_rules! answers {
    ($($variant:ident($type:ty),)*) => {
        /// What a Rust reply answers, as C reads it.
        pub(super) enum Answer {
            Done,
            $($variant(Box<$type>),)*
        }

        $(impl From<$type> for Answer {
            fn from(answer: $type) -> Self {
                Self::$variant(Box::new(answer))
            }
        }

        impl FromAnswer for $type {
            fn from_answer(answer: &Answer) -> Option<&Self> {
                match answer {
                    Answer::$variant(answer) => Some(answer),
                    _ => None,
                }
            }
        })*
    };
}

/// The one answer that a function of C is about.
pub(super) trait FromAnswer {
    fn from_answer(answer: &Answer) -> Option<&Self>;
}

answers! {
    Added(Added),
    Status(TorrentStatus),
    Metainfo(Metainfo),
    Addresses(Vec<SocketAddr>),
    Statistics(Statistics),
    Bytes(Vec<u8>),
    Path(PathBuf),
    Files(Vec<FileStatus>),
    Pieces(PieceMap),
    TorrentOptions(TorrentOptions),
    Peers(Vec<Peer>),
    Trackers(Vec<TrackerStatus>),
    WebSeeds(Vec<String>),
    Settings(Settings),
    IpFilter(IpFilter),
    Flag(bool),
    PortMappings(Vec<PortMapping>),
    PeerClass(PeerClass),
    PeerClassOptions(PeerClassOptions),
    PeerClassRanges(Vec<PeerClassRange>),
}

impl From<()> for Answer {
    fn from((): ()) -> Self {
        Self::Done
    }
}

trait Pending: Send + Sync {
    fn is_here(&self) -> bool;
    fn wait_until(&self, until: Option<Instant>) -> Option<Result<Answer>>;
}

impl<T: Into<Answer> + Send> Pending for Reply<T> {
    fn is_here(&self) -> bool {
        Reply::is_ready(self)
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

    fn expect<A: FromAnswer>(&self, what: &str) -> Result<&A, Failure> {
        let answer = self.answer().and_then(A::from_answer);
        answer.ok_or_else(|| Failure::invalid(format!("the reply has no {what}")))
    }
}

/// Looks at the answer that has arrived, if it is the one that is looked for.
pub(super) fn read_answer<A: FromAnswer, T>(
    reply: *mut patron_reply,
    read: impl FnOnce(&A, &Texts) -> Option<T>,
) -> Option<T> {
    let entry = REPLIES.get(reply, "reply").ok()?;
    read(A::from_answer(entry.answer()?)?, &entry.texts)
}

/// Makes an object of the answer, a new one for each call.
pub(super) fn give_answer<A: FromAnswer, T>(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<T>>>,
    what: &str,
    make: impl FnOnce(&A) -> T,
) -> Result<(), Failure> {
    let entry = REPLIES.get(reply, "reply")?;
    let out = required(out, "out")?;
    give(out, make(entry.expect(what)?));
    Ok(())
}

/// Writes the answer to a struct.
///
/// # Safety
///
/// `out` is NULL or has room for `struct_size` bytes.
pub(super) unsafe fn write_answer<A: FromAnswer, T: Struct + for<'a> From<&'a A>>(
    reply: *mut patron_reply,
    out: *mut T,
    struct_size: usize,
    what: &str,
) -> Result<(), Failure> {
    let entry = REPLIES.get(reply, "reply")?;
    // SAFETY: as the caller vouches.
    unsafe { write(entry.expect::<A>(what)?.into(), out, struct_size) }
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

/// Of patron_add_torrent(): the torrent, new or not; 0 while it is not answered.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_torrent(reply: *mut patron_reply) -> u64 {
    read(0, || read_answer(reply, |started: &Added, _| Some(started.id().get())))
}

/// Of patron_add_torrent(): whether the client had the torrent already, so that it was not started
/// twice. patron_watch() joins in.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_was_there(reply: *mut patron_reply) -> bool {
    let was_there = |started: &Added| matches!(started, Added::Existing(_));
    read(false, || read_answer(reply, |started, _| Some(was_there(started))))
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
    guard(error, || {
        // SAFETY: the caller gives the size of its struct.
        unsafe { write_answer::<TorrentStatus, _>(reply, out, struct_size, "status") }
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
        give_answer(reply, out, "metainfo", |metainfo: &Metainfo| metainfo.clone().into())
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
        give_answer(reply, out, "statistics", |statistics: &Statistics| statistics.into())
    })
}

/// Of patron_listen_addresses(): how many addresses there are.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_address_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |addresses: &Vec<SocketAddr>, _| Some(addresses.len())))
}

/// Of patron_listen_addresses(): an address, "127.0.0.1:6881". Good until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_address(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |all: &Vec<SocketAddr>, texts| {
            Some(texts.lend_nth("address", index, all.get(index)?.to_string()))
        })
    })
}

/// Of patron_get_resume_data(), patron_read_piece() and patron_save_state(): the bytes. Good until
/// the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_bytes(reply: *mut patron_reply) -> patron_bytes {
    read(patron_bytes::NONE, || {
        read_answer(reply, |bytes: &Vec<u8>, _| Some(patron_bytes::of(bytes)))
    })
}

/// Of patron_all_paused() and patron_dht_is_running(): whether it is so; false while it is not answered.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_is_true(reply: *mut patron_reply) -> bool {
    read(false, || read_answer(reply, |flag: &bool, _| Some(*flag)))
}

/// Of patron_rename_file(): where the file is now below the save directory. Of patron_move_storage()
/// and patron_get_torrent_options(): the directory that holds the files. Good until the reply is
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_path(reply: *mut patron_reply) -> patron_text {
    let lend = |path: &PathBuf, texts: &Texts| {
        Some(texts.lend("path", path.as_os_str().as_encoded_bytes()))
    };
    read(patron_text::EMPTY, || {
        read_answer(reply, lend).or_else(|| {
            read_answer(reply, |options: &TorrentOptions, texts| lend(&options.save_dir, texts))
        })
    })
}

/// Frees a reply. NULL is fine, and so is what was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_free(reply: *mut patron_reply) {
    read((), || REPLIES.remove(reply, "reply").ok().map(release));
}
