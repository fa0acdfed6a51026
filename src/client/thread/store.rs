//! Makes changes durable in the store before they are executed or answered.

use std::time::{Instant, SystemTime};

use super::client_thread::ClientThread;
use super::commands::answer;
use crate::client::state::admission::PendingAdd;
use crate::client::state::commits::{AfterCommit, Attachment, Commit};
use crate::client::state::torrent::{Attached, Removing};
use crate::engine::Engine;
use crate::error::Result;
use crate::messages::command::RemoveFiles;
use crate::messages::request::TorrentRole;
use crate::model::op;
use crate::model::{Answer, CommandKind, Event, TorrentId};
use crate::store::{Change, Record, Report, Value};

const ATTACH: &str = "attach to the torrent";

impl<E: Engine> ClientThread<E> {
    /// Commits changes and then executes `then`; without a store, at once.
    pub(super) fn commit(
        &mut self,
        torrent: Option<TorrentId>,
        changes: Vec<Change>,
        then: AfterCommit,
    ) {
        match &mut self.store {
            Some(store) if !changes.is_empty() => {
                let ticket = store.commits.open(torrent, then);
                store.writer.submit(Some(ticket), changes);
            }
            _ => self.committed(torrent, then, Ok(())),
        }
    }

    /// Like `commit`, for values of a torrent.
    pub(super) fn commit_values(&mut self, id: TorrentId, values: Vec<Value>, then: AfterCommit) {
        let key = self.torrents.get(id).and_then(|torrent| torrent.key);
        let set = |key| values.into_iter().map(|value| Change::Set(key, value)).collect();
        self.commit(Some(id), key.map_or_else(Vec::new, set), then);
    }

    /// Stores a value that nobody waits for. The store retries it until it is durable.
    pub(super) fn store_value(&self, id: TorrentId, value: Value) {
        self.store_values(id, [value]);
    }

    pub(super) fn store_values(&self, id: TorrentId, values: impl IntoIterator<Item = Value>) {
        if let Some(key) = self.torrents.get(id).and_then(|torrent| torrent.key) {
            self.store_changes(values.into_iter().map(|value| Change::Set(key, value)).collect());
        }
    }

    pub(super) fn store_change(&self, change: Change) {
        self.store_changes(vec![change]);
    }

    pub(super) fn store_changes(&self, changes: Vec<Change>) {
        if let Some(store) = &self.store {
            store.writer.submit(None, changes);
        }
    }

    pub(super) fn take_committed(&mut self) {
        let Some(store) = &self.store else { return };
        for report in store.writer.take_reports() {
            match report {
                Report::Committed(ticket, result) => {
                    let open = self.store.as_mut().and_then(|store| store.commits.take(ticket));
                    let Some(Commit { torrent, then, followers }) = open else { continue };
                    self.committed(torrent, then, result);
                    if let Some(id) = torrent {
                        for (asked, respond) in followers {
                            self.make_request(id, asked, respond);
                        }
                    }
                }
                Report::Failing(error) => self.service.announce(&Event::StoreFailed { error }),
                Report::Recovered => self.service.announce(&Event::StoreRecovered),
            }
        }
    }

    fn committed(&mut self, torrent: Option<TorrentId>, then: AfterCommit, result: Result<()>) {
        match (then, torrent) {
            (AfterCommit::Add, Some(id)) => {
                let Some(mut add) = self.admission.committed(id) else { return };
                match result {
                    Ok(()) => {
                        if let Some(store) = &mut self.store {
                            store.lost.retain(|lost| !lost.info_hashes.overlap(&add.info_hashes));
                        }
                        self.pass_to_engine(add);
                    }
                    Err(error) => {
                        add.key = None;
                        self.fail_add(add, error.in_operation(op::ADD));
                    }
                }
            }
            (AfterCommit::Remove, Some(id)) => self.removal_committed(id, result),
            (AfterCommit::Request(asked, respond), Some(id)) => match result {
                Ok(()) => self.make_request(id, asked, respond),
                Err(error) => {
                    let error = error.in_operation(asked.op);
                    if matches!(asked.role, TorrentRole::MovesFiles { .. }) {
                        self.move_failed(id, error.clone());
                    }
                    respond.send(Err(error));
                }
            },
            (AfterCommit::Moved(respond, to), Some(id)) => {
                if result.is_err() {
                    // The files have been moved nevertheless.
                    self.store_values(id, [Value::SaveDir(to.clone()), Value::Moving(None)]);
                }
                respond.send(result.map(|()| Box::new(to) as Answer));
            }
            (AfterCommit::Saved { with_info }, Some(id)) => {
                let Err(error) = result else { return };
                tracing::warn!(%id, %error, "the resume data was not saved");
                if let (true, Some(torrent)) = (with_info, self.torrents.get_mut(id)) {
                    torrent.has_info = false;
                }
                if let Some(mut saving) = self.torrents.saving(id) {
                    saving.force_next();
                    saving.failed(Instant::now(), self.stopping);
                }
            }
            (AfterCommit::Attach(attachment, reply), Some(id)) => {
                if let (Ok(()), Some(torrent)) = (&result, self.torrents.get_mut(id)) {
                    torrent.attach(attachment);
                }
                reply.send(result.map_err(|error| error.in_operation(ATTACH)));
            }
            (_, None) => {}
        }
    }

    pub(super) fn attach(
        &mut self,
        id: TorrentId,
        attachment: Attachment,
        reply: crate::reply::Responder<()>,
    ) {
        if let Err(error) = self.torrents.open(id, ATTACH) {
            return reply.send(Err(error));
        }
        let value = match attachment.clone() {
            Attachment::Label(label, on) => Value::Label(label, on),
            Attachment::Note(key, value) => Value::Note(key, value),
        };
        self.commit_values(id, vec![value], AfterCommit::Attach(attachment, reply));
    }

    // Adding.

    /// Commits a new torrent before it is passed to the engine.
    pub(super) fn commit_add(&mut self, mut add: PendingAdd) {
        let Some(store) = &mut self.store else { return self.pass_to_engine(add) };
        if let Some(error) = &store.unread {
            let error = error.clone().in_operation(op::ADD).on(&add.source);
            return self.fail_add(add, error);
        }
        let Some(key) = store.next_key() else { return self.pass_to_engine(add) };
        let id = add.id;
        let mut record = Record::new(key, add.info_hashes, &add.save_dir);
        record.name = (*add.name).into();
        record.source = (*add.source).into();
        record.added = SystemTime::now();
        record.completed = add.complete.then_some(record.added);
        record.paused = add.paused;
        if let Some(stored) = add.stored.take() {
            add.has_info = stored.info.is_some();
            record.info = stored.info;
            record.resume_data = stored.resume_data;
        }
        // Replace a torrent with the same hash that could not be restored.
        let mut changes = Vec::new();
        for lost in store.lost.iter().filter(|lost| lost.info_hashes.overlap(&add.info_hashes)) {
            record.labels.extend(lost.labels.iter().cloned());
            record.notes.extend(lost.notes.clone());
            changes.push(Change::Remove(lost.key));
        }
        add.attached = Attached::of(&record);
        changes.push(Change::Add(Box::new(record)));
        add.key = Some(key);
        self.admission.await_commit(add);
        self.commit(Some(id), changes, AfterCommit::Add);
    }

    // Removing.

    pub(super) fn commit_removal(&mut self, id: TorrentId, removing: Removing) {
        self.commit_made_move(id);
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        let delete = removing.files == RemoveFiles::Delete;
        let key = torrent.key;
        torrent.removing = Some(Box::new(removing));
        let change = |key| match delete {
            // The deletion continues after a crash.
            true => Change::Set(key, Value::Deleting(true)),
            false => Change::Remove(key),
        };
        self.commit(Some(id), key.map(change).into_iter().collect(), AfterCommit::Remove);
    }

    pub(super) fn removal_committed(&mut self, id: TorrentId, result: Result<()>) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        let Some(removing) = &torrent.removing else { return };
        let delete = removing.files == RemoveFiles::Delete;
        let committed = result.is_ok();
        let Err(error) = result.and_then(|()| self.engine.remove(id, delete)) else { return };
        let Some(removing) = torrent.removing.take() else { return };
        if committed && !delete {
            // It is no longer in the store.
            torrent.key = None;
        } else if committed {
            self.store_value(id, Value::Deleting(false));
        }
        let Removing { from, reply, .. } = *removing;
        let error = error.in_operation(op::REMOVE);
        tracing::warn!(%id, %error, "a torrent was not removed");
        if let Some(from) = from {
            answer(&from, CommandKind::RemoveTorrent, id, reply, Err(error));
        }
    }

    /// Closes the store. Returns whether all changes were committed by the deadline.
    pub(super) fn end_store(&mut self, deadline: Instant) -> bool {
        self.store.take().is_none_or(|store| store.writer.end(deadline))
    }
}
