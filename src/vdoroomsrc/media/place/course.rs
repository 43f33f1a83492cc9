// SPDX-License-Identifier: MPL-2.0
//! How one medium moves to where it belongs, from packet to packet.

use super::units::{MS, SECOND};

/// A medium moves by this part of the time that passes at the most: not audible, nor measurable as
/// a wrong pitch.
const SLEW: i128 = 350;
/// Reports of a busy sender are wrong by some milliseconds. What is that near to its place moves by
/// a smaller part, which is still more than a crystal drifts (200 ppm).
const NEAR: i128 = 20 * MS;
const DRIFT: i128 = 2000;
/// What is farther from its place is moved at once, if it is video: lips are seen to be late.
const STEP: i128 = 40 * MS;
/// Frames of video are closer to each other by this part while it moves back.
const VIDEO_SLEW: i128 = 4;

/// Frames that follow each other are closer than this, and one that was sent again, or counted
/// anew, is not.
const AROUND: i128 = SECOND / 2;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Course {
    is_video: bool,
    /// Running time minus RTP time of what went out last.
    shift: Option<i128>,
    /// RTP time of what went out last.
    placed: i128,
    /// What went out last was placed by reports.
    is_believed: bool,
    /// The sender has not captured for a while: there is a hole to come, before this RTP time.
    pub resumes_at: Option<i128>,
    /// Moving to a place that is farther than [`STEP`].
    hurries: bool,
}

impl Course {
    pub(crate) fn new(is_video: bool) -> Self {
        Self {
            is_video,
            shift: None,
            placed: 0,
            is_believed: false,
            resumes_at: None,
            hurries: false,
        }
    }

    /// Running time minus RTP time of what went out last.
    pub(crate) fn shift(&self) -> Option<i128> {
        self.shift
    }

    pub(crate) fn is_placed(&self) -> bool {
        self.shift.is_some()
    }

    pub(crate) fn is_believed(&self) -> bool {
        self.is_believed
    }

    /// Whether it is so far from where it should be that something has to move at once.
    pub(crate) fn is_astray(&self, wanted: i128) -> bool {
        let error = self.shift.map_or(0, |shift| wanted - shift);
        self.resumes_at.is_none() && error.abs() > STEP
    }

    /// Whether nothing but drift is to be made up for.
    pub(crate) fn is_calm(&self, wanted: i128) -> bool {
        let error = self.shift.map(|shift| wanted - shift);
        let is_near = error.is_some_and(|error| error.abs() <= NEAR);
        is_near && self.resumes_at.is_none() && !self.hurries
    }

    /// Whether what went out last is of about this RTP time.
    pub(crate) fn is_around(&self, time: i128) -> bool {
        (time - self.placed).abs() < AROUND
    }

    /// Continues where `other`, a copy of this one, has come to.
    pub(crate) fn catch_up(&mut self, other: &Self) {
        self.shift = other.shift;
        self.placed = self.placed.max(other.placed);
        self.hurries = other.hurries;
    }

    /// The running time of a packet of this RTP time, if reports and arrivals want `wanted` between
    /// the two. Time rises from packet to packet.
    pub(crate) fn move_to(&mut self, wanted: i128, time: i128, is_believed: bool) -> i128 {
        self.is_believed = is_believed;
        let elapsed = (time - self.placed).max(0);
        let shift = self.shift.unwrap_or(wanted);
        let error = wanted - shift;
        let slow = elapsed / if error.abs() > NEAR { SLEW } else { DRIFT };
        self.hurries &= error.abs() > slow;
        self.hurries |= self.is_video && error.abs() > STEP;
        let moved = match self.resumes_at {
            Some(at) if time < at => 0,
            Some(_) if error > 0 => error,
            _ if self.hurries && error > 0 => error,
            _ if self.hurries => error.max(-elapsed / VIDEO_SLEW),
            _ => error.clamp(-slow, slow),
        };
        self.resumes_at = self.resumes_at.filter(|at| time < *at);
        self.shift = Some(shift + moved);
        self.placed = self.placed.max(time);
        time + shift + moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_rises_while_video_moves_back() {
        let mut course = Course::new(true);
        course.move_to(500 * MS, 0, true);
        let mut last = 500 * MS;
        for n in 1..400 {
            let time = course.move_to(0, n * 20 * MS, true);
            assert!(time >= last + 15 * MS, "{time} after {last}");
            last = time;
        }
        assert_eq!(last, 399 * 20 * MS);
    }

    #[test]
    fn what_drifts_is_calm_and_what_has_to_step_or_to_leave_a_hole_is_not() {
        let mut course = Course::new(true);
        assert!(!course.is_calm(0), "nothing has gone out");
        course.move_to(0, 0, true);
        assert!(course.is_calm(15 * MS));
        assert!(!course.is_calm(30 * MS));
        course.resumes_at = Some(SECOND);
        assert!(!course.is_calm(0));
        course.resumes_at = None;
        // Back by a quarter of the time that passes.
        course.move_to(-50 * MS, 140 * MS, true);
        assert!(!course.is_calm(-50 * MS), "it hurries");
    }
}
