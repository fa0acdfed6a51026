//! The end of a client: what must still be done is waited for until the deadline, what is left
//! undone then is told.

use std::fmt;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::ClientThread;
use crate::engine::Engine;
use crate::error::Error;
use crate::messages::command::Files;
use crate::model::{Event, TorrentId};

/// The order to stop.
pub(in crate::client) struct Order {
    began: Instant,
    deadline: Instant,
    report: Sender<ShutdownReport>,
}

impl Order {
    pub(in crate::client) fn new(within: Duration) -> (Self, Receiver<ShutdownReport>) {
        let (report, there) = bounded(1);
        let began = Instant::now();
        // As good as never, without overflow.
        let longest = Duration::from_secs(365 * 24 * 3600);
        (Self { began, deadline: began + within.min(longest), report }, there)
    }
}

/// What a shutdown did and what it left undone.
#[derive(Debug, Clone, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ShutdownReport {
    /// How long it took; seconds when serialized.
    #[cfg_attr(feature = "serde", serde(serialize_with = "seconds"))]
    pub took: Duration,
    /// Torrents that were open.
    pub torrents: usize,
    /// Commands and starts that got the answer that the client has stopped.
    pub unanswered: usize,
    /// Torrents whose files were being deleted when the deadline came.
    pub deletions_unfinished: Vec<TorrentId>,
    /// Torrents whose files were being moved when the deadline came.
    pub moves_unfinished: Vec<TorrentId>,
    /// Torrents whose resume data a patron wanted and did not get when the deadline came.
    pub unsaved: usize,
    /// libtorrent has ended: trackers are told, files are flushed and closed. Where not, it goes on
    /// ending on a thread of its own.
    pub engine_ended: bool,
}

impl ShutdownReport {
    /// Whether nothing was left undone.
    pub fn is_clean(&self) -> bool {
        self.unanswered == 0
            && self.deletions_unfinished.is_empty()
            && self.moves_unfinished.is_empty()
            && self.unsaved == 0
            && self.engine_ended
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let torrents = self.torrents;
        let plural = if torrents == 1 { "" } else { "s" };
        write!(f, "stopped with {torrents} torrent{plural} in {:.1} s", self.took.as_secs_f64())?;
        if self.unanswered > 0 {
            write!(f, "; {} commands were not carried out", self.unanswered)?;
        }
        if !self.deletions_unfinished.is_empty() {
            write!(f, "; {} deletions are not finished", self.deletions_unfinished.len())?;
        }
        if !self.moves_unfinished.is_empty() {
            write!(f, "; {} moves are not finished", self.moves_unfinished.len())?;
        }
        if self.unsaved > 0 {
            write!(f, "; the resume data of {} torrents was not saved", self.unsaved)?;
        }
        if !self.engine_ended {
            write!(f, "; libtorrent is still telling trackers or writing files")?;
        }
        Ok(())
    }
}

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn shut_down(mut self, order: Order) {
        let Order { began, deadline, report: to } = order;
        let span = tracing::info_span!("shutdown");
        let _entered = span.enter();
        self.stopping = true;
        let mut report = ShutdownReport {
            torrents: self.routes.len(),
            unanswered: self.service.refuse() + self.refuse_starts() + self.requests.len()
                - self.saves.open(),
            ..ShutdownReport::default()
        };
        self.finish_disk_work(deadline);
        for (id, torrent) in self.routes.iter() {
            if torrent.closing.as_ref().is_some_and(|closing| closing.files == Files::Delete) {
                report.deletions_unfinished.push(id);
            }
            if torrent.moving.is_some() {
                report.moves_unfinished.push(id);
            }
        }
        report.unsaved = self.save_the_rest(deadline);
        let service = self.service.clone();
        report.engine_ended = self.end_engine(deadline);
        // Replies that are still open were dropped with the client and have said so.
        service.close(None);
        report.took = began.elapsed();
        tracing::info!(%report);
        let _ = to.send(report);
    }

    fn refuse_starts(&mut self) -> usize {
        let starts = self.admission.take_all();
        let count = starts.len();
        for start in starts {
            let error = Error::stopped("start the torrent");
            match start.reply {
                Some(reply) => reply.send(Err(error)),
                None => {
                    let source = start.source;
                    start.from.mailbox.push(Event::StartFailed { source, error });
                }
            }
        }
        count
    }

    fn finish_disk_work(&mut self, deadline: Instant) {
        loop {
            self.drain_events();
            let busy = self
                .routes
                .iter()
                .any(|(_, torrent)| torrent.closing.is_some() || torrent.moving.is_some());
            if !busy || self.woken.recv_deadline(deadline).is_err() {
                return;
            }
        }
    }

    /// The engine's last work, such as telling the trackers, can take long. A thread of its own
    /// waits for it, so that this one can keep the deadline.
    fn end_engine(self, deadline: Instant) -> bool {
        let last_work = match self.engine.abort() {
            Ok(last_work) => last_work,
            Err(error) => {
                tracing::error!(%error, "libtorrent was not stopped");
                return false;
            }
        };
        let (ended, end) = bounded(1);
        let reaper = std::thread::Builder::new().name("torrent-reaper".into()).spawn(move || {
            last_work();
            let _ = ended.send(());
        });
        match reaper {
            Ok(_) => end.recv_deadline(deadline).is_ok(),
            Err(error) => {
                tracing::error!(%error, "no thread to wait for libtorrent");
                false
            }
        }
    }
}

#[cfg(feature = "serde")]
fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(took.as_secs_f64())
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn reports_in_json() {
        let report = ShutdownReport {
            took: Duration::from_millis(250),
            torrents: 2,
            moves_unfinished: vec![TorrentId::new(3).unwrap()],
            ..ShutdownReport::default()
        };
        assert_eq!(
            serde_json::to_string(&report).unwrap(),
            concat!(
                r#"{"took":0.25,"torrents":2,"unanswered":0,"deletions_unfinished":[],"#,
                r#""moves_unfinished":[3],"unsaved":0,"engine_ended":false}"#
            )
        );
    }
}
