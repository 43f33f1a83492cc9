// SPDX-License-Identifier: MPL-2.0
//! Which streams have a place within `max-streams`, and which is next.
//!
//! A guest in a waiting room and one who has as many viewers as it wants do not answer (protocol
//! 7.6, 7.11), but may at any moment. So silent streams take turns: after two plays a place goes to
//! one that was not asked yet, and otherwise, when the third play is due, to the longest waiting.

use std::cmp::Reverse;
use std::time::Instant;

use super::plays::PLAYS_UNTIL_AWAY;
use crate::api::StreamId;
use crate::state::{Consent, Room, Stream};

impl Room {
    pub(super) fn admit(&mut self) {
        let now = self.now;
        let mut free = self.free_places();
        let mut silent = self.silent_in_places();
        for ((asked, _), id) in self.waiting() {
            if free > 0 {
                free -= 1;
            } else if let Some((_, silent)) = silent.pop().filter(|_| asked.is_none()) {
                if let Some(silent) = self.streams.get_mut(&silent) {
                    silent.admitted = false;
                }
            } else {
                return;
            }
            if let Some(stream) = self.streams.get_mut(&id) {
                stream.admitted = true;
                let overdue = |ask: Instant| asked.is_some() && ask <= now;
                if stream.sessions.is_empty() && stream.ask.is_none_or(|ask| overdue(ask.at)) {
                    stream.ask_now(now);
                }
            }
        }
    }

    /// Gives the place of this stream, which is due to be played once more, to another one.
    pub(super) fn passes_turn_on(&mut self, id: &StreamId) -> bool {
        let now = self.now;
        let gives = |stream: &Stream| stream.admitted && is_silent(stream);
        if !self.streams.get(id).is_some_and(gives) {
            return false;
        }
        let Some((_, next)) = self.waiting().into_iter().next() else {
            return false;
        };
        if let Some(stream) = self.streams.get_mut(id) {
            stream.admitted = false;
        }
        if let Some(next) = self.streams.get_mut(&next) {
            next.admitted = true;
            next.ask_now(now);
        }
        true
    }

    pub(super) fn has_place(&self) -> bool {
        self.free_places() > 0
    }

    fn free_places(&self) -> usize {
        let taken = || self.streams.values().filter(|stream| stream.admitted);
        match self.config.max_streams {
            0 => usize::MAX,
            max => max.saturating_sub(taken().count()),
        }
    }

    /// Those who were not asked yet, the oldest first; then who was asked longest ago.
    fn waiting(&self) -> Vec<((Option<Instant>, u64), StreamId)> {
        let waits = |(id, stream): &(&StreamId, &Stream)| {
            let granted = stream.consent == Consent::Given;
            !stream.admitted && stream.may_come() && granted && self.wants(id, stream)
        };
        let turn = |stream: &Stream| (stream.asked_at(), stream.order);
        let waiting = self.streams.iter().filter(waits);
        let mut waiting: Vec<_> = waiting
            .map(|(id, stream)| (turn(stream), id.clone()))
            .collect();
        waiting.sort();
        waiting
    }

    /// Who was asked in vain longest ago comes last.
    fn silent_in_places(&self) -> Vec<(Reverse<Option<Instant>>, StreamId)> {
        if self.config.max_streams == 0 {
            return Vec::new();
        }
        let silent = self.streams.iter();
        let silent = silent.filter(|(_, stream)| stream.admitted && is_silent(stream));
        let mut silent: Vec<_> = silent
            .map(|(id, stream)| (Reverse(stream.asked_at()), id.clone()))
            .collect();
        silent.sort();
        silent
    }

    /// How many are asked and do not answer.
    pub(super) fn unanswered(&self) -> usize {
        let asked = |stream: &&Stream| stream.is_asked() && stream.sessions.is_empty();
        self.streams.values().filter(asked).count()
    }
}

fn is_silent(stream: &Stream) -> bool {
    let unanswered = stream.ask.is_some_and(|ask| ask.sent >= PLAYS_UNTIL_AWAY);
    stream.sessions.is_empty() && unanswered
}
