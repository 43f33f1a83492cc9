// SPDX-License-Identifier: MPL-2.0
//! What a writer is told of tracks and frames. Plain Rust.

use super::parser::{self, Recipe};
use crate::roomfilesink::files::Op;
use crate::roomfilesink::media::{Caption, Codec, Format, Heading};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Shape {
    Video { width: u32, height: u32 },
    Audio { rate: u32, channels: u32 },
}

/// One track's description.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TrackEntry {
    pub codec: Codec,
    /// What a decoder has to know before the first frame, in the form that the codec has for it:
    /// its configuration record; the identification header of Opus; WAVEFORMATEX of PCMU, PCMA and
    /// G.722.
    pub config: Vec<u8>,
    pub shape: Shape,
    /// Samples at 48 kHz that a decoder of Opus discards at the start.
    pub pre_skip: u16,
    /// How long before it is shown the first frame is decoded, in nanoseconds.
    pub ahead: i64,
    pub caption: Caption,
}

impl TrackEntry {
    /// What the decoder discards at the start, in nanoseconds.
    pub(crate) fn delay(&self) -> i64 {
        i64::from(self.pre_skip) * 1_000_000_000 / 48_000
    }

    pub(crate) fn is_video(&self) -> bool {
        matches!(self.shape, Shape::Video { .. })
    }

    /// The track has frames of this size, too. Whether that is larger than what was known.
    pub(crate) fn grow(&mut self, size: (u32, u32)) -> bool {
        let Shape::Video { width, height } = &mut self.shape else {
            return false;
        };
        let grows = area(size) > area((*width, *height));
        if grows {
            (*width, *height) = size;
        }
        grows
    }
}

pub(crate) fn area((width, height): (u32, u32)) -> u64 {
    u64::from(width) * u64::from(height)
}

/// One encoded frame.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Block<'a> {
    /// Index into the tracks.
    pub track: usize,
    /// When its decoded data begins, in nanoseconds from the start of the file.
    pub pts: i64,
    /// When it is decoded.
    pub dts: i64,
    pub duration: i64,
    pub keyframe: bool,
    /// What the decoder discards of its beginning and of its end, in nanoseconds. `pts` is before that.
    pub clipped: i64,
    pub padding: i64,
    pub data: &'a [u8],
}

/// Makes a file of frames.
pub(crate) trait FrameWriter: Sized {
    /// Which kind of file it is to be, if the writer has more than one.
    type Kind: Copy;

    /// Whether a track is in the header only once it is known what the frames have to tell.
    const NEEDS_DESCRIPTIONS: bool = true;

    /// What brings frames of this format into the form that the container has for them; `None` if they
    /// go into the file as they are.
    fn recipe(format: &Format) -> Option<Recipe> {
        parser::stored(format.codec)
    }

    /// Starts a file; the header goes into `out`.
    fn new(kind: Self::Kind, tracks: &[TrackEntry], heading: &Heading, out: &mut Vec<Op>) -> Self;

    /// A track has frames of this size. A player makes room for the largest.
    fn resize(&mut self, track: usize, size: (u32, u32), out: &mut Vec<Op>);

    fn block(&mut self, block: &Block<'_>, out: &mut Vec<Op>) -> Result<(), String>;

    /// Writes what it holds back.
    fn flush(&mut self, _out: &mut Vec<Op>) {}

    /// Whether it holds anything back.
    fn holds(&self) -> bool {
        false
    }

    /// Whether what it has to remember of the file has become too much.
    fn is_at_limit(&self) -> bool {
        false
    }

    fn finish(&mut self, out: &mut Vec<Op>);
}
