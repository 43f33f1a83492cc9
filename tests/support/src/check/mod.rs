// SPDX-License-Identifier: MPL-2.0
//! The media check: decodes a whole file and says what is in it.
//!
//! [`inspect`] works for any file that this GStreamer can decode. Where the picture carries the
//! counter of [`crate::pattern`], it also says which frames are missing, doubled or damaged, which
//! are not at the time of their capture, and how far each beep is from the video. Of any file it
//! says whether its audio runs as fast as what its packets carry. [`second_opinion`] asks FFmpeg.

mod decode;
mod ffmpeg;
pub mod layout;
mod packets;
mod report;
pub mod speed;
mod track;

use std::path::Path;

pub use ffmpeg::{FrameTimes, SecondOpinion, second_opinion, video_times};
pub use report::{Audio, Counters, Report, Video};

/// Decodes `path` from beginning to end. What goes wrong is in the report.
pub fn inspect(path: impl AsRef<Path>) -> Report {
    decode::decode(path.as_ref())
}
