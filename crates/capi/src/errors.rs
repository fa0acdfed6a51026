//! Errors
//!
//! A function that can fail returns `PATRON_OK` or one of the codes below, whose values never change.
//! Its last parameter takes an error object that says what was tried, on what, and why it failed; it
//! may be `NULL`. Outputs are written only on success, the error only on failure. A code that a newer
//! library brings is negative like all others.

use std::any::Any;
use std::mem::MaybeUninit;

use super::guard::read_anywhere;
use super::text::{Kept, patron_text};
use torrent_patron::Error;
use torrent_patron::error::ErrorKind;

/// It went well.
pub const PATRON_OK: i32 = 0;
/// An argument makes no sense: an unknown setting, a text that is not UTF-8, a path that is no
/// directory.
pub const PATRON_E_INVALID_ARGUMENT: i32 = -1;
/// No such torrent at this client.
pub const PATRON_E_NOT_FOUND: i32 = -2;
/// The torrent is closed or being closed.
pub const PATRON_E_GONE: i32 = -3;
/// A .torrent file or a magnet link cannot be read.
pub const PATRON_E_PARSE: i32 = -4;
/// The operating system refused.
pub const PATRON_E_IO: i32 = -5;
/// There is no room just now; try again later.
pub const PATRON_E_BUSY: i32 = -6;
/// The time given was not enough, or, with the limit 0, nothing is here yet.
pub const PATRON_E_TIMED_OUT: i32 = -7;
/// The client has stopped.
pub const PATRON_E_STOPPED: i32 = -8;
/// The caller cancelled.
pub const PATRON_E_CANCELLED: i32 = -9;
/// libtorrent refused; patron_error_category() and patron_error_value() say which of its errors.
pub const PATRON_E_NATIVE: i32 = -10;
/// The libtorrent that is loaded is not the one that the library was compiled against.
pub const PATRON_E_VERSION_MISMATCH: i32 = -11;
/// A bug in the library: it panicked.
pub const PATRON_E_PANICKED: i32 = -12;
/// A pointer that must not be NULL is.
pub const PATRON_E_NULL: i32 = -13;
/// A handle was freed before, belongs to another type, or is none.
pub const PATRON_E_BAD_HANDLE: i32 = -14;
/// The process was forked after the library had been used in it; see "Threads and processes".
pub const PATRON_E_FORKED: i32 = -15;

/// What went wrong. Belongs to the caller; free it with patron_error_free(). One that was borrowed
/// from an event belongs to the event.
pub struct patron_error {
    code: i32,
    category: Kept,
    value: i32,
    operation: Kept,
    message: Kept,
}

/// The code, as the function that failed returned it; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_code(error: Option<&patron_error>) -> i32 {
    read_anywhere(PATRON_OK, || Some(error?.code))
}

/// Where the cause lies in libtorrent or the operating system: the category of its number, for
/// example "libtorrent", "system", "bdecode error". Else empty.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_category(error: Option<&patron_error>) -> patron_text {
    read_anywhere(patron_text::EMPTY, || Some(error?.category.text()))
}

/// The number within patron_error_category(); of "system" it is an errno.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_value(error: Option<&patron_error>) -> i32 {
    read_anywhere(0, || Some(error?.value))
}

/// What was tried, as a verb phrase: "add the torrent".
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_operation(error: Option<&patron_error>) -> patron_text {
    read_anywhere(patron_text::EMPTY, || Some(error?.operation.text()))
}

/// One line for a person: "cannot read the metainfo: a.torrent: No such file or directory".
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_message(error: Option<&patron_error>) -> patron_text {
    read_anywhere(patron_text::EMPTY, || Some(error?.message.text()))
}

/// Frees an error that the caller owns. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_free(error: Option<Box<patron_error>>) {
    read_anywhere((), || error.map(drop));
}

impl patron_error {
    pub(super) fn new(error: &Error) -> Self {
        let native = error.native();
        Self {
            code: code(error.kind()),
            category: Kept::new(native.map_or("", |native| &*native.category)),
            value: native.map_or(0, |native| native.value),
            operation: Kept::new(error.operation()),
            message: Kept::new(error.to_string()),
        }
    }

    #[cfg(test)]
    pub(super) fn message(&self) -> std::borrow::Cow<'_, str> {
        self.message.lossy()
    }
}

pub(super) fn code(kind: ErrorKind) -> i32 {
    match kind {
        ErrorKind::InvalidArgument => PATRON_E_INVALID_ARGUMENT,
        ErrorKind::NotFound => PATRON_E_NOT_FOUND,
        ErrorKind::Gone => PATRON_E_GONE,
        ErrorKind::Parse => PATRON_E_PARSE,
        ErrorKind::Io | ErrorKind::Disk | ErrorKind::Unreadable => PATRON_E_IO,
        ErrorKind::ResumeData => PATRON_E_PARSE,
        ErrorKind::Busy => PATRON_E_BUSY,
        ErrorKind::TimedOut => PATRON_E_TIMED_OUT,
        ErrorKind::Stopped => PATRON_E_STOPPED,
        ErrorKind::Cancelled => PATRON_E_CANCELLED,
        ErrorKind::Native => PATRON_E_NATIVE,
        ErrorKind::VersionMismatch => PATRON_E_VERSION_MISMATCH,
        ErrorKind::Panicked => PATRON_E_PANICKED,
        // NO_METADATA and NOT_HERE have no code of their own yet.
        _ => PATRON_E_NATIVE,
    }
}

/// Why a C function failed: as the Rust API would, or in a way that only C can.
#[derive(Debug)]
pub(super) struct Failure {
    /// Set where the error's kind is not the whole truth.
    code: Option<i32>,
    error: Error,
}

impl Failure {
    fn misuse(code: i32, message: String) -> Self {
        let error = Error::new(ErrorKind::InvalidArgument, CALL, message);
        Self { code: Some(code), error }
    }

    pub(super) fn null(name: &str) -> Self {
        Self::misuse(PATRON_E_NULL, format!("{name} is NULL"))
    }

    pub(super) fn bad_handle(name: &str) -> Self {
        Self::misuse(PATRON_E_BAD_HANDLE, format!("{name} was freed before, or is no handle"))
    }

    pub(super) fn forked() -> Self {
        let message = "this process was forked from one in which the library was in use";
        Self::misuse(PATRON_E_FORKED, message.into())
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::misuse(PATRON_E_INVALID_ARGUMENT, message.into())
    }

    pub(super) fn busy(message: &str) -> Self {
        Error::new(ErrorKind::Busy, CALL, message).into()
    }

    pub(super) fn not_found(message: &str) -> Self {
        Error::new(ErrorKind::NotFound, CALL, message).into()
    }

    pub(super) fn timed_out() -> Self {
        Error::new(ErrorKind::TimedOut, "wait", "nothing came in time").into()
    }

    pub(super) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("it did not say why");
        Error::new(ErrorKind::Panicked, CALL, format!("a bug: {message}")).into()
    }

    pub(super) fn code(&self) -> i32 {
        self.code.unwrap_or_else(|| code(self.error.kind()))
    }
}

const CALL: &str = "call the function";

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { code: None, error }
    }
}

impl From<Failure> for patron_error {
    fn from(failure: Failure) -> Self {
        Self { code: failure.code(), ..Self::new(&failure.error) }
    }
}

/// Where a function puts an object that the caller then owns.
pub(super) fn give<T>(out: &mut MaybeUninit<Box<T>>, object: T) {
    out.write(Box::new(object));
}
