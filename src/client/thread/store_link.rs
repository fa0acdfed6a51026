//! The store of a client, as the client thread sees it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::client::restore::Restoring;
use crate::client::state::commits::Commits;
use crate::error::{Error, Result};
use crate::messages::service::Service;
use crate::model::{InfoHashes, TorrentId};
use crate::store::{Key, Store, Writer};

/// How often the DHT's nodes and the totals are saved.
pub(super) const STATE_INTERVAL: Duration = Duration::from_secs(300);

/// A store, and what the client is to do with it.
pub(in crate::client) struct StoreOptions {
    pub(in crate::client) store: Box<dyn Store>,
    /// Bytes that earlier runs have sent and received.
    pub(in crate::client) totals: (u64, u64),
    /// Settings that are changed go into it.
    pub(in crate::client) keeps_settings: bool,
}

pub(in crate::client) struct StoreLink {
    pub(in crate::client) writer: Writer,
    pub(in crate::client) commits: Commits,
    pub(in crate::client) restoring: Option<Restoring>,
    pub(super) last_key: u64,
    /// Why not all torrents of the store are known. Nothing is added then: it may be one of those.
    pub(super) unread: Option<Error>,
    /// Those that are in the store and not here, because they could not be restored.
    pub(super) lost: Vec<(Key, InfoHashes)>,
    /// When the DHT's nodes and the totals are saved again.
    pub(super) next_state: Instant,
    /// How many answers about the client are to be saved.
    pub(super) state_open: u32,
    /// Bytes that earlier runs have sent and received.
    pub(super) totals: (u64, u64),
    pub(super) keeps_settings: bool,
    /// The engine was asked for the places in its queue.
    pub(super) queue_asked: bool,
    /// They have changed since then.
    pub(super) queue_changed: bool,
    /// The places in the queue of torrents that are being restored.
    pub(super) queue: BTreeMap<u32, TorrentId>,
}

impl StoreLink {
    pub(in crate::client) fn start(
        options: StoreOptions,
        service: &Arc<Service>,
        wake: crossbeam_channel::Sender<()>,
    ) -> Result<Self> {
        let StoreOptions { mut store, totals, keeps_settings } = options;
        let total = store.count()?;
        let writer = Writer::start(store, wake)?;
        let restoring = Some(Restoring::start(writer.pages(), total, service)?);
        let commits = Commits::default();
        Ok(Self {
            writer,
            commits,
            restoring,
            last_key: 0,
            unread: None,
            lost: Vec::new(),
            next_state: Instant::now() + STATE_INTERVAL,
            state_open: 0,
            totals,
            keeps_settings,
            queue_asked: false,
            queue_changed: false,
            queue: BTreeMap::new(),
        })
    }

    /// Whether so much waits for the store that the client takes no more commands.
    pub(super) fn is_full(&self) -> bool {
        self.commits.is_full() || self.writer.is_full()
    }

    pub(super) fn next_key(&mut self) -> Option<Key> {
        self.last_key += 1;
        Key::new(self.last_key)
    }
}
