//! The results, and the forms in which they are reported.

mod json;
mod plot;
mod table;
mod targets;

use std::path::Path;

use anyhow::{Context, Result};

use crate::contenders::{Contender, iperf3};
use crate::facts::Facts;
use crate::measure::{HotWhileCold, Sample};
use crate::scenario::Scenario;

pub(crate) struct Report {
    facts: Facts,
    /// In the order of the tables. The others are compared with the first.
    contenders: Vec<Described>,
    cells: Vec<Cell>,
    hot_while_cold: Vec<(&'static str, HotWhileCold)>,
}

struct Described {
    key: &'static str,
    name: &'static str,
    about: String,
}

/// A contender in a scenario with a number of connections.
struct Cell {
    scenario: Scenario,
    connections: u32,
    contender: &'static str,
    sample: Sample,
}

impl Report {
    pub(crate) fn new(facts: Facts, contenders: &[&dyn Contender]) -> Self {
        let described = contenders.iter().map(|contender| Described {
            key: contender.key(),
            name: contender.name(),
            about: contender.about(),
        });
        let mut contenders: Vec<_> = described.collect();
        if let Some(about) = iperf3::about() {
            contenders.push(Described { key: iperf3::KEY, name: iperf3::NAME, about });
        }
        Self { facts, contenders, cells: Vec::new(), hot_while_cold: Vec::new() }
    }

    /// Adds a measurement to this cell.
    pub(crate) fn add(
        &mut self,
        scenario: Scenario,
        connections: u32,
        contender: &'static str,
        sample: Sample,
    ) {
        let same = |cell: &&mut Cell| {
            (cell.scenario, cell.connections, cell.contender) == (scenario, connections, contender)
        };
        match self.cells.iter_mut().find(same) {
            Some(cell) => cell.sample += sample,
            None => self.cells.push(Cell { scenario, connections, contender, sample }),
        }
    }

    pub(crate) fn add_hot_while_cold(&mut self, contender: &'static str, measured: HotWhileCold) {
        self.hot_while_cold.push((contender, measured));
    }

    /// Prints the tables, writes the JSON and the plots, and prints their paths.
    pub(crate) fn print(&self, directory: Option<&Path>) -> Result<()> {
        table::print(self);
        targets::print(self);
        let Some(directory) = directory else {
            return Ok(());
        };
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make {}", directory.display()))?;
        let mut written = vec![json::write(self, directory)?];
        written.extend(plot::write(self, directory)?);
        println!();
        for path in written {
            println!("{}", path.display());
        }
        Ok(())
    }

    fn sample(&self, scenario: Scenario, connections: u32, contender: &str) -> Option<&Sample> {
        let wanted = |cell: &&Cell| {
            (cell.scenario, cell.connections, cell.contender) == (scenario, connections, contender)
        };
        self.cells.iter().find(wanted).map(|cell| &cell.sample)
    }

    /// Returns the numbers of connections with which a scenario was measured.
    fn connections(&self, scenario: Scenario) -> Vec<u32> {
        let cells = self.cells.iter().filter(|cell| cell.scenario == scenario);
        let mut connections: Vec<_> = cells.map(|cell| cell.connections).collect();
        connections.sort_unstable();
        connections.dedup();
        connections
    }

    /// Returns the rate relative to that of the first contender.
    fn ratio(&self, scenario: Scenario, connections: u32, sample: &Sample) -> Option<f64> {
        let reference = self.contenders.first()?.key;
        Some(sample.rate() / self.sample(scenario, connections, reference)?.rate())
    }
}
