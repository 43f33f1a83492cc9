// SPDX-License-Identifier: MPL-2.0
//! A small writer of Matroska (RFC 9559) and WebM. Plain Rust: frames in, [`Op`]s out.
//!
//! GStreamer's `matroskamux` waits for every track before it writes anything and drops GAP events
//! (1.22), so a muted camera would delay audio while it is muted. This writer puts each frame into
//! the file as it arrives: no frame waits, none is lost with the process, and a silent track has no
//! effect. Sizes, duration and index are filled in behind, so the finished
//! file is seekable and an unfinished one plays.

use vdoroom_matroska::ebml::{Elements, UNKNOWN_SIZE, long_size};
use vdoroom_matroska::ids;
use vdoroom_matroska::index::{self, Cue, DURATION_ROOM, SEEK_HEAD_ROOM};

use crate::roomfilesink::files::Op;
use crate::roomfilesink::media::{Codec, Heading, Language};
use crate::roomfilesink::mux::frames::{Block, FrameWriter, Shape, TrackEntry, area};

const MS: i64 = 1_000_000;
/// A cluster without video keyframes ends after this time: seeking in audio stays quick.
const MAX_CLUSTER_MS: i64 = 5_000;
/// PixelWidth and PixelHeight, each with an ID, a size and four bytes: a larger size may come.
const SIZE_ROOM: usize = 12;
/// More than an element has in front of a frame: its ID, its size, and four bytes of the block.
const BLOCK_ROOM: usize = 16;

/// How much audio a decoder needs before a seek target (RFC 7845 section 4.6).
const OPUS_SEEK_PRE_ROLL: u64 = 80_000_000;

/// What the file says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub(crate) enum DocType {
    Matroska,
    /// Only with the elements that the WebM container guidelines have.
    WebM,
}

struct Cluster {
    /// Position of the cluster's size field in the file.
    size_at: u64,
    start_ms: i64,
    has_video: bool,
}

struct Track {
    is_video: bool,
    /// Is part of the times in the file (RFC 9559 section 5.1.4.1.25).
    codec_delay: i64,
    /// The largest so far, and where in the file it is.
    size: (u32, u32),
    size_at: u64,
}

pub(crate) struct Writer {
    /// Bytes appended so far.
    position: u64,
    /// Where the segment's payload begins; SeekHead and cues count from here.
    segment: u64,
    duration_at: u64,
    info_at: u64,
    tracks_at: u64,
    tags_at: u64,
    tracks: Vec<Track>,
    cluster: Option<Cluster>,
    cues: Vec<Cue>,
    end: i64,
}

impl FrameWriter for Writer {
    type Kind = DocType;

    fn new(doc_type: DocType, tracks: &[TrackEntry], heading: &Heading, out: &mut Vec<Op>) -> Self {
        let mut e = Elements::default();
        e.master(ids::EBML, |e| {
            e.uint(0x4286, 1).uint(0x42f7, 1).uint(0x42f2, 4);
            e.uint(0x42f3, 8).text(0x4282, doc_type.into());
            // SimpleBlock needs readers of version 2.
            e.uint(0x4287, 4).uint(0x4285, 2);
        });
        e.id(ids::SEGMENT).0.extend_from_slice(&UNKNOWN_SIZE);
        let segment = e.0.len();
        e.void(SEEK_HEAD_ROOM);
        let info_at = e.0.len();
        e.master(ids::INFO, |e| {
            e.uint(0x2ad7b1, MS as u64);
            e.text(0x4d80, "gst-plugin-vdoroom");
            e.text(0x5741, concat!("roomfilesink ", env!("CARGO_PKG_VERSION")));
            // Matroska counts nanoseconds from the start of 2001.
            e.int(
                0x4461,
                heading.utc_ns.saturating_sub(978_307_200 * 1_000 * MS),
            );
            if let Some(title) = heading.title() {
                e.text(0x7ba9, title);
            }
            e.short_void(DURATION_ROOM);
        });
        // The duration is the last thing in Info.
        let duration_at = e.0.len() - DURATION_ROOM;
        let tracks_at = e.0.len();
        let entries = tracks.iter().enumerate().map(|(index, track)| {
            let mut e = Elements::default();
            e.master(0xae, |e| track_entry(e, doc_type, index, track));
            e.0
        });
        let entries: Vec<_> = entries.collect();
        e.master(ids::TRACKS, |e| e.0.extend(entries.concat()));
        let mut end = e.0.len();
        let known = tracks.iter().zip(&entries).rev().map(|(track, entry)| {
            // The size is the last thing in an entry.
            let size_at = end - SIZE_ROOM;
            end -= entry.len();
            Track::new(track, size_at as u64)
        });
        let mut known: Vec<_> = known.collect();
        known.reverse();
        let tags_at = e.0.len();
        e.master(ids::TAGS, |e| tags(e, heading));
        let writer = Self {
            position: e.0.len() as u64,
            segment: segment as u64,
            duration_at: duration_at as u64,
            info_at: info_at as u64,
            tracks_at: tracks_at as u64,
            tags_at: tags_at as u64,
            tracks: known,
            cluster: None,
            cues: Vec::new(),
            end: 0,
        };
        out.push(Op::Append(e.0));
        writer
    }

    fn resize(&mut self, track: usize, size: (u32, u32), out: &mut Vec<Op>) {
        let Some(track) = self.tracks.get_mut(track).filter(|t| t.is_video) else {
            return;
        };
        if area(size) > area(track.size) {
            track.size = size;
            let mut e = Elements::default();
            pixels(&mut e, size);
            out.push(Op::At(track.size_at, e.0));
        }
    }

    fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) -> Result<(), String> {
        let track = self.tracks.get(block.track);
        let (is_video, delay) = track.map_or((false, 0), |t| (t.is_video, t.codec_delay));
        self.end = self
            .end
            .max(block.pts.saturating_add(block.duration.max(0)));
        let time_ms = block.pts.saturating_add(delay).max(0) / MS;
        let starts = self.cluster.as_ref().is_none_or(|c| {
            let relative = time_ms - c.start_ms;
            let keyframe = block.keyframe && is_video;
            keyframe || i16::try_from(relative).is_err() || relative > MAX_CLUSTER_MS
        });
        if starts {
            self.start_cluster(time_ms, block, is_video, out);
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.has_video |= is_video;
        }
        let start_ms = self.cluster.as_ref().map_or(time_ms, |c| c.start_ms);
        let relative = (time_ms - start_ms) as i16;
        // Fewer than 127 tracks: the number fits one byte.
        let number = 0x80 | (block.track as u8 + 1);
        let [high, low] = relative.to_be_bytes();
        // In a group, a keyframe is what refers to no other block.
        let is_simple = block.padding <= 0;
        let flags = if block.keyframe && is_simple { 0x80 } else { 0 };
        let payload: [&[u8]; 2] = [&[number, high, low, flags], block.data];
        let mut e = Elements(Vec::with_capacity(block.data.len() + BLOCK_ROOM));
        if is_simple {
            e.joined(ids::SIMPLE_BLOCK, &payload);
        } else {
            // The last packet of Opus: that it is copied twice more does not matter.
            e.master(ids::BLOCK_GROUP, |e| {
                e.joined(ids::BLOCK, &payload);
                e.int(ids::DISCARD_PADDING, block.padding);
            });
        }
        self.append(e.0, out);
        Ok(())
    }

    /// Writes the index and fills in what was not known before.
    fn finish(&mut self, out: &mut Vec<Op>) {
        self.end_cluster(out);
        let mut targets = vec![
            (ids::INFO, self.info_at),
            (ids::TRACKS, self.tracks_at),
            (ids::TAGS, self.tags_at),
        ];
        let cues = index::cues(&self.cues);
        if !cues.is_empty() {
            targets.push((ids::CUES, self.position));
            self.append(cues, out);
        }
        for (_, at) in &mut targets {
            *at -= self.segment;
        }
        if let Some(head) = index::seek_head(&targets, SEEK_HEAD_ROOM) {
            out.push(Op::At(self.segment, head));
        }
        if self.end > 0 {
            let duration = index::duration(self.end as f64 / MS as f64);
            out.push(Op::At(self.duration_at, duration));
        }
        let size = long_size(self.position - self.segment);
        out.push(Op::At(self.segment - 8, size.to_vec()));
        out.push(Op::Finish);
    }
}

impl Writer {
    fn start_cluster(
        &mut self,
        time_ms: i64,
        block: &Block<'_>,
        is_video: bool,
        out: &mut Vec<Op>,
    ) {
        // While the video is silent the audio is what can be found.
        let has_video = self.tracks.iter().any(|track| track.is_video);
        let is_silent = !has_video || self.cluster.as_ref().is_some_and(|c| !c.has_video);
        self.end_cluster(out);
        if block.keyframe && (is_video || is_silent) {
            self.cues.push(Cue {
                time: time_ms as u64,
                track: block.track as u64 + 1,
                cluster: self.position - self.segment,
            });
        }
        let mut e = Elements::default();
        e.id(ids::CLUSTER);
        let size_at = self.position + e.0.len() as u64;
        e.0.extend_from_slice(&UNKNOWN_SIZE);
        e.uint(ids::TIMESTAMP, time_ms as u64);
        self.append(e.0, out);
        self.cluster = Some(Cluster {
            size_at,
            start_ms: time_ms,
            has_video: false,
        });
    }

    fn end_cluster(&mut self, out: &mut Vec<Op>) {
        if let Some(cluster) = self.cluster.take() {
            let size = long_size(self.position - cluster.size_at - 8);
            out.push(Op::At(cluster.size_at, size.to_vec()));
        }
    }

    fn append(&mut self, data: Vec<u8>, out: &mut Vec<Op>) {
        self.position += data.len() as u64;
        out.push(Op::Append(data));
    }
}

impl Track {
    fn new(entry: &TrackEntry, size_at: u64) -> Self {
        let (is_video, size) = match entry.shape {
            Shape::Video { width, height } => (true, (width, height)),
            Shape::Audio { .. } => (false, (0, 0)),
        };
        Self {
            is_video,
            codec_delay: entry.delay(),
            size,
            size_at,
        }
    }
}

/// Of [`SIZE_ROOM`] bytes, whatever the size is.
fn pixels(e: &mut Elements, (width, height): (u32, u32)) {
    e.binary(ids::PIXEL_WIDTH, &width.to_be_bytes());
    e.binary(ids::PIXEL_HEIGHT, &height.to_be_bytes());
}

/// Of the whole file: its title, and when it began.
fn tags(e: &mut Elements, heading: &Heading) {
    e.master(0x7373, |e| {
        // The level of a whole film or concert.
        e.master(0x63c0, |e| {
            e.uint(0x68ca, 50);
        });
        let date = heading.date();
        let values = [
            ("TITLE", heading.title()),
            ("DATE_RECORDED", date.as_deref()),
        ];
        for (name, value) in values {
            if let Some(value) = value {
                e.master(0x67c8, |e| {
                    e.text(0x45a3, name).text(0x4487, value);
                });
            }
        }
    });
}

fn track_entry(e: &mut Elements, doc_type: DocType, index: usize, track: &TrackEntry) {
    let number = index as u64 + 1;
    let is_video = matches!(track.shape, Shape::Video { .. });
    e.uint(0xd7, number).uint(0x73c5, number);
    e.uint(0x83, if is_video { 1 } else { 2 });
    // No lacing.
    e.uint(0x9c, 0);
    if let Some(name) = track.caption.name() {
        e.text(0x536e, name);
    }
    // "und" because the default would be English.
    let language = track.caption.language;
    e.text(0x22b59c, language.map_or("und", Language::bibliographic));
    if let Some(language) = language
        && doc_type == DocType::Matroska
    {
        e.text(0x22b59d, language.bcp47());
    }
    e.text(0x86, codec_id(track.codec));
    // What is known of VP9 for other containers has no place here.
    if !track.config.is_empty() && track.codec != Codec::Vp9 {
        e.binary(0x63a2, &track.config);
    }
    if track.pre_skip > 0 {
        e.uint(0x56aa, track.delay().unsigned_abs());
    }
    if track.codec == Codec::Opus {
        e.uint(0x56bb, OPUS_SEEK_PRE_ROLL);
    }
    match track.shape {
        Shape::Video { width, height } => e.master(ids::VIDEO, |e| pixels(e, (width, height))),
        Shape::Audio { rate, channels } => e.master(0xe1, |e| {
            e.float(0xb5, rate.into()).uint(0x9f, channels.into());
        }),
    };
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

#[cfg(test)]
mod tests;
