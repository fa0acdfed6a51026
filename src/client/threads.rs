//! Checks that the system permits the threads of a client.

use std::io;
use std::thread;

use crossbeam_channel::bounded;

use crate::error::{Error, ErrorKind, Result};
use crate::model::op;

/// The stack of a thread that libtorrent starts, in bytes.
const STACK: usize = 8 << 20;

/// Fails if the process cannot have this many more threads. libtorrent starts most of its threads later, and ends the
/// process if it cannot.
pub(super) fn check(count: usize) -> Result<()> {
    let (end, ended) = bounded::<()>(0);
    let start = |_| {
        let ended = ended.clone();
        // Ends when the sender is dropped.
        thread::Builder::new().stack_size(STACK).spawn(move || _ = ended.recv())
    };
    let mut started = Vec::new();
    let failed = (0..count).map(start).find_map(|thread| match thread {
        Ok(thread) => {
            started.push(thread);
            None
        }
        Err(error) => Some(error),
    });
    drop(end);
    let available = started.len();
    for thread in started {
        let _ = thread.join();
    }
    failed.map_or(Ok(()), |error| Err(too_few(count, available, &error)))
}

fn too_few(count: usize, available: usize, error: &io::Error) -> Error {
    let message = format!(
        "it needs up to {count} threads, and the system permits {available}: {error}. A lower aio_threads needs fewer"
    );
    Error::new(ErrorKind::Io, op::START, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_threads_are_permitted() {
        check(0).unwrap();
        check(30).unwrap();
    }

    #[test]
    fn an_error_says_how_many_threads_are_permitted() {
        let why = io::Error::from(io::ErrorKind::WouldBlock);
        let error = too_few(28, 5, &why);
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(
            error.to_string().contains("up to 28 threads, and the system permits 5"),
            "{error}"
        );
    }
}
