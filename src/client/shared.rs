//! The process-wide client, started by its first patron and stopped after its last one.

use std::sync::Arc;
use std::thread::ThreadId;

use parking_lot::{Condvar, Mutex};

use super::builder::ClientBuilder;
use super::owner::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::patron::Patron;

enum Shared {
    None,
    Running(Box<Running>),
    /// A new patron waits until the old client, which has this thread, has ended.
    Ending(Option<ThreadId>),
}

struct Running {
    /// The builder that started the client.
    builder: ClientBuilder,
    client: Client,
    users: usize,
}

static SHARED: Mutex<Shared> = Mutex::new(Shared::None);
static ENDED: Condvar = Condvar::new();

/// A share in the client. Dropping the last share stops the client.
struct SharedUse;

impl Drop for SharedUse {
    fn drop(&mut self) {
        let mut shared = SHARED.lock();
        let Shared::Running(running) = &mut *shared else { return };
        running.users -= 1;
        if running.users > 0 {
            return;
        }
        let ending = Shared::Ending(running.client.thread_id());
        let ended = std::mem::replace(&mut *shared, ending);
        drop(shared);
        drop(ended);
        *SHARED.lock() = Shared::None;
        ENDED.notify_all();
    }
}

impl Patron {
    /// Returns a patron of the process-wide client, whichever builder started it. The first patron starts the
    /// client, with the defaults of [`Client::builder`]. Dropping the last one stops the client, and waits as
    /// dropping a [`Client`] does.
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`], and [`Busy`](ErrorKind::Busy) if a waker calls this on the thread of a
    /// client that is being stopped.
    pub fn shared() -> Result<Self> {
        Self::join_shared(None)
    }

    /// Like [`shared`](Patron::shared), but starts the client with this builder.
    ///
    /// # Errors
    ///
    /// As for [`shared`](Patron::shared), and [`InvalidArgument`](ErrorKind::InvalidArgument) if the client is
    /// already running and was started with another builder.
    pub fn shared_with(builder: ClientBuilder) -> Result<Self> {
        Self::join_shared(Some(builder))
    }

    fn join_shared(wanted: Option<ClientBuilder>) -> Result<Self> {
        let refused =
            |kind, message: &str| Err(Error::new(kind, "start the process-wide client", message));
        let mut shared = SHARED.lock();
        let service = loop {
            match &mut *shared {
                Shared::None => {
                    let builder = wanted.clone().unwrap_or_default();
                    let client = builder.clone().start()?;
                    *shared = Shared::Running(Box::new(Running { builder, client, users: 0 }));
                }
                Shared::Running(running) => {
                    if wanted.is_some_and(|wanted| wanted != running.builder) {
                        let message = "it is already running, and was started with other options";
                        return refused(ErrorKind::InvalidArgument, message);
                    }
                    running.users += 1;
                    break running.client.service.clone();
                }
                Shared::Ending(thread) if *thread == Some(std::thread::current().id()) => {
                    return refused(
                        ErrorKind::Busy,
                        "the previous one is stopping, on this thread",
                    );
                }
                Shared::Ending(_) => ENDED.wait(&mut shared),
            }
        };
        drop(shared);
        Ok(Self::join(service, Some(Arc::new(SharedUse))))
    }
}
