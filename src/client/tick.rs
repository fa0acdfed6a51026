//! The loop of the client thread, in the three steps of the Kamaelia component that it descends
//! from: `handle_messages`, `send_status_updates`, and the `tick` that does both.
//!
//! A tick happens when the interval has passed, when a command arrives, or when the engine has
//! something to say. Nothing here waits for the engine or for a patron.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select};

use super::admission::Admission;
use super::goals::OpenGoals;
use super::requests::Requests;
use super::resume::Saves;
use super::route::Routes;
use super::shutdown::Order;
use super::{Inbox, Intervals};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::event::{Event, EventKind, EventKinds};
use crate::reply::Responder;
use crate::service::{Envelope, Member, Service};
use crate::statistics::Statistics;
use crate::status::TorrentStatus;
use crate::types::TorrentId;

/// After something has happened to a torrent, its status is asked for before the next tick, but no
/// more often than this.
const SOONEST_STATUS: Duration = Duration::from_millis(100);

/// libtorrent 2.0.8 does not report that a rate has fallen to 0 (it does from 2.0.14). A torrent with
/// a rate is reported each second; one that has not been for this long stands still.
const RATE_LIFETIME: Duration = Duration::from_millis(2500);

/// As good as never, without overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(super) struct ClientThread<E> {
    pub(super) engine: E,
    pub(super) service: Arc<Service>,
    commands: Receiver<Envelope>,
    pub(super) woken: Receiver<()>,
    orders: Receiver<Order>,
    tick_interval: Duration,
    next_status: Instant,
    pub(super) routes: Routes,
    pub(super) admission: Admission,
    pub(super) statuses: Statuses,
    pub(super) listening: Listening,
    pub(super) requests: Requests,
    pub(super) goals: OpenGoals,
    pub(super) saves: Saves,
    pub(super) subscriptions: Subscriptions,
    /// Those who wait for the statistics.
    pub(super) statistics: Vec<Responder<Statistics>>,
    /// Starts no moves any more.
    pub(super) stopping: bool,
}

/// Requests for statuses and those who wait for them.
#[derive(Default)]
pub(super) struct Statuses {
    pub(super) asked: u64,
    pub(super) answered: u64,
    pub(super) last_asked: Option<Instant>,
    /// Something has happened that a status should show soon.
    pub(super) wanted: bool,
    /// By the number of the request whose answer is fresh enough.
    pub(super) waiting: BTreeMap<u64, Vec<Asked<TorrentStatus>>>,
    /// Torrents with a rate, and when it was reported.
    pub(super) moving: HashMap<TorrentId, Instant>,
}

/// What patrons wanted when the client thread last looked.
pub(super) struct Subscriptions {
    seen: u64,
    /// Of the kinds that cost something.
    pub(super) wanted: EventKinds,
}

/// A question that the engine answers later.
pub(super) struct Asked<T> {
    pub(super) id: TorrentId,
    pub(super) from: Arc<Member>,
    /// `None`: the answer is an event.
    pub(super) reply: Option<Responder<T>>,
}

/// Where the client accepts peers, and those who have asked before that was known.
#[derive(Default)]
pub(super) struct Listening {
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) failure: Option<Error>,
    /// libtorrent has tried all.
    pub(super) settled: bool,
    pub(super) waiting: Vec<Responder<Vec<SocketAddr>>>,
}

impl Listening {
    pub(super) fn result(&self) -> Result<Vec<SocketAddr>> {
        match &self.failure {
            Some(error) if self.addresses.is_empty() => Err(error.clone()),
            _ => Ok(self.addresses.clone()),
        }
    }
}

impl<E: Engine> ClientThread<E> {
    pub(super) fn new(
        engine: E,
        service: Arc<Service>,
        inbox: Inbox,
        intervals: Intervals,
    ) -> Self {
        Self {
            engine,
            service,
            commands: inbox.commands,
            woken: inbox.woken,
            orders: inbox.orders,
            tick_interval: intervals.tick.min(LONGEST),
            next_status: Instant::now(),
            routes: Routes::default(),
            admission: Admission::default(),
            statuses: Statuses::default(),
            listening: Listening::default(),
            requests: Requests::default(),
            goals: OpenGoals::default(),
            saves: Saves::new(intervals.resume_data.min(LONGEST)),
            subscriptions: Subscriptions { seen: 0, wanted: EventKinds::NONE },
            statistics: Vec::new(),
            stopping: false,
        }
    }

    /// Until the order to stop, or until nobody is left to give it.
    pub(super) fn run(mut self) {
        tracing::info!("the client has started");
        loop {
            self.wait();
            match self.orders.try_recv() {
                Ok(order) => return self.shut_down(order),
                Err(error) if error.is_disconnected() => {
                    return self.shut_down(Order::new(Duration::ZERO).0);
                }
                Err(_) => self.tick(),
            }
        }
    }

    fn wait(&self) {
        let mut select = Select::new();
        select.recv(&self.orders);
        select.recv(&self.woken);
        if !self.is_full() {
            select.recv(&self.commands);
        }
        let others = [self.admission.next_due(), self.saves.next_due()];
        let due = others.into_iter().flatten().fold(self.status_due(), Instant::min);
        // Ready or timed out: the tick looks at everything anyway.
        let _ = select.ready_deadline(due);
    }

    /// Whether enough is under way: patrons wait at the command channel then.
    fn is_full(&self) -> bool {
        self.admission.is_full() || self.requests.is_full()
    }

    fn tick(&mut self) {
        let _ = self.woken.try_recv();
        self.handle_messages();
        self.drain_events();
        self.retry_starts();
        self.start_saves();
        if Instant::now() >= self.status_due() {
            self.send_status_updates();
        }
    }

    /// Takes the commands that are there now, and then sees to the patrons that had left by then:
    /// what they sent before they left comes first.
    fn handle_messages(&mut self) {
        let departures = self.service.take_departures();
        let waiting = self.commands.len();
        // After that: who subscribes and then sends a command is told of all that comes of it.
        self.follow_subscriptions();
        for _ in 0..waiting {
            // Not while patrons are leaving: those commands are older than that.
            if self.is_full() && departures.is_empty() {
                break;
            }
            match self.commands.try_recv() {
                Ok(envelope) => self.handle(envelope),
                Err(_) => break,
            }
        }
        if let Some(&number) = self.statuses.waiting.keys().next_back()
            && number > self.statuses.asked
        {
            self.ask_statuses();
        }
        for member in departures {
            if let Some((member, torrents)) = self.routes.leave(member) {
                for id in torrents {
                    self.see_to_orphan(id, &member);
                }
            }
        }
    }

    /// The engine tells what some patron wants and no more.
    fn follow_subscriptions(&mut self) {
        let now = self.service.subscriptions();
        if std::mem::replace(&mut self.subscriptions.seen, now) == now {
            return;
        }
        let wanted = self.service.interest();
        if std::mem::replace(&mut self.subscriptions.wanted, wanted) != wanted
            && let Err(error) = self.engine.subscribe(wanted)
        {
            tracing::error!(%error, "no subscription");
        }
        if wanted.contains(EventKind::ResumeData) {
            self.save_for_newcomers();
        }
    }

    /// Asks the engine what has changed; the answer goes into the table and to the patrons.
    fn send_status_updates(&mut self) {
        self.next_status = Instant::now() + self.tick_interval;
        self.ask_statuses();
        self.stop_stale_rates();
        self.look_at_goals();
        if self.subscriptions.wanted.contains(EventKind::Statistics) && self.statistics.is_empty() {
            self.ask_statistics();
        }
    }

    fn status_due(&self) -> Instant {
        match self.statuses.last_asked {
            Some(last) if self.statuses.wanted => self.next_status.min(last + SOONEST_STATUS),
            _ => self.next_status,
        }
    }

    fn ask_statuses(&mut self) {
        self.statuses.wanted = false;
        self.statuses.last_asked = Some(Instant::now());
        match self.engine.request_statuses() {
            Ok(()) => self.statuses.asked += 1,
            Err(error) => tracing::error!(%error, "no statuses"),
        }
    }

    /// See [`RATE_LIFETIME`].
    fn stop_stale_rates(&mut self) {
        let now = Instant::now();
        let stale: Vec<_> = self
            .statuses
            .moving
            .extract_if(|_, reported| now.duration_since(*reported) >= RATE_LIFETIME)
            .map(|(id, _)| id)
            .collect();
        for id in stale {
            let still = self.service.statuses.update(id, |status| {
                status.download_rate = 0;
                status.upload_rate = 0;
            });
            if let (Some(status), Some(torrent)) = (still, self.routes.get(id)) {
                torrent.send(Event::Status(status));
            }
        }
    }
}
