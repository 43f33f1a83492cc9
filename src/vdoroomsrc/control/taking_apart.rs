// SPDX-License-Identifier: MPL-2.0
//! What has ended is taken apart, and what stays of it waits. Runs on the control thread.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use super::reload::Kept;
use super::thread::Control;
use crate::vdoroomsrc::connection::Remains;
use crate::vdoroomsrc::reports::Command;

/// How long the parts of a session may take to stop before they are left behind.
const PATIENCE: Duration = Duration::from_secs(1);
/// The same when the element stops: NULL is a second away at most, and consumers had their time.
const LAST_PATIENCE: Duration = Duration::from_millis(250);

impl Control {
    pub(super) fn take_apart(&mut self, remains: Remains) {
        self.reaper.begin(remains, &self.reports);
    }

    /// Something has stopped. Pads that stay wait for their stream from now on.
    pub(super) fn stopped(&mut self, element: &gst::Bin) {
        let Some(mut remains) = self.reaper.stopped(element, &self.reports) else {
            return;
        };
        let tracks = remains.take_kept().into_iter();
        let (stream, announced) = (&remains.stream, &remains.announced);
        let kept = tracks.map(|track| Kept::new(stream.clone(), announced.clone(), track));
        self.kept
            .add(kept.collect(), Instant::now(), self.config.rejoin_window);
    }

    pub(super) fn poll_remains(&mut self, element: &gst::Bin, now: Instant) {
        self.reaper.leave_behind(element, now, PATIENCE);
    }

    /// Takes everything apart, in the time that is left: the element stops.
    pub(super) fn take_all_apart(&mut self, element: &gst::Bin, commands: &Receiver<Command>) {
        for (id, session) in std::mem::take(&mut self.sessions) {
            let mut remains = session.into_remains();
            remains.keep_none();
            self.take_apart(remains);
            self.publish_view(id);
        }
        self.reaper.start_all(&self.reports);
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
                Ok(Command::Stopped) => self.stopped(element),
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
