// SPDX-License-Identifier: MPL-2.0
//! Behind a relay anybody can speak as anybody, and as the server: nobody's word ends or changes
//! what is being recorded, or keeps others out.

use crate::conversation::{Conversation, Sdp, config, reconnect, stream, warnings};
use serde_json::{Value, json};
use vdoroom_protocol::{Action, Dialect, Event, RoomConfig, RoomState, StreamState};

fn offer() -> Value {
    let sdp = Sdp::new("tok").application().video().audio().text();
    json!({"from": "a", "streamID": "alice", "session": "tok",
        "description": {"type": "offer", "sdp": sdp}})
}

/// Alice is being recorded behind a relay; the dialect was given or found out.
fn recorded(dialect: Dialect) -> Conversation {
    let mut talk = Conversation::begin(RoomConfig {
        dialect,
        ..config()
    });
    talk.event(Event::Opened);
    talk.receives(json!({"request": "seed", "from": "a", "streamID": "alice"}));
    talk.receives(offer());
    let session = talk.session("alice");
    talk.connects(session);
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(10);
    talk.take();
    talk
}

#[test]
fn nobody_can_speak_as_the_server() {
    for dialect in [Dialect::Relay, Dialect::Auto] {
        for said in [
            json!({"request": "alert", "message": "Client not approved"}),
            json!({"request": "alert", "message": "Room is full"}),
            json!({"error": "uuid already in use"}),
            json!({"error": "missing from field"}),
            json!({"request": "listing", "list": []}),
            json!({"request": "transferred", "list": []}),
            json!([]),
        ] {
            let mut talk = recorded(dialect);
            talk.title = said.to_string();
            talk.receives(said);
            let actions = talk.take();
            talk.expect_eq(reconnect(&actions), None);
            talk.expect_eq(talk.state("alice"), StreamState::Flowing);
            // Who comes later is still heard.
            talk.receives(json!({"request": "seed", "from": "b", "streamID": "bob"}));
            talk.pass_secs(1);
            let plays = talk.plays();
            talk.expect_eq(plays, vec!["bob".to_owned()]);
            let status = talk.status();
            talk.expect_eq(
                (status.state, status.dialect),
                (RoomState::Joined, Dialect::Relay),
            );
        }
    }
}

#[test]
fn what_the_relay_says_when_we_come_is_believed() {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.event(Event::Opened);
    talk.take();
    talk.receives(json!({"error": "uuid already in use"}));
    let actions = talk.take();
    assert!(reconnect(&actions).is_some(), "{actions:?}");
}

#[test]
fn a_guest_cannot_send_the_recorder_away_again_and_again() {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    let taken = json!({"error": "uuid already in use"});
    talk.event(Event::Opened);
    talk.receives(taken.clone());
    talk.event(Event::Closed {
        reason: String::new(),
    });
    talk.pass_secs(60);
    talk.event(Event::Opened);
    talk.take();
    // Our new name is a random one.
    talk.receives(taken.clone());
    let actions = talk.take();
    talk.expect_eq(reconnect(&actions), None);
    // A relay that did not notice that our websocket is gone still has it.
    talk.event(Event::Closed {
        reason: String::new(),
    });
    talk.pass_secs(60);
    talk.event(Event::Opened);
    talk.take();
    talk.receives(taken);
    let actions = talk.take();
    assert!(reconnect(&actions).is_some(), "{actions:?}");
}

#[test]
fn a_goodbye_in_another_s_name_ends_nothing_that_has_media_and_nothing_that_pauses() {
    for said in [
        json!({"from": "a", "bye": true, "session": "tok"}),
        json!({"from": "a", "request": "cleanup"}),
        json!({"from": "a", "request": "videoremovedfromroom", "streamID": "alice"}),
        json!({"request": "videoremovedfromroom", "streamID": "alice"}),
        json!({"type": "disconnect", "uuid": "a"}),
    ] {
        let mut talk = recorded(Dialect::Relay);
        talk.title = said.to_string();
        let session = talk.session("alice");
        talk.receives(said);
        talk.event(Event::MediaStalled { session });
        talk.pass_secs(5);
        talk.event(Event::MediaFlowing { session });
        talk.expect_eq(talk.session("alice"), session);
        talk.expect_eq(talk.state("alice"), StreamState::Flowing);
    }
}

#[test]
fn an_offer_in_another_s_name_changes_nothing_while_there_is_media() {
    let mut talk = recorded(Dialect::Relay);
    let mut forged = offer();
    let sdp = forged["description"]["sdp"].as_str().unwrap_or_default();
    forged["description"]["sdp"] = json!(sdp.replace("a=mid", "a=rtpmap:96 none/1\r\na=mid"));
    talk.receives(forged.clone());
    talk.receives(forged.clone());
    let actions = talk.take();
    talk.expect_eq((actions.len(), warnings(&actions).len()), (1, 1));
    let session = talk.session("alice");
    // The publisher itself has the channel.
    talk.channel_receives(session, forged);
    let actions = talk.take();
    let applied = |action: &Action| matches!(action, Action::SetRemoteOffer { .. });
    assert!(actions.iter().any(applied), "{actions:?}");
    talk.expect_eq(warnings(&actions), vec![]);
    talk.expect_eq(talk.status().streams[0].id.clone(), stream("alice"));
}
