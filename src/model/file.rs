//! The files of a torrent.

use std::path::PathBuf;

use crate::model::Priority;

/// A file of a torrent and its progress.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FileStatus {
    /// Its path below the save directory; after a rename, the new one.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::model::serde_with::lossy_path"))]
    pub path: PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// The number of bytes downloaded, including finished blocks of incomplete pieces.
    pub done: u64,
    /// The priority of the file.
    pub priority: Priority,
    /// Whether it is a pad file, which only aligns the next file and is not on disk (BEP 47).
    pub pad: bool,
}

impl FileStatus {
    /// Returns whether the whole file has been downloaded.
    pub fn is_complete(&self) -> bool {
        self.done >= self.size
    }
}

/// What moving a torrent does with files that already exist at the destination
/// (`lt::move_flags_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum OnConflict {
    /// The move fails, and nothing is moved.
    #[default]
    Fail,
    /// The existing file is overwritten.
    Replace,
    /// The existing file is kept, and the torrent's own file is left behind. The files are then checked.
    Keep,
}

/// How disk space is allocated (`lt::storage_mode_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum Allocation {
    /// Space is allocated as pieces are written; a file is sparse until it is complete.
    #[default]
    Sparse,
    /// All space is allocated when the torrent starts.
    Full,
}

/// What to do with files that already exist at the paths of a new torrent's files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum ExistingFiles {
    /// Files that contain data of the torrent are used. A file that contains none of it, or is longer than
    /// the torrent's, belongs to something else: the torrent is refused and the file is not changed.
    #[default]
    Refuse,
    /// All files are used as the torrent's. They are checked against its hashes; data that differs is
    /// overwritten, and files that are too long are truncated.
    Overwrite,
}

#[cfg(all(test, feature = "serde"))]
mod tests {
    use super::*;

    #[test]
    fn files_in_json() {
        let file = FileStatus {
            path: "album/one.flac".into(),
            size: 3,
            done: 2,
            priority: Priority::DEFAULT,
            pad: false,
        };
        let json = r#"{"path":"album/one.flac","size":3,"done":2,"priority":4,"pad":false}"#;
        assert_eq!(serde_json::to_string(&file).unwrap(), json);
        assert_eq!(serde_json::from_str::<FileStatus>(json).unwrap(), file);
    }

    #[cfg(unix)]
    #[test]
    fn a_name_that_is_not_utf8_can_be_reported() {
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
        let json = r#"{"path":"","size":3,"done":2,"priority":4,"pad":false}"#;
        let mut file: FileStatus = serde_json::from_str(json).unwrap();
        file.path = name.into();
        assert!(serde_json::to_string(&file).unwrap().starts_with("{\"path\":\"caf\u{fffd}\""));
    }

    #[test]
    fn choices_in_json() {
        for (existing, name) in [
            (OnConflict::Fail, r#""fail""#),
            (OnConflict::Replace, r#""replace""#),
            (OnConflict::Keep, r#""keep""#),
        ] {
            assert_eq!(serde_json::to_string(&existing).unwrap(), name);
            assert_eq!(serde_json::from_str::<OnConflict>(name).unwrap(), existing);
        }
        for (existing, name) in
            [(ExistingFiles::Refuse, r#""refuse""#), (ExistingFiles::Overwrite, r#""overwrite""#)]
        {
            assert_eq!(serde_json::to_string(&existing).unwrap(), name);
            assert_eq!(serde_json::from_str::<ExistingFiles>(name).unwrap(), existing);
        }
        for (allocation, name) in
            [(Allocation::Sparse, r#""sparse""#), (Allocation::Full, r#""full""#)]
        {
            assert_eq!(serde_json::to_string(&allocation).unwrap(), name);
            assert_eq!(serde_json::from_str::<Allocation>(name).unwrap(), allocation);
        }
    }
}
