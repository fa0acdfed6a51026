//! The scenarios.

use std::str::FromStr;

use anyhow::{Error, bail};

/// Requests outstanding on all connections together, if that is enough for each.
const PIPELINES: usize = 4096;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// Random pieces of the large torrent, which is in the page cache.
    HotLarge,
    /// Random pieces of the large torrent for peers that keep few requests outstanding.
    HotShallow,
    /// Random pieces of the small torrents, which are in the page cache.
    HotSmall,
    /// Pieces of the large torrent that are only on disk.
    ColdLarge,
    /// Pieces of the small torrents that are only on disk.
    ColdSmall,
    /// Small torrents that are in the page cache, while the large one is read from the disk.
    HotWhileCold,
}

impl Scenario {
    const ALL: [Self; 6] = [
        Self::HotLarge,
        Self::HotShallow,
        Self::HotSmall,
        Self::ColdLarge,
        Self::ColdSmall,
        Self::HotWhileCold,
    ];

    pub(crate) fn key(self) -> &'static str {
        match self {
            Self::HotLarge => "hot-large",
            Self::HotShallow => "hot-shallow",
            Self::HotSmall => "hot-small",
            Self::ColdLarge => "cold-large",
            Self::ColdSmall => "cold-small",
            Self::HotWhileCold => "hot-while-cold",
        }
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::HotLarge => "One large torrent, in the page cache",
            Self::HotShallow => {
                "One large torrent, in the page cache, 16 requests outstanding on each connection"
            }
            Self::HotSmall => "Many small torrents, in the page cache",
            Self::ColdLarge => "One large torrent, on the disk",
            Self::ColdSmall => "Many small torrents, on the disk",
            Self::HotWhileCold => {
                "Small torrents in the page cache, beside a large one on the disk"
            }
        }
    }

    pub(crate) fn is_hot(self) -> bool {
        matches!(self, Self::HotLarge | Self::HotShallow | Self::HotSmall)
    }

    /// Returns the number of outstanding requests on each of this many connections. libtorrent's own default
    /// is 500; with 16, a seeder has 256 KiB to send while the next requests are on their way.
    pub(crate) fn pipeline(self, connections: usize) -> u32 {
        match self {
            Self::HotShallow => 16,
            _ => (PIPELINES / connections).clamp(16, 128) as u32,
        }
    }

    /// Returns the torrent of each connection, as an index into the data: first the large one, then the small
    /// ones. A connection is for one torrent.
    pub(crate) fn torrents(self, connections: u32, all: usize) -> Vec<usize> {
        let small = |number: u32| 1 + number as usize % (all - 1);
        match self {
            Self::HotLarge | Self::HotShallow | Self::ColdLarge => vec![0; connections as usize],
            _ => (0..connections).map(small).collect(),
        }
    }
}

impl FromStr for Scenario {
    type Err = Error;

    fn from_str(key: &str) -> Result<Self, Error> {
        match Self::ALL.into_iter().find(|scenario| scenario.key() == key) {
            Some(scenario) => Ok(scenario),
            None => bail!("there is no scenario called {key}"),
        }
    }
}
