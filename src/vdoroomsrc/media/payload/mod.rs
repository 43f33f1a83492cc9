// SPDX-License-Identifier: MPL-2.0
//! Whether the payload of an RTP packet follows the rules of its codec.
//!
//! RTP is what a guest sends. GStreamer's depayloaders take much of it on trust, so they get only
//! what parses: the headers of the payload format, lengths within the packet, fragments from their
//! beginning on and without a hole, and the first bytes of a frame.
//!
//! `guard` asks for each packet, and `frames` reads what was found; on the track's streaming thread.

mod av1;
mod bytes;
mod check;
mod fragments;
mod h264;
mod h265;
mod opus;
mod packet;
mod samples;
mod vp8;
mod vp9;

pub(crate) use check::Payload;
pub(crate) use packet::{Fault, Packet, Piece, Verdict};
pub(crate) use vp9::is_keyframe as is_vp9_keyframe;
