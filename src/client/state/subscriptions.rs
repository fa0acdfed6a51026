//! The subscriptions that the client thread has acted on.

use crate::model::{EventKind, EventKinds};

pub(in crate::client) struct Subscriptions {
    version: u64,
    /// The costly kinds that patrons subscribe to.
    wanted: EventKinds,
}

impl Default for Subscriptions {
    fn default() -> Self {
        Self { version: 0, wanted: EventKinds::NONE }
    }
}

impl Subscriptions {
    /// Returns whether subscriptions have changed. The service counts changes.
    pub(in crate::client) fn have_changed(&mut self, version: u64) -> bool {
        std::mem::replace(&mut self.version, version) != version
    }

    /// Sets the costly kinds. Returns whether they have changed.
    pub(in crate::client) fn set_wanted(&mut self, wanted: EventKinds) -> bool {
        std::mem::replace(&mut self.wanted, wanted) != wanted
    }

    pub(in crate::client) fn wants(&self, kind: EventKind) -> bool {
        self.wanted.contains(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_seen_once() {
        let mut subscriptions = Subscriptions::default();
        assert!(!subscriptions.have_changed(0));
        assert!(subscriptions.have_changed(1) && !subscriptions.have_changed(1));
        let pieces = [EventKind::PieceFinished].into_iter().collect();
        assert!(subscriptions.set_wanted(pieces) && !subscriptions.set_wanted(pieces));
        assert!(subscriptions.wants(EventKind::PieceFinished));
        assert!(!subscriptions.wants(EventKind::Statistics));
    }
}
