//! The settings and metrics of the loaded libtorrent, by name.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use std::sync::OnceLock;

use crate::model::Metrics;

#[cxx::bridge(namespace = "patron")]
mod native {
    /// One of libtorrent's counters.
    struct MetricRecord {
        name: String,
        index: i32,
        /// Whether it can decrease; other counters only increase.
        gauge: bool,
    }

    /// The type of a setting.
    #[repr(u8)]
    enum SettingKind {
        Text,
        Int,
        Bool,
        /// There is no such setting.
        Unknown,
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/settings.hpp");

        /// The names of all settings of the library.
        fn setting_names() -> Result<Vec<String>>;
        fn setting_kind(name: &str) -> Result<SettingKind>;

        /// All of libtorrent's counters.
        fn metrics() -> Result<Vec<MetricRecord>>;
    }
}

pub(crate) use native::{SettingKind, setting_kind, setting_names};

/// Returns libtorrent's counters.
pub(crate) fn metrics() -> &'static Metrics {
    static METRICS: OnceLock<Metrics> = OnceLock::new();
    METRICS.get_or_init(|| {
        let records = native::metrics().unwrap_or_default().into_iter();
        let place = |record: native::MetricRecord| {
            Some((record.name, (usize::try_from(record.index).ok()?, record.gauge)))
        };
        records.filter_map(place).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Counter, ReadStatistics, Statistics};

    /// `Statistics::new` relies on these names.
    #[test]
    fn libtorrent_counts_what_the_fields_say() {
        let values: Vec<i64> = (1..=1000).collect();
        let statistics = Statistics::new(metrics(), vec![values], Vec::new());
        let text = format!("{statistics:?}");
        let fields = text.split_once("reads:").map(|(fields, _)| fields).unwrap_or_default();
        assert_eq!(fields.matches(": 0,").count(), 0, "a name is not there: {fields}");
        let all = statistics.counters().count();
        assert!(all > 200, "{all} counters");
        for counter in statistics.counters() {
            assert_eq!(statistics.counter(counter.name), Some(counter.value), "{}", counter.name);
        }
        assert_eq!(statistics.counter("peer.no_such_thing"), None);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn figures_in_json() {
        let reads = ReadStatistics { cold_bytes: 7, ..ReadStatistics::default() };
        assert_eq!(
            serde_json::to_string(&reads).unwrap(),
            concat!(
                r#"{"mapped_blocks":0,"mapped_bytes":0,"copied_blocks":0,"copied_bytes":0,"#,
                r#""cold_blocks":0,"cold_bytes":7,"stock_writing":0,"stock_partial":0,"#,
                r#""stock_scattered":0,"stock_descriptors":0,"stock_unusable":0,"stock_other":0,"#,
                r#""failed":0,"refused_files":0,"evicted_files":0,"open_files":0,"mappings":0}"#
            )
        );
        let json =
            serde_json::to_string(&Statistics::new(metrics(), vec![vec![0; 1000]], vec![reads]))
                .unwrap();
        let (fields, counters) = json.split_once(r#","reads":"#).unwrap();
        assert_eq!(
            fields,
            concat!(
                r#"{"sent":0,"sent_payload":0,"received":0,"received_payload":0,"peers":0,"#,
                r#""peers_half_open":0,"peers_unchoked":0,"incoming_connections":0,"#,
                r#""block_requests":0,"block_rejects":0,"torrents_seeding":0,"#,
                r#""torrents_downloading":0,"torrents_checking":0,"torrents_paused":0,"#,
                r#""torrents_failed":0,"blocks_read":0,"blocks_written":0,"blocks_hashed":0,"#,
                r#""queued_write_bytes":0,"dht_nodes":0"#
            )
        );
        // The rest are libtorrent's names.
        assert!(counters.contains(r#","counters":{""#), "{counters}");
        assert!(counters.contains(r#""peer.num_peers_connected":0"#), "{counters}");
        let counter = Counter { name: "reads.failed", value: 1, gauge: false };
        assert_eq!(
            serde_json::to_string(&counter).unwrap(),
            r#"{"name":"reads.failed","value":1,"gauge":false}"#
        );
    }
}
