//! An engine for tests. It reports each call to the test, and its events come from the test.

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};

use super::{Engine, EngineEvent};
use crate::error::{Error, ErrorKind, Result};
use crate::messages::request::{SessionRequest, TorrentRequest, TorrentRole};
use crate::model::{EventKinds, InfoHashes, TorrentId};
use crate::sys::task::ShardPart;

/// A call that the client made on the engine.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Add(TorrentId),
    RetryAdd(TorrentId),
    Forget(TorrentId),
    Merge(TorrentId),
    Remove(TorrentId, bool),
    Pause(TorrentId),
    Resume(TorrentId),
    MoveStorage(TorrentId, PathBuf),
    /// Any other request about a torrent: its number, the torrent, and the operation.
    OfTorrent(u64, TorrentId, &'static str),
    OfSession(u64, &'static str),
    Subscribe(EventKinds),
    Statuses,
    EveryStatus,
    Statistics,
    Abort,
}

impl Asked {
    fn is_routine(&self) -> bool {
        matches!(self, Self::Statuses | Self::Subscribe(_))
    }
}

/// The message of an `EngineFailed` event that makes the engine panic.
pub(crate) const PANIC: &str = "the test wants a panic";

pub(crate) struct FakeEngine {
    asked: Sender<Asked>,
    parts: Sender<ShardPart>,
    events: Receiver<EngineEvent>,
    keeps_torrents: Arc<AtomicBool>,
    /// The caller of `abort` waits for this.
    teardown: Receiver<()>,
}

/// The test's side of a fake engine.
pub(crate) struct Script {
    pub(crate) asked: Receiver<Asked>,
    /// The part for which each session request was made.
    pub(crate) parts: Receiver<ShardPart>,
    /// Makes the engine refuse to remove torrents.
    pub(crate) keeps_torrents: Arc<AtomicBool>,
    events: Sender<EngineEvent>,
    wake: Sender<()>,
    /// Dropping it ends the teardown.
    pub(crate) teardown: Option<Sender<()>>,
}

pub(crate) fn fake(wake: Sender<()>) -> (FakeEngine, Script) {
    let (asked, asked_here) = unbounded();
    let (events, events_there) = unbounded();
    let (teardown, teardown_there) = unbounded();
    let (parts, parts_here) = unbounded();
    let keeps_torrents = Arc::<AtomicBool>::default();
    let engine = FakeEngine {
        asked,
        parts,
        events: events_there,
        keeps_torrents: keeps_torrents.clone(),
        teardown: teardown_there,
    };
    let (asked, parts, teardown) = (asked_here, parts_here, Some(teardown));
    (engine, Script { asked, parts, keeps_torrents, events, wake, teardown })
}

impl Script {
    pub(crate) fn say(&self, event: EngineEvent) {
        self.events.send(event).unwrap();
        let _ = self.wake.try_send(());
    }

    /// Returns the next call, except for status requests, which every tick makes, and subscriptions.
    pub(crate) fn next(&self) -> Asked {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let asked = self.asked.recv_deadline(deadline).unwrap();
            if !asked.is_routine() {
                return asked;
            }
        }
    }

    /// Returns the kinds of the next subscription; other calls are skipped.
    pub(crate) fn subscription(&self) -> EventKinds {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let asked = self.asked.recv_deadline(deadline).unwrap();
            if let Asked::Subscribe(kinds) = asked {
                return kinds;
            }
        }
    }

    /// Returns whether nothing else has been called so far.
    pub(crate) fn is_quiet(&self) -> bool {
        self.asked.try_iter().all(|asked| asked.is_routine())
    }

    /// Waits for an add and reports it as successful.
    pub(crate) fn accept(&self) -> TorrentId {
        let Asked::Add(id) = self.next() else { panic!("expected an add") };
        self.say(EngineEvent::Added { id, name: String::new(), info_hashes: Default::default() });
        id
    }
}

impl FakeEngine {
    fn record(&self, asked: Asked) -> Result<()> {
        let _ = self.asked.send(asked);
        Ok(())
    }
}

impl Engine for FakeEngine {
    fn add(
        &mut self,
        id: TorrentId,
        _info_hashes: &InfoHashes,
        _params: Box<dyn Any + Send>,
    ) -> Result<()> {
        self.record(Asked::Add(id))
    }

    fn retry_add(&mut self, id: TorrentId) -> Result<()> {
        self.record(Asked::RetryAdd(id))
    }

    fn forget(&mut self, id: TorrentId) {
        let _ = self.record(Asked::Forget(id));
    }

    fn merge(&mut self, id: TorrentId, _params: Box<dyn Any + Send>) -> Result<()> {
        self.record(Asked::Merge(id))
    }

    fn remove(&mut self, id: TorrentId, delete_files: bool) -> Result<()> {
        self.record(Asked::Remove(id, delete_files))?;
        match self.keeps_torrents.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::NotFound, "", "no such torrent")),
            false => Ok(()),
        }
    }

    fn post(&mut self, id: TorrentId, asked: TorrentRequest) -> Result<()> {
        self.record(match asked.role {
            TorrentRole::Resumes => Asked::Resume(id),
            _ => Asked::Pause(id),
        })
    }

    fn request_of_torrent(
        &mut self,
        request: u64,
        id: TorrentId,
        asked: TorrentRequest,
    ) -> Result<()> {
        self.record(match (asked.op, asked.role) {
            (_, TorrentRole::MovesFiles { to, .. }) => Asked::MoveStorage(id, to.into_path_buf()),
            (op, _) => Asked::OfTorrent(request, id, op),
        })
    }

    fn request_of_session(&mut self, request: u64, asked: SessionRequest) -> Result<()> {
        let _ = self.parts.send(asked.part);
        self.record(Asked::OfSession(request, asked.op))
    }

    fn subscribe(&mut self, kinds: EventKinds) -> Result<()> {
        self.record(Asked::Subscribe(kinds))
    }

    fn request_statuses(&mut self) -> Result<()> {
        self.record(Asked::Statuses)
    }

    fn request_every_status(&mut self, _shard: usize) -> Result<()> {
        self.record(Asked::EveryStatus)
    }

    fn request_statistics(&mut self) -> Result<()> {
        self.record(Asked::Statistics)
    }

    fn drain(&mut self) -> Result<Vec<(usize, EngineEvent)>> {
        let panics = |event: &EngineEvent| matches!(event, EngineEvent::EngineFailed(error) if error.message() == PANIC);
        let events: Vec<_> = self.events.try_iter().collect();
        assert!(!events.iter().any(panics), "{PANIC}");
        Ok(events.into_iter().map(|event| (0, event)).collect())
    }

    fn abort(self) -> Result<Box<dyn FnOnce() + Send>> {
        self.record(Asked::Abort)?;
        Ok(Box::new(move || {
            let _ = self.teardown.recv();
        }))
    }
}
