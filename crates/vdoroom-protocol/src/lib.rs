// SPDX-License-Identifier: MPL-2.0
#![doc = include_str!("../README.md")]
//!
//! ## Where things are
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
