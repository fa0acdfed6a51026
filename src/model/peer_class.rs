//! Peer classes: groups of peers with their own limits, such as those on the local network.

use crate::model::IpRange;
use crate::model::bit_set::{BitSet, Element, private::Sealed};

/// A group of peers with its own limits (`lt::peer_class_t`). A peer may be in several classes, and the
/// limits of all of them apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct PeerClass(u32);

impl PeerClass {
    /// All peers except those on the local network. Its limits are the client's.
    pub const GLOBAL: Self = Self(0);
    /// Peers connected over TCP.
    pub const TCP: Self = Self(1);
    /// Peers on the local network. It has no limits unless they are set.
    pub const LOCAL: Self = Self(2);

    /// Returns the class with this number, as returned by [`get`](PeerClass::get).
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns its number, from 0 to 31.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }
}

impl Sealed for PeerClass {}

impl Element for PeerClass {
    const COUNT: u32 = 32;

    fn number(self) -> u32 {
        self.0
    }

    fn with_number(number: u32) -> Self {
        Self(number)
    }
}

/// A set of peer classes. It ignores a class made by [`PeerClass::new`] whose number is not below
/// 32, because no such class can exist.
pub type PeerClasses = BitSet<PeerClass>;

/// The options of a peer class (`lt::peer_class_info`). Rates are in bytes per second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct PeerClassOptions {
    /// The name, for display.
    pub name: String,
    /// Whether its peers are served even if no upload slot is free.
    pub ignore_unchoke_slots: bool,
    /// The number of connections its peers may have, in percent of the limits of the torrent and the client.
    /// A value above 100 is rounded, and has no effect on peers that also have a class with a lower one.
    pub connection_limit_percent: u32,
    /// The upload rate of all its peers together; `None`: no limit.
    pub upload_limit: Option<u32>,
    /// The download rate of all its peers together; `None`: no limit.
    pub download_limit: Option<u32>,
    /// The share of its peers when upload bandwidth is short, from 1 to 255.
    pub upload_priority: u8,
    /// The share of its peers when download bandwidth is short, from 1 to 255.
    pub download_priority: u8,
}

impl Default for PeerClassOptions {
    /// Returns the options of a new class.
    fn default() -> Self {
        Self {
            name: String::new(),
            ignore_unchoke_slots: false,
            connection_limit_percent: 100,
            upload_limit: None,
            download_limit: None,
            upload_priority: 1,
            download_priority: 1,
        }
    }
}

/// The classes of the peers in a range of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PeerClassRange {
    /// The addresses.
    pub range: IpRange,
    /// The classes of the peers in the range.
    pub classes: PeerClasses,
}

impl PeerClassRange {
    /// Assigns peers at these addresses to these classes.
    pub fn new(range: IpRange, classes: impl Into<PeerClasses>) -> Self {
        Self { range, classes: classes.into() }
    }
}
