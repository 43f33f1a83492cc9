// SPDX-License-Identifier: MPL-2.0
//! Media as it should never be sent, on the whole way that it takes behind webrtcbin, and straight
//! into the recorder. Only fuzzers and tests come in here.
//!
//! An input is the number of a seed, which is a valid stream, and what is done to it, four bytes for
//! each change. GStreamer's elements are part of what is tried: a crash or a hang of one of them is
//! a finding as well.

mod bytes;
mod events;
mod files;
mod forms;
mod frames;
mod harness;
mod odd_caps;
mod packets;
mod rtp;
mod seeds;
mod warnings;
mod watchdog;

pub use forms::form_names;
pub use frames::frames;
pub use packets::packets;
pub use seeds::names;
