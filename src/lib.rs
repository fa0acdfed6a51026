#![doc = include_str!("../README.md")]

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

pub use crate::add::{AddOptions, Source};
pub use crate::client::{Client, ClientBuilder, DROP_DEADLINE, ShutdownReport};
pub use crate::error::{Error, ErrorKind, NativeCode, Result};
pub use crate::messages::command::{Added, Command, OnLeave, RemoveFiles};
pub use crate::metainfo::{
    FileEntry, FileState, HashProgress, Links, MAX_METAINFO_SIZE, Magnet, Making, Metainfo,
    Protocol, SpecialFiles, TorrentMaker, VerifiedFile, Verifier, VerifyReport, Verifying,
};
pub use crate::model::{
    Allocation, Announce, Counter, Encryption, Event, EventKind, EventKinds, Existing,
    ExistingFiles, Explainer, FileStatus, Goal, GoalAction, Goals, InfoHashV1, InfoHashV2,
    InfoHashes, IpFilter, IpRange, PartialPiece, Peer, PeerClass, PeerClassOptions, PeerClassRange,
    PeerKind, PeerSource, PerformanceLimit, PieceMap, PortMapper, PortMapping, PortProtocol,
    Priority, QueueMove, ReadStatistics, RemovedFiles, Statistics, TorrentFlag, TorrentId,
    TorrentOptions, TorrentState, TorrentStatus, Tracker, TrackerSource, TrackerStatus, Transport,
};
#[cfg(unix)]
pub use crate::patron::Readiness;
pub use crate::patron::{EventStream, Events, Patron};
pub use crate::reply::Reply;
pub use crate::settings::{EncryptionPolicy, Proxy, SettingValue, Settings};
