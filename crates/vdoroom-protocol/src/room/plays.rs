// SPDX-License-Identifier: MPL-2.0
//! Which stream is played when: wishes, consent, and the pace.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::api::{Action, Filter, StreamId};
use crate::json::fields;
use crate::limits::MAX_STREAMS;
use crate::state::{Consent, Presence, Room, Stream, Wish};

/// Plays are at least this far apart. Each one lets a publisher and us make a connection at once:
/// a room of 60 is asked within 1.2 s, below what servers take for a flood and slower than
/// certificates and ICE agents are made; a single guest is played at once.
const PACE: Duration = Duration::from_millis(20);
/// A stream that left without a goodbye is given up after this many plays without an offer, and one
/// that never offered gives its place to another.
pub(super) const PLAYS_UNTIL_AWAY: u32 = 2;
/// A stream that left is forgotten after this many plays without an offer.
const PLAYS_UNTIL_FORGOTTEN: u32 = 5;

impl Room {
    /// Whether the user wants the stream.
    pub(super) fn wants(&self, id: &StreamId, stream: &Stream) -> bool {
        match stream.wish {
            Wish::Play => true,
            Wish::Stop => false,
            Wish::None => stream.ours && self.globs.wants(id),
        }
    }

    /// Tells the user of a stream that is there and wanted, and asks for consent once.
    pub(super) fn show(&mut self, id: &StreamId) {
        let Some(stream) = self.streams.get(id) else {
            return;
        };
        if !self.wants(id, stream) || !stream.may_come() {
            return;
        }
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if stream.is_here() && !stream.shown {
            stream.shown = true;
            let info = stream.info.clone();
            self.actions.push(Action::StreamAdded {
                stream: id.clone(),
                info,
            });
        }
        if stream.consent == Consent::Unasked {
            stream.consent = Consent::Asked;
            let info = stream.info.clone();
            self.actions.push(Action::AskAccept {
                stream: id.clone(),
                info,
            });
        }
    }

    /// The user answered [`Action::AskAccept`].
    pub(super) fn accepted(&mut self, id: &StreamId, accepted: bool) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        if stream.consent != Consent::Asked {
            return;
        }
        stream.consent = if accepted {
            Consent::Given
        } else {
            Consent::Refused
        };
        let Some(first) = stream.first_offer.take() else {
            return;
        };
        if accepted {
            self.adopt(id, first);
        } else {
            self.refuse(&first.peer, first.token.as_deref());
        }
    }

    /// The user names this stream: it is played whether or not it was announced.
    pub(super) fn play_wished(&mut self, stream: StreamId) {
        let Some(id) = self.secrets.typed(&stream.0) else {
            return;
        };
        let now = self.now;
        let Some(stream) = self.expect(&id) else {
            return;
        };
        stream.wish = Wish::Play;
        stream.consent = Consent::Given;
        if stream.sessions.is_empty() && !stream.is_asked() {
            stream.ask_now(now);
        }
        let first = stream.first_offer.take();
        self.show(&id);
        if let Some(first) = first {
            self.adopt(&id, first);
        }
    }

    /// A stream that is asked for whether or not it was announced; `None` if there are too many.
    pub(super) fn expect(&mut self, id: &StreamId) -> Option<&mut Stream> {
        if !self.streams.contains_key(id) {
            let wire = self.secrets.wire(id);
            if !self.know_stream(id, &wire, None) {
                return None;
            }
        }
        let stream = self.streams.get_mut(id)?;
        stream.expected = true;
        Some(stream)
    }

    pub(super) fn stop_wished(&mut self, stream: &StreamId) {
        let Some(id) = self.secrets.typed(&stream.0) else {
            return;
        };
        if let Some(stream) = self.streams.get_mut(&id) {
            stream.wish = Wish::Stop;
            stream.expected = false;
            self.drop_unwanted(&id, "it was stopped");
        }
    }

    pub(super) fn filter_changed(&mut self, filter: Filter) {
        self.globs = self.secrets.globs(&filter);
        self.config.filter = filter;
        let ids: Vec<StreamId> = self.streams.keys().cloned().collect();
        for id in ids {
            let Some(stream) = self.streams.get(&id) else {
                continue;
            };
            if self.wants(&id, stream) {
                self.show(&id);
            } else {
                self.drop_unwanted(&id, "the filter does not want it any more");
                self.hide(&id, "the filter does not want it any more");
            }
        }
        self.announce_forgotten();
        if self.secrets.room.is_none() && self.link.is_joined() {
            self.play_named();
        }
    }

    fn drop_unwanted(&mut self, id: &StreamId, reason: &str) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.admitted = false;
        stream.ask = None;
        if let Some(first) = stream.first_offer.take() {
            self.refuse(&first.peer, first.token.as_deref());
        }
        self.end_all(id, reason);
    }

    /// The stream left. It is asked for a few more times, for its publisher may still be there:
    /// nobody is told when a connection ended that was the last one only for us.
    pub(super) fn away(&mut self, id: &StreamId, reason: &str, may_return: bool) {
        self.hide(id, reason);
        let now = self.now;
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.presence = Presence::Away;
        stream.admitted = false;
        if stream.expected || may_return {
            if !stream.is_asked() {
                stream.ask_slowly(now);
            }
        } else {
            self.forget(id);
        }
    }

    pub(super) fn hide(&mut self, id: &StreamId, reason: &str) {
        if let Some(stream) = self.streams.get_mut(id)
            && std::mem::replace(&mut stream.shown, false)
        {
            let reason = reason.to_owned();
            self.actions.push(Action::StreamRemoved {
                stream: id.clone(),
                reason,
            });
        }
    }

    /// What the user said about the stream is kept, everything else goes.
    fn forget(&mut self, id: &StreamId) {
        let Some(stream) = self.streams.get_mut(id) else {
            return;
        };
        stream.ask = None;
        let said = stream.wish != Wish::None
            || matches!(stream.consent, Consent::Given | Consent::Refused);
        if !said || self.streams.len() > MAX_STREAMS / 2 {
            self.streams.remove(id);
        }
    }

    /// Gives out places and sends the play that is due.
    pub(super) fn schedule_plays(&mut self) {
        if !self.link.is_joined() {
            return;
        }
        self.admit();
        if self.next_play.is_some_and(|at| at > self.now) {
            return;
        }
        let Some((id, _)) = self.first_ask().filter(|(_, at)| *at <= self.now) else {
            return;
        };
        if self.passes_turn_on(&id) {
            return;
        }
        let free = self.has_place();
        let unanswered = self.unanswered();
        let now = self.now;
        let Some(stream) = self.streams.get_mut(&id) else {
            return;
        };
        let sent = stream.ask.map_or(0, |ask| ask.sent);
        if stream.presence.is_seen() && sent >= PLAYS_UNTIL_AWAY && stream.sessions.is_empty() {
            return self.away(&id, "it no longer answers", true);
        }
        if !stream.may_come() && sent >= PLAYS_UNTIL_FORGOTTEN {
            return self.forget(&id);
        }
        if !stream.admitted && !free {
            return stream.postpone(now);
        }
        stream.asked(now, unanswered);
        let wire = stream.wire.clone();
        self.next_play = Some(now + PACE);
        self.send(
            None,
            fields([("request", "play".into()), ("streamID", Value::from(wire))]),
        );
    }

    /// When the next play may go out.
    pub(super) fn next_play_due(&self) -> Option<Instant> {
        if !self.link.is_joined() {
            return None;
        }
        let (_, at) = self.first_ask()?;
        Some(self.next_play.map_or(at, |next| next.max(at)))
    }

    fn first_ask(&self) -> Option<(StreamId, Instant)> {
        let asks = self.streams.iter().filter_map(|(id, stream)| {
            let ask = stream.ask.filter(|_| self.may_play(id, stream))?;
            // What was being recorded does not queue behind those who may never send anything.
            let is_new = ask.at <= self.now && !stream.presence.is_seen();
            Some(((ask.at > self.now, is_new, ask.at, stream.order), id))
        });
        asks.min().map(|((.., at, _), id)| (id.clone(), at))
    }

    fn may_play(&self, id: &StreamId, stream: &Stream) -> bool {
        let has_place = stream.admitted || !stream.is_here();
        has_place && stream.consent == Consent::Given && self.wants(id, stream)
    }
}
