//! Makes changes durable in the store before they are executed or answered.

use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::client_thread::ClientThread;
use super::commands::{ADD, answer};
use super::store_link::STATE_INTERVAL;
use crate::client::restore::Restored;
use crate::client::state::admission::{Origin, PendingAdd};
use crate::client::state::commits::{Attachment, Commit, Then};
use crate::client::state::torrents::Removing;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::RemoveFiles;
use crate::messages::request::{self, RequestRole, Respond};
use crate::model::{Answer, CommandKind, Event, InfoHashes, QueueMove, Statistics, TorrentId};
use crate::settings::{SettingValue, Settings};
use crate::store::{Change, Key, Record, Store, Told, Value};
use crate::sys::QueuePlaceRecord;

impl<E: Engine> ClientThread<E> {
    /// Commits changes and then executes `then`; without a store, at once.
    pub(super) fn commit(&mut self, torrent: Option<TorrentId>, changes: Vec<Change>, then: Then) {
        match &mut self.store {
            Some(store) if !changes.is_empty() => {
                let ticket = store.commits.open(torrent, then);
                store.writer.submit(Some(ticket), changes);
            }
            _ => self.committed(torrent, then, Ok(())),
        }
    }

    /// Like `commit`, for values of a torrent.
    pub(super) fn commit_values(&mut self, id: TorrentId, values: Vec<Value>, then: Then) {
        let key = self.torrents.get(id).and_then(|torrent| torrent.key);
        let set = |key| values.into_iter().map(|value| Change::Set(key, value)).collect();
        self.commit(Some(id), key.map_or_else(Vec::new, set), then);
    }

    /// Stores a value that nobody waits for. The store retries it until it is durable.
    pub(super) fn keep(&self, id: TorrentId, value: Value) {
        self.keep_all(id, [value]);
    }

    pub(super) fn keep_all(&self, id: TorrentId, values: impl IntoIterator<Item = Value>) {
        if let Some(key) = self.torrents.get(id).and_then(|torrent| torrent.key) {
            self.keep_changes(values.into_iter().map(|value| Change::Set(key, value)).collect());
        }
    }

    pub(super) fn keep_change(&self, change: Change) {
        self.keep_changes(vec![change]);
    }

    fn keep_changes(&self, changes: Vec<Change>) {
        if let Some(store) = &self.store {
            store.writer.submit(None, changes);
        }
    }

    pub(super) fn take_committed(&mut self) {
        let Some(store) = &self.store else { return };
        for told in store.writer.take_told() {
            match told {
                Told::Committed(ticket, result) => {
                    let open = self.store.as_mut().and_then(|store| store.commits.take(ticket));
                    let Some(Commit { torrent, then, followers }) = open else { continue };
                    self.committed(torrent, then, result);
                    if let Some(id) = torrent {
                        for (asked, respond) in followers {
                            self.make_request(id, asked, respond);
                        }
                    }
                }
                Told::Failing(error) => self.service.announce(&Event::StoreFailed { error }),
                Told::Works => self.service.announce(&Event::StoreRecovered),
            }
        }
    }

    fn committed(&mut self, torrent: Option<TorrentId>, then: Then, result: Result<()>) {
        match (then, torrent) {
            (Then::Add, Some(id)) => {
                let Some(mut add) = self.admission.kept(id) else { return };
                match result {
                    Ok(()) => {
                        if let Some(store) = &mut self.store {
                            store.lost.retain(|(_, hashes)| !hashes.overlap(&add.info_hashes));
                        }
                        self.hand_over(add);
                    }
                    Err(error) => {
                        add.key = None;
                        self.fail_add(add, error.in_operation(ADD));
                    }
                }
            }
            (Then::Remove, Some(id)) => self.removal_committed(id, result),
            (Then::Request(asked, respond), Some(id)) => match result {
                Ok(()) => self.make_request(id, asked, respond),
                Err(error) => {
                    let error = error.in_operation(asked.op);
                    if matches!(asked.role, RequestRole::MovesFiles { .. }) {
                        self.move_failed(id, error.clone());
                    }
                    respond.send(Err(error));
                }
            },
            (Then::Moved(respond, to), Some(id)) => {
                if result.is_err() {
                    // The files have been moved nevertheless.
                    self.keep_all(id, [Value::SaveDir(to.clone()), Value::Moving(None)]);
                }
                respond.send(result.map(|()| Box::new(to) as Answer));
            }
            (Then::Saved { with_info }, Some(id)) => {
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
            (Then::Attach(attachment, reply), Some(id)) => {
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
        self.commit_values(id, vec![value], Then::Attach(attachment, reply));
    }

    // Adding.

    /// Commits a new torrent before it is passed to the engine.
    pub(super) fn commit_add(&mut self, mut add: PendingAdd) {
        let Some(store) = &mut self.store else { return self.hand_over(add) };
        if let Some(error) = &store.unread {
            let error = error.clone().in_operation(ADD).on(&add.source);
            return self.fail_add(add, error);
        }
        let Some(key) = store.next_key() else { return self.hand_over(add) };
        let id = add.id;
        let mut record = Record::new(key, add.info_hashes, &add.save_dir);
        record.name = (*add.name).into();
        record.source = (*add.source).into();
        record.added = SystemTime::now();
        record.completed = add.complete.then_some(record.added);
        record.paused = add.paused;
        if let Some(kept) = add.kept.take() {
            add.has_info = kept.info.is_some();
            record.info = kept.info;
            record.resume_data = kept.resume_data;
        }
        // Replace a torrent with the same hash that could not be restored.
        let lost = store.lost.iter().filter(|(_, hashes)| hashes.overlap(&add.info_hashes));
        let mut changes: Vec<_> = lost.map(|(key, _)| Change::Remove(*key)).collect();
        changes.push(Change::Add(Box::new(record)));
        add.key = Some(key);
        self.admission.keep_first(add);
        self.commit(Some(id), changes, Then::Add);
    }

    // Removing.

    pub(super) fn commit_removal(&mut self, id: TorrentId, removing: Removing) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        let delete = removing.files == RemoveFiles::Delete;
        let key = torrent.key;
        torrent.removing = Some(Box::new(removing));
        let change = |key| match delete {
            // The deletion continues after a crash.
            true => Change::Set(key, Value::Deleting(true)),
            false => Change::Remove(key),
        };
        self.commit(Some(id), key.map(change).into_iter().collect(), Then::Remove);
    }

    fn removal_committed(&mut self, id: TorrentId, result: Result<()>) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        let Some(removing) = &torrent.removing else { return };
        let delete = removing.files == RemoveFiles::Delete;
        let committed = result.is_ok();
        let Err(error) = result.and_then(|()| self.engine.remove(id, delete)) else { return };
        let Some(removing) = torrent.removing.take() else { return };
        if committed && !delete {
            // The store has it no more.
            torrent.key = None;
        } else if committed {
            self.keep(id, Value::Deleting(false));
        }
        let Removing { from, reply, .. } = *removing;
        let error = error.in_operation("remove the torrent");
        tracing::warn!(%id, %error, "a torrent was not removed");
        if let Some(from) = from {
            answer(&from, CommandKind::RemoveTorrent, id, reply, Err(error));
        }
    }

    // Restoring.

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
                Restored::Failed { key, name, info_hashes, error } => {
                    store.last_key = store.last_key.max(key.get());
                    self.restore_failed(key, name, info_hashes, error);
                }
                Restored::End(result) => {
                    restoring.ended = true;
                    if let Err(error) = result {
                        store.unread = Some(error.clone());
                        self.service.announce(&Event::StoreFailed { error });
                    }
                    self.tell_restored();
                }
            }
        }
    }

    pub(super) fn restore_failed(
        &mut self,
        key: Key,
        name: Arc<str>,
        info_hashes: InfoHashes,
        error: Error,
    ) {
        tracing::warn!(name = &*name, %error, "a torrent was not restored");
        let Some(store) = &mut self.store else { return };
        store.lost.push((key, info_hashes));
        if let Some(restoring) = &mut store.restoring {
            restoring.failed += 1;
        }
        self.service.announce(&Event::RestoreFailed { name, info_hashes, error });
        self.tell_restored();
    }

    /// Counts a restored or failed torrent.
    pub(super) fn restore_answered(&mut self, is_here: bool) {
        let restoring = self.store.as_mut().and_then(|store| store.restoring.as_mut());
        if let Some(restoring) = restoring {
            restoring.open -= 1;
            restoring.restored += u64::from(is_here);
        }
        if is_here {
            self.tell_restored();
        }
    }

    fn tell_restored(&mut self) {
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
        // In the order of their positions, so that each torrent is placed behind those before it.
        for (position, id) in std::mem::take(&mut store.queue) {
            self.request(id, request::move_in_queue(QueueMove::To(position)));
        }
        tracing::info!(torrents, failed, ?took, "restored");
        self.service.announce(&Event::Restored { torrents, failed, took });
        for add in self.admission.take_parked() {
            self.begin_add(add);
        }
    }

    pub(super) fn restore_queue_place(&mut self, id: TorrentId, position: u32) {
        if let Some(store) = &mut self.store {
            store.queue.insert(position, id);
        }
    }

    /// Returns whether a torrent in the store may still be restored.
    pub(super) fn is_restoring(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.restoring.is_some())
    }

    /// Continues to delete the files of a torrent after a restart.
    pub(super) fn go_on_deleting(&mut self, id: TorrentId) {
        let removing = Removing { files: RemoveFiles::Delete, from: None, reply: None };
        if let Some(torrent) = self.torrents.get_mut(id) {
            torrent.removing = Some(Box::new(removing));
            self.removal_committed(id, Ok(()));
        }
    }

    pub(super) fn adopt(
        &mut self,
        id: TorrentId,
        by: &Arc<crate::messages::member::Member>,
    ) -> Result<()> {
        const ADOPT: &str = "adopt the torrent";
        self.torrents.open(id, ADOPT)?;
        if self.torrents.adopt(id, by) {
            self.save_for_newcomer(id);
            return Ok(());
        }
        let message = format!("{id} belongs to another patron");
        Err(Error::new(ErrorKind::InvalidArgument, ADOPT, message))
    }

    // The client itself.

    /// Saves the client's own state if it is due.
    pub(super) fn save_state_if_due(&mut self, now: Instant) {
        if self.store.as_ref().is_some_and(|store| now >= store.next_state) {
            self.save_state();
        }
    }

    /// Saves the DHT nodes, the IP filter and the totals.
    pub(super) fn save_state(&mut self) {
        let Some(store) = &mut self.store else { return };
        store.next_state = Instant::now() + STATE_INTERVAL;
        store.state_open = 2;
        self.request_of_session(request::state().request, Respond::Nothing);
        if self.statistics.is_empty() {
            self.ask_statistics();
        }
    }

    /// Returns how many parts of the client's own state have not been saved.
    pub(super) fn unsaved_state(&self) -> u32 {
        self.store.as_ref().map_or(0, |store| store.state_open)
    }

    /// Requests the queue positions. The answer has all torrents, so one request covers many changes.
    pub(super) fn save_queue(&mut self) {
        let Some(store) = &mut self.store else { return };
        if store.queue_asked {
            store.queue_changed = true;
        } else {
            store.queue_asked = true;
            self.request_of_session(request::queue().request, Respond::Nothing);
        }
    }

    fn queue_given(&mut self, places: &[QueuePlaceRecord]) {
        let Some(store) = &mut self.store else { return };
        store.queue_asked = false;
        if std::mem::take(&mut store.queue_changed) {
            return self.save_queue();
        }
        let change = |place: &QueuePlaceRecord| {
            let torrent = self.torrents.get(TorrentId::new(place.torrent)?)?;
            let torrent = Some(torrent).filter(|torrent| torrent.removing.is_none())?;
            Some(Change::Set(torrent.key?, Value::QueuePosition(Some(place.position))))
        };
        self.keep_changes(places.iter().filter_map(change).collect());
    }

    /// Stores the client's own state from the answer to a request.
    pub(super) fn keep_of_client(&mut self, role: RequestRole, answer: &Result<Answer>) {
        let value = answer.as_ref().ok();
        match role {
            RequestRole::ChangesSettings(settings) if value.is_some() && self.keeps_settings() => {
                let change = |(name, value): (&str, &SettingValue)| {
                    let value = value.to_string().into_bytes().into();
                    Change::State(format!("{SETTING}{name}").into(), Some(value))
                };
                self.keep_changes(settings.iter().map(change).collect());
            }
            RequestRole::ChangesIpFilter if value.is_some() => self.save_state(),
            RequestRole::GivesState => {
                if let Some(bytes) = value.and_then(|value| value.downcast_ref::<Vec<u8>>()) {
                    self.keep_change(Change::State(NETWORK.into(), Some(bytes[..].into())));
                }
                self.state_saved();
            }
            RequestRole::GivesQueue => {
                let places = value.and_then(|value| value.downcast_ref::<Vec<QueuePlaceRecord>>());
                self.queue_given(places.map_or(&[], Vec::as_slice));
            }
            _ => {}
        }
    }

    fn keeps_settings(&self) -> bool {
        self.store.as_ref().is_some_and(|store| store.keeps_settings)
    }

    /// Adds the totals of earlier runs, and stores the sums if that was requested.
    pub(super) fn count_totals(&mut self, statistics: &mut Statistics) {
        let Some(store) = &self.store else { return };
        let sent = store.totals.0 + statistics.sent;
        let received = store.totals.1 + statistics.received;
        (statistics.all_time_sent, statistics.all_time_received) = (sent, received);
        if store.state_open > 0 {
            let text = format!("{sent} {received}").into_bytes();
            self.keep_change(Change::State(TOTALS.into(), Some(text.into())));
            self.state_saved();
        }
    }

    fn state_saved(&mut self) {
        if let Some(store) = &mut self.store {
            store.state_open = store.state_open.saturating_sub(1);
        }
    }

    /// Closes the store. Returns whether all changes were committed by the deadline.
    pub(super) fn end_store(&mut self, deadline: Instant) -> bool {
        self.store.take().is_none_or(|store| store.writer.end(deadline))
    }

    pub(super) fn is_restored(origin: &Origin) -> bool {
        matches!(origin, Origin::Store(_))
    }
}

const ATTACH: &str = "attach to the torrent";

// The names of the client's own state in the store.

/// The prefix of the name of a setting.
const SETTING: &str = "setting/";
const NETWORK: &str = "network";
const TOTALS: &str = "totals";

/// The client's own state from earlier runs.
#[derive(Debug)]
pub(in crate::client) struct ClientState {
    pub(in crate::client) settings: Settings,
    /// In the format of [`ClientBuilder::state`](crate::ClientBuilder::state).
    pub(in crate::client) network: Vec<u8>,
    pub(in crate::client) totals: (u64, u64),
}

impl ClientState {
    pub(in crate::client) fn load(store: &mut dyn Store) -> Result<Self> {
        let mut state = Self { settings: Settings::empty(), network: Vec::new(), totals: (0, 0) };
        for (name, value) in store.state()? {
            let text = || String::from_utf8_lossy(&value).into_owned();
            if let Some(name) = name.strip_prefix(SETTING) {
                // The setting may not exist in this version of libtorrent.
                if let Err(error) = state.settings.set_text(name, &text()) {
                    tracing::warn!(%error, "a setting in the store is ignored");
                }
            } else if name == NETWORK {
                state.network = value.to_vec();
            } else if name == TOTALS {
                let text = text();
                let mut numbers = text.split(' ').map(|number| number.parse().unwrap_or(0));
                state.totals = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
            }
        }
        Ok(state)
    }
}
