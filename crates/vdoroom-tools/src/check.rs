// SPDX-License-Identifier: MPL-2.0
//! `vdoroom check`: are these recordings whole? Decodes each file from beginning to end and prints a
//! table.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use vdoroom_recordings::checksum;
use vdoroom_recordings::manifest::Manifest;
use vdoroom_recordings::media::{self, Report};

use crate::page::Page;
use crate::table;

/// Decodes recordings and says whether they are whole
///
/// Where the manifest has a checksum, it is compared.
#[derive(clap::Args)]
pub struct Options {
    /// Files to check
    #[arg(required = true)]
    files: Vec<PathBuf>,
}

pub const PAGE: Page = Page {
    sections: &[],
    status: &[
        ("0", "All files are whole."),
        (
            "1",
            "A file is damaged, is not there, or differs from its checksum.",
        ),
        ("2", "The options are wrong."),
    ],
    examples: &["vdoroom check recordings/*.ts recordings/*.mkv"],
};

const HEADER: [&str; 9] = [
    "file",
    "container",
    "codecs",
    "size",
    "resolution",
    "duration",
    "frames",
    "A/V start",
    "verdict",
];

pub fn run(options: &Options) -> ExitCode {
    let mut rows = vec![HEADER.map(str::to_owned)];
    let mut problems = vec![];
    for file in &options.files {
        let report = media::inspect(file);
        let mut found = report.problems();
        found.extend(told(file));
        rows.push(row(file, &report, found.is_empty()));
        problems.extend(
            found
                .into_iter()
                .map(|problem| format!("{}: {problem}", file.display())),
        );
    }
    table::lines(&rows)
        .iter()
        .for_each(|line| println!("{line}"));
    problems.iter().for_each(|problem| println!("{problem}"));
    match problems.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What the manifests beside the file say of it, and a decoder does not notice.
fn told(file: &Path) -> Vec<String> {
    let about = Manifest::about(file);
    let mut found = vec![];
    // Decoders make noise of audio that was encrypted, and do not complain.
    for track in about.iter().flat_map(|(_, part)| &part.tracks) {
        if track.undecodable {
            let (kind, codec) = (&track.kind, &track.codec);
            found.push(format!(
                "the {kind} ({codec}) cannot be decoded, says its manifest"
            ));
        }
    }
    let claims = about.iter().filter_map(|(_, part)| part.sha256.as_ref());
    for claim in claims {
        match checksum::sha256(file) {
            Ok(sha256) if sha256.eq_ignore_ascii_case(claim) => {}
            Ok(sha256) => found.push(format!(
                "checksum differs: it is {sha256}, and was {claim} when the file was closed"
            )),
            Err(error) => found.push(format!("checksum cannot be compared: {error}")),
        }
    }
    found
}

fn row(file: &Path, report: &Report, is_whole: bool) -> [String; 9] {
    let (video, audio) = (report.video.as_ref(), report.audio.as_ref());
    let codecs = [
        video.map(|video| &video.codec),
        audio.map(|audio| &audio.codec),
    ];
    let codecs: Vec<&str> = codecs.iter().flatten().map(|name| short(name)).collect();
    let sizes = video.map(|video| {
        let sizes = video
            .sizes
            .iter()
            .map(|(width, height)| format!("{width}x{height}"));
        sizes.collect::<Vec<_>>().join(", ")
    });
    let name = file.file_name().unwrap_or(file.as_os_str());
    [
        name.to_string_lossy().into_owned(),
        report.container.clone().unwrap_or_else(|| "-".into()),
        codecs.join(" + "),
        format!("{:.1} kB", report.size as f64 / 1e3),
        sizes.unwrap_or_else(|| "-".into()),
        format!("{:.2} s", report.duration().nseconds() as f64 / 1e9),
        video.map_or("-".into(), |video| video.frames_decoded.to_string()),
        report
            .av_start_offset()
            .map_or("-".into(), |offset| format!("{offset:+.0} ms")),
        if is_whole { "whole" } else { "DAMAGED" }.into(),
    ]
}

/// `H.264 (Constrained Baseline Profile)` and `On2 VP8` are too much for a table.
fn short(codec: &str) -> &str {
    let codec = codec.split(" (").next().unwrap_or(codec);
    codec.strip_prefix("On2 ").unwrap_or(codec)
}
