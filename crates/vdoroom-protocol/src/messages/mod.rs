// SPDX-License-Identifier: MPL-2.0
//! What the websocket and the data channel bring, as values (protocol 1 to 5): `wire` reads both, with
//! `dialect`, `alert`, `candidate`, `news` and `elsewhere` for their parts.
//!
//! The door is for the room, and for the fuzzers: [`read`] and [`read_channel`].

mod alert;
pub mod candidate;
mod dialect;
pub mod elsewhere;
pub mod news;
mod wire;

pub use alert::{Alert, AlertKind};
pub use candidate::Candidate;
pub use dialect::Dialog;
pub use elsewhere::Elsewhere;
pub use wire::{Body, Incoming, Listing, PeerMessage, read, read_channel};
