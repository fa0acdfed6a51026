//! Campaigns repeat a test many times, with interruptions at random moments, and count what they did.
//!
//! `make campaign ARGS=kill`, `power`, `full` or `read-only`; `'kill 5000'` has more rounds.

#[path = "../support/mod.rs"]
mod support;

mod full;
mod kill;

use std::process::ExitCode;

use self::full::Disk;
use self::kill::End;

fn is_number(word: &str) -> bool {
    word.parse::<u64>().is_ok()
}

fn main() -> ExitCode {
    // `cargo test` passes options of its own.
    let is_word = |word: &String| !word.starts_with('-');
    let words: Vec<String> = std::env::args().skip(1).filter(is_word).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [kill::CHILD, directory, seed, peer] => kill::child(directory.as_ref(), seed, peer),
        [full::CHILD, directory] => full::child(directory.as_ref()),
        ["campaign", "full"] => full::run(Disk::Full, 1),
        ["campaign", "read-only"] => full::run(Disk::ReadOnly, 1),
        ["campaign", "kill"] => kill::run(1000, End::Killed),
        ["campaign", "power"] => kill::run(400, End::PowerCut),
        ["campaign", "kill", rounds] if is_number(rounds) => {
            kill::run(rounds.parse().unwrap(), End::Killed);
        }
        ["campaign", "power", rounds] if is_number(rounds) => {
            kill::run(rounds.parse().unwrap(), End::PowerCut);
        }
        [] | ["campaign"] => {
            kill::run(100, End::Killed);
            kill::run(50, End::PowerCut);
            full::run(Disk::Full, 3);
            full::run(Disk::ReadOnly, 9);
        }
        ["campaign", ..] => {
            eprintln!("usage: campaign [kill [ROUNDS] | power [ROUNDS] | full | read-only]");
            return ExitCode::from(2);
        }
        // The names of other tests, as in `cargo test NAME`.
        _ => {}
    }
    ExitCode::SUCCESS
}
