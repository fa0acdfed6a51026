//! Converts the error codes of libtorrent and of the shim to errors, and decides the kind of each.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use std::io;

use crate::error::{Error, ErrorKind, NativeCode};

#[cxx::bridge(namespace = "patron")]
mod native {
    /// The shim's own error categories; `category_name` gives their names.
    #[repr(u8)]
    enum ShimCategory {
        Argument,
        NotDownloaded,
        Busy,
        File,
        InUse,
        Exists,
        Version,
        Exception,
    }

    /// The libtorrent error codes that have their own error kind.
    #[repr(i32)]
    enum LibtorrentError {
        FileTooShort = 23,
        NoMetadata = 109,
    }

    struct NativeError {
        /// Empty if there is no error.
        category: String,
        value: i32,
        message: String,
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/trycatch.hpp");

        fn category_name(category: ShimCategory) -> &'static str;

        /// Throws an exception of the given kind.
        #[allow(dead_code)] // the tests below call it
        fn throw_for_test(kind: i32) -> Result<()>;
        /// Throws and catches it.
        #[allow(dead_code)]
        fn catch_for_test(kind: i32) -> NativeError;
    }
}

pub(crate) use native::NativeError;
use native::{LibtorrentError, ShimCategory, category_name};

impl Error {
    /// Converts an exception that was encoded by `cpp/trycatch.hpp`.
    pub(crate) fn from_native(op: &'static str, exception: &cxx::Exception) -> Self {
        let mut parts = exception.what().splitn(3, '\x1f');
        match (parts.next(), parts.next().and_then(|value| value.parse().ok()), parts.next()) {
            (Some(category), Some(value), Some(message)) => {
                Self::from_code(op, category, value, message)
            }
            _ => Self::new(ErrorKind::Native, op, exception.what()),
        }
    }

    pub(crate) fn from_code(op: &'static str, category: &str, value: i32, message: &str) -> Self {
        let own = own_category(category);
        let kind = own.unwrap_or_else(|| kind(category, value));
        // A file that another program has changed, or that another torrent has, is a disk error, but
        // the system has no code for it.
        let is_code = own.is_none_or(|kind| kind == ErrorKind::Disk);
        let native = is_code.then(|| NativeCode { category: category.into(), value });
        // Some of libtorrent's codes have no message.
        let message = match message {
            "" if is_code => format!("{category} error {value}"),
            "" => "no reason was given".into(),
            _ => message.to_owned(),
        };
        Self::with_code(kind, op, native, message)
    }
}

/// Returns the kind of one of the shim's own error categories.
fn own_category(category: &str) -> Option<ErrorKind> {
    [
        (ShimCategory::Argument, ErrorKind::InvalidArgument),
        (ShimCategory::NotDownloaded, ErrorKind::NotDownloaded),
        (ShimCategory::Busy, ErrorKind::Busy),
        (ShimCategory::File, ErrorKind::Disk),
        (ShimCategory::InUse, ErrorKind::Disk),
        (ShimCategory::Exists, ErrorKind::Exists),
        (ShimCategory::Version, ErrorKind::VersionMismatch),
        (ShimCategory::Exception, ErrorKind::Native),
    ]
    .into_iter()
    .find_map(|(own, kind)| (category_name(own) == category).then_some(kind))
}

fn kind(category: &str, value: i32) -> ErrorKind {
    match category {
        // The last two: an unexpected end of data, and a name that is not found.
        "system" | "generic" | "asio.misc" | "asio.netdb" => ErrorKind::Io,
        "bdecode error" | "bdecode" => ErrorKind::Parse,
        // libtorrent 2.1 has its own code for the end of a file.
        "libtorrent" if value == LibtorrentError::FileTooShort.repr => ErrorKind::Io,
        "libtorrent" if value == LibtorrentError::NoMetadata.repr => ErrorKind::NoMetadata,
        _ => ErrorKind::Native,
    }
}

/// Converts an error. `on` is a file, a URL or an address, or empty.
pub(super) fn failure(op: &'static str, on: &str, error: &NativeError) -> Error {
    let failed = Error::from_code(op, &error.category, error.value, &error.message);
    if on.is_empty() { failed } else { failed.on(on) }
}

/// Like `failure`, for operations on a torrent's files: if the system refuses, that is a disk error.
pub(super) fn disk_failure(op: &'static str, on: &str, error: &NativeError) -> Error {
    failure(op, on, error).at_disk()
}

/// Like `disk_failure`, for files that get another path, where other files may be.
pub(super) fn move_failure(op: &'static str, on: &str, error: &NativeError) -> Error {
    let failed = failure(op, on, error).at_disk();
    let exists = |code: &NativeCode| {
        matches!(&*code.category, "system" | "generic")
            && io::Error::from_raw_os_error(code.value).kind() == io::ErrorKind::AlreadyExists
    };
    if failed.native().is_some_and(exists) { failed.with_kind(ErrorKind::Exists) } else { failed }
}

#[cfg(test)]
mod tests {
    use super::native::{catch_for_test, throw_for_test};
    use super::*;

    fn thrown(number: i32) -> Error {
        Error::from_native("test", &throw_for_test(number).unwrap_err())
    }

    fn code(error: &Error) -> Option<(&str, i32)> {
        error.native().map(|code| (&*code.category, code.value))
    }

    #[test]
    fn every_kind_of_exception_becomes_an_error_that_has_lost_nothing() {
        let native = thrown(0);
        assert_eq!(code(&native).map(|(category, _)| category), Some("libtorrent"));
        assert_eq!(native.message(), "torrent file is not a dictionary");
        let system = thrown(1);
        assert_eq!(code(&system), Some(("generic", 28)));
        assert_eq!(system.kind(), ErrorKind::Io);
        assert_eq!(thrown(2).message(), "a plain exception");
        assert_eq!(code(&thrown(3)), Some(("generic", 12)));
        assert_eq!(thrown(4).message(), "a C++ exception of an unknown type");
        for (number, kind) in [
            (2, ErrorKind::Native),
            (6, ErrorKind::InvalidArgument),
            (7, ErrorKind::NotDownloaded),
            (8, ErrorKind::NoMetadata),
        ] {
            assert_eq!(thrown(number).kind(), kind, "{number}");
        }
        assert_eq!(code(&thrown(6)), None, "the shim's own categories are no codes");
    }

    #[test]
    fn an_exception_is_the_same_error_wherever_it_is_caught() {
        for number in [0, 1, 2, 3, 4, 6, 7, 8] {
            let (thrown, caught) = (thrown(number), failure("test", "", &catch_for_test(number)));
            assert_eq!(code(&caught), code(&thrown), "{number}");
            assert_eq!((caught.kind(), caught.to_string()), (thrown.kind(), thrown.to_string()));
        }
    }

    #[test]
    fn a_long_message_of_invalid_text_is_shortened_and_replaced() {
        let error = thrown(5);
        assert!(error.message().starts_with('\u{fffd}'), "{error}");
    }

    #[test]
    fn no_exception_is_no_error() {
        assert!(throw_for_test(-1).is_ok());
    }

    #[test]
    fn a_system_code_keeps_its_number() {
        let error = Error::from_code("move the files", "system", 28, "No space left on device");
        assert_eq!(error.kind(), ErrorKind::Io);
        assert_eq!(error.native().map(|code| code.value), Some(28));
        assert_eq!(error.at_disk().kind(), ErrorKind::Disk);
    }

    #[test]
    fn a_file_that_is_too_short_is_a_disk_error() {
        let code = LibtorrentError::FileTooShort.repr;
        let error = Error::from_code("read the file", "libtorrent", code, "file too short");
        assert_eq!(error.at_disk().kind(), ErrorKind::Disk);
    }

    #[test]
    fn a_code_without_a_description_is_named_by_its_number() {
        let error = Error::from_code("announce", "http", 404, "");
        assert_eq!(error.message(), "http error 404");
    }

    #[test]
    fn each_of_the_shims_categories_has_a_name_of_its_own() {
        let names = [
            ShimCategory::Argument,
            ShimCategory::NotDownloaded,
            ShimCategory::Busy,
            ShimCategory::File,
            ShimCategory::InUse,
            ShimCategory::Exists,
            ShimCategory::Version,
            ShimCategory::Exception,
        ]
        .map(category_name);
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), names.len());
        assert_eq!(names.map(own_category).iter().flatten().count(), names.len());
        assert_eq!(own_category("libtorrent"), None);
    }
}
