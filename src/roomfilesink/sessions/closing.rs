// SPDX-License-Identifier: MPL-2.0
//! How the parts of a session end: regularly, or by failing.

use std::time::{Duration, Instant};

use super::effects::{Context, Effect};
use super::retry::LAST_RETRY;
use super::session::Session;
use super::waiting::TrackState;
use crate::roomfilesink::files::Shortage;
use crate::roomfilesink::parts::{MAX_WAITING, PartEvent, PartId, PartRecord, Progress, Reason};

/// A file that takes nothing for this long has failed, and so has a multiplexer that gives nothing.
const WRITE_TIMEOUT: Duration = Duration::from_secs(5);

impl Session {
    /// Tracks that have ended leave their part; a part without tracks ends at once.
    pub(crate) fn release_ended(&mut self, now: Instant, ctx: &mut Context<'_>) {
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
            if let Err(error) = part.finish(reason, now) {
                failed.push((id, error));
            }
        }
        for (id, error) in failed {
            self.fail_part(id, error, now, ctx);
        }
    }

    /// A part whose disk or multiplexer stalls, or falls too far behind, has failed; one whose
    /// multiplexer hangs at its end is closed as it is.
    pub(crate) fn watch_file(&mut self, now: Instant, ctx: &mut Context<'_>) {
        let mut failed = None;
        for part in &mut self.parts {
            part.close_if_stuck(now);
            if Some(part.id()) != self.current {
                continue;
            }
            // Where frames are stuck: at the disk, or before that in the multiplexer.
            let (done, stalled) = match part.waiting() {
                0 if part.is_full() => (part.bytes(), "mpegtsmux gave nothing"),
                _ => (part.written(), "the disk took nothing"),
            };
            match &mut self.progress {
                Some((id, progress)) if *id == part.id() && part.lags() => {
                    if progress.idle(done, now) > WRITE_TIMEOUT {
                        let seconds = WRITE_TIMEOUT.as_secs();
                        failed = Some((part.id(), format!("{stalled} for {seconds} s")));
                    }
                }
                _ => self.progress = Some((part.id(), Progress::new(done, now))),
            }
            if part.is_full()
                && let Some(held) = self.tracks.iter().find_map(TrackState::overflow)
            {
                let mib = (held as u64 + part.waiting()) >> 20;
                let slow = match part.waiting() > MAX_WAITING {
                    true => "the disk",
                    false => "mpegtsmux",
                };
                let error = format!("{slow} is too slow: {mib} MiB wait for it");
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
            PartEvent::MuxEnded => self.parts[at].close_file(),
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

    /// The track no longer moves to the current part, which must not wait for it.
    pub(crate) fn stay_away(&mut self, index: usize) {
        let part = self.parts.iter_mut().find(|p| Some(p.id()) == self.current);
        if let (Some(number), Some(part)) = (self.tracks[index].next.take(), part) {
            part.end_track(number);
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Arc;

    use super::*;
    use crate::roomfilesink::files::Template;
    use crate::roomfilesink::media::{Format, Frame, Kind, Track};
    use crate::roomfilesink::messages::Outbox;
    use crate::roomfilesink::parts::Person;
    use crate::roomfilesink::settings::Settings;

    const FRAME: usize = 1 << 20;

    fn frame(format: &Arc<Format>, number: i64, arrived: Instant) -> Frame {
        Frame {
            buffer: gst::Buffer::from_slice(vec![0; FRAME]),
            format: format.clone(),
            pts: number * 33_000_000,
            dts: None,
            entry: crate::bitstream::Entry::Clean,
            undecodable: Arc::default(),
            arrived,
        }
    }

    #[test]
    fn a_multiplexer_that_stalls_in_the_middle_costs_its_part_and_not_the_memory() {
        gst::init().unwrap();
        let folder = std::env::temp_dir().join(format!("roomfile-{}-stall", std::process::id()));
        let location = format!("{}/%s-%n.%e", folder.display());
        let caps = "video/x-h264,stream-format=byte-stream,alignment=au";
        let caps: gst::Caps = caps.parse().unwrap();
        let format = Arc::new(Format::from_caps(&caps).unwrap());
        let pad = gst::Pad::new(gst::PadDirection::Sink);
        let track = Arc::new(Track::new(Kind::Video, &pad, None));
        let (outbox, _inbox) = Outbox::new();
        let mut ctx = Context {
            settings: &Settings {
                location: location.clone(),
                create_folders: true,
                ..Settings::default()
            },
            outbox: &outbox,
            effects: Vec::new(),
            template: &Template::parse(&location).unwrap(),
            anchor: None,
            counts: &mut HashMap::new(),
            is_short: &mut false,
            take_anchor: &|| None,
            pads_named: &|_| Vec::new(),
        };
        let mut session = Session::new(None, None, Person::default());
        session.add_track(track.clone(), None);
        let start = Instant::now();
        let give = |session: &mut Session, ctx: &mut Context<'_>, number: i64, at: Instant| {
            track.take_credit(FRAME);
            session.frame(track.id, frame(&format, number, at), ctx);
            session.pump(at, ctx);
        };
        give(&mut session, &mut ctx, 0, start);
        let at = |seconds| start + Duration::from_secs(seconds);
        give(&mut session, &mut ctx, 1, at(1));
        session.parts[0].stall();
        for number in 2..30 {
            give(&mut session, &mut ctx, number, at(2));
        }
        assert!(ctx.effects.is_empty(), "it has just stalled");
        session.pump(at(2) + WRITE_TIMEOUT + Duration::from_secs(1), &mut ctx);
        let failed = ctx.effects.iter().find_map(|effect| match effect {
            Effect::Failed { part, .. } => part.error.clone(),
            _ => None,
        });
        assert_eq!(failed.as_deref(), Some("mpegtsmux gave nothing for 5 s"));
        std::fs::remove_dir_all(folder).unwrap();
    }
}
