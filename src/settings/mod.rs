//! libtorrent's settings by name, with checks.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};
use crate::sys;
use crate::sys::task::Share;

mod choices;
mod listen;
mod proxy;

pub use self::choices::EncryptionPolicy;
pub use self::proxy::Proxy;

pub(crate) use self::proxy::ProxyKind;

/// The value of a setting. libtorrent determines the type of each setting.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(untagged))]
#[non_exhaustive]
pub enum SettingValue {
    /// True or false.
    Bool(bool),
    /// A number, in the unit given in libtorrent's reference.
    Int(i32),
    /// Text.
    Text(String),
}

impl SettingValue {
    fn kind(&self) -> SettingKind {
        match self {
            Self::Text(_) => SettingKind::Text,
            Self::Int(_) => SettingKind::Int,
            Self::Bool(_) => SettingKind::Bool,
        }
    }
}

impl std::fmt::Display for SettingValue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bool(value) => value.fmt(f),
            Self::Int(value) => value.fmt(f),
            Self::Text(value) => value.fmt(f),
        }
    }
}

impl From<bool> for SettingValue {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i32> for SettingValue {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for SettingValue {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for SettingValue {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SettingKind {
    Text,
    Int,
    Bool,
}

impl SettingKind {
    fn of(name: &str) -> Option<Self> {
        match sys::setting_kind(name) {
            Ok(sys::SettingKind::Text) => Some(Self::Text),
            Ok(sys::SettingKind::Int) => Some(Self::Int),
            Ok(sys::SettingKind::Bool) => Some(Self::Bool),
            _ => None,
        }
    }

    fn article_and_name(self) -> &'static str {
        match self {
            Self::Text => "a text",
            Self::Int => "a number",
            Self::Bool => "true or false",
        }
    }
}

/// How blocks are read for peers. This setting is not libtorrent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskReads {
    Stock,
    Copy,
    ZeroCopy,
}

const DISK_READS: &str = "disk_reads";

/// How many sessions a client has, each with a network thread.
const NETWORK_THREADS: &str = "network_threads";

/// The cores that network threads are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    None,
    Cores,
    Nodes,
}

impl Affinity {
    fn of(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "cores" => Some(Self::Cores),
            "nodes" => Some(Self::Nodes),
            _ => None,
        }
    }
}

const NETWORK_AFFINITY: &str = "network_affinity";

/// Whether a torrent in great demand is served by several of them.
const REPLICATE: &str = "replicate_on_demand";

/// The settings that are not libtorrent's.
const OWN: [&str; 5] = [DISK_READS, LOCAL_URLS, NETWORK_AFFINITY, NETWORK_THREADS, REPLICATE];

/// The most network threads that a client may have.
const MOST_THREADS: i32 = 256;

/// The settings that the sessions of a client share, with libtorrent's defaults.
const SHARED: &[(&str, i32)] = &[
    ("upload_rate_limit", 0),
    ("download_rate_limit", 0),
    ("connections_limit", 200),
    ("unchoke_slots_limit", 8),
    ("file_pool_size", 40),
    ("aio_threads", 10),
    ("max_queued_disk_bytes", 1024 * 1024),
    ("max_concurrent_http_announces", 50),
    ("active_checking", 1),
    ("active_downloads", 3),
    ("active_seeds", 5),
    ("active_limit", 500),
    ("active_tracker_limit", 1600),
    ("active_dht_limit", 88),
    ("active_lsd_limit", 60),
];

/// The shared settings that say how many queued torrents run. A part may be 0.
pub(crate) const QUEUE_LIMITS: [&str; 4] =
    ["active_checking", "active_downloads", "active_seeds", "active_limit"];

/// Whether a torrent's own URLs may be on the local network.
const LOCAL_URLS: &str = "allow_local_urls";

impl DiskReads {
    fn of(text: &str) -> Option<Self> {
        match text {
            "stock" => Some(Self::Stock),
            "copy" => Some(Self::Copy),
            "zero_copy" => Some(Self::ZeroCopy),
            _ => None,
        }
    }
}

/// A set of libtorrent settings, by the names in its
/// [reference](https://libtorrent.org/reference-Settings.html); settings that are not in the set
/// keep their defaults.
///
/// Five settings are this crate's own and are not handed to libtorrent. None can be changed while the
/// client runs.
///
/// `network_threads`, a number: see [`ClientBuilder::network_threads`](crate::ClientBuilder::network_threads).
///
/// `network_affinity`, a string, binds the network threads to cores: `none`, the default; `cores`, each thread to
/// one of the cores that the process may use; `nodes`, each thread to the cores of one NUMA node. If there are
/// more threads than cores or nodes, some share one. Disk threads are not bound. Requires Linux.
///
/// `replicate_on_demand`, a boolean, off by default: if one network thread is fully used and another is not,
/// the other also serves the torrent that the first uploads fastest, as with
/// [`AddOptions::replicas`](crate::AddOptions::replicas). This ends when nobody has requested data of the
/// torrent for ten minutes.
///
/// `allow_local_urls`, off by default, decides whether the trackers and web seeds named by a
/// .torrent file, a magnet link or resume data may be on this machine or its local network. If off,
/// such a URL is dropped when its host is a private, link-local or loopback address or a name
/// without a public domain; a web seed is disconnected when its name resolves to such an address,
/// or when it redirects to one. URLs that the program itself supplies, in
/// [`AddOptions`](crate::AddOptions) or by [`Patron::add_tracker`](crate::Patron::add_tracker),
/// work wherever they are. Turn it on for torrents that name a tracker in the user's own network;
/// an [offline](crate::ClientBuilder::offline) client does not need it.
///
/// `disk_reads`, a string, decides how blocks are read for peers.
///
/// | `disk_reads` | how a block gets to a peer |
/// | --- | --- |
/// | `stock` | libtorrent's own way: another thread maps the file and copies the block |
/// | `copy` | data in the page cache is copied immediately, on libtorrent's network thread; other data is read by a separate thread. The default |
/// | `zero_copy` | data in the page cache is sent without copying it; the rest as for `copy` |
///
/// `zero_copy` requires that nobody truncates files while they are served: a peer that is being
/// sent the missing part is disconnected. If libtorrent itself read that part, to encrypt it or to
/// send it over uTP, the process would crash. Therefore a client with `zero_copy` and such a
/// setting is [refused](crate::ClientBuilder::start).
/// For the same reason torrents that use TLS, or may use it because they were added from a magnet
/// link, are read as with `copy`. Such a client does not listen for TLS connections; it serves
/// those torrents over outgoing connections. In every mode, libtorrent itself reads torrents that
/// are being written to, and the pieces of files that are not wanted. On systems other than Linux,
/// every mode is `stock`.
///
/// On Linux, a file in use is checked once a second in every mode: if it is missing, too short,
/// replaced, or written to by another program since it was checked, its torrent stops with an
/// [`Event::Error`](crate::Event::Error) until it is resumed.
///
/// ```
/// use torrent_patron::Settings;
///
/// let mut settings = Settings::default();
/// settings.set("connections_limit", 500)?;
/// let wrong = settings.set("conections_limit", 500).unwrap_err();
/// assert!(wrong.to_string().contains("did you mean connections_limit?"));
/// # Ok::<(), torrent_patron::Error>(())
/// ```
///
/// With the feature `serde`, a set is an object of names and values: `{"connections_limit": 500}`.
/// Deserializing starts from [`Settings::default`], and checks each setting as
/// [`set`](Settings::set) does.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(transparent))]
pub struct Settings(BTreeMap<String, SettingValue>);

/// Leaves out passwords.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_map().entries(self.iter().map(|(name, value)| (name, shown(name, value)))).finish()
    }
}

/// The value of a setting, as far as it may be in a log.
pub(crate) fn shown<'a>(name: &str, value: &'a SettingValue) -> &'a dyn std::fmt::Debug {
    match name {
        "proxy_password" => &"hidden",
        _ => value,
    }
}

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
/// | `disk_reads` | `copy` | saves two thread switches per block, and is safe with every transport |
impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self(BTreeMap::new());
        settings.assume([
            ("user_agent", concat!("torrent-patron/", env!("CARGO_PKG_VERSION")).into()),
            ("alert_queue_size", 10_000.into()),
            ("max_retry_port_bind", 0.into()),
            ("listen_system_port_fallback", false.into()),
            ("auto_manage_startup", 10.into()),
            ("listen_queue_size", 128.into()),
            ("max_queued_disk_bytes", (32 * 1024 * 1024).into()),
            (DISK_READS, "copy".into()),
        ]);
        settings
    }
}

impl Settings {
    /// An empty set: for changing some settings of a running client.
    #[must_use]
    pub fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// For a machine that seeds at full speed; includes the defaults:
    ///
    /// | setting | value | why |
    /// | --- | --- | --- |
    /// | `network_threads` | the number of cores | one thread sends as fast as one core can |
    /// | `replicate_on_demand` | true | a single torrent may be asked for more than that |
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

    /// Sets `name` to `value`.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if libtorrent has no setting of this name
    /// (the error suggests a similar one) or if the value has the wrong type, or cannot work: a text with control
    /// characters, for example.
    pub fn set(&mut self, name: &str, value: impl Into<SettingValue>) -> Result<()> {
        let value = value.into();
        let wanted = kind(name)?;
        if wanted != value.kind() {
            let message = format!(
                "{name} takes {}, not {} ({value})",
                wanted.article_and_name(),
                value.kind().article_and_name()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        if let (DISK_READS, SettingValue::Text(text)) = (name, &value)
            && DiskReads::of(text).is_none()
        {
            let message = format!("{name} takes stock, copy or zero_copy, not {text:?}");
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        if let (NETWORK_AFFINITY, SettingValue::Text(text)) = (name, &value)
            && Affinity::of(text).is_none()
        {
            let message = format!("{name} takes none, cores or nodes, not {text:?}");
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        if let (NETWORK_THREADS, SettingValue::Int(count)) = (name, &value)
            && !(1..=MOST_THREADS).contains(count)
        {
            let message = format!("{name} takes a number from 1 to {MOST_THREADS}, not {count}");
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        // Some of them become lines of requests, as `user_agent` does.
        if let SettingValue::Text(text) = &value
            && text.contains(|c: char| c.is_control())
        {
            let message = format!("{name} takes a text without control characters, not {text:?}");
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        // Without alerts, the client would not learn of anything.
        if let ("alert_queue_size", SettingValue::Int(..1)) = (name, &value) {
            let message = format!("{name} takes a number above 0, not {value}");
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        self.0.insert(name.into(), value);
        Ok(())
    }

    /// Sets `name` to a value given as text, which is parsed as the setting's type.
    ///
    /// # Errors
    ///
    /// As for [`set`](Settings::set), and if the text is not a value of that type.
    pub fn set_text(&mut self, name: &str, value: &str) -> Result<()> {
        let kind = kind(name)?;
        let parsed = match kind {
            SettingKind::Text => Some(SettingValue::from(value)),
            SettingKind::Int => value.parse::<i32>().ok().map(SettingValue::from),
            SettingKind::Bool => value.parse::<bool>().ok().map(SettingValue::from),
        };
        let parsed = parsed.ok_or_else(|| {
            let message = format!("{name} takes {}, not {value:?}", kind.article_and_name());
            Error::new(ErrorKind::InvalidArgument, SET, message)
        })?;
        self.set(name, parsed)
    }

    /// Returns the value of `name` in this set; `None` if it is not in the set, so that libtorrent's default
    /// applies.
    pub fn get(&self, name: &str) -> Option<&SettingValue> {
        self.0.get(name)
    }

    /// Returns the settings in this set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SettingValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// Adds the settings of another set; its values replace those in this set.
    pub fn merge(&mut self, other: &Settings) {
        self.0.extend(other.0.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Returns these settings with a change applied, if a running client can make that change.
    pub(crate) fn changed(&self, change: &Settings, offline: bool) -> Result<Self> {
        for fixed in OWN.into_iter().chain(["alert_mask"]) {
            if change.get(fixed).is_some() {
                let message = format!("{fixed} cannot be changed while the client runs");
                return Err(Error::new(ErrorKind::InvalidArgument, "change the settings", message));
            }
        }
        let mut changed = self.clone();
        changed.merge(change);
        changed.check().map_err(|error| error.in_operation("change the settings"))?;
        if offline {
            changed.stays_here(change)?;
        }
        Ok(changed)
    }

    /// Checks that a change keeps an offline client on the loopback interface.
    fn stays_here(&self, change: &Settings) -> Result<()> {
        let refuse = |what: String| {
            let message = format!("{what}: the client is offline, and this would leave loopback");
            Err(Error::new(ErrorKind::InvalidArgument, "change the settings", message))
        };
        for name in ["enable_lsd", "enable_upnp", "enable_natpmp"] {
            if change.switch(name, false) {
                return refuse(format!("{name}=true"));
            }
        }
        let nodes = self.text("dht_bootstrap_nodes", "libtorrent's own");
        let is_here = |node: &str| {
            let host = node.rsplit_once(':').map_or(node, |(host, _)| host);
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        };
        let elsewhere =
            nodes.split(',').map(str::trim).find(|node| !node.is_empty() && !is_here(node));
        match elsewhere {
            Some(node) if self.switch("enable_dht", true) && change.switch("enable_dht", true) => {
                refuse(format!("enable_dht=true with dht_bootstrap_nodes={node}"))
            }
            _ => Ok(()),
        }
    }

    /// Creates a set from libtorrent's records.
    pub(crate) fn from_records(records: &[sys::SettingRecord]) -> Self {
        let value = |record: &sys::SettingRecord| {
            Some(match SettingKind::of(&record.name)? {
                SettingKind::Text => SettingValue::from(&*record.text),
                SettingKind::Int => {
                    SettingValue::from(i32::try_from(record.number).unwrap_or(i32::MAX))
                }
                SettingKind::Bool => SettingValue::from(record.number != 0),
            })
        };
        let known = records.iter().filter_map(|one| Some((one.name.clone(), value(one)?)));
        Self(known.collect())
    }

    /// Returns the settings that are libtorrent's.
    pub(crate) fn records(&self) -> Vec<sys::SettingRecord> {
        let native = self.iter().filter(|(name, _)| !OWN.contains(name));
        native
            .map(|(name, value)| {
                let (text, number) = match value {
                    SettingValue::Text(text) => (text.clone(), 0),
                    SettingValue::Int(number) => (String::new(), i64::from(*number)),
                    SettingValue::Bool(switch) => (String::new(), i64::from(*switch)),
                };
                sys::SettingRecord { name: name.into(), text, number }
            })
            .collect()
    }

    /// Returns the settings in a state from [`Patron::save_state`](crate::Patron::save_state).
    pub(crate) fn of_state(state: &[u8]) -> Result<Self> {
        let records = sys::settings_of_state(state).map_err(|exception| {
            Error::from_native("read the saved state", &exception).with_kind(ErrorKind::Parse)
        })?;
        Ok(Self::from_records(&records))
    }

    /// Returns where the client and its torrents may connect.
    pub(crate) fn policy(
        &self,
        loopback_only: bool,
        proxy: Option<ProxyKind>,
    ) -> sys::PolicyRecord {
        sys::PolicyRecord {
            loopback_only,
            names: ProxyKind::names(proxy),
            local_urls: self.switch(LOCAL_URLS, false),
            // WebRTC reads the data that it sends in user space; see `check`.
            webrtc: self.disk_reads() != DiskReads::ZeroCopy,
        }
    }

    /// Checks that the addresses and devices to listen on are valid.
    pub(crate) fn check_interfaces(&self) -> Result<()> {
        listen::check(self.text("listen_interfaces", ""), sys::is_network_device)
    }

    pub(crate) fn replicates_on_demand(&self) -> bool {
        self.switch(REPLICATE, false)
    }

    pub(crate) fn network_threads(&self) -> usize {
        usize::try_from(self.number(NETWORK_THREADS, 1)).unwrap_or(1).max(1)
    }

    pub(crate) fn affinity(&self) -> Affinity {
        Affinity::of(self.text(NETWORK_AFFINITY, "none")).unwrap_or(Affinity::None)
    }

    pub(crate) fn disk_reads(&self) -> DiskReads {
        let text = self.text(DISK_READS, "copy");
        DiskReads::of(text).unwrap_or(DiskReads::Copy)
    }

    /// Checks that the settings can be combined. Only the kernel may follow a pointer into a mapped
    /// file: if libtorrent read the data and the file had been truncated, SIGBUS would end the
    /// process.
    pub(crate) fn check(&self) -> Result<()> {
        if self.disk_reads() != DiskReads::ZeroCopy {
            return Ok(());
        }
        let refuse = |conflict: &str, why: &str| {
            let message = format!(
                "disk_reads=zero_copy cannot be combined with {conflict}: {why}, and a file that is \
                 truncated meanwhile would crash the process (SIGBUS)"
            );
            Err(Error::new(ErrorKind::InvalidArgument, "start the client", message))
        };
        for name in ["enable_incoming_utp", "enable_outgoing_utp"] {
            if self.switch(name, true) {
                return refuse(&format!("{name}=true"), "uTP reads what it sends in user space");
            }
        }
        let encrypts = |name| self.number(name, PE_ENABLED) != PE_DISABLED;
        let level = self.number("allowed_enc_level", PE_BOTH);
        if level != PLAINTEXT && (encrypts("in_enc_policy") || encrypts("out_enc_policy")) {
            let conflict = format!("allowed_enc_level={level} (1 is plaintext)");
            return refuse(&conflict, "RC4 reads what it sends in user space");
        }
        let interfaces = self.text("listen_interfaces", "");
        if let Some(tls) = interfaces.split(',').map(str::trim).find(|one| is_tls(one)) {
            let conflict = format!("listen_interfaces={tls}");
            return refuse(&conflict, "TLS (the s) reads what it sends in user space");
        }
        Ok(())
    }

    /// Returns how many descriptors a client may need: for its connections, which libtorrent limits to 80 %
    /// of the available descriptors, or for its connections and its files, which both libtorrent and the read
    /// path keep open, and some for everything else.
    pub(crate) fn descriptors(&self) -> u64 {
        let count = |name, default| u64::try_from(self.number(name, default)).unwrap_or(0);
        let connections = count("connections_limit", 200);
        let files = 2 * count("file_pool_size", 40);
        (connections * 5).div_ceil(4).max(connections + files) + 64
    }

    /// Reduces limits that exceed the available descriptors. 80 % is for connections: libtorrent uses the
    /// same share, but does not know about other clients. The read path and libtorrent's disk backend share
    /// the rest.
    pub(crate) fn fit(&mut self, descriptors: u64) {
        let files = i32::try_from(descriptors / 10).unwrap_or(i32::MAX).max(5);
        let wanted = self.number("file_pool_size", 40);
        let connections = i32::try_from(descriptors / 10 * 8).unwrap_or(i32::MAX).max(1);
        let wanted_connections = self.number("connections_limit", 200);
        self.assume([
            ("file_pool_size", wanted.min(files).into()),
            ("connections_limit", wanted_connections.min(connections).into()),
        ]);
    }

    /// Sets those of the [shared](SHARED) settings that have their default explicitly, so that they can be
    /// divided.
    pub(crate) fn name_shared(&mut self) {
        for (name, default) in SHARED {
            self.0.entry((*name).into()).or_insert_with(|| (*default).into());
        }
    }

    /// Returns the shared settings in this set.
    pub(crate) fn shared(&self) -> Self {
        let is_shared = |name: &str| SHARED.iter().any(|(shared, _)| *shared == name);
        let shared = self.0.iter().filter(|(name, _)| is_shared(name));
        Self(shared.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Returns the settings for one of several sessions: its part of the shared limits and a port of its own.
    /// Only the first uses port mapping by the router.
    pub(crate) fn part(&self, part: Share) -> Self {
        let mut settings = self.clone();
        if part == Share::WHOLE {
            return settings;
        }
        for (name, _) in SHARED {
            if let Some(SettingValue::Int(whole)) = settings.0.get_mut(*name) {
                *whole = part_of(name, *whole, part);
            }
        }
        if let Some(SettingValue::Text(interfaces)) = settings.0.get_mut("listen_interfaces")
            && let Some(moved) = listen::next_ports(interfaces, part.number)
        {
            *interfaces = moved;
        }
        if part.number > 0 {
            settings.assume([("enable_upnp", false.into()), ("enable_natpmp", false.into())]);
        }
        settings
    }

    /// Returns whether there are ports for this many sessions.
    pub(crate) fn check_ports(&self, sessions: usize) -> Result<()> {
        let interfaces = self.text("listen_interfaces", "");
        match listen::next_ports(interfaces, sessions.saturating_sub(1)) {
            Some(_) => Ok(()),
            None => {
                let message = format!(
                    "{interfaces}: each of the {sessions} network threads needs its own port, and \
                     the last would be above 65535"
                );
                Err(Error::new(ErrorKind::InvalidArgument, "listen", message))
            }
        }
    }

    pub(crate) fn proxy_looks_up_names(&self) -> bool {
        self.switch("proxy_hostnames", true)
    }

    fn switch(&self, name: &str, default: bool) -> bool {
        match self.get(name) {
            Some(SettingValue::Bool(value)) => *value,
            _ => default,
        }
    }

    pub(crate) fn int(&self, name: &str) -> Option<i32> {
        match self.get(name) {
            Some(SettingValue::Int(value)) => Some(*value),
            _ => None,
        }
    }

    fn number(&self, name: &str, default: i32) -> i32 {
        match self.get(name) {
            Some(SettingValue::Int(value)) => *value,
            _ => default,
        }
    }

    fn text<'a>(&'a self, name: &str, default: &'a str) -> &'a str {
        match self.get(name) {
            Some(SettingValue::Text(value)) => value,
            _ => default,
        }
    }

    /// Sets settings that this crate knows to exist; `tests` verifies that.
    pub(crate) fn assume<const N: usize>(&mut self, pairs: [(&str, SettingValue); N]) {
        self.0.extend(pairs.map(|(name, value)| (name.into(), value)));
    }
}

/// Returns the part of a shared setting for one of several sessions. Negative numbers mean no limit.
pub(crate) fn part_of(name: &str, whole: i32, part: Share) -> i32 {
    match QUEUE_LIMITS.contains(&name) {
        true if whole < 0 => whole,
        true => part.of_count(whole),
        false => part.of_limit(whole),
    }
}

// `lt::settings_pack::enc_level` and `enc_policy`; `pe_both` and `pe_enabled` are libtorrent's
// defaults.
const PLAINTEXT: i32 = 1;
const RC4: i32 = 2;
const PE_BOTH: i32 = 3;
const PE_FORCED: i32 = 0;
const PE_ENABLED: i32 = 1;
const PE_DISABLED: i32 = 2;

/// Returns whether an entry is for TLS. `ADDRESS:PORT` is followed by flags, of which `s` means TLS.
fn is_tls(interface: &str) -> bool {
    let port = interface.rsplit(':').next().unwrap_or_default();
    port.trim_start_matches(|c: char| c.is_ascii_digit()).contains('s')
}

const SET: &str = "set a libtorrent setting";

fn kind(name: &str) -> Result<SettingKind> {
    match name {
        DISK_READS | NETWORK_AFFINITY => return Ok(SettingKind::Text),
        LOCAL_URLS | REPLICATE => return Ok(SettingKind::Bool),
        NETWORK_THREADS => return Ok(SettingKind::Int),
        _ => {}
    }
    SettingKind::of(name).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names = sys::setting_names().unwrap_or_default();
        names.extend(OWN.map(Into::into));
        names
    });
    let distance = |known: &String| strsim::damerau_levenshtein(known, name);
    // Not one that has little in common with it.
    let is_near = |known: &&String| distance(known) <= known.len() / 3;
    let nearest = names.iter().min_by_key(|known| distance(known)).filter(is_near);
    let hint = nearest.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    let message = format!("there is no setting called {name:?}{hint}");
    Error::new(ErrorKind::InvalidArgument, SET, message)
}

#[cfg(feature = "serde")]
mod reading {
    use std::fmt;

    use serde::de::{
        Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor,
    };

    use super::{SettingValue, Settings, kind};

    impl<'de> Deserialize<'de> for SettingValue {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(Value("true or false, a number or a text".into()))
        }
    }

    impl<'de> Deserialize<'de> for Settings {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_map(Pairs)
        }
    }

    struct Pairs;

    impl<'de> Visitor<'de> for Pairs {
        type Value = Settings;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("settings by name")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Settings, A::Error> {
            let mut settings = Settings::default();
            while let Some(name) = pairs.next_key::<String>()? {
                let wanted = kind(&name).map_err(|error| A::Error::custom(error.message()))?;
                let expected = format!("{} for {name}", wanted.article_and_name());
                let value = pairs.next_value_seed(Value(expected))?;
                settings.set(&name, value).map_err(|error| A::Error::custom(error.message()))?;
            }
            Ok(settings)
        }
    }

    /// Deserializes a value of any type. Contains the description of the expected type, for errors.
    struct Value(String);

    impl<'de> DeserializeSeed<'de> for Value {
        type Value = SettingValue;

        fn deserialize<D: Deserializer<'de>>(
            self,
            deserializer: D,
        ) -> Result<SettingValue, D::Error> {
            deserializer.deserialize_any(self)
        }
    }

    impl Visitor<'_> for Value {
        type Value = SettingValue;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(&self.0)
        }

        fn visit_bool<E: Error>(self, value: bool) -> Result<SettingValue, E> {
            Ok(value.into())
        }

        fn visit_i64<E: Error>(self, value: i64) -> Result<SettingValue, E> {
            let number = i32::try_from(value);
            Ok(number.map_err(|_| E::invalid_value(Unexpected::Signed(value), &self))?.into())
        }

        fn visit_u64<E: Error>(self, value: u64) -> Result<SettingValue, E> {
            let number = i32::try_from(value);
            Ok(number.map_err(|_| E::invalid_value(Unexpected::Unsigned(value), &self))?.into())
        }

        fn visit_str<E: Error>(self, value: &str) -> Result<SettingValue, E> {
            Ok(value.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `assume` relies on these names and types.
    #[test]
    fn the_presets_name_settings_that_exist_with_their_types() {
        for preset in [Settings::default(), Settings::seeding()] {
            let mut preset = preset;
            preset.name_shared();
            for (name, value) in preset.iter() {
                Settings::default().set(name, value.clone()).unwrap();
            }
        }
    }

    #[test]
    fn sessions_share_what_the_client_may_have() {
        let mut settings = Settings::default();
        settings.set("listen_interfaces", "127.0.0.1:6881").unwrap();
        settings.set("upload_rate_limit", 1001).unwrap();
        settings.set("unchoke_slots_limit", -1).unwrap();
        settings.name_shared();
        let parts = [0, 1].map(|number| settings.part(Share { number, count: 2 }));
        for (name, values) in [
            ("upload_rate_limit", [501, 500]),
            ("download_rate_limit", [0, 0]),
            ("connections_limit", [100, 100]),
            ("unchoke_slots_limit", [-1, -1]),
        ] {
            assert_eq!(parts.each_ref().map(|part| part.number(name, -9)), values, "{name}");
        }
        let ports = parts.each_ref().map(|part| part.text("listen_interfaces", ""));
        assert_eq!(ports, ["127.0.0.1:6881", "127.0.0.1:6882"]);
        assert_eq!(parts.each_ref().map(|part| part.switch("enable_upnp", true)), [true, false]);
        assert_eq!(settings.part(Share::WHOLE), settings);
        assert_eq!(settings.shared().number("upload_rate_limit", 0), 1001);
        assert!(settings.shared().get("listen_interfaces").is_none());
    }

    #[test]
    fn too_many_sessions_for_the_ports_are_refused() {
        let mut settings = Settings::default();
        settings.set("listen_interfaces", "127.0.0.1:65535").unwrap();
        settings.check_ports(1).unwrap();
        let error = settings.check_ports(2).unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:65535"), "{error}");
    }

    #[test]
    fn text_is_read_as_the_type_of_the_setting() {
        let mut settings = Settings::default();
        settings.set_text("enable_dht", "false").unwrap();
        settings.set_text("connections_limit", "17").unwrap();
        assert_eq!(settings.get("enable_dht"), Some(&SettingValue::Bool(false)));
        assert_eq!(settings.get("connections_limit"), Some(&SettingValue::Int(17)));
        assert_eq!(
            settings.set_text("enable_dht", "perhaps").unwrap_err().kind(),
            ErrorKind::InvalidArgument
        );
    }

    #[test]
    fn values_that_cannot_work_are_refused() {
        let refused = |name: &str, value: &str| {
            let error = Settings::empty().set_text(name, value).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            error.message().to_owned()
        };
        assert!(refused("user_agent", "a\r\nX-Line: b").contains("without control characters"));
        assert!(refused("alert_queue_size", "0").contains("a number above 0"));
        // A suggestion has something in common with the name.
        assert!(refused("enable_dth", "true").contains("did you mean enable_dht?"));
        for name in ["", "nonsense"] {
            assert!(!refused(name, "1").contains("did you mean"), "{name}");
        }
    }

    #[test]
    fn how_blocks_are_read_is_a_setting_that_libtorrent_never_sees() {
        let mut settings = Settings::default();
        assert_eq!(settings.disk_reads(), DiskReads::Copy);
        settings.set("disk_reads", "stock").unwrap();
        assert_eq!(settings.disk_reads(), DiskReads::Stock);
        settings.set_text("disk_reads", "zero_copy").unwrap();
        assert_eq!(settings.disk_reads(), DiskReads::ZeroCopy);
        assert!(settings.iter().any(|(name, _)| name == "disk_reads"));
        assert!(settings.records().iter().all(|record| record.name != "disk_reads"));

        let error = settings.set("disk_reads", "sendfile").unwrap_err();
        assert!(error.message().contains("stock, copy or zero_copy"), "{error}");
        let error = settings.set_text("disk_reads", "").unwrap_err();
        assert!(error.message().contains("stock, copy or zero_copy"), "{error}");
        let error = settings.set("disk_read", "copy").unwrap_err();
        assert!(error.message().contains("did you mean disk_reads?"), "{error}");
    }

    #[test]
    fn zero_copy_is_refused_where_the_process_itself_would_read_the_file() {
        Settings::seeding().check().unwrap();
        Settings::default().check().unwrap();
        let conflicts: [(&str, SettingValue); 5] = [
            ("enable_incoming_utp", true.into()),
            ("enable_outgoing_utp", true.into()),
            ("allowed_enc_level", 3.into()),
            ("allowed_enc_level", 2.into()),
            ("listen_interfaces", "0.0.0.0:6881,[::]:6882s".into()),
        ];
        for (name, value) in conflicts {
            let mut settings = Settings::seeding();
            settings.set(name, value).unwrap();
            let error = settings.check().unwrap_err();
            println!("{error}");
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains(name), "{error}");
            settings.set("disk_reads", "copy").unwrap();
            settings.check().unwrap();
        }
        let mut settings = Settings::default();
        settings.set("disk_reads", "zero_copy").unwrap();
        assert!(settings.check().is_err(), "uTP is libtorrent's default");

        let mut settings = Settings::seeding();
        settings.set("disk_reads", "zero_copy").unwrap();
        settings.check().unwrap();
    }

    #[test]
    fn peers_by_webrtc_go_with_copied_blocks_alone() {
        let mut settings = Settings::seeding();
        assert!(!settings.policy(false, None).webrtc);
        settings.set("disk_reads", "copy").unwrap();
        assert!(settings.policy(false, None).webrtc);
    }

    #[test]
    fn a_tls_interface_is_known_by_its_flag() {
        for tls in ["0.0.0.0:6881s", "[::]:1ls", "eth0:0s"] {
            assert!(is_tls(tls), "{tls}");
        }
        for plain in ["0.0.0.0:6881", "[::]:1l", "wlps0:0", ""] {
            assert!(!is_tls(plain), "{plain}");
        }
    }

    #[test]
    fn the_wrong_type_is_named() {
        let error = Settings::default().set("enable_dht", 1).unwrap_err();
        assert!(error.message().contains("takes true or false, not a number"), "{error}");
    }

    #[cfg(feature = "serde")]
    #[test]
    fn settings_in_json() {
        let mut settings = Settings::default();
        settings.set("connections_limit", 500).unwrap();
        settings.set("enable_dht", false).unwrap();
        let json = concat!(
            r#"{"alert_queue_size":10000,"auto_manage_startup":10,"connections_limit":500,"#,
            r#""disk_reads":"copy","enable_dht":false,"listen_queue_size":128,"#,
            r#""listen_system_port_fallback":false,"max_queued_disk_bytes":33554432,"#,
            r#""max_retry_port_bind":0,"user_agent":"torrent-patron/VERSION"}"#
        );
        let json = json.replace("VERSION", env!("CARGO_PKG_VERSION"));
        assert_eq!(serde_json::to_string(&settings).unwrap(), json);
        let some = r#"{"connections_limit": 500, "enable_dht": false}"#;
        for text in [&json, some] {
            assert_eq!(serde_json::from_str::<Settings>(text).unwrap(), settings);
        }
        let seeding = serde_json::to_string(&Settings::seeding()).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&seeding).unwrap(), Settings::seeding());
        for (value, json) in [
            (SettingValue::Bool(true), "true"),
            (SettingValue::Int(-1), "-1"),
            (SettingValue::Text("copy".into()), r#""copy""#),
        ] {
            assert_eq!(serde_json::to_string(&value).unwrap(), json);
            assert_eq!(serde_json::from_str::<SettingValue>(json).unwrap(), value);
        }
    }

    #[cfg(feature = "serde")]
    #[test]
    fn settings_that_are_read_are_checked() {
        for (json, wrong) in [
            (r#"{"conections_limit": 5}"#, "did you mean connections_limit? at line 1 column 19"),
            (r#"{"connections_limit": "5"}"#, "connections_limit takes a number, not a text (5)"),
            (r#"{"connections_limit": 0.5}"#, "`0.5`, expected a number for connections_limit"),
            (r#"{"connections_limit": 3e9}"#, "expected a number for connections_limit"),
            (r#"{"connections_limit": 3000000000}"#, "expected a number for connections_limit"),
            (r#"{"connections_limit": -3000000000}"#, "expected a number for connections_limit"),
            (r#"{"user_agent": null}"#, "null, expected a text for user_agent"),
            (r#"{"enable_dht": [true]}"#, "expected true or false for enable_dht"),
            (r#"{"disk_reads": "sendfile"}"#, "takes stock, copy or zero_copy, not \"sendfile\""),
            ("[1]", "expected settings by name"),
        ] {
            let error = serde_json::from_str::<Settings>(json).unwrap_err().to_string();
            assert!(error.contains(wrong), "{json}: {error}");
        }
    }
}
