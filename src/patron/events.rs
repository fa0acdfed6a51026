//! Receiving events: as a blocking call, an iterator, a stream, a channel or a descriptor.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;
use futures_core::Stream;

use super::Patron;
#[cfg(unix)]
use crate::error::Error;
use crate::error::Result;
use crate::messages::member::Member;
use crate::model::{Event, EventKinds};
use crate::reply::Reply;

const RECEIVE: &str = "receive an event";

impl Patron {
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

    /// Returns a channel that gets a token each time the mailbox changes from empty to not empty. It is for a
    /// thread that wakes something else. Calling this again closes the previous channel.
    pub fn wake_channel(&self) -> Receiver<()> {
        self.0.member.mailbox.wake_channel()
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
    pub fn ready_channel(&self) -> Receiver<()> {
        self.0.member.mailbox.ready()
    }

    /// Returns a descriptor that is readable while events are waiting, for poll, epoll and kqueue. Call
    /// [`try_recv`](Patron::try_recv) until it returns `None`; do not read from the descriptor.
    ///
    /// # Errors
    ///
    /// [`Io`](crate::error::ErrorKind::Io) if no descriptor is available.
    #[cfg(unix)]
    pub fn ready_descriptor(&self) -> Result<Readiness> {
        let socket = self.0.member.mailbox.socket().map_err(|error| {
            Error::io("make a descriptor for events", "a pair of sockets", &error)
        })?;
        Ok(Readiness(socket))
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

/// A descriptor that is readable while events are waiting; see [`Patron::ready_descriptor`].
#[cfg(unix)]
#[derive(Debug, Clone)]
pub struct Readiness(pub(super) Arc<std::os::unix::net::UnixStream>);

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
