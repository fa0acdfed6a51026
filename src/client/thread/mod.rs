//! The loop of the client thread, in the three steps of the Kamaelia component that it descends
//! from: `handle_messages`, `send_status_updates`, and the `tick` that does both.
//!
//! A tick happens when the interval has passed, when a command arrives, or when the engine has
//! something to say. Nothing here waits for the engine or for a patron.

mod alerts;
mod commands;
mod goals;
mod requests;
mod saves;
pub(in crate::client) mod shutdown;

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Select};

use self::goals::OpenGoals;
use self::requests::Requests;
use self::saves::Saves;
use self::shutdown::Order;
use crate::client::state::admission::Admission;
use crate::client::state::torrents::Routes;
use crate::client::{Inbox, Intervals};
use crate::engine::Engine;
use crate::error::{Error, Result};
use crate::messages::service::{Envelope, Member, Service};
use crate::model::{Event, EventKind, EventKinds, Statistics, TorrentId, TorrentStatus};
use crate::reply::Responder;

/// After something has happened to a torrent, its status is asked for before the next tick, but no
/// more often than this.
const SOONEST_STATUS: Duration = Duration::from_millis(100);

/// libtorrent 2.0.8 does not report that a rate has fallen to 0 (it does from 2.0.14). A torrent with
/// a rate is reported each second; one that has not been for this long stands still.
const RATE_LIFETIME: Duration = Duration::from_millis(2500);

/// As good as never, without overflow.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

pub(in crate::client) struct ClientThread<E> {
    pub(in crate::client) engine: E,
    pub(in crate::client) service: Arc<Service>,
    commands: Receiver<Envelope>,
    pub(in crate::client) woken: Receiver<()>,
    orders: Receiver<Order>,
    tick_interval: Duration,
    next_status: Instant,
    pub(in crate::client) routes: Routes,
    pub(in crate::client) admission: Admission,
    pub(in crate::client) statuses: Statuses,
    pub(in crate::client) listening: Listening,
    pub(in crate::client) requests: Requests,
    pub(in crate::client) goals: OpenGoals,
    pub(in crate::client) saves: Saves,
    pub(in crate::client) subscriptions: Subscriptions,
    /// Those who wait for the statistics.
    pub(in crate::client) statistics: Vec<Responder<Statistics>>,
    /// Starts no moves any more.
    pub(in crate::client) stopping: bool,
}

/// Requests for statuses and those who wait for them.
#[derive(Default)]
pub(in crate::client) struct Statuses {
    pub(in crate::client) asked: u64,
    pub(in crate::client) answered: u64,
    pub(in crate::client) last_asked: Option<Instant>,
    /// Something has happened that a status should show soon.
    pub(in crate::client) wanted: bool,
    /// By the number of the request whose answer is fresh enough.
    pub(in crate::client) waiting: BTreeMap<u64, Vec<Asked<TorrentStatus>>>,
    /// Torrents with a rate, and when it was reported.
    pub(in crate::client) moving: HashMap<TorrentId, Instant>,
}

/// What patrons wanted when the client thread last looked.
pub(in crate::client) struct Subscriptions {
    seen: u64,
    /// Of the kinds that cost something.
    pub(in crate::client) wanted: EventKinds,
}

/// A question that the engine answers later.
pub(in crate::client) struct Asked<T> {
    pub(in crate::client) id: TorrentId,
    pub(in crate::client) from: Arc<Member>,
    /// `None`: the answer is an event.
    pub(in crate::client) reply: Option<Responder<T>>,
}

/// Where the client accepts peers, and those who have asked before that was known.
#[derive(Default)]
pub(in crate::client) struct Listening {
    pub(in crate::client) addresses: Vec<SocketAddr>,
    pub(in crate::client) failure: Option<Error>,
    /// libtorrent has tried all.
    pub(in crate::client) settled: bool,
    pub(in crate::client) waiting: Vec<Responder<Vec<SocketAddr>>>,
}

impl Listening {
    pub(in crate::client) fn result(&self) -> Result<Vec<SocketAddr>> {
        match &self.failure {
            Some(error) if self.addresses.is_empty() => Err(error.clone()),
            _ => Ok(self.addresses.clone()),
        }
    }
}

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn new(
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
    pub(in crate::client) fn run(mut self) {
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
