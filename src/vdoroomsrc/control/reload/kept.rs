// SPDX-License-Identifier: MPL-2.0
//! Pads that outlive their session for the `rejoin-window`.
//!
//! The queue and the ghost pad of a track stay. The next session's track for the same pad is built in
//! front of them: consumers see one stream that continues after a DISCONT. The pads end
//! when the window has passed, when the stream comes back with another codec, or with the element.

use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::protocol::StreamId;
use crate::vdoroomsrc::connection::{Ending, Remains};
use crate::vdoroomsrc::media::{Announced, Codec, End, Track};
use crate::vdoroomsrc::reports::TrackId;

pub(crate) struct Kept {
    stream: StreamId,
    announced: Announced,
    track: Track,
    until: Instant,
    ending: Option<Ending>,
}

impl Kept {
    /// `track` has been retired.
    pub(crate) fn new(stream: StreamId, announced: Announced, track: Track) -> Self {
        Self {
            stream,
            announced,
            track,
            until: Instant::now(),
            ending: None,
        }
    }

    /// `track` has been told to end.
    pub(crate) fn ending(
        stream: StreamId,
        announced: Announced,
        track: Track,
        now: Instant,
    ) -> Self {
        Self {
            ending: Some(Ending::new(now)),
            ..Self::new(stream, announced, track)
        }
    }

    fn into_remains(self) -> Remains {
        Remains::of_pad(self.stream, self.announced, self.track)
    }

    fn end(&mut self, now: Instant) {
        if self.ending.is_none() {
            self.ending = Some(Ending::new(now));
            self.track.end();
        }
    }

    fn is_over(&mut self, now: Instant) -> bool {
        let taken = self.track.exit.taken();
        let overdue = self
            .ending
            .as_mut()
            .is_some_and(|e| e.is_overdue(now, taken));
        self.track.end == End::Eos || overdue
    }
}

/// All pads that wait for their stream.
#[derive(Default)]
pub(crate) struct KeptPads(Vec<Kept>);

impl KeptPads {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn add(&mut self, kept: Vec<Kept>, now: Instant, window: Duration) {
        let until = now.checked_add(window).unwrap_or(now);
        self.0
            .extend(kept.into_iter().map(|kept| Kept { until, ..kept }));
    }

    pub(crate) fn tracks(&mut self) -> impl Iterator<Item = &mut Track> {
        self.0.iter_mut().map(|kept| &mut kept.track)
    }

    pub(crate) fn track(&mut self, id: TrackId) -> Option<&mut Track> {
        self.tracks().find(|track| track.id == id)
    }

    /// What the stream's pads were announced with, which the pads of its next session join.
    pub(crate) fn announced(&self, stream: &StreamId) -> Option<&Announced> {
        let mut waiting = self.0.iter().filter(|kept| kept.ending.is_none());
        waiting
            .find(|kept| kept.stream == *stream)
            .map(|kept| &kept.announced)
    }

    /// Whether a pad of this name carries another codec.
    pub(crate) fn contradicts(&self, name: &str, codec: &Codec) -> bool {
        let other = |kept: &Kept| {
            kept.track.pad.name() == name && kept.track.codec.encoding_name != codec.encoding_name
        };
        self.0.iter().any(other)
    }

    /// The pad of this name, to go on with.
    pub(crate) fn take(&mut self, name: &str) -> Option<Track> {
        let fits = |kept: &Kept| kept.ending.is_none() && kept.track.pad.name() == name;
        let position = self.0.iter().position(fits)?;
        Some(self.0.swap_remove(position).track)
    }

    /// Ends the pads of one stream, or of all.
    pub(crate) fn end(&mut self, now: Instant, stream: Option<&StreamId>) {
        for kept in &mut self.0 {
            if stream.is_none_or(|stream| kept.stream == *stream) {
                kept.end(now);
            }
        }
    }

    /// Streams whose pads are about to go.
    pub(crate) fn draining(&self) -> impl Iterator<Item = &StreamId> {
        let ending = self.0.iter().filter(|kept| kept.ending.is_some());
        ending.map(|kept| &kept.stream)
    }

    /// Ends what has waited in vain, and hands over what has ended.
    pub(crate) fn tick(&mut self, now: Instant) -> Vec<Remains> {
        for kept in self.0.iter_mut().filter(|kept| now >= kept.until) {
            kept.end(now);
        }
        let over = self.0.extract_if(.., |kept| kept.is_over(now));
        over.map(Kept::into_remains).collect()
    }

    pub(crate) fn take_all(&mut self) -> Vec<Remains> {
        let all = std::mem::take(&mut self.0).into_iter();
        all.map(Kept::into_remains).collect()
    }
}
