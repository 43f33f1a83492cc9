// SPDX-License-Identifier: MPL-2.0
//! A publisher that serves one viewer, such as raspberry_ninja without `--multiviewer`, and another
//! viewer who wants it too: each of them would take it from the other for ever.

use std::time::Duration;

use crate::conversation::{Conversation, announced, closed, config, warnings};
use vdoroom_protocol::{Event, RoomConfig, SessionId, StreamState};

/// How often the pi is taken away soon after it began.
const TIMES: u32 = 3;

/// The pi's media flows for this time, and is gone.
fn is_taken(talk: &mut Conversation, session: SessionId, after: Duration) {
    talk.pass(after);
    talk.event(Event::MediaStalled { session });
    talk.pass_millis(500);
    talk.event(Event::PeerSilent { session });
    talk.event(Event::ServerAnswers);
}

/// It was taken away so often.
fn contested() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined_with(config(), &[("p", "pi")]);
    let mut session = talk.flows("p", "pi", "t0");
    for time in 1..TIMES {
        talk.take();
        is_taken(&mut talk, session, Duration::from_secs(6));
        talk.pass_secs(1);
        // So far it may be the network, and is asked for at once.
        let plays = talk.plays();
        talk.expect_eq(plays, vec!["pi".to_owned()]);
        session = talk.flows("p", "pi", &format!("t{time}"));
    }
    talk.take();
    (talk, session)
}

/// When it is played within this time, in seconds.
fn played(talk: &mut Conversation, seconds: u64) -> Vec<u64> {
    let mut played = Vec::new();
    for second in 0..seconds {
        talk.pass_secs(1);
        played.extend(talk.plays().iter().map(|_| second));
    }
    played
}

#[test]
fn a_publisher_with_one_place_is_left_to_the_other_viewer_for_a_while() {
    let (mut talk, mut session) = contested();
    let mut told = 0;
    for (time, least) in [(3, 25), (4, 55), (5, 190), (6, 190)] {
        is_taken(&mut talk, session, Duration::from_secs(6));
        talk.pass_secs(1);
        told += warnings(&talk.take()).len();
        let asked = played(&mut talk, 230);
        assert!(asked.first().is_some_and(|at| *at >= least), "{asked:?}");
        session = talk.flows("p", "pi", &format!("t{time}"));
        talk.take();
    }
    talk.expect_eq(told, 1);
    // The other one has gone: from now on it is as any.
    is_taken(&mut talk, session, Duration::from_secs(60));
    talk.take();
    let asked = played(&mut talk, 3);
    talk.expect_eq(asked.len(), 1);
}

/// It was the network each time: whatever comes back meanwhile goes on.
#[test]
fn a_publisher_on_a_bad_network_goes_on_where_it_comes_back() {
    let (mut talk, session) = contested();
    is_taken(&mut talk, session, Duration::from_secs(6));
    talk.pass_secs(3);
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(60);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    talk.expect_eq(talk.state("pi"), StreamState::Flowing);
}

#[test]
fn a_guest_who_reloads_again_and_again_is_played_at_once() {
    let mut talk = Conversation::joined_with(RoomConfig { ..config() }, &[("p0", "pi")]);
    let mut session = talk.flows("p0", "pi", "t0");
    for time in 1..8 {
        talk.pass_secs(6);
        talk.event(Event::MediaStalled { session });
        talk.take();
        let uuid = format!("p{time}");
        talk.receives(announced(&uuid, "pi"));
        talk.pass_secs(1);
        let actions = talk.take();
        talk.expect_eq(warnings(&actions), vec![]);
        talk.expect_eq(actions.contains(&crate::conversation::play("pi")), true);
        session = talk.flows(&uuid, "pi", &format!("t{time}"));
    }
}
