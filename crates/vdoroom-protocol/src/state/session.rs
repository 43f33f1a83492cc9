// SPDX-License-Identifier: MPL-2.0
//! A session: one WebRTC connection to one publisher.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stream::FirstOffer;
use crate::api::{STALL, SessionId, StreamId, StreamInfo, Unwanted};
use crate::limits::MAX_CHANNEL_MESSAGES_PER_SECOND;
use crate::messages::Elsewhere;
use crate::names::PeerId;
use crate::sdp::Offer;

/// How long a connection may take from the offer (protocol 4.7: the SDK's connect timeout).
const CONNECT: Duration = Duration::from_secs(20);
/// How long the data channel may take to open once the connection is there. Without it a browser
/// is never asked for its media; SCTP repeats what is lost after 1 s, 2 s, 4 s.
const OPEN_CHANNEL: Duration = Duration::from_secs(10);
/// How long candidates are collected before they go over the websocket together (protocol 4.3).
const COLLECT: Duration = Duration::from_millis(10);

/// How long a `bye` that was sent may be on its way: the websocket's TCP repeats what is lost after
/// ever longer waits.
const BYE_LASTS: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    /// There was none yet.
    None,
    Flowing,
    Stalled {
        since: Instant,
    },
}

/// How far the connection is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing was answered yet.
    Offered,
    /// ICE and DTLS have until then.
    Connecting { until: Instant },
    /// The data channel has until then, if one was offered and there is no media.
    Connected { until: Instant },
    /// The data channel is open.
    Open,
}

/// How an offer came. It is decided when it comes: it may wait until after the server is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Over the data channel, which the publisher holds.
    Channel,
    /// Over the websocket of a server that vouches for who says what.
    Vouched,
    /// Over a websocket where anybody may speak.
    Anybody,
}

/// A renegotiation that waits for the answer to the offer before.
#[derive(Debug)]
pub struct NextOffer {
    pub offer: Offer,
    pub screen: Vec<String>,
    pub encrypted: bool,
    pub way: Way,
}

#[derive(Debug)]
pub struct Session {
    pub id: SessionId,
    pub stream: StreamId,
    pub peer: PeerId,
    /// What the publisher calls it; raspberry_ninja has no name for it.
    pub token: Option<String>,
    /// How often the websocket had been lost when it began.
    pub epoch: u32,
    pub info: StreamInfo,
    /// The last offer that was applied.
    pub offer: Offer,
    /// The answer to it is encrypted.
    pub encrypted: bool,
    /// Until when the answer to it is awaited.
    answer_due: Option<Instant>,
    pub queue: VecDeque<NextOffer>,
    step: Step,
    pub requested_media: bool,
    /// The user wants nothing of these for now, and of these its publisher was told so.
    pub unwanted: Unwanted,
    pub stopped: Unwanted,
    /// When bitrates are asked for (again).
    pub bitrates_at: Option<Instant>,
    /// It carries a shared screen beside the camera.
    pub has_screen: bool,
    begun: Instant,
    /// How long the connection may take.
    connect_within: Duration,
    /// How long it took.
    pub connected_in: Option<Duration>,
    pub media: Media,
    /// When there was media for the first time.
    pub first_media: Option<Instant>,
    /// Where its publisher says that the media is instead.
    pub elsewhere: Option<Elsewhere>,
    /// Its publisher waits to be let into the room, by what it said last.
    pub queued: bool,
    /// When people are told why there is no media, if there is none until then.
    pub explain_at: Option<Instant>,
    /// Since when nothing at all arrives from its publisher.
    pub silent: Option<Instant>,
    /// When a `bye` was sent to its publisher although it stays, and under which name.
    pub said_bye: Option<(Instant, PeerId)>,
    /// The server said that its publisher left: when its media stops, it is over.
    pub left: bool,
    local: Vec<Value>,
    flush: Option<Instant>,
    pub remote_candidates: usize,
    second: Option<Instant>,
    messages: u32,
}

impl Session {
    /// The session that an offer begins, and what is left of the offer: to be applied next.
    pub fn begin(
        id: SessionId,
        stream: StreamId,
        epoch: u32,
        info: StreamInfo,
        first: FirstOffer,
        (now, connect_within): (Instant, Option<Duration>),
    ) -> (NextOffer, Self) {
        let connect_within = connect_within.unwrap_or(CONNECT);
        let session = Self {
            id,
            stream,
            peer: first.peer,
            token: first.token,
            epoch,
            info,
            offer: first.offer.clone(),
            encrypted: first.encrypted,
            answer_due: None,
            queue: VecDeque::new(),
            step: Step::Offered,
            requested_media: false,
            unwanted: Unwanted::default(),
            stopped: Unwanted::default(),
            bitrates_at: None,
            has_screen: false,
            begun: now,
            connect_within,
            connected_in: None,
            media: Media::None,
            first_media: None,
            elsewhere: None,
            queued: false,
            explain_at: None,
            silent: None,
            said_bye: None,
            left: false,
            local: Vec::new(),
            flush: None,
            remote_candidates: 0,
            second: None,
            messages: 0,
        };
        let next = NextOffer {
            offer: first.offer,
            screen: first.screen,
            encrypted: first.encrypted,
            // There is nothing yet that it could do harm to.
            way: Way::Anybody,
        };
        (next, session)
    }

    pub fn has_media(&self) -> bool {
        self.media == Media::Flowing
    }

    /// Whether its media may go on. What a jitterbuffer still holds flows although nothing arrives.
    pub fn may_go_on(&self) -> bool {
        self.has_media() && self.silent.is_none()
    }

    /// For how long there was media, if it stopped: nothing arrives, or none of it.
    pub fn lasted(&self) -> Option<Duration> {
        let stalled = match self.media {
            Media::Stalled { since } => Some(since),
            Media::None | Media::Flowing => None,
        };
        let stopped = stalled.or(self.silent)?;
        Some(stopped.saturating_duration_since(self.first_media?))
    }

    /// Whether a `bye` was sent to this name since nothing arrives.
    pub fn bye_was_said_to(&self, peer: &PeerId) -> bool {
        let said = self.said_bye.as_ref();
        said.is_some_and(|(at, to)| to == peer && self.silent.is_none_or(|since| *at >= since))
    }

    /// Whether a `bye` may still be on its way to it.
    pub fn bye_is_due(&self, now: Instant) -> bool {
        let said = self.said_bye.as_ref();
        said.is_some_and(|(at, to)| *to == self.peer && now < *at + BYE_LASTS)
    }

    pub fn is_stalled(&self) -> bool {
        matches!(self.media, Media::Stalled { .. })
    }

    /// Its publisher says that it sends no media, or was told to send less, and has a channel, on
    /// which it would be missed.
    fn is_idle(&self) -> bool {
        let is_told = self.unwanted != Unwanted::default();
        self.has_channel() && (is_told || !self.offer.sends())
    }

    /// The user wants nothing of these media from now on, and something of the others.
    pub fn want(&mut self, now: Instant, unwanted: Unwanted) {
        self.unwanted = unwanted;
        if self.is_stalled() && self.is_idle() {
            self.media = Media::None;
        } else if self.media == Media::None && self.first_media.is_some() && !self.is_idle() {
            self.media = Media::Stalled { since: now };
        }
    }

    /// No media comes any more. If none is to come, none is waited for.
    pub fn stall(&mut self, now: Instant) {
        self.media = match self.is_idle() {
            true => Media::None,
            false => Media::Stalled { since: now },
        };
    }

    /// The offer is on its way to be applied.
    pub fn apply(&mut self, now: Instant, next: NextOffer) {
        self.offer = next.offer;
        if self.is_stalled() && self.is_idle() {
            self.media = Media::None;
        }
        self.encrypted = next.encrypted;
        self.has_screen = !next.screen.is_empty();
        let within = match self.is_connected() {
            true => CONNECT,
            false => self.connect_within,
        };
        self.answer_due = Some(now + within);
    }

    /// The answer went out. What was left of its time is left for the connection.
    pub fn answer_sent(&mut self, now: Instant) {
        if let (Some(until), Step::Offered | Step::Connecting { .. }) =
            (self.answer_due.take(), self.step)
        {
            self.step = Step::Connecting { until };
        }
        if !self.local.is_empty() {
            self.flush.get_or_insert(now);
        }
    }

    pub fn connect(&mut self, now: Instant) {
        if !self.is_connected() {
            let until = now + OPEN_CHANNEL;
            self.step = Step::Connected { until };
            self.connected_in = Some(now.saturating_duration_since(self.begun));
        }
    }

    pub fn open_channel(&mut self, now: Instant) {
        self.connect(now);
        self.step = Step::Open;
    }

    pub fn is_answering(&self) -> bool {
        self.answer_due.is_some()
    }

    pub fn is_answered(&self) -> bool {
        self.step != Step::Offered
    }

    pub fn is_connected(&self) -> bool {
        matches!(self.step, Step::Connected { .. } | Step::Open)
    }

    pub fn has_channel(&self) -> bool {
        self.step == Step::Open
    }

    /// When this session has taken too long.
    pub fn gives_up_at(&self, stream_timeout: Duration) -> Option<Instant> {
        let stalled = match self.media {
            Media::Stalled { since } => Some(since + stream_timeout.saturating_sub(STALL)),
            Media::None | Media::Flowing => None,
        };
        // Of who sends nothing, only this tells that it is gone.
        let is_missed = self.media == Media::None && self.first_media.is_some();
        let silent = self.silent.filter(|_| is_missed);
        let silent = silent.map(|since| since + stream_timeout);
        let step = match self.step {
            Step::Connecting { until } if !self.is_answering() => Some(until),
            Step::Connected { until } if self.lacks_channel() => Some(until),
            _ => None,
        };
        let waits = stalled.into_iter().chain(silent).chain(step);
        self.answer_due.into_iter().chain(waits).min()
    }

    /// It had less time to connect than others.
    pub fn is_hurried(&self) -> bool {
        self.connect_within < CONNECT
    }

    /// Without the channel that it offered, and without media.
    pub fn lacks_channel(&self) -> bool {
        let is_connected = matches!(self.step, Step::Connected { .. });
        is_connected && self.media == Media::None && self.offer.has_channel()
    }

    /// Keeps a candidate of ours until it goes out together with its neighbours: at once over the
    /// channel, and never before the answer it belongs to.
    pub fn collect(&mut self, now: Instant, index: u32, candidate: &str) {
        let mut entry = json!({ "candidate": candidate, "sdpMLineIndex": index });
        if let Some(mid) = self.offer.mid(index) {
            entry["sdpMid"] = json!(mid);
        }
        self.local.push(entry);
        if self.is_answered() {
            let at = if self.has_channel() {
                now
            } else {
                now + COLLECT
            };
            self.flush.get_or_insert(at);
        }
    }

    pub fn flush_at(&self) -> Option<Instant> {
        self.flush
    }

    /// The channel opened: nothing needs to be collected any longer.
    pub fn flush_now(&mut self, now: Instant) {
        if self.flush.is_some() {
            self.flush = Some(now);
        }
    }

    pub fn take_local(&mut self) -> Vec<Value> {
        self.flush = None;
        std::mem::take(&mut self.local)
    }

    /// Counts a message of the channel; false if it is one too many in this second.
    pub fn may_speak(&mut self, now: Instant) -> bool {
        let new_second = self
            .second
            .is_none_or(|since| now >= since + Duration::from_secs(1));
        if new_second {
            self.second = Some(now);
            self.messages = 0;
        }
        self.messages = self.messages.saturating_add(1);
        self.messages <= MAX_CHANNEL_MESSAGES_PER_SECOND
    }
}
