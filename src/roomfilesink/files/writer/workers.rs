// SPDX-License-Identifier: MPL-2.0
//! The threads that all open files of the process share: one for the time, and for each lane as many
//! as hang in a disk, and one more.
//!
//! Nothing bounds their number: with a bound, as many files on a share that is gone would stop all
//! others. It comes to one thread for each file and lane at worst. Threads without work end, and all
//! end with the last file. Plain Rust; the waits are the standard library's `park`, so that there is
//! nothing to wake while the lock is held.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use super::schedule::{LANES, Lane, Schedule};

/// A thread that is not called for this long ends: the one that is always there for its lane, and one
/// that came for a moment's need.
const IDLE: Duration = Duration::from_secs(2);
const SPARE_IDLE: Duration = Duration::from_millis(300);

pub(crate) trait Work: PartialEq + Send + 'static {
    fn run(self, lane: Lane);
}

pub(crate) struct Workers<T: Work> {
    /// No other lock is taken while this one is held.
    state: Mutex<State<T>>,
}

struct State<T> {
    schedule: Schedule<T>,
    /// Files that are open.
    files: usize,
    timer: Option<Thread>,
    /// Until when the timer rests; without it until it is called.
    rests_until: Option<Instant>,
    /// Idle threads, by lane; the last one that was busy comes last, and is
    /// called first, so that the others may end.
    idle: [Vec<Thread>; 2],
}

/// The threads that are called once the lock is free.
#[must_use]
#[derive(Default)]
struct Calls {
    wake: Vec<Thread>,
    start: Vec<Lane>,
}

impl<T> State<T> {
    /// Calls a thread of this lane.
    fn call(&mut self, lane: Lane, calls: &mut Calls) {
        match self.idle[lane as usize].pop() {
            Some(thread) => calls.wake.push(thread),
            None => calls.start.push(lane),
        }
    }

    /// Sees to it that the timer wakes by then.
    fn call_timer(&mut self, by: Instant, calls: &mut Calls) {
        if self.rests_until.is_none_or(|until| by < until) {
            self.rests_until = Some(by);
            calls.wake.extend(self.timer.clone());
        }
    }
}

impl<T: Work> Workers<T> {
    pub(crate) fn new() -> Self {
        let state = State {
            schedule: Schedule::new(Instant::now()),
            files: 0,
            timer: None,
            rests_until: None,
            idle: [Vec::new(), Vec::new()],
        };
        Self {
            state: Mutex::new(state),
        }
    }

    /// Counts a file that is open from now on; [`leave`](Self::leave) must follow.
    pub(crate) fn enter(&'static self) -> io::Result<()> {
        let mut state = self.lock();
        if state.timer.is_none() {
            let timer = thread::Builder::new()
                .name("roomfile:time".into())
                .spawn(move || self.keep_time())?;
            state.timer = Some(timer.thread().clone());
        }
        state.files += 1;
        Ok(())
    }

    pub(crate) fn leave(&'static self) {
        let mut state = self.lock();
        state.files -= 1;
        let mut calls = Calls::default();
        if state.files == 0 {
            calls.wake.extend(state.timer.clone());
            for idle in &mut state.idle {
                calls.wake.append(idle);
            }
        }
        drop(state);
        self.carry_out(calls);
    }

    /// Has a thread do this at once.
    pub(crate) fn now(&'static self, lane: Lane, task: T) {
        let mut state = self.lock();
        let mut calls = Calls::default();
        state.schedule.add(Instant::now(), lane, task);
        state.call(lane, &mut calls);
        drop(state);
        self.carry_out(calls);
    }

    /// Has this done when `delay` has passed, or up to a tick earlier.
    pub(crate) fn within(&'static self, delay: Duration, lane: Lane, task: T) {
        let mut state = self.lock();
        let mut calls = Calls::default();
        let now = Instant::now();
        match state.schedule.add_within(now, delay, lane, task) {
            Some(tick) => state.call_timer(tick, &mut calls),
            None => state.call(lane, &mut calls),
        }
        drop(state);
        self.carry_out(calls);
    }

    /// Has this done at once if it waits for its time.
    pub(crate) fn hasten(&'static self, lane: Lane, task: &T) {
        let mut state = self.lock();
        let mut calls = Calls::default();
        if state.schedule.hasten(Instant::now(), lane, task) {
            state.call(lane, &mut calls);
        }
        drop(state);
        self.carry_out(calls);
    }

    fn carry_out(&'static self, calls: Calls) {
        calls.wake.iter().for_each(Thread::unpark);
        for lane in calls.start {
            let name = match lane {
                Lane::Write => "roomfile:write",
                Lane::Sync => "roomfile:sync",
            };
            let thread = thread::Builder::new().name(name.into());
            if thread.spawn(move || self.work(lane)).is_err() {
                // The system has no thread to give. What waits is looked at again with each tick.
                let mut calls = Calls::default();
                self.lock().call_timer(Instant::now(), &mut calls);
                calls.wake.iter().for_each(Thread::unpark);
            }
        }
    }

    /// The timer's thread.
    fn keep_time(&'static self) {
        loop {
            let mut state = self.lock();
            if state.files == 0 {
                state.timer = None;
                return;
            }
            let now = Instant::now();
            let mut calls = Calls::default();
            for (lane, count) in LANES.into_iter().zip(state.schedule.tick(now)) {
                (0..count).for_each(|_| state.call(lane, &mut calls));
            }
            state.rests_until = state.schedule.next_tick(now);
            let until = state.rests_until;
            drop(state);
            self.carry_out(calls);
            match until {
                Some(until) => {
                    thread::park_timeout(until.saturating_duration_since(Instant::now()))
                }
                None => thread::park(),
            }
        }
    }

    /// A worker's thread.
    fn work(&'static self, lane: Lane) {
        loop {
            let mut state = self.lock();
            if let Some(task) = state.schedule.take(lane) {
                drop(state);
                task.run(lane);
                continue;
            }
            if state.files == 0 {
                return;
            }
            let idle = &mut state.idle[lane as usize];
            let time = if idle.is_empty() { IDLE } else { SPARE_IDLE };
            idle.push(thread::current());
            drop(state);
            if !self.rest(lane, time) {
                return;
            }
        }
    }

    /// Waits until the thread is called. False if that takes too long.
    fn rest(&'static self, lane: Lane, time: Duration) -> bool {
        let until = Instant::now() + time;
        let me = thread::current().id();
        loop {
            thread::park_timeout(until.saturating_duration_since(Instant::now()));
            let mut state = self.lock();
            let idle = &mut state.idle[lane as usize];
            let Some(at) = idle.iter().position(|t| t.id() == me) else {
                return true;
            };
            if Instant::now() >= until {
                idle.remove(at);
                return false;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    /// Takes as long as somebody holds the sender.
    struct Hang(Arc<(mpsc::Sender<()>, Mutex<mpsc::Receiver<()>>)>);

    impl PartialEq for Hang {
        fn eq(&self, other: &Self) -> bool {
            Arc::ptr_eq(&self.0, &other.0)
        }
    }

    impl Work for Hang {
        fn run(self, _: Lane) {
            self.0.0.send(()).unwrap();
            let _ = self.0.1.lock().unwrap().recv();
        }
    }

    /// How many of so many tasks, which all hang, have begun in the end.
    fn begun(count: usize, add: impl Fn(&'static Workers<Hang>, Hang)) -> usize {
        let workers: &'static Workers<Hang> = Box::leak(Box::new(Workers::new()));
        workers.enter().unwrap();
        let (begins, begun) = mpsc::channel();
        let mut holds = Vec::new();
        for _ in 0..count {
            let (hold, release) = mpsc::channel();
            holds.push(hold);
            add(
                workers,
                Hang(Arc::new((begins.clone(), Mutex::new(release)))),
            );
        }
        let begun = (0..count).map_while(|_| begun.recv_timeout(Duration::from_secs(10)).ok());
        let begun = begun.count();
        drop(holds);
        workers.leave();
        begun
    }

    #[test]
    fn every_task_gets_a_thread_if_those_before_it_hang() {
        for lane in LANES {
            let now = |workers: &'static Workers<_>, task| workers.now(lane, task);
            assert_eq!(begun(30, now), 30);
            let timed = |workers: &'static Workers<_>, task| {
                workers.within(3 * super::super::schedule::TICK, lane, task);
            };
            assert_eq!(begun(30, timed), 30);
        }
    }

    #[test]
    fn threads_end_with_the_last_file() {
        let workers: &'static Workers<Hang> = Box::leak(Box::new(Workers::new()));
        workers.enter().unwrap();
        workers.enter().unwrap();
        let timer = workers.lock().timer.clone();
        workers.leave();
        assert_eq!(
            workers.lock().timer.as_ref().map(Thread::id),
            timer.as_ref().map(Thread::id)
        );
        workers.leave();
        let began = Instant::now();
        while workers.lock().timer.is_some() {
            assert!(began.elapsed() < Duration::from_secs(10), "the timer stays");
            thread::yield_now();
        }
    }
}
