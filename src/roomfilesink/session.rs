// SPDX-License-Identifier: MPL-2.0
//! One session of one person: its tracks, put into order by running time, and the parts that they
//! go to.
//!
//! Frames wait per track until every active track has one, then leave in the order of their times.
//! So each decision (start, cut, codec change) is taken for one frame at a time, and nothing is lost
//! or doubled at a cut: a frame goes to exactly one part.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::closing::Retry;
use super::container::{Kind, RECORDED};
use super::effects::{Context, Effect};
use super::format::Frame;
use super::part::{Part, PartId};
use super::progress::Progress;
use super::record::{Person, Reason};
use super::track::{Track, TrackId};
use super::waiting::{TrackState, can_begin};

/// A part waits this long for tracks that were promised.
const START_WAIT: Duration = Duration::from_millis(800);
/// The first part of a source that promises nothing, such as a camera, waits this long for a second
/// track.
const SECOND_TRACK_WAIT: Duration = Duration::from_millis(500);
/// A part waits this long for the keyframe of a video whose pad is there.
const KEYFRAME_WAIT: Duration = Duration::from_secs(3);
/// A cut waits this long for the keyframe of a video that is silent.
const SILENT_VIDEO_WAIT: Duration = Duration::from_secs(1);
/// Frames per track that are kept while there is no file to put them into.
const KEPT_FOR_RETRY: usize = 256;

/// The wish for the next part.
#[derive(Clone, Copy)]
pub(super) struct Split {
    pub reason: Reason,
    pub since: Instant,
}

impl Split {
    pub(super) fn new(reason: Reason, since: Instant) -> Self {
        Self { reason, since }
    }
}

pub(super) struct Session {
    pub group: Option<gst::GroupId>,
    pub suffix: Option<String>,
    pub person: Person,
    /// Stream IDs of the stream collection.
    pub promised: Vec<String>,
    pub session_end: Option<String>,
    pub tracks: Vec<TrackState>,
    pub parts: Vec<Part>,
    pub current: Option<PartId>,
    /// A cut is wanted, and why.
    pub split: Option<Split>,
    /// When the first frame came that no part has taken yet.
    pub waiting_since: Option<Instant>,
    pub retry: Retry,
    pub began: Reason,
    /// The current part, what was written of it and since when.
    pub progress: Option<(PartId, Progress)>,
}

impl Session {
    pub(super) fn new(group: Option<gst::GroupId>, suffix: Option<String>, person: Person) -> Self {
        Self {
            group,
            suffix,
            person,
            promised: Vec::new(),
            session_end: None,
            tracks: Vec::new(),
            parts: Vec::new(),
            current: None,
            split: None,
            waiting_since: None,
            retry: Retry::default(),
            began: Reason::Start,
            progress: None,
        }
    }

    pub(super) fn add_track(&mut self, track: Arc<Track>, stream_id: Option<String>) {
        self.tracks.push(TrackState::new(track, stream_id));
    }

    /// Whether this track is going on in this session.
    pub(super) fn has_track(&self, id: TrackId) -> bool {
        self.tracks
            .iter()
            .any(|t| t.track.id == id && t.ended.is_none())
    }

    /// The source renamed a stream in mid-session.
    pub(super) fn rename_track(&mut self, id: TrackId, stream_id: String) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) {
            track.stream_id = Some(stream_id);
        }
    }

    /// Whether no part is open and no frame waits.
    pub(super) fn is_idle(&self) -> bool {
        self.parts.is_empty() && self.tracks.iter().all(|t| t.fifo.is_empty())
    }

    /// Whether frames wait for the beginning of a part.
    pub(super) fn is_beginning(&self) -> bool {
        self.current.is_none() && self.tracks.iter().any(TrackState::is_ready)
    }

    pub(super) fn has_ended(&self) -> bool {
        self.tracks.iter().all(|t| t.ended.is_some())
    }

    pub(super) fn is_over(&self) -> bool {
        self.parts.is_empty() && self.tracks.iter().all(TrackState::is_over)
    }

    pub(super) fn frame(&mut self, id: TrackId, frame: Frame, ctx: &mut Context<'_>) {
        let Some(track) = self
            .tracks
            .iter_mut()
            .find(|t| t.track.id == id && t.ended.is_none())
        else {
            return;
        };
        track.last_arrival = Some(frame.arrived);
        track.gap = false;
        let arrived = frame.arrived;
        let codec = frame.format.codec;
        if !ctx.settings.can_hold(codec) {
            track.track.give_back(frame.buffer.size());
            track.dropped += 1;
            if !std::mem::replace(&mut track.refused, true) {
                let stream = &self.person.stream;
                let name = codec.name();
                ctx.effects.push(Effect::Warn(format!(
                    "{name} of \"{stream}\" is not recorded: container=mpegts does not hold it"
                )));
            }
            return;
        }
        track.refused = false;
        track.fifo.push_back(frame);
        if self.current.is_none() {
            self.waiting_since.get_or_insert(arrived);
        }
    }

    /// A track whose media cannot be recorded; no other waits for it.
    pub(super) fn refuse(&mut self, id: TrackId, caps: &str, ctx: &mut Context<'_>) {
        let stream = &self.person.stream;
        let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) else {
            return;
        };
        if !std::mem::replace(&mut track.refused, true) {
            let pad = track.track.pad.upgrade().map(|pad| pad.name().to_string());
            let pad = pad.unwrap_or_default();
            ctx.effects.push(Effect::Warn(format!(
                "{pad} of \"{stream}\" is not recorded: it sends {caps}, and only {RECORDED} can be \
                 recorded; put an encoder or a parser before the pad"
            )));
        }
    }

    pub(super) fn gap(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) {
            track.gap = true;
        }
    }

    pub(super) fn end_track(&mut self, id: TrackId, reason: Reason) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) {
            track.ended.get_or_insert(reason);
        }
    }

    pub(super) fn end_all(&mut self, reason: Reason) {
        for track in &mut self.tracks {
            track.ended.get_or_insert(reason);
        }
    }

    /// Moves frames into parts as far as they can go.
    pub(super) fn pump(&mut self, now: Instant, ctx: &mut Context<'_>) {
        self.watch_file(now, ctx);
        loop {
            if self.current.is_none() {
                if !self.try_start(now, ctx) {
                    break;
                }
                continue;
            }
            self.look_for_late_tracks(now, ctx);
            let Some(index) = self.next_track(now) else {
                break;
            };
            self.route(index, now, ctx);
        }
        self.release_ended(now, ctx);
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
                track.ask_for_keyframe(now, ctx);
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
                track.ask_for_keyframe(now, ctx);
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
                track.ask_for_keyframe(now, ctx);
            }
        }
    }

    /// Whether there is a video at whose keyframe a part is cut. One that is silent gets some time
    /// to answer the request for a keyframe.
    pub(super) fn has_cutting_video(&self, now: Instant) -> bool {
        let asked = |s: Split| now.duration_since(s.since) < SILENT_VIDEO_WAIT;
        let may_answer = self.split.is_some_and(asked);
        self.tracks.iter().any(|t| {
            let home = t.home.map(|(part, _)| part);
            let at_home = home.is_some() && home == self.current && !t.is_over();
            let flows = !t.is_silent(now) || (may_answer && t.ended.is_none());
            t.track.kind == Kind::Video && at_home && flows
        })
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
