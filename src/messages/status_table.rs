//! The statuses that patrons can read without waiting.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use parking_lot::{Mutex, RwLock};

use crate::model::{InfoHashes, StatusChanges, TorrentId, TorrentStatus};

/// How many removals are remembered beyond twice the number of torrents.
const REMEMBERED: usize = 1024;

/// The newest status of every torrent of a client, and a log of changes.
///
/// The map is locked for writing only when a torrent is added or removed; a tick locks one torrent
/// at a time for a single assignment, so readers never wait for a whole tick. Nor does the client thread
/// wait for a reader of all statuses, who copies them without the map.
///
/// Locks are taken in this order: changes, map, one torrent.
#[derive(Debug, Default)]
pub(crate) struct StatusTable {
    /// On the heap, because a map reserves more space than it uses, and statuses are large.
    statuses: RwLock<HashMap<TorrentId, Arc<Mutex<VersionedStatus>>>>,
    changes: Mutex<Changes>,
}

#[derive(Debug)]
struct VersionedStatus {
    status: TorrentStatus,
    /// The version of the last change of this torrent.
    version: u64,
}

#[derive(Debug, Default)]
struct Changes {
    /// The version of the last change of any torrent.
    last: u64,
    /// All changes, in order. Only the last change of each torrent counts. Torrents in the log that are not
    /// in the map were removed.
    log: VecDeque<(u64, TorrentId)>,
    /// Removals up to this version are no longer in the log.
    forgotten: u64,
}

impl Changes {
    fn record(&mut self, id: TorrentId) -> u64 {
        self.last += 1;
        self.log.push_back((self.last, id));
        self.last
    }
}

impl StatusTable {
    pub(crate) fn insert(&self, status: TorrentStatus) {
        let mut changes = self.changes.lock();
        let (id, version) = (status.id, changes.record(status.id));
        self.statuses.write().insert(id, Arc::new(Mutex::new(VersionedStatus { status, version })));
        self.compact(&mut changes);
    }

    pub(crate) fn remove(&self, id: TorrentId) {
        let mut changes = self.changes.lock();
        if self.statuses.write().remove(&id).is_some() {
            changes.record(id);
        }
        self.compact(&mut changes);
    }

    pub(crate) fn clear(&self) {
        let mut changes = self.changes.lock();
        self.statuses.write().clear();
        changes.last += 1;
        changes.forgotten = changes.last;
        changes.log.clear();
    }

    pub(crate) fn get(&self, id: TorrentId) -> Option<TorrentStatus> {
        self.statuses.read().get(&id).map(|entry| entry.lock().status.clone())
    }

    pub(crate) fn update(&self, id: TorrentId, change: impl FnOnce(&mut TorrentStatus)) {
        let mut changes = self.changes.lock();
        if let Some(entry) = self.statuses.read().get(&id) {
            let version = changes.record(id);
            let mut entry = entry.lock();
            change(&mut entry.status);
            entry.version = version;
        }
        self.compact(&mut changes);
    }

    pub(crate) fn ids(&self) -> Vec<TorrentId> {
        self.statuses.read().keys().copied().collect()
    }

    /// Returns whether there is a torrent with one of these info hashes. It looks at all of them.
    pub(crate) fn has(&self, hashes: &InfoHashes) -> bool {
        let entries = self.statuses.read();
        entries.values().any(|entry| entry.lock().status.info_hashes.overlap(hashes))
    }

    pub(crate) fn all(&self) -> Vec<TorrentStatus> {
        let entries: Vec<_> = self.statuses.read().values().cloned().collect();
        entries.iter().map(|entry| entry.lock().status.clone()).collect()
    }

    /// Returns what has changed since a version. The cost is proportional to the number of changes.
    pub(crate) fn changes_since(&self, since: u64) -> StatusChanges {
        let changes = self.changes.lock();
        let version = changes.last;
        // A version that has not been reached is from another client.
        if since < changes.forgotten || since > version || since == 0 {
            drop(changes);
            let (statuses, removed) = (self.all(), Vec::new());
            return StatusChanges { version, complete: true, statuses, removed };
        }
        let first = changes.log.partition_point(|(version, _)| *version <= since);
        let log: Vec<_> = changes.log.range(first..).copied().collect();
        drop(changes);
        let table = self.statuses.read();
        let log: Vec<_> =
            log.into_iter().map(|(version, id)| (version, id, table.get(&id).cloned())).collect();
        drop(table);
        let (mut statuses, mut removed) = (Vec::new(), HashSet::new());
        for (version, id, entry) in log {
            match entry {
                Some(entry) => {
                    let entry = entry.lock();
                    // A torrent that has changed again is reported at its last change, now or in the next
                    // call.
                    if entry.version == version {
                        statuses.push(entry.status.clone());
                    }
                }
                None => _ = removed.insert(id),
            }
        }
        let removed = removed.into_iter().collect();
        StatusChanges { version, complete: false, statuses, removed }
    }

    /// Drops the outdated entries of the log when they outnumber the others.
    fn compact(&self, changes: &mut Changes) {
        let table = self.statuses.read();
        if changes.log.len() <= 2 * table.len() + 2 * REMEMBERED {
            return;
        }
        let mut removed = HashSet::new();
        let mut kept: VecDeque<_> = VecDeque::with_capacity(table.len() + REMEMBERED);
        for (version, id) in std::mem::take(&mut changes.log).into_iter().rev() {
            let counts = match table.get(&id) {
                Some(entry) => entry.lock().version == version,
                None if removed.len() < REMEMBERED => removed.insert(id),
                None => {
                    changes.forgotten = changes.forgotten.max(version);
                    false
                }
            };
            if counts {
                kept.push_front((version, id));
            }
        }
        changes.log = kept;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{InfoHashV1, InfoHashV2};

    fn add(table: &StatusTable) -> TorrentId {
        let id = TorrentId::next();
        table.insert(TorrentStatus::new(id, "n"));
        id
    }

    fn touch(table: &StatusTable, id: TorrentId, peers: u32) {
        table.update(id, |status| status.peers = peers);
    }

    fn told(changes: &StatusChanges) -> Vec<(TorrentId, u32)> {
        changes.statuses.iter().map(|status| (status.id, status.peers)).collect()
    }

    #[test]
    fn a_torrent_is_found_by_each_of_its_hashes() {
        let (table, id) = (StatusTable::default(), TorrentId::next());
        let v1 = Some(InfoHashV1([1; 20]));
        let v2 = Some(InfoHashV2([2; 32]));
        let info_hashes = InfoHashes { v1, v2 };
        table.insert(TorrentStatus { info_hashes, ..TorrentStatus::new(id, "n") });
        table.insert(TorrentStatus::new(TorrentId::next(), "has none yet"));
        assert!(table.has(&InfoHashes { v1, v2: None }) && table.has(&InfoHashes { v1: None, v2 }));
        let v1 = Some(InfoHashV1([3; 20]));
        assert!(!table.has(&InfoHashes { v1, v2: None }) && !table.has(&InfoHashes::default()));
    }

    #[test]
    fn a_torrent_is_added_while_somebody_copies_all_statuses() {
        let table = Arc::new(StatusTable::default());
        let id = add(&table);
        let entry = table.statuses.read()[&id].clone();
        // The reader is in the middle of it.
        let held = entry.lock();
        let reader = std::thread::spawn({
            let table = table.clone();
            move || table.all().len()
        });
        while Arc::strong_count(&entry) < 3 {
            std::thread::yield_now();
        }
        add(&table);
        drop(held);
        assert_eq!(reader.join().unwrap(), 1);
    }

    #[test]
    fn a_poller_gets_the_current_status_of_each_changed_torrent_once() {
        let table = StatusTable::default();
        let [a, b, c] = std::array::from_fn(|_| add(&table));
        let first = table.changes_since(0);
        assert!(first.complete && first.statuses.len() == 3);
        assert!(table.changes_since(first.version).statuses.is_empty());
        touch(&table, b, 1);
        touch(&table, a, 2);
        touch(&table, b, 3);
        table.remove(c);
        let d = add(&table);
        let next = table.changes_since(first.version);
        assert!(!next.complete && next.removed == [c]);
        assert_eq!(told(&next), [(a, 2), (b, 3), (d, 0)]);
        assert!(told(&table.changes_since(next.version)).is_empty());
        assert!(table.changes_since(next.version + 1).complete, "it is not of this client");
    }

    #[test]
    fn statuses_share_the_names_of_torrents() {
        let table = StatusTable::default();
        let id = add(&table);
        let known = table.get(id).unwrap().name;
        assert!(Arc::ptr_eq(&known, &table.all()[0].name));
        assert!(Arc::ptr_eq(&known, &table.changes_since(0).statuses[0].name));
    }

    #[test]
    fn superseded_changes_are_not_kept() {
        let table = StatusTable::default();
        let id = add(&table);
        let begun = table.changes_since(0).version;
        for peers in 0..10_000 {
            touch(&table, id, peers);
        }
        assert!(table.changes.lock().log.len() < 3 * REMEMBERED);
        assert_eq!(told(&table.changes_since(begun)), [(id, 9999)]);
    }

    #[test]
    fn a_poller_that_missed_forgotten_removals_gets_everything() {
        let table = StatusTable::default();
        let kept = add(&table);
        let begun = table.changes_since(0).version;
        for _ in 0..2 * REMEMBERED {
            table.remove(add(&table));
        }
        let now = table.changes_since(begun);
        assert!(now.complete && now.removed.is_empty());
        assert_eq!(told(&now), [(kept, 0)]);
        let last = add(&table);
        table.remove(last);
        assert_eq!(table.changes_since(now.version).removed, [last]);
        table.clear();
        assert!(table.changes_since(now.version).complete);
    }
}
