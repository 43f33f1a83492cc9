// SPDX-License-Identifier: MPL-2.0
//! Recordings laid out by their manifest: when everything happened, on one timeline.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use gst::ClockTime;
use serde_json::Value;

use crate::Folder;

use super::{Report, inspect};

/// A part that is closed, as the manifest and its file show it.
pub struct Part {
    /// The manifest's line.
    pub entry: Value,
    pub file: PathBuf,
    pub report: Report,
}

/// Plays back every closed part that the folder's manifest lists, in its order.
pub fn closed_parts(folder: &Folder) -> Vec<Part> {
    let manifest = folder.manifest();
    let closed = manifest
        .iter()
        .filter(|line| line["event"] == "part-closed");
    closed
        .map(|entry| {
            let file = folder.0.join(entry["file"].as_str().unwrap_or_default());
            Part {
                entry: entry.clone(),
                report: inspect(&file),
                file,
            }
        })
        .collect()
}

impl Part {
    pub fn stream(&self) -> &str {
        self.entry["stream"].as_str().unwrap_or_default()
    }

    /// Running time of the file's beginning.
    pub fn start(&self) -> Duration {
        Duration::from_nanos(self.entry["start"].as_u64().unwrap_or_default())
    }

    /// The same in UTC.
    pub fn start_utc(&self) -> SystemTime {
        utc(&self.entry["start-utc"])
    }

    /// When each flash began, in running time.
    pub fn flashes(&self) -> Vec<Duration> {
        let video = self.report.video.as_ref();
        self.placed(video.map_or(&[], |video| &video.flashes))
    }

    /// When each beep began, in running time.
    pub fn beeps(&self) -> Vec<Duration> {
        let audio = self.report.audio.as_ref();
        self.placed(audio.map_or(&[], |audio| &audio.beeps))
    }

    /// Milliseconds of beeps after their flashes, at the start and at the end of the file.
    pub fn beep_after_flash(&self) -> [f64; 2] {
        start_and_end(&self.report.flash_beep_offsets)
    }

    /// Why this is not a file with most of its flashes and beeps, and its frames in order. A
    /// machine that has too much to do skips frames, and with them a flash.
    pub fn problem(&self) -> Option<String> {
        let seconds = self.report.duration().seconds() as usize;
        let pairs = self.report.flash_beep_offsets.len();
        let backward = self.report.video.as_ref().map(|video| video.backward);
        let fine = self.report.errors.is_empty()
            && backward == Some(0)
            && seconds >= 10
            && pairs * 10 >= seconds * 7;
        let stream = self.stream();
        (!fine).then(|| {
            format!(
                "{stream}: {pairs} flashes with beeps in {seconds} s: {:#?}",
                self.report
            )
        })
    }

    fn placed(&self, times: &[ClockTime]) -> Vec<Duration> {
        let times = times
            .iter()
            .map(|time| Duration::from_nanos(time.nseconds()));
        times.map(|time| self.start() + time).collect()
    }
}

/// Milliseconds by which `others` come after `ones` that are within half a second.
pub fn apart(ones: &[Duration], others: &[Duration]) -> Vec<f64> {
    let clock = |times: &[Duration]| -> Vec<ClockTime> {
        let nanoseconds = times.iter().map(|time| time.as_nanos() as u64);
        nanoseconds.map(ClockTime::from_nseconds).collect()
    };
    super::track::offsets(&clock(ones), &clock(others))
}

/// Medians of the first and the last five: a flash that was skipped does not count.
pub fn start_and_end(values: &[f64]) -> [f64; 2] {
    let last = values.len().saturating_sub(5);
    [values.get(..5), values.get(last..)].map(|some| median(some.unwrap_or_default()))
}

/// NaN of nothing.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A time of the manifest.
pub fn utc(text: &Value) -> SystemTime {
    let text = text.as_str().unwrap_or_default();
    let time = gst::glib::DateTime::from_iso8601(text, None);
    let since_1970 = time.map_or(Duration::ZERO, |time| {
        Duration::from_secs(time.to_unix().unsigned_abs())
            + Duration::from_micros(time.microsecond().unsigned_abs().into())
    });
    SystemTime::UNIX_EPOCH + since_1970
}
