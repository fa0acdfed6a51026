//! The messages between patrons and the client thread.

pub(crate) mod command;
pub(crate) mod mailbox;
pub(crate) mod member;
pub(crate) mod reading;
pub(crate) mod request;
pub(crate) mod service;
#[cfg(unix)]
pub(crate) mod socket;
pub(crate) mod status_table;
