//! A handle to a client that is shutting down.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread::JoinHandle;

use super::descriptors::Descriptors;
use super::report::ShutdownReport;
use crate::reply::Reply;

/// A client that is shutting down because of [`Client::shutdown`](crate::Client::shutdown).
/// [`wait`](Shutdown::wait) for its report, or `.await` it in any async runtime.
///
/// The client shuts down whether or not anybody waits. Dropping this neither cancels the shutdown nor waits
/// for it, so it is safe to abandon a wait (`select!`). If the process exits meanwhile, the shutdown is cut
/// short.
#[derive(Debug)]
#[must_use = "a program that does not wait for the shutdown may exit before it is done"]
pub struct Shutdown {
    pub(super) report: Reply<ShutdownReport>,
    pub(super) thread: Option<JoinHandle<()>>,
    pub(super) descriptors: Option<Descriptors>,
}

impl Shutdown {
    /// Waits until the client has ended or its deadline has passed.
    pub fn wait(mut self) -> ShutdownReport {
        // A thread that has panicked sends no report.
        let report = self.report.wait_until(None).and_then(Result::ok).unwrap_or_default();
        self.join();
        report
    }

    /// Joins the thread. Sending the report is the last thing that it does.
    fn join(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.descriptors = None;
    }
}

impl Future for Shutdown {
    type Output = ShutdownReport;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<ShutdownReport> {
        let report = ready!(Pin::new(&mut self.report).poll(context)).unwrap_or_default();
        self.join();
        Poll::Ready(report)
    }
}
