//! What belongs to the process rather than to a client.

use super::bridge;
use crate::error::{Error, ErrorKind, Result};

const START_CLIENT: &str = "start the client";

/// Raises the process's limit on open descriptors to `wanted`, as far as permitted, and returns the
/// limit that then applies.
pub(crate) fn raise_descriptor_limit(wanted: u64) -> Result<u64> {
    bridge::raise_descriptor_limit(wanted)
        .map_err(|exception| Error::from_native(START_CLIENT, &exception))
}

pub(crate) fn libtorrent_version() -> String {
    bridge::loaded_version()
}

/// Blocks all signals on the calling thread: the program handles them on its own threads.
pub(crate) fn block_signals() {
    bridge::block_signals();
}

/// Checks that the loaded libtorrent is the version that the shim was compiled for, and the only
/// one: if the program loaded another one earlier, its functions would be called instead.
pub(crate) fn check_versions() -> Result<()> {
    compare(&bridge::compiled_version(), &bridge::loaded_version())?;
    let files =
        bridge::loaded_from().map_err(|exception| Error::from_native(START_CLIENT, &exception))?;
    only_one(&files)
}

fn only_one(files: &[String]) -> Result<()> {
    if files.len() <= 1 {
        return Ok(());
    }
    let message = format!(
        "more than one libtorrent is loaded: {}; the program must load only one, or the other \
         without RTLD_GLOBAL",
        files.join(", ")
    );
    Err(Error::new(ErrorKind::VersionMismatch, START_CLIENT, message))
}

/// libtorrent's ABI is stable within a major and minor version.
fn compare(compiled: &str, loaded: &str) -> Result<()> {
    let minor = |version: &str| {
        let mut parts = version.split('.').map(str::to_owned);
        (parts.next(), parts.next())
    };
    if minor(compiled) == minor(loaded) {
        return Ok(());
    }
    let message = format!(
        "this program was compiled for libtorrent {compiled}, but libtorrent {loaded} is loaded; \
         compile it again or install the other version"
    );
    Err(Error::new(ErrorKind::VersionMismatch, START_CLIENT, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_minor_version_is_refused() {
        assert!(compare("2.0.8.0", "2.0.11.0").is_ok());
        let error = compare("2.0.8.0", "2.1.0.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::VersionMismatch);
        assert!(error.to_string().contains("compiled for libtorrent 2.0.8.0"), "{error}");
    }

    #[test]
    fn the_version_is_four_numbers() {
        let version = libtorrent_version();
        let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(numbers.len() == 4 && numbers[0] == 2, "{version}");
    }

    #[test]
    fn functions_of_two_libraries_are_refused() {
        let error = only_one(&["/a/libtorrent.so".into(), "/b/libtorrent.so".into()]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::VersionMismatch);
        assert!(error.message().contains("/a/libtorrent.so, /b/libtorrent.so"), "{error}");
    }

    #[test]
    fn this_build_matches_the_library() {
        check_versions().unwrap();
    }
}
