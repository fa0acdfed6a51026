//! Peer classes
//!
//! A peer class is a group of peers with its own limits; peers on the local network, for example,
//! may have other limits than the rest. A class is identified by a number. A peer may be in several
//! classes, and is subject to the limits of all of them.
//!
//! Errors of the replies: INVALID_ARGUMENT for an unknown class.

use std::ffi::c_char;
use std::mem::{MaybeUninit, offset_of};

use crate::support::arguments::{address, give, limit, or_none, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::lists::{List, count, text_of};
use crate::support::replies::{ask_patron, give_answer, read_answer, write_answer};
use crate::support::structs::{Plain, Struct, take};
use crate::support::text::patron_text;
use torrent_patron::ip_filter::IpRange;
use torrent_patron::peer::{PeerClass, PeerClassOptions, PeerClassRange, PeerClasses};

/// All peers except those on the local network. Its limits are those of the client.
pub const PATRON_PEER_CLASS_GLOBAL: i32 = 0;
/// Peers connected over TCP.
pub const PATRON_PEER_CLASS_TCP: i32 = 1;
/// Peers on the local network. It has no limits unless they are set.
pub const PATRON_PEER_CLASS_LOCAL: i32 = 2;

const _: () = assert!(
    PATRON_PEER_CLASS_GLOBAL as u32 == PeerClass::GLOBAL.get()
        && PATRON_PEER_CLASS_TCP as u32 == PeerClass::TCP.get()
        && PATRON_PEER_CLASS_LOCAL as u32 == PeerClass::LOCAL.get()
);

/// The limits of a peer class; patron_reply_peer_class_name() is its name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_peer_class_options {
    /// The upload rate of all its peers together, in bytes per second, or PATRON_NO_LIMIT.
    pub upload_limit: i64,
    /// The download rate of all its peers together, in bytes per second, or PATRON_NO_LIMIT.
    pub download_limit: i64,
    /// How many connections its peers may have, in percent of the limits of the torrent and the
    /// client. A value above 100 is rounded, and has no effect on peers that also have a class with
    /// a lower one.
    pub connection_limit_percent: u32,
    /// The share of its peers when upload bandwidth is short, from 1 to 255.
    pub upload_priority: u8,
    /// The share of its peers when download bandwidth is short, from 1 to 255.
    pub download_priority: u8,
    /// 1: its peers are unchoked regardless of upload slots. 0: they need a slot.
    pub ignore_unchoke_slots: u8,
    /// Reserved; zero.
    pub reserved: u8,
}

impl Struct for patron_peer_class_options {
    const NAME: &str = "patron_peer_class_options";
    const FIRST_SIZE: usize = offset_of!(Self, reserved) + 1;
}

// SAFETY: it is made of integers, without a gap between them.
unsafe impl Plain for patron_peer_class_options {}

impl From<&PeerClassOptions> for patron_peer_class_options {
    fn from(options: &PeerClassOptions) -> Self {
        Self {
            upload_limit: or_none(options.upload_limit),
            download_limit: or_none(options.download_limit),
            connection_limit_percent: options.connection_limit_percent,
            upload_priority: options.upload_priority,
            download_priority: options.download_priority,
            ignore_unchoke_slots: options.ignore_unchoke_slots.into(),
            reserved: 0,
        }
    }
}

impl patron_peer_class_options {
    fn named(&self, name: &str) -> Result<PeerClassOptions, Failure> {
        if self.upload_priority == 0 || self.download_priority == 0 {
            return Err(Failure::invalid("the priority of a peer class is from 1 to 255"));
        }
        if self.ignore_unchoke_slots > 1 {
            return Err(Failure::invalid("ignore_unchoke_slots must be 0 or 1"));
        }
        if self.reserved != 0 {
            return Err(Failure::invalid("the reserved member of the options must be 0"));
        }
        let mut options = PeerClassOptions::default();
        options.name = name.to_owned();
        options.ignore_unchoke_slots = self.ignore_unchoke_slots == 1;
        options.connection_limit_percent = self.connection_limit_percent;
        options.upload_limit = limit(self.upload_limit, "upload_limit")?;
        options.download_limit = limit(self.download_limit, "download_limit")?;
        options.upload_priority = self.upload_priority;
        options.download_priority = self.download_priority;
        Ok(options)
    }
}

fn class(number: u32) -> PeerClass {
    PeerClass::new(number)
}

/// Creates a class; patron_reply_peer_class() reads the answer. There can be 28. The name is for
/// display.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_create_peer_class(
    patron: *mut patron_handle,
    name: *const c_char,
    name_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the length of the name.
        let name = unsafe { text(name, name_length, "name") }?;
        Ok(patron.create_peer_class(name))
    })
}

/// For patron_create_peer_class(): the class; 0 while there is no answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_peer_class(reply: *mut patron_reply) -> u32 {
    read(0, || read_answer(reply, |class: &PeerClass, _| Some(class.get())))
}

/// Removes a class. Connected peers stay in it until they disconnect.
#[unsafe(no_mangle)]
pub extern "C" fn patron_remove_peer_class(
    patron: *mut patron_handle,
    peer_class: u32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.remove_peer_class(class(peer_class))))
}

/// Asks for the limits of a class; patron_reply_peer_class_options() and
/// patron_reply_peer_class_name() read the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_peer_class(
    patron: *mut patron_handle,
    peer_class: u32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.peer_class(class(peer_class))))
}

/// For patron_get_peer_class(): writes the options. `struct_size` is
/// sizeof(patron_peer_class_options).
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_reply_peer_class_options(
    reply: *mut patron_reply,
    out: *mut patron_peer_class_options,
    struct_size: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the size of its struct.
        unsafe { write_answer::<PeerClassOptions, _>(reply, out, struct_size, "options") }
    })
}

/// For patron_get_peer_class(): the name of the class. Valid until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_peer_class_name(reply: *mut patron_reply) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |options: &PeerClassOptions, texts| {
            Some(texts.lend("name", &options.name))
        })
    })
}

/// Changes the limits and the name of a class. Setting a limit for PATRON_PEER_CLASS_LOCAL, for
/// example, limits peers on the local network. Start from the options that patron_get_peer_class()
/// returns. `struct_size` is sizeof(patron_peer_class_options).
///
/// Errors: INVALID_ARGUMENT for a limit or a priority of 0, or a wrong struct size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_peer_class(
    patron: *mut patron_handle,
    peer_class: u32,
    name: *const c_char,
    name_length: usize,
    options: *const patron_peer_class_options,
    struct_size: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        // SAFETY: the caller gives the length of the name and the size of its struct.
        let (name, options) =
            unsafe { (text(name, name_length, "name")?, take(options, struct_size, "options")?) };
        Ok(patron.set_peer_class(class(peer_class), options.named(name)?))
    })
}

/// The assignment of address ranges to classes. Used by one thread at a time.
pub struct patron_peer_class_ranges {
    list: List<PeerClassRange>,
}

impl From<Vec<PeerClassRange>> for patron_peer_class_ranges {
    fn from(ranges: Vec<PeerClassRange>) -> Self {
        Self { list: ranges.into() }
    }
}

/// Makes an empty list. Free it with patron_peer_class_ranges_free().
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_new(
    out: Option<&mut MaybeUninit<Box<patron_peer_class_ranges>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give(required(out, "out")?, Vec::new().into());
        Ok(())
    })
}

/// Frees the list. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_free(ranges: Option<Box<patron_peer_class_ranges>>) {
    release(ranges);
}

/// Adds a range of addresses, `lowest` and `highest` included, written "192.0.2.1" or
/// "2001:db8::1". `peer_classes` has one bit for each class of the peers in the range, for example
/// UINT32_C(1) << PATRON_PEER_CLASS_LOCAL. A range overrides those added earlier.
///
/// Errors: INVALID_ARGUMENT for an invalid address, for a range that ends before it begins, and for
/// a range that mixes IPv4 and IPv6.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_peer_class_ranges_add(
    ranges: Option<&mut patron_peer_class_ranges>,
    lowest: *const c_char,
    lowest_length: usize,
    highest: *const c_char,
    highest_length: usize,
    peer_classes: u32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of both addresses.
        let (lowest, highest) = unsafe {
            (
                address(lowest, lowest_length, "lowest")?,
                address(highest, highest_length, "highest")?,
            )
        };
        let range = IpRange::new(lowest, highest)?;
        let classes = (0..u32::BITS).filter(|bit| peer_classes & (1 << bit) != 0);
        let classes: PeerClasses = classes.map(class).collect();
        required(ranges, "ranges")?.list.all.push(PeerClassRange::new(range, classes));
        Ok(())
    })
}

/// The number of ranges.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_count(
    ranges: Option<&patron_peer_class_ranges>,
) -> usize {
    count(ranges.map(|ranges| &ranges.list))
}

/// The first address of a range.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_lowest(
    ranges: Option<&patron_peer_class_ranges>,
    index: usize,
) -> patron_text {
    let address = |range: &PeerClassRange| Some(range.range.first().to_string());
    text_of(ranges.map(|ranges| &ranges.list), "lowest", index, address)
}

/// The last address of a range.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_highest(
    ranges: Option<&patron_peer_class_ranges>,
    index: usize,
) -> patron_text {
    let address = |range: &PeerClassRange| Some(range.range.last().to_string());
    text_of(ranges.map(|ranges| &ranges.list), "highest", index, address)
}

/// The classes of the peers in a range, one bit for each.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_classes(
    ranges: Option<&patron_peer_class_ranges>,
    index: usize,
) -> u32 {
    read(0, || {
        let classes = &ranges?.list.get(index)?.classes;
        Some(
            classes.iter().fold(0, |bits, class| bits | 1u32.checked_shl(class.get()).unwrap_or(0)),
        )
    })
}

/// Asks which addresses are in which classes; patron_reply_peer_class_ranges() reads the answer.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_peer_class_ranges(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.peer_class_ranges()))
}

/// For patron_get_peer_class_ranges(): the ranges, a new object for each call. Free it with
/// patron_peer_class_ranges_free().
///
/// Errors: INVALID_ARGUMENT if the reply has no answer yet or is of another kind; BAD_HANDLE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_peer_class_ranges(
    reply: *mut patron_reply,
    out: Option<&mut MaybeUninit<Box<patron_peer_class_ranges>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        give_answer(reply, out, "ranges", |ranges: &Vec<PeerClassRange>| ranges.clone().into())
    })
}

/// Assigns addresses to classes, replacing the earlier assignment. Peers get their classes when
/// they connect.
#[unsafe(no_mangle)]
pub extern "C" fn patron_set_peer_class_ranges(
    patron: *mut patron_handle,
    ranges: Option<&patron_peer_class_ranges>,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| {
        Ok(patron.set_peer_class_ranges(required(ranges, "ranges")?.list.all.clone()))
    })
}
