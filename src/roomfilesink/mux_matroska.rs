// SPDX-License-Identifier: MPL-2.0
//! A part in Matroska: parsers where frames need rewriting, then the Matroska writer.

use std::collections::VecDeque;
use std::sync::Arc;

use super::container::{Codec, Kind};
use super::format::{Format, Frame};
use super::matroska::{Block, Shape, TrackEntry, Writer};
use super::parser::{Parsed, Parser};
use super::writer::Op;

/// How much sound a decoder needs before a seek target (RFC 7845 section 4.6).
const OPUS_SEEK_PRE_ROLL: u64 = 80_000_000;
/// With so much at hand nothing waits any longer for a track that has sent none: its caps describe
/// it, or the file does without it. What waits is lost if the process is killed.
const LONGEST_HOLD: i64 = 500_000_000;

struct Track {
    parser: Option<Parser>,
    format: Arc<Format>,
    entry: Option<TrackEntry>,
    /// Its place in the file, once there is a header that has it.
    number: Option<usize>,
}

/// A frame that is ready for the file.
struct Ready {
    track: usize,
    pts: i64,
    duration: i64,
    keyframe: bool,
    buffer: gst::Buffer,
}

pub(super) struct MatroskaMux {
    tracks: Vec<Track>,
    title: String,
    utc_ns: i64,
    /// Exists as soon as every track's description is complete, or enough waits for it.
    writer: Option<Writer>,
    held: VecDeque<Ready>,
}

impl MatroskaMux {
    /// `firsts` are the frames with which the tracks begin, where they are there: what describes a
    /// track in the header is known from them, and nothing waits for it.
    pub(super) fn new(
        formats: &[Arc<Format>],
        firsts: &[Option<Frame>],
        title: &str,
        utc_ns: i64,
    ) -> Result<Self, String> {
        let tracks = formats
            .iter()
            .enumerate()
            .map(|(index, format)| {
                let first = firsts.get(index).and_then(Option::as_ref);
                Ok(Track {
                    parser: Parser::new(format)?,
                    format: format.clone(),
                    entry: first.and_then(describe_first),
                    number: None,
                })
            })
            .collect::<Result<_, String>>()?;
        Ok(Self {
            tracks,
            title: title.to_owned(),
            utc_ns,
            writer: None,
            held: VecDeque::new(),
        })
    }

    /// Whether the file has, or can still have, this track.
    pub(super) fn has(&self, index: usize) -> bool {
        let track = self.tracks.get(index);
        self.writer.is_none() || track.is_some_and(|t| t.number.is_some())
    }

    /// `pts` is the frame's time from the start of the file, in nanoseconds.
    pub(super) fn push(
        &mut self,
        index: usize,
        frame: &Frame,
        pts: i64,
        out: &mut Vec<Op>,
    ) -> Result<(), String> {
        let Some(track) = self.tracks.get_mut(index) else {
            return Ok(());
        };
        if !Arc::ptr_eq(&track.format, &frame.format) {
            track.format = frame.format.clone();
            if let Some(parser) = &track.parser {
                parser.set_format(&frame.format);
            }
        }
        let parsed = match &track.parser {
            Some(parser) => parser.push(frame, pts)?,
            None => {
                let buffer = frame.buffer.clone();
                let caps = Some(frame.format.caps.clone());
                return self.take_in(index, Parsed { caps, buffer }, Some(pts), out);
            }
        };
        for frame in parsed {
            self.take_in(index, frame, None, out)?;
        }
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(&mut self, out: &mut Vec<Op>) -> Result<(), String> {
        for index in 0..self.tracks.len() {
            let parser = self.tracks.get(index).and_then(|t| t.parser.as_ref());
            for frame in parser.map(Parser::finish).unwrap_or_default() {
                self.take_in(index, frame, None, out)?;
            }
        }
        if self.writer.is_none() && !self.held.is_empty() {
            self.start(out);
        }
        match &mut self.writer {
            Some(writer) => writer.finish(out),
            None => out.push(Op::Finish),
        }
        Ok(())
    }

    fn take_in(
        &mut self,
        index: usize,
        frame: Parsed,
        pts: Option<i64>,
        out: &mut Vec<Op>,
    ) -> Result<(), String> {
        let track = &mut self.tracks[index];
        if track.entry.is_none() {
            let caps = frame.caps.as_ref().unwrap_or(&track.format.caps);
            track.entry = Some(describe(&track.format, caps, &frame.buffer)?);
        }
        let nanoseconds = |t: Option<gst::ClockTime>| {
            t.and_then(|t| i64::try_from(t.nseconds()).ok())
                .unwrap_or(0)
        };
        let flags = frame.buffer.flags();
        let is_audio = track.format.codec.kind() == Kind::Audio;
        self.held.push_back(Ready {
            track: index,
            pts: pts.unwrap_or_else(|| nanoseconds(frame.buffer.pts())),
            duration: nanoseconds(frame.buffer.duration()),
            keyframe: is_audio || !flags.contains(gst::BufferFlags::DELTA_UNIT),
            buffer: frame.buffer,
        });
        let all_known = self.tracks.iter().all(|t| t.entry.is_some());
        if self.writer.is_none() && (all_known || self.holds_long()) {
            self.start(out);
        }
        self.write_held(out)
    }

    fn holds_long(&self) -> bool {
        let times = self.held.iter().map(|ready| ready.pts);
        let (first, last) = (times.clone().min(), times.max());
        first
            .zip(last)
            .is_some_and(|(first, last)| last - first >= LONGEST_HOLD)
    }

    /// Writes the header. A track that sent nothing is described from its caps; if they do not
    /// suffice it is left out, and comes with the next part.
    fn start(&mut self, out: &mut Vec<Op>) {
        let mut entries = Vec::new();
        for track in &mut self.tracks {
            let described = || {
                let entry = entry(&track.format, &track.format.caps);
                is_complete(track.format.codec, &entry).then_some(entry)
            };
            if let Some(entry) = track.entry.clone().or_else(described) {
                track.number = Some(entries.len());
                entries.push(entry);
            }
        }
        self.writer = Some(Writer::new(&entries, &self.title, self.utc_ns, out));
        let _ = self.write_held(out);
    }

    fn write_held(&mut self, out: &mut Vec<Op>) -> Result<(), String> {
        let Some(writer) = &mut self.writer else {
            return Ok(());
        };
        for ready in self.held.drain(..) {
            let Some(number) = self.tracks[ready.track].number else {
                continue;
            };
            let map = ready.buffer.map_readable().map_err(|e| e.to_string())?;
            let block = Block {
                track: number,
                pts: ready.pts,
                duration: ready.duration,
                keyframe: ready.keyframe,
                data: map.as_slice(),
            };
            writer.block(&block, out);
        }
        Ok(())
    }
}

/// Of a frame that comes later; `None` if it does not tell.
fn describe_first(frame: &Frame) -> Option<TrackEntry> {
    let format = &frame.format;
    let parsed = match Parser::new(format).ok()? {
        Some(parser) => {
            let parsed = parser.push(frame, 0).ok()?.into_iter().next();
            parsed.or_else(|| parser.finish().into_iter().next())?
        }
        None => Parsed {
            caps: None,
            buffer: frame.buffer.clone(),
        },
    };
    let caps = parsed.caps.as_ref().unwrap_or(&format.caps);
    let entry = describe(format, caps, &parsed.buffer).ok()?;
    is_complete(format.codec, &entry).then_some(entry)
}

fn describe(format: &Format, caps: &gst::Caps, first: &gst::Buffer) -> Result<TrackEntry, String> {
    let mut entry = entry(format, caps);
    if let Shape::Video { width, height } = &mut entry.shape
        && (*width == 0 || *height == 0)
    {
        let map = first.map_readable().map_err(|e| e.to_string())?;
        if format.codec == Codec::Vp8
            && let Some(size) = vp8_size(map.as_slice())
        {
            (*width, *height) = size;
        }
    }
    Ok(entry)
}

fn entry(format: &Format, caps: &gst::Caps) -> TrackEntry {
    let parsed = Format::from_caps(caps).unwrap_or_else(|| format.clone());
    let shape = match format.codec.kind() {
        Kind::Video => Shape::Video {
            width: parsed.width,
            height: parsed.height,
        },
        Kind::Audio => Shape::Audio {
            rate: parsed.rate,
            channels: parsed.channels,
        },
    };
    let mut entry = TrackEntry {
        codec_id: codec_id(format.codec),
        codec_private: Vec::new(),
        shape,
        codec_delay: 0,
        seek_pre_roll: 0,
    };
    match format.codec {
        Codec::Opus => {
            let header = opus_head(&parsed, caps);
            let pre_skip = u64::from(u16::from_le_bytes([header[10], header[11]]));
            entry.codec_delay = pre_skip * 1_000_000_000 / 48_000;
            entry.seek_pre_roll = OPUS_SEEK_PRE_ROLL;
            entry.codec_private = header;
        }
        Codec::Pcmu => entry.codec_private = wave_format(0x0007, &parsed, 8),
        Codec::Pcma => entry.codec_private = wave_format(0x0006, &parsed, 8),
        // WAVE_FORMAT_G722_ADPCM: four bits per sample.
        Codec::G722 => entry.codec_private = wave_format(0x028f, &parsed, 4),
        Codec::Av1 => entry.codec_private = codec_data(caps).unwrap_or_else(|| av1c(caps)),
        Codec::H264 | Codec::H265 | Codec::Aac => {
            entry.codec_private = codec_data(caps).unwrap_or_default()
        }
        Codec::Vp8 | Codec::Vp9 => {}
    }
    entry
}

/// Whether a player can begin with this description.
fn is_complete(codec: Codec, entry: &TrackEntry) -> bool {
    let has_size = match entry.shape {
        Shape::Video { width, height } => width > 0 && height > 0,
        Shape::Audio { .. } => true,
    };
    let needs_private = matches!(codec, Codec::H264 | Codec::H265);
    has_size && !(needs_private && entry.codec_private.is_empty())
}

fn codec_id(codec: Codec) -> &'static str {
    match codec {
        Codec::H264 => "V_MPEG4/ISO/AVC",
        Codec::H265 => "V_MPEGH/ISO/HEVC",
        Codec::Vp8 => "V_VP8",
        Codec::Vp9 => "V_VP9",
        Codec::Av1 => "V_AV1",
        Codec::Opus => "A_OPUS",
        Codec::Pcmu | Codec::Pcma | Codec::G722 => "A_MS/ACM",
        Codec::Aac => "A_AAC",
    }
}

fn codec_data(caps: &gst::Caps) -> Option<Vec<u8>> {
    let buffer = caps.structure(0)?.get::<gst::Buffer>("codec_data").ok()?;
    Some(buffer.map_readable().ok()?.to_vec())
}

/// An AV1CodecConfigurationRecord (AV1 in ISOBMFF section 2.3) without OBUs: GStreamer 1.22 gives
/// none, and the sequence header is in each keyframe.
fn av1c(caps: &gst::Caps) -> Vec<u8> {
    let field = |name| caps.structure(0).and_then(|s| s.get::<&str>(name).ok());
    let profile = match field("profile") {
        Some("high") => 1,
        Some("professional") => 2,
        _ => 0,
    };
    // The caps do not tell the level: 31 promises no limits.
    let level = 31;
    let depth = caps
        .structure(0)
        .and_then(|s| s.get::<u32>("bit-depth-luma").ok());
    let (high, twelve) = (depth > Some(8), depth > Some(10));
    let (mono, subsampled_x, subsampled_y) = match field("chroma-format") {
        Some("4:0:0") => (true, true, true),
        Some("4:2:2") => (false, true, false),
        Some("4:4:4") => (false, false, false),
        _ => (false, true, true),
    };
    let flags = [high, twelve, mono, subsampled_x, subsampled_y];
    let flags = flags
        .iter()
        .fold(0, |bits, flag| bits << 1 | u8::from(*flag));
    // Marker and version; tier 0 before the flags, chroma position unknown after them.
    vec![0x81, profile << 5 | level, flags << 2, 0]
}

/// The identification header (RFC 7845 section 5.1): the encoder's if the caps have it. Over RTP
/// there is none; WebRTC then means up to two channels and nothing to skip.
fn opus_head(format: &Format, caps: &gst::Caps) -> Vec<u8> {
    let given = caps.structure(0).and_then(|s| {
        let headers = s.get::<gst::ArrayRef>("streamheader").ok()?;
        let header = headers.as_slice().first()?.get::<gst::Buffer>().ok()?;
        let header = header.map_readable().ok()?.to_vec();
        (header.len() >= 19 && header.starts_with(b"OpusHead")).then_some(header)
    });
    given.unwrap_or_else(|| {
        let mut header = b"OpusHead\x01".to_vec();
        header.push(format.channels.clamp(1, 2) as u8);
        header.extend_from_slice(&0u16.to_le_bytes());
        header.extend_from_slice(&format.rate.to_le_bytes());
        header.extend_from_slice(&[0, 0, 0]);
        header
    })
}

/// WAVEFORMATEX, which `A_MS/ACM` has as its private data.
fn wave_format(tag: u16, format: &Format, bits: u16) -> Vec<u8> {
    let channels = format.channels.clamp(1, 8) as u16;
    // The rate is what a stranger's SDP says.
    let bits_per_second = [channels, bits]
        .iter()
        .fold(format.rate, |all, n| all.saturating_mul((*n).into()));
    let bytes_per_second = bits_per_second / 8;
    let mut out = Vec::with_capacity(18);
    out.extend_from_slice(&tag.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&format.rate.to_le_bytes());
    out.extend_from_slice(&bytes_per_second.to_le_bytes());
    out.extend_from_slice(&channels.to_le_bytes());
    out.extend_from_slice(&bits.to_le_bytes());
    out.extend_from_slice(&0u16.to_le_bytes());
    out
}

/// Width and height in a VP8 keyframe (RFC 6386 section 9.1).
fn vp8_size(data: &[u8]) -> Option<(u32, u32)> {
    let header = data.get(..10)?;
    let is_keyframe = header[0] & 1 == 0;
    if !is_keyframe || header[3..6] != [0x9d, 0x01, 0x2a] {
        return None;
    }
    let field = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
    Some((field(header[6], header[7]), field(header[8], header[9])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_rate_beyond_all_reason_is_described_as_it_is() {
        gst::init().unwrap();
        let caps = gst::Caps::builder("audio/x-mulaw")
            .field("rate", i32::MAX)
            .field("channels", i32::MAX)
            .build();
        let format = Format::from_caps(&caps).unwrap();
        let header = wave_format(0x0007, &format, 8);
        assert_eq!(header[4..8], i32::MAX.to_le_bytes());
    }

    fn frame(media_type: &str, data: &'static [u8], ms: i64) -> Frame {
        let caps = gst::Caps::new_empty_simple(media_type);
        Frame {
            buffer: gst::Buffer::from_slice(data),
            format: Format::from_caps(&caps).unwrap().into(),
            pts: ms * 1_000_000,
            dts: None,
            arrived: std::time::Instant::now(),
        }
    }

    /// What a file gets while it has audio each 20 ms, and a video is promised of which `first` is
    /// known.
    fn written_after(ms: i64, first: Option<Frame>) -> Vec<Op> {
        gst::init().unwrap();
        let audio = |ms| frame("audio/x-opus", &[0xfc, 0, 0], ms);
        let video = frame("video/x-vp8", &[], 0).format;
        let formats = [audio(0).format, video];
        let mut mux = MatroskaMux::new(&formats, &[Some(audio(0)), first], "", 0).unwrap();
        let mut out = Vec::new();
        for ms in (0..=ms).step_by(20) {
            mux.push(0, &audio(ms), ms * 1_000_000, &mut out).unwrap();
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
