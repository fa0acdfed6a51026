//! Plain data: what requests ask for and events tell. Nothing here knows of libtorrent, of threads or
//! of channels.

mod engine_event;
pub(crate) mod event;
mod file;
mod id;
mod info_hash;
mod ip_filter;
mod options;
mod peer;
mod peer_class;
mod piece;
mod port;
mod priority;
#[cfg(feature = "serde")]
pub(crate) mod serde_with;
mod statistics;
mod status;
mod tracker;

pub use self::event::{
    Event, EventKind, EventKinds, Explainer, PerformanceLimit, PortMapper, RemovedFiles,
};
pub use self::file::{Allocation, Existing, ExistingFiles, FileStatus};
pub use self::id::TorrentId;
pub use self::info_hash::{InfoHashV1, InfoHashV2, InfoHashes};
pub use self::ip_filter::{IpFilter, IpRange};
pub use self::options::{Goal, GoalAction, Goals, QueueMove, TorrentFlag, TorrentOptions};
pub use self::peer::{Encryption, Peer, PeerKind, PeerSource, Transport};
pub use self::peer_class::{PeerClass, PeerClassOptions, PeerClassRange};
pub use self::piece::{PartialPiece, PieceMap};
pub use self::port::{PortMapping, PortProtocol};
pub use self::priority::Priority;
pub use self::statistics::{Counter, ReadStatistics, Statistics};
pub use self::status::{TorrentState, TorrentStatus};
pub use self::tracker::{Announce, Tracker, TrackerSource, TrackerStatus};

pub(crate) use self::engine_event::{Answer, EngineEvent, ResumeData};
pub(crate) use self::event::Keep;
pub(crate) use self::options::ClientData;
pub(crate) use self::statistics::Metrics;
pub(crate) use self::status::SavedFigures;
