//! The files of a torrent, as the client sees them.

use std::path::PathBuf;

use crate::model::Priority;

/// One file of a torrent and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub struct FileStatus {
    /// Where it is below the save directory; the new place of one that was renamed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::model::serde_with::lossy_path"))]
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

/// What becomes of files that lie where a torrent that is added is to put its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "snake_case")
)]
#[non_exhaustive]
pub enum ExistingFiles {
    /// Those that have data of the torrent are used. A file with none of it, or a longer one, is
    /// somebody else's: the torrent is refused and the file stays as it is.
    #[default]
    Refuse,
    /// All are taken as the torrent's. They are compared with its hashes; what differs is
    /// overwritten, and what they have beyond the torrent's length is cut off.
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
    fn a_name_that_is_not_utf8_can_be_told() {
        let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"caf\xe9");
        let json = r#"{"path":"","size":3,"done":2,"priority":4,"pad":false}"#;
        let mut file: FileStatus = serde_json::from_str(json).unwrap();
        file.path = name.into();
        assert!(serde_json::to_string(&file).unwrap().starts_with("{\"path\":\"caf\u{fffd}\""));
    }

    #[test]
    fn choices_in_json() {
        for (existing, name) in [
            (Existing::Fail, r#""fail""#),
            (Existing::Replace, r#""replace""#),
            (Existing::Keep, r#""keep""#),
        ] {
            assert_eq!(serde_json::to_string(&existing).unwrap(), name);
            assert_eq!(serde_json::from_str::<Existing>(name).unwrap(), existing);
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
