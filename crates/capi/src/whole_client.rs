//! The client as a whole
//!
//! Settings and commands that affect all torrents of a client, including those of other patrons.

use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::ops::RangeInclusive;

use crate::ip_filter::patron_ip_filter;
use crate::settings::patron_settings;
use crate::support::arguments::{address, choice, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read};
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::replies::{ask_patron, give_answer, read_answer};
use torrent_patron::Settings;
use torrent_patron::ip_filter::IpFilter;
use torrent_patron::port_mapping::PortMapping;

/// Asks for all current settings, including defaults; patron_reply_settings() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_settings(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.settings()))
}

/// For patron_get_settings(): the settings, a new object for each call. Free it with
/// patron_settings_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
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

/// Changes the settings that are in the set and leaves the others unchanged. Start from
/// PATRON_PRESET_EMPTY. Most settings take effect at once, including listening and discovery.
///
/// Errors of the reply: INVALID_ARGUMENT for settings that can only be set at the start
/// ("disk_reads"), and for those that conflict with how the client reads.
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

/// Asks for the state to restore in a later client: settings, DHT nodes and the IP filter;
/// patron_reply_bytes() reads the answer. Torrents are not included; see patron_get_resume_data().
#[unsafe(no_mangle)]
pub extern "C" fn patron_save_state(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.save_state()))
}

/// Asks for the blocked addresses; patron_reply_ip_filter() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_ip_filter(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.ip_filter()))
}

/// For patron_get_ip_filter(): the filter, a new object for each call. Free it with
/// patron_ip_filter_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_ip_filter(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_ip_filter>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || give_answer(reply, out, "IP filter", |filter: &IpFilter| filter.clone().into()))
}

/// Replaces the IP filter. Connected peers that are now blocked are disconnected. A client that is
/// offline still blocks everything outside of the loopback interface.
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

/// Adds one address to the IP filter, "192.0.2.1" or "2001:db8::1".
///
/// Errors: INVALID_ARGUMENT for an invalid address.
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

/// Pauses the whole client until patron_resume_all(). The paused state of each torrent does not
/// change.
#[unsafe(no_mangle)]
pub extern "C" fn patron_pause_all(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.pause_all()))
}

/// Ends patron_pause_all().
#[unsafe(no_mangle)]
pub extern "C" fn patron_resume_all(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.resume_all()))
}

/// Asks whether the client is paused by patron_pause_all(); patron_reply_is_true() reads the
/// answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_is_paused(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.is_paused()))
}

/// # Safety
///
/// `ports` is NULL or points to `count` pairs.
unsafe fn port_ranges(
    ports: *const u16,
    count: usize,
) -> Result<Vec<RangeInclusive<u16>>, Failure> {
    if count == 0 {
        return Ok(Vec::new());
    }
    if ports.is_null() {
        return Err(Failure::null("ports"));
    }
    // A larger count would name a port twice.
    if count > 1 << 16 || !ports.is_aligned() {
        return Err(Failure::invalid(format!("ports: {count} ranges at {ports:?}")));
    }
    // SAFETY: not NULL, aligned, and the caller vouches for the count.
    let ports = unsafe { std::slice::from_raw_parts(ports.cast::<[u16; 2]>(), count) };
    let range = |[first, last]: &[u16; 2]| match first <= last {
        true => Ok(*first..=*last),
        false => Err(Failure::invalid(format!("ports: {first} to {last} is not a range"))),
    };
    ports.iter().map(range).collect()
}

/// Blocks outgoing connections to these ports. Incoming connections are not affected. `ports` has
/// the first and the last port of each range, both included, one range after the other;
/// `range_count` is the number of ranges.
///
/// Errors: INVALID_ARGUMENT for a range that ends before it begins.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_port_filter(
    patron: *mut patron_handle,
    ports: *const u16,
    range_count: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the number of ranges.
        Ok(patron.set_port_filter(unsafe { port_ranges(ports, range_count) }?))
    })
}

/// Adds a DHT node to bootstrap from (BEP 5).
///
/// Errors of the reply: INVALID_ARGUMENT if the client is offline or uses a proxy, and cannot reach
/// the node because of that.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_dht_node(
    patron: *mut patron_handle,
    host: *const c_char,
    host_length: usize,
    port: u16,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the length of the text.
        let host = unsafe { text(host, host_length, "host") }?;
        Ok(patron.add_dht_node(host, port))
    })
}

/// Asks whether the DHT is running; patron_reply_is_true() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_is_dht_running(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.is_dht_running()))
}

/// Asks the known routers (UPnP, NAT-PMP) to forward a port for a PATRON_PORT_*;
/// patron_reply_port_mapping() reads the answer. PATRON_EVENT_PORT_MAPPED reports success. The
/// ports that the client listens on are forwarded automatically.
///
/// Errors: INVALID_ARGUMENT for an unknown protocol.
#[unsafe(no_mangle)]
pub extern "C" fn patron_map_port(
    patron: *mut patron_handle,
    protocol: i32,
    external_port: u16,
    local_port: u16,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        Ok(patron.map_port(choice(protocol, "protocol")?, external_port, local_port))
    })
}

/// For patron_map_port(): the number of mappings, one for each protocol to talk to a router; 0 if
/// there is no router.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_port_mapping_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |mappings: &Vec<PortMapping>, _| Some(mappings.len())))
}

/// For patron_map_port(): a mapping, for patron_unmap_port(); -1 if there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_port_mapping(reply: *mut patron_reply, index: usize) -> i32 {
    read(-1, || {
        read_answer(reply, |mappings: &Vec<PortMapping>, _| Some(mappings.get(index)?.get()))
    })
}

/// Removes a mapping. An unknown mapping is ignored.
///
/// Errors of the reply: INVALID_ARGUMENT for a negative number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_unmap_port(
    patron: *mut patron_handle,
    mapping: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.unmap_port(PortMapping::new(mapping))))
}

/// Reopens the listening sockets and maps their ports again. Use it after a change of the network
/// that libtorrent could not detect.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reopen_sockets(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.reopen_sockets()))
}
