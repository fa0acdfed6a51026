//! Errors: what was attempted, on what, and why it failed.

use std::borrow::Cow;
use std::{fmt, io};

use crate::text::printable;

/// The result of a function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: what was attempted, on what, and why it failed.
///
/// `Display` shows one line for a user; [`kind`](Error::kind) is for programs. If the cause is in libtorrent
/// or the operating system, [`native`](Error::native) and [`source`](std::error::Error::source) return its
/// error code.
///
/// An error can be converted into a [`std::io::Error`], whose source it becomes.
///
/// With the feature `serde`, an error is an object with `kind`, `native`, and `message`, the line for a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    native: Option<NativeCode>,
    op: Cow<'static, str>,
    message: Box<str>,
}

/// The kind of an [`Error`]: one for each case that a program may want to handle differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument is invalid: an unknown setting, a path that is not a directory.
    InvalidArgument,
    /// The client has no such torrent.
    NotFound,
    /// The torrent has been removed or is being removed.
    Gone,
    /// A .torrent file or a magnet link is invalid.
    Parse,
    /// A .torrent file cannot be read: it does not exist, or the system refuses access.
    Unreadable,
    /// Resume data is invalid or belongs to another torrent. The torrent can be added without it.
    ResumeData,
    /// A magnet link has no metadata yet, or a peer sent wrong metadata and others will be asked; see
    /// [`Event::MetadataReceived`](crate::Event::MetadataReceived).
    NoMetadata,
    /// Data has not been downloaded yet; see [`Event::PieceFinished`](crate::Event::PieceFinished).
    NotDownloaded,
    /// The files of a torrent, or a [store](crate::store), cannot be written, read, moved, renamed or
    /// deleted: the disk is full or read-only, a file is missing or has changed, or the system refuses.
    Disk,
    /// Unrelated files already exist at the paths of the torrent's files; see
    /// [`existing_files`](crate::AddOptions::existing_files).
    Exists,
    /// The operating system refused something else: a socket, a thread, a descriptor, or a file to
    /// be shared or verified.
    Io,
    /// The engine or the command channel is full at the moment, or the files are being checked; try again
    /// later.
    Busy,
    /// The time limit has passed. The operation may still complete.
    TimedOut,
    /// The client has stopped.
    Stopped,
    /// The caller cancelled the operation.
    Cancelled,
    /// libtorrent refused; [`Error::native`] returns its error code.
    Native,
    /// The loaded libtorrent is not the version that this crate was compiled against, or a
    /// [store](crate::store) was written by a newer version of this crate.
    VersionMismatch,
    /// A [store](crate::store) is damaged, or the file is not a store.
    Corrupt,
    /// Another process, or another client, has the [store](crate::store) open.
    InUse,
    /// A bug in this crate: one of its threads panicked.
    Panicked,
}

/// An error code of libtorrent (`boost::system::error_code`). It is the
/// [`source`](std::error::Error::source) of an [`Error`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct NativeCode {
    /// The name of the category, for example `libtorrent`, `system` or `bdecode error`.
    pub category: Box<str>,
    /// The code within the category; for `system` and `generic` it is an `errno`.
    pub value: i32,
}

impl fmt::Display for NativeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} error {}", self.category, self.value)
    }
}

impl std::error::Error for NativeCode {}

impl Error {
    /// Creates an error in a program, for functions that it passes to this crate and for its tests. `op` is
    /// the attempted operation, as a verb phrase: "read the file".
    #[must_use]
    pub fn new(kind: ErrorKind, op: &'static str, message: impl AsRef<str>) -> Self {
        Self::with_code(kind, op, None, message)
    }

    /// Creates an error with a code. The message may contain text from a stranger: from a tracker, or the
    /// name of a torrent's file.
    pub(crate) fn with_code(
        kind: ErrorKind,
        op: &'static str,
        native: Option<NativeCode>,
        message: impl AsRef<str>,
    ) -> Self {
        let message = printable(message.as_ref()).into();
        Self(Box::new(Inner { kind, native, op: op.into(), message }))
    }

    pub(crate) fn io(op: &'static str, on: impl fmt::Display, error: &io::Error) -> Self {
        let native =
            error.raw_os_error().map(|value| NativeCode { category: "system".into(), value });
        Self::with_code(ErrorKind::Io, op, native, error.to_string()).on(on)
    }

    /// What a panic said.
    pub(crate) fn panicked(op: &'static str, panic: &(dyn std::any::Any + Send)) -> Self {
        let text = panic.downcast_ref::<&str>().copied();
        let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
        Self::new(ErrorKind::Panicked, op, text.unwrap_or_default())
    }

    pub(crate) fn stopped(op: &'static str) -> Self {
        Self::new(ErrorKind::Stopped, op, "the client has stopped")
    }

    /// Adds the object of the operation, before the reason.
    pub(crate) fn on(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{}: {}", printable(&what.to_string()), self.0.message).into();
        self
    }

    pub(crate) fn in_operation(mut self, op: &'static str) -> Self {
        self.0.op = op.into();
        self
    }

    /// Changes the kind to `Disk` if the system refused an operation on the files of a torrent.
    pub(crate) fn at_disk(self) -> Self {
        match self.kind() {
            ErrorKind::Io => self.with_kind(ErrorKind::Disk),
            _ => self,
        }
    }

    /// Changes the kind, unless libtorrent could not be called because of its version.
    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        if self.0.kind != ErrorKind::VersionMismatch {
            self.0.kind = kind;
        }
        self
    }

    /// Returns the kind of this error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the error code of libtorrent or the operating system, if the cause is there.
    pub fn native(&self) -> Option<&NativeCode> {
        self.0.native.as_ref()
    }

    /// Returns the attempted operation, as a verb phrase: `add the torrent`.
    pub fn operation(&self) -> &str {
        &self.0.op
    }

    /// Returns the object of the operation and the reason, without the operation.
    pub fn message(&self) -> &str {
        &self.0.message
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.0.op, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, native, op, message } = &*self.0;
        f.debug_struct("Error")
            .field("kind", kind)
            .field("native", native)
            .field("op", op)
            .field("message", message)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.native().map(|code| code as _)
    }
}

impl From<Error> for io::Error {
    fn from(error: Error) -> Self {
        let system = error.native().filter(|code| matches!(&*code.category, "system" | "generic"));
        if let Some(code) = system {
            return Self::new(Self::from_raw_os_error(code.value).kind(), error);
        }
        let kind = match error.kind() {
            ErrorKind::InvalidArgument => io::ErrorKind::InvalidInput,
            ErrorKind::Parse | ErrorKind::ResumeData | ErrorKind::Corrupt => {
                io::ErrorKind::InvalidData
            }
            ErrorKind::NotFound | ErrorKind::Gone => io::ErrorKind::NotFound,
            ErrorKind::Exists => io::ErrorKind::AlreadyExists,
            ErrorKind::NoMetadata | ErrorKind::NotDownloaded => io::ErrorKind::WouldBlock,
            ErrorKind::Busy | ErrorKind::InUse => io::ErrorKind::ResourceBusy,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::Stopped => io::ErrorKind::BrokenPipe,
            ErrorKind::Cancelled => io::ErrorKind::Interrupted,
            ErrorKind::VersionMismatch => io::ErrorKind::Unsupported,
            ErrorKind::Unreadable
            | ErrorKind::Disk
            | ErrorKind::Io
            | ErrorKind::Native
            | ErrorKind::Panicked => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Error {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut fields = serializer.serialize_struct("Error", 3)?;
        fields.serialize_field("kind", &self.0.kind)?;
        fields.serialize_field("native", &self.0.native)?;
        fields.serialize_field("message", &self.to_string())?;
        fields.end()
    }
}

#[cfg(feature = "serde")]
impl<'de> serde::Deserialize<'de> for Error {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Written {
            kind: ErrorKind,
            native: Option<NativeCode>,
            message: Box<str>,
        }
        let Written { kind, native, message } = Written::deserialize(from)?;
        let parts = message.strip_prefix("cannot ").and_then(|line| line.split_once(": "));
        let (op, message) = parts.ok_or_else(|| {
            let unexpected = serde::de::Unexpected::Str(&message);
            serde::de::Error::invalid_value(unexpected, &"a message `cannot OPERATION: REASON`")
        })?;
        let (op, message) = (op.to_owned().into(), message.into());
        Ok(Self(Box::new(Inner { kind, native, op, message })))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_the_operation_the_path_and_the_reason() {
        let error = Error::new(ErrorKind::Parse, "read the metainfo", "expected a dictionary")
            .on("ubuntu.torrent");
        assert_eq!(
            error.to_string(),
            "cannot read the metainfo: ubuntu.torrent: expected a dictionary"
        );
    }

    fn full() -> Error {
        let code = NativeCode { category: "system".into(), value: 28 };
        Error::with_code(ErrorKind::Io, "move the files", Some(code), "No space left on device")
    }

    #[test]
    fn the_source_of_an_error_is_its_number() {
        let error = full();
        let source = std::error::Error::source(&error).unwrap();
        assert_eq!(source.to_string(), "system error 28");
        assert_eq!(source.downcast_ref::<NativeCode>(), error.native());
        let plain = Error::new(ErrorKind::Parse, "read the metainfo", "expected a dictionary");
        assert!(std::error::Error::source(&plain).is_none());
    }

    #[test]
    fn an_error_of_io_keeps_the_error_and_has_the_kind_that_fits() {
        let io = io::Error::from(full());
        assert_eq!((io.kind(), io.to_string()), (io::ErrorKind::StorageFull, full().to_string()));
        let inner = io.into_inner().unwrap();
        assert_eq!(*inner.downcast::<Error>().unwrap(), full());
        for (kind, expected) in [
            (ErrorKind::Parse, io::ErrorKind::InvalidData),
            (ErrorKind::NotDownloaded, io::ErrorKind::WouldBlock),
            (ErrorKind::Exists, io::ErrorKind::AlreadyExists),
            (ErrorKind::Native, io::ErrorKind::Other),
        ] {
            assert_eq!(io::Error::from(Error::new(kind, "test", "no")).kind(), expected);
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn errors_in_json() {
        let is = |error: &Error, json: &str| {
            assert_eq!(serde_json::to_string(error).unwrap(), json);
            assert_eq!(serde_json::from_str::<Error>(json).unwrap(), *error);
        };
        is(
            &full(),
            r#"{"kind":"io","native":{"category":"system","value":28},"message":"cannot move the files: No space left on device"}"#,
        );
        let error = Error::new(ErrorKind::Parse, "read the metainfo", "expected a dictionary");
        is(
            &error,
            r#"{"kind":"parse","native":null,"message":"cannot read the metainfo: expected a dictionary"}"#,
        );
        let other = r#"{"kind":"parse","native":null,"message":"something else"}"#;
        assert!(serde_json::from_str::<Error>(other).is_err());
        for (kind, name) in [
            (ErrorKind::InvalidArgument, r#""invalid_argument""#),
            (ErrorKind::NotFound, r#""not_found""#),
            (ErrorKind::Gone, r#""gone""#),
            (ErrorKind::Parse, r#""parse""#),
            (ErrorKind::Unreadable, r#""unreadable""#),
            (ErrorKind::ResumeData, r#""resume_data""#),
            (ErrorKind::NoMetadata, r#""no_metadata""#),
            (ErrorKind::NotDownloaded, r#""not_downloaded""#),
            (ErrorKind::Disk, r#""disk""#),
            (ErrorKind::Exists, r#""exists""#),
            (ErrorKind::Io, r#""io""#),
            (ErrorKind::Busy, r#""busy""#),
            (ErrorKind::TimedOut, r#""timed_out""#),
            (ErrorKind::Stopped, r#""stopped""#),
            (ErrorKind::Cancelled, r#""cancelled""#),
            (ErrorKind::Native, r#""native""#),
            (ErrorKind::VersionMismatch, r#""version_mismatch""#),
            (ErrorKind::Corrupt, r#""corrupt""#),
            (ErrorKind::InUse, r#""in_use""#),
            (ErrorKind::Panicked, r#""panicked""#),
        ] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), name);
            assert_eq!(serde_json::from_str::<ErrorKind>(name).unwrap(), kind);
        }
    }
}
