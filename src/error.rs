//! What went wrong, on what, and why.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error: what was tried, on what, and why it failed.
///
/// Its `Display` is one line for a person; [`kind`](Error::kind) is for a program; where the cause
/// lies in libtorrent or the operating system, [`native`](Error::native) keeps its number.
///
/// With the feature `serde`, an error is an object of `kind`, `native` and `message`, which is the
/// line for a person.
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Inner>);

#[derive(Clone, PartialEq, Eq)]
struct Inner {
    kind: ErrorKind,
    native: Option<NativeCode>,
    op: &'static str,
    message: Box<str>,
}

/// The sort of an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument makes no sense: an unknown setting, a path that is no directory.
    InvalidArgument,
    /// No such torrent at this client.
    NotFound,
    /// The torrent is closed or being closed.
    Gone,
    /// A .torrent file or a magnet link cannot be read.
    Parse,
    /// The operating system refused.
    Io,
    /// The engine, or the command channel, has no room just now, or what is asked for is not here yet;
    /// try again later.
    Busy,
    /// The time given was not enough. What was asked for may still happen.
    TimedOut,
    /// The client has stopped.
    Stopped,
    /// The caller cancelled.
    Cancelled,
    /// libtorrent refused; [`Error::native`] says which of its errors it was.
    Native,
    /// The libtorrent that is loaded is not the one that this crate was compiled against.
    VersionMismatch,
    /// A bug in this crate: the client thread panicked.
    Panicked,
}

/// An error number as libtorrent knows it (`boost::system::error_code`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NativeCode {
    /// The category's name, for example `libtorrent`, `system`, `bdecode error`.
    pub category: Box<str>,
    /// The number within the category.
    pub value: i32,
}

impl Error {
    /// An error of a program's own, for what it hands to this crate and for its tests. `op` is what was
    /// tried, as a verb phrase: "read the file".
    #[must_use]
    pub fn new(kind: ErrorKind, op: &'static str, message: impl Into<Box<str>>) -> Self {
        Self(Box::new(Inner { kind, native: None, op, message: message.into() }))
    }

    /// From an exception as `cpp/trycatch.hpp` encodes it.
    pub(crate) fn from_native(op: &'static str, exception: &cxx::Exception) -> Self {
        let mut parts = exception.what().splitn(3, '\x1f');
        match (parts.next(), parts.next().and_then(|value| value.parse().ok()), parts.next()) {
            (Some(category), Some(value), Some(message)) => {
                Self::from_code(op, category, value, message)
            }
            _ => Self::new(ErrorKind::Native, op, exception.what()),
        }
    }

    /// From an error code of libtorrent. `category` may be empty: an exception without a code.
    pub(crate) fn from_code(op: &'static str, category: &str, value: i32, message: &str) -> Self {
        let kind = match category {
            // The last three: a file that ends too soon, a name that is not found, a file that is
            // not what it was (cpp/disk/read/file.cpp).
            "system" | "generic" | "asio.misc" | "asio.netdb" | "file" => ErrorKind::Io,
            "bdecode error" | "bdecode" => ErrorKind::Parse,
            // What the shim itself refuses, and what it has no answer to.
            "argument" => ErrorKind::InvalidArgument,
            "busy" => ErrorKind::Busy,
            _ => ErrorKind::Native,
        };
        let ours = matches!(category, "" | "argument" | "busy");
        let native = (!ours).then(|| NativeCode { category: category.into(), value });
        // libtorrent has codes without words, and failures without a code. The words may be those of
        // a tracker: one line, and no commands for a terminal.
        let message = match (message, category) {
            ("", "") => "it did not say why".into(),
            ("", _) => format!("{category} error {value}").into(),
            _ => message.replace(char::is_control, " ").into(),
        };
        Self(Box::new(Inner { kind, native, op, message }))
    }

    pub(crate) fn io(op: &'static str, on: impl fmt::Display, error: &std::io::Error) -> Self {
        let native =
            error.raw_os_error().map(|value| NativeCode { category: "system".into(), value });
        let message = format!("{on}: {error}").into();
        Self(Box::new(Inner { kind: ErrorKind::Io, native, op, message }))
    }

    pub(crate) fn stopped(op: &'static str) -> Self {
        Self::new(ErrorKind::Stopped, op, "the client has stopped")
    }

    pub(crate) fn timed_out(op: &'static str, after: std::time::Duration) -> Self {
        Self::new(ErrorKind::TimedOut, op, format!("nothing came within {after:?}"))
    }

    /// Says on what the operation was tried, in front of the reason.
    pub(crate) fn on(mut self, what: impl fmt::Display) -> Self {
        self.0.message = format!("{what}: {}", self.0.message).into();
        self
    }

    pub(crate) fn in_operation(mut self, op: &'static str) -> Self {
        self.0.op = op;
        self
    }

    pub(crate) fn with_kind(mut self, kind: ErrorKind) -> Self {
        self.0.kind = kind;
        self
    }

    /// What sort of error this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// libtorrent's own category and number, where the cause lies there.
    pub fn native(&self) -> Option<&NativeCode> {
        self.0.native.as_ref()
    }

    /// What was tried, as a verb phrase: `start the torrent`.
    pub fn operation(&self) -> &'static str {
        self.0.op
    }

    /// On what it was tried and why it failed, without the operation.
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

impl std::error::Error for Error {}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_was_tried_on_what_and_why() {
        let error = Error::new(ErrorKind::Parse, "read the metainfo", "expected a dictionary")
            .on("ubuntu.torrent");
        assert_eq!(
            error.to_string(),
            "cannot read the metainfo: ubuntu.torrent: expected a dictionary"
        );
    }

    #[test]
    fn a_system_code_keeps_its_number() {
        let error = Error::from_code("move the files", "system", 28, "No space left on device");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.native().map(|code| code.value), Some(28));
    }

    #[cfg(feature = "serde")]
    #[test]
    fn errors_in_json() {
        let error = Error::from_code("move the files", "system", 28, "No space left on device");
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"kind":"io","native":{"category":"system","value":28},"message":"cannot move the files: No space left on device"}"#
        );
        let error = Error::new(ErrorKind::Parse, "read the metainfo", "expected a dictionary");
        assert_eq!(
            serde_json::to_string(&error).unwrap(),
            r#"{"kind":"parse","native":null,"message":"cannot read the metainfo: expected a dictionary"}"#
        );
        for (kind, name) in [
            (ErrorKind::InvalidArgument, r#""invalid_argument""#),
            (ErrorKind::NotFound, r#""not_found""#),
            (ErrorKind::Gone, r#""gone""#),
            (ErrorKind::Parse, r#""parse""#),
            (ErrorKind::Io, r#""io""#),
            (ErrorKind::Busy, r#""busy""#),
            (ErrorKind::TimedOut, r#""timed_out""#),
            (ErrorKind::Stopped, r#""stopped""#),
            (ErrorKind::Cancelled, r#""cancelled""#),
            (ErrorKind::Native, r#""native""#),
            (ErrorKind::VersionMismatch, r#""version_mismatch""#),
            (ErrorKind::Panicked, r#""panicked""#),
        ] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), name);
            assert_eq!(serde_json::from_str::<ErrorKind>(name).unwrap(), kind);
        }
    }
}
