//! How a torrent is started
//!
//! What is not set has the client's default. Options are used by one thread at a time, and any number
//! of times.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use super::arguments::{path, peer, required};
use super::errors::{give, patron_error};
use super::guard::{guard, release};
use crate::source::AddOptions;

/// How a torrent is started.
pub struct patron_options {
    pub(super) options: AddOptions,
}

/// Makes options in which nothing is set. Free them with patron_options_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_new(
    out: Option<&mut MaybeUninit<Box<patron_options>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give(required(out, "out")?, patron_options { options: AddOptions::default() });
        Ok(())
    })
}

/// Frees options. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_free(options: Option<Box<patron_options>>) {
    release(options);
}

/// Where the finished files belong.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_set_save_dir(
    options: Option<&mut patron_options>,
    directory: *const c_char,
    directory_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        required(options, "options")?.options.save_dir = Some(directory.into());
        Ok(())
    })
}

/// Where the files are until they are complete.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_set_incomplete_dir(
    options: Option<&mut patron_options>,
    directory: *const c_char,
    directory_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the path.
        let directory = unsafe { path(directory, directory_length, "directory") }?;
        required(options, "options")?.options.incomplete_dir = Some(directory.into());
        Ok(())
    })
}

/// Adds a peer to try at once, written "127.0.0.1:6881" or "[::1]:6881".
///
/// Errors: INVALID_ARGUMENT for what is no address and port.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_options_add_peer(
    options: Option<&mut patron_options>,
    address: *const c_char,
    address_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the address.
        let peer = unsafe { peer(address, address_length) }?;
        required(options, "options")?.options.peers.push(peer);
        Ok(())
    })
}

/// Whether the torrent does nothing until resumed. False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_paused(
    options: Option<&mut patron_options>,
    paused: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.paused = paused;
        Ok(())
    })
}

/// Whether the data in the save directory is taken as complete without hashing it; not possible with
/// a magnet link. False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_trust(
    options: Option<&mut patron_options>,
    trust: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.trust = trust;
        Ok(())
    })
}

/// Whether the torrent pauses as soon as its files are compared with their hashes
/// (PATRON_EVENT_CHECKED). False unless set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_options_set_stop_when_checked(
    options: Option<&mut patron_options>,
    stop: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        required(options, "options")?.options.stop_when_checked = stop;
        Ok(())
    })
}
