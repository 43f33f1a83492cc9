// SPDX-License-Identifier: MPL-2.0
//! Joining a room: dialects, alerts, and a server that is gone.

use std::time::Duration;

use crate::conversation::{Conversation, Sdp, announced, config, reconnect, warnings};
use serde_json::json;
use vdoroom_protocol::{Action, Dialect, Event, Password, RoomConfig, RoomState};

fn relay() -> RoomConfig {
    RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    }
}

fn auto() -> RoomConfig {
    RoomConfig {
        dialect: Dialect::Auto,
        ..config()
    }
}

#[test]
fn a_hosted_room_is_joined_once_and_without_a_name_of_our_own() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    let joined = talk.sent();
    talk.expect_eq(
        joined,
        vec![json!({"request": "joinroom", "roomid": "studio"})],
    );
    talk.expect_eq(talk.status().state, RoomState::Joining);
    talk.receives(json!({"request": "listing", "list": []}));
    talk.expect_eq(talk.status().state, RoomState::Joined);
    let more = talk.take();
    talk.expect_eq(more, vec![]);
}

#[test]
fn the_password_hides_the_name_of_the_room() {
    let password = Password::Own("mypass".to_owned());
    let room = Some("testroom123".to_owned());
    let mut talk = Conversation::begin(RoomConfig {
        password,
        room,
        ..config()
    });
    talk.event(Event::Opened);
    let joined = talk.sent();
    talk.expect_eq(&joined[0]["roomid"], &json!("2f09c9323bc91e74"));
}

#[test]
fn a_relay_is_told_who_we_are_and_where_in_every_message() {
    let mut talk = Conversation::begin(relay());
    talk.event(Event::Opened);
    talk.receives(
        json!({"request": "joinroom", "roomid": "studio", "streamID": "alice", "from": "a"}),
    );
    talk.receives(json!({"request": "seed", "roomid": "studio", "streamID": "bob", "from": "b"}));
    talk.pass_secs(1);
    let sent = talk.sent();
    let own = sent[0]["from"].as_str().unwrap().to_owned();
    talk.expect_eq(own.len(), 20);
    for message in &sent {
        talk.expect_eq(
            (&message["from"], &message["roomid"]),
            (&json!(own), &json!("studio")),
        );
    }
    talk.expect_eq(sent.len(), 3);
}

#[test]
fn silence_after_joining_means_a_relay() {
    let mut talk = Conversation::begin(auto());
    talk.event(Event::Opened);
    let joined = talk.sent();
    assert!(joined[0]["from"].is_string(), "{joined:?}");
    talk.pass_millis(2_900);
    talk.expect_eq(talk.status().dialect, Dialect::Auto);
    talk.pass_millis(200);
    talk.expect_eq(talk.status().dialect, Dialect::Relay);
    talk.expect_eq(talk.status().state, RoomState::Joined);
}

#[test]
fn who_is_told_of_others_before_the_listing_is_in_the_room() {
    let mut talk = Conversation::begin(auto());
    talk.event(Event::Opened);
    talk.receives(announced("a", "alice"));
    talk.pass_secs(60);
    talk.expect_eq(talk.status().dialect, Dialect::Hosted);
    talk.expect_eq(talk.status().state, RoomState::Joined);
}

#[test]
fn a_late_listing_means_a_hosted_server_after_all() {
    let mut talk = Conversation::begin(auto());
    talk.event(Event::Opened);
    talk.pass_secs(4);
    talk.receives(json!({"request": "listing", "list": [{"UUID": "a", "streamID": "alice"}]}));
    talk.pass_secs(1);
    talk.expect_eq(talk.status().dialect, Dialect::Hosted);
    let play = talk.sent().pop();
    talk.expect_eq(play, Some(json!({"request": "play", "streamID": "alice"})));
}

#[test]
fn a_server_that_accepts_and_never_answers_is_tried_again() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    talk.pass_secs(11);
    let actions = talk.take();
    let again = reconnect(&actions).is_some();
    talk.expect_eq((again, warnings(&actions).len()), (true, 1));
    talk.expect_eq(talk.status().state, RoomState::Disconnected);
}

#[test]
fn who_has_to_be_let_in_waits() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    talk.receives(json!({"request": "joinpending"}));
    talk.pass_secs(600);
    talk.expect_eq(talk.status().state, RoomState::Joining);
    talk.receives(json!({"request": "listing", "list": []}));
    talk.expect_eq(talk.status().state, RoomState::Joined);
}

#[test]
fn a_server_that_is_gone_is_tried_again_ever_more_rarely_with_one_warning() {
    let mut talk = Conversation::begin(config());
    let mut waits = Vec::new();
    let mut warned = 0;
    for _ in 0..8 {
        talk.event(Event::Closed {
            reason: "connection refused".to_owned(),
        });
        let actions = talk.take();
        warned += warnings(&actions).len();
        let after = reconnect(&actions);
        let after = after.expect("the websocket is opened again");
        waits.push(after);
        talk.pass(after);
        talk.expect_eq(talk.status().state, RoomState::Connecting);
    }
    talk.expect_eq(warned, 1);
    assert!(waits.windows(2).all(|two| two[0] <= two[1]), "{waits:?}");
    assert!(
        waits[0] >= Duration::from_secs(1) && waits[7] == Duration::from_secs(30),
        "{waits:?}"
    );
}

#[test]
fn a_server_that_throws_us_out_at_once_is_not_asked_in_a_tight_loop() {
    let mut talk = Conversation::begin(config());
    for _ in 0..10 {
        talk.rejoin(&[]);
        talk.event(Event::Closed {
            reason: "503".to_owned(),
        });
        let wait = reconnect(&talk.take());
        talk.pass(wait.expect("a wait"));
    }
    assert!(
        talk.elapsed() > Duration::from_secs(150),
        "{:?}",
        talk.elapsed()
    );
}

#[test]
fn a_room_that_is_full_is_tried_again_after_a_quarter_of_a_minute() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    talk.receives(json!({"request": "alert", "message": "Room is full"}));
    let wait = reconnect(&talk.take());
    assert!(wait >= Some(Duration::from_secs(15)), "{wait:?}");
    // The websocket that we closed reports its end.
    talk.event(Event::Closed {
        reason: "closed".to_owned(),
    });
    let more = talk.take();
    talk.expect_eq(more, vec![]);
}

#[test]
fn a_server_that_does_not_want_us_is_not_asked_again() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    talk.receives(json!({"request": "error", "message": "Client not approved"}));
    let actions = talk.take();
    assert!(
        matches!(actions[..], [.., Action::Fail { .. }, Action::Disconnect]),
        "{actions:?}"
    );
    talk.expect_eq(talk.status().state, RoomState::Failed);
    talk.expect_eq(talk.room.deadline(), None);
}

#[test]
fn who_is_connected_goes_on_when_the_server_does_not_want_us_any_more() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "t");
    talk.take();
    talk.receives(json!({"request": "error", "message": "Client not approved"}));
    let actions = talk.take();
    assert!(matches!(actions[..], [Action::Warn { .. }]), "{actions:?}");
    talk.pass_secs(600);
    talk.expect_eq(talk.session("alice"), session);
    talk.channel_receives(session, json!({"bye": true}));
    let actions = talk.take();
    assert!(
        matches!(actions[..], [.., Action::Fail { .. }, Action::Disconnect]),
        "{actions:?}"
    );
}

#[test]
fn a_relay_that_was_configured_as_hosted_says_so() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    talk.receives(json!({"error": "missing from field"}));
    let failed = talk.take().into_iter().find_map(|action| match action {
        Action::Fail { message } => Some(message),
        _ => None,
    });
    assert!(
        failed
            .as_ref()
            .is_some_and(|message| message.contains("dialect=relay")),
        "{failed:?}"
    );
}

#[test]
fn a_name_that_is_taken_on_a_relay_is_changed() {
    let mut talk = Conversation::begin(relay());
    talk.event(Event::Opened);
    let before = talk.sent()[0]["from"].clone();
    talk.receives(json!({"error": "uuid already in use"}));
    talk.pass_secs(2);
    talk.event(Event::Opened);
    let after = talk.sent()[0]["from"].clone();
    assert_ne!(before, after);
}

#[test]
fn the_end_says_goodbye_to_everybody_and_nothing_more() {
    let mut talk = Conversation::joined(&[("a", "alice"), ("b", "bob")]);
    talk.flows("a", "alice", "ta");
    talk.offers("b", "bob", "tb", &Sdp::new("tb").application());
    talk.take();
    talk.event(Event::Shutdown);
    let actions = talk.take();
    let channel = actions.iter().any(
        |action| matches!(action, Action::SendChannel { text, .. } if text == r#"{"bye":true}"#),
    );
    let socket = Action::SendSocket(json!({"UUID": "b", "bye": true}).to_string());
    talk.expect_eq((channel, actions.contains(&socket)), (true, true));
    let closed = actions
        .iter()
        .filter(|action| matches!(action, Action::ClosePeer { .. }))
        .count();
    talk.expect_eq((closed, actions.last()), (2, Some(&Action::Disconnect)));
    talk.receives(announced("c", "carol"));
    let more = talk.take();
    talk.expect_eq((more, talk.room.deadline()), (vec![], None));
}

#[test]
fn a_room_that_stays_empty_is_said_once_since_the_password_may_be_wrong() {
    let mut talk = Conversation::joined(&[]);
    talk.pass_secs(9);
    let said = warnings(&talk.take());
    talk.expect_eq(said, vec![]);
    talk.pass_secs(600);
    let said = warnings(&talk.take());
    talk.expect_eq(said.len(), 1);
    talk.expect_eq(said[0].contains("password"), true);
}
