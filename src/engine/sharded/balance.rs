//! Distributes the client's limits among the shards: rates, connections, upload slots and the queue's. Every
//! second, shards that use all of their share get what the others leave unused. The sum never exceeds the
//! limit: shares are lowered first, and others are raised when that is done.

use std::time::{Duration, Instant};

use super::queue::{self, Queue};
use crate::settings::{QUEUE_LIMITS, Settings, part_of};
use crate::sys::DemandRecord;
use crate::sys::task::ShardPart;

const INTERVAL: Duration = Duration::from_secs(1);

/// The libtorrent settings with the limits that are distributed.
const NAMES: [&str; QUEUE + QUEUE_LIMITS.len()] = [
    "upload_rate_limit",
    "download_rate_limit",
    "connections_limit",
    "unchoke_slots_limit",
    QUEUE_LIMITS[0],
    QUEUE_LIMITS[1],
    QUEUE_LIMITS[2],
    QUEUE_LIMITS[3],
];
/// The number of rates (bytes per second) at the start of `NAMES`. Counts follow.
const RATES: usize = 2;
/// The place of the first limit of the queue.
const QUEUE: usize = 4;
/// Listing the queue sorts it, so a long one is listed less often: after one second more for each of these.
const QUEUED_PER_SECOND: u64 = 10_000;

type Limits = [i32; NAMES.len()];

pub(super) struct Balance {
    whole: Limits,
    parts: Vec<Limits>,
    /// The previous measurement, by shard.
    before: Vec<DemandRecord>,
    asked_at: Instant,
    due: Instant,
    /// When the queue is listed next.
    queue_due: Instant,
    /// Whether the measurement in progress lists the queue.
    lists_queue: bool,
    step: Step,
    /// Whether the demand is measured even when there are no limits.
    watched: bool,
}

/// The step that is in progress, with the number of its request.
#[derive(Clone, PartialEq, Eq)]
enum Step {
    Idle,
    Measuring(u64),
    Lowering(u64, Vec<Limits>),
    Raising(u64),
}

/// The settings to apply next, by shard.
pub(super) type Parts = Vec<Settings>;

impl Balance {
    pub(super) fn new(shards: usize, now: Instant) -> Self {
        Self {
            whole: [0; NAMES.len()],
            parts: vec![[0; NAMES.len()]; shards],
            before: Vec::new(),
            asked_at: now,
            due: now + INTERVAL,
            queue_due: now,
            lists_queue: false,
            step: Step::Idle,
            watched: false,
        }
    }

    pub(super) fn watch(&mut self, watched: bool) {
        self.watched = watched;
    }

    /// Sets new limits for the client, which the shards have their [parts](Settings::part) of.
    pub(super) fn set(&mut self, settings: &Settings) {
        let count = self.parts.len();
        for (place, name) in NAMES.into_iter().enumerate() {
            let Some(whole) = settings.int(name) else { continue };
            self.whole[place] = whole;
            for (number, part) in self.parts.iter_mut().enumerate() {
                part[place] = part_of(name, whole, ShardPart { number, count });
            }
        }
        // A change in progress was computed from the old limits.
        self.step = Step::Idle;
        self.before.clear();
    }

    fn is_needed(&self) -> bool {
        self.parts.len() > 1 && (self.watched || self.whole.iter().any(|whole| *whole > 0))
    }

    pub(super) fn due(&self) -> Option<Instant> {
        (self.is_needed() && self.step == Step::Idle).then_some(self.due)
    }

    /// Returns how many queued torrents of each kind a measurement lists now.
    pub(super) fn queued(&self, now: Instant) -> u32 {
        let limits = self.queue_limits();
        let most = limits.into_iter().max().filter(|_| now >= self.queue_due);
        most.and_then(|most| u32::try_from(most).ok()).unwrap_or(0)
    }

    fn queue_limits(&self) -> queue::Limits {
        std::array::from_fn(|place| self.whole[QUEUE + place])
    }

    /// Records that this request measures the demand.
    pub(super) fn measure(&mut self, request: u64, now: Instant) {
        self.lists_queue = now >= self.queue_due;
        self.step = Step::Measuring(request);
        self.due = now + INTERVAL;
    }

    /// Tries again later: no shard takes a request.
    pub(super) fn give_up(&mut self, now: Instant) {
        self.step = Step::Idle;
        self.due = now + INTERVAL;
    }

    pub(super) fn is_measured_by(&self, request: u64) -> bool {
        self.step == Step::Measuring(request)
    }

    /// Takes the measured demand, and returns the changes to apply first.
    pub(super) fn measured(
        &mut self,
        now: Instant,
        demand: Vec<DemandRecord>,
        queue: &mut Queue,
    ) -> Option<Parts> {
        let seconds = now.saturating_duration_since(self.asked_at).as_secs_f64().max(0.001);
        let before = std::mem::replace(&mut self.before, demand);
        self.asked_at = now;
        self.step = Step::Idle;
        if before.len() != self.before.len() || self.before.len() != self.parts.len() {
            return None;
        }
        let rate = |now: i64, then: i64| ((now - then).max(0) as f64 / seconds) as i32;
        let mut wanted = self.parts.clone();
        if self.lists_queue {
            let queued = self.before.iter().map(|demand| u64::from(demand.queued)).sum::<u64>();
            self.queue_due =
                now + INTERVAL * u32::try_from(queued / QUEUED_PER_SECOND).unwrap_or(0);
            let parts = queue.share(self.queue_limits(), &self.before, now);
            for (wanted, part) in wanted.iter_mut().zip(parts) {
                wanted[QUEUE..].copy_from_slice(&part);
            }
        }
        for place in 0..QUEUE {
            let whole = self.whole[place];
            if whole <= 0 {
                continue;
            }
            let used = std::iter::zip(&self.before, &before).map(|(now, then)| match place {
                0 => rate(now.sent, then.sent),
                1 => rate(now.received, then.received),
                2 => now.connections,
                _ => now.unchoked,
            });
            let used: Vec<i32> = used.collect();
            let had: Vec<i32> = self.parts.iter().map(|part| part[place]).collect();
            let parts = if place < RATES {
                share_rate(whole, &used, &had)
            } else {
                share_count(whole, &used, &had)
            };
            for (wanted, part) in wanted.iter_mut().zip(parts) {
                wanted[place] = part;
            }
        }
        if wanted == self.parts {
            return None;
        }
        let lowered: Vec<Limits> = std::iter::zip(&self.parts, &wanted)
            .map(|(had, wanted)| std::array::from_fn(|place| had[place].min(wanted[place])))
            .collect();
        let settings = lowered.iter().map(settings_of).collect();
        self.parts = lowered;
        self.step = Step::Lowering(0, wanted);
        Some(settings)
    }

    /// Records that this request applies the changes.
    pub(super) fn changes_by(&mut self, request: u64) {
        if let Step::Lowering(number, _) | Step::Raising(number) = &mut self.step {
            *number = request;
        }
    }

    /// Takes the end of a request, and returns the changes to apply next. Returns `None` if the request was
    /// not made for the balance.
    pub(super) fn changed(&mut self, request: u64) -> Option<Option<Parts>> {
        match std::mem::replace(&mut self.step, Step::Idle) {
            Step::Lowering(number, wanted) if number == request => {
                let settings = wanted.iter().map(settings_of).collect();
                self.parts = wanted;
                self.step = Step::Raising(0);
                Some(Some(settings))
            }
            Step::Raising(number) if number == request => Some(None),
            other => {
                self.step = other;
                None
            }
        }
    }
}

fn settings_of(part: &Limits) -> Settings {
    let mut settings = Settings::empty();
    for (name, value) in NAMES.into_iter().zip(part) {
        settings.assume([(name, (*value).into())]);
    }
    settings
}

/// Distributes a rate: shards that use all they have share what the others leave.
fn share_rate(whole: i32, used: &[i32], had: &[i32]) -> Vec<i32> {
    // An idle shard keeps enough to show new demand.
    let least = (whole / length(used) / 8).max(1);
    let short = short_of(used, had);
    let takers = short.iter().filter(|short| **short).count();
    let need = |used: &i32| used.saturating_add(used / 16).max(least);
    let mut parts: Vec<i32> = used.iter().map(need).collect();
    let taken = parts.iter().zip(&short).filter(|(_, short)| !**short).map(|(part, _)| *part);
    let left = whole.saturating_sub(taken.fold(0, i32::saturating_add)).max(0);
    let mut number = 0;
    for (part, short) in parts.iter_mut().zip(short) {
        if short || takers == 0 {
            let more = spread(left, if takers == 0 { used.len() } else { takers }, number);
            *part = if short { more.max(1) } else { part.saturating_add(more) };
            number += 1;
        }
    }
    parts
}

/// Distributes a count. No shard gets less than it uses. All share one half of what is free; the shards that
/// use all they have share the other half.
fn share_count(whole: i32, used: &[i32], had: &[i32]) -> Vec<i32> {
    let free = whole.saturating_sub(used.iter().copied().fold(0, i32::saturating_add));
    if free < 2 * length(used) {
        return had.to_vec();
    }
    let short = short_of(used, had);
    let takers = short.iter().filter(|short| **short).count();
    let for_short = if takers == 0 { 0 } else { free / 2 };
    let mut taken = 0;
    let part = |(number, (used, short)): (usize, (&i32, bool))| {
        let mut part = used + spread(free - for_short, had.len(), number);
        if short {
            part += spread(for_short, takers, taken);
            taken += 1;
        }
        part
    };
    used.iter().zip(short).enumerate().map(part).collect()
}

fn short_of(used: &[i32], had: &[i32]) -> Vec<bool> {
    used.iter().zip(had).map(|(used, had)| *used >= had - had / 10).collect()
}

/// Returns one of `among` nearly equal parts. The parts add up to the whole.
fn spread(whole: i32, among: usize, number: usize) -> i32 {
    let among = i32::try_from(among).unwrap_or(i32::MAX).max(1);
    whole / among + i32::from(i32::try_from(number).is_ok_and(|number| number < whole % among))
}

fn length(list: &[i32]) -> i32 {
    i32::try_from(list.len()).unwrap_or(i32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: [(&str, i32); 2]) -> Settings {
        let mut settings = Settings::empty();
        settings.assume(pairs.map(|(name, value)| (name, value.into())));
        settings
    }

    fn used(sent: i64, connections: i32) -> DemandRecord {
        DemandRecord { sent, connections, ..DemandRecord::default() }
    }

    #[test]
    fn a_rate_goes_to_those_that_use_it_and_is_never_exceeded() {
        let mut parts = vec![500, 500];
        // One shard uses all it has while the other is idle; then the other becomes active.
        for (used, expected) in [([500, 0], [938, 62]), ([938, 62], [500, 500])] {
            parts = share_rate(1000, &used, &parts);
            assert_eq!(parts, expected);
        }
        for used in [[0, 0, 0], [100, 5, 900], [1000, 1000, 1000], [10, 333, 0]] {
            let parts = share_rate(1000, &used, &[334, 333, 333]);
            assert!(
                parts.iter().sum::<i32>() <= 1000 && parts.iter().all(|part| *part > 0),
                "{parts:?}"
            );
        }
        assert_eq!(share_rate(1000, &[100, 100], &[500, 500]), [500, 500]);
    }

    #[test]
    fn no_connection_is_taken_from_a_shard_that_uses_it() {
        assert_eq!(share_count(100, &[50, 0], &[50, 50]), [50 + 13 + 25, 12]);
        assert_eq!(share_count(100, &[60, 39], &[60, 40]), [60, 40], "there is nothing to share");
        assert_eq!(share_count(100, &[10, 20], &[50, 50]), [45, 55]);
        let parts = share_count(100, &[70, 0, 1], &[70, 15, 15]);
        assert_eq!(parts.iter().sum::<i32>(), 100);
    }

    #[test]
    fn a_limit_is_lowered_in_one_shard_before_it_is_raised_in_another() {
        let begun = Instant::now();
        let mut balance = Balance::new(2, begun);
        assert_eq!(balance.due(), None, "there is no limit");
        balance.set(&settings([("upload_rate_limit", 1000), ("connections_limit", 10)]));
        assert_eq!(balance.due(), Some(begun + INTERVAL));
        let mut now = begun;
        let mut rounds = Vec::new();
        for sent in [[0, 0], [500, 0]] {
            now += INTERVAL;
            balance.measure(7, now);
            assert!(balance.due().is_none() && balance.is_measured_by(7));
            rounds.push(balance.measured(
                now,
                sent.map(|sent| used(sent, 0)).into(),
                &mut Queue::default(),
            ));
        }
        let rates = |ask: Option<Parts>| match ask {
            Some(parts) => {
                parts.iter().map(|part| part.int("upload_rate_limit").unwrap()).collect::<Vec<_>>()
            }
            None => panic!("expected settings"),
        };
        let first = rounds.remove(0);
        assert!(first.is_none(), "there is nothing to compare with");
        assert_eq!(rates(rounds.remove(0)), [500, 62]);
        balance.changes_by(8);
        assert!(balance.due().is_none() && balance.changed(9).is_none());
        assert_eq!(rates(balance.changed(8).unwrap()), [938, 62]);
        balance.changes_by(9);
        assert!(balance.changed(9).unwrap().is_none());
        assert!(balance.due().is_some());
        balance.measure(10, now);
        balance.give_up(now);
        assert_eq!(balance.due(), Some(now + INTERVAL));
    }

    #[test]
    fn the_place_of_the_queue_goes_to_the_shard_with_the_first_torrent() {
        use crate::model::TorrentId;
        use crate::sys::QueuedRecord;
        let begun = Instant::now();
        let mut balance = Balance::new(2, begun);
        balance.set(&settings([("active_downloads", 1), ("active_limit", 9)]));
        let downloads = |part: &Settings| part.int("active_downloads").unwrap();
        let mut queue = Queue::default();
        let id = TorrentId::next();
        queue.enter(id);
        let queued = QueuedRecord { torrent: id.get(), idle: false };
        let demand = [
            DemandRecord::default(),
            DemandRecord { downloads: vec![queued], ..DemandRecord::default() },
        ];
        let mut change = None;
        for round in 1..=2 {
            let now = begun + INTERVAL * round;
            assert_eq!(balance.queued(now), 9);
            balance.measure(7, now);
            change = balance.measured(now, demand.to_vec(), &mut queue);
        }
        assert_eq!(change.unwrap().iter().map(downloads).collect::<Vec<_>>(), [0, 0]);
        balance.changes_by(8);
        let raised = balance.changed(8).unwrap().unwrap();
        assert_eq!(raised.iter().map(downloads).collect::<Vec<_>>(), [0, 1]);
    }
}
