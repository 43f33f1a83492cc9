// SPDX-License-Identifier: MPL-2.0
//! A session: one WebRTC connection to one publisher.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::stream::FirstOffer;
use crate::api::{STALL, SessionId, StreamId, StreamInfo};
use crate::limits::MAX_CHANNEL_MESSAGES_PER_SECOND;
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

/// A renegotiation that waits for the answer to the offer before.
#[derive(Debug)]
pub struct NextOffer {
    pub offer: Offer,
    pub screen: Vec<String>,
    pub encrypted: bool,
    /// Came over the websocket.
    pub signalled: bool,
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
    /// The answer to it is awaited.
    pub answering: bool,
    pub queue: VecDeque<NextOffer>,
    /// An answer was sent.
    pub answered: bool,
    pub channel: bool,
    pub requested_media: bool,
    /// When bitrates are asked for (again).
    pub bitrates_at: Option<Instant>,
    /// It carries a shared screen beside the camera.
    pub has_screen: bool,
    pub connected: bool,
    begun: Instant,
    /// How long the connection may take.
    connect_within: Duration,
    /// How long it took.
    pub connected_in: Option<Duration>,
    pub media: Media,
    /// When there was media for the first time.
    pub first_media: Option<Instant>,
    /// Since when nothing at all arrives from its publisher.
    pub silent: Option<Instant>,
    /// When a `bye` was sent to its publisher although it stays, and under which name.
    pub said_bye: Option<(Instant, PeerId)>,
    /// The server said that its publisher left: when its media stops, it is over.
    pub left: bool,
    give_up: Option<Instant>,
    /// When a connection that has brought neither channel nor media is of no use.
    dumb_at: Option<Instant>,
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
            answering: false,
            queue: VecDeque::new(),
            answered: false,
            channel: false,
            requested_media: false,
            bitrates_at: None,
            has_screen: false,
            connected: false,
            begun: now,
            connect_within,
            connected_in: None,
            media: Media::None,
            first_media: None,
            silent: None,
            said_bye: None,
            left: false,
            give_up: None,
            dumb_at: None,
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
            signalled: true,
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

    /// The offer is on its way to be applied.
    pub fn apply(&mut self, now: Instant, next: NextOffer) {
        self.offer = next.offer;
        self.encrypted = next.encrypted;
        self.has_screen = !next.screen.is_empty();
        self.answering = true;
        let within = match self.connected {
            true => CONNECT,
            false => self.connect_within,
        };
        self.give_up = Some(now + within);
    }

    /// The answer went out.
    pub fn answer_sent(&mut self, now: Instant) {
        self.answering = false;
        self.answered = true;
        if self.connected {
            self.give_up = None;
        }
        if !self.local.is_empty() {
            self.flush.get_or_insert(now);
        }
    }

    pub fn connect(&mut self, now: Instant) {
        self.connected = true;
        self.connected_in
            .get_or_insert(now.saturating_duration_since(self.begun));
        self.dumb_at.get_or_insert(now + OPEN_CHANNEL);
        if !self.answering {
            self.give_up = None;
        }
    }

    /// When this session has taken too long.
    pub fn gives_up_at(&self, stream_timeout: Duration) -> Option<Instant> {
        let stalled = match self.media {
            Media::Stalled { since } => Some(since + stream_timeout.saturating_sub(STALL)),
            Media::None | Media::Flowing => None,
        };
        let dumb = self.dumb_at.filter(|_| self.is_dumb());
        self.give_up.into_iter().chain(stalled).chain(dumb).min()
    }

    /// It had less time to connect than others.
    pub fn is_hurried(&self) -> bool {
        self.connect_within < CONNECT
    }

    /// The channel that it offered is not open, and there was no media.
    pub fn is_dumb(&self) -> bool {
        self.connected && !self.channel && self.media == Media::None && self.offer.has_channel()
    }

    /// Keeps a candidate of ours until it goes out together with its neighbours: at once over the
    /// channel, and never before the answer it belongs to.
    pub fn collect(&mut self, now: Instant, index: u32, candidate: &str) {
        let mut entry = json!({ "candidate": candidate, "sdpMLineIndex": index });
        if let Some(mid) = self.offer.mid(index) {
            entry["sdpMid"] = json!(mid);
        }
        self.local.push(entry);
        if self.answered {
            let at = if self.channel { now } else { now + COLLECT };
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
