//! The priority of a file or a piece.

/// The priority of a file or a piece (`lt::download_priority_t`), from 0 to 7: 0 is not downloaded, 4 is the
/// default, 7 is the highest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(from = "u8"))]
pub struct Priority(u8);

/// The same as [`Priority::new`].
impl From<u8> for Priority {
    fn from(level: u8) -> Self {
        Self::new(level)
    }
}

impl Priority {
    /// It is not downloaded.
    pub const SKIP: Self = Self(0);
    /// After all others.
    pub const LOW: Self = Self(1);
    /// The default priority.
    pub const DEFAULT: Self = Self(4);
    /// Before all others.
    pub const TOP: Self = Self(7);

    /// Creates a priority from 0 to 7; higher values become 7.
    pub const fn new(level: u8) -> Self {
        if level > 7 { Self::TOP } else { Self(level) }
    }

    /// Returns the level, from 0 to 7.
    pub const fn level(self) -> u8 {
        self.0
    }
}

impl Default for Priority {
    fn default() -> Self {
        Self::DEFAULT
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn a_priority_in_json_is_its_level() {
        assert_eq!(serde_json::to_string(&Priority::DEFAULT).unwrap(), "4");
        assert_eq!(serde_json::from_str::<Priority>("200").unwrap(), Priority::TOP);
    }
}
