// SPDX-License-Identifier: MPL-2.0
//! Headers of units of a track (PES packets, ISO/IEC 13818-1 section 2.4.3.6).

use super::packet::wrapped;

/// What comes before its optional fields does not count in a unit's length.
const UNCOUNTED: usize = 6;
/// Each unit begins with a frame.
const FLAGS: u8 = 0x84;

/// The header of a unit with a payload of this many bytes. Times are in 1/90 000 s; `dts` is only there
/// if it differs.
pub(super) fn header(stream_id: u8, payload: usize, pts: i64, dts: Option<i64>) -> Vec<u8> {
    let mut header = Vec::with_capacity(19);
    let fields = if dts.is_some() { 10 } else { 5 };
    let length = 3 + fields + payload;
    header.extend_from_slice(&[0, 0, 1, stream_id]);
    // 0 for one that is too long to say: allowed of video alone, and nothing else is.
    header.extend_from_slice(&u16::try_from(length).unwrap_or(0).to_be_bytes());
    header.extend_from_slice(&[FLAGS, if dts.is_some() { 0xc0 } else { 0x80 }]);
    header.push(fields as u8);
    match dts {
        None => header.extend(time(2, pts)),
        Some(dts) => {
            header.extend(time(3, pts));
            header.extend(time(1, dts));
        }
    }
    debug_assert_eq!(header.len(), UNCOUNTED + 3 + fields);
    header
}

/// 33 bits among markers.
fn time(kind: u8, time: i64) -> [u8; 5] {
    let time = wrapped(time);
    let marked = |bits: u64| ((bits << 1 | 1) as u16).to_be_bytes();
    let [high, low] = marked(time >> 15 & 0x7fff);
    let [higher, lower] = marked(time & 0x7fff);
    let top = kind << 4 | (time >> 30 << 1) as u8 | 1;
    [top, high, low, higher, lower]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_their_bits_among_markers() {
        assert_eq!(time(2, (1 << 33) - 1), [0x2f, 0xff, 0xff, 0xff, 0xff]);
        assert_eq!(time(3, 1 << 15), [0x31, 0, 3, 0, 1]);
        assert_eq!(time(1, 1), [0x11, 0, 1, 0, 3]);
        assert_eq!(time(2, 1 << 33), time(2, 0));
    }

    #[test]
    fn a_length_is_told_if_it_can_be() {
        let short = header(0xbd, 100, 0, None);
        assert_eq!(short[..9], [0, 0, 1, 0xbd, 0, 108, 0x84, 0x80, 5]);
        let long = header(0xe0, 70_000, 0, Some(1));
        assert_eq!(long[..9], [0, 0, 1, 0xe0, 0, 0, 0x84, 0xc0, 10]);
        assert_eq!(long.len(), 19);
    }
}
