//! The files of a torrent.

use std::path::{Path, PathBuf};

use super::Patron;
#[cfg(doc)]
use crate::error::ErrorKind;
use crate::messages::request::{self, Ask, AskTorrent, ByAlert, RequestRole};
use crate::metainfo::Metainfo;
use crate::model::{Existing, FileStatus, Priority, TorrentId};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

/// Files, and what is written down of a torrent. Files are counted from 0, in the order of the
/// metainfo. Errors of the replies: [`NotFound`](ErrorKind::NotFound), [`Gone`](ErrorKind::Gone);
/// [`NoMetadata`](ErrorKind::NoMetadata) while a magnet link has no metadata;
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for a file that the torrent does not have.
impl Patron {
    /// The files, how far each has come, and how much it is wanted.
    pub fn files(&self, id: TorrentId) -> Reply<Vec<FileStatus>> {
        self.torrent_then(id, Ask::task("list the files", Torrent::files), |records| {
            records.into_iter().map(convert::file).collect()
        })
    }

    /// How much a file is wanted. The reply comes when libtorrent goes by it. A file that is skipped is not
    /// downloaded, but for the pieces that it shares with its neighbours.
    pub fn set_file_priority(&self, id: TorrentId, file: u32, priority: Priority) -> Reply<()> {
        let set = move |torrent: &Torrent| torrent.set_file_priority(file, priority.level());
        self.torrent(id, choice(set))
    }

    /// How much each file is wanted: as many priorities as there are files.
    pub fn set_file_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        let levels = convert::levels(&priorities.into());
        self.torrent(id, choice(move |torrent| torrent.set_file_priorities(&levels)))
    }

    /// Gives a file another path below the save directory, on the disk too. The reply, with the new
    /// path, comes when that is done, as does [`Event::FileRenamed`](crate::Event::FileRenamed). The
    /// metainfo stays as it is.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a path that is empty, absolute, or has
    /// `.`, `..` or a zero byte, and where something of that name is already: nothing is overwritten.
    /// [`Disk`](ErrorKind::Disk) when the system refuses.
    pub fn rename_file(&self, id: TorrentId, file: u32, to: impl Into<PathBuf>) -> Reply<PathBuf> {
        let to = to.into();
        let rename = move |torrent: &Torrent| torrent.rename(file, convert::path_bytes(&to));
        self.torrent(id, Ask::by_alert(RENAME, ByAlert::file_renamed(file), rename).ends_copies())
    }

    /// Moves the files to another directory, which is made if need be. The reply, with the directory,
    /// comes when they are there, as does [`Event::Moved`](crate::Event::Moved).
    ///
    /// # Errors
    ///
    /// [`Disk`](ErrorKind::Disk) when the directory cannot be made, when a file is there already and
    /// `existing` is [`Existing::Fail`], and when the system refuses; [`Busy`](ErrorKind::Busy) while
    /// they are being moved already. The files are then where they were.
    pub fn move_storage(
        &self,
        id: TorrentId,
        to: impl AsRef<Path>,
        existing: Existing,
    ) -> Reply<PathBuf> {
        match crate::add::make_dir(to.as_ref()) {
            Ok(to) => self.torrent(id, request::move_files(to, existing)),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Closes the files of a torrent: what libtorrent and the system hold back is on its way to the
    /// disk then. They are opened again when they are needed.
    pub fn flush_files(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, Ask::task("write the files out", Torrent::flush_files))
    }

    /// The metainfo of a torrent, also of one that was started by a magnet link and has received
    /// its metadata. It is decoded on the thread that takes the reply.
    pub fn metainfo(&self, id: TorrentId) -> Reply<Metainfo> {
        self.torrent_try(id, request::metainfo(), |bytes| Metainfo::decode(&bytes))
    }

    /// Gives a magnet link its metadata, where the program has it from elsewhere.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for the metainfo of another torrent, and for a
    /// torrent that has its metadata.
    pub fn give_metainfo(&self, id: TorrentId, metainfo: &Metainfo) -> Reply<()> {
        let torrent_file = metainfo.torrent_file().clone();
        let give = move |torrent: &Torrent| torrent.use_metainfo(&torrent_file);
        self.torrent(id, Ask::task("use the metainfo", give))
    }

    /// All that a later run needs to go on where the torrent stands now: a [`Source`](crate::Source) for
    /// [`add_torrent`](Patron::add_torrent), with the metainfo in it. To be kept as bytes.
    pub fn resume_data(&self, id: TorrentId) -> Reply<Vec<u8>> {
        self.torrent_then(id, request::resume_data(false, RequestRole::Saves), |saved| saved.bytes)
    }
}

const RENAME: &str = "rename the file";

/// A choice among the files, which takes effect by way of the disk.
fn choice(
    set: impl Fn(&Torrent) -> Result<(), cxx::Exception> + Send + Sync + 'static,
) -> AskTorrent<()> {
    Ask::by_alert("choose among the files", ByAlert::files_chosen(), set).changes_resume_data()
}
