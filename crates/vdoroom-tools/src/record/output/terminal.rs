// SPDX-License-Identifier: MPL-2.0
//! A table on the terminal, redrawn in place; what happens scrolls away above it.

use std::fmt::Display;

use console::{Alignment, Style, Term, style, truncate_str};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::record::end::End;
use crate::record::options::Options;
use crate::record::status::{Files, Status, Stream};

use super::contract::{Output, print};
use super::{columns, files, words};

const COLUMNS: [(&str, Alignment); 7] = [
    ("WHO", Alignment::Left),
    ("STATE", Alignment::Left),
    ("SENDS", Alignment::Left),
    ("TIME", Alignment::Right),
    ("SIZE", Alignment::Right),
    ("RATE", Alignment::Right),
    ("LOST", Alignment::Right),
];
const GAP: &str = "  ";
/// Above so much, loss is worth a look.
const LOSSY: f64 = 0.01;
const VERY_LOSSY: f64 = 0.05;
/// With less time left on the disk than this, it is shown in red.
const SCARCE_SECONDS: u64 = 600;

pub struct Terminal {
    title: String,
    location: String,
    min_free: u64,
    term: Term,
    table: ProgressBar,
}

impl Terminal {
    pub fn new(options: &Options) -> Self {
        let room = options.room.room.clone();
        let min_free = options.files.min_free_space.map(|size| size.as_u64());
        let table = ProgressBar::with_draw_target(None, ProgressDrawTarget::stdout());
        // Without a template that is wrong in itself, this cannot fail.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            table.set_style(style);
        }
        Self {
            title: words::clean(&room.unwrap_or_else(|| options.room.streams.join(", "))),
            location: words::clean(&options.files.location),
            min_free: min_free.unwrap_or(256 << 20),
            term: Term::stdout(),
            table,
        }
    }

    fn say(&self, mark: impl Display, text: &str) {
        let time = style(words::time_of_day()).dim();
        self.table.println(format!("{time} {mark} {text}"));
    }

    fn head(&self, status: &Status) -> String {
        let light = match status.room.state.as_str() {
            "joined" => style("●").green(),
            "connecting" | "joining" => style("●").yellow(),
            _ => style("●").red(),
        };
        format!(
            "{light} {}  {}, {}  {}",
            style(&self.title).bold(),
            words::room(&status.room),
            words::people(status.recorded_people()),
            style(words::clock(status.elapsed)).bold(),
        )
    }

    fn foot(&self, status: &Status) -> String {
        let mut foot = format!("{} to {}", words::size(status.files.bytes), self.location);
        if let Some(disk) = words::disk(status, self.min_free) {
            let left = words::seconds_left(status, self.min_free);
            let colour = match left.is_some_and(|seconds| seconds < SCARCE_SECONDS) {
                true => Style::new().red().bold(),
                false => Style::new(),
            };
            foot += &format!("{GAP}·{GAP}{}", colour.apply_to(disk));
        }
        if status.marks > 0 {
            foot += &format!("{GAP}·{GAP}{}", words::marks(status.marks));
        }
        if status.warnings > 0 {
            let warnings = format!("{} warnings", status.warnings);
            foot += &format!("{GAP}·{GAP}{}", style(warnings).yellow());
        }
        foot + &format!("{GAP}·{GAP}{}", style("m marks, q ends").dim())
    }
}

impl Output for Terminal {
    fn started(&mut self, metrics: Option<&str>) {
        if let Some(address) = metrics {
            self.say(style("·").dim(), &format!("metrics at {address}"));
        }
    }

    fn status(&mut self, status: &Status) {
        let (height, width) = self.term.size();
        let mut streams: Vec<_> = status.streams.iter().collect();
        streams.sort_by_key(|stream| rank(stream));
        // The title, the header, the total, the last line, three empty ones, and the cursor's.
        let room = usize::from(height).saturating_sub(8).max(1);
        let hidden = streams.len().saturating_sub(room);
        streams.truncate(room);
        let mut lines = vec![String::new(), self.head(status), String::new()];
        lines.extend(table(&streams, status));
        if hidden > 0 {
            lines.push(style(format!("and {hidden} more")).dim().to_string());
        }
        lines.extend([String::new(), self.foot(status)]);
        let width = usize::from(width);
        let lines = lines.iter().map(|line| truncate_str(line, width, "…"));
        self.table.set_message(lines.collect::<Vec<_>>().join("\n"));
    }

    fn news(&mut self, event: &str, fields: &gst::Structure) {
        let mark = match event {
            "part-failed" => style("✗").red(),
            "mark" => style("◆").cyan(),
            _ => style("✓").green(),
        };
        if let Some(text) = files::news(event, fields) {
            self.say(mark, &text);
        }
    }

    fn warning(&mut self, text: &str) {
        self.say(style("!").yellow().bold(), &words::clean(text));
    }

    fn closing(&mut self) {
        self.say(style("·").dim(), "closing the files");
    }

    fn ended(&mut self, files: &gst::Structure, _: &Files, _: &End) {
        self.table.finish_and_clear();
        print("");
        for line in files::table(files) {
            print(&line);
        }
    }
}

/// People who are recorded come first, those who have left last.
fn rank(stream: &Stream) -> u8 {
    match stream.state.as_str() {
        _ if stream.recording => 0,
        "left" | "away" => 3,
        "unwanted" => 2,
        _ => 1,
    }
}

fn table(streams: &[&Stream], status: &Status) -> Vec<String> {
    let mut rows: Vec<_> = streams.iter().map(|stream| row(stream)).collect();
    if streams.len() > 1 {
        let recorded = status.streams.iter().map(|stream| stream.recorded).sum();
        let bold = |text: String| style(text).bold().to_string();
        rows.push([
            bold("all".into()),
            String::new(),
            String::new(),
            bold(words::clock(recorded)),
            bold(words::size(status.files.bytes)),
            bold(words::bitrate(status.bitrate)),
            String::new(),
        ]);
    }
    columns::lines(COLUMNS, rows, columns::WIDEST)
}

fn row(stream: &Stream) -> [String; 7] {
    let colour = match words::state(stream) {
        "recording" => Style::new().green(),
        "silent" => Style::new().red(),
        "left" | "gone" | "left out" => Style::new().dim(),
        _ => Style::new().yellow(),
    };
    let loss_colour = match stream.loss().unwrap_or_default() {
        loss if loss > VERY_LOSSY => Style::new().red().bold(),
        loss if loss > LOSSY => Style::new().yellow(),
        _ => Style::new(),
    };
    [
        words::who(&stream.stream_id, stream.label.as_deref()),
        colour.apply_to(words::state(stream)).to_string(),
        words::media(&stream.tracks),
        words::clock(stream.recorded),
        words::size(stream.bytes),
        words::bitrate(stream.bitrate),
        loss_colour.apply_to(words::loss(stream)).to_string(),
    ]
}
