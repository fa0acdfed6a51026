//! The data shared by patrons and the client thread. A patron puts commands in; the client thread
//! puts events and statuses in. Neither waits for the other, except a patron when the command
//! channel is full.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use parking_lot::{Mutex, MutexGuard};

use crate::add::Defaults;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::ClientCommand;
use crate::messages::member::{Member, MemberId};
use crate::messages::reading::{Read, ReaderId, Turn};
use crate::messages::status_table::StatusTable;
use crate::model::{Event, EventKind, EventKinds, ReadStatistics};
use crate::settings::Settings;

/// How many commands may wait for the client thread; a patron that sends another one waits.
pub(crate) const COMMANDS: usize = 4096;

/// The maximum number of events for each new patron.
const NEWS: usize = 256;

pub(crate) struct Service {
    commands: Sender<Envelope>,
    /// The receiving end, kept so that the channel can be emptied after the client thread has ended. Messages
    /// stay in a bounded channel, so patrons would wait for their replies forever.
    waiting: Receiver<Envelope>,
    wake: Sender<()>,
    pub(crate) statuses: StatusTable,
    pub(crate) defaults: Defaults,
    /// Reads counters of each network thread, without asking it.
    pub(crate) reads: Box<ReadCount>,
    /// The current settings, to check whether other settings can be combined with them.
    settings: Mutex<Settings>,
    members: Mutex<Members>,
    /// Patrons that have left, to be handled by the client thread.
    departures: Mutex<Vec<MemberId>>,
    /// Readers that were dropped, to be handled by the client thread.
    ended_readers: Mutex<Vec<ReaderId>>,
    /// The news of each reader, to be handled by the client thread.
    turns: Mutex<HashMap<ReaderId, Turn>>,
    /// Incremented by each change of subscriptions that the client thread must act on.
    subscriptions: AtomicU64,
    stopped: AtomicBool,
}

pub(crate) type ReadCount = dyn Fn() -> Vec<ReadStatistics> + Send + Sync;

#[derive(Default)]
struct Members {
    by_id: HashMap<MemberId, Arc<Member>>,
    next: u64,
    /// Events for each new patron: where the client listens or cannot listen, what it lacks, and what it could
    /// not restore.
    news: VecDeque<Event>,
    /// How many patrons subscribe to each of the costly kinds.
    interest: HashMap<EventKind, usize>,
    /// Set when the service has stopped. Then nobody can join any more.
    closed: bool,
}

/// A command and the patron that sent it.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) from: Arc<Member>,
    pub(crate) command: ClientCommand,
}

impl Service {
    pub(crate) fn new(
        (commands, waiting): (Sender<Envelope>, Receiver<Envelope>),
        wake: Sender<()>,
        defaults: Defaults,
        reads: Box<ReadCount>,
    ) -> Self {
        Self {
            commands,
            waiting,
            wake,
            statuses: StatusTable::default(),
            settings: Mutex::new(defaults.settings.clone()),
            defaults,
            reads,
            members: Mutex::default(),
            departures: Mutex::default(),
            ended_readers: Mutex::default(),
            turns: Mutex::default(),
            subscriptions: AtomicU64::new(0),
            stopped: AtomicBool::new(false),
        }
    }

    // Called by patrons.

    /// Refuses a change of settings that cannot be made.
    pub(crate) fn check_settings(&self, change: &Settings) -> Result<()> {
        self.settings.lock().changed(change, self.defaults.loopback_only).map(drop)
    }

    /// Returns the limits of the whole client, of which each network thread has a part.
    pub(crate) fn shared_settings(&self) -> Settings {
        self.settings.lock().shared()
    }

    /// Adds a member. If the service has stopped, the member's mailbox contains that event.
    pub(crate) fn join(&self) -> Arc<Member> {
        let mut members = self.members.lock();
        let id = MemberId::new(members.next);
        members.next += 1;
        let member = Arc::new(Member::new(id));
        if members.closed {
            member.mailbox.close(Event::ClientStopped { error: None });
        } else {
            for event in &members.news {
                member.mailbox.push(event.clone());
            }
            members.by_id.insert(id, member.clone());
            self.count(&mut members, EventKinds::NONE, EventKinds::DEFAULT);
        }
        member
    }

    /// Sets the kinds that a member receives, without waiting. The client thread makes libtorrent report them
    /// before it executes commands that are sent later.
    pub(crate) fn subscribe(&self, member: &Member, kinds: EventKinds) {
        let kinds = kinds | EventKinds::ALWAYS;
        let mut members = self.members.lock();
        let before = member.subscribe(kinds);
        if members.by_id.contains_key(&member.id) {
            self.count(&mut members, before, kinds);
        }
    }

    /// Counts subscribers, and wakes the client thread if a kind has gained its first or lost its last.
    /// Resume data depends on each patron's own torrents.
    fn count(&self, members: &mut Members, before: EventKinds, after: EventKinds) {
        let mut news = (after - before).contains(EventKind::ResumeData);
        for kind in ((after - before) & EventKinds::COSTLY).iter() {
            let count = members.interest.entry(kind).or_default();
            *count += 1;
            news |= *count == 1;
        }
        for kind in ((before - after) & EventKinds::COSTLY).iter() {
            if let Some(count) = members.interest.get_mut(&kind) {
                *count -= 1;
                if *count == 0 {
                    members.interest.remove(&kind);
                    news = true;
                }
            }
        }
        if news {
            self.subscriptions.fetch_add(1, Ordering::Release);
            let _ = self.wake.try_send(());
        }
    }

    /// Records that a member has left, without waiting. The client thread does the rest at its next tick.
    pub(crate) fn leave(&self, member: &Member) {
        member.leave();
        let mut members = self.members.lock();
        let known = members.by_id.remove(&member.id).is_some();
        if known {
            self.count(&mut members, member.wanted(), EventKinds::NONE);
            drop(members);
            self.departures.lock().push(member.id);
            let _ = self.wake.try_send(());
        }
    }

    /// Records a read without waiting. It replaces the reader's previous read. If the service has stopped, the reply
    /// says so.
    pub(crate) fn read(&self, read: Read) {
        let replaced = self.turns.lock().entry(read.reader).or_default().read.replace(read);
        // As in `put`.
        if self.stopped.load(Ordering::SeqCst) {
            self.discard();
        }
        let _ = self.wake.try_send(());
        drop(replaced);
    }

    /// Records without waiting what a reader has read on its own thread.
    pub(crate) fn advance(&self, reader: ReaderId, range: Range<u64>) {
        let ended = self.turns.lock().entry(reader).or_default().advance(range);
        let _ = self.wake.try_send(());
        drop(ended);
    }

    /// Records that a reader was dropped, without waiting.
    pub(crate) fn end_reader(&self, reader: ReaderId) {
        let unread = self.turns.lock().remove(&reader);
        self.ended_readers.lock().push(reader);
        let _ = self.wake.try_send(());
        drop(unread);
    }

    /// Returns an error if the client has stopped.
    pub(crate) fn check_running(&self, op: &'static str) -> Result<()> {
        match self.stopped.load(Ordering::SeqCst) {
            true => Err(Error::stopped(op)),
            false => Ok(()),
        }
    }

    /// Sends a command. Waits while the command channel is full.
    pub(crate) fn send(&self, envelope: Envelope) -> Result<()> {
        self.put(envelope, |commands, envelope| Ok(commands.send(envelope)?))
    }

    pub(crate) fn try_send(&self, envelope: Envelope) -> Result<()> {
        self.put(envelope, |commands, envelope| commands.try_send(envelope))
    }

    fn put(
        &self,
        envelope: Envelope,
        send: impl FnOnce(&Sender<Envelope>, Envelope) -> Result<(), TrySendError<Envelope>>,
    ) -> Result<()> {
        self.check_running(SEND)?;
        send(&self.commands, envelope).map_err(|error| match error {
            TrySendError::Full(_) => {
                let message = format!("{COMMANDS} commands are already waiting for the client");
                Error::new(ErrorKind::Busy, SEND, message)
            }
            TrySendError::Disconnected(_) => Error::stopped(SEND),
        })?;
        // Either the client thread finds this command when it empties the channel after `refuse`,
        // or this thread sees that `refuse` was called.
        if self.stopped.load(Ordering::SeqCst) {
            self.discard();
        }
        Ok(())
    }

    fn discard(&self) -> usize {
        let reads = self.take_turns();
        self.waiting.try_iter().count() + reads.filter(|(_, turn)| turn.read.is_some()).count()
    }

    // Called by the client thread.

    /// A change of settings was made; changes are recorded in the order in which they are made.
    pub(crate) fn settings_changed(&self, change: &Settings) {
        self.settings.lock().merge(change);
    }

    pub(crate) fn take_departures(&self) -> Vec<MemberId> {
        std::mem::take(&mut *self.departures.lock())
    }

    pub(crate) fn take_ended_readers(&self) -> Vec<ReaderId> {
        std::mem::take(&mut *self.ended_readers.lock())
    }

    pub(crate) fn take_turns(&self) -> impl Iterator<Item = (ReaderId, Turn)> + use<> {
        std::mem::take(&mut *self.turns.lock()).into_iter()
    }

    /// Returns a number that changes whenever subscriptions need action.
    pub(crate) fn subscriptions(&self) -> u64 {
        self.subscriptions.load(Ordering::Acquire)
    }

    /// Returns the costly kinds that have subscribers.
    pub(crate) fn interest(&self) -> EventKinds {
        self.members.lock().interest.keys().copied().collect()
    }

    /// Sends an event to every patron that subscribes to it.
    pub(crate) fn broadcast(&self, event: &Event) {
        let members = self.members.lock();
        Self::push_to_all(members, event);
    }

    /// Sends an event to every patron that subscribes to it, including those that join later, because there
    /// may be no patron yet just after the start.
    pub(crate) fn announce(&self, event: &Event) {
        let mut members = self.members.lock();
        members.news.retain(|known| !event.supersedes(known));
        if members.news.len() >= NEWS {
            // There may be one for each torrent.
            let failure = |known: &Event| known.kind() == EventKind::RestoreFailed;
            let oldest = members.news.iter().position(failure).unwrap_or_default();
            members.news.remove(oldest);
        }
        members.news.push_back(event.clone());
        Self::push_to_all(members, event);
    }

    fn push_to_all(members: MutexGuard<'_, Members>, event: &Event) {
        let all: Vec<_> = members.by_id.values().cloned().collect();
        drop(members);
        for member in all {
            member.send(event);
        }
    }

    /// Refuses new and waiting commands and reads; their replies fail because the client has stopped. Returns how many
    /// were waiting.
    pub(crate) fn refuse(&self) -> usize {
        self.stopped.store(true, Ordering::SeqCst);
        self.discard()
    }

    /// Sends the last event to every patron, and removes all patrons.
    pub(crate) fn close(&self, error: Option<Error>) {
        self.refuse();
        let members = {
            let mut members = self.members.lock();
            members.closed = true;
            members.interest.clear();
            std::mem::take(&mut members.by_id)
        };
        for member in members.into_values() {
            member.mailbox.close(Event::ClientStopped { error: error.clone() });
        }
        self.statuses.clear();
    }
}

const SEND: &str = "send the command";

impl std::fmt::Debug for Service {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Service")
            .field("stopped", &self.stopped)
            .field("patrons", &self.members.lock().by_id.len())
            .finish_non_exhaustive()
    }
}
