//! The presets: the defaults, and the settings of a machine that seeds at full speed.

use super::Settings;
use super::choices::PLAINTEXT;
use super::own::{DISK_READS, MOST_THREADS, NETWORK_THREADS, REPLICATE};
use super::value::SettingValue;

/// With these, a port in use is an error.
pub(super) const PORT_IN_USE: [(&str, SettingValue); 2] = [
    ("max_retry_port_bind", SettingValue::Int(0)),
    ("listen_system_port_fallback", SettingValue::Bool(false)),
];

/// The settings that every client starts from, where they differ from libtorrent's defaults.
///
/// | setting | value | why |
/// | --- | --- | --- |
/// | `user_agent` | `torrent-patron/` and the version | the name shown to peers and trackers |
/// | `alert_queue_size` | 10000 | a burst of adds posts a few alerts per torrent before the client thread runs |
/// | `max_retry_port_bind` | 0 | a port in use is an error that is reported, not a silent move to another port |
/// | `listen_system_port_fallback` | false | the same |
/// | `auto_manage_startup` | 10 | after this many seconds, libtorrent stops visiting an idle torrent every second |
/// | `listen_queue_size` | 128 | libtorrent's 5 overflows in a burst of connections |
/// | `max_queued_disk_bytes` | 32 MiB | with libtorrent's 1 MiB a peer waits for the disk: 2 GiB from one took 4.3 s instead of 3.6; 128 MiB gained nothing more (3.5) |
/// | `mmap_file_size_cutoff` | the maximum | files are written and hashed by system calls: until 2.0.11, libtorrent's process ends if a mapped file of a v2 torrent is truncated while it is hashed; a download of 0.8 GB took 4.2 s instead of 4.8 |
/// | `disk_reads` | `copy` | saves two thread switches per block, and is safe with every transport |
impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self::empty();
        settings.assume([
            ("user_agent", concat!("torrent-patron/", env!("CARGO_PKG_VERSION")).into()),
            ("alert_queue_size", 10_000.into()),
            ("auto_manage_startup", 10.into()),
            ("listen_queue_size", 128.into()),
            ("max_queued_disk_bytes", (32 * 1024 * 1024).into()),
            ("mmap_file_size_cutoff", i32::MAX.into()),
            (DISK_READS, "copy".into()),
        ]);
        settings.assume(PORT_IN_USE);
        settings
    }
}

impl Settings {
    /// For a machine that seeds at full speed; includes the defaults:
    ///
    /// | setting | value | why |
    /// | --- | --- | --- |
    /// | `network_threads` | the number of cores | one thread sends as fast as one core can |
    /// | `replicate_on_demand` | true | a single torrent may need more than that |
    /// | `disk_reads` | `zero_copy` | one copy less; [`Settings`] has the requirements. |
    /// | `enable_incoming_utp`, `enable_outgoing_utp` | false | uTP needs a system call for every 1.4 KB, and reads the data it sends in user space |
    /// | `allowed_enc_level` | 1 (`pe_plaintext`) | RC4 works byte by byte, and reads the data it sends in user space; peers that insist on it are lost, the obfuscated handshake is not |
    /// | `prefer_rc4` | false | the same |
    /// | `mixed_mode_algorithm` | 0 (`prefer_tcp`) | TCP is never throttled in favour of uTP |
    /// | `unchoke_slots_limit` | -1 | every peer that asks is served |
    /// | `allowed_fast_set_size` | 0 | no peer is choked, so none needs an allowed fast set (BEP 6) |
    /// | `max_peerlist_size` | 16000 | the default is 3000, and a torrent has no more connections than peers in its list |
    /// | `connections_limit` | 8000 | the default is 200; the client raises `RLIMIT_NOFILE` to fit, or reports by [`Event::DescriptorLimit`](crate::Event::DescriptorLimit) that it cannot |
    /// | `listen_queue_size` | 3000 | this many peers may connect at once (if the kernel's `somaxconn` permits) |
    /// | `send_buffer_low_watermark` | 1 MiB | more than one block in flight to a peer that has just begun |
    /// | `send_buffer_watermark` | 3 MiB | the data in flight to a fast and distant peer |
    /// | `send_buffer_watermark_factor` | 150 | more in flight than the peer took in the last second |
    /// | `send_not_sent_low_watermark` | 512 KiB | fewer and larger `sendmsg` calls than with 16 KiB |
    /// | `max_allowed_in_request_queue` | 2000 | requests accepted from one peer (32 MiB) before more are refused |
    /// | `max_out_request_queue` | 1500 | the same for downloading |
    /// | `file_pool_size` | 500 | with more active files than the default of 40, a file would be opened again for each block |
    /// | `rate_limit_ip_overhead` | false | no rate is limited |
    /// | `max_queued_disk_bytes` | 32 MiB, as by default | the network threads share it, and 4 MiB for the one that downloads are as good: 1 GiB from one peer took 6.0 s, with 32 MiB 6.1 and with 128 MiB 6.4 (medians of 8 on two busy cores) |
    ///
    /// These are libtorrent's `high_performance_seed()` settings, without those that hurt real
    /// seeding: its `suggest_mode` makes every seed keep a piece picker, its `peer_timeout` of 20 s
    /// drops slow peers, and its `max_failcount` of 1 gives a peer no second try. Its
    /// `active_limit`, `active_seeds` and `active_tracker_limit` apply to torrents that libtorrent
    /// queues (`auto_managed`); this crate's torrents run and announce until told otherwise.
    #[must_use]
    pub fn seeding() -> Self {
        let mut settings = Self::default();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = i32::try_from(cores).unwrap_or(MOST_THREADS).min(MOST_THREADS);
        settings.assume([
            (NETWORK_THREADS, threads.into()),
            (REPLICATE, true.into()),
            (DISK_READS, "zero_copy".into()),
            ("enable_incoming_utp", false.into()),
            ("enable_outgoing_utp", false.into()),
            ("allowed_enc_level", PLAINTEXT.into()),
            ("prefer_rc4", false.into()),
            ("mixed_mode_algorithm", 0.into()),
            ("unchoke_slots_limit", (-1).into()),
            ("allowed_fast_set_size", 0.into()),
            ("max_peerlist_size", 16_000.into()),
            ("connections_limit", 8000.into()),
            ("listen_queue_size", 3000.into()),
            ("send_buffer_low_watermark", (1024 * 1024).into()),
            ("send_buffer_watermark", (3 * 1024 * 1024).into()),
            ("send_buffer_watermark_factor", 150.into()),
            ("send_not_sent_low_watermark", (512 * 1024).into()),
            ("max_allowed_in_request_queue", 2000.into()),
            ("max_out_request_queue", 1500.into()),
            ("file_pool_size", 500.into()),
            ("rate_limit_ip_overhead", false.into()),
        ]);
        settings
    }
}
