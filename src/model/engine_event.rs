//! The events that an engine reports to the client thread.

use std::any::Any;
use std::net::SocketAddr;
use std::path::PathBuf;

use super::{Event, InfoHashes, SavedFigures, TorrentId, TorrentState, TorrentStatus};
use crate::error::{Error, Result};

/// The answer to a request. The request knows its type.
pub(crate) type Answer = Box<dyn Any + Send>;

/// Resume data, as the answer to a request for it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ResumeData {
    /// The resume data without the info dictionary. Empty if nothing has changed since the last save.
    pub(crate) bytes: Vec<u8>,
    /// The info dictionary, if it was requested and is known.
    pub(crate) info: Vec<u8>,
    pub(crate) figures: SavedFigures,
}

/// An event from an engine. Torrents are identified by the id that they were added with.
#[derive(Debug)]
pub(crate) enum EngineEvent {
    Added {
        id: TorrentId,
        name: String,
        info_hashes: InfoHashes,
    },
    AddFailed {
        id: TorrentId,
        error: Error,
        busy: bool,
    },
    Removed(TorrentId),
    Deleted(TorrentId),
    DeleteFailed {
        id: TorrentId,
        error: Error,
    },
    StateChanged {
        id: TorrentId,
        state: TorrentState,
    },
    Paused(TorrentId),
    Resumed(TorrentId),
    Checked(TorrentId),
    Finished(TorrentId),
    MetadataReceived {
        id: TorrentId,
        name: String,
        info_hashes: InfoHashes,
    },
    Moved {
        id: TorrentId,
        to: PathBuf,
    },
    MoveFailed {
        id: TorrentId,
        error: Error,
    },
    FileRenamed {
        id: TorrentId,
        file: u32,
        to: PathBuf,
    },
    Failed {
        id: TorrentId,
        error: Error,
    },
    TrackerFailed {
        id: TorrentId,
        url: String,
        times_in_row: u32,
        error: Error,
    },
    /// For the patrons of a torrent. The client only adds the torrent's name.
    OfTorrent(Event),
    /// For every patron, including those that join later.
    OfClient(Event),
    /// All addresses where the engine accepts peers now.
    ListensAt(Vec<SocketAddr>),
    ListenFailed {
        address: String,
        error: Error,
    },
    /// The engine as a whole has failed.
    EngineFailed(Error),
    /// Statuses from a shard, without names and info hashes, which the client knows.
    Statuses(Vec<TorrentStatus>),
    EveryStatus(Vec<TorrentStatus>),
    /// The error does not include the attempted operation; the client adds that.
    Answered {
        request: u64,
        answer: Result<Answer>,
    },
    /// The counters of each shard, in the engine's order.
    Statistics(Vec<Vec<i64>>),
    /// Events of a shard were lost.
    Dropped,
}

impl EngineEvent {
    /// Returns the torrent that the event is about, if any.
    pub(crate) fn torrent(&self) -> Option<TorrentId> {
        match self {
            Self::Added { id, .. }
            | Self::AddFailed { id, .. }
            | Self::Removed(id)
            | Self::Deleted(id)
            | Self::DeleteFailed { id, .. }
            | Self::StateChanged { id, .. }
            | Self::Paused(id)
            | Self::Resumed(id)
            | Self::Checked(id)
            | Self::Finished(id)
            | Self::MetadataReceived { id, .. }
            | Self::Moved { id, .. }
            | Self::MoveFailed { id, .. }
            | Self::FileRenamed { id, .. }
            | Self::Failed { id, .. }
            | Self::TrackerFailed { id, .. } => Some(*id),
            Self::OfTorrent(event) => event.torrent(),
            _ => None,
        }
    }
}
