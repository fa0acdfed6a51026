//! The log
//!
//! What the library does, for the operator of a program: starts, stops, what failed and is tried again.
//! It says nothing until it is asked to.

use std::ffi::c_void;
use std::fmt::{Debug, Write};
use std::mem::MaybeUninit;
use std::sync::Once;

use parking_lot::RwLock;
use tracing::field::{Field, Visit};
use tracing::metadata::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{Interest, Subscriber};
use tracing::{Event, Level, Metadata};

use crate::support::failure::{Failure, patron_error};
use crate::support::guard::guard;
use crate::support::text::{Kept, patron_text};

/// Nothing.
pub const PATRON_LOG_OFF: i32 = 0;
/// What went wrong and is not put right by itself.
pub const PATRON_LOG_ERROR: i32 = 1;
/// And what may be put right, or was.
pub const PATRON_LOG_WARN: i32 = 2;
/// And that clients start, listen and stop.
pub const PATRON_LOG_INFO: i32 = 3;
/// And every event.
pub const PATRON_LOG_DEBUG: i32 = 4;
/// And all else.
pub const PATRON_LOG_TRACE: i32 = 5;

/// Has `log(user_data, level, line)` called for all that is as important as `level`, a PATRON_LOG_*, or
/// more so; PATRON_LOG_OFF or a `log` of NULL ends that. One function serves the process.
///
/// The calls come from the library's own threads and from those that call it, several at once. `log`
/// must return soon, must not unwind and must not call functions of this header but
/// patron_error_*(). The line lives until it returns. A call that has begun when the function is
/// replaced may still be under way afterwards.
///
/// Errors: INVALID_ARGUMENT for an unknown level; BUSY when the process, written in Rust, has a log
/// of its own.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_log(
    level: i32,
    log: Option<unsafe extern "C" fn(user_data: *mut c_void, level: i32, line: patron_text)>,
    user_data: *mut c_void,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let level = filter(level)?;
        install()?;
        *SINK.write() = log.map(|log| Sink { level, log, user_data });
        tracing::callsite::rebuild_interest_cache();
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

#[derive(Clone, Copy)]
struct Sink {
    level: LevelFilter,
    log: unsafe extern "C" fn(*mut c_void, i32, patron_text),
    user_data: *mut c_void,
}

// SAFETY: patron_set_log() tells its caller that any thread calls the function.
unsafe impl Send for Sink {}
// SAFETY: as above.
unsafe impl Sync for Sink {}

static SINK: RwLock<Option<Sink>> = RwLock::new(None);

/// tracing takes one subscriber for the process, for ever; ours asks [`SINK`].
fn install() -> Result<(), Failure> {
    static ONCE: Once = Once::new();
    let mut taken = false;
    ONCE.call_once(|| taken = tracing::subscriber::set_global_default(Log).is_err());
    if taken || !tracing::dispatcher::get_default(|default| default.is::<Log>()) {
        return Err(Failure::busy("the process has a log of its own already"));
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
        let Some(sink) = *SINK.read() else { return };
        let mut line = Line(String::new());
        event.record(&mut line);
        let line = Kept::new(line.0);
        let level = match *event.metadata().level() {
            Level::ERROR => PATRON_LOG_ERROR,
            Level::WARN => PATRON_LOG_WARN,
            Level::INFO => PATRON_LOG_INFO,
            Level::DEBUG => PATRON_LOG_DEBUG,
            Level::TRACE => PATRON_LOG_TRACE,
        };
        // SAFETY: the function and its data were set together; `line` outlives the call.
        unsafe { (sink.log)(sink.user_data, level, line.text()) };
    }

    // Spans are not told: the lines say all that they need.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The message, and behind it the fields as `name=value`.
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
