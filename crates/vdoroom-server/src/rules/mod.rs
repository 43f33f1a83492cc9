// SPDX-License-Identifier: MPL-2.0
//! What a room server answers to a message, without sockets (protocol 9.1 and 9.2).
//!
//! [`Rules`] is the door: the hub tells it who connects, speaks and leaves, on the server's thread,
//! and carries out the effects. It does no input or output and knows no clock. From bottom to top:
//! `effect`, `uuid`, `rooms`, the two dialects (`hosted`, `relay`), and here the choice between them.

mod effect;
mod hosted;
mod relay;
mod rooms;
mod uuid;

#[cfg(feature = "faults")]
pub use effect::LeaveNotice;
pub use effect::{Dialect, Effect, Leniency, RoomEvent, SocketId};

use crate::limits::{Limits, Network};

use hosted::Hosted;
use relay::Relay;

pub enum Rules {
    Hosted(Hosted),
    Relay(Relay),
}

impl Rules {
    pub fn new(dialect: Dialect, limits: Limits) -> Self {
        match dialect {
            Dialect::Hosted => Self::Hosted(Hosted::new(limits)),
            Dialect::Relay => Self::Relay(Relay::new(true, limits)),
            Dialect::BasicRelay => Self::Relay(Relay::new(false, limits)),
        }
    }

    pub fn connected(&mut self, id: SocketId, network: Network) {
        match self {
            Self::Hosted(rules) => rules.connected(id, network),
            Self::Relay(rules) => rules.connected(id, network),
        }
    }

    pub fn message(&mut self, id: SocketId, text: &str, leniency: Leniency) -> Vec<Effect> {
        match self {
            Self::Hosted(rules) => rules.message(id, text, leniency),
            Self::Relay(rules) => rules.message(id, text, leniency),
        }
    }

    pub fn disconnected(&mut self, id: SocketId, leniency: Leniency) -> Vec<Effect> {
        match self {
            Self::Hosted(rules) => rules.disconnected(id, leniency),
            Self::Relay(rules) => rules.disconnected(id, leniency),
        }
    }

    /// The UUID and stream ID by which a socket is known.
    pub fn names(&self, id: SocketId) -> (Option<&str>, Option<&str>) {
        match self {
            Self::Hosted(rules) => rules.names(id),
            Self::Relay(rules) => rules.names(id),
        }
    }

    /// What is remembered of clients: nothing of those who left.
    #[cfg(feature = "faults")]
    pub fn sizes(&self) -> [usize; 4] {
        match self {
            Self::Hosted(rules) => rules.sizes(),
            Self::Relay(rules) => rules.sizes(),
        }
    }

    /// The room that a socket is in.
    pub fn room(&self, id: SocketId) -> Option<&str> {
        match self {
            Self::Hosted(rules) => rules.room(id),
            Self::Relay(rules) => rules.room(id),
        }
    }
}
