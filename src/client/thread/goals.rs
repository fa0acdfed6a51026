//! Torrents that are to end when they have given back enough. libtorrent has no such rule but for
//! those that it queues.

use std::collections::HashMap;

use super::ClientThread;
use crate::client::state::torrents::Closing;
use crate::engine::Engine;
use crate::error::Result;
use crate::messages::command::Files;
use crate::messages::request::TorrentRequest;
use crate::model::{Event, Goal, GoalAction, Goals, TorrentFlag, TorrentId, TorrentStatus};

/// Only torrents that have a goal: the others cost nothing.
#[derive(Default)]
pub(in crate::client) struct OpenGoals(HashMap<TorrentId, Goals>);

impl OpenGoals {
    pub(in crate::client) fn set(&mut self, id: TorrentId, goals: Goals) {
        if goals.share_ratio.is_some() || goals.seed_time.is_some() {
            self.0.insert(id, goals);
        } else {
            self.0.remove(&id);
        }
    }

    pub(in crate::client) fn forget(&mut self, id: TorrentId) {
        self.0.remove(&id);
    }
}

fn reached(goals: &Goals, status: &TorrentStatus) -> Option<Goal> {
    if !status.finished || status.paused {
        return None;
    }
    // A torrent at rest is not reported again, but its time goes on.
    let seeded = status.seeding_time + status.age();
    if goals.share_ratio.is_some_and(|wanted| status.ratio() >= wanted) {
        Some(Goal::ShareRatio)
    } else if goals.seed_time.is_some_and(|wanted| seeded >= wanted) {
        Some(Goal::SeedTime)
    } else {
        None
    }
}

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn set_goals(&mut self, id: TorrentId, goals: Goals) -> Result<()> {
        let torrent = self.routes.open(id, "set the goals of the torrent")?;
        torrent.own.goals = goals;
        self.goals.set(id, goals);
        self.save_soon(id);
        Ok(())
    }

    fn end(&mut self, id: TorrentId, files: Files) -> Result<()> {
        self.engine.remove(id, files == Files::Delete)?;
        if let Some(torrent) = self.routes.get_mut(id) {
            torrent.closing = Some(Closing { files, from: None, reply: None });
        }
        Ok(())
    }

    pub(in crate::client) fn look_at_goals(&mut self) {
        let there: Vec<_> = self
            .goals
            .0
            .iter()
            .filter_map(|(id, goals)| {
                let status = self.service.statuses.get(*id)?;
                Some((*id, reached(goals, &status)?, goals.then))
            })
            .collect();
        for (id, goal, then) in there {
            self.goal_reached(id, goal, then);
        }
    }

    fn goal_reached(&mut self, id: TorrentId, goal: Goal, then: GoalAction) {
        let Ok(torrent) = self.routes.open(id, "end the torrent") else { return };
        torrent.own.goals = Goals::default();
        self.goals.forget(id);
        self.tell(id, |name| Event::GoalReached { id, name, goal });
        let ended = match then {
            GoalAction::Pause => self.engine.pause(id),
            GoalAction::Close => self.end(id, Files::Keep),
            GoalAction::CloseAndDelete => self.end(id, Files::Delete),
            GoalAction::SuperSeed => {
                let asked = TorrentRequest::Flag(TorrentFlag::SuperSeeding, true);
                self.request_of_torrent(id, asked, Box::new(|_| ()));
                Ok(())
            }
        };
        if let Err(error) = ended {
            tracing::warn!(%id, %error, "a torrent that has reached its goal goes on");
        }
    }
}
