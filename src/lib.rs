#![doc = include_str!("../README.md")]

#[cfg(feature = "capi")]
mod capi;
mod client;
mod command;
mod engine;
mod error;
mod event;
mod explain;
mod ffi;
mod file;
mod ip_filter;
mod magnet;
mod mailbox;
mod maker;
mod metainfo;
mod patron;
mod peer;
mod piece;
mod reply;
mod request;
mod service;
mod settings;
mod source;
mod statistics;
mod status;
mod torrent;
mod tracker;
mod types;

pub use crate::client::{Client, ClientBuilder, DROP_DEADLINE, ShutdownReport};
pub use crate::command::{Command, Files, OnLeave, Started};
pub use crate::error::{Error, ErrorKind, NativeCode, Result};
pub use crate::event::{ClosedFiles, Event};
pub use crate::explain::Explainer;
pub use crate::file::{Allocation, Existing, FileStatus};
pub use crate::ip_filter::{IpFilter, IpRange};
pub use crate::magnet::Magnet;
pub use crate::maker::{Making, Protocol, TorrentMaker};
pub use crate::metainfo::{FileEntry, LARGEST_METAINFO, Metainfo, Tracker};
#[cfg(unix)]
pub use crate::patron::Readiness;
pub use crate::patron::{EventStream, Events, Patron};
pub use crate::peer::{Encryption, Peer, PeerKind, PeerSource, Transport};
pub use crate::piece::{PartialPiece, PieceMap};
pub use crate::reply::Reply;
pub use crate::settings::{EncryptionPolicy, SettingValue, Settings};
pub use crate::source::{AddOptions, Source};
pub use crate::statistics::{Counter, ReadStatistics, Statistics};
pub use crate::status::{TorrentState, TorrentStatus};
pub use crate::torrent::{Goal, GoalAction, Goals, QueueMove, TorrentFlag, TorrentOptions};
pub use crate::tracker::{Announce, TrackerSource, TrackerStatus};
pub use crate::types::{InfoHashV1, InfoHashV2, InfoHashes, Priority, TorrentId};
