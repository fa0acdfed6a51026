//! An answer that arrives once.

use std::sync::OnceLock;
use std::time::Instant;

use parking_lot::Mutex;

use super::failure::Failure;
use torrent_patron::Result;

/// Stores an answer for everyone who asks. One thread at a time waits for it at its source.
pub(crate) struct Once<T> {
    turn: Mutex<()>,
    answer: OnceLock<Result<T>>,
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self { turn: Mutex::new(()), answer: OnceLock::new() }
    }
}

impl<T> Once<T> {
    pub(crate) fn is_here(&self) -> bool {
        self.answer.get().is_some()
    }

    /// Waits for the answer. `source` returns `None` when `until` has passed.
    pub(crate) fn wait(
        &self,
        until: Option<Instant>,
        source: impl FnOnce() -> Option<Result<T>>,
    ) -> Result<&T, Failure> {
        if !self.is_here() {
            let turn = match until {
                None => Some(self.turn.lock()),
                Some(until) => self.turn.try_lock_until(until),
            };
            let _turn = turn.ok_or_else(Failure::timed_out)?;
            if !self.is_here() {
                let _ = self.answer.set(source().ok_or_else(Failure::timed_out)?);
            }
        }
        let answer = self.answer.get().ok_or_else(Failure::timed_out)?;
        answer.as_ref().map_err(|error| error.clone().into())
    }
}
