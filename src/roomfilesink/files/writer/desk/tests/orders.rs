// SPDX-License-Identifier: MPL-2.0
//! The steps of the threads of one file, in any order that locks and the schedule allow.

use proptest::prelude::*;

use super::*;

const LANES: [usize; 2] = [0, 1];

/// What the threads have of a file, by lane: writing and syncing.
#[derive(Default)]
struct Threads {
    /// Decided, and not yet with the schedule.
    plans: [Vec<Plan>; 2],
    /// Found late after it went to the schedule; the schedule does not know that yet.
    hastens: [usize; 2],
    timed: [bool; 2],
    /// A thread was called, or has it.
    due: [bool; 2],
    writes: Option<usize>,
    syncs: Option<Sync>,
}

struct Model {
    desk: Desk,
    now: Instant,
    threads: Threads,
    handed_in: usize,
    written: usize,
    outcomes: Vec<bool>,
    has_erred: bool,
}

impl Model {
    fn new(watches_disk: bool) -> Self {
        let now = Instant::now();
        let mut desk = Desk::new(Duration::from_millis(100), watches_disk, now);
        let mut threads = Threads::default();
        threads.due[0] = true;
        threads.plans[1].push(desk.opened(now));
        Self {
            desk,
            now,
            threads,
            handed_in: 0,
            written: 0,
            outcomes: Vec::new(),
            has_erred: false,
        }
    }

    fn hand_in(&mut self, ops: Vec<Op>) {
        if self.desk.end.is_none() {
            self.handed_in += ops.iter().filter(|op| **op != Op::Finish).count();
        }
        let plan = self.desk.hand_in(ops);
        self.threads.plans[0].push(plan);
    }

    fn is_idle(&self, lane: usize) -> bool {
        let works = [self.threads.writes.is_some(), self.threads.syncs.is_some()];
        !works[lane]
    }

    /// One of the decided plans goes to the schedule.
    fn arrange(&mut self, lane: usize) {
        match self.threads.plans[lane].pop() {
            Some(Plan::Now) => self.make_due(lane),
            Some(Plan::Hasten) => self.hasten(lane),
            Some(Plan::Within(_)) => {
                assert!(!self.threads.timed[lane], "two tasks of one lane");
                self.threads.timed[lane] = true;
                if self.desk.is_late()[lane] {
                    self.threads.hastens[lane] += 1;
                }
            }
            _ => {}
        }
    }

    fn hasten(&mut self, lane: usize) {
        if std::mem::take(&mut self.threads.timed[lane]) {
            self.make_due(lane);
        }
    }

    fn make_due(&mut self, lane: usize) {
        assert!(!self.threads.due[lane], "two tasks of one lane");
        self.threads.due[lane] = true;
    }

    /// A thread begins with a turn, or ends one.
    fn work(&mut self, lane: usize, errs: bool) {
        let begins = self.is_idle(lane);
        if begins && !std::mem::take(&mut self.threads.due[lane]) {
            return;
        }
        let result = || match errs {
            true => Err(io::Error::other("bad disk")),
            false => Ok(()),
        };
        let plans = match lane {
            0 if begins => {
                self.threads.writes = Some(self.desk.take().len());
                return;
            }
            0 => {
                let count = self.threads.writes.take().unwrap_or(0);
                self.has_erred |= errs;
                self.written += if errs { 0 } else { count };
                self.desk.wrote(count > 0, result(), self.now)
            }
            _ if begins => {
                self.threads.syncs = self.desk.begin_sync(self.now);
                return self.conclude();
            }
            _ => {
                let Some(sync) = self.threads.syncs.take() else {
                    return;
                };
                self.has_erred |= errs;
                self.desk.synced(&sync, result(), self.now)
            }
        };
        for (at, plan) in LANES.into_iter().zip([plans.write, plans.sync]) {
            match plan {
                Plan::Again => self.make_due(at),
                plan => self.threads.plans[at].push(plan),
            }
        }
        self.conclude();
    }

    fn conclude(&mut self) {
        if let Some(outcome) = self.desk.outcome() {
            let threads = &self.threads;
            assert!(threads.writes.is_none() && threads.syncs.is_none());
            self.outcomes.push(outcome.result.is_ok());
        }
    }

    /// Until nobody has anything to do. Time passes only when all wait for it.
    fn settle(&mut self) {
        for _ in 0..200 {
            for lane in LANES {
                self.arrange(lane);
                if std::mem::take(&mut self.threads.hastens[lane]) > 0 {
                    self.hasten(lane);
                }
                self.work(lane, false);
            }
        }
    }
}

proptest! {
    #[test]
    fn a_file_ends_once_with_all_that_came_before_its_end_in_whatever_order_its_threads_step(
        watches_disk: bool,
        steps in proptest::collection::vec((0..9_u8, 0..2_usize, 0..2000_u64), 0..60),
        is_given_up: bool,
    ) {
        let mut model = Model::new(watches_disk);
        for (step, lane, ms) in steps {
            match step {
                0 | 1 => model.hand_in((0..=lane).map(|_| Op::Append(Vec::new())).collect()),
                2 | 3 => model.arrange(lane),
                4 if model.threads.timed[lane] => model.hasten(lane),
                5 if model.threads.hastens[lane] > 0 => {
                    model.threads.hastens[lane] -= 1;
                    model.hasten(lane);
                }
                6 => model.now += Duration::from_millis(ms),
                7 if ms < 100 => model.work(lane, true),
                7 | 8 => model.work(lane, false),
                _ => {}
            }
            prop_assert!(model.outcomes.is_empty() || model.has_erred);
        }
        if is_given_up {
            let plan = model.desk.give_up();
            model.threads.plans[0].push(plan);
        } else {
            model.hand_in(vec![Op::Append(Vec::new()), Op::Finish]);
        }
        model.settle();
        prop_assert_eq!(&model.outcomes, &[!model.has_erred], "once, and only errors fail");
        prop_assert!(model.has_erred || model.written == model.handed_in);
        prop_assert_eq!(model.threads.timed, [false; 2], "nothing holds the file any longer");
        prop_assert_eq!(model.threads.due, [false; 2]);
    }
}
