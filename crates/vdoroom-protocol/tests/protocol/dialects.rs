// SPDX-License-Identifier: MPL-2.0
//! `dialect=auto`: what shows which kind of server there is, what a guest of a relay may have said,
//! and how a wrong conclusion is left behind.

use std::time::Duration;

use crate::conversation::{Conversation, Sdp, announced, closed, config, reconnect, warnings};
use serde_json::{Value, json};
use vdoroom_protocol::{Action, Dialect, Event, RoomConfig, RoomState, SessionId, StreamState};

/// The websocket is open, and nothing has been heard.
fn auto() -> Conversation {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Auto,
        ..config()
    });
    talk.event(Event::Opened);
    talk.take();
    talk
}

fn seed(from: &str, id: &str) -> Value {
    json!({"request": "seed", "from": from, "roomid": "studio", "streamID": id})
}

fn refusals() -> [Value; 3] {
    [
        json!({"request": "alert", "message": "Client not approved"}),
        json!({"error": "rejected"}),
        json!({"alert": "Room is full"}),
    ]
}

#[test]
fn a_forged_refusal_before_anybody_is_heard_keeps_nobody_out() {
    for refusal in refusals() {
        for later in [0, 2, 5] {
            let mut talk = auto();
            talk.title = format!("with {refusal} after {later} s");
            talk.pass_secs(later);
            talk.receives(refusal.clone());
            talk.pass_secs(1);
            talk.receives(seed("a", "alice"));
            talk.pass_secs(60);
            let actions = talk.take();
            talk.expect_eq(reconnect(&actions), None);
            talk.expect_eq(warnings(&actions).len(), 1);
            talk.expect_eq(talk.state("alice"), StreamState::Asked);
        }
    }
}

#[test]
fn who_is_refused_where_nobody_is_heard_tries_again() {
    for refusal in refusals() {
        let mut talk = auto();
        talk.title = refusal.to_string();
        talk.receives(refusal.clone());
        talk.pass_secs(11);
        let wait = reconnect(&talk.take()).expect("the websocket is opened again");
        assert!(wait.as_secs() >= 15, "{wait:?}");
        talk.event(Event::Closed {
            reason: "closed".to_owned(),
        });
        talk.pass(wait);
        // Or the server closes the websocket itself.
        talk.event(Event::Opened);
        talk.receives(refusal);
        talk.event(Event::Closed {
            reason: "closed".to_owned(),
        });
        let wait = reconnect(&talk.take()).expect("the websocket is opened again");
        assert!(wait.as_secs() >= 15, "{wait:?}");
        talk.pass(wait);
        talk.rejoin(&[("a", "alice")]);
        talk.pass_secs(60);
        talk.expect_eq(talk.state("alice"), StreamState::Asked);
    }
}

#[test]
fn a_refusal_by_a_server_that_lists_its_room_is_final() {
    let mut talk = auto();
    talk.receives(json!({"request": "listing", "list": []}));
    talk.receives(json!({"request": "alert", "message": "Client not approved"}));
    let actions = talk.take();
    let fails = |action: &Action| matches!(action, Action::Fail { .. });
    assert!(actions.iter().any(fails), "{actions:?}");
}

/// Silence made us take it for a relay; nobody has said a `from` since.
#[test]
fn a_forged_leave_notice_before_anybody_is_heard_ends_nothing() {
    for said in [
        json!({"type": "disconnect", "uuid": "a"}),
        json!({"request": "videoremovedfromroom", "streamID": "alice"}),
    ] {
        let mut talk = auto();
        talk.title = said.to_string();
        let sdp = Sdp::new("tok").application().video().audio().text();
        talk.receives(seed("a", "alice"));
        talk.receives(json!({"from": "a", "streamID": "alice", "session": "tok",
            "description": {"type": "offer", "sdp": sdp}}));
        let session = talk.session("alice");
        talk.connects(session);
        talk.event(Event::MediaFlowing { session });
        // We come back, and this time nobody has been heard.
        talk.event(Event::Closed {
            reason: "restart".to_owned(),
        });
        let wait = reconnect(&talk.take()).expect("the websocket is opened again");
        talk.pass(wait);
        talk.event(Event::Opened);
        talk.pass_secs(5);
        talk.receives(said);
        talk.event(Event::MediaStalled { session });
        talk.pass_secs(5);
        talk.event(Event::MediaFlowing { session });
        talk.expect_eq(talk.session("alice"), session);
        talk.expect_eq(talk.state("alice"), StreamState::Flowing);
    }
}

/// A guest of a relay left out who it is, as a hosted server's guests do.
#[test]
fn a_relay_that_was_taken_for_a_hosted_server_is_recognised_by_the_next_who_says_from() {
    for said in [
        announced("m", "mallory"),
        json!({"request": "listing", "list": []}),
    ] {
        let mut talk = auto();
        talk.title = said.to_string();
        talk.receives(said);
        talk.expect_eq(talk.status().dialect, Dialect::Hosted);
        talk.pass_secs(5);
        talk.take();
        talk.receives(seed("a", "alice"));
        talk.pass_secs(1);
        talk.expect_eq(talk.status().dialect, Dialect::Relay);
        talk.expect_eq(talk.state("alice"), StreamState::Asked);
        let sent = talk.sent();
        let said = |request: &str| {
            let said =
                |message: &&Value| message["request"] == request && message["from"].is_string();
            sent.iter().filter(said).count()
        };
        // Those who were not understood before hear of us.
        talk.expect_eq(said("joinroom"), 1);
        assert!(said("play") >= 1, "{sent:?}");
    }
}

#[test]
fn after_a_join_that_failed_the_dialect_is_found_out_anew() {
    for answers in [true, false] {
        let mut talk = auto();
        talk.receives(announced("m", "mallory"));
        talk.pass_secs(40);
        // Another server is there now: a relay.
        talk.event(Event::Closed {
            reason: "restart".to_owned(),
        });
        for _ in 0..2 {
            let wait = reconnect(&talk.take()).expect("the websocket is opened again");
            talk.pass(wait);
            talk.event(Event::Opened);
            if answers {
                talk.pass_secs(12);
            } else {
                talk.event(Event::Closed {
                    reason: "go away".to_owned(),
                });
            }
            if talk.status().state == RoomState::Joined {
                break;
            }
        }
        if !answers {
            let wait = reconnect(&talk.take()).expect("the websocket is opened again");
            talk.pass(wait);
            talk.event(Event::Opened);
            talk.pass_secs(5);
        }
        talk.expect_eq(talk.status().dialect, Dialect::Relay);
        talk.expect_eq(talk.status().state, RoomState::Joined);
    }
}

/// Alice's media flows, and an offer of hers is being answered. A second one, which needs a new
/// connection, came over the websocket; then the server was lost, and nobody is heard.
fn queued(first: Value, offer: impl Fn(&Sdp) -> Value) -> (Conversation, SessionId) {
    let mut talk = auto();
    talk.receives(first);
    let sdp = Sdp::new("tok").application().video();
    talk.receives(offer(&sdp));
    let session = talk.session("alice");
    talk.event(Event::PeerConnected { session });
    talk.answers = false;
    talk.receives(offer(&sdp.clone().audio()));
    talk.receives(offer(&sdp.audio().restarted()));
    talk.event(Event::MediaFlowing { session });
    for _ in 0..2 {
        talk.event(Event::Closed {
            reason: "restart".to_owned(),
        });
        let wait = reconnect(&talk.take()).expect("the websocket is opened again");
        talk.pass(wait.min(Duration::from_secs(2)));
        talk.event(Event::Opened);
    }
    talk.expect_eq(talk.sessions("alice"), vec![session]);
    talk.take();
    (talk, session)
}

#[test]
fn an_offer_that_a_hosted_server_passed_on_is_still_believed_when_the_server_is_lost() {
    let listing = json!({"request": "listing", "list": [{"UUID": "a", "streamID": "alice"}]});
    let (mut talk, session) = queued(listing, |sdp| {
        json!({"UUID": "a", "streamID": "alice", "session": "tok",
            "description": {"type": "offer", "sdp": sdp.text()}})
    });
    talk.expect_eq(talk.status().dialect, Dialect::Auto);
    let answer = talk.answer_of(session);
    talk.event(answer);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
}

#[test]
fn an_offer_that_came_over_a_relay_is_still_doubtful_when_a_hosted_server_is_there() {
    let (mut talk, session) = queued(seed("a", "alice"), |sdp| {
        json!({"from": "a", "streamID": "alice", "session": "tok",
            "description": {"type": "offer", "sdp": sdp.text()}})
    });
    talk.receives(json!({"request": "listing", "list": [{"UUID": "a", "streamID": "alice"}]}));
    talk.expect_eq(talk.status().dialect, Dialect::Hosted);
    talk.take();
    let answer = talk.answer_of(session);
    talk.event(answer);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    talk.expect_eq(warnings(&actions).len(), 1);
}

#[test]
fn a_hosted_server_s_guest_cannot_make_it_a_relay() {
    let mut talk = auto();
    talk.receives(json!({"request": "listing", "list": []}));
    // The server puts the sender's UUID into all that it passes on.
    talk.receives(json!({"request": "seed", "UUID": "m", "from": "x", "streamID": "mallory"}));
    talk.pass_secs(1);
    talk.expect_eq(talk.status().dialect, Dialect::Hosted);
}
