// SPDX-License-Identifier: MPL-2.0
//! MPEG-TS (ISO/IEC 13818-1): `writer` makes a file of frames. A frame becomes a unit (`unit`), a unit
//! becomes packets (`packet`). Between frames come tables that say what there is (`tables`) and a clock
//! (`clock`), as often as players want them. `delimiters` and `opus` have what the codecs need beside
//! their frames.
//!
//! All of it runs on the control thread, and has written when the call returns.

mod clock;
mod delimiters;
mod opus;
mod packet;
mod tables;
mod unit;
mod writer;

use super::frames::FrameMux;

pub(crate) type MpegTsMux = FrameMux<writer::Writer>;
