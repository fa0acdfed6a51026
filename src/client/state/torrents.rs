//! The torrents of a client: the [records](Torrent), and the indexes over them. Only this module changes an
//! index, so indexes and records always agree.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::goals;
use super::open_requests::{OpenRequest, OpenRequests};
use super::readers::{Readers, RemovedReaders};
use super::save_queue::{SaveQueue, Saving};
use super::torrent::Torrent;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::member::{Member, MemberId};
use crate::model::{Goals, InfoHashV1, InfoHashV2, InfoHashes, TorrentId};

/// How long a torrent's rate is valid. A torrent with a rate is reported every second, but libtorrent 2.0.8
/// does not report that a rate has fallen to 0 (2.0.14 does).
const RATE_LIFETIME: Duration = Duration::from_millis(2500);

/// A removed torrent, and the open requests about it and its readers, which must still be answered.
pub(in crate::client) struct Removed {
    pub(in crate::client) torrent: Torrent,
    pub(in crate::client) requests: Vec<OpenRequest>,
    pub(in crate::client) readers: Option<RemovedReaders>,
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
    /// Few torrents have readers.
    pub(in crate::client) readers: Readers,
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
            readers: Readers::default(),
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
        let (requests, readers) = (self.requests.take_all_of(id), self.readers.remove(id));
        Some(Removed { torrent, requests, readers })
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
    use crate::client::state::torrent::Removing;
    use crate::messages::command::RemoveFiles;
    use crate::messages::reading::{Opening, Purpose};
    use crate::messages::request::{Respond, TorrentRole};
    use crate::model::{ClientData, OnConflict, ReadTarget, ReaderOptions};
    use crate::reply::one_shot;

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
            readers,
        } = torrents;
        by_id.is_empty()
            && by_v1.is_empty()
            && by_v2.is_empty()
            && by_member.is_empty()
            && with_goal.is_empty()
            && with_rate.is_empty()
            && saves.is_idle()
            && requests.len() == 0
            && readers.is_empty()
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
        let (responder, unread) = one_shot("read");
        let purpose = Purpose::Bytes(responder, now);
        let (target, options) = (ReadTarget::Piece(0), ReaderOptions::default());
        torrents.readers.begin(Opening { torrent: id, target, options, purpose });
        let other = add(&mut torrents, torrent(hashes(Some(3), None), None));

        let Removed { torrent, requests, readers } = torrents.remove(id).unwrap();
        assert!(torrent.has(&owner) && torrent.has(&watcher), "who is to be told");
        assert_eq!(requests.iter().map(|request| request.op).collect::<Vec<_>>(), ["a", "b"]);
        readers.unwrap().fail(&Error::new(ErrorKind::Gone, "read", "removed"));
        assert_eq!(unread.wait().unwrap_err().kind(), ErrorKind::Gone);
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
}
