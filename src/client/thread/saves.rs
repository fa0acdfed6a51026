//! Saves resume data automatically: for the store, and while a patron of the torrent subscribes to it.

use std::time::Instant;

use super::client_thread::ClientThread;
use crate::add::join;
use crate::client::state::commits::AfterCommit;
use crate::client::state::torrent::{MoveRequester, Torrent};
use crate::engine::Engine;
use crate::error::Result;
use crate::messages::request::{self, ByAlert, TorrentRole};
use crate::model::{Answer, Event, EventKind, ResumeData, SavedFigures, TorrentId};
use crate::store::Value;

impl<E: Engine> ClientThread<E> {
    fn is_saved(&self, id: TorrentId) -> bool {
        let torrent = self.torrents.get(id).filter(|torrent| torrent.removing.is_none());
        torrent.is_some_and(|torrent| torrent.key.is_some() || self.wants_resume_data(torrent))
    }

    /// Returns whether a patron of the torrent subscribes to its resume data.
    pub(super) fn wants_resume_data(&self, torrent: &Torrent) -> bool {
        self.subscriptions.wants(EventKind::ResumeData) && torrent.is_wanted(EventKind::ResumeData)
    }

    fn saves_any(&self) -> bool {
        self.store.is_some() || self.subscriptions.wants(EventKind::ResumeData)
    }

    /// Schedules a save, because something has changed that the resume data should contain.
    pub(in crate::client) fn save_soon(&mut self, id: TorrentId) {
        if self.is_saved(id)
            && let Some(mut saving) = self.torrents.saving(id)
        {
            saving.schedule(Instant::now());
        }
    }

    /// Schedules a save because data has changed that libtorrent does not know. It may consider the torrent
    /// unchanged.
    pub(in crate::client) fn save_client_data(&mut self, id: TorrentId) {
        if self.is_saved(id) {
            self.save_again(id);
        }
    }

    fn save_later(&mut self, id: TorrentId) {
        if self.is_saved(id)
            && let Some(mut saving) = self.torrents.saving(id)
        {
            saving.schedule_next(Instant::now());
        }
    }

    /// Schedules a save if a patron now wants a torrent's resume data for the first time.
    pub(in crate::client) fn save_for_newcomer(&mut self, id: TorrentId) {
        let saved = self.torrents.get(id).and_then(|torrent| torrent.saved_figures());
        if saved.is_none() {
            self.save_later(id);
        } else if let Some(status) = self.service.statuses.get(id) {
            self.save_if_grown(id, status.needs_saving, status.saved_figures);
        }
    }

    pub(in crate::client) fn save_for_newcomers(&mut self) {
        for id in self.torrents.ids() {
            self.save_for_newcomer(id);
        }
    }

    /// Schedules a save if counters have grown. libtorrent also counts passing time as a change, which alone
    /// is not saved.
    pub(in crate::client) fn save_if_grown(
        &mut self,
        id: TorrentId,
        needs_saving: bool,
        figures: SavedFigures,
    ) {
        if !needs_saving || !self.saves_any() {
            return;
        }
        let saved = self.torrents.get(id).and_then(|torrent| torrent.saved_figures());
        if saved != Some(figures) {
            self.save_later(id);
        }
    }

    /// Returns when another save may begin. The store wakes this thread when its queue has space.
    pub(in crate::client) fn next_save(&self) -> Option<Instant> {
        self.torrents.saves().next_due().filter(|_| !self.waits_for_store())
    }

    /// Requests the saves that are due, as many as may be open.
    pub(in crate::client) fn start_saves(&mut self) {
        let now = Instant::now();
        while let Some(id) = self.torrents.saves().first_due(now) {
            if self.waits_for_store() {
                return;
            }
            let wanted = self.is_saved(id);
            let what = self.save_request(id);
            let Some(mut saving) = self.torrents.saving(id) else { return };
            if !wanted {
                saving.unschedule();
            } else if let Some(unchanged_too) = saving.begin(now) {
                let torrent = self.torrents.get_mut(id);
                if let Some(made) = torrent.and_then(|torrent| torrent.made_move.as_mut()) {
                    made.save_begun = true;
                }
                let save = request::resume_data(what, !unchanged_too, TorrentRole::SavesForEvent);
                self.request(id, save);
            }
        }
    }

    /// Returns what to save: without the info dictionary if the store has it and no patron receives the save.
    fn save_request(&self, id: TorrentId) -> ByAlert<ResumeData> {
        match self.torrents.get(id) {
            Some(torrent) if torrent.has_info && !self.wants_resume_data(torrent) => {
                ByAlert::progress()
            }
            _ => ByAlert::resume_data(),
        }
    }

    /// Handles the end of a save that the client requested.
    pub(in crate::client) fn save_answered(&mut self, id: TorrentId, answer: &Result<Answer>) {
        let changed_again = self.torrents.saving(id).is_some_and(|mut saving| saving.end());
        self.saved(id, answer);
        if changed_again {
            self.save_client_data(id);
        } else if let Err(error) = answer {
            tracing::warn!(%id, %error, "the resume data was not saved");
            if let Some(mut saving) = self.torrents.saving(id) {
                saving.failed(Instant::now(), self.stopping);
            }
        }
        self.save_of_move_ended(id, answer);
    }

    /// Delivers saved resume data to the store and to all subscribers, whoever asked for it.
    pub(in crate::client) fn saved(&mut self, id: TorrentId, answer: &Result<Answer>) {
        let saved = answer.as_ref().ok().and_then(|answer| answer.downcast_ref::<ResumeData>());
        let Some(ResumeData { bytes, info, figures }) = saved else { return };
        // Nothing has changed.
        if bytes.is_empty() {
            return;
        }
        if let Some(mut saving) = self.torrents.saving(id) {
            saving.saved(*figures, Instant::now());
        }
        let Some(torrent) = self.torrents.get(id) else { return };
        if self.wants_resume_data(torrent) && torrent.removing.is_none() {
            if info.is_empty() && torrent.has_info {
                // It is wanted now, but was not when it was requested.
                return self.save_again(id);
            }
            let (info_hashes, data) = (torrent.info_hashes, join(info, bytes).into());
            self.publish(id, |name| Event::ResumeData { id, name, info_hashes, data });
        }
        self.commit_resume_data(id, bytes, info);
    }

    fn save_again(&mut self, id: TorrentId) {
        if let Some(mut saving) = self.torrents.saving(id) {
            saving.force_next();
            saving.schedule(Instant::now());
        }
    }

    fn commit_resume_data(&mut self, id: TorrentId, bytes: &[u8], info: &[u8]) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        if torrent.key.is_none() || torrent.removing.is_some() {
            return;
        }
        let mut values = vec![Value::ResumeData(bytes.into())];
        let with_info = !info.is_empty() && !std::mem::replace(&mut torrent.has_info, true);
        if with_info {
            values.push(Value::InfoHashes(torrent.info_hashes));
            values.push(Value::Name((*torrent.name).into()));
            values.push(Value::Info(info.into()));
        }
        self.commit_values(id, values, AfterCommit::Saved { with_info });
    }

    /// Forces the next save: libtorrent makes the metainfo from the resume data, and then considers that
    /// saved.
    pub(in crate::client) fn metainfo_given(&mut self, id: TorrentId) {
        if let Some(mut saving) = self.torrents.saving(id) {
            saving.force_next();
        }
        self.save_later(id);
    }

    /// At shutdown, saves everything that has changed, even if only time has passed, and waits until `patience` for
    /// moves and deletions, which are saved when they have ended. Returns how many torrents were not saved.
    pub(in crate::client) fn save_the_rest(
        &mut self,
        deadline: Instant,
        patience: Instant,
    ) -> usize {
        self.torrents.begin_last_saves();
        self.save_state();
        for id in self.torrents.ids() {
            self.save_soon(id);
        }
        loop {
            self.drain_events();
            self.start_saves();
            let now = Instant::now();
            let uncommitted = self.store.as_ref().map_or(0, |store| store.commits.len());
            let is_saved =
                self.torrents.saves().is_idle() && self.unsaved_state() == 0 && uncommitted == 0;
            let until = if is_saved { patience } else { deadline };
            if now >= until || is_saved && !self.works_on_files() {
                return self.torrents.unsaved() + uncommitted;
            }
            let due = self.next_save().map_or(until, |due| due.min(until));
            // Woken, or a save is due.
            let _ = self.inbox.woken.recv_deadline(due);
        }
    }

    fn works_on_files(&self) -> bool {
        let is_moved =
            |torrent: &Torrent| torrent.moving.is_some_and(|by| by != MoveRequester::EarlierRun);
        self.torrents.iter().any(|(_, torrent)| torrent.removing.is_some() || is_moved(torrent))
    }
}
