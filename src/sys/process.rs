//! Functions that concern the process rather than a client.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use crate::error::{Error, Result};
use crate::model::op;

#[cxx::bridge(namespace = "patron")]
mod native {
    unsafe extern "C++" {
        include!("torrent-patron/cpp/process.hpp");

        /// `lt::version()` of the library that is loaded.
        fn loaded_version() -> String;
        fn check_versions() -> Result<()>;
        /// `files` are the files that contain libtorrent's functions.
        #[allow(dead_code)] // the tests below call it
        fn compare_versions(compiled: &str, loaded: &str, files: &[String]) -> Result<()>;
        fn raise_descriptor_limit(wanted: u64) -> Result<u64>;
        fn allowed_cores() -> Result<Vec<u32>>;
        fn block_signals();
        fn shorten_slices();
        fn is_network_device(name: &str) -> bool;
    }
}

pub(crate) use native::is_network_device;

/// Raises the process's limit on open descriptors to `wanted`, as far as permitted, and returns the
/// limit that then applies.
pub(crate) fn raise_descriptor_limit(wanted: u64) -> Result<u64> {
    native::raise_descriptor_limit(wanted)
        .map_err(|exception| Error::from_native(op::START, &exception))
}

/// Returns the cores that the calling thread may run on. Empty if the system does not bind threads.
pub(crate) fn allowed_cores() -> Result<Vec<u32>> {
    native::allowed_cores().map_err(|exception| Error::from_native(op::START, &exception))
}

pub(crate) fn libtorrent_version() -> String {
    native::loaded_version()
}

/// Blocks all signals on the calling thread, because the program handles them on its own threads.
pub(crate) fn block_signals() {
    native::block_signals();
}

/// Makes the calling thread run sooner after it was woken, on a busy machine. Its share of processor time stays
/// the same. Threads that it starts inherit that. Linux 6.12 and later.
pub(crate) fn shorten_slices() {
    native::shorten_slices();
}

/// Checks that the loaded libtorrent is the version that the shim was compiled for, and the only one: if the
/// program has loaded another one earlier, its functions would be called instead. Every bridge function that
/// can fail also fails in that case.
pub(crate) fn check_versions() -> Result<()> {
    native::check_versions().map_err(|exception| Error::from_native(op::START, &exception))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the calling thread's slice in nanoseconds, if the kernel has slices that can be set.
    #[cfg(target_os = "linux")]
    fn slice() -> Option<u64> {
        let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = release.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
        if (numbers.next(), numbers.next()) < (Some(6), Some(12)) {
            return None;
        }
        let shown = std::fs::read_to_string("/proc/thread-self/sched").ok()?;
        let line = shown.lines().find(|line| line.starts_with("se.slice"))?;
        Some(line.split(':').nth(1)?.trim().parse().unwrap())
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn slices_become_shorter() {
        let slices = || {
            let before = slice();
            shorten_slices();
            (before, slice())
        };
        let (before, after) = std::thread::spawn(slices).join().unwrap();
        assert!(before.is_none() || after < before, "{before:?}, then {after:?}");
    }

    fn compare(compiled: &str, loaded: &str, files: &[&str]) -> Result<(), String> {
        let files: Vec<_> = files.iter().map(|&file| file.to_owned()).collect();
        native::compare_versions(compiled, loaded, &files).map_err(|error| error.what().to_owned())
    }

    #[test]
    fn every_other_version_is_refused() {
        assert_eq!(compare("2.0.8.0", "2.0.8.0", &["/a/libtorrent.so"]), Ok(()));
        for loaded in ["2.0.7.0", "2.0.8.1", "2.0.11.0", "2.1.0.0", "3.0.8.0", "", "two"] {
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
