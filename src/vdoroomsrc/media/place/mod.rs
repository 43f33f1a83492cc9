// SPDX-License-Identifier: MPL-2.0
//! When a packet was captured, and so where it is on the one timeline of its session.
//!
//! `sender_reports` is the door to GStreamer: its probes run on webrtcbin's threads and share the
//! session's state under one lock, held for arithmetic only. What is below it is arithmetic:
//! `timeline` of all media, `sender` of one medium, `arrivals` of its packets, `course` of how it moves.
//! `placing` places the packets of one track: by what it remembers (`memory`, a `line`), and by the
//! session's state when that has changed. `timestamps` completes this behind the depayloader. Both run
//! on the track's streaming thread.

mod arrivals;
mod count;
mod course;
mod line;
mod memory;
mod placing;
mod sender;
mod sender_reports;
mod timeline;
mod timestamps;
mod units;

pub(crate) use placing::Placing;
pub(crate) use sender_reports::{SharedTimeline, replace_rtpbin_sync};
pub(crate) use timestamps::{OUTDATED, Timestamps};
