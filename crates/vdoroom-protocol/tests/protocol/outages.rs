// SPDX-License-Identifier: MPL-2.0
//! The room server is away for a second, half a minute, ten minutes; what is told of it; and what
//! happens to guests meanwhile.

use std::time::Duration;

use crate::conversation::{Conversation, config, reconnect, warnings};
use serde_json::json;
use vdoroom_protocol::{Action, Event, RoomState};

/// The server refuses connections for `outage`. Returns the waits between the attempts.
fn away_for(talk: &mut Conversation, outage: Duration) -> Vec<Duration> {
    let back = talk.elapsed() + outage;
    let mut waits = Vec::new();
    let mut reason = "closed";
    loop {
        talk.event(Event::Closed {
            reason: reason.to_owned(),
        });
        let wait = reconnect(&talk.take()).expect("the websocket is opened again");
        talk.pass(wait);
        waits.push(wait);
        if talk.elapsed() >= back {
            return waits;
        }
        reason = "refused";
    }
}

#[test]
fn however_long_the_server_is_away_media_goes_on_and_only_who_is_missing_is_played() {
    for outage in [1, 30, 600].map(Duration::from_secs) {
        let mut talk = Conversation::joined(&[("a", "alice"), ("b", "bob")]);
        let alice = talk.flows("a", "alice", "ta");
        let bob = talk.flows("b", "bob", "tb");
        talk.take();
        let waits = away_for(&mut talk, outage);
        let (second, longest) = (Duration::from_secs(1), Duration::from_secs(30));
        let late = talk.elapsed() - outage;
        assert!(
            waits.iter().all(|w| (second..=longest).contains(w)),
            "{waits:?}"
        );
        assert!(late <= longest, "{outage:?}: {waits:?}");
        // Bob's media came to its end meanwhile, and everybody has another UUID.
        talk.event(Event::PeerLost {
            session: bob,
            reason: "ICE failed".to_owned(),
        });
        talk.take();
        talk.rejoin(&[("a2", "alice"), ("b2", "bob"), ("c", "carol")]);
        talk.pass_secs(2);
        let mut plays = talk.plays();
        plays.sort();
        plays.dedup();
        talk.expect_eq(plays, vec!["bob".to_owned(), "carol".to_owned()]);
        talk.expect_eq(talk.session("alice"), alice);
    }
}

/// A network that is gone may be back at any moment, and burdens nobody.
#[test]
fn a_server_that_cannot_be_reached_is_tried_at_once_for_ten_minutes() {
    let unreachable = || Event::Unreachable {
        reason: "no route".to_owned(),
    };
    let mut talk = Conversation::joined(&[]);
    talk.pass_secs(60);
    talk.take();
    let lost = talk.elapsed();
    let mut longest = Duration::ZERO;
    while talk.elapsed() < lost + Duration::from_secs(660) {
        talk.event(unreachable());
        let wait = reconnect(&talk.take()).expect("the websocket is opened again");
        talk.pass(wait);
        if talk.elapsed() < lost + Duration::from_secs(600) {
            longest = longest.max(wait);
        }
    }
    assert!(longest < Duration::from_secs(1), "{longest:?}");
    talk.event(unreachable());
    let wait = reconnect(&talk.take()).unwrap();
    assert!(wait > Duration::from_secs(15), "{wait:?}");
}

#[test]
fn a_server_that_was_never_reached_is_tried_ever_more_rarely() {
    let mut talk = Conversation::begin(config());
    let mut wait = Duration::ZERO;
    for _ in 0..8 {
        talk.event(Event::Unreachable {
            reason: "no such host".to_owned(),
        });
        wait = reconnect(&talk.take()).unwrap();
        talk.pass(wait);
    }
    assert!(wait > Duration::from_secs(15), "{wait:?}");
}

#[test]
fn two_recorders_do_not_come_back_at_the_same_moment() {
    let waits = |seed: u8| {
        let mut config = config();
        config.seed = [seed; 32];
        let mut talk = Conversation::joined_with(config, &[]);
        away_for(&mut talk, Duration::from_secs(60))
    };
    assert_ne!(waits(1), waits(2));
}

#[test]
fn every_cause_of_an_outage_is_told_once() {
    let mut talk = Conversation::joined(&[]);
    let mut told = Vec::new();
    for reason in ["closed", "refused", "refused", "TLS failed", "TLS failed"] {
        talk.event(Event::Closed {
            reason: reason.to_owned(),
        });
        let actions = talk.take();
        told.extend(warnings(&actions));
        talk.pass(reconnect(&actions).expect("the websocket is opened again"));
    }
    talk.expect_eq(told.len(), 3);
    assert!(told[2].contains("TLS failed"), "{told:?}");
    // After it was back, the next outage is told as well.
    talk.rejoin(&[]);
    talk.take();
    talk.event(Event::Closed {
        reason: "TLS failed".to_owned(),
    });
    let told = warnings(&talk.take());
    talk.expect_eq(told.len(), 1);
}

#[test]
fn a_terminal_error_is_told_and_nothing_is_tried_any_more() {
    for said in [
        json!({"request": "alert", "message": "Room is already claimed by someone else."}),
        json!({"request": "error", "message": "no", "code": "STREAMID_IN_USE"}),
        json!({"error": "client not approved"}),
    ] {
        let mut talk = Conversation::joined(&[]);
        talk.take();
        talk.receives(said);
        let actions = talk.take();
        let fails = |action: &&Action| matches!(action, Action::Fail { .. });
        talk.expect_eq(actions.iter().filter(fails).count(), 1);
        talk.expect_eq(actions.last().cloned(), Some(Action::Disconnect));
        talk.pass_secs(600);
        let after = talk.take();
        talk.expect_eq(after, vec![]);
        talk.expect_eq(talk.status().state, RoomState::Failed);
    }
}

#[test]
fn a_guest_who_never_offers_costs_nobody_else_anything() {
    let mut talk = Conversation::joined(&[("a", "alice"), ("b", "bob")]);
    talk.pass_secs(2);
    let bob = talk.flows("b", "bob", "tb");
    talk.take();
    // Also a guest in the waiting room, whose play is dropped until it is let in.
    talk.pass_secs(3600);
    let plays = talk.plays();
    assert!((1..=240).contains(&plays.len()), "{} plays", plays.len());
    talk.flows("a", "alice", "late");
    talk.expect_eq(talk.session("bob"), bob);
}
