//! Requests to the engine and their answers.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::client_thread::ClientThread;
use crate::client::state::commits::AfterCommit;
use crate::client::state::open_requests::{OpenRequest, Subject};
use crate::client::state::torrent::{MadeMove, MoveRequester};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::reading::Read;
use crate::messages::request::{self, AskTorrent, Call, SessionRole, TorrentRole};
use crate::messages::request::{Respond, SessionRequest, TorrentRequest};
use crate::model::op;
use crate::model::{Answer, Event, OnConflict, ResumeData, TorrentId};
use crate::store::{Relocation, Value};

/// When a save that is to make a move durable is tried again.
const AGAIN: Duration = Duration::from_millis(250);

impl<E: Engine> ClientThread<E> {
    /// Makes a request of a patron, after its earlier requests about the torrent, which may wait for the store.
    pub(in crate::client) fn request_of_patron(
        &mut self,
        id: TorrentId,
        asked: TorrentRequest,
        respond: Respond,
    ) {
        if let TorrentRole::MovesFiles { .. } = asked.role
            && let Err(error) = self.begin_move(id, MoveRequester::Patron, asked.op)
        {
            return respond.send(Err(error));
        }
        let next = match &mut self.store {
            Some(store) if !asked.role.is_stored() => store.commits.follow(id, asked, respond),
            _ => Some((asked, respond)),
        };
        if let Some((asked, respond)) = next {
            self.request_of_torrent(id, asked, respond);
        }
    }

    /// Makes a request. Changes that must survive a restart are committed first.
    pub(in crate::client) fn request_of_torrent(
        &mut self,
        id: TorrentId,
        asked: TorrentRequest,
        respond: Respond,
    ) {
        let value = match &asked.role {
            _ if self.store.is_none() => return self.make_request(id, asked, respond),
            TorrentRole::Pauses => Value::Paused(true),
            TorrentRole::Resumes => Value::Paused(false),
            TorrentRole::MovesFiles { to, on_conflict } => {
                Value::Moving(Some(Relocation::new(&**to, *on_conflict)))
            }
            _ => return self.make_request(id, asked, respond),
        };
        match self.torrents.open(id, asked.op) {
            Ok(_) => {
                self.commit_values(id, vec![value], AfterCommit::Request(asked, respond));
            }
            Err(error) => respond.send(Err(error)),
        }
    }

    pub(super) fn make_request(
        &mut self,
        id: TorrentId,
        mut asked: TorrentRequest,
        respond: Respond,
    ) {
        let (op, role) = (asked.op, asked.role.clone());
        let torrent = match self.torrents.open(id, op) {
            Ok(torrent) => torrent,
            Err(error) => {
                if let TorrentRole::MovesFiles { .. } = role {
                    self.move_not_made(id, error.clone());
                }
                return respond.send(Err(error));
            }
        };
        match role {
            TorrentRole::Saves | TorrentRole::SavesForEvent => {
                let mut client_data = torrent.client_data();
                client_data.piece_levels =
                    self.torrents.readers.levels(id).map(<[u8]>::to_vec).unwrap_or_default();
                asked.client_data = Some(Box::new(client_data));
            }
            TorrentRole::ChoosesPieces => self.choose_pieces(id),
            TorrentRole::Resumes => torrent.errors.forget(),
            TorrentRole::None
            | TorrentRole::ChangesResumeData
            | TorrentRole::MovesFiles { .. }
            | TorrentRole::Pauses
            | TorrentRole::TellsPaused
            | TorrentRole::GivesMetainfo
            | TorrentRole::OpensReader(_)
            | TorrentRole::Reads { .. }
            | TorrentRole::LooksAgain { .. }
            | TorrentRole::GivesOptions
            | TorrentRole::ChangesQueue { .. } => {}
        }
        let is_posted = matches!(asked.call, Call::Posting(_));
        let request = OpenRequest { subject: Subject::Torrent(id, role), op, respond };
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
        let subject = Subject::Session(asked.role.clone());
        let request = OpenRequest { subject, op: asked.op, respond };
        let number = self.torrents.requests.open(request);
        if let Err(error) = self.engine.request_of_session(number, asked) {
            self.answered(number, Err(error));
        }
    }

    /// Makes a request whose answer is not needed.
    pub(in crate::client) fn request<T>(&mut self, id: TorrentId, ask: AskTorrent<T>) {
        self.request_of_torrent(id, ask.request, Respond::Nothing);
    }

    pub(in crate::client) fn answered(&mut self, number: u64, answer: Result<Answer>) {
        if let Some(request) = self.torrents.requests.take(number) {
            self.conclude(request, answer);
        }
    }

    fn conclude(&mut self, request: OpenRequest, answer: Result<Answer>) {
        let OpenRequest { subject, op, respond } = request;
        let answer = answer.map_err(|error| error.in_operation(op));
        match subject {
            Subject::Torrent(id, role) => {
                self.conclude_of_torrent(id, role, respond, answer.map_err(|error| error.on(id)));
            }
            Subject::Session(role) => {
                if let (SessionRole::ChangesSettings(settings), Ok(_)) = (&role, &answer) {
                    self.service.settings_changed(settings);
                }
                if self.store.is_some() {
                    self.store_client_state(role, &answer);
                }
                respond.send(answer);
            }
        }
    }

    fn conclude_of_torrent(
        &mut self,
        id: TorrentId,
        role: TorrentRole,
        respond: Respond,
        answer: Result<Answer>,
    ) {
        match (role, &answer) {
            // A move that fails at once has no event.
            (TorrentRole::MovesFiles { .. }, Err(error)) => self.move_not_made(id, error.clone()),
            (TorrentRole::MovesFiles { .. }, Ok(moved)) => {
                if let Some(to) = moved.downcast_ref::<PathBuf>().cloned() {
                    return self.moved(id, to, respond);
                }
                self.end_move(id);
            }
            (TorrentRole::GivesMetainfo, Ok(_)) => self.metainfo_given(id),
            (TorrentRole::Saves, answer) => self.saved(id, answer),
            (TorrentRole::SavesForEvent, answer) => self.save_answered(id, answer),
            (TorrentRole::ChangesResumeData, Ok(_)) => self.save_soon(id),
            (TorrentRole::ChoosesPieces, answer) => {
                if answer.is_ok() {
                    self.save_soon(id);
                }
                self.pieces_chosen(id);
            }
            (TorrentRole::Pauses, Ok(_)) => {
                if let Some(torrent) = self.torrents.get_mut(id) {
                    torrent.told_to_run = false;
                }
            }
            (TorrentRole::Resumes, Ok(_)) => self.resuming(id),
            (TorrentRole::TellsPaused, Ok(answer)) => {
                if answer.downcast_ref() == Some(&true) {
                    self.paused(id);
                }
            }
            (TorrentRole::Reads { reader, position, length }, Err(error))
                if error.kind() == ErrorKind::NotDownloaded =>
            {
                if let Respond::Unread(unread) = &respond
                    && self.torrents.readers.has(reader)
                    && let Some((reply, into)) = unread.lock().take()
                {
                    self.read_again(id, Read { reader, position, length, into, reply });
                }
            }
            (TorrentRole::OpensReader(reader), answer) => self.looked(id, reader, answer),
            (TorrentRole::LooksAgain { chosen }, answer) => self.looked_again(id, chosen, answer),
            (TorrentRole::ChangesQueue { stored: false, .. }, Ok(_)) => self.save_queue(),
            (
                TorrentRole::None
                | TorrentRole::ChangesResumeData
                | TorrentRole::Pauses
                | TorrentRole::Resumes
                | TorrentRole::TellsPaused
                | TorrentRole::GivesMetainfo
                | TorrentRole::GivesOptions
                | TorrentRole::Reads { .. }
                | TorrentRole::ChangesQueue { .. },
                _,
            ) => {}
        }
        respond.send(answer);
    }

    /// Makes a move durable. A save synchronizes the files and their names; then the store can have the end.
    fn moved(&mut self, id: TorrentId, to: PathBuf, respond: Respond) {
        let made = MadeMove { to, respond, save_begun: false };
        match self.torrents.open(id, op::MOVE) {
            Ok(torrent) if torrent.key.is_some() => {
                torrent.made_move = Some(Box::new(made));
                self.save_client_data(id);
            }
            _ => self.commit_move(id, made),
        }
    }

    fn commit_move(&mut self, id: TorrentId, MadeMove { to, respond, .. }: MadeMove) {
        self.end_move(id);
        let values = vec![Value::SaveDir(to.clone()), Value::Moving(None)];
        self.commit_values(id, values, AfterCommit::Moved(respond, to));
    }

    /// Commits a move without waiting until its files are durable, because the torrent is removed.
    pub(super) fn commit_made_move(&mut self, id: TorrentId) {
        let made = self.torrents.get_mut(id).and_then(|torrent| torrent.made_move.take());
        if let Some(made) = made {
            self.commit_move(id, *made);
        }
    }

    /// Handles the end of a save that may have made a move durable.
    pub(super) fn save_of_move_ended(&mut self, id: TorrentId, answer: &Result<Answer>) {
        let Some(torrent) = self.torrents.get_mut(id) else { return };
        let made = torrent.made_move.as_mut();
        // The save may be older than the move.
        if !made.is_some_and(|made| std::mem::take(&mut made.save_begun)) {
            return;
        }
        let saved = answer.as_ref().map(|answer| answer.downcast_ref::<ResumeData>());
        match saved {
            Ok(Some(data)) if !data.bytes.is_empty() => self.commit_made_move(id),
            Err(error) if error.kind() != ErrorKind::Busy || self.stopping => {
                let Some(made) = torrent.made_move.take() else { return };
                let MadeMove { to, respond, .. } = *made;
                let error = error.clone().in_operation(op::MOVE);
                // The files have been moved nevertheless.
                self.store_values(id, [Value::SaveDir(to), Value::Moving(None)]);
                self.move_failed(id, error.clone());
                respond.send(Err(error));
            }
            _ => {
                if let Some(mut saving) = self.torrents.saving(id) {
                    saving.force_next();
                    saving.schedule(Instant::now() + AGAIN);
                }
            }
        }
    }

    /// Reports that a move has failed. If a patron requested the move, it gets the answer.
    pub(in crate::client) fn move_failed(&mut self, id: TorrentId, error: Error) {
        if self.end_move(id) == Some(MoveRequester::Client) {
            self.publish(id, |name| Event::Error { id, name, error });
        }
    }

    /// Moves complete files to their final directory. The result is an event.
    pub(in crate::client) fn move_finished(&mut self, id: TorrentId, to: PathBuf) {
        let asked = request::move_files(to, OnConflict::Fail);
        match self.begin_move(id, MoveRequester::Client, asked.request.op) {
            Ok(()) => self.request(id, asked),
            Err(error) => self.publish(id, |name| Event::Error { id, name, error }),
        }
    }

    /// Records that the files of the torrent are being moved, until the request has been answered.
    fn begin_move(&mut self, id: TorrentId, by: MoveRequester, op: &'static str) -> Result<()> {
        let torrent = self.torrents.open(id, op)?;
        if torrent.moving.is_some() {
            let message = format!("{id}: its files are being moved");
            return Err(Error::new(ErrorKind::Busy, op, message));
        }
        torrent.moving = Some(by);
        Ok(())
    }

    fn end_move(&mut self, id: TorrentId) -> Option<MoveRequester> {
        self.torrents.get_mut(id).and_then(|torrent| torrent.moving.take())
    }

    /// Like `move_failed`, for a move that the store knows of.
    pub(super) fn move_not_made(&mut self, id: TorrentId, error: Error) {
        self.store_value(id, Value::Moving(None));
        self.move_failed(id, error);
    }
}
