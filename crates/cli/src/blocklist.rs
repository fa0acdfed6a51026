//! Addresses that are never connected to or accepted, from `--blocklist`.

use std::path::PathBuf;

use torrent_patron::Patron;
use torrent_patron::ip_filter;
use torrent_patron::ip_filter::IpFilter;

use crate::Result;
use crate::output::Screen;

pub(crate) struct Blocklist(ip_filter::Blocklist);

impl Blocklist {
    /// Read before the client starts, because it must not run without its blocklist.
    pub(crate) fn read(file: Option<&PathBuf>) -> Result<Self> {
        Ok(Self(file.map(IpFilter::read_lenient).transpose()?.unwrap_or_default()))
    }

    /// Without a list nothing is blocked: a store may have the list of an earlier run.
    pub(crate) fn apply(self, patron: &Patron, screen: &Screen) -> Result<()> {
        let Self(list) = self;
        if let Some(first) = list.first_skipped.first() {
            let lines = if list.skipped == 1 { "line is" } else { "lines are" };
            let first = first.message();
            screen.warn(format_args!("blocklist: {} {lines} skipped; {first}", list.skipped));
        }
        Ok(patron.set_ip_filter(list.filter).wait()?)
    }
}
