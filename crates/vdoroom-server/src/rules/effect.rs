// SPDX-License-Identifier: MPL-2.0
//! What the rules are asked with, and what they answer.

use async_tungstenite::tungstenite::Utf8Bytes;
use serde_json::{Value, json};

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
#[cfg_attr(
    not(feature = "faults"),
    expect(dead_code, reason = "faults choose another than the first")
)]
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

/// The notice that a room gets about a member that left.
pub fn leave_notice(kind: LeaveNotice, uuid: &str) -> Option<Value> {
    match kind {
        LeaveNotice::None => None,
        LeaveNotice::Cleanup => Some(json!({"request": "cleanup", "UUID": uuid})),
        LeaveNotice::Bye => Some(json!({"bye": true, "UUID": uuid})),
        LeaveNotice::Disconnect => Some(json!({"type": "disconnect", "uuid": uuid})),
        LeaveNotice::Leave => Some(json!({"type": "leave", "uuid": uuid})),
    }
}
