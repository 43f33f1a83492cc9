// SPDX-License-Identifier: MPL-2.0
//! What is said in a VDO.Ninja room, as a pure state machine: `(event, now) → actions`.
//!
//! [`Room`] knows no socket, no clock and no GStreamer: its owner hands in [`Event`]s with
//! the present instant, carries out the [`Action`]s that come back in their order, and sends
//! [`Event::Tick`] when [`Room::deadline`] has come. So every conversation, a reload or a late
//! candidate, is a test in virtual time (`tests/protocol/`).
//!
//! One stream, from the announcement to media:
//!
//! | event | actions |
//! |---|---|
//! | `Opened` | `SendSocket` joinroom |
//! | `Text` listing with alice | `StreamAdded`, `AskAccept` |
//! | `Accepted` | `SendSocket` play |
//! | `Text` offer (data channel only) | `OpenPeer`, `SetRemoteOffer`, `AddRemoteCandidate` for those that came early |
//! | `LocalAnswer` | `SendSocket` answer |
//! | `LocalCandidate` … | `SendSocket` candidates, 10 ms later |
//! | `PeerConnected`, `ChannelOpen` | `SendChannel` what media we want, once |
//! | `ChannelText` offer with media | `SetRemoteOffer` |
//! | `LocalAnswer` | `SendChannel` answer |
//! | `MediaFlowing` | |
//! | `ChannelText` bye | `ClosePeer`, `StreamRemoved` |
//!
//! What the owner can rely on, whatever anybody sends (`tests/protocol/conversation/rules.rs`):
//!
//! - every `OpenPeer` has exactly one `ClosePeer`, and nothing is asked of a session outside them;
//! - there is one `SetRemoteOffer` at a time for a session, and candidates only after the first;
//! - nothing grows without bound ([`limits`]), and there is always a next deadline or none: after
//!   a `Tick` it has moved on;
//! - `Disconnect` comes once, after `Shutdown` or `Fail`, and is the last action.
//!
//! Inside, messages become meaning in `wire` (with `dialect`, `candidate`, `sdp`, `news` and
//! `alert` for their parts), names and encryption are in `names` and `secret`, and `room` decides.

mod alert;
mod api;
mod backoff;
mod candidate;
mod dialect;
mod filter;
mod fingerprint;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
pub mod limits;
mod names;
mod news;
mod room;
mod sdp;
mod secret;
mod session;
mod shard;
mod status;
mod stream;
mod wire;

pub use api::*;
pub use fingerprint::Fingerprints;
pub use room::Room;
pub use shard::Shard;
pub use status::*;

use std::time::Duration;

/// How long no track of a session has had media when it counts as stalled.
pub const STALL: Duration = Duration::from_secs(1);
