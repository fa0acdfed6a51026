//! The process-wide client, started by its first patron and stopped after its last.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{Client, ClientBuilder};
use crate::error::Result;
use crate::patron::Patron;

struct Shared {
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
    /// A patron of the process-wide client: started by the first, stopped after the last is
    /// dropped, which waits for that as dropping a [`Client`] does. It has the defaults of
    /// [`Client::builder`].
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`].
    pub fn shared() -> Result<Self> {
        Self::shared_with(ClientBuilder::default())
    }

    /// As [`shared`](Patron::shared), with a builder that is used if the client is not yet running.
    ///
    /// # Errors
    ///
    /// As for [`ClientBuilder::start`].
    pub fn shared_with(builder: ClientBuilder) -> Result<Self> {
        let mut shared = SHARED.lock();
        let running = match &mut *shared {
            Some(running) => running,
            none => none.insert(Shared { client: builder.start()?, users: 0 }),
        };
        running.users += 1;
        let service = running.client.service.clone();
        drop(shared);
        Ok(Self::join(service, Some(Arc::new(Share))))
    }
}
