//! Executes the commands of patrons. Each is passed to the engine or refused; none waits.

use std::sync::Arc;
use std::time::Instant;

use super::client_thread::ClientThread;
use crate::client::state::admission::{Origin, PendingAdd};
use crate::client::state::commits::Attachment;
use crate::client::state::statuses::StatusWaiter;
use crate::client::state::torrent::Removing;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::{Added, ClientCommand, RemoveFiles};
use crate::messages::member::{Member, OnLeave};
use crate::messages::request::{self, Respond};
use crate::messages::service::Envelope;
use crate::model::op;
use crate::model::{CommandKind, Event, EventKind, TorrentId};
use crate::reply::Responder;
use crate::store::Change;

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn handle(&mut self, Envelope { from, command }: Envelope) {
        match command {
            ClientCommand::Add(prepared, reply) => {
                self.begin_add(PendingAdd::new(from, *prepared, reply, Instant::now()));
            }
            ClientCommand::Remove(id, files, reply) => self.remove(id, files, from, reply),
            ClientCommand::Status(id, reply) => match self.torrents.open(id, op::STATUS) {
                Ok(_) => self.statuses.wait(StatusWaiter::Patron { id, from, reply }),
                Err(error) => answer(&from, CommandKind::Status, id, reply, Err(error)),
            },
            ClientCommand::SetGoals(id, goals, reply) => reply.send(self.set_goals(id, goals)),
            ClientCommand::OfTorrent(id, asked, respond) => {
                self.request_of_patron(id, asked, respond)
            }
            ClientCommand::OfMessage(command, id, asked) => {
                self.request_of_patron(id, asked, Respond::Failure { to: from, command, id });
            }
            ClientCommand::OfSession(asked, respond) => self.request_of_session(*asked, respond),
            ClientCommand::OpenReader(opening) => self.open_reader(*opening),
            ClientCommand::Watch(id, reply) => {
                let result = self.torrents.open(id, op::WATCH).map(|_| ());
                if result.is_ok() {
                    self.torrents.watch(id, &from);
                    self.save_for_newcomer(id);
                    if let Some(status) = self.service.statuses.get(id) {
                        from.mailbox.push(Event::Status(status));
                    }
                }
                answer(&from, CommandKind::Watch, id, reply, result);
            }
            ClientCommand::Unwatch(id, reply) => {
                let result = self.torrents.open(id, op::UNWATCH).map(|_| ());
                self.torrents.unwatch(id, &from);
                answer(&from, CommandKind::Unwatch, id, reply, result);
            }
            ClientCommand::WatchAll(watch, reply) => {
                self.torrents.watch_all(&from, watch);
                if watch {
                    for status in self.service.statuses.all() {
                        from.mailbox.push(Event::Status(status));
                    }
                    if self.subscriptions.wants(EventKind::ResumeData) {
                        self.save_for_newcomers();
                    }
                }
                reply.send(Ok(()));
            }
            ClientCommand::Adopt(id, reply) => reply.send(self.adopt(id, &from)),
            ClientCommand::SetLabel(id, label, on, reply) => {
                self.attach(id, Attachment::Label(label, on), reply);
            }
            ClientCommand::SetNote(id, key, value, reply) => {
                self.attach(id, Attachment::Note(key, value), reply);
            }
            ClientCommand::Labels(id, reply) => {
                let torrent = self.torrents.open(id, op::LABELS);
                reply.send(torrent.map(|torrent| torrent.labels()));
            }
            ClientCommand::Notes(id, reply) => {
                let torrent = self.torrents.open(id, op::NOTES);
                reply.send(torrent.map(|torrent| torrent.notes()));
            }
            ClientCommand::WaitUntilFinished(id, reply) => self.wait_until_finished(id, reply),
            ClientCommand::Find(hashes, reply) => reply.send(Ok(self.torrents.find(&hashes))),
            ClientCommand::ListenAddresses(id, reply) => {
                match id.map(|id| self.torrents.open(id, op::LISTEN)).transpose() {
                    Ok(_) => {
                        let shards = id.map(|id| self.engine.shards_of(id));
                        self.listening.ask(shards, reply);
                    }
                    Err(error) => reply.send(Err(error)),
                }
            }
            ClientCommand::Statistics(reply) => {
                self.statistics.push(reply);
                // The answer to an earlier request is recent enough for this one.
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

    pub(super) fn begin_add(&mut self, mut add: PendingAdd) {
        let busy =
            |what: &str| Error::new(ErrorKind::Busy, op::ADD, format!("{}: {what}", add.source));
        if let Some(id) = self.torrents.find(&add.info_hashes) {
            let Some(known) = self.torrents.get(id) else { return };
            if known.removing.is_some() {
                let why = busy("the same torrent is being removed");
                return self.postpone_add(add, why);
            }
            let name = known.name.clone();
            if !add.origin.is_of_store() {
                self.merge(id, &mut add);
                if let Some(key) = add.key {
                    self.store_change(Change::Remove(key));
                }
            }
            return match add.origin {
                Origin::Patron(_, Some(reply)) => reply.send(Ok(Added::Existing(id))),
                Origin::Patron(from, None) => {
                    from.mailbox.push(Event::AlreadyAdded { id, name });
                }
                Origin::Store(_) => {
                    let message = format!("{} is in the store twice", add.name);
                    self.fail_add(add, Error::new(ErrorKind::Corrupt, op::RESTORE, message));
                }
            };
        }
        if self.is_restoring() && !add.origin.is_of_store() {
            return self.admission.park(add);
        }
        if self.admission.has(&add.info_hashes) {
            let why = busy("the same torrent is being added");
            return self.postpone_add(add, why);
        }
        match add.key {
            // It is being retried or restored.
            Some(_) => self.pass_to_engine(add),
            None => self.commit_add(add),
        }
    }

    pub(super) fn pass_to_engine(&mut self, mut add: PendingAdd) {
        let handed_over = match add.params.take() {
            Some(params) => self.engine.add(add.id, &add.info_hashes, params),
            None => self.engine.retry_add(add.id),
        };
        match handed_over {
            Ok(()) => self.admission.hand_over(add),
            Err(error) => self.fail_add(add, error),
        }
    }

    /// Merges the trackers, web seeds and peers of another source for the same torrent.
    fn merge(&mut self, id: TorrentId, add: &mut PendingAdd) {
        let Some(params) = add.params.take() else { return self.engine.forget(add.id) };
        match self.engine.merge(id, params) {
            Ok(()) => self.save_soon(id),
            Err(error) => tracing::warn!(%id, %error, "the trackers were not merged"),
        }
    }

    pub(in crate::client) fn postpone_add(&mut self, add: PendingAdd, why: Error) {
        tracing::debug!(source = &*add.source, %why, "the torrent is added later");
        if let Some((add, error)) = self.admission.postpone(add, why, Instant::now()) {
            self.fail_add(add, error);
        }
    }

    pub(in crate::client) fn fail_add(&mut self, add: PendingAdd, error: Error) {
        self.engine.forget(add.id);
        tracing::warn!(source = &*add.source, %error, "a torrent was not added");
        match (add.origin, add.key) {
            (Origin::Store(record), _) => {
                self.restore_answered(false);
                self.restore_failed(record, add.name, error);
            }
            (Origin::Patron(from, reply), key) => {
                if let Some(key) = key {
                    self.store_change(Change::Remove(key));
                }
                match reply {
                    Some(reply) => reply.send(Err(error)),
                    None => from.mailbox.push(Event::AddFailed { source: add.source, error }),
                }
            }
        }
    }

    pub(in crate::client) fn retry_adds(&mut self) {
        let now = Instant::now();
        while let Some(add) = self.admission.take_due(now) {
            self.begin_add(add);
        }
    }

    fn remove(
        &mut self,
        id: TorrentId,
        files: RemoveFiles,
        from: Arc<Member>,
        reply: Option<Responder<()>>,
    ) {
        match self.torrents.open(id, op::REMOVE) {
            Ok(_) => self.commit_removal(id, Removing { files, from: Some(from), reply }),
            Err(error) => answer(&from, CommandKind::RemoveTorrent, id, reply, Err(error)),
        }
    }

    fn adopt(&mut self, id: TorrentId, by: &Arc<Member>) -> Result<()> {
        self.torrents.open(id, op::ADOPT)?;
        if self.torrents.adopt(id, by) {
            self.save_for_newcomer(id);
            return Ok(());
        }
        let message = format!("{id} belongs to another patron");
        Err(Error::new(ErrorKind::InvalidArgument, op::ADOPT, message))
    }

    fn wait_until_finished(&mut self, id: TorrentId, reply: Responder<()>) {
        let status = self.service.statuses.get(id);
        let torrent = match self.torrents.open(id, op::WAIT) {
            Ok(torrent) => torrent,
            Err(error) => return reply.send(Err(error)),
        };
        if status.is_some_and(|status| torrent.is_complete(&status)) {
            reply.send(Ok(()));
        } else if let Some(error) = torrent.errors.stopped_by() {
            reply.send(Err(error));
        } else {
            torrent.add_waiter(reply);
        }
    }

    /// Handles a torrent whose owner has left.
    pub(in crate::client) fn apply_on_leave(&mut self, id: TorrentId, owner: &Arc<Member>) {
        match owner.on_leave() {
            OnLeave::KeepSeeding => {}
            OnLeave::Pause => self.request(id, request::pause(false)),
            OnLeave::Remove => self.remove(id, RemoveFiles::Keep, owner.clone(), None),
        }
    }
}

/// Sends the answer to the reply, if there is one; otherwise reports a failure as an event.
pub(in crate::client) fn answer<T>(
    from: &Member,
    command: CommandKind,
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
