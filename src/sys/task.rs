//! Requests that run on libtorrent's network thread, and the queue of their answers.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use parking_lot::Mutex;

use super::bridge::{SessionHandle, Torrent};
use super::{Waker, assert_send};
use crate::error::{Error, ErrorKind, Result};
use crate::model::Answer;

#[cxx::bridge(namespace = "patron")]
mod tasks {
    unsafe extern "C++" {
        include!("torrent-patron/cpp/session/session.hpp");
        include!("torrent-patron/src/sys/bridge.rs.h");

        type AnsweredBy = crate::sys::bridge::AnsweredBy;
        type ClientDataRecord = crate::sys::bridge::ClientDataRecord;
        type Session = crate::sys::bridge::Session;
        type SessionHandle = crate::sys::bridge::SessionHandle;
        type Torrent = crate::sys::bridge::Torrent;

        /// `index` is the file or piece that the answer is about.
        fn run_on_torrent(
            self: Pin<&mut Session>,
            request: u64,
            torrent: u64,
            by: AnsweredBy,
            index: u32,
            client_data: &ClientDataRecord,
            task: Box<TorrentTask>,
        ) -> Result<()>;
        fn run_on_session(self: Pin<&mut Session>, task: Box<SessionTask>) -> Result<()>;
    }

    extern "Rust" {
        type TorrentTask;
        fn run(self: &TorrentTask, torrent: &Torrent);
        type SessionTask;
        fn run(self: &SessionTask, session: Pin<&mut SessionHandle>);
    }
}

const _: () = assert_send::<TorrentTask>();
const _: () = assert_send::<SessionTask>();

/// A call on a torrent, which runs on the network thread and must be short. It returns `None` if an alert
/// will contain the answer. Its error does not include the attempted operation.
pub(crate) type TorrentCall = dyn Fn(&Torrent) -> Result<Option<Answer>> + Send + Sync;

/// A call on the session, like [`TorrentCall`].
pub(crate) type SessionCall =
    dyn Fn(Pin<&mut SessionHandle>, ShardPart) -> Result<Answer> + Send + Sync;

/// The session of a client that a call is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ShardPart {
    /// The number of the session, starting at 0.
    pub(crate) number: usize,
    /// The number of sessions.
    pub(crate) count: usize,
}

impl ShardPart {
    /// The only session.
    pub(crate) const WHOLE: Self = Self { number: 0, count: 1 };

    /// Returns the part of a value that all sessions share. The parts add up to the value, and none is 0,
    /// which has another meaning in libtorrent.
    pub(crate) fn of(self, whole: i32) -> i32 {
        self.of_count(whole).max(1)
    }

    /// Like [`of`](ShardPart::of), where a part may be 0.
    pub(crate) fn of_count(self, whole: i32) -> i32 {
        let count = i32::try_from(self.count).unwrap_or(i32::MAX).max(1);
        let number = i32::try_from(self.number).unwrap_or(i32::MAX);
        whole / count + i32::from(number < whole % count)
    }

    /// Returns the part of a limit. 0 and less mean no limit, or libtorrent's choice, for each session.
    pub(crate) fn of_limit(self, whole: i32) -> i32 {
        if whole > 0 { self.of(whole) } else { whole }
    }
}

/// The answers of tasks, on their way to the client thread. There are at most as many as open requests.
#[derive(Debug, Clone)]
pub(crate) struct TaskAnswers {
    given: Arc<Mutex<Numbered>>,
    waker: Waker,
}

/// Answers, each with the number of its request.
type Numbered = Vec<(u64, Result<Answer>)>;

impl TaskAnswers {
    pub(crate) fn new(waker: Waker) -> Self {
        Self { given: Arc::default(), waker }
    }

    pub(crate) fn take(&self) -> Numbered {
        std::mem::take(&mut *self.given.lock())
    }

    fn give(&self, request: u64, answer: Result<Answer>) {
        self.given.lock().push((request, answer));
        self.waker.wake();
    }
}

/// A request about a torrent.
pub(crate) struct TorrentTask {
    pub(crate) request: u64,
    pub(crate) call: Arc<TorrentCall>,
    pub(crate) answers: TaskAnswers,
}

impl TorrentTask {
    /// Runs the call on the network thread. A panic in the call becomes its answer.
    pub(super) fn run(&self, torrent: &Torrent) {
        match caught(|| (self.call)(torrent)) {
            Ok(Some(answer)) => self.answers.give(self.request, Ok(answer)),
            Ok(None) => {}
            Err(error) => self.answers.give(self.request, Err(error)),
        }
    }
}

/// A request about the session.
pub(crate) struct SessionTask {
    pub(crate) request: u64,
    pub(crate) part: ShardPart,
    pub(crate) call: Arc<SessionCall>,
    pub(crate) answers: TaskAnswers,
}

impl SessionTask {
    /// Like [`TorrentTask::run`].
    pub(super) fn run(&self, session: Pin<&mut SessionHandle>) {
        self.answers.give(self.request, caught(|| (self.call)(session, self.part)));
    }
}

/// A panic must not reach C++.
pub(super) fn caught<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Panicked, "", "a request panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_to_the_whole_and_none_is_nothing() {
        for (whole, count, parts) in
            [(10, 4, vec![3, 3, 2, 2]), (7, 1, vec![7]), (8, 2, vec![4, 4])]
        {
            let all: Vec<_> =
                (0..count).map(|number| ShardPart { number, count }.of(whole)).collect();
            assert_eq!(all, parts);
            assert_eq!(all.iter().sum::<i32>(), whole);
        }
        assert_eq!(ShardPart { number: 1, count: 2 }.of(1), 1);
        assert_eq!(ShardPart::WHOLE.of(i32::MAX), i32::MAX);
    }

    #[test]
    fn a_panic_is_an_answer() {
        let error = caught::<()>(|| panic!("the test wants a panic")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panicked);
    }
}
