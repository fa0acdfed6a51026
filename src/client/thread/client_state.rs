//! The client's own state in the store: settings, DHT nodes, the IP filter, totals and queue positions.

use std::collections::BTreeMap;
use std::time::Instant;

use super::client_thread::ClientThread;
use super::store_link::STATE_INTERVAL;
use crate::add::is_dictionary;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::{self, Respond, SessionRole};
use crate::model::{Answer, Statistics, TorrentId};
use crate::settings::{SettingValue, Settings};
use crate::store::{Change, Store, Value};

// The names in the store.

/// The prefix of the name of a setting.
pub(in crate::client) const SETTING: &str = "setting/";
pub(in crate::client) const NETWORK: &str = "network";
const TOTALS: &str = "totals";

impl<E: Engine> ClientThread<E> {
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

    fn queue_given(&mut self, places: &[(TorrentId, u32)]) {
        let Some(store) = &mut self.store else { return };
        store.queue_asked = false;
        if std::mem::take(&mut store.queue_changed) {
            return self.save_queue();
        }
        let queued = places.iter().map(|(id, _)| *id).collect();
        let before = std::mem::replace(&mut store.queued, queued);
        let gone = before.difference(&store.queued).map(|id| (*id, None));
        let places = places.iter().map(|(id, position)| (*id, Some(*position)));
        let change = |(id, position)| {
            let torrent = self.torrents.get(id)?;
            let torrent = Some(torrent).filter(|torrent| torrent.removing.is_none())?;
            Some(Change::Set(torrent.key?, Value::QueuePosition(position)))
        };
        let changes = gone.chain(places).filter_map(change).collect();
        self.store_changes(changes);
    }

    /// Records that a torrent has left the queue.
    pub(super) fn left_queue(&mut self, id: TorrentId) {
        if self.store.as_mut().is_some_and(|store| store.queued.remove(&id)) {
            self.store_value(id, Value::QueuePosition(None));
        }
    }

    /// Stores the client's own state from the answer to a request.
    pub(super) fn store_client_state(&mut self, role: SessionRole, answer: &Result<Answer>) {
        let value = answer.as_ref().ok();
        match role {
            SessionRole::ChangesSettings(settings) if value.is_some() && self.keeps_settings() => {
                let change = |(name, value): (&str, &SettingValue)| {
                    let value = value.to_string().into_bytes().into();
                    Change::State(format!("{SETTING}{name}").into(), Some(value))
                };
                self.store_changes(settings.iter().map(change).collect());
            }
            SessionRole::ChangesIpFilter if value.is_some() => {
                if let Some(store) = &mut self.store {
                    store.unusable.remove(NETWORK);
                }
                self.save_state();
            }
            SessionRole::GivesState => {
                if let Some(bytes) = value.and_then(|value| value.downcast_ref::<Vec<u8>>()) {
                    self.store_part(NETWORK, bytes);
                }
                self.state_saved();
            }
            SessionRole::GivesQueue => {
                let places = value.and_then(|value| value.downcast_ref::<Vec<(TorrentId, u32)>>());
                self.queue_given(places.map_or(&[], Vec::as_slice));
            }
            SessionRole::None | SessionRole::ChangesSettings(_) | SessionRole::ChangesIpFilter => {}
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
            self.store_part(TOTALS, &text);
            self.state_saved();
        }
    }

    /// Stores a part of the client's own state, unless an earlier one is there that could not be restored.
    fn store_part(&mut self, name: &str, value: &[u8]) {
        if self.store.as_ref().is_some_and(|store| !store.unusable.contains(name)) {
            self.store_change(Change::State(name.into(), Some(value.into())));
        }
    }

    fn state_saved(&mut self) {
        if let Some(store) = &mut self.store {
            store.state_open = store.state_open.saturating_sub(1);
        }
    }
}

const RESTORE_STATE: &str = "restore the client's own state";

fn totals(text: &str) -> Option<(u64, u64)> {
    let (sent, received) = text.split_once(' ')?;
    Some((sent.parse().ok()?, received.parse().ok()?))
}

/// The client's own state from earlier runs.
#[derive(Debug)]
pub(in crate::client) struct ClientState {
    pub(in crate::client) settings: Settings,
    /// In the format of [`ClientBuilder::state`](crate::ClientBuilder::state).
    pub(in crate::client) network: Vec<u8>,
    pub(in crate::client) totals: (u64, u64),
    /// The parts that cannot be used, by name, and why.
    pub(in crate::client) unusable: BTreeMap<String, Error>,
}

impl ClientState {
    pub(in crate::client) fn load(store: &mut dyn Store) -> Result<Self> {
        let mut state = Self {
            settings: Settings::empty(),
            network: Vec::new(),
            totals: (0, 0),
            unusable: BTreeMap::new(),
        };
        for (name, value) in store.state()? {
            if let Err(error) = value.and_then(|value| state.take(&name, &value)) {
                state.unusable.insert(name, error);
            }
        }
        Ok(state)
    }

    fn take(&mut self, name: &str, value: &[u8]) -> Result<()> {
        let text = std::str::from_utf8(value).unwrap_or_default();
        if let Some(setting) = name.strip_prefix(SETTING) {
            // The setting may not exist in this version of libtorrent.
            return self.settings.set_text(setting, text);
        }
        let taken = match name {
            NETWORK => is_dictionary(value).then(|| self.network = value.to_vec()),
            TOTALS => totals(text).map(|totals| self.totals = totals),
            _ => Some(()),
        };
        taken.ok_or_else(|| {
            Error::new(ErrorKind::Corrupt, RESTORE_STATE, "it has an unknown format").on(name)
        })
    }
}
