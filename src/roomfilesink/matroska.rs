// SPDX-License-Identifier: MPL-2.0
//! A small Matroska writer (RFC 9559). Plain Rust: frames in, [`Op`]s out.
//!
//! GStreamer's `matroskamux` waits for every track before it writes anything and drops GAP events
//! (1.22), so a muted camera would hold back the sound for as long as it is muted. This writer
//! puts each frame into the file as it comes: nothing waits, nothing is lost with the process, and
//! a silent track leaves no trace. Sizes, duration and index are filled in behind, so the finished
//! file is seekable and an unfinished one plays.

use super::ebml::{Elements, UNKNOWN_SIZE, long_size};
use super::writer::Op;

const MS: i64 = 1_000_000;
/// A cluster without video keyframes ends after this time: seeking in audio stays quick.
const MAX_CLUSTER_MS: i64 = 5_000;
/// Room for the SeekHead, which is known only at the end.
const SEEK_HEAD_ROOM: usize = 120;

mod id {
    pub const EBML: u32 = 0x1a45_dfa3;
    pub const SEGMENT: u32 = 0x1853_8067;
    pub const SEEK_HEAD: u32 = 0x114d_9b74;
    pub const SEEK: u32 = 0x4dbb;
    pub const SEEK_ID: u32 = 0x53ab;
    pub const SEEK_POSITION: u32 = 0x53ac;
    pub const INFO: u32 = 0x1549_a966;
    pub const DURATION: u32 = 0x4489;
    pub const TRACKS: u32 = 0x1654_ae6b;
    pub const CLUSTER: u32 = 0x1f43_b675;
    pub const TIMESTAMP: u32 = 0xe7;
    pub const SIMPLE_BLOCK: u32 = 0xa3;
    pub const CUES: u32 = 0x1c53_bb6b;
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Video { width: u32, height: u32 },
    Audio { rate: u32, channels: u32 },
}

/// One track's description.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TrackEntry {
    pub codec_id: &'static str,
    pub codec_private: Vec<u8>,
    pub shape: Shape,
    /// Samples that the decoder discards at the start, in nanoseconds (Opus pre-skip).
    pub codec_delay: u64,
    /// How much must be decoded after a seek before the sound is right, in nanoseconds.
    pub seek_pre_roll: u64,
}

/// One encoded frame.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'a> {
    /// Index into the tracks.
    pub track: usize,
    /// Nanoseconds from the start of the file.
    pub pts: i64,
    pub duration: i64,
    pub keyframe: bool,
    pub data: &'a [u8],
}

struct Cluster {
    /// Position of the cluster's size field in the file.
    size_at: u64,
    start_ms: i64,
}

struct Cue {
    time_ms: i64,
    track: usize,
    cluster: u64,
}

pub(super) struct Writer {
    /// Bytes appended so far.
    position: u64,
    /// Where the segment's payload begins; SeekHead and cues count from here.
    segment: u64,
    duration_at: u64,
    info_at: u64,
    tracks_at: u64,
    video: Option<usize>,
    cluster: Option<Cluster>,
    cues: Vec<Cue>,
    end: i64,
}

impl Writer {
    /// Starts a file; the header goes into `out`.
    pub(super) fn new(tracks: &[TrackEntry], title: &str, utc_ns: i64, out: &mut Vec<Op>) -> Self {
        let mut e = Elements::default();
        e.master(id::EBML, |e| {
            e.uint(0x4286, 1).uint(0x42f7, 1).uint(0x42f2, 4);
            e.uint(0x42f3, 8).text(0x4282, "matroska");
            // SimpleBlock needs readers of version 2.
            e.uint(0x4287, 4).uint(0x4285, 2);
        });
        e.id(id::SEGMENT).0.extend_from_slice(&UNKNOWN_SIZE);
        let segment = e.0.len();
        e.void(SEEK_HEAD_ROOM);
        let info_at = e.0.len();
        e.master(id::INFO, |e| {
            e.uint(0x2ad7b1, MS as u64);
            e.text(0x4d80, "gst-plugin-vdoroom");
            e.text(0x5741, concat!("roomfilesink ", env!("CARGO_PKG_VERSION")));
            // Matroska counts nanoseconds from the start of 2001.
            e.int(0x4461, utc_ns.saturating_sub(978_307_200 * 1_000 * MS));
            if !title.is_empty() {
                e.text(0x7ba9, title);
            }
            e.float(id::DURATION, 0.0);
        });
        // The duration is the last thing in Info.
        let duration_at = e.0.len() - 8;
        let tracks_at = e.0.len();
        e.master(id::TRACKS, |e| {
            for (index, track) in tracks.iter().enumerate() {
                e.master(0xae, |e| track_entry(e, index, track));
            }
        });
        let video = tracks
            .iter()
            .position(|t| matches!(t.shape, Shape::Video { .. }));
        let writer = Self {
            position: e.0.len() as u64,
            segment: segment as u64,
            duration_at: duration_at as u64,
            info_at: info_at as u64,
            tracks_at: tracks_at as u64,
            video,
            cluster: None,
            cues: Vec::new(),
            end: 0,
        };
        out.push(Op::Append(e.0));
        writer
    }

    pub(super) fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) {
        let pts = block.pts.max(0);
        self.end = self.end.max(pts.saturating_add(block.duration.max(0)));
        let time_ms = pts / MS;
        let starts = self.cluster.as_ref().is_none_or(|c| {
            let relative = time_ms - c.start_ms;
            let keyframe = block.keyframe && self.video == Some(block.track);
            keyframe || i16::try_from(relative).is_err() || relative > MAX_CLUSTER_MS
        });
        if starts {
            self.start_cluster(time_ms, block, out);
        }
        let start_ms = self.cluster.as_ref().map_or(time_ms, |c| c.start_ms);
        let relative = (time_ms - start_ms) as i16;
        let mut payload = Vec::with_capacity(block.data.len() + 4);
        // Fewer than 127 tracks: the number fits one byte.
        payload.push(0x80 | (block.track as u8 + 1));
        payload.extend_from_slice(&relative.to_be_bytes());
        payload.push(if block.keyframe { 0x80 } else { 0 });
        payload.extend_from_slice(block.data);
        let mut e = Elements::default();
        e.binary(id::SIMPLE_BLOCK, &payload);
        self.append(e.0, out);
    }

    /// Writes the index and fills in what was not known before.
    pub(super) fn finish(&mut self, out: &mut Vec<Op>) {
        self.end_cluster(out);
        let mut targets = vec![(id::INFO, self.info_at), (id::TRACKS, self.tracks_at)];
        // An index without an entry is not allowed (RFC 9559 section 5.1.5).
        if !self.cues.is_empty() {
            targets.push((id::CUES, self.position));
            self.append_cues(out);
        }
        let mut seek = Elements::default();
        seek.master(id::SEEK_HEAD, |e| {
            for (id, at) in targets {
                e.master(id::SEEK, |e| {
                    e.binary(id::SEEK_ID, &id.to_be_bytes());
                    e.uint(id::SEEK_POSITION, at - self.segment);
                });
            }
        });
        let rest = SEEK_HEAD_ROOM - seek.0.len();
        seek.void(rest);
        out.push(Op::At(self.segment, seek.0));
        let duration = self.end as f64 / MS as f64;
        out.push(Op::At(self.duration_at, duration.to_be_bytes().to_vec()));
        let size = long_size(self.position - self.segment);
        out.push(Op::At(self.segment - 8, size.to_vec()));
        out.push(Op::Finish);
    }

    fn append_cues(&mut self, out: &mut Vec<Op>) {
        let mut e = Elements::default();
        e.master(id::CUES, |e| {
            for cue in &self.cues {
                e.master(0xbb, |e| {
                    e.uint(0xb3, cue.time_ms as u64);
                    e.master(0xb7, |e| {
                        e.uint(0xf7, cue.track as u64 + 1).uint(0xf1, cue.cluster);
                    });
                });
            }
        });
        self.append(e.0, out);
    }

    fn start_cluster(&mut self, time_ms: i64, block: &Block<'_>, out: &mut Vec<Op>) {
        self.end_cluster(out);
        let keyframe = block.keyframe && self.video.is_none_or(|video| video == block.track);
        if keyframe {
            self.cues.push(Cue {
                time_ms,
                track: block.track,
                cluster: self.position - self.segment,
            });
        }
        let mut e = Elements::default();
        e.id(id::CLUSTER);
        let size_at = self.position + e.0.len() as u64;
        e.0.extend_from_slice(&UNKNOWN_SIZE);
        e.uint(id::TIMESTAMP, time_ms as u64);
        self.append(e.0, out);
        self.cluster = Some(Cluster {
            size_at,
            start_ms: time_ms,
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

fn track_entry(e: &mut Elements, index: usize, track: &TrackEntry) {
    let number = index as u64 + 1;
    let is_video = matches!(track.shape, Shape::Video { .. });
    e.uint(0xd7, number).uint(0x73c5, number);
    e.uint(0x83, if is_video { 1 } else { 2 });
    // No lacing; "und" because the default would be English.
    e.uint(0x9c, 0).text(0x22b59c, "und");
    e.text(0x86, track.codec_id);
    if !track.codec_private.is_empty() {
        e.binary(0x63a2, &track.codec_private);
    }
    if track.codec_delay > 0 {
        e.uint(0x56aa, track.codec_delay);
    }
    if track.seek_pre_roll > 0 {
        e.uint(0x56bb, track.seek_pre_roll);
    }
    match track.shape {
        Shape::Video { width, height } => e.master(0xe0, |e| {
            e.uint(0xb0, width.into()).uint(0xba, height.into());
        }),
        Shape::Audio { rate, channels } => e.master(0xe1, |e| {
            e.float(0xb5, rate.into()).uint(0x9f, channels.into());
        }),
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks() -> Vec<TrackEntry> {
        let entry = |codec_id, shape| TrackEntry {
            codec_id,
            codec_private: vec![],
            shape,
            codec_delay: 0,
            seek_pre_roll: 0,
        };
        let video = Shape::Video {
            width: 320,
            height: 180,
        };
        let audio = Shape::Audio {
            rate: 48_000,
            channels: 2,
        };
        vec![entry("V_VP8", video), entry("A_OPUS", audio)]
    }

    /// The file that the operations give.
    fn file(ops: &[Op]) -> Vec<u8> {
        let mut file = Vec::new();
        for op in ops {
            match op {
                Op::Append(data) => file.extend_from_slice(data),
                Op::At(at, data) => {
                    let at = *at as usize;
                    file[at..at + data.len()].copy_from_slice(data);
                }
                Op::Finish => {}
            }
        }
        file
    }

    /// Top-level elements of the segment: ID and payload size.
    fn segment_children(file: &[u8]) -> Vec<(u32, u64)> {
        let at = file.windows(4).position(|w| w == [0x18, 0x53, 0x80, 0x67]);
        let mut rest = &file[at.unwrap() + 12..];
        let mut found = Vec::new();
        while let Some(first) = rest.first() {
            let id_len = first.leading_zeros() as usize + 1;
            let id = rest[..id_len].iter().fold(0, |v, b| v << 8 | u32::from(*b));
            rest = &rest[id_len..];
            let len = rest[0].leading_zeros() as usize + 1;
            let raw = rest[..len].iter().fold(0, |v, b| v << 8 | u64::from(*b));
            let size = raw & !(1 << (7 * len));
            found.push((id, size));
            rest = &rest[len + size as usize..];
        }
        found
    }

    fn write(blocks: &[(usize, i64, bool)]) -> Vec<Op> {
        let mut out = Vec::new();
        let mut writer = Writer::new(&tracks(), "Alice", 1_600_000_000 * 1_000 * MS, &mut out);
        for (track, ms, keyframe) in blocks {
            let block = Block {
                track: *track,
                pts: ms * MS,
                duration: 20 * MS,
                keyframe: *keyframe,
                data: &[1, 2, 3],
            };
            writer.block(&block, &mut out);
        }
        writer.finish(&mut out);
        out
    }

    #[test]
    fn a_finished_file_has_sizes_an_index_and_a_duration() {
        let ops = write(&[(0, 0, true), (1, 10, true), (0, 40, false), (0, 80, true)]);
        let file = file(&ops);
        let ids: Vec<_> = segment_children(&file).iter().map(|c| c.0).collect();
        let expected = [
            id::SEEK_HEAD,
            0xec,
            id::INFO,
            id::TRACKS,
            id::CLUSTER,
            id::CLUSTER,
            id::CUES,
        ];
        assert_eq!(ids, expected);
        let duration = 100.0_f64.to_be_bytes();
        assert!(file.windows(8).any(|w| w == duration), "duration is 100 ms");
    }

    #[test]
    fn a_file_without_a_place_to_seek_to_has_no_index() {
        let ids: Vec<_> = segment_children(&file(&write(&[(1, 0, true)])))
            .iter()
            .map(|c| c.0)
            .collect();
        assert!(!ids.contains(&id::CUES), "{ids:x?}");
    }

    #[test]
    fn a_block_that_comes_late_still_gets_its_own_time() {
        // Half a minute and more back does not fit a block's 16 bits: a new cluster holds it.
        let ops = write(&[(0, 40_000, true), (1, 39_900, true), (1, 100, true)]);
        let clusters = segment_children(&file(&ops))
            .iter()
            .filter(|c| c.0 == id::CLUSTER)
            .count();
        assert_eq!(clusters, 2);
    }

    #[test]
    fn frames_are_handed_to_the_file_as_they_come() {
        let mut out = Vec::new();
        let mut writer = Writer::new(&tracks(), "", 0, &mut out);
        out.clear();
        let block = Block {
            track: 1,
            pts: 0,
            duration: 0,
            keyframe: true,
            data: b"payload",
        };
        writer.block(&block, &mut out);
        let held: Vec<_> = out
            .iter()
            .filter(|op| matches!(op, Op::Append(d) if d.ends_with(b"payload")))
            .collect();
        assert_eq!(held.len(), 1);
    }
}
