//! The channels that the client thread receives from.

use std::time::{Duration, Instant};

use crossbeam_channel::Receiver;

use super::report::ShutdownReport;
use crate::messages::service::Envelope;
use crate::reply::{Reply, Responder, one_shot};

/// A duration that practically never passes and does not overflow.
pub(in crate::client) const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);

pub(in crate::client) struct Inbox {
    pub(in crate::client) commands: Receiver<Envelope>,
    /// Signals that libtorrent has events, or that a patron has left.
    pub(in crate::client) woken: Receiver<()>,
    pub(in crate::client) stop: Receiver<StopRequest>,
}

/// The intervals of the client's periodic work.
#[derive(Debug, Clone, Copy)]
pub(in crate::client) struct Intervals {
    pub(in crate::client) tick: Duration,
    pub(in crate::client) resume_data: Duration,
}

/// A request to end the client thread.
pub(in crate::client) struct StopRequest {
    pub(in crate::client) began: Instant,
    pub(in crate::client) deadline: Instant,
    pub(in crate::client) report: Responder<ShutdownReport>,
}

impl StopRequest {
    pub(in crate::client) fn new(within: Duration) -> (Self, Reply<ShutdownReport>) {
        let (report, reply) = one_shot("stop the client");
        let began = Instant::now();
        (Self { began, deadline: began + within.min(NEVER), report }, reply)
    }
}
