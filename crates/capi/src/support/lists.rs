//! Lists for C: counted, copied into an array of structs, and with texts of their elements.

use std::mem::MaybeUninit;

use super::arguments::required;
use super::failure::patron_error;
use super::guard::{guard, read};
use super::structs::{Room, Struct, write_all};
use super::text::{Texts, patron_text};

/// A list as of one moment.
pub(crate) struct List<T> {
    pub(crate) all: Vec<T>,
    texts: Texts,
}

impl<T> From<Vec<T>> for List<T> {
    fn from(all: Vec<T>) -> Self {
        Self { all, texts: Texts::default() }
    }
}

impl<T> List<T> {
    pub(crate) fn get(&self, index: usize) -> Option<&T> {
        self.all.get(index)
    }
}

pub(crate) fn count<T>(list: Option<&List<T>>) -> usize {
    read(0, || Some(list?.all.len()))
}

/// Returns a text of an element; `field` distinguishes its texts.
pub(crate) fn text_of<T, S: AsRef<[u8]>>(
    list: Option<&List<T>>,
    field: &'static str,
    index: usize,
    text: impl FnOnce(&T) -> Option<S>,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let list = list?;
        Some(list.texts.lend_nth(field, index, text(list.get(index)?)?))
    })
}

/// Writes the elements from `first` on, as many as the array can hold.
///
/// # Safety
///
/// The array is NULL or as large as stated.
pub(crate) unsafe fn read_into<'a, T, S: Struct + From<&'a T>>(
    (list, name): (Option<&'a List<T>>, &'static str),
    first: usize,
    room: Room<S>,
    written: Option<&mut MaybeUninit<usize>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let all = required(list, name)?.all.iter().skip(first);
        // SAFETY: as the caller vouches.
        unsafe { write_all(all.map(S::from), room, written) }
    })
}
