//! The commands of patrons, carried out. Each is handed to the engine or refused; none waits.

use std::sync::Arc;

use super::{Asked, ClientThread};
use crate::client::state::admission::Start;
use crate::client::state::torrents::Closing;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::{Added, Job, OnLeave, RemoveFiles};
use crate::messages::service::{Envelope, Member};
use crate::model::{Event, TorrentId};
use crate::reply::Responder;

pub(in crate::client) const START: &str = "add the torrent";

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn handle(&mut self, Envelope { from, job }: Envelope) {
        match job {
            Job::Add(prepared, reply) => self.begin(Start::new(from, *prepared, reply)),
            Job::Remove(id, files, reply) => self.remove(id, files, from, reply),
            Job::Pause(id, reply) => {
                let result =
                    self.routes.open(id, "pause the torrent").and_then(|_| self.engine.pause(id));
                answer(&from, "Pause", id, reply, result);
            }
            Job::Resume(id, reply) => {
                let result = self.routes.open(id, "resume the torrent").and_then(|torrent| {
                    torrent.forget_error();
                    self.engine.resume(id)
                });
                answer(&from, "Resume", id, reply, result);
            }
            Job::Status(id, reply) => match self.routes.open(id, "get the status") {
                Ok(_) => {
                    let number = self.statuses.asked + 1;
                    let asked = Asked { id, from, reply };
                    self.statuses.waiting.entry(number).or_default().push(asked);
                }
                Err(error) => answer(&from, "Status", id, reply, Err(error)),
            },
            Job::TellMetainfo(id, reply) => self.tell_metainfo(id, from, reply),
            Job::SetGoals(id, goals, reply) => reply.send(self.set_goals(id, goals)),
            Job::OfTorrent(id, asked, respond) => self.request_of_torrent(id, asked, respond),
            Job::OfSession(asked, respond) => self.request_of_session(asked, respond),
            Job::Watch(id, reply) => {
                let result = self.routes.open(id, "watch the torrent").map(|_| ());
                if result.is_ok() {
                    self.routes.watch(id, &from);
                    self.save_for_newcomer(id);
                    if let Some(status) = self.service.statuses.get(id) {
                        from.mailbox.push(Event::Status(status));
                    }
                }
                answer(&from, "Watch", id, reply, result);
            }
            Job::Unwatch(id, reply) => {
                let result = self.routes.open(id, "unwatch the torrent").map(|_| ());
                self.routes.unwatch(id, &from);
                answer(&from, "Unwatch", id, reply, result);
            }
            Job::ListenAddresses(reply) => {
                if self.listening.settled {
                    reply.send(self.listening.result());
                } else {
                    self.listening.waiting.push(reply);
                }
            }
            Job::Statistics(reply) => {
                self.statistics.push(reply);
                // The answer to an earlier question is fresh enough for this one.
                if self.statistics.len() == 1 {
                    self.ask_statistics();
                }
            }
        }
    }

    pub(in crate::client) fn ask_statistics(&mut self) {
        if let Err(error) = self.engine.request_statistics() {
            for reply in std::mem::take(&mut self.statistics) {
                reply.send(Err(error.clone()));
            }
        }
    }

    fn begin(&mut self, mut start: Start) {
        let busy =
            |what: &str| Error::new(ErrorKind::Busy, START, format!("{}: {what}", start.source));
        if let Some(id) = self.routes.find(&start.info_hashes) {
            let Some(known) = self.routes.get(id) else { return };
            if known.closing.is_some() {
                let why = busy("the same torrent is just being closed");
                return self.postpone(start, why);
            }
            let name = known.name.clone();
            return match start.reply {
                Some(reply) => reply.send(Ok(Added::Existing(id))),
                None => start.from.mailbox.push(Event::AlreadyAdded { id, name }),
            };
        }
        if self.admission.has(&start.info_hashes) {
            let why = busy("the same torrent is just being started");
            return self.postpone(start, why);
        }
        let handed_over = match start.params.take() {
            Some(params) => self.engine.add(start.id, params),
            None => self.engine.retry_add(start.id),
        };
        match handed_over {
            Ok(()) => self.admission.hand_over(start),
            Err(error) => self.fail(start, error),
        }
    }

    pub(in crate::client) fn postpone(&mut self, start: Start, why: Error) {
        tracing::debug!(source = &*start.source, %why, "the start is tried again later");
        if let Some((start, error)) = self.admission.postpone(start, why) {
            self.fail(start, error);
        }
    }

    pub(in crate::client) fn fail(&mut self, start: Start, error: Error) {
        self.engine.forget_add(start.id);
        tracing::warn!(source = &*start.source, %error, "a torrent was not started");
        match start.reply {
            Some(reply) => reply.send(Err(error)),
            None => {
                let source = start.source;
                start.from.mailbox.push(Event::AddFailed { source, error });
            }
        }
    }

    pub(in crate::client) fn retry_starts(&mut self) {
        for start in self.admission.take_due() {
            self.begin(start);
        }
    }

    fn remove(
        &mut self,
        id: TorrentId,
        files: RemoveFiles,
        from: Arc<Member>,
        reply: Option<Responder<()>>,
    ) {
        let torrent = match self.routes.open(id, "remove the torrent") {
            Ok(torrent) => torrent,
            Err(error) => return answer(&from, "RemoveTorrent", id, reply, Err(error)),
        };
        match self.engine.remove(id, files == RemoveFiles::Delete) {
            Ok(()) => torrent.closing = Some(Closing { files, from: Some(from), reply }),
            Err(error) => answer(&from, "RemoveTorrent", id, reply, Err(error)),
        }
    }

    /// A torrent whose owner has left.
    pub(in crate::client) fn see_to_orphan(&mut self, id: TorrentId, owner: &Arc<Member>) {
        match owner.on_leave() {
            OnLeave::KeepSeeding => {}
            OnLeave::Pause => {
                if let Err(error) = self.engine.pause(id) {
                    tracing::warn!(%id, %error, "the torrent of a patron that left goes on");
                }
            }
            OnLeave::Remove => self.remove(id, RemoveFiles::Keep, owner.clone(), None),
        }
    }
}

/// Answers by the reply where there is one; else a failure becomes an event.
pub(in crate::client) fn answer<T>(
    from: &Member,
    command: &'static str,
    id: TorrentId,
    reply: Option<Responder<T>>,
    result: Result<T>,
) {
    match (reply, result) {
        (Some(reply), result) => reply.send(result),
        (None, Err(error)) => from.mailbox.push(Event::CommandFailed { command, id, error }),
        (None, Ok(_)) => {}
    }
}
