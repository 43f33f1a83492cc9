// SPDX-License-Identifier: MPL-2.0
//! The media check of files that test publishers sent.
//!
//! [`inspect`] works for any file that this GStreamer can decode, and tells of it what
//! `vdoroom_recordings::media` does. Where the video carries the counter of [`crate::pattern`],
//! it also says which frames are missing, doubled or damaged, which are not at the time of their
//! capture, and how far each beep is from the video. Of any file it says whether its audio runs as
//! fast as what its packets carry. [`second_opinion`] asks FFmpeg.
//!
//! Tests and examples call this on any thread; a call returns once the file is read. `publisher`
//! compares a [`Report`] with what it sent.

mod ffmpeg;
pub mod layout;
mod ours;
mod packets;
mod report;
pub mod speed;
mod track;

use std::path::Path;

pub use ffmpeg::{FrameTimes, SecondOpinion, second_opinion, video_times};
pub use report::{Audio, Counters, Report, Video};

/// Decodes `path` from beginning to end. What goes wrong is in the report.
pub fn inspect(path: impl AsRef<Path>) -> Report {
    ours::inspect(path.as_ref())
}
