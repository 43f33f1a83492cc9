// SPDX-License-Identifier: MPL-2.0
//! A stream: what the user asked for. It survives reloads, unlike peers and sessions.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use super::backoff::{after_play, while_there};
use crate::api::{Bitrates, SessionId, StreamId, StreamInfo};
use crate::names::PeerId;
use crate::sdp::Offer;

/// Plays of one stream are at least this far apart, whatever is said about it.
const BETWEEN_PLAYS: Duration = Duration::from_secs(1);
/// How long a publisher is given to act on our `bye` before it is asked again.
const AFTER_BYE: Duration = Duration::from_millis(250);

/// How long a connection may take that replaces one that was lost, and for how long after the loss
/// that counts.
const HURRY: Duration = Duration::from_secs(3);
const HURRY_FOR: Duration = Duration::from_secs(30);

/// A publisher with one place for a viewer, such as raspberry_ninja without `--multiviewer`, leaves
/// one for the next, who is asked for by both again and again. So many connections in a row whose
/// media stopped after such a short time look like that.
const CONTESTED: u32 = 3;
const SHORT: Duration = Duration::from_secs(30);

/// What the user said to [`Action::AskAccept`](crate::Action::AskAccept).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    Unasked,
    Asked,
    Given,
    Refused,
}

/// What the user said about this stream in particular.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// The filter and the shard decide.
    None,
    Play,
    Stop,
}

/// The play that is due next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    pub at: Instant,
    /// How many have been sent without an offer since.
    pub sent: u32,
}

/// An offer that waits for the user's consent.
#[derive(Debug)]
pub struct FirstOffer {
    pub peer: PeerId,
    pub token: Option<String>,
    pub offer: Offer,
    pub screen: Vec<String>,
    pub encrypted: bool,
}

/// Whether a stream is in the room, as far as is known, and who announced it last.
#[derive(Debug, PartialEq, Eq)]
pub enum Presence {
    Away,
    /// It has had no session since it came.
    New {
        publisher: PeerId,
    },
    /// It has had sessions; the last so many of them ended before they had media.
    Seen {
        publisher: PeerId,
        failures: u32,
    },
}

impl Presence {
    pub fn is_here(&self) -> bool {
        *self != Self::Away
    }

    pub fn publisher(&self) -> Option<&PeerId> {
        match self {
            Self::Away => None,
            Self::New { publisher } | Self::Seen { publisher, .. } => Some(publisher),
        }
    }

    pub fn is_seen(&self) -> bool {
        matches!(self, Self::Seen { .. })
    }

    /// Somebody announces the stream.
    pub fn announced(&mut self, by: PeerId) {
        match self {
            Self::Away => *self = Self::New { publisher: by },
            Self::New { publisher } | Self::Seen { publisher, .. } => *publisher = by,
        }
    }

    /// Somebody offers the stream, who need not be its publisher.
    pub fn offered(&mut self, by: &PeerId) {
        if *self == Self::Away {
            *self = Self::New {
                publisher: by.clone(),
            };
        }
    }

    pub fn session_began(&mut self) {
        if let Self::New { publisher } = self {
            *self = Self::Seen {
                publisher: publisher.clone(),
                failures: 0,
            };
        }
    }

    pub fn session_failed(&mut self) {
        if let Self::Seen { failures, .. } = self {
            *failures = failures.saturating_add(1);
        }
    }

    /// A session has media, or lost it only now.
    pub fn session_is_fine(&mut self) {
        if let Self::Seen { failures, .. } = self {
            *failures = 0;
        }
    }

    fn failures(&self) -> u32 {
        match self {
            Self::Seen { failures, .. } => *failures,
            Self::Away | Self::New { .. } => 0,
        }
    }
}

#[derive(Debug)]
pub struct Stream {
    /// As the websocket calls it.
    pub wire: String,
    /// Which came first.
    pub order: u64,
    /// Falls to this shard of the room.
    pub ours: bool,
    pub info: StreamInfo,
    pub consent: Consent,
    pub wish: Wish,
    pub presence: Presence,
    /// The user named it: it is asked for whether or not it is in the room.
    pub expected: bool,
    /// The user was told that it is there.
    pub shown: bool,
    /// Has one of the places that `max_streams` leaves.
    pub admitted: bool,
    pub ask: Option<Ask>,
    last_play: Option<Instant>,
    /// Sessions in a row whose media stopped after a short time.
    short: u32,
    /// When its media was lost, as long as it has not come back.
    pub lost_at: Option<Instant>,
    /// How long its last connection took to be made.
    pub connects_in: Duration,
    pub first_offer: Option<FirstOffer>,
    /// The one that counts comes first; the others claim its ID.
    pub sessions: Vec<SessionId>,
    pub sessions_so_far: u32,
    /// What its publisher is asked to encode with; 0 is what all are asked.
    pub bitrates: Bitrates,
    /// What was warned about.
    pub warned: HashSet<&'static str>,
}

impl Stream {
    pub fn new(wire: String, order: u64, ours: bool) -> Self {
        Self {
            wire,
            order,
            ours,
            info: StreamInfo::default(),
            consent: Consent::Unasked,
            wish: Wish::None,
            presence: Presence::Away,
            expected: false,
            shown: false,
            admitted: false,
            ask: None,
            last_play: None,
            short: 0,
            lost_at: None,
            connects_in: Duration::ZERO,
            first_offer: None,
            sessions: Vec::new(),
            sessions_so_far: 0,
            bitrates: Bitrates::default(),
            warned: HashSet::new(),
        }
    }

    /// How long its next connection may take, if it is made because the one before was lost. The way
    /// may be back at any moment, and ICE repeats what is lost after ever longer waits: an attempt
    /// is begun anew before these get long.
    pub fn hurry(&self, now: Instant) -> Option<Duration> {
        self.is_lost_lately(now)
            .then(|| HURRY.max(2 * self.connects_in))
    }

    pub fn is_lost_lately(&self, now: Instant) -> bool {
        self.lost_at.is_some_and(|at| now < at + HURRY_FOR)
    }

    /// Somebody new has it, or it may be played now: play.
    pub fn ask_now(&mut self, now: Instant) {
        self.ask_after(now, Duration::ZERO);
    }

    /// A session ended that should not have: play again, at once the first time, then ever later
    /// as long as no session brings media.
    pub fn ask_again(&mut self, now: Instant) {
        let wait = match self.presence.failures() {
            0 | 1 => AFTER_BYE,
            more => after_play(more - 1),
        };
        self.ask_after(now, wait);
    }

    /// Another viewer seems to want the only place: play again ever later, so that each has a turn.
    pub fn ask_in_turn(&mut self, now: Instant) {
        self.ask_after(now, after_play(self.short.saturating_sub(CONTESTED) + 2));
    }

    /// The media of a session stopped after this time, and the session is over.
    pub fn media_lasted(&mut self, time: Duration) {
        self.short = match time < SHORT {
            true => self.short.saturating_add(1),
            false => 0,
        };
    }

    /// It comes anew: what was before tells nothing.
    pub fn renewed(&mut self) {
        self.short = 0;
    }

    pub fn is_contested(&self) -> bool {
        self.short >= CONTESTED
    }

    /// The same if a session is counted whose media has lasted for this time.
    pub fn would_be_contested(&self, time: Duration) -> bool {
        self.short + 1 >= CONTESTED && time < SHORT
    }

    fn ask_after(&mut self, now: Instant, wait: Duration) {
        let earliest = self.last_play.map(|last| last + BETWEEN_PLAYS);
        let at = (now + wait).max(earliest.unwrap_or(now));
        self.ask = Some(Ask { at, sent: 0 });
    }

    /// It is there again, or still: the wait for the next play begins anew.
    pub fn ask_sooner(&mut self, now: Instant) {
        let earliest = self.last_play.map_or(now, |last| last + after_play(1));
        if let Some(ask) = &mut self.ask {
            ask.at = ask.at.min(now.max(earliest));
            ask.sent = ask.sent.min(1);
        }
    }

    /// It left, but may come back without being announced: a few more plays.
    pub fn ask_slowly(&mut self, now: Instant) {
        self.ask = Some(Ask {
            at: now + after_play(1),
            sent: 1,
        });
    }

    /// A play was sent; this many streams do not answer.
    pub fn asked(&mut self, now: Instant, unanswered: usize) {
        let sent = self.ask.map_or(0, |ask| ask.sent).saturating_add(1);
        let wait = match self.may_come() {
            true => while_there(sent, unanswered),
            false => after_play(sent),
        };
        self.ask = Some(Ask {
            at: now + wait,
            sent,
        });
        self.last_play = Some(now);
    }

    /// When it was asked last, if that was without an answer.
    pub fn asked_at(&self) -> Option<Instant> {
        self.last_play.filter(|_| self.is_asked())
    }

    pub fn was_played_within(&self, now: Instant, time: Duration) -> bool {
        self.last_play.is_some_and(|last| now < last + time)
    }

    /// The play was not sent for want of a place; it is due again later.
    pub fn postpone(&mut self, now: Instant) {
        if let Some(ask) = &mut self.ask {
            ask.at = now + after_play(ask.sent.max(1));
        }
    }

    pub fn is_here(&self) -> bool {
        self.presence.is_here()
    }

    /// Whether it is to be asked for as if it were in the room.
    pub fn may_come(&self) -> bool {
        self.is_here() || self.expected
    }

    pub fn is_from(&self, peer: &PeerId) -> bool {
        self.presence.publisher() == Some(peer)
    }

    /// An offer would answer a play of ours.
    pub fn is_asked(&self) -> bool {
        self.ask.is_some_and(|ask| ask.sent > 0)
    }

    /// Whether an offer of this stream should come from `peer`.
    pub fn expects(&self, peer: &PeerId) -> bool {
        let publisher = self.presence.publisher();
        publisher.is_none_or(|publisher| publisher == peer)
    }

    /// The session that counts.
    pub fn primary(&self) -> Option<SessionId> {
        self.sessions.first().copied()
    }
}

/// The name that messages to people call a stream by.
pub fn named(stream: &StreamId) -> String {
    format!("stream \"{stream}\"")
}
