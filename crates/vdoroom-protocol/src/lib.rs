// SPDX-License-Identifier: MPL-2.0
#![forbid(unsafe_code)]
#![doc = include_str!("../README.md")]
//!
//! ## Where things are
//!
//! Each folder knows only those before it:
//!
//! | module | subject |
//! |---|---|
//! | [`limits`] | what a stranger may cost us |
//! | `json` | JSON that anybody may have written |
//! | `api` | the vocabulary between the state machine and whoever drives it |
//! | `names` | names, their hashes, and encryption |
//! | `sdp` | offers as far as a room needs them |
//! | `messages` | what the websocket and the data channel bring, as values |
//! | `state` | what the room knows |
//! | `room` | what it does about what happens |

mod api;
#[cfg(any(test, feature = "fuzzing"))]
#[doc(hidden)]
pub mod fuzzing;
mod json;
pub mod limits;
mod messages;
mod names;
mod room;
mod sdp;
mod state;

pub use api::{
    Abilities, Action, Bitrates, Dialect, Event, Filter, Fingerprints, Kind, MediaRequest,
    Password, RoomConfig, RoomState, RoomStatus, STALL, SessionId, Shard, StreamId, StreamInfo,
    StreamState, StreamStatus, Unwanted,
};
pub use state::Room;
