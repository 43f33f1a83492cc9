// SPDX-License-Identifier: MPL-2.0
//! Where one part of a session ends and the next begins.

use std::sync::Arc;
use std::time::Instant;

use gst::prelude::*;

use super::effects::{Context, Effect};
use super::session::{Session, Split};
use super::waiting::TrackState;
use crate::roomfilesink::media::{Codec, Container, ContainerChoice, Format, Frame, Kind};
use crate::roomfilesink::messages::Msg;
use crate::roomfilesink::parts::{Part, PartRecord, PartSpec, Reason, TrackRecord};

const MINUTE: u64 = 60 * 1_000_000_000;

/// How long a file can be, in nanoseconds.
struct Longest {
    /// After this the next part begins with a keyframe.
    whole: u64,
    /// What is later than this has no place in the file: its time cannot be said.
    end: u64,
}

/// `None` for as long as one likes.
fn longest(container: Container) -> Option<Longest> {
    match container {
        // 33 bits of 90 kHz wrap around after 26.5 h, and files begin at 1 h. FFmpeg reads what
        // comes an hour after that as the beginning again. A day leaves 90 minutes for a keyframe.
        Container::MpegTs => Some(Longest {
            whole: 24 * 60 * MINUTE,
            end: (24 * 60 + 90) * MINUTE,
        }),
        // A frame lasts for up to 32 bits of 90 kHz, 13.2 h.
        Container::Mp4 => Some(Longest {
            whole: 12 * 60 * MINUTE,
            end: 13 * 60 * MINUTE,
        }),
        Container::Matroska | Container::WebM => None,
    }
}

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
    /// Takes the next frame of a track and puts it where it belongs.
    pub(crate) fn route(&mut self, index: usize, now: Instant, ctx: &mut Context<'_>) {
        self.check_limits(index, now, ctx);
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
    }

    fn check_limits(&mut self, index: usize, now: Instant, ctx: &Context<'_>) {
        let current = self.parts.iter().find(|p| Some(p.id()) == self.current);
        if self.split.is_none()
            && let (Some(part), Some(frame)) = (current, self.tracks[index].fifo.front())
            && let Some(reason) = limit_reached(part, frame, ctx)
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
        if part.is_some_and(|p| !reaches(p, frame)) {
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
        self.finish_empty_parts(self.began_of_current(), now, ctx);
    }

    /// A part that all tracks have left ended for the reason for which the next one began.
    fn began_of_current(&self) -> Reason {
        let current = self.parts.iter().find(|p| Some(p.id()) == self.current);
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
fn reaches(part: &Part, frame: &Frame) -> bool {
    let time = frame.pts.max(frame.dts.unwrap_or(frame.pts));
    let time = u64::try_from(time.saturating_sub(part.record.start)).unwrap_or(0);
    longest(part.record.container).is_none_or(|longest| time < longest.end)
}

fn limit_reached(part: &Part, frame: &Frame, ctx: &Context<'_>) -> Option<Reason> {
    let limits = ctx.settings.limits;
    let time = u64::try_from(frame.order().saturating_sub(part.record.start)).unwrap_or(0);
    if limits.time > 0 && time >= limits.time {
        return Some(Reason::MaxSizeTime);
    }
    if limits.bytes > 0 && part.bytes() >= limits.bytes {
        return Some(Reason::MaxSizeBytes);
    }
    let is_long = longest(part.record.container).is_some_and(|longest| time >= longest.whole);
    (is_long || part.is_at_limit()).then_some(Reason::ContainerLimit)
}
