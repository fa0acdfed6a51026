//! `torrent-patron info`: shows the contents of a .torrent file or a magnet link.

use std::fmt::Display;
use std::io;
use std::time::SystemTime;

use bytesize::ByteSize;
use torrent_patron::Source;
use torrent_patron::metainfo::{Magnet, Metainfo};
use torrent_patron::torrent::InfoHashes;
use torrent_patron::tracker::Tracker;

use crate::arguments::{Info, source};
use crate::output::{json, result};
use crate::{Outcome, Result};

pub(crate) fn run(arguments: &Info) -> Result<Outcome> {
    match source(&arguments.source) {
        Source::Magnet(link) => {
            let magnet = Magnet::parse(&link)?;
            if arguments.json { json(&magnet)? } else { show_magnet(&magnet)? }
        }
        _ => {
            let metainfo = Metainfo::read(&arguments.source)?;
            if arguments.json { json(&metainfo)? } else { show_metainfo(&metainfo)? }
        }
    }
    Ok(Outcome::Done)
}

fn show_magnet(magnet: &Magnet) -> io::Result<()> {
    row_if("name", magnet.name.as_ref())?;
    hashes(&magnet.info_hashes)?;
    trackers(&magnet.trackers)?;
    rows("web seed", &magnet.web_seeds)?;
    rows("peer", &magnet.peers)?;
    rows("left out", &magnet.invalid_urls)
}

fn show_metainfo(metainfo: &Metainfo) -> io::Result<()> {
    summary(metainfo)?;
    if metainfo.private {
        row("private", "yes: peers come from its trackers only")?;
    }
    row_if("comment", metainfo.comment.as_ref())?;
    row_if("created by", metainfo.creator.as_ref())?;
    row_if("created at", metainfo.creation_date.map(date))?;
    trackers(&metainfo.trackers)?;
    rows("web seed", &metainfo.web_seeds)?;
    rows("left out", &metainfo.invalid_urls)?;
    files(metainfo)
}

/// Prints the rows that `create` also shows.
pub(crate) fn summary(metainfo: &Metainfo) -> io::Result<()> {
    row("name", &metainfo.name)?;
    hashes(&metainfo.info_hashes)?;
    let size = data_size(metainfo);
    row("size", format_args!("{} ({size} bytes)", ByteSize(size)))?;
    let length = ByteSize(metainfo.piece_length.into());
    row("pieces", format_args!("{} × {length}", metainfo.piece_count))
}

/// Returns the size without padding files.
pub(crate) fn data_size(metainfo: &Metainfo) -> u64 {
    metainfo.files.iter().filter(|file| !file.pad).map(|file| file.size).sum()
}

pub(crate) fn row(label: &str, value: impl Display) -> io::Result<()> {
    result(format_args!("{label:<11} {value}"))
}

fn row_if(label: &str, value: Option<impl Display>) -> io::Result<()> {
    value.map_or(Ok(()), |value| row(label, value))
}

/// Prints a list. The label is shown before the first value.
fn rows(label: &str, values: &[impl Display]) -> io::Result<()> {
    let labels = std::iter::once(label).chain(std::iter::repeat(""));
    labels.zip(values).try_for_each(|(label, value)| row(label, value))
}

fn hashes(hashes: &InfoHashes) -> io::Result<()> {
    row_if("v1 hash", hashes.v1)?;
    row_if("v2 hash", hashes.v2)
}

fn trackers(trackers: &[Tracker]) -> io::Result<()> {
    let lines: Vec<_> =
        trackers.iter().map(|tracker| format!("tier {}: {}", tracker.tier, tracker.url)).collect();
    rows("tracker", &lines)
}

/// Prints the files with their indexes, which `download --select` takes.
fn files(metainfo: &Metainfo) -> io::Result<()> {
    let width = metainfo.files.len().saturating_sub(1).to_string().len();
    let lines: Vec<_> = metainfo
        .files
        .iter()
        .enumerate()
        .filter(|(_, file)| !file.pad)
        .map(|(index, file)| {
            let size = ByteSize(file.size).to_string();
            let path = file.path.display();
            match &file.symlink {
                Some(target) => {
                    format!("{index:>width$}  {size:>10}  {path} -> {}", target.display())
                }
                None => format!("{index:>width$}  {size:>10}  {path}"),
            }
        })
        .collect();
    rows("files", &lines)
}

/// Formats a time: `2026-01-31 23:59:59 UTC`.
fn date(time: SystemTime) -> String {
    let seconds = time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

/// Converts days since 1970-01-01 to a date. Years are counted from March, so that leap days are at their end
/// and the lengths of months follow a formula (Hinnant, "chrono-compatible low-level date algorithms").
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let shown = |seconds| date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(shown(0), "1970-01-01 00:00:00 UTC");
        assert_eq!(shown(951_782_399), "2000-02-28 23:59:59 UTC");
        assert_eq!(shown(951_868_800), "2000-03-01 00:00:00 UTC");
        assert_eq!(shown(1_735_689_599), "2024-12-31 23:59:59 UTC");
    }
}
