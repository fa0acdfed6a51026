//! Changes that the store has not yet committed.

use std::collections::HashMap;
use std::path::PathBuf;

use crate::messages::request::{Respond, TorrentRequest};
use crate::model::TorrentId;
use crate::reply::Responder;

/// How many changes may wait for the store. At that number, the client thread takes no more commands, as with
/// requests.
const WINDOW: usize = 512;

/// What to do when a change is durable.
pub(in crate::client) enum AfterCommit {
    /// Pass the torrent to the engine.
    Add,
    /// Remove the torrent from the engine.
    Remove,
    Request(TorrentRequest, Respond),
    /// Answer a move that the engine has executed.
    Moved(Respond, PathBuf),
    /// Record that the resume data was saved, and possibly the info dictionary.
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

/// A change that the store has not yet committed.
pub(in crate::client) struct Commit {
    pub(in crate::client) torrent: Option<TorrentId>,
    pub(in crate::client) then: AfterCommit,
    /// The requests of the torrent that follow this one.
    pub(in crate::client) followers: Vec<(TorrentRequest, Respond)>,
}

#[derive(Default)]
pub(in crate::client) struct Commits {
    last: u64,
    open: HashMap<u64, Commit>,
    /// The last open request of each torrent. It is not in the torrent's record, because the store still answers the
    /// request when the torrent has been removed.
    requests: HashMap<TorrentId, u64>,
    /// The number of followers of all requests.
    followers: usize,
}

impl Commits {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.open.len() + self.followers >= WINDOW
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.open.len()
    }

    /// Adds a change. Returns its number.
    pub(in crate::client) fn open(&mut self, torrent: Option<TorrentId>, then: AfterCommit) -> u64 {
        self.last += 1;
        if let (Some(id), AfterCommit::Request(..)) = (torrent, &then) {
            self.requests.insert(id, self.last);
        }
        self.open.insert(self.last, Commit { torrent, then, followers: Vec::new() });
        self.last
    }

    pub(in crate::client) fn take(&mut self, number: u64) -> Option<Commit> {
        let commit = self.open.remove(&number)?;
        self.followers -= commit.followers.len();
        if let (Some(id), AfterCommit::Request(..)) = (commit.torrent, &commit.then)
            && self.requests.get(&id) == Some(&number)
        {
            self.requests.remove(&id);
        }
        Some(commit)
    }

    /// Adds a request to those that follow the torrent's last open request. Returns it if there is none.
    pub(in crate::client) fn follow(
        &mut self,
        id: TorrentId,
        asked: TorrentRequest,
        respond: Respond,
    ) -> Option<(TorrentRequest, Respond)> {
        let last = self.requests.get(&id).and_then(|number| self.open.get_mut(number));
        let Some(last) = last else { return Some((asked, respond)) };
        last.followers.push((asked, respond));
        self.followers += 1;
        None
    }

    /// Returns how many changes patrons wait for, except adds and removals.
    pub(in crate::client) fn of_patrons(&self) -> usize {
        let of_one = |commit: &Commit| {
            let itself = match &commit.then {
                AfterCommit::Request(_, respond) | AfterCommit::Moved(respond, _) => {
                    respond.is_awaited()
                }
                AfterCommit::Attach(..) => true,
                AfterCommit::Add | AfterCommit::Remove | AfterCommit::Saved { .. } => false,
            };
            let followers = commit.followers.iter().filter(|(_, respond)| respond.is_awaited());
            usize::from(itself) + followers.count()
        };
        self.open.values().map(of_one).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::messages::request;
    use crate::reply::one_shot;

    fn pause() -> TorrentRequest {
        request::pause(false).request
    }

    fn resume() -> TorrentRequest {
        request::resume().request
    }

    fn changed() -> AfterCommit {
        AfterCommit::Request(pause(), Respond::Nothing)
    }

    fn followers(commit: &Commit) -> Vec<&'static str> {
        commit.followers.iter().map(|(request, _)| request.op).collect()
    }

    #[test]
    fn a_change_is_taken_once_by_its_number() {
        let (mut commits, id) = (Commits::default(), TorrentId::next());
        let added = commits.open(Some(id), AfterCommit::Add);
        let saved = commits.open(None, AfterCommit::Saved { with_info: true });
        assert_eq!(commits.len(), 2);
        assert_eq!(commits.take(added).unwrap().torrent, Some(id));
        assert!(commits.take(added).is_none());
        assert!(matches!(
            commits.take(saved).unwrap().then,
            AfterCommit::Saved { with_info: true }
        ));
        assert_eq!(commits.len(), 0);
    }

    #[test]
    fn a_request_follows_the_last_open_request_of_its_torrent() {
        let (mut commits, id) = (Commits::default(), TorrentId::next());
        assert!(commits.follow(id, resume(), Respond::Nothing).is_some());
        commits.open(Some(id), AfterCommit::Add);
        assert!(commits.follow(id, resume(), Respond::Nothing).is_some(), "an add is no request");

        let first = commits.open(Some(id), changed());
        assert!(commits.follow(id, resume(), Respond::Nothing).is_none());
        let second = commits.open(Some(id), changed());
        assert!(commits.follow(id, pause(), Respond::Nothing).is_none());
        assert!(commits.follow(id, resume(), Respond::Nothing).is_none());
        assert!(commits.follow(TorrentId::next(), resume(), Respond::Nothing).is_some());

        assert_eq!(followers(&commits.take(first).unwrap()), ["resume the torrent"]);
        // The second is still the last one.
        assert!(commits.follow(id, resume(), Respond::Nothing).is_none());
        let all = ["pause the torrent", "resume the torrent", "resume the torrent"];
        assert_eq!(followers(&commits.take(second).unwrap()), all);
        assert!(commits.follow(id, resume(), Respond::Nothing).is_some());
        assert!(commits.requests.is_empty() && commits.followers == 0);
    }

    #[test]
    fn changes_and_followers_fill_the_window() {
        let (mut commits, id) = (Commits::default(), TorrentId::next());
        let request = commits.open(Some(id), changed());
        for _ in 1..WINDOW - 1 {
            assert!(commits.follow(id, resume(), Respond::Nothing).is_none());
        }
        assert!(!commits.is_full());
        let last = commits.open(None, AfterCommit::Saved { with_info: false });
        assert!(commits.is_full());
        commits.take(last);
        assert!(!commits.is_full());
        commits.take(request);
        assert_eq!((commits.len(), commits.followers), (0, 0));
    }

    #[test]
    fn patrons_wait_for_what_they_asked_for() {
        let (mut commits, id) = (Commits::default(), TorrentId::next());
        let call = || Respond::call(drop);
        for own in [AfterCommit::Add, AfterCommit::Remove, changed()] {
            commits.open(Some(id), own);
        }
        assert_eq!(commits.of_patrons(), 0);
        commits.open(Some(id), AfterCommit::Request(pause(), call()));
        commits.open(Some(id), AfterCommit::Moved(call(), "there".into()));
        let label = Attachment::Label("a".into(), true);
        commits.open(Some(id), AfterCommit::Attach(label, one_shot("attach").0));
        assert!(commits.follow(id, resume(), call()).is_none());
        assert!(commits.follow(id, resume(), Respond::Nothing).is_none());
        assert_eq!(commits.of_patrons(), 4);
    }
}
