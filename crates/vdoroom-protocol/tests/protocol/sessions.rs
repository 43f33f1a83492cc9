// SPDX-License-Identifier: MPL-2.0
//! From an offer to media: answers, renegotiation, the data channel.

use crate::conversation::{
    Conversation, Sdp, announced, answers, browser, channel_texts, closed, config, offered, play,
    stream, warnings,
};
use serde_json::json;
use vdoroom_protocol::limits::MAX_CHANNEL_MESSAGES_PER_SECOND;
use vdoroom_protocol::{
    Action, Dialect, Event, MediaRequest, RoomConfig, SessionId, StreamId, StreamState,
};

/// The data channel is open.
fn connected() -> (Conversation, SessionId) {
    let (mut talk, session) = offered();
    talk.connects(session);
    talk.take();
    (talk, session)
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
        talk.expect_eq(
            (
                closed,
                actions.contains(&bye),
                actions.contains(&play("alice")),
            ),
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
fn media_is_requested_once_when_the_channel_opens() {
    let media = MediaRequest {
        audio: true,
        video: false,
        screen: true,
        label: "Rec".to_owned(),
        program: "rec 1.0".to_owned(),
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
        ("allowscreenmeshcast", false),
        ("allowscreenwhipout", false),
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
    let is_change = |action: &Action| matches!(action, Action::StreamChanged { .. });
    let mut actions = talk.take();
    actions.retain(is_change);
    assert!(
        matches!(&actions[..], [Action::StreamChanged { info, .. }] if info.label.as_deref() == Some("Alice")),
        "{actions:?}"
    );
    talk.channel_receives(session, json!({"muteState": true}));
    let mut actions = talk.take();
    actions.retain(is_change);
    assert!(
        matches!(&actions[..], [Action::StreamChanged { info, .. }] if info.audio_muted),
        "{actions:?}"
    );
}

#[test]
fn what_is_no_signalling_is_handed_on_and_what_the_user_says_is_sent() {
    let (mut talk, session) = connected();
    talk.take();
    for signalling in [
        json!({"ping": 1}),
        json!({"pong": 1}),
        json!({"candidates": []}),
    ] {
        talk.channel_receives(session, signalling);
    }
    talk.channel_receives(session, json!({"chat": "hello"}));
    let told = talk.take().into_iter().filter_map(|action| match action {
        Action::ChannelMessage { stream, text } => Some((stream.0, text)),
        _ => None,
    });
    let chat = ("alice".to_owned(), r#"{"chat":"hello"}"#.to_owned());
    talk.expect_eq(told.collect(), vec![chat]);
    let say = |stream: &str, text: &str| Event::SendMessage {
        stream: StreamId(stream.into()),
        text: text.into(),
    };
    talk.event(say("alice", r#"{"chat":"hi"}"#));
    let actions = talk.take();
    talk.expect_eq(channel_texts(&actions), vec![json!({"chat": "hi"})]);
    for (stream, text) in [("bob", "{}"), ("alice", "hi"), ("alice", "[]")] {
        talk.event(say(stream, text));
        let actions = talk.take();
        assert!(matches!(&actions[..], [Action::Warn { .. }]), "{actions:?}");
    }
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
fn a_director_whose_camera_comes_later_is_known_as_one() {
    let mut talk = Conversation::joined(&[]);
    talk.receives(json!({"request": "someonejoined", "UUID": "d", "director": true}));
    talk.receives(json!({"request": "videoaddedtoroom", "UUID": "d", "streamID": "dir"}));
    talk.expect_eq(talk.status().streams[0].info.director, true);
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
fn an_offer_that_the_user_declines_is_told_so() {
    let mut talk = Conversation::joined(&[]);
    talk.accepts = false;
    talk.offers("b", "bob", "tok", &browser());
    talk.take();
    talk.event(Event::Accepted {
        stream: stream("bob"),
        accepted: false,
    });
    let sent = talk.sent();
    talk.expect_eq(
        sent,
        vec![json!({"UUID": "b", "bye": true, "session": "tok"})],
    );
}

#[test]
fn an_unwanted_offer_is_told_so() {
    let mut talk = Conversation::joined(&[]);
    talk.event(Event::Stop(stream("bob")));
    talk.take();
    let filter = vdoroom_protocol::Filter {
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
    talk.expect_eq((actions.len(), warnings(&actions).len()), (1, 1));
}

#[test]
fn two_pages_that_come_with_one_id_at_once_leave_one_session() {
    let mut talk = Conversation::joined(&[]);
    talk.receives(announced("a", "alice"));
    talk.receives(announced("b", "alice"));
    talk.pass_secs(2);
    let plays = talk.plays().len();
    assert!((1..=2).contains(&plays), "{plays}");
    talk.flows("b", "alice", "tb");
    talk.pass_secs(600);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![]);
    talk.session("alice");
}

#[test]
fn a_connection_whose_channel_never_opens_is_made_anew() {
    let (mut talk, session) = offered();
    talk.event(Event::PeerConnected { session });
    talk.pass_secs(9);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
    talk.pass_secs(2);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
    assert!(actions.contains(&play("alice")), "{actions:?}");
}

#[test]
fn a_connection_with_media_needs_no_channel() {
    let (mut talk, session) = offered();
    talk.event(Event::PeerConnected { session });
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(60);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
}

#[test]
fn a_guest_who_has_no_media_is_left_alone() {
    let (mut talk, _) = connected();
    talk.pass_secs(3600);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![]);
}
