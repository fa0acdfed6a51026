//! Limits on the resources that a torrent may use.

use crate::error::{Error, ErrorKind, Result};

/// Limits for a torrent, which apply to all of its peers together. `None`: only the client's limits apply.
///
/// A limit of 0 is refused with [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument): to
/// stop a torrent, [pause](crate::Patron::pause) it.
///
/// ```
/// use torrent_patron::torrent::Limits;
///
/// let limits = Limits::default().upload_limit(500_000).upload_slots(4);
/// assert_eq!((limits.upload_limit, limits.download_limit), (Some(500_000), None));
/// ```
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize), serde(default))]
#[non_exhaustive]
pub struct Limits {
    /// The download rate, in bytes per second.
    pub download_limit: Option<u32>,
    /// The upload rate, in bytes per second.
    pub upload_limit: Option<u32>,
    /// The number of connections. libtorrent allows no fewer than 2.
    pub connections_limit: Option<u32>,
    /// The number of peers that are served at once.
    pub upload_slots: Option<u32>,
}

impl Limits {
    /// Sets [`download_limit`](Limits::download_limit), in bytes per second.
    pub fn download_limit(mut self, rate: u32) -> Self {
        self.download_limit = Some(rate);
        self
    }

    /// Sets [`upload_limit`](Limits::upload_limit), in bytes per second.
    pub fn upload_limit(mut self, rate: u32) -> Self {
        self.upload_limit = Some(rate);
        self
    }

    /// Sets [`connections_limit`](Limits::connections_limit).
    pub fn connections_limit(mut self, count: u32) -> Self {
        self.connections_limit = Some(count);
        self
    }

    /// Sets [`upload_slots`](Limits::upload_slots).
    pub fn upload_slots(mut self, count: u32) -> Self {
        self.upload_slots = Some(count);
        self
    }

    pub(crate) fn check(self, op: &'static str) -> Result<()> {
        let Self { download_limit, upload_limit, connections_limit, upload_slots } = self;
        refuse_zero(op, &[download_limit, upload_limit, connections_limit, upload_slots])
    }
}

/// Returns an error for a limit of 0, which libtorrent reads as no limit.
pub(crate) fn refuse_zero(op: &'static str, limits: &[Option<u32>]) -> Result<()> {
    if limits.contains(&Some(0)) {
        let message = "a limit of 0 would allow nothing; None is no limit";
        return Err(Error::new(ErrorKind::InvalidArgument, op, message));
    }
    Ok(())
}
