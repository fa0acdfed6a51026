//! What was attempted, as error messages say it, where several modules do.

pub(crate) const ADD: &str = "add the torrent";
pub(crate) const ADOPT: &str = "adopt the torrent";
pub(crate) const ANNOUNCE: &str = "announce to the tracker";
pub(crate) const CHANGE_SETTINGS: &str = "change the settings";
pub(crate) const LABELS: &str = "list the labels";
pub(crate) const LISTEN: &str = "listen for peers";
pub(crate) const MOVE: &str = "move the files";
pub(crate) const NOTES: &str = "list the notes";
pub(crate) const REMOVE: &str = "remove the torrent";
pub(crate) const RESTORE: &str = "restore the torrent";
pub(crate) const SET_GOALS: &str = "set the goals of the torrent";
pub(crate) const START: &str = "start the client";
pub(crate) const STATISTICS: &str = "get the statistics";
pub(crate) const STATUS: &str = "get the status";
pub(crate) const UNWATCH: &str = "unwatch the torrent";
pub(crate) const WAIT: &str = "wait until the torrent is complete";
pub(crate) const WATCH: &str = "watch the torrent";
