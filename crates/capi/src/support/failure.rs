//! Errors
//!
//! A function that can fail returns `PATRON_OK` or one of the codes below, whose values never
//! change. Its last parameter receives an error object that contains what was attempted, on what,
//! and why it failed; it may be `NULL`. Outputs are written only on success, the error only on
//! failure. Codes of newer libraries are negative, too.

use std::any::Any;

use super::numbers::{Numbered, numbers};
use super::text::CText;
use torrent_patron::Error;
use torrent_patron::error::ErrorKind;

/// Success.
pub const PATRON_OK: i32 = 0;

numbers! { ErrorKind:
    /// An argument is not valid: an unknown setting, a text that is not UTF-8, a path that is not a
    /// directory.
    PATRON_E_INVALID_ARGUMENT = -1 => InvalidArgument,
    /// The client has no such torrent.
    PATRON_E_NOT_FOUND = -2 => NotFound,
    /// The torrent has been removed, or is being removed.
    PATRON_E_GONE = -3 => Gone,
    /// A .torrent file or a magnet link cannot be parsed.
    PATRON_E_PARSE = -4 => Parse,
    /// The operating system refused.
    PATRON_E_IO = -5 => Io,
    /// The client or libtorrent is too busy at the moment; try again later.
    PATRON_E_BUSY = -6 => Busy,
    /// The time limit has passed.
    PATRON_E_TIMED_OUT = -7 => TimedOut,
    /// The client has stopped.
    PATRON_E_STOPPED = -8 => Stopped,
    /// The program cancelled the operation or interrupted the wait.
    PATRON_E_CANCELLED = -9 => Cancelled,
    /// libtorrent refused; patron_error_category() and patron_error_value() return its error.
    PATRON_E_NATIVE = -10 => Native,
    /// The loaded libtorrent is not the one that the library was compiled against, or a store was
    /// written by a newer version of the library.
    PATRON_E_VERSION_MISMATCH = -11 => VersionMismatch,
    /// A bug in the library: it panicked.
    PATRON_E_PANICKED = -12 => Panicked,
    /// A .torrent file cannot be read: it does not exist, or the system refuses.
    PATRON_E_UNREADABLE = -13 => Unreadable,
    /// Resume data is invalid, or of another torrent. The torrent can be added without it.
    PATRON_E_RESUME_DATA = -14 => ResumeData,
    /// A magnet link has no metadata yet.
    PATRON_E_NO_METADATA = -15 => NoMetadata,
    /// The data has not been downloaded yet.
    PATRON_E_NOT_DOWNLOADED = -16 => NotDownloaded,
    /// The files of a torrent, or a store, cannot be written, read, moved, renamed or deleted.
    PATRON_E_DISK = -17 => Disk,
    /// A store is damaged, or the file is not a store.
    PATRON_E_CORRUPT = -18 => Corrupt,
    /// Another process, or another client, has the store open.
    PATRON_E_IN_USE = -19 => InUse,
    /// Unrelated files already exist at the paths of the torrent's files; see
    /// patron_add_options_set_existing_files().
    PATRON_E_EXISTS = -20 => Exists,
}

/// A pointer that must not be NULL is NULL.
pub const PATRON_E_NULL: i32 = -21;
/// A handle was freed before, belongs to another type, or was never valid.
pub const PATRON_E_BAD_HANDLE: i32 = -22;
/// The process was forked after it had used the library; see "Threads and processes".
pub const PATRON_E_FORKED: i32 = -23;

/// An error. Owned by the caller, who frees it with patron_error_free(); an error that was borrowed
/// from another object is owned by that object.
pub struct patron_error {
    pub(crate) code: i32,
    pub(crate) category: CText,
    pub(crate) value: i32,
    pub(crate) operation: CText,
    pub(crate) message: CText,
}

impl patron_error {
    pub(crate) fn new(error: &Error) -> Self {
        let native = error.native();
        Self {
            code: error.kind().number(),
            category: CText::new(native.map_or("", |native| &*native.category)),
            value: native.map_or(0, |native| native.value),
            operation: CText::new(error.operation()),
            message: CText::new(error.to_string()),
        }
    }

    #[cfg(test)]
    pub(crate) fn message(&self) -> std::borrow::Cow<'_, str> {
        self.message.lossy()
    }
}

/// Why a C function failed: an error of the Rust API, or one that only C can cause.
#[derive(Debug)]
pub(crate) struct Failure {
    /// Set if the code is not that of the error's kind.
    code: Option<i32>,
    error: Error,
}

impl Failure {
    fn misuse(code: i32, message: String) -> Self {
        let error = Error::new(ErrorKind::InvalidArgument, CALL, message);
        Self { code: Some(code), error }
    }

    pub(crate) fn null(name: &str) -> Self {
        Self::misuse(PATRON_E_NULL, format!("{name} is NULL"))
    }

    pub(crate) fn bad_handle(name: &str) -> Self {
        Self::misuse(
            PATRON_E_BAD_HANDLE,
            format!("{name} was freed before, or is not a valid handle"),
        )
    }

    pub(crate) fn forked() -> Self {
        let message = "this process was forked from one in which the library was in use";
        Self::misuse(PATRON_E_FORKED, message.into())
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::misuse(PATRON_E_INVALID_ARGUMENT, message.into())
    }

    pub(crate) fn stopped() -> Self {
        Error::new(ErrorKind::Stopped, CALL, "the client has stopped").into()
    }

    pub(crate) fn busy(message: &str) -> Self {
        Error::new(ErrorKind::Busy, CALL, message).into()
    }

    pub(crate) fn not_found(message: &str) -> Self {
        Error::new(ErrorKind::NotFound, CALL, message).into()
    }

    /// Returns the library's error that is inside an error of a reader.
    pub(crate) fn from_io(error: std::io::Error) -> Self {
        let kind = error.kind();
        let inner = error.into_inner().and_then(|inner| inner.downcast::<Error>().ok());
        match inner {
            Some(error) => (*error).into(),
            None => Error::new(ErrorKind::Io, CALL, kind.to_string()).into(),
        }
    }

    pub(crate) fn timed_out() -> Self {
        Error::new(ErrorKind::TimedOut, "wait", "nothing arrived in time").into()
    }

    pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Self {
        let message = panic
            .downcast_ref::<&str>()
            .copied()
            .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
            .unwrap_or("no reason was given");
        Error::new(ErrorKind::Panicked, CALL, format!("a bug: {message}")).into()
    }

    pub(crate) fn code(&self) -> i32 {
        self.code.unwrap_or_else(|| self.error.kind().number())
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
