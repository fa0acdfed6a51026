//! Requests the statuses of torrents, and publishes what they show.

use std::collections::HashSet;
use std::time::Instant;

use super::alerts::gone;
use super::client_thread::{ClientThread, Resync};
use super::commands::answer;
use crate::client::state::statuses::StatusWaiter;
use crate::client::state::torrent::Torrent;
use crate::engine::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind};
use crate::model::op;
use crate::model::{CommandKind, Event, RemovedFiles, TorrentId, TorrentStatus};

impl<E: Engine> ClientThread<E> {
    pub(super) fn ask_statuses(&mut self) {
        self.statuses.ask(Instant::now());
        match self.engine.request_statuses() {
            Ok(()) => self.statuses.asked(),
            Err(error) => tracing::error!(%error, "cannot request statuses"),
        }
    }

    pub(super) fn take_statuses(&mut self, statuses: Vec<TorrentStatus>) {
        for status in statuses {
            let id = status.id;
            let has_rate = status.download_rate > 0 || status.upload_rate > 0;
            let rate_seen = has_rate.then_some(status.updated);
            let Some(torrent) = self.torrents.set_rate_seen(id, rate_seen) else { continue };
            if torrent.removing.is_some() {
                continue;
            }
            let (name, info_hashes) = (torrent.name.clone(), torrent.info_hashes);
            let error = match status.error {
                Some(error) => Some(torrent.errors.cause(error)),
                None if status.paused => torrent.errors.stopped_by(),
                None => None,
            };
            let status = TorrentStatus { name, info_hashes, error, ..status };
            self.service.statuses.update(id, |known| known.clone_from(&status));
            let (needs_saving, figures) = (status.needs_saving, status.saved_figures);
            // More is wanted now, so its end will be reported again.
            torrent.finished &= status.finished;
            if torrent.is_complete(&status) {
                torrent.answer_waiters(&Ok(()));
            }
            torrent.send(Event::Status(status));
            self.save_if_grown(id, needs_saving, figures);
        }
    }

    /// Answers the replies that wait for a status, after the table was updated.
    pub(super) fn answer_statuses(&mut self, waiters: Vec<StatusWaiter>) {
        // libtorrent opens its sockets before it answers the first status request.
        if self.statuses.have_begun() {
            self.listening.settle();
        }
        for waiter in waiters {
            let (id, from, reply) = match waiter {
                StatusWaiter::Patron { id, from, reply } => (id, from, reply),
                StatusWaiter::Resuming(id) => {
                    self.resuming_ended(id);
                    continue;
                }
            };
            let status = self.service.statuses.get(id).ok_or_else(|| gone(id, op::STATUS));
            match (status, reply) {
                (Ok(status), None) => from.mailbox.push(Event::Status(status)),
                (status, reply) => answer(&from, CommandKind::Status, id, reply, status),
            }
        }
    }

    /// The torrent was told to resume. An event that it is paused may still be about an earlier pause.
    pub(super) fn resuming(&mut self, id: TorrentId) {
        if let Some(torrent) = self.torrents.get_mut(id) {
            torrent.told_to_run = true;
            torrent.resuming += 1;
            self.statuses.wait(StatusWaiter::Resuming(id));
            self.statuses.ask_soon();
        }
    }

    fn resuming_ended(&mut self, id: TorrentId) {
        if let Some(torrent) = self.torrents.get_mut(id) {
            torrent.resuming -= 1;
            self.fail_readers_of_stopped(id);
        }
    }

    /// Publishes rates of 0 that libtorrent does not report.
    pub(super) fn stop_stale_rates(&mut self) {
        for id in self.torrents.take_stale_rates(Instant::now()) {
            self.service.statuses.update(id, |status| {
                status.download_rate = 0;
                status.upload_rate = 0;
            });
            let still = self.service.statuses.get(id);
            if let (Some(status), Some(torrent)) = (still, self.torrents.get(id)) {
                torrent.send(Event::Status(status));
            }
        }
    }

    /// Asks for all statuses of a shard, because events were lost.
    pub(super) fn ask_every_status(&mut self, shard: usize) {
        tracing::warn!("libtorrent's alert queue was full; asking for every status");
        match self.engine.request_every_status(shard) {
            Ok(()) => self.resyncs.push(Resync {
                shard,
                adds: self.admission.passed(),
                statuses: self.statuses.requested(),
            }),
            Err(error) => tracing::error!(%error, "cannot resynchronize"),
        }
    }

    /// After events were lost, publishes the changes that the statuses show.
    pub(super) fn resynchronize(&mut self, shard: usize, statuses: Vec<TorrentStatus>) {
        let asked = self.resyncs.iter().position(|asked| asked.shard == shard);
        let Some(asked) = asked.map(|place| self.resyncs.remove(place)) else { return };
        let here: HashSet<_> = statuses.iter().map(|status| status.id).collect();
        for status in &statuses {
            let id = status.id;
            let Some(known) = self.service.statuses.get(id) else { continue };
            let was_finished = self.torrents.get(id).is_some_and(|torrent| torrent.finished);
            if known.state != status.state {
                let state = status.state;
                self.route(shard, EngineEvent::StateChanged { id, state });
            }
            if known.paused != status.paused {
                let changed =
                    if status.paused { EngineEvent::Paused(id) } else { EngineEvent::Resumed(id) };
                self.route(shard, changed);
            }
            if status.finished && !was_finished {
                self.route(shard, EngineEvent::Finished(id));
            }
            if let Some(error) = &status.error {
                self.route(shard, EngineEvent::Failed { id, error: error.clone() });
            }
        }
        let missing = |engine: &E, id| engine.shard_of(id) == shard && !here.contains(&id);
        for id in self.torrents.ids() {
            // The files of a torrent are deleted after it was removed.
            let deletes = self.torrents.get(id).is_some_and(Torrent::is_being_deleted);
            if missing(&self.engine, id) && !deletes {
                self.removed(id, RemovedFiles::Kept);
                self.engine.forget(id);
            }
        }
        for add in self.admission.take_unanswered(asked.adds, |id| missing(&self.engine, id)) {
            let why = "libtorrent lost its answer under load";
            self.fail_add(add, Error::new(ErrorKind::Busy, op::ADD, why));
        }
        for id in self.torrents.ids() {
            self.look_again(id);
        }
        self.take_statuses(statuses);
        let waiters = self.statuses.answered_up_to(shard, asked.statuses);
        self.answer_statuses(waiters);
        if !self.statistics.is_empty() {
            self.ask_statistics();
        }
        self.service.broadcast(&Event::Resynchronized);
    }
}
