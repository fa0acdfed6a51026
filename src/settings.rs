//! libtorrent's settings, by name and checked.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use crate::error::{Error, ErrorKind, Result};
use crate::ffi;

/// The value of a setting; which of the three a setting takes is libtorrent's to say.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingValue {
    /// A switch.
    Bool(bool),
    /// A number, in the unit that libtorrent's reference gives.
    Int(i32),
    /// A text.
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
        match ffi::setting_kind(name) {
            Ok(0) => Some(Self::Text),
            Ok(1) => Some(Self::Int),
            Ok(2) => Some(Self::Bool),
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

/// A set of libtorrent settings by the names of its
/// [reference](https://libtorrent.org/reference-Settings.html); what is not named keeps its default.
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, SettingValue>);

/// What every client of this crate starts from.
impl Default for Settings {
    fn default() -> Self {
        let mut settings = Self(BTreeMap::new());
        settings.assume([
            ("user_agent", concat!("torrent-patron/", env!("CARGO_PKG_VERSION")).into()),
            // A burst of adds posts a few alerts per torrent before the client thread gets its turn.
            ("alert_queue_size", 10_000.into()),
            // A port in use is an error that is reported, not a silent move to another port.
            ("max_retry_port_bind", 0.into()),
            ("listen_system_port_fallback", false.into()),
            // A torrent at rest leaves libtorrent's once-a-second round after this many seconds.
            ("auto_manage_startup", 10.into()),
            // The default is 5, which a burst of peers overflows.
            ("listen_queue_size", 128.into()),
        ]);
        settings
    }
}

impl Settings {
    /// For a machine that seeds at full speed: libtorrent's `high_performance_seed()` without the
    /// three values there that hurt a real seeder, on top of the defaults.
    pub fn seeding() -> Self {
        let mut settings = Self::default();
        settings.assume([
            // TCP: uTP costs a system call for each 1.4 KB in libtorrent 2.0.
            ("enable_incoming_utp", false.into()),
            ("enable_outgoing_utp", false.into()),
            // Whoever asks is served.
            ("unchoke_slots_limit", (-1).into()),
            ("connections_limit", 8000.into()),
            ("listen_queue_size", 3000.into()),
            // More than one block in flight to a peer that has just begun.
            ("send_buffer_low_watermark", (1024 * 1024).into()),
            ("send_buffer_watermark", (3 * 1024 * 1024).into()),
            ("send_buffer_watermark_factor", 150.into()),
            // Fewer and larger sendmsg calls than with the default of 16 KiB.
            ("send_not_sent_low_watermark", (512 * 1024).into()),
            ("max_allowed_in_request_queue", 2000.into()),
            ("max_out_request_queue", 1500.into()),
            // More files than the default 40 are open at once, or they are opened for each block.
            ("file_pool_size", 500.into()),
            // suggest_mode stays off: it makes a seed keep a piece picker. peer_timeout and
            // max_failcount stay at their defaults: slow peers and retries are worth keeping.
        ]);
        settings
    }

    /// Sets `name` to `value`.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a name that libtorrent does not know
    /// (the nearest one is named) and for a value of the wrong type.
    pub fn set(&mut self, name: &str, value: impl Into<SettingValue>) -> Result<()> {
        let value = value.into();
        let wanted = SettingKind::of(name).ok_or_else(|| unknown(name))?;
        if wanted != value.kind() {
            let message = format!(
                "{name} takes {}, not {} ({value})",
                wanted.article_and_name(),
                value.kind().article_and_name()
            );
            return Err(Error::new(ErrorKind::InvalidArgument, SET, message));
        }
        self.0.insert(name.into(), value);
        Ok(())
    }

    /// Sets `name` to a value given as text, which is read as the type that the setting has.
    ///
    /// # Errors
    ///
    /// As for [`set`](Settings::set), and when the text is not a value of that type.
    pub fn set_text(&mut self, name: &str, value: &str) -> Result<()> {
        let kind = SettingKind::of(name).ok_or_else(|| unknown(name))?;
        let parsed = match kind {
            SettingKind::Text => Some(SettingValue::from(value)),
            SettingKind::Int => value.parse::<i32>().ok().map(SettingValue::from),
            SettingKind::Bool => value.parse::<bool>().ok().map(SettingValue::from),
        };
        let parsed = parsed.ok_or_else(|| {
            let message = format!("{name} takes {}, not {value:?}", kind.article_and_name());
            Error::new(ErrorKind::InvalidArgument, SET, message)
        })?;
        self.0.insert(name.into(), parsed);
        Ok(())
    }

    /// The value of `name` in this set; `None` where libtorrent's default holds.
    pub fn get(&self, name: &str) -> Option<&SettingValue> {
        self.0.get(name)
    }

    /// The settings of this set, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &SettingValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// For names that this crate knows to exist; `tests` hold it to that.
    pub(crate) fn assume<const N: usize>(&mut self, pairs: [(&str, SettingValue); N]) {
        self.0.extend(pairs.map(|(name, value)| (name.into(), value)));
    }
}

const SET: &str = "set a libtorrent setting";

fn unknown(name: &str) -> Error {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| ffi::setting_names().unwrap_or_default());
    let nearest = names.iter().min_by_key(|known| strsim::damerau_levenshtein(known, name));
    let hint = nearest.map(|known| format!("; did you mean {known}?")).unwrap_or_default();
    let message = format!("there is no setting called {name:?}{hint}");
    Error::new(ErrorKind::InvalidArgument, SET, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What `assume` takes on trust.
    #[test]
    fn the_presets_name_settings_that_exist_with_their_types() {
        for preset in [Settings::default(), Settings::seeding()] {
            for (name, value) in preset.iter() {
                Settings::default().set(name, value.clone()).unwrap();
            }
        }
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
    fn the_wrong_type_is_named() {
        let error = Settings::default().set("enable_dht", 1).unwrap_err();
        assert!(error.message().contains("takes true or false, not a number"), "{error}");
    }
}
