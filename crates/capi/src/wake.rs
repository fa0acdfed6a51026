//! Waiting for events
//!
//! There are three ways, which can be combined: patron_next_event() waits; patron_event_fd() is for
//! loops around poll, epoll or kqueue; patron_set_wake() calls a function, for loops that are woken
//! in other ways.

use std::ffi::c_void;
use std::mem::MaybeUninit;

use crossbeam_channel::{Receiver, Sender, bounded, select};

use crate::support::arguments::required;
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::guard;
use crate::support::handles::{PATRONS, patron_handle};
use crate::support::thread;
use torrent_patron::Patron;

/// Returns a descriptor that is readable while events are waiting. Do not read from it or close it;
/// call patron_next_event() with a timeout of 0 until it fails with TIMED_OUT. The patron owns the
/// descriptor and closes it when it is freed. It stays readable once the client has stopped.
///
/// Errors: IO if no descriptor is available; INVALID_ARGUMENT on Windows.
#[unsafe(no_mangle)]
pub extern "C" fn patron_event_fd(
    patron: *mut patron_handle,
    out: Option<&mut MaybeUninit<i32>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        let out = required(out, "out")?;
        #[cfg(unix)]
        {
            if entry.readiness.get().is_none() {
                // All of them share one descriptor, so it does not matter which is first.
                let _ = entry.readiness.set(entry.patron.ready_descriptor()?);
            }
            let readiness = entry.readiness.get().ok_or_else(Failure::timed_out)?;
            out.write(std::os::fd::AsRawFd::as_raw_fd(readiness));
            Ok(())
        }
        #[cfg(not(unix))]
        {
            let _ = (entry, out);
            Err(Failure::invalid("there are no descriptors for events on this system"))
        }
    })
}

/// Calls `wake(user_data)` whenever the mailbox changes from empty to not empty, and once at first
/// if it is not empty. Then drain the mailbox with patron_next_event(). The mailbox may already be
/// empty again when the call comes.
///
/// The calls are made one at a time, on a separate thread of the patron, which takes no signals. `wake`
/// may block, and may call every function of this header, including patron_free(). It must not unwind.
/// `finalize(user_data)`, unless NULL, is called once on that thread after the last `wake`: when the
/// function is replaced or set to NULL, or when the patron has been freed. With a `wake` of NULL it is
/// called at once, on the calling thread. If this call fails, nothing is kept, nothing is called, and the
/// function that was set before stays.
///
/// Errors: IO if no thread can be started.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_wake(
    patron: *mut patron_handle,
    wake: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
    user_data: *mut c_void,
    finalize: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let entry = PATRONS.get(patron, "patron")?;
        // Locked, so that of two calls the one that starts last is the one whose channel is open.
        let mut current = entry.wake.lock();
        let next = match wake {
            Some(wake) => Some(start(&entry.patron, Callback { wake, user_data, finalize })?),
            None => None,
        };
        let previous = std::mem::replace(&mut *current, next);
        drop(current);
        drop(previous);
        if let (None, Some(finalize)) = (wake, finalize) {
            // SAFETY: the function and its data were given together, and no thread has them.
            unsafe { finalize(user_data) };
        }
        Ok(())
    })
}

struct Callback {
    wake: unsafe extern "C" fn(*mut c_void),
    user_data: *mut c_void,
    finalize: Option<unsafe extern "C" fn(*mut c_void)>,
}

// SAFETY: patron_set_wake() tells its caller that another thread uses all of it.
unsafe impl Send for Callback {}

impl Callback {
    fn run(self, wake_ups: &Receiver<()>, stop: &Receiver<()>) {
        loop {
            select! {
                recv(stop) -> _ => break,
                recv(wake_ups) -> token => match token {
                    // SAFETY: the function and its data were set together and are not finalized.
                    Ok(()) => unsafe { (self.wake)(self.user_data) },
                    Err(_) => break,
                },
            }
        }
        if let Some(finalize) = self.finalize {
            // SAFETY: as above; the loop has ended, so that this is the last use.
            unsafe { finalize(self.user_data) };
        }
    }
}

/// Starts a thread that calls back. Dropping the sender ends it after the call that is under way, and
/// does not wait for it: the one who drops may be that thread.
fn start(patron: &Patron, callback: Callback) -> Result<Sender<()>, Failure> {
    let (stop, stopped) = bounded(1);
    let (give, given) = bounded::<Receiver<()>>(1);
    thread::start("patron-wake", move || {
        if let Ok(wake_ups) = given.recv() {
            callback.run(&wake_ups, &stopped);
        }
    })?;
    // This ends the previous callback, so there must be a thread for the next one.
    let _ = give.send(patron.wake_channel());
    Ok(stop)
}
