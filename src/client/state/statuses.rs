//! Decides when the engine is asked for statuses, and which answer each reply gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::messages::member::Member;
use crate::model::{TorrentId, TorrentStatus};
use crate::reply::Responder;

/// The minimum interval between requests for statuses. After an event of a torrent, its status is requested
/// before the next tick.
const SOONEST: Duration = Duration::from_millis(100);

/// What waits for a status which is requested after the call.
pub(in crate::client) enum StatusWaiter {
    Patron {
        id: TorrentId,
        from: Arc<Member>,
        /// `None` if the answer is an event.
        reply: Option<Responder<TorrentStatus>>,
    },
    /// The client, to know whether the torrent was resumed.
    Resuming(TorrentId),
}

pub(in crate::client) struct StatusRequests {
    tick_interval: Duration,
    next_tick: Instant,
    last_asked: Option<Instant>,
    /// Whether an event should soon show in a status.
    soon: bool,
    asked: u64,
    /// The number of answers, by shard.
    answered: Vec<u64>,
    /// Waiting replies, by the number of the request that is recent enough.
    waiting: BTreeMap<u64, Vec<StatusWaiter>>,
}

impl StatusRequests {
    pub(in crate::client) fn new(tick_interval: Duration, now: Instant, shards: usize) -> Self {
        Self {
            tick_interval,
            next_tick: now,
            last_asked: None,
            soon: false,
            asked: 0,
            answered: vec![0; shards],
            waiting: BTreeMap::new(),
        }
    }

    pub(in crate::client) fn due(&self) -> Instant {
        match self.last_asked {
            Some(last) if self.soon => self.next_tick.min(last + SOONEST),
            _ => self.next_tick,
        }
    }

    pub(in crate::client) fn tick(&mut self, now: Instant) {
        self.next_tick = now + self.tick_interval;
    }

    pub(in crate::client) fn ask_soon(&mut self) {
        self.soon = true;
    }

    /// Waits for the answer to the next request.
    pub(in crate::client) fn wait(&mut self, waiter: StatusWaiter) {
        self.waiting.entry(self.asked + 1).or_default().push(waiter);
    }

    pub(in crate::client) fn waiting(&self) -> usize {
        self.waiting.values().map(Vec::len).sum()
    }

    /// Whether somebody waits for a request that has not been made.
    pub(in crate::client) fn is_waited_for(&self) -> bool {
        self.waiting.last_key_value().is_some_and(|(number, _)| *number > self.asked)
    }

    /// Prepares for a request. It counts once the engine has [accepted](StatusRequests::asked) it.
    pub(in crate::client) fn ask(&mut self, now: Instant) {
        self.soon = false;
        self.last_asked = Some(now);
    }

    pub(in crate::client) fn asked(&mut self) {
        self.asked += 1;
    }

    /// Returns how many requests were made.
    pub(in crate::client) fn requested(&self) -> u64 {
        self.asked
    }

    /// Notes an answer from a shard. Returns the replies whose request all shards have answered.
    pub(in crate::client) fn answered(&mut self, shard: usize) -> Vec<StatusWaiter> {
        if let Some(answered) = self.answered.get_mut(shard) {
            // It may be one that counts as lost.
            *answered = (*answered + 1).min(self.asked);
        }
        self.take_answered()
    }

    /// Records that a shard has answered this many requests or lost its answers to them. Returns the same as
    /// [`answered`](Self::answered).
    pub(in crate::client) fn answered_up_to(
        &mut self,
        shard: usize,
        requests: u64,
    ) -> Vec<StatusWaiter> {
        if let Some(answered) = self.answered.get_mut(shard) {
            *answered = requests.max(*answered);
        }
        self.take_answered()
    }

    /// Returns how many requests all shards have answered.
    fn answered_by_all(&self) -> u64 {
        self.answered.iter().copied().min().unwrap_or(self.asked)
    }

    /// Returns whether every shard has answered at least once.
    pub(in crate::client) fn have_begun(&self) -> bool {
        self.answered_by_all() > 0
    }

    fn take_answered(&mut self) -> Vec<StatusWaiter> {
        let unanswered = self.waiting.split_off(&(self.answered_by_all() + 1));
        std::mem::replace(&mut self.waiting, unanswered).into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::state::fixtures::members;

    const TICK: Duration = Duration::from_secs(5);

    fn ids(waiters: &[StatusWaiter]) -> Vec<TorrentId> {
        let id = |waiter: &StatusWaiter| match waiter {
            StatusWaiter::Patron { id, .. } | StatusWaiter::Resuming(id) => *id,
        };
        waiters.iter().map(id).collect()
    }

    #[test]
    fn a_waiter_gets_the_answer_to_a_request_sent_after_its_own() {
        let [from] = members();
        let waiter = |id| StatusWaiter::Patron { id, from: from.clone(), reply: None };
        let (mut statuses, a, b) =
            (StatusRequests::new(TICK, Instant::now(), 1), TorrentId::next(), TorrentId::next());
        statuses.asked();
        statuses.wait(waiter(a));
        assert!(statuses.is_waited_for());
        statuses.asked();
        assert!(!statuses.is_waited_for());
        statuses.wait(waiter(b));
        assert!(statuses.answered(0).is_empty());
        assert_eq!(ids(&statuses.answered(0)), [a]);
        statuses.asked();
        statuses.asked();
        assert_eq!(ids(&statuses.answered_up_to(0, statuses.requested())), [b], "after a loss");
        assert!(statuses.waiting.is_empty());
    }

    #[test]
    fn no_waiter_gets_a_status_from_before_its_request_after_a_loss() {
        let [from] = members();
        let mut statuses = StatusRequests::new(TICK, Instant::now(), 1);
        statuses.asked();
        let before_the_loss = statuses.requested();
        statuses.wait(StatusWaiter::Patron { id: TorrentId::next(), from, reply: None });
        statuses.asked();
        assert!(statuses.answered_up_to(0, before_the_loss).is_empty(), "it was asked for later");
        assert_eq!(statuses.answered(0).len(), 1);
        // Not lost, but late.
        statuses.answered(0);
        statuses.answered(0);
        let [from] = members();
        statuses.wait(StatusWaiter::Patron { id: TorrentId::next(), from, reply: None });
        statuses.asked();
        assert!(statuses.take_answered().is_empty());
        assert_eq!(statuses.answered(0).len(), 1);
    }

    #[test]
    fn a_waiter_waits_for_the_slowest_shard() {
        let [from] = members();
        let waiter = |id| StatusWaiter::Patron { id, from: from.clone(), reply: None };
        let mut statuses = StatusRequests::new(TICK, Instant::now(), 2);
        let (a, b) = (TorrentId::next(), TorrentId::next());
        for id in [a, b] {
            statuses.wait(waiter(id));
            statuses.asked();
        }
        assert!(statuses.answered(1).is_empty() && statuses.answered(1).is_empty());
        assert!(!statuses.have_begun());
        assert_eq!(ids(&statuses.answered(0)), [a]);
        assert!(statuses.have_begun());
        assert!(statuses.answered_up_to(1, 2).is_empty(), "the other one still owes an answer");
        assert_eq!(ids(&statuses.answered_up_to(0, 2)), [b]);
    }

    #[test]
    fn statuses_are_requested_soon_after_events_but_not_after_each() {
        let begun = Instant::now();
        let mut statuses = StatusRequests::new(TICK, begun, 1);
        assert_eq!(statuses.due(), begun);
        statuses.tick(begun);
        statuses.ask(begun);
        assert_eq!(statuses.due(), begun + TICK);
        statuses.ask_soon();
        assert_eq!(statuses.due(), begun + SOONEST);
        statuses.ask(begun + SOONEST);
        assert_eq!(statuses.due(), begun + TICK);
        statuses.ask(begun + TICK - SOONEST / 2);
        statuses.ask_soon();
        assert_eq!(statuses.due(), begun + TICK, "the tick is sooner");
    }
}
