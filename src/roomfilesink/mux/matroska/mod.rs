// SPDX-License-Identifier: MPL-2.0
//! Matroska, and WebM, which is a part of it: `writer` makes a file of frames, out of elements of
//! the crate `vdoroom-matroska`, by which `vdoroom repair` writes as well.
//!
//! All of it runs on the control thread, and has written when the call returns.

mod writer;

pub(crate) use writer::DocType;

use super::frames::FrameMux;

pub(crate) type MatroskaMux = FrameMux<writer::Writer>;
