//! BitTorrent info hashes.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind};

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

/// The info hashes of a torrent: v1, v2, or both (hybrid).
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
    /// Creates info hashes from the shim's bytes, which are empty if the torrent has no such hash.
    pub(crate) fn from_bytes(v1: &[u8], v2: &[u8]) -> Self {
        Self { v1: v1.try_into().ok().map(InfoHashV1), v2: v2.try_into().ok().map(InfoHashV2) }
    }

    /// Returns whether both have the same v1 hash or the same v2 hash, and so are of the same torrent.
    #[must_use]
    pub fn overlap(&self, other: &Self) -> bool {
        (self.v1.is_some() && self.v1 == other.v1) || (self.v2.is_some() && self.v2 == other.v2)
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

/// Parses 40 hex digits (v1) or 64 (v2).
impl FromStr for InfoHashes {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        if text.len() == 64 {
            return Ok(text.parse::<InfoHashV2>()?.into());
        }
        Ok(text.parse::<InfoHashV1>()?.into())
    }
}

/// Shows the v1 hash if there is one, otherwise the v2 hash.
impl fmt::Display for InfoHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.v1, self.v2) {
            (Some(v1), _) => v1.fmt(f),
            (None, Some(v2)) => v2.fmt(f),
            (None, None) => f.write_str("no info hash"),
        }
    }
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

    #[cfg(feature = "serde")]
    #[test]
    fn info_hashes_in_json() {
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
