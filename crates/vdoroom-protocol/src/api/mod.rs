// SPDX-License-Identifier: MPL-2.0
//! The vocabulary between the state machine and whoever drives it. All of it is public.

mod config;
mod events;
mod fingerprint;
mod ids;
mod shard;
mod status;

pub use config::{
    Abilities, Bitrates, Dialect, Filter, Kind, MediaRequest, Password, RoomConfig, Unwanted,
};
pub use events::{Action, Event, STALL, StreamInfo};
pub use fingerprint::Fingerprints;
pub use ids::{SessionId, StreamId};
pub use shard::Shard;
pub use status::{RoomState, RoomStatus, StreamState, StreamStatus};
