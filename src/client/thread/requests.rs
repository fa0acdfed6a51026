//! Requests on their way through the engine.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use super::ClientThread;
use crate::client::state::torrents::Mover;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::Respond;
use crate::messages::request::{Answer, SessionRequest, TorrentRequest};
use crate::messages::service::Member;
use crate::model::{Event, Existing, TorrentId};
use crate::reply::Responder;

/// How many requests may be open. While they are, the client thread takes no more commands, as for
/// torrents on their way in.
const WINDOW: usize = 512;

#[derive(Default)]
pub(in crate::client) struct Requests {
    next: u64,
    open: HashMap<u64, Open>,
    /// Of them, those that move files, which can take hours: at most one for each torrent.
    moves: usize,
}

/// A request that is not answered yet.
struct Open {
    torrent: Option<TorrentId>,
    op: &'static str,
    sort: Sort,
    respond: Respond,
}

/// What a request does that the client has a part in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Moves,
    GivesMetainfo,
    Saves,
    SavesForEvent,
    ChangesResumeData,
    Other,
}

impl Sort {
    fn of(asked: &TorrentRequest) -> Self {
        match asked {
            TorrentRequest::MoveStorage { .. } => Self::Moves,
            TorrentRequest::Metainfo => Self::GivesMetainfo,
            TorrentRequest::ResumeData(_) => Self::Saves,
            TorrentRequest::ResumeDataForEvent { .. } => Self::SavesForEvent,
            changes if changes.changes_resume_data() => Self::ChangesResumeData,
            _ => Self::Other,
        }
    }
}

impl Requests {
    pub(in crate::client) fn is_full(&self) -> bool {
        self.len() - self.moves >= WINDOW
    }

    pub(in crate::client) fn len(&self) -> usize {
        self.open.len()
    }

    fn open(&mut self, request: Open) -> u64 {
        self.next += 1;
        self.moves += usize::from(request.sort == Sort::Moves);
        self.open.insert(self.next, request);
        self.next
    }

    fn take(&mut self, number: u64) -> Option<Open> {
        let request = self.open.remove(&number)?;
        self.moves -= usize::from(request.sort == Sort::Moves);
        Some(request)
    }

    fn fail(&mut self, number: u64, error: Error) {
        let Some(Open { op, respond, .. }) = self.take(number) else { return };
        respond(Err(error.in_operation(op)));
    }

    /// Whether a move of this torrent is open.
    fn moves(&self, id: TorrentId) -> bool {
        self.moves > 0
            && self
                .open
                .values()
                .any(|request| request.sort == Sort::Moves && request.torrent == Some(id))
    }

    /// Those about a torrent that is no more.
    pub(in crate::client) fn close(&mut self, id: TorrentId) {
        for (_, Open { op, sort, respond, .. }) in
            self.open.extract_if(|_, request| request.torrent == Some(id))
        {
            self.moves -= usize::from(sort == Sort::Moves);
            respond(Err(Error::new(ErrorKind::Gone, op, format!("{id} was closed"))));
        }
    }
}

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn request_of_torrent(
        &mut self,
        id: TorrentId,
        mut asked: TorrentRequest,
        respond: Respond,
    ) {
        let op = asked.operation();
        let torrent = match self.routes.open(id, op) {
            Ok(torrent) => torrent,
            Err(error) => return respond(Err(error)),
        };
        if let TorrentRequest::ResumeData(own) | TorrentRequest::ResumeDataForEvent { own, .. } =
            &mut asked
        {
            own.clone_from(&torrent.own);
        }
        let sort = Sort::of(&asked);
        if sort == Sort::Moves && self.requests.moves(id) {
            let message = format!("{id}: its files are being moved just now");
            return respond(Err(Error::new(ErrorKind::Busy, op, message)));
        }
        if sort == Sort::Moves {
            torrent.moving.get_or_insert(Mover::Patron);
        }
        let number = self.requests.open(Open { torrent: Some(id), op, sort, respond });
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
        let number = self.requests.open(Open { torrent: None, op, sort: Sort::Other, respond });
        if let Err(error) = self.engine.request_of_session(number, asked) {
            self.requests.fail(number, error);
        }
    }

    pub(in crate::client) fn answered(&mut self, number: u64, answer: Result<Answer>) {
        let Some(Open { torrent, op, sort, respond }) = self.requests.take(number) else {
            return;
        };
        let answer = answer.map_err(|error| {
            let error = error.in_operation(op);
            torrent.map_or(error.clone(), |id| error.on(id))
        });
        if let Some(id) = torrent {
            match (sort, &answer) {
                // A move that failed at once has no event of its own.
                (Sort::Moves, Err(error)) => self.move_failed(id, error.clone()),
                (Sort::GivesMetainfo, Ok(_)) => self.metainfo_given(id),
                (Sort::Saves, answer) => self.saved(id, answer),
                (Sort::SavesForEvent, answer) => self.save_answered(id, answer),
                (Sort::ChangesResumeData, Ok(_)) => self.save_soon(id),
                _ => {}
            }
        }
        respond(answer);
    }

    /// A patron that asked for the move gets its answer.
    pub(in crate::client) fn move_failed(&mut self, id: TorrentId, error: Error) {
        let Some(torrent) = self.routes.get_mut(id) else { return };
        if torrent.moving.take() == Some(Mover::Client) {
            self.tell(id, |name| Event::Error { id, name, error });
        }
    }

    /// Puts finished files where they belong. What comes of it is an event.
    pub(in crate::client) fn move_finished(&mut self, id: TorrentId, to: PathBuf) {
        if let Some(torrent) = self.routes.get_mut(id) {
            torrent.moving = Some(Mover::Client);
        }
        let asked = TorrentRequest::MoveStorage { to, existing: Existing::Fail };
        self.request_of_torrent(id, asked, Box::new(|_| ()));
    }

    /// The .torrent file as an event.
    pub(in crate::client) fn tell_metainfo(
        &mut self,
        id: TorrentId,
        from: Arc<Member>,
        reply: Option<Responder<()>>,
    ) {
        let name = self.routes.get(id).map(|torrent| torrent.name.clone()).unwrap_or_default();
        let respond = move |answer: Result<Answer>| {
            let told = answer.map(|answer| {
                if let Answer::Bytes(bytes) = answer {
                    let torrent_file = bytes.into();
                    from.mailbox.push(Event::Metainfo { id, name, torrent_file });
                }
            });
            super::commands::answer(&from, "Metainfo", id, reply, told);
        };
        self.request_of_torrent(id, TorrentRequest::Metainfo, Box::new(respond));
    }
}
