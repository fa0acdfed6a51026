//! How much a file or a piece is wanted.

/// How much a file or a piece is wanted (`lt::download_priority_t`), from 0 to 7: 0 is not at all,
/// 4 the default, 7 the most.
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
    /// The priority unless another one is chosen.
    pub const DEFAULT: Self = Self(4);
    /// Before all others.
    pub const TOP: Self = Self(7);

    /// A level from 0 to 7; higher values become 7.
    pub const fn new(level: u8) -> Self {
        if level > 7 { Self::TOP } else { Self(level) }
    }

    /// The level, from 0 to 7.
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
