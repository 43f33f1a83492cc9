// SPDX-License-Identifier: MPL-2.0
//! Whether the payload of an RTP packet follows the rules of its codec.
//!
//! RTP is what a guest sends. GStreamer's depayloaders take much of it on trust, so they get only
//! what parses: the headers of the payload format, lengths within the packet, fragments from their
//! beginning on and without a hole, and the first bytes of a frame.

mod av1;
mod bytes;
mod fragments;
mod h264;
mod h265;
mod opus;
mod samples;
#[cfg(test)]
mod tests;
mod vp8;
mod vp9;

pub(super) use vp9::is_keyframe as is_vp9_keyframe;

use crate::vdoroomsrc::media::codecs::Codec;

/// What is to be known of a packet (RFC 3550 section 5.1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Packet<'a> {
    pub timestamp: u32,
    /// The last one of its frame.
    pub marker: bool,
    /// Without padding.
    pub payload: &'a [u8],
    /// The packet sent before it has been let through.
    pub follows: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Good,
    /// Good as well, but what was begun before it lacks its end.
    Cuts(&'static str),
    /// Breaks the rules, and how.
    Broken(&'static str),
    /// Belongs to something whose beginning has not come through: of no use to anybody.
    Orphan,
}

/// Of a picture that is made of several frames, what a packet carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub begins_picture: bool,
    pub begins_frame: bool,
    /// Of the frame.
    pub bytes: usize,
    /// Where in the payload the layer is told, if there is one before it.
    pub layer_at: Option<usize>,
}

/// The reason why a payload is broken.
pub(super) type Fault = &'static str;

/// What has been seen of a track so far.
#[derive(Debug)]
pub(super) enum Payload {
    H264(h264::H264),
    H265(h265::H265),
    Vp8(vp8::Vp8),
    Vp9(vp9::Vp9),
    Av1(av1::Av1),
    Opus(opus::Opus),
    Samples(samples::Samples),
}

impl Payload {
    pub(super) fn of(codec: &Codec) -> Self {
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
    pub(super) fn check(&mut self, packet: &Packet<'_>) -> Verdict {
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
    pub(super) fn piece(&self) -> Option<Piece> {
        match self {
            Self::Vp9(codec) => codec.piece,
            _ => None,
        }
    }

    /// Whether the packets since it was last asked, about 50, cannot be of this codec together,
    /// although any one of them could.
    pub(super) fn was_strange(&mut self) -> bool {
        match self {
            Self::Opus(codec) => codec.was_strange(),
            Self::Samples(codec) => codec.was_strange(),
            _ => false,
        }
    }
}

/// What is put together from several packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Unit<T> {
    /// Its beginning is lost, or was broken; whoever comes late has missed it.
    #[default]
    Lost,
    /// Nothing is under way.
    None,
    Open(T),
}

impl<T> Unit<T> {
    /// Something else begins.
    fn interrupt(&mut self, fault: Fault) -> Verdict {
        match std::mem::replace(self, Self::None) {
            Self::Open(_) => Verdict::Cuts(fault),
            _ => Verdict::Good,
        }
    }
}
