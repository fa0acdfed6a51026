//! Reads a source and prepares its torrent for the engine, on the caller's thread.

use std::any::Any;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxx::UniquePtr;

use super::source::{Source, unusable};
use super::{AddOptions, Defaults, StoredForm, UnfinishedMove, existing};
use crate::error::{Error, ErrorKind, Result};
use crate::metainfo::{self, Urls};
use crate::model::op;
use crate::model::{
    Allocation, ClientData, ExistingFiles, Goals, InfoHashes, SavedFigures, TorrentFlag, Tracker,
    url,
};
use crate::sys::{self, TorrentParams, convert};
use crate::text::printable;

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
    /// Why its data cannot be trusted, so that it is paused, or why the files of a restored torrent were not
    /// moved.
    pub(crate) problem: Option<Error>,
    /// The move of a restored torrent that goes on when it has been added.
    pub(crate) unfinished: Option<Box<UnfinishedMove>>,
    /// Whether it pauses itself after the check.
    pub(crate) stops_itself: bool,
    /// The data for the client's store, if it has one and the torrent does not come from it.
    pub(crate) stored: Option<StoredForm>,
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

impl Prepared {
    /// Encodes the data for a store.
    pub(crate) fn encode_for_store(&mut self) -> Result<()> {
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
        let stored = params
            .encode(&convert::client_data_record(&client_data))
            .map_err(|exception| Error::from_native(op::ADD, &exception).on(&self.source))?;
        self.stored = Some(stored.into());
        Ok(())
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
    options.limits.check(op::ADD)?;
    options.goals.iter().try_for_each(|goals| goals.check(op::ADD))?;
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
            op::ADD,
            "data cannot be trusted before the metainfo is known: a magnet link has none",
        ));
    }
    let (urls, named) = urls(options, &described)?;
    let Directories { save_dir, move_to, needed } = directories(options, defaults, &described)?;
    let longer = look_at_files(source, options, &params, &described, &save_dir)?;
    let problem = options.trust.then(|| missing(&described, &save_dir)).flatten();
    let paused = options.paused || described.paused || problem.is_some();
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
    prepared.complete &= problem.is_none();
    prepared.problem = problem;
    if defaults.has_store {
        prepared.encode_for_store()?;
    }
    Ok((prepared, Changes { directories: needed, longer }))
}

/// Returns all trackers and web seeds, and separately the URLs that the program itself supplies.
fn urls(options: &AddOptions, described: &sys::DescriptionRecord) -> Result<(Urls, Vec<String>)> {
    let mut urls = Urls::of(described);
    let invalid = |why: String| Error::new(ErrorKind::InvalidArgument, op::ADD, why);
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
    Ok((urls, named))
}

/// Where the files of a torrent go.
struct Directories {
    save_dir: PathBuf,
    move_to: Option<PathBuf>,
    /// Those that must exist.
    needed: Vec<PathBuf>,
}

fn directories(
    options: &AddOptions,
    defaults: &Defaults,
    described: &sys::DescriptionRecord,
) -> Result<Directories> {
    if options.save_dir.is_none() && !described.save_path.is_empty() {
        let save_dir = absolute(&convert::path(described.save_path.clone()))?;
        let move_to = &described.client_data.move_to;
        let move_to = (!move_to.is_empty()).then(|| convert::path(move_to.clone()));
        return Ok(Directories { needed: vec![save_dir.clone()], save_dir, move_to });
    }
    let final_dir = absolute(options.save_dir.as_ref().unwrap_or(&defaults.save_dir))?;
    match options.incomplete_dir.as_ref().or(defaults.incomplete_dir.as_ref()) {
        Some(directory) if !options.trust && !is_there(described, &final_dir) => {
            let directory = absolute(directory)?;
            Ok(Directories {
                needed: vec![final_dir.clone(), directory.clone()],
                move_to: (directory != final_dir).then_some(final_dir),
                save_dir: directory,
            })
        }
        _ => {
            Ok(Directories { needed: vec![final_dir.clone()], save_dir: final_dir, move_to: None })
        }
    }
}

/// Configures what was read and described, for the engine.
pub(super) fn configured(
    mut params: UniquePtr<TorrentParams>,
    record: &sys::AddRecord,
    described: &sys::DescriptionRecord,
    source: Arc<str>,
    save_dir: PathBuf,
    client_data: ClientData,
) -> Result<Prepared> {
    let native = |exception| Error::from_native(op::ADD, &exception).on(&source);
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
        problem: None,
        unfinished: None,
        stops_itself: record.stop_when_checked || record.flags & stop_when_ready != 0,
        stored: None,
        figures: (figures.pieces >= 0).then(|| convert::saved(&figures)),
        params: Box::new(params),
    })
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
mod tests {
    use super::*;
    use crate::model::Limits;

    #[test]
    fn a_limit_of_zero_is_refused_at_the_start() {
        let link = "magnet:?xt=urn:btih:0123456789abcdef0123456789abcdef01234567";
        let options = AddOptions::default().limits(Limits::default().upload_slots(0));
        let (_, error) =
            prepare(&link.into(), &options, &Defaults::default(), |_| false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    }
}
