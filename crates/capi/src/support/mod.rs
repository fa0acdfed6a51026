//! Shared code of the chapters. `tests/capi/layers.rs` defines the order of its files: each uses
//! only those before it, and none uses a chapter.

pub(crate) mod arguments;
pub(crate) mod failure;
pub(crate) mod fork;
pub(crate) mod guard;
pub(crate) mod handles;
pub(crate) mod hashing;
pub(crate) mod lists;
pub(crate) mod numbers;
pub(crate) mod once;
pub(crate) mod replies;
pub(crate) mod structs;
pub(crate) mod table;
pub(crate) mod text;
pub(crate) mod thread;
