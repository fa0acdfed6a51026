//! Deserializes settings, and checks them.

use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, Unexpected, Visitor,
};

use super::names::kind;
use super::{SettingValue, Settings};

impl<'de> Deserialize<'de> for SettingValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Value("true or false, a number or a string".into()))
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

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<SettingValue, D::Error> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_in_json() {
        let mut settings = Settings::default();
        settings.set("connections_limit", 500).unwrap();
        settings.set("enable_dht", false).unwrap();
        let json = concat!(
            r#"{"alert_queue_size":10000,"auto_manage_startup":10,"connections_limit":500,"#,
            r#""disk_reads":"copy","enable_dht":false,"listen_queue_size":128,"#,
            r#""listen_system_port_fallback":false,"max_queued_disk_bytes":33554432,"#,
            r#""max_retry_port_bind":0,"mmap_file_size_cutoff":2147483647,"#,
            r#""user_agent":"torrent-patron/VERSION"}"#
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

    #[test]
    fn settings_that_are_read_are_checked() {
        for (json, wrong) in [
            (r#"{"conections_limit": 5}"#, "did you mean connections_limit? at line 1 column 19"),
            (
                r#"{"connections_limit": "5"}"#,
                "connections_limit must be a number, not a string (5)",
            ),
            (r#"{"connections_limit": 0.5}"#, "`0.5`, expected a number for connections_limit"),
            (r#"{"connections_limit": 3e9}"#, "expected a number for connections_limit"),
            (r#"{"connections_limit": 3000000000}"#, "expected a number for connections_limit"),
            (r#"{"connections_limit": -3000000000}"#, "expected a number for connections_limit"),
            (r#"{"user_agent": null}"#, "null, expected a string for user_agent"),
            (r#"{"enable_dht": [true]}"#, "expected true or false for enable_dht"),
            (r#"{"disk_reads": "sendfile"}"#, "must be stock, copy or zero_copy, not \"sendfile\""),
            ("[1]", "expected settings by name"),
        ] {
            let error = serde_json::from_str::<Settings>(json).unwrap_err().to_string();
            assert!(error.contains(wrong), "{json}: {error}");
        }
    }
}
