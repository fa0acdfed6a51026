//! The kinds of command.

use std::fmt;

macro_rules! command_kinds {
    ($($kind:ident)*) => {
        /// The kind of a [`Command`](crate::patron::Command). `Display` shows the variant's name.
        ///
        /// With the feature `serde`, it is written as the command's name there: `pause`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[cfg_attr(
            feature = "serde",
            derive(serde::Serialize, serde::Deserialize),
            serde(rename_all = "snake_case")
        )]
        #[non_exhaustive]
        pub enum CommandKind {
            $(
                #[doc = concat!("`Command::", stringify!($kind), "`.")]
                $kind,
            )*
        }

        impl CommandKind {
            /// Returns the variant's name: `AddTorrent`.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => stringify!($kind),)*
                }
            }
        }
    };
}

command_kinds! { AddTorrent RemoveTorrent Pause Resume Status Metainfo Watch Unwatch }

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
