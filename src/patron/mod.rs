//! The handle to a client: commands in, replies and events out, from any thread.

mod client;
mod files;
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
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use futures_core::Stream;

pub use crate::messages::command::{Added, Command, RemoveFiles};
pub use crate::messages::member::OnLeave;
pub use crate::model::CommandKind;
pub use crate::model::{ReadAhead, ReaderOptions};
pub use crate::reply::Reply;

pub use self::reader::{Interrupter, Reader};

use crate::add::{AddOptions, Prepared, Source, prepare};
use crate::error::{Error, Result};
use crate::messages::command::Job;
use crate::messages::member::Member;
use crate::messages::request::{self, AskSession, AskTorrent, Respond, typed};
use crate::messages::service::{Envelope, Service};
use crate::model::{
    Answer, Event, EventKinds, InfoHashes, ReadStatistics, Statistics, StatusChanges, TorrentId,
    TorrentStatus,
};
use crate::reply::{Responder, one_shot};

/// A handle to a client: `Send + Sync` and cheap. There can be any number of them.
///
/// Each patron has its own mailbox, which receives, in order, the events of the torrents that it added or
/// watches. A clone shares the mailbox. When the last clone is dropped, the patron leaves, and its
/// [`OnLeave`] policy decides what happens to its torrents.
///
/// A command goes into the client's channel, which holds 4096. If the channel is full, the caller waits;
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

const ADD: &str = "add the torrent";
const SEND: &str = "send the command";
const LISTEN: &str = "listen for peers";
const RECEIVE: &str = "receive an event";

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

    // Messages.

    /// Sends a command. The results arrive as events. The source of a torrent is read on the caller's thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`](crate::error::ErrorKind::Stopped). If a source cannot be read, that is not an
    /// error here but an [`Event::AddFailed`]. A mailbox keeps 4096 such failures;
    /// [`Event::Lagged`] counts those that are lost. The answers to commands with a
    /// [tag](Patron::send_tagged) are not.
    pub fn send(&self, command: Command) -> Result<()> {
        self.message(command, None, Service::send)
    }

    /// Like [`send`](Patron::send), but never waits for space in the channel.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::error::ErrorKind::Busy) if 4096 commands are already waiting.
    pub fn try_send(&self, command: Command) -> Result<()> {
        self.message(command, None, Service::try_send)
    }

    /// Sends a command with a tag, a number that the program chooses. An [`Event::Reply`] with this tag,
    /// after the command's other events, reports that the command has completed or why it failed. There is
    /// then no [`Event::AddFailed`] or [`Event::CommandFailed`].
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use torrent_patron::{AddOptions, Event, Source};
    /// use torrent_patron::patron::Command;
    ///
    /// for (tag, path) in (0..).zip(["debian.torrent", "ubuntu.torrent"]) {
    ///     let (source, options) = (Source::from_text(path), AddOptions::default());
    ///     patron.send_tagged(Command::AddTorrent { source, options }, tag)?;
    /// }
    /// for event in patron.events() {
    ///     if let Event::Reply { tag, id, error } = event {
    ///         println!("{tag}: {id:?}, {error:?}");
    ///     }
    /// }
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`send`](Patron::send), and [`Busy`](crate::error::ErrorKind::Busy) while this patron has
    /// sent 16384 commands with a tag whose answers it has not read, so that no answer is lost.
    pub fn send_tagged(&self, command: Command, tag: u64) -> Result<()> {
        self.message(command, Some(tag), Service::send)
    }

    /// Like [`send_tagged`](Patron::send_tagged), but never waits for space in the channel.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Patron::try_send) and [`send_tagged`](Patron::send_tagged).
    pub fn try_send_tagged(&self, command: Command, tag: u64) -> Result<()> {
        self.message(command, Some(tag), Service::try_send)
    }

    fn message(
        &self,
        command: Command,
        tag: Option<u64>,
        send: impl FnOnce(&Service, Envelope) -> Result<()>,
    ) -> Result<()> {
        let Inner { service, member, .. } = &*self.0;
        let kind = command.kind();
        service.check_running(SEND)?;
        if tag.is_some() {
            member.mailbox.expect_answer(SEND)?;
        }
        let mut answer = TaggedAnswer { tag, to: member, arm: None };
        let job = match command {
            Command::AddTorrent { source, options } => match self.prepare(&source, &options) {
                Ok(prepared) => {
                    let service = service.clone();
                    let tell = move |to: &Member, added| {
                        if let Added::Existing(id) = added
                            && let Some(status) = service.statuses.get(id)
                        {
                            to.tell(&Event::AlreadyAdded { id, name: status.name });
                        }
                        Some(added.id())
                    };
                    Job::Add(Box::new(prepared), answer.responder(None, tell))
                }
                Err((source, error)) => {
                    member.mailbox.push(match tag {
                        None => Event::AddFailed { source, error },
                        Some(tag) => Event::Reply { tag, id: None, error: Some(error) },
                    });
                    return Ok(());
                }
            },
            Command::RemoveTorrent { id, files } => Job::Remove(id, files, answer.about(id)),
            Command::Pause(id) => {
                let respond = respond_to_message(member, kind, id, answer.about(id));
                Job::OfTorrent(id, request::pause(false).request, respond)
            }
            Command::Resume(id) => {
                let respond = respond_to_message(member, kind, id, answer.about(id));
                Job::OfTorrent(id, request::resume().request, respond)
            }
            Command::Status(id) => {
                let tell = move |to: &Member, status| {
                    to.mailbox.push(Event::Status(status));
                    Some(id)
                };
                Job::Status(id, answer.responder(Some(id), tell))
            }
            Command::Metainfo(id) => {
                let name = service.statuses.get(id).map(|status| status.name).unwrap_or_default();
                let event = move |answer| {
                    let torrent_file = typed::<Vec<u8>>(answer).ok()?.into();
                    Some(Event::Metainfo { id, name, torrent_file })
                };
                let respond = respond_by_event(member, kind, id, answer.about(id), event);
                Job::OfTorrent(id, request::metainfo().request, respond)
            }
            Command::Watch(id) => Job::Watch(id, answer.about(id)),
            Command::Unwatch(id) => Job::Unwatch(id, answer.about(id)),
        };
        if let Err(error) = send(service, Envelope { from: member.clone(), job }) {
            if tag.is_some() {
                member.mailbox.expect_no_answer();
            }
            return Err(error);
        }
        // Only now: a command that was refused must not also be answered by an event.
        if let Some(arm) = answer.arm {
            arm();
        }
        Ok(())
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
        if let Err(error) = self.0.service.check_running(ADD) {
            return Reply::ready(Err(error));
        }
        match self.prepare(&source.into(), &options) {
            Ok(prepared) => self.ask(ADD, |reply| Job::Add(Box::new(prepared), Some(reply))),
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
        self.ask("remove the torrent", |reply| Job::Remove(id, files, Some(reply)))
    }

    /// Stops a torrent until it is resumed. The reply means that libtorrent has received the command;
    /// [`Event::Paused`] means that the torrent has stopped.
    pub fn pause(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, request::pause(false))
    }

    /// Resumes a torrent, also after an error such as a full disk. The reply means that libtorrent has
    /// received the command; [`Event::Resumed`] means that it was executed.
    pub fn resume(&self, id: TorrentId) -> Reply<()> {
        self.torrent(id, request::resume())
    }

    /// Waits until all wanted data of a torrent has been downloaded and written; the reply comes at once if
    /// it already has. The files may still have to be moved out of the directory for incomplete files, which
    /// [`Event::Moved`] reports.
    ///
    /// # Errors
    ///
    /// The error ([`Event::Error`]) that stopped the torrent; [resume](Patron::resume) it and wait again.
    /// [`NotFound`](crate::error::ErrorKind::NotFound); [`Gone`](crate::error::ErrorKind::Gone) if the
    /// torrent is removed.
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
        self.ask("wait until the torrent is complete", |reply| Job::WaitUntilFinished(id, reply))
    }

    /// Returns the torrent with one of these info hashes, whichever patron added it.
    pub fn find(&self, info_hashes: impl Into<InfoHashes>) -> Reply<Option<TorrentId>> {
        let info_hashes = info_hashes.into();
        self.ask("find the torrent", |reply| Job::Find(info_hashes, reply))
    }

    /// Asks libtorrent for a torrent's current status. For the status that the client already has, which is
    /// at most one tick old, see [`status`](Patron::status).
    pub fn fresh_status(&self, id: TorrentId) -> Reply<TorrentStatus> {
        self.ask("get the status", |reply| Job::Status(id, Some(reply)))
    }

    /// Subscribes to the events of a torrent that another patron added; the first is its status.
    pub fn watch(&self, id: TorrentId) -> Reply<()> {
        self.ask("watch the torrent", |reply| Job::Watch(id, Some(reply)))
    }

    /// Ends [`watch`](Patron::watch). Unread events of the torrent are dropped. A patron that added the
    /// torrent still receives its events.
    pub fn unwatch(&self, id: TorrentId) -> Reply<()> {
        self.ask("unwatch the torrent", |reply| Job::Unwatch(id, Some(reply)))
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
        self.ask(LISTEN, |reply| Job::ListenAddresses(None, reply))
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
        self.ask(LISTEN, |reply| Job::ListenAddresses(Some(id), reply))
    }

    /// Returns the counters of libtorrent and of the read path since the client started. Calls made while an
    /// answer is pending share that answer.
    pub fn statistics(&self) -> Reply<Statistics> {
        self.ask("get the statistics", Job::Statistics)
    }

    fn ask<T>(&self, op: &'static str, job: impl FnOnce(Responder<T>) -> Job) -> Reply<T> {
        let (responder, reply) = one_shot(op);
        let envelope = Envelope { from: self.0.member.clone(), job: job(responder) };
        // If the envelope is refused, its responder is dropped, and the reply fails because the client has
        // stopped.
        let _ = self.0.service.send(envelope);
        reply
    }

    fn torrent<T: Send + 'static>(&self, id: TorrentId, ask: AskTorrent<T>) -> Reply<T> {
        let op = ask.request.op;
        self.ask(op, |reply| Job::OfTorrent(id, ask.request, respond(reply)))
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
            Job::OfTorrent(id, ask.request, Respond::call(respond))
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
        self.ask(op, |reply| Job::OfTorrent(id, ask.request, respond_with(reply, convert)))
    }

    fn session<T: Send + 'static>(&self, ask: AskSession<T>) -> Reply<T> {
        let op = ask.request.op;
        self.ask(op, |reply| Job::OfSession(Box::new(ask.request), respond(reply)))
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
        self.ask(op, |reply| Job::OfSession(Box::new(ask.request), respond_with(reply, convert)))
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

    // Events.

    /// Sets which kinds of event this patron and its clones receive. A new patron receives
    /// [`EventKinds::DEFAULT`], which excludes the kinds [on request](EventKinds::ON_REQUEST).
    ///
    /// The call does not wait, and takes effect at once: the results of this patron's later requests are
    /// reported accordingly. Unread events stay. [`EventKinds::ALWAYS`] are always received, and so are the
    /// events that answer this patron's own [messages](Patron::send).
    ///
    /// libtorrent reports on files, pieces, peers and trackers only while a patron of the client subscribes
    /// to those events; otherwise they cost nothing.
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use torrent_patron::event::{EventKind, EventKinds};
    ///
    /// patron.subscribe(EventKinds::DEFAULT.with(EventKind::FileCompleted));
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    pub fn subscribe(&self, kinds: EventKinds) {
        self.0.service.subscribe(&self.0.member, kinds);
    }

    /// Returns the kinds of event that this patron receives.
    #[must_use]
    pub fn subscription(&self) -> EventKinds {
        self.0.member.wanted()
    }

    /// Waits for the next event.
    ///
    /// # Errors
    ///
    /// [`Stopped`](crate::error::ErrorKind::Stopped) after [`Event::ClientStopped`] has been
    /// received; [`Cancelled`](crate::error::ErrorKind::Cancelled) after
    /// [`interrupt`](Patron::interrupt).
    pub fn recv(&self) -> Result<Event> {
        self.0.member.mailbox.recv(RECEIVE)
    }

    /// Waits for the next event for at most `limit`. Returns `None` if none arrived.
    ///
    /// # Errors
    ///
    /// As for [`recv`](Patron::recv).
    #[must_use]
    pub fn recv_timeout(&self, limit: Duration) -> Option<Result<Event>> {
        self.0.member.mailbox.recv_timeout(limit, RECEIVE)
    }

    /// Waits for the next event until `deadline`, or indefinitely if it is `None`. Returns `None`
    /// if no event arrived by then.
    ///
    /// # Errors
    ///
    /// As for [`recv`](Patron::recv).
    pub fn recv_until(&self, deadline: Option<Instant>) -> Option<Result<Event>> {
        self.0.member.mailbox.recv_until(deadline, RECEIVE)
    }

    /// Ends every current wait for an event of this patron ([`recv`](Patron::recv) and its variants,
    /// [`events`](Patron::events)) with the error [`Cancelled`](crate::error::ErrorKind::Cancelled). If
    /// nothing is waiting, the next wait ends at once, so no interrupt is missed. No event is lost. Streams,
    /// channels and descriptors are not affected, because programs have their own ways to stop waiting for
    /// those.
    pub fn interrupt(&self) {
        self.0.member.mailbox.interrupt();
    }

    /// Puts an [`Event::Reply`] with this tag into the mailbox when the reply is ready, so that a program can
    /// wait for replies and events in one place. The answer stays in the reply.
    pub fn notify<T>(&self, reply: &Reply<T>, tag: u64) {
        let waker = Waker::from(Arc::new(Notice { tag, to: self.0.member.clone() }));
        if reply.poll_ready(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake();
        }
    }

    /// Returns whether the client has stopped. All calls then fail.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.service.check_running(SEND).is_err()
    }

    /// Returns a channel that gets a token each time the mailbox changes from empty to not empty. It is for a
    /// thread that wakes something else. Calling this again closes the previous channel.
    pub fn wake_ups(&self) -> Receiver<()> {
        self.0.member.mailbox.wake_ups()
    }

    /// Returns the next event, or `None` if there is none at the moment or no more will come.
    #[must_use]
    pub fn try_recv(&self) -> Option<Event> {
        self.0.member.mailbox.try_recv()
    }

    /// Returns the events as a blocking iterator. It ends when the client has stopped or the wait is
    /// [interrupted](Patron::interrupt). It keeps the patron alive.
    pub fn events(&self) -> Events {
        Events(self.clone())
    }

    /// Returns the events as a [`Stream`], for any async runtime. It ends when the client has stopped. It
    /// keeps the patron alive. A future that waits for the next event may be dropped; no event is lost.
    pub fn stream(&self) -> EventStream {
        EventStream(self.clone())
    }

    /// Returns a channel that holds a token while events are waiting, for `crossbeam_channel::select!`. Take
    /// the token, then call [`try_recv`](Patron::try_recv).
    pub fn ready(&self) -> Receiver<()> {
        self.0.member.mailbox.ready()
    }

    /// Returns a descriptor that is readable while events are waiting, for poll, epoll and kqueue. Call
    /// [`try_recv`](Patron::try_recv) until it returns `None`; do not read from the descriptor.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::error::ErrorKind::Io) if no descriptor is available.
    #[cfg(unix)]
    pub fn readiness(&self) -> Result<Readiness> {
        let socket = self.0.member.mailbox.socket().map_err(|error| {
            Error::io("make a descriptor for events", "a pair of sockets", &error)
        })?;
        Ok(Readiness(socket))
    }
}

/// Delivers the answer to a tagged message to the mailbox, as an event.
struct TaggedAnswer<'a> {
    tag: Option<u64>,
    to: &'a Arc<Member>,
    arm: Option<Box<dyn FnOnce()>>,
}

impl TaggedAnswer<'_> {
    /// Returns the responder, or `None` if there is no tag. `tell` sends the events that result from the
    /// answer, and returns the torrent.
    fn responder<T: Send + 'static>(
        &mut self,
        about: Option<TorrentId>,
        tell: impl FnOnce(&Member, T) -> Option<TorrentId> + Send + 'static,
    ) -> Option<Responder<T>> {
        let (tag, to) = (self.tag?, self.to.clone());
        let (responder, reply) = one_shot(SEND);
        let give = move |answer: Result<T>| {
            let (id, error) = match answer {
                Ok(answer) => (tell(&to, answer), None),
                Err(error) => (about, Some(error)),
            };
            to.mailbox.push(Event::Reply { tag, id, error });
        };
        self.arm = Some(Box::new(move || reply.when_ready(give)));
        Some(responder)
    }

    fn about(&mut self, id: TorrentId) -> Option<Responder<()>> {
        self.responder(Some(id), move |_, ()| Some(id))
    }
}

struct Notice {
    tag: u64,
    to: Arc<Member>,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.to.mailbox.push_answer(self.tag);
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

/// Answers a message: a tagged one by its reply, another by an event if it has failed.
pub(crate) fn respond_to_message(
    from: &Arc<Member>,
    command: CommandKind,
    id: TorrentId,
    reply: Option<Responder<()>>,
) -> Respond {
    match reply {
        Some(reply) => respond(reply),
        None => Respond::Failure { to: from.clone(), command, id },
    }
}

/// Like `respond_to_message`, for a message whose success is also reported as an event.
fn respond_by_event(
    from: &Arc<Member>,
    command: CommandKind,
    id: TorrentId,
    reply: Option<Responder<()>>,
    event: impl FnOnce(Answer) -> Option<Event> + Send + 'static,
) -> Respond {
    let from = from.clone();
    Respond::call(move |answer| {
        let answer = answer.map(|answer| {
            if let Some(event) = event(answer) {
                from.mailbox.push(event);
            }
            Box::new(()) as Answer
        });
        respond_to_message(&from, command, id, reply).send(answer);
    })
}

impl fmt::Debug for Patron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Patron").field(&self.0.member).finish()
    }
}

/// The events of a patron; see [`Patron::events`].
#[derive(Debug, Clone)]
pub struct Events(Patron);

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        self.0.recv().ok()
    }
}

/// The events of a patron; see [`Patron::stream`]. It is a separate type from [`Events`], because
/// the methods of `Iterator` and `Stream` have the same names.
#[derive(Debug, Clone)]
#[must_use = "a stream does nothing until it is polled"]
pub struct EventStream(Patron);

impl Stream for EventStream {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        match self.0.0.member.mailbox.poll(context.waker()) {
            Some(next) => Poll::Ready(next),
            None => Poll::Pending,
        }
    }
}

/// A descriptor that is readable while events are waiting; see [`Patron::readiness`].
#[cfg(unix)]
#[derive(Debug, Clone)]
pub struct Readiness(Arc<std::os::unix::net::UnixStream>);

#[cfg(unix)]
impl std::os::fd::AsFd for Readiness {
    fn as_fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(unix)]
impl std::os::fd::AsRawFd for Readiness {
    fn as_raw_fd(&self) -> std::os::fd::RawFd {
        self.0.as_raw_fd()
    }
}
