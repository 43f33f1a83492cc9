// SPDX-License-Identifier: MPL-2.0
//! One queue for the times at which connections want to be called.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::time::Instant;

use super::demux::Id;

#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// What was set before stays in the queue until it is due, and then counts no more.
    queue: BinaryHeap<Reverse<(Instant, Id)>>,
    set: HashMap<Id, Instant>,
}

impl Timers {
    pub(crate) fn set(&mut self, id: Id, at: Instant) {
        let before = self.set.insert(id, at);
        // A later one is put in when the earlier is due: most are moved on again and again.
        if before.is_none_or(|before| at < before) {
            self.queue.push(Reverse((at, id)));
        }
    }

    pub(crate) fn remove(&mut self, id: Id) {
        self.set.remove(&id);
    }

    /// One that is due.
    pub(crate) fn due(&mut self, now: Instant) -> Option<Id> {
        while let Some(&Reverse((at, id))) = self.queue.peek()
            && at <= now
        {
            self.queue.pop();
            match self.set.get(&id) {
                Some(set) if *set <= now => {
                    self.set.remove(&id);
                    return Some(id);
                }
                Some(set) => self.queue.push(Reverse((*set, id))),
                None => {}
            }
        }
        None
    }

    /// When something may be due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.queue.peek().map(|Reverse((at, _))| *at)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_is_called_at_its_newest_time_and_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = Timers::default();
        timers.set(Id(1), at(10));
        timers.set(Id(2), at(30));
        timers.set(Id(1), at(20));
        timers.set(Id(2), at(5));
        assert_eq!(timers.due(at(4)), None);
        assert_eq!(timers.due(at(5)), Some(Id(2)));
        assert_eq!(timers.due(at(15)), None);
        assert_eq!(timers.due(at(20)), Some(Id(1)));
        assert_eq!(timers.due(at(99)), None);
        assert_eq!(timers.next(), None);
    }

    #[test]
    fn what_is_removed_is_not_called_and_the_queue_stays_short() {
        let start = Instant::now();
        let mut timers = Timers::default();
        for ms in 0..10_000 {
            timers.set(Id(1), start + Duration::from_millis(ms));
        }
        assert!(timers.queue.len() < 10);
        timers.remove(Id(1));
        assert_eq!(timers.due(start + Duration::from_secs(60)), None);
    }
}
