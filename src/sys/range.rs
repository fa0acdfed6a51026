//! Bytes of a torrent on their way from libtorrent's disk backend.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use std::sync::Arc;

use cxx::SharedPtr;

use super::bridge::{NativeError, Torrent};
use super::errors::disk_failure;
use super::task::caught;
use crate::error::Result;
use crate::model::ReadNow;

#[cxx::bridge(namespace = "patron")]
mod reading {
    unsafe extern "C++" {
        include!("torrent-patron/cpp/disk/file_view.hpp");
        include!("torrent-patron/cpp/requests/torrent.hpp");
        include!("torrent-patron/src/sys/bridge.rs.h");

        type NativeError = crate::sys::bridge::NativeError;
        type Torrent = crate::sys::bridge::Torrent;
        type FileView;

        /// Returns the view of a file; null if there is none.
        fn file_view(self: &Torrent, file: u32) -> Result<SharedPtr<FileView>>;
        /// Reads on the calling thread; returns how many bytes were read.
        fn read(self: &FileView, offset: u64, to: &mut [u8]) -> usize;

        /// These functions read available bytes of the torrent or of one of its files. The sink receives the
        /// bytes or an error.
        fn check_here(self: &Torrent, begin: u64, length: u64) -> Result<()>;
        fn read_bytes(self: &Torrent, begin: u64, length: u64, sink: Box<RangeSink>);
        fn read_file(self: &Torrent, file: u32, begin: u64, length: u64, sink: Box<RangeSink>);
    }

    extern "Rust" {
        type RangeSink;
        fn space(self: &mut RangeSink) -> &mut [u8];
        fn put(self: &mut RangeSink, offset: usize, block: &[u8]);
        fn finish(self: &mut RangeSink);
        fn fail(self: &mut RangeSink, file: String, error: NativeError);
    }
}

const _: () = super::assert_send::<RangeSink>();

// SAFETY: any thread may read and destroy a FileView, which locks what it shares with the network thread.
unsafe impl Send for reading::FileView {}
// SAFETY: as above.
unsafe impl Sync for reading::FileView {}

struct View(SharedPtr<reading::FileView>);

impl ReadNow for View {
    fn read_now(&self, position: u64, into: &mut [u8]) -> usize {
        self.0.as_ref().map_or(0, |view| view.read(position, into))
    }
}

/// Returns the view of a file, if there is one. On the network thread.
pub(crate) fn file_view(
    torrent: &Torrent,
    file: u32,
) -> Result<Option<Arc<dyn ReadNow>>, cxx::Exception> {
    let view = torrent.file_view(file)?;
    Ok((!view.is_null()).then(|| Arc::new(View(view)) as _))
}

type Done = Box<dyn FnOnce(Result<Vec<u8>>) + Send>;

/// Collects blocks on the network thread, or is filled as a whole by another thread.
pub(crate) struct RangeSink {
    bytes: Vec<u8>,
    done: Option<Done>,
}

impl RangeSink {
    /// Fills all of `bytes`. `done` is called once, on the thread that has read, or dropped if libtorrent ends
    /// first. It runs wakers and callbacks of the program, so it may panic. Its error does not include the attempted
    /// operation.
    pub(crate) fn new(
        bytes: Vec<u8>,
        done: impl FnOnce(Result<Vec<u8>>) + Send + 'static,
    ) -> Box<Self> {
        Box::new(Self { bytes, done: Some(Box::new(done)) })
    }

    /// Returns the whole range, to be filled in.
    pub(super) fn space(&mut self) -> &mut [u8] {
        &mut self.bytes
    }

    pub(super) fn put(&mut self, offset: usize, block: &[u8]) {
        let end = offset.checked_add(block.len());
        let to = end.and_then(|end| self.space().get_mut(offset..end));
        if let Some(to) = to {
            to.copy_from_slice(block);
        }
    }

    pub(super) fn finish(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        self.end(|done| done(Ok(bytes)));
    }

    /// Notes a failure. Only the first one counts.
    pub(super) fn fail(&mut self, file: String, error: NativeError) {
        self.end(|done| done(Err(disk_failure("", &file, &error))));
    }

    fn end(&mut self, end: impl FnOnce(Done)) {
        let Some(done) = self.done.take() else { return };
        let ended = caught(|| {
            end(done);
            Ok(())
        });
        if let Err(error) = ended {
            tracing::error!(%error, "the answer to a read panicked");
        }
    }
}

impl Drop for RangeSink {
    fn drop(&mut self) {
        self.end(drop);
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
            RangeSink::new(vec![7; length], move |answer| sender.send(answer).unwrap())
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

    #[test]
    fn a_program_that_panics_when_it_is_answered_does_not_panic_in_cpp() {
        struct Bomb;
        impl Drop for Bomb {
            fn drop(&mut self) {
                panic!("the test wants a panic");
            }
        }
        let sink = || {
            let bomb = Bomb;
            RangeSink::new(vec![0], move |_| drop(bomb))
        };
        sink().finish();
        let error = NativeError { category: "system".into(), value: 5, message: "no".into() };
        sink().fail("a.bin".into(), error);
        drop(sink());
    }
}
