//! Decides when a torrent has reached its goals. libtorrent has share limits only for torrents that it
//! queues.

use crate::model::{Goal, Goals, TorrentStatus};

pub(in crate::client) fn is_open(goals: &Goals) -> bool {
    goals.share_ratio.is_some() || goals.seed_time.is_some()
}

pub(in crate::client) fn reached(goals: &Goals, status: &TorrentStatus) -> Option<Goal> {
    if !status.finished || status.paused {
        return None;
    }
    // An idle torrent is not reported again, but its seeding time increases.
    let seeded = status.seeding_time + status.age();
    if goals.share_ratio.is_some_and(|wanted| status.ratio() >= wanted) {
        Some(Goal::ShareRatio)
    } else if goals.seed_time.is_some_and(|wanted| seeded >= wanted) {
        Some(Goal::SeedTime)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::model::{GoalAction, TorrentId};

    fn seeding() -> TorrentStatus {
        TorrentStatus {
            finished: true,
            all_time_downloaded: 100,
            all_time_uploaded: 150,
            seeding_time: Duration::from_secs(60),
            ..TorrentStatus::new(TorrentId::next(), "")
        }
    }

    #[test]
    fn an_action_alone_is_no_goal() {
        assert!(!is_open(&Goals::default().then(GoalAction::Remove)));
        assert!(is_open(&Goals::default().share_ratio(1.0)));
        assert!(is_open(&Goals::default().seed_time(Duration::ZERO)));
    }

    #[test]
    fn a_ratio_or_a_time_is_reached_by_a_torrent_that_seeds() {
        let ratio = Goals::default().share_ratio(1.5);
        assert_eq!(reached(&ratio, &seeding()), Some(Goal::ShareRatio));
        assert_eq!(reached(&Goals::default().share_ratio(1.6), &seeding()), None);
        let time = Goals::default().seed_time(Duration::from_secs(60));
        assert_eq!(reached(&time, &seeding()), Some(Goal::SeedTime));
        assert_eq!(reached(&ratio, &TorrentStatus { paused: true, ..seeding() }), None);
        assert_eq!(reached(&ratio, &TorrentStatus { finished: false, ..seeding() }), None);
    }

    #[test]
    fn the_time_of_a_torrent_at_rest_goes_on() {
        let goals = Goals::default().seed_time(Duration::from_secs(70));
        assert_eq!(reached(&goals, &seeding()), None);
        let Some(earlier) = Instant::now().checked_sub(Duration::from_secs(10)) else { return };
        let at_rest = TorrentStatus { updated: earlier, ..seeding() };
        assert_eq!(reached(&goals, &at_rest), Some(Goal::SeedTime));
    }
}
