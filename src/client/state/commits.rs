//! What waits until the store has it.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use crate::messages::request::{RequestRole, Respond, TorrentRequest};
use crate::model::TorrentId;
use crate::reply::Responder;

/// How many changes may wait for the store. While they do, the client thread takes no more commands, as
/// for requests.
const WINDOW: usize = 512;

/// What is done when a change is durable.
pub(in crate::client) enum Then {
    /// The torrent goes to the engine.
    Add,
    /// The torrent goes from the engine.
    Remove,
    Request(TorrentRequest, Respond),
    /// The engine has moved its files.
    Moved(Respond, PathBuf),
    /// Its resume data is saved, the info dictionary too.
    Saved {
        with_info: bool,
    },
    Attach(Attachment, Responder<()>),
}

/// What a program attaches to a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::client) enum Attachment {
    Label(Box<str>, bool),
    Note(Box<str>, Option<std::sync::Arc<[u8]>>),
}

#[derive(Default)]
pub(in crate::client) struct Commits {
    last: u64,
    open: HashMap<u64, (Option<TorrentId>, Then)>,
    /// Those whose files are to be moved.
    moving: HashSet<TorrentId>,
}

impl Commits {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.open.len() >= WINDOW
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.open.len()
    }

    /// Its number.
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

    /// How many a patron waits for, except adds and removals.
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

    /// Whether any move is to begin.
    pub(in crate::client) fn move_any(&self) -> bool {
        !self.moving.is_empty()
    }

    /// Whether a move of this torrent is to begin.
    pub(in crate::client) fn moves(&self, id: TorrentId) -> bool {
        self.moving.contains(&id)
    }
}

fn moves(then: &Then) -> bool {
    matches!(then, Then::Request(asked, _) if matches!(asked.role, RequestRole::MovesFiles { .. }))
}
