// SPDX-License-Identifier: MPL-2.0
//! How the parts of a session end: in order, or by failing.

use std::time::{Duration, Instant};

use super::effects::{Context, Effect};
use super::part::{PartEvent, PartId};
use super::progress::Progress;
use super::record::{PartRecord, Reason};
use super::session::{MAX_WAITING, Session};
use super::waiting::TrackState;
use super::writer::FileWork;

/// A file that takes nothing for this long has failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);
/// Frames of one track that may wait for a slow disk: more than that would fill the memory.
const MAX_BACKLOG: usize = 3000;
/// After a failure the next part begins this much later; each further failure doubles it.
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(10);

/// When a session whose part failed may open the next one.
#[derive(Default)]
pub(super) struct Retry {
    pub at: Option<Instant>,
    delay: Option<Duration>,
    /// Why the last part failed.
    error: Option<String>,
    /// The work on files that were given up.
    given_up: Vec<FileWork>,
}

impl Retry {
    /// Whether no part may begin. While a write hangs, another file would hang as well, with
    /// everything that waits for it.
    pub(super) fn holds_back(&mut self, now: Instant) -> bool {
        self.given_up.retain(FileWork::is_alive);
        !self.given_up.is_empty() || self.at.is_some_and(|at| now < at)
    }

    /// The failure before this is history.
    fn forget(&mut self) {
        self.delay = None;
        self.error = None;
    }
}

impl Session {
    /// Tracks that are through leave their part; a part that nobody is left in ends at once.
    pub(super) fn release_ended(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut reason = None;
        for index in 0..self.tracks.len() {
            if !self.tracks[index].is_over() {
                continue;
            }
            self.stay_away(index);
            let track = &mut self.tracks[index];
            if let Some((id, index)) = track.home.take() {
                reason = track.ended;
                if let Some(part) = self.parts.iter_mut().find(|p| p.id() == id) {
                    part.add_dropped(index, std::mem::take(&mut track.dropped));
                    part.end_track(index);
                }
            }
        }
        self.finish_empty_parts(reason.unwrap_or(Reason::Eos), now, ctx);
        self.forget_ended();
    }

    fn forget_ended(&mut self) {
        let gone = |t: &TrackState| t.is_over() && t.home.is_none();
        for track in self.tracks.iter().filter(|t| gone(t)) {
            self.promised
                .retain(|id| Some(id) != track.stream_id.as_ref());
        }
        self.tracks.retain(|t| !gone(t));
    }

    pub(super) fn finish_empty_parts(
        &mut self,
        reason: Reason,
        now: Instant,
        ctx: &mut Context<'_>,
    ) {
        let mut failed = Vec::new();
        for part in &mut self.parts {
            let id = part.id();
            let lives = self
                .tracks
                .iter()
                .any(|t| t.home.is_some_and(|(home, _)| home == id));
            if lives || part.is_finishing() {
                continue;
            }
            part.record.session_end.clone_from(&self.session_end);
            if self.current == Some(id) {
                self.current = None;
                self.split = None;
                self.waiting_since = None;
            }
            if let Err(error) = part.finish(reason, now) {
                failed.push((id, error));
            }
        }
        for (id, error) in failed {
            self.fail_part(id, error, now, ctx);
        }
    }

    /// A part that stalls, or falls too far behind, has failed; one whose multiplexer hangs is
    /// closed as it is.
    pub(super) fn watch_file(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut failed = None;
        for part in &mut self.parts {
            part.close_if_stuck(now);
            if Some(part.id()) != self.current {
                continue;
            }
            let written = part.written();
            match &mut self.progress {
                Some((id, progress)) if *id == part.id() && part.waiting() > 0 => {
                    if progress.idle(written, now) > WRITE_TIMEOUT {
                        let seconds = WRITE_TIMEOUT.as_secs();
                        let error = format!("the disk took nothing for {seconds} s");
                        failed = Some((part.id(), error));
                    }
                }
                _ => self.progress = Some((part.id(), Progress::new(written, now))),
            }
            let backlog = self.tracks.iter().map(|t| t.fifo.len()).max();
            if part.waiting() > MAX_WAITING && backlog > Some(MAX_BACKLOG) {
                let mib = part.waiting() >> 20;
                let error = format!("the disk is too slow: {mib} MiB wait for it");
                failed = Some((part.id(), error));
            }
        }
        if let Some((id, error)) = failed {
            self.fail_part(id, error, now, ctx);
        }
    }

    pub(super) fn part_event(
        &mut self,
        id: PartId,
        event: PartEvent,
        now: Instant,
        ctx: &mut Context<'_>,
    ) {
        let Some(at) = self.parts.iter().position(|p| p.id() == id) else {
            return;
        };
        match event {
            PartEvent::Opened(path) => {
                let part = &mut self.parts[at];
                part.record.file = path;
                // A short part may have ended before the disk answered.
                let record = PartRecord {
                    ended: None,
                    session_end: None,
                    error: None,
                    ..part.record.clone()
                };
                ctx.effects.push(Effect::Opened(record));
            }
            PartEvent::SpaceLow if self.current == Some(id) => {
                self.abandon_current(Reason::MinFreeSpace, now, ctx);
            }
            PartEvent::SpaceLow => {}
            PartEvent::MuxEnded => self.parts[at].close_file(),
            PartEvent::Closed => {
                let mut part = self.parts.remove(at);
                part.record.bytes = part.bytes();
                self.retry.forget();
                ctx.effects.push(Effect::Closed(part.record.clone()));
            }
            PartEvent::Failed { file, error } => {
                if let Some(file) = file {
                    self.parts[at].record.file = file;
                }
                self.fail_part(id, error, now, ctx);
            }
        }
    }

    /// Gives a part up. Its tracks go on in the next one, after a while.
    pub(super) fn fail_part(
        &mut self,
        id: PartId,
        error: String,
        now: Instant,
        ctx: &mut Context<'_>,
    ) {
        let Some(at) = self.parts.iter().position(|p| p.id() == id) else {
            return;
        };
        let mut part = self.parts.remove(at);
        part.record.bytes = part.written();
        part.record.ended = Some(Reason::Failed);
        part.record.error = Some(error);
        self.retry.given_up.push(part.file_work());
        for index in 0..self.tracks.len() {
            let track = &mut self.tracks[index];
            if let Some((_, number)) = track.home.take_if(|(home, _)| *home == id) {
                part.add_dropped(number, std::mem::take(&mut track.dropped));
                self.stay_away(index);
            } else if self.current == Some(id) {
                track.next = None;
            }
        }
        let lived = part.record.end().saturating_sub(part.record.start);
        if u128::try_from(lived).is_ok_and(|t| t > LAST_RETRY.as_nanos()) {
            self.retry.forget();
        }
        self.report_failure(part.record.clone(), ctx);
        if self.current == Some(id) {
            self.current = None;
            self.retry_later(now);
        }
    }

    pub(super) fn report_failure(&mut self, part: PartRecord, ctx: &mut Context<'_>) {
        let again = self.retry.error == part.error;
        self.retry.error.clone_from(&part.error);
        ctx.effects.push(Effect::Failed { part, again });
    }

    pub(super) fn retry_later(&mut self, now: Instant) {
        let delay = self
            .retry
            .delay
            .map_or(FIRST_RETRY, |d| (d * 2).min(LAST_RETRY));
        self.retry.at = Some(now + delay);
        self.retry.delay = Some(delay);
        self.began = Reason::Retry;
        self.split = None;
        self.waiting_since = None;
    }
}
