//! What is measured, and for how long: defaults, and the environment variables that change them.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use crate::contenders::Contender;
use crate::scenario::Scenario;

pub(crate) struct Options {
    pub(crate) large: u64,
    pub(crate) small: u64,
    pub(crate) small_count: usize,
    /// How long each contender is measured on each number of connections.
    pub(crate) time: Duration,
    pub(crate) connections: Vec<u32>,
    pub(crate) scenarios: Vec<Scenario>,
    /// The selected contenders; empty for all.
    contenders: Vec<String>,
    /// The directory for the results; `None` to discard them.
    pub(crate) results: Option<PathBuf>,
}

impl Options {
    pub(crate) fn read(benching: bool) -> Result<Self> {
        let defaults = if benching { BENCHING } else { SMOKE };
        let large = variable::<u64>("PATRON_BENCH_SIZE_MIB", defaults.large_mib)?;
        let small_count = variable("PATRON_BENCH_SMALL_TORRENTS", defaults.small_count)?;
        let seconds = variable("PATRON_BENCH_SECONDS", defaults.seconds)?;
        let connections: Vec<u32> = list("PATRON_BENCH_CONNECTIONS", defaults.connections)?;
        let scenarios: Vec<Scenario> = list("PATRON_BENCH_SCENARIOS", defaults.scenarios)?;
        let contenders: Vec<String> = list("PATRON_BENCH_CONTENDERS", defaults.contenders)?;
        ensure!(large >= 16 && small_count > 0, "too little data");
        ensure!(!connections.contains(&0), "no connections");
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench-seeding");
        Ok(Self {
            large: large << 20,
            small: 2 << 20,
            small_count,
            time: Duration::try_from_secs_f64(seconds).context("PATRON_BENCH_SECONDS")?,
            connections,
            scenarios,
            contenders,
            results: benching.then_some(target),
        })
    }

    /// Returns whether a contender is selected. The first, with which the others are compared, always is.
    pub(crate) fn wants(&self, contender: &dyn Contender) -> bool {
        self.wants_key(contender.key()) || contender.key() == "bare"
    }

    pub(crate) fn wants_key(&self, key: &str) -> bool {
        self.contenders.is_empty() || self.contenders.iter().any(|wanted| wanted == key)
    }
}

struct Defaults {
    large_mib: u64,
    small_count: usize,
    seconds: f64,
    connections: &'static str,
    scenarios: &'static str,
    contenders: &'static str,
}

/// About six minutes on two cores.
const BENCHING: Defaults = Defaults {
    large_mib: 2048,
    small_count: 200,
    seconds: 1.0,
    connections: "1,8,50,200",
    scenarios: "hot-large,hot-shallow,hot-small,cold-large,cold-small,hot-while-cold",
    contenders: "",
};

/// Seconds: it only shows that the benchmark works.
const SMOKE: Defaults = Defaults {
    large_mib: 16,
    small_count: 4,
    seconds: 0.1,
    connections: "1,4",
    scenarios: BENCHING.scenarios,
    contenders: "bare,no-disk,patron-stock,patron-copy,patron-zero-copy,patron-zero-copy-cores",
};

fn variable<T: FromStr<Err: Into<anyhow::Error>>>(name: &str, default: T) -> Result<T> {
    match std::env::var(name) {
        Ok(value) => value.parse().map_err(Into::into).with_context(|| format!("{name}={value}")),
        Err(_) => Ok(default),
    }
}

/// Parses values between commas.
fn list<T: FromStr<Err: Into<anyhow::Error>>>(name: &str, default: &str) -> Result<Vec<T>> {
    let value = std::env::var(name).unwrap_or_else(|_| default.to_owned());
    let words = value.split(',').filter(|word| !word.is_empty());
    words
        .map(|word| word.parse().map_err(Into::into))
        .collect::<Result<_>>()
        .with_context(|| format!("{name}={value}"))
}
