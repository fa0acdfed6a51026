//! Decides when the engine is asked for statuses, and which answer each waiter gets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::messages::member::Member;
use crate::model::{TorrentId, TorrentStatus};
use crate::reply::Responder;

/// After an event of a torrent, its status is requested before the next tick, but no more often
/// than this.
const SOONEST: Duration = Duration::from_millis(100);

/// Someone who waits for a status that was requested after the question.
pub(in crate::client) struct StatusWaiter {
    pub(in crate::client) id: TorrentId,
    pub(in crate::client) from: Arc<Member>,
    /// `None` if the answer is an event.
    pub(in crate::client) reply: Option<Responder<TorrentStatus>>,
}

pub(in crate::client) struct StatusRequests {
    tick_interval: Duration,
    next_tick: Instant,
    last_asked: Option<Instant>,
    /// Something has happened that a status should show soon.
    soon: bool,
    asked: u64,
    answered: u64,
    /// By the number of the first request whose answer is fresh enough.
    waiting: BTreeMap<u64, Vec<StatusWaiter>>,
}

impl StatusRequests {
    pub(in crate::client) fn new(tick_interval: Duration, now: Instant) -> Self {
        Self {
            tick_interval,
            next_tick: now,
            last_asked: None,
            soon: false,
            asked: 0,
            answered: 0,
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

    /// Whether somebody waits for a request that has not been made.
    pub(in crate::client) fn is_waited_for(&self) -> bool {
        self.waiting.last_key_value().is_some_and(|(number, _)| *number > self.asked)
    }

    /// The engine is about to be asked. The request counts once the engine has
    /// [accepted](StatusRequests::asked) it.
    pub(in crate::client) fn ask(&mut self, now: Instant) {
        self.soon = false;
        self.last_asked = Some(now);
    }

    pub(in crate::client) fn asked(&mut self) {
        self.asked += 1;
    }

    /// The next request has been answered; returns those who waited for it.
    pub(in crate::client) fn answered(&mut self) -> Vec<StatusWaiter> {
        self.answered += 1;
        self.take_answered()
    }

    /// Answers may have been lost, and this one is newer than all of them.
    pub(in crate::client) fn all_answered(&mut self) -> Vec<StatusWaiter> {
        self.answered = self.asked;
        self.take_answered()
    }

    fn take_answered(&mut self) -> Vec<StatusWaiter> {
        let unanswered = self.waiting.split_off(&(self.answered + 1));
        std::mem::replace(&mut self.waiting, unanswered).into_values().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::state::fixtures::members;

    const TICK: Duration = Duration::from_secs(5);

    fn ids(waiters: &[StatusWaiter]) -> Vec<TorrentId> {
        waiters.iter().map(|waiter| waiter.id).collect()
    }

    #[test]
    fn a_waiter_gets_the_answer_to_a_request_that_was_made_after_its_question() {
        let [from] = members();
        let waiter = |id| StatusWaiter { id, from: from.clone(), reply: None };
        let (mut statuses, a, b) =
            (StatusRequests::new(TICK, Instant::now()), TorrentId::next(), TorrentId::next());
        statuses.asked();
        statuses.wait(waiter(a));
        assert!(statuses.is_waited_for());
        statuses.asked();
        assert!(!statuses.is_waited_for());
        statuses.wait(waiter(b));
        assert!(statuses.answered().is_empty());
        assert_eq!(ids(&statuses.answered()), [a]);
        statuses.asked();
        statuses.asked();
        assert_eq!(ids(&statuses.all_answered()), [b], "after a loss");
        assert!(statuses.waiting.is_empty());
    }

    #[test]
    fn what_happens_is_asked_for_soon_but_not_at_once_each_time() {
        let begun = Instant::now();
        let mut statuses = StatusRequests::new(TICK, begun);
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
