//! Real sessions on 127.0.0.1, each on a free port, in the offline profile.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod discovery;
mod disk;
mod endless;
mod events;
mod faults;
mod files;
mod hash_messages;
mod helpers;
mod hostile_peer;
mod making;
mod making_trees;
mod many_peers;
mod network_threads;
mod patrons;
mod process;
mod reading;
mod requests;
mod resuming;
mod runtimes;
mod session;
mod soak;
mod statistics;
mod statuses;
mod store;
mod strangers;
mod tls;
mod transfer;
mod verifying;
