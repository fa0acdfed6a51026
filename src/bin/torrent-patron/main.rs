//! The program `torrent-patron`: a user of the crate's public API and of nothing else.

mod arguments;
mod create;
mod demo;
mod info;
mod interrupt;
mod keeping;
#[cfg(feature = "metrics")]
mod metrics;
mod mirrors;
mod output;
mod selection;
mod torrent_file;
mod transfer;
mod verify;

use std::error::Error;
use std::io;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::arguments::{Arguments, Command, LOG};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// How a command ended that ran to an end of its own.
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
    log_if_asked();
    let result = match &arguments.command {
        Command::Demo(command) => demo::run(command),
        Command::Create(command) => create::run(command),
        Command::Info(command) => info::run(command),
        Command::Verify(command) => verify::run(command),
        Command::Download(command) => transfer::download(command),
        Command::Seed(command) => transfer::seed(command),
    };
    match result {
        Ok(outcome) => outcome.into(),
        // Nobody reads the results any more, as in `torrent-patron ... | head`.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            output::error(error);
            ExitCode::FAILURE
        }
    }
}

fn log_if_asked() {
    if let Ok(filter) = EnvFilter::try_from_env(LOG) {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).init();
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}
