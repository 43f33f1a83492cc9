// SPDX-License-Identifier: MPL-2.0
//! When each frame of an exported file is shown. Frames come as changes: from a time on, in
//! nanoseconds, a frame is shown, or none.

use std::iter::Peekable;

use crate::export::Rate;

/// From when on what is shown.
pub type Change<T> = (u64, Option<T>);

/// No frame for less than this is no gap.
const BLINK: u64 = 100_000_000;
/// So often a frame is repeated where there is none: players wait for the next one.
const REPEAT: u64 = 500_000_000;

/// A frame of a file.
#[derive(Debug, PartialEq, Eq)]
pub struct Shown<T> {
    pub at: u64,
    pub duration: u64,
    /// `None` is a gap.
    pub frame: Option<T>,
}

/// Without gaps that are too short to be seen: before the first frame it is shown earlier, before
/// others the last one is shown longer.
pub fn bridged<T>(changes: impl Iterator<Item = Change<T>>) -> impl Iterator<Item = Change<T>> {
    let mut changes = changes.peekable();
    let mut is_shown = false;
    std::iter::from_fn(move || {
        let (mut at, mut frame) = changes.next()?;
        while frame.is_none()
            && let Some((next, following)) =
                changes.next_if(|(time, _)| time.saturating_sub(at) < BLINK)
        {
            if following.is_some() && is_shown {
                at = next;
            }
            frame = following;
        }
        is_shown = frame.is_some();
        Some((at, frame))
    })
}

/// Each frame at its own time. The first change is at 0.
pub struct Natural<T, I: Iterator<Item = Change<T>>> {
    changes: Peekable<I>,
    length: u64,
    /// The gap that goes on, from when.
    gap: Option<u64>,
}

impl<T, I: Iterator<Item = Change<T>>> Natural<T, I> {
    pub fn new(changes: I, length: u64) -> Self {
        let changes = changes.peekable();
        let gap = None;
        Self {
            changes,
            length,
            gap,
        }
    }
}

impl<T, I: Iterator<Item = Change<T>>> Iterator for Natural<T, I> {
    type Item = Shown<T>;

    fn next(&mut self) -> Option<Shown<T>> {
        loop {
            let (at, frame) = match self.gap.take() {
                Some(at) => (at, None),
                None => self.changes.next()?,
            };
            let end = self.changes.peek().map_or(self.length, |(at, _)| *at);
            let end = end.min(self.length);
            if end <= at {
                continue;
            }
            let mut duration = end - at;
            if frame.is_none() && duration > REPEAT {
                duration = REPEAT;
                self.gap = Some(at + REPEAT);
            }
            return Some(Shown {
                at,
                duration,
                frame,
            });
        }
    }
}

/// At a constant rate: of the frames, the one that is nearest in time.
pub struct Constant<T, I: Iterator<Item = Change<T>>> {
    changes: Peekable<I>,
    rate: Rate,
    length: u64,
    number: u64,
    frame: Option<T>,
}

impl<T, I: Iterator<Item = Change<T>>> Constant<T, I> {
    pub fn new(changes: I, rate: Rate, length: u64) -> Self {
        Self {
            changes: changes.peekable(),
            rate,
            length,
            number: 0,
            frame: None,
        }
    }
}

impl<T: Clone, I: Iterator<Item = Change<T>>> Iterator for Constant<T, I> {
    type Item = Shown<T>;

    fn next(&mut self) -> Option<Shown<T>> {
        let at = self.rate.time(self.number);
        if at >= self.length {
            return None;
        }
        let duration = self.rate.time(self.number + 1) - at;
        self.number += 1;
        let near = at + duration / 2;
        while let Some((_, frame)) = self.changes.next_if(|(time, _)| *time <= near) {
            self.frame = frame;
        }
        Some(Shown {
            at,
            duration,
            frame: self.frame.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;

    fn changes(of: &[(u64, Option<u32>)]) -> std::vec::IntoIter<Change<u32>> {
        let changes: Vec<_> = of.iter().map(|(ms, frame)| (ms * MS, *frame)).collect();
        changes.into_iter()
    }

    /// In milliseconds.
    fn shown(of: impl Iterator<Item = Shown<u32>>) -> Vec<(u64, u64, Option<u32>)> {
        of.map(|s| (s.at / MS, s.duration / MS, s.frame)).collect()
    }

    #[test]
    fn each_frame_keeps_its_time_and_gaps_are_repeated() {
        let of = changes(&[(0, None), (1100, Some(1)), (1140, Some(2))]);
        assert_eq!(
            shown(Natural::new(of, 2000 * MS)),
            [
                (0, 500, None),
                (500, 500, None),
                (1000, 100, None),
                (1100, 40, Some(1)),
                (1140, 860, Some(2)),
            ]
        );
    }

    #[test]
    fn at_a_constant_rate_the_nearest_frame_is_shown() {
        let ten = Rate {
            frames: 10,
            seconds: 1,
        };
        let of = changes(&[(0, Some(1)), (140, Some(2)), (260, Some(3)), (350, None)]);
        assert_eq!(
            shown(Constant::new(of, ten, 450 * MS)),
            [
                (0, 100, Some(1)),
                (100, 100, Some(2)),
                (200, 100, Some(2)),
                (300, 100, None),
                (400, 100, None),
            ]
        );
    }

    #[test]
    fn a_gap_that_nobody_sees_is_none() {
        let of = changes(&[
            (0, None),
            (10, None),
            (30, Some(1)),
            (70, None),
            (90, Some(2)),
            (130, None),
            (300, Some(3)),
        ]);
        let all: Vec<_> = bridged(of).map(|(at, frame)| (at / MS, frame)).collect();
        let wanted = [(0, Some(1)), (90, Some(2)), (130, None), (300, Some(3))];
        assert_eq!(all, wanted);
    }
}
