//! Our targets, and whether this run reaches them.

use super::Report;
use crate::contenders::iperf3;
use crate::scenario::Scenario;

const OURS: &str = "patron-zero-copy";
const COPY: &str = "patron-copy";
/// With one network thread per core.
const OURS_CORES: &str = "patron-zero-copy-cores";
const COPY_CORES: &str = "patron-copy-cores";
const BARE: &str = "bare";
const ALL: &[u32] = &[1, 8, 50, 200];

enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

use Bound::{AtLeast, AtMost};

/// One line of the table.
struct Target {
    what: &'static str,
    bound: Bound,
    /// The values by number of connections.
    values: Vec<(u32, Option<f64>)>,
}

impl Target {
    fn of_rates(
        report: &Report,
        what: &'static str,
        bound: Bound,
        scenario: Scenario,
        (ours, theirs): (&str, &str),
        connections: &[u32],
    ) -> Self {
        let ratio = |connections: u32| {
            let ours = report.sample(scenario, connections, ours)?;
            Some(ours.rate() / report.sample(scenario, connections, theirs)?.rate())
        };
        Self { what, bound, values: connections.iter().map(|&n| (n, ratio(n))).collect() }
    }

    /// Returns `None` if nothing was measured.
    fn is_reached(&self) -> Option<bool> {
        let measured: Vec<f64> = self.values.iter().filter_map(|(_, value)| *value).collect();
        (!measured.is_empty()).then(|| {
            measured.iter().all(|&value| match self.bound {
                AtLeast(least) => value >= least,
                AtMost(most) => value <= most,
            })
        })
    }
}

pub(super) fn print(report: &Report) {
    println!("\ntarget                                                  value by connections");
    for target in targets(report) {
        let bound = match target.bound {
            AtLeast(least) => format!(">= {least:.2}"),
            AtMost(most) => format!("<= {most:.2}"),
        };
        let verdict = match target.is_reached() {
            Some(true) => "reached",
            Some(false) => "missed",
            None => "not measured",
        };
        let measured = target.values.iter().filter_map(|(connections, value)| {
            value.map(|value| format!("{connections}: {value:.2}"))
        });
        let values: Vec<_> = measured.collect();
        println!("  {:<44} {bound}  {verdict:<12}  {}", target.what, values.join("  "));
    }
}

fn targets(report: &Report) -> Vec<Target> {
    use Scenario::{ColdLarge, HotLarge, HotShallow};
    let rates = |what, least, scenario, pair, connections| {
        Target::of_rates(report, what, AtLeast(least), scenario, pair, connections)
    };
    vec![
        rates("zero-copy rate / bare libtorrent", 2.8, HotLarge, (OURS, BARE), &[8, 50]),
        rates("  with 16 requests outstanding", 2.8, HotShallow, (OURS, BARE), &[8, 50]),
        rates("  with a client for each core", 2.8, HotLarge, (OURS_CORES, BARE), &[8, 50]),
        rates("  both", 2.8, HotShallow, (OURS_CORES, BARE), &[8, 50]),
        zero_copy_cost(report),
        rates("zero-copy rate / no disk", 0.95, HotLarge, (OURS, "no-disk"), ALL),
        rates("copy rate / bare libtorrent", 1.4, HotLarge, (COPY, BARE), &[8, 50]),
        rates("  with 16 requests outstanding", 1.4, HotShallow, (COPY, BARE), &[8, 50]),
        rates("  with a client for each core", 1.4, HotLarge, (COPY_CORES, BARE), &[8, 50]),
        rates("  both", 1.4, HotShallow, (COPY_CORES, BARE), &[8, 50]),
        rates("zero-copy rate / rqbit", 1.4, HotLarge, (OURS, "rqbit"), ALL),
        rates("  with a client for each core", 1.4, HotLarge, (OURS_CORES, "rqbit"), ALL),
        rates("zero-copy rate / bare, one connection", 5.0, HotLarge, (OURS, BARE), &[1]),
        rates("  with 16 requests outstanding", 5.0, HotShallow, (OURS, BARE), &[1]),
        rates("zero-copy rate / bare, cold", 1.0, ColdLarge, (OURS, BARE), ALL),
        rates("  with a client for each core", 1.0, ColdLarge, (OURS_CORES, BARE), ALL),
        hot_while_cold(report),
    ]
}

fn zero_copy_cost(report: &Report) -> Target {
    let ratio = |connections: u32| {
        let ours = report.sample(Scenario::HotLarge, connections, OURS)?;
        Some(ours.cost() / report.sample(Scenario::HotLarge, connections, iperf3::KEY)?.cost())
    };
    Target {
        what: "zero-copy CPU per GiB / iperf3 sender",
        bound: AtMost(1.0),
        values: ALL.iter().map(|&connections| (connections, ratio(connections))).collect(),
    }
}

fn hot_while_cold(report: &Report) -> Target {
    let ours = report.hot_while_cold.iter().find(|(key, _)| *key == OURS);
    let kept = ours.map(|(_, measured)| measured.beside.rate() / measured.alone.rate());
    Target {
        what: "zero-copy hot rate kept beside cold reads",
        bound: AtLeast(0.8),
        values: vec![(8, kept)],
    }
}
