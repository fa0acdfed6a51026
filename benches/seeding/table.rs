//! The figures of all runs, and whether they reach the target.

use crate::measure::{CONNECTIONS, Pairs, Sample};
use crate::seeder::Side;

/// The wrapper's rate as a part of bare libtorrent's.
const TARGET: f64 = 0.97;
/// The share of the seeder's processor time that the load generator may take.
const LIGHT: f64 = 0.5;
/// CPUs that other programs may take without making the figures worthless.
const QUIET: f64 = 0.05;
const MIB: f64 = (1u64 << 20) as f64;
const GIB: f64 = (1u64 << 30) as f64;

const COLUMNS: usize = 8;
const RATIO: usize = 4;

pub(crate) fn print(sides: &[Side; 2], runs: &[Pairs]) {
    for (index, connections) in CONNECTIONS.into_iter().enumerate() {
        let pairs: Vec<_> = runs.iter().map(|run| run[index]).collect();
        print_connections(connections, sides, &pairs);
    }
}

fn print_connections(connections: u32, sides: &[Side; 2], pairs: &[[Sample; 2]]) {
    let rows: Vec<_> = pairs.iter().map(row).collect();
    let columns: [Vec<f64>; COLUMNS] = std::array::from_fn(|column| {
        let mut values: Vec<_> = rows.iter().map(|row| row[column]).collect();
        values.sort_by(f64::total_cmp);
        values
    });
    let medians = columns.each_ref().map(|values| median(values));

    let served = pairs.as_flattened().iter().map(|sample| sample.served).min().unwrap_or(0);
    let [bare, wrapper] = sides.each_ref().map(Side::name);
    println!("\n{connections} connections, {served} of them unchoked");
    println!("        {bare:>18} {wrapper:>18}           load generator  others");
    println!("  run   MiB/s  CPU s/GiB   MiB/s  CPU s/GiB   ratio   CPU s/GiB        CPUs");
    for (number, row) in (1..).zip(&rows) {
        print_row(&number.to_string(), row);
    }
    print_row("median", &medians);
    print_verdict(&medians, &columns[RATIO]);
}

/// One line of the table.
fn row([bare, wrapper]: &[Sample; 2]) -> [f64; COLUMNS] {
    let foreign = bare.foreign_cpu + wrapper.foreign_cpu;
    [
        rate(bare),
        bare.seeder_cpu.as_secs_f64() / gib(bare),
        rate(wrapper),
        wrapper.seeder_cpu.as_secs_f64() / gib(wrapper),
        rate(wrapper) / rate(bare),
        bare.taken.cpu.as_secs_f64() / gib(bare),
        wrapper.taken.cpu.as_secs_f64() / gib(wrapper),
        foreign.div_duration_f64(bare.taken.elapsed + wrapper.taken.elapsed),
    ]
}

fn rate(sample: &Sample) -> f64 {
    sample.taken.bytes as f64 / MIB / sample.taken.elapsed.as_secs_f64()
}

fn gib(sample: &Sample) -> f64 {
    sample.taken.bytes as f64 / GIB
}

fn print_row(name: &str, row: &[f64; COLUMNS]) {
    let [bare, bare_cost, wrapper, wrapper_cost, ratio, load_bare, load_wrapper, others] = row;
    println!(
        "  {name:<6}{bare:>6.0}{bare_cost:>11.3}{wrapper:>8.0}{wrapper_cost:>11.3}{ratio:>8.3}\
         {load_bare:>9.3} /{load_wrapper:>6.3}{others:>8.2}"
    );
}

fn print_verdict(medians: &[f64; COLUMNS], ratios: &[f64]) {
    let [_, bare_cost, _, wrapper_cost, ratio, load_bare, load_wrapper, others] = *medians;
    if let [lowest, .., highest] = ratios {
        print!("  ratio {ratio:.3}, from {lowest:.3} to {highest:.3}");
    } else {
        print!("  ratio {ratio:.3}");
    }
    println!("; target {TARGET}: {}", if ratio >= TARGET { "reached" } else { "missed" });

    if others > QUIET {
        println!("  other programs took {others:.2} CPUs: a quiet machine would say more");
    }
    let share = (load_bare / bare_cost).max(load_wrapper / wrapper_cost);
    if share > LIGHT {
        println!("  the load generator took {:.0}% of the seeder's CPU: too much", share * 100.0);
    }
}

fn median(sorted: &[f64]) -> f64 {
    match sorted.len() {
        0 => f64::NAN,
        n if n % 2 == 1 => sorted[n / 2],
        n => f64::midpoint(sorted[n / 2 - 1], sorted[n / 2]),
    }
}
