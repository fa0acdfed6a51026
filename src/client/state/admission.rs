//! Torrents that are being added. If the engine is busy, an add is retried with increasing delays; the caller
//! sees a single answer.

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::torrent::Attached;
use crate::add::{Prepared, StoredForm, UnfinishedMove};
use crate::error::{Error, ErrorKind};
use crate::messages::command::Added;
use crate::messages::member::Member;
use crate::model::{ClientData, InfoHashes, SavedFigures, TorrentId};
use crate::reply::Responder;
use crate::store::{Key, Record};

/// How many torrents may be in the process of being added. At that number, the client thread takes no more
/// commands, and patrons wait at the command channel. So a slow engine slows down the callers, and no queue
/// grows.
const WINDOW: usize = 512;

/// How many adds may wait until the torrents of the store are restored. They count apart: a restore can take
/// minutes, and other commands need not wait for it.
const PARKED: usize = 8192;

const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// How long an add is retried before the caller gets the error that the engine is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A torrent that is being added.
pub(in crate::client) struct PendingAdd {
    pub(in crate::client) id: TorrentId,
    pub(in crate::client) origin: Origin,
    pub(in crate::client) source: Arc<str>,
    pub(in crate::client) name: Arc<str>,
    pub(in crate::client) info_hashes: InfoHashes,
    pub(in crate::client) save_dir: PathBuf,
    pub(in crate::client) client_data: ClientData,
    pub(in crate::client) paused: bool,
    pub(in crate::client) complete: bool,
    /// Why the data on disk cannot be used as requested; see [`Prepared`].
    pub(in crate::client) problem: Option<Error>,
    pub(in crate::client) unfinished: Option<Box<UnfinishedMove>>,
    pub(in crate::client) stops_itself: bool,
    /// The figures in its resume data, if the client saved that and it is unchanged.
    pub(in crate::client) figures: Option<SavedFigures>,
    /// The data for the store, until the store has it.
    pub(in crate::client) stored: Option<StoredForm>,
    /// Its key in the store.
    pub(in crate::client) key: Option<Key>,
    /// Whether the store has its info dictionary.
    pub(in crate::client) has_info: bool,
    pub(in crate::client) attached: Option<Box<Attached>>,
    /// The parameters, until they are passed to the engine.
    pub(in crate::client) params: Option<Box<dyn Any + Send>>,
    /// Its place among the adds that were passed to the engine.
    number: u64,
    began: Instant,
    delay: Duration,
}

/// Who adds a torrent.
pub(in crate::client) enum Origin {
    /// A patron. Without a reply, the answer is an event.
    Patron(Arc<Member>, Option<Responder<Added>>),
    /// The store, after a restart. The record does not include the data that the store keeps for libtorrent.
    Store(Box<Record>),
}

impl Origin {
    pub(in crate::client) fn is_of_store(&self) -> bool {
        matches!(self, Self::Store(_))
    }
}

impl PendingAdd {
    pub(in crate::client) fn new(
        from: Arc<Member>,
        prepared: Prepared,
        reply: Option<Responder<Added>>,
        now: Instant,
    ) -> Self {
        Self::of(Origin::Patron(from, reply), prepared, now)
    }

    pub(in crate::client) fn restored(
        record: Box<Record>,
        prepared: Prepared,
        now: Instant,
    ) -> Self {
        let key = Some(record.key);
        let has_info = record.info.is_some();
        let attached = Attached::of(&record);
        Self { key, has_info, attached, ..Self::of(Origin::Store(record), prepared, now) }
    }

    fn of(origin: Origin, prepared: Prepared, now: Instant) -> Self {
        let Prepared {
            source,
            name,
            info_hashes,
            save_dir,
            move_to,
            paused,
            complete,
            goals,
            replicas,
            verify,
            problem,
            unfinished,
            stops_itself,
            stored,
            figures,
            params,
        } = prepared;
        Self {
            id: TorrentId::next(),
            origin,
            source,
            name,
            info_hashes,
            save_dir,
            client_data: ClientData { move_to, goals, replicas, verify, ..ClientData::default() },
            paused,
            complete,
            problem,
            unfinished,
            stops_itself,
            figures,
            stored,
            key: None,
            has_info: false,
            attached: None,
            params: Some(params),
            number: 0,
            began: now,
            delay: FIRST_DELAY,
        }
    }
}

/// In the maps, adds are boxed: they are large, and a map keeps the space of its largest number of entries.
#[derive(Default)]
pub(in crate::client) struct Admission {
    /// Passed to the engine, which has not answered.
    under_way: HashMap<TorrentId, Box<PendingAdd>>,
    /// How many adds were passed to the engine.
    passed: u64,
    /// To be retried at the given time.
    waiting: Vec<(Instant, PendingAdd)>,
    /// Not yet durable in the store.
    uncommitted: HashMap<TorrentId, Box<PendingAdd>>,
    /// Waiting because a torrent that is being restored may be the same.
    parked: Vec<PendingAdd>,
}

impl Admission {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.in_progress() >= WINDOW || self.parked.len() >= PARKED
    }

    fn in_progress(&self) -> usize {
        self.under_way.len() + self.waiting.len() + self.uncommitted.len()
    }

    pub(in crate::client) fn hand_over(&mut self, mut add: PendingAdd) {
        self.passed += 1;
        add.number = self.passed;
        self.under_way.insert(add.id, Box::new(add));
    }

    /// Returns how many adds were passed to the engine so far.
    pub(in crate::client) fn passed(&self) -> u64 {
        self.passed
    }

    /// Removes and returns the add that the engine has answered.
    pub(in crate::client) fn answered(&mut self, id: TorrentId) -> Option<PendingAdd> {
        self.under_way.remove(&id).map(|add| *add)
    }

    /// Holds an add until the store has committed it.
    pub(in crate::client) fn await_commit(&mut self, add: PendingAdd) {
        self.uncommitted.insert(add.id, Box::new(add));
    }

    /// Removes and returns the add that the store has committed.
    pub(in crate::client) fn committed(&mut self, id: TorrentId) -> Option<PendingAdd> {
        self.uncommitted.remove(&id).map(|add| *add)
    }

    pub(in crate::client) fn park(&mut self, add: PendingAdd) {
        self.parked.push(add);
    }

    pub(in crate::client) fn take_parked(&mut self) -> Vec<PendingAdd> {
        std::mem::take(&mut self.parked)
    }

    /// Returns whether there is capacity for restored torrents.
    pub(in crate::client) fn restores(&self) -> bool {
        self.under_way.len() + self.waiting.len() < WINDOW
    }

    /// Returns whether the engine or the store is working on an add with one of these info hashes, or the
    /// store has it already.
    pub(in crate::client) fn has(&self, hashes: &InfoHashes) -> bool {
        let same = |add: &PendingAdd| add.info_hashes.overlap(hashes);
        let stored = self.waiting.iter().map(|(_, add)| add).filter(|add| add.key.is_some());
        let elsewhere = self.under_way.values().chain(self.uncommitted.values());
        elsewhere.map(Box::as_ref).chain(stored).any(same)
    }

    /// Schedules a retry, or returns the add with the error if it has been retried for too long.
    pub(in crate::client) fn postpone(
        &mut self,
        mut add: PendingAdd,
        why: Error,
        now: Instant,
    ) -> Option<(PendingAdd, Error)> {
        if now.saturating_duration_since(add.began) >= PATIENCE {
            let error = why.with_kind(ErrorKind::Busy).on("gave up after 30 seconds");
            return Some((add, error));
        }
        let due = now + add.delay;
        add.delay = (add.delay * 2).min(LONGEST_DELAY);
        self.waiting.push((due, add));
        None
    }

    /// Makes all adds due now, because something that they may have waited for has ended.
    pub(in crate::client) fn retry_now(&mut self, now: Instant) {
        self.waiting.iter_mut().for_each(|(due, _)| *due = now);
    }

    pub(in crate::client) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    /// Takes one add that is due. The others still count in [`has`](Self::has).
    pub(in crate::client) fn take_due(&mut self, now: Instant) -> Option<PendingAdd> {
        let place = self.waiting.iter().position(|(due, _)| *due <= now)?;
        Some(self.waiting.remove(place).1)
    }

    pub(in crate::client) fn take_all(&mut self) -> Vec<PendingAdd> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|(_, add)| add);
        let uncommitted = std::mem::take(&mut self.uncommitted).into_values();
        let under_way = std::mem::take(&mut self.under_way).into_values();
        let elsewhere = under_way.chain(uncommitted).map(|add| *add);
        waiting.chain(elsewhere).chain(self.take_parked()).collect()
    }

    /// Removes and returns these adds, of the first ones that were [passed](Self::passed) to the engine,
    /// which it has not answered.
    pub(in crate::client) fn take_unanswered(
        &mut self,
        first: u64,
        which: impl Fn(TorrentId) -> bool,
    ) -> Vec<PendingAdd> {
        let is_one = |id: &TorrentId, add: &mut Box<PendingAdd>| add.number <= first && which(*id);
        self.under_way.extract_if(is_one).map(|(_, add)| *add).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::state::fixtures::{hashes, members, prepared};

    fn add(number: u8, now: Instant) -> PendingAdd {
        let [from] = members();
        PendingAdd::new(from, prepared(number), None, now)
    }

    fn busy() -> Error {
        Error::new(ErrorKind::Io, "test", "too many open files")
    }

    #[test]
    fn the_postponement_grows_up_to_a_second() {
        let (mut admission, begun) = (Admission::default(), Instant::now());
        let (mut now, mut pending) = (begun, add(1, begun));
        let mut delays = Vec::new();
        for _ in 0..9 {
            assert!(admission.postpone(pending, busy(), now).is_none());
            let due = admission.next_due().unwrap();
            assert!(admission.take_due(due - Duration::from_millis(1)).is_none());
            delays.push((due - now).as_millis());
            now = due;
            pending = admission.take_due(now).unwrap();
        }
        assert_eq!(delays, [10, 20, 40, 80, 160, 320, 640, 1000, 1000]);
        let (_, error) = admission.postpone(pending, busy(), begun + PATIENCE).unwrap();
        assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        assert_eq!(admission.in_progress(), 0);
    }

    #[test]
    fn waiting_adds_are_retried_when_something_has_ended() {
        let (mut admission, now) = (Admission::default(), Instant::now());
        admission.postpone(add(1, now), busy(), now);
        assert!(admission.take_due(now).is_none());
        admission.retry_now(now);
        assert!(admission.take_due(now).is_some() && admission.take_due(now).is_none());
    }

    #[test]
    fn only_an_add_given_to_the_engine_excludes_the_same_torrent() {
        let (mut admission, now) = (Admission::default(), Instant::now());
        let first = add(1, now);
        let id = first.id;
        admission.hand_over(first);
        admission.postpone(add(2, now), busy(), now);
        assert!(admission.has(&hashes(Some(1), Some(9))));
        assert!(!admission.has(&hashes(Some(2), None)) && !admission.has(&hashes(None, None)));
        assert_eq!(admission.answered(id).map(|add| add.id), Some(id));
        assert!(admission.answered(id).is_none() && !admission.has(&hashes(Some(1), None)));
    }

    #[test]
    fn an_add_that_is_tried_again_is_passed_on_again() {
        let (mut admission, now) = (Admission::default(), Instant::now());
        let (early, late) = (add(1, now), add(2, now));
        let id = early.id;
        admission.hand_over(early);
        let asked = admission.passed();
        admission.hand_over(late);
        let early = admission.answered(id).unwrap();
        admission.hand_over(early);
        assert!(admission.take_unanswered(asked, |_| true).is_empty());
        assert_eq!(admission.take_unanswered(admission.passed(), |one| one == id).len(), 1);
        assert_eq!(admission.in_progress(), 1);
    }

    #[test]
    fn all_pending_additions_count_and_are_returned_at_the_end() {
        let (mut admission, now) = (Admission::default(), Instant::now());
        for number in 0..WINDOW {
            assert!(!admission.is_full());
            match number % 2 {
                0 => admission.hand_over(add(0, now)),
                _ => _ = admission.postpone(add(1, now), busy(), now),
            }
        }
        assert!(admission.is_full());
        assert_eq!(admission.take_all().len(), WINDOW);
        for _ in 0..PARKED {
            assert!(!admission.is_full(), "those that wait for a restore count apart");
            admission.park(add(2, now));
        }
        assert!(admission.is_full());
        assert_eq!(admission.take_all().len(), PARKED);
        assert!(!admission.is_full() && admission.take_all().is_empty());
    }
}
