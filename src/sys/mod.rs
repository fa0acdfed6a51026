//! libtorrent for the rest of the crate. No other module names the bridge to C++.

pub(crate) mod alerts;
#[allow(clippy::module_inception)] // cxx makes a module with the bridge's name
mod bridge;
pub(crate) mod catalogue;
pub(crate) mod convert;
pub(crate) mod counters;
mod errors;
mod making;
pub(crate) mod process;
pub(crate) mod range;
pub(crate) mod task;
mod wake;

pub(crate) use self::bridge::{
    AddRecord, AnsweredBy, DemandRecord, DescriptionRecord, DiskReads, FileRecord, InterestRecord,
    Names, OptionsRecord, PeerRecord, PieceDeadline, PieceLevel, PolicyRecord, QueuedRecord,
    Session, SessionHandle, SettingRecord, ShardRecord, StoredRecord, Torrent, TorrentParams,
    TrackerRecord, abort_session, default_settings, has_hole, new_paths, new_session,
    params_from_info_hashes, params_from_magnet, params_from_metainfo, params_from_resume_data,
    settings_of_state,
};
pub(crate) use self::catalogue::{SettingKind, setting_kind, setting_names};
pub(crate) use self::making::{
    LayoutRecord, NewFileRecord, NewTorrent, NewTorrentRecord, PieceHasher, PieceHashes,
    new_piece_hasher, new_torrent, preview,
};
pub(crate) use self::process::is_network_device;
pub(crate) use self::wake::Waker;

/// Fails to compile for a type that must not go to another thread. cxx does not check what C++ threads get.
const fn assert_send<T: Send>() {}
