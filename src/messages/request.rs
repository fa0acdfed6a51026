//! Requests to the engine. A request carries the call that is made for it on libtorrent's network
//! thread, so its answer has the type that the call returns.

use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;

use cxx::UniquePtr;
use parking_lot::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::messages::member::Member;
use crate::messages::reading::ReaderId;
use crate::model::op;
use crate::model::{
    Answer, ClientData, CommandKind, Event, Look, OnConflict, PortProtocol, QueueMove, ReadTarget,
    Requests, ResumeData, Span, TorrentFlag, TorrentId,
};
use crate::reply::Responder;
use crate::settings::{LISTEN_INTERFACES, Settings};
use crate::sys::range::{RangeSink, file_view};
use crate::sys::task::{SessionCall, ShardPart, TorrentCall};
use crate::sys::{AnsweredBy, OptionsRecord, PieceDeadline, PieceLevel};
use crate::sys::{DemandRecord, SessionHandle, Torrent, TorrentParams, convert};

/// The result of a call. The error does not say what was attempted; the request does.
type Called<T> = std::result::Result<T, cxx::Exception>;

/// A request about one torrent. The engine executes requests in order and answers each once.
#[derive(Clone)]
pub(crate) struct TorrentRequest {
    /// What the request tries to do, for error messages.
    pub(crate) op: &'static str,
    pub(crate) role: TorrentRole,
    pub(crate) call: Call,
    /// Only for resume data. The client fills it in.
    pub(crate) client_data: Option<Box<ClientData>>,
}

impl TorrentRequest {
    /// Returns whether the request changes the torrent, so that its copies in other shards must be removed.
    pub(crate) fn ends_copies(&self) -> bool {
        match &self.call {
            Call::Posting(_) => self.role == TorrentRole::Pauses,
            Call::Task(task) => task.ends_copies,
        }
    }
}

#[derive(Clone)]
pub(crate) enum Call {
    /// A call that only posts, as most of libtorrent's setters do. It runs on the client thread and is
    /// answered at once.
    Posting(fn(&Torrent) -> Called<()>),
    /// A call that runs on the network thread.
    Task(Box<Task>),
}

#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) by: AnsweredBy,
    /// The file or piece that an alert's answer is about.
    pub(crate) index: u32,
    pub(crate) call: Arc<TorrentCall>,
    /// If set, the request is sent to every shard that serves the torrent, and this combines the answers.
    pub(crate) merge: Option<Merge>,
    /// See [`TorrentRequest::ends_copies`].
    pub(crate) ends_copies: bool,
}

/// What the client must also do when a request about a torrent is made or answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TorrentRole {
    None,
    /// Changes the resume data without an event.
    ChangesResumeData,
    /// Pauses the torrent, also after a restart.
    Pauses,
    /// Resumes the torrent, also after an error.
    Resumes,
    /// Tells whether the torrent is paused.
    TellsPaused,
    /// Moves the files, which can take hours.
    MovesFiles {
        to: Box<Path>,
        on_conflict: OnConflict,
    },
    /// Returns the metainfo; libtorrent then considers the resume data saved.
    GivesMetainfo,
    /// Returns the options, with the position in the queue.
    GivesOptions,
    /// Changes the order of the queue.
    ChangesQueue {
        to: QueueMove,
        /// Whether the store already has the order.
        stored: bool,
    },
    Saves,
    /// Saves the resume data at the request of the client itself.
    SavesForEvent,
    /// Changes the priorities of pieces, and so the resume data.
    ChoosesPieces,
    /// Returns what is needed to open a reader.
    OpensReader(ReaderId),
    /// Reads for a reader.
    Reads {
        reader: ReaderId,
        position: u64,
        length: u64,
    },
    /// Returns the available pieces again, after the files were checked or, if `chosen`, after the program
    /// changed priorities.
    LooksAgain {
        chosen: bool,
    },
}

/// What the client must also do when a request about the session is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SessionRole {
    None,
    ChangesSettings(Box<Settings>),
    ChangesIpFilter,
    /// Returns the DHT nodes and the IP filter for the store.
    GivesState,
    /// Returns the queue positions for the store.
    GivesQueue,
}

impl TorrentRole {
    /// Returns whether a store must have the change before it is made.
    pub(crate) fn is_stored(&self) -> bool {
        matches!(self, Self::Pauses | Self::Resumes | Self::MovesFiles { .. })
    }
}

/// The reply and the buffer of a read, until it begins.
pub(crate) type Unread = Arc<Mutex<Option<(Responder<Vec<u8>>, Vec<u8>)>>>;

/// What to do with the answer to a request, on the client thread.
pub(crate) enum Respond {
    /// Ignore it.
    Nothing,
    Call(Box<dyn FnOnce(Result<Answer>) + Send>),
    /// Send a failure to the reply if the read has not begun.
    Unread(Unread),
    /// Report a failure as an event, for a message. This allocates nothing.
    Failure {
        to: Arc<Member>,
        command: CommandKind,
        id: TorrentId,
    },
}

impl Respond {
    pub(crate) fn call(respond: impl FnOnce(Result<Answer>) + Send + 'static) -> Self {
        Self::Call(Box::new(respond))
    }

    /// Returns whether a patron waits for the answer.
    pub(crate) fn is_awaited(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    pub(crate) fn send(self, answer: Result<Answer>) {
        match (self, answer) {
            (Self::Call(respond), answer) => respond(answer),
            (Self::Failure { to, command, id }, Err(error)) => {
                to.mailbox.push(Event::CommandFailed { command, id, error });
            }
            (Self::Unread(unread), Err(error)) => {
                if let Some((reply, _)) = unread.lock().take() {
                    reply.send(Err(error));
                }
            }
            (Self::Failure { .. } | Self::Unread(_), Ok(_)) | (Self::Nothing, _) => {}
        }
    }
}

/// A request about the client as a whole.
#[derive(Clone)]
pub(crate) struct SessionRequest {
    pub(crate) op: &'static str,
    pub(crate) role: SessionRole,
    pub(crate) spread: Spread,
    /// The part of this shard, filled in by an engine with several shards.
    pub(crate) part: ShardPart,
    /// The new limits of the client, if the request changes them.
    pub(crate) shared: Option<Settings>,
    pub(crate) call: Arc<SessionCall>,
}

/// Which shards of the engine a session request is sent to.
#[derive(Clone)]
pub(crate) enum Spread {
    /// The first shard, for data that only it has or that all shards have alike.
    First,
    /// All shards. The answer is that of the first.
    All,
    /// All shards. Their answers are combined, in order.
    Merged(Merge),
}

pub(crate) type Merge = Arc<dyn Fn(Vec<Answer>) -> Result<Answer> + Send + Sync>;

/// A request and the type of its answer: what the call returns, or what the alert contains. Using another
/// type does not compile; `tests/house/answers.rs` checks that.
pub(crate) struct Ask<R, T> {
    pub(crate) request: R,
    answer: PhantomData<fn() -> T>,
}

/// The alert that answers a request, and the type of the answer.
pub(crate) struct ByAlert<T>(AnsweredBy, u32, PhantomData<fn() -> T>);

impl ByAlert<PathBuf> {
    pub(crate) fn files_moved() -> Self {
        Self(AnsweredBy::FilesMoved, 0, PhantomData)
    }

    pub(crate) fn file_renamed(file: u32) -> Self {
        Self(AnsweredBy::FileRenamed, file, PhantomData)
    }
}

impl ByAlert<()> {
    pub(crate) fn files_chosen() -> Self {
        Self(AnsweredBy::FilesChosen, 0, PhantomData)
    }
}

impl ByAlert<Vec<u8>> {
    pub(crate) fn piece_read(piece: u32) -> Self {
        Self(AnsweredBy::PieceRead, piece, PhantomData)
    }

    pub(crate) fn metainfo() -> Self {
        Self(AnsweredBy::Metainfo, 0, PhantomData)
    }
}

impl ByAlert<ResumeData> {
    pub(crate) fn resume_data() -> Self {
        Self(AnsweredBy::ResumeData, 0, PhantomData)
    }

    /// Resume data without the info dictionary.
    pub(crate) fn progress() -> Self {
        Self(AnsweredBy::Progress, 0, PhantomData)
    }
}

pub(crate) type AskTorrent<T> = Ask<TorrentRequest, T>;
pub(crate) type AskSession<T> = Ask<SessionRequest, T>;

impl<T: Send + 'static> Ask<TorrentRequest, T> {
    fn new(
        op: &'static str,
        by: AnsweredBy,
        index: u32,
        call: impl Fn(&Torrent) -> Called<Option<Answer>> + Send + Sync + 'static,
    ) -> Self {
        let call = move |torrent: &Torrent| call(torrent).map_err(|e| Error::from_native("", &e));
        let (call, merge, ends_copies) = (Arc::new(call), None, false);
        Self::of(op, Call::Task(Box::new(Task { by, index, call, merge, ends_copies })))
    }

    fn of(op: &'static str, call: Call) -> Self {
        let request = TorrentRequest { op, role: TorrentRole::None, call, client_data: None };
        Self { request, answer: PhantomData }
    }

    /// Creates a request whose call runs on the network thread and returns the answer.
    pub(crate) fn task(
        op: &'static str,
        call: impl Fn(&Torrent) -> Called<T> + Send + Sync + 'static,
    ) -> Self {
        Self::new(op, AnsweredBy::Task, 0, move |torrent| Ok(Some(Box::new(call(torrent)?))))
    }

    /// Creates a request whose call runs on the network thread and whose answer comes with an alert.
    pub(crate) fn by_alert(
        op: &'static str,
        ByAlert(by, index, _): ByAlert<T>,
        call: impl Fn(&Torrent) -> Called<()> + Send + Sync + 'static,
    ) -> Self {
        Self::new(op, by, index, move |torrent| call(torrent).map(|()| None))
    }

    pub(crate) fn role(mut self, role: TorrentRole) -> Self {
        self.request.role = role;
        self
    }

    pub(crate) fn changes_resume_data(self) -> Self {
        self.role(TorrentRole::ChangesResumeData).ends_copies()
    }

    pub(crate) fn ends_copies(mut self) -> Self {
        if let Call::Task(task) = &mut self.request.call {
            task.ends_copies = true;
        }
        self
    }

    pub(crate) fn merged(mut self, merge: impl Fn(Vec<T>) -> T + Send + Sync + 'static) -> Self {
        if let Call::Task(task) = &mut self.request.call {
            task.merge = Some(merge_of(merge));
        }
        self
    }

    pub(crate) fn chooses_pieces(self) -> Self {
        self.role(TorrentRole::ChoosesPieces)
    }
}

fn merge_of<T: Send + 'static>(merge: impl Fn(Vec<T>) -> T + Send + Sync + 'static) -> Merge {
    Arc::new(move |answers| {
        let answers = answers.into_iter().map(typed).collect::<Result<_>>()?;
        Ok(Box::new(merge(answers)))
    })
}

impl Ask<TorrentRequest, ()> {
    /// Sends the request to every shard that serves the torrent.
    pub(crate) fn of_every_copy(self) -> Self {
        self.merged(|_| ())
    }

    /// Creates a request that only posts; see [`Call::Posting`].
    pub(crate) fn posting(op: &'static str, call: fn(&Torrent) -> Called<()>) -> Self {
        Self::of(op, Call::Posting(call))
    }
}

impl<T: Send + 'static> Ask<SessionRequest, T> {
    pub(crate) fn session(
        op: &'static str,
        call: impl Fn(Pin<&mut SessionHandle>) -> Called<T> + Send + Sync + 'static,
    ) -> Self {
        Self::by_part(op, move |session, _| call(session))
    }

    /// Creates a request to all shards, each with its part.
    pub(crate) fn by_part(
        op: &'static str,
        call: impl Fn(Pin<&mut SessionHandle>, ShardPart) -> Called<T> + Send + Sync + 'static,
    ) -> Self {
        let call = move |session: Pin<&mut SessionHandle>, part: ShardPart| -> Result<Answer> {
            Ok(Box::new(call(session, part).map_err(|e| Error::from_native("", &e))?))
        };
        let (role, spread, part, shared) =
            (SessionRole::None, Spread::First, ShardPart::WHOLE, None);
        let request = SessionRequest { op, role, spread, part, shared, call: Arc::new(call) };
        Self { request, answer: PhantomData }
    }

    pub(crate) fn session_role(mut self, role: SessionRole) -> Self {
        self.request.role = role;
        self
    }

    pub(crate) fn shared(mut self, settings: Settings) -> Self {
        self.request.shared = Some(settings);
        self
    }

    pub(crate) fn of_all(mut self) -> Self {
        self.request.spread = Spread::All;
        self
    }

    pub(crate) fn merged(mut self, merge: impl Fn(Vec<T>) -> T + Send + Sync + 'static) -> Self {
        self.request.spread = Spread::Merged(merge_of(merge));
        self
    }
}

/// Converts an answer to the type of its request. A mismatch is possible only in tests with a fake engine.
pub(crate) fn typed<T: 'static>(answer: Answer) -> Result<T> {
    let other = |_| Error::new(ErrorKind::Panicked, "", "the answer has the wrong type");
    answer.downcast().map(|answer| *answer).map_err(other)
}

// The requests of patrons and of the client itself.

pub(crate) fn pause(gracefully: bool) -> AskTorrent<()> {
    let call: fn(&Torrent) -> Called<()> = match gracefully {
        true => |torrent| torrent.pause_torrent(true),
        false => |torrent| torrent.pause_torrent(false),
    };
    Ask::posting("pause the torrent", call).role(TorrentRole::Pauses)
}

pub(crate) fn resume() -> AskTorrent<()> {
    Ask::posting("resume the torrent", Torrent::resume_torrent).role(TorrentRole::Resumes)
}

pub(crate) const IS_PAUSED: &str = "see whether the torrent is paused";

pub(crate) fn is_paused() -> AskTorrent<bool> {
    Ask::task(IS_PAUSED, Torrent::is_paused).role(TorrentRole::TellsPaused)
}

pub(crate) fn set_flag(flag: TorrentFlag, on: bool) -> AskTorrent<()> {
    Ask::task("switch a flag of the torrent", move |torrent| torrent.set_flag(flag.place(), on))
        .changes_resume_data()
}

pub(crate) fn move_files(to: PathBuf, on_conflict: OnConflict) -> AskTorrent<PathBuf> {
    let role = TorrentRole::MovesFiles { to: to.as_path().into(), on_conflict };
    Ask::by_alert(op::MOVE, ByAlert::files_moved(), move |torrent| {
        torrent.move_files(convert::path_bytes(&to), convert::on_conflict(on_conflict))
    })
    .role(role)
    .ends_copies()
}

/// Asks for the parameters to add a complete torrent to another shard.
pub(crate) fn copy() -> AskTorrent<UniquePtr<TorrentParams>> {
    Ask::task("copy the torrent", Torrent::copy)
}

/// Asks how much each shard uses, in order.
///
/// Lists at most this many queued torrents of each kind.
pub(crate) fn demand(queued: u32) -> AskSession<Vec<DemandRecord>> {
    Ask::session("measure the demand", move |session| Ok(vec![session.demand(queued)?]))
        .merged(|all| all.into_iter().flatten().collect())
}

/// Asks the routers to forward a port of another shard.
pub(crate) fn forward(port: u16) -> AskSession<()> {
    Ask::session("forward a port", move |mut session| {
        for protocol in [PortProtocol::Tcp, PortProtocol::Udp] {
            session.as_mut().map_port(convert::protocol(protocol), port, port)?;
        }
        Ok(())
    })
}

/// Lets all shards close the sockets that they listen on.
pub(crate) fn listen_nowhere() -> AskSession<()> {
    let mut settings = Settings::empty();
    settings.assume([(LISTEN_INTERFACES, "".into())]);
    let records = settings.records();
    Ask::session("stop listening", move |session| session.change_settings(&records)).of_all()
}

/// Gives each shard its own settings.
pub(crate) fn change_parts(parts: &[Settings]) -> AskSession<()> {
    let parts: Vec<_> = parts.iter().map(Settings::records).collect();
    let change =
        move |session: Pin<&mut SessionHandle>, part: ShardPart| match parts.get(part.number) {
            Some(records) => session.change_settings(records),
            None => Ok(()),
        };
    Ask::by_part("share the limits of the client", change).of_all()
}

/// Asks for the DHT nodes and the IP filter, as bytes.
pub(crate) fn state() -> AskSession<Vec<u8>> {
    let ask = Ask::session("save the state of the client", |session| session.network_state());
    ask.session_role(SessionRole::GivesState)
}

/// Asks for the queue positions of the torrents.
pub(crate) fn queue() -> AskSession<Vec<(TorrentId, u32)>> {
    let ask = Ask::session("list the queue", |session| session.queue().map(convert::queue));
    let all = |by_shard: Vec<Vec<_>>| by_shard.into_iter().flatten().collect();
    ask.session_role(SessionRole::GivesQueue).merged(all)
}

pub(crate) fn move_in_queue(to: QueueMove, stored: bool) -> AskTorrent<()> {
    Ask::task("move the torrent in the queue", move |torrent| {
        let (to, position) = convert::queue_move(to);
        torrent.move_in_queue(to, position)
    })
    .role(TorrentRole::ChangesQueue { to, stored })
}

pub(crate) fn options() -> AskTorrent<OptionsRecord> {
    Ask::task("get the options of the torrent", Torrent::options).role(TorrentRole::GivesOptions)
}

/// Asks for the .torrent file.
pub(crate) fn metainfo() -> AskTorrent<Vec<u8>> {
    Ask::by_alert("get the metainfo", ByAlert::metainfo(), Torrent::save_metainfo)
        .role(TorrentRole::GivesMetainfo)
}

/// Asks for resume data. The answer is empty if `only_if_changed` is set and nothing has changed since the
/// last save.
pub(crate) fn resume_data(
    what: ByAlert<ResumeData>,
    only_if_changed: bool,
    role: TorrentRole,
) -> AskTorrent<ResumeData> {
    Ask::by_alert("save the resume data", what, move |torrent| torrent.save_resume(only_if_changed))
        .role(role)
}

pub(crate) const OPEN_READER: &str = "open the file for reading";
pub(crate) const READ: &str = "read the file";

/// Asks which pieces are available, and for the program's levels unless libtorrent has those of readers.
pub(crate) fn look(target: ReadTarget, are_steered: bool, role: TorrentRole) -> AskTorrent<Look> {
    let look = move |torrent: &Torrent| {
        let (record, view) = match target {
            ReadTarget::File(file) => (torrent.file_state(file)?, file_view(torrent, file)?),
            ReadTarget::Piece(piece) => (torrent.piece_state(piece)?, None),
        };
        let look = convert::look(record);
        Ok(Look { levels: look.levels.filter(|_| !are_steered), view, ..look })
    };
    Ask::task(OPEN_READER, look).role(role)
}

/// Removes deadlines, sets deadlines in milliseconds, and sets the levels of pieces.
pub(crate) fn steer(
    dropped: Vec<u32>,
    deadlines: Vec<(u32, u32)>,
    levels: Vec<(u32, u8)>,
    requests: Requests,
) -> AskTorrent<()> {
    let deadlines: Vec<_> = deadlines
        .into_iter()
        .map(|(piece, milliseconds)| PieceDeadline { piece, milliseconds })
        .collect();
    let levels: Vec<_> =
        levels.into_iter().map(|(piece, level)| PieceLevel { piece, level }).collect();
    Ask::task("set the piece priorities for readers", move |torrent| {
        torrent.steer(&dropped, &deadlines, &levels, convert::requests(requests))
    })
}

/// Reads a range of the torrent into a buffer. The network thread sends the bytes to `reply`; the request's own
/// answer matters only if it fails. If it fails because data is missing, the client has the read again.
pub(crate) fn read_span(
    span: Span,
    into: Vec<u8>,
    reply: Responder<Vec<u8>>,
    role: TorrentRole,
) -> (AskTorrent<()>, Respond) {
    let check = move |torrent: &Torrent| torrent.check_here(span.begin, span.size);
    let (ask, respond) = read(span.size, into, reply, check, move |torrent, sink| {
        torrent.read_bytes(span.begin, span.size, sink)
    });
    (ask.role(role), respond)
}

/// Like `read_span`, for a range of a file.
pub(crate) fn read_file(
    file: u32,
    begin: u64,
    length: u64,
    reply: Responder<Vec<u8>>,
) -> (AskTorrent<()>, Respond) {
    read(
        length,
        Vec::new(),
        reply,
        |_| Ok(()),
        move |torrent, sink| torrent.read_file(file, begin, length, sink),
    )
}

fn read(
    length: u64,
    mut into: Vec<u8>,
    reply: Responder<Vec<u8>>,
    check: impl Fn(&Torrent) -> Called<()> + Send + Sync + 'static,
    call: impl Fn(&Torrent, Box<RangeSink>) + Send + Sync + 'static,
) -> (AskTorrent<()>, Respond) {
    let length = usize::try_from(length).unwrap_or(0);
    // Not on the network thread, which would be held up by clearing it.
    if into.len() < length {
        into = vec![0; length];
    }
    into.truncate(length);
    let asked = Arc::new(Mutex::new(Some((reply, into))));
    let unsent = asked.clone();
    let read = move |torrent: &Torrent| {
        check(torrent)?;
        if let Some((reply, into)) = asked.lock().take() {
            let done =
                move |bytes: Result<_>| reply.send(bytes.map_err(|e: Error| e.in_operation(READ)));
            call(torrent, RangeSink::new(into, done));
        }
        Ok(())
    };
    (Ask::task(READ, read), Respond::Unread(unsent))
}

impl fmt::Debug for TorrentRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TorrentRequest").field(&self.op).finish()
    }
}

impl fmt::Debug for SessionRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SessionRequest").field(&self.op).finish()
    }
}

/// Compiled only by `tests/house/answers.rs`: once with the right answer types and once with wrong ones.
#[cfg(any(answers = "right", answers = "wrong"))]
mod answers {
    use super::{Ask, AskSession, AskTorrent, ByAlert, SessionHandle, Torrent};

    #[cfg(answers = "right")]
    pub(crate) type WebSeeds = Vec<String>;
    #[cfg(answers = "wrong")]
    pub(crate) type WebSeeds = Vec<u32>;
    #[cfg(answers = "right")]
    pub(crate) type Piece = Vec<u8>;
    #[cfg(answers = "wrong")]
    pub(crate) type Piece = ();
    #[cfg(answers = "right")]
    pub(crate) type State = Vec<u8>;
    #[cfg(answers = "wrong")]
    pub(crate) type State = String;

    pub(crate) fn of_a_task() -> AskTorrent<WebSeeds> {
        Ask::task("list the web seeds", Torrent::web_seeds)
    }

    pub(crate) fn of_an_alert() -> AskTorrent<Piece> {
        Ask::by_alert("read the piece", ByAlert::piece_read(0), |torrent| torrent.read(0))
    }

    pub(crate) fn of_the_session() -> AskSession<State> {
        Ask::session("save the state", |session| SessionHandle::state(&session, &[]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_to_a_torrent_is_saved_and_a_query_is_not() {
        let flag = set_flag(TorrentFlag::Sequential, true);
        assert_eq!(flag.request.role, TorrentRole::ChangesResumeData);
        assert_eq!(Ask::task("list the peers", Torrent::peers).request.role, TorrentRole::None);
        assert_eq!(metainfo().request.role, TorrentRole::GivesMetainfo);
    }
}
