//! Versions
//!
//! While the major version is 0, programs must be recompiled for each new minor version; the name
//! of the shared object (`libtorrent_patron.so.0.1`) enforces it. Within a minor version, functions
//! and codes are only added, and structs only grow at their end.

use std::sync::LazyLock;

use crate::support::guard::read;
use crate::support::text::{CText, patron_text};
use torrent_patron::client::libtorrent_version;

/// The major version of this header.
pub const PATRON_VERSION_MAJOR: u32 = 0;
/// The minor version of this header.
pub const PATRON_VERSION_MINOR: u32 = 1;
/// The patch version of this header.
pub const PATRON_VERSION_PATCH: u32 = 0;

/// The version of the loaded library, "0.1.0". Valid as long as the process runs.
#[unsafe(no_mangle)]
pub extern "C" fn patron_version() -> patron_text {
    const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "\0");
    read(patron_text::EMPTY, || {
        Some(patron_text { data: VERSION.as_ptr().cast(), length: VERSION.len() - 1 })
    })
}

/// The version of the loaded libtorrent, "2.0.8.0". Valid as long as the process runs.
#[unsafe(no_mangle)]
pub extern "C" fn patron_libtorrent_version() -> patron_text {
    static VERSION: LazyLock<CText> = LazyLock::new(|| CText::new(libtorrent_version()));
    read(patron_text::EMPTY, || Some(VERSION.text()))
}

const fn number(text: &str) -> u32 {
    match u32::from_str_radix(text, 10) {
        Ok(number) => number,
        Err(_) => panic!("the package's version has a part that is not a number"),
    }
}

const _: () = assert!(
    number(env!("CARGO_PKG_VERSION_MAJOR")) == PATRON_VERSION_MAJOR
        && number(env!("CARGO_PKG_VERSION_MINOR")) == PATRON_VERSION_MINOR
        && number(env!("CARGO_PKG_VERSION_PATCH")) == PATRON_VERSION_PATCH,
    "the header has another version than the package"
);
