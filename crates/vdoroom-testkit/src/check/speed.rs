// SPDX-License-Identifier: MPL-2.0
//! Whether time in a file runs as fast as what stands in it: audio by the length of its packets,
//! video by the counter that each frame carries.

use std::fmt;
use std::ops::Deref;

use gst::ClockTime;

/// A packet may begin so long before or after the end of the one before: a tick of Matroska's
/// clock, and rounding on the way.
const STEP_MS: f64 = 2.0;

/// How much faster or slower than its packets audio may run over a second, and what rounding to
/// Matroska's clock adds to that.
const SPEED: f64 = 0.003;
const ROUNDING_MS: f64 = 1.0;
const WINDOW: ClockTime = ClockTime::SECOND;

/// Audio that is missing for longer is a fault, unless the sender leaves out silence.
pub const LARGEST_HOLE_MS: f64 = 60.0;

/// A frame may stand so far from the time at which it was captured.
const CAPTURE_MS: f64 = 5.0;

/// Frames per second that publishers have.
const RATES: [u32; 11] = [1, 2, 5, 10, 12, 15, 20, 24, 25, 30, 60];

/// A packet of audio as it stands in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    pub at: ClockTime,
    pub lasts: ClockTime,
}

/// A video frame with a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub at: ClockTime,
    pub number: u32,
}

/// Audio that is missing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hole {
    pub at: ClockTime,
    pub ms: f64,
}

/// Many, of which a failed test need not print each.
#[derive(Clone, PartialEq, Eq)]
pub struct Many<T>(pub Vec<T>);

impl<T> Default for Many<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> fmt::Debug for Many<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({} of them)", self.0.len())
    }
}

impl<T> Deref for Many<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

fn ms(time: ClockTime) -> f64 {
    time.nseconds() as f64 / 1e6
}

/// Milliseconds between the end of each packet and the next one; negative where they overlap.
fn steps(packets: &[Packet]) -> impl Iterator<Item = (Packet, f64)> {
    let pairs = packets.windows(2);
    pairs.map(|pair| {
        let step = ms(pair[1].at) - ms(pair[0].at) - ms(pair[0].lasts);
        (pair[0], step)
    })
}

fn is_hole(packet: Packet, step: f64) -> bool {
    step > STEP_MS && step >= ms(packet.lasts) - STEP_MS
}

/// Where at least a packet is missing.
pub fn holes(packets: &[Packet]) -> Vec<Hole> {
    let holes = steps(packets).filter(|(packet, step)| is_hole(*packet, *step));
    holes
        .map(|(packet, ms)| Hole {
            at: packet.at + packet.lasts,
            ms,
        })
        .collect()
}

/// The packet whose successor is farthest from where it should be. In a hole some packets are
/// missing, and none in part.
pub fn misplaced(packets: &[Packet]) -> Option<String> {
    let off = steps(packets).map(|(packet, step)| {
        let (whole, length) = (is_hole(packet, step), ms(packet.lasts));
        let missing = if whole { (step / length).round() } else { 0.0 };
        (packet, step - missing * length, step * SPEED)
    });
    let bad = off.filter(|(_, off, drift)| off.abs() > STEP_MS + drift.abs());
    let (count, worst) = worst(bad.map(|(packet, off, _)| (packet, off)))?;
    Some(format!(
        "{count} packets of audio not where the one before ends, the worst {:+.1} ms off at {}",
        worst.1,
        seconds(worst.0.at)
    ))
}

/// The second in which audio runs faster or slower than its packets by most.
pub fn too_fast_or_slow(packets: &[Packet]) -> Option<String> {
    let mut bad = Vec::new();
    for run in runs(packets) {
        let (mut first, mut carried) = (0, 0.0);
        for last in 1..run.len() {
            carried += ms(run[last - 1].lasts);
            if run[last].at.saturating_sub(run[first].at) < WINDOW {
                continue;
            }
            let passed = ms(run[last].at) - ms(run[first].at);
            if (carried - passed).abs() > passed * SPEED + ROUNDING_MS {
                bad.push((run[first], (carried / passed - 1.0) * 100.0));
            }
            carried -= ms(run[first].lasts);
            first += 1;
        }
    }
    let (_, worst) = worst(bad.into_iter())?;
    let what = if worst.1 > 0.0 { "fast" } else { "slow" };
    Some(format!(
        "audio runs {:.1} % {what} over the second from {}",
        worst.1.abs(),
        seconds(worst.0.at)
    ))
}

/// Between holes.
fn runs(packets: &[Packet]) -> impl Iterator<Item = &[Packet]> {
    packets.chunk_by(|one, next| {
        let step = ms(next.at) - ms(one.at) - ms(one.lasts);
        !is_hole(*one, step)
    })
}

/// How many, and the one that is farthest off.
fn worst<T: Copy>(items: impl Iterator<Item = (T, f64)>) -> Option<(usize, (T, f64))> {
    items.fold(None, |worst, item| {
        let (count, so_far) = worst.unwrap_or((0, item));
        let farther = item.1.abs() > so_far.1.abs();
        Some((count + 1, if farther { item } else { so_far }))
    })
}

/// When frames were captured, on the time of the file.
#[derive(Clone, Debug)]
pub struct Capture {
    pub rate: u32,
    /// Milliseconds from capture to the time in the file, of most frames.
    pub offset_ms: f64,
}

impl Capture {
    /// `None` of fewer than two frames.
    pub fn of(frames: &[Frame]) -> Option<Self> {
        let pairs = frames.windows(2);
        let per_second = pairs.filter_map(|pair| {
            let passed = ms(pair[1].at) - ms(pair[0].at);
            let counted = f64::from(pair[1].number) - f64::from(pair[0].number);
            (passed > 0.0 && counted > 0.0).then(|| counted * 1e3 / passed)
        });
        let seen = median(per_second.collect())?;
        let far = |rate: &u32| (f64::from(*rate) / seen).ln().abs();
        let rate = RATES.into_iter().min_by(|a, b| far(a).total_cmp(&far(b)))?;
        let offsets = frames.iter().map(|frame| offset_ms(frame, rate));
        let offset_ms = median(offsets.collect())?;
        Some(Self { rate, offset_ms })
    }

    /// Milliseconds by which a frame stands later than it should.
    pub fn late_ms(&self, frame: &Frame) -> f64 {
        offset_ms(frame, self.rate) - self.offset_ms
    }

    /// The frame that is farthest from where it was captured.
    pub fn misplaced(&self, frames: &[Frame]) -> Option<String> {
        let late = frames.iter().map(|frame| (frame, self.late_ms(frame)));
        let (count, worst) = worst(late.filter(|(_, late)| late.abs() > CAPTURE_MS))?;
        Some(format!(
            "{count} of {} frames not at the time of their capture, the worst, {}, {:+.1} ms off at {}",
            frames.len(),
            worst.0.number,
            worst.1,
            seconds(worst.0.at)
        ))
    }

    /// Milliseconds by which each beep comes after the full second of the publisher's clock at
    /// which it was sent, as the frames beside it tell that clock.
    pub fn beeps_ms(&self, frames: &[Frame], beeps: &[ClockTime]) -> Vec<f64> {
        let nearest = |beep: &ClockTime| {
            let after = frames.partition_point(|frame| frame.at < *beep);
            let beside = frames[..after].last().into_iter().chain(frames.get(after));
            beside.min_by_key(|frame| frame.at.absdiff(*beep))
        };
        let late = |beep: &ClockTime| {
            let captured = ms(*beep) - offset_ms(nearest(beep)?, self.rate);
            Some(captured - (captured / 1e3).round() * 1e3)
        };
        beeps.iter().filter_map(late).collect()
    }
}

fn offset_ms(frame: &Frame, rate: u32) -> f64 {
    ms(frame.at) - f64::from(frame.number) * 1e3 / f64::from(rate)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn seconds(time: ClockTime) -> String {
    format!("{:.2} s", ms(time) / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Packets of 20 ms that stand so many microseconds apart.
    fn packets(count: u64, apart: u64) -> Vec<Packet> {
        let packet = |n| Packet {
            at: ClockTime::from_useconds(n * apart),
            lasts: ClockTime::from_mseconds(20),
        };
        (0..count).map(packet).collect()
    }

    fn frames(count: u32, rate: u32) -> Vec<Frame> {
        let frame = |number| Frame {
            // Not from 0, and not captured when the file began.
            number: number + 100,
            at: ClockTime::from_mseconds(u64::from(number) * 1000 / u64::from(rate) + 7),
        };
        (0..count).map(frame).collect()
    }

    #[test]
    fn audio_at_its_own_speed_has_no_fault() {
        for apart in [20_000, 20_040, 19_960] {
            let packets = packets(300, apart);
            assert_eq!(too_fast_or_slow(&packets), None);
            assert_eq!(misplaced(&packets), None);
            assert_eq!(holes(&packets), []);
        }
    }

    #[test]
    fn audio_that_runs_fast_or_slow_is_told_by_how_much() {
        let fast = too_fast_or_slow(&packets(300, 19_000)).unwrap();
        assert!(fast.contains("5.3 % fast"), "{fast}");
        let slow = too_fast_or_slow(&packets(300, 20_200)).unwrap();
        assert!(slow.contains("1.0 % slow"), "{slow}");
    }

    #[test]
    fn a_packet_that_stands_three_milliseconds_off_is_told() {
        let mut packets = packets(100, 20_000);
        packets[50].at += ClockTime::from_mseconds(3);
        let told = misplaced(&packets).unwrap();
        assert!(told.starts_with("2 packets"), "{told}");
        assert_eq!(holes(&packets), []);
    }

    #[test]
    fn missing_packets_are_a_hole_and_no_speed() {
        let mut packets = packets(200, 20_000);
        packets.drain(100..105);
        assert_eq!(holes(&packets).len(), 1);
        assert_eq!(holes(&packets)[0].ms, 100.0);
        assert_eq!(too_fast_or_slow(&packets), None);
        assert_eq!(misplaced(&packets), None);
        // A hole into which no packets fit is a leap of time.
        for packet in &mut packets[100..] {
            packet.at += ClockTime::from_mseconds(7);
        }
        assert!(misplaced(&packets).is_some());
    }

    #[test]
    fn frames_at_their_capture_times_have_no_fault() {
        for rate in [10, 15, 30] {
            let frames = frames(90, rate);
            let capture = Capture::of(&frames).unwrap();
            assert_eq!((capture.rate, capture.misplaced(&frames)), (rate, None));
        }
    }

    #[test]
    fn a_frame_beside_its_capture_time_is_told_by_its_number() {
        let mut frames = frames(90, 30);
        frames[40].at += ClockTime::from_mseconds(8);
        let told = Capture::of(&frames).unwrap().misplaced(&frames).unwrap();
        assert!(
            told.contains("1 of 90") && told.contains("140, +8"),
            "{told}"
        );
    }

    #[test]
    fn frames_that_run_fast_are_not_those_of_a_faster_camera() {
        let mut frames = frames(90, 30);
        for frame in &mut frames {
            frame.at = frame.at * 9 / 10;
        }
        let capture = Capture::of(&frames).unwrap();
        assert_eq!(capture.rate, 30);
        assert!(capture.misplaced(&frames).is_some());
    }

    #[test]
    fn a_beep_is_held_against_the_counter_without_any_flash() {
        // Frame 120 is captured at 4 s, and stands at 674 ms.
        let frames = frames(90, 30);
        let capture = Capture::of(&frames).unwrap();
        let beeps = [674, 1724].map(ClockTime::from_mseconds);
        let late = capture.beeps_ms(&frames, &beeps);
        assert!(
            late[0].abs() < 1.5 && (late[1] - 50.0).abs() < 1.5,
            "{late:?}"
        );
    }
}
