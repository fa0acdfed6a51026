//! Peers by where they are: those on the local network may have other limits than the rest.

use crate::model::IpRange;
use crate::model::bit_set::{BitSet, Element, private::Sealed};

/// A group of peers with limits of its own (`lt::peer_class_t`). A peer may be in several, and obeys
/// all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(transparent))]
pub struct PeerClass(u32);

impl PeerClass {
    /// All peers but those on the local network. Its limits are those of the client.
    pub const GLOBAL: Self = Self(0);
    /// Peers that are reached by TCP.
    pub const TCP: Self = Self(1);
    /// Peers on the local network. Without limits unless they are set.
    pub const LOCAL: Self = Self(2);

    /// The class with this number, as [`get`](PeerClass::get) gave it.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Its number, from 0 to 31.
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

/// A set of peer classes. Of classes made by [`PeerClass::new`], it holds those that can exist, whose
/// numbers are below 32.
pub type PeerClasses = BitSet<PeerClass>;

/// What a peer class may have (`lt::peer_class_info`). Rates are bytes per second.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct PeerClassOptions {
    /// Its name, for people.
    pub name: String,
    /// Its peers are served whether or not there is a slot.
    pub ignore_unchoke_slots: bool,
    /// How many connections its peers may have, in percent of the limit of the torrent.
    pub connection_limit_percent: u32,
    /// How fast its peers together may be sent to; `None`: no limit.
    pub upload_limit: Option<u32>,
    /// How fast they may send; `None`: no limit.
    pub download_limit: Option<u32>,
    /// From 1 to 255: its share where upload is short.
    pub upload_priority: u8,
    /// From 1 to 255: its share where download is short.
    pub download_priority: u8,
}

impl Default for PeerClassOptions {
    /// What a new class has.
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

/// Which peers are in which classes, by their address.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct PeerClassRange {
    /// The addresses.
    pub range: IpRange,
    /// The classes of the peers there.
    pub classes: PeerClasses,
}

impl PeerClassRange {
    /// The peers at these addresses are in these classes.
    pub fn new(range: IpRange, classes: impl Into<PeerClasses>) -> Self {
        Self { range, classes: classes.into() }
    }
}
