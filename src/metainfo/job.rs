//! Hashing on a thread of its own, which can be watched, cancelled and awaited.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::metainfo::hashing::{HashProgress, Progress};
use crate::reply::{self, Reply, one_shot};
use crate::sys::process;

/// Hashing in progress, with a result of type `T`: [`Making`](super::Making) or
/// [`Verifying`](super::Verifying). Dropping it cancels the work.
///
/// It is a future of the result, for any async runtime.
#[derive(Debug)]
pub struct Hashing<T> {
    progress: Arc<Progress>,
    reply: Reply<T>,
}

impl<T: Send + 'static> Hashing<T> {
    pub(super) fn start(
        op: &'static str,
        thread: &str,
        work: impl FnOnce(&Progress) -> Result<T> + Send + 'static,
    ) -> Result<Self> {
        let progress = Arc::new(Progress::default());
        let (responder, reply) = one_shot(op);
        std::thread::Builder::new()
            .name(thread.into())
            .spawn({
                let progress = progress.clone();
                move || {
                    process::block_signals();
                    responder.send_result_of(|| work(&progress));
                }
            })
            .map_err(|error| Error::io(op, "a thread to hash on", &error))?;
        Ok(Self { progress, reply })
    }
}

impl<T> Hashing<T> {
    pub(super) fn so_far(&self) -> &Progress {
        &self.progress
    }

    /// Returns the progress so far.
    pub fn progress(&self) -> HashProgress {
        self.progress.snapshot()
    }

    /// Stops listing or hashing soon; the result is then
    /// [`Cancelled`](crate::error::ErrorKind::Cancelled).
    pub fn cancel(&self) {
        self.progress.cancel();
    }

    /// Waits for the result.
    ///
    /// # Errors
    ///
    /// Those of the result; see [`TorrentMaker::start`](super::TorrentMaker::start) and
    /// [`Verifier::start`](super::Verifier::start).
    pub fn wait(self) -> Result<T> {
        self.reply.wait_until(None).unwrap_or_else(|| Err(reply::taken()))
    }

    /// Waits for at most `limit`. Returns `None` if it is not done by then. It can be called again.
    pub fn wait_timeout(&self, limit: Duration) -> Option<Result<T>> {
        self.reply.wait_timeout(limit)
    }

    /// Waits until `deadline`, or indefinitely if it is `None`. Returns `None` once the deadline
    /// has passed.
    pub fn wait_until(&self, deadline: Option<Instant>) -> Option<Result<T>> {
        self.reply.wait_until(deadline)
    }
}

impl<T> Future for Hashing<T> {
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.reply).poll(context)
    }
}

impl<T> Drop for Hashing<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}
