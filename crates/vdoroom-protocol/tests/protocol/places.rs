// SPDX-License-Identifier: MPL-2.0
//! Publishers who are there and do not answer, since they wait to be let in or have as many viewers
//! as they want: they keep nobody out, and are asked again in time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::conversation::{Conversation, Sdp, config};
use serde_json::json;
use vdoroom_protocol::{RoomConfig, SessionId, StreamState};

/// So many guests, of whom none answers so far.
fn silent(guests: usize, max_streams: usize) -> Conversation {
    let names: Vec<(String, String)> = (0..guests)
        .map(|n| (format!("u{n}"), format!("s{n}")))
        .collect();
    let members: Vec<(&str, &str)> = names.iter().map(|(uuid, id)| (&**uuid, &**id)).collect();
    let config = RoomConfig {
        max_streams,
        ..config()
    };
    Conversation::joined_with(config, &members)
}

/// How often each of them is played within this time.
fn played(talk: &mut Conversation, time: Duration) -> BTreeMap<String, usize> {
    talk.take();
    talk.pass(time);
    let mut played = BTreeMap::new();
    for id in talk.plays() {
        *played.entry(id).or_default() += 1;
    }
    played
}

#[test]
fn three_silent_guests_keep_nobody_from_the_two_places() {
    let mut talk = silent(4, 2);
    let played = played(&mut talk, Duration::from_secs(12));
    assert!(played.contains_key("s3"), "{played:?}");
    talk.flows("u3", "s3", "t");
}

/// Who is let in from a waiting room may be any of them.
#[test]
fn the_silent_take_turns_in_the_places_there_are() {
    let mut talk = silent(6, 2);
    talk.pass_secs(20);
    for _ in 0..5 {
        let played = played(&mut talk, Duration::from_secs(60));
        talk.expect_eq(played.len(), 6);
        let plays: usize = played.values().sum();
        assert!(plays <= 24, "{played:?}");
    }
}

#[test]
fn a_place_that_is_free_goes_to_a_silent_guest_rather_than_to_nobody() {
    let mut talk = silent(3, 1);
    talk.flows("u0", "s0", "t");
    let session = talk.session("s0");
    talk.pass_secs(60);
    talk.channel_receives(session, json!({"bye": true}));
    let played = played(&mut talk, Duration::from_secs(30));
    assert!(
        played.contains_key("s1") && played.contains_key("s2"),
        "{played:?}"
    );
}

#[test]
fn who_had_too_many_viewers_is_asked_within_a_quarter_of_a_minute() {
    let mut talk = silent(1, 0);
    talk.pass_secs(600);
    for _ in 0..20 {
        let played = played(&mut talk, Duration::from_secs(15));
        talk.expect_eq(played.get("s0").copied(), Some(1));
    }
    talk.offers("u0", "s0", "t", &Sdp::new("t").application());
    talk.expect_eq(talk.session("s0"), SessionId(1));
}

#[test]
fn hundreds_who_do_not_answer_are_not_asked_more_often_than_the_server_takes() {
    let mut talk = silent(300, 0);
    talk.log_kept = false;
    talk.pass_secs(60);
    let played = played(&mut talk, Duration::from_secs(300));
    talk.expect_eq(played.len(), 300);
    let plays: usize = played.values().sum();
    assert!(plays <= 620, "{plays}");
    talk.expect_eq(talk.state("s7"), StreamState::Asked);
}
