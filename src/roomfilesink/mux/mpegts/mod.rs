// SPDX-License-Identifier: MPL-2.0
//! MPEG-TS by GStreamer's `mpegtsmux` (`mux`), with what it leaves out: access unit delimiters before
//! frames, tables and a clock all the way.
//!
//! Called on the control thread; the packets come on the multiplexer's.

mod clock;
mod delimiters;
mod mux;

pub(crate) use mux::{MpegTsMux, MuxEvent};
