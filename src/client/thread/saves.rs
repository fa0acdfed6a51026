//! Saves resume data without being asked, when it is worth it, while a patron of the torrent
//! subscribes to it.

use std::time::Instant;

use super::client_thread::ClientThread;
use crate::engine::Engine;
use crate::error::Result;
use crate::messages::request::{self, RequestRole};
use crate::model::{Answer, Event, EventKind, ResumeData, SavedFigures, TorrentId};

impl<E: Engine> ClientThread<E> {
    fn is_saved(&self, id: TorrentId) -> bool {
        let torrent = self.torrents.get(id).filter(|torrent| torrent.removing.is_none());
        self.subscriptions.wants(EventKind::ResumeData)
            && torrent.is_some_and(|torrent| torrent.is_wanted(EventKind::ResumeData))
    }

    /// Something has happened that the resume data should contain.
    pub(in crate::client) fn save_soon(&mut self, id: TorrentId) {
        if self.is_saved(id)
            && let Some(mut saving) = self.torrents.saving(id)
        {
            saving.schedule(Instant::now());
        }
    }

    fn save_later(&mut self, id: TorrentId) {
        if self.is_saved(id)
            && let Some(mut saving) = self.torrents.saving(id)
        {
            saving.schedule_next(Instant::now());
        }
    }

    /// A patron may now want a torrent's resume data for the first time.
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

    /// libtorrent counts the passing of active time as a change. That alone is not saved.
    pub(in crate::client) fn save_if_grown(
        &mut self,
        id: TorrentId,
        needs_saving: bool,
        figures: SavedFigures,
    ) {
        if !needs_saving || !self.subscriptions.wants(EventKind::ResumeData) {
            return;
        }
        let saved = self.torrents.get(id).and_then(|torrent| torrent.saved_figures());
        if saved != Some(figures) {
            self.save_later(id);
        }
    }

    /// Requests the saves that are due, as many as may be open.
    pub(in crate::client) fn start_saves(&mut self) {
        let now = Instant::now();
        while let Some(id) = self.torrents.saves().first_due(now) {
            let wanted = self.is_saved(id);
            let Some(mut saving) = self.torrents.saving(id) else { return };
            if !wanted {
                saving.unschedule();
            } else if let Some(unchanged_too) = saving.begin() {
                let save = request::resume_data(!unchanged_too, RequestRole::SavesForEvent);
                self.request(id, save);
            }
        }
    }

    /// A save that the client requested has ended.
    pub(in crate::client) fn save_answered(&mut self, id: TorrentId, answer: &Result<Answer>) {
        let changed_again = self.torrents.saving(id).is_some_and(|mut saving| saving.end());
        self.saved(id, answer);
        if changed_again {
            self.save_soon(id);
        } else if let Err(error) = answer {
            tracing::warn!(%id, %error, "the resume data was not saved");
            if let Some(mut saving) = self.torrents.saving(id) {
                saving.failed(Instant::now(), self.stopping);
            }
        }
    }

    /// Whoever asked for it, the subscribers receive it.
    pub(in crate::client) fn saved(&mut self, id: TorrentId, answer: &Result<Answer>) {
        let saved = answer.as_ref().ok().and_then(|answer| answer.downcast_ref::<ResumeData>());
        let Some(ResumeData { bytes: data, figures }) = saved else { return };
        // Nothing has changed.
        if data.is_empty() {
            return;
        }
        if let Some(mut saving) = self.torrents.saving(id) {
            saving.saved(*figures, Instant::now());
        }
        if self.is_saved(id) {
            let Some(info_hashes) = self.torrents.get(id).map(|torrent| torrent.info_hashes) else {
                return;
            };
            let data = data[..].into();
            self.publish(id, |name| Event::ResumeData { id, name, info_hashes, data });
        }
    }

    /// libtorrent makes the metainfo from the resume data, and then considers that saved.
    pub(in crate::client) fn metainfo_given(&mut self, id: TorrentId) {
        if let Some(mut saving) = self.torrents.saving(id) {
            saving.force_next();
        }
        self.save_later(id);
    }

    /// At the end: saves everything that has changed, even if only time has passed. Returns how
    /// many were not saved.
    pub(in crate::client) fn save_the_rest(&mut self, deadline: Instant) -> usize {
        self.torrents.begin_last_saves();
        for id in self.torrents.ids() {
            self.save_soon(id);
        }
        loop {
            self.start_saves();
            if self.torrents.saves().is_idle() || self.inbox.woken.recv_deadline(deadline).is_err()
            {
                return self.torrents.unsaved();
            }
            self.drain_events();
        }
    }
}
