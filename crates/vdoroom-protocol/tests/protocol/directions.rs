// SPDX-License-Identifier: MPL-2.0
//! Media that stops and begins again in the m-line that it has, with connections that follow that.

use crate::conversation::{
    Conversation, Sdp, answers, browser, channel_texts, closed, config, play, warnings,
};
use serde_json::{Value, json};
use vdoroom_protocol::{Abilities, Action, Dialect, Event, RoomConfig, SessionId, StreamState};

const ABLE: Event = Event::Abilities(Abilities {
    direction_changes: true,
    ice_restarts: false,
});

fn camera() -> Sdp {
    browser().video().audio()
}

fn stopped() -> Sdp {
    camera().inactive(1).inactive(2)
}

fn offer(sdp: &Sdp) -> Value {
    json!({"session": "tok", "description": {"type": "offer", "sdp": sdp.text()}})
}

/// Camera and microphone of alice are received.
fn received() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.event(ABLE);
    talk.offers("a", "alice", "tok", &browser());
    let session = talk.session("alice");
    talk.connects(session);
    talk.channel_receives(session, offer(&camera()));
    talk.event(Event::MediaFlowing { session });
    talk.take();
    (talk, session)
}

fn applied(actions: &[Action]) -> usize {
    let set = |action: &&Action| matches!(action, Action::SetRemoteOffer { .. });
    actions.iter().filter(set).count()
}

#[test]
fn a_connection_that_can_follow_is_kept() {
    let (mut talk, session) = received();
    for sdp in [
        camera().inactive(1),
        stopped(),
        camera().inactive(2),
        camera(),
        camera().inactive(1).video(),
    ] {
        talk.channel_receives(session, offer(&sdp));
        let actions = talk.take();
        let texts = channel_texts(&actions);
        talk.expect_eq((applied(&actions), answers(&texts).len()), (1, 1));
        talk.expect_eq(talk.session("alice"), session);
    }
    for sdp in [camera().restarted(), browser()] {
        let (mut talk, session) = received();
        talk.channel_receives(session, offer(&sdp));
        let actions = talk.take();
        talk.expect_eq(closed(&actions), vec![session]);
    }
}

#[test]
fn a_publisher_that_stops_all_of_its_media_is_left_in_peace_until_it_begins_again() {
    // The media may end before or after the offer that says so.
    for says_first in [true, false] {
        let (mut talk, session) = received();
        if says_first {
            talk.channel_receives(session, offer(&stopped()));
        }
        talk.event(Event::MediaStalled { session });
        if !says_first {
            talk.expect_eq(talk.state("alice"), StreamState::Stalled);
            talk.pass_secs(1);
            talk.channel_receives(session, offer(&stopped()));
        }
        talk.take();
        talk.pass_secs(600);
        let actions = talk.take();
        assert!(!actions.contains(&play("alice")), "{actions:?}");
        talk.expect_eq(talk.state("alice"), StreamState::Connected);
        talk.expect_eq(talk.session("alice"), session);
        talk.channel_receives(session, offer(&camera()));
        talk.event(Event::MediaFlowing { session });
        talk.expect_eq(talk.state("alice"), StreamState::Flowing);
        // What is promised and stops is missed again.
        talk.event(Event::MediaStalled { session });
        talk.pass_secs(20);
        let actions = talk.take();
        talk.expect_eq(closed(&actions), vec![session]);
    }
}

#[test]
fn an_offer_does_not_prolong_the_time_of_a_publisher_that_promises_media_and_sends_none() {
    let (mut talk, session) = received();
    talk.event(Event::MediaStalled { session });
    for sdp in [camera().inactive(1), camera()] {
        talk.pass_secs(6);
        talk.channel_receives(session, offer(&sdp));
    }
    talk.take();
    talk.pass_secs(4);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
}

#[test]
fn a_publisher_without_a_channel_that_stops_all_of_its_media_is_missed() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.event(ABLE);
    let camera = Sdp::new("native").video();
    talk.offers("a", "alice", "tok", &camera);
    let session = talk.session("alice");
    talk.event(Event::PeerConnected { session });
    talk.event(Event::MediaFlowing { session });
    talk.offers("a", "alice", "tok", &camera.inactive(0));
    talk.expect_eq(talk.session("alice"), session);
    talk.event(Event::MediaStalled { session });
    talk.take();
    talk.pass_secs(20);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
}

#[test]
fn behind_a_relay_nobody_stops_the_media_of_another() {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.event(ABLE);
    talk.event(Event::Opened);
    let camera = Sdp::new("tok").video();
    let said = |sdp: &Sdp| {
        let mut said = offer(sdp);
        (said["from"], said["streamID"]) = (json!("a"), json!("alice"));
        said
    };
    talk.receives(json!({"request": "seed", "from": "a", "streamID": "alice"}));
    talk.receives(said(&camera));
    let session = talk.session("alice");
    talk.event(Event::PeerConnected { session });
    talk.event(Event::MediaFlowing { session });
    talk.take();
    talk.receives(said(&camera.inactive(0)));
    let actions = talk.take();
    talk.expect_eq((applied(&actions), warnings(&actions).len()), (0, 1));
    talk.expect_eq(talk.session("alice"), session);
}
