// SPDX-License-Identifier: MPL-2.0
//! `vdoroom repair`: gives files of a recorder that was killed what it would have written at the end,
//! and says what is missing.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};
use vdoroom_recordings::manifest::{Manifest, Part, Run};
use vdoroom_recordings::repair::{self, Error, Report, Target};
use vdoroom_server::printable;

use crate::page::Page;
use crate::table;

/// Gives files of a killed recorder their duration and index, and says what is missing
///
/// Nothing is decoded. Matroska gets what the recorder writes when it closes a file: the duration, the index, and the
/// sizes of what it could not finish. The beginning of a frame at the end is left out. In MPEG-TS there is only the
/// beginning of a packet to leave out.
#[derive(clap::Args)]
pub struct Options {
    /// Files to repair
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Repair the files themselves, without a copy
    #[arg(long, conflicts_with = "output")]
    in_place: bool,
    /// Where the copy goes, of one file [default: NAME.repaired.EXTENSION beside it]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print one JSON object instead of a table
    #[arg(long)]
    json: bool,
}

pub const PAGE: Page = Page {
    sections: &[(
        "SAFETY",
        "A copy has a name ending in .part until it is whole, and replaces no file. In place, only \
         reserved space is written, and what comes behind the last whole frame: after a crash the \
         file plays as before, and can be repaired again. A file that is being recorded is not \
         repaired.",
    )],
    status: &[
        ("0", "All files are whole now, or were before."),
        (
            "1",
            "A file could not be repaired, or something of it is lost.",
        ),
        ("2", "The options are wrong."),
    ],
    examples: &[
        "vdoroom repair alice_1795230268.mkv",
        "vdoroom repair --in-place recordings/*.mkv",
    ],
};

const USAGE: u8 = 2;
const HEADER: [&str; 7] = [
    "file",
    "container",
    "frames",
    "duration",
    "repaired",
    "result",
    "output",
];

/// One file, after all was done.
struct Outcome<'a> {
    file: &'a Path,
    /// What was written.
    output: Option<PathBuf>,
    result: Result<Report, Error>,
}

pub fn run(options: &Options) -> ExitCode {
    if options.output.is_some() && options.files.len() > 1 {
        eprintln!("vdoroom repair: --output is for one file");
        return ExitCode::from(USAGE);
    }
    let files = options.files.iter();
    let outcomes: Vec<_> = files.map(|file| repair(file, options)).collect();
    match options.json {
        true => println!(
            "{:#}",
            json!({ "files": outcomes.iter().map(Outcome::json).collect::<Value>() })
        ),
        false => print(&outcomes),
    }
    match outcomes.iter().all(Outcome::is_well) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn repair<'a>(file: &'a Path, options: &Options) -> Outcome<'a> {
    let copy = match options.in_place {
        true => None,
        false => Some(options.output.clone().unwrap_or_else(|| beside(file))),
    };
    let result = match is_being_recorded(file) {
        true => Err(Error::Refused(
            "is being recorded: repair it when that is over".into(),
        )),
        false => repair::repair(file, copy.as_deref().map_or(Target::InPlace, Target::Copy)),
    };
    let is_written = result
        .as_ref()
        .is_ok_and(|report| !report.repaired.is_empty());
    let output = is_written.then(|| copy.unwrap_or_else(|| file.to_owned()));
    Outcome {
        file,
        output,
        result,
    }
}

/// `alice.mkv` becomes `alice.repaired.mkv`.
fn beside(file: &Path) -> PathBuf {
    let mut name = OsString::from(file.file_stem().unwrap_or_default());
    name.push(".repaired");
    if let Some(extension) = file.extension() {
        name.push(".");
        name.push(extension);
    }
    file.with_file_name(name)
}

/// Whether a manifest says so, and its recorder runs.
fn is_being_recorded(file: &Path) -> bool {
    let is_open = |(manifest, part): &(Manifest, Part)| {
        !part.is_over() && manifest.run.as_ref().is_some_and(Run::is_running)
    };
    Manifest::about(file).iter().any(is_open)
}

impl Outcome<'_> {
    fn is_well(&self) -> bool {
        self.result.as_ref().is_ok_and(Report::is_well)
    }

    /// In one word.
    fn word(&self) -> &'static str {
        match &self.result {
            Err(_) => "failed",
            Ok(report) if !report.is_well() => "incomplete",
            Ok(report) if report.repaired.is_empty() => "whole",
            Ok(_) => "repaired",
        }
    }

    fn json(&self) -> Value {
        let mut value = match &self.result {
            Ok(report) => json!(report),
            Err(error) => json!({ "error": error.to_string() }),
        };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        value["file"] = json!(text(self.file));
        value["output"] = json!(self.output.as_deref().map(text));
        value["result"] = json!(self.word());
        value
    }

    fn row(&self) -> [String; 7] {
        let none = || "-".to_owned();
        let name = |path: &Path| {
            let name = path.file_name().unwrap_or(path.as_os_str());
            name.to_string_lossy().into_owned()
        };
        let report = self.result.as_ref().ok();
        let frames = report.map(Report::frames).filter(|frames| *frames > 0);
        let duration = report.and_then(|report| report.duration);
        let repaired = report.map(|report| report.repaired.join(", "));
        [
            name(self.file),
            report.map_or_else(none, |report| report.container.to_owned()),
            frames.map_or_else(none, |frames| frames.to_string()),
            duration.map_or_else(none, |ns| format!("{:.2} s", ns as f64 / 1e9)),
            repaired
                .filter(|text| !text.is_empty())
                .unwrap_or_else(none),
            self.word().to_owned(),
            self.output.as_deref().map_or_else(none, name),
        ]
    }

    /// What there is to say beside the table.
    fn remarks(&self) -> Vec<String> {
        let texts = match &self.result {
            Ok(report) => report.findings.iter().map(|f| f.text.clone()).collect(),
            Err(error) => vec![error.to_string()],
        };
        let file = self.file.display();
        // What is quoted of a file may be anything.
        texts
            .iter()
            .map(|text: &String| printable(&format!("{file}: {text}")))
            .collect()
    }
}

fn print(outcomes: &[Outcome]) {
    let mut rows = vec![HEADER.map(str::to_owned)];
    rows.extend(outcomes.iter().map(Outcome::row));
    table::lines(&rows)
        .iter()
        .for_each(|line| println!("{line}"));
    let remarks = outcomes.iter().flat_map(Outcome::remarks);
    remarks.for_each(|line| println!("{line}"));
}
