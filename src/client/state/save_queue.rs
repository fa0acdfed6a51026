//! Decides when the resume data of each torrent is saved: at once after an event, and once per interval if
//! only counters have grown. The number of open saves and of saves per second is bounded, so that many
//! torrents do not hold up libtorrent's network thread.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use crate::model::{SavedFigures, TorrentId};

/// The maximum number of open saves, and of saves started per slice of time: 2000 a second.
const WINDOW: usize = 64;
const SLICE: Duration = Duration::from_millis(32);

/// The same limit at shutdown, when nothing else is held up. Lower in tests, which must answer that many
/// within a slice.
const LAST_WINDOW: usize = if cfg!(test) { 128 } else { 4096 };

/// The part of a torrent's record about saving its resume data. Only torrents whose resume data is wanted
/// have it.
#[derive(Default)]
pub(in crate::client) struct Save {
    /// The torrent's time in the queue.
    due: Option<Instant>,
    /// When it was last saved, and the figures at that time.
    last: Option<(Instant, SavedFigures)>,
    /// Whether the engine has not answered yet.
    open: bool,
    /// Whether the torrent has changed since the engine was asked.
    again: bool,
    /// Whether it must be saved even if libtorrent considers it unchanged, because libtorrent counts a
    /// request for the metainfo as a save.
    force: bool,
}

impl Save {
    pub(in crate::client) fn figures(&self) -> Option<SavedFigures> {
        self.last.map(|(_, figures)| figures)
    }

    pub(in crate::client) fn is_open(&self) -> bool {
        self.open
    }
}

/// The queue of saves of all torrents.
pub(in crate::client) struct SaveQueue {
    interval: Duration,
    /// The queue, in order of time.
    due: BTreeSet<(Instant, TorrentId)>,
    open: usize,
    /// When the slice of time began, and how many saves have started in it.
    slice: (Instant, usize),
    failed: usize,
    window: usize,
}

impl SaveQueue {
    pub(in crate::client) fn new(interval: Duration) -> Self {
        let slice = (Instant::now(), 0);
        Self { interval, due: BTreeSet::new(), open: 0, slice, failed: 0, window: WINDOW }
    }

    /// Returns when there is something to do next.
    pub(in crate::client) fn next_due(&self) -> Option<Instant> {
        let (due, _) = self.due.first()?;
        self.has_room().then(|| (*due).max(self.next_slot()))
    }

    fn has_room(&self) -> bool {
        self.open < self.window
    }

    /// Returns when another save may start.
    fn next_slot(&self) -> Instant {
        let (begin, begun) = self.slice;
        if begun < self.window { begin } else { begin + SLICE }
    }

    /// Returns the first due torrent, if another save may start. It stays due until it is
    /// [begun](Saving::begin) or [unscheduled](Saving::unschedule).
    pub(in crate::client) fn first_due(&self, now: Instant) -> Option<TorrentId> {
        let (due, id) = self.due.first()?;
        let is_due = (*due).max(self.next_slot()) <= now;
        (self.has_room() && is_due).then_some(*id)
    }

    fn count_begun(&mut self, now: Instant) {
        if now >= self.slice.0 + SLICE {
            self.slice = (now, 0);
        }
        self.slice.1 += 1;
    }

    pub(in crate::client) fn is_idle(&self) -> bool {
        self.due.is_empty() && self.open == 0
    }

    /// Returns how many saves the engine has not answered.
    pub(in crate::client) fn open(&self) -> usize {
        self.open
    }

    pub(in crate::client) fn due(&self) -> impl Iterator<Item = TorrentId> {
        self.due.iter().map(|(_, id)| *id)
    }

    /// Returns how many saves have failed since the last saves began.
    pub(in crate::client) fn failed(&self) -> usize {
        self.failed
    }

    /// Starts the last saves: clears the count of failures, and allows many open saves.
    pub(in crate::client) fn begin_last(&mut self) {
        self.failed = 0;
        self.window = LAST_WINDOW;
    }
}

/// A torrent's entry in the queue.
pub(in crate::client) struct Saving<'a> {
    pub(super) id: TorrentId,
    pub(super) save: &'a mut Save,
    pub(super) queue: &'a mut SaveQueue,
}

impl Saving<'_> {
    /// Schedules a save. If one is scheduled, keeps the earlier time.
    pub(in crate::client) fn schedule(&mut self, when: Instant) {
        if self.save.due.is_none_or(|due| when < due) {
            self.unschedule();
            self.save.due = Some(when);
            self.queue.due.insert((when, self.id));
        }
    }

    /// Schedules a save one interval after the last. Torrents that were never saved are spread over the
    /// interval, so that those added together are not saved together.
    pub(in crate::client) fn schedule_next(&mut self, now: Instant) {
        let interval = self.queue.interval;
        let when = match self.save.last {
            Some((last, _)) => (last + interval).max(now),
            // The golden ratio scatters consecutive numbers.
            None => {
                let place = self.id.get().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
                now + interval.mul_f64(place as f64 / f64::from(u32::MAX))
            }
        };
        self.schedule(when);
    }

    pub(in crate::client) fn unschedule(&mut self) {
        if let Some(due) = self.save.due.take() {
            self.queue.due.remove(&(due, self.id));
        }
    }

    /// Starts a save, and returns whether to force it. Returns `None` if one is already open; another will
    /// then follow it.
    pub(in crate::client) fn begin(&mut self, now: Instant) -> Option<bool> {
        self.unschedule();
        if self.save.open {
            self.save.again = true;
            return None;
        }
        self.save.open = true;
        self.queue.open += 1;
        self.queue.count_begun(now);
        Some(self.save.force)
    }

    /// Ends a save. Returns whether the torrent has changed since the engine was asked.
    pub(in crate::client) fn end(&mut self) -> bool {
        if std::mem::take(&mut self.save.open) {
            self.queue.open -= 1;
        }
        std::mem::take(&mut self.save.again)
    }

    /// Records that resume data was saved, whoever requested it.
    pub(in crate::client) fn saved(&mut self, figures: SavedFigures, now: Instant) {
        self.save.last = Some((now, figures));
        self.save.force = false;
    }

    /// Schedules a retry after an interval, unless the client is stopping.
    pub(in crate::client) fn failed(&mut self, now: Instant, stopping: bool) {
        if stopping {
            self.queue.failed += 1;
        } else {
            self.schedule(now + self.queue.interval);
        }
    }

    pub(in crate::client) fn force_next(&mut self) {
        self.save.force = true;
    }

    /// Removes the entry when the torrent is removed.
    pub(super) fn remove(mut self) {
        self.unschedule();
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(60);

    #[test]
    fn torrents_that_start_together_are_saved_one_after_the_other() {
        let (mut queue, now, count) = (SaveQueue::new(INTERVAL), Instant::now(), 10_000);
        for _ in 0..count {
            let (id, save) = (TorrentId::next(), &mut Save::default());
            Saving { id, save, queue: &mut queue }.schedule_next(now);
        }
        let mut per_second = [0; 61];
        for (due, _) in &queue.due {
            per_second[(*due - now).as_secs() as usize] += 1;
        }
        let most = per_second.into_iter().max().unwrap_or(0);
        assert!(most < 2 * count / 60, "{per_second:?}");
    }

    #[test]
    fn a_torrent_is_saved_an_interval_after_the_last_time_and_at_once_when_asked() {
        let (mut queue, mut save, id) =
            (SaveQueue::new(INTERVAL), Save::default(), TorrentId::next());
        let last = Instant::now();
        let mut saving = Saving { id, save: &mut save, queue: &mut queue };
        saving.saved(SavedFigures::default(), last);
        saving.schedule_next(last);
        saving.schedule_next(last);
        assert_eq!(saving.queue.next_due(), Some(last + INTERVAL));
        saving.schedule(last);
        assert_eq!((saving.queue.next_due(), saving.queue.due.len()), (Some(last), 1));
        saving.schedule_next(last);
        assert_eq!(
            (saving.queue.next_due(), saving.queue.due.len()),
            (Some(last), 1),
            "not put off"
        );
        saving.remove();
        assert!(queue.next_due().is_none() && queue.is_idle());
    }

    #[test]
    fn a_change_while_a_save_is_open_is_saved_after_it() {
        let (mut queue, mut save, id) =
            (SaveQueue::new(INTERVAL), Save::default(), TorrentId::next());
        let now = Instant::now();
        let mut saving = Saving { id, save: &mut save, queue: &mut queue };
        saving.schedule(now);
        assert_eq!(saving.queue.first_due(now), Some(id));
        assert_eq!(saving.begin(now), Some(false));
        assert_eq!(saving.queue.first_due(now), None);
        assert!(!saving.queue.is_idle(), "it is open");
        saving.schedule(now);
        assert_eq!(saving.begin(now), None);
        assert!(saving.end(), "it has changed again");
        assert!(!saving.end() && saving.queue.is_idle());
    }

    #[test]
    fn a_save_that_was_hidden_by_the_metainfo_is_forced() {
        let (mut queue, mut save, id) =
            (SaveQueue::new(INTERVAL), Save::default(), TorrentId::next());
        let now = Instant::now();
        let mut saving = Saving { id, save: &mut save, queue: &mut queue };
        saving.force_next();
        assert_eq!(saving.begin(now), Some(true));
        saving.end();
        assert_eq!(saving.begin(now), Some(true), "it was not saved");
        saving.end();
        saving.saved(SavedFigures::default(), Instant::now());
        assert_eq!(saving.begin(now), Some(false));
    }

    #[test]
    fn a_full_window_waits_until_a_torrent_in_it_is_answered_or_removed() {
        let (mut queue, now) = (SaveQueue::new(INTERVAL), Instant::now());
        let mut saves: Vec<_> =
            (0..=WINDOW).map(|_| (TorrentId::next(), Save::default())).collect();
        for (id, save) in &mut saves {
            Saving { id: *id, save, queue: &mut queue }.schedule(now);
        }
        for (id, save) in &mut saves[..WINDOW] {
            assert!(queue.first_due(now).is_some() && queue.next_due().is_some());
            Saving { id: *id, save, queue: &mut queue }.begin(now);
        }
        assert!(queue.first_due(now).is_none() && queue.next_due().is_none());
        let (id, save) = &mut saves[0];
        Saving { id: *id, save, queue: &mut queue }.remove();
        assert_eq!(queue.first_due(now + SLICE), Some(saves[WINDOW].0));
    }

    #[test]
    fn many_that_are_due_at_once_are_saved_at_a_bounded_rate_until_the_end() {
        let (mut queue, begun, count) = (SaveQueue::new(INTERVAL), Instant::now(), 1000);
        let mut saves: Vec<_> = (0..count).map(|_| (TorrentId::next(), Save::default())).collect();
        for (id, save) in &mut saves {
            Saving { id: *id, save, queue: &mut queue }.schedule(begun);
        }
        let mut now = begun;
        for (id, save) in &mut saves {
            if queue.first_due(now).is_none() {
                now = queue.next_due().unwrap();
            }
            let mut saving = Saving { id: *id, save, queue: &mut queue };
            saving.begin(now);
            saving.end();
        }
        let slices = (now - begun).div_duration_f64(SLICE).round() as usize;
        assert_eq!(slices, count / WINDOW);

        for (id, save) in &mut saves {
            Saving { id: *id, save, queue: &mut queue }.schedule(now);
        }
        queue.begin_last();
        for (id, save) in saves.iter_mut().take(LAST_WINDOW - WINDOW) {
            assert!(queue.first_due(now).is_some());
            let mut saving = Saving { id: *id, save, queue: &mut queue };
            saving.begin(now);
            saving.end();
        }
    }

    #[test]
    fn a_save_that_failed_is_tried_again_unless_the_client_stops() {
        let (mut queue, mut save, id) =
            (SaveQueue::new(INTERVAL), Save::default(), TorrentId::next());
        let now = Instant::now();
        let mut saving = Saving { id, save: &mut save, queue: &mut queue };
        saving.failed(now, false);
        assert_eq!((saving.queue.next_due(), saving.queue.failed()), (Some(now + INTERVAL), 0));
        saving.unschedule();
        saving.failed(now, true);
        assert_eq!((saving.queue.next_due(), saving.queue.failed()), (None, 1));
        queue.begin_last();
        assert_eq!(queue.failed(), 0);
    }
}
