//! The client: owns libtorrent's sessions and the thread that they run on.

mod affinity;
mod builder;
mod descriptors;
mod inbox;
mod owner;
mod report;
mod restore;
mod shared;
mod shutdown;
mod state;
mod thread;
mod threads;

#[cfg(test)]
mod tests;

pub use self::builder::ClientBuilder;
pub use self::owner::{Client, DROP_LIMIT, libtorrent_version};
pub use self::report::ShutdownReport;
pub use self::shutdown::Shutdown;
