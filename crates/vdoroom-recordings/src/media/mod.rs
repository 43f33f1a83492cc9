// SPDX-License-Identifier: MPL-2.0
//! Plays files of recordings from beginning to end, and says what is in them and whether they are
//! whole. Works for any file that this GStreamer can decode.
//!
//! [`inspect`] and [`play`] wait on the caller's thread until the file has ended, which takes as
//! long as decoding it. GStreamer's threads decode; one at a time calls a [`Watch`], which sees
//! every frame. A decoder that shows nothing new for 20 s is given up.

// From bottom to top: imports run downwards only.
mod report;
mod track;
mod watch;

mod decode;

use std::path::Path;

use crate::survey::Played;

pub use report::{Audio, Report, Video};
pub use watch::{AudioSamples, Watch};

/// Decodes `path` from beginning to end. What goes wrong is in the report.
pub fn inspect(path: impl AsRef<Path>) -> Report {
    inspect_with::<()>(path).0
}

/// The same, and what a watcher has seen meanwhile.
pub fn inspect_with<W: Watch>(path: impl AsRef<Path>) -> (Report, W) {
    decode::decode(path.as_ref())
}

/// The player of a [survey](crate::survey): decodes `path`, in which there are to be so many tracks.
pub fn play(path: &Path, tracks: usize) -> Played {
    let mut report = inspect(path);
    // A screen beside the camera, or a second camera, is in the manifest.
    report.expect_tracks(tracks);
    Played {
        length: i64::try_from(report.duration().nseconds()).unwrap_or(i64::MAX),
        problems: report.problems(),
    }
}
