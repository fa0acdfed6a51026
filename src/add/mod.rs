//! What a torrent is started from. It is read on the thread of the one who asks, so that the client
//! thread only hands it on and thousands of starts use all cores.

use std::any::Any;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxx::UniquePtr;

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::magnet::{self, Magnet};
use crate::metainfo::{self, Metainfo};
use crate::model::{Allocation, Goals, InfoHashes, Priority, TorrentFlag, Tracker};
use crate::settings::ProxyKind;
use crate::settings::Settings;
use crate::sys::{bridge, convert};

/// What a torrent is started from.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum Source {
    /// The bytes of a .torrent file.
    Bytes(Arc<[u8]>),
    /// The path of a .torrent file.
    File(PathBuf),
    /// A magnet link (BEP 9, BEP 53).
    Magnet(Box<str>),
    /// What [`Patron::resume_data`](crate::Patron::resume_data) gave in an earlier run, or another
    /// program's resume data with the metainfo in it. The torrent goes on as it was: its directory,
    /// files, trackers, limits and flags. What [`AddOptions`] chooses goes before that.
    ResumeData(Arc<[u8]>),
    /// An info hash alone: peers are found by the DHT and by [`AddOptions::trackers`], and bring the
    /// metadata.
    InfoHash(InfoHashes),
}

impl Source {
    /// A magnet link or an info hash (40 or 64 hex digits) if the text is one, else the path of a
    /// .torrent file.
    pub fn from_text(text: &str) -> Self {
        let scheme = text.get(..7).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("magnet:") {
            Self::Magnet(text.into())
        } else if let Ok(hashes) = text.parse() {
            Self::InfoHash(hashes)
        } else {
            Self::File(text.into())
        }
    }

    /// As a person would name it.
    fn label(&self) -> Arc<str> {
        match self {
            Self::Bytes(bytes) => format!("metainfo of {} bytes", bytes.len()).into(),
            Self::File(path) => path.display().to_string().into(),
            Self::Magnet(uri) => uri.as_ref().into(),
            Self::ResumeData(bytes) => format!("resume data of {} bytes", bytes.len()).into(),
            Self::InfoHash(hashes) => hashes.to_string().into(),
        }
    }

    /// An error names the source.
    fn read(&self) -> Result<UniquePtr<bridge::TorrentParams>> {
        match self {
            Self::Bytes(bytes) => metainfo::params(bytes).map_err(|error| error.on(self.label())),
            Self::File(path) => {
                let bytes = metainfo::read_file(path)?;
                metainfo::params(&bytes).map_err(|error| error.on(path.display()))
            }
            Self::Magnet(uri) => magnet::params(uri),
            Self::ResumeData(bytes) => bridge::params_from_resume_data(bytes)
                .map_err(|exception| Error::from_native(RESUME, &exception).on(self.label())),
            Self::InfoHash(hashes) => {
                let v1 = hashes.v1.map_or(Vec::new(), |hash| hash.0.to_vec());
                let v2 = hashes.v2.map_or(Vec::new(), |hash| hash.0.to_vec());
                bridge::params_from_info_hashes(&v1, &v2)
                    .map_err(|exception| Error::from_native(START, &exception))
            }
        }
    }
}

impl From<Vec<u8>> for Source {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&[u8]> for Source {
    fn from(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<PathBuf> for Source {
    fn from(path: PathBuf) -> Self {
        Self::File(path)
    }
}

impl From<&Path> for Source {
    fn from(path: &Path) -> Self {
        Self::File(path.into())
    }
}

impl From<&Metainfo> for Source {
    fn from(metainfo: &Metainfo) -> Self {
        Self::Bytes(metainfo.torrent_file().clone())
    }
}

impl From<InfoHashes> for Source {
    fn from(hashes: InfoHashes) -> Self {
        Self::InfoHash(hashes)
    }
}

impl From<&Magnet> for Source {
    fn from(magnet: &Magnet) -> Self {
        Self::Magnet(magnet.to_string().into())
    }
}

/// How a torrent is started.
///
/// With the feature `serde`, what is not named when one is read keeps its default, and a name that is
/// not known is an error.
#[derive(Debug, Clone, Default, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
#[non_exhaustive]
pub struct AddOptions {
    /// Where the finished files belong; the client's default where `None`.
    pub save_dir: Option<PathBuf>,
    /// Where the files are until they are complete; the client's default where `None`.
    pub incomplete_dir: Option<PathBuf>,
    /// Peers to try at once.
    pub peers: Vec<SocketAddr>,
    /// Do nothing until resumed.
    pub paused: bool,
    /// Take the data in the save directory as complete without hashing it, now or when it is asked
    /// for. Needs metainfo. The torrent seeds from the start, without an
    /// [`Event::Finished`](crate::Event::Finished).
    ///
    /// Only whether each file is there and long enough is looked at, here, on the caller's thread.
    /// Where one is not, the torrent is started paused, with an [`Event::Error`](crate::Event::Error)
    /// that names it; resuming it tries again. What happens to a file later is told likewise, when it
    /// is asked for (see [`Settings`](crate::Settings)). What was in it before it was first asked for
    /// is not: a peer that finds the data wrong says nothing to the one it got it from.
    pub trust: bool,
    /// Pause as soon as the files are compared with their hashes ([`Event::Checked`]); nothing is
    /// downloaded.
    ///
    /// [`Event::Checked`]: crate::Event::Checked
    pub stop_when_checked: bool,
    /// Trackers besides those of the source.
    pub trackers: Vec<Tracker>,
    /// Web seeds besides those of the source (BEP 19).
    pub web_seeds: Vec<String>,
    /// How much each file is wanted, in the order of the metainfo; those beyond the end as usual.
    /// Empty: as the source says (BEP 53, `so=`).
    pub file_priorities: Vec<Priority>,
    /// How room on the disk is taken.
    pub allocation: Allocation,
    /// Switches that are on from the start.
    pub flags: Vec<TorrentFlag>,
    /// Bytes per second that the torrent may receive; `None`: as the client may.
    pub download_limit: Option<u32>,
    /// Bytes per second that the torrent may send; `None`: as the client may.
    pub upload_limit: Option<u32>,
    /// Peers that the torrent may be connected to; `None`: as many as the client.
    pub connections_limit: Option<u32>,
    /// Peers that the torrent may serve at once; `None`: as many as the client.
    pub upload_slots: Option<u32>,
    /// When it has given back enough; `None`: as resume data says, or never.
    pub goals: Option<Goals>,
    /// Resume data for a source that is not resume data: metainfo beside what was saved of an earlier
    /// run, as other programs keep it. It must be of the same torrent.
    pub resume_data: Option<Arc<[u8]>>,
}

impl AddOptions {
    /// Sets [`save_dir`](AddOptions::save_dir).
    #[must_use]
    pub fn save_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.save_dir = Some(directory.into());
        self
    }

    /// Sets [`incomplete_dir`](AddOptions::incomplete_dir).
    #[must_use]
    pub fn incomplete_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.incomplete_dir = Some(directory.into());
        self
    }

    /// Adds to [`peers`](AddOptions::peers).
    #[must_use]
    pub fn peers(mut self, peers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.peers.extend(peers);
        self
    }

    /// Sets [`paused`](AddOptions::paused).
    #[must_use]
    pub fn paused(mut self, paused: bool) -> Self {
        self.paused = paused;
        self
    }

    /// Sets [`trust`](AddOptions::trust).
    #[must_use]
    pub fn trust(mut self, trust: bool) -> Self {
        self.trust = trust;
        self
    }

    /// Sets [`stop_when_checked`](AddOptions::stop_when_checked).
    #[must_use]
    pub fn stop_when_checked(mut self, stop: bool) -> Self {
        self.stop_when_checked = stop;
        self
    }

    /// Adds to [`trackers`](AddOptions::trackers).
    #[must_use]
    pub fn trackers(mut self, trackers: impl IntoIterator<Item = Tracker>) -> Self {
        self.trackers.extend(trackers);
        self
    }

    /// Adds to [`web_seeds`](AddOptions::web_seeds).
    #[must_use]
    pub fn web_seeds(mut self, urls: impl IntoIterator<Item = String>) -> Self {
        self.web_seeds.extend(urls);
        self
    }

    /// Sets [`file_priorities`](AddOptions::file_priorities).
    #[must_use]
    pub fn file_priorities(mut self, priorities: impl Into<Vec<Priority>>) -> Self {
        self.file_priorities = priorities.into();
        self
    }

    /// Sets [`allocation`](AddOptions::allocation).
    #[must_use]
    pub fn allocation(mut self, allocation: Allocation) -> Self {
        self.allocation = allocation;
        self
    }

    /// Adds to [`flags`](AddOptions::flags).
    #[must_use]
    pub fn flags(mut self, flags: impl IntoIterator<Item = TorrentFlag>) -> Self {
        self.flags.extend(flags);
        self
    }

    /// Sets [`download_limit`](AddOptions::download_limit).
    #[must_use]
    pub fn download_limit(mut self, rate: u32) -> Self {
        self.download_limit = Some(rate);
        self
    }

    /// Sets [`upload_limit`](AddOptions::upload_limit).
    #[must_use]
    pub fn upload_limit(mut self, rate: u32) -> Self {
        self.upload_limit = Some(rate);
        self
    }

    /// Sets [`connections_limit`](AddOptions::connections_limit).
    #[must_use]
    pub fn connections_limit(mut self, count: u32) -> Self {
        self.connections_limit = Some(count);
        self
    }

    /// Sets [`upload_slots`](AddOptions::upload_slots).
    #[must_use]
    pub fn upload_slots(mut self, count: u32) -> Self {
        self.upload_slots = Some(count);
        self
    }

    /// Sets [`goals`](AddOptions::goals).
    #[must_use]
    pub fn goals(mut self, goals: Goals) -> Self {
        self.goals = Some(goals);
        self
    }

    /// Sets [`resume_data`](AddOptions::resume_data).
    #[must_use]
    pub fn resume_data(mut self, bytes: impl Into<Arc<[u8]>>) -> Self {
        self.resume_data = Some(bytes.into());
        self
    }
}

/// What the client gives where [`AddOptions`] is silent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub(crate) save_dir: PathBuf,
    pub(crate) incomplete_dir: Option<PathBuf>,
    pub(crate) loopback_only: bool,
    /// What the client was started with.
    pub(crate) settings: Settings,
    /// That it looks up names for the client.
    pub(crate) proxy: Option<ProxyKind>,
}

/// A torrent that is read and ready to be handed to the engine.
pub(crate) struct Prepared {
    pub(crate) source: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) info_hashes: InfoHashes,
    /// Where the files are at first.
    pub(crate) save_dir: PathBuf,
    /// Where they go when complete, if that is elsewhere.
    pub(crate) move_to: Option<PathBuf>,
    pub(crate) paused: bool,
    pub(crate) goals: Goals,
    /// What keeps data that is to be trusted from being so; the torrent is paused then.
    pub(crate) distrust: Option<Error>,
    /// The engine's own parameters; opaque to all but the engine.
    pub(crate) params: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Prepared").field(&self.name).finish()
    }
}

/// Reads the source and makes the directories. On error: what to call the source, and why.
pub(crate) fn prepare(
    source: &Source,
    options: &AddOptions,
    defaults: &Defaults,
) -> Result<Prepared, (Arc<str>, Error)> {
    let label = source.label();
    read(source, options, defaults, label.clone()).map_err(|error| (label, error))
}

fn read(
    source: &Source,
    options: &AddOptions,
    defaults: &Defaults,
    label: Arc<str>,
) -> Result<Prepared> {
    let mut params = source.read()?;
    if let Some(bytes) = &options.resume_data {
        params
            .pin_mut()
            .use_resume_data(bytes)
            .map_err(|exception| Error::from_native(RESUME, &exception).on(&label))?;
    }
    let described = metainfo::describe(&params)?;
    if options.trust && !described.has_metadata {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            START,
            "data cannot be trusted before the metainfo is known: a magnet link has none",
        ));
    }
    let resumed = !described.save_path.is_empty() && options.save_dir.is_none();
    let final_dir = match resumed {
        true => make_dir(&path_of(&described.save_path))?,
        false => make_dir(options.save_dir.as_ref().unwrap_or(&defaults.save_dir))?,
    };
    let incomplete = options.incomplete_dir.as_ref().or(defaults.incomplete_dir.as_ref());
    let (save_dir, move_to) = match incomplete {
        _ if resumed => {
            let move_to = &described.client_data.move_to;
            (final_dir, (!move_to.is_empty()).then(|| path_of(move_to)))
        }
        Some(directory) if !options.trust && !is_there(&described, &final_dir) => {
            let directory = make_dir(directory)?;
            let elsewhere = directory != final_dir;
            (directory, elsewhere.then_some(final_dir))
        }
        _ => (final_dir, None),
    };
    let distrust = options.trust.then(|| missing(&described, &save_dir)).flatten();
    let paused = options.paused || described.paused || distrust.is_some();
    let limit = |limit: Option<u32>| limit.map_or(-2, |n| i32::try_from(n).unwrap_or(i32::MAX));
    let record = bridge::AddRecord {
        save_path: save_dir.as_os_str().as_encoded_bytes().to_vec(),
        peers: options
            .peers
            .iter()
            .map(|peer| bridge::PeerRecord { address: peer.ip().to_string(), port: peer.port() })
            .collect(),
        trackers: options
            .trackers
            .iter()
            .map(|tracker| bridge::TrackerRecord {
                url: tracker.url.clone(),
                tier: tracker.tier.into(),
            })
            .collect(),
        web_seeds: options.web_seeds.clone(),
        file_priorities: options.file_priorities.iter().map(|wanted| wanted.level()).collect(),
        allocate: options.allocation == Allocation::Full,
        flags: options.flags.iter().map(|flag| flag.place()).collect(),
        limits: bridge::LimitsRecord {
            download_rate: limit(options.download_limit),
            upload_rate: limit(options.upload_limit),
            connections: limit(options.connections_limit),
            upload_slots: limit(options.upload_slots),
        },
        paused,
        trust: options.trust,
        stop_when_checked: options.stop_when_checked,
        policy: bridge::PolicyRecord {
            loopback_only: defaults.loopback_only,
            names: ProxyKind::names(defaults.proxy),
            local_urls: defaults.settings.local_urls(),
        },
    };
    let dropped = params
        .pin_mut()
        .configure(&record)
        .map_err(|exception| Error::from_native(START, &exception).on(&label))?;
    for url in dropped {
        let url = url.replace(char::is_control, " ");
        tracing::warn!(
            source = &*label,
            url,
            "dropped: the torrent names what is on the local network"
        );
    }
    let info_hashes = InfoHashes::from_bytes(&described.v1, &described.v2);
    let name = if described.name.is_empty() {
        info_hashes.to_string().into()
    } else {
        // That of a magnet link may hold anything.
        described.name.replace(char::is_control, " ").into()
    };
    Ok(Prepared {
        source: label,
        name,
        info_hashes,
        save_dir,
        move_to,
        paused,
        goals: options.goals.unwrap_or_else(|| convert::goals(&described.client_data)),
        distrust,
        params: Box::new(params),
    })
}

const START: &str = "add the torrent";
const RESUME: &str = "read the resume data";

/// A path as it was given to the engine.
fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    return <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into();
    #[cfg(not(unix))]
    String::from_utf8_lossy(bytes).into_owned().into()
}

/// An absolute path, because the engine outlives a change of the working directory.
pub(crate) fn make_dir(directory: &Path) -> Result<PathBuf> {
    let failed =
        |error: std::io::Error| Error::io("use the save directory", directory.display(), &error);
    std::fs::create_dir_all(directory).map_err(failed)?;
    std::path::absolute(directory).map_err(failed)
}

/// The first file that is not there, or not with its full size.
fn missing(described: &bridge::DescriptionRecord, directory: &Path) -> Option<Error> {
    const TRUST: &str = "trust the data";
    described.files.iter().filter(|file| !file.pad && file.size > 0).find_map(|file| {
        let path = directory.join(&file.path);
        match std::fs::metadata(&path) {
            Ok(found) if i64::try_from(found.len()).is_ok_and(|size| size < file.size) => {
                let why = format!(
                    "{}: it has {} bytes, and {} in the torrent",
                    path.display(),
                    found.len(),
                    file.size
                );
                Some(Error::new(ErrorKind::Io, TRUST, why))
            }
            Ok(_) => None,
            Err(error) => Some(Error::io(TRUST, path.display(), &error)),
        }
    })
}

/// Whether every file lies in the directory with its full size: a torrent that was complete in an
/// earlier run starts where it ended, not in the directory for incomplete ones.
fn is_there(described: &bridge::DescriptionRecord, directory: &Path) -> bool {
    described.has_metadata
        && described.files.iter().filter(|file| !file.pad).all(|file| {
            std::fs::metadata(directory.join(&file.path))
                .is_ok_and(|found| i64::try_from(found.len()) == Ok(file.size))
        })
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn sources_in_json() {
        for json in [
            r#"{"file":"debian.torrent"}"#,
            r#"{"magnet":"magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567"}"#,
            r#"{"bytes":[100,101]}"#,
        ] {
            let source: Source = serde_json::from_str(json).unwrap();
            assert_eq!(serde_json::to_string(&source).unwrap(), json);
        }
    }

    #[test]
    fn options_in_json() {
        let json = concat!(
            r#"{"save_dir":"downloads","incomplete_dir":null,"peers":["127.0.0.1:6881"],"#,
            r#""paused":true,"trust":false,"stop_when_checked":false,"trackers":[],"web_seeds":[],"#,
            r#""file_priorities":[],"allocation":"sparse","flags":["sequential"],"#,
            r#""download_limit":null,"upload_limit":1000,"connections_limit":null,"#,
            r#""upload_slots":null,"goals":{"share_ratio":2.0,"seed_time":3600.0,"then":"pause"},"#,
            r#""resume_data":null}"#
        );
        let options: AddOptions = serde_json::from_str(json).unwrap();
        assert_eq!(options.upload_limit, Some(1000));
        assert_eq!(options.peers, ["127.0.0.1:6881".parse().unwrap()]);
        assert_eq!(serde_json::to_string(&options).unwrap(), json);
        let some: AddOptions = serde_json::from_str(r#"{"trust":true}"#).unwrap();
        assert!(some.trust && !some.paused);
        let error = serde_json::from_str::<AddOptions>(r#"{"save_path":"here"}"#).unwrap_err();
        assert!(error.to_string().contains("save_path"), "{error}");
    }
}
