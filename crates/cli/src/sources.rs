//! Reads the torrents to add on a separate thread, because a pipe or a file server can be slow, and Ctrl-C
//! must not wait for it.

use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use crossbeam_channel::{Receiver, bounded};
use torrent_patron::metainfo::{Magnet, Metainfo};
use torrent_patron::{AddOptions, Source};

use crate::selection::{self, Selection};

/// The source of a torrent, and the directory of its files.
pub(crate) struct Request {
    pub(crate) source: Source,
    pub(crate) save_dir: PathBuf,
    pub(crate) options: AddOptions,
}

/// A torrent to add.
pub(crate) struct Addition {
    pub(crate) source: Source,
    pub(crate) options: AddOptions,
    /// The URLs and peers that cannot be used, as text for users.
    pub(crate) ignored: Option<String>,
}

/// Why a torrent cannot be added.
pub(crate) struct Refusal {
    pub(crate) source: PathBuf,
    pub(crate) error: Box<dyn Error + Send + Sync>,
}

/// The torrents, in order. Disconnected after the last one.
pub(crate) type Additions = Receiver<Result<Addition, Refusal>>;

pub(crate) fn read(requests: Vec<Request>, select: Vec<Selection>) -> io::Result<Additions> {
    let (sender, additions) = bounded(1);
    thread::Builder::new().name("sources".into()).spawn(move || {
        for request in requests {
            if sender.send(addition(request, &select)).is_err() {
                // The program is exiting.
                break;
            }
        }
    })?;
    Ok(additions)
}

fn addition(request: Request, select: &[Selection]) -> Result<Addition, Refusal> {
    let Request { mut source, save_dir, mut options } = request;
    let mut ignored = None;
    // An invalid magnet link is refused when it is added.
    if let Source::Magnet(link) = &source
        && let Ok(magnet) = Magnet::parse(link)
    {
        ignored = summary("the magnet link", &magnet.invalid_urls);
    }
    if let Source::File(path) = &source {
        let refused = |error| Refusal { source: path.clone(), error };
        let metainfo = Metainfo::read(path).map_err(|error| refused(error.into()))?;
        regular_files(&metainfo, &save_dir).map_err(|error| refused(error.into()))?;
        options = choose(options, select, &metainfo)
            .map_err(|error| refused(error.to_string().into()))?;
        ignored = summary(path.display(), &metainfo.invalid_urls);
        if !path.is_file() {
            // A pipe can be read only once.
            source = Source::from(&metainfo);
        }
    }
    Ok(Addition { source, options, ignored })
}

fn summary(source: impl Display, ignored: &[String]) -> Option<String> {
    let (first, rest) = ignored.split_first()?;
    let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
    Some(format!("ignored in {source}: {first}{more}"))
}

pub(crate) fn choose(
    options: AddOptions,
    select: &[Selection],
    metainfo: &Metainfo,
) -> crate::Result<AddOptions> {
    if select.is_empty() {
        return Ok(options);
    }
    let files = metainfo.files.iter().map(|file| (file.path.as_path(), file.pad));
    Ok(options.file_priorities(selection::priorities(select, files)?))
}

/// Refuses files that are not regular. libtorrent would open a pipe and wait forever for its writer.
fn regular_files(metainfo: &Metainfo, save_dir: &Path) -> Result<(), String> {
    for file in metainfo.files.iter().filter(|file| !file.pad) {
        let path = save_dir.join(&file.path);
        if fs::metadata(&path).is_ok_and(|found| !found.is_file()) {
            return Err(format!("{} is not a regular file", path.display()));
        }
    }
    Ok(())
}
