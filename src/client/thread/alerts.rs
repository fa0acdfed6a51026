//! Publishes the engine's events to the patrons concerned.

use std::mem::{replace, take};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::client_thread::ClientThread;
use crate::client::state::admission::{Origin, PendingAdd};
use crate::client::state::open_requests::OpenRequest;
use crate::client::state::torrent::{MoveRequester, Removing, Torrent};
use crate::client::state::torrents::Removed;
use crate::engine::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind};
use crate::messages::command::Added;
use crate::messages::request::{self, READ};
use crate::model::op;
use crate::model::{
    Event, EventKind, InfoHashes, RemovedFiles, Statistics, TorrentId, TorrentState, TorrentStatus,
};
use crate::store::{Change, Value};
use crate::sys::alerts::duplicate;
use crate::sys::catalogue;

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn drain_events(&mut self) {
        self.take_committed();
        match self.engine.drain() {
            Ok(events) => events.into_iter().for_each(|(shard, event)| self.route(shard, event)),
            Err(error) => self.session_failed(error),
        }
    }

    pub(super) fn route(&mut self, shard: usize, event: EngineEvent) {
        match event {
            EngineEvent::Added { id, name, info_hashes } => self.added(id, name, info_hashes),
            EngineEvent::AddFailed { id, error, busy } => {
                let Some(add) = self.admission.answered(id) else { return };
                if busy { self.postpone_add(add, error) } else { self.fail_add(add, error) }
            }
            EngineEvent::Removed(id) => {
                if !self.torrents.get(id).is_some_and(Torrent::is_being_deleted) {
                    self.removed(id, RemovedFiles::Kept);
                }
            }
            EngineEvent::Deleted(id) => self.removed(id, RemovedFiles::Deleted),
            EngineEvent::DeleteFailed { id, error } => {
                self.removed(id, RemovedFiles::NotDeleted(error));
            }
            EngineEvent::StateChanged { id, state } => {
                self.state_changed(id, state);
            }
            EngineEvent::Paused(id) => self.pause_reported(id),
            EngineEvent::Resumed(id) => {
                self.publish(id, |name| Event::Resumed { id, name });
                self.update_status(id, |status| {
                    status.paused = false;
                    status.error = None;
                });
            }
            EngineEvent::Checked(id) => self.checked(id),
            EngineEvent::Finished(id) => self.finished(id),
            EngineEvent::MetadataReceived { id, name, info_hashes } => {
                self.metadata_received(id, name.into(), info_hashes);
            }
            EngineEvent::Moved { id, to } => {
                self.publish(id, |name| Event::Moved { id, name, save_dir: to });
                self.save_soon(id);
            }
            EngineEvent::MoveFailed { id, error } => self.move_failed(id, error),
            EngineEvent::FileRenamed { id, file, to } => {
                self.publish(id, |name| Event::FileRenamed { id, name, file, path: to });
                self.save_soon(id);
            }
            EngineEvent::Answered { request, answer } => self.answered(request, answer),
            EngineEvent::Failed { id, error } => self.failed(id, error),
            EngineEvent::TrackerFailed { id, url, times_in_row, error } => {
                let Some(torrent) = self.torrents.get_mut(id) else { return };
                if torrent.errors.is_new_tracker_failure(&url, times_in_row) {
                    let url = url.into();
                    self.publish(id, |name| Event::TrackerError {
                        id,
                        name,
                        url,
                        times_in_row,
                        error,
                    });
                }
            }
            EngineEvent::OfTorrent(mut event) => {
                let Some(id) = event.torrent() else { return };
                if let Event::PieceFinished { piece, .. } = event {
                    self.piece_arrived(id, piece);
                }
                self.publish(id, |name| {
                    event.set_name(name);
                    event
                });
            }
            EngineEvent::OfClient(event) => {
                tracing::info!(%event);
                match event {
                    Event::PerformanceWarning { .. } => self.service.broadcast(&event),
                    event => self.service.announce(&event),
                }
            }
            EngineEvent::ListensAt(addresses) => {
                for address in self.listening.moved(shard, addresses) {
                    tracing::info!(%address, "listening");
                    self.service.announce(&Event::Listening { address });
                }
            }
            EngineEvent::ListenFailed { address, error } => {
                tracing::error!(address, %error, "not listening");
                let address = address.into();
                self.listening.failed(shard, &error);
                self.service.announce(&Event::ListenFailed { address, error });
            }
            EngineEvent::EngineFailed(error) => self.session_failed(error),
            EngineEvent::Statuses(statuses) => {
                self.take_statuses(statuses);
                let waiters = self.statuses.answered(shard);
                self.answer_statuses(waiters);
            }
            EngineEvent::Statistics(counters) => self.take_statistics(counters),
            EngineEvent::Dropped => self.ask_every_status(shard),
            EngineEvent::EveryStatus(statuses) => self.resynchronize(shard, statuses),
        }
    }

    fn state_changed(&mut self, id: TorrentId, state: TorrentState) {
        self.publish(id, |name| Event::StateChanged { id, name, state });
        self.update_status(id, |status| status.state = state);
        if state == TorrentState::CheckingFiles {
            self.torrents.readers.checking(id);
            if let Some(torrent) = self.torrents.get_mut(id) {
                torrent.as_saved = false;
            }
        }
    }

    /// libtorrent reports a pause when the disk has stopped; the torrent may have been resumed in the meantime.
    fn pause_reported(&mut self, id: TorrentId) {
        match self.torrents.get(id) {
            Some(torrent) if torrent.told_to_run => self.request(id, request::is_paused()),
            _ => self.paused(id),
        }
    }

    pub(super) fn paused(&mut self, id: TorrentId) {
        self.publish(id, |name| Event::Paused { id, name });
        self.update_status(id, |status| status.paused = true);
        self.fail_readers_of_stopped(id);
        if self.torrents.get_mut(id).is_some_and(Torrent::has_stopped_itself) {
            self.store_value(id, Value::Paused(true));
        }
        self.save_soon(id);
    }

    fn checked(&mut self, id: TorrentId) {
        self.publish(id, |name| Event::Checked { id, name });
        self.update_status(id, |_| ());
        self.look_again(id);
        // Unchanged resume data is not saved again.
        if !self.torrents.get_mut(id).is_some_and(|torrent| take(&mut torrent.as_saved)) {
            self.save_soon(id);
        }
    }

    fn metadata_received(&mut self, id: TorrentId, name: Arc<str>, info_hashes: InfoHashes) {
        let other = self.torrents.set_metadata(id, name.clone(), info_hashes);
        self.update_status(id, |status| {
            status.name = name;
            status.info_hashes = info_hashes;
            status.has_metadata = true;
        });
        self.publish(id, |name| Event::MetadataReceived { id, name, info_hashes });
        self.look_again(id);
        self.save_soon(id);
        // libtorrent stops only those of one session.
        for conflicting in other.into_iter().flat_map(|other| [id, other]) {
            self.failed(conflicting, duplicate());
            self.request(conflicting, request::pause(false));
        }
    }

    fn failed(&mut self, id: TorrentId, error: Error) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        // A deletion that is continued after a crash may find its files already gone.
        if torrent.is_being_deleted() {
            return;
        }
        if torrent.errors.is_new(&error, Instant::now()) {
            tracing::warn!(%id, %error, "a torrent has an error");
            torrent.answer_waiters(&Err(error.clone()));
            self.fail_readers(id, &error);
            self.publish(id, |name| Event::Error { id, name, error });
        }
        self.update_status(id, |_| ());
    }

    fn take_statistics(&mut self, counters: Vec<Vec<i64>>) {
        let reads = (self.service.reads)();
        let mut statistics = Statistics::new(catalogue::metrics(), counters, reads);
        self.count_totals(&mut statistics);
        for reply in take(&mut self.statistics) {
            reply.send(Ok(statistics.clone()));
        }
        if self.subscriptions.wants(EventKind::Statistics) {
            self.service.broadcast(&Event::Statistics(Box::new(statistics)));
        }
    }

    fn session_failed(&self, error: Error) {
        tracing::error!(%error, "libtorrent has failed");
        self.service.broadcast(&Event::SessionError { error });
    }

    pub(in crate::client) fn publish(&self, id: TorrentId, event: impl FnOnce(Arc<str>) -> Event) {
        if let Some(torrent) = self.torrents.get(id) {
            let event = event(torrent.name.clone());
            tracing::debug!(%event);
            torrent.send(event);
        }
    }

    /// Updates the status table from an event, and requests the rest of the status soon.
    fn update_status(&mut self, id: TorrentId, change: impl FnOnce(&mut TorrentStatus)) {
        self.service.statuses.update(id, change);
        self.statuses.ask_soon();
    }

    fn added(&mut self, id: TorrentId, name: String, info_hashes: InfoHashes) {
        let Some(mut add) = self.admission.answered(id) else { return self.end_stray(id) };
        // The name of a magnet link without one is its info hash; libtorrent leaves it empty.
        if !name.is_empty() {
            add.name = name.into();
        }
        if info_hashes != InfoHashes::default() {
            add.info_hashes = info_hashes;
        }
        self.insert(id, &mut add);
        self.publish_added(id, &add);
        if let Some(error) = add.problem {
            self.failed(id, error);
        }
        match add.origin {
            Origin::Patron(from, reply) => {
                if from.has_left() {
                    self.apply_on_leave(id, &from);
                }
                if let Some(reply) = reply {
                    reply.send(Ok(Added::New(id)));
                }
            }
            Origin::Store(record) => {
                if let (Some(unfinished), Some(store)) = (add.unfinished, &mut self.store) {
                    store.unfinished.push((id, unfinished));
                    if let Some(torrent) = self.torrents.get_mut(id) {
                        torrent.moving = Some(MoveRequester::EarlierRun);
                    }
                } else if record.moving.is_some() {
                    // The move was finished or refused before the torrent was added.
                    let values = [Value::SaveDir(add.save_dir), Value::Moving(None)];
                    self.store_values(id, values);
                }
                self.restore_answered(true);
                if record.deleting {
                    self.continue_deletion(id);
                }
            }
        }
        self.admission.retry_now(Instant::now());
    }

    /// Creates the record and the status of a torrent.
    fn insert(&mut self, id: TorrentId, add: &mut PendingAdd) {
        let owner = match &add.origin {
            Origin::Patron(from, _) => Some(from.clone()).filter(|from| !from.has_left()),
            Origin::Store(_) => None,
        };
        let client_data = take(&mut add.client_data);
        let mut torrent = Torrent::new(add.name.clone(), add.info_hashes, owner, client_data);
        torrent.key = add.key;
        torrent.has_info = add.has_info;
        torrent.completed = add.complete;
        torrent.stops_itself = add.stops_itself;
        torrent.attached = add.attached.take();
        let as_saved =
            add.key.is_some() && add.figures.is_some() && !self.wants_resume_data(&torrent);
        torrent.as_saved = as_saved;
        if let Origin::Store(record) = &add.origin {
            torrent.completed = record.completed.is_some();
            if let Some(position) = record.queue_position {
                self.restore_queue_place(id, position);
            }
        }
        if torrent.client_data().replicas > 1 {
            self.engine.replicate(id, torrent.client_data().replicas.into());
        }
        self.torrents.insert(id, torrent);
        if let (true, Some(figures)) = (as_saved, add.figures.take())
            && let Some(mut saving) = self.torrents.saving(id)
        {
            saving.saved(figures, Instant::now());
        }
        let (info_hashes, paused) = (add.info_hashes, add.paused);
        let status = TorrentStatus::new(id, add.name.clone());
        self.service.statuses.insert(TorrentStatus { info_hashes, paused, ..status });
        self.statuses.ask_soon();
    }

    fn publish_added(&self, id: TorrentId, add: &PendingAdd) {
        let PendingAdd { name, save_dir, info_hashes, complete, .. } = add;
        let (name, save_dir) = (name.clone(), save_dir.clone());
        let (info_hashes, complete) = (*info_hashes, *complete);
        let event = Event::TorrentAdded { id, name, info_hashes, save_dir, complete };
        tracing::debug!(%event);
        // The event is the answer to a message.
        if let Origin::Patron(from, None) = &add.origin
            && !from.wants(EventKind::TorrentAdded)
        {
            from.mailbox.push(event.clone());
        }
        if let Some(torrent) = self.torrents.get(id) {
            torrent.send(event);
        }
    }

    /// Removes an unexpected torrent, unless it is only reported a second time. Otherwise it would keep running,
    /// and no patron could remove it.
    fn end_stray(&mut self, id: TorrentId) {
        if self.torrents.get(id).is_some() {
            return;
        }
        tracing::warn!(%id, "removing an unexpected torrent");
        if let Err(error) = self.engine.remove(id, false) {
            tracing::warn!(%id, %error, "it was not removed");
        }
    }

    fn finished(&mut self, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        torrent.finished = true;
        let is_first = !replace(&mut torrent.completed, true);
        let is_verified = torrent.take_verify();
        torrent.answer_waiters(&Ok(()));
        let move_to = (!self.stopping).then(|| torrent.take_move_to()).flatten();
        self.publish(id, |name| Event::Finished { id, name });
        self.update_status(id, |status| {
            status.finished = true;
            status.progress = 1.0;
        });
        self.left_queue(id);
        if is_first {
            self.store_value(id, Value::Completed(Some(SystemTime::now())));
            self.save_soon(id);
        }
        if is_verified {
            self.save_client_data(id);
        }
        if let Some(to) = move_to {
            self.move_finished(id, to);
        }
    }

    pub(super) fn removed(&mut self, id: TorrentId, files: RemovedFiles) {
        let Some(removed) = self.torrents.remove(id) else { return };
        let Removed { mut torrent, requests, readers } = removed;
        if let Some(key) = torrent.key {
            self.store_change(Change::Remove(key));
        }
        if let Some(made) = torrent.made_move.take() {
            made.respond.send(Err(gone(id, op::MOVE)));
        }
        self.service.statuses.remove(id);
        torrent.answer_waiters(&Err(gone(id, op::WAIT)));
        if let Some(readers) = readers {
            readers.fail(&gone(id, READ));
        }
        for OpenRequest { op, respond, .. } in requests {
            respond.send(Err(gone(id, op)));
        }
        let event = Event::TorrentRemoved { id, name: torrent.name.clone(), files: files.clone() };
        tracing::debug!(%event);
        if let Some(removing) = torrent.removing.take() {
            let Removing { from, reply, .. } = *removing;
            match reply {
                Some(reply) => reply.send(match files {
                    RemovedFiles::NotDeleted(error) => Err(error),
                    RemovedFiles::Kept | RemovedFiles::Deleted => Ok(()),
                }),
                None => {
                    if let Some(from) = from.filter(|from| !torrent.has(from)) {
                        from.mailbox.push(event.clone());
                    }
                }
            }
        }
        torrent.send(event);
        self.admission.retry_now(Instant::now());
    }
}

pub(super) fn gone(id: TorrentId, op: &'static str) -> Error {
    Error::new(ErrorKind::Gone, op, format!("{id} was removed"))
}
