//! Addresses that are never connected to or accepted, from `--blocklist`.

use std::path::PathBuf;

use torrent_patron::ip_filter::{Blocklist, IpFilter};

use crate::Result;
use crate::output::Screen;

/// Without a list nothing is blocked: a store may have the list of an earlier run.
pub(crate) fn read(file: Option<&PathBuf>) -> Result<Blocklist> {
    Ok(file.map(IpFilter::read_lenient).transpose()?.unwrap_or_default())
}

pub(crate) fn warn_of_skipped(list: &Blocklist, screen: &Screen) {
    if let Some(first) = list.first_skipped.first() {
        let lines = if list.skipped == 1 { "line is" } else { "lines are" };
        let first = first.message();
        screen.warn(format_args!("blocklist: {} {lines} skipped; {first}", list.skipped));
    }
}
