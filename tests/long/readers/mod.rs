// SPDX-License-Identifier: MPL-2.0
//! Who reads our files: each container with each codec, by players, browsers and editors that run
//! here. The table that comes of it is the one of `docs/readers.md`.
//!
//! A program reads a file and writes what it has decoded to another one; the media check tells of that
//! one how long it is, how large, and how far each beep is from its flash.

mod pages;
mod programs;
mod samples;

use vdoroom_testkit::check::{Report, Video};

use samples::Sample;

/// How long each sample is, in seconds, and how far what a reader makes of it may be from that.
const LENGTH: f64 = 6.0;
const LENGTH_WITHIN: f64 = 0.15;

const PAGE: &str = include_str!("../../../docs/readers.md");

/// One that reads files.
struct Reader {
    name: &'static str,
    read: Reads,
    /// How far a beep may be from its flash, in milliseconds, where that can be told.
    together: Option<f64>,
}

type Reads = fn(&Sample) -> Read;

/// What a reader has made of a file.
#[derive(Debug, Default)]
struct Read {
    /// Why it could not be read.
    error: Option<String>,
    /// Seconds.
    duration: f64,
    /// Of readers that keep the size of a file.
    size: Option<(u64, u64)>,
    has_video: bool,
    has_audio: bool,
    /// Each beep minus its flash, in milliseconds.
    offsets: Vec<f64>,
}

impl Read {
    fn failed(error: impl Into<String>) -> Self {
        Self {
            error: Some(error.into()),
            ..Self::default()
        }
    }

    fn of(report: &Report) -> Self {
        let size = |video: &Video| (video.width.into(), video.height.into());
        Self {
            error: None,
            duration: report.duration().nseconds() as f64 / 1e9,
            size: report.video.as_ref().map(size),
            has_video: report.video.as_ref().is_some_and(|v| !v.flashes.is_empty()),
            has_audio: report.audio.as_ref().is_some_and(|a| !a.beeps.is_empty()),
            offsets: report.flash_beep_offsets.clone(),
        }
    }

    /// What is in the table.
    fn cell(&self, sample: &Sample, together: Option<f64>) -> String {
        if self.error.is_some() {
            return "no".into();
        }
        let mut faults = Vec::new();
        if !self.has_video {
            faults.push("no video".into());
        }
        if !self.has_audio {
            faults.push("no audio".into());
        }
        if (self.duration - LENGTH).abs() > LENGTH_WITHIN {
            faults.push(format!("{:.1} s of {LENGTH:.1} s", self.duration));
        }
        if let Some(size) = self.size.filter(|size| *size != sample.size) {
            faults.push(format!("{}x{}", size.0, size.1));
        }
        let worst = self.offsets.iter().copied();
        let worst = worst.max_by(|a, b| a.abs().total_cmp(&b.abs()));
        if let Some((worst, together)) = worst.zip(together)
            && worst.abs() > together
        {
            let side = if worst > 0.0 { "late" } else { "early" };
            faults.push(format!("audio {:.0} ms {side}", worst.abs()));
        }
        match faults.is_empty() {
            true => "yes".into(),
            false => faults.join(", "),
        }
    }
}

/// The rows of the table: what is read, and by whom how well.
fn table(samples: &[Sample], readers: &[Reader]) -> Vec<String> {
    let names: Vec<_> = readers.iter().map(|reader| reader.name).collect();
    let mut rows = vec![
        format!("| file | video, audio | {} |", names.join(" | ")),
        format!("|---|---|{}", "---|".repeat(readers.len())),
    ];
    for sample in samples {
        let mut cells = Vec::new();
        for reader in readers {
            let read = (reader.read)(sample);
            println!("{} {}: {read:.1?}", sample.what(), reader.name);
            cells.push(read.cell(sample, reader.together));
        }
        rows.push(format!("| {} | {} |", sample.what(), cells.join(" | ")));
        println!("{}", rows.last().unwrap());
    }
    rows
}

#[test]
fn the_table_of_readers_is_true() {
    let (Some(programs), Some(browsers)) = (programs::readers(), pages::readers()) else {
        return;
    };
    let readers: Vec<_> = programs.into_iter().chain(browsers).collect();
    let rows = table(&samples::all(), &readers);
    let missing: Vec<_> = rows.iter().filter(|row| !PAGE.contains(*row)).collect();
    assert!(missing.is_empty(), "{}", rows.join("\n"));
}
