//! Texts and bytes
//!
//! A text is passed to the library as a pointer and a length in bytes; `PATRON_TEXT("...")` passes
//! both for a text that ends in a zero byte. Texts are UTF-8; paths are bytes in the encoding of
//! the system (UTF-8 on Windows). `NULL` with the length 0 is an empty text.
//!
//! The library returns a `patron_text` or a `patron_bytes`, which is borrowed from the object that
//! was passed and valid until that object is freed. A `patron_text` is followed by a zero byte that
//! the length does not count, and its pointer is never `NULL`: `printf("%s",
//! patron_event_explain(event).data)` is fine. An empty text has the length 0.

use std::collections::HashMap;
use std::ffi::c_char;

use parking_lot::Mutex;

/// A text that is borrowed from an object.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_text {
    /// Never NULL; followed by a zero byte.
    pub data: *const c_char,
    /// The length in bytes, without the zero byte.
    pub length: usize,
}

/// Bytes that are borrowed from an object.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct patron_bytes {
    /// NULL only if the length is 0.
    pub data: *const u8,
    /// The number of bytes.
    pub length: usize,
}

impl patron_text {
    pub(crate) const EMPTY: Self = Self { data: c"".as_ptr(), length: 0 };
}

impl patron_bytes {
    pub(crate) const NONE: Self = Self { data: std::ptr::null(), length: 0 };

    /// Borrows from `bytes`, which the caller must not move.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        if bytes.is_empty() {
            Self::NONE
        } else {
            Self { data: bytes.as_ptr(), length: bytes.len() }
        }
    }
}

/// A text followed by a zero byte. Moving this value does not move the text.
pub(crate) struct CText(Box<[u8]>);

impl CText {
    pub(crate) fn new(text: impl AsRef<[u8]>) -> Self {
        let mut bytes = Vec::with_capacity(text.as_ref().len() + 1);
        bytes.extend_from_slice(text.as_ref());
        bytes.push(0);
        Self(bytes.into())
    }

    pub(crate) fn text(&self) -> patron_text {
        patron_text { data: self.0.as_ptr().cast(), length: self.0.len() - 1 }
    }

    #[cfg(test)]
    pub(crate) fn lossy(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0[..self.0.len() - 1])
    }
}

/// The texts that C has borrowed from an object, created when they are first requested.
#[derive(Default)]
pub(crate) struct Texts(Mutex<HashMap<(&'static str, usize), CText>>);

impl Texts {
    pub(crate) fn lend(&self, field: &'static str, text: impl AsRef<[u8]>) -> patron_text {
        self.lend_nth(field, 0, text)
    }

    pub(crate) fn lend_nth(
        &self,
        field: &'static str,
        index: usize,
        text: impl AsRef<[u8]>,
    ) -> patron_text {
        self.0.lock().entry((field, index)).or_insert_with(|| CText::new(text)).text()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_borrowed_text_ends_in_a_zero_and_stays_where_it_is() {
        let texts = Texts::default();
        let first = texts.lend("name", "héllo");
        for index in 0..100 {
            texts.lend_nth("file", index, format!("{index}"));
        }
        assert_eq!(texts.lend("name", "héllo").data, first.data);
        // SAFETY: `texts` keeps the text and the zero byte after it.
        let text = unsafe { std::ffi::CStr::from_ptr(first.data) };
        assert_eq!(text.to_str(), Ok("héllo"));
        assert_eq!(first.length, 6);
    }
}
