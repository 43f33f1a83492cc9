// SPDX-License-Identifier: MPL-2.0
//! Puts the packets of one SSRC in order. A packet waits for those before it that are missing, and
//! no longer than `latency` counted from when the first packet behind the hole came; nothing waits
//! where nothing is missing.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::{Duration, Instant};

/// Of one SSRC. More wait only if a publisher leaves out a packet and sends 5,000 in half a
/// second.
const MAX_WAITING: usize = 4096;

/// Holes that are kept in mind, to tell what came too late from what came twice.
const MAX_HOLES: usize = 64;

#[derive(Debug)]
pub(crate) struct Jitter<T> {
    latency: Duration,
    /// What is to go out next; `None` before the first.
    next: Option<u64>,
    /// The newest of those that were given up. All before the first packet are.
    given_up: VecDeque<Range<u64>>,
    waiting: BTreeMap<u64, (Instant, T)>,
    /// When the first of those that wait came.
    since: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is the next one, and goes out at once.
    Next,
    /// It waits, behind packets that are missing.
    Waits,
    /// It was given up.
    TooLate,
    /// It is here already, or was.
    Twice,
}

/// A packet that goes out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Released<T> {
    pub index: u64,
    /// So many before it are missing for good.
    pub lost: u64,
    pub item: T,
}

impl<T> Jitter<T> {
    pub(crate) fn new(latency: Duration) -> Self {
        Self {
            latency,
            next: None,
            given_up: VecDeque::new(),
            waiting: BTreeMap::new(),
            since: None,
        }
    }

    /// Also for what waits already.
    pub(crate) fn set_latency(&mut self, latency: Duration) {
        self.latency = latency;
    }

    /// The next packet that is to go out.
    pub(crate) fn next(&self) -> Option<u64> {
        self.next
    }

    pub(crate) fn has(&self, index: u64) -> bool {
        self.waiting.contains_key(&index)
    }

    /// Where a packet belongs. It counts as gone out if it is the next.
    pub(crate) fn place(&mut self, index: u64) -> Place {
        match self.next {
            Some(next) if index < next => match self.was_given_up(index) {
                true => Place::TooLate,
                false => Place::Twice,
            },
            Some(next) if index > next => match self.has(index) {
                true => Place::Twice,
                false => Place::Waits,
            },
            // The first one goes out at once, even if it has overtaken another: everybody else's
            // recording begins that much sooner.
            _ => {
                if self.next.is_none() {
                    self.given_up.push_back(0..index);
                }
                self.next = Some(index + 1);
                Place::Next
            }
        }
    }

    fn was_given_up(&self, index: u64) -> bool {
        self.given_up.iter().any(|hole| hole.contains(&index))
    }

    /// Keeps a packet that [`Place::Waits`].
    pub(crate) fn keep(&mut self, now: Instant, index: u64, item: T) {
        self.since.get_or_insert(now);
        self.waiting.insert(index, (now, item));
    }

    /// The next of those that wait, if none is missing before it any more, or if it has waited long
    /// enough.
    pub(crate) fn release(&mut self, now: Instant) -> Option<Released<T>> {
        let next = self.next?;
        let (&index, _) = self.waiting.first_key_value()?;
        let is_due = self.deadline().is_some_and(|deadline| now >= deadline);
        if index > next && !is_due && self.waiting.len() <= MAX_WAITING {
            return None;
        }
        let (index, (_, item)) = self.waiting.pop_first()?;
        self.next = Some(index + 1);
        if index > next {
            if self.given_up.len() >= MAX_HOLES {
                self.given_up.pop_front();
            }
            self.given_up.push_back(next..index);
        }
        // The hole that has waited longest is gone; is there another?
        let follows = self.waiting.first_key_value();
        if follows.is_none_or(|(&follows, _)| follows > index + 1) {
            self.since = self.waiting.values().map(|(arrival, _)| *arrival).min();
        }
        Some(Released {
            index,
            lost: index.saturating_sub(next),
            item,
        })
    }

    /// When the newest of those that wait came.
    pub(crate) fn newest(&self) -> Option<Instant> {
        self.waiting.values().map(|(arrival, _)| *arrival).max()
    }

    /// When something that waits goes out at the latest.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.since.map(|since| since + self.latency)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LATENCY: Duration = Duration::from_millis(500);

    struct Scene {
        start: Instant,
        jitter: Jitter<u64>,
        out: Vec<(u64, u64, u64)>,
    }

    impl Scene {
        fn new() -> Self {
            Self {
                start: Instant::now(),
                jitter: Jitter::new(LATENCY),
                out: Vec::new(),
            }
        }

        fn at(&self, ms: u64) -> Instant {
            self.start + Duration::from_millis(ms)
        }

        /// A packet comes; what goes out is noted with its time and what is lost before it.
        fn comes(&mut self, ms: u64, index: u64) -> Place {
            let place = self.jitter.place(index);
            match place {
                Place::Next => self.out.push((ms, index, 0)),
                Place::Waits => self.jitter.keep(self.at(ms), index, index),
                Place::TooLate | Place::Twice => {}
            }
            self.passes(ms);
            place
        }

        fn passes(&mut self, ms: u64) {
            while let Some(released) = self.jitter.release(self.at(ms)) {
                assert_eq!(released.index, released.item);
                self.out.push((ms, released.index, released.lost));
            }
        }
    }

    #[test]
    fn nothing_waits_where_nothing_is_missing() {
        let mut scene = Scene::new();
        for n in 0..5 {
            assert_eq!(scene.comes(n * 20, 100 + n), Place::Next);
        }
        assert_eq!(scene.out.len(), 5);
        assert_eq!(scene.jitter.deadline(), None);
    }

    #[test]
    fn what_was_overtaken_is_put_back() {
        let mut scene = Scene::new();
        for (ms, index) in [(0, 10), (1, 12), (2, 13), (9, 11), (10, 14)] {
            scene.comes(ms, index);
        }
        assert_eq!(
            scene.out,
            [(0, 10, 0), (9, 11, 0), (9, 12, 0), (9, 13, 0), (10, 14, 0)]
        );
        assert_eq!(scene.jitter.deadline(), None);
    }

    #[test]
    fn a_hole_is_waited_for_as_long_as_promised_and_then_marked() {
        let mut scene = Scene::new();
        scene.comes(0, 10);
        scene.comes(100, 13);
        scene.comes(550, 14);
        assert_eq!(scene.jitter.deadline(), Some(scene.at(600)));
        scene.passes(599);
        assert_eq!(scene.out.len(), 1);
        scene.passes(600);
        assert_eq!(scene.out[1..], [(600, 13, 2), (600, 14, 0)]);
        assert_eq!(scene.comes(601, 12), Place::TooLate);
        assert_eq!(scene.comes(602, 15), Place::Next);
    }

    #[test]
    fn another_latency_goes_for_what_waits_already() {
        let mut scene = Scene::new();
        scene.comes(0, 10);
        scene.comes(100, 12);
        scene.jitter.set_latency(LATENCY / 5);
        assert_eq!(scene.jitter.deadline(), Some(scene.at(200)));
        scene.passes(200);
        assert_eq!(scene.out[1..], [(200, 12, 1)]);
    }

    #[test]
    fn each_hole_has_its_own_time() {
        let mut scene = Scene::new();
        scene.comes(0, 10);
        scene.comes(100, 12);
        scene.comes(300, 14);
        scene.passes(600);
        assert_eq!(scene.out[1..], [(600, 12, 1)]);
        assert_eq!(scene.jitter.deadline(), Some(scene.at(800)));
        scene.passes(799);
        assert_eq!(scene.out.len(), 2);
        scene.passes(800);
        assert_eq!(scene.out[2..], [(800, 14, 1)]);
    }

    #[test]
    fn a_hole_that_is_filled_does_not_shorten_the_time_of_the_next() {
        let mut scene = Scene::new();
        scene.comes(0, 10);
        scene.comes(100, 12);
        scene.comes(300, 14);
        scene.comes(400, 11);
        assert_eq!(scene.out[1..], [(400, 11, 0), (400, 12, 0)]);
        assert_eq!(scene.jitter.deadline(), Some(scene.at(800)));
    }

    #[test]
    fn a_packet_that_comes_twice_goes_out_once() {
        let mut scene = Scene::new();
        scene.comes(0, 10);
        assert_eq!(scene.comes(1, 10), Place::Twice);
        assert_eq!(scene.comes(2, 12), Place::Waits);
        assert_eq!(scene.comes(3, 12), Place::Twice);
        scene.comes(4, 11);
        assert_eq!(scene.out.len(), 3);
    }

    #[test]
    fn what_the_first_packet_has_overtaken_is_too_late() {
        let mut scene = Scene::new();
        scene.comes(0, 10);
        assert_eq!(scene.comes(1, 9), Place::TooLate);
        assert_eq!(scene.comes(2, 10), Place::Twice);
    }

    #[test]
    fn memory_is_bounded() {
        let mut scene = Scene::new();
        scene.comes(0, 0);
        for index in 2..10_000 {
            scene.comes(1, index);
        }
        assert_eq!(scene.out[1], (1, 2, 1), "given up before its time");
        assert_eq!(scene.out.len(), 9_999);
        let mut scene = Scene::new();
        scene.comes(0, 0);
        for n in 1..10_000 {
            scene.comes(1, 2 * n);
        }
        assert!(scene.jitter.waiting.len() <= MAX_WAITING + 1);
        assert_eq!(scene.jitter.given_up.len(), MAX_HOLES);
    }
}
