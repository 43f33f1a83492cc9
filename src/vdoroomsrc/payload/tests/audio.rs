// SPDX-License-Identifier: MPL-2.0
//! Opus, and samples without a form.

use super::*;

#[test]
fn a_packet_of_opus_is_what_rfc_6716_says() {
    // 20 ms of CELT in stereo, with the code of how many frames there are.
    let toc = |code: u8| 0xfc | code;
    let long = vec![0; 1276];
    for (payload, good) in [
        // One frame, also of no bytes.
        (vec![toc(0)], true),
        (vec![toc(0), 1, 2], true),
        ([&[toc(0)][..], &long[..1275]].concat(), true),
        ([&[toc(0)][..], &long].concat(), false),
        // Two of the same length.
        (vec![toc(1), 1, 2], true),
        (vec![toc(1), 1, 2, 3], false),
        // Two of any length.
        (vec![toc(2), 1, 1, 2, 3], true),
        (vec![toc(2)], false),
        (vec![toc(2), 3, 1, 2], false),
        (vec![toc(2), 252], false),
        // Any number: none, six of them, more than 120 ms.
        (vec![toc(3)], false),
        (vec![toc(3), 0], false),
        (vec![toc(3), 6, 1, 2, 3, 4, 5, 6], true),
        (vec![toc(3), 7, 1, 2, 3, 4, 5, 6, 7], false),
        (vec![toc(3), 6, 1, 2, 3, 4, 5], false),
        // Each with its length.
        (vec![toc(3), 0x83, 1, 2, 1, 2, 3, 4], true),
        (vec![toc(3), 0x83, 1, 2, 1, 2], false),
        (vec![toc(3), 0x83, 1], false),
        // Padding.
        (vec![toc(3), 0x42, 2, 1, 2, 0, 0], true),
        (vec![toc(3), 0x42, 3, 1, 2], false),
        (vec![toc(3), 0x42, 255], false),
        // 60 ms of SILK twice, and three times.
        (vec![0x1b, 2, 1, 2], true),
        (vec![0x1b, 3, 1, 2, 3], false),
    ] {
        assert_eq!(is_good("OPUS", &payload), good, "{payload:x?}");
    }
}

#[test]
fn samples_are_any_bytes() {
    for codec in ["PCMU", "PCMA", "G722"] {
        assert!(is_good(codec, &[0]), "{codec}");
    }
}
