// SPDX-License-Identifier: MPL-2.0
//! What the recorder knows of a file, in the words of `vdoroom-matroska`.

use vdoroom_matroska::{self as matroska, Shape as MatroskaShape, Step};

pub(crate) use vdoroom_matroska::DocType;

use crate::roomfilesink::files::Op;
use crate::roomfilesink::media::{Codec, Heading};
use crate::roomfilesink::mux::frames::{Block, FrameWriter, Shape, TrackEntry};

/// How much audio a decoder needs before a seek target (RFC 7845 section 4.6).
const OPUS_SEEK_PRE_ROLL: u64 = 80_000_000;

pub(crate) struct Writer {
    writer: matroska::Writer,
    /// Empty between two calls; it keeps its memory.
    steps: Vec<Step>,
}

impl FrameWriter for Writer {
    type Kind = DocType;

    fn new(doc_type: DocType, tracks: &[TrackEntry], heading: &Heading, out: &mut Vec<Op>) -> Self {
        let tracks: Vec<_> = tracks.iter().map(track).collect();
        let heading = matroska::Heading {
            title: heading.title().map(Into::into),
            utc_ns: heading.utc_ns,
            date: heading.date(),
        };
        let mut steps = Vec::new();
        let writer = matroska::Writer::new(doc_type, &tracks, &heading, &mut steps);
        out.extend(steps.drain(..).map(op));
        Self { writer, steps }
    }

    fn resize(&mut self, track: usize, size: (u32, u32), out: &mut Vec<Op>) {
        self.writer.resize(track, size, &mut self.steps);
        out.extend(self.steps.drain(..).map(op));
    }

    fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) -> Result<(), String> {
        let block = matroska::Block {
            track: block.track,
            pts: block.pts,
            duration: block.duration,
            keyframe: block.keyframe,
            padding: block.padding,
            data: block.data,
        };
        self.writer.block(&block, &mut self.steps);
        out.extend(self.steps.drain(..).map(op));
        Ok(())
    }

    fn finish(&mut self, out: &mut Vec<Op>) {
        self.writer.finish(&mut self.steps);
        out.extend(self.steps.drain(..).map(op));
        out.push(Op::Finish);
    }
}

fn op(step: Step) -> Op {
    match step {
        Step::Append(data) => Op::Append(data),
        Step::At(at, data) => Op::At(at, data),
    }
}

fn track(entry: &TrackEntry) -> matroska::TrackEntry {
    let is_opus = entry.codec == Codec::Opus;
    matroska::TrackEntry {
        codec_id: codec_id(entry.codec),
        // What is known of VP9 for other containers has no place here.
        codec_private: match entry.codec {
            Codec::Vp9 => Vec::new(),
            _ => entry.config.clone(),
        },
        shape: match entry.shape {
            Shape::Video { width, height } => MatroskaShape::Video { width, height },
            Shape::Audio { rate, channels } => MatroskaShape::Audio { rate, channels },
        },
        codec_delay: entry.delay().unsigned_abs(),
        seek_pre_roll: if is_opus { OPUS_SEEK_PRE_ROLL } else { 0 },
        name: entry.caption.name().map(Into::into),
        language: entry.caption.language.map(|language| matroska::Language {
            bibliographic: language.bibliographic(),
            bcp47: language.bcp47(),
        }),
    }
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
