//! Requests to the engine and their answers.

use std::path::PathBuf;

use super::client_thread::ClientThread;
use crate::client::state::open_requests::OpenRequest;
use crate::client::state::torrents::Mover;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::Respond;
use crate::messages::request::{self, AskTorrent, RequestRole, SessionRequest, TorrentRequest};
use crate::model::{Answer, Event, Existing, TorrentId};
use crate::sys::AnsweredBy;

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn request_of_torrent(
        &mut self,
        id: TorrentId,
        mut asked: TorrentRequest,
        respond: Respond,
    ) {
        let (op, role) = (asked.op, asked.role.clone());
        let is_moving = self.torrents.requests.moves(id);
        let torrent = match self.torrents.open(id, op) {
            Ok(torrent) => torrent,
            Err(error) => return respond(Err(error)),
        };
        match role {
            RequestRole::Saves | RequestRole::SavesForEvent => {
                asked.client_data = torrent.client_data();
            }
            RequestRole::Resumes => torrent.errors.forget(),
            RequestRole::MovesFiles { .. } if is_moving => {
                let message = format!("{id}: its files are being moved just now");
                return respond(Err(Error::new(ErrorKind::Busy, op, message)));
            }
            RequestRole::MovesFiles { .. } => {
                torrent.moving.get_or_insert(Mover::Patron);
            }
            RequestRole::None | RequestRole::ChangesResumeData | RequestRole::GivesMetainfo => {}
        }
        let is_posted = asked.by == AnsweredBy::Posting;
        let request = OpenRequest { torrent: Some(id), op, role, respond };
        if is_posted {
            let answer = self.engine.post(id, asked).map(|()| Box::new(()) as Answer);
            return self.conclude(request, answer);
        }
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
        let request = OpenRequest { torrent: None, op: asked.op, role: RequestRole::None, respond };
        let number = self.torrents.requests.open(request);
        if let Err(error) = self.engine.request_of_session(number, asked) {
            self.answered(number, Err(error));
        }
    }

    /// Makes a request whose answer nobody waits for.
    pub(in crate::client) fn request<T>(&mut self, id: TorrentId, ask: AskTorrent<T>) {
        self.request_of_torrent(id, ask.request, Box::new(|_| ()));
    }

    pub(in crate::client) fn answered(&mut self, number: u64, answer: Result<Answer>) {
        if let Some(request) = self.torrents.requests.take(number) {
            self.conclude(request, answer);
        }
    }

    fn conclude(&mut self, request: OpenRequest, answer: Result<Answer>) {
        let OpenRequest { torrent, op, role, respond } = request;
        let answer = answer.map_err(|error| {
            let error = error.in_operation(op);
            torrent.map_or(error.clone(), |id| error.on(id))
        });
        if let Some(id) = torrent {
            match (&role, &answer) {
                // A move that fails at once has no event of its own.
                (RequestRole::MovesFiles { .. }, Err(error)) => self.move_failed(id, error.clone()),
                (RequestRole::GivesMetainfo, Ok(_)) => self.metainfo_given(id),
                (RequestRole::Saves, answer) => self.saved(id, answer),
                (RequestRole::SavesForEvent, answer) => self.save_answered(id, answer),
                (RequestRole::ChangesResumeData, Ok(_)) => self.save_soon(id),
                _ => {}
            }
        }
        respond(answer);
    }

    /// If a patron asked for the move, that patron gets the answer.
    pub(in crate::client) fn move_failed(&mut self, id: TorrentId, error: Error) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        if torrent.moving.take() == Some(Mover::Client) {
            self.publish(id, |name| Event::Error { id, name, error });
        }
    }

    /// Moves finished files to their final directory. The result is an event.
    pub(in crate::client) fn move_finished(&mut self, id: TorrentId, to: PathBuf) {
        if let Some(torrent) = self.torrents.get_mut(id) {
            torrent.moving = Some(Mover::Client);
        }
        self.request(id, request::move_files(to, Existing::Fail));
    }
}
