//! What several files of this program use.

pub(crate) mod peer;
pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod tmpfs;
