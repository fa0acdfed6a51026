//! Addresses that a client has nothing to do with.

use std::net::IpAddr;

use crate::error::{Error, ErrorKind, Result};

/// Ranges of addresses that are blocked: no peer there is called, none is let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(try_from = "Vec<IpRange>"))]
pub struct IpFilter(Vec<IpRange>);

/// All addresses from the first to the last, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct IpRange {
    /// The lowest.
    pub first: IpAddr,
    /// The highest, of the same family.
    pub last: IpAddr,
}

impl IpRange {
    /// The addresses from the first to the last.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range that ends before it begins, and for
    /// one from IPv4 to IPv6.
    pub fn new(first: IpAddr, last: IpAddr) -> Result<Self> {
        if first.is_ipv4() != last.is_ipv4() || first > last {
            let message = format!("{first} to {last} is no range of addresses");
            return Err(Error::new(ErrorKind::InvalidArgument, "name the addresses", message));
        }
        Ok(Self { first, last })
    }
}

impl IpFilter {
    /// Blocks a range of addresses.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range that ends before it begins, and for
    /// one from IPv4 to IPv6.
    pub fn block(&mut self, first: IpAddr, last: IpAddr) -> Result<()> {
        if first.is_ipv4() != last.is_ipv4() || first > last {
            let message = format!("{first} to {last} is no range of addresses");
            return Err(Error::new(ErrorKind::InvalidArgument, "block the addresses", message));
        }
        self.0.push(IpRange { first, last });
        Ok(())
    }

    /// The ranges that are blocked.
    pub fn ranges(&self) -> &[IpRange] {
        &self.0
    }

    /// Whether an address is blocked.
    pub fn blocks(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| {
            range.first.is_ipv4() == address.is_ipv4()
                && (range.first..=range.last).contains(&address)
        })
    }
}

/// One that is read is checked as by [`block`](IpFilter::block).
#[cfg(feature = "serde")]
impl TryFrom<Vec<IpRange>> for IpFilter {
    type Error = Error;

    fn try_from(ranges: Vec<IpRange>) -> Result<Self> {
        let mut filter = Self::default();
        ranges.into_iter().try_for_each(|range| filter.block(range.first, range.last))?;
        Ok(filter)
    }
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
            assert!(error.to_string().contains("is no range of addresses"), "{error}");
        }
    }
}
