// SPDX-License-Identifier: MPL-2.0
//! Matroska, and WebM, which is a part of it: `writer` hands frames to the crate `vdoroom-matroska`,
//! which makes a file of them. `vdoroom repair` uses it as well.
//!
//! All of it runs on the control thread, and has written when the call returns.

mod writer;

pub(crate) use writer::DocType;

use super::frames::FrameMux;

pub(crate) type MatroskaMux = FrameMux<writer::Writer>;
