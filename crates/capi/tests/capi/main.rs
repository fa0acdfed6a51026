//! The C ABI, from outside: the header, the installed library, and programs that people would write.

#[path = "../../../../tests/support/mod.rs"]
mod support;

#[path = "../../../../tests/foreign/process.rs"]
#[allow(dead_code)] // of which this is a part
mod process;

mod examples;
mod header;
mod layers;
mod library;
mod misuse;
mod numbers;
mod programs;
mod symbols;
