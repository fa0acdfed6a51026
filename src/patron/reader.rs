//! Files that are read while they download.

use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Patron;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::Job;
use crate::messages::member::Member;
use crate::messages::reading::{self, Opened, Opening, ReaderId, Then};
use crate::messages::request::{self, OPEN_READER, READ};
use crate::messages::service::{Envelope, Service};
#[cfg(unix)]
use crate::messages::socket::Socket;
use crate::model::{Part, ReaderOptions, TorrentId};
use crate::reply::{Reply, one_shot};

/// What a reader fetches at once: at first and after a seek, and in the end where it reads on.
const FIRST_CHUNK: u64 = 64 << 10;
const LARGEST_CHUNK: u64 = 1 << 20;

/// The longest range that is read at once, in bytes.
const LONGEST_RANGE: u64 = 64 << 20;

/// Files that are read while they download. Files and pieces are counted from 0.
impl Patron {
    /// Opens a file for reading, as far as it is here or comes. The reply comes when the metadata of a magnet
    /// link is here and the files are checked.
    ///
    /// What a reader needs next is downloaded before all else, and the program's own priorities are as they
    /// were when the reader is dropped. Until then [`pieces`](Patron::pieces) tells the priorities that are in
    /// force; resume data has the program's. Any number may be open, of any files.
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use torrent_patron::AddOptions;
    ///
    /// let torrent = patron.add_torrent("film.torrent", AddOptions::default()).wait()?.id();
    /// let mut film = patron.reader(torrent, 0).wait()?;
    /// std::io::copy(&mut film, &mut std::io::stdout())?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`NotFound`](ErrorKind::NotFound); [`Gone`](ErrorKind::Gone) when the torrent is removed meanwhile;
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a file that it does not have.
    pub fn reader(&self, id: TorrentId, file: u32) -> Reply<Reader> {
        self.reader_with(id, file, ReaderOptions::default())
    }

    /// As [`reader`](Patron::reader), with a choice of how much is wanted ahead and of what comes first.
    pub fn reader_with(&self, id: TorrentId, file: u32, options: ReaderOptions) -> Reply<Reader> {
        let (service, member) = (self.0.service.clone(), self.0.member.clone());
        self.ask(OPEN_READER, |reply| {
            let give = |opened: Result<_>| {
                reply.send(opened.map(|opened| Reader::new(Lease::new(service, opened), member)));
            };
            let then = Then::Lease(Box::new(give));
            Job::OpenReader(Box::new(Opening {
                torrent: id,
                part: Part::File(file),
                options,
                then,
            }))
        })
    }

    /// The bytes of a range of a file, which is here: at most 64 MiB of it.
    ///
    /// # Errors
    ///
    /// [`NotHere`](ErrorKind::NotHere) where not all of it is here yet;
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range or a file that the torrent does not have;
    /// [`NoMetadata`](ErrorKind::NoMetadata); [`Disk`](ErrorKind::Disk) when it cannot be read.
    pub fn read_range(
        &self,
        id: TorrentId,
        file: u32,
        range: std::ops::Range<u64>,
    ) -> Reply<Vec<u8>> {
        let length = range.end.saturating_sub(range.start);
        if length > LONGEST_RANGE {
            let message = format!("{length} bytes are more than {LONGEST_RANGE}");
            return Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, READ, message)));
        }
        self.ask(READ, |reply| {
            let (ask, respond) = request::read_file(file, range.start, length, reply);
            Job::OfTorrent(id, ask.request, respond)
        })
    }

    /// The bytes of a piece as soon as it is here. Until then it is downloaded before all else, for at most
    /// this time.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ErrorKind::TimedOut), after which the piece is wanted as before; and as for
    /// [`reader`](Patron::reader) and for the reading of one.
    pub fn read_piece_when_here(
        &self,
        id: TorrentId,
        piece: u32,
        limit: Duration,
    ) -> Reply<Vec<u8>> {
        let now = Instant::now();
        let due = now.checked_add(limit).unwrap_or(now + Duration::from_secs(365 * 24 * 3600));
        self.ask(READ, |reply| {
            let (part, options) = (Part::Piece(piece), ReaderOptions::default());
            let then = Then::Bytes(reply, due);
            Job::OpenReader(Box::new(Opening { torrent: id, part, options, then }))
        })
    }
}

/// A file that is read while it downloads: [`Read`], [`BufRead`] and [`Seek`].
///
/// Reading what is not here waits for it, without a limit unless [one is set](Reader::set_timeout). What is
/// here comes from the disk backend: what is verified need not be written yet. A seek waits for nothing; the
/// next read says where the data is wanted.
///
/// A read ends with the reason when the torrent is removed, fails or is paused, or the client stops. The
/// [`Error`] is the source of the [`io::Error`]. One that failed may be tried again.
///
/// It belongs to one thread at a time; readers of one file do not concern each other. It does not keep the
/// client alive.
///
/// With the feature `futures-io` it is `AsyncRead`, `AsyncBufRead` and `AsyncSeek` of that crate, and with
/// the feature `tokio` those of tokio.
pub struct Reader {
    lease: Lease,
    member: Arc<Member>,
    position: u64,
    chunk: Chunk,
    pending: Option<Pending>,
    /// Of a chunk that was read, for the next one.
    spare: Vec<u8>,
    /// What is fetched next, at least.
    next_length: u64,
    signal: Arc<Signal>,
    timeout: Option<Duration>,
}

/// An open reader. Dropped, it gives back what was wanted for it.
#[derive(Debug)]
struct Lease {
    service: Arc<Service>,
    reader: ReaderId,
    size: u64,
}

impl Lease {
    fn new(service: Arc<Service>, Opened { reader, size }: Opened) -> Self {
        Self { service, reader, size }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.service.end_reader(self.reader);
    }
}

/// Bytes that are here.
#[derive(Default)]
struct Chunk {
    begin: u64,
    bytes: Vec<u8>,
}

/// Bytes that are under way.
struct Pending {
    begin: u64,
    /// Nobody has waited for them yet.
    ahead: bool,
    reply: Reply<Vec<u8>>,
}

impl Chunk {
    fn end(&self) -> u64 {
        self.begin + self.bytes.len() as u64
    }

    fn from(&self, position: u64) -> &[u8] {
        let offset =
            position.checked_sub(self.begin).and_then(|offset| usize::try_from(offset).ok());
        offset.and_then(|offset| self.bytes.get(offset..)).unwrap_or_default()
    }
}

impl Reader {
    fn new(lease: Lease, member: Arc<Member>) -> Self {
        Self {
            lease,
            member,
            position: 0,
            chunk: Chunk::default(),
            pending: None,
            spare: Vec::new(),
            next_length: FIRST_CHUNK,
            signal: Arc::default(),
            timeout: None,
        }
    }

    /// The size of the file, in bytes.
    pub fn size(&self) -> u64 {
        self.lease.size
    }

    /// Where the next byte is read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// How long a read may wait for what is not here; `None`, as at first, without a limit. It ends by an
    /// error of the kind [`io::ErrorKind::TimedOut`] then, and the data goes on coming.
    pub fn set_timeout(&mut self, limit: Option<Duration>) {
        self.timeout = limit;
    }

    /// What ends a wait of this reader from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.signal.clone())
    }

    /// A descriptor for poll, epoll and kqueue: readable when a read that ended for want of time may be tried
    /// again. Read with a [limit](Reader::set_timeout) of zero until that is the error, then wait for the
    /// descriptor; there is no need to read from it.
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) when no descriptor is to be had.
    #[cfg(unix)]
    pub fn readiness(&self) -> Result<super::Readiness> {
        let socket = self.signal.socket().map_err(|error| {
            Error::io("make a descriptor for data", "a pair of sockets", &error)
        })?;
        Ok(super::Readiness(socket))
    }

    /// Waits for data where there is none at the position, by the waker.
    pub(super) fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<&[u8]>> {
        while self.position < self.lease.size && self.chunk.from(self.position).is_empty() {
            let pending = match self.pending.take() {
                Some(pending) if pending.begin == self.position => pending,
                _ => self.fetch(),
            };
            if pending.reply.poll_ready(context).is_pending() {
                self.pending = Some(Pending { ahead: false, ..pending });
                return Poll::Pending;
            }
            match pending.reply.wait() {
                Ok(bytes) if bytes.is_empty() => {
                    let message = "the disk backend gave nothing";
                    return Poll::Ready(Err(Error::new(ErrorKind::Disk, READ, message)));
                }
                Ok(bytes) => self.take(bytes),
                // It may have been so only then.
                Err(_) if pending.ahead => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(self.chunk.from(self.position)))
    }

    /// Takes what is at the position. Where it reads on, the next chunk comes meanwhile.
    fn take(&mut self, bytes: Vec<u8>) {
        self.spare =
            std::mem::replace(&mut self.chunk, Chunk { begin: self.position, bytes }).bytes;
        let next = self.chunk.end();
        if self.next_length == LARGEST_CHUNK && next < self.lease.size {
            self.pending = Some(Pending { ahead: true, ..self.fetch_from(next, LARGEST_CHUNK) });
        }
    }

    fn fetch(&mut self) -> Pending {
        let goes_on = self.chunk.end() == self.position && !self.chunk.bytes.is_empty();
        let length = if goes_on { self.next_length } else { FIRST_CHUNK };
        self.next_length = (length * 2).min(LARGEST_CHUNK);
        self.fetch_from(self.position, length)
    }

    fn fetch_from(&mut self, position: u64, length: u64) -> Pending {
        let (responder, reply) = one_shot(READ);
        let read = reading::Read {
            reader: self.lease.reader,
            position,
            length,
            into: std::mem::take(&mut self.spare),
            reply: responder,
        };
        let job = Job::Read(read);
        // A refused envelope drops the responder, which answers that the client has stopped.
        let _ = self.lease.service.send(Envelope { from: self.member.clone(), job });
        Pending { begin: position, ahead: false, reply }
    }

    fn wait_for_data(&mut self) -> Result<&[u8]> {
        let deadline = self.timeout.and_then(|limit| Instant::now().checked_add(limit));
        let waker = Waker::from(self.signal.clone());
        self.signal.rest();
        loop {
            if let Poll::Ready(data) = self.poll_data(&mut Context::from_waker(&waker)) {
                data?;
                return Ok(self.chunk.from(self.position));
            }
            self.signal.wait(deadline)?;
        }
    }
}

/// A read that was interrupted must not be of the kind that [`Read::read_exact`] tries again.
pub(super) fn read_error(error: Error) -> io::Error {
    match error.kind() {
        ErrorKind::Cancelled => io::Error::other(error),
        _ => error.into(),
    }
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        let read = self.fill_buf()?.read(buffer)?;
        self.consume(read);
        Ok(read)
    }
}

impl BufRead for Reader {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.wait_for_data().map_err(read_error)
    }

    fn consume(&mut self, amount: usize) {
        let here = self.chunk.from(self.position).len();
        self.position += amount.min(here) as u64;
    }
}

/// A position beyond the end is allowed; there is nothing to read there.
impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.lease.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| {
            let message = "a position before the beginning, or beyond all files";
            Error::new(ErrorKind::InvalidArgument, "seek in the file", message)
        })?;
        Ok(self.position)
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("position", &self.position)
            .field("size", &self.lease.size)
            .finish_non_exhaustive()
    }
}

/// Ends the waits of a [`Reader`] from another thread.
#[derive(Debug, Clone)]
pub struct Interrupter(Arc<Signal>);

impl Interrupter {
    /// Ends the wait of the reader that is under way by an error whose source is of the kind
    /// [`Cancelled`](ErrorKind::Cancelled). Where none is, the next one ends at once, so that no interrupt is
    /// missed. It is [`io::ErrorKind::Other`]: what is of the kind `Interrupted` is tried again by
    /// [`Read::read_exact`]. Async reads, which a program ends by something of its own, are not concerned.
    pub fn interrupt(&self) {
        self.0.set(|state| state.interrupted = true);
    }
}

/// What a reader that waits is told.
#[derive(Debug, Default)]
struct Signal {
    state: Mutex<SignalState>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct SignalState {
    woken: bool,
    interrupted: bool,
    #[cfg(unix)]
    socket: Option<Socket>,
}

impl SignalState {
    fn take_woken(&mut self) -> bool {
        #[cfg(unix)]
        if let Some(socket) = &self.socket {
            socket.lower();
        }
        std::mem::take(&mut self.woken)
    }
}

impl Signal {
    fn set(&self, change: impl FnOnce(&mut SignalState)) {
        change(&mut self.state.lock());
        self.changed.notify_all();
    }

    /// What came before is looked at now.
    fn rest(&self) {
        self.state.lock().take_woken();
    }

    #[cfg(unix)]
    fn socket(&self) -> io::Result<Arc<std::os::unix::net::UnixStream>> {
        let mut state = self.state.lock();
        let socket = match state.socket.take() {
            Some(socket) => socket,
            None => Socket::new()?,
        };
        if state.woken {
            socket.raise();
        }
        Ok(state.socket.insert(socket).readable())
    }

    fn wait(&self, deadline: Option<Instant>) -> Result<()> {
        let mut state = self.state.lock();
        loop {
            if std::mem::take(&mut state.interrupted) {
                return Err(Error::new(ErrorKind::Cancelled, READ, "the wait was interrupted"));
            }
            if state.take_woken() {
                return Ok(());
            }
            match deadline {
                None => self.changed.wait(&mut state),
                Some(deadline) => {
                    if self.changed.wait_until(&mut state, deadline).timed_out() && !state.woken {
                        let message = "the data has not come in time";
                        return Err(Error::new(ErrorKind::TimedOut, READ, message));
                    }
                }
            }
        }
    }
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.set(|state| {
            state.woken = true;
            #[cfg(unix)]
            if let Some(socket) = &state.socket {
                socket.raise();
            }
        });
    }
}

const _: () = {
    const fn shared_between_threads<T: Send + Sync>() {}
    shared_between_threads::<Reader>();
    shared_between_threads::<Interrupter>();
};
