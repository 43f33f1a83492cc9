// SPDX-License-Identifier: MPL-2.0
//! A fragment: `moof`, which says what frames it has, and `mdat`, which has them (ISO/IEC 14496-12
//! section 8.8).

use super::boxes::Boxes;
use super::samples::Sample;
use super::track::Track;

/// Offsets count from the start of `moof`.
const BASE_IS_MOOF: u32 = 0x02_0000;
const DEFAULT_DURATION: u32 = 0x08;
const DEFAULT_FLAGS: u32 = 0x20;

const DATA_OFFSET: u32 = 0x01;
const FIRST_FLAGS: u32 = 0x04;
const DURATIONS: u32 = 0x100;
const SIZES: u32 = 0x200;
const OFFSETS: u32 = 0x800;

/// It refers to no other frame; it refers to others, and nothing can begin with it.
const SYNC: u32 = 0x0200_0000;
const NOT_SYNC: u32 = 0x0101_0000;

/// The header of a box: its size and type.
const HEADER: usize = 8;

/// A fragment of what the tracks have that is not in the file yet, in pieces that follow each other: the
/// bytes of frames stay where they are. In each track a keyframe comes first, or there is none; or all
/// are keyframes. `at` is where in the file it will be.
pub(crate) fn write(number: u32, at: u64, tracks: &mut [Track]) -> Vec<Vec<u8>> {
    let mut b = Boxes::default();
    let mut offsets = Vec::new();
    b.node(b"moof", |b| {
        b.full(b"mfhd", 0, 0, |b| {
            b.u32(number);
        });
        for (number, track) in (1_u32..).zip(tracks.iter()) {
            let samples = track.samples.new_ones();
            if let Some((first, rest)) = samples.split_first() {
                let run = Run {
                    number,
                    start: track.start.max(0).unsigned_abs(),
                    first,
                    rest,
                };
                offsets.push(run.write(b));
            }
        }
    });
    let filled = tracks
        .iter_mut()
        .filter(|t| !t.samples.new_ones().is_empty());
    let mut filled: Vec<_> = filled.collect();
    let data: usize = filled.iter().map(|track| track.data.len()).sum();
    // A fragment is far smaller than this reaches.
    let size = |bytes: u64| u32::try_from(bytes).unwrap_or(u32::MAX);
    b.u32(size((HEADER + data) as u64)).bytes(b"mdat");
    let mut place = b.0.len() as u64;
    for (offset, track) in offsets.into_iter().zip(&mut filled) {
        b.replace(offset, size(place));
        track.samples.placed(at.saturating_add(place));
        place += track.data.len() as u64;
    }
    let data = filled.into_iter().map(Track::take_data);
    std::iter::once(b.0).chain(data).collect()
}

struct Run<'a> {
    /// Of the track.
    number: u32,
    start: u64,
    first: &'a Sample,
    rest: &'a [Sample],
}

impl Run<'_> {
    /// Where it says at which place the frames begin.
    fn write(&self, b: &mut Boxes) -> usize {
        let all = || std::iter::once(self.first).chain(self.rest);
        let is_sync = !self.rest.is_empty() && self.rest.iter().all(Sample::is_sync);
        let flags = |is_sync| if is_sync { SYNC } else { NOT_SYNC };
        let mut has = DATA_OFFSET | SIZES;
        if self.first.is_sync() != is_sync {
            has |= FIRST_FLAGS;
        }
        if all().any(|s| s.duration != self.first.duration) {
            has |= DURATIONS;
        }
        if all().any(|s| s.offset != 0) {
            has |= OFFSETS;
        }
        let mut place = 0;
        b.node(b"traf", |b| {
            let defaults = BASE_IS_MOOF | DEFAULT_DURATION | DEFAULT_FLAGS;
            b.full(b"tfhd", 0, defaults, |b| {
                b.u32(self.number);
                b.u32(self.first.duration).u32(flags(is_sync));
            });
            b.full(b"tfdt", 1, 0, |b| {
                b.u64(self.start);
            });
            let is_signed = all().any(|s| s.offset < 0);
            b.full(b"trun", u8::from(is_signed), has, |b| {
                b.u32(u32::try_from(all().count()).unwrap_or(u32::MAX));
                place = b.0.len();
                b.u32(0);
                if has & FIRST_FLAGS != 0 {
                    b.u32(flags(self.first.is_sync()));
                }
                for sample in all() {
                    if has & DURATIONS != 0 {
                        b.u32(sample.duration);
                    }
                    b.u32(sample.size());
                    if has & OFFSETS != 0 {
                        b.i32(sample.offset);
                    }
                }
            });
        });
        place
    }
}
