// SPDX-License-Identifier: MPL-2.0
//! Candidates in every form, and what a password does to a conversation.

use crate::conversation::{
    Conversation, Sdp, answers, browser, candidates, channel_texts, config, offered, stream,
    warnings,
};
use aes::Aes256;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit, block_padding::Pkcs7};
use serde_json::{Value, json};
use vdoroom_protocol::limits::MAX_EARLY_CANDIDATES;
use vdoroom_protocol::{Action, Event, Password, RoomConfig};

const HOST: &str = "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host";
/// A candidate, encrypted with the default password (the vector of protocol 4.4).
const ENCRYPTED: &str = "cdbecb8ef5a6845d35a66cf9b393a9a5231a016f18d2d1440e75f4cbc6a7761de1a303e6624d43fc73fcd12d495bef6ec6fbf1c33c99b72b11bad4e89c91288c805161bb1cf2d99459230e876c6c7f6d9595c3bb37e478763671b36d3d17bfb1e5412e932088191357a89f2dcfa6a7a0";
const VECTOR: &str = "000102030405060708090a0b0c0d0e0f";

/// The key of the default password (protocol 4.4).
const KEY: &str = "808d646f7eb92052344e1e668e340c852f8d675754acfae11d8cc49233c36eba";

fn bytes<const N: usize>(text: &str) -> [u8; N] {
    hex::decode(text).unwrap().try_into().unwrap()
}

/// As a publisher with the default password encrypts it, with its vector.
fn encrypted(text: &str) -> (String, &'static str) {
    let cipher = cbc::Encryptor::<Aes256>::new(&bytes(KEY).into(), &bytes(VECTOR).into());
    (
        hex::encode(cipher.encrypt_padded_vec::<Pkcs7>(text.as_bytes())),
        VECTOR,
    )
}

fn decrypted(text: &Value, vector: &Value) -> Value {
    let vector = bytes(vector.as_str().unwrap());
    let cipher = cbc::Decryptor::<Aes256>::new(&bytes(KEY).into(), &vector.into());
    let text = hex::decode(text.as_str().unwrap()).unwrap();
    let text = cipher.decrypt_padded_vec::<Pkcs7>(&text).unwrap();
    serde_json::from_slice(&text).unwrap()
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

fn encrypted_offer(uuid: &str, id: &str) -> Value {
    json!({"UUID": uuid, "streamID": id, "session": "tok", "description": ENCRYPTED,
        "vector": VECTOR})
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
fn an_encrypted_offer_is_answered_encrypted_and_a_clear_one_in_clear() {
    let members = [("a", "alice808d64"), ("b", "bob808d64")];
    let mut talk = Conversation::joined_with(with_password(Password::Default), &members);
    talk.take();
    let offer = json!({"type": "offer", "sdp": browser().text()});
    let (description, vector) = encrypted(&offer.to_string());
    talk.receives(
        json!({"UUID": "a", "streamID": "alice808d64", "session": "tok",
        "description": description, "vector": vector}),
    );
    let sent = talk.sent();
    let answer = answers(&sent)[0];
    let opened = decrypted(&answer["description"], &answer["vector"]);
    talk.expect_eq(
        opened,
        json!({"type": "answer", "sdp": "v=0\r\ns=answer\r\n"}),
    );
    talk.offers("b", "bob808d64", "tok", &browser());
    let sent = talk.sent();
    let answer = answers(&sent)[0];
    talk.expect_eq(&answer["description"]["type"], &json!("answer"));
}

#[test]
fn no_two_answers_are_encrypted_alike() {
    let members = [("a", "alice808d64")];
    let mut talk = Conversation::joined_with(with_password(Password::Default), &members);
    let offer = json!({"type": "offer", "sdp": browser().text()});
    let (description, vector) = encrypted(&offer.to_string());
    let mut vectors = Vec::new();
    for token in ["one", "two"] {
        talk.take();
        talk.receives(
            json!({"UUID": "a", "streamID": "alice808d64", "session": token,
            "description": description, "vector": vector}),
        );
        vectors.push(answers(&talk.sent())[0]["vector"].clone());
    }
    assert_ne!(vectors[0], vectors[1]);
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

/// A room whose own password happens to be the default one, so that `encrypted` fits.
fn own_room(accept_unencrypted: bool) -> Conversation {
    let config = RoomConfig {
        accept_unencrypted,
        ..with_password(own("someEncryptionKey123"))
    };
    let mut talk = Conversation::joined_with(config, &[("a", "alice808d64")]);
    talk.take();
    talk
}

/// A message of Alice over the websocket with this under `field`, in clear or encrypted.
fn signalled(field: &str, content: &Value, in_clear: bool) -> Value {
    let mut message = json!({"UUID": "a", "streamID": "alice808d64", "session": "tok",
        "type": "local"});
    if in_clear {
        message[field] = content.clone();
    } else {
        let (hex, vector) = encrypted(&content.to_string());
        message[field] = json!(hex);
        message["vector"] = json!(vector);
    }
    message
}

#[test]
fn what_is_in_clear_is_refused_in_a_room_with_a_password_whatever_comes_before_it() {
    let offer = json!({"type": "offer", "sdp": browser().text()});
    let one = json!({"candidate": HOST, "sdpMid": "0", "sdpMLineIndex": 0});
    let many = json!([one]);
    let (clear, sealed) = (true, false);
    // The offer and the candidate as they come, and what is taken: sessions, candidates, warnings.
    let table = [
        (sealed, "candidates", &many, sealed, (1, 1, 0)),
        (sealed, "candidate", &one, sealed, (1, 1, 0)),
        (sealed, "candidates", &many, clear, (1, 0, 1)),
        (sealed, "candidate", &one, clear, (1, 0, 1)),
        (clear, "candidates", &many, sealed, (0, 0, 1)),
        (clear, "candidate", &one, sealed, (0, 0, 1)),
        (clear, "candidates", &many, clear, (0, 0, 1)),
        (clear, "candidate", &one, clear, (0, 0, 1)),
    ];
    for accepts in [false, true] {
        for (offer_clear, field, candidate, candidate_clear, strict) in table {
            let mut talk = own_room(accepts);
            talk.title = format!("{offer_clear} {field} {candidate_clear} {accepts}");
            talk.receives(signalled("description", &offer, offer_clear));
            talk.receives(signalled(field, candidate, candidate_clear));
            let actions = talk.take();
            let taken = (
                talk.sessions("alice").len(),
                candidates(&actions).len(),
                warnings(&actions).len(),
            );
            talk.expect_eq(taken, if accepts { (1, 1, 0) } else { strict });
        }
    }
}

#[test]
fn candidates_in_clear_that_come_early_do_not_wait_for_an_encrypted_offer() {
    let offer = json!({"type": "offer", "sdp": browser().text()});
    let candidate = json!([{"candidate": HOST, "sdpMLineIndex": 0}]);
    for (in_clear, expected) in [(true, 0), (false, 1)] {
        let mut talk = own_room(false);
        talk.receives(signalled("candidates", &candidate, in_clear));
        talk.receives(signalled("description", &offer, false));
        let actions = talk.take();
        talk.expect_eq(candidates(&actions).len(), expected);
    }
}

#[test]
fn a_vector_beside_it_does_not_make_an_offer_in_clear_an_encrypted_one() {
    let offer = json!({"type": "offer", "sdp": browser().text()});
    for description in [offer.clone(), json!(offer.to_string())] {
        let mut talk = own_room(false);
        let mut message = signalled("description", &description, true);
        message["vector"] = json!(VECTOR);
        talk.receives(message);
        let actions = talk.take();
        talk.expect_eq(talk.sessions("alice"), vec![]);
        talk.expect_eq(warnings(&actions).len(), 1);
    }
}

#[test]
fn a_renegotiation_in_clear_over_the_websocket_changes_nothing() {
    let mut talk = own_room(false);
    let first = json!({"type": "offer", "sdp": browser().text()});
    talk.receives(signalled("description", &first, false));
    talk.take();
    let more = json!({"type": "offer", "sdp": browser().video().text()});
    talk.receives(signalled("description", &more, true));
    let actions = talk.take();
    assert!(matches!(&actions[..], [Action::Warn { .. }]), "{actions:?}");
    let session = talk.session("alice");
    talk.connects(session);
    talk.take();
    // The channel is encrypted by itself (DTLS), and its other end is known.
    talk.channel_receives(session, json!({ "description": more }));
    let actions = talk.take();
    let applied = |action: &Action| matches!(action, Action::SetRemoteOffer { .. });
    assert!(actions.iter().any(applied), "{actions:?}");
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
