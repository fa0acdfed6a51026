//! Ctrl-C and SIGTERM: the first asks for a clean end, the second ends the program at once.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use crate::Result;

/// 128 + SIGINT, as a shell reports it.
pub(crate) const EXIT_CODE: u8 = 130;

/// A signal to a process and then to its group, as timeout(1) sends it, is one signal.
const ECHO: Duration = Duration::from_millis(300);

/// Disconnected by the first signal, so that from then on whoever asks gets the same answer.
pub(crate) struct Interrupt(Receiver<()>);

impl Interrupt {
    /// From now on signals are caught. Once in a process.
    pub(crate) fn catch() -> Result<Self> {
        let (sender, receiver) = bounded(0);
        let mut sender = Some(sender);
        let mut first: Option<Instant> = None;
        ctrlc::set_handler(move || {
            sender.take();
            if first.get_or_insert_with(Instant::now).elapsed() >= ECHO {
                std::process::exit(EXIT_CODE.into());
            }
        })?;
        Ok(Self(receiver))
    }

    pub(crate) fn came(&self) -> bool {
        self.0.try_recv() == Err(TryRecvError::Disconnected)
    }

    /// Ready once a signal has come, for `select!`.
    pub(crate) fn signal(&self) -> &Receiver<()> {
        &self.0
    }
}
