// SPDX-License-Identifier: MPL-2.0
//! Timestamps that strictly rise.
//!
//! While rtpjitterbuffer's skew estimate settles it repeats timestamps; GstBaseParse then drops
//! the second one and muxers fail on a buffer without any (seen with GStreamer 1.22; fixed
//! upstream by commit cbab56c141, in no release up to 1.28.6).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gst::ClockTime;

/// Small enough to stay before the next frame, large enough for Matroska's millisecond clock.
const STEP: ClockTime = ClockTime::from_mseconds(1);

/// Used by one streaming thread at a time; atomic, so that a probe needs no lock.
#[derive(Debug)]
pub(super) struct Timestamps {
    /// Nanoseconds; [`NONE`] before the first buffer.
    last: AtomicU64,
}

/// `GST_CLOCK_TIME_NONE`.
const NONE: u64 = u64::MAX;

impl Default for Timestamps {
    fn default() -> Self {
        Self {
            last: AtomicU64::new(NONE),
        }
    }
}

impl Timestamps {
    /// The timestamp that the next buffer gets.
    pub(super) fn fix(&self, pts: Option<ClockTime>) -> ClockTime {
        let last = self.last.load(Relaxed);
        let last = (last != NONE).then(|| ClockTime::from_nseconds(last));
        let pts = match (last, pts) {
            (None, pts) => pts.unwrap_or(ClockTime::ZERO),
            (Some(last), Some(pts)) if pts > last => pts,
            (Some(last), _) => last.saturating_add(STEP),
        };
        self.last.store(pts.nseconds(), Relaxed);
        pts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(pts: &[Option<u64>]) -> Vec<u64> {
        let timestamps = Timestamps::default();
        pts.iter()
            .map(|pts| timestamps.fix(pts.map(ClockTime::from_mseconds)).mseconds())
            .collect()
    }

    #[test]
    fn rising_timestamps_stay_as_they_are() {
        assert_eq!(fixed(&[Some(5), Some(38), Some(71)]), [5, 38, 71]);
    }

    #[test]
    fn repeated_missing_and_falling_timestamps_become_rising_ones() {
        assert_eq!(
            fixed(&[Some(40), Some(40), None, Some(30), Some(73)]),
            [40, 41, 42, 43, 73]
        );
    }
}
