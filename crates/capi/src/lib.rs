//! The C ABI: what `include/torrent_patron.h` declares, which is generated from this room, a chapter
//! of the header from each of its files (`make header`). The `//!` text of a file opens its chapter.
//!
//! Every function is `extern "C"`, takes nothing on trust that can be checked, and runs inside
//! [`guard`], which no panic leaves. Types carry C's names, so that the header needs no renaming.
//!
//! An argument of type `Option<&T>`, `Option<&mut T>` or `Option<Box<T>>` is a C pointer that may be
//! `NULL`; an `Option<&mut MaybeUninit<T>>` is an output. The shared objects (clients, patrons,
//! replies, torrents in the making) are handles, not addresses: see [`handle`].
#![allow(unsafe_code, non_camel_case_types, unreachable_pub, missing_debug_implementations)]

mod arguments;
mod client;
mod errors;
mod events;
mod files;
mod guard;
mod handle;
mod ip_filter;
mod log;
mod magnet;
mod maker;
mod metainfo;
mod options;
mod patron;
mod peer_classes;
mod peers;
mod pieces;
mod reply;
mod session;
mod settings;
mod statistics;
mod status;
mod structs;
mod text;
mod torrent_options;
mod trackers;
mod version;
mod wake;
