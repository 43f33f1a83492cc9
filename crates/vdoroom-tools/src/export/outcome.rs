// SPDX-License-Identifier: MPL-2.0
//! What became of an export: a table, or JSON for scripts.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use vdoroom_recordings::export::{AudioWork, Output, VideoWork};
use vdoroom_recordings::survey::seconds;
use vdoroom_server::printable;

use crate::table;

const HEADER: [&str; 8] = [
    "file",
    "who",
    "start (UTC)",
    "duration",
    "video",
    "audio",
    "bytes",
    "state",
];

#[derive(Debug, Default, Serialize)]
pub struct Outcome {
    pub outputs: Vec<Row>,
    pub notes: Vec<String>,
    pub warnings: Vec<String>,
    #[serde(skip)]
    pub is_interrupted: bool,
}

/// A file of the export.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    pub file: PathBuf,
    pub who: String,
    pub start_utc: String,
    /// Nanoseconds.
    pub duration: u64,
    pub video: Option<String>,
    pub audio: Option<String>,
    pub bytes: Option<u64>,
    pub state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    Written,
    /// It was there already.
    Skipped,
    /// Something of the recording is missing in it.
    Incomplete,
    Failed,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Written => "written",
            Self::Skipped => "is there already",
            Self::Incomplete => "incomplete",
            Self::Failed => "failed",
        }
    }
}

impl Row {
    pub fn new(output: &Output, file: PathBuf, state: State, error: Option<String>) -> Self {
        let start = SystemTime::UNIX_EPOCH + Duration::from_nanos(output.start_utc);
        Self {
            who: output.who.clone(),
            start_utc: humantime::format_rfc3339_millis(start).to_string(),
            duration: output.length,
            video: output.video.as_ref().map(|work| video(&work.how)),
            audio: output.audio.as_ref().map(|audio| match audio.how {
                AudioWork::Copied => "opus, copied".to_owned(),
                AudioWork::Encoded(codec) => codec.name().to_owned(),
            }),
            bytes: file.metadata().ok().map(|m| m.len()),
            file,
            state,
            error,
        }
    }
}

fn video(how: &VideoWork) -> String {
    match how {
        VideoWork::Copied { codec, .. } => format!("{codec}, copied"),
        VideoWork::Encoded {
            codec, size, why, ..
        } => format!("{} {}x{}: {why}", codec.name(), size.0, size.1),
    }
}

impl Outcome {
    pub fn is_whole(&self) -> bool {
        let fine = |row: &Row| matches!(row.state, State::Written | State::Skipped);
        self.warnings.is_empty() && self.outputs.iter().all(fine)
    }

    /// There is not one file.
    pub fn has_failed(&self) -> bool {
        let failed = |row: &Row| row.state == State::Failed;
        !self.outputs.is_empty() && self.outputs.iter().all(failed)
    }

    pub fn print(&self, json: bool) {
        if json {
            println!("{:#}", serde_json::json!(self));
            return;
        }
        let header = HEADER.map(str::to_owned);
        let rows: Vec<_> = std::iter::once(header)
            .chain(self.outputs.iter().map(cells))
            .collect();
        table::lines(&rows)
            .iter()
            .for_each(|line| println!("{line}"));
        for note in &self.notes {
            eprintln!("note: {note}");
        }
        for warning in &self.warnings {
            eprintln!("warning: {warning}");
        }
        for row in &self.outputs {
            if let Some(error) = &row.error {
                eprintln!("{}: {}", row.file.display(), printable(error));
            }
        }
    }
}

fn cells(row: &Row) -> [String; 8] {
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let start = row.start_utc.replace('T', " ");
    [
        printable(&row.file.display().to_string()),
        printable(&row.who),
        start.trim_end_matches('Z').to_owned(),
        seconds(i64::try_from(row.duration).unwrap_or(i64::MAX)),
        or_none(&row.video),
        or_none(&row.audio),
        row.bytes.map_or("-".into(), |bytes| bytes.to_string()),
        row.state.word().to_owned(),
    ]
}
