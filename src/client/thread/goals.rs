//! Acts on torrents that have reached a goal.

use super::client_thread::ClientThread;
use crate::client::state::goals::reached;
use crate::client::state::torrent::Removing;
use crate::engine::Engine;
use crate::error::Result;
use crate::messages::command::RemoveFiles;
use crate::messages::request;
use crate::model::op;
use crate::model::{Event, Goal, GoalAction, Goals, TorrentFlag, TorrentId};

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn set_goals(&mut self, id: TorrentId, goals: Goals) -> Result<()> {
        let op = op::SET_GOALS;
        self.torrents.open(id, op)?;
        goals.check(op)?;
        self.torrents.set_goals(id, goals);
        self.save_client_data(id);
        Ok(())
    }

    pub(in crate::client) fn check_goals(&mut self) {
        let reached: Vec<_> = self
            .torrents
            .with_goal()
            .filter_map(|(id, goals)| {
                let status = self.service.statuses.get(id)?;
                // Data that is still to be verified does not count.
                if !self.torrents.get(id)?.is_complete(&status) {
                    return None;
                }
                Some((id, reached(&goals, &status)?, goals.then))
            })
            .collect();
        for (id, goal, then) in reached {
            self.goal_reached(id, goal, then);
        }
    }

    fn goal_reached(&mut self, id: TorrentId, goal: Goal, then: GoalAction) {
        if self.torrents.open(id, "end the torrent").is_err() {
            return;
        }
        self.torrents.set_goals(id, Goals::default());
        self.publish(id, |name| Event::GoalReached { id, name, goal });
        let remove = |files| Removing { files, from: None, reply: None };
        match then {
            GoalAction::Pause => self.request(id, request::pause(false)),
            GoalAction::Remove => self.commit_removal(id, remove(RemoveFiles::Keep)),
            GoalAction::RemoveAndDelete => self.commit_removal(id, remove(RemoveFiles::Delete)),
            GoalAction::SuperSeed => {
                self.request(id, request::set_flag(TorrentFlag::SuperSeeding, true));
            }
        }
    }
}
