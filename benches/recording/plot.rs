// SPDX-License-Identifier: MPL-2.0
//! Cost against number of streams, as SVG.

use std::path::Path;

use plotters::prelude::*;

use crate::case::Outcome;

const SIZE: (u32, u32) = (800, 480);

pub fn draw(outcomes: &[Outcome], media: &str, title: &str, file: &Path) -> Result<(), String> {
    let outcomes: Vec<_> = outcomes.iter().filter(|o| o.media == media).collect();
    let text = |e: &dyn std::fmt::Display| e.to_string();
    let most = outcomes.iter().map(|o| o.streams).max().unwrap_or(1) as f64;
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
        .build_cartesian_2d((1.0..most * 1.1).log_scale(), 0.0..dearest * 1.15)
        .map_err(|e| text(&e))?;
    chart
        .configure_mesh()
        .x_desc("streams")
        .y_desc("CPU-ms per stream-second")
        .max_light_lines(0)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .draw()
        .map_err(|e| text(&e))?;
    let mut recorders: Vec<_> = outcomes.iter().map(|o| o.recorder).collect();
    recorders.sort_unstable();
    recorders.dedup();
    for (number, recorder) in recorders.into_iter().enumerate() {
        let colour = Palette99::pick(number).to_rgba();
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
        .background_style(WHITE)
        .border_style(BLACK)
        .draw()
        .map_err(|e| text(&e))?;
    root.present().map_err(|e| text(&e))
}
