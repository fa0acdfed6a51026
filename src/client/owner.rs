//! Owns the client thread: starts it, and shuts it down.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::{JoinHandle, ThreadId};
use std::time::{Duration, Instant};

use crossbeam_channel::{Sender, bounded};

use super::descriptors::Descriptors;
use super::inbox::{Inbox, Intervals, StopRequest};
use super::shutdown::Shutdown;
use super::thread::{ClientThread, StoreLink, StoreOptions};
use crate::add::Defaults;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::service::{COMMANDS, ReadCount, Service};
use crate::model::op;
use crate::patron::Patron;
use crate::sys::process;

/// Returns the version of the loaded libtorrent: `2.0.8.0`.
#[must_use]
pub fn libtorrent_version() -> String {
    crate::sys::process::libtorrent_version()
}

/// How long a client that is dropped without [`Client::shutdown`] may take to end.
pub const DROP_LIMIT: Duration = Duration::from_secs(5);

/// A BitTorrent client: libtorrent on its own thread, in one session or in
/// [several](crate::ClientBuilder::network_threads).
///
/// A client is not a handle. It creates [`Patron`]s, which do all the work, and is shut down at the end.
/// Several clients can run in one process.
///
/// Dropping a client shuts it down and waits for at most [`DROP_LIMIT`].
///
/// On Linux, if libtorrent is a shared library, child processes do not inherit its sockets and files.
/// Otherwise they may inherit files and sockets, and keep them open after the client has stopped.
///
/// ```no_run
/// use std::time::Duration;
/// use torrent_patron::{AddOptions, Client, Event};
///
/// let client = Client::builder().save_dir("downloads").start()?;
/// let patron = client.patron();
/// patron.add_torrent("debian.torrent", AddOptions::default()).wait()?;
/// for event in patron.events() {
///     println!("{event}");
///     if matches!(event, Event::Finished { .. }) {
///         break;
///     }
/// }
/// println!("{}", client.shutdown(Duration::from_secs(10)).wait());
/// # Ok::<(), torrent_patron::Error>(())
/// ```
pub struct Client {
    pub(super) service: Arc<Service>,
    stop_requests: Sender<StopRequest>,
    thread: Option<JoinHandle<()>>,
    /// Present only if the engine is libtorrent.
    pub(super) descriptors: Option<Descriptors>,
}

impl Client {
    /// Creates a patron of this client.
    #[must_use]
    pub fn patron(&self) -> Patron {
        Patron::join(self.service.clone(), None)
    }

    /// Stops the client. It accepts no more commands, saves the resume data for patrons that
    /// [subscribe](crate::Patron::subscribe) to it and for the store, waits for deletions and moves that are
    /// under way, notifies trackers and flushes files, all within the limit; deletions and moves get at most
    /// four fifths of it. Replies that are still open
    /// fail with [`Stopped`](ErrorKind::Stopped), and every patron receives
    /// [`Event::ClientStopped`](crate::Event::ClientStopped).
    ///
    /// If libtorrent has not ended by then, it continues to shut down on a separate thread; the
    /// report says so.
    ///
    /// This returns at once. [Wait](Shutdown::wait) for the report, or `.await` it.
    pub fn shutdown(mut self, limit: Duration) -> Shutdown {
        self.stop(limit)
    }

    /// Returns `None` if it is being shut down.
    pub(super) fn thread_id(&self) -> Option<ThreadId> {
        self.thread.as_ref().map(|thread| thread.thread().id())
    }

    fn stop(&mut self, limit: Duration) -> Shutdown {
        // The client thread itself observes the deadline. If it has panicked, the request is
        // dropped, and the reply says that the client has stopped.
        let (request, report) = StopRequest::new(limit);
        let _ = self.stop_requests.send(request);
        Shutdown { report, thread: self.thread.take(), descriptors: self.descriptors.take() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let Some(thread) = self.thread_id() else { return };
        // A waker that the client thread wakes may own the last shared patron: that thread cannot wait
        // for itself.
        let is_own_thread = thread == std::thread::current().id();
        let shutdown = self.stop(DROP_LIMIT);
        if !is_own_thread {
            shutdown.wait();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.service).finish()
    }
}

/// Starts the thread, creates the engine on it, and waits until the engine runs or has failed.
pub(super) fn start<E: Engine>(
    defaults: Defaults,
    intervals: Intervals,
    reads: Box<ReadCount>,
    store: Option<StoreOptions>,
    make_engine: impl FnOnce(Sender<()>) -> Result<E> + Send + 'static,
) -> Result<Client> {
    let commands = bounded(COMMANDS);
    let (wake, woken) = bounded(1);
    let (stop_requests, stop) = bounded(1);
    let (started, starting) = bounded(1);
    let service = Arc::new(Service::new(commands.clone(), wake.clone(), defaults, reads));
    let link = |options| StoreLink::start(options, &service, wake.clone());
    let store = store.map(link).transpose()?;
    let thread = std::thread::Builder::new()
        .name("torrent-patron".into())
        .spawn({
            let service = service.clone();
            move || {
                // libtorrent's threads inherit the signal mask.
                process::block_signals();
                let engine = match make_engine(wake) {
                    Ok(engine) => engine,
                    Err(error) => {
                        if let Some(store) = store {
                            store.writer.end(Instant::now() + DROP_LIMIT);
                        }
                        let _ = started.send(Err(error));
                        return;
                    }
                };
                let _ = started.send(Ok(()));
                // Only now, so that the engine's threads keep theirs.
                process::shorten_slices();
                let inbox = Inbox { commands: commands.1, woken, stop };
                let client = ClientThread::new(engine, service.clone(), inbox, intervals, store);
                run(client, &service);
            }
        })
        .map_err(|error| Error::io(op::START, "a separate thread", &error))?;
    match starting.recv() {
        Ok(Ok(())) => {
            Ok(Client { service, stop_requests, thread: Some(thread), descriptors: None })
        }
        Ok(Err(error)) => {
            let _ = thread.join();
            Err(error)
        }
        Err(_) => {
            let _ = thread.join();
            Err(Error::new(ErrorKind::Panicked, op::START, "its thread panicked"))
        }
    }
}

/// A panic of the client thread is a bug in this crate; it must not leave patrons waiting.
fn run<E: Engine>(client: ClientThread<E>, service: &Service) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| client.run())) {
        let error = Error::panicked("run the client", &*panic);
        tracing::error!(%error, "the client thread panicked");
        service.close(Some(error));
    }
}
