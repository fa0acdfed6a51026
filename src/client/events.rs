//! What the engine says, told to those whom it concerns.

use std::collections::HashSet;
use std::sync::Arc;

use super::commands::{START, answer};
use super::route::{Closing, Torrent};
use super::tick::{Asked, ClientThread};
use crate::command::{Files, Started};
use crate::engine::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind};
use crate::event::{ClosedFiles, Event, EventKind};
use crate::statistics::Statistics;
use crate::status::TorrentStatus;
use crate::types::{InfoHashes, TorrentId};

impl<E: Engine> ClientThread<E> {
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
                self.save_soon(id);
            }
            EngineEvent::Resumed(id) => {
                self.tell(id, |name| Event::Resumed { id, name });
                self.note(id, |status| {
                    status.paused = false;
                    status.error = None;
                });
            }
            EngineEvent::Checked(id) => {
                self.tell(id, |name| Event::Checked { id, name });
                self.note(id, |_| ());
                self.save_soon(id);
            }
            EngineEvent::Finished(id) => self.finished(id),
            EngineEvent::MetadataReceived { id, name, info_hashes } => {
                let name: Arc<str> = name.into();
                self.routes.learn(id, name.clone(), info_hashes);
                self.note(id, |status| {
                    status.name = name;
                    status.info_hashes = info_hashes;
                    status.has_metadata = true;
                });
                self.tell(id, |name| Event::MetadataReceived { id, name, info_hashes });
                self.save_soon(id);
            }
            EngineEvent::Moved { id, to } => {
                let Some(torrent) = self.routes.get_mut(id) else { return };
                torrent.moving = None;
                self.tell(id, |name| Event::Moved { id, name, save_dir: to });
                self.save_soon(id);
            }
            EngineEvent::MoveFailed { id, error } => self.move_failed(id, error),
            EngineEvent::FileRenamed { id, file, to } => {
                self.tell(id, |name| Event::FileRenamed { id, name, file, path: to });
                self.save_soon(id);
            }
            EngineEvent::Answered { request, answer } => self.answered(request, answer),
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
                let Some(torrent) = self.routes.get_mut(id) else { return };
                if torrent.is_tracker_news(&url, times_in_row) {
                    let url = url.into();
                    self.tell(id, |name| Event::TrackerError {
                        id,
                        name,
                        url,
                        times_in_row,
                        error,
                    });
                }
            }
            EngineEvent::PeerBanned { id, address } => {
                self.tell(id, |name| Event::PeerBanned { id, name, address });
            }
            EngineEvent::TrackerWarning { id, url, message } => {
                let (url, message) = (url.into(), message.into());
                self.tell(id, |name| Event::TrackerWarning { id, name, url, message });
            }
            EngineEvent::WebSeedFailed { id, url, error } => {
                let url = url.into();
                self.tell(id, |name| Event::WebSeedFailed { id, name, url, error });
            }
            EngineEvent::FileCompleted { id, file } => {
                self.tell(id, |name| Event::FileCompleted { id, name, file });
            }
            EngineEvent::PieceFinished { id, piece } => {
                self.tell(id, |name| Event::PieceFinished { id, name, piece });
            }
            EngineEvent::PeerConnected { id, address, outgoing } => {
                self.tell(id, |name| Event::PeerConnected { id, name, address, outgoing });
            }
            EngineEvent::PeerDisconnected { id, address, error } => {
                self.tell(id, |name| Event::PeerDisconnected { id, name, address, error });
            }
            EngineEvent::TrackerReply { id, url, peers } => {
                let url = url.into();
                self.tell(id, |name| Event::TrackerReply { id, name, url, peers });
            }
            EngineEvent::Scraped { id, url, seeds, leechers } => {
                let url = url.into();
                self.tell(id, |name| Event::Scraped { id, name, url, seeds, leechers });
            }
            EngineEvent::ScrapeFailed { id, url, error } => {
                let url = url.into();
                self.tell(id, |name| Event::ScrapeFailed { id, name, url, error });
            }
            EngineEvent::PerformanceWarning { id: Some(id), limit } => {
                self.tell(id, |name| Event::PerformanceWarning {
                    id: Some(id),
                    name: Some(name),
                    limit,
                });
            }
            EngineEvent::PerformanceWarning { id: None, limit } => {
                self.service.broadcast(&Event::PerformanceWarning { id: None, name: None, limit });
            }
            EngineEvent::PortMapped { by, protocol, external_port, local } => {
                tracing::info!(%by, %protocol, external_port, %local, "a port is mapped");
                let event = Event::PortMapped { by, protocol, external_port, local };
                self.service.announce(&event);
            }
            EngineEvent::PortMappingFailed { by, local, error } => {
                tracing::warn!(%by, %local, %error, "no port is mapped");
                self.service.announce(&Event::PortMappingFailed { by, local, error });
            }
            EngineEvent::ExternalAddress(address) => {
                self.service.announce(&Event::ExternalAddress { address });
            }
            EngineEvent::Listening(address) => {
                tracing::info!(%address, "listening");
                if !self.listening.addresses.contains(&address) {
                    self.listening.addresses.push(address);
                    self.service.announce(&Event::Listening { address });
                }
            }
            EngineEvent::ListenFailed { address, error } => {
                tracing::error!(address, %error, "not listening");
                let address = address.into();
                self.listening.failure.get_or_insert_with(|| error.clone());
                self.service.announce(&Event::ListenFailed { address, error });
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
            EngineEvent::Statistics(counters) => {
                let statistics = Statistics::new(counters, (self.service.reads)());
                for reply in std::mem::take(&mut self.statistics) {
                    reply.send(Ok(statistics.clone()));
                }
                if self.subscriptions.wanted.contains(EventKind::Statistics) {
                    self.service.broadcast(&Event::Statistics(Box::new(statistics)));
                }
            }
            EngineEvent::Dropped => {
                tracing::warn!("libtorrent's alert queue was full; asking for every status");
                if let Err(error) = self.engine.request_every_status() {
                    tracing::error!(%error, "not resynchronized");
                }
            }
            EngineEvent::EveryStatus(statuses) => self.resynchronize(statuses),
        }
    }

    pub(super) fn tell(&self, id: TorrentId, event: impl FnOnce(Arc<str>) -> Event) {
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
        let torrent = Torrent::new(name.clone(), info_hashes, owner, start.own.clone());
        self.routes.insert(id, torrent);
        let status = TorrentStatus::starting(id, name.clone(), start.paused);
        self.service.statuses.insert(TorrentStatus { info_hashes, ..status });
        self.statuses.wanted = true;
        let save_dir = start.save_dir;
        self.goals.set(id, start.own.goals);
        // It answers a message; nobody else knows of the torrent yet.
        if start.reply.is_none() || start.from.wants(EventKind::TorrentCreated) {
            let name = name.clone();
            let event = Event::TorrentCreated { id, name, info_hashes, save_dir };
            tracing::debug!(%event);
            start.from.mailbox.push(event);
        }
        if let Some(error) = start.distrust {
            self.route(EngineEvent::Failed { id, error });
        }
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
        let move_to = (!self.stopping).then(|| torrent.own.move_to.take()).flatten();
        self.tell(id, |name| Event::Finished { id, name });
        self.note(id, |status| {
            status.finished = true;
            status.progress = 1.0;
        });
        self.save_soon(id);
        if let Some(to) = move_to {
            self.move_finished(id, to);
        }
    }

    fn closed(&mut self, id: TorrentId, files: ClosedFiles) {
        let Some(mut torrent) = self.routes.remove(id) else { return };
        self.service.statuses.remove(id);
        self.statuses.moving.remove(&id);
        self.requests.close(id);
        self.goals.forget(id);
        self.saves.close(id);
        let event = Event::Closed { id, name: torrent.name.clone(), files: files.clone() };
        tracing::debug!(%event);
        if let Some(Closing { from, reply, .. }) = torrent.closing.take() {
            match reply {
                Some(reply) => reply.send(match files {
                    ClosedFiles::NotDeleted(error) => Err(error),
                    ClosedFiles::Kept | ClosedFiles::Deleted => Ok(()),
                }),
                None => {
                    if let Some(from) = from.filter(|from| !torrent.has(from)) {
                        from.mailbox.push(event.clone());
                    }
                }
            }
        }
        torrent.send(event);
        self.admission.nudge();
    }

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
            let (name, info_hashes) = (torrent.name.clone(), torrent.info_hashes);
            let error = match status.error {
                Some(error) => Some(torrent.cause(error)),
                None if status.paused => torrent.stopped_by(),
                None => None,
            };
            let status = TorrentStatus { name, info_hashes, error, ..status };
            self.service.statuses.update(id, |known| known.clone_from(&status));
            let (needs_saving, figures) = (status.needs_saving, status.saved_figures);
            torrent.send(Event::Status(status));
            self.save_if_grown(id, needs_saving, figures);
        }
    }

    fn answer_statuses(&mut self) {
        let still_waiting = self.statuses.waiting.split_off(&(self.statuses.answered + 1));
        let answered = std::mem::replace(&mut self.statuses.waiting, still_waiting);
        for Asked { id, from, reply } in answered.into_values().flatten() {
            let status = self.service.statuses.get(id).ok_or_else(|| {
                Error::new(ErrorKind::Gone, "get the status", format!("{id} was closed"))
            });
            match (status, reply) {
                (Ok(status), None) => from.mailbox.push(Event::Status(status)),
                (status, reply) => answer(&from, "Status", id, reply, status),
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
        let here: HashSet<_> = statuses.iter().map(|status| status.id).collect();
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
        if !self.statistics.is_empty() {
            self.ask_statistics();
        }
        self.service.broadcast(&Event::Resynchronized);
    }
}
