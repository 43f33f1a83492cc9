// SPDX-License-Identifier: MPL-2.0
//! A second opinion: what FFmpeg makes of a file.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::require::require;

/// What FFmpeg decoded, and what it said.
#[derive(Clone, Debug, Default)]
pub struct SecondOpinion {
    /// Decoded frames of all video streams.
    pub frames: u64,
    /// Their sizes in order.
    pub sizes: Vec<(u32, u32)>,
    /// Decoded samples per channel of all audio streams.
    pub samples: u64,
    /// Warnings about the file, and errors.
    pub complaints: Vec<String>,
}

/// When a frame is shown and decoded, as its packet says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FrameTimes {
    pub pts_ms: f64,
    pub dts_ms: f64,
}

/// The times of the first video stream's packets, in the order of the file; `None` where
/// `ffprobe` is not installed.
pub fn video_times(path: impl AsRef<Path>) -> Option<Vec<FrameTimes>> {
    let entries = [
        "-select_streams",
        "v:0",
        "-show_entries",
        "packet=pts_time,dts_time",
    ];
    let output = ffprobe(path.as_ref(), &entries)?;
    let said = String::from_utf8_lossy(&output.stdout);
    let times = said.lines().filter(|line| !line.is_empty()).map(|line| {
        let ms = |name| field(line, name)?.parse::<f64>().ok().map(|s| s * 1000.0);
        FrameTimes {
            pts_ms: ms("pts_time").unwrap_or(f64::NAN),
            dts_ms: ms("dts_time").unwrap_or(f64::NAN),
        }
    });
    Some(times.collect())
}

fn ffprobe(path: &Path, entries: &[&str]) -> Option<Output> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "compact=p=0:nk=0"])
        .args(entries)
        .arg(path)
        .stdin(Stdio::null())
        .output();
    require(output.is_ok(), "ffprobe is not installed");
    output.ok()
}

/// The value of a field of a line.
fn field<'a>(line: &'a str, name: &str) -> Option<&'a str> {
    let mut fields = line.split('|').filter_map(|field| field.split_once('='));
    fields.find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// Decodes all of `path` with `ffprobe`; `None` where that is not installed.
pub fn second_opinion(path: impl AsRef<Path>) -> Option<SecondOpinion> {
    let entries = ["-show_entries", "frame=media_type,width,height,nb_samples"];
    let output = ffprobe(path.as_ref(), &entries)?;
    let mut opinion = SecondOpinion::default();
    let said = String::from_utf8_lossy(&output.stderr);
    opinion.complaints = said.lines().map(str::to_owned).collect();
    if !output.status.success() {
        opinion.complaints.push(output.status.to_string());
    }
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        opinion.frame(line);
    }
    Some(opinion)
}

impl SecondOpinion {
    fn frame(&mut self, line: &str) {
        let number = |name| field(line, name).and_then(|value| value.parse().ok());
        match field(line, "media_type") {
            Some("video") => {
                self.frames += 1;
                let size = (number("width"), number("height"));
                if let (Some(width), Some(height)) = size
                    && self.sizes.last() != Some(&(width, height))
                {
                    self.sizes.push((width, height));
                }
            }
            Some("audio") => self.samples += u64::from(number("nb_samples").unwrap_or(0)),
            _ => {}
        }
    }
}
