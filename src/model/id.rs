//! The name that a client gives a torrent.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// The name of a torrent at its client: opaque, never reused, and unknown to every other client.
///
/// An id outlives its torrent; used later it gives [`ErrorKind::NotFound`](crate::error::ErrorKind).
///
/// One that was written down means a torrent for as long as the process runs that wrote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct TorrentId(NonZeroU64);

impl TorrentId {
    /// A fresh id. The counter is the process's, so that an id means one torrent of one client.
    pub(crate) fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Only uniqueness matters, so the order with other memory does not.
        let value = NEXT.fetch_add(1, Ordering::Relaxed);
        Self(NonZeroU64::new(value).unwrap_or(NonZeroU64::MAX))
    }

    /// The id with this number, for programs that pass ids on as numbers; `None` for 0, which means no
    /// torrent. A number that no torrent has is [`ErrorKind::NotFound`](crate::error::ErrorKind) when it is used.
    #[must_use]
    pub const fn new(number: u64) -> Option<Self> {
        match NonZeroU64::new(number) {
            Some(number) => Some(Self(number)),
            None => None,
        }
    }

    /// Its number, as serde writes it and the C ABI passes it. Never 0.
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
