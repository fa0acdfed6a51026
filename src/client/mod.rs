//! The client: the owner of libtorrent's sessions and of the thread that they live on.

mod builder;
mod descriptors;
mod inbox;
mod report;
mod shared;
mod shutdown;
mod state;
mod thread;

#[cfg(test)]
mod tests;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

pub use self::builder::ClientBuilder;
pub use self::report::ShutdownReport;
pub use self::shutdown::Shutdown;

use self::descriptors::Descriptors;
use self::inbox::{Inbox, Intervals, StopRequest};
use self::thread::ClientThread;
use crate::add::Defaults;
use crate::engine::Engine;
use crate::error::{Error, ErrorKind, Result};
use crate::messages::service::{COMMANDS, ReadCount, Service};
use crate::patron::Patron;
use crate::sys::process;

/// The version of libtorrent that is loaded: `2.0.8.0`.
#[must_use]
pub fn libtorrent_version() -> String {
    crate::sys::process::libtorrent_version()
}

/// How long a client that is dropped without [`Client::shutdown`] is given to end.
pub const DROP_DEADLINE: Duration = Duration::from_secs(5);

/// A BitTorrent client: libtorrent on one thread of its own, in one session or in
/// [several](ClientBuilder::network_threads).
///
/// A client is not a handle. It makes [`Patron`]s, which do all the work, and it is shut down.
/// Several clients work side by side in one process.
///
/// Dropping it shuts it down and waits for that, for at most [`DROP_DEADLINE`].
///
/// libtorrent 2.0 does not mark its sockets and files close-on-exec: a program that is started while
/// a client runs inherits them, and may keep ports and files open after the client has stopped.
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
    service: Arc<Service>,
    stop_requests: Sender<StopRequest>,
    thread: Option<JoinHandle<()>>,
    /// Of a client of libtorrent's.
    descriptors: Option<Descriptors>,
}

impl Client {
    /// A client to be configured and started.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// A new patron of this client.
    #[must_use]
    pub fn patron(&self) -> Patron {
        Patron::join(self.service.clone(), None)
    }

    /// Stops the client: no more commands are taken, deletions and moves under way are waited for,
    /// resume data is saved for those who are [subscribed](crate::Patron::subscribe) to it, trackers are
    /// told, files are flushed; all of it until the deadline. Replies not yet given
    /// become [`Stopped`](ErrorKind::Stopped), and every patron gets
    /// [`Event::ClientStopped`](crate::Event::ClientStopped).
    ///
    /// What libtorrent has not ended by then goes on ending on a thread of its own; the report says
    /// so.
    ///
    /// This returns at once. [Wait](Shutdown::wait) for the report, or `.await` it.
    pub fn shutdown(mut self, deadline: Duration) -> Shutdown {
        self.stop(deadline)
    }

    fn stop(&mut self, deadline: Duration) -> Shutdown {
        // The client thread keeps the deadline itself. Where it has panicked, the request is dropped, and
        // the reply says that it has stopped.
        let (request, report) = StopRequest::new(deadline);
        let _ = self.stop_requests.send(request);
        Shutdown { report, thread: self.thread.take(), descriptors: self.descriptors.take() }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        if self.thread.is_some() {
            self.stop(DROP_DEADLINE).wait();
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Client").field(&self.service).finish()
    }
}

/// Starts the thread, makes the engine on it, and waits until that is done or has failed.
fn start<E: Engine>(
    defaults: Defaults,
    intervals: Intervals,
    reads: Box<ReadCount>,
    make_engine: impl FnOnce(Sender<()>) -> Result<E> + Send + 'static,
) -> Result<Client> {
    let commands = bounded(COMMANDS);
    let (wake, woken) = bounded(1);
    let (stop_requests, stop) = bounded(1);
    let (started, starting) = bounded(1);
    let service = Arc::new(Service::new(commands.clone(), wake.clone(), defaults, reads));
    let thread = std::thread::Builder::new()
        .name("torrent-patron".into())
        .spawn({
            let service = service.clone();
            move || {
                // libtorrent's threads inherit it.
                process::block_signals();
                let engine = match make_engine(wake) {
                    Ok(engine) => engine,
                    Err(error) => {
                        let _ = started.send(Err(error));
                        return;
                    }
                };
                let _ = started.send(Ok(()));
                let inbox = Inbox { commands: commands.1, woken, stop };
                run(ClientThread::new(engine, service.clone(), inbox, intervals), &service);
            }
        })
        .map_err(|error| Error::io("start the client", "a thread of its own", &error))?;
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
            Err(Error::new(ErrorKind::Panicked, "start the client", "its thread panicked"))
        }
    }
}

/// A panic of the client thread is a bug here; it must not leave patrons waiting.
fn run<E: Engine>(client: ClientThread<E>, service: &Service) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| client.run())) {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_default();
        tracing::error!(message, "the client thread panicked");
        service.close(Some(Error::new(ErrorKind::Panicked, "run the client", message)));
    }
}
