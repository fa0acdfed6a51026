//! The last errors of a torrent, so that the same error is not published again.

use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind};

/// Within this time, the same error, and any disk error after a disk error, is published only once. A full
/// disk fails every queued write, and then the reads of the missing data; and libtorrent reports some
/// failures twice, for the file and for the torrent. The first error is the cause.
const SAME_ERROR: Duration = Duration::from_secs(30);

/// Boxed, because most torrents never have an error.
#[derive(Default)]
pub(in crate::client) struct LastErrors(Option<Box<Known>>);

#[derive(Default)]
struct Known {
    error: Option<(Error, Instant)>,
    /// The URL of the tracker, and how many times in a row it has failed.
    tracker: Option<(Box<str>, u32)>,
}

fn follows(error: &Error, last: &Error) -> bool {
    last.native() == error.native()
        || (last.kind(), error.kind()) == (ErrorKind::Disk, ErrorKind::Disk)
}

impl LastErrors {
    pub(in crate::client) fn is_new(&mut self, error: &Error, now: Instant) -> bool {
        let known = self.last().is_some_and(|(last, when)| {
            follows(error, last) && now.saturating_duration_since(*when) < SAME_ERROR
        });
        if !known {
            self.0.get_or_insert_default().error = Some((error.clone(), now));
        }
        !known
    }

    /// Returns whether the failure of a tracker is new. A hybrid torrent is announced with both of its info
    /// hashes, so each failure is reported twice.
    pub(in crate::client) fn is_new_tracker_failure(
        &mut self,
        url: &str,
        times_in_row: u32,
    ) -> bool {
        let known = self.0.get_or_insert_default();
        let same = |(last, times): &(Box<str>, u32)| **last == *url && *times == times_in_row;
        let new = !known.tracker.as_ref().is_some_and(same);
        if new {
            known.tracker = Some((url.into(), times_in_row));
        }
        new
    }

    /// Returns the published error if this one is a consequence of it, and otherwise this one.
    pub(in crate::client) fn cause(&self, error: Error) -> Error {
        match self.last() {
            Some((last, _)) if follows(&error, last) => last.clone(),
            _ => error,
        }
    }

    /// Returns the error that stopped the torrent. libtorrent does not always report one: if a torrent's data
    /// cannot be read, the shim pauses it.
    pub(in crate::client) fn stopped_by(&self) -> Option<Error> {
        let (error, _) = self.last()?;
        (error.kind() == ErrorKind::Disk).then(|| error.clone())
    }

    /// Clears the errors when the torrent is resumed. Tracker failures are remembered.
    pub(in crate::client) fn forget(&mut self) {
        if let Some(known) = &mut self.0 {
            known.error = None;
        }
        self.0.take_if(|known| known.tracker.is_none());
    }

    fn last(&self) -> Option<&(Error, Instant)> {
        self.0.as_ref()?.error.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn full() -> Error {
        Error::from_code("write the file", "system", 28, "No space left on device").at_disk()
    }

    fn unreadable() -> Error {
        Error::from_code("read the file", "system", 5, "Input/output error").at_disk()
    }

    #[test]
    fn an_error_and_its_consequences_are_new_once_in_half_a_minute() {
        let (mut errors, now) = (LastErrors::default(), Instant::now());
        assert!(errors.is_new(&full(), now));
        assert!(!errors.is_new(&full(), now + SAME_ERROR / 2));
        assert!(!errors.is_new(&unreadable(), now + SAME_ERROR / 2));
        assert_eq!(errors.cause(unreadable()), full());
        let other = Error::from_code("use the metadata", "libtorrent", 1, "wrong hash");
        assert_eq!(errors.cause(other.clone()), other);
        assert!(errors.is_new(&full(), now + SAME_ERROR));
        assert!(errors.is_new(&other, now + SAME_ERROR));
    }

    #[test]
    fn an_error_is_new_again_when_the_torrent_was_resumed() {
        let (mut errors, now) = (LastErrors::default(), Instant::now());
        assert!(errors.is_new(&full(), now));
        assert_eq!(errors.stopped_by(), Some(full()));
        errors.forget();
        assert_eq!(errors.stopped_by(), None);
        assert!(errors.0.is_none(), "nothing is kept");
        assert!(errors.is_new(&full(), now));
    }

    #[test]
    fn a_file_that_is_too_short_stops_its_torrent() {
        let mut errors = LastErrors::default();
        let error = Error::from_code("read the file", "libtorrent", 23, "file too short").at_disk();
        assert!(errors.is_new(&error, Instant::now()));
        assert_eq!(errors.stopped_by(), Some(error));
    }

    #[test]
    fn a_tracker_is_known_by_its_url_and_its_count_of_failures() {
        let mut errors = LastErrors::default();
        assert!(errors.is_new_tracker_failure("udp://a", 1));
        assert!(!errors.is_new_tracker_failure("udp://a", 1));
        assert!(errors.is_new_tracker_failure("udp://b", 1));
        assert!(errors.is_new_tracker_failure("udp://b", 2));
        errors.forget();
        assert!(!errors.is_new_tracker_failure("udp://b", 2));
    }
}
