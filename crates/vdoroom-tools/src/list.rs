// SPDX-License-Identifier: MPL-2.0
//! `vdoroom list`: what was recorded, and is it all there? Reads manifests, prints a table of the
//! parts, and lists what is missing or damaged.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

use vdoroom_recordings::manifest::{Manifest, Mark};
use vdoroom_recordings::media;
use vdoroom_recordings::survey::{Finding, Row, Survey, seconds};
use vdoroom_server::printable;

use crate::manifests;
use crate::page::Page;
use crate::table;

/// Prints what was recorded and marked, and lists what is missing or damaged.
#[derive(clap::Args)]
pub struct Options {
    /// Manifests, or folders: all manifests in them
    #[arg(required = true, value_name = "MANIFEST|FOLDER")]
    paths: Vec<PathBuf>,
    /// Decode each file from beginning to end
    #[arg(long)]
    check: bool,
    /// Print one JSON object instead: parts, marks and findings
    #[arg(long)]
    json: bool,
}

pub const PAGE: Page = Page {
    sections: &[],
    status: &[
        ("0", "All is there."),
        ("1", "Something is missing or damaged."),
        ("2", "The options are wrong, or there is no manifest."),
    ],
    examples: &[
        "vdoroom list rec_1795230268.manifest.jsonl",
        "vdoroom list --check recordings/",
    ],
};

const USAGE: u8 = 2;
const HEADER: [&str; 10] = [
    "who",
    "start (UTC)",
    "duration",
    "file",
    "container",
    "codecs",
    "size",
    "bytes",
    "losses",
    "state",
];

pub fn run(options: &Options) -> ExitCode {
    let mut manifests = Vec::new();
    for path in &options.paths {
        match manifests::at(path) {
            Ok(found) => manifests.extend(found.iter().map(|path| Manifest::read(path))),
            Err(error) => {
                eprintln!("vdoroom list: {}: {error}", path.display());
                return ExitCode::from(USAGE);
            }
        }
    }
    Manifest::join(&mut manifests);
    let survey = Survey::of(&manifests, options.check, &media::play);
    if options.json {
        println!("{:#}", serde_json::json!(survey));
    } else {
        print(&survey);
    }
    match survey.is_well() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

fn print(survey: &Survey) {
    let header = HEADER.map(str::to_owned);
    let rows: Vec<_> = std::iter::once(header)
        .chain(survey.parts.iter().map(cells))
        .collect();
    let bold = std::io::stdout().is_terminal();
    for (index, line) in table::lines(&rows).iter().enumerate() {
        match bold && index == 0 {
            true => println!("\x1b[1m{line}\x1b[0m"),
            false => println!("{line}"),
        }
    }
    print_marks(&survey.marks);
    list(
        "Missing or damaged:",
        survey.findings.iter().filter(|f| f.problem),
    );
    list("Also:", survey.findings.iter().filter(|f| !f.problem));
    if survey.is_well() {
        println!("\nAll files are there.");
    }
}

fn print_marks(marks: &[Mark]) {
    match marks.len() {
        0 => return,
        1 => println!("\n1 mark:"),
        count => println!("\n{count} marks:"),
    }
    for mark in marks {
        println!("  {}  {}", moment(&mark.at_utc), printable(&mark.text));
    }
}

/// A time in UTC, for a table that says that it is.
fn moment(utc: &str) -> String {
    utc.replace('T', " ").trim_end_matches('Z').to_owned()
}

fn list<'a>(title: &str, findings: impl Iterator<Item = &'a Finding>) {
    let mut findings = findings.peekable();
    if findings.peek().is_some() {
        println!("\n{title}");
    }
    for finding in findings {
        let file = finding.file.file_name().unwrap_or(finding.file.as_os_str());
        let subject = match (&finding.who, finding.kind) {
            (Some(who), "pause") => who.clone(),
            _ => file.to_string_lossy().into_owned(),
        };
        println!("  {}", printable(&format!("{subject}: {}", finding.text)));
    }
}

fn cells(row: &Row) -> [String; 10] {
    let unknown = || "-".to_owned();
    let file = row.file.file_name().unwrap_or(row.file.as_os_str());
    let losses = row.dropped + row.discontinuities;
    [
        printable(&row.who),
        moment(&row.start_utc),
        row.duration.map_or_else(unknown, seconds),
        printable(&file.to_string_lossy()),
        row.container.clone(),
        row.codecs.join(" + "),
        if row.sizes.is_empty() {
            unknown()
        } else {
            row.sizes.join(", ")
        },
        row.bytes.map_or_else(unknown, |bytes| bytes.to_string()),
        losses.to_string(),
        row.state.to_owned(),
    ]
}
