//! A BitTorrent engine for programs: [libtorrent-rasterbar](https://libtorrent.org), owned by one thread and
//! shared through cheap thread-safe handles.
//!
//! A [`Client`] owns a libtorrent session on a thread of its own. A [`Patron`] is a handle to it. Patrons send
//! requests, each with a [`Reply`] to wait for or to await, and receive the [`Event`]s of their own torrents.
//! Nothing that a patron does waits for libtorrent's network thread.
//!
//! ```no_run
//! use torrent_patron::{AddOptions, Client, Event, Source};
//!
//! let client = Client::builder().save_dir("downloads").start()?;
//! let patron = client.patron();
//! patron.add_torrent(Source::from_text("debian.torrent"), AddOptions::default()).wait()?;
//! for event in patron.events() {
//!     println!("{event}");
//!     if matches!(event, Event::Finished { .. }) {
//!         break;
//!     }
//! }
//! # Ok::<(), torrent_patron::Error>(())
//! ```
//!
//! The [`guide`] has a page for each job: [download](guide::download), [seed at speed](guide::seed),
//! [keep torrents over restarts](guide::restart), [embed in an async program](guide::embed) and
//! [use it from C](guide::c).
//!
//! The feature `serde` implements `Serialize` for all data, and `Deserialize` for what a program gives.

pub mod guide;

mod add;
mod client;
mod engine;
mod error;
mod messages;
mod metainfo;
mod model;
mod patron;
mod reply;
mod settings;
mod sys;
mod text;

pub use crate::add::{AddOptions, Source};
pub use crate::client::{Client, ClientBuilder, DROP_DEADLINE, ShutdownReport};
pub use crate::error::{Error, ErrorKind, NativeCode, Result};
pub use crate::messages::command::{Added, Command, OnLeave, RemoveFiles};
pub use crate::metainfo::{
    FileEntry, FileState, HashProgress, Links, MAX_METAINFO_SIZE, Magnet, Making, Metainfo,
    Protocol, SpecialFiles, TorrentMaker, VerifiedFile, Verifier, VerifyReport, Verifying,
};
pub use crate::model::{
    Allocation, Announce, Blocklist, Counter, Encryption, Event, EventKind, EventKinds, Existing,
    Explainer, FileStatus, Goal, GoalAction, Goals, InfoHashV1, InfoHashV2, InfoHashes, IpFilter,
    IpRange, PartialPiece, Peer, PeerClass, PeerClassOptions, PeerClassRange, PeerKind, PeerSource,
    PerformanceLimit, PieceMap, PortMapper, PortMapping, PortProtocol, Priority, QueueMove,
    ReadStatistics, RemovedFiles, Statistics, TorrentFlag, TorrentId, TorrentOptions, TorrentState,
    TorrentStatus, Tracker, TrackerSource, TrackerStatus, Transport,
};
#[cfg(unix)]
pub use crate::patron::Readiness;
pub use crate::patron::{EventStream, Events, Patron};
pub use crate::reply::Reply;
pub use crate::settings::{EncryptionPolicy, Proxy, SettingValue, Settings};
pub use crate::text::{MAX_TEXT, printable};

/// The examples of the README are compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
