// SPDX-License-Identifier: MPL-2.0
//! Headers are read, frames are hidden, superframes have their index.

use super::*;

/// As libvpx begins them, in Chromium's L2T1: a keyframe, the layer above it, and the lower one
/// of the next picture.
const KEY: [u8; 27] = [
    0x83, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x38, 0x13, 0xf8, 0x0b, 0x38, 0x50, 0xe0, 0x90,
    0x70, 0x63, 0x58, 0x00, 0x0c, 0x00, 0x5f, 0x7f, 0x87, 0xbf, 0xcb,
];
const ABOVE: [u8; 35] = [
    0x87, 0x02, 0x02, 0x00, 0x04, 0xfe, 0x02, 0xce, 0xb2, 0x71, 0xc1, 0x20, 0xe0, 0xcb, 0x40, 0x00,
    0x0a, 0xc0, 0x7f, 0x91, 0xe4, 0x48, 0x57, 0xde, 0xb5, 0xee, 0xbd, 0xbd, 0xd9, 0x33, 0x39, 0xeb,
    0xb6, 0xae, 0xd9,
];
const NEXT: [u8; 35] = [
    0x87, 0x01, 0x00, 0x0c, 0x09, 0xfc, 0x05, 0x9e, 0xc5, 0xc7, 0x04, 0x83, 0x83, 0x2c, 0x47, 0x80,
    0xc0, 0x60, 0x30, 0x18, 0x0c, 0x06, 0x03, 0x01, 0x80, 0xc0, 0x60, 0xa0, 0x45, 0x46, 0x00, 0x00,
    0x00, 0x00, 0x24,
];

fn superframe(references: &mut References, frames: &[&[u8]]) -> Superframe {
    let lengths: Vec<usize> = frames.iter().map(|frame| frame.len()).collect();
    references.superframe(&frames.concat(), &lengths).unwrap()
}

#[test]
fn a_header_tells_the_size_of_its_frame() {
    let mut references = References::default();
    let key = references.frame(&KEY).unwrap();
    assert_eq!(
        (key.is_key, key.is_shown, key.size),
        (true, true, (320, 180))
    );
    let above = references.frame(&ABOVE).unwrap();
    assert_eq!((above.is_key, above.size), (false, (640, 360)));
    // This one has the size of one that it refers to.
    assert_eq!(references.frame(&NEXT).unwrap().size, (320, 180));
    assert_eq!(References::default().frame(&NEXT), None);
}

#[test]
fn of_the_frames_in_a_superframe_only_the_last_is_shown() {
    let mut references = References::default();
    let picture = superframe(&mut references, &[&KEY, &ABOVE]);
    let mut hidden = KEY;
    hidden[0] = 0x81;
    // Two frames, one byte for the length of each.
    let index: &[u8] = &[0xc1, 27, 35, 0xc1];
    assert_eq!(picture.data, [&hidden[..], &ABOVE, index].concat());
    assert_eq!((picture.size, picture.is_key), (Some((640, 360)), true));

    let before = references;
    let shown = references.frame(&NEXT).unwrap();
    let mut references = before;
    let picture = superframe(&mut references, &[&NEXT, &ABOVE]);
    let [.., first, _, _] = picture.data.as_slice() else {
        panic!("{picture:x?}");
    };
    let first = usize::from(*first);
    assert!([35, 36].contains(&first), "{first}");
    let (mut references, written) = (before, &picture.data[..first]);
    let hidden = references.frame(written).unwrap();
    let expected = Header {
        is_shown: false,
        bits: shown.bits + 1,
        ..shown
    };
    assert_eq!(hidden, expected);
    let behind = |frame: &[u8], header: Header| frame[header.bits.div_ceil(8)..].to_vec();
    assert_eq!(behind(written, hidden), behind(&NEXT, shown));
    assert_eq!((picture.size, picture.is_key), (Some((640, 360)), false));
}

#[test]
fn a_frame_on_which_motion_is_predicted_stays_shown() {
    // As `NEXT`, without `error_resilient_mode`.
    let follows = |frame: Header| Header {
        may_follow_shown: true,
        ..frame
    };
    let mut references = References::default();
    let key = references.frame(&KEY).unwrap();
    let above = references.frame(&ABOVE).unwrap();
    let next = references.frame(&NEXT).unwrap();
    assert!(key.can_be_hidden(&next));
    assert!(!key.can_be_hidden(&follows(next)));
    assert!(key.can_be_hidden(&follows(above)));
}

#[test]
fn lengths_take_as_many_bytes_as_the_longest() {
    let mut data = vec![];
    add_index(&mut data, &[0x12, 0x3456, 7]);
    assert_eq!(data, [0xca, 0x12, 0, 0x56, 0x34, 7, 0, 0xca]);
}

#[test]
fn what_is_no_picture_gives_none() {
    let mut references = References::default();
    assert_eq!(references.superframe(&KEY, &[20, 8]), None);
    assert_eq!(references.superframe(&KEY, &[20, 6]), None);
    assert_eq!(references.superframe(&[1; 9], &[1; 9]), None);
    assert_eq!(references.superframe(&[], &[]), None);
}

proptest::proptest! {
    #[test]
    fn no_bytes_do_harm(
        frames in proptest::collection::vec(
            proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40),
            1..8,
        ),
        begins in proptest::prelude::any::<bool>(),
    ) {
        let mut references = References::default();
        references.frame(&KEY);
        let mut frames = frames;
        if begins {
            // Beyond what all frames begin with.
            for frame in &mut frames {
                frame.splice(..0, [0x87, 0x02]);
            }
        }
        let lengths: Vec<usize> = frames.iter().map(Vec::len).collect();
        let picture = references.superframe(&frames.concat(), &lengths).unwrap();
        assert!(picture.data.len() >= frames.concat().len());
    }
}
