// SPDX-License-Identifier: MPL-2.0
//! `no-more-pads`, for players of one stream: they begin to play after it.

use std::time::Instant;

use gst::event::Tag;
use gst::prelude::*;

use crate::vdoroomsrc::connection::Session;
use crate::vdoroomsrc::media::Track;

/// Whether this is the moment from which no further pad of a session is expected.
pub(crate) fn gets_last_pad(session: &mut Session, now: Instant) -> bool {
    if session.tracks.is_empty() {
        return false;
    }
    // Pads without a consumer before `no-more-pads` count, too.
    let introduced = |track: &&Track| track.pad.sticky_event::<Tag>(0).is_some();
    let count = session.tracks.iter().filter(introduced).count();
    let promised = session.promised.iter().filter(|track| track.codec.is_ok());
    let are_all_there = session.waiting_pads.is_empty() && count >= promised.count();
    session.pads.get_last(now, count, are_all_there)
}
