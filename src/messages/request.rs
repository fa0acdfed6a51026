//! What is asked of the engine besides starting, pausing and ending torrents. The engine carries
//! requests out in their order and answers each once.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{
    Existing, FileStatus, Goals, IpFilter, Peer, PeerClass, PeerClassOptions, PeerClassRange,
    PieceMap, PortMapping, PortProtocol, Priority, QueueMove, SavedFigures, TorrentFlag,
    TorrentOptions, Tracker, TrackerStatus,
};
use crate::settings::Settings;

/// What the client knows of a torrent and the engine does not; it is kept with the resume data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Own {
    /// Where the files go when they are complete.
    pub(crate) move_to: Option<PathBuf>,
    pub(crate) goals: Goals,
}

/// A request about one torrent.
#[derive(Debug)]
pub(crate) enum TorrentRequest {
    Metainfo,
    ResumeData(Own),
    /// Asked by the client itself. Answered by no bytes where nothing has changed since the last time.
    ResumeDataForEvent {
        own: Own,
        unchanged_too: bool,
    },
    // Files.
    Files,
    FilePriority {
        file: u32,
        priority: Priority,
    },
    FilePriorities(Vec<Priority>),
    RenameFile {
        file: u32,
        to: PathBuf,
    },
    MoveStorage {
        to: PathBuf,
        existing: Existing,
    },
    // Pieces.
    Pieces,
    PiecePriority {
        piece: u32,
        priority: Priority,
    },
    PiecePriorities(Vec<Priority>),
    PieceDeadline {
        piece: u32,
        within: Option<Duration>,
    },
    ClearPieceDeadlines,
    EndsFirst(bool),
    ReadPiece(u32),
    AddPiece {
        piece: u32,
        data: Vec<u8>,
    },
    Recheck,
    // How it is set up.
    Options,
    Flag(TorrentFlag, bool),
    DownloadLimit(Option<u32>),
    UploadLimit(Option<u32>),
    ConnectionsLimit(Option<u32>),
    UploadSlots(Option<u32>),
    Queue(QueueMove),
    // Peers and where they come from.
    Peers,
    ConnectPeer(SocketAddr),
    ClearPeers,
    Trackers,
    AddTracker(Tracker),
    RemoveTracker(String),
    ReplaceTrackers(Vec<Tracker>),
    Reannounce,
    Scrape,
    AnnounceToDht,
    AnnounceLocally,
    WebSeeds,
    AddWebSeed(String),
    RemoveWebSeed(String),
    TlsCertificate {
        certificate: String,
        private_key: String,
        dh_parameters: String,
    },
    GiveMetainfo(Arc<[u8]>),
    PauseGracefully,
    FlushFiles,
}

/// A request about the client as a whole.
#[derive(Debug)]
pub(crate) enum SessionRequest {
    Settings,
    ApplySettings(Settings),
    State,
    IpFilter,
    SetIpFilter(IpFilter),
    Ban(IpAddr),
    PauseAll,
    ResumeAll,
    AllPaused,
    SetPortFilter(Vec<RangeInclusive<u16>>),
    AddDhtNode { host: String, port: u16 },
    DhtRunning,
    MapPort { protocol: PortProtocol, external: u16, local: u16 },
    UnmapPort(PortMapping),
    ReopenSockets,
    CreatePeerClass(String),
    RemovePeerClass(PeerClass),
    PeerClass(PeerClass),
    SetPeerClass(PeerClass, PeerClassOptions),
    PeerClassRanges,
    SetPeerClassRanges(Vec<PeerClassRange>),
}

/// What a request is answered with.
#[derive(Debug)]
pub(crate) enum Answer {
    Done,
    /// A .torrent file, the session's state, or a piece.
    Bytes(Vec<u8>),
    ResumeData(Vec<u8>, SavedFigures),
    Path(PathBuf),
    Texts(Vec<String>),
    Files(Vec<FileStatus>),
    Pieces(PieceMap),
    Options(TorrentOptions),
    Peers(Vec<Peer>),
    Trackers(Vec<TrackerStatus>),
    Settings(Settings),
    IpFilter(IpFilter),
    Flag(bool),
    Mappings(Vec<PortMapping>),
    CreatedPeerClass(PeerClass),
    PeerClass(PeerClassOptions),
    PeerClassRanges(Vec<PeerClassRange>),
}

/// What a patron gets of an answer. An engine that answers with something else has a bug.
pub(crate) trait FromAnswer: Sized {
    fn from_answer(answer: Answer) -> Option<Self>;
}

macro_rules! from_answer {
    ($($type:ty: $pattern:pat => $value:expr;)*) => {
        $(impl FromAnswer for $type {
            fn from_answer(answer: Answer) -> Option<Self> {
                match answer {
                    $pattern => Some($value),
                    _ => None,
                }
            }
        })*
    };
}

from_answer! {
    (): Answer::Done => ();
    Vec<u8>: Answer::Bytes(bytes) | Answer::ResumeData(bytes, _) => bytes;
    PathBuf: Answer::Path(path) => path;
    Vec<String>: Answer::Texts(texts) => texts;
    Vec<FileStatus>: Answer::Files(files) => files;
    PieceMap: Answer::Pieces(pieces) => pieces;
    TorrentOptions: Answer::Options(options) => options;
    Vec<Peer>: Answer::Peers(peers) => peers;
    Vec<TrackerStatus>: Answer::Trackers(trackers) => trackers;
    Settings: Answer::Settings(settings) => settings;
    IpFilter: Answer::IpFilter(filter) => filter;
    bool: Answer::Flag(flag) => flag;
    Vec<PortMapping>: Answer::Mappings(mappings) => mappings;
    PeerClass: Answer::CreatedPeerClass(class) => class;
    PeerClassOptions: Answer::PeerClass(options) => options;
    Vec<PeerClassRange>: Answer::PeerClassRanges(ranges) => ranges;
}

impl TorrentRequest {
    /// Whether it changes what resume data holds, without an event that says so.
    pub(crate) fn changes_resume_data(&self) -> bool {
        match self {
            Self::FilePriority { .. }
            | Self::FilePriorities(_)
            | Self::PiecePriority { .. }
            | Self::PiecePriorities(_)
            | Self::EndsFirst(_)
            | Self::Flag(..)
            | Self::DownloadLimit(_)
            | Self::UploadLimit(_)
            | Self::ConnectionsLimit(_)
            | Self::UploadSlots(_)
            | Self::AddTracker(_)
            | Self::RemoveTracker(_)
            | Self::ReplaceTrackers(_)
            | Self::AddWebSeed(_)
            | Self::RemoveWebSeed(_) => true,
            Self::Metainfo
            | Self::TlsCertificate { .. }
            | Self::GiveMetainfo(_)
            | Self::PauseGracefully
            | Self::FlushFiles
            | Self::ResumeData(_)
            | Self::ResumeDataForEvent { .. }
            | Self::Files
            | Self::RenameFile { .. }
            | Self::MoveStorage { .. }
            | Self::Pieces
            | Self::PieceDeadline { .. }
            | Self::ClearPieceDeadlines
            | Self::ReadPiece(_)
            | Self::AddPiece { .. }
            | Self::Recheck
            | Self::Options
            | Self::Queue(_)
            | Self::Peers
            | Self::ConnectPeer(_)
            | Self::ClearPeers
            | Self::Trackers
            | Self::Reannounce
            | Self::Scrape
            | Self::AnnounceToDht
            | Self::AnnounceLocally
            | Self::WebSeeds => false,
        }
    }

    /// What it tries, as an error says it.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Metainfo => "get the metainfo",
            Self::ResumeData(_) | Self::ResumeDataForEvent { .. } => "save the resume data",
            Self::Files => "list the files",
            Self::FilePriority { .. } | Self::FilePriorities(_) => "choose among the files",
            Self::RenameFile { .. } => "rename the file",
            Self::MoveStorage { .. } => "move the files",
            Self::Pieces => "list the pieces",
            Self::PiecePriority { .. } | Self::PiecePriorities(_) | Self::EndsFirst(_) => {
                "choose among the pieces"
            }
            Self::PieceDeadline { .. } | Self::ClearPieceDeadlines => "set the deadline of a piece",
            Self::ReadPiece(_) => "read the piece",
            Self::AddPiece { .. } => "add the piece",
            Self::Recheck => "check the files",
            Self::Options => "tell how the torrent is set up",
            Self::Flag(..) => "switch a flag of the torrent",
            Self::DownloadLimit(_) => "limit the download rate",
            Self::UploadLimit(_) => "limit the upload rate",
            Self::ConnectionsLimit(_) => "limit the connections",
            Self::UploadSlots(_) => "limit the upload slots",
            Self::Queue(_) => "move the torrent in the queue",
            Self::Peers => "list the peers",
            Self::ConnectPeer(_) => "connect to the peer",
            Self::ClearPeers => "forget the peers",
            Self::Trackers => "list the trackers",
            Self::AddTracker(_) => "add the tracker",
            Self::RemoveTracker(_) => "remove the tracker",
            Self::ReplaceTrackers(_) => "replace the trackers",
            Self::Reannounce | Self::AnnounceToDht | Self::AnnounceLocally => {
                "announce the torrent"
            }
            Self::Scrape => "scrape the trackers",
            Self::WebSeeds => "list the web seeds",
            Self::AddWebSeed(_) => "add the web seed",
            Self::RemoveWebSeed(_) => "remove the web seed",
            Self::TlsCertificate { .. } => "use the certificate",
            Self::GiveMetainfo(_) => "use the metainfo",
            Self::PauseGracefully => "pause the torrent",
            Self::FlushFiles => "write the files out",
        }
    }
}

impl SessionRequest {
    /// What it tries, as an error says it.
    pub(crate) fn operation(&self) -> &'static str {
        match self {
            Self::Settings => "get the settings",
            Self::ApplySettings(_) => "change the settings",
            Self::State => "save the state of the client",
            Self::IpFilter => "get the IP filter",
            Self::SetIpFilter(_) => "set the IP filter",
            Self::Ban(_) => "ban the address",
            Self::PauseAll => "pause all torrents",
            Self::ResumeAll => "resume all torrents",
            Self::AllPaused => "tell whether all is paused",
            Self::SetPortFilter(_) => "set the port filter",
            Self::AddDhtNode { .. } => "add the DHT node",
            Self::DhtRunning => "look at the DHT",
            Self::MapPort { .. } => "map the port",
            Self::UnmapPort(_) => "end the port mapping",
            Self::ReopenSockets => "open the sockets again",
            Self::CreatePeerClass(_) => "create the peer class",
            Self::RemovePeerClass(_) => "remove the peer class",
            Self::PeerClass(_) => "get the peer class",
            Self::SetPeerClass(..) => "change the peer class",
            Self::PeerClassRanges => "get the ranges of peer classes",
            Self::SetPeerClassRanges(_) => "set the ranges of peer classes",
        }
    }
}
