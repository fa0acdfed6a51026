//! What limits the client's speed.

/// A limit on the client's speed (`lt::performance_alert`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize), serde(rename_all = "snake_case"))]
#[non_exhaustive]
pub enum PerformanceLimit {
    /// The disk cannot keep up with the downloaded data, so peers have to wait (`max_queued_disk_bytes`).
    DiskQueueFull,
    /// A peer could be sent more requests than allowed (`max_out_request_queue`).
    RequestQueueFull,
    /// The upload limit leaves too little bandwidth for the requests of downloads.
    UploadLimitTooLow,
    /// The download limit leaves too little bandwidth for the protocol messages of uploads.
    DownloadLimitTooLow,
    /// A peer receives data faster than it is read from disk (`send_buffer_watermark`).
    SendBufferTooSmall,
    /// At least half of the upload slots are optimistic (`num_optimistic_unchoke_slots`).
    TooManyOptimisticSlots,
    /// Blocks that wait to be written take up half of the cache.
    DiskQueueTooLarge,
    /// The system allows no more disk operations at once.
    DiskOperations,
    /// There are too few ports for outgoing connections (`outgoing_ports`).
    TooFewOutgoingPorts,
    /// There are too few descriptors for files and connections.
    TooFewDescriptors,
    /// A limit that this crate does not know.
    Other,
}

impl std::fmt::Display for PerformanceLimit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::DiskQueueFull => {
                "the disk cannot keep up with the download (max_queued_disk_bytes)"
            }
            Self::RequestQueueFull => {
                "more requests could be sent to a peer than are allowed (max_out_request_queue)"
            }
            Self::UploadLimitTooLow => "the upload limit slows downloads down",
            Self::DownloadLimitTooLow => "the download limit slows uploads down",
            Self::SendBufferTooSmall => "peers wait for data from the disk (send_buffer_watermark)",
            Self::TooManyOptimisticSlots => {
                "half of the upload slots are optimistic (num_optimistic_unchoke_slots)"
            }
            Self::DiskQueueTooLarge => "data waiting to be written takes up half of the cache",
            Self::DiskOperations => "the system accepts no more disk operations at once",
            Self::TooFewOutgoingPorts => {
                "there are too few ports for outgoing connections (outgoing_ports)"
            }
            Self::TooFewDescriptors => "there are too few descriptors",
            Self::Other => "something limits the performance",
        })
    }
}
