//! The data of the client thread. The steps over it are in the neighbouring files.

use std::sync::Arc;
use std::time::Instant;

use super::store_link::StoreLink;
use crate::client::inbox::{Inbox, Intervals, NEVER};
use crate::client::state::admission::Admission;
use crate::client::state::listening::Listening;
use crate::client::state::statuses::StatusRequests;
use crate::client::state::subscriptions::Subscriptions;
use crate::client::state::torrents::Torrents;
use crate::engine::Engine;
use crate::messages::service::Service;
use crate::model::Statistics;
use crate::reply::Responder;

pub(in crate::client) struct ClientThread<E> {
    pub(super) engine: E,
    pub(super) service: Arc<Service>,
    pub(super) inbox: Inbox,
    pub(super) torrents: Torrents,
    pub(super) admission: Admission,
    pub(super) statuses: StatusRequests,
    pub(super) listening: Listening,
    pub(super) subscriptions: Subscriptions,
    /// The replies that wait for statistics.
    pub(super) statistics: Vec<Responder<Statistics>>,
    pub(super) resyncs: Vec<Resync>,
    /// `None` if the client has no store.
    pub(super) store: Option<StoreLink>,
    /// Set when the client is stopping: files are no longer moved.
    pub(super) stopping: bool,
}

/// A request for all statuses of a shard, because events were lost.
pub(super) struct Resync {
    pub(super) shard: usize,
    /// How many adds the engine was passed before. The answer lacks those that came later.
    pub(super) adds: u64,
    /// How many times the changed statuses were requested before.
    pub(super) statuses: u64,
}

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn new(
        engine: E,
        service: Arc<Service>,
        inbox: Inbox,
        intervals: Intervals,
        store: Option<StoreLink>,
    ) -> Self {
        let shards = engine.shards();
        Self {
            engine,
            service,
            inbox,
            torrents: Torrents::new(intervals.resume_data.min(NEVER)),
            admission: Admission::default(),
            statuses: StatusRequests::new(intervals.tick.min(NEVER), Instant::now(), shards),
            listening: Listening::default(),
            subscriptions: Subscriptions::default(),
            statistics: Vec::new(),
            resyncs: Vec::new(),
            store,
            stopping: false,
        }
    }
}
