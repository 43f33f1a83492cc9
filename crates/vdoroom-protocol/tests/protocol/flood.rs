// SPDX-License-Identifier: MPL-2.0
//! More names than a room can have: whoever reloads or comes after thousands is recorded, and what
//! is being recorded stays.

use crate::conversation::{Conversation, Sdp, announced, closed, config};
use serde_json::{Value, json};
use vdoroom_protocol::limits::{MAX_PEERS, MAX_STREAMS, MAX_STREAMS_PER_PEER};
use vdoroom_protocol::{Dialect, Event, Filter, RoomConfig, StreamState};

/// Alice is being recorded; what follows is too long to be printed.
fn beside_alice(config: RoomConfig) -> Conversation {
    let mut talk = Conversation::joined_with(config, &[("a", "alice")]);
    talk.flows("a", "alice", "tok");
    talk.log_kept = false;
    talk.take();
    talk
}

/// As hosted servers do, one message for each; the pace gives nobody time.
fn come(talk: &mut Conversation, guests: usize, stream: impl Fn(usize) -> String) {
    talk.status_checked = false;
    for n in 0..guests {
        talk.receives(announced(&format!("u{n}"), &stream(n)));
    }
}

#[test]
fn who_comes_after_two_thousand_page_loads_is_played() {
    let mut talk = beside_alice(config());
    // The same five guests, again and again.
    come(&mut talk, MAX_PEERS + 1, |n| format!("guest{}", n % 5));
    talk.pass_secs(8);
    talk.take();
    talk.receives(announced("b", "bob"));
    talk.receives(announced("again", "guest3"));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["bob".to_owned(), "guest3".to_owned()]);
    talk.flows("again", "guest3", "t");
    talk.flows("b", "bob", "t");
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

#[test]
fn who_comes_after_two_thousand_others_is_played() {
    let mut talk = beside_alice(config());
    come(&mut talk, MAX_PEERS + 1, |n| format!("guest{n}"));
    talk.receives(announced("b", "bob"));
    talk.pass_secs(25);
    let plays = talk.plays();
    assert!(plays.contains(&"bob".to_owned()), "{} plays", plays.len());
    talk.flows("b", "bob", "t");
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

#[test]
fn thousands_who_are_not_wanted_keep_nobody_waiting() {
    let include = vec!["al*".to_owned(), "bob".to_owned()];
    let filter = Filter {
        include,
        exclude: vec![],
    };
    let mut talk = beside_alice(RoomConfig { filter, ..config() });
    come(&mut talk, MAX_PEERS + 1, |n| format!("guest{n}"));
    talk.receives(announced("b", "bob"));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["bob".to_owned()]);
    // One whose stream was not kept is wanted after all.
    talk.event(Event::Filter(Filter {
        include: vec!["alice".to_owned(), "bob".to_owned(), "guest600".to_owned()],
        exclude: vec![],
    }));
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["guest600".to_owned()]);
}

fn relay() -> Conversation {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.event(Event::Opened);
    talk.receives(seed("a", "alice"));
    offers(&mut talk, "a", "alice");
    let session = talk.session("alice");
    talk.connects(session);
    talk.event(Event::MediaFlowing { session });
    talk.log_kept = false;
    talk.take();
    talk
}

fn seed(from: &str, id: &str) -> Value {
    json!({"request": "seed", "from": from, "roomid": "studio", "streamID": id})
}

fn offers(talk: &mut Conversation, from: &str, id: &str) {
    let sdp = Sdp::new(from).application().video().audio().text();
    talk.receives(
        json!({"from": from, "roomid": "studio", "streamID": id, "session": from,
        "description": {"type": "offer", "sdp": sdp}}),
    );
}

#[test]
fn who_floods_a_relay_with_names_evicts_nobody_who_is_recorded_and_keeps_nobody_out() {
    let mut talk = relay();
    talk.receives(seed("b", "bob"));
    talk.status_checked = false;
    for n in 0..MAX_PEERS + 200 {
        talk.receives(seed(&format!("m{n}"), &format!("x{n}")));
        if n == MAX_STREAMS + 300 {
            talk.receives(seed("c", "carol"));
        }
    }
    // Bob was asked before the flood, and answers now.
    offers(&mut talk, "b", "bob");
    talk.session("bob");
    talk.pass_secs(25);
    let plays = talk.plays();
    assert!(plays.contains(&"carol".to_owned()), "{} plays", plays.len());
    offers(&mut talk, "c", "carol");
    talk.session("carol");
    // Who was never heard of just offers.
    offers(&mut talk, "d", "dave");
    talk.session("dave");
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

#[test]
fn who_announces_ever_new_streams_under_one_name_forgets_its_own() {
    let mut talk = relay();
    talk.receives(seed("b", "bob"));
    for n in 0..MAX_STREAMS {
        talk.receives(seed("m", &format!("x{n}")));
    }
    talk.expect_eq(talk.status().streams.len(), 2 + MAX_STREAMS_PER_PEER);
    talk.receives(seed("c", "carol"));
    talk.pass_secs(1);
    let plays = talk.plays();
    assert!(plays.contains(&"carol".to_owned()), "{plays:?}");
    talk.expect_eq(talk.state("bob"), StreamState::Asked);
}

#[test]
fn who_is_between_two_connections_is_not_forgotten_for_newcomers() {
    let mut talk = beside_alice(config());
    let session = talk.session("alice");
    let reason = "ICE failed".to_owned();
    talk.event(Event::PeerLost { session, reason });
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
    come(&mut talk, MAX_STREAMS + 1, |n| format!("guest{n}"));
    talk.pass_secs(3);
    let plays = talk.plays();
    assert!(plays.contains(&"alice".to_owned()), "{} plays", plays.len());
}
