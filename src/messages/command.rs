//! The commands that a patron sends to its client.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::add::{AddOptions, Prepared, Source};
use crate::messages::reading::Opening;
use crate::messages::request::{Respond, SessionRequest, TorrentRequest};
use crate::model::{CommandKind, Goals, InfoHashes, Statistics, TorrentId, TorrentStatus};
use crate::reply::Responder;

/// A command sent as a message, by [`Patron::send`](crate::Patron::send). The results arrive as
/// events; to wait for an answer instead, use the patron's methods of the same names.
///
/// There will be no more commands: whatever else a client can do has methods only.
///
/// With the feature `serde`, a command is an object named by the variant in snake case: `{"pause":3}`.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
#[allow(clippy::large_enum_variant)] // it is taken apart where it is created
pub enum Command {
    /// Adds a torrent. Answered by `TorrentAdded`, `AlreadyAdded` or `AddFailed`.
    AddTorrent {
        /// What to add it from.
        source: Source,
        /// How to add it.
        #[cfg_attr(feature = "serde", serde(default))]
        options: AddOptions,
    },
    /// Removes a torrent. Answered by `TorrentRemoved`.
    RemoveTorrent {
        /// The torrent.
        id: TorrentId,
        /// What to do with its files.
        #[cfg_attr(feature = "serde", serde(default))]
        files: RemoveFiles,
    },
    /// Stops a torrent until it is resumed. Answered by `Paused` if it was running.
    Pause(TorrentId),
    /// Resumes a torrent, also after an error. Answered by `Resumed` if it was paused.
    Resume(TorrentId),
    /// Asks for a torrent's current status. Answered by `Status`.
    Status(TorrentId),
    /// Asks for the .torrent file of a torrent. Answered by `Metainfo`.
    Metainfo(TorrentId),
    /// Delivers the events of a torrent that another patron added to this patron too. The first is its
    /// `Status`.
    Watch(TorrentId),
    /// Ends `Watch`.
    Unwatch(TorrentId),
}

impl Command {
    /// Returns the kind of this command, as in [`Event::CommandFailed`](crate::Event::CommandFailed).
    #[must_use]
    pub const fn kind(&self) -> CommandKind {
        match self {
            Self::AddTorrent { .. } => CommandKind::AddTorrent,
            Self::RemoveTorrent { .. } => CommandKind::RemoveTorrent,
            Self::Pause(_) => CommandKind::Pause,
            Self::Resume(_) => CommandKind::Resume,
            Self::Status(_) => CommandKind::Status,
            Self::Metainfo(_) => CommandKind::Metainfo,
            Self::Watch(_) => CommandKind::Watch,
            Self::Unwatch(_) => CommandKind::Unwatch,
        }
    }
}

/// What to do with the files of a torrent that is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum RemoveFiles {
    /// Keeps them on disk.
    #[default]
    Keep,
    /// Deletes them, and the directories that become empty.
    Delete,
}

/// The result of adding a torrent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Added {
    /// A new torrent; this patron receives its events.
    New(TorrentId),
    /// A torrent that the client already had. The trackers, web seeds and peers of the source were added to
    /// it (see [`Event::AlreadyAdded`](crate::Event::AlreadyAdded)). To receive its events,
    /// [`watch`](crate::Patron::watch) it.
    Existing(TorrentId),
}

impl Added {
    /// Returns whether this patron has added the torrent.
    #[must_use]
    pub fn is_new(self) -> bool {
        matches!(self, Self::New(_))
    }

    /// Returns the torrent, new or not.
    #[must_use]
    pub fn id(self) -> TorrentId {
        match self {
            Self::New(id) | Self::Existing(id) => id,
        }
    }
}

/// A command in the form that the client thread takes: the source has been read, and the command carries its
/// reply. Without a reply, the answer is an event.
pub(crate) enum ClientCommand {
    Add(Box<Prepared>, Option<Responder<Added>>),
    Remove(TorrentId, RemoveFiles, Option<Responder<()>>),
    Status(TorrentId, Option<Responder<TorrentStatus>>),
    Watch(TorrentId, Option<Responder<()>>),
    Unwatch(TorrentId, Option<Responder<()>>),
    /// Answered when the torrent is complete.
    WaitUntilFinished(TorrentId, Responder<()>),
    Find(InfoHashes, Responder<Option<TorrentId>>),
    /// Subscribes to all torrents, including future ones, or to none.
    WatchAll(bool, Responder<()>),
    Adopt(TorrentId, Responder<()>),
    SetLabel(TorrentId, Box<str>, bool, Responder<()>),
    SetNote(TorrentId, Box<str>, Option<Arc<[u8]>>, Responder<()>),
    Labels(TorrentId, Responder<BTreeSet<Box<str>>>),
    Notes(TorrentId, Responder<BTreeMap<Box<str>, Arc<[u8]>>>),
    /// Asks for the addresses of one torrent, or for all.
    ListenAddresses(Option<TorrentId>, Responder<Vec<SocketAddr>>),
    Statistics(Responder<Statistics>),
    SetGoals(TorrentId, Goals, Responder<()>),
    OfTorrent(TorrentId, TorrentRequest, Respond),
    /// The request of a message. If it fails, the patron that sent it gets an event.
    OfMessage(CommandKind, TorrentId, TorrentRequest),
    OfSession(Box<SessionRequest>, Respond),
    OpenReader(Box<Opening>),
}

impl fmt::Debug for ClientCommand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Add(..) => "Add",
            Self::Remove(..) => "Remove",
            Self::Status(..) => "Status",
            Self::Watch(..) => "Watch",
            Self::Unwatch(..) => "Unwatch",
            Self::WaitUntilFinished(..) => "WaitUntilFinished",
            Self::Find(..) => "Find",
            Self::WatchAll(..) => "WatchAll",
            Self::Adopt(..) => "Adopt",
            Self::SetLabel(..) => "SetLabel",
            Self::SetNote(..) => "SetNote",
            Self::Labels(..) => "Labels",
            Self::Notes(..) => "Notes",
            Self::ListenAddresses(..) => "ListenAddresses",
            Self::Statistics(_) => "Statistics",
            Self::SetGoals(..) => "SetGoals",
            Self::OpenReader(_) => "OpenReader",
            Self::OfTorrent(_, asked, _) | Self::OfMessage(_, _, asked) => return asked.fmt(f),
            Self::OfSession(asked, _) => return asked.fmt(f),
        })
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;
    use crate::messages::member::OnLeave;

    #[test]
    fn commands_in_json() {
        let options = serde_json::to_string(&AddOptions::default()).unwrap();
        let create = r#"{"add_torrent":{"source":{"file":"debian.torrent"},"options":OPTIONS}}"#;
        let create = create.replace("OPTIONS", &options);
        for json in [
            &create,
            r#"{"remove_torrent":{"id":3,"files":"delete"}}"#,
            r#"{"pause":3}"#,
            r#"{"resume":3}"#,
            r#"{"status":3}"#,
            r#"{"metainfo":3}"#,
            r#"{"watch":3}"#,
            r#"{"unwatch":3}"#,
        ] {
            let command: Command = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&command).unwrap(), json);
            let kind = serde_json::to_string(&command.kind()).unwrap();
            assert!(json.starts_with(&format!("{{{kind}:")), "{kind}");
        }
        let short = r#"{"add_torrent":{"source":{"file":"debian.torrent"}}}"#;
        let command: Command = serde_json::from_str(short).unwrap();
        assert_eq!(serde_json::to_string(&command).unwrap(), create);
    }

    #[test]
    fn choices_in_json() {
        for (files, name) in
            [(RemoveFiles::Keep, r#""keep""#), (RemoveFiles::Delete, r#""delete""#)]
        {
            assert_eq!(serde_json::to_string(&files).unwrap(), name);
            assert_eq!(serde_json::from_str::<RemoveFiles>(name).unwrap(), files);
        }
        for (policy, name) in [
            (OnLeave::KeepSeeding, r#""keep_seeding""#),
            (OnLeave::Pause, r#""pause""#),
            (OnLeave::Remove, r#""remove""#),
        ] {
            assert_eq!(serde_json::to_string(&policy).unwrap(), name);
            assert_eq!(serde_json::from_str::<OnLeave>(name).unwrap(), policy);
        }
        let id = TorrentId::new(3).unwrap();
        for (started, expected) in
            [(Added::New(id), r#"{"new":3}"#), (Added::Existing(id), r#"{"existing":3}"#)]
        {
            assert_eq!(serde_json::to_string(&started).unwrap(), expected);
        }
    }
}
