// SPDX-License-Identifier: MPL-2.0
//! What a stranger may cost: past each limit the excess is ignored, people are told once, and the
//! recording of somebody else goes on.

use crate::conversation::{
    Conversation, Sdp, announced, answers, browser, candidates, channel_texts, closed, config,
    warnings,
};
use serde_json::{Value, json};
use vdoroom_protocol::limits::*;
use vdoroom_protocol::{Action, Dialect, Event, RoomConfig, SessionId, StreamState};

const HOST: &str = "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host";

/// Mallory's session, beside that of Alice, who is being recorded.
fn beside_alice() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice"), ("m", "mallory")]);
    talk.flows("a", "alice", "tok");
    let mallory = talk.flows("m", "mallory", "m1");
    talk.take();
    (talk, mallory)
}

/// So many warnings, and Alice has lost nothing.
fn expect_warnings(talk: &mut Conversation, expected: usize) -> Vec<Action> {
    let actions = talk.take();
    let warned = warnings(&actions);
    if warned.len() != expected {
        talk.fail(&format!("{expected} warnings wanted: {warned:?}"));
    }
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
    actions
}

fn offer(token: &str, sdp: &str) -> Value {
    let description = json!({"type": "offer", "sdp": sdp});
    json!({"UUID": "m", "streamID": "mallory", "session": token, "description": description})
}

#[test]
fn messages_that_are_too_long_or_too_deep_are_ignored() {
    let long = json!({"info": {"label": "x".repeat(MAX_MESSAGE)}}).to_string();
    let deep = format!(
        "{{\"info\":{}1{}}}",
        "[".repeat(MAX_DEPTH),
        "]".repeat(MAX_DEPTH)
    );
    for text in [long, deep] {
        let (mut talk, session) = beside_alice();
        for _ in 0..3 {
            let text = text.clone();
            talk.event(Event::ChannelText { session, text });
        }
        expect_warnings(&mut talk, 1);
        talk.expect_eq(talk.status().ignored_messages, 3);
        for _ in 0..3 {
            talk.event(Event::Text(text.clone()));
        }
        expect_warnings(&mut talk, 1);
        talk.expect_eq(talk.status().ignored_messages, 6);
    }
}

#[test]
fn an_offer_that_is_too_long_or_has_too_many_lines_is_ignored() {
    let usual = browser().video().text();
    let many = |line: &str, count: usize| usual.clone() + &line.repeat(count);
    let name = |name: &str| usual.replace("a=ice-ufrag:", &format!("a=ice-ufrag:{name}"));
    for sdp in [
        many("a=x\r\n", MAX_SDP),
        many("m=video 9 UDP/TLS/RTP/SAVPF 96\r\n", MAX_M_LINES),
        many("a=fingerprint:sha-256 AA:BB\r\n", MAX_FINGERPRINTS),
        name(&"u".repeat(MAX_ICE_CREDENTIAL)),
    ] {
        let (mut talk, _) = beside_alice();
        talk.receives(offer("m2", &sdp));
        talk.receives(offer("m3", &sdp));
        expect_warnings(&mut talk, 1);
        talk.expect_eq(talk.sessions("mallory").len(), 1);
    }
    let (mut talk, _) = beside_alice();
    talk.receives(offer(
        "m2",
        &many("a=fingerprint:sha-256 AA:BB\r\n", MAX_FINGERPRINTS - 1),
    ));
    expect_warnings(&mut talk, 0);
}

#[test]
fn candidates_past_the_limit_of_a_session_are_ignored() {
    let (mut talk, session) = beside_alice();
    let one = json!({"candidate": HOST, "sdpMLineIndex": 0});
    let batch = json!({"candidates": vec![one; MAX_EARLY_CANDIDATES]});
    let batches = MAX_CANDIDATES_PER_SESSION / MAX_EARLY_CANDIDATES + 3;
    for _ in 0..batches {
        talk.channel_receives(session, batch.clone());
    }
    let actions = expect_warnings(&mut talk, 1);
    talk.expect_eq(candidates(&actions).len(), MAX_CANDIDATES_PER_SESSION);
}

#[test]
fn a_long_candidate_is_ignored_and_a_long_name_of_its_m_line_as_well() {
    let (mut talk, session) = beside_alice();
    let long = format!("{HOST} {}", "x".repeat(MAX_CANDIDATE));
    let mid = "m".repeat(MAX_NAME + 1);
    talk.channel_receives(session, json!({"candidate": {"candidate": long}}));
    talk.channel_receives(
        session,
        json!({"candidate": {"candidate": HOST, "sdpMid": mid}}),
    );
    let actions = expect_warnings(&mut talk, 0);
    talk.expect_eq(candidates(&actions), vec![(0, HOST.to_owned())]);
}

#[test]
fn candidates_without_an_offer_are_bounded_for_each_peer_and_for_all() {
    let (mut talk, _) = beside_alice();
    let one = json!({"candidate": HOST, "sdpMLineIndex": 0});
    let early = |peer: usize| {
        json!({"UUID": format!("p{peer}"), "type": "local",
        "session": "x", "candidates": vec![one.clone(); MAX_EARLY_CANDIDATES]})
    };
    talk.receives(early(0));
    expect_warnings(&mut talk, 0);
    talk.receives(early(0));
    let peers = MAX_EARLY_CANDIDATES_OF_ALL / MAX_EARLY_CANDIDATES;
    for peer in 1..peers + 5 {
        talk.receives(early(peer));
    }
    expect_warnings(&mut talk, 1);
    let offered = |talk: &mut Conversation, peer: usize| {
        talk.offers(&format!("p{peer}"), &format!("s{peer}"), "x", &browser());
        candidates(&talk.take()).len()
    };
    let taken = (offered(&mut talk, peers - 1), offered(&mut talk, peers));
    talk.expect_eq(taken, (MAX_EARLY_CANDIDATES, 0));
}

#[test]
fn offers_that_come_faster_than_answers_are_bounded() {
    let (mut talk, session) = beside_alice();
    talk.answers = false;
    let sdp = Sdp::new("m1").application().video().audio().text();
    for _ in 0..MAX_QUEUED_OFFERS + 5 {
        let description = json!({"type": "offer", "sdp": sdp});
        talk.channel_receives(session, json!({ "description": description }));
    }
    expect_warnings(&mut talk, 1);
}

#[test]
fn more_channel_messages_than_a_second_holds_are_ignored_until_the_next() {
    let (mut talk, session) = beside_alice();
    let limit = MAX_CHANNEL_MESSAGES_PER_SECOND as usize;
    for _ in 0..3 {
        for n in 0..limit + 50 {
            talk.channel_receives(session, json!({ "ping": n }));
        }
        talk.pass_secs(1);
    }
    let actions = expect_warnings(&mut talk, 1);
    talk.expect_eq(channel_texts(&actions).len(), 3 * limit);
}

#[test]
fn who_takes_more_than_is_given_is_hung_up_on_and_asked_again_later() {
    let (mut talk, session) = beside_alice();
    let reason = "it opens too many data channels".to_owned();
    talk.event(Event::PeerAbuses { session, reason });
    let actions = expect_warnings(&mut talk, 1);
    talk.expect_eq(closed(&actions), vec![session]);
    talk.pass_secs(3);
    let plays = talk.plays();
    talk.expect_eq(plays, vec![]);
    talk.pass_secs(60);
    assert!(talk.plays().contains(&"mallory".to_owned()));
}

#[test]
fn a_long_ping_is_not_answered() {
    let (mut talk, session) = beside_alice();
    talk.channel_receives(session, json!({"ping": "x".repeat(MAX_PING)}));
    talk.channel_receives(session, json!({"ping": 1_700_000_000_000_u64}));
    let actions = expect_warnings(&mut talk, 0);
    talk.expect_eq(
        channel_texts(&actions),
        vec![json!({"pong": 1_700_000_000_000_u64})],
    );
}

#[test]
fn a_label_is_cut() {
    let (mut talk, session) = beside_alice();
    talk.channel_receives(
        session,
        json!({"info": {"label": "é".repeat(9 * MAX_LABEL)}}),
    );
    expect_warnings(&mut talk, 0);
    let streams = talk.status().streams;
    let mallory = streams.iter().find(|stream| stream.id.0 == "mallory");
    let label = mallory.and_then(|stream| stream.info.label.clone());
    talk.expect_eq(label, Some("é".repeat(MAX_LABEL)));
}

#[test]
fn names_that_are_too_long_are_nobody_s() {
    let (mut talk, _) = beside_alice();
    let long = "n".repeat(MAX_NAME + 1);
    talk.receives(announced(&long, "carol"));
    talk.receives(announced("c", &long));
    expect_warnings(&mut talk, 0);
    talk.expect_eq(talk.status().streams.len(), 2);
}

#[test]
fn one_stream_has_few_sessions_whoever_claims_it() {
    let mut talk = Conversation::begin(RoomConfig {
        dialect: Dialect::Relay,
        ..config()
    });
    talk.event(Event::Opened);
    let offer = |peer: usize| {
        json!({"from": format!("p{peer}"), "streamID": "alice",
        "session": "tok", "description": {"type": "offer", "sdp": browser().video().text()}})
    };
    for peer in 0..MAX_SESSIONS_PER_STREAM + 5 {
        talk.receives(offer(peer));
        if let Some(session) = talk.sessions("alice").get(peer).copied() {
            talk.connects(session);
            talk.event(Event::MediaFlowing { session });
        }
    }
    expect_warnings(&mut talk, 1);
    talk.expect_eq(talk.sessions("alice").len(), MAX_SESSIONS_PER_STREAM);
}

#[test]
fn one_publisher_has_few_sessions_whatever_it_calls_itself() {
    let (mut talk, _) = beside_alice();
    for n in 0..MAX_SESSIONS_PER_PEER + 5 {
        talk.offers("p", &format!("s{n}"), &format!("t{n}"), &browser());
    }
    let open = talk.open_peers();
    talk.expect_eq(open, 2 + MAX_SESSIONS_PER_PEER);
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

#[test]
fn warnings_about_ever_new_streams_are_few_in_a_minute() {
    let (mut talk, _) = beside_alice();
    let offer = |n: u32| {
        json!({"UUID": format!("p{n}"), "streamID": format!("s{n}"),
            "description": {"type": "offer", "sdp": "v=0\r\n"}})
    };
    for minute in 0..2 {
        for n in 0..2 * MAX_WARNINGS_PER_MINUTE {
            let n = 1000 * minute + n;
            talk.receives(announced(&format!("p{n}"), &format!("s{n}")));
            talk.receives(offer(n));
        }
        let actions = expect_warnings(&mut talk, MAX_WARNINGS_PER_MINUTE as usize);
        let told = warnings(&actions);
        let last = told.last().map(String::as_str).unwrap_or_default();
        assert!(last.contains("suppressed"), "{last}");
        talk.pass_secs(60);
        talk.take();
    }
}

#[test]
fn all_streams_together_have_a_limited_number_of_sessions() {
    let (mut talk, _) = beside_alice();
    for n in 0..MAX_SESSIONS + 5 {
        talk.offers(&format!("p{n}"), &format!("s{n}"), "tok", &browser());
    }
    let actions = expect_warnings(&mut talk, 1);
    talk.expect_eq(talk.open_peers(), MAX_SESSIONS);
    let opened = |action: &&Action| matches!(action, Action::OpenPeer { .. });
    talk.expect_eq(actions.iter().filter(opened).count(), MAX_SESSIONS - 2);
    // A place that becomes free is taken by who comes next.
    let session = talk.session("s0");
    talk.channel_receives(session, json!({"bye": true}));
    talk.take();
    talk.offers("late", "late", "tok", &browser());
    let sent = talk.sent();
    talk.expect_eq(answers(&sent).len(), 1);
}

#[test]
fn peers_and_streams_are_bounded_and_who_was_there_first_stays() {
    let (mut talk, _) = beside_alice();
    talk.log_kept = false;
    for n in 0..MAX_PEERS {
        let id = format!("s{}", n % (MAX_STREAMS + 5));
        talk.room.handle(
            std::time::Instant::now(),
            Event::Text(announced(&format!("p{n}"), &id).to_string()),
        );
    }
    let status = talk.status();
    talk.expect_eq(
        (status.peers, status.streams.len()),
        (MAX_PEERS, MAX_STREAMS),
    );
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}
