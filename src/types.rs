//! Names for torrents: the id that a client gives, and the info hashes of the protocol.

use std::fmt;
use std::num::NonZeroU64;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind};

/// The name of a torrent at its client: opaque, never reused, and unknown to every other client.
///
/// An id outlives its torrent; used later it gives [`ErrorKind::NotFound`](crate::ErrorKind).
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

    /// As it travels through libtorrent's `userdata`; 0 is "none" there.
    pub(crate) fn from_raw(raw: u64) -> Option<Self> {
        NonZeroU64::new(raw).map(Self)
    }

    pub(crate) fn raw(self) -> u64 {
        self.0.get()
    }
}

impl fmt::Display for TorrentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "torrent {}", self.0)
    }
}

/// How much a file or a piece is wanted (`lt::download_priority_t`): 0 not at all, 1 least, 4 unless
/// chosen, 7 most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(from = "u8"))]
pub struct Priority(u8);

/// As [`Priority::new`].
impl From<u8> for Priority {
    fn from(level: u8) -> Self {
        Self::new(level)
    }
}

impl Priority {
    /// It is not downloaded.
    pub const SKIP: Self = Self(0);
    /// After all others.
    pub const LOW: Self = Self(1);
    /// What nobody chose for.
    pub const DEFAULT: Self = Self(4);
    /// Before all others.
    pub const TOP: Self = Self(7);

    /// A level from 0 to 7; what is higher is 7.
    pub const fn new(level: u8) -> Self {
        if level > 7 { Self::TOP } else { Self(level) }
    }

    /// From 0 to 7.
    pub const fn level(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// The SHA-1 info hash of BitTorrent v1 (BEP 3), 20 bytes; shown as 40 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InfoHashV1(pub [u8; 20]);

/// The SHA-256 info hash of BitTorrent v2 (BEP 52), 32 bytes; shown as 64 hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InfoHashV2(pub [u8; 32]);

macro_rules! hex_text {
    ($type:ident) => {
        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($type))
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                let wrong = || {
                    Error::new(
                        ErrorKind::Parse,
                        "read the info hash",
                        format!("{text:?}: expected {} hex digits", size_of::<Self>() * 2),
                    )
                };
                let mut bytes = [0; size_of::<Self>()];
                if text.len() != bytes.len() * 2 || !text.is_ascii() {
                    return Err(wrong());
                }
                for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
                    let digit = |c: u8| char::from(c).to_digit(16).ok_or_else(wrong);
                    *byte = (digit(digits[0])? * 16 + digit(digits[1])?) as u8;
                }
                Ok(Self(bytes))
            }
        }

        #[cfg(feature = "serde")]
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        #[cfg(feature = "serde")]
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = <Box<str>>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

hex_text!(InfoHashV1);
hex_text!(InfoHashV2);

/// The info hashes of one torrent: v1, v2, or both (hybrid).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct InfoHashes {
    /// Present in v1 and hybrid torrents.
    pub v1: Option<InfoHashV1>,
    /// Present in v2 and hybrid torrents.
    pub v2: Option<InfoHashV2>,
}

impl InfoHashes {
    /// From the shim's bytes, which are empty for a hash that the torrent does not have.
    pub(crate) fn from_bytes(v1: &[u8], v2: &[u8]) -> Self {
        Self { v1: v1.try_into().ok().map(InfoHashV1), v2: v2.try_into().ok().map(InfoHashV2) }
    }
}

impl From<InfoHashV1> for InfoHashes {
    fn from(hash: InfoHashV1) -> Self {
        Self { v1: Some(hash), v2: None }
    }
}

impl From<InfoHashV2> for InfoHashes {
    fn from(hash: InfoHashV2) -> Self {
        Self { v1: None, v2: Some(hash) }
    }
}

/// From 40 hex digits, a v1 hash, or 64, a v2 hash.
impl FromStr for InfoHashes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() == 64 {
            return Ok(text.parse::<InfoHashV2>()?.into());
        }
        Ok(text.parse::<InfoHashV1>()?.into())
    }
}

/// The v1 hash where there is one, else the v2 hash.
impl fmt::Display for InfoHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.v1, self.v2) {
            (Some(v1), _) => v1.fmt(f),
            (None, Some(v2)) => v2.fmt(f),
            (None, None) => f.write_str("no info hash"),
        }
    }
}

/// Durations as a number of seconds.
#[cfg(feature = "serde")]
pub(crate) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_f64(time.as_secs_f64())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        Duration::try_from_secs_f64(f64::deserialize(from)?).map_err(D::Error::custom)
    }

    pub(crate) mod optional {
        use std::time::Duration;

        use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

        #[allow(clippy::ref_option)] // serde's way of calling
        pub(crate) fn serialize<S: Serializer>(
            time: &Option<Duration>,
            to: S,
        ) -> Result<S::Ok, S::Error> {
            time.map(|time| time.as_secs_f64()).serialize(to)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            from: D,
        ) -> Result<Option<Duration>, D::Error> {
            let seconds: Option<f64> = Option::deserialize(from)?;
            seconds.map(Duration::try_from_secs_f64).transpose().map_err(D::Error::custom)
        }
    }
}

/// A path of the file system, which need not be UTF-8, for people: it is told, not read back.
#[cfg(feature = "serde")]
pub(crate) fn lossy_path<S: serde::Serializer>(
    path: &std::path::Path,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_goes_both_ways() {
        let text = "0123456789abcdef0123456789abcdef01234567";
        assert_eq!(text.parse::<InfoHashV1>().unwrap().to_string(), text);
        for wrong in ["", "01", "zz23456789abcdef0123456789abcdef01234567", "é123456789"] {
            assert_eq!(wrong.parse::<InfoHashV1>().unwrap_err().kind(), ErrorKind::Parse);
        }
    }

    #[test]
    fn ids_are_never_repeated() {
        assert_ne!(TorrentId::next(), TorrentId::next());
    }

    #[cfg(feature = "serde")]
    #[test]
    fn names_in_json() {
        let id: TorrentId = serde_json::from_str("3").unwrap();
        assert_eq!(id.raw(), 3);
        assert_eq!(serde_json::to_string(&id).unwrap(), "3");
        assert!(serde_json::from_str::<TorrentId>("0").is_err());

        assert_eq!(serde_json::to_string(&Priority::DEFAULT).unwrap(), "4");
        assert_eq!(serde_json::from_str::<Priority>("200").unwrap(), Priority::TOP);

        let hybrid = r#"{"v1":"0123456789abcdef0123456789abcdef01234567","v2":"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}"#;
        let hashes: InfoHashes = serde_json::from_str(hybrid).unwrap();
        assert_eq!(hashes.v2.map(|v2| v2.0[31]), Some(0xef));
        assert_eq!(serde_json::to_string(&hashes).unwrap(), hybrid);
        let none = InfoHashes::default();
        assert_eq!(serde_json::to_string(&none).unwrap(), r#"{"v1":null,"v2":null}"#);
        assert_eq!(serde_json::from_str::<InfoHashes>("{}").unwrap(), none);
        let error = serde_json::from_str::<InfoHashes>(r#"{"v1":"01"}"#).unwrap_err();
        assert!(error.to_string().contains("expected 40 hex digits"), "{error}");
    }
}
