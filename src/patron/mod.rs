//! The handle to a client: commands in, replies and events out, from any thread.

mod client;
mod events;
mod files;
pub(crate) mod messages;
mod options;
mod peers;
mod pieces;
mod reader;
#[cfg(any(feature = "futures-io", feature = "tokio"))]
mod reader_async;
mod store;
mod trackers;

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

pub use crate::messages::command::{Added, Command, RemoveFiles};
pub use crate::messages::member::OnLeave;
pub use crate::model::CommandKind;
pub use crate::model::{ReadAhead, ReaderOptions};
pub use crate::reply::Reply;

#[cfg(unix)]
pub use self::events::Readiness;
pub use self::events::{EventStream, Events};
pub use self::reader::{Interrupter, Reader};

use crate::add::{AddOptions, Prepared, Source, prepare};
use crate::error::{Error, Result};
use crate::messages::command::ClientCommand;
use crate::messages::member::Member;
use crate::messages::request::{self, AskSession, AskTorrent, Respond, typed};
use crate::messages::service::{Envelope, Service};
use crate::model::op;
use crate::model::{
    Answer, InfoHashes, ReadStatistics, Statistics, StatusChanges, TorrentId, TorrentStatus,
};
use crate::reply::{Responder, one_shot};

/// A handle to a client: `Send + Sync` and cheap. There can be any number of them.
///
/// Each patron has its own mailbox, which receives, in order, the events of the torrents that it added or
/// watches. A clone shares the mailbox. When the last clone is dropped, the patron leaves, and its
/// [`OnLeave`] policy decides what happens to its torrents.
///
/// Commands are queued; the client's queue holds 4096. If it is full, the caller waits;
/// [`try_send`](Patron::try_send) does not. The requests of a patron about one torrent are executed in the
/// order of the calls, also with a store. No other call waits for the engine unless its documentation says so. A patron
/// may outlive its client; its calls then fail with [`Stopped`](crate::error::ErrorKind::Stopped).
#[derive(Clone)]
pub struct Patron(Arc<Inner>);

struct Inner {
    service: Arc<Service>,
    member: Arc<Member>,
    /// A value that must live as long as the patron: the shared client.
    keep: Option<Arc<dyn Any + Send + Sync>>,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.service.leave(&self.member);
    }
}

impl Patron {
    pub(crate) fn join(service: Arc<Service>, keep: Option<Arc<dyn Any + Send + Sync>>) -> Self {
        let member = service.join();
        Self(Arc::new(Inner { service, member, keep }))
    }

    /// Creates another patron of the same client, with its own mailbox.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::join(self.0.service.clone(), self.0.keep.clone())
    }

    /// Sets what happens to the torrents of this patron and its clones when they leave;
    /// [`OnLeave::KeepSeeding`] by default.
    pub fn set_on_leave(&self, policy: OnLeave) {
        self.0.member.set_on_leave(policy);
    }

    // Calls.

    /// Adds a torrent. The source is read on the caller's thread. The reply comes when libtorrent has added
    /// the torrent.
    ///
    /// # Errors
    ///
    /// [`Unreadable`](crate::error::ErrorKind::Unreadable) if the .torrent file cannot be read, and
    /// [`Parse`](crate::error::ErrorKind::Parse) if it, or the magnet link, is invalid;
    /// [`ResumeData`](crate::error::ErrorKind::ResumeData) if resume data cannot be used;
    /// [`Disk`](crate::error::ErrorKind::Disk) if a directory cannot be created;
    /// [`Exists`](crate::error::ErrorKind::Exists) if other files are where its own would be;
    /// [`InvalidArgument`](crate::error::ErrorKind::InvalidArgument) for a URL instead of a file,
    /// and for a limit of 0; [`Busy`](crate::error::ErrorKind::Busy) if libtorrent was still busy
    /// after many attempts.
    pub fn add_torrent(&self, source: impl Into<Source>, options: AddOptions) -> Reply<Added> {
        if let Err(error) = self.0.service.check_running(op::ADD) {
            return Reply::ready(Err(error));
        }
        match self.prepare(&source.into(), &options) {
            Ok(prepared) => {
                self.ask(op::ADD, |reply| ClientCommand::Add(Box::new(prepared), Some(reply)))
            }
            Err((_, error)) => Reply::ready(Err(error)),
        }
    }

    fn prepare(
        &self,
        source: &Source,
        options: &AddOptions,
    ) -> Result<Prepared, (Arc<str>, Error)> {
        let service = &self.0.service;
        prepare(source, options, &service.defaults, |hashes| service.statuses.has(hashes))
    }

    /// Removes a torrent. The reply comes when it has been removed from the client and, if
    /// requested, its files have been deleted.
    pub fn remove_torrent(&self, id: TorrentId, files: RemoveFiles) -> Reply<()> {
        self.ask(op::REMOVE, |reply| ClientCommand::Remove(id, files, Some(reply)))
    }

    /// Stops a torrent until it is resumed. The reply means that libtorrent has received the command;
    /// [`Event::Paused`](crate::Event::Paused) means that the torrent has stopped.
    pub fn pause(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, request::pause(false))
    }

    /// Resumes a torrent, including one that an error such as a full disk has stopped. The reply means that libtorrent has
    /// received the command; [`Event::Resumed`](crate::Event::Resumed) means that it was executed. From the reply
    /// on, a [`Reader`] waits for data again.
    pub fn resume(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, request::resume())
    }

    /// Waits until all wanted data of a torrent has been downloaded and written; the reply comes at once if
    /// it already has. The files may still have to be moved out of the directory for incomplete files, which
    /// [`Event::Moved`](crate::Event::Moved) reports.
    ///
    /// # Errors
    ///
    /// The error ([`Event::Error`](crate::Event::Error)) that stopped the torrent;
    /// [resume](Patron::resume) it and wait again. [`NotFound`](crate::error::ErrorKind::NotFound);
    /// [`Gone`](crate::error::ErrorKind::Gone) if the torrent is removed.
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use torrent_patron::AddOptions;
    ///
    /// let torrent = patron.add_torrent("debian.torrent", AddOptions::default()).wait()?.id();
    /// patron.wait_until_finished(torrent).wait()?;
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    pub fn wait_until_finished(&self, id: TorrentId) -> Reply<()> {
        self.ask(op::WAIT, |reply| ClientCommand::WaitUntilFinished(id, reply))
    }

    /// Returns the torrent with one of these info hashes, whichever patron added it.
    pub fn find(&self, info_hashes: impl Into<InfoHashes>) -> Reply<Option<TorrentId>> {
        let info_hashes = info_hashes.into();
        self.ask("find the torrent", |reply| ClientCommand::Find(info_hashes, reply))
    }

    /// Asks libtorrent for a torrent's current status. For the status that the client already has, which is
    /// at most one tick old, see [`status`](Patron::status).
    pub fn fresh_status(&self, id: TorrentId) -> Reply<TorrentStatus> {
        self.ask(op::STATUS, |reply| ClientCommand::Status(id, Some(reply)))
    }

    /// Subscribes to the events of a torrent that another patron added; the first is its status.
    pub fn watch(&self, id: TorrentId) -> Reply<()> {
        self.ask(op::WATCH, |reply| ClientCommand::Watch(id, Some(reply)))
    }

    /// Ends [`watch`](Patron::watch). Unread events of the torrent are dropped. A patron that added the
    /// torrent still receives its events.
    pub fn unwatch(&self, id: TorrentId) -> Reply<()> {
        self.ask(op::UNWATCH, |reply| ClientCommand::Unwatch(id, Some(reply)))
    }

    /// Returns the addresses at which the client accepts TCP connections from peers now, with the ports
    /// actually in use. The list is empty if it is to listen nowhere, and while the device that it is bound to
    /// does not exist. The reply comes when libtorrent has tried every address that it should listen on.
    ///
    /// # Errors
    ///
    /// The reason, if the client or one of its [network threads](crate::ClientBuilder::network_threads)
    /// cannot listen on any address.
    pub fn listen_addresses(&self) -> Reply<Vec<SocketAddr>> {
        self.ask(op::LISTEN, |reply| ClientCommand::ListenAddresses(None, reply))
    }

    /// Returns the addresses at which the client accepts peers of this torrent. These are the addresses of
    /// the [network threads](crate::ClientBuilder::network_threads) that serve it: one, or several with
    /// [`AddOptions::replicas`].
    ///
    /// # Errors
    ///
    /// [`NotFound`](crate::error::ErrorKind::NotFound), [`Gone`](crate::error::ErrorKind::Gone); the reason,
    /// if a network thread of the torrent cannot listen on any address.
    pub fn listen_addresses_of(&self, id: TorrentId) -> Reply<Vec<SocketAddr>> {
        self.ask(op::LISTEN, |reply| ClientCommand::ListenAddresses(Some(id), reply))
    }

    /// Returns the counters of libtorrent and of the read path since the client started. Calls made while an
    /// answer is pending share that answer.
    pub fn statistics(&self) -> Reply<Statistics> {
        self.ask(op::STATISTICS, ClientCommand::Statistics)
    }

    fn ask<T>(
        &self,
        op: &'static str,
        command: impl FnOnce(Responder<T>) -> ClientCommand,
    ) -> Reply<T> {
        let (responder, reply) = one_shot(op);
        let envelope = Envelope { from: self.0.member.clone(), command: command(responder) };
        // If the envelope is refused, its responder is dropped, and the reply fails because the client has
        // stopped.
        let _ = self.0.service.send(envelope);
        reply
    }

    fn torrent<T: Send + 'static>(&self, id: TorrentId, ask: AskTorrent<T>) -> Reply<T> {
        let op = ask.request.op;
        self.ask(op, |reply| ClientCommand::OfTorrent(id, ask.request, respond(reply)))
    }

    /// Like `torrent`, for a request about a path, which an error of the system does not name.
    fn torrent_on<T: Send + 'static>(
        &self,
        id: TorrentId,
        ask: AskTorrent<T>,
        path: String,
    ) -> Reply<T> {
        let op = ask.request.op;
        let name =
            move |error: Error| if error.native().is_some() { error.on(path) } else { error };
        self.ask(op, |reply| {
            let respond = |answer: Result<Answer>| reply.send(answer.map_err(name).and_then(typed));
            ClientCommand::OfTorrent(id, ask.request, Respond::call(respond))
        })
    }

    /// Makes a request, and converts its answer on the thread that takes the reply.
    fn torrent_then<T: Send + 'static, U: Send + 'static>(
        &self,
        id: TorrentId,
        ask: AskTorrent<T>,
        convert: impl FnOnce(T) -> U + Send + 'static,
    ) -> Reply<U> {
        self.torrent_try(id, ask, |answer| Ok(convert(answer)))
    }

    /// Like `torrent_then`, for a conversion that can fail.
    fn torrent_try<T: Send + 'static, U: Send + 'static>(
        &self,
        id: TorrentId,
        ask: AskTorrent<T>,
        convert: impl FnOnce(T) -> Result<U> + Send + 'static,
    ) -> Reply<U> {
        let op = ask.request.op;
        self.ask(op, |reply| {
            ClientCommand::OfTorrent(id, ask.request, respond_with(reply, convert))
        })
    }

    fn session<T: Send + 'static>(&self, ask: AskSession<T>) -> Reply<T> {
        let op = ask.request.op;
        self.ask(op, |reply| ClientCommand::OfSession(Box::new(ask.request), respond(reply)))
    }

    /// Like `torrent_then`, for a request of the session.
    fn session_then<T: Send + 'static, U: Send + 'static>(
        &self,
        ask: AskSession<T>,
        convert: impl FnOnce(T) -> U + Send + 'static,
    ) -> Reply<U> {
        self.session_try(ask, |answer| Ok(convert(answer)))
    }

    /// The same, for a conversion that can fail.
    fn session_try<T: Send + 'static, U: Send + 'static>(
        &self,
        ask: AskSession<T>,
        convert: impl FnOnce(T) -> Result<U> + Send + 'static,
    ) -> Reply<U> {
        let op = ask.request.op;
        self.ask(op, |reply| {
            ClientCommand::OfSession(Box::new(ask.request), respond_with(reply, convert))
        })
    }

    // Snapshots. These ask neither libtorrent nor the client thread.

    /// Returns the status of a torrent at the last tick, or `None` if the client has no such torrent. The
    /// status contains its age.
    ///
    /// This call costs almost nothing. How old the status may be depends on
    /// [`tick_interval`](crate::ClientBuilder::tick_interval); [`fresh_status`](Patron::fresh_status) requests a new
    /// one.
    #[must_use]
    pub fn status(&self, id: TorrentId) -> Option<TorrentStatus> {
        self.0.service.statuses.get(id)
    }

    /// Returns how the client has read the blocks that peers requested. It never waits, and still
    /// works when the client has stopped; [`statistics`](Patron::statistics) has all counters.
    #[must_use]
    pub fn read_statistics(&self) -> ReadStatistics {
        (self.0.service.reads)().into_iter().sum()
    }

    /// Returns the statuses of all torrents of the client at the last tick, including other patrons'
    /// torrents.
    #[must_use]
    pub fn statuses(&self) -> Vec<TorrentStatus> {
        self.0.service.statuses.all()
    }

    /// Returns what has changed since an earlier call that returned `version`; all torrents for 0. The cost
    /// is proportional to the number of changes, so a program that shows a million torrents can call it
    /// often.
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use std::collections::HashMap;
    ///
    /// let (mut version, mut shown) = (0, HashMap::new());
    /// loop {
    ///     let changes = patron.changes_since(version);
    ///     if changes.complete {
    ///         shown.clear();
    ///     }
    ///     shown.extend(changes.statuses.into_iter().map(|status| (status.id, status)));
    ///     for id in changes.removed {
    ///         shown.remove(&id);
    ///     }
    ///     version = changes.version;
    ///     std::thread::sleep(std::time::Duration::from_secs(1));
    /// }
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    #[must_use]
    pub fn changes_since(&self, version: u64) -> StatusChanges {
        self.0.service.statuses.changes_since(version)
    }

    /// Returns all torrents of the client, including those of other patrons.
    #[must_use]
    pub fn torrents(&self) -> Vec<TorrentId> {
        self.0.service.statuses.ids()
    }

    /// Returns whether the client has stopped. All calls then fail.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.service.check_running("ask the client").is_err()
    }
}

pub(crate) fn respond<T: Send + 'static>(reply: Responder<T>) -> Respond {
    Respond::call(move |answer| reply.send(answer.and_then(typed)))
}

fn respond_with<T: Send + 'static, U: Send + 'static>(
    reply: Responder<U>,
    convert: impl FnOnce(T) -> Result<U> + Send + 'static,
) -> Respond {
    Respond::call(move |answer| match answer.and_then(typed) {
        Ok(answer) => reply.send_work(move || convert(answer)),
        Err(error) => reply.send(Err(error)),
    })
}

impl fmt::Debug for Patron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Patron").field(&self.0.member).finish()
    }
}
