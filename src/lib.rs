#![doc = include_str!("../README.md")]

mod add;
pub mod client;
mod engine;
pub mod error;
mod messages;
pub mod metainfo;
mod model;
pub mod patron;
mod reply;
pub mod settings;
mod sys;

#[doc(inline)]
pub use crate::add::{AddOptions, Source};
#[doc(inline)]
pub use crate::client::{Client, ClientBuilder};
#[doc(inline)]
pub use crate::error::{Error, Result};
#[doc(inline)]
pub use crate::model::{Event, TorrentId};
#[doc(inline)]
pub use crate::patron::Patron;
#[doc(inline)]
pub use crate::settings::Settings;

/// What a client tells its patrons: the kinds of [`Event`], and events in words.
pub mod event {
    pub use crate::model::{EventKind, EventKinds, Explainer, PerformanceLimit, RemovedFiles};
}

/// A torrent: how it stands, how it is set up, what it may take up, when it has given back enough.
pub mod torrent {
    pub use crate::model::{
        Goal, GoalAction, Goals, InfoHashV1, InfoHashV2, InfoHashes, Limits, QueueMove,
        TorrentFlag, TorrentFlags, TorrentOptions, TorrentState, TorrentStatus,
    };
}

/// The files and the pieces of a torrent that a client has.
pub mod file {
    pub use crate::model::{Allocation, Existing, FileStatus, PartialPiece, PieceMap, Priority};
}

/// The peers of a torrent, and groups of peers.
pub mod peer {
    pub use crate::model::{
        Encryption, Peer, PeerClass, PeerClassOptions, PeerClassRange, PeerClasses, PeerKind,
        PeerSource, PeerSources, Transport,
    };
}

/// The trackers of a torrent.
pub mod tracker {
    pub use crate::model::{Announce, Tracker, TrackerSource, TrackerStatus};
}

/// Addresses that are blocked.
pub mod ip_filter {
    pub use crate::model::{IpFilter, IpRange};
}

/// Ports that a router forwards.
pub mod port_mapping {
    pub use crate::model::{PortMapper, PortMapping, PortProtocol};
}

/// What libtorrent and the read path have counted.
pub mod statistics {
    pub use crate::model::{Counter, ReadStatistics, Statistics};
}

/// The sets of flags, kinds and classes.
pub mod set {
    pub use crate::model::BitSet;
}
