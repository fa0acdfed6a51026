//! Requests that the engine has not answered.

use std::collections::{BTreeSet, HashMap};

use crate::messages::request::{Respond, SessionRole, TorrentRole};
use crate::model::TorrentId;

/// How many requests may be open. At that number, the client thread takes no more commands, as with torrents
/// that are being added.
const WINDOW: usize = 512;

pub(in crate::client) struct OpenRequest {
    pub(in crate::client) subject: Subject,
    /// What the request tries to do, for error messages.
    pub(in crate::client) op: &'static str,
    pub(in crate::client) respond: Respond,
}

/// What a request is about.
pub(in crate::client) enum Subject {
    Torrent(TorrentId, TorrentRole),
    Session(SessionRole),
}

impl OpenRequest {
    fn torrent(&self) -> Option<TorrentId> {
        match self.subject {
            Subject::Torrent(id, _) => Some(id),
            Subject::Session(_) => None,
        }
    }

    fn moves(&self) -> bool {
        matches!(self.subject, Subject::Torrent(_, TorrentRole::MovesFiles { .. }))
    }
}

/// The open requests, indexed by number and by torrent.
#[derive(Default)]
pub(in crate::client) struct OpenRequests {
    last: u64,
    open: HashMap<u64, OpenRequest>,
    of_torrents: BTreeSet<(TorrentId, u64)>,
    /// How many of them are moves: at most one per torrent, which can take hours.
    moves: usize,
}

impl OpenRequests {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.len() - self.moves >= WINDOW
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.open.len()
    }

    /// Returns how many open requests were made by patrons. The others are the client's own.
    pub(in crate::client) fn of_patrons(&self) -> usize {
        self.open.values().filter(|request| request.respond.is_awaited()).count()
    }

    /// Adds a request. Returns its number.
    pub(in crate::client) fn open(&mut self, request: OpenRequest) -> u64 {
        self.last += 1;
        if let Some(id) = request.torrent() {
            self.of_torrents.insert((id, self.last));
        }
        self.moves += usize::from(request.moves());
        self.open.insert(self.last, request);
        self.last
    }

    /// Removes and returns an answered request.
    pub(in crate::client) fn take(&mut self, number: u64) -> Option<OpenRequest> {
        let request = self.open.remove(&number)?;
        if let Some(id) = request.torrent() {
            self.of_torrents.remove(&(id, number));
        }
        self.moves -= usize::from(request.moves());
        Some(request)
    }

    /// Removes and returns the requests about a torrent, in the order in which they were made.
    pub(in crate::client) fn take_all_of(&mut self, id: TorrentId) -> Vec<OpenRequest> {
        let numbers: Vec<_> =
            self.of_torrents.range((id, 0)..=(id, u64::MAX)).map(|(_, number)| *number).collect();
        numbers.into_iter().filter_map(|number| self.take(number)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OnConflict;

    fn of_torrent(id: TorrentId, op: &'static str, role: TorrentRole) -> OpenRequest {
        OpenRequest { subject: Subject::Torrent(id, role), op, respond: Respond::Nothing }
    }

    fn of_session(op: &'static str) -> OpenRequest {
        OpenRequest { subject: Subject::Session(SessionRole::None), op, respond: Respond::Nothing }
    }

    fn moves() -> TorrentRole {
        TorrentRole::MovesFiles {
            to: std::path::Path::new("there").into(),
            on_conflict: OnConflict::Fail,
        }
    }

    #[test]
    fn a_request_is_taken_once_by_its_number() {
        let mut requests = OpenRequests::default();
        let number = requests.open(of_session("a"));
        let other = requests.open(of_session("b"));
        assert_eq!(requests.take(number).unwrap().op, "a");
        assert!(requests.take(number).is_none());
        assert_eq!(requests.take(other).unwrap().op, "b");
    }

    #[test]
    fn the_requests_about_one_torrent_are_taken_together() {
        let (mut requests, a, b) = (OpenRequests::default(), TorrentId::next(), TorrentId::next());
        requests.open(of_torrent(a, "1", TorrentRole::None));
        let of_b = requests.open(of_torrent(b, "2", TorrentRole::None));
        requests.open(of_torrent(a, "3", moves()));
        let other = requests.open(of_session("4"));
        let ops: Vec<_> = requests.take_all_of(a).iter().map(|request| request.op).collect();
        assert_eq!(ops, ["1", "3"]);
        assert!(requests.moves == 0 && requests.take_all_of(a).is_empty());
        assert!(requests.take(of_b).is_some() && requests.take(other).is_some());
        assert!(requests.open.is_empty() && requests.of_torrents.is_empty());
    }

    #[test]
    fn the_clients_own_requests_are_not_those_of_patrons() {
        let mut requests = OpenRequests::default();
        requests.open(of_session("own"));
        let respond = Respond::call(|_| ());
        requests.open(OpenRequest { respond, ..of_session("asked") });
        assert_eq!((requests.len(), requests.of_patrons()), (2, 1));
    }

    #[test]
    fn moves_take_no_slots_from_other_requests() {
        let (mut requests, id) = (OpenRequests::default(), TorrentId::next());
        let moves = requests.open(of_torrent(id, "move", moves()));
        for _ in 0..WINDOW {
            assert!(!requests.is_full());
            requests.open(of_torrent(id, "ask", TorrentRole::None));
        }
        assert!(requests.is_full() && requests.moves == 1);
        requests.take(moves);
        assert!(requests.is_full() && requests.moves == 0);
        requests.take_all_of(id);
        assert!(!requests.is_full() && requests.len() == 0);
    }
}
