//! The process-wide client, started by its first patron and stopped after its last.

use std::sync::Arc;

use parking_lot::Mutex;

use super::builder::ClientBuilder;
use super::owner::Client;
use crate::error::{Error, ErrorKind, Result};
use crate::patron::Patron;

struct Shared {
    /// What it was started with.
    builder: ClientBuilder,
    client: Client,
    users: usize,
}

static SHARED: Mutex<Option<Shared>> = Mutex::new(None);

/// A share in the client. The last one to go stops it, holding the lock, so that a newcomer waits
/// for the old client to be gone before it starts the next.
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
    /// A patron of the process-wide client, whatever it was started with: started by the first, with the
    /// defaults of [`Client::builder`], stopped after the last is dropped, which waits for that as
    /// dropping a [`Client`] does.
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`].
    pub fn shared() -> Result<Self> {
        Self::join_shared(None)
    }

    /// As [`shared`](Patron::shared), started with this builder.
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`], and [`InvalidArgument`](ErrorKind::InvalidArgument) where the
    /// client runs already and was started with another builder.
    pub fn shared_with(builder: ClientBuilder) -> Result<Self> {
        Self::join_shared(Some(builder))
    }

    fn join_shared(wanted: Option<ClientBuilder>) -> Result<Self> {
        let mut shared = SHARED.lock();
        let running = match &mut *shared {
            Some(running) => {
                if wanted.is_some_and(|wanted| wanted != running.builder) {
                    let message = "it runs already, and was started with other options";
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
