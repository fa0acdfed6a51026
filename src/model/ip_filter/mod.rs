//! Addresses that a client must not exchange data with.

use std::fs::File;
use std::io::BufReader;
use std::net::IpAddr;
use std::path::Path;

use crate::error::{Error, ErrorKind, Result};

mod blocklist;

use blocklist::Wrong;

/// Blocked ranges of addresses: there are no connections to or from peers in them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct IpFilter(Vec<IpRange>);

/// A range of addresses of one family, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(try_from = "Ends")
)]
pub struct IpRange {
    first: IpAddr,
    last: IpAddr,
}

/// A range that has not been checked. With one that ends before it begins, libtorrent's filters
/// access freed memory.
#[cfg(feature = "serde")]
#[derive(serde::Deserialize)]
struct Ends {
    first: IpAddr,
    last: IpAddr,
}

#[cfg(feature = "serde")]
impl TryFrom<Ends> for IpRange {
    type Error = Error;

    fn try_from(Ends { first, last }: Ends) -> Result<Self> {
        Self::new(first, last)
    }
}

impl IpRange {
    /// Creates the range from the first to the last address.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if the range ends before it begins, or if
    /// one address is IPv4 and the other IPv6.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self> {
        if first.is_ipv4() != last.is_ipv4() || first > last {
            let message = format!("{first} to {last} is not a range of addresses");
            return Err(Error::new(ErrorKind::InvalidArgument, "name the addresses", message));
        }
        Ok(Self { first, last })
    }

    /// Returns the lowest address.
    pub fn first(&self) -> IpAddr {
        self.first
    }

    /// Returns the highest address.
    pub fn last(&self) -> IpAddr {
        self.last
    }
}

/// A blocklist that was read leniently: the filter, and the lines that were not rules.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Blocklist {
    /// The blocked addresses.
    pub filter: IpFilter,
    /// The number of lines that were skipped.
    pub skipped: u64,
    /// Why the first ten of these lines were skipped.
    pub first_skipped: Vec<Error>,
}

impl IpFilter {
    /// Reads a blocklist: a file with one rule per line, in any of these formats. With
    /// the feature `gzip` it may be gzip-compressed.
    ///
    /// | format | example |
    /// | --- | --- |
    /// | P2P (PeerGuardian) | `a name:1.2.3.4-1.2.3.9` |
    /// | DAT (eMule) | `001.002.003.004 - 001.002.003.009 , 100 , a name`; with a level above 127 the range is allowed, not blocked |
    /// | an address | `1.2.3.4`, `2001:db8::1` |
    /// | a range | `1.2.3.4-1.2.3.9`, `2001:db8::1 - 2001:db8::ff` |
    /// | a network | `1.2.3.0/24`, `2001:db8::/32` |
    ///
    /// Empty lines and comments, which begin with `#`, `;` or `//`, are skipped. Numbers are
    /// decimal, with or without leading zeros. Names may have any encoding.
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) if the file cannot be read. [`Parse`](ErrorKind::Parse), with the
    /// line, if a line has none of these formats; also if the file is damaged, is a zip archive,
    /// has no rule, or is too large: a line of more than 4 KiB, more than 10 million lines, or more
    /// than 1 GB uncompressed.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        read(path.as_ref(), Wrong::Refuse).map(|list| list.filter)
    }

    /// Like [`read`](IpFilter::read), but skips lines that are not rules, which published lists often
    /// contain.
    ///
    /// # Errors
    ///
    /// As for [`read`](IpFilter::read), except for single lines. A file without any rule is an
    /// error.
    pub fn read_lenient(path: impl AsRef<Path>) -> Result<Blocklist> {
        read(path.as_ref(), Wrong::Skip)
    }

    /// Like [`read`](IpFilter::read), but parses the file's contents.
    ///
    /// # Errors
    ///
    /// As for [`read`](IpFilter::read).
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Self> {
        blocklist::read(text.as_ref(), Wrong::Refuse).map(|list| list.filter)
    }

    /// Like [`read_lenient`](IpFilter::read_lenient), but parses the file's contents.
    ///
    /// # Errors
    ///
    /// As for [`read_lenient`](IpFilter::read_lenient).
    pub fn parse_lenient(text: impl AsRef<[u8]>) -> Result<Blocklist> {
        blocklist::read(text.as_ref(), Wrong::Skip)
    }

    /// Blocks a range of addresses.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if the range ends before it begins, or if
    /// one address is IPv4 and the other IPv6.
    pub fn block(&mut self, first: IpAddr, last: IpAddr) -> Result<()> {
        self.0.push(IpRange::new(first, last)?);
        Ok(())
    }

    /// Returns the blocked ranges.
    pub fn ranges(&self) -> &[IpRange] {
        &self.0
    }

    /// Returns whether an address is blocked.
    pub fn blocks(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| {
            range.first.is_ipv4() == address.is_ipv4()
                && (range.first..=range.last).contains(&address)
        })
    }
}

fn read(path: &Path, wrong: Wrong) -> Result<Blocklist> {
    let file =
        File::open(path).map_err(|error| Error::io(blocklist::READ, path.display(), &error))?;
    blocklist::read(BufReader::new(file), wrong).map_err(|error| error.on(path.display()))
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn filters_in_json() {
        let json = r#"[{"first":"10.0.0.0","last":"10.0.0.255"},{"first":"::1","last":"::1"}]"#;
        let filter: IpFilter = serde_json::from_str(json).unwrap();
        assert!(filter.blocks("10.0.0.7".parse().unwrap()));
        assert_eq!(serde_json::to_string(&filter).unwrap(), json);
        for wrong in [
            r#"[{"first":"10.0.0.9","last":"10.0.0.1"}]"#,
            r#"[{"first":"10.0.0.9","last":"::1"}]"#,
        ] {
            let error = serde_json::from_str::<IpFilter>(wrong).unwrap_err();
            assert!(error.to_string().contains("is not a range of addresses"), "{error}");
        }
    }
}
