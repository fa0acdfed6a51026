//! The program `torrent-patron`. It uses only the public API of the crate.

#![forbid(unsafe_code)]

mod arguments;
mod blocklist;
mod create;
mod demo;
#[cfg(feature = "metrics")]
mod health;
#[cfg(feature = "http")]
mod http;
mod info;
mod interrupt;
#[cfg(feature = "metrics")]
mod metrics;
mod output;
mod selection;
mod sources;
mod store;
#[cfg(feature = "stream")]
mod stream;
mod temporary;
mod torrent_file;
mod transfer;
mod values;
mod verify;
mod writer;

use std::error::Error;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::prelude::*;

use crate::arguments::{Arguments, Command, LOG};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// How long a client may take to stop.
const SHUTDOWN: Duration = Duration::from_secs(10);

/// How a command ended if there was no error.
enum Outcome {
    Done,
    Failed,
    Interrupted,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::Failed => Self::FAILURE,
            Outcome::Interrupted => Self::from(interrupt::EXIT_CODE),
        }
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    init_log();
    interrupt::ignore_sigxfsz();
    let result = match &arguments.command {
        Command::Demo(command) => demo::run(command),
        Command::Create(command) => create::run(command),
        Command::Info(command) => info::run(command),
        Command::Verify(command) => verify::run(command),
        Command::Download(command) => transfer::download(command),
        Command::Seed(command) => transfer::seed(command),
        #[cfg(feature = "stream")]
        Command::Stream(command) => stream::run(command),
        Command::Store(command) => store::run(command),
        #[cfg(feature = "metrics")]
        Command::Health(command) => health::run(command),
    };
    let outcome = result.unwrap_or_else(failed);
    match output::finish(interrupt::is_interrupted()) {
        Ok(()) => outcome.into(),
        Err(error) => {
            output::error(error);
            let _ = output::finish(interrupt::is_interrupted());
            ExitCode::FAILURE
        }
    }
}

fn failed(error: Box<dyn Error>) -> Outcome {
    output::error(error);
    Outcome::Failed
}

fn init_log() {
    let Some(wanted) = std::env::var_os(LOG) else { return };
    // Not an EnvFilter, whose regular expressions are half a megabyte of program.
    let filter: Targets = match wanted.to_string_lossy().parse() {
        Ok(filter) => filter,
        Err(error) => return output::warn(format_args!("{LOG}: {error}")),
    };
    let coloured = io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let log = tracing_subscriber::fmt::layer().with_ansi(coloured).with_writer(|| output::Log);
    tracing_subscriber::registry().with(log).with(filter).init();
}
