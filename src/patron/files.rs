//! The files of a torrent.

use std::path::{Path, PathBuf};

use parking_lot::Mutex;

use super::Patron;
use crate::add::join;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::messages::request::{self, Ask, AskTorrent, ByAlert, TorrentRole};
use crate::metainfo::{self, Metainfo};
use crate::model::{FileStatus, OnConflict, Priority, TorrentId};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

/// Files and saved data of a torrent. Files are numbered from 0, in the order of the metainfo. The replies
/// fail with [`NotFound`](ErrorKind::NotFound) or [`Gone`](ErrorKind::Gone), with
/// [`NoMetadata`](ErrorKind::NoMetadata) while a magnet link has no metadata, and with
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for a file that the torrent does not have.
impl Patron {
    /// Returns the files, their progress and their priorities.
    pub fn files(&self, id: TorrentId) -> Reply<Vec<FileStatus>> {
        self.torrent_then(id, Ask::task("list the files", Torrent::files), |records| {
            records.into_iter().map(convert::file).collect()
        })
    }

    /// Sets the priority of a file. The reply comes when libtorrent has applied it. A skipped file is not
    /// downloaded, except for the pieces that it shares with its neighbours.
    pub fn set_file_priority(&self, id: TorrentId, file: u32, priority: Priority) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_file_priority(file, priority.level());
        self.torrent(id, choice(set))
    }

    /// Sets the priorities of all files, one for each file.
    pub fn set_file_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        let levels = convert::levels(&priorities.into());
        self.torrent(id, choice(move |torrent| torrent.set_file_priorities(&levels)))
    }

    /// Renames a file, also on disk, to a path below the save directory. The reply, with the new path, comes
    /// when the file was renamed, as does [`Event::FileRenamed`](crate::Event::FileRenamed). The metainfo
    /// does not change.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a path that is empty, absolute, or contains `.`,
    /// `..` or a zero byte, or that another file of the torrent has. [`Exists`](ErrorKind::Exists) if there
    /// already is a file at that path: nothing is overwritten. [`Disk`](ErrorKind::Disk) if the system refuses.
    pub fn rename_file(&self, id: TorrentId, file: u32, to: impl Into<PathBuf>) -> Reply<PathBuf> {
        let to = to.into();
        let shown = to.display().to_string();
        let rename = move |torrent: &Torrent| torrent.rename(file, convert::path_bytes(&to));
        let ask = Ask::by_alert(RENAME, ByAlert::file_renamed(file), rename).ends_copies();
        self.torrent_on(id, ask, shown)
    }

    /// Moves the files to another directory, which is created if necessary. The reply, with the
    /// directory, comes when they have been moved, as does [`Event::Moved`](crate::Event::Moved).
    ///
    /// # Errors
    ///
    /// [`Exists`](ErrorKind::Exists) if a file already exists there and `on_conflict` is
    /// [`OnConflict::Fail`]; [`Disk`](ErrorKind::Disk) if the directory cannot be created, or if the
    /// system refuses, for example because the disk is full; [`Busy`](ErrorKind::Busy) while they are already
    /// being moved. The files then stay where they are, and copies of them are removed.
    pub fn move_storage(
        &self,
        id: TorrentId,
        to: impl AsRef<Path>,
        on_conflict: OnConflict,
    ) -> Reply<PathBuf> {
        match crate::add::make_dir(to.as_ref()) {
            Ok(to) => self.torrent(id, request::move_files(to, on_conflict)),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Closes the files of a torrent, so that all writes are passed to the system. They are opened again when
    /// needed.
    pub fn flush_files(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("flush the files", Torrent::flush_files))
    }

    /// Returns the metainfo of a torrent, including a torrent added from a magnet link that has received its
    /// metadata. It is decoded on the thread that takes the reply.
    pub fn metainfo(&self, id: TorrentId) -> Reply<Metainfo> {
        self.torrent_try(id, request::metainfo(), |bytes| Metainfo::decode(&bytes))
    }

    /// Supplies the metadata of a magnet link that the program has obtained elsewhere.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) if the metainfo belongs to another torrent,
    /// or if the torrent already has its metadata.
    pub fn set_metadata(&self, id: TorrentId, metainfo: &Metainfo) -> Reply<()> {
        // Read here: the network thread serves all torrents.
        let params = match metainfo::params(metainfo.torrent_file()) {
            Ok(params) => Mutex::new(params),
            Err(error) => return Reply::ready(Err(error)),
        };
        let give = move |torrent: &Torrent| torrent.use_metainfo(&params.lock());
        self.torrent(id, Ask::task("use the metainfo", give))
    }

    /// Returns everything that a later run needs to continue the torrent: bytes for
    /// [`Source::ResumeData`](crate::Source::ResumeData), which [`add_torrent`](Patron::add_torrent) takes.
    /// They include the metainfo.
    pub fn resume_data(&self, id: TorrentId) -> Reply<Vec<u8>> {
        let ask = request::resume_data(ByAlert::resume_data(), false, TorrentRole::Saves);
        self.torrent_then(id, ask, |saved| join(&saved.info, &saved.bytes))
    }
}

const RENAME: &str = "rename the file";

/// Creates a request to change file priorities. libtorrent applies them through its disk thread.
fn choice(
    set: impl Fn(&Torrent) -> Result<(), cxx::Exception> + Send + Sync + 'static,
) -> AskTorrent<()> {
    Ask::by_alert("set the file priorities", ByAlert::files_chosen(), set).chooses_pieces()
}
