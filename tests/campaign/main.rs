//! Campaigns: the same thing many times, at random moments. They count what they did.
//!
//! `make campaign ARGS='kill 1000'`, `make campaign ARGS='power 1000'`

#[path = "../support/mod.rs"]
mod support;

mod kill;

use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [kill::CHILD, directory, seed, peer] => kill::child(directory.as_ref(), seed, peer),
        ["kill", rounds] => kill::run(rounds.parse().unwrap_or(100), kill::End::Killed),
        ["power", rounds] => kill::run(rounds.parse().unwrap_or(100), kill::End::PowerCut),
        // `cargo test` has options of its own.
        _ => {
            kill::run(100, kill::End::Killed);
            kill::run(50, kill::End::PowerCut);
        }
    }
    ExitCode::SUCCESS
}
