// SPDX-License-Identifier: MPL-2.0
//! Cost against number of streams, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::case::Outcome;

const SIZE: (u32, u32) = (800, 480);
/// Of the recorders, in the order of their names.
const COLOURS: [RGBColor; 4] = [
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xe6, 0x6f, 0x00),
];

pub fn draw(outcomes: &[Outcome], media: &str, title: &str, file: &Path) -> Result<(), String> {
    let outcomes: Vec<_> = outcomes.iter().filter(|o| o.media == media).collect();
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let mut counts: Vec<_> = outcomes.iter().map(|o| o.streams).collect();
    counts.sort_unstable();
    counts.dedup();
    let most = counts.last().copied().unwrap_or(1) as f64;
    let counts = counts.into_iter().map(|count| count as f64).collect();
    let dearest = outcomes
        .iter()
        .map(|o| o.cpu_ms_per_stream_second)
        .fold(1.0, f64::max);
    let root = SVGBackend::new(file, SIZE).into_drawing_area();
    root.fill(&WHITE).map_err(|e| text(&e))?;
    let mut chart = ChartBuilder::on(&root)
        .caption(title, ("sans-serif", 20))
        .margin(12)
        .x_label_area_size(44)
        .y_label_area_size(56)
        .build_cartesian_2d(
            (1.0..most * 1.1).log_scale().with_key_points(counts),
            0.0..dearest * 1.15,
        )
        .map_err(|e| text(&e))?;
    chart
        .configure_mesh()
        .x_desc("streams")
        .y_desc("CPU-ms per stream-second")
        .max_light_lines(0)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| format!("{y:.0}"))
        .draw()
        .map_err(|e| text(&e))?;
    let mut recorders: Vec<_> = outcomes.iter().map(|o| o.recorder).collect();
    recorders.sort_unstable();
    recorders.dedup();
    for (recorder, colour) in recorders.into_iter().zip(COLOURS) {
        let points: Vec<_> = outcomes
            .iter()
            .filter(|o| o.recorder == recorder)
            .map(|o| (o.streams as f64, o.cpu_ms_per_stream_second))
            .collect();
        let dots = points
            .iter()
            .map(|point| Circle::new(*point, 4, colour.filled()));
        chart.draw_series(dots).map_err(|e| text(&e))?;
        chart
            .draw_series(LineSeries::new(points, colour.stroke_width(2)))
            .map_err(|e| text(&e))?
            .label(recorder)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperRight)
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(|e| text(&e))?;
    root.present().map_err(|e| text(&e))
}
