//! The settings that are this crate's own and are not handed to libtorrent.

use super::Settings;
use super::value::{SettingKind, SettingValue};

pub(super) const DISK_READS: &str = "disk_reads";

/// Whether a torrent's own URLs may be on the local network.
pub(super) const LOCAL_URLS: &str = "allow_local_urls";

const NETWORK_AFFINITY: &str = "network_affinity";

/// How many sessions a client has, each with a network thread.
pub(super) const NETWORK_THREADS: &str = "network_threads";

/// Whether a torrent with high demand is served by several network threads.
pub(super) const REPLICATE: &str = "replicate_on_demand";

/// The settings that are not libtorrent's, with their types.
pub(super) const OWN: [(&str, SettingKind); 5] = [
    (DISK_READS, SettingKind::Text),
    (LOCAL_URLS, SettingKind::Bool),
    (NETWORK_AFFINITY, SettingKind::Text),
    (NETWORK_THREADS, SettingKind::Int),
    (REPLICATE, SettingKind::Bool),
];

/// Returns the type of a setting, if it is this crate's own.
pub(super) fn kind(name: &str) -> Option<SettingKind> {
    OWN.iter().find(|(own, _)| *own == name).map(|(_, kind)| *kind)
}

/// The most network threads that a client may have.
pub(super) const MOST_THREADS: i32 = 256;

/// Checks a value, whose type is right, for one of these settings. Returns what is wrong.
pub(super) fn check(name: &str, value: &SettingValue) -> Result<(), String> {
    match (name, value) {
        (DISK_READS, SettingValue::Text(text)) if DiskReads::of(text).is_none() => {
            Err(format!("{name} must be stock, copy or zero_copy, not {text:?}"))
        }
        (NETWORK_AFFINITY, SettingValue::Text(text)) if Affinity::of(text).is_none() => {
            Err(format!("{name} must be none, cores or nodes, not {text:?}"))
        }
        (NETWORK_THREADS, SettingValue::Int(count)) if !(1..=MOST_THREADS).contains(count) => {
            Err(format!("{name} must be a number from 1 to {MOST_THREADS}, not {count}"))
        }
        _ => Ok(()),
    }
}

/// How blocks are read for peers. This setting is not libtorrent's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DiskReads {
    Stock,
    Copy,
    ZeroCopy,
}

impl DiskReads {
    fn of(text: &str) -> Option<Self> {
        match text {
            "stock" => Some(Self::Stock),
            "copy" => Some(Self::Copy),
            "zero_copy" => Some(Self::ZeroCopy),
            _ => None,
        }
    }
}

/// The cores that network threads are bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Affinity {
    None,
    Cores,
    Nodes,
}

impl Affinity {
    fn of(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "cores" => Some(Self::Cores),
            "nodes" => Some(Self::Nodes),
            _ => None,
        }
    }
}

impl Settings {
    pub(crate) fn replicates_on_demand(&self) -> bool {
        self.switch(REPLICATE)
    }

    pub(crate) fn network_threads(&self) -> usize {
        self.int(NETWORK_THREADS).and_then(|count| usize::try_from(count).ok()).unwrap_or(1).max(1)
    }

    pub(crate) fn affinity(&self) -> Affinity {
        Affinity::of(self.text(NETWORK_AFFINITY, "none")).unwrap_or(Affinity::None)
    }

    pub(crate) fn disk_reads(&self) -> DiskReads {
        let text = self.text(DISK_READS, "copy");
        DiskReads::of(text).unwrap_or(DiskReads::Copy)
    }
}
