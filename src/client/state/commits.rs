//! Changes that the store has not yet committed.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::messages::request::{RequestRole, Respond, TorrentRequest};
use crate::model::TorrentId;
use crate::reply::Responder;

/// How many changes may wait for the store. At that number, the client thread takes no more commands, as with
/// requests.
const WINDOW: usize = 512;

/// What to do when a change is durable.
pub(in crate::client) enum Then {
    /// Pass the torrent to the engine.
    Add,
    /// Remove the torrent from the engine.
    Remove,
    Request(TorrentRequest, Respond),
    /// Answer a move that the engine has executed.
    Moved(Respond, PathBuf),
    /// Note that the resume data was saved, and possibly the info dictionary.
    Saved {
        with_info: bool,
    },
    Attach(Attachment, Responder<()>),
}

/// Data that a program attaches to a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) enum Attachment {
    Label(Box<str>, bool),
    Note(Box<str>, Option<std::sync::Arc<[u8]>>),
}

#[derive(Default)]
pub(in crate::client) struct Commits {
    last: u64,
    open: HashMap<u64, (Option<TorrentId>, Then)>,
    /// The torrents with a request to move their files.
    moving: HashSet<TorrentId>,
}

impl Commits {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.open.len() >= WINDOW
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.open.len()
    }

    /// Adds a change. Returns its number.
    pub(in crate::client) fn open(&mut self, torrent: Option<TorrentId>, then: Then) -> u64 {
        self.last += 1;
        if let (Some(id), true) = (torrent, moves(&then)) {
            self.moving.insert(id);
        }
        self.open.insert(self.last, (torrent, then));
        self.last
    }

    pub(in crate::client) fn take(&mut self, number: u64) -> Option<(Option<TorrentId>, Then)> {
        let (torrent, then) = self.open.remove(&number)?;
        if let (Some(id), true) = (torrent, moves(&then)) {
            self.moving.remove(&id);
        }
        Some((torrent, then))
    }

    /// Returns how many changes patrons wait for, except adds and removals.
    pub(in crate::client) fn of_patrons(&self) -> usize {
        let is_awaited = |then: &Then| match then {
            Then::Request(_, respond) | Then::Moved(respond, _) => {
                !matches!(respond, Respond::Nothing)
            }
            Then::Attach(..) => true,
            Then::Add | Then::Remove | Then::Saved { .. } => false,
        };
        self.open.values().filter(|(_, then)| is_awaited(then)).count()
    }

    /// Returns whether any of the changes is a request to move files.
    pub(in crate::client) fn move_any(&self) -> bool {
        !self.moving.is_empty()
    }

    /// Returns whether the change that waits is a request to move this torrent's files.
    pub(in crate::client) fn moves(&self, id: TorrentId) -> bool {
        self.moving.contains(&id)
    }
}

fn moves(then: &Then) -> bool {
    matches!(then, Then::Request(asked, _) if matches!(asked.role, RequestRole::MovesFiles { .. }))
}
