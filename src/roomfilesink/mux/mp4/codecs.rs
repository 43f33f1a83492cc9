// SPDX-License-Identifier: MPL-2.0
//! What MP4 says of a codec: the sample entry, and how time is counted.

use super::boxes::Boxes;
use crate::roomfilesink::media::Codec;
use crate::roomfilesink::mux::frames::{Shape, TrackEntry};

/// Ticks in a second of video.
pub(crate) const VIDEO_TIMESCALE: u32 = 90_000;
/// Of Opus, whatever was encoded (Opus in ISOBMFF section 4.3).
const OPUS_TIMESCALE: u32 = 48_000;
/// Beyond this an audio rate makes a time of hours too large for 32 bits.
const MAX_TIMESCALE: u32 = 90_000;

pub(crate) fn timescale(entry: &TrackEntry) -> u32 {
    match entry.shape {
        Shape::Video { .. } => VIDEO_TIMESCALE,
        Shape::Audio { .. } if entry.codec == Codec::Opus => OPUS_TIMESCALE,
        Shape::Audio { rate, .. } => rate.clamp(1, MAX_TIMESCALE),
    }
}

/// The one entry of a track's `stsd`.
pub(crate) fn sample_entry(b: &mut Boxes, entry: &TrackEntry) {
    let config = entry.config.as_slice();
    match entry.codec {
        // Keyframes have their parameter sets, too, since these may change. Strictly that is `avc3`
        // and `hev1`; what plays `avc1` and `hvc1` plays them all the same, and Apple's players take
        // no `hev1`.
        Codec::H264 => video(b, b"avc1", entry, |b| {
            b.node(b"avcC", |b| {
                b.bytes(config);
            });
        }),
        Codec::H265 => video(b, b"hvc1", entry, |b| {
            b.node(b"hvcC", |b| {
                b.bytes(config);
            });
        }),
        Codec::Av1 => video(b, b"av01", entry, |b| {
            b.node(b"av1C", |b| {
                b.bytes(config);
            });
        }),
        Codec::Vp9 => video(b, b"vp09", entry, |b| {
            b.full(b"vpcC", 1, 0, |b| {
                b.bytes(config);
            });
        }),
        Codec::Opus => audio(b, b"Opus", entry, |b| {
            b.node(b"dOps", |b| dops(b, config));
        }),
        Codec::Aac => audio(b, b"mp4a", entry, |b| {
            b.full(b"esds", 0, 0, |b| esds(b, config));
        }),
        // No part in MP4 has them (`Container::holds`).
        Codec::Vp8 | Codec::Pcmu | Codec::Pcma | Codec::G722 => {}
    }
}

/// ISO/IEC 14496-12 section 12.1.3.
fn video(b: &mut Boxes, kind: &[u8; 4], entry: &TrackEntry, config: impl FnOnce(&mut Boxes)) {
    let (width, height) = size(entry);
    b.node(kind, |b| {
        b.zeros(6).u16(1).zeros(16).u16(width).u16(height);
        // 72 dpi, one frame, no name, 24 bits of colour.
        b.u32(0x0048_0000).u32(0x0048_0000).u32(0);
        b.u16(1).zeros(32).u16(0x18).u16(0xffff);
        config(b);
    });
}

/// Of video; it is at most 65535 in each direction.
pub(crate) fn size(entry: &TrackEntry) -> (u16, u16) {
    let pixels = |n: u32| u16::try_from(n).unwrap_or(u16::MAX);
    match entry.shape {
        Shape::Video { width, height } => (pixels(width), pixels(height)),
        Shape::Audio { .. } => (0, 0),
    }
}

/// ISO/IEC 14496-12 section 12.2.3.
fn audio(b: &mut Boxes, kind: &[u8; 4], entry: &TrackEntry, config: impl FnOnce(&mut Boxes)) {
    let Shape::Audio { rate, channels } = entry.shape else {
        return;
    };
    let rate = match entry.codec {
        Codec::Opus => OPUS_TIMESCALE,
        _ => rate,
    };
    b.node(kind, |b| {
        b.zeros(6).u16(1).zeros(8);
        b.u16(u16::try_from(channels).unwrap_or(u16::MAX)).u16(16);
        // Fixed point; the codec's own description has what does not fit.
        b.zeros(4)
            .u32(u32::from(u16::try_from(rate).unwrap_or(0)) << 16);
        config(b);
    });
}

/// The identification header of Opus (RFC 7845 section 5.1) in the other byte order (Opus in ISOBMFF
/// section 4.3.2).
fn dops(b: &mut Boxes, header: &[u8]) {
    let field = |at: usize| header.get(at).copied().unwrap_or(0);
    b.u8(0).u8(field(9));
    b.bytes(&[field(11), field(10)]);
    b.bytes(&[field(15), field(14), field(13), field(12)]);
    b.bytes(&[field(17), field(16)]);
    b.u8(field(18));
    if field(18) > 0 {
        b.bytes(header.get(19..).unwrap_or_default());
    }
}

/// Descriptors around an AudioSpecificConfig (ISO/IEC 14496-1 section 7.2.6, 14496-14 section 6.7).
fn esds(b: &mut Boxes, config: &[u8]) {
    const ES: u8 = 3;
    const DECODER_CONFIG: u8 = 4;
    const DECODER_SPECIFIC: u8 = 5;
    const SYNC_LAYER: u8 = 6;
    // Longer than any that there is; a descriptor's size has seven bits in one byte.
    let config = config.get(..config.len().min(64)).unwrap_or_default();
    let specific = config.len() as u8;
    let decoder = 13 + 2 + specific;
    b.u8(ES).u8(3 + 2 + decoder + 3).u16(0).u8(0);
    // MPEG-4 audio, an audio stream; neither buffer nor rates are told.
    b.u8(DECODER_CONFIG).u8(decoder).u8(0x40).u8(0x15).zeros(11);
    b.u8(DECODER_SPECIFIC).u8(specific).bytes(config);
    // As for MP4.
    b.u8(SYNC_LAYER).u8(1).u8(2);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roomfilesink::media::Caption;

    fn described(codec: Codec, shape: Shape, config: &[u8]) -> Vec<u8> {
        let mut b = Boxes::default();
        let entry = TrackEntry {
            codec,
            config: config.to_vec(),
            shape,
            pre_skip: 0,
            ahead: 0,
            caption: Caption::default(),
        };
        sample_entry(&mut b, &entry);
        b.0
    }

    const AUDIO: Shape = Shape::Audio {
        rate: 48_000,
        channels: 2,
    };

    #[test]
    fn opus_is_described_in_the_byte_order_of_mp4() {
        let header = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\x01\x02\0";
        let entry = described(Codec::Opus, AUDIO, header);
        let expected = b"\0\0\0\x13dOps\0\x02\x01\x38\0\0\xbb\x80\x02\x01\0";
        assert!(entry.ends_with(expected), "{entry:x?}");
        assert_eq!(entry[..8], *b"\0\0\0\x37Opus");
    }

    #[test]
    fn opus_of_many_channels_has_its_streams() {
        let header = b"OpusHead\x01\x03\0\0\x80\xbb\0\0\0\0\x01\x02\x01\0\x02\x01";
        let entry = described(Codec::Opus, AUDIO, header);
        assert!(entry.ends_with(b"\0\0\x01\x02\x01\0\x02\x01"), "{entry:x?}");
    }

    #[test]
    fn aac_has_its_configuration_in_descriptors() {
        let entry = described(Codec::Aac, AUDIO, &[0x11, 0x90]);
        let at = entry.windows(4).position(|w| w == b"esds").unwrap();
        let expected = [
            3, 25, 0, 0, 0, 4, 17, 0x40, 0x15, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 2, 0x11, 0x90,
            6, 1, 2,
        ];
        assert_eq!(entry[at + 8..], expected);
    }

    #[test]
    fn sizes_and_rates_that_do_not_fit_break_nothing() {
        let huge = Shape::Video {
            width: 100_000,
            height: u32::MAX,
        };
        let entry = described(Codec::H264, huge, &[]);
        assert_eq!(entry[32..36], [0xff; 4]);
        let fast = Shape::Audio {
            rate: u32::MAX,
            channels: u32::MAX,
        };
        let entry = described(Codec::Aac, fast, &[0; 500]);
        assert_eq!(entry[..4], (entry.len() as u32).to_be_bytes());
    }
}
