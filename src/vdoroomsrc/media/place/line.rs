// SPDX-License-Identifier: MPL-2.0
//! Where a packet belongs, and a copy of what tells it, which a track places by without asking its
//! session.
//!
//! Audio and video have threads of their own, which would wait for each other at each packet if all
//! were placed by what they share. A line holds until the session's timeline changes by more than
//! [`TOLERANCE`].

use super::count::Count;
use super::course::Course;
use super::units::MS;

/// The timeline follows networks and clocks all the time. A line does so in steps of this size,
/// which a [`Course`] makes as slowly as any other.
const TOLERANCE: i128 = MS / 10;

/// Where a packet belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place {
    /// In running time; none for a packet of a frame that was sent before, long before those
    /// around it.
    pub time: Option<i128>,
    /// When it was captured by the sender's clock, since 1900, if that is known.
    pub ntp: Option<i128>,
}

/// What places depend on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Basis {
    /// What is to be between RTP time and running time.
    pub wanted: i128,
    /// It is reports that tell.
    pub is_believed: bool,
    /// The sender's clock minus RTP time, if that is known.
    pub clock: Option<i128>,
    /// Of how timestamps are counted.
    pub changes: u32,
}

impl Basis {
    /// Whether places by this one are as good as those by `now`.
    pub(crate) fn holds(&self, now: &Self) -> bool {
        let others = |basis: &Self| (basis.is_believed, basis.clock, basis.changes);
        (now.wanted - self.wanted).abs() <= TOLERANCE && others(now) == others(self)
    }
}

/// What a track places by.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line {
    count: Count,
    basis: Basis,
    course: Course,
}

impl Line {
    pub(crate) fn new(count: Count, basis: Basis, course: Course) -> Self {
        Self {
            count,
            basis,
            course,
        }
    }

    /// How far it has come.
    pub(crate) fn course(&self) -> &Course {
        &self.course
    }

    /// The place of the next packet; none if its timestamp is not near to the one before.
    pub(crate) fn place(&mut self, rtp: u32) -> Option<Place> {
        let count = self.count.at(rtp);
        let time = count.time();
        if !self.course.is_around(time) {
            return None;
        }
        self.count = count;
        let Basis {
            wanted,
            is_believed,
            clock,
            ..
        } = self.basis;
        Some(Place {
            time: Some(self.course.move_to(wanted, time, is_believed)),
            ntp: clock.map(|clock| time + clock),
        })
    }
}

/// A place by the session's timeline, and what the track can go by from there on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub place: Place,
    pub line: Option<Line>,
    /// Of the timeline: both hold as long as it has the same one.
    pub generation: u64,
}
