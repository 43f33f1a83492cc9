// SPDX-License-Identifier: MPL-2.0
//! Who is played when: announcements, consent, the filter, places and the pace.

use crate::conversation::{Conversation, announced, browser, config, play, stream, warnings};
use serde_json::json;
use vdoroom_protocol::{Action, Event, Filter, Password, RoomConfig, StreamState};

fn filtered(include: &[&str], exclude: &[&str]) -> Filter {
    let owned = |globs: &[&str]| globs.iter().map(|glob| (*glob).to_owned()).collect();
    Filter {
        include: owned(include),
        exclude: owned(exclude),
    }
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
    talk.receives(announced("a", "alice"));
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
fn a_guest_who_is_there_and_does_not_offer_is_asked_again_every_quarter_of_a_minute() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let mut when = Vec::new();
    for second in 0..90 {
        if !talk.plays().is_empty() {
            when.push(second);
        }
        talk.pass_secs(1);
    }
    talk.expect_eq(when, vec![0, 5, 20, 35, 50, 65, 80]);
}

#[test]
fn a_stream_is_accepted_once_before_it_is_played() {
    let mut talk = Conversation::begin(config());
    talk.accepts = false;
    talk.rejoin(&[("a", "alice"), ("b", "bob")]);
    talk.receives(announced("a", "alice"));
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
    talk.receives(announced("b2", "bob"));
    talk.pass_secs(60);
    let asked = talk
        .take()
        .into_iter()
        .any(|action| matches!(action, Action::AskAccept { .. }));
    talk.expect_eq(asked, false);
}

#[test]
fn who_left_while_its_offer_waited_for_consent_is_there_once_it_is_connected() {
    let mut talk = Conversation::begin(RoomConfig {
        room: None,
        filter: filtered(&["bob", "alice"], &[]),
        ..config()
    });
    talk.accepts = false;
    talk.event(Event::Opened);
    let accepted = |id| Event::Accepted {
        stream: stream(id),
        accepted: true,
    };
    talk.event(accepted("bob"));
    talk.offers("a", "alice", "tok", &browser());
    talk.receives(json!({"request": "videoremovedfromroom", "UUID": "a", "streamID": "alice"}));
    talk.take();
    talk.event(accepted("alice"));
    let shown = |action: &Action| matches!(action, Action::StreamAdded { stream, .. } if stream.0 == "alice");
    let actions = talk.take();
    talk.expect_eq(actions.iter().filter(|action| shown(action)).count(), 1);
    let session = talk.session("alice");
    talk.connects(session);
    talk.event(Event::MediaFlowing { session });
    talk.event(Event::Closed {
        reason: "restart".to_owned(),
    });
    let reason = "ICE failed".to_owned();
    talk.event(Event::PeerLost { session, reason });
    talk.pass_secs(2);
    talk.take();
    // What was being recorded does not queue behind who has never sent anything.
    talk.event(Event::Opened);
    talk.pass_millis(100);
    let plays = talk.plays();
    talk.expect_eq(plays, vec!["alice".to_owned(), "bob".to_owned()]);
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
    talk.take();
    talk.event(Event::Play(stream("zoe")));
    let actions = talk.take();
    talk.expect_eq(actions, vec![play("zoe")]);
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
    talk.expect_eq(sent, vec![&play("alicea468af"), &play("boba468af")]);
    talk.expect_eq(warnings(&actions).len(), 1);
}
