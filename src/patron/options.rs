//! The options of a torrent.

use super::Patron;
use crate::messages::command::ClientCommand;
use crate::messages::request::{self, Ask};
use crate::model::op;
use crate::model::{Goals, Limits, QueueMove, TorrentFlag, TorrentId, TorrentOptions};
use crate::reply::Reply;
use crate::sys::{Torrent, convert};

/// Flags, limits and other options. Rates are in bytes per second. A torrent's limits apply to all of its
/// peers. The client's limits do not apply to peers on the local network
/// ([`PeerClass::LOCAL`](crate::peer::PeerClass::LOCAL)). The replies fail with
/// [`NotFound`](crate::error::ErrorKind::NotFound) or [`Gone`](crate::error::ErrorKind::Gone).
impl Patron {
    /// Returns the current options of the torrent.
    pub fn options(&self, id: TorrentId) -> Reply<TorrentOptions> {
        self.torrent_then(id, request::options(), convert::options)
    }

    /// Stops a torrent like [`pause`](Patron::pause), but first completes the blocks that it has requested
    /// and those that peers have requested from it.
    pub fn pause_gracefully(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, request::pause(true))
    }

    /// Turns a flag on or off.
    pub fn set_flag(&self, id: TorrentId, flag: TorrentFlag, on: bool) -> Reply<()> {
        self.torrent(id, request::set_flag(flag, on))
    }

    /// Sets all limits of the torrent; `None` removes a limit.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a limit of 0.
    pub fn set_limits(&self, id: TorrentId, limits: Limits) -> Reply<()> {
        const OP: &str = "limit the torrent";
        self.limit(id, OP, limits, move |torrent| convert::set_limits(torrent, limits))
    }

    /// Sets the download rate limit in bytes per second; with `None`, only the client's limit applies. The
    /// setters for a single limit leave the others unchanged, and have the same errors as
    /// [`set_limits`](Patron::set_limits).
    pub fn set_download_limit(&self, id: TorrentId, rate: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the download rate", rate, Limits::download_limit)
    }

    /// Sets the upload rate limit in bytes per second; with `None`, only the client's limit applies.
    pub fn set_upload_limit(&self, id: TorrentId, rate: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the upload rate", rate, Limits::upload_limit)
    }

    /// Sets how many peers the torrent may be connected to, at least 2; with `None`, only the client's limit
    /// applies.
    pub fn set_connections_limit(&self, id: TorrentId, count: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the connections", count, Limits::connections_limit)
    }

    /// Sets how many peers the torrent may serve at once; with `None`, only the client's limit applies.
    pub fn set_upload_slots(&self, id: TorrentId, count: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the upload slots", count, Limits::upload_slots)
    }

    fn limit_one(
        &self,
        id: TorrentId,
        op: &'static str,
        limit: Option<u32>,
        field: fn(Limits, u32) -> Limits,
    ) -> Reply<()> {
        let limits = limit.map_or(Limits::default(), |limit| field(Limits::default(), limit));
        self.limit(id, op, limits, move |torrent| convert::set_limit(torrent, field, limit))
    }

    fn limit(
        &self,
        id: TorrentId,
        op: &'static str,
        limits: Limits,
        set: impl Fn(&Torrent) -> Result<(), cxx::Exception> + Send + Sync + 'static,
    ) -> Reply<()> {
        match limits.check(op) {
            Ok(()) => self.torrent(id, Ask::task(op, set).changes_resume_data()),
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// Sets goals, such as a share ratio, and what to do when one is reached. They replace the previous
    /// goals. Goals are checked at each tick; [`Event::GoalReached`](crate::Event::GoalReached) reports when
    /// one is reached. They are kept in the [resume data](Patron::resume_data).
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a share ratio that is negative or not a finite
    /// number.
    pub fn set_goals(&self, id: TorrentId, goals: Goals) -> Reply<()> {
        self.ask(op::SET_GOALS, |reply| ClientCommand::SetGoals(id, goals, reply))
    }

    /// Supplies the certificate for a torrent that uses TLS, in PEM format: the certificate, signed by the
    /// one in the metainfo (`ssl-cert`); its private key; and Diffie-Hellman parameters. If libtorrent
    /// refuses it, it sends an [`Event::Error`](crate::Event::Error).
    pub fn set_tls_certificate(
        &self,
        id: TorrentId,
        certificate: impl Into<String>,
        private_key: impl Into<String>,
        dh_parameters: impl Into<String>,
    ) -> Reply<()> {
        let (certificate, key, dh) = (certificate.into(), private_key.into(), dh_parameters.into());
        let set = move |torrent: &Torrent| torrent.set_certificate(&certificate, &key, &dh);
        self.torrent(id, Ask::task("use the certificate", set).ends_copies())
    }

    /// Moves the torrent in the queue of incomplete torrents. The queue decides which torrents with
    /// [`TorrentFlag::AutoManaged`] run.
    pub fn move_in_queue(&self, id: TorrentId, to: QueueMove) -> Reply<()> {
        self.torrent(id, request::move_in_queue(to, false))
    }
}
