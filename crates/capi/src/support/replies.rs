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

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};
    use std::time::Duration;

    use crossbeam_channel::{Receiver, Sender, bounded};

    use super::*;
    use crate::support::handles::ReplyValue;

    /// An answer that has arrived. The thread that takes it is slow: it waits until another one asks.
    struct Slow {
        takes: Sender<()>,
        asked: (Sender<()>, Receiver<()>),
    }

    impl Pending for Slow {
        fn is_here(&self) -> bool {
            let _ = self.asked.0.try_send(());
            true
        }
        fn wait_until(&self, _: Option<Instant>) -> Option<torrent_patron::Result<ReplyValue>> {
            while self.asked.1.try_recv().is_ok() {}
            self.takes.send(()).ok()?;
            self.asked.1.recv_timeout(Duration::from_secs(10)).ok()?;
            Some(Ok(Box::new(7_u32)))
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
        fn notify(&self, _: &Patron, _: u64) {}
    }

    #[test]
    fn an_answer_that_has_arrived_is_read_while_another_thread_takes_it() {
        let (takes, taking) = bounded(1);
        let slow: Box<dyn Pending> = Box::new(Slow { takes, asked: bounded(1) });
        let entry = ReplyEntry::from(slow);
        std::thread::scope(|scope| {
            scope.spawn(|| entry.wait(None).is_ok());
            taking.recv().unwrap();
            assert_eq!(entry.answer(), Some(&7_u32));
        });
    }
}
