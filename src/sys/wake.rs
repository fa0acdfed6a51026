//! How libtorrent wakes the client thread.

use crossbeam_channel::{Sender, TrySendError};

/// What libtorrent's alert-notify callback holds: the sending end of the client's wake channel.
#[derive(Debug, Clone)]
pub(crate) struct Waker(pub(crate) Sender<()>);

impl Waker {
    /// Called by libtorrent's thread with its alert mutex held: one `try_send`, which neither
    /// blocks nor panics. A full channel means that the client thread is already on its way.
    pub(crate) fn wake(&self) {
        match self.0.try_send(()) {
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}
