// SPDX-License-Identifier: MPL-2.0
//! What is remembered of the frames of a track until the file ends: 12 bytes for each, and 16 for
//! each run of them in the file.

use super::boxes::Boxes;

/// The highest bit of a size says that a decoder can begin there.
const SYNC: u32 = 1 << 31;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sample {
    size: u32,
    /// Until the next one, in ticks.
    pub duration: u32,
    /// How much later than it is decoded it is shown, in ticks.
    pub offset: i32,
}

impl Sample {
    /// `None` if it is larger than can be said.
    pub(crate) fn new(size: usize, is_sync: bool, duration: u32, offset: i32) -> Option<Self> {
        let size = u32::try_from(size).ok().filter(|size| *size < SYNC)?;
        Some(Self {
            size: if is_sync { size | SYNC } else { size },
            duration,
            offset,
        })
    }

    pub(crate) fn size(&self) -> u32 {
        self.size & !SYNC
    }

    pub(crate) fn is_sync(&self) -> bool {
        self.size & SYNC != 0
    }
}

/// Samples that are together in the file.
#[derive(Debug)]
struct Chunk {
    /// From the start of the file.
    at: u64,
    samples: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Samples {
    all: Vec<Sample>,
    chunks: Vec<Chunk>,
    /// How many of them are in chunks.
    in_chunks: usize,
}

impl Samples {
    pub(crate) fn push(&mut self, sample: Sample) {
        self.all.push(sample);
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    pub(crate) fn first(&self) -> Option<&Sample> {
        self.all.first()
    }

    pub(crate) fn last_mut(&mut self) -> Option<&mut Sample> {
        self.all.last_mut()
    }

    /// Those that are not in the file yet.
    pub(crate) fn new_ones(&self) -> &[Sample] {
        self.all.get(self.in_chunks..).unwrap_or_default()
    }

    /// The new ones are in the file from here on.
    pub(crate) fn placed(&mut self, at: u64) {
        let samples = u32::try_from(self.new_ones().len()).unwrap_or(u32::MAX);
        if samples > 0 {
            self.chunks.push(Chunk { at, samples });
        }
        self.in_chunks = self.all.len();
    }

    /// In ticks, from where the first one is decoded to where the last one ends.
    pub(crate) fn duration(&self) -> u64 {
        self.all.iter().map(|s| u64::from(s.duration)).sum()
    }

    /// The tables of `stbl` (ISO/IEC 14496-12 sections 8.6 and 8.7).
    pub(crate) fn write(&self, b: &mut Boxes) {
        let runs = Runs(self.all.iter().map(|s| s.duration).peekable());
        b.full(b"stts", 0, 0, |b| {
            b.table(runs, |b, (count, duration)| {
                b.u32(count).u32(duration);
            });
        });
        if self.all.iter().any(|s| s.offset != 0) {
            let is_signed = self.all.iter().any(|s| s.offset < 0);
            let runs = Runs(self.all.iter().map(|s| s.offset).peekable());
            b.full(b"ctts", u8::from(is_signed), 0, |b| {
                b.table(runs, |b, (count, offset)| {
                    b.u32(count).i32(offset);
                });
            });
        }
        if !self.all.iter().all(Sample::is_sync) {
            let numbered = (1_u32..).zip(&self.all);
            let numbers = numbered.filter(|(_, s)| s.is_sync()).map(|(n, _)| n);
            b.full(b"stss", 0, 0, |b| {
                b.table(numbers, |b, number| {
                    b.u32(number);
                });
            });
        }
        let mut before = None;
        let changes = (1_u32..).zip(&self.chunks).filter(|(_, chunk)| {
            let is_change = before != Some(chunk.samples);
            before = Some(chunk.samples);
            is_change
        });
        b.full(b"stsc", 0, 0, |b| {
            b.table(changes, |b, (number, chunk)| {
                // All have the first description.
                b.u32(number).u32(chunk.samples).u32(1);
            });
        });
        b.full(b"stsz", 0, 0, |b| {
            // They have sizes of their own.
            b.u32(0).table(self.all.iter(), |b, sample| {
                b.u32(sample.size());
            });
        });
        b.full(b"co64", 0, 0, |b| {
            b.table(self.chunks.iter(), |b, chunk| {
                b.u64(chunk.at);
            });
        });
    }
}

/// Values that follow each other and are the same: how many, and what.
struct Runs<I: Iterator>(std::iter::Peekable<I>);

impl<I: Iterator<Item: PartialEq + Copy>> Iterator for Runs<I> {
    type Item = (u32, I::Item);

    fn next(&mut self) -> Option<Self::Item> {
        let value = self.0.next()?;
        let mut count = 1_u32;
        while count < u32::MAX && self.0.next_if_eq(&value).is_some() {
            count += 1;
        }
        Some((count, value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(samples: &Samples) -> Vec<u8> {
        let mut b = Boxes::default();
        samples.write(&mut b);
        b.0
    }

    fn table<'a>(written: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
        let at = written.windows(4).position(|w| w == kind)?;
        let size = u32::from_be_bytes(written[at - 4..at].try_into().unwrap());
        Some(&written[at + 8..at - 4 + size as usize])
    }

    fn numbers(table: &[u8]) -> Vec<u32> {
        let words = table.chunks_exact(4);
        let words = words.map(|word| u32::from_be_bytes(word.try_into().unwrap()));
        words.collect()
    }

    #[test]
    fn what_repeats_is_written_once() {
        let mut samples = Samples::default();
        for (size, duration) in [(10, 3000), (20, 3000), (30, 3000), (40, 9000)] {
            samples.push(Sample::new(size, true, duration, 0).unwrap());
        }
        samples.placed(100);
        let written = written(&samples);
        let numbers = |kind| numbers(table(&written, kind).unwrap());
        assert_eq!(numbers(b"stts"), [2, 3, 3000, 1, 9000]);
        assert_eq!(numbers(b"stsz"), [0, 4, 10, 20, 30, 40]);
        assert_eq!(numbers(b"stsc"), [1, 1, 4, 1]);
        assert_eq!(numbers(b"co64"), [1, 0, 100]);
        assert_eq!(
            table(&written, b"stss"),
            None,
            "a decoder can begin anywhere"
        );
        assert_eq!(table(&written, b"ctts"), None, "shown as they are decoded");
    }

    #[test]
    fn chunks_of_other_lengths_and_places_beyond_32_bits_are_told() {
        let mut samples = Samples::default();
        for (count, at) in [(2, 50), (2, 1 << 33), (1, (1 << 33) + 7)] {
            for _ in 0..count {
                samples.push(Sample::new(1, true, 1, 0).unwrap());
            }
            samples.placed(at);
        }
        // A fragment without frames of this track.
        samples.placed(1 << 40);
        let written = written(&samples);
        let numbers = |kind| numbers(table(&written, kind).unwrap());
        assert_eq!(numbers(b"stsc"), [2, 1, 2, 1, 3, 1, 1]);
        assert_eq!(numbers(b"co64"), [3, 0, 50, 2, 0, 2, 7]);
    }

    #[test]
    fn keyframes_and_times_of_frames_that_are_shown_later_are_told() {
        let mut samples = Samples::default();
        for (sync, offset) in [(true, 2), (false, 4), (false, 0), (false, -1), (true, 2)] {
            samples.push(Sample::new(1, sync, 1, offset).unwrap());
        }
        samples.placed(0);
        let written = written(&samples);
        let numbers = |kind| numbers(table(&written, kind).unwrap());
        assert_eq!(numbers(b"stss"), [2, 1, 5]);
        assert_eq!(numbers(b"ctts"), [5, 1, 2, 1, 4, 1, 0, 1, u32::MAX, 1, 2]);
    }

    #[test]
    fn a_frame_that_is_too_large_is_not_taken() {
        assert!(Sample::new(1 << 31, false, 1, 0).is_none());
        assert_eq!(Sample::new(7, true, 1, 0).unwrap().size(), 7);
    }
}
