//! The client as a whole
//!
//! What concerns all torrents of a client, those of other patrons included.

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
use torrent_patron::{IpFilter, PortMapping, Settings};

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

/// Asks whether all torrents are stopped by patron_pause_all(); patron_reply_is_true() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_all_paused(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.all_paused()))
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
    // More would name a port twice.
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

/// Calls no peer at these ports; peers may call from there. `ports` has the first and the last port of
/// each range, both included, one range after the other; `range_count` is how many ranges there are.
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

/// Tells the distributed hash table of a node, by which it may find others (BEP 5).
///
/// Errors of the reply: INVALID_ARGUMENT where the client is offline or behind a proxy and the node is
/// beyond that.
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

/// Asks whether the distributed hash table runs; patron_reply_is_true() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_dht_is_running(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.dht_is_running()))
}

/// Asks the routers that are known (UPnP, NAT-PMP) to forward a port, of a PATRON_PORT_*;
/// patron_reply_port_mapping() reads the answer. PATRON_EVENT_PORT_MAPPED says that one does. The ports
/// that the client listens on are forwarded without this.
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

/// Of patron_map_port(): how many mappings there are, one for each way to ask a router; 0 where there is
/// no router to ask.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_port_mapping_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |mappings: &Vec<PortMapping>, _| Some(mappings.len())))
}

/// Of patron_map_port(): a mapping, for patron_unmap_port(); -1 where there is none.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_port_mapping(reply: *mut patron_reply, index: usize) -> i32 {
    read(-1, || {
        read_answer(reply, |mappings: &Vec<PortMapping>, _| Some(mappings.get(index)?.get()))
    })
}

/// Ends a mapping; one that there is none of is ignored.
///
/// Errors of the reply: INVALID_ARGUMENT for a negative number.
#[unsafe(no_mangle)]
pub extern "C" fn patron_unmap_port(
    patron: *mut patron_handle,
    mapping: i32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        Ok(patron.unmap_port(PortMapping::new(mapping.into())))
    })
}

/// Opens the listening sockets again and maps their ports again, as after a change of the network that
/// libtorrent could not see.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reopen_sockets(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.reopen_sockets()))
}
