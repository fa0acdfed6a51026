//! Ctrl-C, SIGTERM and SIGHUP: the first signal asks for a clean exit, the second ends the program at once.

use std::ffi::c_int;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::iterator::Signals;

use crate::{Result, output};

/// 128 + SIGINT, as reported by a shell.
pub(crate) const EXIT_CODE: u8 = 130;

/// timeout(1) sends a signal to a process and then to its group. Within this time, they count as one.
const SAME_SIGNAL_WITHIN: Duration = Duration::from_millis(300);

/// Longer than any clean exit takes. After this time the program ends, whatever blocks it.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(15);

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// While it exists, a signal asks for a clean exit. After that nobody would act on a signal, so a signal ends
/// the program at once.
#[derive(Debug)]
pub(crate) struct Interrupt {
    /// Disconnected by the first signal, so that everyone who asks later gets the same answer.
    signal: Receiver<()>,
    _listener: Arc<()>,
}

impl Interrupt {
    /// Catches signals from now on. Called once per process.
    pub(crate) fn catch() -> Result<Self> {
        let ignored = ignored();
        let caught = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(|signal| !ignored.has(*signal));
        let signals = Signals::new(caught)?;
        let (sender, signal) = bounded(0);
        let listener = Arc::new(());
        let weak = Arc::downgrade(&listener);
        let thread = thread::Builder::new().name("signals".into());
        thread.spawn(move || watch(signals, sender, &weak))?;
        Ok(Self { signal, _listener: listener })
    }

    pub(crate) fn is_interrupted(&self) -> bool {
        is_interrupted()
    }

    /// Returns a channel for `select!` that is ready once a signal has arrived.
    pub(crate) fn signal(&self) -> &Receiver<()> {
        &self.signal
    }
}

/// Makes a write beyond the limit on the size of files (`ulimit -f`) an error. Otherwise, a signal ends the
/// program.
pub(crate) fn ignore_sigxfsz() {
    if let Err(error) = signal_hook::flag::register(SIGXFSZ, Arc::default()) {
        output::warn(format_args!("cannot catch SIGXFSZ: {error}"));
    }
}

/// Returns whether a signal has arrived.
pub(crate) fn is_interrupted() -> bool {
    INTERRUPTED.load(Ordering::Acquire)
}

fn watch(mut signals: Signals, sender: Sender<()>, listener: &Weak<()>) {
    let mut signals = signals.forever();
    if signals.next().is_none() {
        return;
    }
    if listener.strong_count() == 0 {
        exit();
    }
    let first = Instant::now();
    INTERRUPTED.store(true, Ordering::Release);
    drop(sender);
    // Without this thread, a second signal still ends the program.
    let _ = thread::Builder::new().name("deadline".into()).spawn(|| {
        thread::sleep(SHUTDOWN_LIMIT);
        let seconds = SHUTDOWN_LIMIT.as_secs();
        output::error(format_args!("could not shut down cleanly within {seconds} s"));
        let _ = output::finish(true);
        exit()
    });
    if signals.any(|_| first.elapsed() >= SAME_SIGNAL_WITHIN) {
        exit()
    }
}

/// Ends the program at once. Unlike `std::process::exit`, it does not destroy what other threads, such as
/// those of libtorrent, still use.
fn exit() -> ! {
    signal_hook::low_level::exit(EXIT_CODE.into())
}

/// The signals that were ignored when the program started, for example by nohup(1) or, for background jobs,
/// by a shell. They stay ignored.
struct Ignored(u64);

impl Ignored {
    fn has(&self, signal: c_int) -> bool {
        self.0 >> (signal - 1) & 1 == 1
    }
}

/// Reads the ignored signals as in proc(5). If the file does not exist, none is assumed to be ignored.
fn ignored() -> Ignored {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    Ignored(mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0))
}
