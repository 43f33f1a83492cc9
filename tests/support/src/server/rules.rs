// SPDX-License-Identifier: MPL-2.0
//! What a room server answers to a message, without sockets (protocol 9.1 and 9.2).

use async_tungstenite::tungstenite::Utf8Bytes;
use serde_json::Value;

use super::{
    hosted::Hosted,
    limits::{Limits, Network},
    relay::Relay,
};

/// One connected websocket, numbered in order of arrival.
pub type SocketId = u64;

/// Which rules a server follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Assigns UUIDs, lists rooms, routes by UUID (protocol 9.1).
    #[default]
    Hosted,
    /// Fans out, but knows rooms, UUIDs and stream IDs (protocol 9.2, VDO-aware).
    Relay,
    /// Broadcasts every message to every other socket (protocol 9.2, basic).
    BasicRelay,
}

/// What a server says to a room when a member's socket closes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LeaveNotice {
    #[default]
    None,
    /// `{"request":"cleanup","UUID":…}`
    Cleanup,
    /// `{"bye":true,"UUID":…}`
    Bye,
    /// `{"type":"disconnect","uuid":…}`
    Disconnect,
    /// `{"type":"leave","uuid":…}`
    Leave,
}

/// What happened in the rooms, for people who watch the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomEvent {
    Joined {
        room: String,
        uuid: String,
    },
    Seeded {
        room: Option<String>,
        uuid: String,
        stream_id: String,
    },
    Left {
        room: Option<String>,
        uuid: String,
        stream_id: Option<String>,
    },
}

/// What the rules want done.
#[derive(Debug)]
pub enum Effect {
    Send {
        to: SocketId,
        from: Option<SocketId>,
        text: Utf8Bytes,
    },
    Event(RoomEvent),
}

impl Effect {
    /// The server itself says `json` to one socket.
    pub fn say(to: SocketId, json: Value) -> Self {
        Self::Send {
            to,
            from: None,
            text: json.to_string().into(),
        }
    }
}

/// The rules' switches that faults change.
#[derive(Clone, Copy, Debug, Default)]
pub struct Leniency {
    pub leave_notice: LeaveNotice,
    pub allow_duplicate_streams: bool,
}

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

/// The notice that a room gets about a member that left.
pub fn leave_notice(kind: LeaveNotice, uuid: &str) -> Option<Value> {
    use serde_json::json;
    match kind {
        LeaveNotice::None => None,
        LeaveNotice::Cleanup => Some(json!({"request": "cleanup", "UUID": uuid})),
        LeaveNotice::Bye => Some(json!({"bye": true, "UUID": uuid})),
        LeaveNotice::Disconnect => Some(json!({"type": "disconnect", "uuid": uuid})),
        LeaveNotice::Leave => Some(json!({"type": "leave", "uuid": uuid})),
    }
}
