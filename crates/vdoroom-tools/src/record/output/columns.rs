// SPDX-License-Identifier: MPL-2.0
//! Cells, which may have colours, in columns.

use console::{Alignment, measure_text_width, pad_str, style};

const GAP: &str = "  ";
/// No column of the live table needs more, so that one guest's long label leaves room for numbers.
pub const WIDEST: usize = 30;

/// The lines of a table with this header, cells cut to `widest`.
pub fn lines<const N: usize>(
    header: [(&str, Alignment); N],
    rows: Vec<[String; N]>,
    widest: usize,
) -> Vec<String> {
    let mut all = vec![header.map(|(name, _)| style(name).dim().to_string())];
    all.extend(rows);
    let width = |column: usize| all.iter().map(|row| measure_text_width(&row[column])).max();
    let widths: [usize; N] = std::array::from_fn(|column| width(column).unwrap_or(0).min(widest));
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).zip(header);
        let cells = cells.map(|((cell, width), (_, side))| pad_str(cell, width, side, Some("…")));
        cells.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
    };
    all.iter().map(line).collect()
}
