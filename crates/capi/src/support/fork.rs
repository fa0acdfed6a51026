//! Whether this process was forked from one in which the library was in use.

#[cfg(unix)]
use std::ffi::c_int;
#[cfg(unix)]
use std::sync::Once;
#[cfg(unix)]
use std::sync::atomic::{AtomicBool, Ordering};

#[cfg(unix)]
static HAPPENED: AtomicBool = AtomicBool::new(false);

#[cfg(unix)]
type Handler = Option<extern "C" fn()>;

#[cfg(unix)]
// SAFETY: declared as POSIX has it.
unsafe extern "C" {
    fn pthread_atfork(prepare: Handler, parent: Handler, child: Handler) -> c_int;
}

#[cfg(unix)]
extern "C" fn in_the_child() {
    HAPPENED.store(true, Ordering::Relaxed);
}

#[cfg(unix)]
pub(crate) fn happened() -> bool {
    static WATCH: Once = Once::new();
    WATCH.call_once(|| {
        // SAFETY: the handler only stores to a static, which is safe in a forked child. It is
        // never unloaded: the shared object is linked with `-z nodelete`.
        unsafe { pthread_atfork(None, None, Some(in_the_child)) };
    });
    HAPPENED.load(Ordering::Relaxed)
}

#[cfg(not(unix))]
pub(crate) fn happened() -> bool {
    false
}
