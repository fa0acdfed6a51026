//! An engine that consists of several engines, its shards, each with its own network thread. Torrents are
//! assigned to shards by info hash, so a torrent has the same shard and the same port after a restart, except a
//! hybrid one that was added by its v2 hash alone.

mod balance;
mod copies;
mod gather;
mod hot;
mod queue;

#[cfg(test)]
mod tests;

use std::any::Any;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Instant;

use self::balance::Balance;
use self::copies::{Copies, HomeChange};
use self::gather::Gather;
use self::hot::{Advice, Hot};
use self::queue::Queue;
use super::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::{
    self, Call, SessionRequest, SessionRole, Spread, TorrentRequest, TorrentRole, typed,
};
use crate::model::{Answer, EventKinds, InfoHashes, TorrentId};
use crate::settings::{LISTEN_INTERFACES, SettingValue, Settings};
use crate::sys::catalogue;
use crate::sys::task::ShardPart;
use crate::sys::{DemandRecord, OptionsRecord};

/// The first number for the engine's own requests. The client's requests have lower numbers.
const OWN: u64 = 1 << 63;

pub(crate) struct Sharded<E> {
    shards: Vec<E>,
    /// The shard of each torrent outside the first shard.
    homes: HashMap<TorrentId, u16>,
    /// Requests to several shards.
    gathers: HashMap<u64, Gather>,
    /// The new counters of each shard, until all shards have answered.
    counters: Vec<Option<Vec<i64>>>,
    copies: Copies,
    balance: Balance,
    /// Empty if there is only one shard.
    queue: Queue,
    /// The ports of other shards that the first shard has asked the router to forward.
    forwarded: HashSet<u16>,
    /// The addresses that the client listens on.
    listens: Option<SettingValue>,
    /// A change of these, which is in progress, and the changes of settings after it.
    changes: VecDeque<(u64, SessionRequest)>,
    /// The request to stop listening, which the first of these waits for.
    stopping: Option<u64>,
    /// Present if torrents are replicated on demand.
    hot: Option<Hot>,
    /// The last own number: of a request, or of a copy that was passed to a shard.
    last_own: u64,
    /// Events for the next call of `drain`.
    ready: Vec<EngineEvent>,
}

impl<E: Engine> Sharded<E> {
    /// Starts the shards one after the other, because sessions that started at the same time have raced in
    /// OpenSSL's initialisation. If one fails, those before it are ended.
    pub(crate) fn start(
        count: usize,
        settings: &Settings,
        mut make: impl FnMut(usize) -> Result<E>,
    ) -> Result<Self> {
        let mut shards = Vec::with_capacity(count);
        for number in 0..count {
            match make(number) {
                Ok(shard) => shards.push(shard),
                Err(error) => {
                    end_all(shards)();
                    return Err(error);
                }
            }
        }
        let mut balance = Balance::new(count, Instant::now());
        balance.set(settings);
        let hot = (count > 1 && settings.replicates_on_demand()).then(|| Hot::new(count));
        balance.watch(hot.is_some());
        Ok(Self {
            balance,
            queue: Queue::default(),
            forwarded: HashSet::new(),
            listens: settings.get(LISTEN_INTERFACES).cloned(),
            changes: VecDeque::new(),
            stopping: None,
            hot,
            last_own: OWN,
            counters: vec![None; count],
            shards,
            homes: HashMap::new(),
            gathers: HashMap::new(),
            copies: Copies::default(),
            ready: Vec::new(),
        })
    }

    fn deal(&self, hashes: &InfoHashes) -> usize {
        let v1 = hashes.v1.map(|hash| hash.0[..8].try_into());
        let v2 = || hashes.v2.map(|hash| hash.0[..8].try_into());
        let first = v1.or_else(v2).and_then(|bytes: Result<[u8; 8], _>| bytes.ok());
        let number = first.map_or(0, u64::from_be_bytes) % self.shards.len().max(1) as u64;
        usize::try_from(number).unwrap_or(0)
    }

    /// Returns the shard that has the torrent.
    fn home(&mut self, id: TorrentId) -> Result<&mut E> {
        let shard = self.shard_of(id);
        self.shard(shard)
    }

    fn shard(&mut self, number: usize) -> Result<&mut E> {
        let missing = || Error::new(ErrorKind::NotFound, "", format!("there is no shard {number}"));
        self.shards.get_mut(number).ok_or_else(missing)
    }

    /// Calls all shards even if some fail. Returns the first error.
    fn each(&mut self, ask: impl Fn(&mut E) -> Result<()>) -> Result<()> {
        let results: Vec<_> = self.shards.iter_mut().map(ask).collect();
        results.into_iter().collect()
    }

    fn forget_home(&mut self, id: TorrentId) {
        self.homes.remove(&id);
        self.queue.leave(id);
        if let Some(hot) = &mut self.hot {
            hot.forget(id);
        }
    }

    /// Handles an event from a shard. Returns the event for the client, if any.
    fn pass_on(&mut self, shard: usize, mut event: EngineEvent) -> Option<EngineEvent> {
        if !self.copies.is_empty()
            && let Some(id) = event.torrent()
        {
            event = self.of_replicated(shard, id, event)?;
        }
        match event {
            EngineEvent::Removed(id)
            | EngineEvent::Deleted(id)
            | EngineEvent::DeleteFailed { id, .. } => {
                self.forget_home(id);
                Some(event)
            }
            EngineEvent::Added { id, .. } if shard != self.shard_of(id) => {
                self.end_stray(shard, id);
                None
            }
            EngineEvent::Answered { request, answer } => {
                let answer = self.answered(shard, request, answer)?;
                Some(EngineEvent::Answered { request, answer })
            }
            EngineEvent::ListensAt(addresses) => {
                for address in &addresses {
                    self.forward_port(shard, address.port());
                }
                Some(EngineEvent::ListensAt(addresses))
            }
            EngineEvent::Statistics(counters) => self.counted(shard, counters),
            EngineEvent::Statuses(statuses) => {
                Some(EngineEvent::Statuses(self.whole_statuses(shard, statuses)))
            }
            EngineEvent::EveryStatus(statuses) => {
                let here: HashSet<_> = statuses.iter().map(|status| status.id).collect();
                self.lose_copies(shard, |id| here.contains(id));
                Some(EngineEvent::EveryStatus(self.whole_statuses(shard, statuses)))
            }
            event => Some(event),
        }
    }

    /// Removes an unexpected torrent. Otherwise it would keep running, and no patron could remove it.
    fn end_stray(&mut self, shard: usize, id: TorrentId) {
        tracing::warn!(%id, shard, "removing an unexpected torrent");
        if let Err(error) = self.shard(shard).and_then(|shard| shard.remove(id, false)) {
            tracing::warn!(%id, shard, %error, "it was not removed");
        }
    }

    /// Takes an answer from a shard. Returns the combined answer when all shards have answered.
    fn answered(
        &mut self,
        shard: usize,
        request: u64,
        answer: Result<Answer>,
    ) -> Option<Result<Answer>> {
        let Some(gather) = self.gathers.get_mut(&request) else {
            return self.take_own(request, answer);
        };
        if !gather.take(shard, answer) {
            return None;
        }
        let answer = self.gathers.remove(&request).map(Gather::answer)?;
        if self.stopping.take_if(|number| *number == request).is_some() {
            self.apply_change();
            return None;
        }
        if self.changes.front().is_some_and(|(number, _)| *number == request) {
            self.changes.pop_front();
            self.next_change();
        }
        self.take_balance(request, answer)
    }

    /// Takes an answer that the balance waits for; otherwise returns it.
    fn take_balance(&mut self, request: u64, answer: Result<Answer>) -> Option<Result<Answer>> {
        let next = if self.balance.is_measured_by(request) {
            let now = Instant::now();
            let demand: Vec<_> = answer.and_then(typed).unwrap_or_default();
            self.follow_demand(now, &demand);
            self.balance.measured(now, demand, &mut self.queue)
        } else {
            match self.balance.changed(request) {
                Some(next) => next,
                None => return (request & OWN == 0).then_some(answer),
            }
        };
        if let Some(parts) = next {
            match self.ask_all(request::change_parts(&parts).request) {
                Some(number) => self.balance.changes_by(number),
                None => self.balance.give_up(Instant::now()),
            }
        }
        None
    }

    /// Asks the router to forward a port of another shard. Only the first shard talks to the router.
    fn forward_port(&mut self, shard: usize, port: u16) {
        if shard == 0 || !self.forwarded.insert(port) {
            return;
        }
        let number = self.next_own();
        if let Err(error) = self.request_of_session(number, request::forward(port).request) {
            tracing::warn!(port, %error, "a port is not forwarded");
        }
    }

    /// Returns whether the request changes the addresses that several shards listen on.
    fn moves_listeners(&self, asked: &SessionRequest) -> bool {
        let SessionRole::ChangesSettings(change) = &asked.role else { return false };
        let listens = change.get(LISTEN_INTERFACES).filter(|_| self.shards.len() > 1);
        listens.is_some() && listens != self.listens.as_ref()
    }

    /// Begins the first of the changes. A shard may get a port that another one has until no shard listens.
    fn next_change(&mut self) {
        let Some((_, asked)) = self.changes.front() else { return };
        if !self.moves_listeners(asked) {
            return self.apply_change();
        }
        let number = self.next_own();
        match self.spread(number, request::listen_nowhere().request) {
            Ok(()) => self.stopping = Some(number),
            Err(_) => self.apply_change(),
        }
    }

    fn apply_change(&mut self) {
        let Some((request, asked)) = self.changes.front().cloned() else { return };
        if let SessionRole::ChangesSettings(change) = &asked.role
            && let Some(listens) = change.get(LISTEN_INTERFACES)
        {
            self.listens = Some(listens.clone());
        }
        if let Err(error) = self.spread(request, asked) {
            self.ready.push(EngineEvent::Answered { request, answer: Err(error) });
            self.changes.pop_front();
            self.next_change();
        }
    }

    /// Sends a request to the shards that it is for.
    fn spread(&mut self, request: u64, asked: SessionRequest) -> Result<()> {
        if let Some(shared) = &asked.shared {
            self.balance.set(shared);
        }
        let count = self.shards.len();
        let asked = |number| SessionRequest { part: ShardPart { number, count }, ..asked.clone() };
        let merge = match &asked(0).spread {
            Spread::First => return self.shard(0)?.request_of_session(request, asked(0)),
            Spread::All => None,
            Spread::Merged(merge) => Some(merge.clone()),
        };
        let mut gather = Gather::new(count, merge, None);
        for (number, shard) in self.shards.iter_mut().enumerate() {
            if let Err(error) = shard.request_of_session(request, asked(number))
                && gather.take(number, Err(error))
            {
                return gather.answer().map(|_| ());
            }
        }
        self.gathers.insert(request, gather);
        Ok(())
    }

    fn next_own(&mut self) -> u64 {
        self.last_own += 1;
        self.last_own
    }

    fn follow_demand(&mut self, now: Instant, demand: &[DemandRecord]) {
        let Some(mut hot) = self.hot.take() else { return };
        let advice = hot.measured(now, demand, |id| {
            self.copies.can_have_more(id, self.shards.len()).then(|| self.shard_of(id))
        });
        self.hot = Some(hot);
        for one in advice {
            match one {
                Advice::AddCopy(id) => self.add_copy(id),
                Advice::RemoveCopies(id) => self.remove_copies(id),
            }
        }
    }

    /// Sends an own request to all shards. Returns its number, or `None` if no shard takes it.
    fn ask_all(&mut self, asked: SessionRequest) -> Option<u64> {
        let number = self.next_own();
        let sent = self.request_of_session(number, asked);
        if let Err(error) = &sent {
            tracing::warn!(%error, "the limits of the client were not redistributed");
        }
        sent.is_ok().then_some(number)
    }

    /// Converts between the positions in the client's queue and in that of the torrent's shard.
    fn queue_for(&mut self, id: TorrentId, asked: &mut TorrentRequest) {
        match (&asked.role, &mut asked.call) {
            (TorrentRole::ChangesQueue { to, .. }, call) => {
                let homes = &self.homes;
                let shard = |id| homes.get(&id).copied().unwrap_or(0);
                let here = shard(id);
                let moved = self.queue.move_to(id, *to, |other| shard(other) == here);
                if let Some(to) = moved {
                    *call = request::move_in_queue(to, true).request.call;
                }
            }
            (TorrentRole::GivesOptions, Call::Task(task)) => {
                let Some(position) = self.queue.position(id) else { return };
                let call = task.call.clone();
                task.call = Arc::new(move |torrent| {
                    let mut answer = call(torrent)?;
                    let options = answer.as_mut().and_then(|answer| answer.downcast_mut());
                    if let Some(OptionsRecord { queue_position, .. }) = options
                        && *queue_position >= 0
                    {
                        *queue_position = i32::try_from(position).unwrap_or(i32::MAX);
                    }
                    Ok(answer)
                });
            }
            _ => {}
        }
    }

    fn counted(&mut self, shard: usize, counters: Vec<Vec<i64>>) -> Option<EngineEvent> {
        let mut counters = counters.into_iter().next();
        // A torrent with copies is one torrent.
        if let Some((place, _)) = catalogue::metrics().get("ses.num_seeding_torrents")
            && let Some(seeding) = counters.as_mut().and_then(|values| values.get_mut(*place))
        {
            let copies = i64::try_from(self.copies.seeding(shard)).unwrap_or(i64::MAX);
            *seeding = seeding.saturating_sub(copies).max(0);
        }
        if let Some(place) = self.counters.get_mut(shard) {
            *place = counters;
        }
        if self.counters.iter().any(Option::is_none) {
            return None;
        }
        Some(EngineEvent::Statistics(self.counters.iter_mut().filter_map(Option::take).collect()))
    }
}

impl<E: Engine> Engine for Sharded<E> {
    fn shards(&self) -> usize {
        self.shards.len()
    }

    fn shard_of(&self, id: TorrentId) -> usize {
        self.homes.get(&id).map_or(0, |home| usize::from(*home))
    }

    fn shards_of(&self, id: TorrentId) -> Vec<usize> {
        std::iter::once(self.shard_of(id)).chain(self.copies.shards(id)).collect()
    }

    fn add(
        &mut self,
        id: TorrentId,
        info_hashes: &InfoHashes,
        params: Box<dyn Any + Send>,
    ) -> Result<()> {
        let shard = self.deal(info_hashes);
        if self.shards.len() > 1 {
            self.queue.enter(id);
        }
        if shard > 0 {
            self.homes.insert(id, u16::try_from(shard).unwrap_or(0));
        }
        self.shard(shard)?.add(id, info_hashes, params)
    }

    fn retry_add(&mut self, id: TorrentId) -> Result<()> {
        self.home(id)?.retry_add(id)
    }

    fn forget(&mut self, id: TorrentId) {
        if let Ok(home) = self.home(id) {
            home.forget(id);
        }
        self.end_copies(id);
        self.copies.forget(id);
        self.forget_home(id);
    }

    fn merge(&mut self, id: TorrentId, params: Box<dyn Any + Send>) -> Result<()> {
        self.home(id)?.merge(id, params)?;
        // The copies are added again with the new parameters.
        self.end_copies(id);
        Ok(())
    }

    fn replicate(&mut self, id: TorrentId, shards: usize) {
        if self.shards.len() > 1 {
            self.want_copies(id, shards);
        }
    }

    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()> {
        self.submit(id, HomeChange::Remove(delete_files))
    }

    fn post(&mut self, id: TorrentId, asked: TorrentRequest) -> Result<()> {
        match self.copies.has(id) {
            false => self.home(id)?.post(id, asked),
            true => self.submit(id, HomeChange::Post(Box::new(asked))),
        }
    }

    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        mut asked: TorrentRequest,
    ) -> Result<()> {
        self.queue_for(id, &mut asked);
        match self.copies.has(id) {
            false => self.home(id)?.request_of_torrent(request, id, asked),
            true => self.submit(id, HomeChange::Request(request, Box::new(asked))),
        }
    }

    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()> {
        let changes = matches!(asked.role, SessionRole::ChangesSettings(_));
        if changes && (!self.changes.is_empty() || self.moves_listeners(&asked)) {
            self.changes.push_back((request, asked));
            if self.changes.len() == 1 {
                self.next_change();
            }
            return Ok(());
        }
        if asked.role == SessionRole::GivesQueue && self.shards.len() > 1 {
            let answer = Ok(Box::new(self.queue.places()) as Answer);
            self.ready.push(EngineEvent::Answered { request, answer });
            return Ok(());
        }
        self.spread(request, asked)
    }

    fn subscribe(&mut self, kinds: EventKinds) -> Result<()> {
        self.each(|shard| shard.subscribe(kinds))
    }

    fn request_statuses(&mut self) -> Result<()> {
        self.each(E::request_statuses)
    }

    fn request_every_status(&mut self, shard: usize) -> Result<()> {
        self.shard(shard)?.request_every_status(0)?;
        self.copies.expect_every_status(shard, self.last_own);
        Ok(())
    }

    fn request_statistics(&mut self) -> Result<()> {
        self.counters.fill(None);
        self.each(E::request_statistics)
    }

    fn due(&self) -> Option<Instant> {
        let ready = (!self.ready.is_empty()).then(Instant::now);
        ready.or_else(|| self.balance.due())
    }

    fn drain(&mut self) -> Result<Vec<(usize, EngineEvent)>> {
        let now = Instant::now();
        if self.balance.due().is_some_and(|due| due <= now) {
            match self.ask_all(request::demand(self.balance.queued(now)).request) {
                Some(number) => self.balance.measure(number, now),
                None => self.balance.give_up(now),
            }
        }
        let mut passed = Vec::new();
        for number in 0..self.shards.len() {
            // A failing shard must not hold back events of the others.
            let events = match self.shards[number].drain() {
                Ok(events) => events,
                Err(error) => vec![(0, EngineEvent::EngineFailed(error))],
            };
            for (_, event) in events {
                passed.extend(self.pass_on(number, event).map(|event| (number, event)));
            }
        }
        passed.extend(self.ready.drain(..).map(|event| (0, event)));
        Ok(passed)
    }

    fn abort(self) -> Result<Box<dyn FnOnce() + Send>> {
        Ok(end_all(self.shards))
    }
}

/// Ends all shards. Returns a function that waits for all of them in parallel.
fn end_all<E: Engine>(shards: Vec<E>) -> Box<dyn FnOnce() + Send> {
    let end = |shard: E| shard.abort().map_err(|error| tracing::error!(%error, "not stopped"));
    let last_work: Vec<_> = shards.into_iter().filter_map(|shard| end(shard).ok()).collect();
    Box::new(move || {
        std::thread::scope(|scope| {
            for work in last_work {
                let reaper = std::thread::Builder::new().name("torrent-reaper".into());
                // If the thread cannot be started, dropping the work does the same.
                let _ = reaper.spawn_scoped(scope, work);
            }
        });
    })
}
