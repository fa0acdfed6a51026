//! One row for each contender: processor time, and time to first byte.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{GRID, INK, WIDTH, colour, round_up, text};
use crate::measure::Sample;
use crate::report::Report;
use crate::scenario::Scenario;

const ROW: i32 = 34;
const TOP: i32 = 56;
const BOTTOM: i32 = 60;
const LEFT: i32 = 190;
/// Space for the numbers at the ends of the bars.
const RIGHT: i32 = 110;

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

struct Row<'a> {
    key: &'static str,
    name: &'static str,
    sample: &'a Sample,
}

/// A horizontal axis, in pixels.
struct Axis {
    from: f64,
    to: f64,
    logarithmic: bool,
}

impl Axis {
    fn x(&self, value: f64) -> i32 {
        let part = if self.logarithmic {
            (value / self.from).ln() / (self.to / self.from).ln()
        } else {
            (value - self.from) / (self.to - self.from)
        };
        LEFT + (part * f64::from(WIDTH as i32 - LEFT - RIGHT)).round() as i32
    }

    fn ticks(&self) -> Vec<f64> {
        if self.logarithmic {
            let decades = (self.to / self.from).log10().round() as i32;
            return (0..=decades).map(|power| self.from * 10f64.powi(power)).collect();
        }
        (0..=5).map(|tick| self.from + (self.to - self.from) * f64::from(tick) / 5.0).collect()
    }
}

/// Plots the seeder's processor time per GiB, lowest first.
pub(super) fn costs(report: &Report, connections: u32, path: &Path) -> Result<()> {
    let mut rows = rows(report, connections);
    rows.sort_by(|a, b| a.sample.cost().total_cmp(&b.sample.cost()));
    let highest = rows.iter().map(|row| row.sample.cost()).fold(0.0, f64::max);
    let axis = Axis { from: 0.0, to: round_up(highest), logarithmic: false };

    let title = format!("Processor time of the seeder, {}", conditions(connections));
    let root = begin(path, &title, rows.len(), &axis, "CPU seconds per GiB sent (less is better)")?;
    for (row, y) in rows.iter().zip(centres()) {
        let end = axis.x(row.sample.cost());
        let bar = [(LEFT, y - 10), (end, y + 10)];
        root.draw(&Rectangle::new(bar, colour(row.key).filled()))?;
        name(&root, row, y)?;
        let value = format!("{:.2}", row.sample.cost());
        root.draw(&Text::new(value, (end + 8, y), text(14, HPos::Left, VPos::Center)))?;
    }
    root.present()?;
    Ok(())
}

/// Plots the range from the median to the 99th percentile, lowest first.
pub(super) fn first_bytes(report: &Report, connections: u32, path: &Path) -> Result<()> {
    let mut rows = rows(report, connections);
    rows.retain(|row| !row.sample.first_bytes.is_empty());
    let times = |row: &Row| {
        (row.sample.first_byte(0.5).unwrap_or(0.0), row.sample.first_byte(0.99).unwrap_or(0.0))
    };
    rows.sort_by(|a, b| times(a).0.total_cmp(&times(b).0));
    let lowest = rows.iter().map(|row| times(row).0).fold(f64::INFINITY, f64::min);
    let highest = rows.iter().map(|row| times(row).1).fold(0.0, f64::max);
    let decade = |value: f64| 10f64.powf(value);
    let axis = Axis {
        from: decade(lowest.log10().floor()),
        to: decade(highest.log10().ceil()),
        logarithmic: true,
    };

    let title = format!("Time to first byte on a fresh connection, {}", conditions(connections));
    let label = "milliseconds, logarithmic (less is better): filled p50, hollow p99";
    let root = begin(path, &title, rows.len(), &axis, label)?;
    for (row, y) in rows.iter().zip(centres()) {
        let (p50, p99) = times(row);
        let colour = colour(row.key);
        let ends = [(axis.x(p50), y), (axis.x(p99), y)];
        root.draw(&PathElement::new(ends.to_vec(), colour.stroke_width(3)))?;
        root.draw(&Circle::new(ends[1], 6, WHITE.filled()))?;
        root.draw(&Circle::new(ends[1], 6, colour.stroke_width(2)))?;
        root.draw(&Circle::new(ends[0], 6, colour.filled()))?;
        name(&root, row, y)?;
        let value = format!("{p50:.1} / {p99:.1}");
        let after = (ends[1].0 + 12, y);
        root.draw(&Text::new(value, after, text(14, HPos::Left, VPos::Center)))?;
    }
    root.present()?;
    Ok(())
}

fn conditions(connections: u32) -> String {
    format!("one large torrent in the page cache, {connections} connections")
}

fn rows(report: &Report, connections: u32) -> Vec<Row<'_>> {
    let rows = report.contenders.iter().filter_map(|contender| {
        let sample = report.sample(Scenario::HotLarge, connections, contender.key)?;
        // A contender that sent nothing has no cost.
        if sample.bytes == 0 {
            return None;
        }
        Some(Row { key: contender.key, name: contender.name, sample })
    });
    rows.collect()
}

fn centres() -> impl Iterator<Item = i32> {
    (0..).map(|row| TOP + ROW / 2 + row * ROW)
}

/// Begins a picture with a title and an axis.
fn begin<'p>(
    path: &'p Path,
    title: &str,
    rows: usize,
    axis: &Axis,
    label: &str,
) -> Result<Area<'p>> {
    let bottom = TOP + ROW * rows as i32;
    let root = SVGBackend::new(path, (WIDTH, (bottom + BOTTOM) as u32)).into_drawing_area();
    root.fill(&WHITE)?;
    root.draw(&Text::new(title.to_owned(), (16, 12), text(18, HPos::Left, VPos::Top)))?;
    for tick in axis.ticks() {
        let x = axis.x(tick);
        root.draw(&PathElement::new(vec![(x, TOP), (x, bottom)], GRID))?;
        // Nine digits, without zeros at the end.
        let number = format!("{}", (tick * 1e9).round() / 1e9);
        root.draw(&Text::new(number, (x, bottom + 8), text(14, HPos::Center, VPos::Top)))?;
    }
    let middle = (LEFT + WIDTH as i32 - RIGHT) / 2;
    let below = (middle, bottom + 32);
    root.draw(&Text::new(label.to_owned(), below, text(14, HPos::Center, VPos::Top)))?;
    root.draw(&PathElement::new(vec![(LEFT, TOP), (LEFT, bottom)], INK))?;
    Ok(root)
}

fn name(root: &Area, row: &Row, y: i32) -> Result<()> {
    root.draw(&Text::new(row.name, (LEFT - 12, y), text(14, HPos::Right, VPos::Center)))?;
    Ok(())
}
