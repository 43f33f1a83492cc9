// SPDX-License-Identifier: MPL-2.0
//! Conversations in virtual time: a [`Room`] between a server that the test plays and an element
//! that is simulated here.
//!
//! The simulated element accepts every stream and answers every offer at once, unless it is told
//! otherwise. Whatever a test does, the rules that the element relies on are checked at each step
//! ([`Rules`]). A failure prints the conversation.
#![allow(dead_code, unused_imports)] // A benchmark and a fuzzer use a part of it.

mod actions;
mod bytes;
mod rules;
mod sdp;

use std::collections::VecDeque;
use std::fmt::{self, Debug};
use std::time::{Duration, Instant};

pub use actions::*;
pub use bytes::converse;
use rules::Rules;
pub use sdp::Sdp;
use serde_json::{Value, json};
use vdoroom_protocol::{
    Action, Bitrates, Dialect, Event, Filter, MediaRequest, Password, Room, RoomConfig, RoomStatus,
    SessionId, Shard, StreamId, StreamState,
};

pub fn config() -> RoomConfig {
    RoomConfig {
        room: Some("studio".to_owned()),
        password: Password::Off,
        salt: "vdo.ninja".to_owned(),
        token: None,
        dialect: Dialect::Hosted,
        accept_unencrypted: false,
        filter: Filter::default(),
        shard: Shard::default(),
        max_streams: 0,
        media: MediaRequest {
            audio: true,
            video: true,
            screen: true,
            label: "Recorder".to_owned(),
            program: "recorder 1.0".to_owned(),
        },
        bitrates: Bitrates::default(),
        stream_timeout: Duration::from_secs(15),
        seed: [3; 32],
    }
}

pub fn stream(id: &str) -> StreamId {
    StreamId(id.to_owned())
}

pub struct Conversation {
    pub room: Room,
    start: Instant,
    now: Instant,
    rules: Rules,
    actions: Vec<Action>,
    log: Vec<String>,
    /// Fuzzers leave it out, for it takes most of the time.
    pub log_kept: bool,
    /// Whether the rules about everybody are checked at each step.
    pub status_checked: bool,
    /// Names this conversation in failures.
    pub title: String,
    /// Whether streams are accepted at once.
    pub accepts: bool,
    /// Whether offers are answered at once.
    pub answers: bool,
}

impl Conversation {
    /// The websocket is not open yet.
    pub fn begin(config: RoomConfig) -> Self {
        let start = Instant::now();
        Self {
            rules: Rules::new(config.max_streams),
            room: Room::new(config, start),
            start,
            now: start,
            actions: Vec::new(),
            log: Vec::new(),
            log_kept: true,
            status_checked: true,
            title: String::new(),
            accepts: true,
            answers: true,
        }
    }

    /// In a hosted room with these members: UUID and stream ID, which may be empty.
    pub fn joined(members: &[(&str, &str)]) -> Self {
        Self::joined_with(config(), members)
    }

    pub fn joined_with(config: RoomConfig, members: &[(&str, &str)]) -> Self {
        let mut talk = Self::begin(config);
        talk.rejoin(members);
        talk
    }

    /// The websocket opens and the hosted server lists the members.
    pub fn rejoin(&mut self, members: &[(&str, &str)]) {
        self.event(Event::Opened);
        let list = members.iter().map(|(uuid, stream)| match *stream {
            "" => json!({ "UUID": uuid }),
            stream => json!({ "UUID": uuid, "streamID": stream }),
        });
        let list: Vec<Value> = list.collect();
        self.receives(json!({ "request": "listing", "list": list }));
    }

    /// The time since the conversation began.
    pub fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    /// One event, and what the simulated element does about the actions.
    pub fn event(&mut self, event: Event) {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            self.note(&event);
            if let Event::Unwanted { session, media } = &event {
                self.rules.unwanted(*session, *media);
            }
            let actions = self.room.handle(self.now, event);
            for action in actions {
                self.note(&Done(&action));
                if let Err(broken) = self.rules.check(&action) {
                    self.fail(&broken);
                }
                events.extend(self.react(&action));
                self.actions.push(action);
            }
            if self.status_checked
                && let Err(broken) = self.rules.check_status(&self.room.status())
            {
                self.fail(&broken);
            }
        }
    }

    fn react(&mut self, action: &Action) -> Option<Event> {
        match action {
            Action::AskAccept { stream, .. } if self.accepts => Some(Event::Accepted {
                stream: stream.clone(),
                accepted: true,
            }),
            Action::SetRemoteOffer { session, .. } if self.answers => {
                Some(self.answer_of(*session))
            }
            _ => None,
        }
    }

    pub fn answer_of(&mut self, session: SessionId) -> Event {
        self.rules.answered(session);
        Event::LocalAnswer {
            session,
            sdp: "v=0\r\ns=answer\r\n".to_owned(),
        }
    }

    /// The websocket brings this.
    pub fn receives(&mut self, message: Value) {
        self.event(Event::Text(message.to_string()));
    }

    /// The data channel of a session brings this.
    pub fn channel_receives(&mut self, session: SessionId, message: Value) {
        self.event(Event::ChannelText {
            session,
            text: message.to_string(),
        });
    }

    /// Time passes; the room gets every tick that it wants.
    pub fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        let mut ticks = 0;
        while let Some(at) = self.room.deadline().filter(|at| *at <= until) {
            self.now = self.now.max(at);
            self.event(Event::Tick);
            ticks += 1;
            if ticks > 20_000 {
                self.fail("the deadline does not move on");
            }
        }
        self.now = until;
    }

    pub fn pass_secs(&mut self, seconds: u64) {
        self.pass(Duration::from_secs(seconds));
    }

    pub fn pass_millis(&mut self, millis: u64) {
        self.pass(Duration::from_millis(millis));
    }

    /// Everything that was to be done since the last look.
    pub fn take(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// What went over the websocket since the last look.
    pub fn sent(&mut self) -> Vec<Value> {
        let sent = self.take().into_iter().filter_map(|action| match action {
            Action::SendSocket(text) => Some(serde_json::from_str(&text).unwrap()),
            _ => None,
        });
        sent.collect()
    }

    /// The stream IDs that were played since the last look.
    pub fn plays(&mut self) -> Vec<String> {
        let sent = self.sent().into_iter();
        let plays = sent.filter(|message| message["request"] == "play");
        plays
            .map(|play| play["streamID"].as_str().unwrap().to_owned())
            .collect()
    }

    pub fn open_peers(&self) -> usize {
        self.rules.open_peers()
    }

    pub fn status(&self) -> RoomStatus {
        self.room.status()
    }

    pub fn state(&self, id: &str) -> StreamState {
        let status = self.status();
        let found = status.streams.iter().find(|status| status.id.0 == id);
        found
            .unwrap_or_else(|| panic!("no stream {id}: {status:?}"))
            .state
    }

    /// The live sessions of a stream, in the order in which they began.
    pub fn sessions(&self, id: &str) -> Vec<SessionId> {
        let streams = self.status().streams.into_iter();
        let of = streams.filter(|status| status.id.0 == id);
        of.flat_map(|status| status.sessions).collect()
    }

    /// The one live session of a stream.
    pub fn session(&self, id: &str) -> SessionId {
        match self.sessions(id)[..] {
            [session] => session,
            ref several => self.fail(&format!("sessions of {id}: {several:?}")),
        }
    }

    /// An offer in clear over the hosted websocket.
    pub fn offers(&mut self, uuid: &str, id: &str, session: &str, sdp: &Sdp) {
        self.receives(json!({
            "UUID": uuid,
            "streamID": id,
            "session": session,
            "description": { "type": "offer", "sdp": sdp.text() },
        }));
    }

    /// A publisher offers, connects, and its media flows.
    pub fn flows(&mut self, uuid: &str, id: &str, token: &str) -> SessionId {
        self.offers(
            uuid,
            id,
            token,
            &Sdp::new(token).application().video().audio(),
        );
        let session = *self
            .sessions(id)
            .last()
            .unwrap_or_else(|| self.fail("no session"));
        self.connects(session);
        self.event(Event::MediaFlowing { session });
        session
    }

    pub fn connects(&mut self, session: SessionId) {
        self.event(Event::PeerConnected { session });
        self.event(Event::ChannelOpen { session });
    }

    fn note(&mut self, what: &dyn Debug) {
        if self.log_kept {
            let line = format!("{:>9.3} {what:?}", self.elapsed().as_secs_f64());
            self.log.push(line.chars().take(240).collect());
        }
    }

    pub fn fail(&self, what: &str) -> ! {
        let from = self.log.len().saturating_sub(120);
        panic!(
            "{what}\nafter this conversation {}:\n{}\n",
            self.title,
            self.log[from..].join("\n")
        )
    }

    #[track_caller]
    pub fn expect_eq<T: PartialEq + std::fmt::Debug>(&self, left: T, right: T) {
        if left != right {
            self.fail(&format!("{left:?} is not {right:?}"));
        }
    }
}

/// An action in the log.
struct Done<'a>(&'a Action);

impl Debug for Done<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "    -> {:?}", self.0)
    }
}

/// A browser's first offer: a data channel only.
pub fn browser() -> Sdp {
    Sdp::new("browser").application()
}

/// Alice was played and offered a data channel.
pub fn offered() -> (Conversation, SessionId) {
    let mut talk = Conversation::joined(&[("a", "alice")]);
    talk.take();
    talk.offers("a", "alice", "tok", &browser());
    let session = talk.session("alice");
    (talk, session)
}
