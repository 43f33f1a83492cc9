// SPDX-License-Identifier: MPL-2.0
//! Puts the frames of a session's tracks into order by running time, and opens its first part.
//!
//! Frames wait per track until every active track has one, then leave in the order of their times.
//! So each decision (start, cut, codec change) is taken for one frame at a time, and nothing is lost
//! or doubled at a cut: a frame goes to exactly one part.

use std::time::{Duration, Instant};

use super::effects::Context;
use super::session::{Session, Split};
use super::waiting::{TrackState, can_begin};
use crate::roomfilesink::media::{Kind, TrackId};
use crate::roomfilesink::parts::{Part, Reason};

/// A part waits this long for tracks that were promised.
const START_WAIT: Duration = Duration::from_millis(800);
/// The first part of a source that promises nothing, such as a camera, waits this long for a second
/// track.
const SECOND_TRACK_WAIT: Duration = Duration::from_millis(500);
/// A part waits this long for the keyframe of a video whose pad is there.
const KEYFRAME_WAIT: Duration = Duration::from_secs(3);
/// Frames per track that are kept while there is no file to put them into.
const KEPT_FOR_RETRY: usize = 256;

impl Session {
    /// Moves frames into parts as far as they can go.
    pub(crate) fn pump(&mut self, now: Instant, ctx: &mut Context<'_>) {
        self.watch_file(now, ctx);
        // After a frame that goes where those before it went there is nothing new to look for.
        let mut is_as_before = false;
        loop {
            if self.current.is_none() {
                if !self.try_start(now, ctx) {
                    break;
                }
                is_as_before = false;
                continue;
            }
            if !is_as_before {
                self.look_for_late_tracks(now, ctx);
            }
            let Some(index) = self.next_track(now) else {
                break;
            };
            is_as_before = self.route(index, now, ctx);
        }
        self.release_ended(now, ctx);
        for part in &mut self.parts {
            part.flush_in_time(now);
        }
    }

    /// Opens a part if all tracks that are expected have their first frame, or it is time.
    fn try_start(&mut self, now: Instant, ctx: &mut Context<'_>) -> bool {
        if self.retry.holds_back(now) || self.retry.lacks_space(now, ctx) {
            self.trim_for_retry();
            return false;
        }
        for track in &mut self.tracks {
            let had = track.fifo.len();
            while track.fifo.front().is_some_and(|f| !can_begin(f)) {
                track.drop_first();
            }
            if had > 0 && track.fifo.is_empty() {
                ctx.ask_for_keyframe(track.ask_for_keyframe(now));
            }
        }
        if !self.tracks.iter().any(TrackState::is_ready) {
            // What was dropped does not count as waiting.
            self.waiting_since = None;
            return false;
        }
        let waited = now.duration_since(*self.waiting_since.get_or_insert(now));
        let patience = if self.lacks_keyframe() {
            KEYFRAME_WAIT
        } else {
            START_WAIT
        };
        if waited < patience && self.lacks_tracks(ctx) {
            return false;
        }
        if waited < SECOND_TRACK_WAIT && self.may_have_second_track() {
            return false;
        }
        self.retry.at = None;
        let began = std::mem::replace(&mut self.began, Reason::Start);
        self.open_part(began, now, ctx)
    }

    /// Whether a track is missing that the stream collection or a linked pad promises.
    fn lacks_tracks(&self, ctx: &Context<'_>) -> bool {
        if self.tracks.iter().any(TrackState::is_awaited) {
            return true;
        }
        let has_pad = |id: &TrackId| self.tracks.iter().any(|t| t.track.id == *id);
        let pads = self.suffix.as_deref().map(ctx.pads_named);
        if !pads.unwrap_or_default().iter().all(has_pad) {
            return true;
        }
        let has_stream = |id: &String| self.tracks.iter().any(|t| t.stream_id.as_ref() == Some(id));
        let all_ended = self.tracks.iter().all(|t| t.ended.is_some());
        !all_ended && !self.promised.iter().all(has_stream)
    }

    /// Whether a track may come that was not announced. A room announces all.
    fn may_have_second_track(&self) -> bool {
        let is_room = self.person.session.is_some() || self.promised.len() > 1;
        let lives = self.tracks.iter().any(|t| t.ended.is_none());
        !is_room && lives && self.tracks.len() == 1 && self.began == Reason::Start
    }

    /// A video pad is there and its first keyframe is awaited: an encoder that ignores requests, such
    /// as OBS's, sends its first keyframe after up to 2 s, and a parser nothing before it.
    fn lacks_keyframe(&self) -> bool {
        let is_video = |t: &TrackState| t.track.kind == Kind::Video;
        self.tracks.iter().any(|t| t.is_awaited() && is_video(t))
    }

    fn trim_for_retry(&mut self) {
        for track in &mut self.tracks {
            let keep = if track.ended.is_some() {
                0
            } else {
                KEPT_FOR_RETRY
            };
            while track.fifo.len() > keep || track.overflow().is_some() && !track.fifo.is_empty() {
                track.drop_first();
            }
        }
    }

    /// A track that has frames but no part wants the next one.
    fn look_for_late_tracks(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut late = false;
        for track in self.tracks.iter_mut().filter(|t| t.home.is_none()) {
            while track.fifo.front().is_some_and(|f| !can_begin(f)) {
                track.drop_first();
                ctx.ask_for_keyframe(track.ask_for_keyframe(now));
            }
            // Only a source that answers no request for a keyframe lets them grow.
            while !track.fifo.is_empty() && track.overflow().is_some() {
                track.drop_first();
            }
            late |= track.is_ready();
        }
        if late {
            self.split.get_or_insert(Split::new(Reason::LateTrack, now));
        }
        for track in &mut self.tracks {
            let at_home = track
                .home
                .is_some_and(|(part, _)| Some(part) == self.current);
            let may_cut = self.split.is_some() && at_home && !track.is_over();
            if may_cut || track.next.is_some() {
                ctx.ask_for_keyframe(track.ask_for_keyframe(now));
            }
        }
    }

    /// The track whose frame is next, unless one that speaks has to be waited for.
    fn next_track(&self, now: Instant) -> Option<usize> {
        let is_full = |p: &Part| Some(p.id()) == self.current && p.is_full();
        if self.parts.iter().any(is_full) {
            return None;
        }
        let homeless_too = self.split.is_some() && !self.has_cutting_video(now);
        let is_overdue = self.tracks.iter().any(|t| t.is_overdue(now));
        let mut next: Option<(usize, i64)> = None;
        for (index, track) in self.tracks.iter().enumerate() {
            match track.fifo.front() {
                Some(frame) if track.home.is_some() || homeless_too => {
                    let order = frame.order();
                    if next.is_none_or(|(_, best)| order < best) {
                        next = Some((index, order));
                    }
                }
                Some(_) => {}
                None if track.home.is_none() || track.ended.is_some() => {}
                None if track.is_silent(now) || is_overdue => {}
                None => return None,
            }
        }
        next.map(|(index, _)| index)
    }
}
