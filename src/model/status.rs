//! The status of a torrent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::model::{InfoHashes, TorrentId};

/// What a torrent is doing (`lt::torrent_status::state_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum TorrentState {
    /// The data on disk is being checked against its hashes.
    CheckingFiles,
    /// A magnet link's metadata is being fetched from peers (BEP 9).
    DownloadingMetadata,
    /// Pieces are being downloaded.
    Downloading,
    /// All wanted pieces are complete, but not all pieces.
    Finished,
    /// All pieces are complete.
    Seeding,
    /// The resume data of an earlier run is being checked against the disk.
    CheckingResumeData,
}

impl std::fmt::Display for TorrentState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::CheckingFiles => "checking files",
            Self::DownloadingMetadata => "downloading metadata",
            Self::Downloading => "downloading",
            Self::Finished => "finished",
            Self::Seeding => "seeding",
            Self::CheckingResumeData => "checking resume data",
        })
    }
}

/// The status of a torrent when the client last received it. Sizes are in bytes, rates in bytes per second.
///
/// With the feature `serde`, a status that is deserialized counts as updated at that moment.
///
/// A program can create one for its own tests with [`TorrentStatus::new`]:
///
/// ```
/// use torrent_patron::TorrentId;
/// use torrent_patron::torrent::{TorrentState, TorrentStatus};
///
/// let mut status = TorrentStatus::new(TorrentId::new(1).unwrap(), "debian.iso");
/// status.state = TorrentState::Downloading;
/// status.progress = 0.5;
/// assert!(status.to_string().contains("50.0 %"));
/// ```
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TorrentStatus {
    /// The torrent.
    pub id: TorrentId,
    /// Its name; for a magnet link without a name, the info hash until the metadata arrives.
    pub name: Arc<str>,
    /// Its info hashes; for a magnet link, those in the link until the metadata arrives.
    pub info_hashes: InfoHashes,
    /// The state of the torrent.
    pub state: TorrentState,
    /// Whether the torrent is paused.
    pub paused: bool,
    /// Whether all wanted pieces are complete.
    pub finished: bool,
    /// Whether all pieces are complete.
    pub seeding: bool,
    /// Whether the metadata is known; false for a new magnet link.
    pub has_metadata: bool,
    /// Progress from 0 to 1: of the check while files are being checked, otherwise of the wanted data.
    pub progress: f32,
    /// Bytes in all files.
    pub total_size: u64,
    /// Bytes in the pieces that have been downloaded and have passed their hash checks.
    pub total_done: u64,
    /// Bytes in the wanted files.
    pub wanted_size: u64,
    /// Bytes in the wanted pieces that have been downloaded and have passed their hash checks.
    pub wanted_done: u64,
    /// Payload received since the torrent was added in this run.
    pub downloaded: u64,
    /// Payload sent since the torrent was added in this run.
    pub uploaded: u64,
    /// Payload received per second.
    pub download_rate: u64,
    /// Payload sent per second.
    pub upload_rate: u64,
    /// Peers that are connected or being connected to.
    pub peers: u32,
    /// How many of these have everything.
    pub seeds: u32,
    /// Connections, including half-open ones.
    pub connections: u32,
    /// Payload received over all runs; 0 for a torrent that was complete from the start.
    pub all_time_downloaded: u64,
    /// Payload sent over all runs.
    pub all_time_uploaded: u64,
    /// The time that the torrent was not paused, over all runs.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds"))]
    pub active_time: Duration,
    /// The time that the torrent had all wanted data and was not paused, over all runs.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds"))]
    pub seeding_time: Duration,
    /// Whether its resume data has changed since it was last requested. libtorrent also counts passing active
    /// time as a change.
    pub needs_saving: bool,
    /// The error that stopped the torrent, if any.
    pub error: Option<Error>,
    /// When libtorrent reported this status.
    #[cfg_attr(feature = "serde", serde(skip, default = "Instant::now"))]
    pub updated: Instant,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(crate) saved_figures: SavedFigures,
}

/// The figures in resume data that change without an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct SavedFigures {
    /// Since the torrent was first started.
    pub(crate) uploaded: u64,
    pub(crate) downloaded: u64,
    pub(crate) pieces: u32,
}

/// The changes of a client's torrents, from [`Patron::changes_since`](crate::Patron::changes_since).
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct StatusChanges {
    /// The version for the next call.
    pub version: u64,
    /// Whether these are all torrents of the client, so that others were removed.
    pub complete: bool,
    /// The current statuses of the torrents that are new or have changed.
    pub statuses: Vec<TorrentStatus>,
    /// The torrents that were removed.
    pub removed: Vec<TorrentId>,
}

impl TorrentStatus {
    /// Returns the age of this status. An idle torrent is not reported again, so a large age may only mean
    /// that nothing has happened since.
    pub fn age(&self) -> Duration {
        self.updated.elapsed()
    }

    /// Returns the time until completion at the current rate; `None` if nothing is left or nothing is being
    /// received.
    pub fn time_left(&self) -> Option<Duration> {
        let left = self.wanted_size.saturating_sub(self.wanted_done);
        (left > 0 && self.download_rate > 0).then(|| Duration::from_secs(left / self.download_rate))
    }

    /// Returns the bytes sent divided by the bytes received, over all runs. If the torrent had all wanted
    /// data from the start, the size of that data counts as received. 0 if nothing was received.
    pub fn ratio(&self) -> f64 {
        match self.all_time_downloaded.max(if self.finished { self.total_done } else { 0 }) {
            0 => 0.0,
            received => self.all_time_uploaded as f64 / received as f64,
        }
    }

    /// Creates the first status of a torrent, before libtorrent has reported one: only the id and the name
    /// are known.
    pub fn new(id: TorrentId, name: impl Into<Arc<str>>) -> Self {
        Self {
            id,
            name: name.into(),
            info_hashes: InfoHashes::default(),
            state: TorrentState::CheckingResumeData,
            paused: false,
            finished: false,
            seeding: false,
            has_metadata: false,
            progress: 0.0,
            total_size: 0,
            total_done: 0,
            wanted_size: 0,
            wanted_done: 0,
            downloaded: 0,
            uploaded: 0,
            download_rate: 0,
            upload_rate: 0,
            peers: 0,
            seeds: 0,
            connections: 0,
            all_time_downloaded: 0,
            all_time_uploaded: 0,
            active_time: Duration::ZERO,
            seeding_time: Duration::ZERO,
            needs_saving: false,
            error: None,
            updated: Instant::now(),
            saved_figures: SavedFigures::default(),
        }
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn statuses_in_json() {
        let id = TorrentId::new(3).unwrap();
        let status = TorrentStatus {
            progress: 0.5,
            peers: 7,
            paused: true,
            ..TorrentStatus::new(id, "debian.iso")
        };
        let json = concat!(
            r#"{"id":3,"name":"debian.iso","info_hashes":{"v1":null,"v2":null},"state":"checking_resume_data","paused":true,"#,
            r#""finished":false,"seeding":false,"has_metadata":false,"progress":0.5,"#,
            r#""total_size":0,"total_done":0,"wanted_size":0,"wanted_done":0,"downloaded":0,"#,
            r#""uploaded":0,"download_rate":0,"upload_rate":0,"peers":7,"seeds":0,"#,
            r#""connections":0,"all_time_downloaded":0,"all_time_uploaded":0,"active_time":0.0,"#,
            r#""seeding_time":0.0,"needs_saving":false,"error":null}"#
        );
        assert_eq!(serde_json::to_string(&status).unwrap(), json);
        let read: TorrentStatus = serde_json::from_str(json).unwrap();
        assert_eq!(TorrentStatus { updated: status.updated, ..read }, status);
        for (state, name) in [
            (TorrentState::CheckingFiles, r#""checking_files""#),
            (TorrentState::DownloadingMetadata, r#""downloading_metadata""#),
            (TorrentState::Downloading, r#""downloading""#),
            (TorrentState::Finished, r#""finished""#),
            (TorrentState::Seeding, r#""seeding""#),
            (TorrentState::CheckingResumeData, r#""checking_resume_data""#),
        ] {
            assert_eq!(serde_json::to_string(&state).unwrap(), name);
            assert_eq!(serde_json::from_str::<TorrentState>(name).unwrap(), state);
        }
    }
}
