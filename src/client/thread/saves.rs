//! Resume data without being asked: it is saved when it is worth it, while a patron of the torrent is
//! subscribed to it. What happens to a torrent is saved at once; what merely grows, once per interval.
//! A bounded number of saves is open, so that many torrents do not hold up libtorrent's network thread.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::{Duration, Instant};

use super::ClientThread;
use crate::engine::Engine;
use crate::error::Result;
use crate::messages::request::{Answer, Own, TorrentRequest};
use crate::model::{Event, EventKind, SavedFigures, TorrentId};

/// How many saves may be open.
const WINDOW: usize = 64;

pub(in crate::client) struct Saves {
    interval: Duration,
    /// When each torrent is to be saved, the soonest first.
    due: BTreeSet<(Instant, TorrentId)>,
    torrents: HashMap<TorrentId, Saved>,
    /// Asked by the client and not answered.
    open: HashSet<TorrentId>,
    failed: usize,
}

/// What is known of the resume data of a torrent.
#[derive(Default)]
struct Saved {
    due: Option<Instant>,
    /// When it was saved last, and what it held.
    last: Option<(Instant, SavedFigures)>,
    /// libtorrent takes the changes for saved, and they are not: a request for the metainfo is the same
    /// to it.
    mistaken: bool,
    /// It has changed again while a save was open.
    again: bool,
}

impl Saves {
    pub(in crate::client) fn new(interval: Duration) -> Self {
        let (due, torrents, open) = Default::default();
        Self { interval, due, torrents, open, failed: 0 }
    }

    fn schedule(&mut self, id: TorrentId, when: Instant) {
        let saved = self.torrents.entry(id).or_default();
        if saved.due.is_some_and(|due| due <= when) {
            return;
        }
        if let Some(later) = saved.due.replace(when) {
            self.due.remove(&(later, id));
        }
        self.due.insert((when, id));
    }

    /// An interval after the last time. Torrents that were never saved are spread over one, so that
    /// those that were started together are not saved together.
    fn schedule_later(&mut self, id: TorrentId) {
        let now = Instant::now();
        let when = match self.last(id) {
            Some((last, _)) => (last + self.interval).max(now),
            // The golden ratio scatters numbers that follow each other.
            None => {
                let place = id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
                now + self.interval.mul_f64(place as f64 / f64::from(u32::MAX))
            }
        };
        self.schedule(id, when);
    }

    fn last(&self, id: TorrentId) -> Option<(Instant, SavedFigures)> {
        self.torrents.get(&id)?.last
    }

    fn unschedule(&mut self, id: TorrentId) {
        if let Some(saved) = self.torrents.get_mut(&id)
            && let Some(due) = saved.due.take()
        {
            self.due.remove(&(due, id));
        }
    }

    /// A torrent that is no more.
    pub(in crate::client) fn close(&mut self, id: TorrentId) {
        self.unschedule(id);
        self.torrents.remove(&id);
        self.open.remove(&id);
    }

    /// When there is something to do again.
    pub(in crate::client) fn next_due(&self) -> Option<Instant> {
        let (due, _) = self.due.first()?;
        (self.open.len() < WINDOW).then_some(*due)
    }

    fn left(&self) -> usize {
        let waiting = self.due.iter().filter(|(_, id)| !self.open.contains(id));
        self.open.len() + waiting.count()
    }

    /// Those of the client's own requests that are not answered.
    pub(in crate::client) fn open(&self) -> usize {
        self.open.len()
    }
}

impl<E: Engine> ClientThread<E> {
    fn saves(&self, id: TorrentId) -> bool {
        let torrent = self.routes.get(id).filter(|torrent| torrent.closing.is_none());
        self.subscriptions.wanted.contains(EventKind::ResumeData)
            && torrent.is_some_and(|torrent| torrent.is_wanted(EventKind::ResumeData))
    }

    /// Something has happened that resume data should show.
    pub(in crate::client) fn save_soon(&mut self, id: TorrentId) {
        if self.saves(id) {
            self.saves.schedule(id, Instant::now());
        }
    }

    fn save_later(&mut self, id: TorrentId) {
        if self.saves(id) {
            self.saves.schedule_later(id);
        }
    }

    /// Somebody may want the resume data of a torrent who did not before.
    pub(in crate::client) fn save_for_newcomer(&mut self, id: TorrentId) {
        if self.saves.last(id).is_none() {
            self.save_later(id);
        } else if let Some(status) = self.service.statuses.get(id) {
            self.save_if_grown(id, status.needs_saving, status.saved_figures);
        }
    }

    pub(in crate::client) fn save_for_newcomers(&mut self) {
        let all: Vec<_> = self.routes.iter().map(|(id, _)| id).collect();
        for id in all {
            self.save_for_newcomer(id);
        }
    }

    /// libtorrent counts the time that a torrent runs as a change. That alone is not saved.
    pub(in crate::client) fn save_if_grown(
        &mut self,
        id: TorrentId,
        needs_saving: bool,
        figures: SavedFigures,
    ) {
        if !needs_saving || !self.subscriptions.wanted.contains(EventKind::ResumeData) {
            return;
        }
        if self.saves.last(id).is_none_or(|(_, saved)| saved != figures) {
            self.save_later(id);
        }
    }

    /// Asks for what is due, as much as may be open.
    pub(in crate::client) fn start_saves(&mut self) {
        let now = Instant::now();
        while self.saves.open.len() < WINDOW
            && let Some(&(due, id)) = self.saves.due.first()
            && due <= now
        {
            self.saves.unschedule(id);
            if !self.saves(id) {
                continue;
            }
            let saved = self.saves.torrents.entry(id).or_default();
            if self.saves.open.contains(&id) {
                saved.again = true;
                continue;
            }
            let asked = TorrentRequest::ResumeDataForEvent {
                own: Own::default(),
                unchanged_too: saved.mistaken,
            };
            self.saves.open.insert(id);
            self.request_of_torrent(id, asked, Box::new(|_| ()));
        }
    }

    /// A save of the client has ended.
    pub(in crate::client) fn save_answered(&mut self, id: TorrentId, answer: &Result<Answer>) {
        self.saves.open.remove(&id);
        self.saved(id, answer);
        let saved = self.saves.torrents.entry(id).or_default();
        if std::mem::take(&mut saved.again) {
            self.save_soon(id);
        } else if let Err(error) = answer {
            tracing::warn!(%id, %error, "the resume data was not saved");
            if self.stopping {
                self.saves.failed += 1;
            } else {
                self.saves.schedule(id, Instant::now() + self.saves.interval);
            }
        }
    }

    /// Whoever asked: those who are subscribed are told.
    pub(in crate::client) fn saved(&mut self, id: TorrentId, answer: &Result<Answer>) {
        let Ok(Answer::ResumeData(data, figures)) = answer else { return };
        // No bytes: it is as it was.
        if data.is_empty() {
            return;
        }
        let saved = self.saves.torrents.entry(id).or_default();
        saved.last = Some((Instant::now(), *figures));
        saved.mistaken = false;
        if self.saves(id) {
            let data = data[..].into();
            self.tell(id, |name| Event::ResumeData { id, name, data });
        }
    }

    /// libtorrent makes the metainfo of the resume data, which it then takes for saved.
    pub(in crate::client) fn metainfo_given(&mut self, id: TorrentId) {
        self.saves.torrents.entry(id).or_default().mistaken = true;
        self.save_later(id);
    }

    /// At the end: all that has changed, if only in time. Returns how many were not saved.
    pub(in crate::client) fn save_the_rest(&mut self, deadline: Instant) -> usize {
        let all: Vec<_> = self.routes.iter().map(|(id, _)| id).collect();
        for id in all {
            self.saves.unschedule(id);
            self.save_soon(id);
        }
        self.saves.failed = 0;
        loop {
            self.start_saves();
            let done = self.saves.due.is_empty() && self.saves.open.is_empty();
            if done || self.woken.recv_deadline(deadline).is_err() {
                return self.saves.left() + self.saves.failed;
            }
            self.drain_events();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn torrents_that_start_together_are_saved_one_after_the_other() {
        let interval = Duration::from_secs(60);
        let mut saves = Saves::new(interval);
        let begun = Instant::now();
        let count = 10_000;
        (0..count).for_each(|_| saves.schedule_later(TorrentId::next()));
        let mut per_second = [0; 61];
        for (due, _) in &saves.due {
            per_second[(*due - begun).as_secs() as usize] += 1;
        }
        let most = per_second.into_iter().max().unwrap_or(0);
        assert!(most < 2 * count / 60, "{per_second:?}");
    }

    #[test]
    fn a_torrent_is_saved_an_interval_after_the_last_time_and_at_once_when_asked() {
        let (mut saves, id) = (Saves::new(Duration::from_secs(60)), TorrentId::next());
        let last = Instant::now();
        saves.torrents.entry(id).or_default().last = Some((last, SavedFigures::default()));
        saves.schedule_later(id);
        saves.schedule_later(id);
        assert_eq!(saves.next_due(), Some(last + Duration::from_secs(60)));
        saves.schedule(id, last);
        assert_eq!((saves.next_due(), saves.due.len()), (Some(last), 1));
        saves.schedule_later(id);
        assert_eq!((saves.next_due(), saves.due.len()), (Some(last), 1), "not put off");
        saves.close(id);
        assert!(saves.next_due().is_none() && saves.torrents.is_empty());
    }
}
