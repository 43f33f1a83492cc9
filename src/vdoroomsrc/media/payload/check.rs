// SPDX-License-Identifier: MPL-2.0
//! The rules of each codec, behind one name.

use super::packet::{Packet, Piece, Verdict};
use super::{av1, h264, h265, opus, samples, vp8, vp9};
use crate::vdoroomsrc::media::codecs::Codec;

/// What has been seen of a track so far.
#[derive(Debug)]
pub(crate) enum Payload {
    H264(h264::H264),
    H265(h265::H265),
    Vp8(vp8::Vp8),
    Vp9(vp9::Vp9),
    Av1(av1::Av1),
    Opus(opus::Opus),
    Samples(samples::Samples),
}

impl Payload {
    pub(crate) fn of(codec: &Codec) -> Self {
        match codec.encoding_name {
            "H264" => Self::H264(Default::default()),
            "H265" => Self::H265(Default::default()),
            "VP8" => Self::Vp8(Default::default()),
            "VP9" => Self::Vp9(Default::default()),
            "AV1" => Self::Av1(Default::default()),
            "OPUS" => Self::Opus(Default::default()),
            _ => Self::Samples(Default::default()),
        }
    }

    /// The packet's payload is not empty.
    pub(crate) fn check(&mut self, packet: &Packet<'_>) -> Verdict {
        let checked = match self {
            Self::H264(codec) => codec.check(packet),
            Self::H265(codec) => codec.check(packet),
            Self::Vp8(codec) => codec.check(packet),
            Self::Vp9(codec) => codec.check(packet),
            Self::Av1(codec) => codec.check(packet),
            Self::Opus(codec) => codec.check(packet.payload).map(|()| Verdict::Good),
            Self::Samples(codec) => {
                codec.note(packet);
                Ok(Verdict::Good)
            }
        };
        checked.unwrap_or_else(Verdict::Broken)
    }

    /// Of the packet that was checked last, and is good.
    pub(crate) fn piece(&self) -> Option<Piece> {
        match self {
            Self::Vp9(codec) => codec.piece,
            _ => None,
        }
    }

    /// Whether the packets since it was last asked, about 50, cannot be of this codec together,
    /// although any one of them could.
    pub(crate) fn was_strange(&mut self) -> bool {
        match self {
            Self::Opus(codec) => codec.was_strange(),
            Self::Samples(codec) => codec.was_strange(),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests;
