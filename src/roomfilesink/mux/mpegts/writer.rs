// SPDX-License-Identifier: MPL-2.0
//! A small writer of transport streams. Plain Rust: frames in, [`Op`]s out.
//!
//! GStreamer's `mpegtsmux` is a pipeline with a thread for each file, waits for tracks that are silent,
//! and leaves out tables, clock references and delimiters where it has no video (1.22). This writer
//! puts each frame into the file as it arrives.

use super::clock::{Clock, Due};
use super::packet::{Access, PACKET, Stream};
use super::tables::{FIRST_TRACK, Tables};
use super::{delimiters, opus, unit};
use crate::roomfilesink::files::Op;
use crate::roomfilesink::media::{Codec, Format, Heading, Kind};
use crate::roomfilesink::mux::frames::{Block, FrameWriter, Recipe, TrackEntry};

/// In 1/90 000 s: where files begin, an hour from 0, so that what is decoded before has a time.
const BEGINNING: i64 = 90_000 * 3600;
/// In nanoseconds. FFmpeg takes what is a minute before the rest for the end of a day.
const EARLIEST: i64 = -10_000_000_000;
/// What tells frames of different tracks apart (ISO/IEC 13818-1 table 2-22).
const VIDEO: u8 = 0xe0;
const AUDIO: u8 = 0xc0;
const PRIVATE: u8 = 0xbd;

struct Track {
    codec: Codec,
    stream_id: u8,
    stream: Stream,
}

pub(crate) struct Writer {
    tracks: Vec<Track>,
    /// The one that has the clock.
    leader: usize,
    tables: Tables,
    clock: Clock,
}

impl FrameWriter for Writer {
    type Kind = ();
    const NEEDS_DESCRIPTIONS: bool = false;

    fn recipe(format: &Format) -> Option<Recipe> {
        let (parser, caps) = match format.codec {
            Codec::H264 => (
                "h264parse",
                "video/x-h264,stream-format=byte-stream,alignment=au",
            ),
            Codec::H265 => (
                "h265parse",
                "video/x-h265,stream-format=byte-stream,alignment=au",
            ),
            Codec::Aac => (
                "aacparse",
                "audio/mpeg,mpegversion=(int){2,4},stream-format=adts",
            ),
            _ => return None,
        };
        let is_ready = caps.parse().is_ok_and(|caps: gst::Caps| {
            format.codec != Codec::Aac && format.caps.is_subset(&caps)
        });
        (!is_ready).then_some((parser, caps))
    }

    fn new((): (), tracks: &[TrackEntry], _: &Heading, _: &mut Vec<Op>) -> Self {
        let leader = tracks.iter().position(TrackEntry::is_video).unwrap_or(0);
        let (mut videos, mut audios) = (VIDEO..=0xef, AUDIO..=0xdf);
        let known = (FIRST_TRACK..).zip(tracks).map(|(pid, track)| {
            let stream_id = match track.codec {
                Codec::Opus => Some(PRIVATE),
                _ if track.is_video() => videos.next(),
                _ => audios.next(),
            };
            Track {
                codec: track.codec,
                stream_id: stream_id.unwrap_or(PRIVATE),
                stream: Stream::new(pid),
            }
        });
        let known: Vec<_> = known.collect();
        let clock = known.get(leader).map_or(FIRST_TRACK, |t| t.stream.pid());
        Self {
            tables: Tables::new(tracks, clock),
            tracks: known,
            leader,
            clock: Clock::default(),
        }
    }

    fn resize(&mut self, _: usize, _: (u32, u32), _: &mut Vec<Op>) {}

    fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) -> Result<(), String> {
        let is_own = block.track == self.leader;
        let Some(codec) = self.tracks.get(block.track).map(|track| track.codec) else {
            return Ok(());
        };
        if block.data.is_empty() || codec == Codec::Opus && opus::is_header(block.data) {
            return Ok(());
        }
        // Units are presented when what is heard of them begins.
        let time = |time: i64| ticks(time.saturating_add(block.clipped).max(EARLIEST));
        let pts = time(block.pts);
        let dts = time(block.dts).min(pts);
        let size = block.data.len();
        let mut bytes = Vec::with_capacity(size + size / 32 + 4 * PACKET);
        let (tables, tracks, leader) = (&mut self.tables, &self.tracks, self.leader);
        let reference = self.clock.frame(dts, is_own, |due| match due {
            Due::Tables => tables.write(&mut bytes),
            Due::Reference(time) => {
                if let Some(leader) = tracks.get(leader) {
                    leader.stream.clock(time, &mut bytes);
                }
            }
        });
        let before = match codec {
            Codec::Opus => {
                let [start, end] = [block.clipped, block.padding].map(samples);
                opus::control_header(block.data.len(), start, end)
            }
            _ => delimiters::missing(codec, block.data).to_vec(),
        };
        let access = Access {
            random: codec.kind() == Kind::Video && block.keyframe,
            clock: is_own.then_some(reference),
        };
        if let Some(track) = self.tracks.get_mut(block.track) {
            let payload = before.len() + block.data.len();
            let header = unit::header(track.stream_id, payload, pts, (dts < pts).then_some(dts));
            let parts = [header.as_slice(), &before, block.data];
            track.stream.unit(&parts, access, &mut bytes);
        }
        out.push(Op::Append(bytes));
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Op>) {
        out.push(Op::Finish);
    }
}

/// Nanoseconds from the start of the file, in 1/90 000 s.
fn ticks(time: i64) -> i64 {
    let ticks = i128::from(time) * 9 / 100_000;
    BEGINNING.saturating_add(i64::try_from(ticks).unwrap_or(0))
}

/// Nanoseconds in samples at 48 kHz.
fn samples(time: i64) -> u16 {
    let samples = (i128::from(time) * 48_000 + 500_000_000) / 1_000_000_000;
    u16::try_from(samples.max(0)).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests;
