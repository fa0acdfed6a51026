//! The C ABI, which `include/torrent_patron.h` declares. The header is generated from this crate
//! (`make header`): each file here becomes a chapter, whose introduction is the file's `//!` text.
//! Shared code is in `support`. No chapter uses another, except for the objects that
//! `tests/capi/layers.rs` lists.
//!
//! Every function is `extern "C"`, checks each argument that can be checked, and runs inside a
//! guard that catches panics. Types have their C names, so that the header needs no renaming.
//!
//! An argument of type `Option<&T>`, `Option<&mut T>` or `Option<Box<T>>` is a C pointer that may be
//! `NULL`; an `Option<&mut MaybeUninit<T>>` is an output. Clients, patrons, replies, readers and
//! torrents in the making are handles, not addresses.
#![allow(unsafe_code, non_camel_case_types, unreachable_pub, missing_debug_implementations)]

mod support;

mod add_options;
mod client;
mod errors;
mod events;
mod files;
mod ip_filter;
mod log;
mod magnet;
mod maker;
mod metainfo;
mod patron;
mod peer_classes;
mod peers;
mod pieces;
mod reading;
mod reply;
mod settings;
mod statistics;
mod status;
mod store;
mod torrent_options;
mod trackers;
mod verifier;
mod version;
mod wake;
mod whole_client;
