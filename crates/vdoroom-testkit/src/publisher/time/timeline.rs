// SPDX-License-Identifier: MPL-2.0
//! A publisher's clock and its first instant.

use std::time::SystemTime;

use gst::prelude::*;

use super::card::SoundCard;

/// Clock and base time of a publisher. Flash and beep begin with each whole second of it.
#[derive(Clone)]
pub struct Timeline {
    clock: gst::Clock,
    base: gst::ClockTime,
    origin: SystemTime,
    is_fast: bool,
}

impl Timeline {
    /// Begins now.
    pub fn now() -> Self {
        gst::init().expect("GStreamer starts");
        let clock = gst::SystemClock::obtain();
        Self {
            base: clock.time(),
            origin: SystemTime::now(),
            is_fast: false,
            clock,
        }
    }

    /// That of a pipeline that is playing, by the machine's clock.
    pub(crate) fn of(pipeline: &gst::Pipeline) -> Self {
        Self {
            base: pipeline.base_time().unwrap_or_default(),
            ..Self::now()
        }
    }

    /// Begins now, by a clock that runs so many millionths too fast.
    pub fn fast(ppm: u32) -> Self {
        Self::now().faster_by(SoundCard { ppm })
    }

    /// The real time of its first instant.
    pub fn origin(&self) -> SystemTime {
        self.origin
    }

    /// The same beginning, by the clock of this card.
    pub(crate) fn faster_by(&self, card: SoundCard) -> Self {
        if card.ppm == 0 {
            return self.clone();
        }
        let clock: gst::SystemClock = gst::glib::Object::builder()
            .property("clock-type", gst::ClockType::Monotonic)
            .build();
        clock.set_calibration(self.base, self.base, card.rate(), 1_000_000);
        Self {
            clock: clock.upcast(),
            base: self.base,
            origin: self.origin,
            is_fast: true,
        }
    }

    /// Its clock is not this machine's.
    pub(crate) fn is_fast(&self) -> bool {
        self.is_fast
    }

    /// The running time at a time of the machine's clock.
    pub(crate) fn running_time(&self, at: gst::ClockTime) -> gst::ClockTime {
        at.saturating_sub(self.base)
    }

    pub(crate) fn rule(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.base);
    }
}
