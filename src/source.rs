//! What a torrent is started from. It is read on the thread of the one who asks, so that the client
//! thread only hands it on and thousands of starts use all cores.

use std::any::Any;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cxx::UniquePtr;

use crate::error::{Error, ErrorKind, Result};
use crate::ffi;
use crate::magnet::{self, Magnet};
use crate::metainfo::{self, Metainfo};
use crate::proxy::ProxyKind;
use crate::types::InfoHashes;

/// What a torrent is started from.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Source {
    /// The bytes of a .torrent file.
    Bytes(Arc<[u8]>),
    /// The path of a .torrent file.
    File(PathBuf),
    /// A magnet link (BEP 9, BEP 53).
    Magnet(Box<str>),
}

impl Source {
    /// A magnet link if the text is one, else the path of a .torrent file.
    pub fn from_text(text: &str) -> Self {
        let scheme = text.get(..7).unwrap_or_default();
        if scheme.eq_ignore_ascii_case("magnet:") {
            Self::Magnet(text.into())
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
        }
    }

    /// An error names the source.
    fn read(&self) -> Result<UniquePtr<ffi::TorrentParams>> {
        match self {
            Self::Bytes(bytes) => metainfo::params(bytes).map_err(|error| error.on(self.label())),
            Self::File(path) => {
                let bytes = metainfo::read_file(path)?;
                metainfo::params(&bytes).map_err(|error| error.on(path.display()))
            }
            Self::Magnet(uri) => magnet::params(uri),
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

impl From<&Magnet> for Source {
    fn from(magnet: &Magnet) -> Self {
        Self::Magnet(magnet.to_string().into())
    }
}

/// How a torrent is started.
#[derive(Debug, Clone, Default)]
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
}

/// What the client gives where [`AddOptions`] is silent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Defaults {
    pub(crate) save_dir: PathBuf,
    pub(crate) incomplete_dir: Option<PathBuf>,
    pub(crate) loopback_only: bool,
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
    let described = metainfo::describe(&params)?;
    if options.trust && !described.has_metadata {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            START,
            "data cannot be trusted before the metainfo is known: a magnet link has none",
        ));
    }
    let final_dir = make_dir(options.save_dir.as_ref().unwrap_or(&defaults.save_dir))?;
    let incomplete = options.incomplete_dir.as_ref().or(defaults.incomplete_dir.as_ref());
    let (save_dir, move_to) = match incomplete {
        Some(directory) if !options.trust && !is_there(&described, &final_dir) => {
            let directory = make_dir(directory)?;
            let elsewhere = directory != final_dir;
            (directory, elsewhere.then_some(final_dir))
        }
        _ => (final_dir, None),
    };
    let distrust = options.trust.then(|| missing(&described, &save_dir)).flatten();
    let paused = options.paused || distrust.is_some();
    let record = ffi::AddRecord {
        save_path: save_dir.as_os_str().as_encoded_bytes().to_vec(),
        peers: options
            .peers
            .iter()
            .map(|peer| ffi::PeerRecord { address: peer.ip().to_string(), port: peer.port() })
            .collect(),
        paused,
        trust: options.trust,
        stop_when_checked: options.stop_when_checked,
        loopback_only: defaults.loopback_only,
        names: match defaults.proxy {
            None => ffi::Names::Here,
            Some(ProxyKind::Socks5) => ffi::Names::BySocks5,
            Some(ProxyKind::Http) => ffi::Names::ByHttp,
        },
    };
    params
        .pin_mut()
        .configure(&record)
        .map_err(|exception| Error::from_native(START, &exception).on(&label))?;
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
        distrust,
        params: Box::new(params),
    })
}

const START: &str = "start the torrent";

/// An absolute path, because the engine outlives a change of the working directory.
fn make_dir(directory: &Path) -> Result<PathBuf> {
    let failed =
        |error: std::io::Error| Error::io("use the save directory", directory.display(), &error);
    std::fs::create_dir_all(directory).map_err(failed)?;
    std::path::absolute(directory).map_err(failed)
}

/// The first file that is not there, or not with its full size.
fn missing(described: &ffi::DescriptionRecord, directory: &Path) -> Option<Error> {
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
fn is_there(described: &ffi::DescriptionRecord, directory: &Path) -> bool {
    described.has_metadata
        && described.files.iter().filter(|file| !file.pad).all(|file| {
            std::fs::metadata(directory.join(&file.path))
                .is_ok_and(|found| i64::try_from(found.len()) == Ok(file.size))
        })
}
