// SPDX-License-Identifier: MPL-2.0
//! What happens to a packet, from the connection to the consumer, in the order of its way:
//!
//! - `intake`: it is mapped once, for `place` and `guard`
//! - `place`: when it was captured, and so where it is on the timeline of its session
//! - `guard`: whether the depayloader gets it, by the rules of `payload`
//! - `codecs`: which depayloader and parser that are
//! - `frames`: which frames suffer from a loss, are one picture, or are keyframes
//! - `pad`: queue, tags and events, and out
//!
//! `watches` has the other probes, and `track` builds the chain. The control thread owns the
//! tracks; what happens to packets runs on the threads that receive and on those of the queues.

mod codecs;
mod discard;
mod elements;
mod frames;
mod guard;
mod header;
mod held;
mod intake;
mod keyframe_requests;
mod outlet;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod packets;
mod pad;
mod payload;
mod place;
mod track;
mod watches;

pub use pad::VdoRoomSrcPad;

pub(crate) use codecs::{CODECS, Codec, missing, missing_codecs, reasons};
pub(crate) use discard::{refuse, stop, take_out};
pub(crate) use header::Header;
pub(crate) use keyframe_requests::{KeyframePolicy, KeyframeWish};
pub(crate) use pad::{Announced, Exit, Introduction, Kind, Origin, Person, pad_name, template};
pub(crate) use place::{Placing, SharedTimeline, replace_rtpbin_sync};
pub(crate) use track::{End, Plan, Track, Unselected};
pub(crate) use watches::{Watch, keep_open};
