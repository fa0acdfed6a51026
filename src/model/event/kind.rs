//! The kinds of event, and the sets of them that a patron subscribes to.

use std::fmt;

use super::EventKind;
use crate::model::bit_set::{BitSet, element};

impl EventKind {
    const fn bit(self) -> u64 {
        1 << self as u8
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Families of alerts that cost libtorrent work (`lt::alert_category`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AlertFamily {
    /// Also the errors with which a connection ends.
    Peers,
    Connections,
    Trackers,
    Files,
    Pieces,
    Performance,
}

element!(EventKind, default: EventKinds::DEFAULT.bits());

/// A set of event kinds, for [`Patron::subscribe`](crate::Patron::subscribe). The default is
/// [`DEFAULT`](EventKinds::DEFAULT).
///
/// ```
/// use torrent_patron::event::{EventKind, EventKinds};
///
/// let kinds = EventKinds::DEFAULT.with(EventKind::PieceFinished).without(EventKind::Status);
/// assert!(kinds.contains(EventKind::PieceFinished) && !kinds.contains(EventKind::Status));
/// let few = EventKinds::from([EventKind::Finished, EventKind::Error]);
/// assert_eq!(few.len(), 2);
/// ```
pub type EventKinds = BitSet<EventKind>;

impl BitSet<EventKind> {
    /// The kinds that are delivered only on request, because they are frequent or cost work. Their
    /// documentation says so.
    pub const ON_REQUEST: Self = {
        let (mut bits, mut i) = (0, 0);
        while i < EventKind::ALL.len() {
            let kind = EventKind::ALL[i];
            if kind.is_on_request() {
                bits |= kind.bit();
            }
            i += 1;
        }
        Self::of_bits(bits)
    };

    const fn of(kinds: &[EventKind]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < kinds.len() {
            bits |= kinds[i].bit();
            i += 1;
        }
        Self::of_bits(bits)
    }

    /// What a new patron receives: every kind except those [on request](EventKinds::ON_REQUEST).
    pub const DEFAULT: Self = Self::of_bits(Self::ALL.bits() & !Self::ON_REQUEST.bits());

    /// The kinds that are delivered to every patron, subscribed or not. `TorrentRemoved` is the last event of
    /// a torrent, `Lagged` reports missing events, and `ClientStopped` is the last event.
    pub const ALWAYS: Self =
        Self::of(&[EventKind::TorrentRemoved, EventKind::Lagged, EventKind::ClientStopped]);

    /// The kinds that cost libtorrent or the client work while a patron subscribes to them.
    pub(crate) const COSTLY: Self =
        Self::of_bits(Self::ON_REQUEST.bits() | EventKind::PeerBanned.bit());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_what_they_say() {
        assert_eq!(EventKinds::ALL.iter().count(), EventKind::ALL.len());
        assert_eq!(EventKinds::DEFAULT | EventKinds::ON_REQUEST, EventKinds::ALL);
        assert!((EventKinds::DEFAULT & EventKinds::ON_REQUEST).is_empty());
        assert!(EventKinds::NONE.iter().next().is_none());
        for kind in EventKind::ALL {
            assert!(EventKinds::from(*kind).contains(*kind));
            assert!(!EventKinds::ALL.without(*kind).contains(*kind));
            assert_eq!(
                (EventKinds::ALL - EventKinds::from(*kind)).iter().count(),
                EventKind::ALL.len() - 1
            );
        }
        assert_eq!(EventKinds::from_bits(u64::MAX), EventKinds::ALL);
    }

    #[cfg(feature = "serde")]
    #[test]
    fn a_kind_has_the_name_of_its_event() {
        let tag = |kind: EventKind| serde_json::to_value(kind).unwrap();
        for event in super::super::tests::one_of_each() {
            assert_eq!(serde_json::to_value(&event).unwrap()["event"], tag(event.kind()));
            assert_eq!(
                serde_json::from_value::<EventKind>(tag(event.kind())).unwrap(),
                event.kind()
            );
        }
    }
}
