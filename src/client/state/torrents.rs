//! The torrents of a client: one record each, and the indexes over them. Only this module changes an index,
//! so indexes and records always agree.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::commits::Attachment;
use super::goals;
use super::last_errors::LastErrors;
use super::open_requests::{OpenRequest, OpenRequests};
use super::save_queue::{Save, SaveQueue, Saving};
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::RemoveFiles;
use crate::messages::member::{Member, MemberId};
use crate::model::{
    ClientData, Event, EventKind, Goals, InfoHashV1, InfoHashV2, InfoHashes, SavedFigures,
    TorrentId, TorrentStatus,
};
use crate::reply::Responder;
use crate::store::{Key, Record};

/// How long a torrent's rate is valid. A torrent with a rate is reported every second, but libtorrent 2.0.8
/// does not report that a rate has fallen to 0 (2.0.14 does).
const RATE_LIFETIME: Duration = Duration::from_millis(2500);

/// Everything that the client thread knows about a torrent. A client has many torrents and most are idle, so
/// data that most of them lack is boxed.
pub(in crate::client) struct Torrent {
    pub(in crate::client) name: Arc<str>,
    pub(in crate::client) info_hashes: InfoHashes,
    /// The patron that added it, unless it has left.
    owner: Option<Arc<Member>>,
    watchers: Option<Box<Watchers>>,
    client_data: Option<Box<ClientData>>,
    save: Option<Box<Save>>,
    /// Set while the files are being moved, or are to be moved when the store knows of it.
    pub(in crate::client) moving: Option<MoveRequester>,
    /// Whether the engine has reported what is wanted now as complete and written.
    pub(in crate::client) finished: bool,
    pub(in crate::client) removing: Option<Box<Removing>>,
    pub(in crate::client) errors: LastErrors,
    waiters: Option<Box<Waiters>>,
    pub(in crate::client) attached: Option<Box<Attached>>,
    /// Its key in the store, if there is a store.
    pub(in crate::client) key: Option<Key>,
    /// Whether the store has its info dictionary.
    pub(in crate::client) has_info: bool,
    /// Whether all wanted data was complete at some time.
    pub(in crate::client) completed: bool,
    /// Whether it is unchanged since its resume data was stored, unless its files turn out to be different.
    pub(in crate::client) as_saved: bool,
    /// Whether it was added with the option to pause after the check.
    pub(in crate::client) stops_itself: bool,
    /// Whether the last request to pause or to resume it was to resume it.
    pub(in crate::client) told_to_run: bool,
    /// How many requests to resume it may not be in its status yet.
    pub(in crate::client) resuming: u32,
}

/// Data that the program has attached to a torrent.
#[derive(Default)]
pub(in crate::client) struct Attached {
    labels: BTreeSet<Box<str>>,
    notes: BTreeMap<Box<str>, Arc<[u8]>>,
}

impl Attached {
    pub(in crate::client) fn of(record: &Record) -> Option<Box<Self>> {
        let (labels, notes) = (record.labels.clone(), record.notes.clone());
        (!labels.is_empty() || !notes.is_empty()).then(|| Box::new(Self { labels, notes }))
    }
}

/// The patrons that watch a torrent which they do not own.
#[derive(Default)]
struct Watchers(Vec<Arc<Member>>);

/// The replies that wait until a torrent is complete.
#[derive(Default)]
struct Waiters(Vec<Responder<()>>);

/// Who requested a move of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::client) enum MoveRequester {
    /// The client, because the files are complete or because the move was interrupted.
    Client,
    Patron,
    /// An earlier run. It has not begun again.
    EarlierRun,
}

/// A torrent that is being removed.
pub(in crate::client) struct Removing {
    pub(in crate::client) files: RemoveFiles,
    /// The patron that removed it, if the answer is an event.
    pub(in crate::client) from: Option<Arc<Member>>,
    pub(in crate::client) reply: Option<Responder<()>>,
}

/// A removed torrent, and the open requests about it, which must still be answered.
pub(in crate::client) struct Removed {
    pub(in crate::client) torrent: Torrent,
    pub(in crate::client) requests: Vec<OpenRequest>,
}

impl Torrent {
    pub(in crate::client) fn new(
        name: Arc<str>,
        info_hashes: InfoHashes,
        owner: Option<Arc<Member>>,
        client_data: ClientData,
    ) -> Self {
        Self {
            name,
            info_hashes,
            owner,
            watchers: None,
            client_data: (client_data != ClientData::default()).then(|| Box::new(client_data)),
            save: None,
            moving: None,
            finished: false,
            removing: None,
            errors: LastErrors::default(),
            waiters: None,
            attached: None,
            key: None,
            has_info: false,
            completed: false,
            as_saved: false,
            stops_itself: false,
            told_to_run: false,
            resuming: 0,
        }
    }

    /// Returns whether all wanted data is complete and written. Data downloaded in this run is written once
    /// the engine has reported the torrent as finished. There is no such report for data that was complete
    /// before.
    pub(in crate::client) fn is_complete(&self, status: &TorrentStatus) -> bool {
        status.finished && (self.finished || status.downloaded == 0)
    }

    /// Returns whether it is removed with its files.
    pub(in crate::client) fn is_being_deleted(&self) -> bool {
        let removing = self.removing.as_ref();
        removing.is_some_and(|removing| removing.files == RemoveFiles::Delete)
    }

    /// Adds a reply that waits until the torrent is complete. Each time their number has doubled, removes those
    /// that nobody waits for any more.
    pub(in crate::client) fn add_waiter(&mut self, reply: Responder<()>) {
        let Waiters(replies) = &mut **self.waiters.get_or_insert_default();
        if replies.len() == replies.capacity() {
            replies.retain(|reply| !reply.is_abandoned());
            replies.reserve(replies.len().max(1));
        }
        replies.push(reply);
    }

    pub(in crate::client) fn answer_waiters(&mut self, answer: &Result<()>) {
        for reply in self.waiters.take().into_iter().flat_map(|waiters| waiters.0) {
            reply.send(answer.clone());
        }
    }

    /// Sends an event to the patrons that subscribe to it.
    pub(in crate::client) fn send(&self, event: Event) {
        for watcher in self.watchers() {
            watcher.send(&event);
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

    fn audience(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.owner.iter().chain(self.watchers())
    }

    fn watchers(&self) -> impl Iterator<Item = &Arc<Member>> {
        self.watchers.iter().flat_map(|watchers| &watchers.0)
    }

    /// Returns whether the patron was a watcher.
    fn remove_watcher(&mut self, member: MemberId) -> bool {
        let Some(Watchers(watchers)) = self.watchers.as_deref_mut() else { return false };
        let before = watchers.len();
        watchers.retain(|watcher| watcher.id != member);
        let removed = watchers.len() < before;
        self.watchers.take_if(|watchers| watchers.0.is_empty());
        removed
    }

    pub(in crate::client) fn has(&self, member: &Member) -> bool {
        self.audience().any(|known| known.id == member.id)
    }

    /// Returns whether the pause was the one requested when the torrent was added, and not due to an error.
    pub(in crate::client) fn has_stopped_itself(&mut self) -> bool {
        self.errors.stopped_by().is_none() && std::mem::take(&mut self.stops_itself)
    }

    pub(in crate::client) fn attach(&mut self, attachment: Attachment) {
        let attached = self.attached.get_or_insert_default();
        match attachment {
            Attachment::Label(label, true) => _ = attached.labels.insert(label),
            Attachment::Label(label, false) => _ = attached.labels.remove(&label),
            Attachment::Note(key, Some(value)) => _ = attached.notes.insert(key, value),
            Attachment::Note(key, None) => _ = attached.notes.remove(&key),
        }
        self.attached.take_if(|attached| attached.labels.is_empty() && attached.notes.is_empty());
    }

    pub(in crate::client) fn labels(&self) -> BTreeSet<Box<str>> {
        self.attached.as_ref().map(|attached| attached.labels.clone()).unwrap_or_default()
    }

    pub(in crate::client) fn notes(&self) -> BTreeMap<Box<str>, Arc<[u8]>> {
        self.attached.as_ref().map(|attached| attached.notes.clone()).unwrap_or_default()
    }

    /// Returns the client's data that is saved with the resume data.
    pub(in crate::client) fn client_data(&self) -> ClientData {
        self.client_data.as_deref().cloned().unwrap_or_default()
    }

    /// Returns the directory that complete files are moved to, at the first call.
    pub(in crate::client) fn take_move_to(&mut self) -> Option<PathBuf> {
        let to = self.client_data.as_mut()?.move_to.take();
        self.free_client_data();
        to
    }

    /// Records that the files were checked again. Returns whether that was to be done.
    pub(in crate::client) fn take_verify(&mut self) -> bool {
        let was = self.client_data.as_mut().is_some_and(|data| std::mem::take(&mut data.verify));
        self.free_client_data();
        was
    }

    fn goals(&self) -> Goals {
        self.client_data.as_ref().map(|data| data.goals).unwrap_or_default()
    }

    fn free_client_data(&mut self) {
        self.client_data.take_if(|data| **data == ClientData::default());
    }

    /// Returns the figures from when the resume data was last saved.
    pub(in crate::client) fn saved_figures(&self) -> Option<SavedFigures> {
        self.save.as_ref()?.figures()
    }
}

pub(in crate::client) struct Torrents {
    /// Boxed, because a map reserves more space than it uses.
    by_id: HashMap<TorrentId, Box<Torrent>>,
    by_v1: HashMap<InfoHashV1, TorrentId>,
    by_v2: HashMap<InfoHashV2, TorrentId>,
    /// The torrents that each patron owns or watches, so that no search is needed when it leaves.
    by_member: HashMap<MemberId, HashSet<TorrentId>>,
    /// The patrons that watch all torrents, including future ones.
    watching_all: Vec<Arc<Member>>,
    with_goal: HashSet<TorrentId>,
    /// When these torrents were last reported with a rate.
    with_rate: HashMap<TorrentId, Instant>,
    saves: SaveQueue,
    /// Includes requests about the session, because they share a window.
    pub(in crate::client) requests: OpenRequests,
}

impl Torrents {
    /// Creates an empty table. `save_interval` is the interval of the [saves](SaveQueue).
    pub(in crate::client) fn new(save_interval: Duration) -> Self {
        Self {
            by_id: HashMap::new(),
            by_v1: HashMap::new(),
            by_v2: HashMap::new(),
            by_member: HashMap::new(),
            watching_all: Vec::new(),
            with_goal: HashSet::new(),
            with_rate: HashMap::new(),
            saves: SaveQueue::new(save_interval),
            requests: OpenRequests::default(),
        }
    }

    pub(in crate::client) fn insert(&mut self, id: TorrentId, torrent: Torrent) {
        self.index(id, &torrent.info_hashes);
        if let Some(owner) = &torrent.owner {
            self.by_member.entry(owner.id).or_default().insert(id);
        }
        if goals::is_open(&torrent.goals()) {
            self.with_goal.insert(id);
        }
        self.by_id.insert(id, Box::new(torrent));
        for member in self.watching_all.clone() {
            self.watch(id, &member);
        }
    }

    /// Removes a torrent from the table and all indexes.
    pub(in crate::client) fn remove(&mut self, id: TorrentId) -> Option<Removed> {
        let mut torrent = *self.by_id.remove(&id)?;
        // Two magnet links may turn out to be the same hybrid torrent: the hash then belongs to the
        // other.
        if let Some(v1) = torrent.info_hashes.v1
            && self.by_v1.get(&v1) == Some(&id)
        {
            self.by_v1.remove(&v1);
        }
        if let Some(v2) = torrent.info_hashes.v2
            && self.by_v2.get(&v2) == Some(&id)
        {
            self.by_v2.remove(&v2);
        }
        for member in torrent.audience() {
            forget(&mut self.by_member, member.id, id);
        }
        self.with_goal.remove(&id);
        self.with_rate.remove(&id);
        if let Some(save) = &mut torrent.save {
            Saving { id, save, queue: &mut self.saves }.remove();
        }
        Some(Removed { torrent, requests: self.requests.take_all_of(id) })
    }

    fn index(&mut self, id: TorrentId, hashes: &InfoHashes) {
        if let Some(v1) = hashes.v1 {
            self.by_v1.insert(v1, id);
        }
        if let Some(v2) = hashes.v2 {
            self.by_v2.insert(v2, id);
        }
    }

    /// Sets the metadata. A magnet link may contain only one hash of a hybrid torrent; the metadata has both.
    /// Returns the torrent that was added by the other hash, if any, unless it is being removed.
    pub(in crate::client) fn set_metadata(
        &mut self,
        id: TorrentId,
        name: Arc<str>,
        hashes: InfoHashes,
    ) -> Option<TorrentId> {
        let torrent = self.by_id.get_mut(&id)?;
        torrent.name = name;
        torrent.info_hashes = hashes;
        let by_v1 = hashes.v1.and_then(|v1| self.by_v1.get(&v1));
        let by_v2 = hashes.v2.and_then(|v2| self.by_v2.get(&v2));
        let stays = |other: &TorrentId| {
            *other != id && self.by_id.get(other).is_some_and(|other| other.removing.is_none())
        };
        let other = by_v1.into_iter().chain(by_v2).copied().find(stays);
        self.index(id, &hashes);
        other
    }

    pub(in crate::client) fn get(&self, id: TorrentId) -> Option<&Torrent> {
        self.by_id.get(&id).map(Box::as_ref)
    }

    pub(in crate::client) fn get_mut(&mut self, id: TorrentId) -> Option<&mut Torrent> {
        self.by_id.get_mut(&id).map(Box::as_mut)
    }

    /// Returns the torrent for a command. It must exist, and must not be being removed.
    pub(in crate::client) fn open(
        &mut self,
        id: TorrentId,
        op: &'static str,
    ) -> Result<&mut Torrent> {
        match self.by_id.get_mut(&id) {
            Some(torrent) if torrent.removing.is_none() => Ok(torrent),
            Some(torrent) => {
                let message = format!("{id} ({}) is being removed", torrent.name);
                Err(Error::new(ErrorKind::Gone, op, message))
            }
            None => {
                let message = format!("this client has no {id}; it may have been removed");
                Err(Error::new(ErrorKind::NotFound, op, message))
            }
        }
    }

    pub(in crate::client) fn find(&self, hashes: &InfoHashes) -> Option<TorrentId> {
        let by_v1 = hashes.v1.and_then(|v1| self.by_v1.get(&v1));
        let by_v2 = || hashes.v2.and_then(|v2| self.by_v2.get(&v2));
        by_v1.or_else(by_v2).copied()
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.by_id.len()
    }

    pub(in crate::client) fn iter(&self) -> impl Iterator<Item = (TorrentId, &Torrent)> {
        self.by_id.iter().map(|(id, torrent)| (*id, &**torrent))
    }

    pub(in crate::client) fn ids(&self) -> Vec<TorrentId> {
        self.by_id.keys().copied().collect()
    }

    // Patrons.

    pub(in crate::client) fn watch(&mut self, id: TorrentId, member: &Arc<Member>) {
        let Some(torrent) = self.by_id.get_mut(&id) else { return };
        if !torrent.has(member) {
            torrent.watchers.get_or_insert_default().0.push(member.clone());
            self.by_member.entry(member.id).or_default().insert(id);
        }
    }

    pub(in crate::client) fn watch_all(&mut self, member: &Arc<Member>, watch: bool) {
        self.watching_all.retain(|known| known.id != member.id);
        if watch {
            self.watching_all.push(member.clone());
        }
        for id in self.ids() {
            match watch {
                true => self.watch(id, member),
                false => self.unwatch(id, member),
            }
        }
    }

    /// Makes the patron the owner of a torrent that has no owner. Returns whether the patron owns it now.
    pub(in crate::client) fn adopt(&mut self, id: TorrentId, member: &Arc<Member>) -> bool {
        let Some(torrent) = self.by_id.get_mut(&id) else { return false };
        if let Some(owner) = &torrent.owner {
            return owner.id == member.id;
        }
        torrent.remove_watcher(member.id);
        torrent.owner = Some(member.clone());
        self.by_member.entry(member.id).or_default().insert(id);
        true
    }

    pub(in crate::client) fn unwatch(&mut self, id: TorrentId, member: &Member) {
        let Some(torrent) = self.by_id.get_mut(&id) else { return };
        if torrent.remove_watcher(member.id) {
            member.mailbox.forget(id);
            forget(&mut self.by_member, member.id, id);
        }
    }

    /// Removes a patron from all of its torrents. Returns the patron and the torrents that it owned.
    pub(in crate::client) fn leave(
        &mut self,
        member: MemberId,
    ) -> Option<(Arc<Member>, Vec<TorrentId>)> {
        self.watching_all.retain(|known| known.id != member);
        let mut left = None;
        let mut owned = Vec::new();
        for id in self.by_member.remove(&member)? {
            let Some(torrent) = self.by_id.get_mut(&id) else { continue };
            torrent.remove_watcher(member);
            if let Some(owner) = torrent.owner.take_if(|owner| owner.id == member) {
                left = Some(owner);
                owned.push(id);
            }
        }
        left.map(|member| (member, owned))
    }

    // Goals.

    pub(in crate::client) fn set_goals(&mut self, id: TorrentId, goals: Goals) {
        let Some(torrent) = self.by_id.get_mut(&id) else { return };
        torrent.client_data.get_or_insert_default().goals = goals;
        torrent.free_client_data();
        if goals::is_open(&goals) {
            self.with_goal.insert(id);
        } else {
            self.with_goal.remove(&id);
        }
    }

    pub(in crate::client) fn with_goal(&self) -> impl Iterator<Item = (TorrentId, Goals)> {
        self.with_goal.iter().filter_map(|id| Some((*id, self.by_id.get(id)?.goals())))
    }

    // Rates.

    /// Sets when the torrent was last reported with a rate; `None` if it was last reported without one.
    pub(in crate::client) fn set_rate_seen(
        &mut self,
        id: TorrentId,
        when: Option<Instant>,
    ) -> Option<&mut Torrent> {
        let torrent = self.by_id.get_mut(&id)?;
        match when {
            Some(when) => _ = self.with_rate.insert(id, when),
            None => _ = self.with_rate.remove(&id),
        }
        Some(torrent)
    }

    /// Returns the torrents whose rate is [too old](RATE_LIFETIME) and must now be 0.
    pub(in crate::client) fn take_stale_rates(&mut self, now: Instant) -> Vec<TorrentId> {
        let is_stale = |_: &TorrentId, seen: &mut Instant| {
            now.saturating_duration_since(*seen) >= RATE_LIFETIME
        };
        self.with_rate.extract_if(is_stale).map(|(id, _)| id).collect()
    }

    // Resume data.

    pub(in crate::client) fn saves(&self) -> &SaveQueue {
        &self.saves
    }

    /// Clears the queue and the count of failures, and allows many open saves.
    pub(in crate::client) fn begin_last_saves(&mut self) {
        let due: Vec<_> = self.saves.due().collect();
        for id in due {
            if let Some(mut saving) = self.saving(id) {
                saving.unschedule();
            }
        }
        self.saves.begin_last();
    }

    /// Returns how many torrents are due, are being saved, or could not be saved.
    pub(in crate::client) fn unsaved(&self) -> usize {
        let is_open = |id| {
            let save = self.by_id.get(&id).and_then(|torrent| torrent.save.as_ref());
            save.is_some_and(|save| save.is_open())
        };
        let due = self.saves.due().filter(|id| !is_open(*id)).count();
        due + self.saves.open() + self.saves.failed()
    }

    /// Returns the torrent's entry in the queue of [saves](SaveQueue).
    pub(in crate::client) fn saving(&mut self, id: TorrentId) -> Option<Saving<'_>> {
        let save = self.by_id.get_mut(&id)?.save.get_or_insert_default();
        Some(Saving { id, save, queue: &mut self.saves })
    }
}

fn forget(by_member: &mut HashMap<MemberId, HashSet<TorrentId>>, member: MemberId, id: TorrentId) {
    if let Some(torrents) = by_member.get_mut(&member) {
        torrents.remove(&id);
        if torrents.is_empty() {
            by_member.remove(&member);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::state::fixtures::{hashes, members};
    use crate::client::state::open_requests::Subject;
    use crate::messages::request::{Respond, TorrentRole};
    use crate::model::OnConflict;

    const INTERVAL: Duration = Duration::from_secs(60);

    fn torrent(hashes: InfoHashes, owner: Option<&Arc<Member>>) -> Torrent {
        Torrent::new("n".into(), hashes, owner.cloned(), ClientData::default())
    }

    fn add(torrents: &mut Torrents, torrent: Torrent) -> TorrentId {
        let id = TorrentId::next();
        torrents.insert(id, torrent);
        id
    }

    fn is_empty(torrents: &Torrents) -> bool {
        let Torrents {
            by_id,
            by_v1,
            by_v2,
            by_member,
            watching_all: _,
            with_goal,
            with_rate,
            saves,
            requests,
        } = torrents;
        by_id.is_empty()
            && by_v1.is_empty()
            && by_v2.is_empty()
            && by_member.is_empty()
            && with_goal.is_empty()
            && with_rate.is_empty()
            && saves.is_idle()
            && requests.len() == 0
    }

    #[test]
    fn waits_for_the_end_that_were_abandoned_do_not_pile_up() {
        use crate::reply::one_shot;
        let mut torrent = torrent(hashes(Some(1), None), None);
        let (responder, awaited) = one_shot("test");
        torrent.add_waiter(responder);
        for _ in 0..1000 {
            torrent.add_waiter(one_shot("test").0);
        }
        let count = torrent.waiters.as_ref().map(|waiters| waiters.0.len());
        assert!(count.is_some_and(|count| count < 10), "{count:?}");
        torrent.answer_waiters(&Ok(()));
        awaited.wait().unwrap();
    }

    #[test]
    fn removing_a_record_removes_everything_about_the_torrent() {
        let [owner, watcher] = members();
        let (mut torrents, now) = (Torrents::new(INTERVAL), Instant::now());
        let id = add(&mut torrents, torrent(hashes(Some(1), Some(2)), Some(&owner)));
        torrents.watch(id, &watcher);
        torrents.set_goals(id, Goals::default().share_ratio(1.0));
        torrents.set_rate_seen(id, Some(now));
        let mut saving = torrents.saving(id).unwrap();
        saving.begin(now);
        saving.schedule(now);
        for (op, role) in [
            (
                "a",
                TorrentRole::MovesFiles {
                    to: std::path::Path::new("there").into(),
                    on_conflict: OnConflict::Fail,
                },
            ),
            ("b", TorrentRole::SavesForEvent),
        ] {
            let subject = Subject::Torrent(id, role);
            torrents.requests.open(OpenRequest { subject, op, respond: Respond::Nothing });
        }
        let other = add(&mut torrents, torrent(hashes(Some(3), None), None));

        let Removed { torrent, requests } = torrents.remove(id).unwrap();
        assert!(torrent.has(&owner) && torrent.has(&watcher), "who is to be told");
        assert_eq!(requests.iter().map(|request| request.op).collect::<Vec<_>>(), ["a", "b"]);
        assert!(torrents.remove(id).is_none() && torrents.find(&torrent.info_hashes).is_none());
        assert_eq!(torrents.iter().map(|(id, _)| id).collect::<Vec<_>>(), [other]);
        torrents.remove(other);
        assert!(is_empty(&torrents));
    }

    #[test]
    fn a_command_needs_a_torrent_that_exists_and_is_not_being_removed() {
        let mut torrents = Torrents::new(INTERVAL);
        let id = add(&mut torrents, torrent(hashes(Some(1), None), None));
        let kind = |torrents: &mut Torrents| torrents.open(id, "test").err().map(|e| e.kind());
        assert_eq!(kind(&mut torrents), None);
        let removing = Removing { files: RemoveFiles::Keep, from: None, reply: None };
        torrents.get_mut(id).unwrap().removing = Some(Box::new(removing));
        assert_eq!(kind(&mut torrents), Some(ErrorKind::Gone));
        torrents.remove(id);
        assert_eq!(kind(&mut torrents), Some(ErrorKind::NotFound));
    }

    #[test]
    fn a_torrent_is_found_by_either_hash_and_by_those_of_its_metadata() {
        let mut torrents = Torrents::new(INTERVAL);
        let id = add(&mut torrents, torrent(hashes(Some(1), None), None));
        assert_eq!(torrents.find(&hashes(Some(1), None)), Some(id));
        assert_eq!(torrents.find(&hashes(None, Some(2))), None);
        let name: Arc<str> = "name".into();
        assert_eq!(torrents.set_metadata(id, name, hashes(Some(1), Some(2))), None);
        assert_eq!(torrents.find(&hashes(None, Some(2))), Some(id));
        assert_eq!(torrents.find(&hashes(Some(9), Some(2))), Some(id));
        assert_eq!(&*torrents.get(id).unwrap().name, "name");
        torrents.remove(id);
        assert!(is_empty(&torrents));
    }

    #[test]
    fn of_two_torrents_with_one_hash_the_one_that_stays_is_found() {
        let mut torrents = Torrents::new(INTERVAL);
        let one = add(&mut torrents, torrent(hashes(Some(1), None), None));
        let two = add(&mut torrents, torrent(hashes(None, Some(2)), None));
        let other = torrents.set_metadata(two, "n".into(), hashes(Some(1), Some(2)));
        assert_eq!(other, Some(one));
        torrents.remove(one);
        assert_eq!(torrents.find(&hashes(Some(1), None)), Some(two));
        torrents.remove(two);
        assert!(is_empty(&torrents));
    }

    #[test]
    fn a_patron_that_leaves_no_longer_owns_or_watches_torrents() {
        let [leaving, staying] = members();
        let mut torrents = Torrents::new(INTERVAL);
        let owned = add(&mut torrents, torrent(hashes(Some(1), None), Some(&leaving)));
        let watched = add(&mut torrents, torrent(hashes(Some(2), None), Some(&staying)));
        torrents.watch(watched, &leaving);
        torrents.watch(watched, &leaving);
        assert_eq!(torrents.get(watched).unwrap().audience().count(), 2, "watched twice");
        let (left, ids) = torrents.leave(leaving.id).unwrap();
        assert_eq!((left.id, ids), (leaving.id, vec![owned]));
        assert!(!torrents.get(watched).unwrap().has(&leaving));
        assert!(torrents.leave(leaving.id).is_none());
        torrents.watch(owned, &staying);
        torrents.unwatch(owned, &staying);
        torrents.unwatch(watched, &staying);
        assert!(torrents.get(watched).unwrap().has(&staying), "an owner does not watch");
        torrents.remove(owned);
        torrents.remove(watched);
        assert!(is_empty(&torrents));
    }

    #[test]
    fn goals_are_kept_once_and_only_where_there_are_some() {
        let mut torrents = Torrents::new(INTERVAL);
        let goals = Goals::default().share_ratio(2.0);
        let data = ClientData { move_to: Some("done".into()), goals, ..ClientData::default() };
        let id = add(&mut torrents, Torrent::new("n".into(), hashes(None, None), None, data));
        let plain = add(&mut torrents, torrent(hashes(Some(1), None), None));
        assert_eq!(torrents.with_goal().collect::<Vec<_>>(), [(id, goals)]);
        torrents.set_goals(plain, goals);
        torrents.set_goals(id, Goals::default());
        assert_eq!(torrents.with_goal().collect::<Vec<_>>(), [(plain, goals)]);
        assert_eq!(torrents.get(plain).unwrap().client_data().goals, goals);
        let torrent = torrents.get_mut(id).unwrap();
        assert_eq!(torrent.take_move_to(), Some("done".into()));
        assert!(torrent.client_data.is_none() && torrent.take_move_to().is_none());
    }

    #[test]
    fn a_rate_that_is_not_reported_again_is_stale() {
        let (mut torrents, now) = (Torrents::new(INTERVAL), Instant::now());
        let ids = [1, 2, 3].map(|n| add(&mut torrents, torrent(hashes(Some(n), None), None)));
        for id in ids {
            torrents.set_rate_seen(id, Some(now));
        }
        torrents.set_rate_seen(ids[0], None);
        torrents.set_rate_seen(ids[1], Some(now + RATE_LIFETIME));
        assert!(torrents.take_stale_rates(now).is_empty());
        assert_eq!(torrents.take_stale_rates(now + RATE_LIFETIME), [ids[2]]);
        assert!(torrents.take_stale_rates(now + RATE_LIFETIME).is_empty());
        assert_eq!(torrents.take_stale_rates(now + 2 * RATE_LIFETIME), [ids[1]]);
        assert!(torrents.with_rate.is_empty());
    }

    #[test]
    fn a_torrent_that_is_due_and_open_is_unsaved_once() {
        let (mut torrents, now) = (Torrents::new(INTERVAL), Instant::now());
        let ids = [1, 2, 3].map(|n| add(&mut torrents, torrent(hashes(Some(n), None), None)));
        assert_eq!(torrents.unsaved(), 0);
        torrents.saving(ids[0]).unwrap().begin(now);
        torrents.saving(ids[0]).unwrap().schedule(now);
        torrents.saving(ids[1]).unwrap().schedule(now);
        torrents.saving(ids[2]).unwrap().failed(now, true);
        assert_eq!(torrents.unsaved(), 3);
        torrents.begin_last_saves();
        assert_eq!(torrents.unsaved(), 1, "the open one");
        torrents.remove(ids[0]);
        assert_eq!(torrents.unsaved(), 0);
    }

    #[test]
    fn an_idle_torrent_is_small() {
        assert!(size_of::<Torrent>() <= 184, "{} bytes", size_of::<Torrent>());
    }
}
