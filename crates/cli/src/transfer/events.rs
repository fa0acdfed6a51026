//! What each event changes, and what is shown of it.

use torrent_patron::error::ErrorKind;
use torrent_patron::torrent::{TorrentState, TorrentStatus};
use torrent_patron::{Error, Event, TorrentId};

use super::{Mode, Phase, Transfer};
use crate::{Result, output};

impl Transfer {
    pub(super) fn handle_all(&mut self) -> Result<()> {
        while !self.interrupt.is_interrupted()
            && let Some(event) = self.patron.try_recv()
        {
            self.handle(&event)?;
        }
        Ok(())
    }

    pub(super) fn handle(&mut self, event: &Event) -> Result<()> {
        // The addresses known at the start have been shown already.
        if let Event::Listening { address } = event
            && !self.listening.insert(*address)
        {
            return Ok(());
        }
        if self.json {
            output::event(event);
        }
        match event {
            Event::TorrentAdded { id, name, info_hashes, save_dir, complete } => {
                self.not_restored.retain(|torrent| !torrent.overlap(info_hashes));
                // The torrents of this run are added after those of the store.
                if !self.restoring {
                    self.adding -= 1;
                }
                let was_complete = self.restoring && *complete;
                self.record(*id, name, save_dir.clone(), was_complete);
            }
            Event::AlreadyAdded { id, .. } => {
                self.adding -= 1;
                let continued = self.continue_torrent(*id);
                self.check(*id, continued)?;
            }
            Event::Restored { torrents, failed, .. } => {
                self.record_restored()?;
                // Some may not be known, and so not be complete.
                if self.interrupt.is_interrupted() {
                    return Ok(());
                }
                for (id, torrent) in &mut self.torrents {
                    let status = self.patron.status(*id);
                    torrent.reached_goal = status.is_some_and(|status| status.paused);
                }
                self.restoring = false;
                self.adding -= 1;
                if torrents + failed == 0 {
                    return Ok(());
                }
            }
            Event::RestoreFailed { info_hashes, .. } => {
                self.not_restored.push(*info_hashes);
                self.screen.warn(format_args!("error: {event}"));
                return Ok(());
            }
            Event::StoreFailed { .. } => {
                self.failed = true;
                self.screen.warn(format_args!("error: {event}"));
                return Ok(());
            }
            Event::AddFailed { error, .. } => {
                self.not_added(format_args!("{error}{}", self.hint(error)));
                return Ok(());
            }
            Event::Status(status) => return self.status(status),
            Event::MetadataReceived { id, name, .. } => {
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.name = name.clone();
                    torrent.bar.name(name);
                }
                self.select_files(*id);
            }
            Event::TorrentRemoved { id, .. } => {
                if let Some(torrent) = self.torrents.remove(id) {
                    torrent.bar.remove();
                }
            }
            Event::GoalReached { id, .. } => {
                self.finished(*id);
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::GoalReached;
                }
            }
            Event::Finished { id, .. } => {
                // With a store, other files may have been selected since.
                if !self.has_store {
                    self.finished(*id);
                } else if self.torrents.contains_key(id) {
                    let finished = self.finish(*id);
                    self.check(*id, finished)?;
                }
                return Ok(());
            }
            // A peer sent the metadata of another torrent. Other peers are asked.
            Event::Error { name, error, .. } if error.kind() == ErrorKind::NoMetadata => {
                self.screen.warn(format_args!("warning: {name}: {error}"));
                return Ok(());
            }
            Event::Error { id, name, error } => {
                self.failed = true;
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.phase = Phase::Failed;
                }
                self.screen.warn(format_args!("error: {name}: {error}{}", self.hint(error)));
                return Ok(());
            }
            Event::ListenFailed { error, .. } => {
                self.screen.warn(format_args!("warning: {error}"));
                return Ok(());
            }
            Event::DescriptorLimit { .. }
            | Event::SessionError { .. }
            | Event::StateRestoreFailed { .. } => {
                self.screen.warn(format_args!("warning: {event}"));
                return Ok(());
            }
            Event::ClientStopped { error: Some(error) } => return Err(error.clone().into()),
            _ => {}
        }
        self.explain(event);
        Ok(())
    }

    fn explain(&mut self, event: &Event) {
        if let Some(line) = self.explainer.explain(event) {
            self.screen.line(line);
        }
    }

    fn status(&mut self, status: &TorrentStatus) -> Result<()> {
        let Some(torrent) = self.torrents.get_mut(&status.id) else { return Ok(()) };
        let mut shown = status.clone();
        if self.mode == Mode::Download && status.finished && torrent.phase == Phase::Running {
            // Until `Finished`, the files are checked.
            shown.state = TorrentState::CheckingFiles;
        }
        torrent.bar.status(&shown);
        if torrent.reached_goal && status.finished {
            torrent.phase = Phase::GoalReached;
        }
        let incomplete = status.state == TorrentState::Downloading && !status.finished;
        if self.mode == Mode::Seed && incomplete && !torrent.warned_incomplete {
            torrent.warned_incomplete = true;
            let percent = f64::from((status.progress * 1000.0).floor()) / 10.0;
            self.screen.warn(format_args!("{}: INCOMPLETE: {percent:.1} %", torrent.name));
            let goals = self.goals.unwrap_or_default();
            if goals.seed_time.is_some() && goals.share_ratio.is_none() {
                let why = "it is incomplete, so --seed-time would never be reached";
                self.give_up(status.id, "seed the torrent", why.into());
                return Ok(());
            }
        }
        if !self.screen.has_bars() && torrent.status_lines.allows() {
            self.explain(&Event::Status(status.clone()));
        }
        // There is no `Finished` for trusted data, because it was complete from the start.
        if self.mode == Mode::Seed && status.seeding {
            self.finished(status.id);
        }
        Ok(())
    }

    /// Shows a result. Without --json it goes to stdout.
    pub(super) fn finished(&mut self, id: TorrentId) {
        let Some(torrent) = self.torrents.get_mut(&id) else { return };
        if torrent.phase != Phase::Running {
            return;
        }
        torrent.phase = Phase::Complete;
        if self.json {
            return;
        }
        let what = match self.mode {
            Mode::Download => "complete",
            Mode::Seed => "seeding ",
        };
        let path = torrent.save_dir.join(&*torrent.name);
        self.screen.result(format_args!("{what}  {}", path.display()));
    }

    /// Returns the option that helps after an error, if one does.
    fn hint(&self, error: &Error) -> &'static str {
        match error.kind() {
            ErrorKind::Exists if self.mode == Mode::Download => {
                "; use --overwrite to reuse it anyway"
            }
            _ => "",
        }
    }
}
