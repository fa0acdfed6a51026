//! The process-wide client, started by its first patron and stopped after its last one.

use std::sync::Arc;

use parking_lot::Mutex;

use super::builder::ClientBuilder;
use super::owner::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::patron::Patron;

struct Shared {
    /// The builder that started the client.
    builder: ClientBuilder,
    client: Client,
    users: usize,
}

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

/// A share in the client. Dropping the last share stops the client while holding the lock, so that
/// a new patron waits for the old client to end before it starts the next one.
struct Share;

impl Drop for Share {
    fn drop(&mut self) {
        let mut shared = SHARED.lock();
        if let Some(running) = &mut *shared {
            running.users -= 1;
            if running.users == 0 {
                *shared = None;
            }
        }
    }
}

impl Patron {
    /// Returns a patron of the process-wide client, whichever builder started it. The first patron starts the
    /// client, with the defaults of [`Client::builder`]. Dropping the last one stops the client, and waits as
    /// dropping a [`Client`] does.
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`].
    pub fn shared() -> Result<Self> {
        Self::join_shared(None)
    }

    /// Like [`shared`](Patron::shared), but starts the client with this builder.
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`], and [`InvalidArgument`](ErrorKind::InvalidArgument) if the
    /// client is already running and was started with another builder.
    pub fn shared_with(builder: ClientBuilder) -> Result<Self> {
        Self::join_shared(Some(builder))
    }

    fn join_shared(wanted: Option<ClientBuilder>) -> Result<Self> {
        let mut shared = SHARED.lock();
        let running = match &mut *shared {
            Some(running) => {
                if wanted.is_some_and(|wanted| wanted != running.builder) {
                    let message = "it is already running, and was started with other options";
                    let op = "start the process-wide client";
                    return Err(Error::new(ErrorKind::InvalidArgument, op, message));
                }
                running
            }
            none => {
                let builder = wanted.unwrap_or_default();
                let client = builder.clone().start()?;
                none.insert(Shared { builder, client, users: 0 })
            }
        };
        running.users += 1;
        let service = running.client.service.clone();
        drop(shared);
        Ok(Self::join(service, Some(Arc::new(Share))))
    }
}
