//! The tables.

use super::Report;
use crate::contenders::iperf3;
use crate::measure::Sample;
use crate::scenario::Scenario;

/// The share of the seeder's processor time that the load generator may take.
const LIGHT: f64 = 0.5;
/// The number of CPUs that other programs may use without making the figures unreliable.
const QUIET: f64 = 0.05;
const MIB: f64 = (1u64 << 20) as f64;

const HEAD: &str = "  contender                  MiB/s  ratio  CPU s/GiB   RSS  (own) MiB   first byte ms: p50    p99   load CPU s/GiB";

pub(super) fn print(report: &Report) {
    let facts = &report.facts;
    println!(
        "\n{}, {} cores, {} MiB, {}, libtorrent {}, {}",
        facts.processor, facts.cores, facts.memory_mib, facts.kernel, facts.libtorrent, facts.date
    );
    for contender in &report.contenders {
        println!("  {:<24} {}", contender.name, contender.about);
    }
    if !facts.kernel_discards {
        println!("  this kernel copies what the load generator throws away: it costs more here");
    }
    for scenario in [
        Scenario::HotLarge,
        Scenario::HotShallow,
        Scenario::HotSmall,
        Scenario::ColdLarge,
        Scenario::ColdSmall,
    ] {
        for connections in report.connections(scenario) {
            print_cell(report, scenario, connections);
        }
    }
    print_hot_while_cold(report);
    print_remarks(report);
}

fn print_cell(report: &Report, scenario: Scenario, connections: u32) {
    let plural = if connections == 1 { "" } else { "s" };
    println!("\n{}, {connections} connection{plural}\n{HEAD}", scenario.title());
    for contender in &report.contenders {
        let Some(sample) = report.sample(scenario, connections, contender.key) else {
            continue;
        };
        let ratio = report.ratio(scenario, connections, sample);
        println!(
            "  {:<23} {:>8.0} {} {:>10.3} {} {}   {}",
            contender.name,
            sample.rate(),
            number(ratio, 6, 2),
            sample.cost(),
            memory(sample),
            first_bytes(sample),
            if contender.key == iperf3::KEY {
                String::new()
            } else {
                format!("{:>14.3}", sample.load_cost())
            }
        );
        if contender.key != iperf3::KEY && sample.unchoked < connections {
            println!("    unchoked only {} connections", sample.unchoked);
        }
        if sample.unanswered > 0 {
            println!("    left {} requests on fresh connections unanswered", sample.unanswered);
        }
    }
}

fn memory(sample: &Sample) -> String {
    match sample.memory {
        Some(memory) => {
            let (resident, own) = (memory.resident as f64 / MIB, memory.anonymous as f64 / MIB);
            format!("{resident:>5.0} {:>8}   ", format!("({own:.0})"))
        }
        None => format!("{:17}", ""),
    }
}

fn first_bytes(sample: &Sample) -> String {
    let (p50, p99) = (sample.first_byte(0.5), sample.first_byte(0.99));
    format!("{} {}", number(p50, 18, 2), number(p99, 6, 2))
}

fn number(value: Option<f64>, width: usize, digits: usize) -> String {
    value.map_or_else(|| " ".repeat(width), |value| format!("{value:>width$.digits$}"))
}

fn print_hot_while_cold(report: &Report) {
    if report.hot_while_cold.is_empty() {
        return;
    }
    println!("\n{}, 8 connections and 1", Scenario::HotWhileCold.title());
    println!(
        "  contender               alone MiB/s  beside   kept   cold MiB/s   p99 to first byte ms: alone  beside"
    );
    for (key, measured) in &report.hot_while_cold {
        let contender = report.contenders.iter().find(|contender| contender.key == *key);
        let (alone, beside) = (measured.alone.rate(), measured.beside.rate());
        println!(
            "  {:<23} {alone:>11.0} {beside:>7.0} {:>6.2} {:>12.0} {} {}",
            contender.map_or(*key, |contender| contender.name),
            beside / alone,
            measured.cold_rate,
            number(measured.alone.first_byte(0.99), 28, 2),
            number(measured.beside.first_byte(0.99), 7, 2),
        );
    }
}

/// Prints reasons why the figures may be unreliable.
fn print_remarks(report: &Report) {
    let measured: Vec<_> =
        report.cells.iter().filter(|cell| cell.contender != iperf3::KEY).collect();
    let sum =
        |part: fn(&Sample) -> f64| measured.iter().map(|cell| part(&cell.sample)).sum::<f64>();
    println!();
    // If a seeder is slow for other reasons, the load generator mostly waits.
    let hot = measured.iter().filter(|cell| {
        let ratio = report.ratio(cell.scenario, cell.connections, &cell.sample);
        cell.scenario.is_hot() && ratio.is_some_and(|ratio| ratio >= 0.5)
    });
    let shares = hot.map(|cell| {
        (cell.sample.load_cost() / cell.sample.cost(), cell.contender, cell.connections)
    });
    if let Some((share, contender, connections)) = shares.max_by(|a, b| a.0.total_cmp(&b.0)) {
        println!(
            "the load generator took at most {:.0} % of the CPU of a seeder ({contender}, \
             {connections} connections){}",
            share * 100.0,
            if share > LIGHT { ": too much" } else { "" }
        );
    }
    let others =
        sum(|sample| sample.foreign_cpu.as_secs_f64()) / sum(|sample| sample.elapsed.as_secs_f64());
    if others > QUIET {
        println!("other programs took {others:.2} CPUs: a quiet machine would say more");
    }
}
