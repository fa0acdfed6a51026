//! What can be chosen for one torrent while it runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::model::Limits;
use crate::model::bit_set::{BitSet, element};

/// A switch of a torrent (`lt::torrent_flags`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[repr(u8)]
#[non_exhaustive]
pub enum TorrentFlag {
    /// Nothing is downloaded; what is here is served. A full disk switches it on.
    UploadMode,
    /// Only as much is downloaded as helps others: for one who wants to seed what he does not want.
    ShareMode,
    /// Peers that the IP filter blocks are refused. On unless switched off.
    ApplyIpFilter,
    /// libtorrent starts and stops it: as many run as the `active_*` settings allow, in the order of
    /// the queue.
    AutoManaged,
    /// Each piece is offered to one peer at a time, so that the first copy spreads with the least
    /// sending (BEP 16).
    SuperSeeding,
    /// Pieces are asked for in their order.
    Sequential,
    /// It is paused when it would begin to download or to seed.
    StopWhenReady,
    /// It is not announced to the distributed hash table.
    NoDht,
    /// It is not announced on the local network.
    NoLocalDiscovery,
    /// Peers are not told of other peers.
    NoPeerExchange,
}

impl TorrentFlag {
    /// All of them, in the order in which the shim numbers them.
    pub const ALL: [Self; 10] = [
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

    /// Where it is among them.
    pub(crate) fn place(self) -> u8 {
        self as u8
    }
}

element!(TorrentFlag);

/// A set of switches of a torrent.
pub type TorrentFlags = BitSet<TorrentFlag>;

/// How a torrent is set up at present.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct TorrentOptions {
    /// Where its files are.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::model::serde_with::lossy_path"))]
    pub save_dir: PathBuf,
    /// The switches that are on.
    pub flags: TorrentFlags,
    /// What it may take up.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub limits: Limits,
    /// Its place among those that are not complete, the first is 0; `None` when it is complete.
    pub queue_position: Option<u32>,
}

/// Where a torrent goes in the queue of those that are not complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum QueueMove {
    /// One place nearer to the front.
    Up,
    /// One place nearer to the end.
    Down,
    /// To the front.
    Top,
    /// To the end.
    Bottom,
    /// To this place; beyond the end is the end.
    To(u32),
}

/// When a torrent has given back enough, and what then becomes of it. The first goal that is reached
/// counts; without one it seeds until it is told otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct Goals {
    /// What was sent for what was received ([`TorrentStatus::ratio`](crate::torrent::TorrentStatus::ratio)),
    /// to a thousandth.
    pub share_ratio: Option<f64>,
    /// How long it seeds, in all runs, to a second.
    #[cfg_attr(feature = "serde", serde(with = "crate::model::serde_with::seconds::optional"))]
    pub seed_time: Option<Duration>,
    /// What becomes of it.
    pub then: GoalAction,
}

impl Goals {
    /// Sets [`share_ratio`](Goals::share_ratio).
    #[must_use]
    pub fn share_ratio(mut self, ratio: f64) -> Self {
        self.share_ratio = Some(ratio);
        self
    }

    /// Sets [`seed_time`](Goals::seed_time).
    #[must_use]
    pub fn seed_time(mut self, time: Duration) -> Self {
        self.seed_time = Some(time);
        self
    }

    /// Sets [`then`](Goals::then).
    #[must_use]
    pub fn then(mut self, action: GoalAction) -> Self {
        self.then = action;
        self
    }
}

/// What becomes of a torrent that has reached a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum GoalAction {
    /// It is paused. When it is resumed it seeds on: the goals are gone.
    #[default]
    Pause,
    /// It is removed; its files stay.
    Remove,
    /// It is removed and its files are deleted.
    RemoveAndDelete,
    /// It seeds on, by super-seeding: as little as the swarm needs.
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

/// What the client knows of a torrent and libtorrent does not; it is kept with the resume data.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct ClientData {
    /// Where the files go when they are complete.
    pub(crate) move_to: Option<PathBuf>,
    pub(crate) goals: Goals,
    /// How many network threads serve it when it is complete; 0: as for any torrent.
    pub(crate) replicas: u16,
    /// In bytes, in this run, beside what the torrent itself has sent.
    pub(crate) sent_by_copies: u64,
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
