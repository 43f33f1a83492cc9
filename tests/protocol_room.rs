// SPDX-License-Identifier: MPL-2.0
//! Joining a room, and who is played when.

mod conversation;

use std::time::Duration;

use conversation::{Conversation, Sdp, config, stream};
use gstvdoroom::protocol::{
    Action, Dialect, Event, Filter, Password, RoomConfig, RoomState, StreamState,
};
use serde_json::{Value, json};

fn joins(uuid: &str, id: &str) -> Value {
    json!({"request": "someonejoined", "UUID": uuid, "streamID": id})
}

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

fn filtered(include: &[&str], exclude: &[&str]) -> Filter {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
    Filter {
        include: owned(include),
        exclude: owned(exclude),
    }
}

fn warnings(actions: &[Action]) -> Vec<String> {
    let messages = actions.iter().filter_map(|action| match action {
        Action::Warn { message, .. } => Some(message.clone()),
        _ => None,
    });
    messages.collect()
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
fn everybody_who_is_there_is_played_as_listed() {
    let password = Password::Own("mypass".to_owned());
    let listed = [("a", "alicea468af"), ("v", ""), ("b", "boba468af")];
    let mut talk = Conversation::joined_with(
        RoomConfig {
            password,
            ..config()
        },
        &listed,
    );
    talk.pass_secs(1);
    let actions = talk.take();
    let added: Vec<String> = actions
        .iter()
        .filter_map(|action| match action {
            Action::StreamAdded { stream, .. } => Some(stream.to_string()),
            _ => None,
        })
        .collect();
    talk.expect_eq(added, vec!["alice".to_owned(), "bob".to_owned()]);
    let played = actions.iter().filter(|action| match action {
        Action::SendSocket(text) => text.contains("play") && text.contains("a468af"),
        _ => false,
    });
    talk.expect_eq(played.count(), 2);
}

#[test]
fn a_stream_that_is_announced_twice_is_played_once() {
    let mut talk = Conversation::joined(&[]);
    talk.receives(json!({"request": "someonejoined", "UUID": "a"}));
    talk.receives(joins("a", "alice"));
    talk.receives(json!({"request": "videoaddedtoroom", "UUID": "a", "streamID": "alice"}));
    talk.pass_secs(4);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
}

#[test]
fn sixty_who_are_there_are_played_one_after_the_other_within_two_seconds() {
    let names: Vec<(String, String)> = (0..60)
        .map(|n| (format!("u{n}"), format!("s{n}")))
        .collect();
    let members: Vec<(&str, &str)> = names.iter().map(|(uuid, id)| (&**uuid, &**id)).collect();
    let mut talk = Conversation::joined(&members);
    let plays = talk.plays().len();
    assert!(plays <= 1, "{plays} at once");
    for _ in 0..10 {
        talk.pass_millis(100);
        let plays = talk.plays().len();
        assert!(plays <= 6, "{plays} in a tenth of a second");
    }
    talk.pass_secs(1);
    let asked = talk
        .status()
        .streams
        .iter()
        .filter(|s| s.state == StreamState::Asked)
        .count();
    talk.expect_eq(asked, 60);
}

#[test]
fn a_guest_who_does_not_offer_is_asked_again_ever_more_rarely() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let mut when = Vec::new();
    for second in 0..500 {
        if !talk.plays().is_empty() {
            when.push(second);
        }
        talk.pass_secs(1);
    }
    talk.expect_eq(when, vec![0, 5, 20, 65, 245, 425]);
}

#[test]
fn a_stream_is_accepted_once_before_it_is_played() {
    let mut talk = Conversation::begin(config());
    talk.accepts = false;
    talk.rejoin(&[("a", "alice"), ("b", "bob")]);
    talk.receives(joins("a", "alice"));
    let asked = talk
        .take()
        .into_iter()
        .filter(|action| matches!(action, Action::AskAccept { .. }));
    let asked = asked.count();
    talk.expect_eq(asked, 2);
    talk.event(Event::Accepted {
        stream: stream("alice"),
        accepted: true,
    });
    talk.event(Event::Accepted {
        stream: stream("bob"),
        accepted: false,
    });
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
    talk.expect_eq(talk.state("bob"), StreamState::Unwanted);
    talk.receives(joins("b2", "bob"));
    talk.pass_secs(60);
    let asked = talk
        .take()
        .into_iter()
        .any(|action| matches!(action, Action::AskAccept { .. }));
    talk.expect_eq(asked, false);
}

#[test]
fn the_filter_decides_and_can_change() {
    let filter = filtered(&["al*"], &["*_ss"]);
    let members = [("a", "alice"), ("s", "alice_ss"), ("b", "bob")];
    let mut talk = Conversation::joined_with(RoomConfig { filter, ..config() }, &members);
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
    let session = talk.flows("a", "alice", "t");
    talk.event(Event::Filter(filtered(&["bob"], &[])));
    talk.pass_secs(1);
    let actions = talk.take();
    let closed = actions
        .iter()
        .any(|action| matches!(action, Action::ClosePeer { session: s, .. } if *s == session));
    let removed = actions.iter().any(
        |action| matches!(action, Action::StreamRemoved { stream, .. } if stream.0 == "alice"),
    );
    let added = actions
        .iter()
        .any(|action| matches!(action, Action::StreamAdded { stream, .. } if stream.0 == "bob"));
    talk.expect_eq((closed, removed, added), (true, true, true));
    talk.expect_eq(talk.state("bob"), StreamState::Asked);
}

#[test]
fn the_user_can_stop_and_play_a_stream_against_the_filter() {
    let filter = filtered(&["alice"], &[]);
    let mut talk = Conversation::joined_with(
        RoomConfig { filter, ..config() },
        &[("a", "alice"), ("b", "bob")],
    );
    talk.flows("a", "alice", "t");
    talk.take();
    talk.event(Event::Stop(stream("alice")));
    talk.event(Event::Play(stream("bob")));
    talk.pass_secs(1);
    talk.expect_eq(talk.state("alice"), StreamState::Unwanted);
    let actions = talk.take();
    let bye = actions
        .iter()
        .any(|action| matches!(action, Action::SendChannel { text, .. } if text.contains("bye")));
    talk.expect_eq(bye, true);
    talk.expect_eq(talk.state("bob"), StreamState::Asked);
    talk.event(Event::Play(stream("alice")));
    talk.pass_secs(2);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
}

#[test]
fn a_stream_that_the_user_names_needs_no_consent_and_no_announcement() {
    let mut talk = Conversation::joined(&[]);
    talk.accepts = false;
    talk.event(Event::Play(stream("zoe")));
    let actions = talk.take();
    let play = Action::SendSocket(json!({"request": "play", "streamID": "zoe"}).to_string());
    talk.expect_eq(actions, vec![play]);
    talk.flows("z", "zoe", "t");
    let added = talk
        .take()
        .iter()
        .any(|action| matches!(action, Action::StreamAdded { .. }));
    talk.expect_eq(added, true);
}

#[test]
fn the_oldest_who_waits_takes_the_place_of_who_leaves() {
    let members = [("a", "alice"), ("b", "bob"), ("c", "carol"), ("d", "dave")];
    let mut talk = Conversation::joined_with(
        RoomConfig {
            max_streams: 2,
            ..config()
        },
        &members,
    );
    talk.pass_secs(1);
    let actions = talk.take();
    let added = actions
        .iter()
        .filter(|action| matches!(action, Action::StreamAdded { .. }))
        .count();
    talk.expect_eq(added, 4);
    let alice = talk.flows("a", "alice", "ta");
    talk.flows("b", "bob", "tb");
    talk.pass_secs(60);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![]);
    talk.expect_eq(talk.state("carol"), StreamState::Waiting);
    talk.channel_receives(alice, json!({"bye": true}));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["carol".to_owned()]);
}

#[test]
fn who_never_offers_does_not_hold_a_place_for_ever() {
    let members = [("a", "alice"), ("b", "bob")];
    let mut talk = Conversation::joined_with(
        RoomConfig {
            max_streams: 1,
            ..config()
        },
        &members,
    );
    talk.pass_secs(30);
    let plays = talk.plays();
    assert!(plays.contains(&"bob".to_owned()), "{plays:?}");
}

#[test]
fn without_a_room_the_named_streams_are_played_directly() {
    let filter = filtered(&["alice", "bob", "x*"], &[]);
    let password = Password::Own("mypass".to_owned());
    let mut talk = Conversation::begin(RoomConfig {
        room: None,
        filter,
        password,
        ..config()
    });
    talk.event(Event::Opened);
    talk.pass_secs(1);
    let actions = talk.take();
    let sent: Vec<&Action> = actions
        .iter()
        .filter(|action| matches!(action, Action::SendSocket(_)))
        .collect();
    let play =
        |id: &str| Action::SendSocket(json!({"request": "play", "streamID": id}).to_string());
    talk.expect_eq(sent, vec![&play("alicea468af"), &play("boba468af")]);
    talk.expect_eq(warnings(&actions).len(), 1);
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
    let again = actions
        .iter()
        .any(|action| matches!(action, Action::Reconnect { .. }));
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
        let after = actions.iter().find_map(|action| match action {
            Action::Reconnect { after } => Some(*after),
            _ => None,
        });
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
        let wait = talk.take().into_iter().find_map(|action| match action {
            Action::Reconnect { after } => Some(after),
            _ => None,
        });
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
    let wait = talk.take().into_iter().find_map(|action| match action {
        Action::Reconnect { after } => Some(after),
        _ => None,
    });
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
        matches!(actions[..], [.., Action::Disconnect, Action::Fail { .. }]),
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
    assert!(
        matches!(actions[..], [Action::Disconnect, Action::Warn { .. }]),
        "{actions:?}"
    );
    talk.pass_secs(600);
    talk.expect_eq(talk.session("alice"), session);
    talk.channel_receives(session, json!({"bye": true}));
    let end = talk.take().pop();
    assert!(matches!(end, Some(Action::Fail { .. })), "{end:?}");
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
    talk.receives(joins("c", "carol"));
    let more = talk.take();
    talk.expect_eq((more, talk.room.deadline()), (vec![], None));
}
