//! Adds the torrents of earlier runs, which another thread reads from the store.

use std::sync::Arc;
use std::time::Instant;

use crossbeam_channel::TryRecvError;

use super::client_thread::ClientThread;
use crate::client::restore::{Restored, UnfinishedMoves};
use crate::client::state::admission::PendingAdd;
use crate::client::state::torrent::{MoveRequester, Removing};
use crate::engine::Engine;
use crate::error::Error;
use crate::messages::command::RemoveFiles;
use crate::messages::request::{self, Respond};
use crate::model::{Event, QueueMove, TorrentId};
use crate::store::Record;

impl<E: Engine> ClientThread<E> {
    /// Adds the torrents that have been read from the store, as far as there is capacity.
    pub(super) fn restore(&mut self) {
        while self.admission.restores()
            && let Some(store) = &mut self.store
            && let Some(restoring) = &mut store.restoring
        {
            let Some(restored) = restoring.next() else { break };
            match restored {
                Restored::Ready(record, prepared) => {
                    restoring.open += 1;
                    store.last_key = store.last_key.max(record.key.get());
                    self.begin_add(PendingAdd::restored(record, *prepared, Instant::now()));
                }
                Restored::Failed(record, name, error) => {
                    store.last_key = store.last_key.max(record.key.get());
                    self.restore_failed(record, name, error);
                }
                Restored::End(result) => {
                    restoring.ended = true;
                    if let Err(error) = result {
                        store.unread = Some(error.clone());
                        self.service.announce(&Event::StoreFailed { error });
                    }
                    self.report_restored();
                }
            }
        }
    }

    pub(super) fn restore_failed(&mut self, record: Box<Record>, name: Arc<str>, error: Error) {
        tracing::warn!(name = &*name, %error, "a torrent was not restored");
        let Some(store) = &mut self.store else { return };
        let info_hashes = record.info_hashes;
        store.lost.push(*record);
        if let Some(restoring) = &mut store.restoring {
            restoring.failed += 1;
        }
        self.service.announce(&Event::RestoreFailed { name, info_hashes, error });
        self.report_restored();
    }

    /// Counts a restored or failed torrent.
    pub(super) fn restore_answered(&mut self, is_here: bool) {
        let restoring = self.store.as_mut().and_then(|store| store.restoring.as_mut());
        if let Some(restoring) = restoring {
            restoring.open -= 1;
            restoring.restored += u64::from(is_here);
        }
        if is_here {
            self.report_restored();
        }
    }

    fn report_restored(&mut self) {
        let Some(store) = &mut self.store else { return };
        let Some(restoring) = &mut store.restoring else { return };
        let (torrents, failed) = (restoring.restored, restoring.failed);
        if !restoring.ended || restoring.open > 0 {
            if restoring.is_due(Instant::now()) {
                let (done, total) = (torrents + failed, restoring.total);
                self.service.broadcast(&Event::Restoring { done, total });
            }
            return;
        }
        let took = restoring.began.elapsed();
        store.restoring = None;
        let mut queue = std::mem::take(&mut store.queue);
        queue.sort_by_key(|(position, _)| *position);
        // In order, so that each torrent is placed behind those before it.
        for (position, (_, id)) in (0..).zip(queue) {
            self.request(id, request::move_in_queue(QueueMove::To(position), true));
        }
        if let Some(store) = &mut self.store
            && !store.unfinished.is_empty()
        {
            store.moves = Some(UnfinishedMoves::start(std::mem::take(&mut store.unfinished)));
        }
        tracing::info!(torrents, failed, ?took, "restored");
        self.service.announce(&Event::Restored { torrents, failed, took });
        for add in self.admission.take_parked() {
            self.begin_add(add);
        }
    }

    pub(super) fn restore_queue_place(&mut self, id: TorrentId, position: u32) {
        if let Some(store) = &mut self.store {
            store.queue.push((position, id));
            store.queued.insert(id);
        }
    }

    /// Continues interrupted moves whose copies have been removed.
    pub(super) fn continue_moves(&mut self) {
        while let Some(store) = &mut self.store
            && let Some(moves) = &store.moves
        {
            let (id, unfinished, removed) = match moves.ready.try_recv() {
                Ok(next) => next,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    store.moves = None;
                    return;
                }
            };
            let Some(torrent) = self.torrents.get_mut(id) else { continue };
            torrent.moving = Some(MoveRequester::Client);
            match removed {
                Ok(()) => {
                    let asked = request::move_files(unfinished.to, unfinished.on_conflict);
                    self.make_request(id, asked.request, Respond::Nothing);
                }
                Err(error) => self.move_not_made(id, error),
            }
        }
    }

    /// Returns whether a torrent in the store may still be restored.
    pub(super) fn is_restoring(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.restoring.is_some())
    }

    /// Continues to delete the files of a torrent after a restart.
    pub(super) fn continue_deletion(&mut self, id: TorrentId) {
        let removing = Removing { files: RemoveFiles::Delete, from: None, reply: None };
        if let Some(torrent) = self.torrents.get_mut(id) {
            torrent.removing = Some(Box::new(removing));
            self.removal_committed(id, Ok(()));
        }
    }
}
