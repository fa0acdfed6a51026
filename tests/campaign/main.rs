//! Campaigns repeat a test many times, with interruptions at random moments, and count what they did.
//!
//! `make campaign ARGS='kill 1000'`, `make campaign ARGS='power 1000'`, `make campaign ARGS=full`,
//! `make campaign ARGS=read-only`

#[path = "../support/mod.rs"]
mod support;

mod full;
mod kill;

use std::process::ExitCode;

use self::full::Disk;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [kill::CHILD, directory, seed, peer] => kill::child(directory.as_ref(), seed, peer),
        [full::CHILD, directory] => full::child(directory.as_ref()),
        ["full"] => full::run(Disk::Full, 1),
        ["read-only"] => full::run(Disk::ReadOnly, 1),
        ["kill", rounds] => kill::run(rounds.parse().unwrap_or(100), kill::End::Killed),
        ["power", rounds] => kill::run(rounds.parse().unwrap_or(100), kill::End::PowerCut),
        // `cargo test` passes options of its own.
        _ => {
            kill::run(100, kill::End::Killed);
            kill::run(50, kill::End::PowerCut);
            full::run(Disk::Full, 3);
            full::run(Disk::ReadOnly, 9);
        }
    }
    ExitCode::SUCCESS
}
