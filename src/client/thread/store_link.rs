//! The client thread's side of the store.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::add::UnfinishedMove;
use crate::client::restore::{Restoring, UnfinishedMoves};
use crate::client::state::commits::Commits;
use crate::error::{Error, Result};
use crate::messages::service::Service;
use crate::model::{Event, TorrentId};
use crate::store::{Key, Record, Store, Writer};
use crate::text::printable;

/// How often the DHT nodes and the totals are saved.
pub(super) const STATE_INTERVAL: Duration = Duration::from_secs(300);

/// A store, and how the client uses it.
pub(in crate::client) struct StoreOptions {
    pub(in crate::client) store: Box<dyn Store>,
    /// The bytes that earlier runs have sent and received.
    pub(in crate::client) totals: (u64, u64),
    /// The parts of the client's own state that cannot be used, by name, and why.
    pub(in crate::client) unusable: BTreeMap<String, Error>,
    /// Whether changed settings are stored.
    pub(in crate::client) keeps_settings: bool,
}

pub(in crate::client) struct StoreLink {
    pub(in crate::client) writer: Writer,
    pub(in crate::client) commits: Commits,
    pub(in crate::client) restoring: Option<Restoring>,
    /// Interrupted moves that go on when everything is restored.
    pub(super) unfinished: Vec<(TorrentId, Box<UnfinishedMove>)>,
    pub(in crate::client) moves: Option<UnfinishedMoves>,
    pub(super) last_key: u64,
    /// Why the store could not be read to its end. Nothing can be added then: it may be an unread torrent.
    pub(super) unread: Option<Error>,
    /// Torrents in the store that could not be restored, without the data for libtorrent.
    pub(super) lost: Vec<Record>,
    /// When the DHT nodes and the totals are saved next.
    pub(super) next_state: Instant,
    /// How many parts of the client's own state are still to be saved.
    pub(super) state_open: u32,
    /// The bytes that earlier runs have sent and received.
    pub(super) totals: (u64, u64),
    /// The parts of the client's own state that could not be restored. Only the program replaces them.
    pub(super) unusable: BTreeSet<String>,
    pub(super) keeps_settings: bool,
    /// Whether the engine was asked for the queue positions.
    pub(super) queue_asked: bool,
    /// Whether the positions have changed since then.
    pub(super) queue_changed: bool,
    /// The queue positions of torrents that are being restored.
    pub(super) queue: Vec<(u32, TorrentId)>,
    /// The torrents with a queue position in the store.
    pub(super) queued: HashSet<TorrentId>,
}

impl StoreLink {
    pub(in crate::client) fn start(
        options: StoreOptions,
        service: &Arc<Service>,
        wake: crossbeam_channel::Sender<()>,
    ) -> Result<Self> {
        let StoreOptions { mut store, totals, unusable, keeps_settings } = options;
        let total = store.count()?;
        let writer = Writer::start(store, wake)?;
        let restoring = Some(Restoring::start(writer.pages(), total, service)?);
        let commits = Commits::default();
        for (name, error) in &unusable {
            tracing::warn!(%error, "a part of the client's own state was not restored");
            let name = printable(name).into();
            service.announce(&Event::StateRestoreFailed { name, error: error.clone() });
        }
        Ok(Self {
            writer,
            commits,
            restoring,
            unfinished: Vec::new(),
            moves: None,
            last_key: 0,
            unread: None,
            lost: Vec::new(),
            next_state: Instant::now() + STATE_INTERVAL,
            state_open: 0,
            totals,
            unusable: unusable.into_keys().collect(),
            keeps_settings,
            queue_asked: false,
            queue_changed: false,
            queue: Vec::new(),
            queued: HashSet::new(),
        })
    }

    /// Returns whether so many changes wait for the store that the client takes no more commands.
    pub(super) fn is_full(&self) -> bool {
        self.commits.is_full() || self.writer.is_full()
    }

    pub(super) fn next_key(&mut self) -> Option<Key> {
        self.last_key += 1;
        Key::new(self.last_key)
    }
}
