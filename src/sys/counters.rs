//! The counters of the read path.

use cxx::SharedPtr;

use super::bridge;
use crate::error::{Error, Result};
use crate::model::ReadStatistics;
use crate::model::op;

/// The counters of the read path. The session updates them; any thread can read them, even after
/// the session is gone.
#[derive(Clone)]
pub(crate) struct ReadCounters(SharedPtr<bridge::ReadCounters>);

impl ReadCounters {
    pub(crate) fn new() -> Result<Self> {
        let counters = bridge::new_read_counters()
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
    pub(crate) fn shared(&self) -> SharedPtr<bridge::ReadCounters> {
        self.0.clone()
    }
}
