// SPDX-License-Identifier: MPL-2.0
//! MP4 (ISO/IEC 14496-12): `writer` makes a file of frames. While it grows it is fragmented, so that
//! it plays as far as it got (`fragment`); at its end it becomes a plain file with one index, as OBS's
//! hybrid MP4 does. Both kinds of index are in `movie`, what they say of codecs in `codecs`, and what
//! is remembered of each frame in `track` and `samples`. All of them are made of `boxes`.
//!
//! All of it runs on the control thread, and has written when the call returns.

mod boxes;
mod codecs;
mod fragment;
mod movie;
mod samples;
mod track;
mod writer;

use super::frames::FrameMux;

pub(crate) type Mp4Mux = FrameMux<writer::Writer>;
