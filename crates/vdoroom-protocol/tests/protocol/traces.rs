// SPDX-License-Identifier: MPL-2.0
//! Recorded conversations of real publishers, replayed as their viewer: every offer is answered,
//! and nobody is told of trouble.
//!
//! Each line of `tests/data/traces` is what the viewer saw or asked for: time in seconds, `ws` or
//! `dc` (data channel, with the number of its peer connection), what happened, and the message.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::conversation::{Conversation, config, stream};
use serde_json::{Value, json};
use vdoroom_protocol::{Action, Dialect, Event, Password, RoomConfig, SessionId};

struct Replay {
    talk: Conversation,
    actions: Vec<Action>,
    /// The sessions by the number that their peer connection has in the trace.
    sessions: BTreeMap<u64, SessionId>,
    /// What the recorded viewer called itself, and what we do.
    renamed: Option<(String, String)>,
    offers: usize,
}

fn replay(trace: &str, config: RoomConfig) -> Replay {
    let mut replay = Replay {
        talk: Conversation::begin(config),
        actions: Vec::new(),
        sessions: BTreeMap::new(),
        renamed: None,
        offers: 0,
    };
    let mut seconds = 0.0;
    for line in trace.lines() {
        let line: Value = serde_json::from_str(line).expect("a line of the trace is JSON");
        let at = line["t"].as_f64().expect("a line of the trace has a time");
        replay
            .talk
            .pass(Duration::from_secs_f64((at - seconds).max(0.0)));
        seconds = at;
        replay.line(&line);
        replay.actions.extend(replay.talk.take());
    }
    replay
}

impl Replay {
    fn line(&mut self, line: &Value) {
        let message = &line["msg"];
        self.offers += usize::from(line["dir"] == "recv" && message.get("description").is_some());
        match (line["kind"].as_str(), line["dir"].as_str()) {
            (Some("ws"), Some("open")) => self.talk.event(Event::Opened),
            (Some("ws"), Some("send")) => self.was_sent(message),
            (Some("ws"), Some("recv")) => {
                let mut text = message.to_string();
                if let Some((recorded, ours)) = &self.renamed {
                    text = text.replace(recorded, ours);
                }
                self.talk.event(Event::Text(text));
            }
            (Some("dc"), Some(direction)) => self.channel(line, direction),
            _ => {}
        }
    }

    /// What the recorded viewer asked the server for, we must have asked for as well.
    fn was_sent(&mut self, recorded: &Value) {
        self.actions.extend(self.talk.take());
        let sent = self.actions.iter().filter_map(|action| match action {
            Action::SendSocket(text) => serde_json::from_str::<Value>(text).ok(),
            _ => None,
        });
        let same = |sent: &Value| {
            ["request", "roomid", "streamID"]
                .iter()
                .all(|field| sent[field] == recorded[field])
        };
        let Some(ours) = sent.into_iter().find(same) else {
            self.talk
                .fail(&format!("the recorded viewer sent {recorded}, we did not"));
        };
        if let (Some(recorded), Some(ours)) = (recorded["from"].as_str(), ours["from"].as_str()) {
            self.renamed = Some((recorded.to_owned(), ours.to_owned()));
        }
    }

    fn channel(&mut self, line: &Value, direction: &str) {
        let number = line["pc"]
            .as_u64()
            .expect("a channel has a peer connection");
        match direction {
            "open" => {
                let status = self.talk.status();
                let newest = status
                    .streams
                    .iter()
                    .flat_map(|stream| &stream.sessions)
                    .max();
                let session = *newest.expect("a session whose channel opens");
                self.sessions.insert(number, session);
                self.talk.connects(session);
            }
            "recv" => {
                let session = self.sessions[&number];
                let text = line["msg"].to_string();
                self.talk.event(Event::ChannelText { session, text });
                self.talk.event(Event::MediaFlowing { session });
            }
            _ => {}
        }
    }

    /// Every offer has an answer, and nothing went wrong on the way.
    fn is_flawless(&mut self) {
        self.actions.extend(self.talk.take());
        let answers = self.actions.iter().filter(|action| match action {
            Action::SendSocket(text) | Action::SendChannel { text, .. } => {
                text.contains("\"description\"")
            }
            _ => false,
        });
        let answers = answers.count();
        self.talk.expect_eq(answers, self.offers);
        assert!(self.offers > 0, "the trace has no offer");
        let trouble = self.actions.iter().find(|action| {
            matches!(
                action,
                Action::Warn { .. } | Action::Fail { .. } | Action::Reconnect { .. }
            )
        });
        self.talk.expect_eq(trouble, None);
    }

    fn count(&self, matches: impl Fn(&Action) -> bool) -> usize {
        self.actions.iter().filter(|action| matches(action)).count()
    }

    fn peers(&self) -> usize {
        self.count(|action| matches!(action, Action::OpenPeer { .. }))
    }

    fn candidates(&self) -> usize {
        self.count(|action| matches!(action, Action::AddRemoteCandidate { .. }))
    }
}

fn room(name: &str) -> RoomConfig {
    RoomConfig {
        room: Some(name.to_owned()),
        dialect: Dialect::Auto,
        ..config()
    }
}

#[test]
fn a_browser_that_mutes_hangs_up_and_reloads_is_received_twice() {
    let trace = include_str!("../data/traces/browser_no_password.jsonl");
    let mut replay = replay(trace, room("tr1"));
    replay.is_flawless();
    assert_eq!(replay.peers(), 2);
    let removed = replay.count(|action| {
        matches!(action, Action::StreamRemoved { stream: id, .. } if *id == stream("alice"))
    });
    assert_eq!(removed, 2);
    let muted = replay
        .count(|action| matches!(action, Action::StreamChanged { info, .. } if info.audio_muted));
    assert!(muted > 0);
    let named = |action: &Action| matches!(action, Action::StreamChanged { info, .. } if info.label.as_deref() == Some("Alice"));
    assert!(replay.count(named) > 0);
    assert_eq!(replay.talk.status().dialect, Dialect::Hosted);
}

#[test]
fn a_browser_with_a_password_is_received() {
    let trace = include_str!("../data/traces/browser_password_secret1.jsonl");
    let password = Password::Own("secret1".to_owned());
    let mut replay = replay(
        trace,
        RoomConfig {
            password,
            ..room("tr2")
        },
    );
    replay.is_flawless();
    assert_eq!(replay.peers(), 1);
    assert!(replay.candidates() > 0);
    let clear = replay.count(|action| {
        matches!(action, Action::SendSocket(text) | Action::SendChannel { text, .. }
            if text.contains("\"answer\"") || text.contains("secret1"))
    });
    assert_eq!(clear, 0, "an answer went out in clear");
}

#[test]
fn a_publisher_of_the_sdk_is_received() {
    let trace = include_str!("../data/traces/sdk_no_password.jsonl");
    let mut replay = replay(trace, room("tr3"));
    replay.is_flawless();
    assert_eq!(replay.peers(), 1);
    assert!(replay.candidates() > 0);
}

#[test]
fn raspberry_ninja_is_received_and_its_pings_are_answered() {
    let trace = include_str!("../data/traces/raspberry_ninja_no_password.jsonl");
    let mut replay = replay(trace, room("tr4"));
    replay.is_flawless();
    let pongs = replay.count(|action| {
        matches!(action, Action::SendChannel { text, .. } if text.contains("\"pong\":\"17"))
    });
    assert_eq!(pongs, 5);
    assert_eq!(replay.candidates(), 3);
}

#[test]
fn a_browser_behind_a_relay_is_received() {
    let trace = include_str!("../data/traces/relay_browser_no_password.jsonl");
    let mut replay = replay(trace, room("tr5"));
    replay.is_flawless();
    assert_eq!(replay.peers(), 1);
    assert_eq!(replay.talk.status().dialect, Dialect::Relay);
}

/// What the publisher of a trace from a hosted room would say behind a relay (protocol 1.2 and
/// 3.3): it says who it is, and announces itself.
fn behind_a_relay(trace: &str) -> String {
    let mut room = Value::Null;
    let lines = trace.lines().filter_map(|line| {
        let mut line: Value = serde_json::from_str(line).expect("a line of the trace is JSON");
        if line["kind"] != "ws" || line["dir"] == "open" {
            return Some(line.to_string());
        }
        let message = &mut line["msg"];
        if message["request"] == "joinroom" {
            room = message["roomid"].take();
        }
        let sender = if message["request"] == "listing" {
            let member = message["list"].as_array()?.first()?.clone();
            *message = json!({"request": "seed", "streamID": member["streamID"]});
            member["UUID"].clone()
        } else {
            message["UUID"].take()
        };
        match message["request"].as_str() {
            Some("someonejoined") => return None,
            Some("videoaddedtoroom") => message["request"] = json!("joinroom"),
            _ => {}
        }
        let sent = line["dir"] == "send";
        let message = &mut line["msg"];
        message["from"] = if sent { json!("viewer") } else { sender };
        message["roomid"] = room.clone();
        if message["request"] == "joinroom" || sent {
            message.as_object_mut()?.remove("UUID");
        } else {
            message["UUID"] = json!("viewer");
        }
        Some(line.to_string())
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn nobody_honest_is_refused_behind_a_relay() {
    let browser = include_str!("../data/traces/browser_no_password.jsonl");
    let encrypted = include_str!("../data/traces/browser_password_secret1.jsonl");
    let raspberry_ninja = include_str!("../data/traces/raspberry_ninja_no_password.jsonl");
    for (trace, name, password, peers) in [
        (browser, "tr1", Password::Off, 2),
        (encrypted, "tr2", Password::Own("secret1".to_owned()), 1),
        (raspberry_ninja, "tr4", Password::Off, 1),
    ] {
        for dialect in [Dialect::Relay, Dialect::Auto] {
            let config = RoomConfig {
                dialect,
                password: password.clone(),
                ..room(name)
            };
            let mut replay = replay(&behind_a_relay(trace), config);
            replay.is_flawless();
            assert_eq!(replay.peers(), peers, "{name}");
            assert_eq!(replay.talk.status().dialect, Dialect::Relay);
        }
    }
}
