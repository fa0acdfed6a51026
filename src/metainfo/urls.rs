//! The URLs in a torrent.

use std::collections::HashSet;

use crate::model::{Tracker, url};
use crate::sys::DescriptionRecord;

/// The trackers and web seeds in a stranger's torrent. An invalid URL is left out; it is no reason to refuse
/// the torrent.
#[derive(Debug, Default)]
pub(crate) struct Urls {
    pub(crate) trackers: Vec<Tracker>,
    pub(crate) web_seeds: Vec<String>,
    /// HTTP seeds (BEP 17).
    pub(crate) http_seeds: Vec<String>,
    /// The first invalid URLs.
    pub(crate) invalid: Vec<String>,
    known: HashSet<(Use, String)>,
    has_more: bool,
}

/// The purpose of a URL: one server may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Use {
    Tracker,
    WebSeed,
    HttpSeed,
}

const MOST_INVALID: usize = 20;

/// The maximum number of trackers, and of web seeds, that are used. libtorrent iterates over all of them
/// whenever one fails.
pub(super) const MOST_USED: usize = 1024;

impl Urls {
    pub(crate) fn of(record: &DescriptionRecord) -> Self {
        let mut urls = Self::default();
        for tracker in &record.trackers {
            urls.tracker(&tracker.url, u8::try_from(tracker.tier).unwrap_or(u8::MAX));
        }
        for url in &record.web_seeds {
            urls.web_seed(url);
        }
        for url in &record.http_seeds {
            let url = urls.take(Use::HttpSeed, web_seed(url));
            urls.http_seeds.extend(url);
        }
        urls
    }

    /// Takes the URLs of a torrent that was added before, which are valid.
    pub(crate) fn sound(trackers: Vec<Tracker>, web_seeds: Vec<String>) -> Self {
        Self { trackers, web_seeds, ..Self::default() }
    }

    pub(crate) fn tracker(&mut self, url: &str, tier: u8) {
        // Many programs write an empty URL if there is no tracker.
        if url.trim().is_empty() {
            return;
        }
        let url = self.take(Use::Tracker, url::tracker(url));
        self.trackers.extend(url.map(|url| Tracker { url, tier }));
    }

    pub(crate) fn web_seed(&mut self, url: &str) {
        let url = self.take(Use::WebSeed, web_seed(url));
        self.web_seeds.extend(url);
    }

    /// Takes a URL, unless it was taken before or there are too many.
    fn take(&mut self, what: Use, url: Result<String, String>) -> Option<String> {
        let taken = match what {
            Use::Tracker => self.trackers.len(),
            Use::WebSeed => self.web_seeds.len(),
            Use::HttpSeed => self.http_seeds.len(),
        };
        if taken >= MOST_USED {
            if !std::mem::replace(&mut self.has_more, true) {
                tracing::warn!(
                    "a torrent names too many trackers or web seeds: the first {MOST_USED} are used"
                );
            }
            return None;
        }
        match url {
            Ok(url) => self.known.insert((what, url.clone())).then_some(url),
            Err(reason) => {
                self.leave_out(reason);
                None
            }
        }
    }

    /// Keeps the reason for users.
    pub(crate) fn leave_out(&mut self, reason: String) {
        if self.invalid.len() < MOST_INVALID {
            tracing::warn!(reason, "ignored an invalid part of a torrent");
            self.invalid.push(reason);
        }
    }
}

/// Normalizes the URL of a web seed. When libtorrent reads a .torrent file, it percent-encodes the path,
/// including white space at the end, which may also appear when the fragment is removed.
fn web_seed(url: &str) -> Result<String, String> {
    const SPACE: [&str; 6] = ["%20", "%09", "%0a", "%0A", "%0d", "%0D"];
    let mut url = url::web_seed(url)?;
    while SPACE.iter().any(|space| url.ends_with(space)) {
        url.truncate(url.len() - SPACE[0].len());
    }
    Ok(url)
}
