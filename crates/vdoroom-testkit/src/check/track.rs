// SPDX-License-Identifier: MPL-2.0
//! What is seen of our pattern in each decoded frame and heard in each stretch of audio.

use std::collections::HashSet;

use gst::ClockTime;
use vdoroom_recordings::media::{self, AudioSamples};

use crate::pattern::{self, Plane};

use super::report::{Audio, Counters, Video};
use super::speed::{Capture, Frame, Many, Packet};

/// Loud enough for a beep, on the scale of 16-bit samples.
const LOUD: u16 = 3000;
/// So long must it have been quiet before another beep begins: a sine crosses zero as well.
const QUIET: ClockTime = ClockTime::from_mseconds(50);
/// What is missing for longer is a hole, and for so long something else than silence that a sender
/// of Opus leaves out: it sends a packet each 400 ms (DTX).
const GAP: ClockTime = ClockTime::from_mseconds(5);
const STALL: ClockTime = ClockTime::from_mseconds(450);
/// What is loud so soon after a hole had begun in it.
const ONSET: ClockTime = ClockTime::from_mseconds(5);
/// What is loud so soon after audio begins, or begins again, may be the rest of a beep, which lasts
/// 100 ms, and the first packets of Opus are not as loud as they were.
const FIRST_ONSET: ClockTime = ClockTime::from_mseconds(120);

#[derive(Default)]
pub struct VideoTrack {
    numbers: Vec<Option<u32>>,
    times: Vec<ClockTime>,
    smeared: u64,
    flashes: Vec<ClockTime>,
    flashing: bool,
}

impl VideoTrack {
    pub fn frame(&mut self, time: ClockTime, plane: &Plane<&[u8]>) {
        let number = pattern::read(plane);
        let smeared = number.is_some_and(|number| pattern::is_smeared(plane, number));
        self.smeared += u64::from(smeared);
        self.numbers.push(number);
        self.times.push(time);
        let flash = pattern::is_flash(plane);
        // The first frame may be of a flash that had begun before.
        if flash && !self.flashing && self.numbers.len() > 1 {
            self.flashes.push(time);
        }
        self.flashing = flash;
    }

    /// With what any file tells.
    pub fn finish(self, seen: media::Video) -> Video {
        let ours = self.numbers.iter().flatten().count();
        if ours * 2 <= self.numbers.len() {
            // A bright frame of somebody else's is no flash.
            return seen.into();
        }
        let shown = self.times.iter().zip(&self.numbers);
        let shown = shown.filter_map(|(at, number)| {
            Some(Frame {
                at: *at,
                number: (*number)?,
            })
        });
        let shown = Many(shown.collect());
        Video {
            counters: Some(Counters {
                smeared: self.smeared,
                ..count(&self.numbers)
            }),
            capture: Capture::of(&shown),
            shown,
            flashes: self.flashes,
            ..seen.into()
        }
    }
}

fn count(numbers: &[Option<u32>]) -> Counters {
    let mut seen = HashSet::new();
    let mut counters = Counters::default();
    let mut highest = None;
    for number in numbers {
        let Some(number) = *number else {
            counters.bad += 1;
            continue;
        };
        if !seen.insert(number) {
            counters.doubled += 1;
        } else if highest.is_some_and(|highest| number < highest) {
            counters.out_of_order += 1;
        }
        highest = highest.max(Some(number));
    }
    counters.first = seen.iter().min().copied().unwrap_or_default();
    counters.last = seen.iter().max().copied().unwrap_or_default();
    let span = u64::from(counters.last - counters.first) + 1;
    // A frame that could not be read is bad, not missing.
    counters.missing = (span - seen.len() as u64).saturating_sub(counters.bad);
    counters
}

#[derive(Default)]
pub struct AudioTrack {
    beeps: Vec<ClockTime>,
    end: Option<ClockTime>,
    /// What is loud until then began before audio did, after a hole or at all.
    settles: ClockTime,
    loud_until: Option<ClockTime>,
}

impl AudioTrack {
    /// A stretch that begins at `time`.
    pub fn audio(&mut self, time: ClockTime, audio: AudioSamples) {
        let (samples, channels) = (audio.samples, audio.channels.max(1));
        let frames = samples.len() as u64 / u64::from(channels);
        let at = |frame: u64| time + ClockTime::SECOND * frame / u64::from(audio.rate.max(1));
        let missing = self.end.map(|end| time.saturating_sub(end));
        if missing.is_none_or(|missing| missing > STALL) {
            self.settles = time + FIRST_ONSET;
        } else if missing.is_some_and(|missing| missing > GAP) {
            self.settles = time + ONSET;
        }
        self.end = Some(at(frames));
        for (frame, values) in samples.chunks(channels as usize).enumerate() {
            if values.iter().any(|value| value.unsigned_abs() > LOUD) {
                let now = at(frame as u64);
                let begins = self.loud_until.is_none_or(|until| now > until + QUIET);
                if begins && now > self.settles {
                    self.beeps.push(now);
                }
                self.loud_until = Some(now);
            }
        }
    }

    /// With what any file tells.
    pub fn finish(self, heard: media::Audio, packets: Vec<Packet>) -> Audio {
        Audio {
            beeps: self.beeps,
            packets: Many(packets),
            ..heard.into()
        }
    }
}

/// Beep minus flash in milliseconds for each flash with a beep within half a second.
pub fn offsets(flashes: &[ClockTime], beeps: &[ClockTime]) -> Vec<f64> {
    let ms = |time: &ClockTime| time.nseconds() as f64 / 1e6;
    let nearest = |flash: &ClockTime| {
        let offsets = beeps.iter().map(|beep| ms(beep) - ms(flash));
        offsets
            .min_by(|a, b| a.abs().total_cmp(&b.abs()))
            .filter(|offset| offset.abs() < 500.0)
    };
    flashes.iter().filter_map(nearest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counted(numbers: &[Option<u32>]) -> (u64, u64, u64, u64) {
        let counters = count(numbers);
        (
            counters.missing,
            counters.doubled,
            counters.out_of_order,
            counters.bad,
        )
    }

    #[test]
    fn each_kind_of_fault_is_counted_as_itself() {
        assert_eq!(counted(&[Some(5), Some(6), Some(7)]), (0, 0, 0, 0));
        assert_eq!(counted(&[Some(5), Some(7)]), (1, 0, 0, 0));
        assert_eq!(counted(&[Some(5), Some(5), Some(6)]), (0, 1, 0, 0));
        assert_eq!(counted(&[Some(5), Some(7), Some(6)]), (0, 0, 1, 0));
        assert_eq!(counted(&[Some(5), None, Some(7)]), (0, 0, 0, 1));
    }

    #[test]
    fn a_beep_belongs_to_the_nearest_flash() {
        let at = ClockTime::from_mseconds;
        let offsets = offsets(&[at(1000), at(2000), at(9000)], &[at(990), at(2030)]);
        assert_eq!(offsets, [-10.0, 30.0]);
    }
}
