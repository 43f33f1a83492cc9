// SPDX-License-Identifier: MPL-2.0
//! Whenever and however the candidates of a publisher come, they all reach its connection.

use crate::conversation::{Conversation, Sdp, candidates, closed, warnings};
use serde_json::{Value, json};
use vdoroom_protocol::{Action, SessionId};

/// When candidates come, counted from the offer that they belong to.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Moment {
    BeforeTheOffer,
    BeforeTheAnswer,
    AfterTheAnswer,
    OverTheChannel,
}

/// How many of them share a message, and in which field.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    Batch,
    ListsOfOne,
    Single,
}

const MOMENTS: [Moment; 4] = [
    Moment::BeforeTheOffer,
    Moment::BeforeTheAnswer,
    Moment::AfterTheAnswer,
    Moment::OverTheChannel,
];
const FORMS: [Form; 3] = [Form::Batch, Form::ListsOfOne, Form::Single];

/// One of each kind that ICE has, over UDP and IPv4, IPv6 and passive TCP.
const KINDS: [&str; 5] = [
    "candidate:1 1 UDP 2122252543 192.0.2.1 50000 typ host",
    "candidate:2 1 UDP 2122252542 2001:db8::1 50001 typ host",
    "candidate:3 1 tcp 1518280447 192.0.2.1 50002 typ host tcptype passive",
    "candidate:4 1 UDP 1686052607 198.51.100.1 50003 typ srflx raddr 192.0.2.1 rport 50000",
    "candidate:5 1 UDP 41885439 203.0.113.1 50004 typ relay raddr 198.51.100.1 rport 50003",
];

fn sdp() -> Sdp {
    Sdp::new("tok").application().video()
}

fn entry(text: &str) -> Value {
    json!({"candidate": text, "sdpMid": "0", "sdpMLineIndex": 0})
}

fn messages(form: Form, texts: &[&str]) -> Vec<Value> {
    let entries: Vec<Value> = texts.iter().map(|text| entry(text)).collect();
    let message = |field: &str, value: Value| json!({"UUID": "a", "type": "local", "session": "tok", field: value});
    match form {
        Form::Batch => vec![message("candidates", json!(entries))],
        Form::ListsOfOne => entries
            .into_iter()
            .map(|entry| message("candidates", json!([entry])))
            .collect(),
        Form::Single => entries
            .into_iter()
            .map(|entry| message("candidate", entry))
            .collect(),
    }
}

/// Alice offers, and her candidates come in this way. Returns what was to be done.
fn comes(moment: Moment, form: Form, texts: &[&str]) -> (Conversation, Vec<Action>) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.title = format!("with candidates {moment:?} as {form:?}");
    talk.answers = false;
    let offer = |talk: &mut Conversation| -> SessionId {
        talk.offers("a", "alice", "tok", &sdp());
        talk.session("alice")
    };
    let answer = |talk: &mut Conversation, session| {
        let answer = talk.answer_of(session);
        talk.event(answer);
    };
    let say = |talk: &mut Conversation| {
        for message in messages(form, texts) {
            talk.receives(message);
            talk.pass_millis(70);
        }
    };
    if moment == Moment::BeforeTheOffer {
        say(&mut talk);
    }
    let session = offer(&mut talk);
    if moment == Moment::BeforeTheAnswer {
        say(&mut talk);
    }
    answer(&mut talk, session);
    match moment {
        Moment::AfterTheAnswer => say(&mut talk),
        Moment::OverTheChannel => {
            talk.connects(session);
            for message in messages(form, texts) {
                talk.channel_receives(session, message);
            }
        }
        Moment::BeforeTheOffer | Moment::BeforeTheAnswer => {}
    }
    let actions = talk.take();
    (talk, actions)
}

fn in_every_way(mut check: impl FnMut(Moment, Form)) {
    for moment in MOMENTS {
        for form in FORMS {
            check(moment, form);
        }
    }
}

#[test]
fn every_candidate_is_applied_once_and_in_order_whenever_and_however_it_comes() {
    in_every_way(|moment, form| {
        let (talk, actions) = comes(moment, form, &KINDS);
        let expected: Vec<_> = KINDS.iter().map(|text| (0, (*text).to_owned())).collect();
        talk.expect_eq(candidates(&actions), expected);
        talk.expect_eq(warnings(&actions), vec![]);
    });
}

#[test]
fn candidates_are_applied_after_the_offer_that_they_belong_to() {
    in_every_way(|moment, form| {
        let (talk, actions) = comes(moment, form, &KINDS);
        let offer = |action: &Action| matches!(action, Action::SetRemoteOffer { .. });
        let candidate = |action: &Action| matches!(action, Action::AddRemoteCandidate { .. });
        let (offer, first) = (
            actions.iter().position(offer),
            actions.iter().position(candidate),
        );
        talk.expect_eq(offer.is_some() && offer < first, true);
    });
}

#[test]
fn names_of_the_local_network_are_left_out_and_cost_no_other_candidate() {
    let hidden =
        "candidate:9 1 UDP 2122252543 4f2a0c1e-11aa-4b5c-9d3e-0a1b2c3d4e5f.local 9 typ host";
    in_every_way(|moment, form| {
        let (talk, actions) = comes(moment, form, &[hidden, KINDS[3]]);
        talk.expect_eq(candidates(&actions), vec![(0, KINDS[3].to_owned())]);
        talk.expect_eq(warnings(&actions), vec![]);
    });
}

#[test]
fn a_name_of_the_local_network_is_known_in_any_spelling() {
    for name in ["4F2A.LOCAL", "4f2a.local.", "4f2a.Local"] {
        let hidden = format!("candidate:9 1 UDP 2122252543 {name} 9 typ host");
        let (talk, actions) = comes(Moment::AfterTheAnswer, Form::Batch, &[&hidden]);
        talk.expect_eq(candidates(&actions), vec![]);
    }
}

#[test]
fn a_publisher_that_hides_all_its_addresses_is_answered_and_not_given_up() {
    let hidden = "candidate:9 1 UDP 2122252543 4f2a.local 9 typ host";
    in_every_way(|moment, form| {
        let (mut talk, actions) = comes(moment, form, &[hidden]);
        let answered = |action: &Action| matches!(action, Action::SendSocket(text) if text.contains("\"answer\""));
        talk.expect_eq(actions.iter().filter(|action| answered(action)).count(), 1);
        talk.pass_millis(500);
        let later = talk.take();
        talk.expect_eq(closed(&later), vec![]);
    });
}

#[test]
fn the_end_of_candidates_is_no_candidate() {
    in_every_way(|moment, form| {
        let (talk, actions) = comes(moment, form, &[KINDS[0], "", "end-of-candidates"]);
        talk.expect_eq(candidates(&actions), vec![(0, KINDS[0].to_owned())]);
        talk.expect_eq(warnings(&actions), vec![]);
    });
}

#[test]
fn candidates_of_a_connection_that_was_replaced_do_not_reach_the_next() {
    let (mut talk, _) = comes(Moment::AfterTheAnswer, Form::Batch, &KINDS[..1]);
    talk.answers = true;
    talk.offers("a", "alice", "new", &Sdp::new("new").application().video());
    let session = talk.session("alice");
    talk.take();
    for message in messages(Form::Batch, &KINDS[1..2]) {
        talk.receives(message);
    }
    let late = talk.take();
    talk.expect_eq(candidates(&late), vec![]);
    let mut own = messages(Form::Batch, &KINDS[3..4]).remove(0);
    own["session"] = json!("new");
    talk.receives(own);
    let actions = talk.take();
    talk.expect_eq(candidates(&actions), vec![(0, KINDS[3].to_owned())]);
    talk.expect_eq(talk.session("alice"), session);
}
