// SPDX-License-Identifier: MPL-2.0
//! Guests who reload, leave, stall or come under a name that is taken; and our own way back.

use std::time::Duration;

use crate::conversation::{
    Conversation, Sdp, announced, closed, config, numbers, play, reconnect, removed, warnings,
};
use serde_json::{Value, json};
use vdoroom_protocol::{Action, Dialect, Event, RoomConfig, SessionId, StreamState};

fn relayed_offer(from: &str, id: &str, token: &str) -> Value {
    let sdp = Sdp::new(token).application().video().text();
    json!({"from": from, "roomid": "studio", "streamID": id, "session": token,
        "description": {"type": "offer", "sdp": sdp}})
}

/// Alice is being received.
fn receiving() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "one");
    talk.take();
    (talk, session)
}

/// Alice is being received behind a relay.
fn receiving_behind_a_relay() -> (Conversation, SessionId) {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.event(Event::Opened);
    talk.receives(relayed_offer("a", "alice", "one"));
    let session = talk.session("alice");
    talk.connects(session);
    talk.event(Event::MediaFlowing { session });
    talk.take();
    (talk, session)
}

#[test]
fn a_guest_who_says_goodbye_and_reloads_gets_a_second_session_at_once() {
    let (mut talk, first) = receiving();
    talk.channel_receives(first, json!({"videoMuted": true, "bye": true}));
    let actions = talk.take();
    talk.expect_eq((closed(&actions), removed(&actions)), (vec![first], 1));
    talk.expect_eq(talk.state("alice"), StreamState::Away);
    talk.pass_millis(400);
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(1);
    let actions = talk.take();
    let added = |action: &&Action| matches!(action, Action::StreamAdded { .. });
    let plays = actions
        .iter()
        .filter(|action| **action == play("alice"))
        .count();
    talk.expect_eq((plays, actions.iter().filter(added).count()), (1, 1));
    talk.flows("a2", "alice", "two");
    let actions = talk.take();
    talk.expect_eq(numbers(&actions), vec![2]);
}

#[test]
fn a_guest_who_crashes_and_reloads_is_played_the_moment_the_old_media_stalls() {
    let (mut talk, first) = receiving();
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(2);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![]);
    talk.event(Event::MediaStalled { session: first });
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
    talk.offers("a2", "alice", "two", &Sdp::new("two").application());
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![first]);
    talk.expect_eq(talk.sessions("alice").len(), 1);
}

#[test]
fn a_newcomer_is_not_asked_again_when_the_old_media_comes_back() {
    let (mut talk, first) = receiving();
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(2);
    talk.event(Event::MediaStalled { session: first });
    talk.pass_secs(1);
    talk.event(Event::MediaFlowing { session: first });
    talk.take();
    talk.pass_secs(600);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![]);
    talk.expect_eq(talk.session("alice"), first);
}

#[test]
fn a_stalled_session_gives_way_to_any_offer() {
    let (mut talk, first) = receiving_behind_a_relay();
    talk.event(Event::MediaStalled { session: first });
    talk.receives(relayed_offer("a2", "alice", "two"));
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![first]);
    talk.session("alice");
}

#[test]
fn a_guest_whose_old_page_says_goodbye_late_is_played_at_once() {
    let (mut talk, first) = receiving();
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(1);
    talk.channel_receives(first, json!({"bye": true}));
    talk.pass_secs(1);
    let actions = talk.take();
    talk.expect_eq((closed(&actions), removed(&actions)), (vec![first], 0));
    talk.expect_eq(actions.contains(&play("alice")), true);
}

#[test]
fn a_stranger_does_not_replace_a_session_that_is_being_connected() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.offers("a", "alice", "one", &Sdp::new("one").application());
    let first = talk.session("alice");
    talk.pass_secs(2);
    talk.receives(announced("a2", "alice"));
    talk.take();
    talk.offers("x", "alice", "fake", &Sdp::new("fake").application());
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    // Who was announced does, and replaces both.
    talk.offers("a2", "alice", "two", &Sdp::new("two").application());
    let actions = talk.take();
    talk.expect_eq(closed(&actions).contains(&first), true);
    talk.session("alice");
}

#[test]
fn who_does_not_answer_is_asked_at_once_when_the_server_is_back() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.pass_secs(100);
    talk.event(Event::Closed {
        reason: "network".to_owned(),
    });
    talk.pass_secs(2);
    talk.take();
    talk.rejoin(&[("a", "alice")]);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
}

#[test]
fn a_guest_who_lost_only_its_websocket_is_not_played_again() {
    let (mut talk, first) = receiving();
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(600);
    let actions = talk.take();
    talk.expect_eq(actions, vec![]);
    talk.expect_eq(talk.session("alice"), first);
}

#[test]
fn a_guest_who_reloads_while_nothing_flows_replaces_its_session() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.offers("a", "alice", "one", &Sdp::new("one").application());
    let first = talk.session("alice");
    talk.connects(first);
    talk.pass_secs(2);
    talk.take();
    talk.receives(announced("a2", "alice"));
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
    talk.offers("a2", "alice", "two", &Sdp::new("two").application());
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![first]);
}

#[test]
fn the_same_page_with_a_new_session_replaces_the_old_one_without_a_goodbye() {
    let (mut talk, first) = receiving();
    talk.offers("a", "alice", "two", &Sdp::new("two").application());
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![first]);
    let goodbye = actions.iter().any(|action| matches!(action, Action::SendSocket(text) | Action::SendChannel { text, .. } if text.contains("bye")));
    talk.expect_eq(goodbye, false);
}

#[test]
fn media_that_stops_ends_the_session_in_time_and_it_is_asked_for_once() {
    let (mut talk, first) = receiving();
    talk.event(Event::MediaStalled { session: first });
    talk.pass(Duration::from_millis(13_900));
    talk.expect_eq(talk.state("alice"), StreamState::Stalled);
    talk.pass_millis(200);
    talk.expect_eq(talk.sessions("alice"), vec![]);
    talk.pass_secs(1);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned()]);
    // The new connection has no media: it is waited for as long as it takes.
    talk.offers("a", "alice", "two", &Sdp::new("two").application());
    let second = talk.session("alice");
    talk.connects(second);
    talk.pass_secs(3600);
    talk.expect_eq(talk.session("alice"), second);
}

#[test]
fn media_that_comes_back_in_time_changes_nothing() {
    let (mut talk, first) = receiving();
    for _ in 0..5 {
        talk.event(Event::MediaStalled { session: first });
        talk.pass_secs(13);
        talk.event(Event::MediaFlowing { session: first });
        talk.pass_secs(60);
    }
    let actions = talk.take();
    talk.expect_eq(actions, vec![]);
}

#[test]
fn a_lost_connection_is_asked_for_again_within_a_second() {
    let (mut talk, first) = receiving();
    talk.event(Event::PeerLost {
        session: first,
        reason: "ICE failed".to_owned(),
    });
    talk.pass_secs(1);
    let sent = talk.sent();
    talk.expect_eq(
        sent,
        vec![
            json!({"UUID": "a", "bye": true}),
            json!({"request": "play", "streamID": "alice"}),
        ],
    );
}

#[test]
fn a_guest_who_is_gone_for_good_is_removed_and_in_the_end_forgotten() {
    let (mut talk, first) = receiving();
    talk.event(Event::PeerLost {
        session: first,
        reason: "ICE failed".to_owned(),
    });
    talk.pass_secs(30);
    let actions = talk.take();
    talk.expect_eq(removed(&actions), 1);
    talk.pass_secs(600);
    talk.take();
    talk.pass_secs(3600);
    let actions = talk.take();
    talk.expect_eq(actions, vec![]);
}

#[test]
fn a_taken_id_gets_a_session_of_its_own_and_touches_nobody() {
    let (mut talk, alice) = receiving_behind_a_relay();
    talk.receives(relayed_offer("impostor", "alice", "fake"));
    let sessions = talk.sessions("alice");
    talk.expect_eq((sessions.len(), sessions[0]), (2, alice));
    let fake = sessions[1];
    talk.connects(fake);
    talk.event(Event::MediaFlowing { session: fake });
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    // It has no say about the person either.
    talk.receives(
        json!({"request": "seed", "from": "impostor", "roomid": "studio",
        "streamID": "alice", "director": true}),
    );
    talk.channel_receives(fake, json!({"info": {"label": "Not Alice"}}));
    let changed = talk.take();
    talk.expect_eq(changed, vec![]);
    talk.channel_receives(fake, json!({"bye": true}));
    let actions = talk.take();
    talk.expect_eq((closed(&actions), removed(&actions)), (vec![fake], 0));
    talk.expect_eq(talk.session("alice"), alice);
}

#[test]
fn a_taken_id_is_offered_only_so_often() {
    let (mut talk, alice) = receiving_behind_a_relay();
    for n in 0..20 {
        talk.receives(relayed_offer(
            &format!("impostor{n}"),
            "alice",
            &format!("fake{n}"),
        ));
    }
    let sessions = talk.sessions("alice");
    assert!(sessions.len() <= 4 && sessions[0] == alice, "{sessions:?}");
}

#[test]
fn a_relay_guest_who_claims_to_be_the_publisher_does_not_end_its_media() {
    let (mut talk, alice) = receiving_behind_a_relay();
    talk.receives(relayed_offer("a", "alice", "forged"));
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    talk.expect_eq(talk.sessions("alice").len(), 2);
    // It was the publisher indeed: its new media flows, the old one stops.
    let second = talk.sessions("alice")[1];
    talk.connects(second);
    talk.event(Event::MediaFlowing { session: second });
    talk.event(Event::MediaStalled { session: alice });
    talk.expect_eq(talk.session("alice"), second);
}

#[test]
fn what_anybody_may_say_behind_a_relay_does_not_end_media() {
    let (mut talk, alice) = receiving_behind_a_relay();
    talk.receives(json!({"from": "a", "bye": true, "session": "one"}));
    let sdp = Sdp::new("forged").application().video().text();
    talk.receives(
        json!({"from": "a", "session": "one", "description": {"type": "offer", "sdp": sdp}}),
    );
    let actions = talk.take();
    talk.expect_eq((actions.len(), warnings(&actions).len()), (1, 1));
    // It was the publisher indeed.
    talk.event(Event::MediaStalled { session: alice });
    let actions = talk.take();
    talk.expect_eq(actions, vec![]);
    talk.pass_secs(15);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![alice]);
}

#[test]
fn a_leave_notice_ends_nothing_that_has_media() {
    let notices = [
        json!({"request": "cleanup", "UUID": "a"}),
        json!({"type": "disconnect", "uuid": "a"}),
        json!({"request": "videoremovedfromroom", "UUID": "a", "streamID": "alice"}),
    ];
    for notice in notices {
        let (mut talk, first) = receiving();
        talk.receives(notice);
        talk.pass_secs(60);
        let actions = talk.take();
        talk.expect_eq(closed(&actions), vec![]);
        talk.event(Event::MediaStalled { session: first });
        let actions = talk.take();
        talk.expect_eq((closed(&actions), removed(&actions)), (vec![first], 1));
    }
}

#[test]
fn a_goodbye_over_the_websocket_ends_the_session() {
    let (mut talk, first) = receiving();
    talk.receives(json!({"UUID": "a", "bye": true}));
    let actions = talk.take();
    talk.expect_eq((closed(&actions), removed(&actions)), (vec![first], 1));
}

#[test]
fn after_a_goodbye_a_guest_is_asked_a_few_times_more() {
    let (mut talk, first) = receiving();
    talk.channel_receives(first, json!({"bye": true}));
    talk.take();
    let mut when = Vec::new();
    for second in 0..2000 {
        if !talk.plays().is_empty() {
            when.push(second);
        }
        talk.pass_secs(1);
    }
    talk.expect_eq(when, vec![5, 20, 65, 245]);
}

#[test]
fn a_lost_websocket_leaves_media_alone_and_plays_only_who_is_not_connected() {
    let mut talk = Conversation::joined(&[("a", "alice"), ("b", "bob"), ("c", "carol")]);
    let alice = talk.flows("a", "alice", "ta");
    talk.offers("b", "bob", "tb", &Sdp::new("tb").application());
    let bob = talk.session("bob");
    talk.take();
    talk.event(Event::Closed {
        reason: "network".to_owned(),
    });
    let wait = reconnect(&talk.take());
    talk.pass(wait.expect("the websocket is opened again"));
    // Signalling goes on over the channel.
    let sdp = Sdp::new("ta").application().video().audio().text();
    talk.channel_receives(
        alice,
        json!({"session": "ta", "description": {"type": "offer", "sdp": sdp}}),
    );
    let answered = talk.take().iter().any(
        |action| matches!(action, Action::SendChannel { text, .. } if text.contains("answer")),
    );
    talk.expect_eq(answered, true);
    talk.rejoin(&[("a", "alice"), ("b", "bob"), ("d", "dave")]);
    talk.pass_secs(2);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![bob]);
    talk.expect_eq(removed(&actions), 1);
    let plays: Vec<&Action> = actions
        .iter()
        .filter(|action| matches!(action, Action::SendSocket(text) if text.contains("play")))
        .collect();
    talk.expect_eq(plays.len(), 2);
    talk.expect_eq(talk.session("alice"), alice);
    talk.expect_eq(talk.status().reconnects, 1);
}

#[test]
fn behind_a_relay_we_come_back_under_the_same_name() {
    let (mut talk, alice) = receiving_behind_a_relay();
    talk.event(Event::Closed {
        reason: "network".to_owned(),
    });
    talk.pass_secs(2);
    talk.take();
    talk.event(Event::Opened);
    let first = talk.sent()[0]["from"].clone();
    talk.event(Event::Closed {
        reason: "network".to_owned(),
    });
    talk.pass_secs(4);
    talk.event(Event::Opened);
    let second = talk.sent()[0]["from"].clone();
    talk.expect_eq(first, second);
    talk.expect_eq(talk.session("alice"), alice);
}

#[test]
fn a_recorder_that_is_moved_ends_who_is_gone_and_plays_the_new_room() {
    let (mut talk, alice) = receiving();
    talk.receives(json!({"request": "transferred", "list": [{"UUID": "z", "streamID": "zoe"}]}));
    talk.pass_secs(1);
    let actions = talk.take();
    talk.expect_eq((closed(&actions), removed(&actions)), (vec![alice], 1));
    talk.expect_eq(actions.contains(&play("zoe")), true);
    talk.pass_secs(600);
    talk.expect_eq(talk.sessions("alice"), vec![]);
}

#[test]
fn a_recorder_that_is_moved_keeps_who_came_along() {
    let (mut talk, alice) = receiving();
    talk.receives(json!({"request": "transferred", "list": [{"UUID": "a", "streamID": "alice"}]}));
    talk.pass_secs(60);
    let actions = talk.take();
    talk.expect_eq(actions, vec![]);
    talk.expect_eq(talk.session("alice"), alice);
}
