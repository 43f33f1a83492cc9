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
