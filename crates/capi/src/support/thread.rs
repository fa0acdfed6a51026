//! Threads that call a program's functions.

use super::failure::Failure;
use torrent_patron::Error;
use torrent_patron::error::ErrorKind;

/// Starts a thread that takes no signals except those for its own faults, because signals are for
/// the program's threads.
pub(crate) fn start(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Failure> {
    let thread = std::thread::Builder::new().name(name.into());
    without_signals(|| thread.spawn(run)).map(drop).map_err(|error| {
        Error::new(ErrorKind::Io, "call back", format!("a separate thread: {error}")).into()
    })
}

#[cfg(unix)]
const FAULTS: [std::ffi::c_int; 7] = [
    libc::SIGSEGV,
    libc::SIGBUS,
    libc::SIGFPE,
    libc::SIGILL,
    libc::SIGTRAP,
    libc::SIGABRT,
    libc::SIGSYS,
];

/// Blocks signals while `start` runs, because new threads inherit that.
#[cfg(unix)]
fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    // SAFETY: a signal set is plain data, and filled in before it is read.
    let (mut all, mut before) = unsafe { std::mem::zeroed::<(libc::sigset_t, libc::sigset_t)>() };
    // SAFETY: both sets are valid for the calls.
    unsafe {
        libc::sigfillset(&mut all);
        for fault in FAULTS {
            libc::sigdelset(&mut all, fault);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &all, &mut before);
    }
    let started = start();
    // SAFETY: the set was filled in above.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, std::ptr::null_mut()) };
    started
}

#[cfg(not(unix))]
fn without_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}
