//! The counters of libtorrent and of the read path.

use std::collections::BTreeMap;
use std::sync::Arc;

/// The counters of a client since it started: the most useful ones as fields, and all of libtorrent's
/// counters by name.
#[derive(Debug, Clone, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Statistics {
    /// Bytes sent to peers and trackers, including protocol (`net.sent_bytes`).
    pub sent: u64,
    /// The part of these that is torrent data (`net.sent_payload_bytes`).
    pub sent_payload: u64,
    /// Bytes received (`net.recv_bytes`).
    pub received: u64,
    /// The part of these that is torrent data (`net.recv_payload_bytes`).
    pub received_payload: u64,
    /// The number of connected peers (`peer.num_peers_connected`).
    pub peers: u64,
    /// The number of connections that are being established (`peer.num_peers_half_open`).
    pub peers_half_open: u64,
    /// Peers that may request blocks (`peer.num_peers_up_unchoked_all`).
    pub peers_unchoked: u64,
    /// Connections that peers have made to this client (`peer.incoming_connections`).
    pub incoming_connections: u64,
    /// Blocks that peers have requested (`peer.piece_requests`).
    pub block_requests: u64,
    /// The part of these that was refused (`peer.piece_rejects`).
    pub block_rejects: u64,
    /// Torrents that have everything (`ses.num_seeding_torrents`).
    pub torrents_seeding: u64,
    /// Torrents that are downloading (`ses.num_downloading_torrents`).
    pub torrents_downloading: u64,
    /// Torrents whose files are being checked (`ses.num_checking_torrents`).
    pub torrents_checking: u64,
    /// Torrents that are paused (`ses.num_stopped_torrents`).
    pub torrents_paused: u64,
    /// Torrents that stopped because of an error (`ses.num_error_torrents`).
    pub torrents_failed: u64,
    /// Blocks that libtorrent has read; see also [`reads`](Statistics::reads)
    /// (`disk.num_blocks_read`).
    pub blocks_read: u64,
    /// Blocks that were written (`disk.num_blocks_written`).
    pub blocks_written: u64,
    /// Blocks that were hashed (`disk.num_blocks_hashed`).
    pub blocks_hashed: u64,
    /// Bytes waiting to be written (`disk.queued_write_bytes`).
    pub queued_write_bytes: u64,
    /// Nodes in the DHT's routing table (`dht.dht_nodes`).
    pub dht_nodes: u64,
    /// How the blocks that peers requested were read.
    pub reads: ReadStatistics,
    /// Bytes sent in all runs, if the client has a [store](crate::ClientBuilder::store); 0 otherwise.
    pub all_time_sent: u64,
    /// Bytes received in all runs, if the client has a store; 0 otherwise.
    pub all_time_received: u64,
    /// The counters of each [network thread](crate::ClientBuilder::network_threads), if there are several.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Vec::is_empty"))]
    pub network_threads: Vec<Statistics>,
    #[cfg_attr(feature = "serde", serde(rename = "counters"))]
    values: Values,
}

/// A counter; see [`Statistics::counters`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Counter {
    /// Its name in libtorrent's [list](https://libtorrent.org/manual-ref.html#session-statistics),
    /// for example `peer.num_peers_connected`; names of the read path begin with `reads.`.
    pub name: &'static str,
    /// Its value.
    pub value: i64,
    /// Whether it can decrease; other counters only increase.
    pub gauge: bool,
}

/// libtorrent's counters by name: the index in libtorrent's list, and whether it is a gauge.
pub(crate) type Metrics = BTreeMap<String, (usize, bool)>;

impl Statistics {
    /// Computes the statistics from the values of each network thread, in libtorrent's order.
    pub(crate) fn new(
        metrics: &'static Metrics,
        values: Vec<Vec<i64>>,
        reads: Vec<ReadStatistics>,
    ) -> Self {
        let length = values.iter().map(Vec::len).max().unwrap_or(0);
        let sum = |place| values.iter().filter_map(|of_one| of_one.get(place)).sum();
        let in_all =
            Self::of_one(metrics, (0..length).map(sum).collect(), reads.iter().copied().sum());
        let network_threads = match values.len() {
            0 | 1 => Vec::new(),
            _ => std::iter::zip(values, reads)
                .map(|(values, reads)| Self::of_one(metrics, values, reads))
                .collect(),
        };
        Self { network_threads, ..in_all }
    }

    /// Returns the counters of each network thread: [`network_threads`](Statistics::network_threads), or
    /// these alone if there is one thread.
    #[must_use]
    pub fn by_network_thread(&self) -> &[Self] {
        match &self.network_threads[..] {
            [] => std::slice::from_ref(self),
            several => several,
        }
    }

    fn of_one(metrics: &'static Metrics, values: Vec<i64>, reads: ReadStatistics) -> Self {
        let values = Values { metrics: Some(metrics), values: values.into() };
        let value = |name| values.get(name).map_or(0, |value| value.max(0).unsigned_abs());
        Self {
            sent: value("net.sent_bytes"),
            sent_payload: value("net.sent_payload_bytes"),
            received: value("net.recv_bytes"),
            received_payload: value("net.recv_payload_bytes"),
            peers: value("peer.num_peers_connected"),
            peers_half_open: value("peer.num_peers_half_open"),
            peers_unchoked: value("peer.num_peers_up_unchoked_all"),
            incoming_connections: value("peer.incoming_connections"),
            block_requests: value("peer.piece_requests"),
            block_rejects: value("peer.piece_rejects"),
            torrents_seeding: value("ses.num_seeding_torrents"),
            torrents_downloading: value("ses.num_downloading_torrents"),
            torrents_checking: value("ses.num_checking_torrents"),
            torrents_paused: value("ses.num_stopped_torrents"),
            torrents_failed: value("ses.num_error_torrents"),
            blocks_read: value("disk.num_blocks_read"),
            blocks_written: value("disk.num_blocks_written"),
            blocks_hashed: value("disk.num_blocks_hashed"),
            queued_write_bytes: value("disk.queued_write_bytes"),
            dht_nodes: value("dht.dht_nodes"),
            reads,
            all_time_sent: 0,
            all_time_received: 0,
            network_threads: Vec::new(),
            values,
        }
    }

    /// Returns the value of a [counter](Statistics::counters), or `None` if no counter has this name.
    #[must_use]
    pub fn counter(&self, name: &str) -> Option<i64> {
        let ours = || self.reads.counters().into_iter().find(|counter| counter.name == name);
        self.values.get(name).or_else(|| ours().map(|counter| counter.value))
    }

    /// Returns all counters of libtorrent and of the read path, in alphabetical order.
    pub fn counters(&self) -> impl Iterator<Item = Counter> {
        let known = self.values.metrics.into_iter().flatten();
        let mut all: Vec<_> = known
            .filter_map(|(name, &(index, gauge))| {
                Some(Counter { name, value: *self.values.values.get(index)?, gauge })
            })
            .chain(self.reads.counters())
            .collect();
        all.sort_unstable_by_key(|counter| counter.name);
        all.into_iter()
    }
}

/// The values of libtorrent's metrics.
#[derive(Debug, Clone, PartialEq, Default)]
struct Values {
    metrics: Option<&'static Metrics>,
    values: Arc<[i64]>,
}

impl Values {
    fn get(&self, name: &str) -> Option<i64> {
        let (index, _) = self.metrics?.get(name)?;
        self.values.get(*index).copied()
    }
}

#[cfg(feature = "serde")]
impl serde::Serialize for Values {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let known = self.metrics.into_iter().flatten();
        serializer.collect_map(
            known.filter_map(|(name, (index, _))| Some((name, self.values.get(*index)?))),
        )
    }
}

/// How the blocks that peers requested were read, counted since the client started.
///
/// If `disk_reads` is `stock` (see [`Settings`](crate::Settings)), libtorrent reads everything itself, and
/// all of these are 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ReadStatistics {
    /// Blocks that were sent directly from the page cache (`zero_copy`).
    pub mapped_blocks: u64,
    /// Their size, in bytes.
    pub mapped_bytes: u64,
    /// Blocks that were copied out of the page cache, also by readers of the program.
    pub copied_blocks: u64,
    /// Their size, in bytes.
    pub copied_bytes: u64,
    /// Blocks that a separate thread read: they were not in memory, or not known to be.
    pub cold_blocks: u64,
    /// Their size, in bytes.
    pub cold_bytes: u64,
    /// Blocks that libtorrent read because the torrent was downloading, or its files were being
    /// checked, moved, renamed, closed or deleted.
    pub stock_writing: u64,
    /// Blocks that libtorrent read because some files of the torrent are skipped.
    pub stock_partial: u64,
    /// Blocks that libtorrent read because they span more than four files.
    pub stock_scattered: u64,
    /// Blocks that libtorrent read because no descriptors were available.
    pub stock_descriptors: u64,
    /// Blocks that libtorrent read, or failed to read, because their file could not be opened or
    /// was shorter than the torrent says.
    pub stock_unusable: u64,
    /// Blocks that libtorrent read for other reasons: no thread was available, or the client was
    /// stopping.
    pub stock_other: u64,
    /// Reads that failed and stopped their torrent. Each is an
    /// [`Event::Error`](crate::Event::Error).
    pub failed: u64,
    /// Files on a file system that cannot report what is in memory; their blocks count as cold
    /// until they are mapped.
    pub refused_files: u64,
    /// Files that were closed to make room for others (`file_pool_size`).
    pub evicted_files: u64,
    /// Files that are open now.
    pub open_files: u64,
    /// Files that are mapped now, including those kept for blocks that wait to be sent.
    pub mappings: u64,
}

impl std::iter::Sum for ReadStatistics {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        macro_rules! add {
            ($sum:ident, $one:ident: $($field:ident)*) => { $($sum.$field += $one.$field;)* };
        }
        all.fold(Self::default(), |mut sum, one| {
            add!(sum, one: mapped_blocks mapped_bytes copied_blocks copied_bytes cold_blocks
                cold_bytes stock_writing stock_partial stock_scattered stock_descriptors
                stock_unusable stock_other failed refused_files evicted_files open_files mappings);
            sum
        })
    }
}

impl ReadStatistics {
    /// Returns the number of blocks that were read on libtorrent's network thread, without another thread.
    #[must_use]
    pub fn inline_blocks(&self) -> u64 {
        self.mapped_blocks + self.copied_blocks
    }

    /// Returns the number of blocks that libtorrent read, for any reason.
    #[must_use]
    pub fn stock_blocks(&self) -> u64 {
        self.stock_writing
            + self.stock_partial
            + self.stock_scattered
            + self.stock_descriptors
            + self.stock_unusable
            + self.stock_other
    }

    /// Returns all counters by name, as in [`Statistics::counters`].
    pub fn counters(&self) -> impl IntoIterator<Item = Counter> + use<> {
        [
            ("reads.mapped_blocks", self.mapped_blocks, false),
            ("reads.mapped_bytes", self.mapped_bytes, false),
            ("reads.copied_blocks", self.copied_blocks, false),
            ("reads.copied_bytes", self.copied_bytes, false),
            ("reads.cold_blocks", self.cold_blocks, false),
            ("reads.cold_bytes", self.cold_bytes, false),
            ("reads.stock_writing", self.stock_writing, false),
            ("reads.stock_partial", self.stock_partial, false),
            ("reads.stock_scattered", self.stock_scattered, false),
            ("reads.stock_descriptors", self.stock_descriptors, false),
            ("reads.stock_unusable", self.stock_unusable, false),
            ("reads.stock_other", self.stock_other, false),
            ("reads.failed", self.failed, false),
            ("reads.refused_files", self.refused_files, false),
            ("reads.evicted_files", self.evicted_files, false),
            ("reads.open_files", self.open_files, true),
            ("reads.mappings", self.mappings, true),
        ]
        .map(|(name, value, gauge)| Counter {
            name,
            value: i64::try_from(value).unwrap_or(i64::MAX),
            gauge,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;

    #[test]
    fn statistics_are_reported_per_network_thread_and_in_sum() {
        static METRICS: LazyLock<Metrics> =
            LazyLock::new(|| Metrics::from([("net.sent_bytes".into(), (1, false))]));
        let reads = |mapped_blocks| ReadStatistics { mapped_blocks, ..ReadStatistics::default() };
        let both =
            Statistics::new(&METRICS, vec![vec![0, 3], vec![0, 4]], vec![reads(1), reads(2)]);
        assert_eq!((both.sent, both.reads.mapped_blocks), (7, 3));
        let each = both.network_threads.iter().map(|one| (one.sent, one.reads.mapped_blocks));
        assert_eq!(each.collect::<Vec<_>>(), [(3, 1), (4, 2)]);
        let one = Statistics::new(&METRICS, vec![vec![0, 3]], vec![reads(1)]);
        assert_eq!((one.sent, one.network_threads.len()), (3, 0));
    }

    #[test]
    fn all_counters_of_the_read_path_are_summed() {
        let ones: Vec<_> = ReadStatistics::default().counters().into_iter().collect();
        let one = ReadStatistics {
            mapped_blocks: 1,
            mapped_bytes: 1,
            copied_blocks: 1,
            copied_bytes: 1,
            cold_blocks: 1,
            cold_bytes: 1,
            stock_writing: 1,
            stock_partial: 1,
            stock_scattered: 1,
            stock_descriptors: 1,
            stock_unusable: 1,
            stock_other: 1,
            failed: 1,
            refused_files: 1,
            evicted_files: 1,
            open_files: 1,
            mappings: 1,
        };
        let two: ReadStatistics = [one, one].into_iter().sum();
        assert_eq!(two.counters().into_iter().filter(|sum| sum.value == 2).count(), ones.len());
    }
}
