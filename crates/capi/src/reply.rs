//! Replies
//!
//! A function with a `reply` parameter makes a request and returns a reply, which receives the
//! answer. Those that ask for a value are named `patron_get_*`; a `patron_peek_*` reads what the
//! client has at hand, without a request. Any thread may wait for a reply and read it:
//! patron_reply_wait() waits, patron_reply_notify() delivers it as an event, and
//! patron_reply_on_ready() calls a function. Freeing a reply does not cancel the command.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};

use crossbeam_channel::{Sender, unbounded};
use parking_lot::Mutex;

use crate::support::arguments::{deadline, required};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{PATRONS, REPLIES, patron_handle, patron_reply};
use crate::support::replies::read_answer;
use crate::support::text::{Texts, patron_bytes, patron_text};
use crate::support::thread;
use torrent_patron::TorrentId;
use torrent_patron::patron::Added;
use torrent_patron::torrent::TorrentOptions;

/// Whether the answer or an error has arrived. False for an invalid handle.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_is_ready(reply: *mut patron_reply) -> bool {
    read(false, || {
        let entry = REPLIES.get(reply, "reply").ok()?;
        Some(entry.answer.is_here() || entry.pending.is_here())
    })
}

/// Waits for the answer for at most `timeout_ms` milliseconds. 0 does not wait; a negative number
/// waits without a limit. Returns PATRON_OK if the command has succeeded, or the code of its error.
/// It may be called again, with the same result.
///
/// Errors: TIMED_OUT (call again to continue waiting); BAD_HANDLE; STOPPED if the client stopped
/// first; and those of the command.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_wait(
    reply: *mut patron_reply,
    timeout_ms: i64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        REPLIES.get(reply, "reply")?.wait(deadline(timeout_ms))?;
        Ok(())
    })
}

/// Sends PATRON_EVENT_REPLY with this tag to a patron when the answer has arrived, so that a
/// program can wait for events and replies in one place. The answer stays in the reply, which may
/// belong to another client. Nothing is sent if the patron is freed first.
///
/// Errors: BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_notify(
    reply: *mut patron_reply,
    patron: *mut patron_handle,
    tag: u64,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = REPLIES.get(reply, "reply")?;
        entry.pending.notify(&PATRONS.get(patron, "patron")?.patron, tag);
        Ok(())
    })
}

/// Calls `function(user_data)` exactly once when the answer or an error has arrived, also if it has
/// already arrived, or if the reply is freed in the meantime. Several functions may be set.
///
/// The calls are made one at a time, on a thread of the library that takes no signals. `function`
/// may call every function of this header. It should return soon, and must not unwind. If this call
/// fails, `function` is not called.
///
/// Errors: IO if no thread can be started; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_reply_on_ready(
    reply: *mut patron_reply,
    function: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
    user_data: *mut c_void,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = REPLIES.get(reply, "reply")?;
        let call = Call { function: required(function, "function")?, user_data };
        let waker = Waker::from(Arc::new(OnReady { call, caller: caller()? }));
        if entry.pending.poll_ready(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake();
        }
        Ok(())
    })
}

#[derive(Clone, Copy)]
struct Call {
    function: unsafe extern "C" fn(*mut c_void),
    user_data: *mut c_void,
}

// SAFETY: patron_reply_on_ready() tells its caller that another thread uses both.
unsafe impl Send for Call {}
// SAFETY: as above; nothing is changed.
unsafe impl Sync for Call {}

/// Woken on the client thread, which must not run a program's function.
struct OnReady {
    call: Call,
    caller: Sender<Call>,
}

impl Wake for OnReady {
    fn wake(self: Arc<Self>) {
        let _ = self.caller.send(self.call);
    }
}

/// Sends calls to the thread that makes them. The queue holds at most one entry for each call of
/// patron_reply_on_ready().
fn caller() -> Result<Sender<Call>, Failure> {
    static CALLER: Mutex<Option<Sender<Call>>> = Mutex::new(None);
    let mut caller = CALLER.lock();
    if let Some(caller) = &*caller {
        return Ok(caller.clone());
    }
    let (sender, calls) = unbounded::<Call>();
    let run = move || {
        for call in calls {
            // SAFETY: the function and its data were set together, and are used once.
            unsafe { (call.function)(call.user_data) };
        }
    };
    thread::start("patron-on-ready", run)?;
    Ok(caller.insert(sender).clone())
}

/// For patron_add_torrent(): the id of the torrent, new or not. For patron_find(): its id, or 0 if there
/// is none. 0 while there is no answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_torrent(reply: *mut patron_reply) -> u64 {
    read(0, || {
        let found = |found: &Option<TorrentId>, _: &Texts| found.map(TorrentId::get);
        read_answer(reply, |started: &Added, _| Some(started.id().get()))
            .or_else(|| read_answer(reply, found))
    })
}

/// For patron_add_torrent(): whether the client already had the torrent, so that it was not added
/// again. patron_watch() subscribes to its events.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_was_there(reply: *mut patron_reply) -> bool {
    let was_there = |added: &Added| !added.is_new();
    read(false, || read_answer(reply, |started, _| Some(was_there(started))))
}

/// For patron_get_listen_addresses() and patron_get_listen_addresses_of(): the number of addresses.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_address_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |addresses: &Vec<SocketAddr>, _| Some(addresses.len())))
}

/// For patron_get_listen_addresses() and patron_get_listen_addresses_of(): an address, "127.0.0.1:6881".
/// Valid until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_address(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |all: &Vec<SocketAddr>, texts| {
            Some(texts.lend_nth("address", index, all.get(index)?.to_string()))
        })
    })
}

/// For patron_get_resume_data(), patron_read_piece() and patron_save_state(): the bytes. Valid
/// until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_bytes(reply: *mut patron_reply) -> patron_bytes {
    read(patron_bytes::NONE, || {
        read_answer(reply, |bytes: &Vec<u8>, _| Some(patron_bytes::of(bytes)))
    })
}

/// For patron_get_is_paused() and patron_get_is_dht_running(): the answer; false while there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_is_true(reply: *mut patron_reply) -> bool {
    read(false, || read_answer(reply, |flag: &bool, _| Some(*flag)))
}

/// For patron_rename_file(): the new path, relative to the save directory. For
/// patron_move_storage() and patron_get_torrent_options(): the directory of the files. Valid until
/// the reply is freed.
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

/// Frees a reply. NULL is allowed, and so is a handle that was freed before.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_free(reply: *mut patron_reply) {
    read((), || REPLIES.remove(reply, "reply").ok().map(release));
}
