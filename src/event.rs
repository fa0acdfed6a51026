//! What a client tells its patrons.

use std::mem::{Discriminant, discriminant};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::error::Error;
use crate::status::{TorrentState, TorrentStatus};
use crate::torrent::Goal;
use crate::types::{InfoHashes, TorrentId};

/// Something that happened. `Display` explains it in one line for a person.
///
/// Events of a torrent reach the patron that started it and those that watch it; events of the
/// client (`Listening`, `ListenFailed`, `DescriptorLimit`, `Resynchronized`, `ClientStopped`) reach
/// every patron.
///
/// With the feature `serde`, an event is an object whose `event` is the variant's name in snake
/// case: `{"event":"finished","id":3,"name":"debian.iso"}`. A `Metainfo` is written without its
/// .torrent file.
#[derive(Debug, Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[cfg_attr(feature = "serde", serde(tag = "event", rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Event {
    /// The torrent is started.
    TorrentCreated {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// Its info hashes; of a magnet link, those that the link has.
        info_hashes: InfoHashes,
        /// Where its files are, or will be while incomplete.
        #[cfg_attr(feature = "serde", serde(serialize_with = "lossy_path"))]
        save_dir: PathBuf,
    },
    /// The client has this torrent already; it is not started twice. The id may be watched.
    AlreadyDownloading {
        /// The torrent that is there.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The torrent could not be started.
    StartFailed {
        /// What it was to be started from: a path, a magnet link, a name.
        source: Arc<str>,
        /// Why.
        error: Error,
    },
    /// How the torrent stands: after each tick in which something changed.
    Status(TorrentStatus),
    /// A magnet link's metadata has come from a peer (BEP 9).
    MetadataReceived {
        /// The torrent.
        id: TorrentId,
        /// Its name, known only now.
        name: Arc<str>,
        /// Its info hashes, all of them.
        info_hashes: InfoHashes,
    },
    /// The torrent does something else now.
    StateChanged {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What it does now.
        state: TorrentState,
    },
    /// The torrent has been paused.
    Paused {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The torrent goes on.
    Resumed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The files on disk have been compared with their hashes.
    Checked {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// All wanted pieces are here and good.
    Finished {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
    },
    /// The files lie in another directory now: the finished ones in their final place, or where a patron
    /// had them moved.
    Moved {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The directory that holds them.
        #[cfg_attr(feature = "serde", serde(serialize_with = "lossy_path"))]
        save_dir: PathBuf,
    },
    /// A file has another name now.
    FileRenamed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The file's index.
        file: u32,
        /// Where it is below the save directory.
        #[cfg_attr(feature = "serde", serde(serialize_with = "lossy_path"))]
        path: PathBuf,
    },
    /// A piece did not have the hash that the metainfo gives; it is fetched again.
    HashFailed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The piece's index.
        piece: u32,
    },
    /// A tracker did not answer, or refused. It is asked again later.
    TrackerError {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The tracker's URL.
        url: Box<str>,
        /// How many times in a row it failed.
        times_in_row: u32,
        /// Why.
        error: Error,
    },
    /// The torrent has given back what was wanted of it; what was chosen for then is done to it.
    GoalReached {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The goal.
        goal: Goal,
    },
    /// The torrent met an error and stopped, or on a full disk does no more than seed what it can.
    /// Resuming it tries again. What follows from the same error is not told for 30 seconds.
    Error {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What went wrong.
        error: Error,
    },
    /// The answer to [`Command::Metainfo`](crate::Command::Metainfo).
    Metainfo {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// The .torrent file, for [`Metainfo::decode`](crate::Metainfo::decode).
        #[cfg_attr(feature = "serde", serde(skip))]
        torrent_file: Arc<[u8]>,
    },
    /// The torrent is closed; its id means nothing from now on.
    Closed {
        /// The torrent.
        id: TorrentId,
        /// Its name.
        name: Arc<str>,
        /// What became of its files.
        files: ClosedFiles,
    },
    /// A command sent as a message failed.
    CommandFailed {
        /// The command's name: `Pause`.
        command: &'static str,
        /// The torrent it was for.
        id: TorrentId,
        /// Why.
        error: Error,
    },
    /// The client accepts peers at this address (TCP).
    Listening {
        /// The address, with the port that was really taken.
        address: SocketAddr,
    },
    /// The client cannot accept peers at this address.
    ListenFailed {
        /// The address, or the interface as it was given.
        address: Box<str>,
        /// Why.
        error: Error,
    },
    /// The settings ask for more open files and connections than the process may have. It goes on
    /// with fewer connections (`connections_limit`), and closes files more often.
    DescriptorLimit {
        /// How many descriptors the settings can need.
        wanted: u64,
        /// How many the process may have (`RLIMIT_NOFILE`, which the client has raised as far as it
        /// may).
        available: u64,
    },
    /// This patron did not read its events and some were dropped, the oldest first. Those about a
    /// torrent that is still open are never among them.
    Lagged {
        /// How many.
        missed: u64,
    },
    /// libtorrent lost events under load. The client has asked it how every torrent stands, and has
    /// sent the events that follow from the answer.
    Resynchronized,
    /// The last event: the client has stopped.
    ClientStopped {
        /// Why, if not by [`Client::shutdown`](crate::Client::shutdown).
        error: Option<Error>,
    },
}

/// What became of the files of a closed torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum ClosedFiles {
    /// They were left where they are.
    Kept,
    /// They were deleted.
    Deleted,
    /// They were to be deleted, and were not, or not all.
    NotDeleted(Error),
}

/// How a mailbox keeps an event that is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The newest of its kind per torrent, in the place of the one it replaces.
    NewestInPlace(TorrentId, Discriminant<Event>),
    /// The newest of its kind per torrent, behind all that came before it.
    NewestLast(TorrentId, Discriminant<Event>),
    /// The last of its torrent, after which that torrent's events count against the bound.
    Final(TorrentId),
    /// Counts against the bound.
    Bounded,
}

impl Event {
    /// The torrent that the event is about, if it is about one.
    pub fn torrent(&self) -> Option<TorrentId> {
        match self {
            Self::TorrentCreated { id, .. }
            | Self::AlreadyDownloading { id, .. }
            | Self::Status(TorrentStatus { id, .. })
            | Self::MetadataReceived { id, .. }
            | Self::StateChanged { id, .. }
            | Self::Paused { id, .. }
            | Self::Resumed { id, .. }
            | Self::Checked { id, .. }
            | Self::Finished { id, .. }
            | Self::Moved { id, .. }
            | Self::FileRenamed { id, .. }
            | Self::GoalReached { id, .. }
            | Self::HashFailed { id, .. }
            | Self::TrackerError { id, .. }
            | Self::Error { id, .. }
            | Self::Metainfo { id, .. }
            | Self::Closed { id, .. }
            | Self::CommandFailed { id, .. } => Some(*id),
            Self::StartFailed { .. }
            | Self::Listening { .. }
            | Self::ListenFailed { .. }
            | Self::DescriptorLimit { .. }
            | Self::Lagged { .. }
            | Self::Resynchronized
            | Self::ClientStopped { .. } => None,
        }
    }

    /// The name of that torrent.
    pub fn name(&self) -> Option<&Arc<str>> {
        match self {
            Self::TorrentCreated { name, .. }
            | Self::AlreadyDownloading { name, .. }
            | Self::Status(TorrentStatus { name, .. })
            | Self::MetadataReceived { name, .. }
            | Self::StateChanged { name, .. }
            | Self::Paused { name, .. }
            | Self::Resumed { name, .. }
            | Self::Checked { name, .. }
            | Self::Finished { name, .. }
            | Self::Moved { name, .. }
            | Self::FileRenamed { name, .. }
            | Self::GoalReached { name, .. }
            | Self::HashFailed { name, .. }
            | Self::TrackerError { name, .. }
            | Self::Error { name, .. }
            | Self::Metainfo { name, .. }
            | Self::Closed { name, .. } => Some(name),
            Self::StartFailed { .. }
            | Self::CommandFailed { .. }
            | Self::Listening { .. }
            | Self::ListenFailed { .. }
            | Self::DescriptorLimit { .. }
            | Self::Lagged { .. }
            | Self::Resynchronized
            | Self::ClientStopped { .. } => None,
        }
    }

    pub(crate) fn keep(&self) -> Keep {
        let kind = discriminant(self);
        match (self, self.torrent()) {
            (Self::Status(_), Some(id)) => Keep::NewestInPlace(id, kind),
            (Self::Closed { .. }, Some(id)) => Keep::Final(id),
            (Self::AlreadyDownloading { .. } | Self::CommandFailed { .. }, _) | (_, None) => {
                Keep::Bounded
            }
            (_, Some(id)) => Keep::NewestLast(id, kind),
        }
    }
}

#[cfg(feature = "serde")]
fn lossy_path<S: serde::Serializer>(
    path: &std::path::Path,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&path.display())
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn events_in_json() {
        let id = TorrentId::from_raw(3).unwrap();
        let name: Arc<str> = "debian.iso".into();
        let name = || name.clone();
        let error = || Error::new(ErrorKind::Io, "read the file", "it is gone");
        let info_hashes = InfoHashes::default();
        for (event, json) in [
            (
                Event::TorrentCreated { id, name: name(), info_hashes, save_dir: "here".into() },
                r#"{"event":"torrent_created","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null},"save_dir":"here"}"#,
            ),
            (
                Event::AlreadyDownloading { id, name: name() },
                r#"{"event":"already_downloading","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::StartFailed { source: "debian.torrent".into(), error: error() },
                r#"{"event":"start_failed","source":"debian.torrent","error":ERROR}"#,
            ),
            (
                Event::MetadataReceived { id, name: name(), info_hashes },
                r#"{"event":"metadata_received","id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null}}"#,
            ),
            (
                Event::StateChanged { id, name: name(), state: TorrentState::Seeding },
                r#"{"event":"state_changed","id":3,"name":"debian.iso","state":"seeding"}"#,
            ),
            (
                Event::Paused { id, name: name() },
                r#"{"event":"paused","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Resumed { id, name: name() },
                r#"{"event":"resumed","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Checked { id, name: name() },
                r#"{"event":"checked","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Finished { id, name: name() },
                r#"{"event":"finished","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Moved { id, name: name(), save_dir: "here".into() },
                r#"{"event":"moved","id":3,"name":"debian.iso","save_dir":"here"}"#,
            ),
            (
                Event::FileRenamed { id, name: name(), file: 1, path: "here/b".into() },
                r#"{"event":"file_renamed","id":3,"name":"debian.iso","file":1,"path":"here/b"}"#,
            ),
            (
                Event::HashFailed { id, name: name(), piece: 7 },
                r#"{"event":"hash_failed","id":3,"name":"debian.iso","piece":7}"#,
            ),
            (
                Event::TrackerError {
                    id,
                    name: name(),
                    url: "http://127.0.0.1/".into(),
                    times_in_row: 2,
                    error: error(),
                },
                r#"{"event":"tracker_error","id":3,"name":"debian.iso","url":"http://127.0.0.1/","times_in_row":2,"error":ERROR}"#,
            ),
            (
                Event::Error { id, name: name(), error: error() },
                r#"{"event":"error","id":3,"name":"debian.iso","error":ERROR}"#,
            ),
            (
                Event::Metainfo { id, name: name(), torrent_file: [1, 2].into() },
                r#"{"event":"metainfo","id":3,"name":"debian.iso"}"#,
            ),
            (
                Event::Closed { id, name: name(), files: ClosedFiles::Kept },
                r#"{"event":"closed","id":3,"name":"debian.iso","files":"kept"}"#,
            ),
            (
                Event::Closed { id, name: name(), files: ClosedFiles::Deleted },
                r#"{"event":"closed","id":3,"name":"debian.iso","files":"deleted"}"#,
            ),
            (
                Event::Closed { id, name: name(), files: ClosedFiles::NotDeleted(error()) },
                r#"{"event":"closed","id":3,"name":"debian.iso","files":{"not_deleted":ERROR}}"#,
            ),
            (
                Event::CommandFailed { command: "Pause", id, error: error() },
                r#"{"event":"command_failed","command":"Pause","id":3,"error":ERROR}"#,
            ),
            (
                Event::Listening { address: "127.0.0.1:6881".parse().unwrap() },
                r#"{"event":"listening","address":"127.0.0.1:6881"}"#,
            ),
            (
                Event::ListenFailed { address: "eth0".into(), error: error() },
                r#"{"event":"listen_failed","address":"eth0","error":ERROR}"#,
            ),
            (
                Event::DescriptorLimit { wanted: 300, available: 200 },
                r#"{"event":"descriptor_limit","wanted":300,"available":200}"#,
            ),
            (Event::Lagged { missed: 5 }, r#"{"event":"lagged","missed":5}"#),
            (Event::Resynchronized, r#"{"event":"resynchronized"}"#),
            (Event::ClientStopped { error: None }, r#"{"event":"client_stopped","error":null}"#),
        ] {
            let failed =
                r#"{"kind":"io","native":null,"message":"cannot read the file: it is gone"}"#;
            assert_eq!(serde_json::to_string(&event).unwrap(), json.replace("ERROR", failed));
        }
        // A status is an event with the fields of the status.
        let status = TorrentStatus::starting(id, name(), false);
        let fields = serde_json::to_string(&status).unwrap();
        assert_eq!(
            serde_json::to_string(&Event::Status(status)).unwrap(),
            fields.replacen('{', r#"{"event":"status","#, 1)
        );
    }
}
