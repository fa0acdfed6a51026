//! Plain data: what requests ask for and events report. Nothing here knows about libtorrent,
//! threads or channels.

pub(crate) mod bit_set;
mod command_kind;
mod engine_event;
pub(crate) mod event;
mod file;
mod id;
mod info_hash;
mod ip_filter;
pub(crate) mod limits;
pub(crate) mod op;
mod options;
mod peer;
mod peer_class;
mod performance;
mod piece;
mod port;
mod priority;
mod reader;
#[cfg(feature = "serde")]
pub(crate) mod serde_with;
mod statistics;
mod status;
mod tracker;
pub(crate) mod url;

pub use self::bit_set::{BitSet, Element, Iter};
pub use self::command_kind::CommandKind;
pub use self::event::{Event, EventKind, EventKinds, Explainer, RemovedFiles};
pub use self::file::{Allocation, ExistingFiles, FileStatus, OnConflict};
pub use self::id::TorrentId;
pub use self::info_hash::{InfoHashV1, InfoHashV2, InfoHashes};
pub use self::ip_filter::{Blocklist, IpFilter, IpRange};
pub use self::limits::Limits;
pub use self::options::{
    Goal, GoalAction, Goals, QueueMove, TorrentFlag, TorrentFlags, TorrentOptions,
};
pub use self::peer::{Encryption, Peer, PeerKind, PeerSource, PeerSources, Transport};
pub use self::peer_class::{PeerClass, PeerClassOptions, PeerClassRange, PeerClasses};
pub use self::performance::PerformanceLimit;
pub use self::piece::{PartialPiece, PieceMap};
pub use self::port::{PortMapper, PortMapping, PortProtocol};
pub use self::priority::Priority;
pub use self::reader::{ReadAhead, ReaderOptions};
pub use self::statistics::{Counter, ReadStatistics, Statistics};
pub use self::status::{StatusChanges, TorrentState, TorrentStatus};
pub use self::tracker::{Announce, ProtocolVersion, Tracker, TrackerSource, TrackerStatus};

pub(crate) use self::engine_event::{Answer, EngineEvent, ResumeData};
pub(crate) use self::event::{AlertFamily, Keep};
pub(crate) use self::options::ClientData;
pub(crate) use self::reader::{Look, ReadNow, ReadTarget, Requests, Span};
pub(crate) use self::statistics::Metrics;
pub(crate) use self::status::SavedFigures;
