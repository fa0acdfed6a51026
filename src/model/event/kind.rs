//! Which kinds of event there are, and which of them a patron wants.

use std::fmt;
use std::ops::{BitOr, Sub};

use super::EventKind;

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

/// A set of kinds of event, for [`Patron::subscribe`](crate::Patron::subscribe).
///
/// ```
/// use torrent_patron::{EventKind, EventKinds};
///
/// let kinds = EventKinds::DEFAULT.with(EventKind::PieceFinished).without(EventKind::Status);
/// assert!(kinds.contains(EventKind::PieceFinished) && !kinds.contains(EventKind::Status));
/// let few: EventKinds = [EventKind::Finished, EventKind::Error].into_iter().collect();
/// assert_eq!(few.iter().count(), 2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct EventKinds(u64);

impl EventKinds {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Every kind.
    pub const ALL: Self = Self((1 << EventKind::ALL.len()) - 1);

    /// Those that come only when they are asked for, because there can be many of them or because
    /// they are work: `FileCompleted`, `PieceFinished`, `PeerConnected`, `PeerDisconnected`,
    /// `TrackerReply`, `Scraped`, `ScrapeFailed`, `PerformanceWarning`, `Statistics`, `ResumeData`.
    pub const ON_REQUEST: Self = Self::of(&super::ON_REQUEST);

    const fn of(kinds: &[EventKind]) -> Self {
        let mut set = Self::NONE;
        let mut i = 0;
        while i < kinds.len() {
            set = set.with(kinds[i]);
            i += 1;
        }
        set
    }

    /// What a new patron gets: all but those [on request](EventKinds::ON_REQUEST).
    pub const DEFAULT: Self = Self(Self::ALL.0 & !Self::ON_REQUEST.0);

    /// What comes whether it is wanted or not. `Closed` ends what a patron and its mailbox know of a
    /// torrent, `Lagged` says that events are missing, `ClientStopped` that no more will come.
    pub const ALWAYS: Self = Self::NONE
        .with(EventKind::TorrentRemoved)
        .with(EventKind::Lagged)
        .with(EventKind::ClientStopped);

    /// Those for which somebody works while they are wanted: libtorrent or the client.
    pub(crate) const COSTLY: Self = Self::ON_REQUEST.with(EventKind::PeerBanned);

    /// With this kind.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | kind.bit())
    }

    /// Without this kind.
    #[must_use]
    pub const fn without(self, kind: EventKind) -> Self {
        Self(self.0 & !kind.bit())
    }

    /// Whether this kind is among them.
    #[must_use]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & kind.bit() != 0
    }

    /// Whether there is none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds that are among them.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.iter().copied().filter(move |kind| self.contains(*kind))
    }

    pub(crate) const fn bits(self) -> u64 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Those that are in both.
    pub(crate) const fn both(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Default for EventKinds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl From<EventKind> for EventKinds {
    fn from(kind: EventKind) -> Self {
        Self::NONE.with(kind)
    }
}

impl FromIterator<EventKind> for EventKinds {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Those that are in either.
impl BitOr for EventKinds {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Those of the first that are not in the second.
impl Sub for EventKinds {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl fmt::Debug for EventKinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sets_are_what_they_say() {
        assert_eq!(EventKinds::ALL.iter().count(), EventKind::ALL.len());
        assert_eq!(EventKinds::DEFAULT | EventKinds::ON_REQUEST, EventKinds::ALL);
        assert!(EventKinds::DEFAULT.both(EventKinds::ON_REQUEST).is_empty());
        assert!(EventKinds::NONE.iter().next().is_none());
        for kind in EventKind::ALL {
            assert!(EventKinds::from(*kind).contains(*kind));
            assert!(!EventKinds::ALL.without(*kind).contains(*kind));
            assert_eq!((EventKinds::ALL - EventKinds::from(*kind)).iter().count(), 40);
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
