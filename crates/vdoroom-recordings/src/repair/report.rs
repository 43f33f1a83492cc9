// SPDX-License-Identifier: MPL-2.0
//! What is found out about a file that is to be repaired, and what is done about it.

use std::fmt;
use std::io;

use serde::Serialize;

/// Something to know about a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Finding {
    /// Whether something is lost that nobody can repair; the others are for information.
    pub problem: bool,
    pub kind: &'static str,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Track {
    /// `video`, `audio` or `other`.
    pub kind: &'static str,
    /// As the container names it.
    pub codec: String,
    pub frames: u64,
    pub keyframes: u64,
}

/// One file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// `matroska` or `mpegts`.
    pub container: &'static str,
    /// Nanoseconds from the beginning to the end of the last frame. Of Matroska only.
    pub duration: Option<i64>,
    pub tracks: Vec<Track>,
    /// What was missing or wrong and is written: `duration`, `index`, `sizes`, `end`. Empty if the file
    /// needed nothing, or nothing can be done.
    pub repaired: Vec<&'static str>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is lost that nobody can repair.
    pub fn is_well(&self) -> bool {
        !self.findings.iter().any(|finding| finding.problem)
    }

    pub fn frames(&self) -> u64 {
        self.tracks.iter().map(|track| track.frames).sum()
    }

    pub(crate) fn find(&mut self, problem: bool, kind: &'static str, text: String) {
        self.findings.push(Finding {
            problem,
            kind,
            text,
        });
    }

    /// The last bytes are left out: what they belong to is cut.
    pub(crate) fn find_cut(&mut self, bytes: u64) {
        let text = format!("the end is cut in the middle: the last {bytes} bytes are left out");
        self.find(false, "cut", text);
    }
}

/// Why a file is left as it is.
#[derive(Debug)]
pub enum Error {
    Io(io::Error),
    /// It is none of ours, or not to be touched now.
    Refused(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Refused(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Error {
    pub(crate) fn refuse<T>(text: impl Into<String>) -> Result<T, Self> {
        Err(Self::Refused(text.into()))
    }
}
