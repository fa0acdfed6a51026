//! The program, run as a person runs it: by its arguments, its output and its exit code.
#![cfg(feature = "cli")]

#[path = "../support/mod.rs"]
mod support;

mod files;
mod program;
mod transfer;
mod usage;
