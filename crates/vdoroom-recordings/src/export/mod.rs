// SPDX-License-Identifier: MPL-2.0
//! From a recording to what one hands on: which files are made of it, of which stretches of which
//! recorded files, and what of these is copied or encoded. Works without GStreamer; `render` makes
//! the files.

// From bottom to top: imports run downwards only.
mod names;
mod recording;
mod request;
mod window;

mod decide;
mod plan;

pub use decide::{AudioWork, VideoWork};
pub use plan::{Audio, Chapter, MOST_CHAPTERS, Output, Piece, Plan, RATE, Refused, Video};
pub use recording::{Measure, Measured, Recording};
pub use request::{AudioCodec, Format, Moment, Quality, Rate, Request, VideoCodec};

#[cfg(test)]
mod tests;
