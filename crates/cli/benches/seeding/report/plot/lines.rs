//! Plots rates by the number of connections, one line for each contender.

use std::path::Path;

use anyhow::Result;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::{GRID, INK, WIDTH, colour, round_up, text};
use crate::report::Report;
use crate::scenario::Scenario;

const HEIGHT: u32 = 460;
/// Space for the names, right of the lines.
const LEGEND: u32 = 180;
const LINE: i32 = 20;

struct Line {
    name: &'static str,
    colour: RGBColor,
    /// The points, by the index of the number of connections.
    points: Vec<(f64, f64)>,
}

pub(super) fn rates(report: &Report, scenario: Scenario, path: &Path) -> Result<()> {
    let connections = report.connections(scenario);
    let lines = lines(report, scenario, &connections);
    let highest =
        lines.iter().flat_map(|line| &line.points).map(|point| point.1).fold(0.0, f64::max);

    let root = SVGBackend::new(path, (WIDTH, HEIGHT)).into_drawing_area();
    root.fill(&WHITE)?;
    let title = text(20, HPos::Left, VPos::Top);
    root.draw(&Text::new(format!("{}: rate", scenario.title()), (16, 12), title))?;
    let (left, right) = root.margin(44, 8, 12, 0).split_horizontally(WIDTH - LEGEND - 12);
    draw(&left, &connections, &lines, round_up(highest))?;
    draw_legend(&right, &lines)?;
    root.present()?;
    Ok(())
}

fn lines(report: &Report, scenario: Scenario, connections: &[u32]) -> Vec<Line> {
    let mut lines = Vec::new();
    for contender in report.contenders.iter().filter(|contender| contender.key != "iperf3") {
        let points = connections.iter().enumerate().filter_map(|(index, &connections)| {
            let sample = report.sample(scenario, connections, contender.key)?;
            Some((index as f64, sample.rate()))
        });
        let points: Vec<_> = points.collect();
        if !points.is_empty() {
            lines.push(Line { name: contender.name, colour: colour(contender.key), points });
        }
    }
    lines
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

fn draw(area: &Area, connections: &[u32], lines: &[Line], highest: f64) -> Result<()> {
    let last = connections.len() as f64 - 1.0;
    let mut chart = ChartBuilder::on(area)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(-0.15..last + 0.15, 0.0..highest)?;
    // The numbers of connections are far apart, so they are drawn at equal distances.
    let mesh_style = text(14, HPos::Center, VPos::Center);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(INK)
        .disable_x_axis()
        .y_labels(6)
        .y_label_formatter(&|rate| format!("{rate:.0}"))
        .y_desc("MiB/s")
        .axis_desc_style(mesh_style.clone())
        .y_label_style(mesh_style)
        .draw()?;
    for (index, connections) in connections.iter().enumerate() {
        let (x, y) = chart.backend_coord(&(index as f64, 0.0));
        let (left, top) = area.get_base_pixel();
        let label = text(14, HPos::Center, VPos::Top);
        area.draw(&Text::new(connections.to_string(), (x - left, y - top + 8), label))?;
    }
    let (width, height) = area.dim_in_pixel();
    let below = (width as i32 / 2 + 36, height as i32 - 20);
    area.draw(&Text::new("connections", below, text(14, HPos::Center, VPos::Top)))?;

    for line in lines {
        let path = PathElement::new(line.points.clone(), line.colour.stroke_width(2));
        chart.draw_series([path])?;
        let dots = line.points.iter().map(|&point| Circle::new(point, 4, line.colour.filled()));
        chart.draw_series(dots)?;
    }
    Ok(())
}

/// Draws the names, in the order in which the lines end.
fn draw_legend(area: &Area, lines: &[Line]) -> Result<()> {
    let mut sorted: Vec<_> = lines.iter().collect();
    let end = |line: &Line| line.points.last().map_or(0.0, |point| point.1);
    sorted.sort_by(|a, b| end(b).total_cmp(&end(a)));
    for (row, line) in (0..).zip(sorted) {
        let y = 16 + row * LINE;
        area.draw(&Rectangle::new([(8, y - 2), (30, y + 1)], line.colour.filled()))?;
        area.draw(&Circle::new((19, y), 4, line.colour.filled()))?;
        area.draw(&Text::new(line.name, (38, y), text(14, HPos::Left, VPos::Center)))?;
    }
    Ok(())
}
