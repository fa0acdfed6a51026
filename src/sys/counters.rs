//! The counters of the read path.
#![allow(unsafe_code, missing_debug_implementations, unreachable_pub)]

use cxx::SharedPtr;

use crate::error::{Error, Result};
use crate::model::ReadStatistics;
use crate::model::op;

#[cxx::bridge(namespace = "patron")]
pub(super) mod native {
    struct ReadRecord {
        mapped_blocks: u64,
        mapped_bytes: u64,
        copied_blocks: u64,
        copied_bytes: u64,
        cold_blocks: u64,
        cold_bytes: u64,
        stock_writing: u64,
        stock_partial: u64,
        stock_scattered: u64,
        stock_descriptors: u64,
        stock_unusable: u64,
        stock_other: u64,
        failed: u64,
        refused: u64,
        evicted: u64,
        open_files: u64,
        mappings: u64,
    }

    unsafe extern "C++" {
        include!("torrent-patron/cpp/disk/counters.hpp");
        include!("torrent-patron/cpp/trycatch.hpp");

        /// Contains only atomics.
        type ReadCounters;
        fn new_read_counters() -> Result<SharedPtr<ReadCounters>>;
        fn snapshot(self: &ReadCounters) -> ReadRecord;
    }
}

// SAFETY: it contains only atomics, and readers do not modify it.
unsafe impl Send for native::ReadCounters {}
// SAFETY: as above.
unsafe impl Sync for native::ReadCounters {}

/// The counters of the read path. The session updates them; any thread can read them, even after
/// the session is gone.
#[derive(Clone)]
pub(crate) struct ReadCounters(SharedPtr<native::ReadCounters>);

impl ReadCounters {
    pub(crate) fn new() -> Result<Self> {
        let counters = native::new_read_counters()
            .map_err(|exception| Error::from_native(op::START, &exception))?;
        Ok(Self(counters))
    }

    pub(crate) fn read(&self) -> ReadStatistics {
        let Some(counters) = self.0.as_ref() else { return ReadStatistics::default() };
        let now = counters.snapshot();
        ReadStatistics {
            mapped_blocks: now.mapped_blocks,
            mapped_bytes: now.mapped_bytes,
            copied_blocks: now.copied_blocks,
            copied_bytes: now.copied_bytes,
            cold_blocks: now.cold_blocks,
            cold_bytes: now.cold_bytes,
            stock_writing: now.stock_writing,
            stock_partial: now.stock_partial,
            stock_scattered: now.stock_scattered,
            stock_descriptors: now.stock_descriptors,
            stock_unusable: now.stock_unusable,
            stock_other: now.stock_other,
            failed: now.failed,
            refused_files: now.refused,
            evicted_files: now.evicted,
            open_files: now.open_files,
            mappings: now.mappings,
        }
    }

    /// Returns the counters for a session to update.
    pub(crate) fn shared(&self) -> SharedPtr<native::ReadCounters> {
        self.0.clone()
    }
}
