// SPDX-License-Identifier: MPL-2.0
//! How a webrtcbin is made and what it is set to, what it can do, and what its callbacks report.
//!
//! A session calls it on the control thread. The callbacks run on webrtcbin's threads, where nothing
//! may wait: they know `reports`, and what is shared with them by value (`ssrcs`, `place`, `sdp`).

mod abilities;
mod association;
mod block;
mod channel;
mod closing;
mod direct;
mod link;
mod make;
mod reply;
mod ssrcs;
mod states;
mod statistics;
mod transports;
mod tuning;

pub(crate) use link::open;
