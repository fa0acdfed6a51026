//! libtorrent as the rest of the crate sees it. Nothing else names the bridge to C++.

pub(crate) mod alerts;
#[allow(clippy::module_inception)] // cxx makes a module of the bridge's name
pub(crate) mod bridge;
pub(crate) mod catalogue;
pub(crate) mod convert;
pub(crate) mod counters;
pub(crate) mod process;
pub(crate) mod task;
mod wake;

pub(crate) use self::bridge::{SessionHandle, Torrent};
pub(crate) use self::wake::Waker;
