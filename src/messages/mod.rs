//! The messages between patrons and the client thread.

pub(crate) mod command;
pub(crate) mod mailbox;
pub(crate) mod request;
pub(crate) mod service;
pub(crate) mod status_table;
