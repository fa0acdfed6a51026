//! The functions of the chapter on errors, whose codes are in `support::failure`.

use crate::support::failure::{PATRON_OK, patron_error};
use crate::support::guard::read_anywhere;
use crate::support::text::patron_text;

/// The code, as returned by the function that failed; 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_code(error: Option<&patron_error>) -> i32 {
    read_anywhere(PATRON_OK, || Some(error?.code))
}

/// The category of the error number of libtorrent or the operating system, for example
/// "libtorrent", "system" or "bdecode error". Empty if there is no such number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_category(error: Option<&patron_error>) -> patron_text {
    read_anywhere(patron_text::EMPTY, || Some(error?.category.text()))
}

/// The number within patron_error_category(); for "system" it is an errno.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_value(error: Option<&patron_error>) -> i32 {
    read_anywhere(0, || Some(error?.value))
}

/// What the failed operation was, as a verb phrase: "add the torrent".
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_operation(error: Option<&patron_error>) -> patron_text {
    read_anywhere(patron_text::EMPTY, || Some(error?.operation.text()))
}

/// One line to show to a user: "cannot read the metainfo: a.torrent: No such file or directory".
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_message(error: Option<&patron_error>) -> patron_text {
    read_anywhere(patron_text::EMPTY, || Some(error?.message.text()))
}

/// Frees an error that the caller owns. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_error_free(error: Option<Box<patron_error>>) {
    read_anywhere((), || error.map(drop));
}
