//! Torrents that several shards serve. A copy of a torrent in another shard reads the same files. Only
//! complete torrents are copied. A copy never writes, moves, renames or checks: its copies are removed before
//! a torrent changes, and are added again when the torrent is complete and running. The client sees one
//! torrent.

use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::gather::Gather;
use super::{OWN, Sharded};
use crate::engine::{Engine, EngineEvent};
use crate::error::{ErrorKind, Result};
use crate::messages::request::{self, Call, TorrentRequest};
use crate::model::{Answer, InfoHashes, TorrentId, TorrentStatus};

#[derive(Default)]
pub(super) struct Copies {
    torrents: HashMap<TorrentId, Replicated>,
    /// The engine's own requests that have not been answered.
    asked: HashMap<u64, TorrentId>,
    /// Requests that change a torrent and have not been answered.
    changing: HashMap<u64, TorrentId>,
    /// The shards that were asked for every status, each with the last own number before that.
    snapshots: Vec<(usize, u64)>,
}

/// A torrent that has copies, should have copies, or had copies.
struct Replicated {
    /// The number of shards that should serve the torrent.
    wanted: usize,
    /// The number of them that the program has asked for. Others follow the demand.
    asked: usize,
    /// The status in the torrent's own shard.
    home: Option<TorrentStatus>,
    copies: Vec<TorrentCopy>,
    /// The bytes that removed copies have sent.
    sent: u64,
    /// The changes to apply when no copy is left.
    waiting: VecDeque<HomeChange>,
    /// Copying has failed. It is not tried again until the torrent changes.
    refused: bool,
}

struct TorrentCopy {
    shard: usize,
    state: CopyState,
    /// The own number with which it was passed to its shard; 0 before that.
    number: u64,
    status: Option<TorrentStatus>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CopyState {
    /// This request asks the torrent's shard for the parameters of the copy.
    Asked(u64),
    Adding,
    /// The copy is removed as soon as it is added.
    Unwanted,
    Here,
    Ending,
}

/// A change to a torrent.
pub(super) enum HomeChange {
    Request(u64, Box<TorrentRequest>),
    /// A request without an answer.
    Post(Box<TorrentRequest>),
    /// Removes the torrent, and deletes its files if true.
    Remove(bool),
}

impl HomeChange {
    fn ends_copies(&self) -> bool {
        match self {
            Self::Request(_, asked) | Self::Post(asked) => asked.ends_copies(),
            Self::Remove(_) => true,
        }
    }
}

fn runs(status: &TorrentStatus) -> bool {
    status.seeding && !status.paused && status.error.is_none()
}

impl Replicated {
    fn is_ready(&self) -> bool {
        let is_free = !self.refused && self.waiting.is_empty();
        is_free && self.home.as_ref().is_some_and(runs)
    }

    /// Returns how many bytes the copies have sent.
    fn sent_by_copies(&self) -> u64 {
        let statuses = self.copies.iter().filter_map(|copy| copy.status.as_ref());
        self.sent + statuses.map(|status| status.uploaded).sum::<u64>()
    }

    /// Returns the status of the torrent including its copies.
    fn status(&self) -> Option<TorrentStatus> {
        let mut whole = self.home.clone()?;
        for copy in self.copies.iter().filter_map(|copy| copy.status.as_ref()) {
            whole.upload_rate += copy.upload_rate;
            whole.peers += copy.peers;
            whole.seeds += copy.seeds;
            whole.connections += copy.connections;
            whole.needs_saving |= copy.uploaded > 0;
            whole.updated = whole.updated.max(copy.updated);
        }
        let sent = self.sent_by_copies();
        whole.uploaded += sent;
        whole.all_time_uploaded += sent;
        whole.saved_figures.uploaded += sent;
        Some(whole)
    }

    /// Removes the copy in this shard.
    fn ended(&mut self, shard: usize) {
        if let Some(place) = self.copies.iter().position(|copy| copy.shard == shard) {
            let copy = self.copies.swap_remove(place);
            self.sent += copy.status.map_or(0, |status| status.uploaded);
        }
    }
}

impl Copies {
    /// Returns whether no torrent is replicated.
    pub(super) fn is_empty(&self) -> bool {
        self.torrents.is_empty()
    }

    /// Returns the shards that have a copy.
    pub(super) fn shards(&self, id: TorrentId) -> impl Iterator<Item = usize> {
        let copies = self.torrents.get(&id).into_iter().flat_map(|torrent| &torrent.copies);
        copies.filter(|copy| copy.state == CopyState::Here).map(|copy| copy.shard)
    }

    /// Returns whether another one of this many shards could serve the torrent.
    pub(super) fn can_have_more(&self, id: TorrentId, shards: usize) -> bool {
        let has_all = |torrent: &Replicated| torrent.refused || torrent.wanted >= shards;
        !self.torrents.get(&id).is_some_and(has_all)
    }

    /// Returns how many copies in this shard count as torrents that have everything.
    pub(super) fn seeding(&self, shard: usize) -> usize {
        let copies = self.torrents.values().flat_map(|torrent| &torrent.copies);
        let is_seeding = |copy: &TorrentCopy| copy.status.as_ref().is_some_and(runs);
        copies.filter(|copy| copy.shard == shard && is_seeding(copy)).count()
    }

    pub(super) fn has(&self, id: TorrentId) -> bool {
        self.torrents.contains_key(&id)
    }

    pub(super) fn forget(&mut self, id: TorrentId) {
        self.torrents.remove(&id);
    }

    /// Records that a shard was asked for every status, after this own number. Only copies that it was passed
    /// before can be missing.
    pub(super) fn expect_every_status(&mut self, shard: usize, last_own: u64) {
        self.snapshots.push((shard, last_own));
    }
}

impl<E: Engine> Sharded<E> {
    pub(super) fn want_copies(&mut self, id: TorrentId, shards: usize) {
        let torrent = self.replicated(id);
        (torrent.asked, torrent.wanted) = (shards, shards);
    }

    /// Lets one more shard serve the torrent.
    pub(super) fn add_copy(&mut self, id: TorrentId) {
        self.replicated(id).wanted += 1;
        self.make_copies(id);
    }

    /// Lets only as many shards serve the torrent as the program has asked for.
    pub(super) fn remove_copies(&mut self, id: TorrentId) {
        let torrent = self.replicated(id);
        torrent.wanted = torrent.asked;
        let kept = torrent.asked.saturating_sub(1);
        self.end_copies_after(id, kept);
    }

    fn replicated(&mut self, id: TorrentId) -> &mut Replicated {
        self.copies.torrents.entry(id).or_insert_with(|| Replicated {
            wanted: 1,
            asked: 1,
            home: None,
            copies: Vec::new(),
            sent: 0,
            waiting: VecDeque::new(),
            refused: false,
        })
    }

    /// Applies a change, now or when the copies have been removed.
    pub(super) fn submit(&mut self, id: TorrentId, change: HomeChange) -> Result<()> {
        let Some(torrent) = self.copies.torrents.get_mut(&id) else {
            return self.apply(id, change);
        };
        let ends = change.ends_copies();
        torrent.refused &= !ends;
        if torrent.waiting.is_empty() && (torrent.copies.is_empty() || !ends) {
            return self.apply(id, change);
        }
        torrent.waiting.push_back(change);
        if ends {
            self.end_copies(id);
        }
        Ok(())
    }

    fn apply(&mut self, id: TorrentId, change: HomeChange) -> Result<()> {
        let home = self.shard_of(id);
        let torrent = self.copies.torrents.get(&id);
        match change {
            HomeChange::Remove(delete_files) => self.shard(home)?.remove(id, delete_files),
            HomeChange::Post(asked) => self.shard(home)?.post(id, *asked),
            HomeChange::Request(number, mut asked) => {
                let changes = asked.ends_copies();
                if let (Some(data), Some(torrent)) = (&mut asked.client_data, torrent) {
                    data.sent_by_copies = torrent.sent_by_copies();
                }
                let merge = match &asked.call {
                    Call::Task(task) => task.merge.clone(),
                    Call::Posting(_) => None,
                };
                let others: Vec<_> = match merge {
                    Some(_) => self.copies.shards(id).map(|shard| (shard, asked.clone())).collect(),
                    None => Vec::new(),
                };
                self.shard(home)?.request_of_torrent(number, id, *asked)?;
                if !others.is_empty() {
                    let mut gather = Gather::new(others.len() + 1, merge, Some(home));
                    for (shard, asked) in others {
                        let request = |shard: &mut E| shard.request_of_torrent(number, id, *asked);
                        if let Err(error) = self.shard(shard).and_then(request) {
                            gather.take(shard, Err(error));
                        }
                    }
                    self.gathers.insert(number, gather);
                }
                if changes && self.copies.has(id) {
                    self.copies.changing.insert(number, id);
                }
                Ok(())
            }
        }
    }

    pub(super) fn end_copies(&mut self, id: TorrentId) {
        self.end_copies_after(id, 0);
    }

    fn end_copies_after(&mut self, id: TorrentId, kept: usize) {
        let Some(torrent) = self.copies.torrents.get_mut(&id) else { return };
        let mut ended = Vec::new();
        for copy in torrent.copies.iter_mut().skip(kept) {
            match copy.state {
                CopyState::Asked(_) => ended.push(copy.shard),
                CopyState::Adding => copy.state = CopyState::Unwanted,
                CopyState::Here => match self.shards[copy.shard].remove(id, false) {
                    Ok(()) => copy.state = CopyState::Ending,
                    Err(_) => ended.push(copy.shard),
                },
                CopyState::Unwanted | CopyState::Ending => {}
            }
        }
        for shard in ended {
            torrent.ended(shard);
        }
        self.apply_waiting(id);
    }

    /// Applies the changes that wait, if no copy is left.
    fn apply_waiting(&mut self, id: TorrentId) {
        while let Some(torrent) = self.copies.torrents.get_mut(&id)
            && torrent.copies.is_empty()
            && let Some(change) = torrent.waiting.pop_front()
        {
            let request = match &change {
                HomeChange::Request(request, _) => Some(*request),
                HomeChange::Post(_) | HomeChange::Remove(_) => None,
            };
            let removes = matches!(change, HomeChange::Remove(_));
            match (self.apply(id, change), request) {
                (Err(error), Some(request)) => {
                    self.ready.push(EngineEvent::Answered { request, answer: Err(error) });
                }
                // The shard does not have the torrent.
                (Err(_), None) if removes => self.ready.push(EngineEvent::Removed(id)),
                // Its reply has been sent.
                (Err(error), None) => tracing::warn!(%id, %error, "a change was not applied"),
                (Ok(_), _) => {}
            }
        }
    }

    /// Adds the missing copies.
    fn make_copies(&mut self, id: TorrentId) {
        if self.copies.changing.values().any(|of| *of == id) {
            return;
        }
        let (home, count) = (self.shard_of(id), self.shards.len());
        while let Some(torrent) = self.copies.torrents.get(&id)
            && torrent.is_ready()
            && torrent.copies.len() + 1 < torrent.wanted.min(count)
        {
            let is_free = |shard: &usize| torrent.copies.iter().all(|copy| copy.shard != *shard);
            let load = |shard: usize| self.hot.as_ref().map_or(0.0, |hot| hot.load(shard));
            let free = (1..count).map(|step| (home + step) % count).filter(is_free);
            let next = free.min_by(|a, b| load(*a).total_cmp(&load(*b)));
            let Some(shard) = next else { return };
            let number = self.next_own();
            let asked = self.shards[home].request_of_torrent(number, id, request::copy().request);
            let Some(torrent) = self.copies.torrents.get_mut(&id) else { return };
            match asked {
                Ok(()) => {
                    self.copies.asked.insert(number, id);
                    let state = CopyState::Asked(number);
                    torrent.copies.push(TorrentCopy { shard, state, number: 0, status: None });
                }
                Err(_) => torrent.refused = true,
            }
        }
    }

    /// Takes the answer if the request is the engine's own; otherwise returns it.
    pub(super) fn take_own(
        &mut self,
        request: u64,
        answer: Result<Answer>,
    ) -> Option<Result<Answer>> {
        if let Some(id) = self.copies.changing.remove(&request) {
            self.make_copies(id);
        }
        let Some(id) = self.copies.asked.remove(&request) else {
            return (request & OWN == 0).then_some(answer);
        };
        let number = self.next_own();
        let torrent = self.copies.torrents.get_mut(&id)?;
        let asked = |copy: &&mut TorrentCopy| copy.state == CopyState::Asked(request);
        let copy = torrent.copies.iter_mut().find(asked)?;
        let shard = copy.shard;
        let hashes = InfoHashes::default();
        match answer.and_then(|params| self.shards[shard].add(id, &hashes, params)) {
            Ok(()) => {
                copy.number = number;
                copy.state = CopyState::Adding;
            }
            Err(error) => {
                tracing::debug!(%id, shard, %error, "not copied");
                match error.kind() {
                    // It has stopped since its status was taken, so there will be another one.
                    ErrorKind::Busy => torrent.home = None,
                    _ => torrent.refused = true,
                }
                torrent.ended(shard);
            }
        }
        None
    }

    /// Handles an event of a torrent that may have copies. Returns the event for the client, if any.
    pub(super) fn of_replicated(
        &mut self,
        shard: usize,
        id: TorrentId,
        event: EngineEvent,
    ) -> Option<EngineEvent> {
        if !self.copies.has(id) {
            return Some(event);
        }
        if shard == self.shard_of(id) {
            match event {
                EngineEvent::Removed(_) => {
                    self.end_copies(id);
                    self.copies.forget(id);
                }
                EngineEvent::Failed { .. } => self.end_copies(id),
                _ => {}
            }
            return Some(event);
        }
        let torrent = self.copies.torrents.get_mut(&id)?;
        let copy = torrent.copies.iter_mut().find(|copy| copy.shard == shard);
        match event {
            EngineEvent::Added { .. } => {
                let Some(copy) = copy else { return Some(event) };
                let unwanted = copy.state == CopyState::Unwanted;
                if unwanted || copy.state == CopyState::Adding {
                    tracing::info!(%id, shard, "a torrent is served by one more network thread");
                    copy.state = CopyState::Here;
                }
                if unwanted {
                    self.end_copies(id);
                }
                None
            }
            EngineEvent::AddFailed { error, .. } => {
                tracing::warn!(%id, shard, %error, "a torrent is not served by one more thread");
                torrent.refused = true;
                self.shards[shard].forget(id);
                self.copy_ended(id, shard);
                None
            }
            EngineEvent::Removed(_) => {
                self.copy_ended(id, shard);
                None
            }
            // The copy reads the files of the torrent, so the torrent must stop too.
            EngineEvent::Failed { .. } => {
                let pause = Box::new(request::pause(false).request);
                if let Err(error) = self.submit(id, HomeChange::Post(pause)) {
                    tracing::warn!(%id, %error, "a torrent with an error was not paused");
                }
                Some(event)
            }
            EngineEvent::OfTorrent(_) | EngineEvent::TrackerFailed { .. } => Some(event),
            _ => None,
        }
    }

    fn copy_ended(&mut self, id: TorrentId, shard: usize) {
        if let Some(torrent) = self.copies.torrents.get_mut(&id) {
            torrent.ended(shard);
        }
        self.apply_waiting(id);
        self.make_copies(id);
    }

    /// Returns the statuses from a shard, with the copies included in those of their torrents.
    pub(super) fn whole_statuses(
        &mut self,
        shard: usize,
        statuses: Vec<TorrentStatus>,
    ) -> Vec<TorrentStatus> {
        let statuses = match self.copies.is_empty() {
            true => statuses,
            false => self.with_copies(shard, statuses),
        };
        if let Some(hot) = &mut self.hot {
            let now = Instant::now();
            statuses.iter().for_each(|status| hot.take_status(status, now));
        }
        if self.shards.len() > 1 {
            statuses.iter().for_each(|status| self.queue.take_status(status));
        }
        statuses
    }

    fn with_copies(&mut self, shard: usize, statuses: Vec<TorrentStatus>) -> Vec<TorrentStatus> {
        let mut whole = Vec::with_capacity(statuses.len());
        for status in statuses {
            let id = status.id;
            let is_home = shard == self.shard_of(id);
            let Some(torrent) = self.copies.torrents.get_mut(&id) else {
                whole.push(status);
                continue;
            };
            if is_home {
                torrent.refused &= runs(&status);
                torrent.home = Some(status);
            } else if let Some(copy) = torrent.copies.iter_mut().find(|copy| copy.shard == shard) {
                copy.status = Some(status);
            }
            whole.extend(torrent.status());
            self.make_copies(id);
        }
        whole
    }

    /// Drops the copies that a shard does not have, after events were lost.
    pub(super) fn lose_copies(&mut self, shard: usize, is_here: impl Fn(&TorrentId) -> bool) {
        let asked = self.copies.snapshots.iter().position(|(of, _)| *of == shard);
        let Some((_, last)) = asked.map(|place| self.copies.snapshots.remove(place)) else {
            return;
        };
        let is_lost = |(id, torrent): (&TorrentId, &Replicated)| {
            let could_be_there =
                |copy: &TorrentCopy| copy.shard == shard && (1..=last).contains(&copy.number);
            (torrent.copies.iter().any(could_be_there) && !is_here(id)).then_some(*id)
        };
        let lost: Vec<_> = self.copies.torrents.iter().filter_map(is_lost).collect();
        for id in lost {
            self.copy_ended(id, shard);
        }
    }
}
