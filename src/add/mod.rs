//! Sources of torrents, and how to add them. A source is read on the caller's thread, so the client
//! thread only passes it on, and adding thousands of torrents uses all cores.

mod existing;
mod prepare;
mod restore;
mod source;
mod stored_form;

pub use self::source::Source;

pub(crate) use self::prepare::{Prepared, make_dir, prepare, prepare_for_store};
pub(crate) use self::restore::{Restorable, UnfinishedMove, restore};
pub(crate) use self::stored_form::{
    StoredForm, find_in, insert, is_dictionary, join, pairs, strings,
};

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use crate::model::{
    Allocation, ExistingFiles, Goals, Limits, Priority, TorrentFlag, TorrentFlags, Tracker,
};
use crate::settings::{ProxyKind, Settings};

/// How to add a torrent.
///
/// A setter whose name begins with `add_` adds to the existing values; the others replace them.
///
/// With the feature `serde`, fields that are missing keep their defaults, and unknown fields are an
/// error.
#[must_use]
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct AddOptions {
    /// The directory for the files once they are complete. `None`: the client's default.
    pub save_dir: Option<PathBuf>,
    /// The directory for the files until they are complete. `None`: the client's default.
    pub incomplete_dir: Option<PathBuf>,
    /// Peers to connect to at once.
    pub peers: Vec<SocketAddr>,
    /// Do nothing until the torrent is resumed.
    pub paused: bool,
    /// Assume that the data in the save directory is complete, without ever hashing it. Requires
    /// metainfo. The torrent seeds from the start, and is `complete` in its
    /// [`Event::TorrentAdded`](crate::Event::TorrentAdded).
    ///
    /// Adding only checks, on the caller's thread, that each file exists and is long enough. If a file does
    /// not or is not, the torrent is added paused, with an [`Event::Error`](crate::Event::Error) that names
    /// the file; resuming it checks again. Later changes to a file are reported in the same way when the file
    /// is used (see [`Settings`](crate::Settings)). Wrong data that was in a file before its first use is not
    /// noticed: a peer that finds it wrong does not tell the peer that sent it.
    pub trust: bool,
    /// Pause as soon as the files have been checked ([`Event::Checked`]); nothing is downloaded.
    ///
    /// [`Event::Checked`]: crate::Event::Checked
    pub stop_when_checked: bool,
    /// Check the files against their hashes again after they have been downloaded, before
    /// [`Event::Finished`](crate::Event::Finished). Otherwise only their sizes are checked, and changes by
    /// another program during the download are not noticed. Meanwhile peers stay connected, and the torrent is in
    /// [`TorrentState::Seeding`](crate::torrent::TorrentState::Seeding) or `Finished`. If a hash is wrong, or the
    /// torrent is v2 only, libtorrent checks all of it. Resume data has this option until it is done.
    pub verify_finished: bool,
    /// Trackers in addition to those of the source.
    pub trackers: Vec<Tracker>,
    /// Web seeds in addition to those of the source (BEP 19).
    pub web_seeds: Vec<String>,
    /// The priority of each file, in the order of the metainfo. Files beyond the end of the list have the
    /// default priority. If the list is empty, the source decides (BEP 53, `so=`).
    pub file_priorities: Vec<Priority>,
    /// How disk space is allocated.
    pub allocation: Allocation,
    /// What to do with files that already exist. Has no effect if nothing will be written (`trust`,
    /// `stop_when_checked`, [`TorrentFlag::UploadMode`]). The files of a magnet link are examined when its
    /// metadata has arrived; of a v2 torrent, a file without holes must then be complete.
    ///
    /// Files that are too long are truncated on the caller's thread, before it is known whether the torrent
    /// can be added; not if the client has the torrent already.
    pub existing_files: ExistingFiles,
    /// Flags to turn on from the start.
    pub flags: TorrentFlags,
    /// Limits. `None`: those of the resume data, or only the client's limits.
    #[cfg_attr(feature = "serde", serde(flatten))]
    pub limits: Limits,
    /// The goals of the torrent. `None`: those in the resume data, or none.
    pub goals: Option<Goals>,
    /// How many of the client's [network threads](crate::ClientBuilder::network_threads) serve the torrent
    /// while it is complete, so that its upload rate can exceed that of one thread. `None`: the number in the
    /// resume data, or one. A number that is too large means all threads.
    ///
    /// To trackers and other peers, each thread is a separate peer with its own port. The bytes that all of
    /// them send count as sent by the torrent. A private torrent is served by one thread, because its tracker
    /// would count several users; so is a torrent that has its own limits, uses TLS or super-seeds. Before a
    /// change (such as a pause, a move or another tracker), the other threads stop serving it, and afterwards
    /// they start again.
    pub replicas: Option<u16>,
    /// Resume data for a source that is not itself resume data, for programs that keep the metainfo and the
    /// resume data separately. It must belong to the same torrent. Trackers and web seeds of the source are
    /// added to those in the resume data.
    pub resume_data: Option<Arc<[u8]>>,
}

impl AddOptions {
    /// Sets [`save_dir`](AddOptions::save_dir).
    pub fn save_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.save_dir = Some(directory.into());
        self
    }

    /// Sets [`incomplete_dir`](AddOptions::incomplete_dir).
    pub fn incomplete_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.incomplete_dir = Some(directory.into());
        self
    }

    /// Adds to [`peers`](AddOptions::peers).
    pub fn add_peers(mut self, peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.peers.extend(peers);
        self
    }

    /// Sets [`paused`](AddOptions::paused).
    pub fn paused(mut self, paused: bool) -> Self {
        self.paused = paused;
        self
    }

    /// Sets [`trust`](AddOptions::trust).
    pub fn trust(mut self, trust: bool) -> Self {
        self.trust = trust;
        self
    }

    /// Sets [`stop_when_checked`](AddOptions::stop_when_checked).
    pub fn stop_when_checked(mut self, stop: bool) -> Self {
        self.stop_when_checked = stop;
        self
    }

    /// Sets [`verify_finished`](AddOptions::verify_finished).
    pub fn verify_finished(mut self, verify: bool) -> Self {
        self.verify_finished = verify;
        self
    }

    /// Adds to [`trackers`](AddOptions::trackers).
    pub fn add_trackers(mut self, trackers: impl IntoIterator<Item = Tracker>) -> Self {
        self.trackers.extend(trackers);
        self
    }

    /// Adds to [`web_seeds`](AddOptions::web_seeds).
    pub fn add_web_seeds(mut self, urls: impl IntoIterator<Item = String>) -> Self {
        self.web_seeds.extend(urls);
        self
    }

    /// Sets [`file_priorities`](AddOptions::file_priorities).
    pub fn file_priorities(mut self, priorities: impl Into<Vec<Priority>>) -> Self {
        self.file_priorities = priorities.into();
        self
    }

    /// Sets [`allocation`](AddOptions::allocation).
    pub fn allocation(mut self, allocation: Allocation) -> Self {
        self.allocation = allocation;
        self
    }

    /// Sets [`existing_files`](AddOptions::existing_files).
    pub fn existing_files(mut self, existing: ExistingFiles) -> Self {
        self.existing_files = existing;
        self
    }

    /// Adds to [`flags`](AddOptions::flags).
    pub fn add_flags(mut self, flags: impl IntoIterator<Item = TorrentFlag>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Sets [`limits`](AddOptions::limits).
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets [`goals`](AddOptions::goals).
    pub fn goals(mut self, goals: Goals) -> Self {
        self.goals = Some(goals);
        self
    }

    /// Sets [`replicas`](AddOptions::replicas).
    pub fn replicas(mut self, network_threads: u16) -> Self {
        self.replicas = Some(network_threads);
        self
    }

    /// Sets [`resume_data`](AddOptions::resume_data).
    pub fn resume_data(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.resume_data = Some(bytes.into());
        self
    }
}

/// The client's defaults for options that are not set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub(crate) save_dir: PathBuf,
    pub(crate) incomplete_dir: Option<PathBuf>,
    pub(crate) loopback_only: bool,
    /// The settings that the client was started with.
    pub(crate) settings: Settings,
    /// The kind of proxy that resolves names for the client.
    pub(crate) proxy: Option<ProxyKind>,
    /// Whether the client has a store.
    pub(crate) has_store: bool,
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn options_in_json() {
        let json = concat!(
            r#"{"save_dir":"downloads","incomplete_dir":null,"peers":["127.0.0.1:6881"],"#,
            r#""paused":true,"trust":false,"stop_when_checked":false,"verify_finished":false,"trackers":[],"web_seeds":[],"#,
            r#""file_priorities":[],"allocation":"sparse","existing_files":"refuse","flags":["sequential"],"#,
            r#""download_limit":null,"upload_limit":1000,"connections_limit":null,"#,
            r#""upload_slots":null,"goals":{"share_ratio":2.0,"seed_time":3600.0,"then":"pause"},"#,
            r#""replicas":null,"resume_data":null}"#
        );
        let options: AddOptions = serde_json::from_str(json).unwrap();
        assert_eq!(options.limits.upload_limit, Some(1000));
        assert_eq!(options.peers, ["127.0.0.1:6881".parse().unwrap()]);
        assert_eq!(serde_json::to_string(&options).unwrap(), json);
        let some: AddOptions = serde_json::from_str(r#"{"trust":true}"#).unwrap();
        assert!(some.trust && !some.paused);
        let error = serde_json::from_str::<AddOptions>(r#"{"save_path":"here"}"#).unwrap_err();
        assert!(error.to_string().contains("save_path"), "{error}");
    }
}
