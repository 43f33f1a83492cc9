// SPDX-License-Identifier: MPL-2.0
//! Nothing arrives any more from a publisher: when it is asked for a new connection, and when it is
//! left alone.

use std::time::Duration;

use crate::conversation::{Conversation, Sdp, announced, closed, numbers, reconnect};
use serde_json::Value;
use vdoroom_protocol::{Action, Event, SessionId, StreamState};

/// Alice's media flows, and then nothing comes from her any more.
fn silent() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.pass_secs(10);
    let session = talk.flows("a", "alice", "ta");
    talk.pass_secs(60);
    talk.take();
    talk.event(Event::MediaStalled { session });
    talk.pass_millis(500);
    talk.event(Event::PeerSilent { session });
    (talk, session)
}

fn asks_server(actions: &[Action]) -> bool {
    actions.contains(&Action::AskServer)
}

/// What is sent to publishers, as `bye` and its addressee, or the stream that is played.
fn asked(sent: &[Value]) -> Vec<String> {
    let asked = sent.iter().filter_map(|message| {
        let bye = message["bye"] == true;
        let to = if bye { "UUID" } else { "streamID" };
        let name = message[to].as_str()?;
        Some(format!("{} {name}", if bye { "bye" } else { "play" }))
    });
    asked.collect()
}

#[test]
fn who_is_silent_is_asked_anew_as_soon_as_the_server_has_answered() {
    let (mut talk, old) = silent();
    assert!(asks_server(&talk.take()));
    talk.pass_millis(40);
    talk.event(Event::ServerAnswers);
    talk.pass_millis(400);
    talk.expect_eq(talk.state("alice"), StreamState::Stalled);
    let sent = talk.sent();
    talk.expect_eq(
        asked(&sent),
        vec!["bye a".to_owned(), "play alice".to_owned()],
    );
    // The old connection stays until there is an offer for a new one.
    talk.expect_eq(talk.session("alice"), old);
    let new = talk.flows("a", "alice", "tb");
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![old]);
    talk.expect_eq(talk.session("alice"), new);
    talk.expect_eq(numbers(&actions), vec![2]);
    talk.pass_secs(600);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
}

#[test]
fn while_the_server_does_not_answer_nothing_is_said() {
    let (mut talk, session) = silent();
    talk.take();
    talk.pass_secs(3);
    talk.event(Event::Unreachable {
        reason: "silent".into(),
    });
    let actions = talk.take();
    assert!(reconnect(&actions).is_some_and(|wait| wait < Duration::from_secs(1)));
    for _ in 0..3 {
        talk.pass_secs(1);
        talk.event(Event::Unreachable {
            reason: "no route".into(),
        });
    }
    // The network is back, and so is the media.
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(1);
    talk.rejoin(&[("a", "alice")]);
    talk.pass_secs(30);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
    talk.expect_eq(talk.session("alice"), session);
}

#[test]
fn after_an_outage_of_ours_media_has_a_moment_to_come_back() {
    let (mut talk, session) = silent();
    talk.pass_secs(3);
    talk.event(Event::Unreachable {
        reason: "silent".into(),
    });
    talk.pass_secs(1);
    talk.rejoin(&[("a", "alice")]);
    talk.pass_millis(400);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
    talk.pass_millis(200);
    let sent = talk.sent();
    // Under our new name there is nothing to be ended.
    talk.expect_eq(asked(&sent), vec!["play alice".to_owned()]);
    let new = talk.flows("a", "alice", "tb");
    talk.expect_eq(talk.sessions("alice"), vec![new]);
    assert_ne!(new, session);
}

#[test]
fn a_late_answer_of_the_server_gives_media_its_moment_too() {
    let (mut talk, session) = silent();
    talk.take();
    talk.pass_secs(2);
    talk.event(Event::ServerAnswers);
    talk.pass_millis(300);
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(30);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
}

#[test]
fn a_guest_who_pauses_is_left_alone_until_the_timeout() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "ta");
    talk.pass_secs(60);
    talk.take();
    talk.event(Event::MediaStalled { session });
    talk.pass_secs(13);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
    talk.pass_secs(2);
    let sent = talk.sent();
    talk.expect_eq(
        asked(&sent),
        vec!["bye a".to_owned(), "play alice".to_owned()],
    );
}

#[test]
fn who_is_heard_again_before_the_server_answers_is_left_alone() {
    let (mut talk, session) = silent();
    talk.take();
    talk.event(Event::PeerHeard { session });
    talk.event(Event::ServerAnswers);
    talk.pass_secs(5);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
}

/// Her network was gone: our goodbye waited in TCP, and arrives when her media is back.
#[test]
fn a_goodbye_that_arrives_late_costs_no_second_one() {
    let (mut talk, session) = silent();
    talk.event(Event::ServerAnswers);
    talk.pass_secs(4);
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(2);
    talk.take();
    talk.event(Event::PeerLost {
        session,
        reason: "closed".into(),
    });
    talk.pass_millis(100);
    let new = talk.flows("a", "alice", "tb");
    talk.pass_secs(60);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
    talk.expect_eq(talk.session("alice"), new);
}

/// Her address has changed: the page is back with another websocket and its old connection.
#[test]
fn who_comes_back_under_another_name_is_asked_under_that_one() {
    let (mut talk, _) = silent();
    talk.event(Event::ServerAnswers);
    talk.pass_secs(4);
    talk.take();
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(1);
    let sent = talk.sent();
    let said = ["bye a", "bye a2", "play alice"].map(str::to_owned);
    talk.expect_eq(asked(&sent), said.to_vec());
    let new = talk.flows("a2", "alice", "tb");
    talk.expect_eq(talk.session("alice"), new);
}

#[test]
fn who_does_not_offer_is_asked_again_at_the_timeout() {
    let (mut talk, session) = silent();
    talk.event(Event::ServerAnswers);
    talk.pass_secs(13);
    talk.expect_eq(talk.session("alice"), session);
    talk.take();
    talk.pass_secs(1);
    let sent = talk.sent();
    talk.expect_eq(talk.sessions("alice"), vec![]);
    talk.expect_eq(asked(&sent), vec!["play alice".to_owned()]);
}

#[test]
fn each_silence_counts_anew() {
    let (mut talk, session) = silent();
    for _ in 0..3 {
        talk.take();
        talk.event(Event::ServerAnswers);
        talk.pass_secs(1);
        let sent = talk.sent();
        talk.expect_eq(
            asked(&sent),
            vec!["bye a".to_owned(), "play alice".to_owned()],
        );
        talk.event(Event::MediaFlowing { session });
        talk.pass_secs(5);
        talk.event(Event::MediaStalled { session });
        talk.event(Event::PeerSilent { session });
    }
}

#[test]
fn a_new_page_is_not_hung_up_on_while_it_offers() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "ta");
    talk.pass_secs(60);
    talk.event(Event::MediaStalled { session });
    talk.receives(announced("a2", "alice"));
    talk.pass_millis(300);
    talk.take();
    talk.event(Event::PeerSilent { session });
    talk.event(Event::ServerAnswers);
    talk.pass_millis(600);
    talk.offers("a2", "alice", "tb", &Sdp::new("tb").application());
    talk.pass_secs(5);
    let sent = talk.sent();
    talk.expect_eq(asked(&sent), vec![]);
}

/// What is sent arrives again at any moment, and ICE repeats what was lost ever more rarely.
#[test]
fn a_new_connection_that_is_not_made_is_begun_anew_soon_and_for_half_a_minute() {
    let (mut talk, _) = silent();
    talk.event(Event::ServerAnswers);
    let mut begun = Vec::new();
    for attempt in 0..40 {
        talk.pass_millis(500);
        if !talk.plays().is_empty() {
            begun.push(talk.elapsed());
            let token = format!("t{attempt}");
            talk.offers("a", "alice", &token, &Sdp::new(&token).application());
        }
        if talk.elapsed() > Duration::from_secs(70 + 29) {
            break;
        }
    }
    assert!(begun.len() >= 6, "{begun:?}");
    let waits = begun.windows(2).map(|w| w[1] - w[0]);
    assert!(
        waits.clone().all(|wait| wait <= Duration::from_secs(4)),
        "{begun:?}"
    );
    talk.pass_secs(120);
    let plays = talk.plays();
    assert!(plays.len() <= 5, "{plays:?}");
}

/// The page has another websocket, and restarts ICE over it.
#[test]
fn an_ice_restart_under_another_name_begins_a_new_connection_under_that_one() {
    let (mut talk, old) = silent();
    let offer = Sdp::new("ta").application().video().audio();
    talk.take();
    talk.offers("a2", "alice", "ta", &offer.restarted());
    talk.pass_secs(1);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![old]);
    let new = talk.flows("a2", "alice", "tb");
    talk.expect_eq(talk.session("alice"), new);
    let goodbye =
        |action: &&Action| matches!(action, Action::SendSocket(text) if text.contains("bye"));
    let said: Vec<&Action> = actions.iter().filter(goodbye).collect();
    assert!(format!("{said:?}").contains("a2"), "{said:?}");
}

/// The jitterbuffer goes on with what it holds for as long as `latency`.
#[test]
fn who_is_silent_is_asked_anew_although_media_still_trickles_out() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "ta");
    talk.pass_secs(60);
    talk.take();
    talk.event(Event::PeerSilent { session });
    talk.event(Event::ServerAnswers);
    talk.pass_millis(300);
    talk.event(Event::MediaStalled { session });
    talk.pass_millis(300);
    let sent = talk.sent();
    let said = ["bye a", "play alice"].map(str::to_owned);
    talk.expect_eq(asked(&sent), said.to_vec());
}

#[test]
fn who_is_silent_under_another_name_is_asked_although_media_still_trickles_out() {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    let session = talk.flows("a", "alice", "ta");
    talk.pass_secs(60);
    talk.event(Event::PeerSilent { session });
    talk.take();
    talk.receives(announced("a2", "alice"));
    talk.pass_secs(1);
    let sent = talk.sent();
    let said = ["bye a", "bye a2", "play alice"].map(str::to_owned);
    talk.expect_eq(asked(&sent), said.to_vec());
}
