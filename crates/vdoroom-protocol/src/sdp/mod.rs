// SPDX-License-Identifier: MPL-2.0
//! SDP as far as a room needs it: whether an offer is safe to apply, and how it differs from the one
//! before. The door is for the room.

mod change;
mod local;
mod offer;

pub use change::{Change, classify};
pub use local::is_local_name;
pub use offer::Offer;
