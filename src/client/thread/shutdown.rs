//! Ends a client: waits until the deadline for operations in progress, and reports those that are unfinished.

use std::time::Instant;

use crossbeam_channel::bounded;

use super::client_thread::ClientThread;
use crate::client::inbox::StopRequest;
use crate::client::report::ShutdownReport;
use crate::client::state::admission::Origin;
use crate::engine::Engine;
use crate::error::Error;
use crate::messages::command::RemoveFiles;
use crate::model::Event;
use crate::model::op;

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn shut_down(mut self, request: StopRequest) {
        let StopRequest { began, deadline, report: to } = request;
        let span = tracing::info_span!("shutdown");
        let _entered = span.enter();
        self.stopping = true;
        if let Some(store) = &mut self.store {
            store.moves = None;
        }
        // A patron may have subscribed to resume data just before.
        self.follow_subscriptions();
        let mut report = ShutdownReport {
            torrents: self.torrents.len(),
            unanswered: self.service.refuse() + self.refuse_adds(),
            ..ShutdownReport::default()
        };
        // A move or a deletion can take hours: a fifth of the time is for the store and the engine.
        let patience = deadline - deadline.saturating_duration_since(Instant::now()) / 5;
        report.unsaved = self.save_the_rest(deadline, patience);
        report.unanswered += self.torrents.requests.of_patrons();
        if let Some(store) = &self.store {
            report.unanswered += store.commits.of_patrons();
        }
        for (id, torrent) in self.torrents.iter() {
            let made = torrent.made_move.as_ref();
            report.unanswered += usize::from(made.is_some_and(|made| made.respond.is_awaited()));
            match &torrent.removing {
                Some(removing) if removing.files == RemoveFiles::Delete => {
                    report.deletions_unfinished.push(id);
                }
                Some(removing) => report.unanswered += usize::from(removing.from.is_some()),
                None => {}
            }
            if torrent.moving.is_some() {
                report.moves_unfinished.push(id);
            }
        }
        let service = self.service.clone();
        let store_ended = self.end_store(deadline);
        report.engine_ended = self.end_engine(deadline);
        if !store_ended {
            report.unsaved = report.unsaved.max(1);
        }
        // The replies that were still open were answered when the client was dropped.
        service.close(None);
        report.took = began.elapsed();
        tracing::info!(%report);
        to.send(Ok(report));
    }

    /// Returns how many of the adds were from patrons. Torrents that the store has already stay there.
    fn refuse_adds(&mut self) -> usize {
        let mut count = 0;
        for add in self.admission.take_all() {
            let error = Error::stopped(op::ADD);
            match add.origin {
                Origin::Patron(_, Some(reply)) => reply.send(Err(error)),
                Origin::Patron(from, None) => {
                    from.mailbox.push(Event::AddFailed { source: add.source, error });
                }
                Origin::Store(_) => continue,
            }
            count += 1;
        }
        count
    }

    /// Ends the engine. Its last work, such as notifying the trackers, can take long, so a separate thread
    /// waits for it and this one can keep the deadline.
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
                tracing::error!(%error, "cannot start the thread that waits for libtorrent");
                false
            }
        }
    }
}
