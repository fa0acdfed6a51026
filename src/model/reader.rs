//! How a file is read while it downloads.

use std::time::Duration;

/// How much is wanted ahead of where a reader reads.
///
/// A reader begins with little, and wants more the longer it reads on: twice what it has read since the
/// last seek, up to this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ReadAhead {
    /// At most so many bytes.
    Bytes(u64),
    /// What a player plays in this time.
    BitRate {
        /// Of the file.
        bits_per_second: u64,
        /// How long what is ahead lasts.
        #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds"))]
        ahead: Duration,
    },
}

impl ReadAhead {
    /// 32 MiB.
    pub const DEFAULT: Self = Self::Bytes(32 << 20);

    /// The most that is wanted ahead, in bytes; at least 1.
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

/// How a [`Reader`](crate::patron::Reader) gets what it reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default))]
#[non_exhaustive]
pub struct ReaderOptions {
    /// How much is wanted ahead.
    pub read_ahead: ReadAhead,
    /// The first and the last MiB of the file are wanted early: players look there for the index.
    pub ends_first: bool,
}

impl ReaderOptions {
    /// How much is wanted ahead.
    #[must_use]
    pub fn read_ahead(mut self, read_ahead: ReadAhead) -> Self {
        self.read_ahead = read_ahead;
        self
    }

    /// Wants the first and the last MiB of the file early, where players look for the index.
    #[must_use]
    pub fn ends_first(mut self, first: bool) -> Self {
        self.ends_first = first;
        self
    }
}

/// How much peers are asked for ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Requests {
    /// As libtorrent does it.
    #[default]
    Deep,
    /// Readers may jump: little stands in the way of what they ask for then.
    Shallow,
}

/// Where the bytes of a file, or of a piece, are in a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// From the beginning of the torrent.
    pub(crate) begin: u64,
    pub(crate) size: u64,
}

/// What is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Part {
    File(u32),
    Piece(u32),
}

/// A part of a torrent and the pieces, as libtorrent has them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) span: Span,
    pub(crate) piece_length: u64,
    /// 1 for each piece that is here.
    pub(crate) have: Vec<u8>,
    /// The level of each piece.
    pub(crate) levels: Vec<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bit_rate_is_so_many_bytes_ahead() {
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
