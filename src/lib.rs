//! A BitTorrent engine for programs: [libtorrent-rasterbar](https://libtorrent.org), owned by one
//! thread and shared through cheap thread-safe handles.
//!
//! A [`Client`] owns a libtorrent session on its own thread. A [`Patron`] is a handle to it.
//! Patrons send requests, each with a [`Reply`](patron::Reply) to wait for or to await, and receive
//! the [`Event`]s of their own torrents. No function of a patron blocks on libtorrent's network
//! thread.
//!
//! ```no_run
//! use torrent_patron::{AddOptions, Client, Event};
//!
//! let client = Client::builder().save_dir("downloads").start()?;
//! let patron = client.patron();
//! patron.add_torrent("debian.torrent", AddOptions::default()).wait()?;
//! for event in patron.events() {
//!     println!("{event}");
//!     if matches!(event, Event::Finished { .. }) {
//!         break;
//!     }
//! }
//! # Ok::<(), torrent_patron::Error>(())
//! ```
//!
//! The [`guide`] has a page for each task: [download](guide::download), [play while it
//! downloads](guide::stream), [seed at speed](guide::seed), [many torrents](guide::many), [keep torrents across
//! restarts](guide::restart), [embed in an async program](guide::embed) and [use it from C](guide::c).
//!
//! Features, all off by default:
//!
//! - `serde`: `Serialize` for data, and `Deserialize` for what a program supplies, and for statuses and errors;
//! - `sqlite`: [`store::Sqlite`], which keeps torrents across restarts and crashes; SQLite is compiled in;
//! - `gzip`: blocklists that are compressed with gzip;
//! - `futures-io` and `tokio`: [`patron::Reader`] is also an async reader;
//! - `vendored`, `vendored-openssl` and `vendored-plain`: libtorrent is compiled from source and linked statically (see
//!   the README).

pub mod guide;

// Ensures that it is linked.
#[cfg(feature = "vendored")]
use openssl_sys as _;

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
pub mod store;
mod sys;
pub mod text;
mod wakers;

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

/// Events: their kinds, sets of kinds, and descriptions for users.
pub mod event {
    #[doc(no_inline)]
    pub use crate::model::Event;
    pub use crate::model::{EventKind, EventKinds, Explainer, PerformanceLimit, RemovedFiles};
}

/// A torrent: its status, options, limits and goals.
pub mod torrent {
    #[doc(no_inline)]
    pub use crate::model::TorrentId;
    pub use crate::model::{
        Goal, GoalAction, Goals, InfoHashV1, InfoHashV2, InfoHashes, Limits, QueueMove,
        StatusChanges, TorrentFlag, TorrentFlags, TorrentOptions, TorrentState, TorrentStatus,
    };
}

/// The files and pieces of a torrent.
pub mod file {
    pub use crate::model::{
        Allocation, ExistingFiles, FileStatus, OnConflict, PartialPiece, PieceMap, Priority,
    };
}

/// The peers of a torrent, and peer classes.
pub mod peer {
    pub use crate::model::{
        Encryption, Peer, PeerClass, PeerClassOptions, PeerClassRange, PeerClasses, PeerKind,
        PeerSource, PeerSources, Transport,
    };
}

/// The trackers of a torrent.
pub mod tracker {
    pub use crate::model::{Announce, ProtocolVersion, Tracker, TrackerSource, TrackerStatus};
}

/// Blocked addresses.
pub mod ip_filter {
    pub use crate::model::{Blocklist, IpFilter, IpRange};
}

/// Ports that a router forwards.
pub mod port_mapping {
    pub use crate::model::{PortMapper, PortMapping, PortProtocol};
}

/// The counters of libtorrent and of the read path.
pub mod statistics {
    pub use crate::model::{Counter, ReadStatistics, Statistics};
}

/// Sets of flags, kinds and classes.
pub mod set {
    pub use crate::model::{BitSet, Element, Iter};
}

/// What programs share between threads, and what they hand from one to another.
const _: () = {
    use std::fmt::Debug;

    const fn shared<T: Send + Sync + Debug>() {}
    const fn handed_on<T: Send + Debug>() {}

    shared::<Client>();
    shared::<ClientBuilder>();
    shared::<client::Shutdown>();
    shared::<client::ShutdownReport>();
    shared::<Patron>();
    shared::<patron::Events>();
    shared::<patron::EventStream>();
    shared::<patron::Reply<()>>();
    shared::<patron::Command>();
    shared::<patron::Reader>();
    shared::<patron::Interrupter>();
    #[cfg(unix)]
    shared::<patron::Readiness>();
    shared::<Event>();
    shared::<Error>();
    shared::<Settings>();
    shared::<AddOptions>();
    shared::<Source>();
    shared::<metainfo::Metainfo>();
    shared::<metainfo::TorrentMaker>();
    shared::<metainfo::Making>();
    shared::<metainfo::Verifier>();
    shared::<metainfo::Verifying>();
    shared::<store::Memory>();
    #[cfg(feature = "sqlite")]
    handed_on::<store::Sqlite>();
    handed_on::<Box<dyn store::Store>>();
};

/// Compiles the README's examples as doc tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
