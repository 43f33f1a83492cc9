// SPDX-License-Identifier: MPL-2.0
//! VP8 and VP9, which have a descriptor before each piece of a frame.

use super::*;
use crate::vdoroomsrc::media::payload::is_vp9_keyframe;

/// A keyframe of 320x180 whose first partition has two bytes.
const KEY: [u8; 14] = [0x10, 0x50, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0xb4, 0, 1, 2, 3];
const INTER: [u8; 7] = [0x10, 0x51, 0, 0, 1, 2, 3];

fn described(descriptor: &[u8]) -> Vec<u8> {
    [descriptor, &KEY[1..]].concat()
}

fn changed(at: usize, byte: u8) -> Vec<u8> {
    let mut frame = KEY;
    frame[at] = byte;
    frame.to_vec()
}

#[test]
fn a_packet_of_vp8_is_what_rfc_7741_says() {
    for (payload, good) in [
        (KEY.to_vec(), true),
        (INTER.to_vec(), true),
        // Each field of the descriptor: PictureID, long PictureID, TL0PICIDX, TID.
        (described(&[0x90, 0]), true),
        (described(&[0x90, 0x80, 5]), true),
        (described(&[0x90, 0x80, 0x85, 5]), true),
        (described(&[0x90, 0xf0, 0x85, 5, 1, 2]), true),
        // Cut short within the descriptor, and right behind it.
        (vec![0x10], false),
        (vec![0x90], false),
        (vec![0x90, 0x80], false),
        (vec![0x90, 0x80, 0x85], false),
        (vec![0x90, 0xf0, 0x85, 5, 1], false),
        (vec![0x90, 0xf0, 0x85, 5, 1, 2], false),
        // No frame of VP8: version, start code, size, length.
        (changed(1, 0x58), false),
        (changed(4, 0x9e), false),
        (changed(6, 0), false),
        (
            changed(7, 0)
                .into_iter()
                .enumerate()
                .map(|(at, b)| if at == 8 { 0 } else { b })
                .collect(),
            false,
        ),
        (changed(9, 0), false),
        (KEY[..10].to_vec(), false),
        (KEY[..12].to_vec(), false),
        (INTER[..3].to_vec(), false),
        (INTER[..5].to_vec(), false),
    ] {
        assert_eq!(is_good("VP8", &payload), good, "{payload:x?}");
    }
}

#[test]
fn frames_of_vp8_pass_from_the_first_packet_to_the_last() {
    let more: &[u8] = &[0, 9];
    let judged = |packets: &[_]| verdicts("VP8", packets);
    let whole = [(1, false, &KEY[..]), (1, true, more), (2, true, &INTER)];
    assert_eq!(judged(&whole), [Verdict::Good; 3]);
    assert_eq!(judged(&whole[1..]), [Verdict::Orphan, Verdict::Good]);
    // Without a beginning, in another frame's time, without an end.
    assert!(is_broken(judged(&[whole[2], (2, true, more)]).last()));
    assert!(is_broken(judged(&[whole[0], (2, true, more)]).last()));
    assert!(is_cut(judged(&[whole[0], whole[2]]).last()));
}

const VP9_KEY: &[u8] = &[0x82, 0x49, 0x83, 0x42, 0];
const VP9_INTER: &[u8] = &[0x86, 0, 0];

fn vp9(descriptor: &[u8], frame: &[u8]) -> Vec<u8> {
    [descriptor, frame].concat()
}

#[test]
fn a_packet_of_vp9_is_what_rfc_9628_says() {
    // One layer of 320x180, one group of two frames.
    let structure = [0x0a, 0x18, 1, 0x40, 0, 0xb4, 2, 0x04, 1, 0x08, 1, 2];
    for (payload, good) in [
        (vp9(&[0x08], VP9_KEY), true),
        (vp9(&[0x48], VP9_INTER), true),
        (vp9(&[0x88, 5], VP9_KEY), true),
        (vp9(&[0x88, 0x85, 5], VP9_KEY), true),
        (vp9(&[0xa8, 5, 0, 1], VP9_KEY), true),
        (vp9(&[0xd8, 5, 3, 3, 2], VP9_INTER), true),
        (vp9(&structure, VP9_KEY), true),
        // Cut short.
        (vec![0x08], false),
        (vec![0x88], false),
        (vec![0x88, 0x85], false),
        (vec![0x88, 0x85, 5], false),
        (vec![0xa8, 5, 0], false),
        (vec![0xa8, 5, 0, 1], false),
        (vec![0xd8, 5, 3], false),
        (structure[..3].to_vec(), false),
        (structure[..6].to_vec(), false),
        (structure[..9].to_vec(), false),
        (structure.to_vec(), false),
        // Four references; no frame of VP9.
        (vp9(&[0xd8, 5, 3, 3, 3, 2], VP9_INTER), false),
        (vp9(&[0x08], &[0x42, 0x49, 0x83, 0x42, 0]), false),
        (vp9(&[0x08], &[0x82, 0x49, 0x83, 0x43, 0]), false),
        (vp9(&[0x08], &[0x82, 0x49]), false),
        (vp9(&[0x48], &[0xba, 0, 0]), false),
    ] {
        assert_eq!(is_good("VP9", &payload), good, "{payload:x?}");
    }
}

#[test]
fn frames_of_vp9_pass_from_the_first_packet_to_the_last() {
    let begins = vp9(&[0x08], VP9_KEY);
    let ends = vec![0x04, 9];
    let next = vp9(&[0x4c], VP9_INTER);
    let judged = |packets: &[_]| verdicts("VP9", packets);
    let whole = [
        (1, false, begins.as_slice()),
        (1, true, ends.as_slice()),
        (2, true, next.as_slice()),
    ];
    assert_eq!(judged(&whole), [Verdict::Good; 3]);
    assert_eq!(judged(&whole[1..]), [Verdict::Orphan, Verdict::Good]);
    assert!(is_broken(judged(&[whole[2], (2, true, &ends)]).last()));
    assert!(is_cut(judged(&[whole[0], whole[2]]).last()));
}

#[test]
fn layers_of_a_picture_pass_from_the_lowest_to_the_highest() {
    let [low, high] = [0, 2].map(|layer| vp9(&[0x3c, layer], VP9_KEY));
    let judged = |packets: &[_]| verdicts("VP9", packets);
    let (low, high) = ((1, false, low.as_slice()), (1, true, high.as_slice()));
    assert_eq!(judged(&[low, high]), [Verdict::Good; 2]);
    assert!(is_broken(judged(&[low, low]).last()));
    assert_eq!(judged(&[high]), [Verdict::Orphan]);
}

#[test]
fn a_layer_without_the_end_of_the_one_below_is_broken() {
    let low = vp9(&[0x38, 0], VP9_KEY);
    let high = vp9(&[0x3c, 2], VP9_KEY);
    let judged = |packets: &[_]| verdicts("VP9", packets);
    let packets = [(1, false, low.as_slice()), (1, true, high.as_slice())];
    assert!(is_broken(judged(&packets).last()));
    // The next picture is.
    assert!(is_cut(judged(&[packets[0], (2, true, &low)]).last()));
}

#[test]
fn the_pieces_of_a_picture_tell_where_its_frames_begin() {
    let mut payload = Payload::of(Codec::by_name("VP9").unwrap());
    let mut piece = |timestamp, marker, payload_bytes: &[u8]| {
        payload.check(&Packet {
            timestamp,
            marker,
            payload: payload_bytes,
            follows: true,
        });
        payload.piece()
    };
    let good = |begins_picture, begins_frame, bytes, layer_at| {
        Some(Piece {
            begins_picture,
            begins_frame,
            bytes,
            layer_at,
        })
    };
    // With a long PictureID, in two packets each.
    let [low, high] = [0, 2].map(|layer| vp9(&[0xb8, 0x85, 1, layer], VP9_KEY));
    let end = |layer| [0xb4, 0x85, 1, layer, 9, 9];
    assert_eq!(piece(1, false, &low), good(true, true, 5, None));
    assert_eq!(piece(1, false, &end(0)), good(false, false, 2, None));
    assert_eq!(piece(1, false, &high), good(false, true, 5, Some(3)));
    assert_eq!(piece(1, true, &end(2)), good(false, false, 2, None));
    // A picture may have no lower layer (RFC 9628 section 3.1): nothing depends on one then.
    assert_eq!(piece(2, false, &high), good(true, true, 5, None));
    assert_eq!(piece(2, true, &[0xb4]), None);
}

#[test]
fn a_keyframe_of_vp9_is_known_by_its_sync_code() {
    for (frame, is_key) in [
        (&[0x82, 0x49, 0x83, 0x42][..], true),
        (&[0x82, 0x49, 0x83, 0x43], false),
        // An inter frame, one that shows another, and an intra-only one.
        (&[0x86, 0x49, 0x83, 0x42], false),
        (&[0x88, 0x49, 0x83, 0x42], false),
        (&[0x84, 0x49, 0x83, 0x42], false),
        // Profile 3, whose header is a bit longer.
        (&[0xb1, 0x49, 0x83, 0x42], true),
        (&[0xb2, 0x49, 0x83, 0x42], false),
        (&[], false),
    ] {
        assert_eq!(is_vp9_keyframe(frame), is_key, "{frame:x?}");
    }
}
