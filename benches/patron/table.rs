//! Figures and their targets.

use std::fmt;

/// The target of a figure.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
    /// The figure is only informative.
    None,
}

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

enum Row {
    Figure([String; 4]),
    Note(String),
}

const HEAD: [&str; 4] = ["figure", "median (lowest to highest)", "target", "verdict"];

impl Table {
    /// A figure that was measured several times; its median is compared with the target.
    pub(crate) fn figure(&mut self, name: &str, runs: &[f64], unit: &str, target: Target) {
        let sorted = sorted(runs);
        let median = percentile(&sorted, 50);
        let mut measured = format!("{} {unit}", number(median));
        if let [lowest, .., highest] = sorted[..] {
            measured += &format!(" ({} to {})", number(lowest), number(highest));
        }
        let (target, reached) = match target {
            Target::AtMost(most) => (format!("at most {} {unit}", number(most)), median <= most),
            Target::AtLeast(least) => {
                (format!("at least {} {unit}", number(least)), median >= least)
            }
            Target::None => return self.row(name, measured, String::new(), ""),
        };
        self.row(name, measured, target, if reached { "reached" } else { "missed" });
    }

    /// Adds paired runs as multiples of their reference.
    pub(crate) fn ratio(&mut self, name: &str, runs: &[f64], references: &[f64]) {
        let ratios: Vec<_> = runs.iter().zip(references).map(|(run, base)| run / base).collect();
        self.figure(name, &ratios, "times", Target::None);
    }

    pub(crate) fn note(&mut self, text: &str) {
        self.0.push(Row::Note(text.to_owned()));
    }

    fn row(&mut self, name: &str, measured: String, target: String, verdict: &str) {
        // At once, so that a run that is ended early is not lost.
        eprintln!("  {}: {measured}", name.trim_start());
        self.0.push(Row::Figure([name.to_owned(), measured, target, verdict.to_owned()]));
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut widths = HEAD.map(str::len);
        for row in &self.0 {
            if let Row::Figure(cells) = row {
                for (width, cell) in widths.iter_mut().zip(cells) {
                    *width = (*width).max(cell.chars().count());
                }
            }
        }
        let line = |f: &mut fmt::Formatter<'_>, cells: [&str; 4]| {
            let mut text = String::new();
            for (cell, width) in cells.iter().zip(widths) {
                text += &format!("{cell:<width$}  ");
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(f, HEAD)?;
        for row in &self.0 {
            match row {
                Row::Figure(cells) => line(f, cells.each_ref().map(String::as_str))?,
                Row::Note(text) => writeln!(f, "  {text}")?,
            }
        }
        Ok(())
    }
}

pub(crate) fn sorted(values: &[f64]) -> Vec<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values
}

/// Returns a percentile. `sorted` must contain at least one value.
pub(crate) fn percentile(sorted: &[f64], percent: usize) -> f64 {
    sorted[(sorted.len() * percent / 100).min(sorted.len() - 1)]
}

/// Formats a number with three significant digits and separators between thousands.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        ..1.0 => 3,
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let plain = format!("{value:.decimals$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut text = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place) % 3 == 0 && digit.is_ascii_digit() {
            text.push(',');
        }
        text.push(digit);
    }
    if fraction.is_empty() { text } else { format!("{text}.{fraction}") }
}
