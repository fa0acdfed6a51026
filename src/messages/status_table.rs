//! The statuses that patrons read without asking anybody.

use std::collections::HashMap;

use parking_lot::{Mutex, RwLock};

use crate::model::{TorrentId, TorrentStatus};

/// The newest status of every torrent of a client.
///
/// The map's lock is taken for writing only when a torrent comes or goes; a tick locks one torrent
/// at a time for the length of one assignment, so a reader never waits for a tick.
#[derive(Debug, Default)]
pub(crate) struct StatusTable(RwLock<HashMap<TorrentId, Mutex<TorrentStatus>>>);

impl StatusTable {
    pub(crate) fn insert(&self, status: TorrentStatus) {
        self.0.write().insert(status.id, Mutex::new(status));
    }

    pub(crate) fn remove(&self, id: TorrentId) {
        self.0.write().remove(&id);
    }

    pub(crate) fn clear(&self) {
        self.0.write().clear();
    }

    pub(crate) fn get(&self, id: TorrentId) -> Option<TorrentStatus> {
        self.0.read().get(&id).map(|status| status.lock().clone())
    }

    /// Changes the status of a torrent and returns what it became.
    pub(crate) fn update(
        &self,
        id: TorrentId,
        change: impl FnOnce(&mut TorrentStatus),
    ) -> Option<TorrentStatus> {
        let table = self.0.read();
        let mut status = table.get(&id)?.lock();
        change(&mut status);
        Some(status.clone())
    }

    pub(crate) fn ids(&self) -> Vec<TorrentId> {
        self.0.read().keys().copied().collect()
    }

    pub(crate) fn all(&self) -> Vec<TorrentStatus> {
        self.0.read().values().map(|status| status.lock().clone()).collect()
    }
}
