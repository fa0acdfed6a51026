//! libtorrent's queue over several shards: the order of the incomplete torrents of the client, and the parts of
//! its limits. A shard may run as many torrents as are its own among the first of the client.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use crate::model::{QueueMove, TorrentId, TorrentStatus};
use crate::settings::QUEUE_LIMITS;
use crate::sys::task::ShardPart;
use crate::sys::{DemandRecord, QueuedRecord};

/// The limits of the queue in the order of [`QUEUE_LIMITS`]; negative means no limit.
pub(super) type Limits = [i32; QUEUE_LIMITS.len()];

/// The kinds of queued torrents, in the order of their limits.
const LISTS: [fn(&DemandRecord) -> &[QueuedRecord]; TOGETHER] =
    [|demand| &demand.checking, |demand| &demand.downloads, |demand| &demand.seeds];
const CHECKING: usize = 0;
const SEEDS: usize = 2;
/// The limit for downloads and complete torrents together. It does not apply to checks.
const TOGETHER: usize = 3;

#[derive(Default)]
pub(super) struct Queue {
    /// The incomplete torrents of the client in order. Places have gaps.
    order: BTreeMap<i64, TorrentId>,
    places: HashMap<TorrentId, i64>,
    /// The places in order, to find positions; empty if they have changed since it was made.
    sorted: Vec<i64>,
    /// Since when torrents have had low rates, by libtorrent's number.
    idle: HashMap<u64, Instant>,
}

impl Queue {
    /// Puts a torrent at the end, if it is not in the queue.
    pub(super) fn enter(&mut self, id: TorrentId) {
        if !self.places.contains_key(&id) {
            self.put(self.behind(), id);
        }
    }

    pub(super) fn leave(&mut self, id: TorrentId) {
        if let Some(place) = self.places.remove(&id) {
            self.order.remove(&place);
            self.sorted = Vec::new();
        }
        // Complete torrents are in the queue only until their first status.
        if self.places.len() < self.places.capacity() / 8 {
            self.places.shrink_to(2 * self.places.len());
        }
    }

    /// libtorrent's queue has the torrents that are not finished.
    pub(super) fn take_status(&mut self, status: &TorrentStatus) {
        match status.finished {
            true => self.leave(status.id),
            false => self.enter(status.id),
        }
    }

    pub(super) fn position(&mut self, id: TorrentId) -> Option<usize> {
        let place = self.places.get(&id)?;
        if self.sorted.is_empty() {
            self.sorted.extend(self.order.keys());
        }
        self.sorted.binary_search(place).ok()
    }

    /// Returns the torrents with their positions.
    pub(super) fn places(&self) -> Vec<(TorrentId, u32)> {
        self.order.values().copied().zip(0..).collect()
    }

    /// Moves a torrent that is in the queue. Returns the same move within its shard.
    pub(super) fn move_to(
        &mut self,
        id: TorrentId,
        to: QueueMove,
        is_in_its_shard: impl Fn(TorrentId) -> bool,
    ) -> Option<QueueMove> {
        let from = self.position(id)?;
        let last = self.order.len().saturating_sub(1);
        let target = match to {
            QueueMove::Top => {
                self.put(self.order.first_key_value().map_or(0, |(place, _)| place - 1), id);
                return Some(to);
            }
            QueueMove::Bottom => {
                self.put(self.behind(), id);
                return Some(to);
            }
            QueueMove::Up => from.saturating_sub(1),
            QueueMove::Down => from.saturating_add(1),
            QueueMove::To(position) => usize::try_from(position).unwrap_or(last),
        };
        let target = target.min(last);
        // The torrents between the two positions move by one.
        let between = from.min(target)..from.max(target) + 1;
        let moved = self.order.iter().skip(between.start).take(between.len());
        let (places, mut ids): (Vec<_>, Vec<_>) = moved.map(|(place, id)| (*place, *id)).unzip();
        match target < from {
            true => ids.rotate_right(1),
            false => ids.rotate_left(1),
        }
        for (place, id) in places.into_iter().zip(ids) {
            self.places.insert(id, place);
            self.order.insert(place, id);
        }
        let before = self.order.values().take(target).filter(|other| is_in_its_shard(**other));
        Some(QueueMove::To(u32::try_from(before.count()).unwrap_or(u32::MAX)))
    }

    /// Returns the parts of the limits for the shards that have these queued torrents. The parts of a limit add
    /// up to it.
    pub(super) fn share(
        &mut self,
        whole: Limits,
        shards: &[DemandRecord],
        now: Instant,
    ) -> Vec<Limits> {
        let before = std::mem::take(&mut self.idle);
        let mut is_slow = |one: &QueuedRecord, demand: &DemandRecord| {
            let Ok(after) = u64::try_from(demand.slow_after) else { return false };
            let since = before.get(&one.torrent).copied().unwrap_or(now);
            if one.idle {
                self.idle.insert(one.torrent, since);
            }
            one.idle && now.saturating_duration_since(since) >= Duration::from_secs(after)
        };
        let mut parts = vec![whole; shards.len()];
        let mut together = LimitShare::new(whole[TOGETHER], shards.len());
        for (kind, list) in LISTS.into_iter().enumerate() {
            let place = |index: i64, one: &QueuedRecord| match kind {
                // One of each shard in turn.
                SEEDS => index,
                _ => TorrentId::new(one.torrent)
                    .and_then(|id| self.places.get(&id))
                    .map_or(i64::MAX, |place| *place),
            };
            let lists: Vec<_> = shards.iter().map(list).collect();
            let mut part = LimitShare::new(whole[kind], shards.len());
            let mut slow = Vec::new();
            for (shard, one) in merged(lists, place) {
                if kind == CHECKING {
                    part.take(shard);
                } else if together.left > 0 {
                    if is_slow(&one, &shards[shard]) {
                        together.take(shard);
                        slow.push(shard);
                    } else if part.take(shard) {
                        together.take(shard);
                    }
                }
            }
            // A slow torrent counts as soon as it is faster.
            for shard in slow {
                part.take(shard);
            }
            part.write(&mut parts, kind);
        }
        together.write(&mut parts, TOGETHER);
        parts
    }

    fn put(&mut self, place: i64, id: TorrentId) {
        self.sorted = Vec::new();
        if let Some(before) = self.places.insert(id, place) {
            self.order.remove(&before);
        }
        self.order.insert(place, id);
    }

    fn behind(&self) -> i64 {
        self.order.last_key_value().map_or(0, |(place, _)| place + 1)
    }
}

/// A limit that is being distributed.
struct LimitShare {
    left: i32,
    of_shards: Vec<i32>,
    is_limited: bool,
}

impl LimitShare {
    fn new(whole: i32, shards: usize) -> Self {
        let is_limited = whole >= 0;
        let left = if is_limited { whole } else { i32::MAX };
        Self { left, of_shards: vec![0; shards], is_limited }
    }

    /// Returns whether there was one left for the shard.
    fn take(&mut self, shard: usize) -> bool {
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        self.of_shards[shard] += 1;
        true
    }

    /// Spreads the rest, so that new torrents need not wait in most shards, and sets this limit in the parts.
    fn write(self, parts: &mut [Limits], limit: usize) {
        if !self.is_limited {
            return;
        }
        let count = parts.len();
        for (number, (part, of_shard)) in parts.iter_mut().zip(self.of_shards).enumerate() {
            part[limit] = of_shard + ShardPart { number, count }.of_count(self.left);
        }
    }
}

/// Merges the lists of the shards, each in order. Returns each torrent with its shard. `place` is given the
/// index in the list of its shard.
fn merged(
    mut lists: Vec<&[QueuedRecord]>,
    place: impl Fn(i64, &QueuedRecord) -> i64,
) -> Vec<(usize, QueuedRecord)> {
    let mut all = Vec::new();
    let mut taken = vec![0; lists.len()];
    loop {
        let firsts = lists.iter().zip(&taken).enumerate().filter_map(|(shard, (list, taken))| {
            list.first().map(|first| (place(*taken, first), shard, *first))
        });
        let Some((_, shard, first)) = firsts.min_by_key(|(place, ..)| *place) else { return all };
        lists[shard] = &lists[shard][1..];
        taken[shard] += 1;
        all.push((shard, first));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<const N: usize>(queue: &mut Queue) -> [TorrentId; N] {
        [(); N].map(|()| {
            let id = TorrentId::next();
            queue.enter(id);
            id
        })
    }

    fn queued(ids: &[TorrentId]) -> Vec<QueuedRecord> {
        ids.iter().map(|id| QueuedRecord { torrent: id.get(), idle: false }).collect()
    }

    fn downloads(of_shards: &[&[TorrentId]]) -> Vec<DemandRecord> {
        let demand =
            |ids: &&[TorrentId]| DemandRecord { downloads: queued(ids), ..Default::default() };
        of_shards.iter().map(demand).collect()
    }

    fn order(queue: &Queue) -> Vec<u64> {
        queue.places().iter().map(|(id, _)| id.get()).collect()
    }

    /// The parts of one limit.
    fn parts(parts: &[Limits], limit: usize) -> Vec<i32> {
        parts.iter().map(|part| part[limit]).collect()
    }

    #[test]
    fn each_move_has_the_same_effect_in_the_client_and_in_the_shard() {
        let mut queue = Queue::default();
        let [a, b, c, d] = ids(&mut queue);
        let is_even = |id: TorrentId| [a, c].contains(&id);
        let get = |ids: [TorrentId; 4]| ids.map(TorrentId::get);
        for (id, to, there, then) in [
            (c, QueueMove::Up, QueueMove::To(1), [a, c, b, d]),
            (c, QueueMove::Up, QueueMove::To(0), [c, a, b, d]),
            (c, QueueMove::Up, QueueMove::To(0), [c, a, b, d]),
            (c, QueueMove::To(9), QueueMove::To(1), [a, b, d, c]),
            (c, QueueMove::Down, QueueMove::To(1), [a, b, d, c]),
            (a, QueueMove::Down, QueueMove::To(0), [b, a, d, c]),
            (c, QueueMove::To(0), QueueMove::To(0), [c, b, a, d]),
            (a, QueueMove::Bottom, QueueMove::Bottom, [c, b, d, a]),
            (a, QueueMove::Top, QueueMove::Top, [a, c, b, d]),
        ] {
            assert_eq!(queue.move_to(id, to, is_even), Some(there), "{to:?}");
            assert_eq!(order(&queue), get(then), "{to:?}");
            assert_eq!(queue.position(id), then.iter().position(|one| *one == id));
        }
        assert_eq!(queue.move_to(TorrentId::next(), QueueMove::Top, is_even), None);
        queue.leave(c);
        queue.leave(c);
        assert_eq!(order(&queue), [a, b, d].map(TorrentId::get));
        queue.enter(b);
        assert_eq!(queue.places.len(), 3);
    }

    #[test]
    fn the_first_torrents_of_the_client_run_whatever_shard_they_are_in() {
        let mut queue = Queue::default();
        let [a, b, c, d, e] = ids(&mut queue);
        let whole = [1, 3, 5, 500];
        let share = |queue: &mut Queue, shards: &[&[TorrentId]]| {
            let all = queue.share(whole, &downloads(shards), Instant::now());
            for (limit, whole) in whole.into_iter().enumerate() {
                assert_eq!(parts(&all, limit).iter().sum::<i32>(), whole, "{all:?}");
            }
            parts(&all, 1)
        };
        assert_eq!(share(&mut queue, &[&[a, b, c, d, e], &[]]), [3, 0]);
        assert_eq!(share(&mut queue, &[&[a, d], &[b], &[c, e], &[]]), [1, 1, 1, 0]);
        queue.move_to(e, QueueMove::Top, |_| false);
        assert_eq!(share(&mut queue, &[&[a, d], &[b], &[e, c], &[]]), [1, 1, 1, 0]);
        queue.move_to(c, QueueMove::Top, |_| false);
        assert_eq!(share(&mut queue, &[&[a, d], &[b], &[c, e], &[]]), [1, 0, 2, 0]);
        // What nobody needs is spread.
        assert_eq!(share(&mut queue, &[&[], &[], &[], &[]]), [1, 1, 1, 0]);
        assert_eq!(share(&mut queue, &[&[], &[], &[], &[a]]), [1, 1, 0, 1]);
    }

    #[test]
    fn the_limit_for_all_ends_the_others_and_no_limit_stays_none() {
        let mut queue = Queue::default();
        let [a, b, c] = ids(&mut queue);
        let mut shards = downloads(&[&[a, c], &[b]]);
        shards[0].seeds = queued(&[TorrentId::next()]);
        shards[1].seeds = queued(&[TorrentId::next(), TorrentId::next()]);
        let now = Instant::now();
        let all = queue.share([-1, 2, 5, 3], &shards, now);
        assert_eq!(all, [[-1, 1, 3, 2], [-1, 1, 2, 1]], "one seed is left, and the first shard's");
        assert_eq!(parts(&queue.share([1, 3, 3, 9], &shards, now), SEEDS), [1, 2]);
        assert_eq!(queue.share([0; 4], &shards, now), [[0; 4]; 2]);
        assert_eq!(queue.share([-1; 4], &shards, now), [[-1; 4]; 2]);
    }

    #[test]
    fn a_slow_torrent_does_not_count_but_keeps_its_place_while_there_is_one() {
        let mut queue = Queue::default();
        let [a, b, c] = ids(&mut queue);
        let mut shards = downloads(&[&[a], &[b], &[c]]);
        shards.iter_mut().for_each(|demand| demand.slow_after = 20);
        let mut now = Instant::now();
        let mut share = |queue: &mut Queue, shards: &[DemandRecord], whole, seconds| {
            now += Duration::from_secs(seconds);
            queue.share(whole, shards, now)
        };
        shards[0].downloads[0].idle = true;
        assert_eq!(parts(&share(&mut queue, &shards, [1, 2, 5, 9], 0), 1), [1, 1, 0]);
        assert_eq!(parts(&share(&mut queue, &shards, [1, 2, 5, 9], 20), 1), [0, 1, 1]);
        assert_eq!(parts(&share(&mut queue, &shards, [1, 3, 5, 9], 1), 1), [1, 1, 1]);
        assert_eq!(parts(&share(&mut queue, &shards, [1, 2, 5, 2], 1), TOGETHER), [1, 1, 0]);
        shards[0].downloads[0].idle = false;
        assert_eq!(parts(&share(&mut queue, &shards, [1, 2, 5, 9], 1), 1), [1, 1, 0]);
        shards[0].downloads[0].idle = true;
        assert_eq!(parts(&share(&mut queue, &shards, [1, 2, 5, 9], 1), 1), [1, 1, 0]);
    }
}
