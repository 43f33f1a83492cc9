// SPDX-License-Identifier: MPL-2.0
//! Stops the elements of ended sessions, on threads of their own.
//!
//! Stopping an element waits for its streaming threads, and a consumer may block one of these for any
//! time. An ICE agent of GStreamer 1.28 takes up to 2 s to close. The control thread waits for none
//! of them. It removes stopped elements from the source, and after [`PATIENCE`] also those that have
//! not stopped, so that names are free and the element can go to NULL while a thread keeps waiting.

use std::collections::VecDeque;
use std::fmt;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use gst::prelude::*;

use crate::vdoroomsrc::reports::Command;
use super::thread::Control;
use crate::vdoroomsrc::reports::Reports;
use crate::vdoroomsrc::media::VdoRoomSrcPad;
use crate::vdoroomsrc::control::reload::Kept;
use crate::vdoroomsrc::media::Track;
use crate::vdoroomsrc::reports::CAT;
use crate::vdoroomsrc::element::VdoRoomSrc;
use crate::protocol::{SessionId, StreamId};

/// How long the parts of a session may take to stop before they are left behind.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same when the element stops: NULL is a second away at most, and consumers had their time.
const LAST_PATIENCE: Duration = Duration::from_millis(250);

/// Threads at once. Only consumers that never return need so many.
const MAX_THREADS: usize = 32;

/// To be taken apart. Whatever becomes of it, its elements are stopped before they go.
pub(crate) struct Remains {
    pub session: Option<SessionId>,
    pub stream: StreamId,
    pub group_id: gst::GroupId,
    pub webrtcbin: Option<gst::Element>,
    /// Whose pads go.
    pub tracks: Vec<Track>,
    /// Whose pads stay for the next session.
    pub kept: Vec<Track>,
}

impl fmt::Debug for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Remains({:?}, {})", self.session, self.stream)
    }
}

impl Remains {
    /// A pad that has waited for a session in vain.
    pub(crate) fn of_pad(stream: StreamId, group_id: gst::GroupId, track: Track) -> Self {
        Self {
            session: None,
            stream,
            group_id,
            webrtcbin: None,
            tracks: vec![track],
            kept: Vec::new(),
        }
    }

    /// Stops all of it. Waits for consumers.
    fn stop(&self) {
        let stuck = self.tracks.iter().filter(|track| !track.eos_left);
        let held = self.kept.iter().filter(|track| track.is_held());
        let flushed: Vec<&Track> = stuck.chain(held).collect();
        for track in &flushed {
            track.flush_consumer();
        }
        // The source first, so that nothing pushes into elements that are stopped next.
        if let Some(webrtcbin) = &self.webrtcbin {
            stop(webrtcbin);
        }
        for track in &self.tracks {
            track.elements().for_each(stop);
        }
        for track in &flushed {
            track.end_flush();
        }
        for track in &self.tracks {
            let _ = track.pad.set_active(false);
        }
        for track in &self.kept {
            track.front().for_each(stop);
        }
    }

    /// What goes out of the element: pads, and elements.
    fn parts(&self) -> Parts {
        let own = self.tracks.iter().flat_map(Track::elements);
        let front = self.kept.iter().flat_map(Track::front);
        let elements = self.webrtcbin.iter().chain(own).chain(front);
        Parts {
            pads: self.tracks.iter().map(|track| track.pad.clone()).collect(),
            elements: elements.cloned().collect(),
        }
    }

    /// The tracks whose pads stay, once the rest has been taken out.
    fn take_kept(&mut self) -> Vec<Kept> {
        let (stream, group_id) = (self.stream.clone(), self.group_id);
        let keep = |mut track: Track| {
            track.retire();
            Kept::new(stream.clone(), group_id, track)
        };
        self.kept.drain(..).map(keep).collect()
    }

    /// No session continues with what was kept.
    fn keep_none(&mut self) {
        self.tracks.append(&mut self.kept);
    }
}

impl Drop for Remains {
    fn drop(&mut self) {
        let own = self.tracks.iter().chain(&self.kept);
        let own = own.flat_map(Track::elements);
        self.webrtcbin.iter().chain(own).for_each(stop);
    }
}

/// An element that has stopped stays so.
pub(crate) fn stop(element: &gst::Element) {
    element.set_locked_state(true);
    let _ = element.set_state(gst::State::Null);
}

/// Takes an element out of its bin, which may have let go of it already.
pub(crate) fn take_out(element: &gst::Element, bin: &gst::Bin) {
    element.set_locked_state(true);
    if element.parent().as_ref() == Some(bin.upcast_ref()) {
        let _ = bin.remove(element);
    }
}

struct Parts {
    pads: Vec<VdoRoomSrcPad>,
    elements: Vec<gst::Element>,
}

impl Parts {
    /// Does not wait, whether they have stopped or not.
    fn take_out(&self, element: &VdoRoomSrc) {
        for pad in &self.pads {
            if pad.parent().as_ref() == Some(element.upcast_ref()) {
                let _ = element.remove_pad(pad);
            }
        }
        for part in &self.elements {
            take_out(part, element.upcast_ref());
        }
    }
}

/// A session that is being taken apart.
struct Job {
    number: u64,
    session: Option<SessionId>,
    stream: StreamId,
    /// With what would be kept.
    parts: Parts,
    since: Instant,
}

/// All sessions that are being taken apart.
#[derive(Default)]
pub(crate) struct Reaper {
    last: u64,
    jobs: Vec<Job>,
    /// For want of a thread.
    waiting: VecDeque<(u64, Remains)>,
    threads: usize,
}

impl Reaper {
    pub(crate) fn is_empty(&self) -> bool {
        self.jobs.is_empty()
    }

    pub(crate) fn has(&self, session: SessionId) -> bool {
        self.jobs.iter().any(|job| job.session == Some(session))
    }

    /// Whose pads are about to go.
    pub(crate) fn streams(&self) -> impl Iterator<Item = &StreamId> {
        self.jobs.iter().map(|job| &job.stream)
    }

    fn begin(&mut self, remains: Remains, reports: &Reports) {
        let kept = remains.kept.iter();
        let mut parts = remains.parts();
        for track in kept {
            parts.pads.push(track.pad.clone());
            parts.elements.extend(track.elements().cloned());
        }
        self.last += 1;
        self.jobs.push(Job {
            number: self.last,
            session: remains.session,
            stream: remains.stream.clone(),
            parts,
            since: Instant::now(),
        });
        self.waiting.push_back((self.last, remains));
        self.start(MAX_THREADS, reports);
    }

    fn start(&mut self, most: usize, reports: &Reports) {
        while self.threads < most
            && let Some((number, remains)) = self.waiting.pop_front()
        {
            self.threads += 1;
            let reports = reports.clone();
            on_a_thread(move || {
                remains.stop();
                // Nobody listens any more once the element has stopped.
                let _ = reports.commands.send(Command::Stopped { number, remains });
            });
        }
    }

    /// Removes the stopped elements of a job; the rest stays in work.
    fn stopped(
        &mut self,
        element: &VdoRoomSrc,
        number: u64,
        mut remains: Remains,
        reports: &Reports,
    ) -> Vec<Kept> {
        self.threads = self.threads.saturating_sub(1);
        self.start(MAX_THREADS, reports);
        let Some(position) = self.jobs.iter().position(|job| job.number == number) else {
            // It was left behind, and stops only now.
            on_a_thread(move || drop(remains));
            return Vec::new();
        };
        self.jobs.swap_remove(position);
        remains.parts().take_out(element);
        remains.take_kept()
    }

    /// Leaves behind what does not stop.
    fn leave_behind(&mut self, element: &VdoRoomSrc, now: Instant, patience: Duration) {
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

impl Control {
    pub(crate) fn take_apart(&mut self, remains: Remains) {
        self.reaper.begin(remains, &self.reports);
    }

    pub(crate) fn stopped(&mut self, element: &VdoRoomSrc, number: u64, remains: Remains) {
        let kept = self.reaper.stopped(element, number, remains, &self.reports);
        self.kept
            .add(kept, Instant::now(), self.config.rejoin_window);
    }

    pub(crate) fn poll_remains(&mut self, element: &VdoRoomSrc, now: Instant) {
        self.reaper.leave_behind(element, now, PATIENCE);
    }

    /// Takes everything apart, in the time that is left: the element stops.
    pub(crate) fn take_all_apart(&mut self, element: &VdoRoomSrc, commands: &Receiver<Command>) {
        for (_, session) in std::mem::take(&mut self.sessions) {
            let mut remains = session.into_remains();
            remains.keep_none();
            self.take_apart(remains);
        }
        self.publish_views();
        self.reaper.start(usize::MAX, &self.reports.clone());
        let deadline = Instant::now() + LAST_PATIENCE;
        loop {
            for remains in self.kept.take_all() {
                self.take_apart(remains);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if self.reaper.is_empty() {
                break;
            }
            match commands.recv_timeout(left) {
                Ok(Command::Stopped { number, remains }) => self.stopped(element, number, remains),
                // Of sessions that are gone, or about a room that is.
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.reaper
            .leave_behind(element, Instant::now(), Duration::ZERO);
        self.tell_who_left(element);
    }
}
