//! The loop of the client thread, in the three steps of the Kamaelia component that it descends
//! from: `handle_messages`, `send_status_updates`, and `tick`, which does both.
//!
//! A tick happens when the interval has passed, when a command arrives, or when the engine has
//! events. Nothing here waits for the engine or for a patron.

mod alerts;
mod client_state;
mod client_thread;
mod commands;
mod goals;
mod readers;
mod requests;
mod restoring;
mod saves;
mod shutdown;
mod statuses;
mod store;
mod store_link;

use std::time::{Duration, Instant};

use crossbeam_channel::Select;

pub(in crate::client) use self::client_state::{ClientState, NETWORK, SETTING};
pub(in crate::client) use self::client_thread::ClientThread;
pub(in crate::client) use self::store_link::{StoreLink, StoreOptions};

use super::inbox::StopRequest;
use crate::engine::Engine;
use crate::messages::service::COMMANDS;
use crate::model::EventKind;

impl<E: Engine> ClientThread<E> {
    /// Runs until a request to stop arrives, or until nobody is left to make one.
    pub(in crate::client) fn run(mut self) {
        tracing::info!("the client has started");
        loop {
            self.wait();
            match self.inbox.stop.try_recv() {
                Ok(request) => return self.shut_down(request),
                Err(error) if error.is_disconnected() => {
                    return self.shut_down(StopRequest::new(Duration::ZERO).0);
                }
                Err(_) => self.tick(),
            }
        }
    }

    fn wait(&self) {
        let mut select = Select::new();
        select.recv(&self.inbox.stop);
        select.recv(&self.inbox.woken);
        if !self.is_full() {
            select.recv(&self.inbox.commands);
        }
        let restoring = self.store.as_ref().and_then(|store| store.restoring.as_ref());
        if let Some(restoring) = restoring.filter(|_| self.admission.restores()) {
            restoring.select(&mut select);
        }
        if let Some(moves) = self.store.as_ref().and_then(|store| store.moves.as_ref()) {
            select.recv(&moves.ready);
        }
        let others = [
            self.admission.next_due(),
            self.next_save(),
            self.torrents.readers.next_due(),
            self.engine.due(),
        ];
        let due = others.into_iter().flatten().fold(self.statuses.due(), Instant::min);
        // Ready or timed out: the tick checks everything anyway.
        let _ = select.ready_deadline(due);
    }

    /// Returns whether so much is in progress that patrons must wait at the command channel.
    fn is_full(&self) -> bool {
        self.admission.is_full()
            || self.torrents.requests.is_full()
            || self.waits_for_store()
            || self.waiting_replies() >= COMMANDS
    }

    /// Returns how many replies wait for statuses, addresses or statistics.
    fn waiting_replies(&self) -> usize {
        self.statuses.waiting() + self.listening.waiting() + self.statistics.len()
    }

    fn waits_for_store(&self) -> bool {
        self.store.as_ref().is_some_and(StoreLink::is_full)
    }

    fn tick(&mut self) {
        let _ = self.inbox.woken.try_recv();
        self.handle_messages();
        self.drain_events();
        self.serve_readers();
        self.restore();
        self.continue_moves();
        self.retry_adds();
        self.start_saves();
        if Instant::now() >= self.statuses.due() {
            self.send_status_updates();
        }
    }

    /// Executes the commands that are in the channel now. Then handles the patrons that had left before, so
    /// that what they sent before leaving comes first.
    fn handle_messages(&mut self) {
        let departures = self.service.take_departures();
        let waiting = self.inbox.commands.len();
        // Only after counting: a patron that subscribes and then sends a command receives every
        // event of it.
        self.follow_subscriptions();
        for _ in 0..waiting {
            // But not while patrons are leaving: their commands come first.
            if self.is_full() && departures.is_empty() {
                break;
            }
            match self.inbox.commands.try_recv() {
                Ok(envelope) => self.handle(envelope),
                Err(_) => break,
            }
        }
        if self.statuses.is_waited_for() {
            self.ask_statuses();
        }
        for member in departures {
            if let Some((member, torrents)) = self.torrents.leave(member) {
                for id in torrents {
                    self.apply_on_leave(id, &member);
                }
            }
        }
    }

    /// Makes the engine report only what some patron subscribes to.
    fn follow_subscriptions(&mut self) {
        if !self.subscriptions.have_changed(self.service.subscriptions()) {
            return;
        }
        self.follow_interest();
        if self.subscriptions.wants(EventKind::ResumeData) {
            self.save_for_newcomers();
        }
    }

    /// Subscribes to the events that patrons want and readers need.
    pub(in crate::client) fn follow_interest(&mut self) {
        let mut wanted = self.service.interest();
        if self.torrents.readers.are_open() {
            wanted = wanted.with(EventKind::PieceFinished);
        }
        if self.subscriptions.set_wanted(wanted)
            && let Err(error) = self.engine.subscribe(wanted)
        {
            tracing::error!(%error, "cannot subscribe to events");
        }
    }

    /// Asks the engine which torrents have changed. The answer goes to the table and to the patrons.
    fn send_status_updates(&mut self) {
        self.statuses.tick(Instant::now());
        self.ask_statuses();
        self.stop_stale_rates();
        self.check_goals();
        self.save_state_if_due(Instant::now());
        if self.subscriptions.wants(EventKind::Statistics) && self.statistics.is_empty() {
            self.ask_statistics();
        }
    }
}
