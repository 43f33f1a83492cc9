// SPDX-License-Identifier: MPL-2.0
//! What is said in a VDO.Ninja room, as a pure state machine: `(event, now) → actions`.
//!
//! [`Room`] knows no socket, no clock and no GStreamer: whoever owns it hands in [`Event`]s with
//! the present instant, carries out the [`Action`]s that come back in their order, and sends
//! [`Event::Tick`] when [`Room::deadline`] has come.

mod alert;
mod api;
mod backoff;
mod candidate;
mod dialect;
mod filter;
pub mod limits;
mod names;
mod news;
mod room;
mod sdp;
mod secret;
mod session;
mod status;
mod stream;
mod wire;

pub use api::*;
pub use room::Room;
pub use status::*;

use std::time::Duration;

/// How long no track of a session has had media when it counts as stalled.
pub const STALL: Duration = Duration::from_secs(1);
