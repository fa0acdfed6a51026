//! Bytes of a torrent on their way from libtorrent's disk backend.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use super::bridge::NativeError;
use super::errors::disk_failure;
use crate::error::Result;

#[cxx::bridge(namespace = "patron")]
mod reading {
    unsafe extern "C++" {
        include!("torrent-patron/cpp/requests/torrent.hpp");
        include!("torrent-patron/src/sys/bridge.rs.h");

        type NativeError = crate::sys::bridge::NativeError;
        type Torrent = crate::sys::bridge::Torrent;

        /// These functions read available bytes of the torrent or of one of its files. The sink receives the
        /// bytes or an error.
        fn read_bytes(self: &Torrent, begin: u64, length: u64, sink: Box<RangeSink>);
        fn read_file(self: &Torrent, file: u32, begin: u64, length: u64, sink: Box<RangeSink>);
    }

    extern "Rust" {
        type RangeSink;
        fn put(self: &mut RangeSink, offset: usize, block: &[u8]);
        fn finish(self: &mut RangeSink);
        fn fail(self: &mut RangeSink, file: String, error: NativeError);
    }
}

type Done = Box<dyn FnOnce(Result<Vec<u8>>) + Send>;

/// Collects blocks on the network thread. Functions here do not wait or panic, because C++ calls them.
pub(crate) struct RangeSink {
    bytes: Vec<u8>,
    done: Option<Done>,
}

impl RangeSink {
    /// `done` is called once, on the network thread, or dropped if libtorrent ends first. Its error does not
    /// include the attempted operation.
    pub(crate) fn new(
        length: usize,
        done: impl FnOnce(Result<Vec<u8>>) + Send + 'static,
    ) -> Box<Self> {
        Box::new(Self { bytes: vec![0; length], done: Some(Box::new(done)) })
    }

    pub(super) fn put(&mut self, offset: usize, block: &[u8]) {
        let to = offset.checked_add(block.len()).and_then(|end| self.bytes.get_mut(offset..end));
        if let Some(to) = to {
            to.copy_from_slice(block);
        }
    }

    pub(super) fn finish(&mut self) {
        if let Some(done) = self.done.take() {
            done(Ok(std::mem::take(&mut self.bytes)));
        }
    }

    /// Notes a failure. Only the first one counts.
    pub(super) fn fail(&mut self, file: String, error: NativeError) {
        if let Some(done) = self.done.take() {
            done(Err(disk_failure("", &file, &error)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_in_any_order_and_the_first_failure_counts() {
        let (sender, answers) = std::sync::mpsc::channel();
        let sink = |length| {
            let sender = sender.clone();
            RangeSink::new(length, move |answer| sender.send(answer).unwrap())
        };
        let mut good = sink(5);
        good.put(2, b"cde");
        good.put(0, b"ab");
        good.put(4, b"beyond");
        good.put(usize::MAX, b"beyond");
        good.finish();
        good.finish();
        assert_eq!(answers.recv().unwrap().unwrap(), b"abcde");
        let mut bad = sink(1);
        let error = |value| NativeError { category: "system".into(), value, message: "no".into() };
        bad.fail("a.bin".into(), error(5));
        bad.fail("b.bin".into(), error(6));
        bad.finish();
        let failed = answers.recv().unwrap().unwrap_err();
        assert_eq!(failed.message(), "a.bin: no");
        assert_eq!(failed.kind(), crate::error::ErrorKind::Disk);
        drop((good, bad, sender));
        assert!(answers.recv().is_err(), "once each");
    }
}
