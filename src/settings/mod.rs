//! libtorrent's settings by name, with checks.

mod checks;
mod choices;
mod listen;
mod names;
mod own;
mod presets;
mod proxy;
#[cfg(feature = "serde")]
mod reading;
mod share;
mod value;

use std::collections::BTreeMap;
use std::sync::LazyLock;

pub use self::choices::EncryptionPolicy;
pub use self::proxy::Proxy;
pub use self::value::SettingValue;

pub(crate) use self::listen::LISTEN_INTERFACES;
pub(crate) use self::own::{Affinity, DiskReads};
pub(crate) use self::proxy::ProxyKind;
pub(crate) use self::share::{QUEUE_LIMITS, part_of};

use self::names::{SET, kind};
use self::own::LOCAL_URLS;
use self::value::SettingKind;
use crate::error::{Error, ErrorKind, Result};
use crate::sys;

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
/// [`AddOptions::replicas`](crate::AddOptions::replicas). This ends when none of
/// the torrent's data has been requested for ten minutes.
///
/// `allow_local_urls`, off by default, decides whether the trackers and web seeds named by a
/// .torrent file, a magnet link or resume data may be on this machine or its local network. If off,
/// such a URL is dropped when its host is a private, link-local or loopback address or a name
/// without a public domain; a web seed is disconnected when its name resolves to such an address,
/// or when it redirects to one. So are its trackers of WebRTC peers (`ws`, `wss`), because libtorrent
/// does not filter where those lead. URLs that the program itself supplies, in
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
/// `zero_copy` requires that files are not truncated while they are served: a peer that is being
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

impl Settings {
    /// An empty set: for changing some settings of a running client.
    #[must_use]
    pub fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// Sets `name` to `value`.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if libtorrent has no setting of this name
    /// (the error suggests a similar one) or if the value has the wrong type, or cannot work: a string with control
    /// characters, for example.
    pub fn set(&mut self, name: &str, value: impl Into<SettingValue>) -> Result<()> {
        let value = value.into();
        let wanted = kind(name)?;
        if wanted != value.kind() {
            let message = format!(
                "{name} must be {}, not {} ({value})",
                wanted.article_and_name(),
                value.kind().article_and_name()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        checks::check_value(name, &value)
            .map_err(|message| Error::new(ErrorKind::InvalidArgument, SET, message))?;
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
            let message = format!("{name} must be {}, not {value:?}", kind.article_and_name());
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
        let native = self.iter().filter(|(name, _)| own::kind(name).is_none());
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
            local_urls: self.switch(LOCAL_URLS),
            // WebRTC reads the data that it sends in user space; see `check`.
            webrtc: self.disk_reads() != DiskReads::ZeroCopy,
        }
    }

    pub(crate) fn proxy_looks_up_names(&self) -> bool {
        self.switch("proxy_hostnames")
    }

    /// Returns the value of a setting, or libtorrent's default. This crate's own settings are false by default.
    fn switch(&self, name: &str) -> bool {
        matches!(self.get(name).or_else(|| defaults().get(name)), Some(SettingValue::Bool(true)))
    }

    pub(crate) fn int(&self, name: &str) -> Option<i32> {
        match self.get(name) {
            Some(SettingValue::Int(value)) => Some(*value),
            _ => None,
        }
    }

    /// Returns the value of one of libtorrent's settings, or its default.
    fn number(&self, name: &str) -> i32 {
        self.int(name).or_else(|| defaults().int(name)).unwrap_or(0)
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

/// Returns libtorrent's defaults.
fn defaults() -> &'static Settings {
    static DEFAULTS: LazyLock<Settings> =
        LazyLock::new(|| Settings::from_records(&sys::default_settings().unwrap_or_default()));
    &DEFAULTS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `assume` relies on these names and types.
    #[test]
    fn the_presets_name_settings_that_exist_with_their_types() {
        for preset in [Settings::default(), Settings::seeding()] {
            let mut preset = preset;
            preset.fill_shared_defaults();
            for (name, value) in preset.iter() {
                Settings::default().set(name, value.clone()).unwrap();
            }
        }
    }

    #[test]
    fn settings_that_are_not_set_have_the_defaults_of_libtorrent() {
        let names = sys::setting_names().unwrap();
        assert!(defaults().iter().count() > names.len() / 2, "{names:?}");
        let settings = Settings::empty();
        assert_eq!(settings.number("connections_limit"), 200);
        assert_eq!(settings.number("hashing_threads"), 1);
        assert!(settings.switch("enable_dht") && settings.switch("enable_incoming_utp"));
        assert!(!settings.switch("anonymous_mode") && !settings.switch(LOCAL_URLS));
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
        assert!(refused("alert_queue_size", "0").contains("greater than 0"));
        assert!(refused("predictive_piece_announce", "500").contains("must be 0"));
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
    fn webrtc_peers_require_copied_blocks() {
        let mut settings = Settings::seeding();
        assert!(!settings.policy(false, None).webrtc);
        settings.set("disk_reads", "copy").unwrap();
        assert!(settings.policy(false, None).webrtc);
    }

    #[test]
    fn the_wrong_type_is_named() {
        let error = Settings::default().set("enable_dht", 1).unwrap_err();
        assert!(error.message().contains("must be true or false, not a number"), "{error}");
    }
}
