//! Configures and starts a client.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::affinity;
use super::descriptors::{Descriptors, Limit};
use super::inbox::Intervals;
use super::owner::{Client, start};
use super::thread::{ClientState, NETWORK, SETTING, StoreOptions};
use super::threads;
use crate::add::Defaults;
use crate::engine::native::NativeEngine;
use crate::engine::sharded::Sharded;
use crate::error::{Error, ErrorKind, Result};
use crate::model::op;
use crate::model::{Event, IpFilter};
use crate::settings::{Proxy, SettingValue, Settings, shown};
use crate::store::Store;
use crate::sys::counters::ReadCounters;
use crate::sys::task::ShardPart;
use crate::sys::{self, ShardRecord, process};

/// Kamaelia's default.
const TICK_INTERVAL: Duration = Duration::from_secs(5);

/// How much work a torrent may lose in a crash.
const RESUME_DATA_INTERVAL: Duration = Duration::from_secs(60);

/// Configures and starts a [`Client`].
///
/// ```no_run
/// use std::time::Duration;
/// use torrent_patron::Client;
///
/// let client = Client::builder()
///     .tick_interval(Duration::from_secs(1))
///     .listen("0.0.0.0:6881,[::]:6881")
///     .save_dir("downloads")
///     .incomplete_dir("downloads/incomplete")
///     .setting("connections_limit", 500)
///     .start()?;
/// # Ok::<(), torrent_patron::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[must_use = "a builder does nothing until start() is called"]
pub struct ClientBuilder {
    tick_interval: Duration,
    resume_data_interval: Duration,
    save_dir: PathBuf,
    incomplete_dir: Option<PathBuf>,
    offline: bool,
    proxy: Option<Proxy>,
    settings: Settings,
    state: Vec<u8>,
    ip_filter: Option<IpFilter>,
    store: Option<StoreSlot>,
    restore_settings: bool,
    /// Applied in order on top of `settings`, checked by `start`.
    overrides: Vec<(String, SettingValue)>,
}

/// Leaves out passwords.
impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let overrides = self.overrides.iter().map(|(name, value)| (name, shown(name, value)));
        f.debug_struct("ClientBuilder")
            .field("save_dir", &self.save_dir)
            .field("offline", &self.offline)
            .field("proxy", &self.proxy)
            .field("settings", &self.settings)
            .field("overrides", &overrides.collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Default for ClientBuilder {
    fn default() -> Self {
        Self {
            tick_interval: TICK_INTERVAL,
            resume_data_interval: RESUME_DATA_INTERVAL,
            save_dir: ".".into(),
            incomplete_dir: None,
            offline: false,
            proxy: None,
            settings: Settings::default(),
            state: Vec::new(),
            ip_filter: None,
            store: None,
            restore_settings: true,
            overrides: Vec::new(),
        }
    }
}

impl Client {
    /// Creates a builder to configure and start a client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }
}

impl ClientBuilder {
    /// Sets how often the client asks libtorrent which torrents have changed. It then sends an
    /// [`Event::Status`] for each of them, so a status is at most this old. Commands and other events do not
    /// wait for the interval. The default is 5 seconds, which is enough for a log.
    ///
    /// A progress bar moves in steps of this length. For smooth progress, set a second or less; the
    /// cost of a tick is proportional to the number of torrents that have changed. Or keep the
    /// default, and request a [`fresh_status`](crate::Patron::fresh_status) of the torrents on the
    /// screen.
    pub fn tick_interval(mut self, interval: Duration) -> Self {
        self.tick_interval = interval;
        self
    }

    /// Sets how often the resume data of a torrent is saved while it downloads or uploads; 60 seconds by
    /// default. It is saved while a patron that added or watches the torrent
    /// [subscribes](crate::Patron::subscribe) to [`EventKind::ResumeData`], and arrives as
    /// [`Event::ResumeData`].
    ///
    /// It is saved at once when the metadata has arrived, when the torrent was checked, finished, paused or
    /// moved, when one of its files was renamed, and when a patron has changed an option of the torrent.
    /// [`Client::shutdown`] also saves it; it then arrives before [`Event::ClientStopped`]. It is not saved
    /// if only time has passed. Torrents that were added together are not saved together.
    ///
    /// [`EventKind::ResumeData`]: crate::event::EventKind::ResumeData
    pub fn resume_data_interval(mut self, interval: Duration) -> Self {
        self.resume_data_interval = interval;
        self
    }

    /// Sets where to listen for connections: `ADDRESS:PORT` or `DEVICE:PORT`, separated by commas,
    /// as in libtorrent's `listen_interfaces`; port 0 takes a free port. The default is
    /// `0.0.0.0:6881,[::]:6881`, or `127.0.0.1:0` if offline.
    pub fn listen(self, interfaces: impl Into<String>) -> Self {
        self.setting("listen_interfaces", interfaces.into())
    }

    /// Sets how many network threads the client uses, each with its own libtorrent session, so that it can
    /// use as many cores. The default is 1, and the number of cores with [`Settings::seeding`]. Torrents are
    /// assigned to threads by info hash. To the program it is still one client.
    ///
    /// Each thread listens on its own port: consecutive ports from the one given to
    /// [`listen`](ClientBuilder::listen), or any free ports if that is 0. A port that is in use is an error,
    /// unless `max_retry_port_bind` is set: the next port may be that of another thread. All ports must be reachable from outside: unless the router supports UPnP or
    /// NAT-PMP, forward all of them. Trackers receive the port of the thread that serves the torrent; see
    /// [`Patron::listen_addresses_of`](crate::Patron::listen_addresses_of).
    ///
    /// Each thread has its own DHT node, and looks for peers of its own torrents in the DHT and on the local
    /// network. Only the first thread talks to the router.
    ///
    /// The client's limits apply to all threads together: rates, connections, upload slots, open files,
    /// disk threads and HTTP announces in progress. Each thread has at least 1 of each, so a limit below the
    /// number of threads is exceeded. The limits of a peer class are divided equally. So does libtorrent's queue of torrents that are
    /// [`AutoManaged`](crate::torrent::TorrentFlag::AutoManaged), with its positions and its limits
    /// (`active_downloads`, `active_seeds`, `active_checking`, `active_limit`): each second, a thread may run as
    /// many torrents as it has among the first of the client; with more than 10,000 in the queue, less often.
    ///
    /// This is also available as the setting `network_threads`. The setting `network_affinity` binds the
    /// threads to cores; `ps -L` shows them as `lt-network-1`, `lt-network-2` and so on.
    pub fn network_threads(self, count: usize) -> Self {
        self.setting("network_threads", i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// Sets the directory for complete files; by default the working directory.
    pub fn save_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.save_dir = directory.into();
        self
    }

    /// Sets the directory for incomplete files; by default the save directory.
    pub fn incomplete_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.incomplete_dir = Some(directory.into());
        self
    }

    /// Restricts the client to the loopback interface, for tests and demonstrations: no DHT, LSD, UPnP or
    /// NAT-PMP. Peers, trackers, web seeds and DHT nodes elsewhere are dropped before a name is resolved.
    /// Names in redirects and in tracker answers are looked up only in `/etc/hosts`; on Linux with seccomp
    /// filters, the thread that resolves them cannot open a socket.
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Uses a proxy for all traffic. Whatever cannot go through the proxy is disabled. See [`Proxy`].
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// Sets the program name that peers and trackers see (`user_agent`).
    pub fn user_agent(self, name: impl Into<String>) -> Self {
        self.setting("user_agent", name.into())
    }

    /// Sets the start of the peer id (BEP 20), for example `-XX0100-` (`peer_fingerprint`).
    pub fn peer_fingerprint(self, prefix: impl Into<String>) -> Self {
        self.setting("peer_fingerprint", prefix.into())
    }

    /// Replaces the settings, for example with [`Settings::seeding`].
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Restores the state of an earlier client, as saved by
    /// [`Patron::save_state`](crate::Patron::save_state). Its settings replace those from
    /// [`settings`](ClientBuilder::settings). Settings from the other methods of this builder override both.
    pub fn state(mut self, state: impl Into<Vec<u8>>) -> Self {
        self.state = state.into();
        self
    }

    /// Sets the blocked addresses before the first torrent is added or restored, in place of those in
    /// [`state`](ClientBuilder::state) or in the [`store`](ClientBuilder::store). See
    /// [`Patron::set_ip_filter`](crate::Patron::set_ip_filter), which changes them later.
    pub fn ip_filter(mut self, filter: IpFilter) -> Self {
        self.ip_filter = Some(filter);
        self
    }

    /// Keeps the torrents in a store, and restores those that are already in it. They are restored in the
    /// background, after [`start`](ClientBuilder::start), which [`Event::Restoring`] and [`Event::Restored`]
    /// report.
    ///
    /// Calls that add, remove, pause, resume or move a torrent, or attach data to it, are answered when the
    /// change is durable. Progress and other changes are saved automatically, at the
    /// [`resume_data_interval`](ClientBuilder::resume_data_interval) and at shutdown. After a clean shutdown,
    /// no files are checked against their hashes.
    ///
    /// A builder and its clones share one store. The first client that one of them starts gets it. A
    /// [`start`](ClientBuilder::start) that fails because of the builder's options leaves the store to them; one
    /// that fails because the store or libtorrent cannot be started closes it.
    ///
    /// ```no_run
    /// # #[cfg(feature = "sqlite")] {
    /// use torrent_patron::{Client, store::Sqlite};
    ///
    /// let client = Client::builder().store(Sqlite::open("torrents.db")?).start()?;
    /// # }
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    pub fn store(mut self, store: impl Store + 'static) -> Self {
        self.store = Some(StoreSlot(Arc::new(Mutex::new(Some(Box::new(store))))));
        self
    }

    /// Sets whether settings that are changed with [`Patron::apply_settings`](crate::Patron::apply_settings)
    /// are kept in the store and restored at the next start; the default is true. Restored settings override
    /// those from [`settings`](ClientBuilder::settings). The other methods of this builder override them. The
    /// settings of a builder are never stored.
    ///
    /// This includes a proxy's password: if it is changed, the store contains it in plain text.
    pub fn restore_settings(mut self, restore: bool) -> Self {
        self.restore_settings = restore;
        self
    }

    /// Sets one of libtorrent's settings by name. If the name or type is wrong,
    /// [`start`](ClientBuilder::start) fails.
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<SettingValue>) -> Self {
        self.overrides.push((name.into(), value.into()));
        self
    }

    /// Returns the settings that the client will have: all that differ from libtorrent's defaults.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a setting with a wrong name or type, and
    /// for an invalid proxy; [`Parse`](ErrorKind::Parse) for an invalid state.
    pub fn effective_settings(&self) -> Result<Settings> {
        let mut settings = self.settings.clone();
        if !self.state.is_empty() {
            settings.merge(&Settings::of_state(&self.state)?);
        }
        if settings.get("listen_interfaces").is_none() {
            let everywhere = "0.0.0.0:6881,[::]:6881";
            let here = "127.0.0.1:0";
            settings.set("listen_interfaces", if self.offline { here } else { everywhere })?;
        }
        if self.offline {
            settings.assume([
                ("enable_dht", false.into()),
                ("enable_lsd", false.into()),
                ("enable_upnp", false.into()),
                ("enable_natpmp", false.into()),
                // uTP yields to other traffic, and mistakes a busy machine for that: on loopback it is slow
                // at best and stalls at worst. Incoming uTP connections are still accepted.
                ("enable_outgoing_utp", false.into()),
                // On loopback, all peers have the same address.
                ("allow_multiple_connections_per_ip", true.into()),
                // Because of that setting, two clients that connect to each other at the same
                // moment both disconnect (`peer_list::update_peer_port`). By default they would
                // wait a minute before they try again, and try only three times; a connection
                // within this machine costs almost nothing.
                ("min_reconnect_time", 1.into()),
                ("max_failcount", 31.into()),
            ]);
        }
        if let Some(proxy) = &self.proxy {
            proxy.apply(&mut settings)?;
        }
        for (name, value) in &self.overrides {
            settings.set(name, value.clone())?;
        }
        Ok(settings)
    }

    /// Starts the client. Returns when the session has been created. If the settings need more open files
    /// than the process's soft limit (`RLIMIT_NOFILE`) permits, the soft limit is raised towards the hard
    /// limit; clients in the same process share it. If even the hard limit is too low, every patron receives
    /// an [`Event::DescriptorLimit`]. [`Patron::listen_addresses`](crate::Patron::listen_addresses) returns
    /// where the client listens.
    ///
    /// While the first client of a process starts, no thread may change the environment
    /// (`std::env::set_var`, `setenv`): libtorrent reads it then.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for an invalid setting or proxy, for settings that
    /// cannot be combined (see [`Settings`]), for a listen interface that is neither an address nor a device
    /// of this machine, and for a path that is not a directory;
    /// [`VersionMismatch`](ErrorKind::VersionMismatch); [`Io`](ErrorKind::Io) if no thread can be started.
    pub fn start(mut self) -> Result<Client> {
        process::check_versions()?;
        let slot = self.store.take();
        // Until the client gets it, a failure leaves the store there.
        let mut slot = slot.as_ref().map(StoreSlot::lock).transpose()?;
        let (mut totals, mut unusable) = ((0, 0), BTreeMap::new());
        if let Some(store) = slot.as_mut().and_then(|slot| slot.as_mut()) {
            (totals, unusable) = self.restore_state(&mut **store)?;
        }
        let has_store = slot.is_some();
        let keeps_settings = self.restore_settings;
        let mut settings = self.checked_settings()?;
        let threads = settings.network_threads();
        check_dir("save", &self.save_dir)?;
        if let Some(directory) = &self.incomplete_dir {
            check_dir("incomplete", directory)?;
        }
        let intervals = self.checked_intervals()?;
        threads::check(settings.most_threads())?;
        let loopback_only = self.offline;
        let (descriptors, limit) =
            Descriptors::want(settings.descriptors(), process::raise_descriptor_limit)?;
        if limit.is_too_low() {
            settings.fit(limit.share);
        }
        let defaults = Defaults {
            save_dir: self.save_dir,
            incomplete_dir: self.incomplete_dir,
            loopback_only,
            proxy: self.proxy.map(|proxy| proxy.kind()).filter(|_| settings.proxy_looks_up_names()),
            settings: settings.clone(),
            has_store,
        };
        let cores = affinity::cores(settings.affinity(), threads)?;
        let paths =
            sys::new_paths().map_err(|exception| Error::from_native(op::START, &exception))?;
        let counters = (0..threads).map(|_| ReadCounters::new()).collect::<Result<Vec<_>>>()?;
        let reads = counters.clone();
        let read = move || reads.iter().map(ReadCounters::read).collect();
        let (state, ip_filter) = (self.state, self.ip_filter);
        let proxy = defaults.proxy;
        let store = slot.and_then(|mut slot| slot.take());
        let store = store.map(|store| StoreOptions { store, totals, unusable, keeps_settings });
        let mut client = start(defaults, intervals, Box::new(read), store, move |wake| {
            Sharded::start(threads, &settings, |number| {
                let part = ShardPart { number, count: threads };
                let settings = settings.part(part);
                let shard = ShardRecord {
                    keep_node_ids: number == 0,
                    cores: cores[number].clone(),
                    counters: counters[number].shared(),
                    paths: paths.clone(),
                };
                NativeEngine::new(
                    &settings,
                    settings.policy(loopback_only, proxy),
                    shard,
                    &state,
                    ip_filter.as_ref(),
                    wake.clone(),
                )
            })
        })?;
        client.descriptors = Some(descriptors);
        if limit.is_too_low() {
            let Limit { wanted, available, .. } = limit;
            tracing::warn!(wanted, available, "the descriptor limit is too low");
            client.service.announce(&Event::DescriptorLimit { wanted, available });
        }
        Ok(client)
    }
}

impl ClientBuilder {
    fn checked_settings(&self) -> Result<Settings> {
        let mut settings = self.effective_settings()?;
        settings.check()?;
        settings.check_interfaces()?;
        let threads = settings.network_threads();
        if threads > 1 {
            settings.fill_shared_defaults();
            settings.keep_ports();
            settings.check_ports(threads)?;
        }
        Ok(settings)
    }

    fn checked_intervals(&self) -> Result<Intervals> {
        let (tick, resume_data) = (self.tick_interval, self.resume_data_interval);
        for (what, interval) in [("tick", tick), ("resume data", resume_data)] {
            if interval.is_zero() {
                let message = format!("the {what} interval is zero");
                return Err(Error::new(ErrorKind::InvalidArgument, op::START, message));
            }
        }
        Ok(Intervals { tick, resume_data })
    }

    /// Restores the client's own state from the store. Returns the totals, and the parts that cannot be used.
    fn restore_state(
        &mut self,
        store: &mut dyn Store,
    ) -> Result<((u64, u64), BTreeMap<String, Error>)> {
        let ClientState { settings, network, totals, mut unusable } = ClientState::load(store)?;
        if self.restore_settings {
            self.settings.merge(&settings);
        } else {
            unusable.retain(|name, _| !name.starts_with(SETTING));
        }
        if self.state.is_empty() {
            self.state = network;
        } else {
            unusable.remove(NETWORK);
        }
        Ok((totals, unusable))
    }
}

/// A store, until a client takes it.
#[derive(Debug, Clone)]
struct StoreSlot(Arc<Mutex<Option<Box<dyn Store>>>>);

impl StoreSlot {
    /// Fails if the store has been taken.
    fn lock(&self) -> Result<MutexGuard<'_, Option<Box<dyn Store>>>> {
        let slot = self.0.lock();
        if slot.is_none() {
            let message = "the store of this builder has been given to another client";
            return Err(Error::new(ErrorKind::InUse, op::START, message));
        }
        Ok(slot)
    }
}

impl PartialEq for StoreSlot {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for StoreSlot {}

/// A directory may be missing: it is created when needed.
fn check_dir(which: &str, path: &Path) -> Result<()> {
    let why = match std::fs::metadata(path) {
        _ if path.as_os_str().is_empty() => "it is empty".to_owned(),
        Ok(found) if !found.is_dir() => "it is not a directory".to_owned(),
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound) => error.to_string(),
        _ => return Ok(()),
    };
    let message = format!("the {which} directory {path:?}: {why}");
    Err(Error::new(ErrorKind::InvalidArgument, op::START, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_by_name_has_the_last_word_over_a_proxy() {
        let proxy = Proxy::socks5("127.0.0.1:1080").login("me", "secret");
        let builder = Client::builder()
            .setting("enable_dht", true)
            .setting("proxy_password", "secret")
            .proxy(proxy);
        let settings = builder.effective_settings().unwrap();
        let has =
            |name, value: SettingValue| assert_eq!(settings.get(name), Some(&value), "{name}");
        has("proxy_type", 3.into());
        has("proxy_hostname", "127.0.0.1".into());
        has("proxy_port", 1080.into());
        has("proxy_username", "me".into());
        has("proxy_password", "secret".into());
        has("enable_lsd", false.into());
        has("enable_dht", true.into());
        assert!(settings.proxy_looks_up_names());
        let debug = format!("{builder:?} {settings:?}");
        assert!(debug.contains("proxy_username") && !debug.contains("secret"), "{debug}");
        let here = builder.setting("proxy_hostnames", false).effective_settings().unwrap();
        assert!(!here.proxy_looks_up_names());
    }

    #[test]
    fn a_start_that_fails_leaves_the_store_to_the_builder() {
        let builder = Client::builder().offline(true).store(crate::store::Memory::new());
        for _ in 0..2 {
            let error = builder.clone().setting("no_such_setting", 1).start().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
        builder.clone().start().unwrap();
        assert_eq!(builder.start().unwrap_err().kind(), ErrorKind::InUse);
    }

    #[test]
    fn an_invalid_proxy_is_an_error_at_the_start() {
        for wrong in [Proxy::http("127.0.0.1"), Proxy::socks5("h:1").login("", "")] {
            let error = Client::builder().offline(true).proxy(wrong).start().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }
}
