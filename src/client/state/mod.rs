//! The client thread's state. Plain data: nothing here knows about the engine or the thread, and
//! the caller passes in the time.

pub(in crate::client) mod admission;
pub(in crate::client) mod commits;
pub(in crate::client) mod goals;
pub(in crate::client) mod last_errors;
pub(in crate::client) mod listening;
pub(in crate::client) mod open_requests;
pub(in crate::client) mod readers;
pub(in crate::client) mod save_queue;
pub(in crate::client) mod statuses;
pub(in crate::client) mod subscriptions;
pub(in crate::client) mod torrent;
pub(in crate::client) mod torrents;
mod windows;

#[cfg(test)]
pub(in crate::client) mod fixtures {
    use std::sync::Arc;

    use crossbeam_channel::bounded;

    use crate::add::{Defaults, Prepared};
    use crate::messages::member::Member;
    use crate::messages::service::Service;
    use crate::model::{InfoHashV1, InfoHashV2, InfoHashes};

    /// Creates patrons without a client thread.
    pub(super) fn members<const N: usize>() -> [Arc<Member>; N] {
        let reads = Box::new(Vec::new);
        let service = Service::new(bounded(1), bounded(1).0, Defaults::default(), reads);
        std::array::from_fn(|_| service.join())
    }

    pub(in crate::client) fn hashes(v1: Option<u8>, v2: Option<u8>) -> InfoHashes {
        InfoHashes {
            v1: v1.map(|number| InfoHashV1([number; 20])),
            v2: v2.map(|number| InfoHashV2([number; 32])),
        }
    }

    pub(in crate::client) fn prepared(number: u8) -> Prepared {
        Prepared {
            source: format!("{number}.torrent").into(),
            name: format!("torrent-{number}").into(),
            info_hashes: hashes(Some(number), None),
            save_dir: "incomplete".into(),
            move_to: None,
            paused: false,
            complete: false,
            goals: Default::default(),
            replicas: 0,
            verify: false,
            problem: None,
            unfinished: None,
            stops_itself: false,
            stored: None,
            figures: None,
            params: Box::new(()),
        }
    }
}
