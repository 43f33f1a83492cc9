// SPDX-License-Identifier: MPL-2.0
//! Stops the elements of ended sessions, on threads of their own.
//!
//! Stopping an element waits for its streaming threads, and a consumer may block one of these for any
//! time. An ICE agent of GStreamer 1.28 takes up to 2 s to close. The control thread waits for none
//! of them. It removes stopped elements from the source, and after [`PATIENCE`] also those that have
//! not stopped, so that names are free and the element can go to NULL while a thread keeps waiting.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use crate::protocol::{SessionId, StreamId};
use crate::vdoroomsrc::connection::{Parts, Remains};
use crate::vdoroomsrc::log::CAT;
use crate::vdoroomsrc::reports::{Command, Reports};

/// Threads at once. Only consumers that never return need so many.
const MAX_THREADS: usize = 32;

/// A session that is being taken apart.
struct Job {
    number: u64,
    session: Option<SessionId>,
    stream: StreamId,
    /// With what would be kept.
    parts: Parts,
    since: Instant,
}

/// With the number of its job.
type Numbered = (u64, Remains);

/// All sessions that are being taken apart.
pub(super) struct Reaper {
    last: u64,
    jobs: Vec<Job>,
    /// For want of a thread.
    waiting: VecDeque<Numbered>,
    threads: usize,
    /// What has stopped; [`Command::Stopped`] tells of it.
    stopped: (Sender<Numbered>, Receiver<Numbered>),
}

impl Default for Reaper {
    fn default() -> Self {
        Self {
            last: 0,
            jobs: Vec::new(),
            waiting: VecDeque::new(),
            threads: 0,
            stopped: channel(),
        }
    }
}

impl Reaper {
    pub(super) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(super) fn has(&self, session: SessionId) -> bool {
        self.jobs.iter().any(|job| job.session == Some(session))
    }

    /// Whose pads are about to go.
    pub(super) fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.jobs.iter().map(|job| &job.stream)
    }

    pub(super) fn begin(&mut self, remains: Remains, reports: &Reports) {
        self.last += 1;
        self.jobs.push(Job {
            number: self.last,
            session: remains.session,
            stream: remains.stream.clone(),
            parts: remains.all_parts(),
            since: Instant::now(),
        });
        self.waiting.push_back((self.last, remains));
        self.start(MAX_THREADS, reports);
    }

    /// No longer waits for a free thread.
    pub(super) fn start_all(&mut self, reports: &Reports) {
        self.start(usize::MAX, reports);
    }

    fn start(&mut self, most: usize, reports: &Reports) {
        while self.threads < most
            && let Some((number, remains)) = self.waiting.pop_front()
        {
            self.threads += 1;
            let (stopped, reports) = (self.stopped.0.clone(), reports.clone());
            on_a_thread(move || {
                remains.stop();
                // Nobody listens any more once the element has stopped.
                let _ = stopped.send((number, remains));
                reports.command(Command::Stopped);
            });
        }
    }

    /// Removes what has stopped from the element. The rest of its tracks is still in there.
    pub(super) fn stopped(&mut self, element: &gst::Bin, reports: &Reports) -> Option<Remains> {
        let (number, remains) = self.stopped.1.try_recv().ok()?;
        self.threads = self.threads.saturating_sub(1);
        self.start(MAX_THREADS, reports);
        let Some(position) = self.jobs.iter().position(|job| job.number == number) else {
            // It was left behind, and stops only now.
            on_a_thread(move || drop(remains));
            return None;
        };
        self.jobs.swap_remove(position);
        remains.parts().take_out(element);
        Some(remains)
    }

    /// Leaves behind what does not stop.
    pub(super) fn leave_behind(&mut self, element: &gst::Bin, now: Instant, patience: Duration) {
        let late = |job: &mut Job| now >= job.since + patience;
        for job in self.jobs.extract_if(.., late) {
            let stream = &job.stream;
            gst::warning!(
                CAT,
                obj = element,
                "A thread of {stream} is held: left behind"
            );
            job.parts.take_out(element);
        }
    }
}

/// Runs this on a thread of its own, or here if there is none.
fn on_a_thread(run: impl FnOnce() + Send + 'static) {
    let run = std::sync::Arc::new(std::sync::Mutex::new(Some(run)));
    let there = run.clone();
    let take = |run: &std::sync::Mutex<Option<_>>| {
        let mut run = run
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        run.take()
    };
    let spawned = thread::Builder::new()
        .name("vdoroom:end".into())
        .spawn(move || {
            if let Some(run) = take(&there) {
                run();
            }
        });
    if spawned.is_err()
        && let Some(run) = take(&run)
    {
        run();
    }
}
