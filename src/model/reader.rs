//! How a file is read while it downloads.

use std::sync::Arc;
use std::time::Duration;

/// How far ahead of its position a reader downloads.
///
/// A reader starts with a small window. The window grows while it reads sequentially, to twice the bytes read
/// since the last seek, up to this limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ReadAhead {
    /// At most this many bytes.
    Bytes(u64),
    /// The data that a player needs for this time.
    BitRate {
        /// The bit rate of the file.
        bits_per_second: u64,
        /// The playing time of the data ahead.
        #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds"))]
        ahead: Duration,
    },
}

impl ReadAhead {
    /// 32 MiB.
    pub const DEFAULT: Self = Self::Bytes(32 << 20);

    /// Returns the limit in bytes, at least 1.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.max(1),
            Self::BitRate { bits_per_second, ahead } => {
                let bytes = u128::from(bits_per_second).saturating_mul(ahead.as_millis()) / 8000;
                u64::try_from(bytes).unwrap_or(u64::MAX).max(1)
            }
        }
    }
}

impl Default for ReadAhead {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Options of a [`Reader`](crate::patron::Reader).
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct ReaderOptions {
    /// How far ahead to download.
    pub read_ahead: ReadAhead,
    /// Whether to download the first and the last MiB of the file early, because players look for the index
    /// there.
    pub ends_first: bool,
}

impl ReaderOptions {
    /// Sets [`read_ahead`](ReaderOptions::read_ahead).
    pub fn read_ahead(mut self, read_ahead: ReadAhead) -> Self {
        self.read_ahead = read_ahead;
        self
    }

    /// Sets [`ends_first`](ReaderOptions::ends_first).
    pub fn ends_first(mut self, first: bool) -> Self {
        self.ends_first = first;
        self
    }
}

/// How many requests are sent to peers in advance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Requests {
    /// libtorrent's own number.
    #[default]
    Deep,
    /// Few, because readers may seek: earlier requests would delay the next ones.
    Shallow,
}

/// The byte range of a file or of a piece in a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// The offset from the beginning of the torrent.
    pub(crate) begin: u64,
    pub(crate) size: u64,
}

/// What to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReadTarget {
    File(u32),
    Piece(u32),
}

/// Reads the available data of a file on the calling thread, as far as that does not wait for a disk.
pub(crate) trait ReadNow: Send + Sync {
    /// Fills the beginning of the buffer with the bytes of the file from `position` on. Returns how many there
    /// are; 0 if they must be requested.
    fn read_now(&self, position: u64, into: &mut [u8]) -> usize;
}

/// A part of a torrent, and libtorrent's state of the pieces.
#[derive(Clone)]
pub(crate) struct Look {
    pub(crate) span: Span,
    pub(crate) piece_length: u64,
    /// 1 for each piece that is available.
    pub(crate) have: Vec<u8>,
    /// The program's level of each piece; `None` if libtorrent had the levels of readers.
    pub(crate) levels: Option<Vec<u8>>,
    /// For a file, if the disk backend has it.
    pub(crate) view: Option<Arc<dyn ReadNow>>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_rate_determines_the_bytes_ahead() {
        let film =
            ReadAhead::BitRate { bits_per_second: 8_000_000, ahead: Duration::from_secs(20) };
        assert_eq!(film.bytes(), 20_000_000);
        let most = ReadAhead::BitRate { bits_per_second: u64::MAX, ahead: Duration::MAX };
        assert_eq!(most.bytes(), u64::MAX);
        assert_eq!(ReadAhead::Bytes(0).bytes(), 1);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn the_options_in_json() {
        let json = r#"{"read_ahead":{"bytes":33554432},"ends_first":false}"#;
        assert_eq!(serde_json::to_string(&ReaderOptions::default()).unwrap(), json);
        let read: ReaderOptions = serde_json::from_str(r#"{"ends_first":true}"#).unwrap();
        assert_eq!(read, ReaderOptions::default().ends_first(true));
    }
}
