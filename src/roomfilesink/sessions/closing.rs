// SPDX-License-Identifier: MPL-2.0
//! How the parts of a session end: regularly, or by failing.

use std::time::{Duration, Instant};

use super::effects::{Context, Effect};
use super::retry::LAST_RETRY;
use super::session::Session;
use super::waiting::TrackState;
use crate::roomfilesink::files::Shortage;
use crate::roomfilesink::parts::{PartEvent, PartId, PartRecord, Progress, Reason};

/// A file that takes nothing for this long has failed.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

impl Session {
    /// Tracks that have ended leave their part; a part without tracks ends at once.
    pub(crate) fn release_ended(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut reason = None;
        for index in 0..self.tracks.len() {
            if !self.tracks[index].is_over() {
                continue;
            }
            let track = &mut self.tracks[index];
            track.next = None;
            if let Some((id, index)) = track.home.take() {
                reason = track.ended;
                if let Some(part) = self.parts.iter_mut().find(|p| p.id() == id) {
                    part.add_dropped(index, std::mem::take(&mut track.dropped));
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

    pub(crate) fn finish_empty_parts(
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
            if let Err(error) = part.finish(reason) {
                failed.push((id, error));
            }
        }
        for (id, error) in failed {
            self.fail_part(id, error, now, ctx);
        }
    }

    /// A part whose disk stalls, or falls too far behind, has failed.
    pub(crate) fn watch_file(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut failed = None;
        let current = self.parts.iter().find(|p| Some(p.id()) == self.current);
        if let Some(part) = current {
            let done = part.written();
            match &mut self.progress {
                Some((id, progress)) if *id == part.id() && part.waiting() > 0 => {
                    if progress.idle(done, now) > WRITE_TIMEOUT {
                        let seconds = WRITE_TIMEOUT.as_secs();
                        let error = format!("the disk took nothing for {seconds} s");
                        failed = Some((part.id(), error));
                    }
                }
                _ => self.progress = Some((part.id(), Progress::new(done, now))),
            }
            if part.is_full()
                && let Some(held) = self.tracks.iter().find_map(TrackState::overflow)
            {
                let mib = (held as u64 + part.waiting()) >> 20;
                let error = format!("the disk is too slow: {mib} MiB wait for it");
                failed = Some((part.id(), error));
            }
        }
        if let Some((id, error)) = failed {
            self.fail_part(id, error, now, ctx);
        }
    }

    pub(crate) fn part_event(
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
                self.run_short(at, ctx);
                self.abandon_current(Reason::MinFreeSpace, now, ctx);
            }
            PartEvent::SpaceLow => {}
            PartEvent::Closed { sha256 } => {
                let mut part = self.parts.remove(at);
                part.record.bytes = part.bytes();
                part.record.sha256 = sha256;
                self.retry.forget();
                ctx.effects.push(Effect::Closed(part.record.clone()));
            }
            PartEvent::Failed {
                file,
                error,
                no_space,
            } => {
                if let Some(file) = file {
                    self.parts[at].record.file = file;
                }
                if no_space {
                    self.retry.shortage = Some(self.shortage(at, ctx));
                    if std::mem::replace(ctx.is_short, true) {
                        // Others on a full disk have said it.
                        self.retry.error = Some(error.clone());
                    }
                }
                self.fail_part(id, error, now, ctx);
            }
        }
    }

    fn shortage(&self, part: usize, ctx: &Context<'_>) -> Shortage {
        Shortage::new(&self.parts[part].record.file, ctx.settings.min_free_space)
    }

    /// The disk of this part has too little space. That is said once, however many people are
    /// recorded to it.
    fn run_short(&mut self, part: usize, ctx: &mut Context<'_>) {
        self.retry.shortage = Some(self.shortage(part, ctx));
        if !std::mem::replace(ctx.is_short, true) {
            let min_free = ctx.settings.min_free_space;
            let file = &self.parts[part].record.file;
            let folder = file.parent().unwrap_or(file).display();
            ctx.effects.push(Effect::NoSpace(format!(
                "Recording into {folder} waits: less than {min_free} bytes are free \
                 (min-free-space). It continues when there is more space."
            )));
        }
    }

    /// Gives a part up. Its tracks go on in the next one, after a while.
    pub(crate) fn fail_part(
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
        part.flush();
        part.record.bytes = part.written();
        part.record.ended = Some(Reason::Failed);
        part.record.error = Some(error);
        self.retry.given_up.push(part.file_work());
        for index in 0..self.tracks.len() {
            let track = &mut self.tracks[index];
            if let Some((_, number)) = track.home.take_if(|(home, _)| *home == id) {
                part.add_dropped(number, std::mem::take(&mut track.dropped));
                track.next = None;
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

    /// Ends the current part although no next one can begin now.
    pub(crate) fn abandon_current(&mut self, reason: Reason, now: Instant, ctx: &mut Context<'_>) {
        for track in &mut self.tracks {
            track.home = None;
            track.next = None;
        }
        self.finish_empty_parts(reason, now, ctx);
        self.current = None;
        self.retry_later(now);
    }

    pub(crate) fn report_failure(&mut self, part: PartRecord, ctx: &mut Context<'_>) {
        let again = self.retry.error == part.error;
        self.retry.error.clone_from(&part.error);
        ctx.effects.push(Effect::Failed { part, again });
    }

    fn retry_later(&mut self, now: Instant) {
        self.retry.postpone(now);
        self.began = Reason::Retry;
        self.split = None;
        self.waiting_since = None;
    }
}
