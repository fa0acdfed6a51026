//! What patrons and the client thread share. A patron puts commands in; the client thread puts
//! events and statuses in; neither waits for the other but for room in the command channel.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use crossbeam_channel::{Receiver, Sender, TrySendError};
use parking_lot::{Mutex, MutexGuard};

use crate::command::{Job, OnLeave};
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::mailbox::Mailbox;
use crate::settings::Settings;
use crate::source::Defaults;
use crate::statistics::ReadStatistics;
use crate::status::StatusTable;

/// How many commands may wait for the client thread; the next one waits for room.
pub(crate) const COMMANDS: usize = 4096;

pub(crate) struct Service {
    commands: Sender<Envelope>,
    /// The client thread's end, kept to empty the channel when nobody reads it any more: a bounded
    /// channel keeps its messages, and their replies would be waited for without end.
    waiting: Receiver<Envelope>,
    wake: Sender<()>,
    pub(crate) statuses: StatusTable,
    pub(crate) defaults: Defaults,
    /// Asks nobody: it reads counters.
    pub(crate) reads: Box<ReadCount>,
    /// What the client was started with and what was changed since, where it matters how settings go
    /// together.
    settings: Mutex<Settings>,
    members: Mutex<Members>,
    /// Patrons that have left and whose torrents have yet to be seen to.
    departures: Mutex<Vec<MemberId>>,
    stopped: AtomicBool,
}

pub(crate) type ReadCount = dyn Fn() -> ReadStatistics + Send + Sync;

#[derive(Default)]
struct Members {
    by_id: HashMap<MemberId, Arc<Member>>,
    next: u64,
    /// What a newcomer is told first: where the client listens, where it cannot, and what it lacks.
    news: Vec<Event>,
    /// Nobody joins a service that has stopped.
    closed: bool,
}

/// The name of a patron at its client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct MemberId(u64);

/// A patron as the service knows it.
#[derive(Debug)]
pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) mailbox: Mailbox,
    on_leave: AtomicU8,
    left: AtomicBool,
}

/// A job and who wants it done.
#[derive(Debug)]
pub(crate) struct Envelope {
    pub(crate) from: Arc<Member>,
    pub(crate) job: Job,
}

impl Member {
    /// Whether it has left; a torrent that is only now started has no owner then.
    pub(crate) fn has_left(&self) -> bool {
        self.left.load(Ordering::Acquire)
    }

    pub(crate) fn set_on_leave(&self, policy: OnLeave) {
        self.on_leave.store(policy as u8, Ordering::Relaxed);
    }

    pub(crate) fn on_leave(&self) -> OnLeave {
        const PAUSE: u8 = OnLeave::Pause as u8;
        const CLOSE: u8 = OnLeave::Close as u8;
        match self.on_leave.load(Ordering::Relaxed) {
            PAUSE => OnLeave::Pause,
            CLOSE => OnLeave::Close,
            _ => OnLeave::KeepSeeding,
        }
    }
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
            stopped: AtomicBool::new(false),
        }
    }

    // The patron's side.

    /// Takes note of a change of settings, or refuses it.
    pub(crate) fn change_settings(&self, change: &Settings) -> Result<()> {
        let mut settings = self.settings.lock();
        *settings = settings.changed(change)?;
        Ok(())
    }

    /// A new member. At a stopped service it is one whose mailbox says so.
    pub(crate) fn join(&self) -> Arc<Member> {
        let mut members = self.members.lock();
        let id = MemberId(members.next);
        members.next += 1;
        let member = Arc::new(Member {
            id,
            mailbox: Mailbox::default(),
            on_leave: AtomicU8::new(OnLeave::default() as u8),
            left: AtomicBool::new(false),
        });
        if members.closed {
            member.mailbox.close(Event::ClientStopped { error: None });
        } else {
            for event in &members.news {
                member.mailbox.push(event.clone());
            }
            members.by_id.insert(id, member.clone());
        }
        member
    }

    /// Never waits: the client thread sees to the rest at its next tick.
    pub(crate) fn leave(&self, member: &Member) {
        member.left.store(true, Ordering::Release);
        let known = self.members.lock().by_id.remove(&member.id).is_some();
        if known {
            self.departures.lock().push(member.id);
            let _ = self.wake.try_send(());
        }
    }

    /// Waits while the command channel is full.
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
        if self.stopped.load(Ordering::SeqCst) {
            return Err(Error::stopped(SEND));
        }
        send(&self.commands, envelope).map_err(|error| match error {
            TrySendError::Full(_) => {
                let message = format!("{COMMANDS} commands are waiting for the client already");
                Error::new(ErrorKind::Busy, SEND, message)
            }
            TrySendError::Disconnected(_) => Error::stopped(SEND),
        })?;
        // Either the client thread finds this command when it empties the channel after `refuse`,
        // or `refuse` is seen here.
        if self.stopped.load(Ordering::SeqCst) {
            self.discard();
        }
        Ok(())
    }

    fn discard(&self) -> usize {
        self.waiting.try_iter().count()
    }

    // The client thread's side.

    pub(crate) fn take_departures(&self) -> Vec<MemberId> {
        std::mem::take(&mut *self.departures.lock())
    }

    /// Sends an event to every patron.
    pub(crate) fn broadcast(&self, event: &Event) {
        let members = self.members.lock();
        Self::push_to_all(members, event);
    }

    /// Sends an event to every patron, and to those that join later. It comes just after the start,
    /// when the first patron may or may not be there.
    pub(crate) fn announce(&self, event: &Event) {
        let mut members = self.members.lock();
        let line = event.to_string();
        if members.news.iter().all(|known| known.to_string() != line) {
            members.news.push(event.clone());
        }
        Self::push_to_all(members, event);
    }

    fn push_to_all(members: MutexGuard<'_, Members>, event: &Event) {
        let all: Vec<_> = members.by_id.values().cloned().collect();
        drop(members);
        for member in all {
            member.mailbox.push(event.clone());
        }
    }

    /// Refuses new commands and those that are waiting, whose replies say that the client has
    /// stopped. Returns how many there were.
    pub(crate) fn refuse(&self) -> usize {
        self.stopped.store(true, Ordering::SeqCst);
        self.discard()
    }

    /// The end: says so to every patron and forgets them all.
    pub(crate) fn close(&self, error: Option<Error>) {
        self.refuse();
        let members = {
            let mut members = self.members.lock();
            members.closed = true;
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
