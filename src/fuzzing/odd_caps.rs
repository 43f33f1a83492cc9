// SPDX-License-Identifier: MPL-2.0
//! Caps that no encoder gives.

const NUMBERS: [i32; 8] = [0, 1, -1, 2, 255, 65_536, i32::MAX, i32::MIN];

/// `caps` with something wrong.
pub(super) fn odd(caps: &gst::Caps, [a, b]: [u8; 2]) -> gst::Caps {
    let mut caps = caps.clone();
    let number = NUMBERS[usize::from(b) % NUMBERS.len()];
    let Some(structure) = caps.make_mut().structure_mut(0) else {
        return caps;
    };
    match a % 14 {
        0 => structure.set("width", number),
        1 => structure.set("height", number),
        2 => structure.set("rate", number),
        3 => structure.set("channels", number),
        4 => structure.set("framerate", gst::Fraction::new(number.max(0), 1)),
        5 => structure.set("pixel-aspect-ratio", gst::Fraction::new(1, number.max(1))),
        6 => structure.remove_field("codec_data"),
        7 => structure.set("codec_data", changed(structure, [a, b])),
        8 => structure.set(
            "codec_data",
            gst::Buffer::from_slice(vec![b; (a / 14).into()]),
        ),
        9 => structure.set("streamheader", headers([a, b])),
        10 => structure.set(
            "stream-format",
            if b % 2 == 0 { "byte-stream" } else { "avc" },
        ),
        11 => structure.set("alignment", if b % 2 == 0 { "nal" } else { "none" }),
        12 => structure.set("channel-mapping-family", i32::from(b)),
        _ => structure.remove_fields(["stream-format", "alignment", "rate", "width", "height"]),
    }
    caps
}

/// The codec's data with a byte changed or without its end.
fn changed(structure: &gst::StructureRef, [a, b]: [u8; 2]) -> gst::Buffer {
    let data = structure.get::<gst::Buffer>("codec_data").ok();
    let data = data.and_then(|buffer| Some(buffer.map_readable().ok()?.to_vec()));
    let mut data = data.unwrap_or_else(|| vec![1; 24]);
    super::bytes::change(&mut data, 0, a / 14, [b, b.rotate_left(3)]);
    gst::Buffer::from_slice(data)
}

/// Headers of an Ogg stream, of some length.
fn headers([a, b]: [u8; 2]) -> gst::Array {
    let mut head = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\0\0".to_vec();
    super::bytes::change(&mut head, 8, a / 14, [b, b.rotate_left(3)]);
    let buffers = [head, vec![b; b.into()]].map(gst::Buffer::from_slice);
    gst::Array::new(buffers)
}
