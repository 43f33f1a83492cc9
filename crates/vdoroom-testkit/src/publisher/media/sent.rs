// SPDX-License-Identifier: MPL-2.0
//! What went to a viewer, unit by unit, and whether a recording has all of it.

use std::sync::{Arc, Mutex, PoisonError};

use gst::ClockTime;

use crate::check::{Report, speed};

/// So much audio may be missing at the beginning. The publisher offers, and the recorder answers as
/// the client of DTLS: of the two it has the keys last, by half a round trip, and what comes before
/// cannot be decrypted. A keyframe that is lost in this way is asked for again.
const HEAD_MS: f64 = 250.0;

/// An encoded frame, or a packet of audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// When it was captured, on the publisher's timeline.
    pub at: ClockTime,
    pub is_keyframe: bool,
}

/// What went through one outlet.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Vec<Unit>>);

/// The ledgers of a track, in the order in which its outlets were made.
#[derive(Default)]
pub(crate) struct Ledgers(Mutex<Vec<Arc<Ledger>>>);

impl Ledger {
    pub fn note(&self, buffer: Option<&gst::BufferRef>) {
        if let Some((at, buffer)) = buffer.and_then(|buffer| Some((buffer.pts()?, buffer))) {
            let is_keyframe = !buffer.flags().contains(gst::BufferFlags::DELTA_UNIT);
            let mut units = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            units.push(Unit { at, is_keyframe });
        }
    }
}

impl Ledgers {
    pub fn begin(&self) -> Arc<Ledger> {
        let ledger = Arc::<Ledger>::default();
        let mut ledgers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ledgers.push(ledger.clone());
        ledger
    }

    fn newest(&self) -> Vec<Unit> {
        let ledgers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let units = ledgers.last().map(|ledger| {
            let units = ledger.0.lock().unwrap_or_else(PoisonError::into_inner);
            units.clone()
        });
        units.unwrap_or_default()
    }
}

/// What has gone to the newest viewer so far.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Frames per second, which the counter in each frame counts.
    pub rate: u32,
    pub video: Vec<Unit>,
    pub audio: Vec<Unit>,
}

impl Sent {
    pub(crate) fn of(rate: u32, video: &Ledgers, audio: &Ledgers) -> Self {
        Self {
            rate,
            video: video.newest(),
            audio: audio.newest(),
        }
    }

    /// The counter that is drawn into this frame.
    fn number(&self, unit: &Unit) -> u32 {
        ((unit.at.nseconds() * u64::from(self.rate) + 500_000_000) / 1_000_000_000) as u32
    }

    fn is_keyframe(&self, number: u32) -> bool {
        let mut keyframes = self.video.iter().filter(|unit| unit.is_keyframe);
        keyframes.any(|unit| self.number(unit) == number)
    }

    /// From the first keyframe on: what comes before cannot be decoded.
    pub fn frames(&self) -> usize {
        let keyframe = self.video.iter().position(|unit| unit.is_keyframe);
        keyframe.map_or(0, |first| self.video.len() - first)
    }

    /// What of it is not in a recording that began with this connection and went on until all of it
    /// had arrived, one sentence each. Of frames and packets between the first and the last,
    /// [`Report::problems`] tells.
    pub fn missing_in(&self, report: &Report) -> Vec<String> {
        let mut missing = Vec::new();
        let keyframe = self.video.iter().find(|unit| unit.is_keyframe);
        let frames = keyframe.zip(self.video.last());
        let video = report.video.as_ref();
        if let Some((first, last)) = frames {
            let (first, last) = (self.number(first), self.number(last));
            match video.and_then(|video| video.counters.as_ref()) {
                None => missing.push("video".into()),
                Some(there) => {
                    let late = there.first.saturating_sub(first);
                    let was_asked_for = late <= self.rate && self.is_keyframe(there.first);
                    if late > 0 && !was_asked_for {
                        missing.push(format!("the first {late} frames, from {first}"));
                    }
                    if there.last < last {
                        let early = last - there.last;
                        missing.push(format!("the last {early} frames, to {last}"));
                    }
                }
            }
        }
        let Some(audio) = report.audio.as_ref().filter(|a| !a.packets.is_empty()) else {
            if !self.audio.is_empty() {
                missing.push("audio".into());
            }
            return missing;
        };
        let count = audio.packets.len() as f64 + HEAD_MS / 20.0;
        if count < self.audio.len() as f64 {
            missing.push(format!("some of {} packets of audio", self.audio.len()));
        }
        // Each packet of audio looks like the others: they are told by their time beside the video.
        if let (Some(first), Some(last), Some(capture)) = (
            self.audio.first(),
            self.audio.last(),
            video.and_then(|video| video.capture.as_ref()),
        ) {
            let ms = |time: ClockTime| time.nseconds() as f64 / 1e6;
            let captured = |at: ClockTime| ms(at) - capture.offset_ms;
            let begin = captured(audio.packets[0].at) - ms(first.at);
            let end = captured(audio.packets[audio.packets.len() - 1].at) - ms(last.at);
            let allowed = [HEAD_MS, speed::LARGEST_HOLE_MS];
            for ((what, ms), allowed) in [("first", begin), ("last", -end)].into_iter().zip(allowed)
            {
                if ms > allowed {
                    missing.push(format!("the {what} {ms:.0} ms of audio"));
                }
            }
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::check::speed::{Capture, Frame, Many, Packet};
    use crate::check::{Audio, Counters, Video};

    const PACKET: ClockTime = ClockTime::from_mseconds(20);

    fn frame(number: u32) -> ClockTime {
        ClockTime::from_nseconds((u64::from(number) * 1_000_000_000).div_ceil(30))
    }

    /// Four seconds, of which the first keyframe is frame 10.
    fn sent() -> Sent {
        let video = (0..120).map(|number| Unit {
            at: frame(number),
            is_keyframe: number % 60 == 10,
        });
        let audio = (0..200).map(|n| Unit {
            at: PACKET * n,
            is_keyframe: true,
        });
        Sent {
            rate: 30,
            video: video.collect(),
            audio: audio.collect(),
        }
    }

    /// A file with these frames and packets, whose time began with the publisher's.
    fn report(frames: Range<u32>, packets: Range<u64>) -> Report {
        let shown: Vec<_> = frames
            .clone()
            .map(|number| Frame {
                at: frame(number),
                number,
            })
            .collect();
        let packets = packets.map(|n| Packet {
            at: PACKET * n,
            lasts: PACKET,
        });
        Report {
            video: Some(Video {
                counters: Some(Counters {
                    first: frames.start,
                    last: frames.end - 1,
                    ..Default::default()
                }),
                capture: Capture::of(&shown),
                ..Default::default()
            }),
            audio: Some(Audio {
                packets: Many(packets.collect()),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn all_that_was_sent_is_complete_from_the_first_keyframe_on() {
        let missing = sent().missing_in(&report(10..120, 0..200));
        assert_eq!(missing, [""; 0]);
        // And so is what was sent on while the recording ended.
        assert_eq!(sent().missing_in(&report(10..125, 0..210)), [""; 0]);
    }

    #[test]
    fn a_keyframe_that_was_lost_may_be_one_that_was_asked_for() {
        let mut sent = sent();
        sent.video[25].is_keyframe = true;
        assert_eq!(sent.missing_in(&report(25..120, 0..200)), [""; 0]);
        assert_ne!(sent.missing_in(&report(26..120, 0..200)), [""; 0]);
    }

    #[test]
    fn a_head_and_a_tail_that_are_missing_are_told() {
        let missing = sent().missing_in(&report(71..110, 0..200));
        assert_eq!(
            missing,
            ["the first 61 frames, from 10", "the last 10 frames, to 119"]
        );
        let missing = sent().missing_in(&report(10..120, 20..195));
        assert_eq!(
            missing,
            [
                "some of 200 packets of audio",
                "the first 400 ms of audio",
                "the last 100 ms of audio"
            ]
        );
    }

    #[test]
    fn a_medium_that_is_missing_is_told() {
        let nothing = Report::default();
        assert_eq!(sent().missing_in(&nothing), ["video", "audio"]);
    }
}
