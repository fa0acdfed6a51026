//! The client as a whole
//!
//! What concerns all torrents of a client, those of other patrons included.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use super::arguments::{address, required};
use super::errors::patron_error;
use super::guard::guard;
use super::handle::{patron_handle, patron_reply};
use super::ip_filter::patron_ip_filter;
use super::patron::ask_patron;
use super::reply::give_answer;
use super::settings::patron_settings;
use crate::ip_filter::IpFilter;
use crate::settings::Settings;

/// Asks for all settings as libtorrent has them now, those that have their default included;
/// patron_reply_settings() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_settings(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.settings()))
}

/// Of patron_get_settings(): the settings, a new object for each call. Free it with
/// patron_settings_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no settings, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_settings(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_settings>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "settings", |settings: &Settings| settings.clone().into())
    })
}

/// Changes the settings that are in the set, which PATRON_PRESET_EMPTY is for; the others stay. Most
/// take effect at once: listening moves to other addresses, discovery goes on and off.
///
/// Errors of the reply: INVALID_ARGUMENT for settings that need another start of the client
/// ("disk_reads"), and for those that do not go with how the client reads.
#[unsafe(no_mangle)]
pub extern "C" fn patron_apply_settings(
    patron: *mut patron_handle,
    settings: Option<&patron_settings>,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        Ok(patron.apply_settings(&required(settings, "settings")?.settings))
    })
}

/// Asks for all that a later client needs to begin where this one stands: settings, the nodes of the
/// distributed hash table and the IP filter; patron_reply_bytes() reads the answer. Torrents are not in
/// it; see patron_get_resume_data().
#[unsafe(no_mangle)]
pub extern "C" fn patron_save_state(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.save_state()))
}

/// Asks for the addresses that are blocked; patron_reply_ip_filter() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_ip_filter(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.ip_filter()))
}

/// Of patron_get_ip_filter(): the filter, a new object for each call. Free it with
/// patron_ip_filter_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no filter, or none yet; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_ip_filter(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || give_answer(reply, out, "IP filter", |filter: &IpFilter| filter.clone().into()))
}

/// Blocks the addresses of the filter and no others. Peers that are connected and blocked now are
/// dropped. A client that is offline goes on blocking all but the loopback interface.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_ip_filter(
    patron: *mut patron_handle,
    filter: Option<&patron_ip_filter>,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        Ok(patron.set_ip_filter(required(filter, "filter")?.filter.clone()))
    })
}

/// Blocks one address more, "192.0.2.1" or "2001:db8::1".
///
/// Errors: INVALID_ARGUMENT for what is no address.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_ban(
    patron: *mut patron_handle,
    ip_address: *const c_char,
    ip_address_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the length of the address.
        let address = unsafe { address(ip_address, ip_address_length, "ip_address") }?;
        Ok(patron.ban(address))
    })
}

/// Stops all torrents until patron_resume_all(), without changing which are paused.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pause_all(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.pause_all()))
}

/// Lets them go on.
#[unsafe(no_mangle)]
pub extern "C" fn patron_resume_all(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.resume_all()))
}
