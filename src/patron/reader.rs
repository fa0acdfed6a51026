//! Reads files while they download.

use std::fmt;
use std::io::{self, BufRead, Read, Seek, SeekFrom};
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::Patron;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::command::ClientCommand;
use crate::messages::reading::{self, Opened, Opener, Opening, Purpose, ReaderId};
use crate::messages::request::{self, OPEN_READER, READ};
use crate::messages::service::Service;
#[cfg(unix)]
use crate::messages::socket::Socket;
use crate::model::{ReadNow, ReadTarget, ReaderOptions, TorrentId};
use crate::reply::{Reply, Responder, one_shot};

/// The size of one fetch in bytes: after a seek, and the maximum when reading sequentially.
const FIRST_CHUNK: u64 = 64 << 10;
const LARGEST_CHUNK: u64 = 4 << 20;

/// The longest range that can be read at once, in bytes.
const LONGEST_RANGE: u64 = 64 << 20;

/// Reading files while they download. Files and pieces are numbered from 0.
impl Patron {
    /// Opens a file for reading while it downloads. The reply comes when a magnet link has its metadata and
    /// the files have been checked.
    ///
    /// The pieces that a reader needs next are downloaded before all others. When the reader is dropped, the
    /// program's own priorities are restored. Until then, [`pieces`](Patron::pieces) returns the priorities
    /// in effect, and resume data contains the program's. Any number of readers can be open, for the same or
    /// for different files.
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
    /// [`NotFound`](ErrorKind::NotFound); [`InvalidArgument`](ErrorKind::InvalidArgument) for a file that the
    /// torrent does not have. What ends the wait for metadata and for checking:
    /// [`Gone`](ErrorKind::Gone) if the torrent is removed, [`NotDownloaded`](ErrorKind::NotDownloaded) if it is paused, and the
    /// error that stops it.
    pub fn reader(&self, id: TorrentId, file: u32) -> Reply<Reader> {
        self.reader_with(id, file, ReaderOptions::default())
    }

    /// Like [`reader`](Patron::reader), with options: how far to read ahead, and what to download first.
    pub fn reader_with(&self, id: TorrentId, file: u32, options: ReaderOptions) -> Reply<Reader> {
        let service = self.0.service.clone();
        self.ask(OPEN_READER, |reply| {
            let purpose = Purpose::Program(Box::new(Waiter { reply, service }));
            ClientCommand::OpenReader(Box::new(Opening {
                torrent: id,
                target: ReadTarget::File(file),
                options,
                purpose,
            }))
        })
    }

    /// Returns the bytes of an available range of a file, at most 64 MiB.
    ///
    /// # Errors
    ///
    /// [`NotDownloaded`](ErrorKind::NotDownloaded) if not all of the range has been downloaded;
    /// [`InvalidArgument`](ErrorKind::InvalidArgument) for a range or a file that the torrent does not have;
    /// [`NoMetadata`](ErrorKind::NoMetadata); [`Disk`](ErrorKind::Disk) if the range cannot be read.
    pub fn read_range(
        &self,
        id: TorrentId,
        file: u32,
        range: std::ops::Range<u64>,
    ) -> Reply<Vec<u8>> {
        let length = match range.end.checked_sub(range.start) {
            Some(length) if length <= LONGEST_RANGE => length,
            length => {
                let message = match length {
                    Some(length) => format!("{length} bytes exceeds the limit of {LONGEST_RANGE}"),
                    None => format!("{range:?} ends before it begins"),
                };
                return Reply::ready(Err(Error::new(ErrorKind::InvalidArgument, READ, message)));
            }
        };
        self.ask(READ, |reply| {
            let (ask, respond) = request::read_file(file, range.start, length, reply);
            ClientCommand::OfTorrent(id, ask.request, respond)
        })
    }

    /// Waits for a piece, and returns its bytes. Until the piece is available, it is downloaded before all
    /// others, for at most `limit`.
    ///
    /// # Errors
    ///
    /// [`TimedOut`](ErrorKind::TimedOut), after which the piece has its previous priority again; otherwise as
    /// for [`reader`](Patron::reader) and for reading from it.
    pub fn fetch_piece(&self, id: TorrentId, piece: u32, limit: Duration) -> Reply<Vec<u8>> {
        let now = Instant::now();
        let due = now.checked_add(limit).unwrap_or(now + Duration::from_secs(365 * 24 * 3600));
        self.ask(READ, |reply| {
            let (target, options) = (ReadTarget::Piece(piece), ReaderOptions::default());
            let purpose = Purpose::Bytes(reply, due);
            ClientCommand::OpenReader(Box::new(Opening { torrent: id, target, options, purpose }))
        })
    }
}

/// Reads a file while it downloads: implements [`Read`], [`BufRead`] and [`Seek`].
///
/// A read waits until data is available, without a limit unless one is [set](Reader::set_timeout). Data is
/// available once it is verified; with libtorrent 2.0 it has then been written, too. If it is in memory, it is read on
/// the calling thread (Linux). A seek
/// does not wait; the next read sets the position from which data is requested.
///
/// A read fails if the torrent is removed, fails or is paused, or if the client stops. The [`Error`] is the
/// source of the [`io::Error`]. A read that failed can be retried.
///
/// A reader is used by one thread at a time. Several readers of one file are independent. A reader does not
/// keep the client alive.
///
/// With the feature `futures-io`, it implements that crate's `AsyncRead`, `AsyncBufRead` and `AsyncSeek`;
/// with the feature `tokio`, those of tokio.
pub struct Reader {
    lease: Lease,
    position: u64,
    chunk: Chunk,
    pending: Option<Pending>,
    /// The buffer of the previous chunk, used for the next fetch.
    spare: Vec<u8>,
    /// The length of the next fetch when reading sequentially.
    next_length: u64,
    signal: Arc<Signal>,
    timeout: Option<Duration>,
}

/// Waits for a reader.
struct Waiter {
    reply: Responder<Reader>,
    service: Arc<Service>,
}

impl Opener for Waiter {
    fn answer(self: Box<Self>, opened: Result<Opened>) {
        let Self { reply, service } = *self;
        reply.send(opened.map(|opened| Reader::new(Lease::new(service, opened))));
    }

    fn is_gone(&self) -> bool {
        self.reply.is_abandoned()
    }
}

/// An open reader. When it is dropped, its pieces are no longer downloaded first.
struct Lease {
    service: Arc<Service>,
    reader: ReaderId,
    size: u64,
    view: Option<Weak<dyn ReadNow>>,
}

impl Lease {
    fn new(service: Arc<Service>, Opened { reader, size, view }: Opened) -> Self {
        Self { service, reader, size, view }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.service.end_reader(self.reader);
    }
}

/// Bytes of the file that have been fetched.
#[derive(Default)]
struct Chunk {
    begin: u64,
    bytes: Vec<u8>,
}

/// A fetch in progress.
struct Pending {
    begin: u64,
    /// No read has waited for it yet.
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
    fn new(lease: Lease) -> Self {
        Self {
            lease,
            position: 0,
            chunk: Chunk::default(),
            pending: None,
            spare: Vec::new(),
            next_length: FIRST_CHUNK,
            signal: Arc::default(),
            timeout: None,
        }
    }

    /// Returns the size of the file, in bytes.
    pub fn size(&self) -> u64 {
        self.lease.size
    }

    /// Returns the position of the next read.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Sets how long a read may wait for data; `None`, the default, means no limit. The read then fails with
    /// [`io::ErrorKind::TimedOut`], and the download continues.
    pub fn set_timeout(&mut self, limit: Option<Duration>) {
        self.timeout = limit;
    }

    /// Returns a handle that can interrupt this reader from another thread.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.signal.clone())
    }

    /// Returns a descriptor for poll, epoll and kqueue. It is readable when a read that timed out may be
    /// retried. Read with a [limit](Reader::set_timeout) of zero until the read times out, then wait for the
    /// descriptor. Do not read from the descriptor.
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) if no descriptor is available.
    #[cfg(unix)]
    pub fn ready_descriptor(&self) -> Result<super::Readiness> {
        let socket = self.signal.socket().map_err(|error| {
            Error::io("make a descriptor for data", "a pair of sockets", &error)
        })?;
        Ok(super::Readiness(socket))
    }

    /// Returns the data at the position. If there is none, the waker is woken when there may be.
    pub(super) fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<&[u8]>> {
        while self.position < self.lease.size && self.chunk.from(self.position).is_empty() {
            let pending = match self.pending.take() {
                Some(pending) if pending.begin == self.position => pending,
                _ => match self.fetch() {
                    Some(pending) => pending,
                    None => break,
                },
            };
            if pending.reply.poll_ready(context).is_pending() {
                self.pending = Some(Pending { ahead: false, ..pending });
                return Poll::Pending;
            }
            match pending.reply.wait() {
                Ok(bytes) if bytes.is_empty() => {
                    let message = "the disk backend returned no data";
                    return Poll::Ready(Err(Error::new(ErrorKind::Disk, READ, message)));
                }
                Ok(bytes) => self.take(bytes),
                // The reason may be gone by now.
                Err(_) if pending.ahead => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        Poll::Ready(Ok(self.chunk.from(self.position)))
    }

    /// Takes the chunk at the position. When reading sequentially, fetches the next one ahead.
    fn take(&mut self, bytes: Vec<u8>) {
        self.spare =
            std::mem::replace(&mut self.chunk, Chunk { begin: self.position, bytes }).bytes;
        let next = self.chunk.end();
        if self.next_length == LARGEST_CHUNK && next < self.lease.size {
            self.pending = Some(Pending { ahead: true, ..self.fetch_from(next, LARGEST_CHUNK) });
        }
    }

    /// Reads the chunk at the position, or requests it.
    fn fetch(&mut self) -> Option<Pending> {
        let continues = self.chunk.end() == self.position && !self.chunk.bytes.is_empty();
        let length = if continues { self.next_length } else { FIRST_CHUNK };
        self.next_length = (length * 2).min(LARGEST_CHUNK);
        match self.read_now(length) {
            true => None,
            false => Some(self.fetch_from(self.position, length)),
        }
    }

    /// Reads on this thread, because others may be busy. Returns false if the data must be requested.
    fn read_now(&mut self, length: u64) -> bool {
        let Lease { service, reader, size, view } = &self.lease;
        if service.check_running(READ).is_err() {
            return false;
        }
        let Some(view) = view.as_ref().and_then(Weak::upgrade) else { return false };
        let length = usize::try_from(length.min(size - self.position)).unwrap_or(usize::MAX);
        self.spare.resize(length, 0);
        let read = view.read_now(self.position, &mut self.spare);
        if read == 0 {
            return false;
        }
        self.spare.truncate(read);
        let chunk = Chunk { begin: self.position, bytes: std::mem::take(&mut self.spare) };
        service.advance(*reader, chunk.begin..chunk.end());
        self.spare = std::mem::replace(&mut self.chunk, chunk).bytes;
        true
    }

    fn fetch_from(&mut self, position: u64, length: u64) -> Pending {
        let (responder, reply) = one_shot(READ);
        self.lease.service.read(reading::Read {
            reader: self.lease.reader,
            position,
            length,
            into: std::mem::take(&mut self.spare),
            reply: responder,
        });
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

/// Converts an error. A read that has failed must have no kind after which others read again: `Interrupted`, as
/// [`Read::read_exact`] does, or `WouldBlock`.
pub(super) fn read_error(error: Error) -> io::Error {
    match error.kind() {
        ErrorKind::Cancelled | ErrorKind::NoMetadata | ErrorKind::NotDownloaded => {
            io::Error::other(error)
        }
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

/// A position beyond the end is allowed. Reading there returns no bytes.
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

/// Interrupts a [`Reader`] from another thread; see [`Reader::interrupter`].
#[derive(Debug, Clone)]
pub struct Interrupter(Arc<Signal>);

impl Interrupter {
    /// Ends the reader's current wait with an error whose source has the kind
    /// [`Cancelled`](ErrorKind::Cancelled). If the reader is not waiting, its next wait ends at once, so no
    /// interrupt is missed. The [`io::Error`] has the kind [`Other`](io::ErrorKind::Other), because
    /// [`Read::read_exact`] would retry after `Interrupted`. Async reads are not affected; drop their futures
    /// instead.
    pub fn interrupt(&self) {
        self.0.set(|state| state.interrupted = true);
    }
}

/// How a waiting reader is woken or interrupted.
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

    /// Clears the signal, because the state is about to be checked.
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
                        let message = "the data was not downloaded in time";
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
