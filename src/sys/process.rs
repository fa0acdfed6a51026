//! What belongs to the process, not to a client.

use super::bridge;
use crate::error::{Error, Result};

const START_CLIENT: &str = "start the client";

/// Raises the process's limit of open descriptors to what is wanted, as far as it may; what it is
/// then.
pub(crate) fn raise_descriptor_limit(wanted: u64) -> Result<u64> {
    bridge::raise_descriptor_limit(wanted)
        .map_err(|exception| Error::from_native(START_CLIENT, &exception))
}

pub(crate) fn libtorrent_version() -> String {
    bridge::loaded_version()
}

/// A thread of this crate takes no signals: the program's handlers and its `sigwait` are on its own.
pub(crate) fn block_signals() {
    bridge::block_signals();
}

/// Whether the libtorrent that is loaded is the one that the shim was compiled for, and the only one: a
/// program may have loaded another before, whose functions are called in place of ours. Nothing else of
/// libtorrent can be called where it is not.
pub(crate) fn check_versions() -> Result<()> {
    bridge::check_versions().map_err(|exception| Error::from_native(START_CLIENT, &exception))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn compare(compiled: &str, loaded: &str, files: &[&str]) -> Result<(), String> {
        let files: Vec<_> = files.iter().map(|&file| file.to_owned()).collect();
        bridge::compare_versions(compiled, loaded, &files).map_err(|error| error.what().to_owned())
    }

    #[test]
    fn another_minor_version_or_an_older_one_is_refused() {
        for loaded in ["2.0.8.0", "2.0.8.1", "2.0.11.0"] {
            assert_eq!(compare("2.0.8.0", loaded, &["/a/libtorrent.so"]), Ok(()), "{loaded}");
        }
        for loaded in ["2.0.7.0", "2.1.0.0", "3.0.8.0", "", "two"] {
            let error = compare("2.0.8.0", loaded, &["/a/libtorrent.so"]).unwrap_err();
            assert!(error.contains("compiled for libtorrent 2.0.8.0"), "{error}");
        }
    }

    #[test]
    fn the_version_is_four_numbers() {
        let version = libtorrent_version();
        let numbers: Vec<u32> = version.split('.').map(|part| part.parse().unwrap()).collect();
        assert!(numbers.len() == 4 && numbers[0] == 2, "{version}");
    }

    #[test]
    fn functions_of_two_libraries_are_refused() {
        let files = ["/a/libtorrent.so", "/b/libtorrent.so"];
        let error = compare("2.0.8.0", "2.0.8.0", &files).unwrap_err();
        assert!(error.contains("/a/libtorrent.so, /b/libtorrent.so"), "{error}");
    }

    #[test]
    fn this_build_matches_the_library() {
        check_versions().unwrap();
    }
}
