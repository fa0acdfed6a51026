//! Plots one figure of all contenders by the number of torrents, as SVG.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::*;

use crate::Results;

const COLOURS: [RGBColor; 5] = [
    RGBColor(213, 94, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 114, 178),
    RGBColor(0, 45, 92),
    RGBColor(0, 158, 115),
];

pub(crate) fn bars(results: &Results, figure: &str, path: &Path) -> Result<()> {
    let value = |figures: &crate::Figures| figures.get(figure).copied();
    let all = results.values().flatten().filter_map(|(_, figures)| value(figures));
    let highest = all.fold(0.0, f64::max).max(f64::MIN_POSITIVE) * 1.1;
    let width = results.values().map(|rows| rows.len() + 1).max().unwrap_or(1);
    let root = SVGBackend::new(path, (720, 400)).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption(figure, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(32)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..(width * results.len()) as f64, 0.0..highest)?;
    let counts: Vec<_> = results.keys().collect();
    let label = |x: &f64| {
        let count = counts.get((*x / width as f64) as usize);
        count.map_or(String::new(), |count| format!("{count} torrents"))
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .x_labels(results.len())
        .x_label_formatter(&label)
        .draw()?;
    let mut named = Vec::new();
    for (place, rows) in results.values().enumerate() {
        for (number, (name, figures)) in rows.iter().enumerate() {
            let colour = COLOURS[number % COLOURS.len()];
            let left = (place * width + number) as f64 + 0.5;
            let top = value(figures).unwrap_or(0.0);
            let bar = Rectangle::new([(left, 0.0), (left + 0.9, top)], colour.filled());
            let series = chart.draw_series([bar])?;
            if !named.contains(&name) {
                named.push(name);
                series.label(name.clone()).legend(move |(x, y)| {
                    Rectangle::new([(x, y - 4), (x + 12, y + 4)], colour.filled())
                });
            }
        }
    }
    chart.configure_series_labels().background_style(WHITE.mix(0.8)).draw()?;
    root.present()?;
    Ok(())
}
