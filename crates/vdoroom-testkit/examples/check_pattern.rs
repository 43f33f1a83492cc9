// SPDX-License-Identifier: MPL-2.0
//! Do these recordings of test publishers have every frame that was sent, at its time? `vdoroom check`
//! says whether a file is whole; this also reads the frame counters that test publishers show.
//!
//! ```sh
//! cargo run -p vdoroom-testkit --example check_pattern -- [--tracks N] rec/*.ts rec/*.mkv
//! ```
//!
//! With `--tracks`, a file may have so many, such as a screen beside the camera. Their first video and
//! audio are read.

use std::process::ExitCode;

use vdoroom_testkit::check::{self, Report};

fn main() -> ExitCode {
    let mut files: Vec<_> = std::env::args().skip(1).collect();
    let mut tracks = 0;
    if files.first().is_some_and(|first| first == "--tracks") {
        let Some(number) = files.get(1).and_then(|number| number.parse().ok()) else {
            eprintln!("--tracks wants a number");
            return ExitCode::FAILURE;
        };
        tracks = number;
        files.drain(..2);
    }
    let mut is_whole = true;
    for file in files {
        let mut report = check::inspect(&file);
        report.media.expect_tracks(tracks);
        let problems = report.problems();
        let verdict = match problems.is_empty() {
            true => "whole",
            false => "NOT WHOLE",
        };
        println!("{file}  {}  {verdict}", description(&report));
        for problem in &problems {
            println!("  {problem}");
        }
        is_whole &= problems.is_empty();
    }
    match is_whole {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What is in it, in one line.
fn description(report: &Report) -> String {
    let container = report.container.iter().cloned();
    let video = report.video.iter().map(|video| {
        let (codec, frames) = (&video.codec, video.frames_decoded);
        format!("{codec} {}x{}, {frames} frames", video.width, video.height)
    });
    let audio = report.audio.iter().map(|audio| audio.codec.clone());
    let length = format!("{:.1} s", report.duration().mseconds() as f64 / 1000.0);
    let parts: Vec<_> = container
        .chain(video)
        .chain(audio)
        .chain([length])
        .collect();
    parts.join(" | ")
}
