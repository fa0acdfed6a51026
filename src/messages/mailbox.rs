//! Holds a patron's unread events, in bounded space.
//!
//! - A status replaces the unread status of the same torrent.
//! - Any other event of an existing torrent replaces the unread one of the same kind, so there are
//!   at most as many as kinds times torrents. These are never lost.
//! - Events about single files, pieces, peers and trackers have a separate bound, so that they do
//!   not displace others.
//! - The answers to tagged commands are never lost: beyond [`ANSWERS`], such commands are refused.
//! - All others (events of removed torrents, events of the client, failed commands) have a fixed
//!   bound. Beyond a bound the oldest are dropped, and [`Event::Lagged`] says how many.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::task::Waker;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::{Condvar, Mutex, MutexGuard};

#[cfg(unix)]
use super::socket::Socket;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Event, EventKind, Keep, TorrentId};
use crate::wakers::Wakers;

/// The maximum number of unread events that belong to no existing torrent, and the maximum number of unread
/// events of the frequent kinds.
pub(crate) const BOUND: usize = 4096;

/// How many tagged commands a patron may have whose answers it has not read: more than can be under
/// way in a client.
pub(crate) const ANSWERS: usize = 4 * BOUND;

#[derive(Default)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    arrived: Condvar,
}

#[derive(Default)]
struct Inner {
    /// The events in order of arrival. Boxed, because a node of the tree has space for eleven entries and
    /// most mailboxes hold one or two.
    queue: BTreeMap<u64, Box<Event>>,
    next: u64,
    /// The positions in `queue` of the unread events of each existing torrent, and of the client,
    /// one per kind.
    open: HashMap<Option<TorrentId>, Vec<(EventKind, u64)>>,
    /// The positions of the events that count against the bound.
    bounded: BTreeSet<u64>,
    /// The positions of the events of the frequent kinds.
    expendable: BTreeSet<u64>,
    /// How many answers are to come, or are unread.
    answers: usize,
    missed: u64,
    closed: bool,
    interrupts: Interrupts,
    signals: Signals,
}

/// The readers that are waiting, and how their waits are interrupted.
#[derive(Default)]
struct Interrupts {
    waiting: usize,
    /// Counts interrupts; a waiting reader compares it with the value at the start of its wait.
    count: u64,
    /// Whether to end the next wait at once, because nobody was waiting.
    pending: bool,
}

/// The ways to signal that the mailbox is not empty. Each is created when it is first used.
#[derive(Default)]
struct Signals {
    channel: Option<(Sender<()>, Receiver<()>)>,
    wake_up: Option<Sender<()>>,
    #[cfg(unix)]
    socket: Option<Socket>,
    wakers: Wakers,
}

impl Mailbox {
    pub(crate) fn push(&self, event: Event) {
        let mut inner = self.inner.lock();
        if inner.closed {
            return;
        }
        let was_empty = inner.is_empty();
        inner.insert(event);
        inner.drop_oldest_beyond_bound();
        if was_empty && !inner.is_empty() {
            self.wake(inner);
        }
    }

    /// A waker runs code of an executor, which may use this mailbox: it is called without the lock.
    fn wake(&self, mut inner: MutexGuard<'_, Inner>) {
        let wakers = inner.signals.raise();
        drop(inner);
        self.arrived.notify_all();
        wakers.wake();
    }

    /// Makes room for the answer to a tagged command, or refuses the command.
    pub(crate) fn expect_answer(&self, op: &'static str) -> Result<()> {
        let mut inner = self.inner.lock();
        if inner.answers >= ANSWERS {
            let message = format!("{ANSWERS} answers to tagged commands are still unread");
            return Err(Error::new(ErrorKind::Busy, op, message));
        }
        inner.answers += 1;
        Ok(())
    }

    /// The command was not sent.
    pub(crate) fn expect_no_answer(&self) {
        self.inner.lock().answers -= 1;
    }

    /// Adds an answer that is not to a command: who asked for it has a reply for each.
    pub(crate) fn push_answer(&self, tag: u64) {
        self.inner.lock().answers += 1;
        self.push(Event::Reply { tag, id: None, error: None });
    }

    /// Adds the last event; later ones are ignored.
    pub(crate) fn close(&self, last: Event) {
        let mut inner = self.inner.lock();
        if !inner.closed {
            inner.insert(last);
            inner.drop_oldest_beyond_bound();
        }
        inner.closed = true;
        // A reader of an empty mailbox must not wait any longer.
        self.wake(inner);
    }

    /// Drops the unread events of a torrent that this patron no longer receives events of.
    pub(crate) fn forget(&self, torrent: TorrentId) {
        let mut inner = self.inner.lock();
        let Inner { queue, open, expendable, .. } = &mut *inner;
        for (_, place) in open.remove(&Some(torrent)).unwrap_or_default() {
            queue.remove(&place);
        }
        expendable.retain(|place| {
            let of = queue.get(place).and_then(|event| event.torrent());
            let stays = of != Some(torrent);
            if !stays {
                queue.remove(place);
            }
            stays
        });
        inner.lower_if_empty();
    }

    /// Ends all current waits; if there are none, ends the next one.
    pub(crate) fn interrupt(&self) {
        let mut inner = self.inner.lock();
        let interrupts = &mut inner.interrupts;
        interrupts.count += 1;
        interrupts.pending = interrupts.waiting == 0;
        drop(inner);
        self.arrived.notify_all();
    }

    pub(crate) fn try_recv(&self) -> Option<Event> {
        self.inner.lock().take()
    }

    pub(crate) fn recv(&self, op: &'static str) -> Result<Event> {
        self.recv_until(None, op).unwrap_or_else(|| Err(Error::stopped(op)))
    }

    pub(crate) fn recv_timeout(&self, limit: Duration, op: &'static str) -> Option<Result<Event>> {
        // A limit that overflows `Instant` is no limit.
        self.recv_until(Instant::now().checked_add(limit), op)
    }

    /// Waits for the next event. Returns `None` if the deadline has passed.
    pub(crate) fn recv_until(
        &self,
        deadline: Option<Instant>,
        op: &'static str,
    ) -> Option<Result<Event>> {
        let mut inner = self.inner.lock();
        let before = inner.interrupts.count;
        let mut late = false;
        loop {
            // Checked before the events, so that a reader that always finds one can also be interrupted.
            let pending = std::mem::take(&mut inner.interrupts.pending);
            if pending || inner.interrupts.count != before {
                let error = Error::new(ErrorKind::Cancelled, op, "the wait was interrupted");
                return Some(Err(error));
            }
            if let Some(event) = inner.take() {
                return Some(Ok(event));
            }
            if inner.closed {
                return Some(Err(Error::stopped(op)));
            }
            if late {
                return None;
            }
            inner.interrupts.waiting += 1;
            match deadline {
                None => self.arrived.wait(&mut inner),
                Some(deadline) => late = self.arrived.wait_until(&mut inner, deadline).timed_out(),
            }
            inner.interrupts.waiting -= 1;
        }
    }

    /// For `Stream`: returns an event, the end (`Some(None)`), or `None` if the waker will be woken.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<Option<Event>> {
        let polled = self.inner.lock().poll();
        if polled.is_some() {
            return polled;
        }
        // Cloned, woken and dropped without the lock.
        let waker = waker.clone();
        let mut inner = self.inner.lock();
        let polled = inner.poll();
        let wakers = &mut inner.signals.wakers;
        if polled.is_some() || wakers.has(&waker) {
            drop(inner);
            return polled;
        }
        let oldest = wakers.add(waker);
        drop(inner);
        oldest.into_iter().for_each(Waker::wake);
        None
    }

    /// Returns a channel that holds a token while the mailbox is not empty.
    pub(crate) fn ready(&self) -> Receiver<()> {
        let mut inner = self.inner.lock();
        let raised = inner.is_raised();
        let (sender, receiver) = inner.signals.channel.get_or_insert_with(|| bounded(1));
        if raised {
            let _ = sender.try_send(());
        }
        receiver.clone()
    }

    /// Returns a channel that gets a token each time the mailbox changes from empty to not empty. It replaces
    /// and closes the previous channel.
    pub(crate) fn wake_channel(&self) -> Receiver<()> {
        let mut inner = self.inner.lock();
        let (sender, receiver) = bounded(1);
        if inner.is_raised() {
            let _ = sender.try_send(());
        }
        inner.signals.wake_up = Some(sender);
        receiver
    }

    /// Returns a socket that is readable while the mailbox is not empty.
    #[cfg(unix)]
    pub(crate) fn socket(&self) -> std::io::Result<std::sync::Arc<std::os::unix::net::UnixStream>> {
        let mut inner = self.inner.lock();
        if inner.signals.socket.is_none() {
            let socket = Socket::new()?;
            if inner.is_raised() {
                socket.raise();
            }
            inner.signals.socket = Some(socket);
        }
        let socket = inner.signals.socket.as_ref().map(Socket::readable);
        socket.ok_or_else(|| std::io::Error::other("the socket was not kept"))
    }
}

impl Inner {
    fn is_empty(&self) -> bool {
        self.queue.is_empty() && self.missed == 0
    }

    /// Returns whether a waiting reader has something to read.
    fn is_raised(&self) -> bool {
        !self.is_empty() || self.closed
    }

    fn insert(&mut self, event: Event) {
        let place = self.next;
        self.next += 1;
        let kind = event.kind();
        match event.keep() {
            Keep::NewestInPlace(torrent) => {
                let places = self.open.entry(torrent).or_default();
                match places.iter().find(|(known, _)| *known == kind) {
                    Some(&(_, old)) => {
                        self.queue.insert(old, Box::new(event));
                        return;
                    }
                    None => places.push((kind, place)),
                }
            }
            Keep::NewestLast(torrent) => {
                let places = self.open.entry(Some(torrent)).or_default();
                match places.iter_mut().find(|(known, _)| *known == kind) {
                    Some((_, old)) => {
                        self.queue.remove(old);
                        *old = place;
                    }
                    None => places.push((kind, place)),
                }
            }
            Keep::Final(torrent) => {
                let earlier = self.open.remove(&Some(torrent)).unwrap_or_default();
                self.bounded.extend(earlier.into_iter().map(|(_, place)| place));
                self.bounded.insert(place);
            }
            Keep::Bounded => {
                self.bounded.insert(place);
            }
            Keep::Expendable => {
                self.expendable.insert(place);
            }
            Keep::Always => {}
        }
        self.queue.insert(place, Box::new(event));
    }

    fn drop_oldest_beyond_bound(&mut self) {
        for bounded in [&mut self.bounded, &mut self.expendable] {
            while bounded.len() > BOUND {
                if let Some(oldest) = bounded.pop_first() {
                    self.queue.remove(&oldest);
                    self.missed += 1;
                }
            }
        }
    }

    /// An event, or the end.
    fn poll(&mut self) -> Option<Option<Event>> {
        self.take().map(Some).or(self.closed.then_some(None))
    }

    fn take(&mut self) -> Option<Event> {
        let event = match std::mem::take(&mut self.missed) {
            0 => {
                let (place, event) = self.queue.pop_first()?;
                self.release(place, &event);
                *event
            }
            missed => Event::Lagged { missed },
        };
        if !self.lower_if_empty() {
            // A `select!` that took the token finds it again while there are more events.
            self.signals.rearm_channel();
        }
        Some(event)
    }

    fn release(&mut self, place: u64, event: &Event) {
        if let Event::Reply { .. } = event {
            self.answers = self.answers.saturating_sub(1);
            return;
        }
        if self.bounded.remove(&place) || self.expendable.remove(&place) {
            return;
        }
        let torrent = event.torrent();
        if let Some(places) = self.open.get_mut(&torrent) {
            places.retain(|(_, kept)| *kept != place);
            if places.is_empty() {
                self.open.remove(&torrent);
            }
        }
    }

    fn lower_if_empty(&mut self) -> bool {
        let lower = !self.is_raised();
        if lower {
            self.signals.lower();
        }
        lower
    }
}

impl Signals {
    /// Returns the wakers that are to be woken.
    fn raise(&mut self) -> Wakers {
        self.rearm_channel();
        if let Some(wake_up) = &self.wake_up {
            let _ = wake_up.try_send(());
        }
        #[cfg(unix)]
        if let Some(socket) = &self.socket {
            socket.raise();
        }
        std::mem::take(&mut self.wakers)
    }

    fn rearm_channel(&self) {
        if let Some((sender, _)) = &self.channel {
            let _ = sender.try_send(());
        }
    }

    fn lower(&self) {
        if let Some((_, receiver)) = &self.channel {
            let _ = receiver.try_recv();
        }
        #[cfg(unix)]
        if let Some(socket) = &self.socket {
            socket.lower();
        }
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.lock();
        f.debug_struct("Mailbox")
            .field("waiting", &inner.queue.len())
            .field("missed", &inner.missed)
            .field("closed", &inner.closed)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::{CommandKind, TorrentState, TorrentStatus};

    fn name() -> Arc<str> {
        "t".into()
    }

    fn status(id: TorrentId, done: u64) -> Event {
        let mut status = TorrentStatus::new(id, name());
        status.total_done = done;
        Event::Status(status)
    }

    fn drain(mailbox: &Mailbox) -> Vec<Event> {
        std::iter::from_fn(|| mailbox.try_recv()).collect()
    }

    #[test]
    fn statuses_of_one_torrent_become_the_newest() {
        let (mailbox, id, other) = (Mailbox::default(), TorrentId::next(), TorrentId::next());
        mailbox.push(status(id, 1));
        mailbox.push(status(other, 9));
        mailbox.push(status(id, 2));
        let events = drain(&mailbox);
        let done = |event: &Event| match event {
            Event::Status(status) => status.total_done,
            _ => panic!("{event:?}"),
        };
        assert_eq!(events.iter().map(done).collect::<Vec<_>>(), [2, 9]);
    }

    #[test]
    fn a_repeated_event_moves_behind_what_came_between() {
        let (mailbox, id) = (Mailbox::default(), TorrentId::next());
        let paused = || Event::Paused { id, name: name() };
        mailbox.push(paused());
        mailbox.push(Event::Resumed { id, name: name() });
        mailbox.push(paused());
        let events = drain(&mailbox);
        assert!(
            matches!(&events[..], [Event::Resumed { .. }, Event::Paused { .. }]),
            "the last word must come last: {events:?}"
        );
    }

    /// A patron that never reads, while the client works for a long time.
    #[test]
    fn an_unread_mailbox_stays_bounded_and_reports_lost_events() {
        let mailbox = Mailbox::default();
        let open = TorrentId::next();
        let torrents = BOUND as u64;
        for _ in 0..torrents {
            let id = TorrentId::next();
            for state in [TorrentState::Downloading, TorrentState::Seeding] {
                mailbox.push(Event::StateChanged { id, name: name(), state });
                mailbox.push(status(id, 0));
            }
            mailbox.push(Event::TorrentRemoved {
                id,
                name: name(),
                files: crate::model::RemovedFiles::Kept,
            });
            mailbox.push(Event::Finished { id: open, name: name() });
        }
        let events = drain(&mailbox);
        let kept = events.len() as u64;
        assert_eq!(kept, BOUND as u64 + 2, "the bounded ones, Lagged, and one of the open torrent");
        assert!(
            matches!(events[0], Event::Lagged { missed } if missed == 3 * torrents - BOUND as u64),
            "{:?}",
            events[0]
        );
        assert!(events.iter().any(|event| event.torrent() == Some(open)));
    }

    /// Each event of thousands of pieces is kept while there is space, and none displaces an event that is
    /// not repeated.
    #[test]
    fn frequent_kinds_are_counted_separately() {
        let mailbox = Mailbox::default();
        let (id, other) = (TorrentId::next(), TorrentId::next());
        let piece = |id, piece| Event::PieceFinished { id, name: name(), piece };
        let refused =
            || Event::CommandFailed { command: CommandKind::Pause, id, error: Error::stopped("t") };
        mailbox.push(refused());
        mailbox.push(piece(other, 7));
        let count = BOUND as u32 + 9;
        (0..count).for_each(|number| mailbox.push(piece(id, number)));
        assert!(matches!(mailbox.try_recv(), Some(Event::Lagged { missed: 10 })));
        assert!(matches!(mailbox.try_recv(), Some(Event::CommandFailed { .. })));
        assert!(matches!(mailbox.try_recv(), Some(Event::PieceFinished { piece: 9, .. })));
        mailbox.push(piece(other, 8));
        mailbox.forget(id);
        let left = drain(&mailbox);
        assert!(matches!(&left[..], [Event::PieceFinished { piece: 8, .. }]), "{left:?}");
    }

    #[test]
    fn answers_are_not_displaced_and_commands_are_refused_where_they_are_not_read() {
        let mailbox = Mailbox::default();
        for tag in 0..ANSWERS as u64 {
            mailbox.expect_answer("t").unwrap();
            mailbox.push(Event::Reply { tag, id: None, error: None });
        }
        (0..2 * BOUND).for_each(|_| mailbox.push(Event::Resynchronized));
        assert_eq!(mailbox.expect_answer("t").unwrap_err().kind(), ErrorKind::Busy);
        assert!(
            matches!(mailbox.try_recv(), Some(Event::Lagged { missed }) if missed == BOUND as u64)
        );
        assert!(matches!(mailbox.try_recv(), Some(Event::Reply { tag: 0, .. })));
        mailbox.expect_answer("t").unwrap();
        mailbox.expect_answer("t").unwrap_err();
        mailbox.expect_no_answer();
        mailbox.expect_answer("t").unwrap();
        let answers =
            drain(&mailbox).into_iter().filter(|event| matches!(event, Event::Reply { .. }));
        assert_eq!(answers.count(), ANSWERS - 1);
    }

    #[test]
    fn only_the_newest_statistics_are_kept() {
        use crate::model::{ReadStatistics, Statistics};
        let mailbox = Mailbox::default();
        for sent in 0..3 {
            let reads = ReadStatistics { mapped_blocks: sent, ..ReadStatistics::default() };
            let mut statistics = Statistics::default();
            statistics.reads = reads;
            mailbox.push(Event::Statistics(Box::new(statistics)));
        }
        let events = drain(&mailbox);
        assert!(
            matches!(&events[..], [Event::Statistics(now)] if now.reads.mapped_blocks == 2),
            "{events:?}"
        );
        assert!(mailbox.inner.lock().open.is_empty());
    }

    #[test]
    fn the_ready_channel_holds_a_token_exactly_while_there_is_something() {
        let mailbox = Mailbox::default();
        let ready = mailbox.ready();
        assert!(ready.is_empty());
        mailbox.push(Event::Resynchronized);
        mailbox.push(Event::Resynchronized);
        assert!(ready.try_recv().is_ok());
        mailbox.try_recv().unwrap();
        assert!(ready.try_recv().is_ok(), "one event is left");
        mailbox.try_recv().unwrap();
        assert!(ready.is_empty());
        mailbox.close(Event::ClientStopped { error: None });
        mailbox.try_recv().unwrap();
        assert!(ready.try_recv().is_ok(), "the end is something to see");
    }

    #[cfg(unix)]
    #[test]
    #[cfg_attr(miri, ignore = "miri has no non-blocking sockets")]
    fn the_socket_is_readable_exactly_while_there_is_something() {
        use std::io::{ErrorKind, Read};
        let mailbox = Mailbox::default();
        let socket = mailbox.socket().unwrap();
        // Reading only takes the byte, which the next event writes again. Its value has no meaning.
        let readable = || match (&mut &*socket).read(&mut [0]) {
            Ok(1) => true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => false,
            other => panic!("{other:?}"),
        };
        assert!(!readable());
        mailbox.push(Event::Resynchronized);
        assert!(readable());
        mailbox.try_recv().unwrap();
        assert!(!readable());
        mailbox.push(Event::Resynchronized);
        mailbox.try_recv().unwrap();
        assert!(!readable(), "lowered when emptied");
    }

    #[test]
    fn a_closed_mailbox_is_read_to_the_end_and_then_reports_it() {
        let mailbox = Mailbox::default();
        mailbox.push(Event::Resynchronized);
        mailbox.close(Event::ClientStopped { error: None });
        mailbox.push(Event::Resynchronized);
        assert!(matches!(mailbox.recv("t"), Ok(Event::Resynchronized)));
        assert!(matches!(mailbox.recv("t"), Ok(Event::ClientStopped { .. })));
        assert_eq!(mailbox.recv("t").unwrap_err().kind(), crate::error::ErrorKind::Stopped);
    }

    #[test]
    fn a_timeout_ends_the_wait_and_the_longest_one_never_expires() {
        let mailbox = Mailbox::default();
        assert!(mailbox.recv_timeout(Duration::ZERO, "t").is_none());
        mailbox.push(Event::Resynchronized);
        mailbox.recv_timeout(Duration::MAX, "t").unwrap().unwrap();
    }

    #[test]
    fn an_interrupt_ends_every_wait_and_no_later_one() {
        let mailbox = Arc::new(Mailbox::default());
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let mailbox = mailbox.clone();
                std::thread::spawn(move || mailbox.recv("t").unwrap_err().kind())
            })
            .collect();
        while mailbox.inner.lock().interrupts.waiting < readers.len() {
            std::thread::yield_now();
        }
        mailbox.interrupt();
        for reader in readers {
            assert_eq!(reader.join().unwrap(), ErrorKind::Cancelled);
        }
        assert!(mailbox.recv_timeout(Duration::ZERO, "t").is_none());
    }

    #[test]
    fn an_interrupt_that_nobody_waits_for_ends_the_next_wait_also_when_events_are_there() {
        let mailbox = Mailbox::default();
        mailbox.push(Event::Resynchronized);
        mailbox.interrupt();
        mailbox.interrupt();
        assert_eq!(mailbox.recv("t").unwrap_err().kind(), ErrorKind::Cancelled);
        assert!(matches!(mailbox.recv("t"), Ok(Event::Resynchronized)));
    }

    #[test]
    fn a_waker_may_use_the_mailbox() {
        struct Reads(Arc<Mailbox>, crossbeam_channel::Sender<Option<Event>>);
        impl std::task::Wake for Reads {
            fn wake(self: Arc<Self>) {
                let _ = self.1.send(self.0.try_recv());
            }
        }
        let mailbox = Arc::new(Mailbox::default());
        let (sender, woken) = crossbeam_channel::unbounded();
        let waker = Waker::from(Arc::new(Reads(mailbox.clone(), sender)));
        assert!(mailbox.poll(&waker).is_none());
        // On a separate thread, which would otherwise wait for itself forever.
        let client = std::thread::spawn({
            let mailbox = mailbox.clone();
            move || mailbox.push(Event::Resynchronized)
        });
        let read = woken.recv_timeout(Duration::from_secs(20)).expect("the waker waits for itself");
        assert!(matches!(read, Some(Event::Resynchronized)));
        client.join().unwrap();
        assert!(mailbox.poll(&waker).is_none());
        mailbox.close(Event::ClientStopped { error: None });
        assert!(matches!(woken.recv(), Ok(Some(Event::ClientStopped { .. }))));
    }

    #[test]
    fn a_reader_that_waits_is_woken() {
        let mailbox = Arc::new(Mailbox::default());
        let reader = std::thread::spawn({
            let mailbox = mailbox.clone();
            move || mailbox.recv("t").map(|_| ())
        });
        mailbox.push(Event::Resynchronized);
        reader.join().unwrap().unwrap();
    }
}
