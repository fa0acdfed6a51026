//! What the service knows about a patron.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use crate::messages::mailbox::Mailbox;
use crate::model::{Event, EventKind, EventKinds};

/// What happens to a patron's torrents when the patron leaves, that is, when its last clone is dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum OnLeave {
    /// They continue without an owner. Other patrons can watch them.
    #[default]
    KeepSeeding,
    /// They are paused.
    Pause,
    /// They are removed; their files stay.
    Remove,
}

/// Identifies a patron of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberId(u64);

impl MemberId {
    pub(crate) const fn new(number: u64) -> Self {
        Self(number)
    }
}

/// A patron, as the service and the client thread know it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) mailbox: Mailbox,
    wanted: AtomicU64,
    on_leave: AtomicU8,
    left: AtomicBool,
}

impl Member {
    pub(crate) fn new(id: MemberId) -> Self {
        Self {
            id,
            mailbox: Mailbox::default(),
            wanted: AtomicU64::new(EventKinds::DEFAULT.bits()),
            on_leave: AtomicU8::new(OnLeave::default() as u8),
            left: AtomicBool::new(false),
        }
    }

    pub(crate) fn leave(&self) {
        self.left.store(true, Ordering::Release);
    }

    /// Returns whether the patron has left. A torrent that is added after that has no owner.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    pub(crate) fn wanted(&self) -> EventKinds {
        EventKinds::from_bits(self.wanted.load(Ordering::Relaxed))
    }

    /// Sets the kinds. Returns the previous ones.
    pub(crate) fn subscribe(&self, kinds: EventKinds) -> EventKinds {
        EventKinds::from_bits(self.wanted.swap(kinds.bits(), Ordering::Relaxed))
    }

    pub(crate) fn wants(&self, kind: EventKind) -> bool {
        self.wanted().contains(kind)
    }

    /// Puts an event into the mailbox if the patron subscribes to it, or if it answers a message of the
    /// patron.
    pub(crate) fn send(&self, event: &Event) {
        if self.wants(event.kind()) {
            self.mailbox.push(event.clone());
        }
    }

    pub(crate) fn set_on_leave(&self, policy: OnLeave) {
        self.on_leave.store(policy as u8, Ordering::Relaxed);
    }

    pub(crate) fn on_leave(&self) -> OnLeave {
        const PAUSE: u8 = OnLeave::Pause as u8;
        const CLOSE: u8 = OnLeave::Remove as u8;
        match self.on_leave.load(Ordering::Relaxed) {
            PAUSE => OnLeave::Pause,
            CLOSE => OnLeave::Remove,
            _ => OnLeave::KeepSeeding,
        }
    }
}
