// SPDX-License-Identifier: MPL-2.0
//! Where a track has gaps or damaged frames, as reported by the source.

use super::field::Field;
use crate::roomfilesink::media::Kind;

/// Further entries are only counted, so that a manifest stays readable.
const MAX_RANGES: usize = 1000;

/// A shorter gap in audio is one or two packets, which decoders conceal.
const SHORTEST_SILENCE: i64 = 100_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    /// Nothing is in the file.
    Missing,
    /// The source gave the frames out as corrupted.
    Corrupted,
}

/// Running times in nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Range {
    what: What,
    start: i64,
    end: i64,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Damage {
    ranges: Vec<Range>,
    /// The frame before was corrupted, in this range.
    current: Option<usize>,
}

impl Damage {
    /// The source says that something is missing before a frame at `until`; the one before ended
    /// at `since`.
    pub(crate) fn missing(&mut self, kind: Kind, since: i64, until: i64) {
        if kind == Kind::Video || until.saturating_sub(since) >= SHORTEST_SILENCE {
            self.add(What::Missing, since, until);
        }
    }

    pub(crate) fn frame(&mut self, is_corrupted: bool, start: i64, end: i64) {
        if let Some(range) = self.current.and_then(|index| self.ranges.get_mut(index)) {
            // A frame is shown until the next one.
            range.end = range.end.max(if is_corrupted { end } else { start });
        } else if is_corrupted {
            self.current = self.add(What::Corrupted, start, end);
        }
        if !is_corrupted {
            self.current = None;
        }
    }

    /// Its number, if there is room.
    fn add(&mut self, what: What, start: i64, end: i64) -> Option<usize> {
        let number = self.ranges.len();
        (number < MAX_RANGES).then(|| {
            self.ranges.push(Range { what, start, end });
            number
        })
    }

    /// `None` if all is well.
    pub(crate) fn field(&self) -> Option<Field> {
        let ranges = self.ranges.iter().map(|range| {
            let what = match range.what {
                What::Missing => "missing",
                What::Corrupted => "corrupted",
            };
            Field::Map(vec![
                ("what", Field::Text(what.into())),
                ("start", Field::Int(range.start)),
                ("end", Field::Int(range.end)),
            ])
        });
        (!self.ranges.is_empty()).then(|| Field::List(ranges.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(damage: &Damage) -> Vec<(What, i64, i64)> {
        let ranges = damage.ranges.iter();
        ranges.map(|r| (r.what, r.start, r.end)).collect()
    }

    #[test]
    fn frames_that_follow_each_other_are_one_range() {
        let mut damage = Damage::default();
        for (corrupted, start) in [(false, 0), (true, 10), (true, 20), (false, 30), (true, 40)] {
            damage.frame(corrupted, start, start);
        }
        let expected = [(What::Corrupted, 10, 30), (What::Corrupted, 40, 40)];
        assert_eq!(listed(&damage), expected);
    }

    #[test]
    fn a_lost_packet_of_audio_is_no_gap() {
        let mut damage = Damage::default();
        let ms = 1_000_000;
        damage.missing(Kind::Audio, 0, 20 * ms);
        damage.missing(Kind::Video, 0, 33 * ms);
        damage.missing(Kind::Audio, 0, 400 * ms);
        let expected = [(What::Missing, 0, 33 * ms), (What::Missing, 0, 400 * ms)];
        assert_eq!(listed(&damage), expected);
    }

    #[test]
    fn a_manifest_does_not_grow_without_end() {
        let mut damage = Damage::default();
        for at in 0..2000 {
            damage.missing(Kind::Video, at, at + 1);
        }
        assert_eq!(damage.ranges.len(), MAX_RANGES);
    }
}
