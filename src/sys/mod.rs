//! libtorrent as the rest of the crate sees it. Nothing else names the bridge to C++.

pub(crate) mod bridge;
pub(crate) mod catalogue;
