// SPDX-License-Identifier: MPL-2.0
//! What a room knows, as values: its link to the server, its streams and its sessions, and when to try
//! again. Nothing here decides what is done; the door is for `room` alone, which does.

mod backoff;
mod link;
mod room;
mod session;
mod stream;

pub use backoff::Backoff;
pub use link::Link;
pub use room::{Early, Peer, Room};
pub use session::{Media, NextOffer, Session, Way};
pub use stream::{Consent, FirstOffer, Presence, Stream, Wish, named};
