// SPDX-License-Identifier: MPL-2.0
//! What is to be done for the open files, when, and how many threads that takes. A value: time comes
//! from the caller.
//!
//! Work that can wait is done on common ticks, so that one thread wakes once for all files.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Also the longest that work of one file waits for a thread that hangs in another's.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// Writing and syncing have threads of their own: a sync takes long on a busy disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    Write,
    Sync,
}

pub(crate) const LANES: [Lane; 2] = [Lane::Write, Lane::Sync];

pub(crate) struct Schedule<T> {
    /// The ticks count from here.
    epoch: Instant,
    timed: Vec<(Instant, Lane, T)>,
    /// What is due, and since when. By lane.
    due: [VecDeque<(Instant, T)>; 2],
}

impl<T: PartialEq> Schedule<T> {
    pub(crate) fn new(epoch: Instant) -> Self {
        Self {
            epoch,
            timed: Vec::new(),
            due: [VecDeque::new(), VecDeque::new()],
        }
    }

    /// Work for a thread that is called for it.
    pub(crate) fn add(&mut self, now: Instant, lane: Lane, task: T) {
        self.due[lane as usize].push_back((now, task));
    }

    /// Work for the last tick before `delay` has passed. Without one the work is due, and it is up
    /// to the caller to call a thread.
    pub(crate) fn add_within(
        &mut self,
        now: Instant,
        delay: Duration,
        lane: Lane,
        task: T,
    ) -> Option<Instant> {
        let tick = self.tick_at(now + delay);
        if tick > now {
            self.timed.push((tick, lane, task));
            return Some(tick);
        }
        self.add(now, lane, task);
        None
    }

    /// Makes due what waits for its tick. False if it is due already, or not scheduled.
    pub(crate) fn hasten(&mut self, now: Instant, lane: Lane, task: &T) -> bool {
        let is_it = |(_, l, t): &(Instant, Lane, T)| *l == lane && t == task;
        let Some(at) = self.timed.iter().position(is_it) else {
            return false;
        };
        let (_, _, task) = self.timed.swap_remove(at);
        self.add(now, lane, task);
        true
    }

    pub(crate) fn take(&mut self, lane: Lane) -> Option<T> {
        self.due[lane as usize].pop_front().map(|(_, task)| task)
    }

    /// Makes due what this tick has brought. Says for each lane how many threads to call.
    ///
    /// One is enough as long as it gets through by the next tick. If it does not, it may hang, and
    /// so may any other: then all that waits gets a thread each.
    pub(crate) fn tick(&mut self, now: Instant) -> [usize; 2] {
        LANES.map(|lane| {
            let due = &mut self.due[lane as usize];
            let is_stuck = |(since, _): &(Instant, T)| *since + TICK / 2 <= now;
            let is_stuck = due.front().is_some_and(is_stuck);
            let came = self
                .timed
                .extract_if(.., |(at, l, _)| *l == lane && *at <= now);
            let before = due.len();
            due.extend(came.map(|(_, _, task)| (now, task)));
            match is_stuck {
                true => due.len(),
                false => usize::from(due.len() > before),
            }
        })
    }

    /// When [`tick`](Self::tick) has something to do.
    pub(crate) fn next_tick(&self, now: Instant) -> Option<Instant> {
        let waits = self.due.iter().any(|due| !due.is_empty());
        let watch = waits.then(|| self.tick_at(now + TICK));
        let timed = self.timed.iter().map(|(at, ..)| *at);
        timed.chain(watch).min()
    }

    /// The last tick up to then.
    fn tick_at(&self, then: Instant) -> Instant {
        let since = then.saturating_duration_since(self.epoch);
        let into_tick = since.as_nanos() % TICK.as_nanos();
        then - Duration::from_nanos(u64::try_from(into_tick).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn schedule() -> (Schedule<char>, Instant) {
        let epoch = Instant::now();
        (Schedule::new(epoch), epoch)
    }

    fn all(schedule: &mut Schedule<char>, lane: Lane) -> String {
        std::iter::from_fn(|| schedule.take(lane)).collect()
    }

    #[test]
    fn what_comes_between_two_ticks_is_due_together_and_wakes_one_thread_of_its_lane() {
        let (mut schedule, epoch) = schedule();
        let tick = epoch + 100 * MS;
        for (ms, task) in [(1, 'a'), (40, 'b'), (99, 'c')] {
            let at = schedule.add_within(epoch + ms * MS, TICK, Lane::Write, task);
            assert_eq!(at, Some(tick));
        }
        assert_eq!(schedule.next_tick(epoch + 99 * MS), Some(tick));
        assert_eq!(schedule.tick(tick), [1, 0]);
        assert_eq!(all(&mut schedule, Lane::Write), "abc");
        assert_eq!(
            schedule.next_tick(tick),
            None,
            "nothing waits, nobody wakes"
        );
    }

    #[test]
    fn work_is_never_later_than_it_may_be_and_without_a_tick_in_time_it_is_due_at_once() {
        let (mut schedule, epoch) = schedule();
        let now = epoch + 50 * MS;
        let at = |ms| Some(epoch + ms * MS);
        assert_eq!(schedule.add_within(now, 900 * MS, Lane::Sync, 'a'), at(900));
        assert_eq!(schedule.add_within(now, 949 * MS, Lane::Sync, 'b'), at(900));
        assert_eq!(
            schedule.add_within(now, 950 * MS, Lane::Sync, 'c'),
            at(1000)
        );
        assert_eq!(schedule.add_within(now, 49 * MS, Lane::Sync, 'd'), None);
        assert_eq!(all(&mut schedule, Lane::Sync), "d");
    }

    #[test]
    fn what_is_hastened_is_due_once() {
        let (mut schedule, epoch) = schedule();
        schedule.add_within(epoch, TICK, Lane::Write, 'a');
        assert!(!schedule.hasten(epoch, Lane::Sync, &'a'));
        assert!(schedule.hasten(epoch, Lane::Write, &'a'));
        assert!(!schedule.hasten(epoch, Lane::Write, &'a'));
        assert_eq!(schedule.tick(epoch + TICK), [1, 0], "left over: watched");
        assert_eq!(all(&mut schedule, Lane::Write), "a");
    }

    #[test]
    fn what_a_thread_did_not_get_to_by_the_next_tick_gets_a_thread_each() {
        let (mut schedule, epoch) = schedule();
        for task in 'a'..='d' {
            schedule.add_within(epoch, TICK, Lane::Write, task);
            schedule.add_within(epoch, 2 * TICK, Lane::Sync, task);
        }
        assert_eq!(schedule.tick(epoch + TICK), [1, 0]);
        assert_eq!(schedule.take(Lane::Write), Some('a'), "and hangs in it");
        let next = epoch + 2 * TICK;
        assert_eq!(schedule.next_tick(epoch + TICK), Some(next));
        schedule.add_within(epoch + TICK, TICK, Lane::Write, 'e');
        assert_eq!(
            schedule.tick(next),
            [4, 1],
            "b, c, d and e; the other lane moves"
        );
    }
}
