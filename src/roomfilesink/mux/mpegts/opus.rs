// SPDX-License-Identifier: MPL-2.0
//! Opus in transport streams (ETSI TS Opus 0.1.3 draft): what the tables say of its channels, and the
//! header of each packet.

/// Streams, coupled ones among them, and which decoded channel is which, for one to eight channels in
/// Vorbis' order (RFC 7845 section 5.1.1.2).
const USUAL: [(u8, u8, &[u8]); 8] = [
    (1, 0, &[0]),
    (1, 1, &[0, 1]),
    (2, 1, &[0, 2, 1]),
    (2, 2, &[0, 1, 2, 3]),
    (3, 2, &[0, 4, 1, 2, 3]),
    (4, 2, &[0, 4, 1, 2, 3, 5]),
    (4, 3, &[0, 4, 1, 2, 3, 5, 6]),
    (5, 3, &[0, 6, 1, 2, 3, 4, 5, 7]),
];
/// Two channels that have nothing to do with each other, in one stream or in two.
const DUAL: u8 = 0x00;
const DUAL_APART: u8 = 0x80;
/// Channels in another way, which is described.
const DESCRIBED: u8 = 0x81;
const PREFIX: u16 = 0x3ff << 5;
const HAS_START_TRIM: u16 = 0x10;
const HAS_END_TRIM: u16 = 0x08;

/// The identification and comment headers of an Ogg file: the tables hold what they say.
pub(super) fn is_header(data: &[u8]) -> bool {
    data.starts_with(b"OpusHead") || data.starts_with(b"OpusTags")
}

/// `channel_config_code` and what follows it, out of an identification header (RFC 7845 section 5.1).
pub(super) fn channels(head: &[u8]) -> Vec<u8> {
    let count = head.get(9).copied().unwrap_or(2);
    let family = head.get(18).copied().unwrap_or(0);
    let mapping = head.get(19..).unwrap_or_default();
    let ([streams, coupled], mapping) = match mapping {
        [streams, coupled, mapping @ ..] if family > 0 => ([*streams, *coupled], mapping),
        _ => return vec![count.clamp(1, 2)],
    };
    let usual = USUAL.get(usize::from(count).wrapping_sub(1));
    if family == 1 && usual == Some(&(streams, coupled, mapping)) {
        return vec![count];
    }
    match (family, streams, coupled, mapping) {
        (255, 1, 1, [0, 1]) => return vec![DUAL],
        (255, 2, 0, [0, 1]) => return vec![DUAL_APART],
        _ => {}
    }
    let mut bits = Packed::default();
    bits.push(u32::from(streams.saturating_sub(1)), width(count));
    bits.push(u32::from(coupled), width(streams.saturating_add(1)));
    let decoded = streams.saturating_add(coupled);
    for channel in mapping {
        // 255, which is silence, has all bits set.
        bits.push(u32::from(*channel), width(decoded.saturating_add(1)));
    }
    [&[DESCRIBED, count, family], bits.bytes.as_slice()].concat()
}

/// Bits that numbers below this one need, as the draft has it. GStreamer from 1.24 on has one more for 2,
/// 4 and 8 (`g_bit_storage`), and FFmpeg reads no description at all.
fn width(count: u8) -> u32 {
    u8::BITS - count.saturating_sub(1).leading_zeros()
}

#[derive(Default)]
struct Packed {
    bytes: Vec<u8>,
    used: u32,
}

impl Packed {
    fn push(&mut self, number: u32, width: u32) {
        for bit in (0..width).rev() {
            if self.used.is_multiple_of(8) {
                self.bytes.push(0);
            }
            let set = (number >> bit & 1) as u8;
            if let Some(last) = self.bytes.last_mut() {
                *last |= set << (7 - self.used % 8);
            }
            self.used += 1;
        }
    }
}

/// The header of a packet. `start` and `end` are the samples at 48 kHz that a decoder discards.
pub(super) fn control_header(packet: usize, start: u16, end: u16) -> Vec<u8> {
    let flag = |samples: u16, flag: u16| if samples > 0 { flag } else { 0 };
    let prefix = PREFIX | flag(start, HAS_START_TRIM) | flag(end, HAS_END_TRIM);
    let mut header = prefix.to_be_bytes().to_vec();
    header.resize(header.len() + packet / 255, 255);
    header.push((packet % 255) as u8);
    for samples in [start, end].into_iter().filter(|samples| *samples > 0) {
        header.extend_from_slice(&samples.min(0x1fff).to_be_bytes());
    }
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(channels: u8, family: u8, mapping: &[u8]) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.extend([channels, 0, 0, 0x80, 0xbb, 0, 0, 0, 0, family]);
        head.extend(mapping);
        head
    }

    #[test]
    fn usual_channels_are_a_number() {
        assert_eq!(channels(&head(1, 0, &[])), [1]);
        assert_eq!(channels(&head(2, 0, &[])), [2]);
        assert_eq!(channels(&head(6, 1, &[4, 2, 0, 4, 1, 2, 3, 5])), [6]);
        assert_eq!(channels(&head(2, 255, &[1, 1, 0, 1])), [DUAL]);
        assert_eq!(channels(&head(2, 255, &[2, 0, 0, 1])), [DUAL_APART]);
        assert_eq!(channels(b"noise"), [2]);
    }

    #[test]
    fn other_channels_are_described() {
        // Three bits each: the streams less one, the coupled ones, and each channel.
        let other = channels(&head(6, 1, &[4, 2, 0, 1, 2, 3, 4, 5]));
        assert_eq!(other[..3], [DESCRIBED, 6, 1]);
        assert_eq!(other[3..], [0b0110_1000, 0b0001_0100, 0b1110_0101]);
    }

    #[test]
    fn a_packet_says_its_length_and_what_is_discarded() {
        assert_eq!(control_header(120, 0, 0), [0x7f, 0xe0, 120]);
        assert_eq!(control_header(255, 0, 0), [0x7f, 0xe0, 255, 0]);
        assert_eq!(
            control_header(520, 312, 0),
            [0x7f, 0xf0, 255, 255, 10, 1, 56]
        );
        assert_eq!(control_header(1, 312, 48), [0x7f, 0xf8, 1, 1, 56, 0, 48]);
    }
}
