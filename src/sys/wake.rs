//! How libtorrent wakes the client thread.

use crossbeam_channel::{Sender, TrySendError};

/// Held by libtorrent's alert-notify callback: the sending end of the client's wake channel.
#[derive(Debug, Clone)]
pub(crate) struct Waker(pub(crate) Sender<()>);

const _: () = super::assert_send::<&Waker>();

impl Waker {
    /// Called on libtorrent's thread with its alert mutex held: one `try_send`, which neither
    /// blocks nor panics. If the channel is full, the client thread is already about to wake.
    pub(crate) fn wake(&self) {
        match self.0.try_send(()) {
            Ok(()) | Err(TrySendError::Full(()) | TrySendError::Disconnected(())) => {}
        }
    }
}
