//! Finds torrents with more demand than one network thread can serve. When one thread is saturated and
//! another is not, the other also serves the busiest torrent of the first, until the demand is gone.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::model::{TorrentId, TorrentStatus};
use crate::sys::DemandRecord;

/// Loads as fractions of a core. A thread is saturated from `FULL`, and has capacity to spare below `FREE`.
const FULL: f64 = 0.9;
const FREE: f64 = 0.6;

/// The number of consecutive measurements for which a thread must be saturated.
const PATIENCE: u32 = 3;

/// A torrent without uploads for this long is served by one thread again.
const COOL: Duration = Duration::from_secs(600);

pub(super) struct Hot {
    measured: Option<(Instant, Vec<i64>)>,
    /// The fraction of a core that each shard uses.
    load: Vec<f64>,
    /// For each shard, the number of consecutive measurements at which it was saturated.
    full: Vec<u32>,
    /// The upload rates of complete torrents, in bytes per second.
    rates: HashMap<TorrentId, u64>,
    /// The torrents that were spread over more shards, and when each was last uploaded.
    spread: HashMap<TorrentId, Instant>,
}

/// A recommendation.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Advice {
    /// Let one more shard serve the torrent.
    AddCopy(TorrentId),
    /// Let one shard serve the torrent.
    RemoveCopies(TorrentId),
}

impl Hot {
    pub(super) fn new(shards: usize) -> Self {
        Self {
            measured: None,
            load: vec![0.0; shards],
            full: vec![0; shards],
            rates: HashMap::new(),
            spread: HashMap::new(),
        }
    }

    /// Returns the fraction of a core that the shard's thread uses.
    pub(super) fn load(&self, shard: usize) -> f64 {
        self.load.get(shard).copied().unwrap_or(0.0)
    }

    pub(super) fn take_status(&mut self, status: &TorrentStatus, now: Instant) {
        if !status.seeding || status.upload_rate == 0 {
            self.rates.remove(&status.id);
            return;
        }
        self.rates.insert(status.id, status.upload_rate);
        if let Some(sent) = self.spread.get_mut(&status.id) {
            *sent = now;
        }
    }

    pub(super) fn forget(&mut self, id: TorrentId) {
        self.rates.remove(&id);
        self.spread.remove(&id);
    }

    /// Takes a measurement. `can_spread` returns the shard of a torrent if one more shard could serve it.
    pub(super) fn measured(
        &mut self,
        now: Instant,
        demand: &[DemandRecord],
        can_spread: impl Fn(TorrentId) -> Option<usize>,
    ) -> Vec<Advice> {
        let times: Vec<_> = demand.iter().map(|demand| demand.thread_time).collect();
        let Some((at, before)) = self.measured.replace((now, times.clone())) else {
            return Vec::new();
        };
        let elapsed = now.saturating_duration_since(at).as_nanos().max(1) as f64;
        for (shard, (now, before)) in std::iter::zip(&times, &before).enumerate() {
            let (Some(load), Some(full)) = (self.load.get_mut(shard), self.full.get_mut(shard))
            else {
                continue;
            };
            *load = (now - before).max(0) as f64 / elapsed;
            *full = if *load >= FULL { *full + 1 } else { 0 };
        }
        let cold = |(id, sent): (&TorrentId, &Instant)| {
            (now.saturating_duration_since(*sent) >= COOL).then_some(*id)
        };
        let cold: Vec<_> = self.spread.iter().filter_map(cold).collect();
        let mut advice = Vec::new();
        for id in cold {
            self.spread.remove(&id);
            advice.push(Advice::RemoveCopies(id));
        }
        if !self.load.iter().any(|load| *load < FREE) {
            return advice;
        }
        for shard in 0..self.full.len() {
            if self.full[shard] < PATIENCE {
                continue;
            }
            self.full[shard] = 0;
            let here = self.rates.iter().filter(|(id, _)| can_spread(**id) == Some(shard));
            if let Some((id, _)) = here.max_by_key(|(_, rate)| **rate) {
                self.spread.insert(*id, now);
                advice.push(Advice::AddCopy(*id));
            }
        }
        advice
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Takes a measurement after one second in which the shards used these fractions of a core.
    fn measure(
        hot: &mut Hot,
        now: &mut Instant,
        used: &mut [f64; 2],
        load: [f64; 2],
    ) -> Vec<Advice> {
        *now += SECOND;
        let demand = std::array::from_fn::<_, 2, _>(|shard| {
            used[shard] += load[shard] * 1e9;
            let thread_time = used[shard] as i64;
            DemandRecord { thread_time, ..DemandRecord::default() }
        });
        hot.measured(*now, &demand, |_| Some(0))
    }

    fn sent(id: TorrentId, upload_rate: u64) -> TorrentStatus {
        TorrentStatus { seeding: true, upload_rate, ..TorrentStatus::new(id, "") }
    }

    #[test]
    fn the_busiest_torrent_of_a_busy_thread_is_spread_and_gathered_when_it_is_idle() {
        let (mut hot, mut now, mut used) = (Hot::new(2), Instant::now(), [0.0; 2]);
        let [busy, other] = [TorrentId::next(), TorrentId::next()];
        hot.take_status(&sent(other, 10), now);
        hot.take_status(&sent(busy, 1000), now);
        hot.take_status(&TorrentStatus { seeding: false, ..sent(TorrentId::next(), 9999) }, now);
        let mut all = Vec::new();
        for _ in 0..=PATIENCE {
            all.extend(measure(&mut hot, &mut now, &mut used, [0.95, 0.1]));
        }
        assert_eq!(all, [Advice::AddCopy(busy)]);
        assert!(hot.load(0) > FULL && hot.load(1) < FREE);
        hot.take_status(&sent(busy, 0), now);
        now += COOL;
        assert_eq!(
            measure(&mut hot, &mut now, &mut used, [0.0, 0.0]),
            [Advice::RemoveCopies(busy)]
        );
        assert!(measure(&mut hot, &mut now, &mut used, [0.0, 0.0]).is_empty());
    }

    #[test]
    fn nothing_is_spread_if_no_thread_is_idle_or_none_is_busy() {
        let (mut hot, mut now, mut used) = (Hot::new(2), Instant::now(), [0.0; 2]);
        hot.take_status(&sent(TorrentId::next(), 10), now);
        for load in [[0.95, 0.95], [0.8, 0.1]] {
            for _ in 0..3 * PATIENCE {
                assert!(measure(&mut hot, &mut now, &mut used, load).is_empty(), "{load:?}");
            }
        }
    }
}
