// SPDX-License-Identifier: MPL-2.0
//! What packets and parsers tell of frames: which are damaged (`loss`), which are one picture
//! (`layers`), which are keyframes (`keyframes`).
//!
//! A track's probes call it (`watches`, `intake`), and `guard` for each packet, on the track's streaming
//! thread.

mod keyframes;
mod layers;
mod loss;

pub(crate) use keyframes::Keyframes;
pub(crate) use layers::{Layers, put_together, tell_sizes};
pub(crate) use loss::{Loss, Mark, begins_picture};
