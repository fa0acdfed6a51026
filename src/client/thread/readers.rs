//! Opens readers, answers their reads when the data is available, and sets priorities and deadlines for them.

use std::sync::Arc;
use std::time::Instant;

use super::client_thread::ClientThread;
use crate::client::state::readers::{Fetch, Next, Steer};
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::reading::{Opened, Opening, Purpose, Read, ReaderId};
use crate::messages::request::{self, OPEN_READER, READ, TorrentRole};
use crate::model::{Answer, Look, ReadTarget, Span, TorrentId};

impl<E: Engine> ClientThread<E> {
    pub(in crate::client) fn open_reader(&mut self, opening: Opening) {
        let id = opening.torrent;
        if let Err(error) = self.torrents.open(id, OPEN_READER) {
            return opening.refuse(error);
        }
        let reader = self.torrents.readers.begin(opening);
        // Subscribe before libtorrent answers, so that no later piece is missed.
        self.follow_readers();
        self.look(reader);
    }

    fn look(&mut self, reader: ReaderId) {
        if let Some((id, target)) = self.torrents.readers.target(reader) {
            self.ask_to_look(id, target, TorrentRole::OpensReader(reader));
        }
    }

    fn ask_to_look(&mut self, id: TorrentId, target: ReadTarget, role: TorrentRole) {
        let are_steered = self.torrents.readers.levels(id).is_some();
        self.request(id, request::look(target, are_steered, role));
    }

    /// Asks libtorrent again, because the metadata has arrived or the files were checked.
    pub(in crate::client) fn look_again(&mut self, id: TorrentId) {
        for reader in self.torrents.readers.opening(id) {
            self.look(reader);
        }
        if self.torrents.readers.is_open(id) {
            self.ask_to_look(id, ReadTarget::Piece(0), TorrentRole::LooksAgain { chosen: false });
        }
    }

    pub(in crate::client) fn looked(
        &mut self,
        id: TorrentId,
        reader: ReaderId,
        answer: &Result<Answer>,
    ) {
        let look = match answer {
            Ok(answer) => answer.downcast_ref::<Look>(),
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::NoMetadata | ErrorKind::Busy => match self.why_not(id) {
                        Some(error) => error.in_operation(OPEN_READER),
                        // It is tried again when that has ended.
                        None => return,
                    },
                    _ => error.clone(),
                };
                if let Some(opening) = self.torrents.readers.refuse(reader) {
                    opening.refuse(error);
                }
                return self.follow_readers();
            }
        };
        let Some(look) = look else { return };
        let Some(opening) = self.torrents.readers.looked(reader, look) else { return };
        match opening.purpose {
            Purpose::Program(opener) => {
                let view = look.view.as_ref().map(Arc::downgrade);
                opener.answer(Ok(Opened { reader, size: look.span.size, view }));
                self.steer(id);
            }
            Purpose::Bytes(reply, _) => {
                let (length, into) = (look.span.size, Vec::new());
                self.read(Read { reader, position: 0, length, into, reply });
            }
        }
    }

    pub(in crate::client) fn looked_again(
        &mut self,
        id: TorrentId,
        chosen: bool,
        answer: &Result<Answer>,
    ) {
        if let Some(look) = answer.as_ref().ok().and_then(|answer| answer.downcast_ref::<Look>()) {
            let fetches = self.torrents.readers.update(id, look);
            self.fetch(fetches);
        }
        if chosen {
            self.torrents.readers.choice_ended(id);
        }
        self.steer(id);
    }

    pub(in crate::client) fn read(&mut self, read: Read) {
        match self.torrents.readers.read(read, Instant::now()) {
            Next::Fetch(fetch) => {
                let id = fetch.torrent;
                self.fetch([fetch]);
                self.steer(id);
            }
            Next::Wait(id) => {
                if let Some(error) = self.why_not(id) {
                    return self.torrents.readers.fail(id, &error);
                }
                self.steer(id);
            }
            Next::Gone(read) => {
                let message = "its torrent was removed, or the reader was closed";
                read.reply.send(Err(Error::new(ErrorKind::Gone, READ, message)));
            }
        }
    }

    /// The data is missing, although it was here: the files are about to be checked.
    pub(in crate::client) fn read_again(&mut self, id: TorrentId, read: Read) {
        // The reader may have another read by now.
        if read.reply.is_abandoned() {
            return;
        }
        self.torrents.readers.checking(id);
        self.read(read);
        self.look_again(id);
    }

    /// The torrent has stopped: fails what waits for data, and opens what needs none.
    pub(in crate::client) fn fail_readers(&mut self, id: TorrentId, error: &Error) {
        self.torrents.readers.fail(id, error);
        for reader in self.torrents.readers.opening(id) {
            self.look(reader);
        }
    }

    /// Fails what waits for data if the torrent has stopped.
    pub(in crate::client) fn fail_readers_of_stopped(&mut self, id: TorrentId) {
        if let Some(error) = self.why_not(id) {
            self.fail_readers(id, &error);
        }
    }

    /// Returns why the torrent has stopped, if it has.
    fn why_not(&self, id: TorrentId) -> Option<Error> {
        // Readers of a torrent that is being removed end with it; its status is out of date.
        let torrent = self.torrents.get(id).filter(|torrent| torrent.removing.is_none())?;
        let status = || self.service.statuses.get(id);
        let is_paused = || torrent.resuming == 0 && status().is_some_and(|status| status.paused);
        torrent.errors.stopped_by().or_else(|| is_paused().then(|| paused(id)))
    }

    fn fetch(&mut self, fetches: impl IntoIterator<Item = Fetch>) {
        for Fetch { torrent, span, read } in fetches {
            let Read { reader, position, length, into, reply } = read;
            let span = Span { begin: span.begin + position, size: length };
            let role = TorrentRole::Reads { reader, position, length };
            let (ask, respond) = request::read_span(span, into, reply, role);
            self.request_of_torrent(torrent, ask.request, respond);
            if self.torrents.readers.is_once(reader) {
                self.close_reader(reader);
            }
        }
    }

    pub(in crate::client) fn piece_arrived(&mut self, id: TorrentId, piece: u32) {
        if !self.torrents.readers.are_open() {
            return;
        }
        let fetches = self.torrents.readers.arrived(id, piece);
        self.fetch(fetches);
    }

    fn steer(&mut self, id: TorrentId) {
        if let Some(steer) = self.torrents.readers.steer(id, Instant::now()) {
            self.send_steer(id, steer);
        }
    }

    fn send_steer(&mut self, id: TorrentId, steer: Steer) {
        let Steer { dropped, deadlines, levels, requests } = steer;
        self.request(id, request::steer(dropped, deadlines, levels, requests));
    }

    /// Restores the program's priorities while the program changes them.
    pub(in crate::client) fn choose_pieces(&mut self, id: TorrentId) {
        if let Some(steer) = self.torrents.readers.choose(id) {
            self.send_steer(id, steer);
        }
    }

    pub(in crate::client) fn pieces_chosen(&mut self, id: TorrentId) {
        if self.torrents.readers.are_there(id) {
            self.ask_to_look(id, ReadTarget::Piece(0), TorrentRole::LooksAgain { chosen: true });
        } else {
            self.torrents.readers.choice_ended(id);
            self.steer(id);
        }
    }

    fn close_reader(&mut self, reader: ReaderId) {
        if let Some(id) = self.torrents.readers.close(reader) {
            self.steer(id);
        }
    }

    /// Steers torrents with new pieces, closes readers that were dropped, takes reads, and expires readers with
    /// a time limit.
    pub(in crate::client) fn serve_readers(&mut self) {
        let now = Instant::now();
        for id in self.torrents.readers.take_changed(now) {
            self.steer(id);
        }
        for reader in self.service.take_ended_readers() {
            self.close_reader(reader);
        }
        for (reader, turn) in self.service.take_turns() {
            if let Some(range) = turn.advance
                && let Some(id) = self.torrents.readers.advance(reader, range)
            {
                self.steer(id);
            }
            if let Some(read) = turn.read {
                self.read(read);
            }
        }
        let late = || Error::new(ErrorKind::TimedOut, READ, "the piece was not downloaded in time");
        for id in self.torrents.readers.expire(now, late) {
            self.steer(id);
        }
        self.follow_readers();
    }

    /// Subscribes to pieces while readers are open.
    fn follow_readers(&mut self) {
        if self.torrents.readers.take_news().is_some() {
            self.follow_interest();
        }
    }
}

fn paused(id: TorrentId) -> Error {
    let message = format!("{id}: it is paused, and the data has not been downloaded");
    Error::new(ErrorKind::NotDownloaded, READ, message)
}
