//! The values of settings, and their types.

use crate::sys;

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
    pub(super) fn kind(&self) -> SettingKind {
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
pub(super) enum SettingKind {
    Text,
    Int,
    Bool,
}

impl SettingKind {
    /// Returns the type of one of libtorrent's settings.
    pub(super) fn of(name: &str) -> Option<Self> {
        match sys::setting_kind(name) {
            Ok(sys::SettingKind::Text) => Some(Self::Text),
            Ok(sys::SettingKind::Int) => Some(Self::Int),
            Ok(sys::SettingKind::Bool) => Some(Self::Bool),
            _ => None,
        }
    }

    pub(super) fn article_and_name(self) -> &'static str {
        match self {
            Self::Text => "a string",
            Self::Int => "a number",
            Self::Bool => "true or false",
        }
    }
}
