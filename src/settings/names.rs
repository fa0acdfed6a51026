//! Which settings exist, libtorrent's and this crate's own.

use std::sync::OnceLock;

use super::own::{self, OWN};
use super::value::SettingKind;
use crate::error::{Error, ErrorKind, Result};
use crate::sys;

pub(super) const SET: &str = "set a libtorrent setting";

/// Returns the type that a setting takes.
pub(super) fn kind(name: &str) -> Result<SettingKind> {
    own::kind(name).or_else(|| SettingKind::of(name)).ok_or_else(|| unknown(name))
}

fn unknown(name: &str) -> Error {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    let names = NAMES.get_or_init(|| {
        let mut names = sys::setting_names().unwrap_or_default();
        names.extend(OWN.map(|(name, _)| name.into()));
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
