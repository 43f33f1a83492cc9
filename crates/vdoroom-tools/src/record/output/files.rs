// SPDX-License-Identifier: MPL-2.0
//! The files that were written: a line when one is closed, and the table at the end.

use std::path::{Path, PathBuf};

use console::{Alignment, style};

use crate::record::status::structures;

use super::{columns, words};

const HEADER: [(&str, Alignment); 6] = [
    ("FILE", Alignment::Left),
    ("WHO", Alignment::Left),
    ("SENT", Alignment::Left),
    ("TIME", Alignment::Right),
    ("SIZE", Alignment::Right),
    ("STATE", Alignment::Left),
];

/// What is worth a line of what the elements tell: of a part, or of a mark.
pub fn news(event: &str, part: &gst::Structure) -> Option<String> {
    let file = short(&text(part, "file"));
    match event {
        "mark" => Some(words::clean(&format!("marked: {}", text(part, "text")))),
        "part-closed" => Some(format!("closed {file}, {}, {}", time(part), size(part))),
        // The warning says why.
        "part-failed" => Some(format!("failed {file}, {}, {}", time(part), size(part))),
        _ => None,
    }
}

/// `files` is the property of roomfilesink.
pub fn table(files: &gst::Structure) -> Vec<String> {
    let parts: Vec<_> = structures(files, "parts").collect();
    if parts.is_empty() {
        return vec!["Nothing was recorded.".into()];
    }
    let rows = parts.iter().map(row).collect();
    let mut lines = columns::lines(HEADER, rows, usize::MAX);
    let sum = |field: &str| -> u64 { parts.iter().map(|part| number(part, field)).sum() };
    lines.push(format!(
        "{} {}, {} in all, {}",
        parts.len(),
        if parts.len() == 1 { "file" } else { "files" },
        words::clock(sum("duration")),
        words::size(sum("bytes")),
    ));
    lines
}

fn row(part: &gst::Structure) -> [String; 6] {
    let codecs = structures(part, "tracks").map(|track| {
        let codec = text(&track, "codec").to_uppercase();
        match sizes(&track).as_slice() {
            [] => codec,
            [size] => format!("{codec} {size}"),
            sizes => format!("{codec} {} sizes", sizes.len()),
        }
    });
    let state = match (part.has_field("error"), part.has_field("ended")) {
        (true, _) => style(words::clean(&format!("failed: {}", text(part, "error")))).red(),
        (_, true) => style("whole".into()).green(),
        _ => style("not closed".into()).red(),
    };
    [
        short(&text(part, "file")),
        words::who(&text(part, "stream"), Some(&text(part, "label"))),
        codecs.collect::<Vec<_>>().join(", "),
        time(part),
        size(part),
        state.to_string(),
    ]
}

fn sizes(track: &gst::Structure) -> Vec<String> {
    let sizes: Option<gst::Array> = track.get("sizes").ok();
    let sizes = sizes.as_ref().map_or(&[] as &[_], |sizes| sizes.as_slice());
    sizes.iter().filter_map(|size| size.get().ok()).collect()
}

/// As it would be written here.
fn short(file: &str) -> String {
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
    let path = Path::new(file);
    let path = path.strip_prefix(&folder).unwrap_or(path);
    words::clean(&path.to_string_lossy())
}

fn text(of: &gst::Structure, field: &str) -> String {
    of.get(field).unwrap_or_default()
}

fn number(of: &gst::Structure, field: &str) -> u64 {
    let signed = of.get::<i64>(field).map(|value| value.max(0) as u64);
    signed.or_else(|_| of.get::<u64>(field)).unwrap_or_default()
}

fn time(part: &gst::Structure) -> String {
    words::clock(number(part, "duration"))
}

fn size(part: &gst::Structure) -> String {
    words::size(number(part, "bytes"))
}
