// SPDX-License-Identifier: MPL-2.0
//! H.264 and H.265, whose fragments are alike.

use super::*;

const SPS: &[u8] = &[0x67, 0x42, 0xc0, 0x1f, 0xda, 0x02];
const START: &[u8] = &[0x7c, 0x85, 0x88, 0x01];
const MIDDLE: &[u8] = &[0x7c, 0x05, 0x02];
const END: &[u8] = &[0x7c, 0x45, 0x03];
const SLICE: &[u8] = &[0x41, 0x9a, 0x01];

#[test]
fn a_packet_of_h264_is_what_rfc_6184_says() {
    for (payload, good) in [
        (SPS, true),
        (&[0x68, 0xce, 0x3c, 0x80][..], true),
        (SLICE, true),
        (&[0x78, 0, 2, 0x09, 0x10, 0, 3, 0x41, 0x9a, 1], true),
        // The forbidden bit, types that mean nothing, the interleaved mode.
        (&[0xe7, 0x42, 0xc0, 0x1f, 0xda], false),
        (&[0x60, 1], false),
        (&[0x7e, 1], false),
        (&[0x7f, 1], false),
        (&[0x79, 0, 1, 0, 2, 0x09, 0x10], false),
        (&[0x7a, 0, 1, 0, 2, 0, 0, 0x09, 0x10], false),
        (&[0x7b, 0, 1, 0, 2, 0, 0, 0, 0x09, 0x10], false),
        (&[0x7d, 0x85, 0, 1, 0x88, 1], false),
        // Aggregations: of nothing, of a unit of no bytes, longer than the packet, cut short, in
        // each other, of a fragment.
        (&[0x78], false),
        (&[0x78, 0, 0], false),
        (&[0x78, 0, 9, 0x41, 0x9a], false),
        (&[0x78, 0, 2, 0x41, 0x9a, 0], false),
        (&[0x78, 0, 5, 0x78, 0, 2, 0x41, 0x9a], false),
        (&[0x78, 0, 4, 0x7c, 0x85, 0x88, 1], false),
        // Slices and parameter sets that end too soon, or number more than there may be.
        (&[0x41], false),
        (&[0x67, 0x42, 0xc0, 0x1f], false),
        (&[0x67, 0x42, 0xc0, 0x1f, 0x00, 0x10], false),
        (&[0x68], false),
        (&[0x68, 0x00, 0x40, 0x40], false),
        (&[0x7c], false),
        (&[0x7c, 0x80], false),
        (&[0x7c, 0x9c, 1], false),
    ] {
        assert_eq!(is_good("H264", payload), good, "{payload:x?}");
    }
}

#[test]
fn fragments_of_h264_pass_from_the_first_to_the_last() {
    let packets = [START, MIDDLE, END, SLICE].map(|payload| (1, false, payload));
    assert_eq!(verdicts("H264", &packets), [Verdict::Good; 4]);
}

#[test]
fn fragments_whose_beginning_is_lost_are_of_no_use() {
    let packets = [MIDDLE, END, SLICE].map(|payload| (1, false, payload));
    let expected = [Verdict::Orphan, Verdict::Orphan, Verdict::Good];
    assert_eq!(verdicts("H264", &packets), expected);
}

#[test]
fn fragments_that_never_had_a_beginning_are_broken() {
    let verdicts = verdicts("H264", &[SLICE, MIDDLE].map(|payload| (1, false, payload)));
    assert!(is_broken(verdicts.last()), "{verdicts:?}");
}

#[test]
fn fragments_without_an_end_are_told_by_what_comes_next() {
    for next in [SLICE, START] {
        let verdicts = verdicts("H264", &[START, MIDDLE, next].map(|p| (1, false, p)));
        assert!(is_cut(verdicts.last()), "{verdicts:?}");
    }
}

#[test]
fn fragments_of_different_nal_units_are_not_put_together() {
    let another_kind = (1, false, &[0x7c, 0x41, 3][..]);
    for second in [another_kind, (2, false, MIDDLE)] {
        let verdicts = verdicts("H264", &[(1, false, START), second]);
        assert!(is_broken(verdicts.last()), "{verdicts:?}");
    }
}

#[test]
fn a_packet_of_h265_is_what_rfc_7798_says() {
    let vps = [0x40, 1, 0x0c, 1];
    let sps = [&[0x42, 1][..], &[1; 14]].concat();
    let aggregated = [&[0x60, 1, 0, 4][..], &vps, &[0, 16], &sps].concat();
    for (payload, good) in [
        (&vps[..], true),
        (&sps, true),
        (&aggregated, true),
        (&[0x26, 1, 0xaf], true),
        (&[0x62, 1, 0x93, 0xaf], true),
        // Temporal ID 0, as GStreamer sends it.
        (&[0x40, 0, 0x0c, 1], true),
        // The forbidden bit, PACI, types that mean nothing.
        (&[0xc0, 1, 0x0c, 1], false),
        (&[0x64, 1, 0, 0, 1], false),
        (&[0x7e, 1, 1], false),
        // Cut short.
        (&[0x40], false),
        (&[0x26, 1], false),
        (&sps[..15], false),
        (&aggregated[..19], false),
        (&[0x60, 1], false),
        (&[0x60, 1, 0, 0], false),
        (&[0x60, 1, 0, 6, 0x60, 1, 0, 2, 0x40, 1], false),
        (&[0x62, 1], false),
        (&[0x62, 1, 0xb0, 1], false),
        (&[0x62, 1, 0xa1, 1, 1], false),
    ] {
        assert_eq!(is_good("H265", payload), good, "{payload:x?}");
    }
}

#[test]
fn fragments_of_h265_are_held_to_the_same_rules() {
    let start: &[u8] = &[0x62, 1, 0x93, 0xaf];
    let middle: &[u8] = &[0x62, 1, 0x13, 2];
    let end: &[u8] = &[0x62, 1, 0x53, 3];
    let slice: &[u8] = &[0x02, 1, 0xd0];
    let judged = |payloads: &[&[u8]]| {
        let packets: Vec<_> = payloads.iter().map(|p| (1, false, *p)).collect();
        verdicts("H265", &packets)
    };
    assert_eq!(judged(&[start, middle, end, slice]), [Verdict::Good; 4]);
    assert_eq!(judged(&[middle, end]), [Verdict::Orphan; 2]);
    assert!(is_broken(judged(&[slice, middle]).last()));
    assert!(is_broken(judged(&[start, &[0x62, 1, 0x41, 3]]).last()));
    assert!(is_cut(judged(&[start, middle, slice]).last()));
}
