// SPDX-License-Identifier: MPL-2.0
//! The frames of one track that wait for their turn.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crate::roomfilesink::media::{Caption, Frame, Kind, Track};
use crate::roomfilesink::parts::{PartId, Reason};

/// A track without a frame for this long is silent, and no other waits for it.
const SILENCE: Duration = Duration::from_millis(400);
/// A frame of a live source waits this long for the frames of a late track: what waits is
/// lost with the process.
const PATIENCE: Duration = Duration::from_millis(300);
/// A source is asked for a keyframe at most this often.
const KEYFRAME_INTERVAL: Duration = Duration::from_secs(1);

/// Frames and bytes of one track that may wait for a disk, or for the keyframe at
/// which a part begins: more would fill the memory. A minute of audio; 25 s at 20 Mbit/s.
const MAX_FRAMES: usize = 3000;
const MAX_BYTES: usize = 64 << 20;

pub(crate) struct TrackState {
    pub track: Arc<Track>,
    pub stream_id: Option<String>,
    pub caption: Caption,
    pub fifo: VecDeque<Frame>,
    pub last_arrival: Option<Instant>,
    /// The source said that nothing comes for now.
    pub gap: bool,
    pub ended: Option<Reason>,
    /// The part that the track's next frame goes to, and its number there.
    pub home: Option<(PartId, usize)>,
    /// After a cut: its number in the current part, to which it moves at its next keyframe.
    pub next: Option<usize>,
    pub dropped: u64,
    pub asked: Option<Instant>,
    /// It sends what cannot be recorded, and that was said.
    pub refused: bool,
}

impl TrackState {
    pub(crate) fn new(track: Arc<Track>, stream_id: Option<String>) -> Self {
        Self {
            track,
            stream_id,
            caption: Caption::default(),
            fifo: VecDeque::new(),
            last_arrival: None,
            gap: false,
            ended: None,
            home: None,
            next: None,
            dropped: 0,
            asked: None,
            refused: false,
        }
    }

    pub(crate) fn is_silent(&self, now: Instant) -> bool {
        let quiet = |at: Instant| now.duration_since(at) >= SILENCE;
        self.fifo.is_empty() && (self.gap || self.last_arrival.is_none_or(quiet))
    }

    /// The next frame of a live source has waited long enough. A source that is not live is as fast
    /// as its slowest track: there the others have to wait.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let waits = |f: &Frame| now.duration_since(f.arrived) >= PATIENCE;
        let is_live = self.track.live.load(Ordering::Acquire);
        is_live && self.home.is_some() && self.fifo.front().is_some_and(waits)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some() && self.fifo.is_empty()
    }

    /// Whether a part can begin with this track's first frame.
    pub(crate) fn is_ready(&self) -> bool {
        self.fifo.front().is_some_and(can_begin)
    }

    /// Whether a part that begins should wait for its first frame.
    pub(crate) fn is_awaited(&self) -> bool {
        self.ended.is_none() && !self.refused && !self.is_ready()
    }

    /// The bytes that wait, if they or their frames are too many.
    pub(crate) fn overflow(&self) -> Option<usize> {
        let bytes = self.track.held_bytes();
        (self.fifo.len() > MAX_FRAMES || bytes > MAX_BYTES).then_some(bytes)
    }

    pub(crate) fn pop(&mut self) -> Option<Frame> {
        let frame = self.fifo.pop_front()?;
        self.track.give_back(frame.buffer.size());
        Some(frame)
    }

    pub(crate) fn drop_first(&mut self) {
        if self.pop().is_some() {
            self.dropped += 1;
        }
    }

    /// Its track, if that is to be asked for a keyframe now.
    pub(crate) fn ask_for_keyframe(&mut self, now: Instant) -> Option<Arc<Track>> {
        let recently = |at: Instant| now.duration_since(at) < KEYFRAME_INTERVAL;
        if self.track.kind != Kind::Video || self.asked.is_some_and(recently) {
            return None;
        }
        self.asked = Some(now);
        Some(self.track.clone())
    }
}

impl Drop for TrackState {
    fn drop(&mut self) {
        // The pad outlives the run.
        while self.pop().is_some() {}
    }
}

pub(crate) fn can_begin(frame: &Frame) -> bool {
    frame.kind() == Kind::Audio || frame.is_keyframe()
}
