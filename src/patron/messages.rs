//! Messages: commands whose results are events.

use std::sync::Arc;

use super::{Inner, Patron, respond};
use crate::error::{Error, Result};
use crate::messages::command::{Added, ClientCommand, Command};
use crate::messages::member::Member;
use crate::messages::request::{self, AskTorrent, Respond, typed};
use crate::messages::service::{Envelope, Service};
use crate::model::{Answer, CommandKind, Event, TorrentId};
use crate::reply::{Responder, one_shot};

const SEND: &str = "send the command";

impl Patron {
    /// Sends a command. The results arrive as events. The source of a torrent is read on the caller's thread.
    ///
    /// # Errors
    ///
    /// [`Stopped`](crate::error::ErrorKind::Stopped). If a source cannot be read, that is not an
    /// error here but an [`Event::AddFailed`]. A mailbox keeps 4096 such failures;
    /// [`Event::Lagged`] counts those that are lost. The answers to commands with a
    /// [tag](Patron::send_tagged) are not.
    pub fn send(&self, command: Command) -> Result<()> {
        self.message(command, None, Service::send)
    }

    /// Like [`send`](Patron::send), but never waits for space in the channel.
    ///
    /// # Errors
    ///
    /// [`Busy`](crate::error::ErrorKind::Busy) if 4096 commands are already waiting.
    pub fn try_send(&self, command: Command) -> Result<()> {
        self.message(command, None, Service::try_send)
    }

    /// Sends a command with a tag, a number that the program chooses. An [`Event::Reply`] with this tag,
    /// after the command's other events, reports that the command has completed or why it failed. There is
    /// then no [`Event::AddFailed`] or [`Event::CommandFailed`].
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use torrent_patron::{AddOptions, Event, Source};
    /// use torrent_patron::patron::Command;
    ///
    /// for (tag, path) in (0..).zip(["debian.torrent", "ubuntu.torrent"]) {
    ///     let (source, options) = (Source::from_text(path), AddOptions::default());
    ///     patron.send_tagged(Command::AddTorrent { source, options }, tag)?;
    /// }
    /// for event in patron.events() {
    ///     if let Event::Reply { tag, id, error } = event {
    ///         println!("{tag}: {id:?}, {error:?}");
    ///     }
    /// }
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`send`](Patron::send), and [`Busy`](crate::error::ErrorKind::Busy) while this patron has
    /// sent 16384 commands with a tag whose answers it has not read, so that no answer is lost.
    pub fn send_tagged(&self, command: Command, tag: u64) -> Result<()> {
        self.message(command, Some(tag), Service::send)
    }

    /// Like [`send_tagged`](Patron::send_tagged), but never waits for space in the channel.
    ///
    /// # Errors
    ///
    /// As for [`try_send`](Patron::try_send) and [`send_tagged`](Patron::send_tagged).
    pub fn try_send_tagged(&self, command: Command, tag: u64) -> Result<()> {
        self.message(command, Some(tag), Service::try_send)
    }

    fn message(
        &self,
        command: Command,
        tag: Option<u64>,
        send: impl FnOnce(&Service, Envelope) -> Result<()>,
    ) -> Result<()> {
        let Inner { service, member, .. } = &*self.0;
        service.check_running(SEND)?;
        if tag.is_some() {
            member.mailbox.expect_answer(SEND)?;
        }
        let mut answer = TaggedAnswer { tag, to: member, arm: None };
        let command = match self.command(command, &mut answer) {
            Ok(command) => command,
            Err((source, error)) => {
                member.mailbox.push(match tag {
                    None => Event::AddFailed { source, error },
                    Some(tag) => Event::Reply { tag, id: None, error: Some(error) },
                });
                return Ok(());
            }
        };
        if let Err(error) = send(service, Envelope { from: member.clone(), command }) {
            if tag.is_some() {
                member.mailbox.expect_no_answer();
            }
            return Err(error);
        }
        // Only now: a command that was refused must not also be answered by an event.
        if let Some(arm) = answer.arm {
            arm();
        }
        Ok(())
    }

    /// Converts a command for the client thread. It is an error if the source of a torrent cannot be read.
    fn command(
        &self,
        command: Command,
        answer: &mut TaggedAnswer<'_>,
    ) -> Result<ClientCommand, (Arc<str>, Error)> {
        let Inner { service, member, .. } = &*self.0;
        let kind = command.kind();
        Ok(match command {
            Command::AddTorrent { source, options } => {
                let prepared = Box::new(self.prepare(&source, &options)?);
                let service = service.clone();
                let added = move |to: &Member, added| {
                    if let Added::Existing(id) = added
                        && let Some(status) = service.statuses.get(id)
                    {
                        to.send(&Event::AlreadyAdded { id, name: status.name });
                    }
                    Some(added.id())
                };
                ClientCommand::Add(prepared, answer.responder(None, added))
            }
            Command::RemoveTorrent { id, files } => {
                ClientCommand::Remove(id, files, answer.about(id))
            }
            Command::Pause(id) => by_message(request::pause(false), kind, id, answer.about(id)),
            Command::Resume(id) => by_message(request::resume(), kind, id, answer.about(id)),
            Command::Status(id) => {
                let send = move |to: &Member, status| {
                    to.mailbox.push(Event::Status(status));
                    Some(id)
                };
                ClientCommand::Status(id, answer.responder(Some(id), send))
            }
            Command::Metainfo(id) => {
                let name = service.statuses.get(id).map(|status| status.name).unwrap_or_default();
                let event = move |answer| {
                    let torrent_file = typed::<Vec<u8>>(answer).ok()?.into();
                    Some(Event::Metainfo { id, name, torrent_file })
                };
                let respond = respond_by_event(member, kind, id, answer.about(id), event);
                ClientCommand::OfTorrent(id, request::metainfo().request, respond)
            }
            Command::Watch(id) => ClientCommand::Watch(id, answer.about(id)),
            Command::Unwatch(id) => ClientCommand::Unwatch(id, answer.about(id)),
        })
    }
}

/// Delivers the answer to a tagged message to the mailbox, as an event.
struct TaggedAnswer<'a> {
    tag: Option<u64>,
    to: &'a Arc<Member>,
    arm: Option<Box<dyn FnOnce()>>,
}

impl TaggedAnswer<'_> {
    /// Returns the responder, or `None` if there is no tag. `send` sends the events that result from the
    /// answer, and returns the torrent.
    fn responder<T: Send + 'static>(
        &mut self,
        about: Option<TorrentId>,
        send: impl FnOnce(&Member, T) -> Option<TorrentId> + Send + 'static,
    ) -> Option<Responder<T>> {
        let (tag, to) = (self.tag?, self.to.clone());
        let (responder, reply) = one_shot(SEND);
        let give = move |answer: Result<T>| {
            let (id, error) = match answer {
                Ok(answer) => (send(&to, answer), None),
                Err(error) => (about, Some(error)),
            };
            to.mailbox.push(Event::Reply { tag, id, error });
        };
        self.arm = Some(Box::new(move || reply.when_ready(give)));
        Some(responder)
    }

    fn about(&mut self, id: TorrentId) -> Option<Responder<()>> {
        self.responder(Some(id), move |_, ()| Some(id))
    }
}

/// Makes a request for a message. A tagged message is answered by its reply, another by an event if it has failed.
pub(crate) fn by_message(
    ask: AskTorrent<()>,
    command: CommandKind,
    id: TorrentId,
    reply: Option<Responder<()>>,
) -> ClientCommand {
    match reply {
        Some(reply) => ClientCommand::OfTorrent(id, ask.request, respond(reply)),
        None => ClientCommand::OfMessage(command, id, ask.request),
    }
}

/// Answers a message whose success is also reported as an event.
fn respond_by_event(
    from: &Arc<Member>,
    command: CommandKind,
    id: TorrentId,
    reply: Option<Responder<()>>,
    event: impl FnOnce(Answer) -> Option<Event> + Send + 'static,
) -> Respond {
    let from = from.clone();
    Respond::call(move |answer| {
        let answer = answer.map(|answer| {
            if let Some(event) = event(answer) {
                from.mailbox.push(event);
            }
            Box::new(()) as Answer
        });
        let respond = match reply {
            Some(reply) => respond(reply),
            None => Respond::Failure { to: from, command, id },
        };
        respond.send(answer);
    })
}
