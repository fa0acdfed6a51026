//! The program, run as a user runs it: by its arguments, its output and its exit code.

#[path = "../../../../tests/support/mod.rs"]
mod support;

mod choices;
mod creating;
mod files;
#[cfg(feature = "metrics")]
mod metrics;
mod network_threads;
mod output;
#[cfg(feature = "stream")]
mod players;
mod program;
mod store;
#[cfg(feature = "stream")]
mod stream;
mod transfer;
mod usage;
