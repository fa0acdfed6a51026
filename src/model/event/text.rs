//! One line of text for each event.

use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::model::{Event, Goal, RemovedFiles, TorrentState, TorrentStatus};
use crate::text::printable;

/// A number of bytes for users: `3.2 MiB`.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let mut size = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // From 1023.95 on, one decimal place would show 1024.0.
        while size >= 1023.95 && unit + 1 < UNITS.len() {
            size /= 1024.0;
            unit += 1;
        }
        write!(f, "{size:.1} {}", UNITS[unit])
    }
}

/// A duration for users: `2 min 5 s`.
struct Span(Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60, seconds % 60) {
            (0, 0, 0, s) => write!(f, "{s} s"),
            (0, 0, m, s) => write!(f, "{m} min {s} s"),
            (0, h, m, _) => write!(f, "{h} h {m} min"),
            (d, h, _, _) => write!(f, "{d} d {h} h"),
        }
    }
}

/// A path, which may come from a stranger's torrent.
struct Shown<'a>(&'a Path);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&printable(&self.0.to_string_lossy()))
    }
}

impl fmt::Display for TorrentStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded down, so that 100 % means complete.
        let percent = f64::from((self.progress * 1000.0).floor()) / 10.0;
        let state = if self.paused { "paused" } else { "" };
        match self.state {
            _ if self.paused => write!(f, "{state} at {percent:.1} %")?,
            TorrentState::Seeding | TorrentState::Finished => write!(f, "{}", self.state)?,
            TorrentState::Downloading | TorrentState::CheckingFiles => {
                write!(f, "{} {percent:.1} %", self.state)?;
            }
            other => write!(f, "{other}")?,
        }
        if self.state == TorrentState::Downloading {
            write!(f, ", {} of {}", Size(self.wanted_done), Size(self.wanted_size))?;
        }
        if self.download_rate > 0 {
            write!(f, ", down {}/s", Size(self.download_rate))?;
        }
        if self.upload_rate > 0 {
            write!(f, ", up {}/s", Size(self.upload_rate))?;
        }
        if self.state == TorrentState::Seeding && self.uploaded > 0 {
            write!(f, ", {} sent", Size(self.uploaded))?;
        }
        match self.peers {
            0 => {}
            1 => write!(f, ", 1 peer")?,
            peers => write!(f, ", {peers} peers")?,
        }
        if let Some(left) = self.time_left() {
            write!(f, ", {} left", Span(left))?;
        }
        if let Some(error) = &self.error {
            write!(f, ", {error}")?;
        }
        Ok(())
    }
}

/// Writes one line for a user.
impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TorrentAdded { name, info_hashes, save_dir, .. } => {
                write!(f, "{name}: added, info hash {info_hashes}, in {}", Shown(save_dir))
            }
            Self::AlreadyAdded { name, .. } => {
                write!(f, "{name}: is already in the client and was not added again")
            }
            // The error may begin with the source, which must not be repeated. A source can be long, so it is
            // truncated.
            Self::AddFailed { source, error } if error.message().starts_with(&**source) => {
                error.fmt(f)
            }
            Self::AddFailed { source, error } => {
                write!(f, "{source:.200}: was not added, {error}")
            }
            Self::Status(status) => write!(f, "{}: {status}", status.name),
            Self::MetadataReceived { name, info_hashes, .. } => {
                write!(f, "{name}: received the metadata of {info_hashes}")
            }
            Self::StateChanged { name, state, .. } => write!(f, "{name}: {state}"),
            Self::Paused { name, .. } => write!(f, "{name}: paused"),
            Self::Resumed { name, .. } => write!(f, "{name}: resumed"),
            Self::Checked { name, .. } => {
                write!(f, "{name}: the files have been checked")
            }
            Self::Finished { name, .. } => write!(f, "{name}: complete"),
            Self::Moved { name, save_dir, .. } => {
                write!(f, "{name}: moved to {}", Shown(save_dir))
            }
            Self::FileRenamed { name, file, path, .. } => {
                write!(f, "{name}: file {file} renamed to {}", Shown(path))
            }
            Self::GoalReached { name, goal: Goal::ShareRatio, .. } => {
                write!(f, "{name}: has reached its share ratio")
            }
            Self::GoalReached { name, goal: Goal::SeedTime, .. } => {
                write!(f, "{name}: has reached its seed time")
            }
            Self::HashFailed { name, piece, .. } => {
                write!(f, "{name}: piece {piece} was damaged and will be downloaded again")
            }
            Self::PeerBanned { name, address, .. } => {
                write!(f, "{name}: the peer at {address} sent damaged pieces and is banned")
            }
            // The error names the tracker.
            Self::TrackerError { name, times_in_row, error, .. } => {
                write!(f, "{name}: {error}")?;
                match times_in_row {
                    0 | 1 => Ok(()),
                    times => write!(f, " ({times} times in a row)"),
                }
            }
            Self::TrackerWarning { name, url, message, .. } => {
                write!(f, "{name}: warning from the tracker {url}: {message}")
            }
            // The error names the web seed.
            Self::WebSeedFailed { name, error, .. } | Self::Error { name, error, .. } => {
                write!(f, "{name}: {error}")
            }
            Self::Metainfo { name, torrent_file, .. } => {
                write!(f, "{name}: received its .torrent file, {}", Size(torrent_file.len() as u64))
            }
            Self::TorrentRemoved { name, files, .. } => match files {
                RemovedFiles::Kept => write!(f, "{name}: removed; its files were kept"),
                RemovedFiles::Deleted => write!(f, "{name}: removed; its files were deleted"),
                RemovedFiles::NotDeleted(error) => write!(f, "{name}: removed, but {error}"),
            },
            Self::CommandFailed { command, id, error } => {
                write!(f, "{command} for {id} failed: {error}")
            }
            Self::Reply { tag, error: None, .. } => write!(f, "request {tag} has been answered"),
            Self::Reply { tag, error: Some(error), .. } => write!(f, "request {tag}: {error}"),
            Self::Listening { address } => write!(f, "listening at {address}"),
            Self::ListenFailed { error, .. } => write!(f, "{error}"),
            Self::PortMapped { by, protocol, external_port, local } => write!(
                f,
                "{protocol} port {external_port} of the router is forwarded to {local} ({by})"
            ),
            Self::PortMappingFailed { by, local, error } => {
                write!(f, "the router does not forward a port to {local} ({by}): {error}")
            }
            Self::ExternalAddress { address } => {
                write!(f, "the external address of this machine is {address}")
            }
            Self::DescriptorLimit { wanted, available } => write!(
                f,
                "the settings may need {wanted} open files and connections, but the process may \
                 have only {available}; it continues with fewer"
            ),
            Self::Lagged { missed: 1 } => {
                write!(f, "1 event was dropped because it was not read in time")
            }
            Self::Lagged { missed } => {
                write!(f, "{missed} events were dropped because they were not read in time")
            }
            Self::Resynchronized => {
                write!(
                    f,
                    "libtorrent lost events under load; the status of every torrent was requested again"
                )
            }
            Self::ClientStopped { error: None } => write!(f, "the client has stopped"),
            Self::ClientStopped { error: Some(error) } => {
                write!(f, "the client has stopped: {error}")
            }
            Self::FileCompleted { name, file, .. } => write!(f, "{name}: file {file} is complete"),
            Self::PieceFinished { name, piece, .. } => {
                write!(f, "{name}: piece {piece} is complete")
            }
            Self::PeerConnected { name, address, outgoing: true, .. } => {
                write!(f, "{name}: connected to the peer at {address}")
            }
            Self::PeerConnected { name, address, .. } => {
                write!(f, "{name}: the peer at {address} has connected")
            }
            Self::PeerDisconnected { name, error, .. } => write!(f, "{name}: {error}"),
            Self::TrackerReply { name, url, peers, .. } => {
                write!(f, "{name}: {url} returned {peers} peers")
            }
            Self::Scraped { name, url, seeds, leechers, .. } => {
                write!(f, "{name}: {url} reports ")?;
                match (seeds, leechers) {
                    (Some(seeds), Some(leechers)) => {
                        write!(f, "{seeds} seeds and {leechers} leechers")
                    }
                    (Some(seeds), None) => write!(f, "{seeds} seeds"),
                    (None, Some(leechers)) => write!(f, "{leechers} leechers"),
                    (None, None) => write!(f, "no numbers"),
                }
            }
            // The error names the tracker.
            Self::ScrapeFailed { name, error, .. } => write!(f, "{name}: {error}"),
            Self::PerformanceWarning { name: Some(name), limit, .. } => {
                write!(f, "{name}: {limit}")
            }
            Self::PerformanceWarning { limit, .. } => limit.fmt(f),
            Self::Statistics(statistics) => write!(
                f,
                "{} sent, {} received, {} peers",
                Size(statistics.sent),
                Size(statistics.received),
                statistics.peers
            ),
            Self::Restoring { done, total } => write!(f, "restored {done} of {total} torrents"),
            Self::Restored { torrents, failed: 0, took } => {
                let plural = if *torrents == 1 { "" } else { "s" };
                write!(f, "restored {torrents} torrent{plural} in {:.1} s", took.as_secs_f64())
            }
            Self::Restored { torrents, failed, took } => {
                let seconds = took.as_secs_f64();
                write!(f, "restored {torrents} torrents in {seconds:.1} s; {failed} failed")
            }
            // The error names the torrent, or the part of the state.
            Self::RestoreFailed { error, .. } | Self::StateRestoreFailed { error, .. } => {
                error.fmt(f)
            }
            Self::StoreFailed { error } => error.fmt(f),
            Self::StoreRecovered => write!(f, "the store can be written again"),
            Self::SessionError { error } => error.fmt(f),
            Self::ResumeData { name, data, .. } => {
                write!(f, "{name}: received its resume data, {}", Size(data.len() as u64))
            }
        }
    }
}

/// Describes a sequence of events for a user: each line has the time since the start, and a status is shown
/// only if its text differs from the previous one.
///
/// ```no_run
/// # let client = torrent_patron::Client::builder().start()?;
/// # let patron = client.patron();
/// let mut explainer = torrent_patron::event::Explainer::new();
/// for event in patron.events() {
///     if let Some(line) = explainer.explain(&event) {
///         println!("{line}");
///     }
/// }
/// # Ok::<(), torrent_patron::Error>(())
/// ```
#[derive(Debug)]
pub struct Explainer {
    began: Instant,
    statuses: std::collections::HashMap<crate::model::TorrentId, String>,
}

impl Default for Explainer {
    fn default() -> Self {
        Self::new()
    }
}

impl Explainer {
    /// Creates an explainer, whose clock starts now.
    pub fn new() -> Self {
        Self { began: Instant::now(), statuses: Default::default() }
    }

    /// Returns a line for the event, or `None` for a status whose text has not changed.
    pub fn explain(&mut self, event: &Event) -> Option<String> {
        let text = event.to_string();
        match event {
            Event::Status(status) => {
                if self.statuses.get(&status.id) == Some(&text) {
                    return None;
                }
                self.statuses.insert(status.id, text.clone());
            }
            Event::TorrentRemoved { id, .. } => {
                self.statuses.remove(id);
            }
            _ => {}
        }
        Some(format!("{:7.1} s  {text}", self.began.elapsed().as_secs_f64()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::TorrentId;

    #[test]
    fn sizes_are_printed_for_people() {
        let shown = |size| Size(size).to_string();
        assert_eq!(shown(0), "0 B");
        assert_eq!(shown(1023), "1023 B");
        assert_eq!(shown(1024), "1.0 KiB");
        assert_eq!(shown(1024 * 1024 - 1), "1.0 MiB");
        assert_eq!(shown(3 << 30), "3.0 GiB");
    }

    #[test]
    fn only_complete_torrents_are_reported_as_complete() {
        let mut status = TorrentStatus::new(TorrentId::next(), "t");
        status.state = TorrentState::Downloading;
        status.progress = 0.99999;
        assert!(status.to_string().starts_with("downloading 99.9 %"), "{status}");
    }

    #[test]
    fn a_status_is_explained_once() {
        let id = TorrentId::next();
        let event = Event::Status(TorrentStatus::new(id, "t"));
        let mut explainer = Explainer::new();
        assert!(explainer.explain(&event).is_some());
        assert!(explainer.explain(&event).is_none());
    }
}
