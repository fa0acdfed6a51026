//! What reaches the client thread.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use super::report::ShutdownReport;
use crate::messages::service::Envelope;

/// As good as never, without overflow.
pub(in crate::client) const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(in crate::client) struct Inbox {
    pub(in crate::client) commands: Receiver<Envelope>,
    /// libtorrent has something to say, or a patron has left.
    pub(in crate::client) woken: Receiver<()>,
    pub(in crate::client) stop: Receiver<StopRequest>,
}

/// How often the client does what it does by itself.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct Intervals {
    pub(in crate::client) tick: Duration,
    pub(in crate::client) resume_data: Duration,
}

/// Ends the client thread.
pub(in crate::client) struct StopRequest {
    pub(in crate::client) began: Instant,
    pub(in crate::client) deadline: Instant,
    pub(in crate::client) report: Sender<ShutdownReport>,
}

impl StopRequest {
    pub(in crate::client) fn new(within: Duration) -> (Self, Receiver<ShutdownReport>) {
        let (report, reported) = bounded(1);
        let began = Instant::now();
        (Self { began, deadline: began + within.min(NEVER), report }, reported)
    }
}
