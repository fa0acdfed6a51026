//! Torrents on their way in. A start that meets a busy engine is tried again, later and later; the
//! one who asked sees one answer.

use std::any::Any;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::add::Prepared;
use crate::error::{Error, ErrorKind};
use crate::messages::command::Started;
use crate::messages::request::Own;
use crate::messages::service::Member;
use crate::model::{InfoHashes, TorrentId};
use crate::reply::Responder;

/// How many starts may be under way. While they are, the client thread takes no more commands, and
/// patrons wait at the command channel: an engine that is slow to start torrents slows those who
/// start them, and no queue grows.
const WINDOW: usize = 512;

const FIRST_DELAY: Duration = Duration::from_millis(10);
const LONGEST_DELAY: Duration = Duration::from_secs(1);
/// After this long the caller is told that the engine is busy.
const PATIENCE: Duration = Duration::from_secs(30);

/// A torrent on its way in.
pub(in crate::client) struct Start {
    pub(in crate::client) id: TorrentId,
    pub(in crate::client) from: Arc<Member>,
    pub(in crate::client) reply: Option<Responder<Started>>,
    pub(in crate::client) source: Arc<str>,
    pub(in crate::client) name: Arc<str>,
    pub(in crate::client) info_hashes: InfoHashes,
    pub(in crate::client) save_dir: PathBuf,
    pub(in crate::client) own: Own,
    pub(in crate::client) paused: bool,
    pub(in crate::client) distrust: Option<Error>,
    /// Not yet handed to the engine.
    pub(in crate::client) params: Option<Box<dyn Any + Send>>,
    began: Instant,
    delay: Duration,
}

impl Start {
    pub(in crate::client) fn new(
        from: Arc<Member>,
        prepared: Prepared,
        reply: Option<Responder<Started>>,
    ) -> Self {
        let Prepared {
            source,
            name,
            info_hashes,
            save_dir,
            move_to,
            paused,
            goals,
            distrust,
            params,
        } = prepared;
        Self {
            id: TorrentId::next(),
            from,
            reply,
            source,
            name,
            info_hashes,
            save_dir,
            own: Own { move_to, goals },
            paused,
            distrust,
            params: Some(params),
            began: Instant::now(),
            delay: FIRST_DELAY,
        }
    }
}

#[derive(Default)]
pub(in crate::client) struct Admission {
    /// Handed to the engine, which has not answered.
    under_way: HashMap<TorrentId, Start>,
    /// To be tried again at the time given.
    waiting: Vec<(Instant, Start)>,
}

impl Admission {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.len() >= WINDOW
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.under_way.len() + self.waiting.len()
    }

    pub(in crate::client) fn hand_over(&mut self, start: Start) {
        self.under_way.insert(start.id, start);
    }

    /// The start that the engine has answered.
    pub(in crate::client) fn answered(&mut self, id: TorrentId) -> Option<Start> {
        self.under_way.remove(&id)
    }

    /// Whether another start with one of these info hashes is before the engine.
    pub(in crate::client) fn has(&self, hashes: &InfoHashes) -> bool {
        let same = |start: &Start| {
            (hashes.v1.is_some() && start.info_hashes.v1 == hashes.v1)
                || (hashes.v2.is_some() && start.info_hashes.v2 == hashes.v2)
        };
        self.under_way.values().any(same)
    }

    /// Keeps a start for later, or gives it back with the error when it has waited for too long.
    pub(in crate::client) fn postpone(
        &mut self,
        mut start: Start,
        why: Error,
    ) -> Option<(Start, Error)> {
        if start.began.elapsed() >= PATIENCE {
            let error = why.with_kind(ErrorKind::Busy).on("still busy after 30 seconds");
            return Some((start, error));
        }
        let due = Instant::now() + start.delay;
        start.delay = (start.delay * 2).min(LONGEST_DELAY);
        self.waiting.push((due, start));
        None
    }

    /// Something ended that a start may have waited for: all are tried at once.
    pub(in crate::client) fn nudge(&mut self) {
        let now = Instant::now();
        self.waiting.iter_mut().for_each(|(due, _)| *due = now);
    }

    pub(in crate::client) fn next_due(&self) -> Option<Instant> {
        self.waiting.iter().map(|(due, _)| *due).min()
    }

    pub(in crate::client) fn take_due(&mut self) -> Vec<Start> {
        let now = Instant::now();
        self.waiting.extract_if(.., |(due, _)| *due <= now).map(|(_, start)| start).collect()
    }

    pub(in crate::client) fn take_all(&mut self) -> Vec<Start> {
        let waiting = std::mem::take(&mut self.waiting).into_iter().map(|(_, start)| start);
        waiting.chain(std::mem::take(&mut self.under_way).into_values()).collect()
    }

    /// Those that the engine has had for longer than its answer can take.
    pub(in crate::client) fn under_way(&self) -> Vec<TorrentId> {
        self.under_way.keys().copied().collect()
    }
}
