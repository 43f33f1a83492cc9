// SPDX-License-Identifier: MPL-2.0
//! Access unit delimiters of H.264 and H.265, which have to be in a transport stream (ISO/IEC
//! 13818-1 sections 2.14.1 and 2.17.1).

use crate::roomfilesink::media::Codec;

/// For any kind of frame, with start codes (ITU-T H.264 section 7.3.2.4, H.265 section 7.3.2.5).
const AVC_DELIMITER: &[u8] = &[0, 0, 0, 1, 0x09, 0xf0];
const HEVC_DELIMITER: &[u8] = &[0, 0, 0, 1, 0x46, 0x01, 0x50];

/// What has to be before this frame: nothing, if it begins with a delimiter.
pub(super) fn missing(codec: Codec, frame: &[u8]) -> &'static [u8] {
    let first = match frame {
        [0, 0, 1, nal, ..] | [0, 0, 0, 1, nal, ..] => *nal,
        _ => 0,
    };
    match codec {
        Codec::H264 if first & 0x1f != 9 => AVC_DELIMITER,
        Codec::H265 if first >> 1 & 0x3f != 35 => HEVC_DELIMITER,
        _ => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_begins_with_one_delimiter() {
        let cases: [(Codec, &[u8], &[u8]); 5] = [
            (Codec::H264, &[0, 0, 0, 1, 0x65, 0x88], AVC_DELIMITER),
            (Codec::H264, &[0, 0, 1, 0x09, 0x10, 0, 0, 1, 0x65], &[]),
            (Codec::H265, &[0, 0, 0, 1, 0x26, 1, 0xaf], HEVC_DELIMITER),
            (Codec::H265, &[0, 0, 1, 0x46, 1, 0x10, 0, 0, 1, 0x26], &[]),
            (Codec::Opus, &[0xfc], &[]),
        ];
        for (codec, frame, delimiter) in cases {
            assert_eq!(missing(codec, frame), delimiter, "{codec:?}");
        }
    }
}
