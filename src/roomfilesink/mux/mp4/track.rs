// SPDX-License-Identifier: MPL-2.0
//! One track of a file: its place in time, and what it has that is not in the file yet.
//!
//! A track's own time, in ticks, counts from the start of the file, plus a delay: a decoder of Opus
//! discards the first samples, and frames that are shown in another order are decoded before the
//! first one is shown. An edit says which time is shown first.

use super::codecs;
use super::samples::{Sample, Samples};
use crate::roomfilesink::mux::frames::{Block, TrackEntry};

const SECOND: i128 = 1_000_000_000;
/// No decoder holds a frame for longer, whatever a source says.
const LONGEST_AHEAD: i64 = 10_000_000_000;

pub(crate) struct Track {
    pub entry: TrackEntry,
    pub timescale: u32,
    pub delay: i64,
    pub samples: Samples,
    /// When the first frame is decoded, and the newest.
    first: i64,
    newest: i64,
    /// When what was shown so far is over.
    end: i64,
    /// When the first of those is decoded that are not in the file yet, and their bytes.
    pub start: i64,
    pub data: Vec<u8>,
}

impl Track {
    pub(crate) fn new(entry: &TrackEntry) -> Self {
        let timescale = codecs::timescale(entry);
        let delay = entry.delay().max(entry.ahead.min(LONGEST_AHEAD));
        Self {
            entry: entry.clone(),
            timescale,
            delay: ticks(delay, timescale).max(0),
            samples: Samples::default(),
            first: 0,
            newest: 0,
            end: 0,
            start: 0,
            data: Vec::new(),
        }
    }

    /// An error if the frame is larger than MP4 can say.
    pub(crate) fn push(&mut self, block: &Block<'_>) -> Result<(), String> {
        let time = |ns| ticks(ns, self.timescale).saturating_add(self.delay);
        let earliest = match self.samples.len() {
            0 => 0,
            _ => self.newest.saturating_add(1),
        };
        // Never later than it is shown: what is shown before the file begins is not seen.
        let decoded = time(block.dts.min(block.pts)).max(earliest);
        let shown = time(block.pts);
        let offset = shown.saturating_sub(decoded);
        let offset = offset.clamp(i32::MIN.into(), i32::MAX.into()) as i32;
        let is_first = self.samples.len() == 0;
        let before = decoded.saturating_sub(self.newest);
        let lasts = self.lasts(block, is_first, before);
        let sample = Sample::new(block.data.len(), block.keyframe, lasts, offset);
        let bytes = block.data.len();
        let sample = sample.ok_or_else(|| format!("MP4 has no frames of {bytes} bytes"))?;
        if let Some(last) = self.samples.last_mut() {
            last.duration = u32::try_from(before).unwrap_or(u32::MAX);
        } else {
            self.first = decoded;
        }
        if self.data.is_empty() && self.samples.new_ones().is_empty() {
            self.start = decoded;
        }
        self.samples.push(sample);
        self.data.extend_from_slice(block.data);
        self.newest = decoded;
        let padding = ticks(block.padding.max(0), self.timescale);
        let end = shown.saturating_add(lasts.into()).saturating_sub(padding);
        self.end = self.end.max(end);
        Ok(())
    }

    /// The bytes that are not in the file yet, to be put there. The next ones get as much room.
    pub(crate) fn take_data(&mut self) -> Vec<u8> {
        let room = Vec::with_capacity(self.data.len());
        std::mem::replace(&mut self.data, room)
    }

    /// How long a frame lasts, unless another comes: what it says, or as long as the one before.
    fn lasts(&self, block: &Block<'_>, is_first: bool, before: i64) -> u32 {
        let told = ticks(block.duration.max(0), self.timescale);
        let guess = match (told, is_first) {
            (1.., _) => told,
            (_, false) => before.min(self.timescale.into()),
            _ => i64::from(self.timescale) / if self.entry.is_video() { 30 } else { 50 },
        };
        u32::try_from(guess).unwrap_or(u32::MAX)
    }

    /// What of a finished file is shown when, in ticks; a finished file counts from its first frame.
    pub(crate) fn edit(&self) -> Edit {
        let skipped = match self.samples.first() {
            Some(sample) if self.entry.is_video() => sample.offset.max(0).into(),
            _ => self.delay,
        };
        let from = self.first.saturating_add(skipped);
        let late = from.saturating_sub(self.delay);
        let from = skipped.saturating_add((-late).max(0));
        let end = self.end.saturating_sub(self.first);
        Edit {
            late: late.max(0),
            from,
            length: end.saturating_sub(from).max(1),
        }
    }
}

/// From where on a track is shown.
#[derive(Debug, PartialEq)]
pub(crate) struct Edit {
    /// So much later than the file begins.
    pub late: i64,
    /// The time of the track at which that begins.
    pub from: i64,
    pub length: i64,
}

pub(crate) fn ticks(ns: i64, timescale: u32) -> i64 {
    let ticks = (i128::from(ns) * i128::from(timescale) + SECOND / 2).div_euclid(SECOND);
    i64::try_from(ticks).unwrap_or(if ns < 0 { i64::MIN } else { i64::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roomfilesink::media::{Caption, Codec};
    use crate::roomfilesink::mux::frames::Shape;

    const MS: i64 = 1_000_000;

    fn video(ahead_ms: i64) -> Track {
        Track::new(&TrackEntry {
            codec: Codec::H264,
            config: vec![],
            shape: Shape::Video {
                width: 320,
                height: 180,
            },
            pre_skip: 0,
            ahead: ahead_ms * MS,
            caption: Caption::default(),
        })
    }

    fn opus(pre_skip: u16) -> Track {
        Track::new(&TrackEntry {
            codec: Codec::Opus,
            config: vec![],
            shape: Shape::Audio {
                rate: 48_000,
                channels: 2,
            },
            pre_skip,
            ahead: 0,
            caption: Caption::default(),
        })
    }

    fn push(track: &mut Track, pts_ms: i64, dts_ms: i64) {
        push_ns(track, pts_ms * MS, dts_ms * MS);
    }

    fn push_ns(track: &mut Track, pts: i64, dts: i64) {
        let block = Block {
            track: 0,
            pts,
            dts,
            duration: 20 * MS,
            keyframe: true,
            clipped: 0,
            padding: 0,
            data: b"data",
        };
        track.push(&block).unwrap();
    }

    fn listed(track: &Track) -> Vec<(u32, i32)> {
        let samples = track.samples.new_ones().iter();
        samples.map(|s| (s.duration, s.offset)).collect()
    }

    #[test]
    fn a_frame_lasts_until_the_next_one_and_the_last_as_long_as_it_says() {
        let mut track = opus(0);
        for ms in [0, 20, 100] {
            push(&mut track, ms, ms);
        }
        assert_eq!(listed(&track), [(960, 0), (3840, 0), (960, 0)]);
        let edit = Edit {
            late: 0,
            from: 0,
            length: 5760,
        };
        assert_eq!(track.edit(), edit);
    }

    #[test]
    fn frames_that_are_shown_in_another_order_keep_both_times() {
        let mut track = video(40);
        for (pts, dts) in [(0, -40), (80, -20), (40, 0), (120, 40)] {
            push(&mut track, pts, dts);
        }
        assert_eq!(
            listed(&track),
            [(1800, 3600), (1800, 9000), (3600, 3600), (1800, 7200)]
        );
        assert_eq!((track.edit().late, track.edit().from), (0, 3600));
    }

    #[test]
    fn a_frame_that_is_decoded_later_than_it_is_shown_is_seen_all_the_same() {
        let mut track = video(0);
        push(&mut track, 0, 30);
        push(&mut track, 40, 90);
        assert_eq!(listed(&track), [(3600, 0), (1800, 0)]);
        assert_eq!((track.edit().late, track.edit().from), (0, 0));
    }

    #[test]
    fn what_comes_late_is_shown_late() {
        let mut track = video(40);
        push(&mut track, 500, 460);
        assert_eq!((track.edit().late, track.edit().from), (45_000, 3600));
        let mut track = opus(312);
        push_ns(&mut track, 93_500_000, 93_500_000);
        assert_eq!((track.edit().late, track.edit().from), (4800, 312));
    }

    #[test]
    fn what_opus_discards_is_before_the_start() {
        let mut track = opus(312);
        push_ns(&mut track, -6_500_000, -6_500_000);
        assert_eq!(track.start, 0);
        assert_eq!((track.edit().late, track.edit().from), (0, 312));
    }

    #[test]
    fn times_that_fall_rise_and_those_beyond_all_reason_break_nothing() {
        let mut track = video(0);
        for time in [50, 50, 30, -100] {
            push(&mut track, time, time);
        }
        let offsets: Vec<_> = listed(&track).iter().map(|s| s.1).collect();
        assert_eq!(offsets, [0, -1, -1802, -13_503]);
        for time in [i64::MIN, i64::MAX, 0, i64::MAX] {
            push_ns(&mut track, time, -time.saturating_add(1));
        }
        assert!(track.edit().length > 0);
    }
}
