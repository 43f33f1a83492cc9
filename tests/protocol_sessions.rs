// SPDX-License-Identifier: MPL-2.0
//! From an offer to media: answers, candidates, renegotiation, passwords, the data channel.

mod conversation;

use conversation::{Conversation, Sdp, config, stream};
use gstvdoroom::protocol::limits::{MAX_CHANNEL_MESSAGES_PER_SECOND, MAX_EARLY_CANDIDATES};
use gstvdoroom::protocol::{
    Action, Dialect, Event, MediaRequest, Password, RoomConfig, SessionId, StreamState,
};
use serde_json::{Value, json};

const HOST: &str = "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host";
/// A candidate, encrypted with the default password (the vector of protocol 4.4).
const ENCRYPTED: &str = "cdbecb8ef5a6845d35a66cf9b393a9a5231a016f18d2d1440e75f4cbc6a7761de1a303e6624d43fc73fcd12d495bef6ec6fbf1c33c99b72b11bad4e89c91288c805161bb1cf2d99459230e876c6c7f6d9595c3bb37e478763671b36d3d17bfb1e5412e932088191357a89f2dcfa6a7a0";
const VECTOR: &str = "000102030405060708090a0b0c0d0e0f";

fn browser() -> Sdp {
    Sdp::new("browser").application()
}

/// Alice was played and offered a data channel.
fn offered() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.take();
    talk.offers("a", "alice", "tok", &browser());
    let session = talk.session("alice");
    (talk, session)
}

/// The data channel is open.
fn connected() -> (Conversation, SessionId) {
    let (mut talk, session) = offered();
    talk.connects(session);
    talk.take();
    (talk, session)
}

fn with_password(password: Password) -> RoomConfig {
    RoomConfig {
        password,
        ..config()
    }
}

fn own(password: &str) -> Password {
    Password::Own(password.to_owned())
}

fn candidates(actions: &[Action]) -> Vec<(u32, String)> {
    let all = actions.iter().filter_map(|action| match action {
        Action::AddRemoteCandidate {
            sdp_mline_index,
            candidate,
            ..
        } => Some((*sdp_mline_index, candidate.clone())),
        _ => None,
    });
    all.collect()
}

fn channel_texts(actions: &[Action]) -> Vec<Value> {
    let all = actions.iter().filter_map(|action| match action {
        Action::SendChannel { text, .. } => Some(serde_json::from_str(text).unwrap()),
        _ => None,
    });
    all.collect()
}

fn warnings(actions: &[Action]) -> Vec<String> {
    let messages = actions.iter().filter_map(|action| match action {
        Action::Warn { message, .. } => Some(message.clone()),
        _ => None,
    });
    messages.collect()
}

fn answers(sent: &[Value]) -> Vec<&Value> {
    sent.iter()
        .filter(|message| message.get("description").is_some())
        .collect()
}

fn encrypted_offer(uuid: &str, id: &str) -> Value {
    json!({"UUID": uuid, "streamID": id, "session": "tok", "description": ENCRYPTED,
        "vector": VECTOR})
}

#[test]
fn the_first_answer_goes_over_the_websocket_to_the_session_that_offered() {
    let (mut talk, _) = offered();
    let sent = talk.sent();
    let description = json!({"type": "answer", "sdp": "v=0\r\ns=answer\r\n"});
    talk.expect_eq(
        sent,
        vec![json!({"UUID": "a", "session": "tok", "description": description})],
    );
    talk.expect_eq(talk.state("alice"), StreamState::Connecting);
}

#[test]
fn a_publisher_without_a_name_for_its_session_is_answered_without_one() {
    let mut talk = Conversation::joined(&[("r", "rn1")]);
    talk.take();
    let description = json!({"type": "offer", "sdp": browser().text()});
    talk.receives(json!({"UUID": "r", "session": null, "description": description}));
    let sent = talk.sent();
    talk.expect_eq(sent[0].get("session"), None);
    let session = talk.session("rn1");
    talk.connects(session);
    // Another track, over the websocket, still without a name.
    let description = json!({"type": "offer", "sdp": browser().video().text()});
    talk.receives(json!({"UUID": "r", "session": null, "description": description}));
    talk.expect_eq(talk.session("rn1"), session);
    // The publisher made a new connection.
    let description = json!({"type": "offer", "sdp": Sdp::new("other").video().text()});
    talk.receives(json!({"UUID": "r", "session": null, "description": description}));
    assert_ne!(talk.session("rn1"), session);
}

#[test]
fn later_offers_over_the_channel_are_answered_over_the_channel() {
    let (mut talk, session) = connected();
    let sdp = browser().video().audio().text();
    talk.channel_receives(
        session,
        json!({"UUID": "me", "streamID": "alice", "session": "tok",
        "screen": [1], "description": {"type": "offer", "sdp": sdp}}),
    );
    let actions = talk.take();
    let screens = actions.iter().find_map(|action| match action {
        Action::SetRemoteOffer { screen_mids, .. } => Some(screen_mids.clone()),
        _ => None,
    });
    talk.expect_eq(screens, Some(vec!["2".to_owned()]));
    let sent = channel_texts(&actions);
    talk.expect_eq(
        (&sent[0]["UUID"], &sent[0]["session"]),
        (&json!("a"), &json!("tok")),
    );
    talk.expect_eq(answers(&sent).len(), 1);
}

#[test]
fn offers_are_applied_one_at_a_time_in_their_order() {
    let (mut talk, session) = connected();
    talk.answers = false;
    let offer =
        |sdp: &Sdp| json!({"session": "tok", "description": {"type": "offer", "sdp": sdp.text()}});
    talk.channel_receives(session, offer(&browser().video()));
    talk.channel_receives(session, offer(&browser().video().audio()));
    let pending = |actions: &[Action]| {
        let set = |action: &&Action| matches!(action, Action::SetRemoteOffer { .. });
        actions.iter().filter(set).count()
    };
    let actions = talk.take();
    talk.expect_eq(pending(&actions), 1);
    let answer = talk.answer_of(session);
    talk.event(answer);
    let actions = talk.take();
    talk.expect_eq(pending(&actions), 1);
}

#[test]
fn an_offer_that_the_connection_cannot_follow_begins_a_new_one() {
    let changes = [
        ("ICE restart", browser().video().restarted()),
        ("a track that stops", browser().video().inactive(1)),
        ("m-lines that go", browser()),
    ];
    for (what, sdp) in changes {
        let (mut talk, session) = connected();
        let offer = |sdp: &Sdp| json!({"session": "tok", "description": {"type": "offer", "sdp": sdp.text()}});
        talk.channel_receives(session, offer(&browser().video()));
        talk.event(Event::MediaFlowing { session });
        talk.take();
        talk.channel_receives(session, offer(&sdp));
        talk.pass_secs(1);
        let actions = talk.take();
        let closed = actions
            .iter()
            .any(|action| matches!(action, Action::ClosePeer { .. }));
        let bye = Action::SendSocket(json!({"UUID": "a", "bye": true}).to_string());
        let play = Action::SendSocket(json!({"request": "play", "streamID": "alice"}).to_string());
        talk.expect_eq(
            (closed, actions.contains(&bye), actions.contains(&play)),
            (true, true, true),
        );
        assert!(closed, "{what}");
    }
}

#[test]
fn another_certificate_over_the_channel_is_refused_and_the_session_goes_on() {
    let (mut talk, session) = connected();
    let sdp = browser().video().with_certificate(99).text();
    talk.channel_receives(
        session,
        json!({"session": "tok", "description": {"type": "offer", "sdp": sdp}}),
    );
    let actions = talk.take();
    assert!(matches!(actions[..], [Action::Warn { .. }]), "{actions:?}");
    talk.expect_eq(talk.session("alice"), session);
}

#[test]
fn an_offer_that_lacks_what_a_connection_needs_is_ignored_with_one_warning() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.take();
    for _ in 0..3 {
        let sdp = browser().text().replace("a=fingerprint", "a=finger");
        talk.receives(
            json!({"UUID": "a", "session": "t", "description": {"type": "offer", "sdp": sdp}}),
        );
    }
    let actions = talk.take();
    assert!(
        matches!(&actions[..], [Action::Warn { message, .. }] if message.contains("fingerprint")),
        "{actions:?}"
    );
}

#[test]
fn candidates_that_come_before_their_offer_are_kept_for_it() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let entry = json!({"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0});
    talk.receives(json!({"UUID": "a", "type": "local", "session": "tok", "candidates": [entry]}));
    talk.receives(json!({"UUID": "a", "type": "local", "session": "old", "candidates": [entry]}));
    talk.pass_secs(10);
    talk.offers("a", "alice", "tok", &browser());
    let actions = talk.take();
    talk.expect_eq(candidates(&actions), vec![(0, HOST.to_owned())]);
}

#[test]
fn candidates_whose_offer_does_not_come_are_forgotten() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let entry = json!({"candidate": HOST, "sdpMLineIndex": 0});
    talk.receives(json!({"UUID": "a", "type": "local", "session": "tok", "candidates": [entry]}));
    talk.pass_secs(16);
    talk.offers("a", "alice", "tok", &browser());
    let actions = talk.take();
    talk.expect_eq(candidates(&actions), vec![]);
}

#[test]
fn a_flood_of_early_candidates_is_cut() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let entry = json!({"candidate": HOST, "sdpMLineIndex": 0});
    for _ in 0..3 {
        talk.receives(json!({"UUID": "a", "type": "local", "session": "tok", "candidates": vec![entry.clone(); 80]}));
    }
    talk.offers("a", "alice", "tok", &browser());
    let actions = talk.take();
    talk.expect_eq(candidates(&actions).len(), MAX_EARLY_CANDIDATES);
}

#[test]
fn every_publisher_s_candidates_find_their_m_line() {
    let mut talk = Conversation::joined(&[("o", "obs1")]);
    let sdp = Sdp::new("obs")
        .video()
        .audio()
        .application()
        .mids(&["video", "audio", "data"]);
    talk.offers("o", "obs1", "tok", &sdp);
    talk.take();
    let obs = json!({"candidate": HOST, "mid": "audio", "sdpMid": "audio"});
    talk.receives(json!({"UUID": "o", "type": "local", "session": "tok", "candidate": obs}));
    let raspberry_ninja = json!({"candidate": HOST, "sdpMLineIndex": 2});
    talk.receives(
        json!({"UUID": "o", "type": "local", "session": null, "candidates": [raspberry_ninja]}),
    );
    talk.receives(json!({"UUID": "o", "type": "local", "session": "tok", "candidates": [{"candidate": ""}, null]}));
    let actions = talk.take();
    let host = || HOST.to_owned();
    talk.expect_eq(candidates(&actions), vec![(1, host()), (2, host())]);
}

#[test]
fn our_candidates_wait_for_our_answer_and_go_out_together() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.answers = false;
    talk.offers("a", "alice", "tok", &browser());
    talk.take();
    let session = talk.session("alice");
    for candidate in [HOST, "candidate:2 1 UDP 1 192.0.2.2 5 typ host", ""] {
        talk.event(Event::LocalCandidate {
            session,
            sdp_mline_index: 0,
            candidate: candidate.to_owned(),
        });
    }
    talk.pass_secs(1);
    let sent = talk.sent();
    talk.expect_eq(sent, vec![]);
    let answer = talk.answer_of(session);
    talk.event(answer);
    let sent = talk.sent();
    talk.expect_eq(answers(&sent[..1]).len(), 1);
    talk.expect_eq(
        (&sent[1]["type"], &sent[1]["session"]),
        (&json!("remote"), &json!("tok")),
    );
    talk.expect_eq(sent[1]["candidates"].as_array().map(Vec::len), Some(2));
    let entry = json!({"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0});
    talk.expect_eq(&sent[1]["candidates"][0], &entry);
}

#[test]
fn our_candidates_are_collected_for_the_websocket_and_not_for_the_channel() {
    let (mut talk, session) = offered();
    talk.take();
    let candidate = || Event::LocalCandidate {
        session,
        sdp_mline_index: 0,
        candidate: HOST.to_owned(),
    };
    talk.event(candidate());
    talk.event(candidate());
    let none_yet = talk.take();
    talk.expect_eq(none_yet, vec![]);
    talk.pass_millis(10);
    let sent = talk.sent();
    talk.expect_eq(sent.len(), 1);
    talk.connects(session);
    talk.take();
    talk.event(candidate());
    let actions = talk.take();
    talk.expect_eq(channel_texts(&actions).len(), 1);
}

#[test]
fn media_is_requested_once_when_the_channel_opens() {
    let media = MediaRequest {
        audio: true,
        video: false,
        screen: true,
        label: "Rec".to_owned(),
    };
    let mut talk = Conversation::joined_with(RoomConfig { media, ..config() }, &[("a", "alice")]);
    talk.offers("a", "alice", "tok", &browser());
    let session = talk.session("alice");
    talk.take();
    talk.connects(session);
    // raspberry_ninja opens the same channel twice.
    talk.event(Event::ChannelOpen { session });
    let actions = talk.take();
    let requests = channel_texts(&actions);
    talk.expect_eq(requests.len(), 1);
    let request = &requests[0];
    for (field, value) in [
        ("audio", true),
        ("video", false),
        ("allowscreenaudio", true),
        ("allowscreenvideo", false),
        ("allowmeshcast", false),
        ("allowwhipout", false),
        ("allowchunked", false),
        ("guest", false),
        ("scene", false),
        ("director", false),
    ] {
        assert_eq!(request[field], json!(value), "{field}");
    }
    talk.expect_eq(&request["info"]["label"], &json!("Rec"));
}

#[test]
fn pings_come_back_as_they_were() {
    let (mut talk, session) = connected();
    for ping in [json!("1712345678.12"), json!(17), json!({"t": 1})] {
        talk.channel_receives(session, json!({ "ping": ping }));
        let actions = talk.take();
        talk.expect_eq(channel_texts(&actions), vec![json!({ "pong": ping })]);
    }
}

#[test]
fn news_of_a_stream_are_told_once() {
    let (mut talk, session) = connected();
    let about = json!({"info": {"label": "Alice", "muted": false}});
    talk.channel_receives(session, about.clone());
    talk.channel_receives(session, about);
    talk.channel_receives(session, json!({"chat": "hello"}));
    let actions = talk.take();
    assert!(
        matches!(&actions[..], [Action::StreamChanged { info, .. }] if info.label.as_deref() == Some("Alice")),
        "{actions:?}"
    );
    talk.channel_receives(session, json!({"muteState": true}));
    let actions = talk.take();
    assert!(
        matches!(&actions[..], [Action::StreamChanged { info, .. }] if info.audio_muted),
        "{actions:?}"
    );
}

#[test]
fn the_director_is_known_by_the_listing() {
    let mut talk = Conversation::begin(config());
    talk.event(Event::Opened);
    talk.receives(
        json!({"request": "listing", "director": "d", "list": [{"UUID": "d", "streamID": "dir"}]}),
    );
    let added = talk.take().into_iter().find_map(|action| match action {
        Action::StreamAdded { info, .. } => Some(info.director),
        _ => None,
    });
    talk.expect_eq(added, Some(true));
}

#[test]
fn who_says_too_much_is_not_listened_to_for_a_second() {
    let (mut talk, session) = connected();
    for _ in 0..MAX_CHANNEL_MESSAGES_PER_SECOND + 50 {
        talk.channel_receives(session, json!({"ping": 1}));
    }
    let actions = talk.take();
    talk.expect_eq(
        channel_texts(&actions).len(),
        MAX_CHANNEL_MESSAGES_PER_SECOND as usize,
    );
    talk.expect_eq(warnings(&actions).len(), 1);
    talk.pass_secs(1);
    talk.channel_receives(session, json!({"ping": 1}));
    let actions = talk.take();
    talk.expect_eq(channel_texts(&actions).len(), 1);
}

#[test]
fn an_encrypted_offer_is_answered_encrypted() {
    // The trace of a browser with a password holds the other half: that such offers open.
    let mut talk =
        Conversation::joined_with(with_password(Password::Default), &[("a", "alice808d64")]);
    talk.take();
    let entry = json!({"UUID": "a", "type": "local", "candidates": ENCRYPTED, "vector": VECTOR});
    talk.receives(entry);
    talk.offers("a", "alice808d64", "tok", &browser());
    let actions = talk.take();
    talk.expect_eq(candidates(&actions).len(), 1);
    let clear = actions
        .iter()
        .any(|action| matches!(action, Action::SendSocket(text) if text.contains("answer")));
    talk.expect_eq(clear, true);
}

#[test]
fn an_offer_that_cannot_be_decrypted_is_warned_about_once() {
    let mut talk = Conversation::joined_with(with_password(own("other")), &[("a", "alice")]);
    talk.take();
    talk.receives(encrypted_offer("a", "alice"));
    talk.receives(encrypted_offer("a", "alice"));
    talk.receives(json!({"UUID": "a", "type": "local", "candidates": ENCRYPTED, "vector": VECTOR}));
    let actions = talk.take();
    assert!(
        matches!(&actions[..], [Action::Warn { stream: Some(id), message }]
            if *id == stream("alice") && message.contains("password")),
        "{actions:?}"
    );
}

#[test]
fn an_encrypted_offer_without_a_password_of_ours_is_warned_about() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.take();
    talk.receives(encrypted_offer("a", "alice"));
    let actions = talk.take();
    talk.expect_eq(warnings(&actions).len(), 1);
}

#[test]
fn with_a_password_of_our_own_nothing_in_clear_is_taken_from_the_websocket() {
    let config = with_password(own("mypass"));
    let mut talk = Conversation::joined_with(config.clone(), &[("a", "alicea468af")]);
    talk.take();
    talk.offers("a", "alicea468af", "tok", &browser());
    talk.offers("a", "alicea468af", "tok", &browser());
    let actions = talk.take();
    assert!(matches!(&actions[..], [Action::Warn { .. }]), "{actions:?}");
    let lenient = RoomConfig {
        accept_unencrypted: true,
        ..config
    };
    let mut talk = Conversation::joined_with(lenient, &[("a", "alicea468af")]);
    talk.offers("a", "alicea468af", "tok", &browser());
    talk.session("alice");
}

#[test]
fn an_unsolicited_offer_behind_a_relay_is_taken_if_it_is_wanted() {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.accepts = false;
    talk.event(Event::Opened);
    let offer = |from: &str, room: &str| {
        json!({"from": from, "roomid": room, "streamID": "alice",
        "session": "tok", "description": {"type": "offer", "sdp": browser().text()}})
    };
    talk.receives(offer("x", "elsewhere"));
    let none = talk.sessions("alice");
    talk.expect_eq(none, vec![]);
    talk.receives(offer("a", "studio"));
    talk.expect_eq(talk.sessions("alice"), vec![]);
    talk.event(Event::Accepted {
        stream: stream("alice"),
        accepted: true,
    });
    talk.session("alice");
    let sent = talk.sent();
    let answer = answers(&sent)[0];
    talk.expect_eq(
        (&answer["UUID"], &answer["roomid"]),
        (&json!("a"), &json!("studio")),
    );
}

#[test]
fn an_unwanted_offer_is_told_so() {
    let mut talk = Conversation::joined(&[]);
    talk.event(Event::Stop(stream("bob")));
    talk.take();
    let filter = gstvdoroom::protocol::Filter {
        include: vec!["alice".to_owned()],
        exclude: vec![],
    };
    talk.event(Event::Filter(filter));
    talk.offers("b", "bob", "tok", &browser());
    let sent = talk.sent();
    talk.expect_eq(
        sent,
        vec![json!({"UUID": "b", "bye": true, "session": "tok"})],
    );
}

#[test]
fn a_connection_that_is_not_made_in_time_is_asked_for_again_ever_more_rarely() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let mut when = Vec::new();
    for tenth in 0..2000 {
        if !talk.plays().is_empty() {
            when.push(tenth / 10);
            talk.offers(
                "a",
                "alice",
                &format!("t{tenth}"),
                &Sdp::new("x").application(),
            );
        }
        talk.pass_millis(100);
    }
    // Each connection has 20 s; after that it is asked for at once, after 5, 15 and 45 s.
    talk.expect_eq(when, vec![0, 20, 45, 80, 145]);
}

#[test]
fn a_guest_without_tracks_is_left_connected() {
    let (mut talk, session) = connected();
    talk.pass_secs(3600);
    talk.expect_eq(talk.session("alice"), session);
    talk.expect_eq(talk.state("alice"), StreamState::Connected);
    let actions = talk.take();
    talk.expect_eq(actions, vec![]);
}

#[test]
fn the_password_is_in_nothing_that_comes_out() {
    let mut talk = Conversation::joined_with(with_password(own("hunter2")), &[("a", "alice")]);
    talk.receives(encrypted_offer("a", "alice"));
    talk.offers("a", "alice", "t", &browser());
    talk.event(Event::Closed {
        reason: "gone".to_owned(),
    });
    talk.event(Event::Shutdown);
    let printed = format!("{:?} {:?} {:?}", talk.take(), talk.status(), talk.room);
    assert!(!printed.contains("hunter2"), "{printed}");
}
