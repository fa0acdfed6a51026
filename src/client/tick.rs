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

use super::Inbox;
use super::admission::{Admission, Start};
use super::route::{Closing, Routes, Torrent};
use super::shutdown::Order;
use crate::command::{Files, Job, OnLeave, Started};
use crate::engine::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{ClosedFiles, Event};
use crate::metainfo::Metainfo;
use crate::reply::Responder;
use crate::service::{Envelope, Member, Service};
use crate::status::TorrentStatus;
use crate::types::{InfoHashes, TorrentId};

/// After something has happened to a torrent, its status is asked for before the next tick, but no
/// more often than this.
const SOONEST_STATUS: Duration = Duration::from_millis(100);

/// libtorrent 2.0.8 does not report that a rate has fallen to 0 (it does from 2.0.14). A torrent with
/// a rate is reported each second; one that has not been for this long stands still.
const RATE_LIFETIME: Duration = Duration::from_millis(2500);

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
    statuses: Statuses,
    listening: Listening,
    metainfo: HashMap<TorrentId, Vec<(Arc<Member>, Option<Responder<Metainfo>>)>>,
    /// Starts no moves any more.
    pub(super) stopping: bool,
}

/// Requests for statuses and those who wait for them.
#[derive(Default)]
struct Statuses {
    asked: u64,
    answered: u64,
    last_asked: Option<Instant>,
    /// Something has happened that a status should show soon.
    wanted: bool,
    /// By the number of the request whose answer is fresh enough.
    waiting: BTreeMap<u64, Vec<StatusAsked>>,
    /// Torrents with a rate, and when it was reported.
    moving: HashMap<TorrentId, Instant>,
}

struct StatusAsked {
    id: TorrentId,
    from: Arc<Member>,
    reply: Option<Responder<TorrentStatus>>,
}

/// Where the client accepts peers, and those who have asked before that was known.
#[derive(Default)]
struct Listening {
    addresses: Vec<SocketAddr>,
    failure: Option<Error>,
    /// libtorrent has tried all.
    settled: bool,
    waiting: Vec<Responder<Vec<SocketAddr>>>,
}

impl Listening {
    fn result(&self) -> Result<Vec<SocketAddr>> {
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
        tick_interval: Duration,
    ) -> Self {
        Self {
            engine,
            service,
            commands: inbox.commands,
            woken: inbox.woken,
            orders: inbox.orders,
            tick_interval,
            next_status: Instant::now(),
            routes: Routes::default(),
            admission: Admission::default(),
            statuses: Statuses::default(),
            listening: Listening::default(),
            metainfo: HashMap::new(),
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
        if !self.admission.is_full() {
            select.recv(&self.commands);
        }
        let due =
            self.admission.next_due().map_or(self.status_due(), |due| due.min(self.status_due()));
        // Ready or timed out: the tick looks at everything anyway.
        let _ = select.ready_deadline(due);
    }

    fn tick(&mut self) {
        let _ = self.woken.try_recv();
        self.handle_messages();
        self.drain_events();
        self.retry_starts();
        if Instant::now() >= self.status_due() {
            self.send_status_updates();
        }
    }

    /// Takes the commands that are there now, and then sees to the patrons that had left by then:
    /// what they sent before they left comes first.
    fn handle_messages(&mut self) {
        let departures = self.service.take_departures();
        let waiting = self.commands.len();
        for _ in 0..waiting {
            // Not while patrons are leaving: those commands are older than that.
            if self.admission.is_full() && departures.is_empty() {
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

    /// Asks the engine what has changed; the answer goes into the table and to the patrons.
    fn send_status_updates(&mut self) {
        self.next_status = Instant::now() + self.tick_interval;
        self.ask_statuses();
        self.stop_stale_rates();
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

    // Commands.

    fn handle(&mut self, Envelope { from, job }: Envelope) {
        match job {
            Job::Start(prepared, reply) => self.begin(Start::new(from, *prepared, reply)),
            Job::Close(id, files, reply) => self.close(id, files, from, reply),
            Job::Pause(id, reply) => {
                let result =
                    self.routes.open(id, "pause the torrent").and_then(|_| self.engine.pause(id));
                answer(&from, "Pause", id, reply, result);
            }
            Job::Resume(id, reply) => {
                let result = self.routes.open(id, "resume the torrent").and_then(|torrent| {
                    torrent.forget_error();
                    self.engine.resume(id)
                });
                answer(&from, "Resume", id, reply, result);
            }
            Job::Status(id, reply) => match self.routes.open(id, "get the status") {
                Ok(_) => {
                    let number = self.statuses.asked + 1;
                    let asked = StatusAsked { id, from, reply };
                    self.statuses.waiting.entry(number).or_default().push(asked);
                }
                Err(error) => answer(&from, "Status", id, reply, Err(error)),
            },
            Job::Metainfo(id, reply) => {
                let result = self
                    .routes
                    .open(id, "get the metainfo")
                    .and_then(|_| self.engine.request_metainfo(id));
                match result {
                    Ok(()) => self.metainfo.entry(id).or_default().push((from, reply)),
                    Err(error) => answer(&from, "Metainfo", id, reply, Err(error)),
                }
            }
            Job::Watch(id, reply) => {
                let result = self.routes.open(id, "watch the torrent").map(|_| ());
                if result.is_ok() {
                    self.routes.watch(id, &from);
                    if let Some(status) = self.service.statuses.get(id) {
                        from.mailbox.push(Event::Status(status));
                    }
                }
                answer(&from, "Watch", id, reply, result);
            }
            Job::Unwatch(id, reply) => {
                let result = self.routes.open(id, "unwatch the torrent").map(|_| ());
                self.routes.unwatch(id, &from);
                answer(&from, "Unwatch", id, reply, result);
            }
            Job::ListenAddresses(reply) => {
                if self.listening.settled {
                    reply.send(self.listening.result());
                } else {
                    self.listening.waiting.push(reply);
                }
            }
        }
    }

    fn begin(&mut self, mut start: Start) {
        let busy =
            |what: &str| Error::new(ErrorKind::Busy, START, format!("{}: {what}", start.source));
        if let Some(id) = self.routes.find(&start.info_hashes) {
            let Some(known) = self.routes.get(id) else { return };
            if known.closing.is_some() {
                let why = busy("the same torrent is just being closed");
                return self.postpone(start, why);
            }
            let name = known.name.clone();
            return match start.reply {
                Some(reply) => reply.send(Ok(Started::AlreadyDownloading(id))),
                None => start.from.mailbox.push(Event::AlreadyDownloading { id, name }),
            };
        }
        if self.admission.has(&start.info_hashes) {
            let why = busy("the same torrent is just being started");
            return self.postpone(start, why);
        }
        let handed_over = match start.params.take() {
            Some(params) => self.engine.add(start.id, params),
            None => self.engine.retry_add(start.id),
        };
        match handed_over {
            Ok(()) => self.admission.hand_over(start),
            Err(error) => self.fail(start, error),
        }
    }

    fn postpone(&mut self, start: Start, why: Error) {
        tracing::debug!(source = &*start.source, %why, "the start is tried again later");
        if let Some((start, error)) = self.admission.postpone(start, why) {
            self.fail(start, error);
        }
    }

    fn fail(&mut self, start: Start, error: Error) {
        self.engine.forget_add(start.id);
        tracing::warn!(source = &*start.source, %error, "a torrent was not started");
        match start.reply {
            Some(reply) => reply.send(Err(error)),
            None => {
                let source = start.source;
                start.from.mailbox.push(Event::StartFailed { source, error });
            }
        }
    }

    fn retry_starts(&mut self) {
        for start in self.admission.take_due() {
            self.begin(start);
        }
    }

    fn close(
        &mut self,
        id: TorrentId,
        files: Files,
        from: Arc<Member>,
        reply: Option<Responder<()>>,
    ) {
        let torrent = match self.routes.open(id, "close the torrent") {
            Ok(torrent) => torrent,
            Err(error) => return answer(&from, "CloseTorrent", id, reply, Err(error)),
        };
        match self.engine.remove(id, files == Files::Delete) {
            Ok(()) => torrent.closing = Some(Closing { files, from, reply }),
            Err(error) => answer(&from, "CloseTorrent", id, reply, Err(error)),
        }
    }

    /// A torrent whose owner has left.
    fn see_to_orphan(&mut self, id: TorrentId, owner: &Arc<Member>) {
        match owner.on_leave() {
            OnLeave::KeepSeeding => {}
            OnLeave::Pause => {
                if let Err(error) = self.engine.pause(id) {
                    tracing::warn!(%id, %error, "the torrent of a patron that left goes on");
                }
            }
            OnLeave::Close => self.close(id, Files::Keep, owner.clone(), None),
        }
    }

    // Events.

    pub(super) fn drain_events(&mut self) {
        match self.engine.drain() {
            Ok(events) => events.into_iter().for_each(|event| self.route(event)),
            Err(error) => tracing::error!(%error, "no events"),
        }
    }

    fn route(&mut self, event: EngineEvent) {
        match event {
            EngineEvent::Added { id, name, info_hashes } => self.created(id, name, info_hashes),
            EngineEvent::AddFailed { id, error, busy } => {
                let Some(start) = self.admission.answered(id) else { return };
                if busy { self.postpone(start, error) } else { self.fail(start, error) }
            }
            EngineEvent::Removed(id) => {
                let kept = |closing: &Closing| closing.files == Files::Keep;
                let closing = self.routes.get(id).and_then(|torrent| torrent.closing.as_ref());
                if closing.is_none_or(kept) {
                    self.closed(id, ClosedFiles::Kept);
                }
            }
            EngineEvent::Deleted(id) => self.closed(id, ClosedFiles::Deleted),
            EngineEvent::DeleteFailed { id, error } => {
                self.closed(id, ClosedFiles::NotDeleted(error));
            }
            EngineEvent::StateChanged { id, state } => {
                self.tell(id, |name| Event::StateChanged { id, name, state });
                self.note(id, |status| status.state = state);
            }
            EngineEvent::Paused(id) => {
                self.tell(id, |name| Event::Paused { id, name });
                self.note(id, |status| status.paused = true);
            }
            EngineEvent::Resumed(id) => {
                self.tell(id, |name| Event::Resumed { id, name });
                self.note(id, |status| status.paused = false);
            }
            EngineEvent::Checked(id) => {
                self.tell(id, |name| Event::Checked { id, name });
                self.note(id, |_| ());
            }
            EngineEvent::Finished(id) => self.finished(id),
            EngineEvent::MetadataReceived { id, name, info_hashes } => {
                let name: Arc<str> = name.into();
                self.routes.learn(id, name.clone(), info_hashes);
                self.note(id, |status| {
                    status.name = name;
                    status.has_metadata = true;
                });
                self.tell(id, |name| Event::MetadataReceived { id, name, info_hashes });
            }
            EngineEvent::Moved { id, to } => {
                let Some(torrent) = self.routes.get_mut(id) else { return };
                torrent.moving = false;
                self.tell(id, |name| Event::Moved { id, name, save_dir: to });
            }
            EngineEvent::MoveFailed { id, error } => {
                let Some(torrent) = self.routes.get_mut(id) else { return };
                torrent.moving = false;
                self.tell(id, |name| Event::Error { id, name, error });
            }
            EngineEvent::Metainfo { id, torrent_file } => self.metainfo_came(id, torrent_file),
            EngineEvent::Failed { id, error } => {
                let Some(torrent) = self.routes.get_mut(id) else { return };
                if torrent.is_news(&error) {
                    tracing::warn!(%id, %error, "a torrent met an error");
                    self.tell(id, |name| Event::Error { id, name, error });
                }
                self.note(id, |_| ());
            }
            EngineEvent::HashFailed { id, piece } => {
                self.tell(id, |name| Event::HashFailed { id, name, piece });
            }
            EngineEvent::TrackerFailed { id, url, times_in_row, error } => {
                let url = url.into();
                self.tell(id, |name| Event::TrackerError { id, name, url, times_in_row, error });
            }
            EngineEvent::Listening(address) => {
                tracing::info!(%address, "listening");
                if !self.listening.addresses.contains(&address) {
                    self.listening.addresses.push(address);
                    self.service.broadcast(&Event::Listening { address });
                }
            }
            EngineEvent::ListenFailed { address, error } => {
                tracing::error!(address, %error, "not listening");
                let address = address.into();
                self.service.broadcast(&Event::ListenFailed { address, error: error.clone() });
                self.listening.failure.get_or_insert(error);
            }
            EngineEvent::EngineFailed(error) => {
                tracing::error!(%error, "libtorrent is in trouble");
            }
            EngineEvent::Statuses(statuses) => {
                self.statuses.answered += 1;
                self.take_statuses(statuses);
                self.settle_listening();
                self.answer_statuses();
            }
            EngineEvent::Dropped => {
                tracing::warn!("libtorrent's alert queue was full; asking for every status");
                if let Err(error) = self.engine.request_every_status() {
                    tracing::error!(%error, "not resynchronized");
                }
            }
            EngineEvent::EveryStatus(Ok(statuses)) => self.resynchronize(statuses),
            EngineEvent::EveryStatus(Err(error)) => {
                tracing::error!(%error, "not resynchronized");
            }
        }
    }

    fn tell(&self, id: TorrentId, event: impl FnOnce(Arc<str>) -> Event) {
        if let Some(torrent) = self.routes.get(id) {
            let event = event(torrent.name.clone());
            tracing::debug!(%event);
            torrent.send(event);
        }
    }

    /// Puts what an event says into the table, and has the rest of the status asked for soon.
    fn note(&mut self, id: TorrentId, change: impl FnOnce(&mut TorrentStatus)) {
        self.service.statuses.update(id, change);
        self.statuses.wanted = true;
    }

    fn created(&mut self, id: TorrentId, name: String, info_hashes: InfoHashes) {
        let Some(start) = self.admission.answered(id) else { return };
        // The name of a magnet link without one is its info hash, which libtorrent leaves empty.
        let name = if name.is_empty() { start.name } else { name.into() };
        let info_hashes =
            if info_hashes == InfoHashes::default() { start.info_hashes } else { info_hashes };
        let owner = (!start.from.has_left()).then(|| start.from.clone());
        let torrent = Torrent::new(name.clone(), info_hashes, owner, start.move_to);
        self.routes.insert(id, torrent);
        self.service.statuses.insert(TorrentStatus::starting(id, name, start.paused));
        self.statuses.wanted = true;
        let save_dir = start.save_dir;
        self.tell(id, |name| Event::TorrentCreated { id, name, info_hashes, save_dir });
        if start.from.has_left() {
            self.see_to_orphan(id, &start.from);
        }
        if let Some(reply) = start.reply {
            reply.send(Ok(Started::Created(id)));
        }
        self.admission.nudge();
    }

    fn finished(&mut self, id: TorrentId) {
        let Some(torrent) = self.routes.get_mut(id) else { return };
        torrent.finished = true;
        let move_to = (!self.stopping).then(|| torrent.move_to.take()).flatten();
        torrent.moving = move_to.is_some();
        self.tell(id, |name| Event::Finished { id, name });
        self.note(id, |status| {
            status.finished = true;
            status.progress = 1.0;
        });
        if let Some(to) = move_to
            && let Err(error) = self.engine.move_storage(id, &to)
        {
            self.route(EngineEvent::MoveFailed { id, error });
        }
    }

    fn closed(&mut self, id: TorrentId, files: ClosedFiles) {
        let Some(mut torrent) = self.routes.remove(id) else { return };
        self.service.statuses.remove(id);
        self.statuses.moving.remove(&id);
        for (_, reply) in self.metainfo.remove(&id).unwrap_or_default() {
            if let Some(reply) = reply {
                reply.send(Err(Error::new(ErrorKind::Gone, "get the metainfo", "it was closed")));
            }
        }
        let event = Event::Closed { id, name: torrent.name.clone(), files: files.clone() };
        tracing::debug!(%event);
        if let Some(Closing { from, reply, .. }) = torrent.closing.take() {
            match reply {
                Some(reply) => reply.send(match files {
                    ClosedFiles::NotDeleted(error) => Err(error),
                    ClosedFiles::Kept | ClosedFiles::Deleted => Ok(()),
                }),
                None if !torrent.has(&from) => from.mailbox.push(event.clone()),
                None => {}
            }
        }
        torrent.send(event);
        self.admission.nudge();
    }

    fn metainfo_came(&mut self, id: TorrentId, torrent_file: Result<Vec<u8>>) {
        // Each request has its own answer, in order.
        let Some(asked) = self.metainfo.get_mut(&id) else { return };
        let (from, reply) = asked.remove(0);
        if asked.is_empty() {
            self.metainfo.remove(&id);
        }
        match (torrent_file, reply) {
            (Ok(bytes), Some(reply)) => reply.send_work(move || Metainfo::decode(&bytes)),
            (Ok(bytes), None) => {
                let Some(torrent) = self.routes.get(id) else { return };
                let (name, torrent_file) = (torrent.name.clone(), bytes.into());
                from.mailbox.push(Event::Metainfo { id, name, torrent_file });
            }
            (Err(error), reply) => {
                answer(&from, "Metainfo", id, reply, Err(error.on(id)));
            }
        }
    }

    // Statuses.

    fn take_statuses(&mut self, statuses: Vec<TorrentStatus>) {
        for status in statuses {
            let id = status.id;
            let Some(torrent) = self.routes.get(id) else { continue };
            if torrent.closing.is_some() {
                continue;
            }
            if status.download_rate > 0 || status.upload_rate > 0 {
                self.statuses.moving.insert(id, status.updated);
            } else {
                self.statuses.moving.remove(&id);
            }
            let name = torrent.name.clone();
            let status = TorrentStatus { name, ..status };
            self.service.statuses.update(id, |known| known.clone_from(&status));
            torrent.send(Event::Status(status));
        }
    }

    fn answer_statuses(&mut self) {
        let still_waiting = self.statuses.waiting.split_off(&(self.statuses.answered + 1));
        let answered = std::mem::replace(&mut self.statuses.waiting, still_waiting);
        for StatusAsked { id, from, reply } in answered.into_values().flatten() {
            let status = self.service.statuses.get(id).ok_or_else(|| {
                Error::new(ErrorKind::Gone, "get the status", format!("{id} was closed"))
            });
            match (status, reply) {
                (Ok(status), None) => from.mailbox.push(Event::Status(status)),
                (status, reply) => answer(&from, "Status", id, reply, status),
            }
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

    /// libtorrent opens its sockets before it answers the first request for statuses.
    fn settle_listening(&mut self) {
        if !self.listening.settled {
            self.listening.settled = true;
            for reply in std::mem::take(&mut self.listening.waiting) {
                reply.send(self.listening.result());
            }
        }
    }

    /// After lost events: what the statuses say that nobody was told is told now.
    fn resynchronize(&mut self, statuses: Vec<TorrentStatus>) {
        let here: std::collections::HashSet<_> = statuses.iter().map(|status| status.id).collect();
        for status in &statuses {
            let id = status.id;
            let Some(known) = self.service.statuses.get(id) else { continue };
            let was_finished = self.routes.get(id).is_some_and(|torrent| torrent.finished);
            if known.state != status.state {
                let state = status.state;
                self.route(EngineEvent::StateChanged { id, state });
            }
            if known.paused != status.paused {
                let changed =
                    if status.paused { EngineEvent::Paused(id) } else { EngineEvent::Resumed(id) };
                self.route(changed);
            }
            if status.finished && !was_finished {
                self.route(EngineEvent::Finished(id));
            }
            if let Some(error) = &status.error {
                self.route(EngineEvent::Failed { id, error: error.clone() });
            }
        }
        let gone: Vec<_> =
            self.routes.iter().map(|(id, _)| id).filter(|id| !here.contains(id)).collect();
        for id in gone {
            self.closed(id, ClosedFiles::Kept);
        }
        for id in self.admission.under_way() {
            if let Some(start) = self.admission.answered(id) {
                let why = "libtorrent lost its answer under load";
                self.fail(start, Error::new(ErrorKind::Busy, START, why));
            }
        }
        self.take_statuses(statuses);
        self.statuses.answered = self.statuses.asked;
        self.settle_listening();
        self.answer_statuses();
        self.service.broadcast(&Event::Resynchronized);
    }
}

const START: &str = "start the torrent";

/// Answers by the reply where there is one; else a failure becomes an event.
fn answer<T>(
    from: &Member,
    command: &'static str,
    id: TorrentId,
    reply: Option<Responder<T>>,
    result: Result<T>,
) {
    match (reply, result) {
        (Some(reply), result) => reply.send(result),
        (None, Err(error)) => from.mailbox.push(Event::CommandFailed { command, id, error }),
        (None, Ok(_)) => {}
    }
}
