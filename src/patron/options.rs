//! How a torrent is set up.

use super::Patron;
use crate::error::Result;
use crate::messages::command::Job;
use crate::messages::request::{self, Ask};
use crate::model::limits::refuse_zero;
use crate::model::{Goals, Limits, QueueMove, TorrentFlag, TorrentId, TorrentOptions};
use crate::reply::Reply;
use crate::sys::LimitsRecord;
use crate::sys::{Torrent, convert};

/// Switches and limits. Rates are bytes per second. The limits of a torrent apply to all of its peers;
/// those of the client do not apply to peers on the local network
/// ([`PeerClass::LOCAL`](crate::peer::PeerClass::LOCAL)). Errors of the replies:
/// [`NotFound`](crate::error::ErrorKind::NotFound), [`Gone`](crate::error::ErrorKind::Gone).
impl Patron {
    /// How the torrent is set up at present.
    pub fn options(&self, id: TorrentId) -> Reply<TorrentOptions> {
        self.torrent_then(
            id,
            Ask::task("tell how the torrent is set up", Torrent::options),
            convert::options,
        )
    }

    /// Stops a torrent as [`pause`](Patron::pause) does, but lets it finish the blocks that it has
    /// asked for and was asked for.
    pub fn pause_gracefully(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, request::pause(true))
    }

    /// Switches a flag on or off.
    pub fn set_flag(&self, id: TorrentId, flag: TorrentFlag, on: bool) -> Reply<()> {
        self.torrent(id, request::set_flag(flag, on))
    }

    /// Sets all limits of the torrent; those that are `None` are taken away.
    ///
    /// # Errors
    ///
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a limit of 0.
    pub fn set_limits(&self, id: TorrentId, limits: Limits) -> Reply<()> {
        const OP: &str = "limit the torrent";
        self.limit(id, OP, limits.check(OP), convert::all_limits(limits))
    }

    /// How fast the torrent may receive, in bytes per second; `None`: as the client may. The functions
    /// for one limit leave the others and have the errors of [`set_limits`](Patron::set_limits).
    pub fn set_download_limit(&self, id: TorrentId, rate: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the download rate", rate, |record| &mut record.download_rate)
    }

    /// How fast the torrent may send, in bytes per second; `None`: as the client may.
    pub fn set_upload_limit(&self, id: TorrentId, rate: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the upload rate", rate, |record| &mut record.upload_rate)
    }

    /// How many peers the torrent may be connected to, at least 2; `None`: as many as the client.
    pub fn set_connections_limit(&self, id: TorrentId, count: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the connections", count, |record| &mut record.connections)
    }

    /// How many peers the torrent may serve at once; `None`: as many as the client.
    pub fn set_upload_slots(&self, id: TorrentId, count: Option<u32>) -> Reply<()> {
        self.limit_one(id, "limit the upload slots", count, |record| &mut record.upload_slots)
    }

    fn limit_one(
        &self,
        id: TorrentId,
        op: &'static str,
        limit: Option<u32>,
        field: impl FnOnce(&mut LimitsRecord) -> &mut i32,
    ) -> Reply<()> {
        let mut record = convert::some_limits(Limits::default());
        *field(&mut record) = convert::limit(limit);
        self.limit(id, op, refuse_zero(op, &[limit]), record)
    }

    fn limit(
        &self,
        id: TorrentId,
        op: &'static str,
        checked: Result<()>,
        record: LimitsRecord,
    ) -> Reply<()> {
        match checked {
            Ok(()) => {
                let set = move |torrent: &Torrent| torrent.set_limits(&record);
                self.torrent(id, Ask::task(op, set).changes_resume_data())
            }
            Err(error) => Reply::ready(Err(error)),
        }
    }

    /// When the torrent has given back enough, and what then becomes of it; these goals take the place
    /// of those before. It is looked at each tick. [`Event::GoalReached`](crate::Event::GoalReached)
    /// says that it is so. Goals are kept in [resume data](Patron::resume_data).
    pub fn set_goals(&self, id: TorrentId, goals: Goals) -> Reply<()> {
        self.ask("set the goals of the torrent", |reply| Job::SetGoals(id, goals, reply))
    }

    /// Gives a torrent for TLS the certificate that its peers ask for, in PEM: the certificate, signed
    /// by the one in the metainfo (`ssl-cert`); its private key; Diffie-Hellman parameters.
    /// One that libtorrent refuses is an [`Event::Error`](crate::Event::Error).
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

    /// Moves the torrent in the queue of those that are not complete. The queue says which of the
    /// torrents with [`TorrentFlag::AutoManaged`] run.
    pub fn move_in_queue(&self, id: TorrentId, to: QueueMove) -> Reply<()> {
        let move_to = move |torrent: &Torrent| {
            let (to, position) = convert::queue_move(to);
            torrent.move_in_queue(to, position)
        };
        self.torrent(id, Ask::task("move the torrent in the queue", move_to))
    }
}
