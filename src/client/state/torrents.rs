//! Who gets which event: the torrents of a client, their owners and their watchers.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::Files;
use crate::messages::request::Own;
use crate::messages::service::{Member, MemberId};
use crate::model::{Event, EventKind, InfoHashV1, InfoHashV2, InfoHashes, TorrentId};
use crate::reply::Responder;

/// A torrent as the client thread knows it.
pub(in crate::client) struct Torrent {
    pub(in crate::client) name: Arc<str>,
    pub(in crate::client) info_hashes: InfoHashes,
    /// Who started it and has not left.
    owner: Option<Arc<Member>>,
    watchers: Vec<Arc<Member>>,
    pub(in crate::client) own: Own,
    /// Whose move of its files is under way.
    pub(in crate::client) moving: Option<Mover>,
    pub(in crate::client) finished: bool,
    pub(in crate::client) closing: Option<Closing>,
    /// The newest error that was told, and when.
    last_error: Option<(Error, Instant)>,
    last_tracker_error: Option<(Box<str>, u32)>,
}

/// Who had the files moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum Mover {
    /// Because they are complete.
    Client,
    Patron,
}

/// A torrent that is being closed.
pub(in crate::client) struct Closing {
    pub(in crate::client) files: Files,
    /// Who had it closed, where the answer is an event.
    pub(in crate::client) from: Option<Arc<Member>>,
    pub(in crate::client) reply: Option<Responder<()>>,
}

/// A full disk fails every write that is queued, then the reads of what was not written, and
/// libtorrent reports some failures twice: once for the file and once for the torrent. The first one
/// is the cause. The same error, and any error of the disk after one, is told once in this time.
const SAME_ERROR: Duration = Duration::from_secs(30);

fn follows(error: &Error, last: &Error) -> bool {
    last.native() == error.native() || (last.kind(), error.kind()) == (ErrorKind::Io, ErrorKind::Io)
}

impl Torrent {
    pub(in crate::client) fn new(
        name: Arc<str>,
        info_hashes: InfoHashes,
        owner: Option<Arc<Member>>,
        own: Own,
    ) -> Self {
        Self {
            name,
            info_hashes,
            owner,
            watchers: Vec::new(),
            own,
            moving: None,
            finished: false,
            closing: None,
            last_error: None,
            last_tracker_error: None,
        }
    }

    /// To those who want it.
    pub(in crate::client) fn send(&self, event: Event) {
        for watcher in &self.watchers {
            watcher.tell(&event);
        }
        if let Some(owner) = &self.owner
            && owner.wants(event.kind())
        {
            owner.mailbox.push(event);
        }
    }

    pub(in crate::client) fn is_wanted(&self, kind: EventKind) -> bool {
        self.audience().any(|member| member.wants(kind))
    }

    /// Whether an error is news.
    pub(in crate::client) fn is_news(&mut self, error: &Error) -> bool {
        let told = matches!(
            &self.last_error,
            Some((last, when)) if follows(error, last) && when.elapsed() < SAME_ERROR
        );
        if !told {
            self.last_error = Some((error.clone(), Instant::now()));
        }
        !told
    }

    /// Whether a tracker's failure is news: a hybrid torrent is announced by each of its info hashes.
    pub(in crate::client) fn is_tracker_news(&mut self, url: &str, times_in_row: u32) -> bool {
        let news = !matches!(
            &self.last_tracker_error,
            Some((last, times)) if **last == *url && *times == times_in_row
        );
        self.last_tracker_error = Some((url.into(), times_in_row));
        news
    }

    /// The error that was told, where this one follows from it.
    pub(in crate::client) fn cause(&self, error: Error) -> Error {
        match &self.last_error {
            Some((last, _)) if follows(&error, last) => last.clone(),
            _ => error,
        }
    }

    /// What has stopped the torrent, where libtorrent does not say: it does not pause a torrent whose
    /// data cannot be read, the shim does. Want of descriptors or memory stops none.
    pub(in crate::client) fn stopped_by(&self) -> Option<Error> {
        const PASSING: [i32; 3] = [12, 23, 24]; // ENOMEM, ENFILE, EMFILE
        let (error, _) = self.last_error.as_ref()?;
        let passes = error.native().is_some_and(|code| PASSING.contains(&code.value));
        (error.kind() == ErrorKind::Io && !passes).then(|| error.clone())
    }

    pub(in crate::client) fn forget_error(&mut self) {
        self.last_error = None;
    }

    fn audience(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.owner.iter().chain(&self.watchers)
    }

    pub(in crate::client) fn has(&self, member: &Member) -> bool {
        self.audience().any(|known| known.id == member.id)
    }
}

/// The torrents of a client, found by id and by info hash.
#[derive(Default)]
pub(in crate::client) struct Routes {
    torrents: HashMap<TorrentId, Torrent>,
    by_v1: HashMap<InfoHashV1, TorrentId>,
    by_v2: HashMap<InfoHashV2, TorrentId>,
    /// What each patron owns or watches, so that one that leaves is seen to without a search.
    concerns: HashMap<MemberId, HashSet<TorrentId>>,
}

impl Routes {
    pub(in crate::client) fn insert(&mut self, id: TorrentId, torrent: Torrent) {
        self.index(id, &torrent.info_hashes);
        if let Some(owner) = &torrent.owner {
            self.concerns.entry(owner.id).or_default().insert(id);
        }
        self.torrents.insert(id, torrent);
    }

    pub(in crate::client) fn remove(&mut self, id: TorrentId) -> Option<Torrent> {
        let torrent = self.torrents.remove(&id)?;
        if let Some(v1) = torrent.info_hashes.v1 {
            self.by_v1.remove(&v1);
        }
        if let Some(v2) = torrent.info_hashes.v2 {
            self.by_v2.remove(&v2);
        }
        for member in torrent.audience() {
            if let Some(concerns) = self.concerns.get_mut(&member.id) {
                concerns.remove(&id);
                if concerns.is_empty() {
                    self.concerns.remove(&member.id);
                }
            }
        }
        Some(torrent)
    }

    fn index(&mut self, id: TorrentId, hashes: &InfoHashes) {
        if let Some(v1) = hashes.v1 {
            self.by_v1.insert(v1, id);
        }
        if let Some(v2) = hashes.v2 {
            self.by_v2.insert(v2, id);
        }
    }

    /// A magnet link has told one hash of a hybrid torrent; its metadata tells both.
    pub(in crate::client) fn learn(&mut self, id: TorrentId, name: Arc<str>, hashes: InfoHashes) {
        let Some(torrent) = self.torrents.get_mut(&id) else { return };
        torrent.name = name;
        torrent.info_hashes = hashes;
        self.index(id, &hashes);
    }

    pub(in crate::client) fn get(&self, id: TorrentId) -> Option<&Torrent> {
        self.torrents.get(&id)
    }

    pub(in crate::client) fn get_mut(&mut self, id: TorrentId) -> Option<&mut Torrent> {
        self.torrents.get_mut(&id)
    }

    /// The torrent for a command: it must be here and not on its way out.
    pub(in crate::client) fn open(
        &mut self,
        id: TorrentId,
        op: &'static str,
    ) -> Result<&mut Torrent> {
        match self.torrents.get_mut(&id) {
            Some(torrent) if torrent.closing.is_none() => Ok(torrent),
            Some(torrent) => {
                let message = format!("{id} ({}) is being closed", torrent.name);
                Err(Error::new(ErrorKind::Gone, op, message))
            }
            None => {
                let message = format!("this client has no {id}; it may have been closed");
                Err(Error::new(ErrorKind::NotFound, op, message))
            }
        }
    }

    pub(in crate::client) fn find(&self, hashes: &InfoHashes) -> Option<TorrentId> {
        let by_v1 = hashes.v1.and_then(|v1| self.by_v1.get(&v1));
        let by_v2 = || hashes.v2.and_then(|v2| self.by_v2.get(&v2));
        by_v1.or_else(by_v2).copied()
    }

    pub(in crate::client) fn watch(&mut self, id: TorrentId, member: &Arc<Member>) {
        let Some(torrent) = self.torrents.get_mut(&id) else { return };
        if !torrent.has(member) {
            torrent.watchers.push(member.clone());
            self.concerns.entry(member.id).or_default().insert(id);
        }
    }

    pub(in crate::client) fn unwatch(&mut self, id: TorrentId, member: &Member) {
        let Some(torrent) = self.torrents.get_mut(&id) else { return };
        let before = torrent.watchers.len();
        torrent.watchers.retain(|watcher| watcher.id != member.id);
        if torrent.watchers.len() < before {
            member.mailbox.forget(id);
            if let Some(concerns) = self.concerns.get_mut(&member.id) {
                concerns.remove(&id);
            }
        }
    }

    /// Takes a patron off all its torrents; returns those that it owned, and it.
    pub(in crate::client) fn leave(
        &mut self,
        member: MemberId,
    ) -> Option<(Arc<Member>, Vec<TorrentId>)> {
        let mut left = None;
        let mut owned = Vec::new();
        for id in self.concerns.remove(&member)? {
            let Some(torrent) = self.torrents.get_mut(&id) else { continue };
            torrent.watchers.retain(|watcher| watcher.id != member);
            if let Some(owner) = torrent.owner.take_if(|owner| owner.id == member) {
                left = Some(owner);
                owned.push(id);
            }
        }
        left.map(|member| (member, owned))
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.torrents.len()
    }

    pub(in crate::client) fn iter(&self) -> impl Iterator<Item = (TorrentId, &Torrent)> {
        self.torrents.iter().map(|(id, torrent)| (*id, torrent))
    }
}
