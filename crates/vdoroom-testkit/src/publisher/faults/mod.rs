// SPDX-License-Identifier: MPL-2.0
//! What a publisher does wrong, or differently from a browser, when a test tells it to.
//!
//! `conversation` puts these on a webrtcbin or on a track, on the control thread. Their probes run
//! on threads of GStreamer.

mod greed;
pub mod hold;
pub mod mangle;
pub mod padding;
pub mod resend;
pub mod short;

pub use greed::Greed;
