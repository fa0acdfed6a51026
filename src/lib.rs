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
mod magnet;
mod mailbox;
mod maker;
mod metainfo;
mod patron;
mod proxy;
mod reply;
mod service;
mod settings;
mod source;
mod statistics;
mod status;
mod types;

pub use crate::client::{Client, ClientBuilder, DROP_DEADLINE, ShutdownReport};
pub use crate::command::{Command, Files, OnLeave, Started};
pub use crate::error::{Error, ErrorKind, NativeCode, Result};
pub use crate::event::{ClosedFiles, Event};
pub use crate::explain::Explainer;
pub use crate::magnet::Magnet;
pub use crate::maker::{Making, Protocol, TorrentMaker};
pub use crate::metainfo::{FileEntry, LARGEST_METAINFO, Metainfo, Tracker};
#[cfg(unix)]
pub use crate::patron::Readiness;
pub use crate::patron::{Events, Patron};
pub use crate::proxy::Proxy;
pub use crate::reply::Reply;
pub use crate::settings::{SettingValue, Settings};
pub use crate::source::{AddOptions, Source};
pub use crate::statistics::{Counter, ReadStatistics, Statistics};
pub use crate::status::{TorrentState, TorrentStatus};
pub use crate::types::{InfoHashV1, InfoHashV2, InfoHashes, TorrentId};
