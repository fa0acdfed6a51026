//! The sources of torrents. A source is read on the caller's thread, so the client thread only passes it on,
//! and adding thousands of torrents uses all cores.

mod existing;
mod kept;
mod restore;

pub(crate) use self::kept::{Kept, find_in, join, strings};
pub(crate) use self::restore::{Restorable, restore};

use std::any::Any;
use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxx::UniquePtr;

use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::magnet::{self, Magnet};
use crate::metainfo::{self, Metainfo, Urls};
use crate::model::{
    Allocation, ClientData, ExistingFiles, Goals, InfoHashes, Limits, Priority, SavedFigures,
    TorrentFlag, TorrentFlags, Tracker, url,
};
use crate::settings::ProxyKind;
use crate::settings::Settings;
use crate::sys::{self, TorrentParams, convert};
use crate::text::printable;

/// The source that a torrent is added from.
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
    /// Data from [`Patron::resume_data`](crate::Patron::resume_data) in an earlier run, or another
    /// program's resume data if it includes the metainfo. The torrent continues with its former
    /// directory, files, trackers, limits and flags. What [`AddOptions`] sets takes precedence: for
    /// resume data from a stranger, set [`save_dir`](AddOptions::save_dir) so that its own
    /// directory is ignored. Files that have changed since the data was saved are checked.
    ResumeData(Arc<[u8]>),
    /// Only an info hash. Peers are found through the DHT and [`AddOptions::trackers`], and provide
    /// the metadata.
    InfoHash(InfoHashes),
}

impl Source {
    /// Interprets text as a magnet link, an info hash (40 or 64 hex digits), or otherwise the path of a
    /// .torrent file. Nothing is downloaded: with a URL such as `http://…`, adding the torrent fails with
    /// [`InvalidArgument`](ErrorKind::InvalidArgument).
    pub fn from_text(text: &str) -> Self {
        if magnet::is_magnet(text) {
            Self::Magnet(text.trim().into())
        } else if let Ok(hashes) = text.parse() {
            Self::InfoHash(hashes)
        } else {
            Self::File(text.into())
        }
    }

    /// Returns a description for users.
    fn label(&self) -> Arc<str> {
        let label: Arc<str> = match self {
            Self::Bytes(bytes) => format!("metainfo of {} bytes", bytes.len()).into(),
            Self::File(path) => path.display().to_string().into(),
            Self::Magnet(uri) => uri.as_ref().into(),
            Self::ResumeData(bytes) => format!("resume data of {} bytes", bytes.len()).into(),
            Self::InfoHash(hashes) => hashes.to_string().into(),
        };
        match printable(&label) {
            Cow::Borrowed(_) => label,
            Cow::Owned(shown) => shown.into(),
        }
    }

    /// Reads the source. Errors name it.
    fn read(&self) -> Result<UniquePtr<sys::TorrentParams>> {
        match self {
            Self::Bytes(bytes) => metainfo::params(bytes).map_err(|error| error.on(self.label())),
            Self::File(path) => {
                let bytes = metainfo::read_file(path).map_err(|error| match as_url(path) {
                    Some(url) => Error::new(
                        ErrorKind::InvalidArgument,
                        ADD,
                        format!("{url} is a URL, not a file: download the .torrent file first"),
                    ),
                    None => error,
                })?;
                metainfo::params(&bytes).map_err(|error| error.on(path.display()))
            }
            Self::Magnet(uri) => magnet::params(uri),
            Self::ResumeData(bytes) => sys::params_from_resume_data(bytes)
                .map_err(|exception| unusable(&exception).on(self.label())),
            Self::InfoHash(hashes) => {
                let v1 = hashes.v1.map_or(Vec::new(), |hash| hash.0.to_vec());
                let v2 = hashes.v2.map_or(Vec::new(), |hash| hash.0.to_vec());
                sys::params_from_info_hashes(&v1, &v2)
                    .map_err(|exception| Error::from_native(ADD, &exception))
            }
        }
    }
}

/// Returns the URL if the path is one that someone pasted.
fn as_url(path: &Path) -> Option<std::borrow::Cow<'_, str>> {
    let text = path.to_string_lossy();
    let scheme = text.split_once("://")?.0;
    let is_scheme = !scheme.is_empty() && scheme.chars().all(|c| c.is_ascii_alphanumeric());
    is_scheme.then_some(text)
}

fn unusable(exception: &cxx::Exception) -> Error {
    Error::from_native(RESUME, exception).with_kind(ErrorKind::ResumeData)
}

/// The same as [`Source::from_text`].
impl From<&str> for Source {
    fn from(text: &str) -> Self {
        Self::from_text(text)
    }
}

/// The same as [`Source::from_text`].
impl From<String> for Source {
    fn from(text: String) -> Self {
        Self::from_text(&text)
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

impl From<Metainfo> for Source {
    fn from(metainfo: Metainfo) -> Self {
        Self::from(&metainfo)
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

impl From<Magnet> for Source {
    fn from(magnet: Magnet) -> Self {
        Self::from(&magnet)
    }
}

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
    /// metainfo. The torrent seeds from the start, without an
    /// [`Event::Finished`](crate::Event::Finished).
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
    /// `stop_when_checked`, [`TorrentFlag::UploadMode`]), or for a magnet link, whose files are not known
    /// when it is added; they are checked against its hashes.
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

/// A torrent that has been read and is ready for the engine.
pub(crate) struct Prepared {
    pub(crate) source: Arc<str>,
    pub(crate) name: Arc<str>,
    pub(crate) info_hashes: InfoHashes,
    /// The directory for the files while they are incomplete.
    pub(crate) save_dir: PathBuf,
    /// The directory for the complete files, if it is another.
    pub(crate) move_to: Option<PathBuf>,
    pub(crate) paused: bool,
    /// Whether all wanted data is available, according to the resume data or because it is trusted.
    pub(crate) complete: bool,
    pub(crate) goals: Goals,
    /// As in [`ClientData`](crate::model::ClientData).
    pub(crate) replicas: u16,
    pub(crate) verify: bool,
    /// Why data that should be trusted cannot be. The torrent is then paused. Or why a restored torrent was
    /// not moved.
    pub(crate) distrust: Option<Error>,
    /// Whether it pauses itself after the check.
    pub(crate) stops_itself: bool,
    /// The data for the client's store, if it has one and the torrent does not come from it.
    pub(crate) kept: Option<Kept>,
    /// The figures in its resume data, if that is unchanged.
    pub(crate) figures: Option<SavedFigures>,
    /// The engine's own parameters.
    pub(crate) params: Box<dyn Any + Send>,
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Prepared").field(&self.name).finish()
    }
}

/// Reads the source, creates the directories, and truncates files that are longer than they should be, unless
/// the torrent is known. An error comes with a name for the source.
pub(crate) fn prepare(
    source: &Source,
    options: &AddOptions,
    defaults: &Defaults,
    is_known: impl FnOnce(&InfoHashes) -> bool,
) -> Result<Prepared, (Arc<str>, Error)> {
    let label = source.label();
    let made = || {
        let (prepared, changes) = read(source, options, defaults, label.clone())?;
        changes.make(|| is_known(&prepared.info_hashes))?;
        Ok(prepared)
    };
    made().map_err(|error| (label.clone(), error))
}

/// Reads the source of a torrent that is only put into a store. Nothing is changed on disk.
pub(crate) fn prepare_for_store(
    source: &Source,
    options: &AddOptions,
    defaults: &Defaults,
) -> Result<Prepared> {
    Ok(read(source, options, defaults, source.label())?.0)
}

/// What must be changed on disk before a torrent is added.
struct Changes {
    directories: Vec<PathBuf>,
    /// Files to truncate, and their lengths.
    longer: Vec<(PathBuf, u64)>,
}

impl Changes {
    fn make(self, is_known: impl FnOnce() -> bool) -> Result<()> {
        for directory in &self.directories {
            make_dir(directory)?;
        }
        // A torrent that the client already has may use other files.
        if !self.longer.is_empty() && !is_known() {
            self.longer.iter().try_for_each(|(path, length)| existing::cut(path, *length))?;
        }
        Ok(())
    }
}

/// Reads the source, without changing anything on disk.
fn read(
    source: &Source,
    options: &AddOptions,
    defaults: &Defaults,
    label: Arc<str>,
) -> Result<(Prepared, Changes)> {
    options.limits.check(ADD)?;
    options.goals.iter().try_for_each(|goals| goals.check(ADD))?;
    let mut params = source.read()?;
    if let Some(bytes) = &options.resume_data {
        params
            .pin_mut()
            .use_resume_data(bytes)
            .map_err(|exception| unusable(&exception).on(&label))?;
    }
    let described = metainfo::describe(&params)?;
    if options.trust && !described.has_metadata {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            ADD,
            "data cannot be trusted before the metainfo is known: a magnet link has none",
        ));
    }
    let mut urls = Urls::of(&described);
    let invalid = |why: String| Error::new(ErrorKind::InvalidArgument, ADD, why);
    let mut named = Vec::new();
    for Tracker { url, tier } in &options.trackers {
        let url = url::tracker(url).map_err(invalid)?;
        urls.tracker(&url, *tier);
        named.push(url);
    }
    for url in &options.web_seeds {
        let url = url::web_seed(url).map_err(invalid)?;
        urls.web_seed(&url);
        named.push(url);
    }
    let resumed = !described.save_path.is_empty() && options.save_dir.is_none();
    let final_dir = match resumed {
        true => absolute(&convert::path(described.save_path.clone()))?,
        false => absolute(options.save_dir.as_ref().unwrap_or(&defaults.save_dir))?,
    };
    let mut directories = vec![final_dir.clone()];
    let incomplete = options.incomplete_dir.as_ref().or(defaults.incomplete_dir.as_ref());
    let (save_dir, move_to) = match incomplete {
        _ if resumed => {
            let move_to = &described.client_data.move_to;
            (final_dir, (!move_to.is_empty()).then(|| convert::path(move_to.clone())))
        }
        Some(directory) if !options.trust && !is_there(&described, &final_dir) => {
            let directory = absolute(directory)?;
            directories.push(directory.clone());
            let elsewhere = directory != final_dir;
            (directory, elsewhere.then_some(final_dir))
        }
        _ => (final_dir, None),
    };
    let longer = look_at_files(source, options, &params, &described, &save_dir)?;
    let distrust = options.trust.then(|| missing(&described, &save_dir)).flatten();
    let paused = options.paused || described.paused || distrust.is_some();
    let record = sys::AddRecord {
        save_path: save_dir.as_os_str().as_encoded_bytes().to_vec(),
        peers: options
            .peers
            .iter()
            .map(|peer| sys::PeerRecord { address: peer.ip().to_string(), port: peer.port() })
            .collect(),
        trackers: urls.trackers.iter().map(convert::tracker_record).collect(),
        web_seeds: urls.web_seeds,
        http_seeds: urls.http_seeds,
        named,
        file_priorities: options.file_priorities.iter().map(|wanted| wanted.level()).collect(),
        allocate: options.allocation == Allocation::Full,
        flags: convert::flags(options.flags),
        limits: convert::some_limits(options.limits),
        paused,
        restored: false,
        trust: options.trust,
        stop_when_checked: options.stop_when_checked,
        refuse_foreign: options.existing_files == ExistingFiles::Refuse
            && !options.stop_when_checked
            && !options.flags.contains(TorrentFlag::UploadMode),
        verify_finished: options.verify_finished || described.client_data.verify,
        policy: defaults.settings.policy(defaults.loopback_only, defaults.proxy),
    };
    let goals = options.goals.unwrap_or_else(|| convert::goals(&described.client_data));
    let replicas = options.replicas.unwrap_or(described.client_data.replicas);
    let client_data = ClientData { move_to, goals, replicas, ..ClientData::default() };
    let mut prepared = configured(params, &record, &described, label, save_dir, client_data)?;
    prepared.complete &= distrust.is_none();
    prepared.distrust = distrust;
    if defaults.has_store {
        prepared.keep()?;
    }
    Ok((prepared, Changes { directories, longer }))
}

/// Configures what was read and described, for the engine.
fn configured(
    mut params: UniquePtr<TorrentParams>,
    record: &sys::AddRecord,
    described: &sys::DescriptionRecord,
    source: Arc<str>,
    save_dir: PathBuf,
    client_data: ClientData,
) -> Result<Prepared> {
    let native = |exception| Error::from_native(ADD, &exception).on(&source);
    let dropped = params.pin_mut().configure(record).map_err(native)?;
    let complete = params.is_complete().map_err(native)?;
    for url in dropped {
        tracing::warn!(
            source = &*source,
            url = &*printable(&url),
            "dropped: torrents must not name hosts on the local network"
        );
    }
    let info_hashes = InfoHashes::from_bytes(&described.v1, &described.v2);
    let name = if described.name.is_empty() {
        info_hashes.to_string().into()
    } else {
        printable(&described.name).into()
    };
    let figures = params.saved_figures();
    let stop_when_ready = 1 << TorrentFlag::StopWhenReady.place();
    let ClientData { move_to, goals, replicas, .. } = client_data;
    Ok(Prepared {
        source,
        name,
        info_hashes,
        save_dir,
        move_to,
        paused: record.paused,
        complete,
        goals,
        replicas,
        // The data that is there is not checked again.
        verify: record.verify_finished && !complete,
        distrust: None,
        stops_itself: record.stop_when_checked || record.flags & stop_when_ready != 0,
        kept: None,
        figures: (figures.pieces >= 0).then(|| convert::saved(&figures)),
        params: Box::new(params),
    })
}

impl Prepared {
    /// Encodes the data for a store.
    pub(crate) fn keep(&mut self) -> Result<()> {
        let client_data = ClientData {
            move_to: self.move_to.clone(),
            goals: self.goals,
            replicas: self.replicas,
            verify: self.verify,
            ..ClientData::default()
        };
        let Some(params) = self.params.downcast_ref::<UniquePtr<TorrentParams>>() else {
            return Ok(());
        };
        let kept = params
            .encode(&convert::client_data_record(&client_data))
            .map_err(|exception| Error::from_native(ADD, &exception).on(&self.source))?;
        self.kept = Some(kept.into());
        Ok(())
    }
}

/// Looks at files that already exist, which may belong to something else. Returns those to truncate.
fn look_at_files(
    source: &Source,
    options: &AddOptions,
    params: &sys::TorrentParams,
    described: &sys::DescriptionRecord,
    directory: &Path,
) -> Result<Vec<(PathBuf, u64)>> {
    if options.trust || options.stop_when_checked {
        return Ok(Vec::new());
    }
    if options.flags.contains(TorrentFlag::UploadMode) {
        existing::refuse_longer(described, directory)?;
        return Ok(Vec::new());
    }
    match options.existing_files {
        ExistingFiles::Overwrite => return Ok(existing::longer(described, directory)),
        // An earlier run has already written to them.
        ExistingFiles::Refuse if described.has_pieces => {
            existing::refuse_longer(described, directory)?;
        }
        ExistingFiles::Refuse => {
            let torrent = || match source {
                Source::Bytes(bytes) => Some(bytes.clone()),
                Source::File(path) => metainfo::read_file(path).ok().map(Into::into),
                _ => None,
            };
            existing::refuse_foreign(params, described, directory, torrent)?;
        }
    }
    Ok(Vec::new())
}

const ADD: &str = "add the torrent";
const RESUME: &str = "read the resume data";

/// Creates a directory, and makes its path absolute.
pub(crate) fn make_dir(directory: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(directory).map_err(|error| no_directory(directory, &error))?;
    absolute(directory)
}

/// Makes the path absolute, because the working directory may change later.
fn absolute(directory: &Path) -> Result<PathBuf> {
    std::path::absolute(directory).map_err(|error| no_directory(directory, &error))
}

fn no_directory(directory: &Path, error: &std::io::Error) -> Error {
    Error::io("use the save directory", directory.display(), error).at_disk()
}

/// Returns an error for the first file that is missing or too short.
fn missing(described: &sys::DescriptionRecord, directory: &Path) -> Option<Error> {
    const TRUST: &str = "trust the data";
    described.files.iter().filter(|file| !file.pad && file.size > 0).find_map(|file| {
        let path = directory.join(&file.path);
        match std::fs::metadata(&path) {
            Ok(found) if i64::try_from(found.len()).is_ok_and(|size| size < file.size) => {
                let why = format!(
                    "{}: it has {} bytes, but {} in the torrent",
                    path.display(),
                    found.len(),
                    file.size
                );
                Some(Error::new(ErrorKind::Disk, TRUST, why))
            }
            Ok(_) => None,
            Err(error) => Some(Error::io(TRUST, path.display(), &error).at_disk()),
        }
    })
}

/// Returns whether every file is in the directory with its full size. A torrent that was complete in an
/// earlier run then starts there, and not in the directory for incomplete files.
fn is_there(described: &sys::DescriptionRecord, directory: &Path) -> bool {
    described.has_metadata
        && described.files.iter().filter(|file| !file.pad).all(|file| {
            std::fs::metadata(directory.join(&file.path))
                .is_ok_and(|found| i64::try_from(found.len()) == Ok(file.size))
        })
}

#[cfg(test)]
mod source_tests {
    use super::*;

    #[test]
    fn a_source_is_made_of_what_a_program_has() {
        let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
        assert!(matches!(Source::from(link), Source::Magnet(_)));
        assert!(matches!(Source::from(&link[20..]), Source::InfoHash(_)));
        assert_eq!(Source::from("a.torrent"), Source::File("a.torrent".into()));
        assert_eq!(
            Source::from(String::from("a.torrent")),
            Source::from(PathBuf::from("a.torrent"))
        );
        let magnet = Magnet::parse(link).unwrap();
        assert_eq!(Source::from(&magnet), Source::from(magnet));
    }

    #[test]
    fn a_url_is_reported_as_not_being_a_file() {
        for text in ["http://127.0.0.1/a.torrent", "HTTPS://127.0.0.1/a.torrent"] {
            let error = Source::from(text).read().err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidArgument);
            assert!(error.message().contains("is a URL, not a file"), "{error}");
        }
        for text in ["no/such.torrent", "://", "a b://c"] {
            assert_eq!(Source::from(text).read().err().unwrap().kind(), ErrorKind::Unreadable);
        }
    }

    #[test]
    fn resume_data_that_cannot_be_used_has_a_kind_of_its_own() {
        let error = Source::ResumeData([1u8, 2].into()).read().err().unwrap();
        assert_eq!(error.kind(), ErrorKind::ResumeData, "{error}");
    }

    #[test]
    fn a_limit_of_zero_is_refused_at_the_start() {
        let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
        let options = AddOptions::default().limits(Limits::default().upload_slots(0));
        let (_, error) =
            prepare(&link.into(), &options, &Defaults::default(), |_| false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
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
