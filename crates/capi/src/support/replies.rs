//! Makes requests of patrons, and reads their answers.

use std::any::Any;
use std::mem::MaybeUninit;
use std::time::Instant;

use super::arguments::{give, required, torrent};
use super::failure::{Failure, patron_error};
use super::guard::guard;
use super::handles::{PATRONS, Pending, REPLIES, ReplyEntry, patron_handle, patron_reply};
use super::structs::{Struct, write};
use super::text::Texts;
use torrent_patron::patron::Reply;
use torrent_patron::{Patron, TorrentId};

/// Makes a request that a reply answers. The output for the reply is checked first, so that nothing
/// is sent without one.
pub(crate) fn ask_patron<T: Any + Send + Sync>(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
    send: impl FnOnce(&Patron) -> Result<Reply<T>, Failure>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(reply, "reply")?;
        let pending: Box<dyn Pending> = Box::new(send(&entry.patron)?);
        out.write(REPLIES.insert(pending.into()));
        Ok(())
    })
}

/// Makes a request about a torrent.
pub(crate) fn ask_of<T: Any + Send + Sync>(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
    send: impl FnOnce(&Patron, TorrentId) -> Result<Reply<T>, Failure>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| send(patron, torrent(torrent_id)?))
}

impl ReplyEntry {
    /// Returns the answer if it has arrived, has this type and is not an error.
    fn answer<A: Any>(&self) -> Option<&A> {
        self.wait(Some(Instant::now())).ok()?.downcast_ref()
    }

    fn expect<A: Any>(&self, what: &str) -> Result<&A, Failure> {
        self.answer().ok_or_else(|| Failure::invalid(format!("the reply has no {what}")))
    }
}

/// Reads an answer of this type.
pub(crate) fn read_answer<A: Any, T>(
    reply: *mut patron_reply,
    read: impl FnOnce(&A, &Texts) -> Option<T>,
) -> Option<T> {
    let entry = REPLIES.get(reply, "reply").ok()?;
    read(entry.answer()?, &entry.texts)
}

/// Creates an object from the answer, a new one for each call.
pub(crate) fn give_answer<A: Any, T>(
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
/// `out` is NULL or has space for `struct_size` bytes.
pub(crate) unsafe fn write_answer<A: Any, T: Struct + for<'a> From<&'a A>>(
    reply: *mut patron_reply,
    out: *mut T,
    struct_size: usize,
    what: &str,
) -> Result<(), Failure> {
    let entry = REPLIES.get(reply, "reply")?;
    // SAFETY: as the caller vouches.
    unsafe { write(entry.expect::<A>(what)?.into(), out, struct_size) }
}
