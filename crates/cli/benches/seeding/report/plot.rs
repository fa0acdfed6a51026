//! The plots, as SVG.

mod bars;
mod lines;

use std::path::{Path, PathBuf};

use anyhow::Result;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::Report;
use crate::scenario::Scenario;

const WIDTH: u32 = 880;
const INK: RGBColor = RGBColor(51, 51, 51);
const GRID: RGBColor = RGBColor(222, 222, 222);

pub(super) fn write(report: &Report, directory: &Path) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for scenario in
        [Scenario::HotLarge, Scenario::HotShallow, Scenario::HotSmall, Scenario::ColdLarge]
    {
        // A line needs at least two points.
        if report.connections(scenario).len() > 1 {
            let path = directory.join(format!("rate-{}.svg", scenario.key()));
            lines::rates(report, scenario, &path)?;
            written.push(path);
        }
    }
    if let Some(connections) = usual(report) {
        let (cpu, first_byte) = (directory.join("cpu.svg"), directory.join("first-byte.svg"));
        bars::costs(report, connections, &cpu)?;
        bars::first_bytes(report, connections, &first_byte)?;
        written.extend([cpu, first_byte]);
    }
    Ok(written)
}

/// Returns the typical number of connections: 50, or the nearest to it.
fn usual(report: &Report) -> Option<u32> {
    let measured = report.connections(Scenario::HotLarge);
    measured.into_iter().min_by_key(|connections| connections.abs_diff(50))
}

/// The colour of a contender is the same in all plots. Colour-blind people can distinguish all colours (Okabe
/// and Ito); our secondary contenders are tints of our colour.
fn colour(key: &str) -> RGBColor {
    match key {
        "patron-zero-copy" => RGBColor(0, 114, 178),
        "patron-zero-copy-cores" => RGBColor(0, 45, 92),
        "patron-copy-cores" => RGBColor(40, 140, 160),
        "patron-copy" => RGBColor(86, 180, 233),
        "patron-stock" => RGBColor(166, 200, 224),
        "bare" => RGBColor(213, 94, 0),
        "no-disk" => RGBColor(150, 150, 150),
        "rqbit" => RGBColor(0, 158, 115),
        "transmission" => RGBColor(204, 121, 167),
        "qbittorrent" => RGBColor(230, 159, 0),
        _ => RGBColor(90, 90, 90),
    }
}

fn text(size: u32, horizontal: HPos, vertical: VPos) -> TextStyle<'static> {
    ("sans-serif", size).into_font().color(&INK).pos(Pos::new(horizontal, vertical))
}

/// Returns the smallest number that is not below this and that can be divided into five round steps.
fn round_up(value: f64) -> f64 {
    let magnitude = 10f64.powf(value.log10().floor());
    let steps = [1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0];
    steps.into_iter().map(|step| step * magnitude).find(|&round| round >= value).unwrap_or(value)
}
