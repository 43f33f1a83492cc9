// SPDX-License-Identifier: MPL-2.0
//! Which frames of video leave a pad: none before a keyframe, at the beginning and after a loss. Audio
//! always does.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// A publisher that has sent no keyframe for so long after a loss may never send one. The encoders
/// of OBS, which obey no PLI, send one every 2 s.
const LONGEST_HOLD: gst::ClockTime = gst::ClockTime::from_seconds(5);

#[derive(Debug)]
pub(super) struct KeyframeGate {
    is_video: bool,
    /// After a loss, frames are dropped until a keyframe.
    pub waits_after_loss: bool,
    /// Only a keyframe may leave next.
    is_closed: AtomicBool,
    /// The queue has thrown something away; what follows the gap is marked DISCONT.
    leaked: AtomicBool,
    /// When the first dropped one was due, in nanoseconds, plus one; 0 is none.
    held_since: AtomicU64,
}

impl KeyframeGate {
    pub(super) fn new(is_video: bool) -> Self {
        Self {
            is_video,
            waits_after_loss: false,
            is_closed: AtomicBool::new(is_video),
            leaked: AtomicBool::new(false),
            held_since: AtomicU64::new(0),
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.load(Relaxed)
    }

    /// What comes next is no continuation of what was taken last.
    pub(super) fn close(&self) {
        self.is_closed.store(self.is_video, Relaxed);
    }

    pub(super) fn leaked(&self) {
        self.leaked.store(true, Relaxed);
    }

    pub(super) fn begin_again(&self) {
        self.held_since.store(0, Relaxed);
    }

    pub(super) fn holds_back(&self, buffer: &gst::BufferRef) -> bool {
        if !self.is_video {
            return false;
        }
        let flags = buffer.flags();
        if flags.contains(gst::BufferFlags::CORRUPTED) {
            return self.is_closed() || self.holds_damaged(buffer);
        }
        self.held_since.store(0, Relaxed);
        if !flags.contains(gst::BufferFlags::DELTA_UNIT) {
            self.leaked.store(false, Relaxed);
            self.is_closed.store(false, Relaxed);
            return false;
        }
        if flags.contains(gst::BufferFlags::DISCONT) && self.leaked.swap(false, Relaxed) {
            self.close();
        }
        self.is_closed()
    }

    /// Whether a damaged frame is dropped. From a publisher that sends no keyframe, damaged frames
    /// are better than none.
    fn holds_damaged(&self, buffer: &gst::BufferRef) -> bool {
        let Some(pts) = buffer.pts().filter(|_| self.waits_after_loss) else {
            return false;
        };
        let pts = pts.nseconds() + 1;
        let since = match self.held_since.load(Relaxed) {
            0 => pts,
            since => since,
        };
        self.held_since.store(since, Relaxed);
        pts.saturating_sub(since) < LONGEST_HOLD.nseconds()
    }
}
