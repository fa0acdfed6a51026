//! The log
//!
//! Messages for the operator of a program: starts, stops, failures and retries. The log is off
//! until patron_set_log() is called.

use std::ffi::c_void;
use std::fmt::{Debug, Write};
use std::mem::MaybeUninit;
use std::sync::{Arc, Once};

use parking_lot::RwLock;
use tracing::field::{Field, Visit};
use tracing::metadata::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

use crate::support::failure::{Failure, patron_error};
use crate::support::guard::guard;
use crate::support::text::{CText, patron_text};

/// No messages.
pub const PATRON_LOG_OFF: i32 = 0;
/// Failures that do not resolve themselves.
pub const PATRON_LOG_ERROR: i32 = 1;
/// Also failures that may resolve themselves, or did.
pub const PATRON_LOG_WARN: i32 = 2;
/// Also that clients start, listen and stop.
pub const PATRON_LOG_INFO: i32 = 3;
/// Also every event.
pub const PATRON_LOG_DEBUG: i32 = 4;
/// Everything.
pub const PATRON_LOG_TRACE: i32 = 5;

/// Calls `log(user_data, level, line)` for every message of `level`, a PATRON_LOG_*, or of higher
/// importance. PATRON_LOG_OFF or a `log` of NULL turns the log off. There is one log function per
/// process.
///
/// It is called from the library's own threads and from those that call the library, possibly
/// several at once. `log` must return soon, must not unwind, and must not call any function of this
/// header except patron_error_*(). The line is valid until it returns. A call in progress while the
/// function is replaced may end after the replacement.
///
/// `finalize(user_data)`, unless NULL, is called once after the last `log`, when the function is
/// replaced or the log turned off: on the thread that does so, or on that of the last `log`. If this
/// call turns the log off, it is called at once. The rules for `log` apply to it too. If this call
/// fails, nothing is kept and nothing is called.
///
/// Errors: INVALID_ARGUMENT for an unknown level; BUSY if the process is a Rust program that has
/// set its own log.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_log(
    level: i32,
    log: Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, line: patron_text)>,
    user_data: *mut c_void,
    finalize: Option<unsafe extern "C" fn(user_data: *mut c_void)>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let level = filter(level)?;
        install()?;
        let sink = Arc::new(Sink { level, log, user_data, finalize });
        let sink = (log.is_some() && level > LevelFilter::OFF).then_some(sink);
        let previous = std::mem::replace(&mut *SINK.write(), sink);
        tracing::callsite::rebuild_interest_cache();
        // Without the lock: it may be the last use, and finalize.
        drop(previous);
        Ok(())
    })
}

fn filter(level: i32) -> Result<LevelFilter, Failure> {
    Ok(match level {
        PATRON_LOG_OFF => LevelFilter::OFF,
        PATRON_LOG_ERROR => LevelFilter::ERROR,
        PATRON_LOG_WARN => LevelFilter::WARN,
        PATRON_LOG_INFO => LevelFilter::INFO,
        PATRON_LOG_DEBUG => LevelFilter::DEBUG,
        PATRON_LOG_TRACE => LevelFilter::TRACE,
        other => return Err(Failure::invalid(format!("unknown log level {other}"))),
    })
}

struct Sink {
    level: LevelFilter,
    log: Option<unsafe extern "C" fn(*mut c_void, i32, patron_text)>,
    user_data: *mut c_void,
    finalize: Option<unsafe extern "C" fn(*mut c_void)>,
}

impl Drop for Sink {
    fn drop(&mut self) {
        if let Some(finalize) = self.finalize {
            // SAFETY: the function and its data were set together; nobody else has them any more.
            unsafe { finalize(self.user_data) };
        }
    }
}

// SAFETY: patron_set_log() tells its caller that any thread calls the function.
unsafe impl Send for Sink {}
// SAFETY: as above.
unsafe impl Sync for Sink {}

static SINK: RwLock<Option<Arc<Sink>>> = RwLock::new(None);

/// Installs our subscriber, which asks [`SINK`]. tracing accepts only one subscriber per process.
fn install() -> Result<(), Failure> {
    static ONCE: Once = Once::new();
    let mut taken = false;
    ONCE.call_once(|| taken = tracing::subscriber::set_global_default(Log).is_err());
    if taken || !tracing::dispatcher::get_default(|default| default.is::<Log>()) {
        return Err(Failure::busy("the process already has its own log"));
    }
    Ok(())
}

struct Log;

fn level() -> LevelFilter {
    SINK.read().as_ref().map_or(LevelFilter::OFF, |sink| sink.level)
}

impl Subscriber for Log {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(level())
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= level()
    }

    fn event(&self, event: &Event<'_>) {
        // A copy: the lock is not held while the program's function runs.
        let Some(sink) = SINK.read().clone() else { return };
        let Some(log) = sink.log else { return };
        let mut line = Line(String::new());
        event.record(&mut line);
        let line = CText::new(line.0);
        let level = match *event.metadata().level() {
            Level::ERROR => PATRON_LOG_ERROR,
            Level::WARN => PATRON_LOG_WARN,
            Level::INFO => PATRON_LOG_INFO,
            Level::DEBUG => PATRON_LOG_DEBUG,
            Level::TRACE => PATRON_LOG_TRACE,
        };
        // SAFETY: the function and its data were set together; `line` outlives the call.
        unsafe { log(sink.user_data, level, line.text()) };
    }

    // Spans are ignored, because the lines are complete without them.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message, followed by the fields as `name=value`.
struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.record_debug(field, &format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            let fields = std::mem::replace(&mut self.0, format!("{value:?}"));
            self.0.push_str(&fields);
        } else {
            let _ = write!(self.0, " {}={value:?}", field.name());
        }
    }
}
