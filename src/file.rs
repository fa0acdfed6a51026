//! The files of a torrent, as the client sees them.

use std::path::PathBuf;

use crate::types::Priority;

/// One file of a torrent and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FileStatus {
    /// Where it is below the save directory; the new place of one that was renamed.
    pub path: PathBuf,
    /// In bytes.
    pub size: u64,
    /// How many of them are here; of pieces that are not complete, those of the blocks that are.
    pub done: u64,
    /// How much it is wanted.
    pub priority: Priority,
    /// It is there only to align the next file, and is not on disk (BEP 47).
    pub pad: bool,
}

impl FileStatus {
    /// Whether all of it is here.
    pub fn is_complete(&self) -> bool {
        self.done >= self.size
    }
}

/// What a move of a torrent does where a file is already (`lt::move_flags_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Existing {
    /// The move fails, and nothing is moved.
    #[default]
    Fail,
    /// The file that is there is overwritten.
    Replace,
    /// The file that is there is kept, and the one of the torrent is left behind. What is there is
    /// then checked.
    Keep,
}

/// How room on the disk is taken (`lt::storage_mode_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Allocation {
    /// As pieces are written; a file has holes until it is complete.
    #[default]
    Sparse,
    /// All of it when the torrent starts.
    Full,
}
