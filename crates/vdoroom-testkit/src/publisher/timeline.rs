// SPDX-License-Identifier: MPL-2.0
//! The clocks of a publisher: of its machine and of its sound card.

use std::time::{Duration, SystemTime};

use gst::prelude::*;

use super::reports::SenderReports;

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
    pub(super) fn of(pipeline: &gst::Pipeline) -> Self {
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
    pub(super) fn faster_by(&self, card: SoundCard) -> Self {
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
    pub(super) fn is_fast(&self) -> bool {
        self.is_fast
    }

    /// The running time at a time of the machine's clock.
    pub(super) fn running_time(&self, at: gst::ClockTime) -> gst::ClockTime {
        at.saturating_sub(self.base)
    }

    pub(super) fn rule(&self, pipeline: &gst::Pipeline) {
        pipeline.use_clock(Some(&self.clock));
        pipeline.set_start_time(gst::ClockTime::NONE);
        pipeline.set_base_time(self.base);
    }
}

/// Which clocks a publisher has, when it sends what it captured, and what it reports of that.
#[derive(Clone, Default)]
pub struct Times {
    pub timeline: Option<Timeline>,
    pub card: SoundCard,
    pub video_delay: Duration,
    pub audio_delay: Duration,
    /// How much media waits in the queues until the connection is open.
    pub queued: Duration,
    pub sender_reports: SenderReports,
    /// RTP time of audio rests while there is none.
    pub counts_samples: bool,
}

/// How fast a sound card is against the clock of its machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SoundCard {
    pub ppm: u32,
}

impl SoundCard {
    fn rate(self) -> u64 {
        1_000_000 + u64::from(self.ppm)
    }

    /// The machine's time for a time by the card.
    pub fn machine_time(self, time: gst::ClockTime) -> gst::ClockTime {
        // The card is faster, so this cannot overflow.
        time.mul_div_round(1_000_000, self.rate()).unwrap_or(time)
    }

    /// What the card has counted while the machine's clock counted `ticks`.
    pub fn own_ticks(self, ticks: i64) -> i64 {
        (i128::from(ticks) * i128::from(self.rate()) / 1_000_000) as i64
    }
}
