// SPDX-License-Identifier: MPL-2.0
//! Where one part of a session ends and the next begins.

use std::sync::Arc;
use std::time::Instant;

use gst::prelude::*;

use super::bounds::Bounds;
use super::effects::{Context, Effect};
use super::session::{Session, Split};
use super::waiting::TrackState;
use crate::roomfilesink::media::{Codec, Container, ContainerChoice, Format, Frame, Kind};
use crate::roomfilesink::messages::Msg;
use crate::roomfilesink::parts::{Part, PartRecord, PartSpec, Reason, TrackRecord};
use crate::roomfilesink::settings::Limits;

/// What happens to a frame.
enum Verdict {
    /// It goes to the part that its track is at home in.
    Write,
    /// The next part begins with it.
    Cut(Reason),
    Drop,
    /// It waits for the next part, which begins at a keyframe of another track.
    Wait(Reason),
}

impl Session {
    /// Takes the next frame of a track and puts it where it belongs. Whether that was as usual: nothing
    /// but this frame has moved.
    pub(crate) fn route(&mut self, index: usize, now: Instant, ctx: &mut Context<'_>) -> bool {
        if self.goes_on(index) {
            self.write(index, now, ctx);
            return true;
        }
        self.check_limits(index, now);
        match self.judge(index, now) {
            Verdict::Cut(reason) => {
                self.split = None;
                self.open_part(reason, now, ctx);
            }
            Verdict::Drop => {
                self.tracks[index].drop_first();
                ctx.ask_for_keyframe(self.tracks[index].ask_for_keyframe(now));
            }
            Verdict::Wait(reason) => {
                self.split.get_or_insert(Split::new(reason, now));
                self.tracks[index].home = None;
            }
            Verdict::Write => self.write(index, now, ctx),
        }
        false
    }

    /// Whether the next frame of a track follows the one before into the current part, as most do: no
    /// cut is wanted or due, and no format has changed.
    fn goes_on(&self, index: usize) -> bool {
        let track = &self.tracks[index];
        let (Some(frame), Some((id, number))) = (track.fifo.front(), track.home) else {
            return false;
        };
        if self.split.is_some() || track.next.is_some() || self.current != Some(id) {
            return false;
        }
        let (Some(part), Some(bounds)) = (self.current_part(), self.bounds) else {
            return false;
        };
        limit_reached(part, &bounds, frame).is_none()
            && has_place(part, &bounds, frame)
            && part.takes(number, &frame.format)
    }

    fn current_part(&self) -> Option<&Part> {
        self.parts.iter().find(|p| Some(p.id()) == self.current)
    }

    /// Other limits hold, or another part is the current one.
    pub(crate) fn set_limits(&mut self, limits: Limits) {
        let container = self.current_part().map(|p| p.record.container);
        self.bounds = container.map(|container| Bounds::new(container, limits));
    }

    fn check_limits(&mut self, index: usize, now: Instant) {
        if self.split.is_none()
            && let (Some(part), Some(bounds)) = (self.current_part(), self.bounds)
            && let Some(frame) = self.tracks[index].fifo.front()
            && let Some(reason) = limit_reached(part, &bounds, frame)
        {
            self.split = Some(Split::new(reason, now));
        }
    }

    fn judge(&mut self, index: usize, now: Instant) -> Verdict {
        let has_cutting_video = self.has_cutting_video(now);
        let track = &mut self.tracks[index];
        let Some(frame) = track.fifo.front() else {
            return Verdict::Drop;
        };
        let is_video = frame.kind() == Kind::Video;
        let begins = !is_video || frame.is_keyframe();
        if let Some(Split { reason, .. }) = self.split {
            let at_home = self.current.is_some() && track.home.map(|(id, _)| id) == self.current;
            let here = !has_cutting_video || (is_video && at_home);
            if here && begins {
                return Verdict::Cut(reason);
            }
        }
        if let Some(number) = track.next
            && begins
        {
            track.next = None;
            track.home = self.current.map(|id| (id, number));
        }
        let Some((id, number)) = track.home else {
            return Verdict::Drop;
        };
        let part = self.parts.iter().find(|p| p.id() == id);
        let bounds = |p: &Part| Bounds::new(p.record.container, Limits::default());
        if part.is_some_and(|p| !has_place(p, &bounds(p), frame)) {
            // Its time is wrong: one that is right has begun a part before.
            return Verdict::Drop;
        }
        if part.is_none_or(|p| p.takes(number, &frame.format)) {
            return Verdict::Write;
        }
        match (is_video, begins, has_cutting_video) {
            (true, true, _) => Verdict::Cut(Reason::CodecChange),
            (true, false, _) => Verdict::Drop,
            (false, _, true) => Verdict::Wait(Reason::CodecChange),
            (false, _, false) => Verdict::Cut(Reason::CodecChange),
        }
    }

    fn write(&mut self, index: usize, now: Instant, ctx: &mut Context<'_>) {
        let track = &mut self.tracks[index];
        let (Some((id, number)), Some(frame)) = (track.home, track.pop()) else {
            return;
        };
        let dropped = std::mem::take(&mut track.dropped);
        let Some(part) = self.parts.iter_mut().find(|p| p.id() == id) else {
            return;
        };
        part.add_dropped(number, dropped);
        if let Some(anchor) = ctx.anchor {
            part.record.end_anchor = anchor;
        }
        if let Err(error) = part.push(number, frame) {
            self.fail_part(id, error, now, ctx);
        }
        // This one has a track: only another can have lost its last.
        if self.parts.iter().any(|p| p.id() != id && !p.is_finishing()) {
            self.finish_empty_parts(self.began_of_current(), now, ctx);
        }
    }

    /// A part that all tracks have left ended for the reason for which the next one began.
    fn began_of_current(&self) -> Reason {
        let current = self.current_part();
        current.map_or(Reason::Eos, |p| p.record.began)
    }

    /// Opens the next part and moves the tracks there: audio and video with a keyframe at once,
    /// other video at its next keyframe.
    pub(crate) fn open_part(&mut self, began: Reason, now: Instant, ctx: &mut Context<'_>) -> bool {
        let mut members: Vec<(usize, Arc<Format>)> = (0..self.tracks.len())
            .filter(|i| {
                // A silent track is left out: a file must not promise what may never come.
                let track = &self.tracks[*i];
                let speaks = track.home.is_some() && !track.is_over() && !track.is_silent(now);
                speaks || track.is_ready()
            })
            .filter_map(|i| Some((i, self.format_of(i)?)))
            .collect();
        // The first stream of a transport stream carries its clock: not one that comes later.
        members.sort_by_key(|(i, format)| {
            let is_audio = format.codec.kind() == Kind::Audio;
            (is_audio, !self.tracks[*i].is_ready())
        });
        if members.is_empty() {
            return false;
        }
        let (members, formats): (Vec<_>, Vec<_>) = members.into_iter().unzip();
        let spec = self.part_spec(began, &members, formats, ctx);
        self.tell_misfit(&spec, ctx);
        let record = spec.record.clone();
        let (id, outbox) = (record.id, ctx.outbox.clone());
        match Part::open(spec, move |event| outbox.send(Msg::Part(id, event))) {
            Ok(part) => {
                self.move_to(&part, &members, now);
                self.current = Some(part.id());
                self.parts.push(part);
                self.set_limits(ctx.settings.limits);
                self.finish_empty_parts(began, now, ctx);
                true
            }
            Err(error) => {
                let record = PartRecord {
                    error: Some(error),
                    ended: Some(Reason::Failed),
                    ..record
                };
                self.report_failure(record, ctx);
                self.abandon_current(began, now, ctx);
                false
            }
        }
    }

    /// Says once that a part is not in the container that was asked for.
    fn tell_misfit(&mut self, spec: &PartSpec, ctx: &mut Context<'_>) {
        let (asked, nick) = match ctx.settings.container {
            ContainerChoice::WebM => (Container::WebM, "webm"),
            ContainerChoice::Mp4 => (Container::Mp4, "mp4"),
            _ => return,
        };
        let container = spec.record.container;
        if container == asked || std::mem::replace(&mut self.misfit_told, true) {
            return;
        }
        let codecs = spec.formats.iter().map(|format| format.codec);
        let others = codecs.filter(|codec| !asked.holds(*codec));
        let others: Vec<_> = others.map(Codec::name).collect();
        let (stream, others) = (&self.person.stream, others.join(" and "));
        let name = container.name();
        ctx.effects.push(Effect::Warn(format!(
            "\"{stream}\" is recorded into {name}: container={nick} does not hold {others}"
        )));
    }

    fn move_to(&mut self, part: &Part, members: &[usize], now: Instant) {
        for index in 0..self.tracks.len() {
            self.tracks[index].next = None;
        }
        for (index, track) in self.tracks.iter_mut().enumerate() {
            let number = members.iter().position(|member| *member == index);
            let is_audio = track.track.kind == Kind::Audio;
            match number {
                Some(number) if is_audio || track.is_ready() || track.home.is_none() => {
                    track.home = Some((part.id(), number));
                }
                Some(number) => track.next = Some(number),
                None if track.is_silent(now) => track.home = None,
                None => {}
            }
        }
    }

    fn format_of(&self, index: usize) -> Option<Arc<Format>> {
        let track = &self.tracks[index];
        if let Some(frame) = track.fifo.front() {
            return Some(frame.format.clone());
        }
        let (id, number) = track.home?;
        let part = self.parts.iter().find(|p| p.id() == id)?;
        part.format(number)
    }

    fn part_spec(
        &self,
        began: Reason,
        members: &[usize],
        formats: Vec<Arc<Format>>,
        ctx: &mut Context<'_>,
    ) -> PartSpec {
        let codecs: Vec<Codec> = formats.iter().map(|f| f.codec).collect();
        let container = Container::choose(ctx.settings.container, &codecs);
        let first = |track: &TrackState| {
            let frame = track.fifo.front().filter(|_| track.is_ready());
            frame.cloned()
        };
        let firsts: Vec<_> = members.iter().map(|i| first(&self.tracks[*i])).collect();
        let heads = firsts.iter().flatten();
        // MPEG-TS has decoding times, and they start the file; Matroska has none, and MP4 says by
        // how much the first one is earlier.
        let start = match container {
            Container::MpegTs => heads.map(Frame::order).min(),
            Container::Matroska | Container::WebM | Container::Mp4 => heads.map(|f| f.pts).min(),
        };
        let start = start.unwrap_or(0);
        let has_video = codecs.iter().any(|c| c.kind() == Kind::Video);
        let anchor = ctx.anchor(start);
        let utc_ns = anchor.utc_ns(start);
        let extension = container.extension(has_video);
        let number = ctx.count_part(&self.person);
        let file = ctx.file_name(&self.person, number, extension, utc_ns);
        let tracks = members.iter().zip(&formats).map(|(index, format)| {
            let track = &self.tracks[*index];
            let pad = track.track.pad.upgrade().map(|pad| pad.name().into());
            TrackRecord::new(format, track.caption.clone(), track.stream_id.clone(), pad)
        });
        PartSpec {
            record: PartRecord {
                id: ctx.next_part_id(),
                number,
                person: self.person.clone(),
                file,
                container,
                tracks: tracks.collect(),
                start,
                start_anchor: anchor,
                end_anchor: anchor,
                began,
                ended: None,
                session_end: None,
                error: None,
                bytes: 0,
                sha256: None,
            },
            formats,
            firsts,
            create_folders: ctx.settings.create_folders,
            min_free: ctx.settings.min_free_space,
            checksum: ctx.settings.checksum,
        }
    }
}

/// Whether a frame's time can be said in the part.
fn has_place(part: &Part, bounds: &Bounds, frame: &Frame) -> bool {
    let latest = frame.pts.max(frame.dts.unwrap_or(frame.pts));
    bounds.contain(since_start(part, latest))
}

/// Why the part should end before this frame.
fn limit_reached(part: &Part, bounds: &Bounds, frame: &Frame) -> Option<Reason> {
    let reached = bounds.reached(since_start(part, frame.order()), part.bytes());
    reached.or_else(|| part.is_at_limit().then_some(Reason::ContainerLimit))
}

fn since_start(part: &Part, time: i64) -> u64 {
    u64::try_from(time.saturating_sub(part.record.start)).unwrap_or(0)
}
