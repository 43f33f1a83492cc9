// SPDX-License-Identifier: MPL-2.0
//! Repairs files of recorders that were killed, without decoding them: gives them the duration, the
//! index and the sizes that the recorder would have written at the end, and says what is missing.
//!
//! [`repair`] works on the thread of the caller, for as long as it takes to look at each frame's
//! header; a copy takes as long as copying. Each container has a module, which makes a report and
//! steps out of a file. `file` carries the steps out: in the file itself, in an order in which a crash
//! harms nothing, or in a copy that gets its name when it is whole.

// From bottom to top: imports run downwards only.
mod report;
mod steps;
mod window;

mod matroska;
mod mpegts;

mod file;

pub use file::{Target, repair};
pub use report::{Error, Finding, Report, Track};
