// SPDX-License-Identifier: MPL-2.0
//! One frame, or several of the same track, as far as its header tells (RFC 9559 section 10).

use vdoroom_matroska::ebml;

/// So many bytes of a block are enough to read it: track, time, flags, and the beginning of a frame.
pub(crate) const HEAD: usize = 16;

#[derive(Debug, PartialEq)]
pub(crate) struct Block {
    pub track: u64,
    /// To the cluster's timestamp.
    pub time: i64,
    /// Of a SimpleBlock only.
    pub is_keyframe: bool,
    /// Nanoseconds that the frame lasts if it is Opus.
    pub opus: Option<i64>,
}

impl Block {
    /// `head` is what the element holds, or its beginning.
    pub(crate) fn read(head: &[u8]) -> Option<Self> {
        let (track, len) = ebml::size(head)?;
        let [high, low, flags, frame @ ..] = head.get(len..)? else {
            return None;
        };
        // Where there are several frames, their sizes come first.
        let is_laced = flags & 0x06 != 0;
        Some(Self {
            track: track?,
            time: i16::from_be_bytes([*high, *low]).into(),
            is_keyframe: flags & 0x80 != 0,
            opus: if is_laced { None } else { opus(frame) },
        })
    }
}

/// How long a packet of Opus lasts (RFC 6716 section 3.1), in nanoseconds.
fn opus(packet: &[u8]) -> Option<i64> {
    const US: i64 = 1_000;
    let first = *packet.first()?;
    let (config, code) = (first >> 3, first & 3);
    let frame = match config {
        0..12 => [10_000, 20_000, 40_000, 60_000][usize::from(config & 3)],
        12..16 => [10_000, 20_000][usize::from(config & 1)],
        _ => [2_500, 5_000, 10_000, 20_000][usize::from(config & 3)],
    };
    let count = match code {
        0 => 1,
        1 | 2 => 2,
        _ => packet.get(1)? & 0x3f,
    };
    Some(frame * US * i64::from(count))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_tells_its_track_and_time_and_how_long_opus_lasts() {
        let block = Block::read(&[0x82, 0xff, 0xfe, 0x80, 0xfc, 0, 0]).unwrap();
        let expected = Block {
            track: 2,
            time: -2,
            is_keyframe: true,
            opus: Some(20_000_000),
        };
        assert_eq!(block, expected);
        assert_eq!(Block::read(&[0x82, 0, 0]), None, "it is too short");
        let laced = Block::read(&[0x81, 0, 0, 0x02, 0xfc, 0]).unwrap();
        assert_eq!(laced.opus, None);
    }

    #[test]
    fn opus_of_every_kind_lasts_as_long_as_it_says() {
        for (packet, us) in [
            (&[0x18][..], 60_000),
            (&[0x60], 10_000),
            (&[0x80], 2_500),
            (&[0xfd], 40_000),
            (&[0xff, 3], 60_000),
        ] {
            assert_eq!(opus(packet), Some(us * 1_000), "{packet:x?}");
        }
        assert_eq!(opus(&[0xff]), None);
    }
}
