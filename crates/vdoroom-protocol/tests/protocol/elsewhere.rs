// SPDX-License-Identifier: MPL-2.0
//! Guests who are connected and whose media is elsewhere: people are told why there is no file, once.

use crate::conversation::{Conversation, browser, closed, offered, warnings};
use serde_json::{Value, json};
use vdoroom_protocol::{Event, SessionId, StreamState};

/// A browser, whose data channel is open.
fn connected() -> (Conversation, SessionId) {
    let (mut talk, session) = offered();
    talk.connects(session);
    talk.take();
    (talk, session)
}

fn by_whep() -> Value {
    let url = "https://me:s3cret@whep.example.org:8889/k3y/whep?t=1";
    json!({"whepSettings": {"type": "whep", "url": url, "token": "s3cret"}})
}

/// It offers audio and video over the channel.
fn adds_media(talk: &mut Conversation, session: SessionId) {
    let sdp = browser().video().audio().text();
    let offer = json!({"session": "tok", "description": {"type": "offer", "sdp": sdp}});
    talk.channel_receives(session, offer);
}

#[test]
fn a_guest_who_says_that_its_media_is_elsewhere_is_told_of_once_and_stays() {
    let by_meshcast = json!({"meshcast": {"url": "https://cae1.meshcast.io", "token": "s3cret"}});
    let nowhere = json!({"whepSettings": {"url": "s3cret"}});
    for (said, by) in [
        (by_whep(), "by WHEP from whep.example.org:8889,"),
        (by_meshcast, "by Meshcast from cae1.meshcast.io,"),
        (nowhere, "by WHEP,"),
    ] {
        let (mut talk, session) = connected();
        talk.channel_receives(session, said.clone());
        talk.expect_eq(talk.state("alice"), StreamState::Elsewhere);
        talk.pass_secs(60);
        talk.channel_receives(session, said);
        talk.pass_secs(3600);
        let actions = talk.take();
        let told = warnings(&actions);
        talk.expect_eq((told.len(), closed(&actions)), (1, vec![]));
        assert!(
            told[0].contains("\"alice\"") && told[0].contains(by),
            "{told:?}"
        );
        let is_secret = ["s3cret", "k3y"]
            .iter()
            .any(|secret| told[0].contains(secret));
        assert!(!is_secret, "{told:?}");
        talk.expect_eq(talk.session("alice"), session);
    }
}

/// A page that publishes by WHIP says so to all who have not declined it yet.
#[test]
fn a_guest_who_says_so_and_sends_here_all_the_same_is_not_told_of() {
    let (mut talk, session) = connected();
    talk.channel_receives(session, by_whep());
    talk.pass_secs(2);
    adds_media(&mut talk, session);
    talk.event(Event::MediaFlowing { session });
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
    talk.pass_secs(3600);
    let actions = talk.take();
    talk.expect_eq(warnings(&actions), vec![]);
    // Until it stops: then it goes on elsewhere only.
    talk.event(Event::MediaStalled { session });
    talk.expect_eq(talk.state("alice"), StreamState::Elsewhere);
    talk.pass_secs(6);
    let actions = talk.take();
    talk.expect_eq(warnings(&actions).len(), 1);
}

/// A page that shares what it fetches from elsewhere says nothing to who has declined that.
#[test]
fn a_guest_who_offers_no_media_is_told_of_after_ten_seconds() {
    let (mut talk, session) = connected();
    talk.pass_secs(9);
    let before = talk.take();
    talk.expect_eq(before, vec![]);
    talk.pass_secs(2);
    let told = warnings(&talk.take());
    assert!(
        matches!(&told[..], [one] if one.contains("&whepshare")),
        "{told:?}"
    );
    // What comes later is received as ever, and told is told.
    talk.channel_receives(session, by_whep());
    talk.pass_secs(60);
    adds_media(&mut talk, session);
    talk.event(Event::MediaFlowing { session });
    let actions = talk.take();
    talk.expect_eq(warnings(&actions), vec![]);
    talk.expect_eq(talk.state("alice"), StreamState::Flowing);
}

#[test]
fn who_offers_media_or_waits_to_be_let_in_is_not_told_of() {
    let (mut talk, session) = connected();
    talk.channel_receives(session, json!({"info": {"label": "Alice", "queued": true}}));
    talk.pass_secs(60);
    let actions = talk.take();
    talk.expect_eq(warnings(&actions), vec![]);
    let (mut talk, session) = connected();
    adds_media(&mut talk, session);
    talk.pass_secs(60);
    let actions = talk.take();
    talk.expect_eq(warnings(&actions), vec![]);
}
