// SPDX-License-Identifier: MPL-2.0
//! A part whose file is written here: parsers where frames need rewriting, then the writer of the
//! container.

use std::collections::VecDeque;
use std::sync::Arc;

use super::description::{Clipping, entry, is_complete, vp8_size};
use super::entry::{Block, FrameWriter, TrackEntry};
use super::parser::{Parsed, Parser};
use crate::prefix::prefix;
use crate::roomfilesink::files::Op;
use crate::roomfilesink::media::{Caption, Codec, Format, Frame, Heading, Kind};

/// A temporal delimiter with its size (AV1 section 5.6): there is to be none in Matroska (AV1 in
/// Matroska, "Block Data") nor in MP4 (AV1 in ISOBMFF section 2.4).
const TEMPORAL_DELIMITER: [u8; 2] = [0x12, 0];
/// With so much at hand nothing waits any longer for a track that has sent none: its caps describe
/// it, or the file does without it. What waits is lost if the process is killed.
const LONGEST_HOLD: i64 = 500_000_000;
/// What says that it lasts longer says nothing.
const LONGEST_FRAME: gst::ClockTime = gst::ClockTime::from_seconds(60);

struct Track {
    parser: Option<Parser>,
    format: Arc<Format>,
    caption: Caption,
    entry: Option<TrackEntry>,
    /// Its place in the file, once there is a header that has it.
    number: Option<usize>,
    /// Of the last frame, and its time: a frame without one belongs to the one before.
    caps: Option<gst::Caps>,
    pts: i64,
}

/// A frame that is ready for the file.
struct Ready {
    track: usize,
    pts: i64,
    dts: i64,
    duration: i64,
    keyframe: bool,
    clipping: Clipping,
    /// Bytes at the beginning that do not belong into the file.
    skip: usize,
    size: Option<(u32, u32)>,
    buffer: gst::Buffer,
}

impl Track {
    /// How large this frame is, if it may be another size than the one before.
    fn size(&mut self, frame: &Parsed) -> Result<Option<(u32, u32)>, String> {
        if self.format.codec == Codec::Vp8 {
            if frame.buffer.flags().contains(gst::BufferFlags::DELTA_UNIT) {
                return Ok(None);
            }
            let map = frame.buffer.map_readable().map_err(|e| e.to_string())?;
            return Ok(vp8_size(&map));
        }
        let caps = frame.caps.as_ref().unwrap_or(&self.format.caps);
        let is_known = |known: &gst::Caps| known.as_ptr() == caps.as_ptr();
        if self.caps.as_ref().is_some_and(is_known) {
            return Ok(None);
        }
        self.caps = Some(caps.clone());
        Ok(Format::from_caps(caps).and_then(|format| format.size()))
    }
}

pub(crate) struct FrameMux<W: FrameWriter> {
    kind: W::Kind,
    tracks: Vec<Track>,
    heading: Heading,
    /// Exists as soon as every track's description is complete, or enough waits for it.
    writer: Option<W>,
    held: VecDeque<Ready>,
}

/// Makes one file of the frames of its tracks. What is written comes out in `out`.
pub(crate) trait Mux {
    /// Whether the file has, or can still have, this track.
    fn has(&self, index: usize) -> bool;

    /// Whether the file can go on with frames of this format.
    fn takes(&self, index: usize, format: &Format) -> bool;

    /// `start` is the running time at which the file starts.
    fn push(
        &mut self,
        index: usize,
        frame: Frame,
        start: i64,
        out: &mut Vec<Op>,
    ) -> Result<(), String>;

    /// Writes what the writer holds back.
    fn flush(&mut self, out: &mut Vec<Op>);

    /// Whether the writer holds anything back.
    fn holds(&self) -> bool;

    /// Whether what the writer has to remember of the file has become too much.
    fn is_at_limit(&self) -> bool;

    /// Ends the file.
    fn finish(&mut self, out: &mut Vec<Op>) -> Result<(), String>;
}

impl<W: FrameWriter> FrameMux<W> {
    /// `firsts` are the frames with which the tracks begin, where they are there: what describes a
    /// track in the header is known from them, and nothing waits for it.
    pub(crate) fn new(
        kind: W::Kind,
        formats: &[Arc<Format>],
        captions: &[Caption],
        firsts: &[Option<Frame>],
        heading: Heading,
    ) -> Result<Self, String> {
        let tracks = formats
            .iter()
            .enumerate()
            .map(|(index, format)| {
                let first = firsts.get(index).and_then(Option::as_ref);
                let recipe = W::recipe(format);
                Ok(Track {
                    parser: recipe.map(|r| Parser::new(format, r)).transpose()?,
                    format: format.clone(),
                    caption: captions.get(index).cloned().unwrap_or_default(),
                    entry: match W::NEEDS_DESCRIPTIONS {
                        true => first.and_then(describe_first::<W>),
                        false => Some(entry(format, &format.caps, 0)),
                    },
                    number: None,
                    caps: None,
                    pts: 0,
                })
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            kind,
            tracks,
            heading,
            writer: None,
            held: VecDeque::new(),
        })
    }

    fn take_in(
        &mut self,
        index: usize,
        frame: Parsed,
        (pts, dts): (Option<i64>, Option<i64>),
        out: &mut Vec<Op>,
    ) -> Result<(), String> {
        let track = &mut self.tracks[index];
        let codec = track.format.codec;
        let clipping = Clipping::of(codec, &frame.buffer);
        let size = track.size(&frame)?;
        // Of other codecs parsers make one up, counting from the beginning of their segment.
        let is_reordered = matches!(codec, Codec::H264 | Codec::H265);
        let dts = dts.filter(|_| is_reordered);
        if track.entry.is_none() {
            let mut entry = describe(&track.format, &frame);
            if let (Some(pts), Some(dts)) = (pts, dts) {
                entry.ahead = pts.saturating_sub(dts).max(0);
            }
            track.entry = Some(entry);
        }
        if let (Some(size), Some(entry)) = (size, &mut track.entry)
            && self.writer.is_none()
        {
            entry.grow(size);
        }
        let nanoseconds = |t: gst::ClockTime| i64::try_from(t.nseconds()).ok();
        track.pts = pts.unwrap_or(track.pts);
        let duration = frame.buffer.duration();
        // A publisher's parameter sets can say anything.
        let duration = duration.filter(|duration| *duration <= LONGEST_FRAME);
        let duration = duration.and_then(nanoseconds);
        let flags = frame.buffer.flags();
        let is_audio = codec.kind() == Kind::Audio;
        let is_delimited = codec == Codec::Av1 && begins_with_delimiter(&frame.buffer);
        self.held.push_back(Ready {
            track: index,
            // What is clipped is before the time of a buffer, and no part of its duration.
            pts: track.pts.saturating_sub(clipping.start),
            dts: dts.unwrap_or(track.pts).saturating_sub(clipping.start),
            duration: duration.unwrap_or(0).saturating_add(clipping.start),
            keyframe: is_audio || !flags.contains(gst::BufferFlags::DELTA_UNIT),
            clipping,
            skip: if is_delimited {
                TEMPORAL_DELIMITER.len()
            } else {
                0
            },
            size,
            buffer: frame.buffer,
        });
        let all_known = || self.tracks.iter().all(|t| t.entry.is_some());
        if self.writer.is_none() && (all_known() || self.holds_long()) {
            self.start(out)?;
        }
        self.write_held(out)
    }

    fn holds_long(&self) -> bool {
        let times = self.held.iter().map(|ready| ready.pts);
        let (first, last) = (times.clone().min(), times.max());
        first
            .zip(last)
            .is_some_and(|(first, last)| last.saturating_sub(first) >= LONGEST_HOLD)
    }

    /// Writes the header. A track that sent nothing is described from its caps; if they do not
    /// suffice it is left out, and comes with the next part.
    fn start(&mut self, out: &mut Vec<Op>) -> Result<(), String> {
        let mut entries = Vec::new();
        for track in &mut self.tracks {
            let described = || {
                let entry = entry(&track.format, &track.format.caps, 0);
                is_complete(track.format.codec, &entry).then_some(entry)
            };
            if let Some(entry) = track.entry.clone().or_else(described) {
                track.number = Some(entries.len());
                let caption = track.caption.clone();
                entries.push(TrackEntry { caption, ..entry });
            }
        }
        self.writer = Some(W::new(self.kind, &entries, &self.heading, out));
        self.write_held(out)
    }

    fn write_held(&mut self, out: &mut Vec<Op>) -> Result<(), String> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        for ready in self.held.drain(..) {
            let Some(number) = self.tracks[ready.track].number else {
                continue;
            };
            if let Some(size) = ready.size {
                writer.resize(number, size, out);
            }
            let map = ready.buffer.map_readable().map_err(|e| e.to_string())?;
            let block = Block {
                track: number,
                pts: ready.pts,
                dts: ready.dts,
                duration: ready.duration,
                keyframe: ready.keyframe,
                clipped: ready.clipping.start,
                padding: ready.clipping.end,
                data: map.get(ready.skip..).unwrap_or_default(),
            };
            writer.block(&block, out)?;
        }
        Ok(())
    }
}

impl<W: FrameWriter> Mux for FrameMux<W> {
    fn has(&self, index: usize) -> bool {
        let track = self.tracks.get(index);
        self.writer.is_none() || track.is_some_and(|t| t.number.is_some())
    }

    fn takes(&self, index: usize, format: &Format) -> bool {
        let track = self.tracks.get(index);
        track.is_some_and(|track| track.parser.is_some() || W::recipe(format).is_none())
    }

    fn push(
        &mut self,
        index: usize,
        frame: Frame,
        start: i64,
        out: &mut Vec<Op>,
    ) -> Result<(), String> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Ok(());
        };
        let is_keyframe = frame.is_keyframe();
        if !Arc::ptr_eq(&track.format, &frame.format) {
            track.format = frame.format.clone();
            if let Some(parser) = &track.parser {
                parser.set_format(&frame.format);
            }
        }
        let Some(parser) = &track.parser else {
            let times = [Some(frame.pts), frame.dts];
            let [pts, dts] = times.map(|time| Some(time?.saturating_sub(start)));
            // The caps are those of the track's format.
            let (caps, buffer) = (None, frame.buffer);
            return self.take_in(index, Parsed { caps, buffer }, (pts, dts), out);
        };
        for mut parsed in parser.push(frame, start)? {
            // A parser knows more keyframes than those at which a player can begin.
            if !is_keyframe {
                let buffer = parsed.buffer.make_mut();
                buffer.set_flags(gst::BufferFlags::DELTA_UNIT);
            }
            let times = parsed.times();
            self.take_in(index, parsed, times, out)?;
        }
        Ok(())
    }

    fn flush(&mut self, out: &mut Vec<Op>) {
        if let Some(writer) = &mut self.writer {
            writer.flush(out);
        }
    }

    fn holds(&self) -> bool {
        self.writer.as_ref().is_some_and(FrameWriter::holds)
    }

    fn is_at_limit(&self) -> bool {
        self.writer.as_ref().is_some_and(FrameWriter::is_at_limit)
    }

    fn finish(&mut self, out: &mut Vec<Op>) -> Result<(), String> {
        for index in 0..self.tracks.len() {
            let parser = self.tracks.get(index).and_then(|t| t.parser.as_ref());
            for frame in parser.map(Parser::finish).unwrap_or_default() {
                let times = frame.times();
                self.take_in(index, frame, times, out)?;
            }
        }
        if self.writer.is_none() && !self.held.is_empty() {
            self.start(out)?;
        }
        match &mut self.writer {
            Some(writer) => writer.finish(out),
            None => out.push(Op::Finish),
        }
        Ok(())
    }
}

fn begins_with_delimiter(frame: &gst::BufferRef) -> bool {
    prefix(frame) == Some(TEMPORAL_DELIMITER)
}

/// Of a frame that comes later; `None` if it does not tell.
fn describe_first<W: FrameWriter>(frame: &Frame) -> Option<TrackEntry> {
    let format = &frame.format;
    let parsed = match W::recipe(format) {
        Some(recipe) => {
            let parser = Parser::new(format, recipe).ok()?;
            let parsed = parser.push(frame.clone(), frame.pts);
            let parsed = parsed.ok()?.into_iter().next();
            parsed.or_else(|| parser.finish().into_iter().next())?
        }
        None => Parsed {
            caps: None,
            buffer: frame.buffer.clone(),
        },
    };
    let mut entry = describe(format, &parsed);
    entry.ahead = frame.pts.saturating_sub(frame.order());
    is_complete(format.codec, &entry).then_some(entry)
}

fn describe(format: &Format, first: &Parsed) -> TrackEntry {
    let caps = first.caps.as_ref().unwrap_or(&format.caps);
    let clipping = Clipping::of(format.codec, &first.buffer);
    let mut entry = entry(format, caps, clipping.start_samples());
    if format.codec == Codec::Vp8
        && let Ok(map) = first.buffer.map_readable()
        && let Some(size) = vp8_size(&map)
    {
        entry.grow(size);
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(media_type: &str, data: &'static [u8], ms: i64) -> Frame {
        gst::init().unwrap();
        let caps = gst::Caps::new_empty_simple(media_type);
        Frame {
            buffer: gst::Buffer::from_slice(data),
            format: Format::from_caps(&caps).unwrap().into(),
            pts: ms * 1_000_000,
            dts: None,
            entry: crate::bitstream::Entry::Clean,
            undecodable: Default::default(),
            arrived: std::time::Instant::now(),
        }
    }

    /// A file of what the blocks have, one after the other.
    struct Blocks;

    impl FrameWriter for Blocks {
        type Kind = ();

        fn new((): (), _: &[TrackEntry], _: &Heading, _: &mut Vec<Op>) -> Self {
            Self
        }

        fn resize(&mut self, _: usize, _: (u32, u32), _: &mut Vec<Op>) {}

        fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) -> Result<(), String> {
            out.push(Op::Append(block.data.to_vec()));
            Ok(())
        }

        fn finish(&mut self, _: &mut Vec<Op>) {}
    }

    fn new(formats: &[Arc<Format>], firsts: &[Option<Frame>]) -> FrameMux<Blocks> {
        FrameMux::new((), formats, &[], firsts, Heading::default()).unwrap()
    }

    /// What a file gets while it has audio each 20 ms, and a video is promised of which `first` is
    /// known.
    fn written_after(ms: i64, first: Option<Frame>) -> Vec<Op> {
        let audio = |ms| frame("audio/x-opus", &[0xfc, 0, 0], ms);
        let video = frame("video/x-vp8", &[], 0).format;
        let formats = [audio(0).format, video];
        let mut mux = new(&formats, &[Some(audio(0)), first]);
        let mut out = Vec::new();
        for ms in (0..=ms).step_by(20) {
            mux.push(0, audio(ms), 0, &mut out).unwrap();
        }
        out
    }

    #[test]
    fn a_video_that_comes_late_holds_audio_back_for_half_a_second() {
        assert!(written_after(480, None).is_empty());
        assert!(!written_after(500, None).is_empty());
    }

    #[test]
    fn a_video_whose_first_frame_is_known_holds_nothing_back() {
        let keyframe: &[u8] = &[0x10, 0, 0, 0x9d, 0x01, 0x2a, 0x40, 0x01, 0xb4, 0];
        let first = frame("video/x-vp8", keyframe, 3000);
        assert!(!written_after(0, Some(first)).is_empty());
    }
}
