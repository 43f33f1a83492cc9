// SPDX-License-Identifier: MPL-2.0
//! What tests look for among actions, and say on behalf of a hosted server.

use serde_json::{Value, json};
use vdoroom_protocol::{Action, SessionId};

/// A member publishes this stream.
pub fn announced(uuid: &str, id: &str) -> Value {
    json!({"request": "videoaddedtoroom", "UUID": uuid, "streamID": id})
}

/// What people are told of trouble.
pub fn warnings(actions: &[Action]) -> Vec<String> {
    let messages = actions.iter().filter_map(|action| match action {
        Action::Warn { message, .. } => Some(message.clone()),
        _ => None,
    });
    messages.collect()
}

/// The candidates that are to be applied, with their m-line.
pub fn candidates(actions: &[Action]) -> Vec<(u32, String)> {
    let all = actions.iter().filter_map(|action| match action {
        Action::AddRemoteCandidate {
            sdp_mline_index,
            candidate,
            ..
        } => Some((*sdp_mline_index, candidate.clone())),
        _ => None,
    });
    all.collect()
}

/// What goes over data channels.
pub fn channel_texts(actions: &[Action]) -> Vec<Value> {
    let all = actions.iter().filter_map(|action| match action {
        Action::SendChannel { text, .. } => Some(serde_json::from_str(text).unwrap()),
        _ => None,
    });
    all.collect()
}

/// The sessions that are over.
pub fn closed(actions: &[Action]) -> Vec<SessionId> {
    let closed = actions.iter().filter_map(|action| match action {
        Action::ClosePeer { session, .. } => Some(*session),
        _ => None,
    });
    closed.collect()
}

/// How many streams left.
pub fn removed(actions: &[Action]) -> usize {
    let removed = |action: &&Action| matches!(action, Action::StreamRemoved { .. });
    actions.iter().filter(removed).count()
}

/// Which session of its stream each new one is.
pub fn numbers(actions: &[Action]) -> Vec<u32> {
    let opened = actions.iter().filter_map(|action| match action {
        Action::OpenPeer { number, .. } => Some(*number),
        _ => None,
    });
    opened.collect()
}

/// The answers among these messages.
pub fn answers(sent: &[Value]) -> Vec<&Value> {
    sent.iter()
        .filter(|message| message.get("description").is_some())
        .collect()
}

/// The message that asks the server for this stream.
pub fn play(id: &str) -> Action {
    Action::SendSocket(json!({"request": "play", "streamID": id}).to_string())
}

/// How long the websocket is to be left closed.
pub fn reconnect(actions: &[Action]) -> Option<std::time::Duration> {
    actions.iter().find_map(|action| match action {
        Action::Reconnect { after } => Some(*after),
        _ => None,
    })
}
