// SPDX-License-Identifier: MPL-2.0

use super::*;

/// A frame OBU without a size, and one that says it has three bytes.
const OBU: [u8; 4] = [0x30, 1, 2, 3];
const SIZED: [u8; 5] = [0x32, 3, 1, 2, 3];

fn packet(header: u8, rest: &[u8]) -> Vec<u8> {
    [&[header], rest].concat()
}

#[test]
fn a_packet_of_av1_is_what_its_specification_says() {
    for (payload, good) in [
        // One OBU; several with lengths before them, or before all but the last.
        (packet(0x10, &OBU), true),
        (packet(0x18, &SIZED), true),
        (packet(0x00, &[4, 0x30, 1, 2, 3, 2, 0x30, 1]), true),
        (packet(0x20, &[2, 0x30, 1, 0x30, 1, 2]), true),
        // With an extension of its header.
        (packet(0x10, &[0x34, 0x08, 1]), true),
        // Two OBUs in one element, as Pion makes them.
        (packet(0x10, &[0x12, 0, 0x32, 1, 7]), true),
        // Nothing, fewer OBUs than there should be, OBUs of no bytes.
        (packet(0x10, &[]), false),
        (packet(0x00, &[]), false),
        (packet(0x20, &[4, 0x30, 1, 2, 3]), false),
        (packet(0x20, &[0, 0x30, 1]), false),
        // Lengths beyond the packet, and beyond any number.
        (packet(0x00, &[5, 0x30, 1, 2, 3]), false),
        (packet(0x20, &[9, 0x30, 1, 0x30]), false),
        (packet(0x00, &[0xff, 0xff, 0xff, 0xff, 0xff]), false),
        (packet(0x00, &[0xff; 9]), false),
        // OBUs that say they are longer, whose header is cut, that have the forbidden bit.
        (packet(0x10, &SIZED[..4]), false),
        (packet(0x10, &[0x32, 0xff, 0xff, 0xff, 0xff, 0x0f]), false),
        (packet(0x10, &[0x32]), false),
        (packet(0x10, &[0x34]), false),
        (packet(0x10, &[0xb0, 1]), false),
        (packet(0x10, &[0x12, 0, 0x32, 4, 7]), false),
        // A sequence that begins within an OBU, a frame that ends within one.
        (packet(0x98, &OBU), false),
        (packet(0x50, &OBU), false),
    ] {
        assert_eq!(is_good("AV1", &payload), good, "{payload:x?}");
    }
}

#[test]
fn fragments_of_an_obu_pass_from_the_first_to_the_last() {
    let first = packet(0x50, &SIZED[..3]);
    let last = packet(0x90, &SIZED[3..]);
    let (first, last) = ((1, false, first.as_slice()), (1, true, last.as_slice()));
    let whole = packet(0x10, &OBU);
    let whole = (2, true, whole.as_slice());
    let judged = |packets: &[_]| verdicts("AV1", packets);
    assert_eq!(judged(&[first, last, whole]), [Verdict::Good; 3]);
    assert_eq!(judged(&[last, whole]), [Verdict::Orphan, Verdict::Good]);
    assert!(is_broken(judged(&[whole, last]).last()));
    assert!(is_broken(judged(&[first, (2, true, last.2)]).last()));
    assert!(is_cut(judged(&[first, whole]).last()));
    // One byte is missing.
    let short = packet(0x90, &SIZED[4..]);
    assert!(is_broken(judged(&[first, (1, true, &short)]).last()));
}
