//! The report of a shutdown.

use std::fmt;
use std::time::Duration;

use crate::model::TorrentId;

/// What a shutdown did and what it left unfinished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How long it took; serialized as seconds.
    #[cfg_attr(
        feature = "serde",
        serde(serialize_with = "crate::model::serde_with::seconds::serialize")
    )]
    pub took: Duration,
    /// The number of torrents that the client had.
    pub torrents: usize,
    /// The number of commands and adds that were answered with `Stopped`, except those that only wait for a
    /// status or until a torrent is complete. A torrent that the store had already is added at the next start.
    pub unanswered: usize,
    /// Torrents whose files were still being deleted at the deadline.
    pub deletions_unfinished: Vec<TorrentId>,
    /// Torrents whose files were still being moved at the deadline.
    pub moves_unfinished: Vec<TorrentId>,
    /// The number of torrents whose resume data was wanted by a patron or the store but not saved by
    /// the deadline; at least 1 if the store could not write something else.
    pub unsaved: usize,
    /// Whether libtorrent has ended: trackers have been notified, files are flushed and closed. If
    /// not, it continues to shut down on a separate thread.
    pub engine_ended: bool,
}

impl ShutdownReport {
    /// Whether nothing was left unfinished.
    pub fn is_clean(&self) -> bool {
        self.unanswered == 0
            && self.deletions_unfinished.is_empty()
            && self.moves_unfinished.is_empty()
            && self.unsaved == 0
            && self.engine_ended
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torrents = self.torrents;
        let plural = if torrents == 1 { "" } else { "s" };
        write!(f, "stopped with {torrents} torrent{plural} in {:.1} s", self.took.as_secs_f64())?;
        for (what, count) in [
            ("commands not executed", self.unanswered),
            ("deletions not finished", self.deletions_unfinished.len()),
            ("moves not finished", self.moves_unfinished.len()),
            ("torrents whose resume data was not saved", self.unsaved),
        ] {
            if count > 0 {
                write!(f, "; {what}: {count}")?;
            }
        }
        if !self.engine_ended {
            write!(f, "; libtorrent is still notifying trackers or writing files")?;
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn reports_in_json() {
        let report = ShutdownReport {
            took: Duration::from_millis(250),
            torrents: 2,
            moves_unfinished: vec![TorrentId::new(3).unwrap()],
            ..ShutdownReport::default()
        };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            concat!(
                r#"{"took":0.25,"torrents":2,"unanswered":0,"deletions_unfinished":[],"#,
                r#""moves_unfinished":[3],"unsaved":0,"engine_ended":false}"#
            )
        );
    }
}
