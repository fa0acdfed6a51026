//! Settings
//!
//! libtorrent's settings, by the names of its reference
//! <https://libtorrent.org/reference-Settings.html>. A set starts from a preset; settings that it
//! does not contain keep libtorrent's defaults. A set is used by one thread at a time.

use std::ffi::c_char;
use std::mem::MaybeUninit;

use crate::support::arguments::{give, required, text};
use crate::support::failure::{Failure, patron_error};
use crate::support::guard::{guard, read, release};
use crate::support::numbers::{Numbered, numbers};
use crate::support::text::{Texts, patron_text};
use torrent_patron::Settings;
use torrent_patron::settings::SettingValue;

/// The defaults of a client.
pub const PATRON_PRESET_DEFAULT: i32 = 0;
/// Settings for a machine that seeds at full speed.
pub const PATRON_PRESET_SEEDING: i32 = 1;
/// An empty set, for patron_apply_settings().
pub const PATRON_PRESET_EMPTY: i32 = 2;

numbers! { SettingValue:
    /// A setting that is true or false.
    PATRON_SETTING_BOOL = 0 => Bool,
    /// A setting that is an integer.
    PATRON_SETTING_INT = 1 => Int,
    /// A setting that is a text.
    PATRON_SETTING_TEXT = 2 => Text,
}

/// A set of settings.
pub struct patron_settings {
    pub(crate) settings: Settings,
    texts: Texts,
}

impl From<Settings> for patron_settings {
    fn from(settings: Settings) -> Self {
        Self { settings, texts: Texts::default() }
    }
}

impl patron_settings {
    /// Discards the texts that C has borrowed, because they are the old values.
    fn change(&mut self) -> &mut Settings {
        self.texts = Texts::default();
        &mut self.settings
    }
}

/// Makes a set of settings from a preset, a PATRON_PRESET_*. Free it with patron_settings_free().
///
/// Errors: INVALID_ARGUMENT for an unknown preset.
#[unsafe(no_mangle)]
pub extern "C" fn patron_settings_new(
    preset: i32,
    out: Option<&mut MaybeUninit<Box<patron_settings>>>,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        let out = required(out, "out")?;
        let settings = match preset {
            PATRON_PRESET_DEFAULT => Settings::default(),
            PATRON_PRESET_SEEDING => Settings::seeding(),
            PATRON_PRESET_EMPTY => Settings::empty(),
            other => return Err(Failure::invalid(format!("unknown preset {other}"))),
        };
        give(out, settings.into());
        Ok(())
    })
}

/// Frees a set of settings. NULL is allowed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_settings_free(settings: Option<Box<patron_settings>>) {
    release(settings);
}

/// Sets a setting to true or false.
///
/// Errors: INVALID_ARGUMENT for an unknown name (the message suggests the nearest one) or a setting
/// of another type.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_settings_set_bool(
    settings: Option<&mut patron_settings>,
    name: *const c_char,
    name_length: usize,
    value: bool,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the name.
        let name = unsafe { text(name, name_length, "name") }?;
        Ok(required(settings, "settings")?.change().set(name, value)?)
    })
}

/// Sets a setting to an integer, in the unit of libtorrent's reference. Errors are as for
/// patron_settings_set_bool().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_settings_set_int(
    settings: Option<&mut patron_settings>,
    name: *const c_char,
    name_length: usize,
    value: i32,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of the name.
        let name = unsafe { text(name, name_length, "name") }?;
        Ok(required(settings, "settings")?.change().set(name, value)?)
    })
}

/// Sets a setting of any type to a value written as a text: "true", "500", "127.0.0.1:0". Errors
/// are as for patron_settings_set_bool(), and INVALID_ARGUMENT if the text is not a valid value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_settings_set(
    settings: Option<&mut patron_settings>,
    name: *const c_char,
    name_length: usize,
    value: *const c_char,
    value_length: usize,
    error: Option<&mut MaybeUninit<Box<patron_error>>>,
) -> i32 {
    guard(error, || {
        // SAFETY: the caller gives the length of both texts.
        let (name, value) =
            unsafe { (text(name, name_length, "name")?, text(value, value_length, "value")?) };
        Ok(required(settings, "settings")?.change().set_text(name, value)?)
    })
}

/// The number of settings in the set.
#[unsafe(no_mangle)]
pub extern "C" fn patron_settings_count(settings: Option<&patron_settings>) -> usize {
    read(0, || Some(settings?.settings.iter().count()))
}

/// The name of a setting in the set. Settings are sorted by name. Valid until the set is changed or
/// freed.
#[unsafe(no_mangle)]
pub extern "C" fn patron_settings_name(
    settings: Option<&patron_settings>,
    index: usize,
) -> patron_text {
    read(patron_text::EMPTY, || {
        let settings = settings?;
        let (name, _) = settings.settings.iter().nth(index)?;
        Some(settings.texts.lend_nth("name", index, name))
    })
}

/// The value of the setting with this name, as a text; empty if the set does not contain it. Its
/// type, a PATRON_SETTING_*, is written to `kind`, unless that is NULL. Valid until the set is
/// changed or freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn patron_settings_get(
    settings: Option<&patron_settings>,
    name: *const c_char,
    name_length: usize,
    kind: Option<&mut MaybeUninit<i32>>,
) -> patron_text {
    read(patron_text::EMPTY, || {
        // SAFETY: the caller gives the length of the name.
        let name = unsafe { text(name, name_length, "name") }.ok()?;
        let settings = settings?;
        let value = settings.settings.get(name)?;
        if let Some(kind) = kind {
            kind.write(value.number());
        }
        let index = settings.settings.iter().position(|(known, _)| known == name)?;
        Some(settings.texts.lend_nth("value", index, value.to_string()))
    })
}
