//! The statuses that patrons can read without waiting.

use std::collections::HashMap;

use parking_lot::{Mutex, RwLock};

use crate::model::{TorrentId, TorrentStatus};

/// The newest status of every torrent of a client.
///
/// The map is locked for writing only when a torrent is added or removed; a tick locks one torrent
/// at a time for a single assignment, so readers never wait for a whole tick.
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

    /// Changes a torrent's status and returns the result.
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
