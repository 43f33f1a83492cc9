// SPDX-License-Identifier: MPL-2.0
//! What a pad and the control thread share about one track.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use gst::glib;
use gst::prelude::*;

use super::container::Kind;

pub(crate) type TrackId = u64;

/// Frames of one track that may wait for others or for the disk before the source is slowed down.
const MAX_FRAMES: usize = 512;
const MAX_BYTES: usize = 16 << 20;
/// The time for which a source that is not live is blocked, once.
const PATIENCE: Duration = Duration::from_secs(1);

pub(crate) struct Track {
    pub id: TrackId,
    pub kind: Kind,
    pub pad: glib::WeakRef<gst::Pad>,
    /// `x` of a pad that was asked for as `video_x` or `audio_x`.
    pub suffix: Option<String>,
    /// The pad is at EOS.
    pub eos: AtomicBool,
    /// Comes from a room, which may empty and fill again: not a finite source.
    pub of_a_room: AtomicBool,
    /// The pad has retired.
    pub retired: AtomicBool,
    /// The source is live: what it sends now will not come again, and comes when it is due.
    pub live: AtomicBool,
    credit: Mutex<Credit>,
    changed: Condvar,
}

#[derive(Default)]
struct Credit {
    frames: usize,
    bytes: usize,
    /// Waiting did not help: not again before there is room.
    impatient: bool,
    closed: bool,
}

impl Credit {
    fn is_full(&self) -> bool {
        self.frames >= MAX_FRAMES || self.bytes >= MAX_BYTES
    }
}

impl Track {
    pub(crate) fn new(kind: Kind, pad: &gst::Pad, suffix: Option<String>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let weak = glib::WeakRef::new();
        weak.set(Some(pad));
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            kind,
            pad: weak,
            suffix,
            eos: AtomicBool::new(false),
            of_a_room: AtomicBool::new(false),
            retired: AtomicBool::new(false),
            live: AtomicBool::new(false),
            credit: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Whether the next frame has to wait.
    pub(crate) fn is_full(&self) -> bool {
        let credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        credit.is_full()
    }

    /// Bytes that wait.
    pub(crate) fn held_bytes(&self) -> usize {
        let credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        credit.bytes
    }

    /// Takes room for a frame. A source that runs faster than its file (one that is not live)
    /// waits here for a while.
    pub(crate) fn take_credit(&self, bytes: usize) {
        let mut credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        let may_wait = !self.live.load(Ordering::Acquire) && !credit.closed;
        if may_wait && credit.is_full() && !credit.impatient {
            let (guard, timeout) = self
                .changed
                .wait_timeout_while(credit, PATIENCE, |c| c.is_full() && !c.closed)
                .unwrap_or_else(PoisonError::into_inner);
            credit = guard;
            credit.impatient = timeout.timed_out();
        }
        credit.frames += 1;
        credit.bytes += bytes;
    }

    pub(crate) fn give_back(&self, bytes: usize) {
        let mut credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        let was_full = credit.is_full();
        credit.frames = credit.frames.saturating_sub(1);
        credit.bytes = credit.bytes.saturating_sub(bytes);
        // The source only waits while the track is full, and each notification is a system call.
        if was_full && !credit.is_full() {
            credit.impatient = false;
            drop(credit);
            self.changed.notify_one();
        }
    }

    /// Nobody waits for room any more.
    pub(crate) fn close(&self) {
        let mut credit = self.credit.lock().unwrap_or_else(PoisonError::into_inner);
        credit.closed = true;
        drop(credit);
        self.changed.notify_all();
    }

    pub(crate) fn ask_for_keyframe(&self) {
        if let Some(pad) = self.pad.upgrade() {
            let event = gst_video::UpstreamForceKeyUnitEvent::builder()
                .all_headers(true)
                .build();
            pad.push_event(event);
        }
    }

    pub(crate) fn is_linked(&self) -> bool {
        self.pad.upgrade().is_some_and(|pad| pad.is_linked())
    }
}
