// SPDX-License-Identifier: MPL-2.0
//! What all encoders of a kind hand out, and the outlets through which viewers are fed.
//!
//! An outlet is an appsrc in a viewer's own pipeline. Encoders' threads push, the control thread
//! attaches and detaches.
//!
//! Locks: `Track::outlets` and `Track::keyframe`, held for no longer than a copy takes.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use crate::publisher::time::SoundCard;

use super::sent::{Ledger, Ledgers};

/// What a viewer gets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beginning {
    NextUnit,
    NextKeyframe,
    /// The last keyframe again, at the time at which it was captured, then the next unit.
    CachedKeyframe,
}

/// One way out to a viewer.
pub struct Outlet {
    pub source: gst_app::AppSrc,
    waits_for_keyframe: AtomicBool,
    ledger: Arc<Ledger>,
}

/// What all encoders of a kind hand out.
#[derive(Default)]
pub struct Track {
    outlets: Mutex<Vec<Arc<Outlet>>>,
    /// What went through each of them, also those that are gone.
    pub(crate) ledgers: Ledgers,
    keyframe: Mutex<Option<gst::Sample>>,
    units: AtomicU64,
    muted: AtomicBool,
    paused: AtomicBool,
    /// By whose clock its units are stamped; that of video is the machine's own.
    card: SoundCard,
}

impl Track {
    /// One whose units are stamped by a sound card's clock.
    pub(super) fn by_card(card: SoundCard) -> Self {
        Self {
            card,
            ..Self::default()
        }
    }

    /// The machine's time for a time by the clock that stamps its units.
    pub(super) fn machine_time(&self, time: gst::ClockTime) -> gst::ClockTime {
        self.card.machine_time(time)
    }

    pub(super) fn is_muted(&self) -> bool {
        self.muted.load(Ordering::Relaxed)
    }

    /// Starts to feed `source`.
    pub fn attach(&self, source: gst_app::AppSrc, beginning: Beginning) -> Arc<Outlet> {
        let cached = self.keyframe().clone();
        if let Some(sample) = cached.filter(|_| beginning == Beginning::CachedKeyframe) {
            // Fails while the viewer's pipeline goes down.
            let _ = source.push_sample(&sample);
        }
        let waits_for_keyframe = AtomicBool::new(beginning == Beginning::NextKeyframe);
        let outlet = Arc::new(Outlet {
            source,
            waits_for_keyframe,
            ledger: self.ledgers.begin(),
        });
        self.lock().push(outlet.clone());
        outlet
    }

    pub fn detach(&self, outlet: &Arc<Outlet>) {
        self.lock().retain(|other| !Arc::ptr_eq(other, outlet));
    }

    /// Units handed to the viewers since the start, counted once for all of them.
    pub fn units(&self) -> u64 {
        self.units.load(Ordering::Relaxed)
    }

    /// A muted track goes on, black or silent, as a browser's does.
    pub fn mute(&self, muted: bool) {
        self.muted.store(muted, Ordering::Relaxed);
    }

    /// A paused track sends nothing at all.
    pub fn pause(&self, paused: bool) {
        self.paused.store(paused, Ordering::Relaxed);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Arc<Outlet>>> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keyframe(&self) -> std::sync::MutexGuard<'_, Option<gst::Sample>> {
        self.keyframe.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn push(&self, sample: &gst::Sample) {
        if let Some(sample) = in_running_time(sample, self.card) {
            self.hand_out(&sample);
        }
    }

    /// Hands out a unit that was encoded at another time.
    pub(super) fn push_at(&self, sample: &gst::Sample, pts: gst::ClockTime) {
        if self.lock().is_empty() {
            return;
        }
        if let Some(sample) = stamped(sample, Some(pts)) {
            self.hand_out(&sample);
        }
    }

    fn hand_out(&self, sample: &gst::Sample) {
        if self.paused.load(Ordering::Relaxed) {
            return;
        }
        let delta = sample
            .buffer()
            .is_some_and(|buffer| buffer.flags().contains(gst::BufferFlags::DELTA_UNIT));
        if !delta {
            *self.keyframe() = Some(sample.clone());
        }
        let mut handed_out = false;
        let outlets = self.lock().clone();
        for outlet in &outlets {
            if outlet.waits_for_keyframe.load(Ordering::Relaxed) && delta {
                continue;
            }
            outlet.waits_for_keyframe.store(false, Ordering::Relaxed);
            outlet.ledger.note(sample.buffer());
            // Fails while a viewer's pipeline goes down; the outlet is detached then.
            let _ = outlet.source.push_sample(sample);
            handed_out = true;
        }
        if handed_out {
            self.units.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The unit with its running time as timestamp: encoders count from an origin of their own
/// (x264enc from a thousand hours), and the segment that says so does not pass an appsrc.
fn in_running_time(sample: &gst::Sample, card: SoundCard) -> Option<gst::Sample> {
    let segment = sample.segment()?.downcast_ref::<gst::ClockTime>()?;
    let pts = segment.to_running_time(sample.buffer()?.pts());
    stamped(sample, pts.map(|pts| card.machine_time(pts)))
}

fn stamped(sample: &gst::Sample, pts: Option<gst::ClockTime>) -> Option<gst::Sample> {
    let mut buffer = sample.buffer_owned()?;
    let shell = buffer.make_mut();
    shell.set_pts(pts);
    shell.set_dts(None);
    let caps = sample.caps_owned()?;
    Some(gst::Sample::builder().buffer(&buffer).caps(&caps).build())
}
