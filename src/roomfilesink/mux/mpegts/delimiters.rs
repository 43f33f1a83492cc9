// SPDX-License-Identifier: MPL-2.0
//! Access unit delimiters of H.264 and H.265, which have to be in a transport stream (ISO/IEC
//! 13818-1 sections 2.14.1 and 2.17.1). `mpegtsmux` adds those of H.265 from 1.28 on.

use gst::prelude::*;

use crate::roomfilesink::media::Codec;

/// For any kind of frame, with start codes (ITU-T H.264 section 7.3.2.4, H.265 section 7.3.2.5).
const AVC_DELIMITER: &[u8] = &[0, 0, 0, 1, 0x09, 0xf0];
const HEVC_DELIMITER: &[u8] = &[0, 0, 0, 1, 0x46, 0x01, 0x50];

/// Puts an access unit delimiter before a frame that begins otherwise.
pub(crate) fn delimit(codec: Codec, start: &[u8; 8], frame: &mut gst::Buffer) {
    let first = match start {
        [0, 0, 1, nal, ..] | [0, 0, 0, 1, nal, ..] => *nal,
        _ => 0,
    };
    let delimiter = match codec {
        Codec::H264 if first & 0x1f != 9 => AVC_DELIMITER,
        Codec::H265 if first >> 1 & 0x3f != 35 => HEVC_DELIMITER,
        _ => return,
    };
    let delimiter = gst::Memory::from_slice(delimiter);
    frame.make_mut().prepend_memory(delimiter);
}

/// h265parse (1.22) adds no delimiters.
pub(crate) fn delimit_parsed(pad: &gst::Pad, codec: Codec) {
    pad.add_probe(gst::PadProbeType::BUFFER, move |_, info| {
        if let Some(buffer) = info.buffer_mut() {
            delimit(codec, &start(buffer), buffer);
        }
        gst::PadProbeReturn::Ok
    });
}

/// The first bytes of a frame.
pub(crate) fn start(frame: &gst::BufferRef) -> [u8; 8] {
    let mut start = [0; 8];
    let length = start.len().min(frame.size());
    let _ = frame.copy_to_slice(0, &mut start[..length]);
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_begins_with_one_delimiter() {
        gst::init().unwrap();
        let cases: [(Codec, &[u8], &[u8]); 4] = [
            (Codec::H264, &[0, 0, 0, 1, 0x65, 0x88], AVC_DELIMITER),
            (Codec::H264, &[0, 0, 1, 0x09, 0x10, 0, 0, 1, 0x65], &[]),
            (Codec::H265, &[0, 0, 0, 1, 0x26, 1, 0xaf], HEVC_DELIMITER),
            (Codec::H265, &[0, 0, 1, 0x46, 1, 0x10, 0, 0, 1, 0x26], &[]),
        ];
        for (codec, frame, delimiter) in cases {
            let mut buffer = gst::Buffer::from_slice(frame);
            let first = start(&buffer);
            delimit(codec, &first, &mut buffer);
            let map = buffer.map_readable().unwrap();
            assert_eq!(*map, [delimiter, frame].concat(), "{codec:?}");
        }
    }
}
