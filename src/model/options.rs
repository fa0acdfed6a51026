//! Options of a torrent that can be changed while it runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Limits;
use crate::model::bit_set::{BitSet, element};

/// A flag of a torrent (`lt::torrent_flags`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[repr(u8)]
#[non_exhaustive]
pub enum TorrentFlag {
    /// Nothing is downloaded; existing data is uploaded. A full disk turns it on.
    UploadMode,
    /// Only data that helps other peers is downloaded, to share data that is not wanted here.
    ShareMode,
    /// Peers that the IP filter blocks are refused. On by default.
    ApplyIpFilter,
    /// libtorrent starts and stops the torrent: as many torrents run as the `active_*` settings allow, in
    /// queue order.
    AutoManaged,
    /// Super-seeding: each piece is offered to one peer at a time, so that the first copy spreads with the
    /// least upload (BEP 16).
    SuperSeeding,
    /// Pieces are requested in order.
    Sequential,
    /// The torrent is paused when it would begin to download or to seed.
    StopWhenReady,
    /// The torrent is not announced in the DHT.
    NoDht,
    /// The torrent is not announced on the local network (BEP 14).
    NoLocalDiscovery,
    /// Peers are not told about other peers (BEP 11).
    NoPeerExchange,
}

impl TorrentFlag {
    /// All flags, in the order in which the shim numbers them.
    pub const ALL: &'static [Self] = &[
        Self::UploadMode,
        Self::ShareMode,
        Self::ApplyIpFilter,
        Self::AutoManaged,
        Self::SuperSeeding,
        Self::Sequential,
        Self::StopWhenReady,
        Self::NoDht,
        Self::NoLocalDiscovery,
        Self::NoPeerExchange,
    ];

    /// Returns its index in [`ALL`](Self::ALL).
    pub(crate) fn place(self) -> u8 {
        self as u8
    }
}

element!(TorrentFlag);

/// A set of torrent flags.
pub type TorrentFlags = BitSet<TorrentFlag>;

/// The current options of a torrent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TorrentOptions {
    /// The directory that contains its files.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::model::serde_with::lossy_path"))]
    pub save_dir: PathBuf,
    /// The flags that are on.
    pub flags: TorrentFlags,
    /// Its limits.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub limits: Limits,
    /// Its position among the incomplete torrents, starting at 0; `None` when complete.
    pub queue_position: Option<u32>,
}

/// Where to move a torrent in the queue of incomplete torrents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum QueueMove {
    /// One position towards the front.
    Up,
    /// One position towards the end.
    Down,
    /// To the front.
    Top,
    /// To the end.
    Bottom,
    /// To this position; beyond the end means the end.
    To(u32),
}

/// Goals of a torrent, and what to do when it reaches one. The first goal that is reached counts. Without
/// goals, a torrent seeds until it is stopped.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct Goals {
    /// Bytes sent divided by bytes received
    /// ([`TorrentStatus::ratio`](crate::torrent::TorrentStatus::ratio)), with a precision of a
    /// thousandth.
    pub share_ratio: Option<f64>,
    /// The time for which it seeds, over all runs, with a precision of a second.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds::optional"))]
    pub seed_time: Option<Duration>,
    /// What to do when a goal is reached.
    pub then: GoalAction,
}

impl Goals {
    /// Sets [`share_ratio`](Goals::share_ratio).
    pub fn share_ratio(mut self, ratio: f64) -> Self {
        self.share_ratio = Some(ratio);
        self
    }

    /// Sets [`seed_time`](Goals::seed_time).
    pub fn seed_time(mut self, time: Duration) -> Self {
        self.seed_time = Some(time);
        self
    }

    /// Sets [`then`](Goals::then).
    pub fn then(mut self, action: GoalAction) -> Self {
        self.then = action;
        self
    }

    /// Refuses a ratio that every torrent has reached, or none: the action may delete its files.
    pub(crate) fn check(&self, op: &'static str) -> Result<()> {
        match self.share_ratio {
            Some(ratio) if !ratio.is_finite() || ratio < 0.0 => {
                let message = format!("{ratio} is not a share ratio");
                Err(Error::new(ErrorKind::InvalidArgument, op, message))
            }
            _ => Ok(()),
        }
    }
}

/// What to do with a torrent that has reached a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum GoalAction {
    /// It is paused. If resumed, it seeds without goals.
    #[default]
    Pause,
    /// It is removed; its files stay.
    Remove,
    /// It is removed and its files are deleted.
    RemoveAndDelete,
    /// It continues as a super-seed, sending only as much as the swarm needs.
    SuperSeed,
}

/// A goal that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Goal {
    /// The share ratio.
    ShareRatio,
    /// The seed time.
    SeedTime,
}

/// The client's own data about a torrent, which libtorrent does not know. It is stored with the resume data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ClientData {
    /// The directory for the complete files.
    pub(crate) move_to: Option<PathBuf>,
    pub(crate) goals: Goals,
    /// How many network threads serve it when it is complete; 0 for the default.
    pub(crate) replicas: u16,
    /// Whether the files must be checked again once they are downloaded.
    pub(crate) verify: bool,
    /// The bytes that copies have sent in this run, besides those sent by the torrent itself.
    pub(crate) sent_by_copies: u64,
    /// The program's level of each piece, while readers have set others; otherwise empty.
    pub(crate) piece_levels: Vec<u8>,
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    fn is<T>(value: T, json: &str)
    where
        T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + std::fmt::Debug,
    {
        assert_eq!(serde_json::to_string(&value).unwrap(), json);
        assert_eq!(serde_json::from_str::<T>(json).unwrap(), value);
    }

    #[test]
    fn options_in_json() {
        let options = TorrentOptions {
            save_dir: "downloads".into(),
            flags: TorrentFlag::ApplyIpFilter.into(),
            limits: Limits::default().download_limit(1).connections_limit(2),
            queue_position: Some(0),
        };
        let json = concat!(
            r#"{"save_dir":"downloads","flags":["apply_ip_filter"],"download_limit":1,"#,
            r#""upload_limit":null,"connections_limit":2,"upload_slots":null,"queue_position":0}"#
        );
        is(options, json);
    }

    #[test]
    fn flags_in_json() {
        let json = concat!(
            r#"["upload_mode","share_mode","apply_ip_filter","auto_managed","super_seeding","#,
            r#""sequential","stop_when_ready","no_dht","no_local_discovery","no_peer_exchange"]"#
        );
        is(TorrentFlags::ALL, json);
    }

    #[test]
    fn goals_in_json() {
        let goals = Goals::default().share_ratio(1.5).seed_time(Duration::from_secs(60));
        is(
            goals.then(GoalAction::RemoveAndDelete),
            r#"{"share_ratio":1.5,"seed_time":60.0,"then":"remove_and_delete"}"#,
        );
        is(Goals::default(), r#"{"share_ratio":null,"seed_time":null,"then":"pause"}"#);
        is(GoalAction::Pause, r#""pause""#);
        is(GoalAction::Remove, r#""remove""#);
        is(GoalAction::SuperSeed, r#""super_seed""#);
        is(Goal::ShareRatio, r#""share_ratio""#);
        is(Goal::SeedTime, r#""seed_time""#);
    }

    #[test]
    fn places_in_the_queue_in_json() {
        is(QueueMove::Up, r#""up""#);
        is(QueueMove::Down, r#""down""#);
        is(QueueMove::Top, r#""top""#);
        is(QueueMove::Bottom, r#""bottom""#);
        is(QueueMove::To(3), r#"{"to":3}"#);
    }
}
