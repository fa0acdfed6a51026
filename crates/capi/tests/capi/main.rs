//! Tests the C ABI from outside: the header, the installed library, and programs as users would
//! write them.

#[path = "../../../../tests/support/mod.rs"]
mod support;

#[path = "../../../../tests/foreign/process.rs"]
#[allow(dead_code)] // uses only a part
mod process;

mod examples;
mod header;
mod layers;
mod library;
mod misuse;
mod names;
mod numbers;
mod parity;
mod programs;
mod symbols;
