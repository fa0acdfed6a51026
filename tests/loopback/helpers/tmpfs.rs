//! A file system of its own, for tests that need root.

use std::path::PathBuf;
use std::process::Command;

use crate::support::skipped;

/// A small separate file system; the guard unmounts it.
pub(crate) struct Tmpfs(pub(crate) PathBuf);

impl Tmpfs {
    /// `None` if mounting is not permitted.
    #[track_caller]
    pub(crate) fn mount(at: PathBuf, size: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let options = format!("size={size}");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "torrent-patron-test"])
            .arg(&at)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            skipped("it needs the right to mount a tmpfs");
            return None;
        }
        Some(Self(at))
    }

    pub(crate) fn remount(&self, options: &str) {
        let options = format!("remount,{options}");
        let status = Command::new("mount").args(["-o", &options]).arg(&self.0).status().unwrap();
        assert!(status.success(), "{options}");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        // Lazily: a failed test may still have files open.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
