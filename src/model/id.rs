//! Torrent ids.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a torrent of a client. It is opaque, never reused, and unknown to every other client.
///
/// An id outlives its torrent; using it afterwards is an error of kind [`NotFound`](crate::error::ErrorKind).
///
/// A stored id is valid only in the process that stored it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TorrentId(NonZeroU64);

impl TorrentId {
    /// Creates a new id. The counter belongs to the process, so an id refers to one torrent of one client.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Only uniqueness matters, so relaxed ordering is enough.
        let value = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(value).unwrap_or(NonZeroU64::MAX))
    }

    /// Returns the id with this number, for programs that pass ids as numbers; `None` for 0, which refers to
    /// no torrent. If no torrent has the number, using the id is an error of kind
    /// [`NotFound`](crate::error::ErrorKind).
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Returns the number, as written by serde and passed through the C ABI. Never 0.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TorrentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "torrent {}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_repeated() {
        assert_ne!(TorrentId::next(), TorrentId::next());
    }

    #[cfg(feature = "serde")]
    #[test]
    fn an_id_in_json_is_its_number() {
        let id: TorrentId = serde_json::from_str("3").unwrap();
        assert_eq!(id.get(), 3);
        assert_eq!(serde_json::to_string(&id).unwrap(), "3");
        assert!(serde_json::from_str::<TorrentId>("0").is_err());
    }
}
