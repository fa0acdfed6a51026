//! The settings that the sessions of a client share.

use super::presets::PORT_IN_USE;
use super::value::SettingValue;
use super::{LISTEN_INTERFACES, Settings, listen};
use crate::error::{Error, ErrorKind, Result};
use crate::sys::task::ShardPart;

/// The settings that the sessions of a client share. All are numbers.
const SHARED: &[&str] = &[
    "upload_rate_limit",
    "download_rate_limit",
    "connections_limit",
    "connections_slack",
    "unchoke_slots_limit",
    "file_pool_size",
    "aio_threads",
    "max_queued_disk_bytes",
    "max_concurrent_http_announces",
    "active_checking",
    "active_downloads",
    "active_seeds",
    "active_limit",
    "active_tracker_limit",
    "active_dht_limit",
    "active_lsd_limit",
];

/// The shared settings that say how many queued torrents run. A part may be 0.
pub(crate) const QUEUE_LIMITS: [&str; 4] =
    ["active_checking", "active_downloads", "active_seeds", "active_limit"];

impl Settings {
    /// Sets the [shared](SHARED) settings that are not in this set to their defaults, so that they can be
    /// divided.
    pub(crate) fn fill_shared_defaults(&mut self) {
        for name in SHARED {
            let number = self.number(name);
            self.assume([(name, number.into())]);
        }
    }

    /// Makes a port in use an error, unless these are set: another port may be that of another session.
    pub(crate) fn keep_ports(&mut self) {
        for (name, value) in PORT_IN_USE {
            self.0.entry(name.into()).or_insert(value);
        }
    }

    /// Returns the shared settings in this set.
    pub(crate) fn shared(&self) -> Self {
        let shared = self.0.iter().filter(|(name, _)| SHARED.contains(&name.as_str()));
        Self(shared.map(|(name, value)| (name.clone(), value.clone())).collect())
    }

    /// Returns the settings for one of several sessions: its part of the shared limits and a port of its own.
    /// Only the first uses port mapping by the router.
    pub(crate) fn part(&self, part: ShardPart) -> Self {
        let mut settings = self.clone();
        if part == ShardPart::WHOLE {
            return settings;
        }
        for name in SHARED {
            if let Some(SettingValue::Int(whole)) = settings.0.get_mut(*name) {
                *whole = part_of(name, *whole, part);
            }
        }
        if let Some(SettingValue::Text(interfaces)) = settings.0.get_mut(LISTEN_INTERFACES)
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
        let interfaces = self.text(LISTEN_INTERFACES, "");
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
}

/// Returns the part of a shared setting for one of several sessions. Negative numbers mean no limit.
pub(crate) fn part_of(name: &str, whole: i32, part: ShardPart) -> i32 {
    match QUEUE_LIMITS.contains(&name) {
        true if whole < 0 => whole,
        true => part.of_count(whole),
        false => part.of_limit(whole),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_share_what_the_client_may_have() {
        let mut settings = Settings::default();
        settings.set("listen_interfaces", "127.0.0.1:6881").unwrap();
        settings.set("upload_rate_limit", 1001).unwrap();
        settings.set("unchoke_slots_limit", -1).unwrap();
        settings.fill_shared_defaults();
        let parts = [0, 1].map(|number| settings.part(ShardPart { number, count: 2 }));
        for (name, values) in [
            ("upload_rate_limit", [501, 500]),
            ("download_rate_limit", [0, 0]),
            ("connections_limit", [100, 100]),
            ("unchoke_slots_limit", [-1, -1]),
        ] {
            assert_eq!(parts.each_ref().map(|part| part.number(name)), values, "{name}");
        }
        let ports = parts.each_ref().map(|part| part.text("listen_interfaces", ""));
        assert_eq!(ports, ["127.0.0.1:6881", "127.0.0.1:6882"]);
        assert_eq!(parts.each_ref().map(|part| part.switch("enable_upnp")), [true, false]);
        assert_eq!(settings.part(ShardPart::WHOLE), settings);
        assert_eq!(settings.shared().number("upload_rate_limit"), 1001);
        assert!(settings.shared().get("listen_interfaces").is_none());
    }

    #[test]
    fn no_session_takes_the_port_of_another() {
        let mut settings = Settings::empty();
        settings.keep_ports();
        assert_eq!(settings.number("max_retry_port_bind"), 0);
        assert!(!settings.switch("listen_system_port_fallback"));
        settings.set("max_retry_port_bind", 3).unwrap();
        settings.keep_ports();
        assert_eq!(settings.number("max_retry_port_bind"), 3);
    }

    #[test]
    fn too_many_sessions_for_the_ports_are_refused() {
        let mut settings = Settings::default();
        settings.set("listen_interfaces", "127.0.0.1:65535").unwrap();
        settings.check_ports(1).unwrap();
        let error = settings.check_ports(2).unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:65535"), "{error}");
    }
}
