// SPDX-License-Identifier: MPL-2.0
//! What a publisher sends: drawn and encoded for it ([`Feed`]), or encoded before ([`Film`]).
//!
//! The builder starts the feed on the caller's thread, and the handle mutes, pauses and counts from
//! any. `conversation` attaches viewers to a [`Track`] on the control thread. Units come from
//! threads of GStreamer, those of a film from a thread of its own.

mod audio;
mod codec;
mod feed;
mod film;
mod kind;
mod sent;
mod track;

pub use audio::AudioCodec;
pub use codec::Codec;
pub use feed::Feed;
pub use film::{Encoded, Film, Script, Showing};
pub use kind::Kind;
pub use sent::{Sent, Unit};
pub use track::{Beginning, Outlet, Track};
