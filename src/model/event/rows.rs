//! The macro that generates everything about each kind of event except its variant and its text.

/// One row per kind: its torrent, and how a mailbox keeps it while it is unread. Also, if it is delivered
/// only on request, and which alerts libtorrent must post for it.
macro_rules! event_kinds {
    ($($kind:ident: $about:ident, $keep:ident $(, $request:ident)? $(, [$($alerts:ident),*])?;)*) => {
        /// The kind of an [`Event`]: one for each variant.
        ///
        /// With the feature `serde`, it is written as the value of an event's `event` field.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "snake_case")
        )]
        #[repr(u8)]
        #[non_exhaustive]
        pub enum EventKind {
            $(#[doc = concat!("[`Event::", stringify!($kind), "`].")] $kind,)*
        }

        impl EventKind {
            /// All kinds.
            pub const ALL: &'static [Self] = &[$(Self::$kind,)*];

            /// Returns the variant's name: `TorrentAdded`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                }
            }

            pub(super) const fn is_on_request(self) -> bool {
                match self {
                    $(Self::$kind => is_on_request!($($request)?),)*
                }
            }

            /// The alerts that libtorrent posts only while somebody wants them.
            pub(crate) const fn alerts(self) -> &'static [AlertFamily] {
                match self {
                    $(Self::$kind => &[$($(AlertFamily::$alerts),*)?],)*
                }
            }
        }

        impl Event {
            /// Returns the kind of this event.
            pub fn kind(&self) -> EventKind {
                match self {
                    $(Self::$kind { .. } => EventKind::$kind,)*
                }
            }

            /// Returns the torrent that the event is about, if any.
            pub fn torrent(&self) -> Option<TorrentId> {
                match self {
                    $(event @ Self::$kind { .. } => about!($about $kind, event).map(|(id, _)| id),)*
                }
            }

            /// Returns the name of that torrent, if known.
            pub fn name(&self) -> Option<&Arc<str>> {
                match self {
                    $(event @ Self::$kind { .. } => {
                        about!($about $kind, event).and_then(|(_, name)| name)
                    })*
                }
            }

            /// Sets the name, for events that were created where it is not known.
            pub(crate) fn set_name(&mut self, to: Arc<str>) {
                match self {
                    $(event @ Self::$kind { .. } => set_name!($about $kind, event, to),)*
                }
            }

            pub(crate) fn keep(&self) -> Keep {
                match self {
                    $(Self::$kind { .. } => keep!($keep self.torrent()),)*
                }
            }
        }
    };
}

/// The id and the name of an event.
macro_rules! about {
    (torrent $kind:ident, $event:ident) => {
        if let Event::$kind { id, name, .. } = $event { Some((*id, Some(name))) } else { None }
    };
    (status $kind:ident, $event:ident) => {
        if let Event::$kind(status) = $event { Some((status.id, Some(&status.name))) } else { None }
    };
    (unnamed $kind:ident, $event:ident) => {
        if let Event::$kind { id, .. } = $event { Some((*id, None::<&Arc<str>>)) } else { None }
    };
    (maybe $kind:ident, $event:ident) => {
        if let Event::$kind { id: Some(id), name, .. } = $event {
            Some((*id, name.as_ref()))
        } else {
            None
        }
    };
    (perhaps $kind:ident, $event:ident) => {
        if let Event::$kind { id, .. } = $event {
            id.map(|id| (id, None::<&Arc<str>>))
        } else {
            None
        }
    };
    (client $kind:ident, $event:ident) => {{
        let _ = $event;
        None::<(TorrentId, Option<&Arc<str>>)>
    }};
}

macro_rules! set_name {
    (torrent $kind:ident, $event:ident, $to:ident) => {
        if let Event::$kind { name, .. } = $event {
            *name = $to;
        }
    };
    (maybe $kind:ident, $event:ident, $to:ident) => {
        if let Event::$kind { name, .. } = $event {
            *name = Some($to);
        }
    };
    ($about:ident $kind:ident, $event:ident, $to:ident) => {{
        let _ = ($event, $to);
    }};
}

macro_rules! keep {
    (newest_in_place $torrent:expr) => {
        Keep::NewestInPlace($torrent)
    };
    (newest $torrent:expr) => {
        $torrent.map_or(Keep::Bounded, Keep::NewestLast)
    };
    (last $torrent:expr) => {
        $torrent.map_or(Keep::Bounded, Keep::Final)
    };
    (bounded $torrent:expr) => {
        Keep::Bounded
    };
    (expendable $torrent:expr) => {
        Keep::Expendable
    };
    (always $torrent:expr) => {
        Keep::Always
    };
}

macro_rules! is_on_request {
    () => {
        false
    };
    (on_request) => {
        true
    };
}
