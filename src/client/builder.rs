//! What a client is started with.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::descriptors::{Descriptors, Limit};
use super::{Client, Intervals, start};
use crate::add::Defaults;
use crate::engine::native::NativeEngine;
use crate::engine::sharded::Sharded;
use crate::error::{Error, ErrorKind, Result};
use crate::model::Event;
use crate::settings::Proxy;
use crate::settings::{SettingValue, Settings};
use crate::sys::counters::ReadCounters;
use crate::sys::process;
use crate::sys::task::Part;

/// Kamaelia's default, and ours.
const TICK_INTERVAL: Duration = Duration::from_secs(5);

/// What a crash may cost a torrent: what it has done in this time.
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
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// Applied in order on top of `settings`, checked by `start`.
    overrides: Vec<(String, SettingValue)>,
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
            overrides: Vec::new(),
        }
    }
}

impl ClientBuilder {
    /// How old a status may be: each interval the client asks libtorrent what has changed, and sends an
    /// [`Event::Status`] for each torrent that has. Commands and other events do not wait for it. 5
    /// seconds unless set, which is enough to log by.
    ///
    /// A progress bar moves by steps of this length. For one that is smooth, choose a second or less: a
    /// tick costs as much as there are torrents that have changed. Or leave it, and ask for the
    /// [`fresh_status`](crate::Patron::fresh_status) of what is on the screen.
    pub fn tick_interval(mut self, interval: Duration) -> Self {
        self.tick_interval = interval;
        self
    }

    /// How often the resume data of a torrent is saved that goes on downloading or uploading; 60 seconds
    /// unless set. It is saved while a patron that started or watches the torrent is
    /// [subscribed](crate::Patron::subscribe) to [`EventKind::ResumeData`], and arrives as
    /// [`Event::ResumeData`].
    ///
    /// It is saved at once when the metadata has come, the torrent is checked, finished or paused, its
    /// files have moved, one of them has another name, or a patron has changed a setting of the
    /// torrent; and by [`Client::shutdown`] before it ends, then as
    /// [`Event::ResumeData`] before [`Event::ClientStopped`]. It is not saved again while nothing has changed but
    /// the time. Torrents that were started together are not saved together.
    ///
    /// [`EventKind::ResumeData`]: crate::event::EventKind::ResumeData
    pub fn resume_data_interval(mut self, interval: Duration) -> Self {
        self.resume_data_interval = interval;
        self
    }

    /// Where to accept peers: `ADDRESS:PORT` or `DEVICE:PORT`, separated by commas, as libtorrent's
    /// `listen_interfaces`; port 0 takes a free one. `0.0.0.0:6881,[::]:6881` unless set, and
    /// `127.0.0.1:0` offline.
    pub fn listen(self, interfaces: impl Into<String>) -> Self {
        self.setting("listen_interfaces", interfaces.into())
    }

    /// How many of libtorrent's sessions the client is made of, each with a network thread of its own, so
    /// that it can use as many cores; 1 unless set, the number of cores with [`Settings::seeding`].
    /// Torrents are dealt to them by info hash. To the program they are one client.
    ///
    /// Each listens on a port of its own: on those that follow the one given to
    /// [`listen`](ClientBuilder::listen), or on any free ones where that is 0. A port that is taken is an
    /// error, as with one thread. All of them must be reachable from outside: forward them all, where the
    /// router does not do so by itself (UPnP, NAT-PMP). Trackers are told the port of the thread that has
    /// the torrent; see [`Patron::listen_addresses_of`](crate::Patron::listen_addresses_of).
    ///
    /// Limits of the client are for all threads together: rates, connections, upload slots, open files,
    /// threads for the disk. What libtorrent queues (`auto_managed`, `active_downloads` and the like) it
    /// queues for each thread by itself.
    ///
    /// It is a setting too: `network_threads`.
    pub fn network_threads(self, count: usize) -> Self {
        self.setting("network_threads", i32::try_from(count).unwrap_or(i32::MAX))
    }

    /// Where finished files belong; the working directory unless set.
    pub fn save_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.save_dir = directory.into();
        self
    }

    /// Where files are until they are complete; the save directory unless set.
    pub fn incomplete_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.incomplete_dir = Some(directory.into());
        self
    }

    /// Sends nothing beyond the loopback interface: no DHT, LSD, UPnP, NAT-PMP; peers, trackers, web
    /// seeds and DHT nodes elsewhere are dropped before a name is looked up. Names in redirects and in
    /// the answers of trackers are looked up in `/etc/hosts` alone: the thread that does it can open no
    /// socket, on Linux with seccomp filters. For tests and demonstrations.
    pub fn offline(mut self, offline: bool) -> Self {
        self.offline = offline;
        self
    }

    /// Does everything through a proxy, and leaves undone what cannot go through it: see [`Proxy`].
    pub fn proxy(mut self, proxy: Proxy) -> Self {
        self.proxy = Some(proxy);
        self
    }

    /// The name that peers and trackers are told (`user_agent`).
    pub fn user_agent(self, name: impl Into<String>) -> Self {
        self.setting("user_agent", name.into())
    }

    /// The start of the peer id (BEP 20), for example `-XX0100-` (`peer_fingerprint`).
    pub fn peer_fingerprint(self, prefix: impl Into<String>) -> Self {
        self.setting("peer_fingerprint", prefix.into())
    }

    /// Replaces the settings, for example by [`Settings::seeding`].
    pub fn settings(mut self, settings: Settings) -> Self {
        self.settings = settings;
        self
    }

    /// Begins where an earlier client stood: what [`Patron::save_state`](crate::Patron::save_state)
    /// gave. Its settings take the place of those of [`settings`](ClientBuilder::settings); what the
    /// other functions here choose goes before both.
    pub fn state(mut self, state: impl Into<Vec<u8>>) -> Self {
        self.state = state.into();
        self
    }

    /// Sets one of libtorrent's settings by its name. A wrong name or type is an error of
    /// [`start`](ClientBuilder::start).
    pub fn setting(mut self, name: impl Into<String>, value: impl Into<SettingValue>) -> Self {
        self.overrides.push((name.into(), value.into()));
        self
    }

    /// The settings that the client will have, all that differ from libtorrent's defaults.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a setting with a wrong name or type, and
    /// for a proxy that is none; [`Parse`](ErrorKind::Parse) for a state that is none.
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
                // uTP gives way to other traffic, which a busy machine looks like: on loopback it is
                // slow at best and stalls at worst. Whoever calls by it is still answered.
                ("enable_outgoing_utp", false.into()),
                // On loopback all peers have one address.
                ("allow_multiple_connections_per_ip", true.into()),
                // With that, two that call each other in the same moment both hang up
                // (`peer_list::update_peer_port`). They would wait for a minute to call again, and
                // call only three times; a call to this machine costs next to nothing.
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

    /// Starts the client; returns when the session is made. Where the settings need more open files
    /// than the process's soft limit (`RLIMIT_NOFILE`) lets it have, that is raised towards the hard
    /// one; clients that run side by side share it. If even that is too low, every patron gets an
    /// [`Event::DescriptorLimit`]. To know where it listens, ask
    /// [`Patron::listen_addresses`](crate::Patron::listen_addresses).
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a wrong setting or proxy, for settings that
    /// contradict each other (see [`Settings`]), for a place to listen at that is neither an address nor a
    /// device of this machine, and for a directory that is something else; [`VersionMismatch`](ErrorKind::VersionMismatch); [`Io`](ErrorKind::Io) when no thread is to
    /// be had.
    pub fn start(self) -> Result<Client> {
        process::check_versions()?;
        let mut settings = self.effective_settings()?;
        settings.check()?;
        settings.check_interfaces()?;
        let threads = settings.network_threads();
        if threads > 1 {
            settings.name_shared();
            settings.check_ports(threads)?;
        }
        check_dir("save", &self.save_dir)?;
        if let Some(directory) = &self.incomplete_dir {
            check_dir("incomplete", directory)?;
        }
        let intervals =
            Intervals { tick: self.tick_interval, resume_data: self.resume_data_interval };
        for (what, interval) in [("tick", intervals.tick), ("resume data", intervals.resume_data)] {
            if interval.is_zero() {
                let message = format!("the {what} interval is zero");
                return Err(Error::new(ErrorKind::InvalidArgument, "start the client", message));
            }
        }
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
        };
        let counters = (0..threads).map(|_| ReadCounters::new()).collect::<Result<Vec<_>>>()?;
        let reads = counters.clone();
        let read = move || reads.iter().map(ReadCounters::read).collect();
        let state = self.state;
        let proxy = defaults.proxy;
        let mut client = start(defaults, intervals, Box::new(read), move |wake| {
            Sharded::start(threads, &settings, |number| {
                let part = Part { number, count: threads };
                let (settings, counters) = (settings.part(part), &counters[number]);
                NativeEngine::new(
                    &settings,
                    part,
                    loopback_only,
                    proxy,
                    &state,
                    counters,
                    wake.clone(),
                )
            })
        })?;
        client.descriptors = Some(descriptors);
        if limit.is_too_low() {
            let Limit { wanted, available, .. } = limit;
            tracing::warn!(wanted, available, "too few descriptors");
            client.service.announce(&Event::DescriptorLimit { wanted, available });
        }
        Ok(client)
    }
}

/// A directory may be missing: it is made when it is needed.
fn check_dir(which: &str, path: &Path) -> Result<()> {
    let why = match std::fs::metadata(path) {
        _ if path.as_os_str().is_empty() => "it is empty".to_owned(),
        Ok(found) if !found.is_dir() => "it is not a directory".to_owned(),
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound) => error.to_string(),
        _ => return Ok(()),
    };
    let message = format!("the {which} directory {path:?}: {why}");
    Err(Error::new(ErrorKind::InvalidArgument, "start the client", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_setting_by_name_has_the_last_word_over_a_proxy() {
        let proxy = Proxy::socks5("127.0.0.1:1080").login("me", "secret");
        let builder = Client::builder().setting("enable_dht", true).proxy(proxy);
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
        let here = builder.setting("proxy_hostnames", false).effective_settings().unwrap();
        assert!(!here.proxy_looks_up_names());
    }

    #[test]
    fn a_proxy_that_is_none_is_an_error_of_start() {
        for wrong in [Proxy::http("127.0.0.1"), Proxy::socks5("h:1").login("", "")] {
            let error = Client::builder().offline(true).proxy(wrong).start().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
        }
    }
}
