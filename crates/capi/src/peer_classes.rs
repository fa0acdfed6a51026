//! Peer classes
//!
//! Peers by where they are: those on the local network may have other limits than the rest. A class is a
//! group of peers with limits of its own, and is named by a number. A peer may be in several, and obeys
//! all.
//!
//! Errors of the replies: INVALID_ARGUMENT for a class that is none.

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
use torrent_patron::{IpRange, PeerClass, PeerClassOptions, PeerClassRange};

/// All peers but those on the local network. Its limits are those of the client.
pub const PATRON_PEER_CLASS_GLOBAL: i32 = 0;
/// Peers that are reached by TCP.
pub const PATRON_PEER_CLASS_TCP: i32 = 1;
/// Peers on the local network. Without limits unless they are set.
pub const PATRON_PEER_CLASS_LOCAL: i32 = 2;

const _: () = assert!(
    PATRON_PEER_CLASS_GLOBAL as u32 == PeerClass::GLOBAL.get()
        && PATRON_PEER_CLASS_TCP as u32 == PeerClass::TCP.get()
        && PATRON_PEER_CLASS_LOCAL as u32 == PeerClass::LOCAL.get()
);

/// What the peers of a class may have; patron_reply_peer_class_name() is its name.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_peer_class_options {
    /// How many bytes a second they together may be sent; -1: no limit.
    pub upload_limit: i64,
    /// How many bytes a second they may send; -1: no limit.
    pub download_limit: i64,
    /// How many connections they may have, in percent of the limit of the torrent.
    pub connection_limit_percent: u32,
    /// From 1 to 255: their share where upload is short.
    pub upload_priority: u8,
    /// From 1 to 255: their share where download is short.
    pub download_priority: u8,
    /// 1: they are served whether or not there is a slot. 0: only where there is.
    pub ignore_unchoke_slots: u8,
    /// Zero.
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
        if self.ignore_unchoke_slots > 1 || self.reserved != 0 {
            return Err(Failure::invalid("a member of the options has a value without a meaning"));
        }
        let mut options = PeerClassOptions::default();
        options.name = name.to_owned();
        options.ignore_unchoke_slots = self.ignore_unchoke_slots == 1;
        options.connection_limit_percent = self.connection_limit_percent;
        options.upload_limit = limit(self.upload_limit);
        options.download_limit = limit(self.download_limit);
        options.upload_priority = self.upload_priority;
        options.download_priority = self.download_priority;
        Ok(options)
    }
}

fn class(number: u32) -> PeerClass {
    PeerClass::new(number)
}

/// Makes a class; patron_reply_peer_class() reads the answer. There can be 32. The name is for people.
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

/// Of patron_create_peer_class(): the class; 0 while it is not answered.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_peer_class(reply: *mut patron_reply) -> u32 {
    read(0, || read_answer(reply, |class: &PeerClass, _| Some(class.get())))
}

/// Removes a class. Peers that are in it stay in it until they leave.
#[unsafe(no_mangle)]
pub extern "C" fn patron_remove_peer_class(
    patron: *mut patron_handle,
    peer_class: u32,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.remove_peer_class(class(peer_class))))
}

/// Asks what the peers of a class may have; patron_reply_peer_class_options() and
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

/// Of patron_get_peer_class(): the options. `struct_size` is sizeof(patron_peer_class_options).
///
/// Errors: INVALID_ARGUMENT when the reply has none, or none yet; BAD_HANDLE.
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

/// Of patron_get_peer_class(): the name of the class. Good until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_peer_class_name(reply: *mut patron_reply) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |options: &PeerClassOptions, texts| {
            Some(texts.lend("name", &options.name))
        })
    })
}

/// Changes what the peers of a class may have, and its name: PATRON_PEER_CLASS_LOCAL with a limit, for
/// instance, limits peers on the local network, who have none otherwise. It is best begun with what
/// patron_get_peer_class() gives. A limit of 0 or less is none. `struct_size` is
/// sizeof(patron_peer_class_options).
///
/// Errors: INVALID_ARGUMENT for a priority of 0 and for a wrong struct size.
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

/// Which addresses are in which classes. Used by one thread at a time.
pub struct patron_peer_class_ranges {
    list: List<PeerClassRange>,
}

impl From<Vec<PeerClassRange>> for patron_peer_class_ranges {
    fn from(ranges: Vec<PeerClassRange>) -> Self {
        Self { list: ranges.into() }
    }
}

/// Makes a list without ranges. Free it with patron_peer_class_ranges_free().
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

/// Frees the list. NULL is fine.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_free(ranges: Option<Box<patron_peer_class_ranges>>) {
    release(ranges);
}

/// Adds a range, from the lowest to the highest address, both included, written "192.0.2.1" or
/// "2001:db8::1". `peer_classes` has a bit for each class of the peers there: UINT32_C(1) <<
/// PATRON_PEER_CLASS_LOCAL for example. A range goes before those that were added earlier.
///
/// Errors: INVALID_ARGUMENT for what is no address, for a range that ends before it begins, and for one
/// from IPv4 to IPv6.
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
        let classes: Vec<_> = classes.map(class).collect();
        required(ranges, "ranges")?.list.all.push(PeerClassRange::new(range, classes));
        Ok(())
    })
}

/// How many ranges there are.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_count(
    ranges: Option<&patron_peer_class_ranges>,
) -> usize {
    count(ranges.map(|ranges| &ranges.list))
}

/// The lowest address of a range.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_lowest(
    ranges: Option<&patron_peer_class_ranges>,
    index: usize,
) -> patron_text {
    let address = |range: &PeerClassRange| Some(range.range.first.to_string());
    text_of(ranges.map(|ranges| &ranges.list), "lowest", index, address)
}

/// The highest address of a range.
#[unsafe(no_mangle)]
pub extern "C" fn patron_peer_class_ranges_highest(
    ranges: Option<&patron_peer_class_ranges>,
    index: usize,
) -> patron_text {
    let address = |range: &PeerClassRange| Some(range.range.last.to_string());
    text_of(ranges.map(|ranges| &ranges.list), "highest", index, address)
}

/// The classes of the peers in a range, a bit for each.
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

/// Of patron_get_peer_class_ranges(): the ranges, a new object for each call. Free it with
/// patron_peer_class_ranges_free().
///
/// Errors: INVALID_ARGUMENT when the reply has no ranges, or none yet; BAD_HANDLE.
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

/// Puts the addresses of the list into classes, in place of what was so before. Peers are put into their
/// classes when they connect.
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
