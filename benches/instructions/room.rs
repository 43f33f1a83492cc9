// SPDX-License-Identifier: MPL-2.0
//! Hours of a room in virtual time: ten people who ping every ten seconds, and of whom one goes and
//! comes back each minute.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vdoroom_protocol::{Action, Event, Room, SessionId};

#[path = "../../crates/vdoroom-protocol/tests/protocol/conversation/mod.rs"]
mod conversation;

use conversation::{Sdp, config};

const PEOPLE: usize = 10;
const ROUND: Duration = Duration::from_secs(10);
const ROUNDS_PER_HOUR: u32 = 360;
/// A visit begins with each sixth round.
const ROUNDS_PER_VISIT: u32 = 6;

struct Hours {
    room: Room,
    now: Instant,
    /// The newest session of each person.
    sessions: [Option<SessionId>; PEOPLE],
    visits: u32,
}

pub fn hours(hours: u32) -> Result<(), String> {
    let now = Instant::now();
    let room = Room::new(config(), now);
    let mut talk = Hours {
        room,
        now,
        sessions: [None; PEOPLE],
        visits: 0,
    };
    talk.event(Event::Opened);
    talk.text(json!({"request": "listing", "list": []}));
    for person in 0..PEOPLE {
        talk.visit(person);
    }
    for round in 0..hours * ROUNDS_PER_HOUR {
        if round % ROUNDS_PER_VISIT == 0 {
            let person = (round / ROUNDS_PER_VISIT) as usize % PEOPLE;
            talk.leave(person)?;
            talk.visit(person);
        }
        talk.ping();
        talk.pass(ROUND);
    }
    let recorded = talk.sessions.iter().flatten().count();
    (recorded == PEOPLE)
        .then_some(())
        .ok_or_else(|| format!("{recorded} of {PEOPLE} have a session"))
}

impl Hours {
    fn event(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.room.handle(self.now, event) {
                match action {
                    Action::AskAccept { stream, .. } => events.push_back(Event::Accepted {
                        stream,
                        accepted: true,
                    }),
                    Action::OpenPeer {
                        session, stream, ..
                    } => {
                        let person = stream.0.trim_start_matches("guest").parse::<usize>();
                        if let Some(known) = person.ok().and_then(|n| self.sessions.get_mut(n)) {
                            *known = Some(session);
                        }
                    }
                    Action::SetRemoteOffer { session, sdp, .. } => {
                        events.push_back(Event::LocalAnswer { session, sdp });
                    }
                    _ => {}
                }
            }
        }
    }

    fn text(&mut self, message: Value) {
        self.event(Event::Text(message.to_string()));
    }

    fn channel(&mut self, session: SessionId, message: &Value) {
        let text = message.to_string();
        self.event(Event::ChannelText { session, text });
    }

    /// Somebody comes, and is asked for camera and microphone over the data channel.
    fn visit(&mut self, person: usize) {
        self.visits += 1;
        let (uuid, id) = (format!("uuid{}", self.visits), format!("guest{person}"));
        let offer = |sdp: &Sdp| {
            json!({
                "UUID": uuid, "streamID": id, "session": uuid,
                "description": {"type": "offer", "sdp": sdp.text()},
            })
        };
        self.text(json!({"request": "videoaddedtoroom", "UUID": uuid, "streamID": id}));
        let sdp = Sdp::new(&uuid).application();
        self.text(offer(&sdp));
        let Some(session) = self.sessions[person] else {
            return;
        };
        let candidate = |port: u16| {
            format!("candidate:1 1 UDP 2015363327 192.0.2.1 {port} typ host generation 0")
        };
        let theirs = (5000..5004)
            .map(|port| json!({"candidate": candidate(port), "sdpMLineIndex": 0, "sdpMid": "0"}));
        let theirs: Vec<Value> = theirs.collect();
        self.text(json!({"UUID": uuid, "session": uuid, "type": "local", "candidates": theirs}));
        for port in 6000..6004 {
            self.event(Event::LocalCandidate {
                session,
                sdp_mline_index: 0,
                candidate: candidate(port),
            });
        }
        self.pass(Duration::from_millis(100));
        self.event(Event::PeerConnected { session });
        self.event(Event::ChannelOpen { session });
        self.channel(
            session,
            &json!({"info": {"label": "Guest", "muted": false}}),
        );
        self.channel(session, &offer(&sdp.video().audio()));
        self.event(Event::MediaFlowing { session });
    }

    fn leave(&mut self, person: usize) -> Result<(), String> {
        let session = self.sessions[person].take();
        let session = session.ok_or_else(|| format!("guest{person} is not in a session"))?;
        self.channel(session, &json!({"bye": true}));
        self.pass(Duration::from_millis(500));
        Ok(())
    }

    fn ping(&mut self) {
        for session in self.sessions.into_iter().flatten() {
            self.channel(session, &json!({"ping": "1795285633123"}));
            self.channel(session, &json!({"muted": false}));
        }
    }

    /// Time passes, and deadlines with it.
    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(at) = self.room.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.event(Event::Tick);
        }
        self.now = until;
    }
}
