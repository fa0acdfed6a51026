//! What patrons cost: round trips, commands, statuses, mailboxes, memory, and CPU time when idle.
//!
//!     make bench [ARGS='-- NAME']
//!
//! First, criterion measures the smallest figures; then a table compares the others with their
//! targets and, where that is more meaningful, with a reference measured in the same run. A NAME
//! selects: `round`, `status`, `commands`, `seeding`, `mailbox`, `subscription`, `memory`, `idle`,
//! `tick`, `hashing`, `store`. Everything takes about five minutes. Without `--bench`, as under `cargo test
//! --benches`, nothing is measured. The additional cost of the C ABI is measured in
//! crates/capi/benches.

mod allocations;
mod commands;
mod hashing;
mod idle;
mod mailbox;
mod memory;
#[path = "../../tests/support/noise.rs"]
mod noise;
mod round_trip;
mod seeding;
mod session;
mod status;
mod store;
mod subscription;
mod table;
mod tick;

use std::time::Duration;

use criterion::Criterion;

use session::Result;
use table::Table;

type Topic = fn(&mut Table) -> Result<()>;

const TOPICS: &[(&str, Topic)] = &[
    ("round", round_trip::measure),
    ("status", status::measure),
    ("commands", commands::measure),
    ("seeding", seeding::measure),
    ("mailbox", mailbox::measure),
    ("subscription", subscription::measure),
    ("memory", memory::measure),
    ("idle", idle::measure),
    ("tick", tick::measure),
    ("hashing", hashing::measure),
    ("store", store::measure),
];

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    // Memory and idle CPU time are measured in separate processes, which this program starts.
    match arguments.first().map(String::as_str) {
        Some(memory::CHILD) => return memory::child(),
        Some(idle::CHILD) => return idle::child(&arguments[1..]),
        Some(store::CHILD) => return store::child(&arguments[1..]),
        Some(tick::CHILD) => return tick::child(&arguments[1..]),
        _ => {}
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        eprintln!("nothing is measured without --bench");
        return Ok(());
    }
    let chosen = arguments.iter().find(|argument| !argument.starts_with('-'));
    let is_chosen = |name: &str| chosen.is_none_or(|chosen| name.starts_with(chosen.as_str()));

    let mut criterion = Criterion::default()
        .without_plots()
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(3));
    if is_chosen("round") {
        round_trip::criterion(&mut criterion)?;
    }
    if is_chosen("status") {
        status::criterion(&mut criterion)?;
    }

    let mut table = Table::default();
    table.note(&format!("load average before: {}", session::load_average()));
    for &(name, topic) in TOPICS {
        if is_chosen(name) {
            eprintln!("measuring: {name}");
            topic(&mut table)?;
        }
    }
    table.note(&format!("load average after: {}", session::load_average()));
    println!("\n{table}");
    Ok(())
}
