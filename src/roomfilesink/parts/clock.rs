// SPDX-License-Identifier: MPL-2.0
//! Running time and this machine's UTC: read together, and tied to each other.

use gst::glib;
use gst::prelude::*;

use crate::utc;

/// The furthest that an anchor may be from the clocks before a new one replaces it: more than two
/// readings of the clocks differ by, less than a person notices.
const ANCHOR_TOLERANCE: i64 = 20_000_000;

/// A moment that ties running time to this machine's UTC. It holds until the pipeline is paused, or
/// the machine's clock is set or stands still (suspend).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub running_time: i64,
    pub utc_ns: i64,
}

impl Anchor {
    pub(crate) fn utc_ns(&self, running_time: i64) -> i64 {
        self.utc_ns
            .saturating_add(running_time.saturating_sub(self.running_time))
    }

    /// Whether both say the same of running time, as far as clocks can be read.
    pub(crate) fn agrees_with(&self, newer: &Self) -> bool {
        let off = self.utc_ns(newer.running_time).saturating_sub(newer.utc_ns);
        off.unsigned_abs() <= ANCHOR_TOLERANCE.unsigned_abs()
    }
}

/// The thread may be held up while it reads the clocks, but not so long, and not each time.
const READING: gst::ClockTime = gst::ClockTime::from_mseconds(2);
const READINGS: u32 = 3;

/// Ties running time to UTC, now. A pipeline that is paused has a clock that goes on, and a running
/// time that does not.
pub(crate) fn take_anchor(element: &glib::WeakRef<gst::Element>) -> Option<Anchor> {
    let element = element.upgrade()?;
    if element.current_state() != gst::State::Playing {
        return None;
    }
    for _ in 0..READINGS {
        let before = element.current_running_time()?;
        let utc_ns = utc::now();
        let after = element.current_running_time()?;
        if after.saturating_sub(before) <= READING {
            let running_time = i64::try_from(before.nseconds()).ok()?;
            return Some(Anchor {
                running_time,
                utc_ns,
            });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::field::utc_text;
    use super::*;

    #[test]
    fn utc_follows_running_time_from_the_anchor() {
        let anchor = Anchor {
            running_time: 2_000_000_000,
            utc_ns: 1_600_000_000_000_000_000,
        };
        assert_eq!(
            utc_text(anchor.utc_ns(3_234_000_000)),
            "2020-09-13T12:26:41.234Z"
        );
        assert_eq!(utc_text(anchor.utc_ns(0)), "2020-09-13T12:26:38.000Z");
    }
}
