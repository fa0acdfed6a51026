//! Stores
//!
//! A client with a store (patron_builder_set_store()) keeps its torrents across restarts and
//! crashes. Calls that add, remove, pause, resume or move a torrent, or attach data to it, are
//! answered when the change is durable. Progress and other changes are saved automatically, and
//! before the client stops. At the start, the client restores all torrents of its store, which
//! PATRON_EVENT_RESTORING and PATRON_EVENT_RESTORED report. These torrents belong to no patron; use
//! patron_watch_all() and patron_adopt() for them.
//!
//! Labels and notes are data that the program attaches to a torrent. Without a store, they are lost
//! with the torrent.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::c_char;
use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::support::arguments::{bytes, text};
use crate::support::failure::patron_error;
use crate::support::guard::read;
use crate::support::handles::{patron_handle, patron_reply};
use crate::support::replies::{ask_of, ask_patron, read_answer};
use crate::support::text::{patron_bytes, patron_text};

type Labels = BTreeSet<Box<str>>;
type Notes = BTreeMap<Box<str>, Arc<[u8]>>;

/// Delivers the events of all torrents of the client to this patron, including torrents that are
/// added later. The first event of each existing torrent is its status.
#[unsafe(no_mangle)]
pub extern "C" fn patron_watch_all(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.watch_all()))
}

/// Ends patron_watch_all(), and patron_watch() for every torrent. The patron still receives the
/// events of the torrents that it owns.
#[unsafe(no_mangle)]
pub extern "C" fn patron_unwatch_all(
    patron: *mut patron_handle,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_patron(patron, reply, error, |patron| Ok(patron.unwatch_all()))
}

/// Makes this patron the owner of a torrent without an owner, as if it had added it.
///
/// Errors of the reply: INVALID_ARGUMENT if the torrent belongs to another patron; NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_adopt(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.adopt(id)))
}

/// Adds a label to a torrent, unless it already has it.
///
/// Errors of the reply: NOT_FOUND, GONE; DISK if the store cannot be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_add_label(
    patron: *mut patron_handle,
    torrent_id: u64,
    label: *const c_char,
    label_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the text.
        let label = unsafe { text(label, label_length, "label") }?;
        Ok(patron.add_label(id, label))
    })
}

/// Removes a label from a torrent.
///
/// Errors of the reply: as for patron_add_label().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_remove_label(
    patron: *mut patron_handle,
    torrent_id: u64,
    label: *const c_char,
    label_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the text.
        let label = unsafe { text(label, label_length, "label") }?;
        Ok(patron.remove_label(id, label))
    })
}

/// Asks for the labels of a torrent; patron_reply_label() reads the answer.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_labels(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.labels(id)))
}

/// For patron_get_labels(): the number of labels.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_label_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |labels: &Labels, _| Some(labels.len())))
}

/// For patron_get_labels(): a label, in alphabetical order. Valid until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_label(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |labels: &Labels, texts| {
            Some(texts.lend_nth("label", index, labels.iter().nth(index)?.as_bytes()))
        })
    })
}

/// Attaches a copy of the bytes to a torrent, under a key that the program chooses. It replaces the
/// previous bytes under this key.
///
/// Errors of the reply: as for patron_add_label().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_set_note(
    patron: *mut patron_handle,
    torrent_id: u64,
    key: *const c_char,
    key_length: usize,
    value: *const u8,
    value_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the text.
        let key = unsafe { text(key, key_length, "key") }?;
        // SAFETY: the caller gives the length of the data.
        let value = unsafe { bytes(value, value_length, "value") }?;
        Ok(patron.set_note(id, key, Some(value.into())))
    })
}

/// Removes the bytes under a key from a torrent.
///
/// Errors of the reply: as for patron_add_label().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_remove_note(
    patron: *mut patron_handle,
    torrent_id: u64,
    key: *const c_char,
    key_length: usize,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| {
        // SAFETY: the caller gives the length of the text.
        let key = unsafe { text(key, key_length, "key") }?;
        Ok(patron.set_note(id, key, None))
    })
}

/// Asks for the bytes attached to a torrent; patron_reply_note_key() and patron_reply_note_value()
/// read the answer.
///
/// Errors of the reply: NOT_FOUND, GONE.
#[unsafe(no_mangle)]
pub extern "C" fn patron_get_notes(
    patron: *mut patron_handle,
    torrent_id: u64,
    reply: Option<&mut MaybeUninit<*mut patron_reply>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    ask_of(patron, torrent_id, reply, error, |patron, id| Ok(patron.notes(id)))
}

/// For patron_get_notes(): the number of notes.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_note_count(reply: *mut patron_reply) -> usize {
    read(0, || read_answer(reply, |notes: &Notes, _| Some(notes.len())))
}

/// For patron_get_notes(): the key of a note, in alphabetical order. Valid until the reply is
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_note_key(reply: *mut patron_reply, index: usize) -> patron_text {
    read(patron_text::EMPTY, || {
        read_answer(reply, |notes: &Notes, texts| {
            Some(texts.lend_nth("note", index, notes.keys().nth(index)?.as_bytes()))
        })
    })
}

/// For patron_get_notes(): the bytes of a note. Valid until the reply is freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_reply_note_value(reply: *mut patron_reply, index: usize) -> patron_bytes {
    read(patron_bytes::NONE, || {
        read_answer(reply, |notes: &Notes, _| Some(patron_bytes::of(notes.values().nth(index)?)))
    })
}
