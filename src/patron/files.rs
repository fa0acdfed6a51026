//! The files of a torrent.

use std::path::{Component, Path, PathBuf};

use super::Patron;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::Job;
use crate::messages::request::{Answer, Own, TorrentRequest};
use crate::metainfo::Metainfo;
use crate::model::{Existing, FileStatus, Priority, TorrentId};
use crate::reply::{Reply, Responder};

/// Files, and what is written down of a torrent. Files are counted from 0, in the order of the
/// metainfo. Errors of the replies: [`NotFound`](ErrorKind::NotFound), [`Gone`](ErrorKind::Gone);
/// [`Native`](ErrorKind::Native) while a magnet link has no metadata;
/// [`InvalidArgument`](ErrorKind::InvalidArgument) for a file that the torrent does not have.
impl Patron {
    /// The files, how far each has come, and how much it is wanted.
    pub fn files(&self, id: TorrentId) -> Reply<Vec<FileStatus>> {
        self.of_torrent(id, TorrentRequest::Files)
    }

    /// How much a file is wanted. The reply comes when libtorrent goes by it. What is skipped is not downloaded, but for the pieces that it shares
    /// with its neighbours.
    pub fn set_file_priority(&self, id: TorrentId, file: u32, priority: Priority) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::FilePriority { file, priority })
    }

    /// How much each file is wanted: as many priorities as there are files.
    pub fn set_file_priorities(
        &self,
        id: TorrentId,
        priorities: impl Into<Vec<Priority>>,
    ) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::FilePriorities(priorities.into()))
    }

    /// Gives a file another path below the save directory, on the disk too. The reply, with the new
    /// path, comes when that is done, as does [`Event::FileRenamed`](crate::Event::FileRenamed). The
    /// metainfo stays as it is.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a path that is empty, absolute or has `..`,
    /// and where a file of that name is already: nothing is overwritten. [`Io`](ErrorKind::Io) when
    /// the system refuses.
    pub fn rename_file(&self, id: TorrentId, file: u32, to: impl Into<PathBuf>) -> Reply<PathBuf> {
        let to = to.into();
        match check_relative(&to) {
            Ok(()) => self.of_torrent(id, TorrentRequest::RenameFile { file, to }),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Moves the files to another directory, which is made if need be. The reply, with the directory,
    /// comes when they are there, as does [`Event::Moved`](crate::Event::Moved).
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) when the directory cannot be made, when a file is there already and
    /// `existing` is [`Existing::Fail`], and when the system refuses; [`Busy`](ErrorKind::Busy) while
    /// they are being moved already. The files are then where they were.
    pub fn move_storage(
        &self,
        id: TorrentId,
        to: impl AsRef<Path>,
        existing: Existing,
    ) -> Reply<PathBuf> {
        match crate::add::make_dir(to.as_ref()) {
            Ok(to) => self.of_torrent(id, TorrentRequest::MoveStorage { to, existing }),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Closes the files of a torrent: what libtorrent and the system hold back is on its way to the
    /// disk then. They are opened again when they are needed.
    pub fn flush_files(&self, id: TorrentId) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::FlushFiles)
    }

    /// The metainfo of a torrent, also of one that was started by a magnet link and has received
    /// its metadata. It is decoded on the thread that takes the reply.
    pub fn metainfo(&self, id: TorrentId) -> Reply<Metainfo> {
        let asked = TorrentRequest::Metainfo;
        self.ask(asked.operation(), |reply| {
            Job::OfTorrent(id, asked, Box::new(|answer| decode(reply, answer)))
        })
    }

    /// Gives a magnet link its metadata, where the program has it from elsewhere.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for the metainfo of another torrent, and for a
    /// torrent that has its metadata.
    pub fn give_metainfo(&self, id: TorrentId, metainfo: &Metainfo) -> Reply<()> {
        self.of_torrent(id, TorrentRequest::GiveMetainfo(metainfo.torrent_file().clone()))
    }

    /// All that a later run needs to go on where the torrent stands now: a [`Source`](crate::Source) for
    /// [`create_torrent`](Patron::create_torrent), with the metainfo in it. To be kept as bytes.
    pub fn resume_data(&self, id: TorrentId) -> Reply<Vec<u8>> {
        self.of_torrent(id, TorrentRequest::ResumeData(Own::default()))
    }
}

fn decode(reply: Responder<Metainfo>, answer: Result<Answer>) {
    match answer {
        Ok(Answer::Bytes(bytes)) => reply.send_work(move || Metainfo::decode(&bytes)),
        Ok(_) => {}
        Err(error) => reply.send(Err(error)),
    }
}

fn check_relative(path: &Path) -> Result<()> {
    let stays = path.components().all(|part| matches!(part, Component::Normal(_)));
    if stays && !path.as_os_str().is_empty() {
        return Ok(());
    }
    let message =
        format!("{}: a file of a torrent has a name below the save directory", path.display());
    Err(Error::new(ErrorKind::InvalidArgument, "rename the file", message))
}
