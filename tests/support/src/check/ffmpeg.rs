// SPDX-License-Identifier: MPL-2.0
//! A second opinion: what FFmpeg makes of a file.

use std::path::Path;
use std::process::{Command, Stdio};

/// What FFmpeg decoded, and what it said.
#[derive(Clone, Debug, Default)]
pub struct SecondOpinion {
    /// Decoded pictures of all video streams.
    pub pictures: u64,
    /// Their sizes in order.
    pub sizes: Vec<(u32, u32)>,
    /// Decoded samples per channel of all audio streams.
    pub samples: u64,
    /// Warnings about the file, and errors.
    pub complaints: Vec<String>,
}

/// Decodes all of `path` with `ffprobe`; `None`, said on stderr, where that is not installed.
pub fn second_opinion(path: impl AsRef<Path>) -> Option<SecondOpinion> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-of", "compact=p=0:nk=0"])
        .args(["-show_entries", "frame=media_type,width,height,nb_samples"])
        .arg(path.as_ref())
        .stdin(Stdio::null())
        .output();
    let output = match output {
        Ok(output) => output,
        Err(error) => {
            eprintln!("no second opinion, ffprobe: {error}");
            return None;
        }
    };
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
        let field = |name: &str| {
            let mut fields = line.split('|').filter_map(|field| field.split_once('='));
            fields.find(|(key, _)| *key == name).map(|(_, value)| value)
        };
        let number = |name| field(name).and_then(|value| value.parse().ok());
        match field("media_type") {
            Some("video") => {
                self.pictures += 1;
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
