// SPDX-License-Identifier: MPL-2.0
//! How finely publishers are asked to encode, and when.

use crate::conversation::{Conversation, browser, channel_texts, closed, config};
use serde_json::{Value, json};
use vdoroom_protocol::{
    Action, Bitrates, Event, Kind, RoomConfig, SessionId, StreamId, StreamState, Unwanted,
};

fn asked(actions: &[Action]) -> Vec<Value> {
    let rate = |text: &Value| text.get("bitrate").or(text.get("audioBitrate")).is_some();
    channel_texts(actions).into_iter().filter(rate).collect()
}

/// A browser in the room, whose data channel is open.
fn connected(video: u32, audio: u32) -> (Conversation, SessionId) {
    let bitrates = Bitrates { video, audio };
    let config = RoomConfig {
        bitrates,
        ..config()
    };
    let mut talk = Conversation::joined_with(config, &[("a", "alice")]);
    talk.offers("a", "alice", "tok", &browser());
    let session = talk.session("alice");
    talk.connects(session);
    (talk, session)
}

/// It offers these media over the channel, of which `screen` are its screen.
fn adds(talk: &mut Conversation, session: SessionId, sdp: &str, screen: &[usize]) {
    talk.channel_receives(
        session,
        json!({"UUID": "me", "streamID": "alice", "session": "tok", "screen": screen,
            "description": {"type": "offer", "sdp": sdp}}),
    );
}

#[test]
fn bitrates_are_asked_for_once_media_flows() {
    let (mut talk, session) = connected(8000, 256);
    adds(&mut talk, session, &browser().video().audio().text(), &[]);
    let before = talk.take();
    talk.expect_eq(asked(&before), Vec::new());
    talk.event(Event::MediaFlowing { session });
    let then = talk.take();
    let wish = json!({"bitrate": 8000, "targetBitrate": 8000, "audioBitrate": 256});
    talk.expect_eq(asked(&then), vec![wish]);
    // A stall is no new sender.
    talk.event(Event::MediaStalled { session });
    talk.event(Event::MediaFlowing { session });
    let later = talk.take();
    talk.expect_eq(asked(&later), Vec::new());
}

#[test]
fn nothing_is_asked_for_unless_it_is_set() {
    let (mut talk, session) = connected(0, 0);
    adds(&mut talk, session, &browser().video().audio().text(), &[1]);
    talk.event(Event::MediaFlowing { session });
    talk.pass_secs(5);
    let actions = talk.take();
    talk.expect_eq(asked(&actions), Vec::new());
}

#[test]
fn a_screen_that_is_added_later_is_asked_for_on_its_own() {
    let (mut talk, session) = connected(4000, 0);
    adds(&mut talk, session, &browser().video().text(), &[]);
    talk.event(Event::MediaFlowing { session });
    talk.take();
    adds(&mut talk, session, &browser().video().video().text(), &[1]);
    let at_once = talk.take();
    talk.expect_eq(asked(&at_once), Vec::new());
    talk.pass_secs(2);
    let then = talk.take();
    talk.expect_eq(
        asked(&then),
        vec![
            json!({"bitrate": 4000, "targetBitrate": 4000}),
            json!({"bitrate": 4000, "altUUID": true}),
        ],
    );
}

#[test]
fn a_change_is_told_to_everybody_who_sends() {
    let (mut talk, session) = connected(0, 0);
    adds(&mut talk, session, &browser().video().audio().text(), &[]);
    let raised = Event::Bitrates(Bitrates {
        video: 6000,
        audio: 0,
    });
    talk.event(raised.clone());
    let before = talk.take();
    talk.expect_eq(asked(&before), Vec::new());
    talk.event(Event::MediaFlowing { session });
    talk.take();
    talk.event(raised);
    let then = talk.take();
    talk.expect_eq(
        asked(&then),
        vec![json!({"bitrate": 6000, "targetBitrate": 6000})],
    );
    // Nobody is told to send nothing.
    talk.event(Event::Bitrates(Bitrates::default()));
    let reset = talk.take();
    talk.expect_eq(asked(&reset), Vec::new());
}

#[test]
fn who_opens_its_channel_after_its_media_is_asked_then() {
    let bitrates = Bitrates {
        video: 3000,
        audio: 0,
    };
    let config = RoomConfig {
        bitrates,
        ..config()
    };
    let mut talk = Conversation::joined_with(config, &[("a", "alice")]);
    talk.offers("a", "alice", "tok", &browser().video().audio());
    let session = talk.session("alice");
    talk.event(Event::MediaFlowing { session });
    let before = talk.take();
    talk.expect_eq(asked(&before), Vec::new());
    talk.connects(session);
    let then = talk.take();
    talk.expect_eq(asked(&then).len(), 1);
}

#[test]
fn one_stream_can_be_asked_for_bitrates_of_its_own() {
    let (mut talk, session) = connected(4000, 64);
    adds(&mut talk, session, &browser().video().audio().text(), &[]);
    talk.event(Event::MediaFlowing { session });
    talk.take();
    let own = |kind, kbits| Event::BitratesOf {
        stream: StreamId("alice".into()),
        kind,
        kbits,
    };
    talk.event(own(Kind::Video, 800));
    let asked_for = asked(&talk.take());
    let wish = json!({"bitrate": 800, "targetBitrate": 800, "audioBitrate": 64});
    talk.expect_eq(asked_for, vec![wish]);
    // What all are asked is what this one is asked where nothing is said of it.
    let all = Bitrates {
        video: 2000,
        audio: 32,
    };
    talk.event(Event::Bitrates(all));
    let asked_for = asked(&talk.take());
    let wish = json!({"bitrate": 800, "targetBitrate": 800, "audioBitrate": 32});
    talk.expect_eq(asked_for, vec![wish]);
    talk.event(own(Kind::Video, 0));
    let asked_for = asked(&talk.take());
    let wish = json!({"bitrate": 2000, "targetBitrate": 2000, "audioBitrate": 32});
    talk.expect_eq(asked_for, vec![wish]);
    talk.event(Event::BitratesOf {
        stream: StreamId("nobody".into()),
        kind: Kind::Audio,
        kbits: 32,
    });
    let actions = talk.take();
    let is_told = |action: &Action| {
        matches!(
            action,
            Action::Warn {
                stream: Some(_),
                ..
            }
        )
    };
    talk.expect_eq(actions.iter().filter(|action| is_told(action)).count(), 1);
}

const ALL: Unwanted = Unwanted {
    video: true,
    screen: true,
    audio: true,
};
const SCREEN: Unwanted = Unwanted {
    video: false,
    screen: true,
    audio: false,
};

/// A browser with a camera, a screen and audio, whose media flow.
fn with_screen(video: u32, audio: u32) -> (Conversation, SessionId) {
    let (mut talk, session) = connected(video, audio);
    let sdp = browser().video().video().audio().text();
    adds(&mut talk, session, &sdp, &[1]);
    talk.event(Event::MediaFlowing { session });
    talk.take();
    (talk, session)
}

/// What a publisher is asked when these media are not wanted.
fn unwanted(talk: &mut Conversation, session: SessionId, media: Unwanted) -> Vec<Value> {
    talk.event(Event::Unwanted { session, media });
    asked(&talk.take())
}

#[test]
fn what_is_not_wanted_is_stopped_and_begins_again_as_it_was() {
    let (mut talk, session) = with_screen(4000, 96);
    let all_stop = vec![
        json!({"bitrate": 0, "audioBitrate": 0}),
        json!({"bitrate": 0, "altUUID": true}),
    ];
    let told = unwanted(&mut talk, session, ALL);
    talk.expect_eq(told, all_stop);
    let all_begin = vec![
        json!({"bitrate": 4000, "targetBitrate": 4000, "audioBitrate": 96}),
        json!({"bitrate": 4000, "altUUID": true}),
    ];
    let told = unwanted(&mut talk, session, Unwanted::default());
    talk.expect_eq(told, all_begin);
}

#[test]
fn what_begins_again_without_a_wish_has_the_usual_bitrate_once() {
    let (mut talk, session) = with_screen(0, 0);
    let (video, audio) = (true, true);
    let media = Unwanted {
        video,
        audio,
        ..Unwanted::default()
    };
    let told = unwanted(&mut talk, session, media);
    talk.expect_eq(told, vec![json!({"bitrate": 0, "audioBitrate": 0})]);
    let told = unwanted(&mut talk, session, Unwanted::default());
    let usual = json!({"bitrate": 2500, "targetBitrate": 2500, "audioBitrate": 64});
    talk.expect_eq(told, vec![usual]);
    let told = unwanted(&mut talk, session, Unwanted::default());
    talk.expect_eq(told, Vec::new());
}

#[test]
fn what_is_not_wanted_stays_so_when_bitrates_change() {
    let (mut talk, session) = with_screen(0, 0);
    unwanted(&mut talk, session, SCREEN);
    let (video, audio) = (3000, 0);
    talk.event(Event::Bitrates(Bitrates { video, audio }));
    let told = asked(&talk.take());
    let others = vec![
        json!({"bitrate": 3000, "targetBitrate": 3000}),
        json!({"bitrate": 0, "altUUID": true}),
    ];
    talk.expect_eq(told, others);
}

/// Media of a session that the user does not want, and which therefore stall.
fn unselected() -> (Conversation, SessionId) {
    let (mut talk, session) = with_screen(0, 0);
    unwanted(&mut talk, session, ALL);
    talk.event(Event::MediaStalled { session });
    talk.take();
    (talk, session)
}

#[test]
fn a_publisher_that_was_told_to_send_nothing_is_not_missed() {
    let (mut talk, session) = unselected();
    talk.pass_secs(120);
    talk.expect_eq(talk.state("alice"), StreamState::Connected);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), Vec::new());
    talk.expect_eq(talk.session("alice"), session);
}

#[test]
fn a_publisher_that_is_asked_again_and_sends_nothing_is_missed() {
    let (mut talk, session) = unselected();
    unwanted(&mut talk, session, Unwanted::default());
    talk.expect_eq(talk.state("alice"), StreamState::Stalled);
    talk.pass_secs(20);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
}

#[test]
fn a_publisher_that_was_told_to_send_nothing_and_is_gone_is_missed() {
    let (mut talk, session) = unselected();
    talk.event(Event::PeerSilent { session });
    talk.pass_secs(20);
    let actions = talk.take();
    talk.expect_eq(closed(&actions), vec![session]);
}

#[test]
fn a_screen_that_was_stopped_and_comes_again_is_asked_for_anew() {
    let (mut talk, session) = with_screen(0, 0);
    unwanted(&mut talk, session, SCREEN);
    let camera = browser().video().video().audio().text();
    adds(&mut talk, session, &camera, &[]);
    unwanted(&mut talk, session, Unwanted::default());
    adds(&mut talk, session, &camera, &[1]);
    talk.take();
    talk.pass_secs(2);
    let told = asked(&talk.take());
    talk.expect_eq(told, vec![json!({"bitrate": 2500, "altUUID": true})]);
}
