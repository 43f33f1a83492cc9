// SPDX-License-Identifier: MPL-2.0
//! Times of day in files: of a timecode track, and of Broadcast Wave files.

use std::time::{Duration, SystemTime};

use crate::export::Rate;

use super::decoded_audio::frames;
use super::wav::Broadcast;

const SECOND: u64 = 1_000_000_000;
const DAY: u64 = 86_400 * SECOND;
/// Of files whose frames have their own times.
const NOMINAL: Rate = Rate {
    frames: 30,
    seconds: 1,
};

/// The timecode of a moment in UTC, in nanoseconds since 1970. `None` if the rate has none.
pub fn timecode(utc: u64, rate: Option<Rate>) -> Option<gst_video::ValidVideoTimeCode> {
    let rate = rate.unwrap_or(NOMINAL);
    let of_day = utc % DAY;
    let seconds = u32::try_from(of_day / SECOND).ok()?;
    let whole = rate.frames.div_ceil(rate.seconds.max(1));
    let frame = of_day % SECOND * u64::from(whole) / SECOND;
    let of = |rate: u32| i32::try_from(rate).ok();
    gst_video::ValidVideoTimeCode::new(
        gst::Fraction::new(of(rate.frames)?, of(rate.seconds)?),
        None,
        gst_video::VideoTimeCodeFlags::empty(),
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60,
        u32::try_from(frame).ok()?,
        0,
    )
    .ok()
}

pub fn broadcast(who: &str, utc: u64, rate: u32) -> Broadcast {
    let time = SystemTime::UNIX_EPOCH + Duration::from_nanos(utc);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    let (date, time) = text.split_once('T').unwrap_or_default();
    Broadcast {
        description: who.to_owned(),
        originator: concat!("vdoroom ", env!("CARGO_PKG_VERSION")).to_owned(),
        date: date.to_owned(),
        time: time.trim_end_matches('Z').to_owned(),
        time_reference: frames(utc % DAY, rate),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_timecode_and_a_number_of_samples_since_midnight() {
        gst::init().unwrap();
        let utc = DAY * 9 + 3 * 3600 * SECOND + 62 * SECOND + SECOND / 2;
        let half = timecode(utc, "25".parse().ok()).unwrap();
        assert_eq!(half.to_string(), "03:01:02:12");
        assert_eq!(timecode(utc, None).unwrap().to_string(), "03:01:02:15");
        let told = broadcast("alice", utc, 48_000);
        assert_eq!(told.time_reference, (3 * 3600 + 62) * 48_000 + 24_000);
        assert_eq!(
            (told.date.as_str(), told.time.as_str()),
            ("1970-01-10", "03:01:02")
        );
    }
}
