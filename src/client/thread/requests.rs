//! Requests on their way through the engine.

use std::path::PathBuf;
use std::sync::Arc;

use super::client_thread::ClientThread;
use crate::client::state::open_requests::{OpenRequest, RequestRole};
use crate::client::state::torrents::Mover;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::Respond;
use crate::messages::request::{Answer, SessionRequest, TorrentRequest};
use crate::messages::service::Member;
use crate::model::{Event, Existing, TorrentId};

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn request_of_torrent(
        &mut self,
        id: TorrentId,
        mut asked: TorrentRequest,
        respond: Respond,
    ) {
        let op = asked.operation();
        let torrent = match self.torrents.open(id, op) {
            Ok(torrent) => torrent,
            Err(error) => return respond(Err(error)),
        };
        if let TorrentRequest::ResumeData(own) | TorrentRequest::ResumeDataForEvent { own, .. } =
            &mut asked
        {
            *own = torrent.client_data();
        }
        let role = RequestRole::of(&asked);
        if role == RequestRole::MovesFiles && self.torrents.requests.moves(id) {
            let message = format!("{id}: its files are being moved just now");
            return respond(Err(Error::new(ErrorKind::Busy, op, message)));
        }
        if role == RequestRole::MovesFiles
            && let Some(torrent) = self.torrents.get_mut(id)
        {
            torrent.moving.get_or_insert(Mover::Patron);
        }
        let request = OpenRequest { torrent: Some(id), op, role, respond };
        let number = self.torrents.requests.open(request);
        if let Err(error) = self.engine.request_of_torrent(number, id, asked) {
            self.answered(number, Err(error));
        }
    }

    pub(in crate::client) fn request_of_session(
        &mut self,
        asked: SessionRequest,
        respond: Respond,
    ) {
        let op = asked.operation();
        let request = OpenRequest { torrent: None, op, role: RequestRole::Other, respond };
        let number = self.torrents.requests.open(request);
        if let Err(error) = self.engine.request_of_session(number, asked) {
            self.answered(number, Err(error));
        }
    }

    pub(in crate::client) fn answered(&mut self, number: u64, answer: Result<Answer>) {
        let Some(request) = self.torrents.requests.take(number) else { return };
        let OpenRequest { torrent, op, role, respond } = request;
        let answer = answer.map_err(|error| {
            let error = error.in_operation(op);
            torrent.map_or(error.clone(), |id| error.on(id))
        });
        if let Some(id) = torrent {
            match (role, &answer) {
                // A move that failed at once has no event of its own.
                (RequestRole::MovesFiles, Err(error)) => self.move_failed(id, error.clone()),
                (RequestRole::GivesMetainfo, Ok(_)) => self.metainfo_given(id),
                (RequestRole::Saves, answer) => self.saved(id, answer),
                (RequestRole::SavesForEvent, answer) => self.save_answered(id, answer),
                (RequestRole::ChangesResumeData, Ok(_)) => self.save_soon(id),
                _ => {}
            }
        }
        respond(answer);
    }

    /// A patron that asked for the move gets its answer.
    pub(in crate::client) fn move_failed(&mut self, id: TorrentId, error: Error) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        if torrent.moving.take() == Some(Mover::Client) {
            self.publish(id, |name| Event::Error { id, name, error });
        }
    }

    /// Puts finished files where they belong. What comes of it is an event.
    pub(in crate::client) fn move_finished(&mut self, id: TorrentId, to: PathBuf) {
        if let Some(torrent) = self.torrents.get_mut(id) {
            torrent.moving = Some(Mover::Client);
        }
        let asked = TorrentRequest::MoveStorage { to, existing: Existing::Fail };
        self.request_of_torrent(id, asked, Box::new(|_| ()));
    }

    /// The .torrent file as an event.
    pub(in crate::client) fn publish_metainfo(&mut self, id: TorrentId, from: Arc<Member>) {
        let name = self.torrents.get(id).map(|torrent| torrent.name.clone()).unwrap_or_default();
        let respond = move |answer: Result<Answer>| {
            from.mailbox.push(match answer {
                Ok(Answer::Bytes(bytes)) => {
                    Event::Metainfo { id, name, torrent_file: bytes.into() }
                }
                Ok(_) => return,
                Err(error) => Event::CommandFailed { command: "Metainfo", id, error },
            });
        };
        self.request_of_torrent(id, TorrentRequest::Metainfo, Box::new(respond));
    }
}
