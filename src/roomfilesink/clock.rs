// SPDX-License-Identifier: MPL-2.0
//! Running time and this machine's UTC, read together.

use std::time::SystemTime;

use gst::glib;
use gst::prelude::*;

use super::RoomFileSink;
use super::record::Anchor;

/// The thread may be held up while it reads the clocks, but not so long, and not each time.
const READING: gst::ClockTime = gst::ClockTime::from_mseconds(2);
const READINGS: u32 = 3;

/// Ties running time to UTC, now. A pipeline that is paused has a clock that goes on, and a running
/// time that does not.
pub(super) fn take_anchor(element: &glib::WeakRef<RoomFileSink>) -> Option<Anchor> {
    let element = element.upgrade()?;
    if element.current_state() != gst::State::Playing {
        return None;
    }
    for _ in 0..READINGS {
        let before = element.current_running_time()?;
        let utc_ns = utc_now();
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

/// Nanoseconds since 1970 in UTC, by this machine's clock.
pub(super) fn utc_now() -> i64 {
    let utc = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    utc.map_or(0, |d| i64::try_from(d.as_nanos()).unwrap_or(0))
}
