// SPDX-License-Identifier: MPL-2.0
//! `no-more-pads`, for players of one stream: they begin to play after it.

use std::time::{Duration, Instant};

use gst::event::Tag;
use gst::prelude::*;

use crate::vdoroomsrc::element::VdoRoomSrc;
use crate::vdoroomsrc::control::Control;
use crate::vdoroomsrc::connection::Session;
use crate::vdoroomsrc::media::Track;

/// How long the first pad waits for the others that the publisher promised: who is muted from the
/// start sends nothing.
const COMPANY_TIMEOUT: Duration = Duration::from_secs(2);

/// How long none may have come: some publishers offer their tracks one after the other.
const CALM: Duration = Duration::from_millis(500);

/// How far the pads of a session have come.
#[derive(Debug, Default)]
pub(crate) enum Pads {
    #[default]
    None,
    Some {
        first: Instant,
        newest: Instant,
        count: usize,
    },
    All,
}

impl Session {
    /// Whether this is the moment from which no further pad is expected.
    fn gets_last_pad(&mut self, now: Instant) -> bool {
        // Pads without a consumer before `no-more-pads` count, too.
        let introduced = |track: &&Track| track.pad.sticky_event::<Tag>(0).is_some();
        let count = self.tracks.iter().filter(introduced).count();
        let (first, newest) = match self.pads {
            Pads::All => return false,
            Pads::None if self.tracks.is_empty() => return false,
            Pads::None => (now, now),
            Pads::Some {
                first,
                count: before,
                ..
            } if before != count => (first, now),
            Pads::Some { first, newest, .. } => (first, newest),
        };
        let promised = self.promised.iter().filter(|track| track.codec.is_ok());
        let are_all_there = self.waiting_pads.is_empty() && count >= promised.count();
        let waited = |since| now.saturating_duration_since(since);
        let is_last = are_all_there && waited(newest) >= CALM || waited(first) >= COMPANY_TIMEOUT;
        self.pads = match is_last {
            true => Pads::All,
            false => Pads::Some {
                first,
                newest,
                count,
            },
        };
        is_last
    }
}

impl Control {
    pub(crate) fn pads_wait(&self) -> bool {
        let mut sessions = self.sessions.values();
        sessions.any(|session| !session.waiting_pads.is_empty())
    }

    pub(crate) fn poll_pads(&mut self, element: &VdoRoomSrc, now: Instant) {
        if self.pads_wait() {
            self.expose_pads(element);
        }
        self.tell_last_pads(element, now);
    }

    /// A whole room has never all its pads.
    fn tell_last_pads(&mut self, element: &VdoRoomSrc, now: Instant) {
        if !self.config.one_stream {
            return;
        }
        let sessions = self.sessions.values_mut();
        let complete = sessions.filter_map(|session| session.gets_last_pad(now).then_some(()));
        for () in complete.collect::<Vec<()>>() {
            element.no_more_pads();
        }
    }
}
