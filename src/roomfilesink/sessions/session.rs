// SPDX-License-Identifier: MPL-2.0
//! One session of one person: its tracks, what waits in them, and the parts that they go to. `pump`
//! moves the frames, `cut` and `closing` say where parts begin and end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use gst::prelude::*;

use super::bounds::Bounds;
use super::effects::{Context, Effect};
use super::retry::Retry;
use super::waiting::TrackState;
use crate::roomfilesink::media::{Caption, Frame, Kind, RECORDED, Track, TrackId};
use crate::roomfilesink::parts::{Part, PartId, Person, Progress, Reason};

/// A cut waits this long for the keyframe of a video that is silent.
const SILENT_VIDEO_WAIT: Duration = Duration::from_secs(1);

/// The wish for the next part.
#[derive(Clone, Copy)]
pub(crate) struct Split {
    pub reason: Reason,
    pub since: Instant,
}

impl Split {
    pub(crate) fn new(reason: Reason, since: Instant) -> Self {
        Self { reason, since }
    }
}

pub(crate) struct Session {
    pub group: Option<gst::GroupId>,
    pub suffix: Option<String>,
    pub person: Person,
    /// Stream IDs of the stream collection.
    pub promised: Vec<String>,
    /// It was said that its tracks do not go into the container that was asked for.
    pub misfit_told: bool,
    pub session_end: Option<String>,
    pub tracks: Vec<TrackState>,
    pub parts: Vec<Part>,
    pub current: Option<PartId>,
    /// Of the current part.
    pub bounds: Option<Bounds>,
    /// A cut is wanted, and why.
    pub split: Option<Split>,
    /// When the first frame came that no part has taken yet.
    pub waiting_since: Option<Instant>,
    pub retry: Retry,
    pub began: Reason,
    /// Frames have come that have not been moved.
    pub is_fed: bool,
    /// The current part, what was written of it and since when.
    pub progress: Option<(PartId, Progress)>,
}

impl Session {
    pub(crate) fn new(group: Option<gst::GroupId>, suffix: Option<String>, person: Person) -> Self {
        Self {
            group,
            suffix,
            person,
            promised: Vec::new(),
            misfit_told: false,
            session_end: None,
            tracks: Vec::new(),
            parts: Vec::new(),
            current: None,
            bounds: None,
            split: None,
            waiting_since: None,
            retry: Retry::default(),
            began: Reason::Start,
            is_fed: false,
            progress: None,
        }
    }

    pub(crate) fn add_track(&mut self, track: Arc<Track>, stream_id: Option<String>) {
        self.tracks.push(TrackState::new(track, stream_id));
    }

    /// Whether this track is going on in this session.
    pub(crate) fn has_track(&self, id: TrackId) -> bool {
        self.tracks
            .iter()
            .any(|t| t.track.id == id && t.ended.is_none())
    }

    /// The source renamed a stream in mid-session.
    pub(crate) fn rename_track(&mut self, id: TrackId, stream_id: String) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) {
            track.stream_id = Some(stream_id);
            // What was said of the stream before does not hold for this one.
            track.caption = Caption::default();
        }
    }

    /// What is known of a track that is going on.
    pub(crate) fn caption(&mut self, id: TrackId) -> Option<&mut Caption> {
        let mut tracks = self.tracks.iter_mut();
        let track = tracks.find(|t| t.track.id == id && t.ended.is_none())?;
        Some(&mut track.caption)
    }

    /// Whether no part is open and no frame waits.
    pub(crate) fn is_idle(&self) -> bool {
        self.parts.is_empty() && self.tracks.iter().all(|t| t.fifo.is_empty())
    }

    /// Whether frames wait for the beginning of a part.
    pub(crate) fn is_beginning(&self) -> bool {
        self.current.is_none() && self.tracks.iter().any(TrackState::is_ready)
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.tracks.iter().all(|t| t.ended.is_some())
    }

    /// Whether a stream that begins on this pad can belong here. A source that is not live may have
    /// ended one track before another begins: they still go into one file, if that has not begun.
    pub(crate) fn takes_tracks_of(&self, id: TrackId) -> bool {
        let had = self.tracks.iter().any(|t| t.track.id == id);
        !self.has_ended() || self.is_beginning() && !had
    }

    pub(crate) fn is_over(&self) -> bool {
        self.parts.is_empty() && self.tracks.iter().all(TrackState::is_over)
    }

    pub(crate) fn frame(&mut self, id: TrackId, frame: Frame, ctx: &mut Context<'_>) {
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
    pub(crate) fn refuse(&mut self, id: TrackId, caps: &str, ctx: &mut Context<'_>) {
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

    pub(crate) fn gap(&mut self, id: TrackId) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) {
            track.gap = true;
        }
    }

    pub(crate) fn end_track(&mut self, id: TrackId, reason: Reason) {
        if let Some(track) = self.tracks.iter_mut().find(|t| t.track.id == id) {
            track.ended.get_or_insert(reason);
        }
    }

    pub(crate) fn end_all(&mut self, reason: Reason) {
        for track in &mut self.tracks {
            track.ended.get_or_insert(reason);
        }
    }

    /// Whether there is a video at whose keyframe a part is cut. One that is silent gets some time
    /// to answer the request for a keyframe.
    pub(crate) fn has_cutting_video(&self, now: Instant) -> bool {
        let asked = |s: Split| now.duration_since(s.since) < SILENT_VIDEO_WAIT;
        let may_answer = self.split.is_some_and(asked);
        self.tracks.iter().any(|t| {
            let home = t.home.map(|(part, _)| part);
            let at_home = home.is_some() && home == self.current && !t.is_over();
            let flows = !t.is_silent(now) || (may_answer && t.ended.is_none());
            t.track.kind == Kind::Video && at_home && flows
        })
    }
}
