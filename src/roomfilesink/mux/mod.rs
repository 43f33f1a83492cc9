// SPDX-License-Identifier: MPL-2.0
//! Frames in, steps of writing a file out: one multiplexer for each container.
//!
//! Only `parts` calls it, on the control thread. All of them are writers of our own behind the same
//! `frames`, and answer at once.

mod frames;
mod matroska;
mod mp4;
mod mpegts;

pub(crate) use frames::Mux;
pub(crate) use matroska::{DocType, MatroskaMux};
pub(crate) use mp4::Mp4Mux;
pub(crate) use mpegts::MpegTsMux;
