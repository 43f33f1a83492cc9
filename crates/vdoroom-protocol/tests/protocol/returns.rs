// SPDX-License-Identifier: MPL-2.0
//! Publishers who lose their websocket while their media flows, and are announced again under
//! another name.

use crate::conversation::{Conversation, announced, closed};
use serde_json::{Value, json};
use vdoroom_protocol::{Event, SessionId, StreamState};

/// Alice's media flows. Her websocket was lost, which the server said, and is back.
fn back() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "one");
    talk.pass_secs(60);
    talk.receives(json!({"request": "cleanup", "UUID": "a"}));
    talk.pass_secs(2);
    talk.receives(announced("a2", "alice"));
    talk.take();
    (talk, session)
}

/// Who is told `bye` over the websocket.
fn goodbyes(sent: &[Value]) -> Vec<&str> {
    let goodbyes = sent.iter().filter(|message| message["bye"] == true);
    goodbyes.filter_map(|said| said["UUID"].as_str()).collect()
}

#[test]
fn who_is_announced_anew_after_leaving_may_pause_without_losing_the_connection() {
    let (mut talk, session) = back();
    talk.event(Event::MediaStalled { session });
    talk.pass_secs(5);
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(60);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    talk.expect_eq(talk.session("alice"), session);
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

/// Its page ignores a play while it takes the old connection for a good one.
#[test]
fn who_is_announced_anew_is_told_of_the_end_under_the_new_name() {
    let (mut talk, session) = back();
    let reason = "ICE failed".to_owned();
    talk.event(Event::PeerLost { session, reason });
    talk.pass_secs(2);
    let sent = talk.sent();
    talk.expect_eq(goodbyes(&sent), vec!["a", "a2"]);
    let plays = sent.iter().filter(|message| message["request"] == "play");
    talk.expect_eq(plays.count(), 1);
}

#[test]
fn who_leaves_and_is_not_announced_anew_is_over_when_the_media_stalls() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "one");
    talk.receives(json!({"request": "cleanup", "UUID": "a"}));
    talk.take();
    talk.event(Event::MediaStalled { session });
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
}
