// SPDX-License-Identifier: MPL-2.0
//! Frames in, steps of writing a file out: one multiplexer for each container.
//!
//! Only `parts` calls it, on the control thread. That of Matroska and WebM answers at
//! once; that of MPEG-TS is a pipeline, whose packets come on a thread of its own.

mod matroska;
mod mpegts;

pub(crate) use matroska::{DocType, MatroskaMux};
pub(crate) use mpegts::{MpegTsMux, MuxEvent};
