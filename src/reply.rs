//! The answer to a command: to be waited for, with or without a time limit, or awaited.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, ErrorKind, Result};
use crate::wakers::Wakers;

/// The answer to a command, which arrives once.
///
/// Wait for it with [`wait`](Reply::wait) or [`wait_timeout`](Reply::wait_timeout), or `.await` it
/// in any async runtime. Dropping a reply does not cancel the command, so it is safe to abandon a
/// wait (`select!`).
///
/// If the client stops before that, the answer is an error of kind
/// [`Stopped`](crate::error::ErrorKind::Stopped).
#[must_use = "a reply that nobody waits for hides a failure"]
pub struct Reply<T>(Arc<OneShot<T>>);

/// Sends the answer. If it is dropped unused, the answer is that the client has stopped.
pub(crate) struct Responder<T> {
    shot: Arc<OneShot<T>>,
    op: &'static str,
}

struct OneShot<T> {
    state: Mutex<State<T>>,
    arrived: Condvar,
}

enum State<T> {
    Pending(Wakers),
    Here(Outcome<T>),
    Taken,
}

/// An answer. It may need work, which the waiting thread does instead of the client thread.
enum Outcome<T> {
    Done(Result<T>),
    Work(Box<dyn FnOnce() -> Result<T> + Send>),
}

impl<T> Outcome<T> {
    fn take(self) -> Result<T> {
        match self {
            Self::Done(result) => result,
            Self::Work(work) => work(),
        }
    }
}

/// Creates a reply and its responder. `op` is the operation that the command attempts, for the error that the
/// client has stopped.
pub(crate) fn one_shot<T>(op: &'static str) -> (Responder<T>, Reply<T>) {
    let shot = Arc::new(OneShot {
        state: Mutex::new(State::Pending(Wakers::default())),
        arrived: Condvar::new(),
    });
    (Responder { shot: shot.clone(), op }, Reply(shot))
}

impl<T> Responder<T> {
    pub(crate) fn send(self, result: Result<T>) {
        self.put(Outcome::Done(result));
    }

    /// Answers with the result of this work, on a thread that is not a client's. A panic there does not mean
    /// that a client has stopped.
    pub(crate) fn send_result_of(self, work: impl FnOnce() -> Result<T>) {
        let result = catch_unwind(AssertUnwindSafe(work));
        let op = self.op;
        self.send(result.unwrap_or_else(|panic| Err(Error::panicked(op, &*panic))));
    }

    /// Answers with work that is done by the thread that takes the answer.
    pub(crate) fn send_work(self, work: impl FnOnce() -> Result<T> + Send + 'static) {
        self.put(Outcome::Work(Box::new(work)));
    }

    /// Whether the reply was dropped: nobody waits for the answer any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        Arc::strong_count(&self.shot) == 1
    }

    fn put(&self, answer: Outcome<T>) {
        let mut state = self.shot.state.lock();
        let State::Pending(wakers) = &mut *state else { return };
        let wakers = std::mem::take(wakers);
        *state = State::Here(answer);
        drop(state);
        self.shot.arrived.notify_all();
        wakers.wake();
    }
}

impl<T> Drop for Responder<T> {
    fn drop(&mut self) {
        // Most have been answered; an error takes allocations.
        if matches!(*self.shot.state.lock(), State::Pending(_)) {
            self.put(Outcome::Done(Err(Error::stopped(self.op))));
        }
    }
}

impl<T> Reply<T> {
    /// Creates a reply whose answer is already known.
    pub(crate) fn ready(result: Result<T>) -> Self {
        Self(Arc::new(OneShot {
            state: Mutex::new(State::Here(Outcome::Done(result))),
            arrived: Condvar::new(),
        }))
    }

    /// Waits for the answer, without a time limit.
    pub fn wait(self) -> Result<T> {
        self.wait_until(None).unwrap_or_else(|| Err(taken()))
    }

    /// Waits for the answer for at most `limit`. Returns `None` if it has not arrived by then, or has already
    /// been taken. It can be called again.
    ///
    /// [`try_take`](Reply::try_take), [`wait_until`](Reply::wait_until),
    /// [`Patron::recv_timeout`](crate::Patron::recv_timeout) and all other timed waits of this
    /// crate return the same type.
    ///
    /// ```no_run
    /// # let client = torrent_patron::Client::builder().start()?;
    /// # let patron = client.patron();
    /// use std::time::Duration;
    ///
    /// let addresses = patron.listen_addresses();
    /// match addresses.wait_timeout(Duration::from_secs(5)) {
    ///     Some(addresses) => println!("listening at {:?}", addresses?),
    ///     None => println!("not listening yet"),
    /// }
    /// # Ok::<(), torrent_patron::Error>(())
    /// ```
    pub fn wait_timeout(&self, limit: Duration) -> Option<Result<T>> {
        // A limit that overflows `Instant` is no limit.
        self.wait_until(Instant::now().checked_add(limit))
    }

    /// Waits for the answer until `deadline`, or indefinitely if it is `None`. Returns `None` if
    /// the answer has not arrived by then, or has already been taken.
    pub fn wait_until(&self, deadline: Option<Instant>) -> Option<Result<T>> {
        let mut state = self.0.state.lock();
        let mut late = false;
        loop {
            if let Some(answer) = take(&mut state) {
                drop(state);
                return Some(answer.take());
            }
            if late || matches!(*state, State::Taken) {
                return None;
            }
            match deadline {
                None => self.0.arrived.wait(&mut state),
                Some(deadline) => {
                    late = self.0.arrived.wait_until(&mut state, deadline).timed_out()
                }
            }
        }
    }

    /// Returns whether the answer has arrived, even if it has been taken.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !matches!(*self.0.state.lock(), State::Pending(_))
    }

    /// Returns whether the answer has arrived, even if it has been taken; if not, wakes the context's waker
    /// when it arrives. It does not take the answer, and several tasks may wait this way.
    pub fn poll_ready(&self, context: &mut Context<'_>) -> Poll<()> {
        let mut state = self.0.state.lock();
        let State::Pending(wakers) = &mut *state else { return Poll::Ready(()) };
        let oldest = keep(wakers, context.waker());
        drop(state);
        oldest.into_iter().for_each(Waker::wake);
        Poll::Pending
    }

    /// Calls `then` with the answer, at once or on the thread that answers, so `then` must not block.
    pub(crate) fn when_ready(self, then: impl FnOnce(Result<T>) + Send + 'static)
    where
        T: Send + 'static,
    {
        let then = Arc::new(Callback { reply: self, then: Mutex::new(Some(then)) });
        let waker = Waker::from(then.clone());
        if then.reply.poll_ready(&mut Context::from_waker(&waker)).is_ready() {
            waker.wake();
        }
    }

    /// Returns the answer, or `None` if it has not arrived or has already been taken.
    #[must_use]
    pub fn try_take(&self) -> Option<Result<T>> {
        let answer = take(&mut self.0.state.lock());
        answer.map(Outcome::take)
    }
}

struct Callback<T, F> {
    reply: Reply<T>,
    then: Mutex<Option<F>>,
}

impl<T: Send + 'static, F: FnOnce(Result<T>) + Send + 'static> Wake for Callback<T, F> {
    fn wake(self: Arc<Self>) {
        let then = self.then.lock().take();
        if let (Some(then), Some(answer)) = (then, self.reply.wait_until(Some(Instant::now()))) {
            then(answer);
        }
    }
}

/// Returns a waker that is to be woken.
fn keep(wakers: &mut Wakers, waker: &Waker) -> Option<Waker> {
    if wakers.has(waker) { None } else { wakers.add(waker.clone()) }
}

fn take<T>(state: &mut State<T>) -> Option<Outcome<T>> {
    match std::mem::replace(state, State::Taken) {
        State::Here(answer) => Some(answer),
        other => {
            *state = other;
            None
        }
    }
}

pub(crate) fn taken() -> Error {
    let message = "the answer has already been taken";
    Error::new(ErrorKind::InvalidArgument, "wait for the reply", message)
}

impl<T> Future for Reply<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let mut state = self.0.state.lock();
        if let Some(answer) = take(&mut state) {
            drop(state);
            return Poll::Ready(answer.take());
        }
        let State::Pending(wakers) = &mut *state else { return Poll::Ready(Err(taken())) };
        let oldest = keep(wakers, context.waker());
        drop(state);
        oldest.into_iter().for_each(Waker::wake);
        Poll::Pending
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.0.state.lock() {
            State::Pending(_) => "pending",
            State::Here(_) => "here",
            State::Taken => "taken",
        };
        f.debug_tuple("Reply").field(&state).finish()
    }
}

impl<T> fmt::Debug for Responder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Responder").field(&self.op).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn an_answer_from_another_thread_ends_the_wait() {
        let (responder, reply) = one_shot("test");
        let sender = std::thread::spawn(move || responder.send(Ok(7)));
        assert_eq!(reply.wait().unwrap(), 7);
        sender.join().unwrap();
    }

    #[test]
    fn a_responder_that_is_dropped_answers_stopped() {
        let (responder, reply) = one_shot::<()>("test");
        drop(responder);
        assert_eq!(reply.wait().unwrap_err().kind(), ErrorKind::Stopped);
    }

    #[test]
    fn a_responder_knows_whether_somebody_waits() {
        let (responder, reply) = one_shot::<()>("test");
        assert!(!responder.is_abandoned());
        reply.when_ready(|_| ());
        assert!(!responder.is_abandoned(), "it is handed on");
        let (responder, reply) = one_shot::<()>("test");
        drop(reply);
        assert!(responder.is_abandoned());
    }

    #[test]
    fn work_that_panics_answers_so() {
        let (responder, reply) = one_shot::<()>("hash the file");
        responder.send_result_of(|| panic!("out of {}", "cheese"));
        let error = reply.wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Panicked);
        assert_eq!(error.to_string(), "cannot hash the file: out of cheese");
    }

    #[test]
    fn a_reply_that_timed_out_can_be_waited_for_again() {
        let (responder, reply) = one_shot("test");
        assert!(reply.wait_timeout(Duration::from_millis(1)).is_none());
        responder.send(Ok(1));
        assert_eq!(reply.wait_timeout(Duration::ZERO).unwrap().unwrap(), 1);
        assert!(reply.try_take().is_none());
        assert!(reply.wait_timeout(Duration::MAX).is_none(), "taken: there is nothing to wait for");
        assert_eq!(reply.wait().unwrap_err().kind(), ErrorKind::InvalidArgument);
    }

    #[test]
    fn work_is_done_by_the_waiting_thread() {
        let (responder, reply) = one_shot("test");
        let here = std::thread::current().id();
        let sender =
            std::thread::spawn(move || responder.send_work(|| Ok(std::thread::current().id())));
        sender.join().unwrap();
        assert_eq!(reply.wait().unwrap(), here);
    }

    #[test]
    fn waiting_for_readiness_and_for_the_answer_are_both_woken() {
        struct Flag(AtomicUsize);
        impl Wake for Flag {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let (responder, reply) = one_shot("test");
        let flags = [(); 2].map(|()| Arc::new(Flag(AtomicUsize::new(0))));
        for flag in &flags {
            let waker = Waker::from(flag.clone());
            for _ in 0..2 {
                assert!(reply.poll_ready(&mut Context::from_waker(&waker)).is_pending());
            }
        }
        responder.send(Ok(3));
        assert!(flags.iter().all(|flag| flag.0.load(Ordering::SeqCst) == 1));
        assert!(reply.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready());
        assert_eq!(reply.wait().unwrap(), 3);
    }

    #[test]
    fn an_answer_is_forwarded_whether_it_is_ready_or_comes_later() {
        let (sender, handed_on) = std::sync::mpsc::channel();
        let (responder, reply) = one_shot("test");
        let later = sender.clone();
        reply.when_ready(move |answer| later.send(answer.ok()).unwrap());
        responder.send(Ok(1));
        Reply::ready(Ok(2)).when_ready(move |answer| sender.send(answer.ok()).unwrap());
        assert_eq!(handed_on.iter().collect::<Vec<_>>(), [Some(1), Some(2)]);
    }

    #[test]
    fn a_future_is_woken_once_by_its_answer() {
        struct Count(AtomicUsize);
        impl Wake for Count {
            fn wake(self: Arc<Self>) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        let count = Arc::new(Count(AtomicUsize::new(0)));
        let waker = Waker::from(count.clone());
        let mut context = Context::from_waker(&waker);
        let (responder, mut reply) = one_shot("test");
        assert!(Pin::new(&mut reply).poll(&mut context).is_pending());
        assert!(Pin::new(&mut reply).poll(&mut context).is_pending());
        responder.send(Ok(3));
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        assert!(matches!(Pin::new(&mut reply).poll(&mut context), Poll::Ready(Ok(3))));
    }
}
