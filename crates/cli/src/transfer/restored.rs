//! Torrents that an earlier run has kept in the store.

use std::path::{Path, PathBuf};

use torrent_patron::error::ErrorKind;
use torrent_patron::file::OnConflict;
use torrent_patron::patron::{Command, RemoveFiles};
use torrent_patron::torrent::{TorrentFlag, TorrentState, TorrentStatus};
use torrent_patron::{AddOptions, Source, TorrentId};

use super::{Mode, Phase, Transfer};
use crate::Result;
use crate::selection::Selection;
use crate::sources::{self, Addition};

impl Transfer {
    /// Records the torrents that were restored before this program subscribed to their events.
    pub(super) fn record_restored(&mut self) -> Result<()> {
        let unknown = |status: &TorrentStatus| !self.torrents.contains_key(&status.id);
        // All are asked for before the first answer is waited for.
        let asked: Vec<_> = self
            .patron
            .statuses()
            .into_iter()
            .filter(unknown)
            .map(|TorrentStatus { id, name, .. }| {
                (id, name, self.patron.options(id), self.patron.fresh_status(id))
            })
            .collect();
        for (id, name, options, status) in asked {
            if self.interrupt.is_interrupted() {
                break;
            }
            let found = status.wait().and_then(|status| Ok((options.wait()?.save_dir, status)));
            let was_complete = matches!(&found, Ok((_, status)) if has_all_that_is_wanted(status));
            let (save_dir, found) = match found {
                Ok((save_dir, _)) => (save_dir, Ok(())),
                Err(error) => (PathBuf::new(), Err(error.into())),
            };
            self.record(id, &name, save_dir, was_complete);
            self.check(id, found)?;
        }
        for (id, reply) in std::mem::take(&mut self.upload_mode_replies) {
            self.check(id, reply.wait().map_err(Into::into))?;
        }
        Ok(())
    }

    /// Continues a torrent that an earlier run has kept in the store. The options of this run override those
    /// of the earlier one.
    pub(super) fn continue_torrent(&mut self, id: TorrentId) -> Result<()> {
        let Some(torrent) = self.torrents.get_mut(&id) else { return Ok(()) };
        if let Some(options) = self.options.clone()
            && let Some(save_dir) = &options.save_dir
            && !is_same(save_dir, &torrent.save_dir)
        {
            if self.patron.fresh_status(id).wait()?.has_metadata {
                return self.add_elsewhere(id, options);
            }
            // It has no files yet.
            torrent.save_dir = self.patron.move_storage(id, save_dir, OnConflict::Fail).wait()?;
        }
        torrent.phase = Phase::Running;
        torrent.reached_goal = false;
        let paused = self.patron.fresh_status(id).wait()?.paused;
        if self.mode == Mode::Download || paused {
            self.patron.send(Command::Resume(id))?;
        }
        if self.mode == Mode::Seed {
            // Resuming a torrent turns this off. The data on disk must not be changed.
            self.patron.set_flag(id, TorrentFlag::UploadMode, true).wait()?;
        }
        if let Some(goals) = self.goals {
            self.patron.set_goals(id, goals).wait()?;
        }
        let status = self.patron.status(id);
        if self.mode == Mode::Download && status.is_some_and(|status| status.has_metadata) {
            // Without a selection all files are wanted, whatever an earlier run selected.
            let all = [Selection::Pattern("*".into())];
            let select = if self.select.is_empty() { all.into() } else { self.select.clone() };
            self.choose_files(id, &select);
        }
        // Last, because a torrent that wants nothing disconnects from seeders.
        for peer in &self.peers {
            match self.patron.connect_peer(id, *peer).wait() {
                // A new torrent is added without it.
                Err(error) if error.kind() == ErrorKind::InvalidArgument => {
                    self.screen.warn(format_args!("warning: {peer}: {error}"));
                }
                connected => connected?,
            }
        }
        self.finish(id)
    }

    /// Adds a torrent that an earlier run has kept in another directory. The files there stay.
    fn add_elsewhere(&mut self, id: TorrentId, options: AddOptions) -> Result<()> {
        let metainfo = self.patron.metainfo(id).wait()?;
        let options = sources::choose(options, &self.select, &metainfo)?;
        self.patron.remove_torrent(id, RemoveFiles::Keep).wait()?;
        if let Some(torrent) = self.torrents.remove(&id) {
            torrent.bar.remove();
        }
        self.adding += 1;
        self.add(Addition { source: Source::from(&metainfo), options, ignored: None })
    }

    /// Reports the torrent as complete if libtorrent has checked it and found all wanted data.
    pub(super) fn finish(&mut self, id: TorrentId) -> Result<()> {
        if has_all_that_is_wanted(&self.patron.fresh_status(id).wait()?) {
            self.finished(id);
        }
        Ok(())
    }
}

pub(crate) fn is_same(one: &Path, other: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    absolute(one).is_ok_and(|one| absolute(other).is_ok_and(|other| one == other))
}

fn has_all_that_is_wanted(status: &TorrentStatus) -> bool {
    let checked = matches!(status.state, TorrentState::Finished | TorrentState::Seeding);
    checked && status.wanted_done == status.wanted_size
}
