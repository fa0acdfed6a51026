//! What the read path has done.

/// How the blocks that peers asked for were read, counted since the client was started.
///
/// With `disk_reads` `stock` (see [`Settings`](crate::Settings)), where libtorrent reads everything
/// itself, all of it is 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ReadStatistics {
    /// Blocks that were sent from the page cache as they lay there (`zero_copy`).
    pub mapped_blocks: u64,
    /// Their size, in bytes.
    pub mapped_bytes: u64,
    /// Blocks that were copied out of the page cache.
    pub copied_blocks: u64,
    /// Their size, in bytes.
    pub copied_bytes: u64,
    /// Blocks that were not in memory, or not known to be, and were read by a thread of their own.
    pub cold_blocks: u64,
    /// Their size, in bytes.
    pub cold_bytes: u64,
    /// Blocks that libtorrent read, because the torrent was being downloaded, or its files were just
    /// being checked, moved, renamed, closed or deleted.
    pub stock_writing: u64,
    /// Blocks that libtorrent read, because not all files of the torrent are wanted.
    pub stock_partial: u64,
    /// Blocks that libtorrent read, because they lie in more than four files.
    pub stock_scattered: u64,
    /// Blocks that libtorrent read, because there were no descriptors.
    pub stock_descriptors: u64,
    /// Blocks that libtorrent read or failed to, because their file could not be opened or was
    /// shorter than the torrent says.
    pub stock_unusable: u64,
    /// Blocks that libtorrent read for other reasons: there was no thread, or the client was
    /// stopping.
    pub stock_other: u64,
    /// Reads that failed and stopped their torrent. Each is an
    /// [`Event::Error`](crate::Event::Error).
    pub failed: u64,
    /// Files on a file system that cannot tell what is in memory; their blocks count as cold until
    /// they are mapped.
    pub refused_files: u64,
    /// Files that were closed to make room for others (`file_pool_size`).
    pub evicted_files: u64,
    /// Files that are open now.
    pub open_files: u64,
    /// Files that are mapped now, also for blocks that wait to be sent.
    pub mappings: u64,
}

impl ReadStatistics {
    /// Blocks that were read on libtorrent's network thread, without waiting for another.
    #[must_use]
    pub fn inline_blocks(&self) -> u64 {
        self.mapped_blocks + self.copied_blocks
    }

    /// Blocks that were left to libtorrent, for whatever reason.
    #[must_use]
    pub fn stock_blocks(&self) -> u64 {
        self.stock_writing
            + self.stock_partial
            + self.stock_scattered
            + self.stock_descriptors
            + self.stock_unusable
            + self.stock_other
    }
}
