// SPDX-License-Identifier: MPL-2.0
//! The engine beside webrtcbin: `vdoroom-rtc` makes the connections, and GStreamer begins where packets of
//! RTP come out.
//!
//! A session calls `link` on the control thread. All connections of the process share one I/O thread,
//! `vdoroom:rtc`, on which `ear` hears what they receive: it may not wait there. It sends commands and
//! events, and pushes packets out of the pads of an element that stands where a webrtcbin would
//! (`element`, `entry`).

mod caps;
mod ear;
mod element;
mod entry;
mod link;
mod numbers;
mod servers;

pub(crate) use link::open;
